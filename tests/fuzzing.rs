//! A short run of what the fuzz targets do, the same each time: streams that look real are damaged in many ways, and random
//! bytes are read. `JUNTO_FUZZ_SECONDS=600` makes it a long one, with another seed each second.

#[cfg(test)]
mod fuzzing {
    use std::{
        env,
        time::{Duration, Instant},
    };

    use junto::providers::ProtocolName;
    use junto_simulator::aws_frame;
    use junto_tests::properties::{self, PROTOCOLS};

    /// Streams as vendors send them, by protocol.
    fn streams(protocol: ProtocolName) -> Vec<Vec<u8>> {
        let sse = |events: &[&str]| events.iter().fold(String::new(), |text, event| text + "data: " + event + "\n\n").into_bytes();
        match protocol {
            ProtocolName::Anthropic => vec![sse(&[
                r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"usage":{"input_tokens":9,"cache_read_input_tokens":4,"output_tokens":1}}}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm."}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Gr\u00fc\u00dfe"}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"https://a.test","title":"A","cited_text":"x"}}}"#,
                r#"{"type":"content_block_stop","index":1}"#,
                r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"get","input":{}}}"#,
                r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\": 1}"}}"#,
                r#"{"type":"content_block_stop","index":2}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":7}}"#,
                r#"{"type":"message_stop"}"#,
            ])],
            ProtocolName::Bedrock => {
                let event = |kind: &str, payload: &str| aws_frame(&[(":event-type", kind), (":message-type", "event")], payload.as_bytes());
                vec![
                    [
                        event("messageStart", r#"{"role":"assistant"}"#),
                        event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#),
                        event("contentBlockStop", r#"{"contentBlockIndex":0}"#),
                        event("contentBlockStart", r#"{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t1","name":"get"}}}"#),
                        event("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"a\":1}"}}}"#),
                        event("messageStop", r#"{"stopReason":"tool_use"}"#),
                        event("metadata", r#"{"usage":{"inputTokens":9,"outputTokens":3,"totalTokens":12}}"#),
                    ]
                    .concat(),
                    aws_frame(&[(":exception-type", "throttlingException"), (":message-type", "exception")], br#"{"message":"Slow down"}"#),
                ]
            }
            ProtocolName::Cohere => vec![sse(&[
                r#"{"type":"message-start","id":"c1","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#,
                r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi"}}}}"#,
                r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"t","type":"function","function":{"name":"f","arguments":""}}}}}"#,
                r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{}"}}}}}"#,
                r#"{"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"tokens":{"input_tokens":5,"output_tokens":2}}}}"#,
            ])],
            ProtocolName::Gemini => {
                let pieces = [
                    r#"{"candidates":[{"content":{"parts":[{"text":"Hm.","thought":true},{"text":"Gr\u00fc\u00dfe"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9},"modelVersion":"g","responseId":"r"}"#,
                    r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":[1]}},"thoughtSignature":"c2ln"}]},"index":0,"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.test","title":"A"}}],"groundingSupports":[{"segment":{"startIndex":0,"endIndex":3,"text":"Gr"},"groundingChunkIndices":[0]}],"webSearchQueries":["q"]}}]}"#,
                    r#"{"candidates":[{"content":{"parts":[]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":3,"thoughtsTokenCount":1,"totalTokenCount":13}}"#,
                ];
                vec![sse(&pieces), format!("[{}]", pieces.join(",\r\n")).into_bytes()]
            }
            ProtocolName::Ollama => vec![
                [
                    r#"{"model":"q","message":{"role":"assistant","content":"","thinking":"Hm."},"done":false}"#,
                    r#"{"model":"q","message":{"role":"assistant","content":"Hi","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},"done":false}"#,
                    r#"{"model":"q","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":3}"#,
                ]
                .join("\n")
                .into_bytes(),
            ],
            ProtocolName::OpenaiResponses => vec![sse(&[
                r#"{"type":"response.created","response":{"id":"resp_1","model":"m","created_at":7,"status":"in_progress","output":[]}}"#,
                r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"Hm."}"#,
                r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[{"text":"Hm."}],"encrypted_content":"ENC"}}"#,
                r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"Hi"}"#,
                r#"{"type":"response.output_text.annotation.added","output_index":1,"annotation":{"type":"url_citation","url":"https://a.test","title":"A","start_index":0,"end_index":2}}"#,
                r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","call_id":"c1","name":"f","arguments":""}}"#,
                r#"{"type":"response.function_call_arguments.delta","output_index":2,"delta":"{\"a\":1}"}"#,
                r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]}],"usage":{"input_tokens":9,"output_tokens":3,"total_tokens":12}}}"#,
            ])],
            _ => vec![
                sse(&[
                    r#"{"id":"c","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":"Hm."},"finish_reason":null}]}"#,
                    r#"{"id":"c","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"Gr\u00fc\u00dfe \ud83d\ude00"},"logprobs":{"content":[{"token":"a","logprob":-0.5,"top_logprobs":[]}]}}]}"#,
                    r#"{"id":"c","created":7,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"f","arguments":""}}]}}]}"#,
                    r#"{"id":"c","created":7,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]}}]}"#,
                    r#"{"id":"c","created":7,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"citations":["https://a.test"]}"#,
                    r#"{"id":"c","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}"#,
                    "[DONE]",
                ]),
                br#"{"error":{"message":"no","type":"server_error","code":500}}"#.to_vec(),
            ],
        }
    }

    /// xorshift: small, and the same everywhere.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % limit.max(1) as u64) as usize
        }
    }

    const WORDS: [&[u8]; 22] = [
        b"null",
        b"{",
        b"}",
        b"[]",
        b"[",
        b"\"",
        b"-1",
        b"18446744073709551615",
        b"1e999",
        b"NaN",
        b"true",
        b"\n",
        b"\n\n",
        b"\r",
        b"data: ",
        b"event: error\n",
        b"[DONE]",
        b"\xff",
        b"\\",
        b"\\ud83d",
        b"\0",
        b"\xf0\x9f",
    ];

    /// Something that is nearly a stream.
    fn damaged(stream: &[u8], random: &mut Random) -> Vec<u8> {
        let mut bytes = vec![random.below(256) as u8];
        bytes.extend_from_slice(stream);
        for _ in 0..random.below(5) {
            let at = 1 + random.below(bytes.len() - 1);
            let to = (at + random.below(12)).min(bytes.len());
            match random.below(4) {
                0 => bytes[at.min(stream.len())] ^= 1 << random.below(8),
                1 => drop(bytes.drain(at..to)),
                2 => {
                    let copied = bytes[at..to].to_vec();
                    let place = 1 + random.below(bytes.len());
                    bytes.splice(place..place, copied);
                }
                _ => drop(bytes.splice(at..to, WORDS[random.below(WORDS.len())].iter().copied())),
            }
            if bytes.len() < 2 {
                bytes.push(b'{');
            }
        }
        if random.below(4) == 0 {
            bytes.truncate(1 + random.below(bytes.len()));
        }
        bytes
    }

    fn round(seed: u64, times: usize) {
        let mut random = Random(seed);
        for protocol in PROTOCOLS {
            for stream in streams(protocol) {
                let first: Vec<u8> = [&[3], &stream[..]].concat();
                properties::decoder(protocol, &first);
                for _ in 0..times {
                    let bytes = damaged(&stream, &mut random);
                    properties::decoder(protocol, &bytes);
                    properties::framing(&bytes);
                }
            }
            for _ in 0..times {
                let noise: Vec<u8> = (0..random.below(200)).map(|_| random.below(256) as u8).collect();
                properties::decoder(protocol, &noise);
                properties::framing(&noise);
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a long run ends by the clock")]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn no_bytes_break_a_decoder() {
        round(0x9e37_79b9_7f4a_7c15, 60);
        let seconds = env::var_os("JUNTO_FUZZ_SECONDS").and_then(|value| value.into_string().ok()?.parse().ok()).unwrap_or(0);
        let (end, mut rounds) = (now() + Duration::from_secs(seconds), 0_u64);
        while now() < end {
            rounds += 1;
            round(rounds.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1, 60);
        }
        println!("{rounds} further rounds");
    }
}
