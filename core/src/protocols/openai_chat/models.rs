//! The list of models, with the words of local servers for the size of the context.

use serde::Deserialize;

use crate::{
    error::{Error, Result},
    protocols::Listed,
};

#[derive(Deserialize)]
struct List {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    created: Option<u64>,
    /// vLLM and SGLang.
    #[serde(default)]
    max_model_len: Option<u64>,
    /// Routers.
    #[serde(default)]
    context_length: Option<u64>,
    /// llama.cpp.
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    n_ctx_train: Option<u64>,
}

/// The models of a list.
pub(in crate::protocols) fn models(body: &[u8]) -> Result<Vec<Listed>> {
    let list: List = serde_json::from_slice(body).map_err(|error| Error::decode(format!("not a list of models: {error}")))?;
    let listed = |entry: Entry| Listed {
        id: entry.id,
        created: entry.created,
        context_length: entry.max_model_len.or(entry.context_length).or(entry.meta.and_then(|meta| meta.n_ctx_train)),
    };
    Ok(list.data.into_iter().map(listed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_names_the_context_its_own_way() {
        let body = br#"{"object": "list", "data": [
            {"id": "a", "object": "model", "created": 1, "owned_by": "vllm", "max_model_len": 4096},
            {"id": "b", "object": "model", "meta": {"n_ctx_train": 8192, "n_params": 1}},
            {"id": "c"}]}"#;
        let found: Vec<_> =
            models(body).expect("a list").into_iter().map(|model| (model.id, model.created, model.context_length)).collect();
        assert_eq!(found, [("a".to_owned(), Some(1), Some(4096)), ("b".to_owned(), None, Some(8192)), ("c".to_owned(), None, None)]);
        assert!(models(b"{}").is_err());
    }
}
