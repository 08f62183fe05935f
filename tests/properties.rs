//! What holds of every decoder and every framing, whatever bytes come: no panic, no end without a word, the same at every
//! split, and nothing made up. The seeded test and the fuzz targets (`fuzz/`) check the same.

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    sync::Arc,
};

use bytes::Bytes;
use junto::{
    ChatChunk, ChatRequest,
    catalog::Endpoint,
    protocols::{
        self, Call,
        framing::{Aws, Events, JsonArray, JsonLines, Sse},
    },
    providers::{ProtocolName, Provider},
};

/// Every wire protocol.
pub const PROTOCOLS: [ProtocolName; 7] = [
    ProtocolName::Anthropic,
    ProtocolName::Bedrock,
    ProtocolName::Cohere,
    ProtocolName::Gemini,
    ProtocolName::Ollama,
    ProtocolName::OpenaiChat,
    ProtocolName::OpenaiResponses,
];

/// Checks one protocol's stream, whole answer and error of these bytes. The first one says how they are split.
///
/// # Panics
///
/// Where they break one of the promises.
pub fn decoder(protocol: ProtocolName, bytes: &[u8]) {
    let Some((step, bytes)) = bytes.split_first() else { return };
    let (provider, id, options): (_, Arc<str>, _) = (Provider { protocol, ..Provider::default() }, "gen-1".into(), BTreeMap::new());
    let (request, endpoint) = (ChatRequest::new("a/b").user("Hi"), Endpoint::unknown("a/b", "test", "b"));
    let call = Call {
        request: &request,
        endpoint: &endpoint,
        provider: &provider,
        base_url: "https://vendor.test",
        options: &options,
        stream: true,
        id: &id,
        created: 1,
    };
    let read = |step: usize| {
        let (mut decoder, mut out) = (protocols::by_name(protocol).decoder(&call), VecDeque::new());
        let result = bytes.chunks(step.max(1)).try_for_each(|piece| decoder.push(piece, &mut out));
        let result = result.and_then(|()| decoder.finish(&mut out));
        assert!(result.is_err() || decoder.is_done(), "a stream ends or fails");
        (out, result.err().map(|error| (error.kind(), error.message().to_owned())))
    };
    let whole = read(bytes.len());
    assert_eq!(read(usize::from(*step) + 1), whole, "another split gives another answer");
    well_formed(&whole.0, bytes.len());

    let response = http::Response::new(Bytes::copy_from_slice(bytes));
    if let Ok(answer) = protocols::by_name(protocol).decode(&call, &response) {
        assert!(answer.to_json().starts_with('{'), "an answer is JSON");
    }
    let (mut head, ()) = http::Response::new(()).into_parts();
    head.status = http::StatusCode::from_u16(400 + u16::from(*step)).unwrap_or_default();
    let error = protocols::by_name(protocol).decode_error(&head, bytes);
    assert!(!error.message().is_empty(), "an error says something");
}

/// All chunks have one id and model, and say no more than what came.
fn well_formed(chunks: &VecDeque<ChatChunk>, given: usize) {
    let Some(first) = chunks.front() else { return };
    let mut said = 0;
    for chunk in chunks {
        assert!(chunk.id == first.id && chunk.model == first.model && chunk.created == first.created, "one answer has one id and model");
        for choice in &chunk.choices {
            let texts = [&choice.delta.content, &choice.delta.reasoning, &choice.delta.refusal];
            said += texts.into_iter().flatten().map(String::len).sum::<usize>();
            let calls = choice.delta.tool_calls.iter().filter_map(|call| call.function.arguments.as_ref());
            said += calls.map(String::len).sum::<usize>();
        }
    }
    assert!(chunks.len() <= given + 64 && said <= 8 * given + 1024, "{given} bytes became {} chunks of {said} bytes", chunks.len());
}

/// Checks every framing of these bytes. The first one says how they are split.
///
/// # Panics
///
/// Where they break one of the promises.
pub fn framing(bytes: &[u8]) {
    let Some((step, bytes)) = bytes.split_first() else { return };
    let step = usize::from(*step) + 1;
    let same = |name: &str, read: &dyn Fn(usize) -> Vec<Vec<u8>>| {
        let whole = read(bytes.len().max(1));
        assert_eq!(read(step), whole, "{name} at another split");
        assert!(whole.iter().map(Vec::len).sum::<usize>() <= 2 * bytes.len() + 64, "{name} says more than what came");
    };
    same("events", &|step| {
        let (mut sse, mut out) = (Sse::new(), Vec::new());
        let mut on = |event: &[u8], data: &[u8]| {
            out.push([event, data].concat());
            Ok::<_, Infallible>(())
        };
        let pushed = bytes.chunks(step).try_for_each(|piece| sse.push(piece, &mut on));
        let _ = pushed.and_then(|()| sse.finish(&mut on));
        out
    });
    same("events or a body", &|step| {
        let (mut events, mut out) = (Events::new(), Vec::new());
        let mut on = |_: &[u8], data: &[u8]| {
            out.push(data.to_vec());
            Ok::<_, Infallible>(())
        };
        let pushed = bytes.chunks(step).try_for_each(|piece| events.push(piece, &mut on));
        let whole = pushed.and_then(|()| events.finish(&mut on));
        out.extend(whole.unwrap_or_default());
        out
    });
    same("AWS frames", &|step| {
        let (mut aws, mut out) = (Aws::new(), Vec::new());
        let _ = bytes.chunks(step).try_for_each(|piece| {
            aws.push(piece, |frame| {
                out.push(frame.payload.to_vec());
                Ok(())
            })
        });
        out
    });
    same("lines", &|step| {
        let (mut lines, mut out) = (JsonLines::new(), Vec::new());
        let mut on = |json: &[u8]| {
            out.push(json.to_vec());
            Ok::<_, Infallible>(())
        };
        let pushed = bytes.chunks(step).try_for_each(|piece| lines.push(piece, &mut on));
        let _ = pushed.and_then(|()| lines.finish(&mut on));
        out
    });
    same("an array", &|step| {
        let (mut array, mut out) = (JsonArray::new(), Vec::new());
        let _ = bytes.chunks(step).try_for_each(|piece| {
            array.push(piece, |json| {
                out.push(json.to_vec());
                Ok::<_, Infallible>(())
            })
        });
        out
    });
}
