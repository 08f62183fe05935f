//! `embedContent` and `batchEmbedContents`, and Vertex's `predict`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error::Result,
    protocols::{
        EmbedCall, Embedded, Embedder, Encoded,
        embed::{Floats, Purpose, missing, parse, usage},
        loose::{Count, Object},
    },
};

/// Gemini embeddings.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocols) struct GeminiEmbeddings;

/// How a request is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    /// Many contents at once.
    Batch,
    /// One content, on Vertex.
    Content,
    /// Instances of Vertex's older models.
    Predict,
}

impl Form {
    fn of(call: &EmbedCall<'_>) -> Self {
        let predicts = call.provider.quirks.embeddings_path.as_deref().is_some_and(|path| path.ends_with(":predict"));
        match predicts {
            false => Self::Batch,
            // Models since this one have left `predict` behind.
            true if call.endpoint.upstream.starts_with("gemini-embedding-2") => Self::Content,
            true => Self::Predict,
        }
    }
}

/// The kind of task, in Gemini's words.
fn task(call: &EmbedCall<'_>) -> Option<String> {
    Some(match call.purpose()? {
        Purpose::Query => "RETRIEVAL_QUERY".to_owned(),
        Purpose::Document => "RETRIEVAL_DOCUMENT".to_owned(),
        Purpose::Classification => "CLASSIFICATION".to_owned(),
        Purpose::Clustering => "CLUSTERING".to_owned(),
        Purpose::Other(word) => word.to_ascii_uppercase(),
    })
}

impl Embedder for GeminiEmbeddings {
    fn most_inputs(&self, call: &EmbedCall<'_>) -> usize {
        match Form::of(call) {
            Form::Batch => 100,
            Form::Content => 1,
            Form::Predict if call.endpoint.upstream.starts_with("gemini-embedding") => 1,
            // Every region takes this many.
            Form::Predict => 5,
        }
    }

    fn encode(&self, call: &EmbedCall<'_>) -> Result<Encoded> {
        let (texts, task, dimensions) = (call.texts()?, task(call), call.request.dimensions);
        let put = |mut value: Value, task_name: &str, dimensions_name: Option<&str>| {
            if let Some(task) = &task {
                value[task_name] = task.as_str().into();
            }
            if let (Some(name), Some(dimensions)) = (dimensions_name, dimensions) {
                value[name] = dimensions.into();
            }
            value
        };
        let content = |text: &str| put(json!({"content": {"parts": [{"text": text}]}}), "taskType", Some("outputDimensionality"));
        let request = match Form::of(call) {
            Form::Content => {
                let body = texts.first().copied().map(content).unwrap_or_default();
                let path = "/models/{model}:embedContent";
                super::super::post(call.provider, call.endpoint, call.base_url, call.options, path, body.to_string())?
            }
            Form::Batch => {
                let model = format!("models/{}", call.endpoint.upstream);
                let one = |text| {
                    let mut one = content(text);
                    one["model"] = model.as_str().into();
                    one
                };
                let body = json!({"requests": texts.into_iter().map(one).collect::<Vec<_>>()});
                call.post("/models/{model}:batchEmbedContents", body.to_string())?
            }
            Form::Predict => {
                let instances: Vec<_> = texts.into_iter().map(|text| put(json!({"content": text}), "task_type", None)).collect();
                let mut body = json!({"instances": instances});
                if let Some(dimensions) = dimensions {
                    body["parameters"] = json!({"outputDimensionality": dimensions});
                }
                call.post("/models/{model}:predict", body.to_string())?
            }
        };
        Ok(Encoded { request, dropped: call.dropped(&["user"]) })
    }

    fn decode(&self, _: &EmbedCall<'_>, response: &http::Response<Bytes>) -> Result<Embedded> {
        let answer: Answer = parse(response)?;
        let mut counted = answer.usage_metadata.0.and_then(|usage| usage.prompt_token_count.0);
        let vectors = match (answer.embedding, answer.embeddings, answer.predictions) {
            (Some(one), _, _) => vec![one.values.0],
            (None, Some(many), _) => many.into_iter().map(|one| one.values.0).collect(),
            (None, None, Some(predictions)) => {
                let counts = || predictions.iter().map(|prediction| prediction.embeddings.statistics.0.as_ref()?.token_count.0);
                counted = counts().try_fold(0, |sum: u64, count| Some(sum.saturating_add(count?)));
                predictions.into_iter().map(|prediction| prediction.embeddings.values.0).collect()
            }
            (None, None, None) => return Err(missing(response, "embeddings")),
        };
        Ok(Embedded { id: None, model: None, vectors, usage: usage(counted) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    embedding: Option<Vector>,
    #[serde(default)]
    embeddings: Option<Vec<Vector>>,
    #[serde(default)]
    predictions: Option<Vec<Prediction>>,
    #[serde(default)]
    usage_metadata: Object<UsageMetadata>,
}

#[derive(Deserialize)]
struct Vector {
    values: Floats,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UsageMetadata {
    #[serde(default)]
    prompt_token_count: Count,
}

#[derive(Deserialize)]
struct Prediction {
    embeddings: Predicted,
}

#[derive(Deserialize)]
struct Predicted {
    values: Floats,
    #[serde(default)]
    statistics: Object<Statistics>,
}

#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    token_count: Count,
}
