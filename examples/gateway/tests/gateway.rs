//! The gateway as its users see it: the real program, a simulated vendor behind it, plain sockets before it.
#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

#[cfg(test)]
mod gateway {
    use std::{
        fs,
        io::{BufRead, BufReader},
        path::PathBuf,
        process::{Child, Command, Stdio},
        time::{Duration, Instant},
    };

    use junto_simulator::{Behavior, Content, Simulator};
    use serde_json::{Value, json};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    const VENDOR_KEY: &str = "sk-vendor-0123456789abcdef";

    /// A running gateway, its key file and its log. Dropped, it is gone.
    struct Gateway {
        address: String,
        folder: PathBuf,
        process: Child,
    }

    impl Gateway {
        fn start(name: &str, simulator: &Simulator) -> Self {
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
            _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            let mut process = command(&folder)
                .args(["serve", "--address", "127.0.0.1:0"])
                .env("RUST_LOG", "debug")
                .env("OPENAI_API_KEY", VENDOR_KEY)
                .env("OPENAI_BASE_URL", simulator.base_url("openai"))
                .stdout(Stdio::piped())
                .stderr(fs::File::create(folder.join("log")).unwrap())
                .spawn()
                .unwrap();
            let line = BufReader::new(process.stdout.take().unwrap()).lines().next().unwrap().unwrap();
            let address = line.split('/').nth(2).unwrap().to_owned();
            Self { address, folder, process }
        }

        fn keys(&self, arguments: &[&str]) -> String {
            let output = command(&self.folder).arg("keys").args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
        }

        async fn send(&self, head: &str, key: &str, body: &str) -> TcpStream {
            let mut socket = TcpStream::connect(&self.address).await.unwrap();
            let request = format!(
                "{head} HTTP/1.1\r\nHost: junto\r\nConnection: close\r\nAuthorization: Bearer {key}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(request.as_bytes()).await.unwrap();
            socket
        }

        /// The status and the raw body.
        async fn ask(&self, head: &str, key: &str, body: &str) -> (u16, String) {
            let mut answer = Vec::new();
            self.send(head, key, body).await.read_to_end(&mut answer).await.unwrap();
            let answer = String::from_utf8(answer).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
        }

        async fn chat(&self, key: &str, body: &Value) -> (u16, String) {
            self.ask(CHAT, key, &body.to_string()).await
        }

        async fn refusal(&self, key: &str, body: &Value) -> (u16, String) {
            let (status, body) = self.chat(key, body).await;
            let body: Value = serde_json::from_str(&body).unwrap();
            let error = &body["error"];
            assert!(error["type"].is_string() && error["message"].is_string(), "{body}");
            (status, error["code"].as_str().unwrap().to_owned())
        }
    }

    impl Drop for Gateway {
        fn drop(&mut self) {
            _ = self.process.kill();
            _ = self.process.wait();
        }
    }

    const CHAT: &str = "POST /api/v1/chat/completions";

    fn command(folder: &std::path::Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
        // No key and no proxy of whoever runs the tests.
        command.env_clear().arg("--db").arg(folder.join("keys.db"));
        command
    }

    fn hello(stream: bool) -> Value {
        json!({"model": "openai/gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": "Hello!"}]})
    }

    async fn within(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
        let started = Instant::now();
        while !is_so() {
            assert!(started.elapsed() < limit, "{what}: not within {limit:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        started.elapsed()
    }

    #[tokio::test]
    async fn answers_and_bills_the_key() {
        let simulator = Simulator::start().await.unwrap();
        let gateway = Gateway::start("bills", &simulator);
        let key = gateway.keys(&["create", "--name", "alice", "--budget", "5.00"]);
        assert!(key.starts_with("sk-junto-") && key.len() == 41 && key[9..].bytes().all(|byte| byte.is_ascii_alphanumeric()));

        let (status, body) = gateway.chat(&key, &hello(false)).await;
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, answer["provider"].as_str()), (200, Some("openai")), "{body}");
        let cost = answer["usage"]["cost"].as_f64().unwrap();
        assert!(gateway.keys(&["list"]).contains(&format!("${cost:.6} of $5.00")), "{}", gateway.keys(&["list"]));

        let (status, body) = gateway.chat(&key, &hello(true)).await;
        assert_eq!(status, 200);
        assert!(body.contains("data: {") && body.trim_end().trim_end_matches(['0', '\r', '\n']).ends_with("data: [DONE]"), "{body}");
        let twice = format!("${:.6} of $5.00", 2.0 * cost);
        within(Duration::from_secs(2), "the stream is billed", || gateway.keys(&["list"]).contains(&twice)).await;
    }

    #[tokio::test]
    async fn other_paths_answer() {
        let simulator = Simulator::start().await.unwrap();
        let gateway = Gateway::start("paths", &simulator);
        let key = gateway.keys(&["create", "--name", "alice"]);
        assert_eq!(gateway.ask("GET /healthz", "", "").await, (200, "ok".into()));
        let (status, models) = gateway.ask("GET /api/v1/models", &key, "").await;
        let models: Value = serde_json::from_str(&models).unwrap();
        assert_eq!(status, 200);
        assert!(models["data"].as_array().unwrap().iter().any(|model| model["id"] == "openai/gpt-4o-mini"));
        assert!(models["data"].as_array().unwrap().iter().all(|model| model["id"] != "anthropic/claude-haiku-4-5"), "no key for it");
        let (status, body) = gateway.ask("GET /api/v1/models/openai/gpt-4o-mini/endpoints", &key, "").await;
        assert_eq!((status, body.contains("\"endpoints\"")), (200, true), "{body}");
        let (status, body) = gateway.ask("POST /api/v1/responses", &key, r#"{"model": "openai/gpt-4o-mini", "input": "Hello!"}"#).await;
        assert_eq!((status, body.contains("output_text")), (200, true), "{body}");
        let stream = r#"{"model": "openai/gpt-4o-mini", "input": "Hello!", "stream": true}"#;
        let (status, body) = gateway.ask("POST /api/v1/responses", &key, stream).await;
        assert_eq!((status, body.contains("event: response.completed")), (200, true), "{body}");
        let (status, body) =
            gateway.ask("POST /api/v1/embeddings", &key, r#"{"model": "openai/text-embedding-3-small", "input": "Hi"}"#).await;
        assert_eq!((status, body.contains("\"embedding\"")), (200, true), "{body}");
        let (status, body) = gateway.ask("GET /api/v1/nothing", &key, "").await;
        assert_eq!((status, body.contains("\"error\"")), (404, true), "{body}");
    }

    #[tokio::test]
    async fn keys_that_may_not() {
        let simulator = Simulator::start().await.unwrap();
        let gateway = Gateway::start("refuses", &simulator);
        let code = |code: &str, status| (status, code.to_owned());
        assert_eq!(gateway.refusal("", &hello(false)).await, code("invalid_api_key", 401));
        assert_eq!(gateway.refusal("sk-junto-00000000000000000000000000000000", &hello(false)).await, code("invalid_api_key", 401));

        let only = gateway.keys(&["create", "--name", "only", "--models", "anthropic/*", "--models", "openai/gpt-4o"]);
        assert_eq!(gateway.refusal(&only, &hello(false)).await, code("permission_denied", 403));
        let mut fallback = hello(false);
        fallback["model"] = "openai/gpt-4o:floor".into();
        assert_eq!(gateway.chat(&only, &fallback).await.0, 200);
        fallback["models"] = json!(["openai/gpt-4o-mini"]);
        assert_eq!(gateway.refusal(&only, &fallback).await, code("permission_denied", 403), "a fallback is a model too");

        let poor = gateway.keys(&["create", "--name", "poor", "--budget", "0.000001"]);
        assert_eq!(gateway.chat(&poor, &hello(false)).await.0, 200);
        assert_eq!(gateway.refusal(&poor, &hello(false)).await, code("insufficient_credits", 402));

        gateway.keys(&["revoke", "only"]);
        assert_eq!(gateway.refusal(&only, &fallback).await, code("permission_denied", 403));
        assert!(gateway.keys(&["list"]).contains("(revoked)"));
    }

    #[tokio::test]
    async fn limits_hold() {
        let simulator = Simulator::start().await.unwrap();
        let gateway = Gateway::start("limits", &simulator);
        let key = gateway.keys(&["create", "--name", "alice"]);
        let mut socket = gateway.send("GET /healthz", &"x".repeat(100 << 10), "").await;
        let mut answer = vec![0; 12];
        socket.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 431");
        let (mut reader, mut writer) = TcpStream::connect(&gateway.address).await.unwrap().into_split();
        let head = format!("{CHAT} HTTP/1.1\r\nHost: junto\r\nAuthorization: Bearer {key}\r\nContent-Length: {}\r\n\r\n", 40 << 20);
        let write = async {
            _ = writer.write_all(head.as_bytes()).await;
            _ = writer.write_all(&vec![b' '; 40 << 20]).await;
            std::future::pending::<()>().await;
        };
        // The answer comes before the body has been taken; what is left of it may meet a closed connection.
        tokio::select! {
            () = write => {}
            read = reader.read_exact(&mut answer) => drop(read.unwrap()),
        }
        assert_eq!(answer, b"HTTP/1.1 413");
        assert_eq!(gateway.refusal(&key, &json!({"model": "openai/gpt-4o-mini", "messages": []})).await.0, 400);
    }

    #[tokio::test]
    async fn a_reader_who_leaves_stops_the_vendor() {
        let simulator = Simulator::start().await.unwrap();
        simulator.behave("openai", Behavior::content(Content::Chunks(1000)).tokens_per_second(50.0));
        let gateway = Gateway::start("leaves", &simulator);
        let key = gateway.keys(&["create", "--name", "alice"]);
        let mut reader = gateway.send(CHAT, &key, &hello(true).to_string()).await;
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("\"content\"") {
            assert_ne!(reader.read_buf(&mut seen).await.unwrap(), 0);
        }
        assert_eq!(simulator.open_requests(), 1);
        drop(reader);
        let took = within(Duration::from_millis(100), "the vendor's connection is closed", || simulator.open_requests() == 0).await;
        assert!(simulator.closes().iter().any(|close| !close.complete), "closed after {took:?}");
        assert!(!gateway.keys(&["list"]).contains("$0.000000"), "a reader who left is billed the estimate");
    }

    #[tokio::test]
    async fn a_stop_lets_streams_finish() {
        let simulator = Simulator::start().await.unwrap();
        simulator.behave("openai", Behavior::content(Content::Chunks(40)).tokens_per_second(100.0));
        let mut gateway = Gateway::start("stops", &simulator);
        let key = gateway.keys(&["create", "--name", "alice"]);
        let mut reader = gateway.send(CHAT, &key, &hello(true).to_string()).await;
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("\"content\"") {
            assert_ne!(reader.read_buf(&mut seen).await.unwrap(), 0);
        }
        assert!(Command::new("kill").args(["-INT", &gateway.process.id().to_string()]).status().unwrap().success());
        reader.read_to_end(&mut seen).await.unwrap();
        assert!(String::from_utf8_lossy(&seen).contains("data: [DONE]"));
        within(Duration::from_secs(5), "the gateway ends", || gateway.process.try_wait().unwrap().is_some()).await;
    }

    #[tokio::test]
    async fn no_key_is_in_the_file_or_the_log() {
        let simulator = Simulator::start().await.unwrap();
        let gateway = Gateway::start("secrets", &simulator);
        let key = gateway.keys(&["create", "--name", "alice", "--budget", "1"]);
        for behavior in [Behavior::ok(), Behavior::status(401), Behavior::status(500), Behavior::status(429)] {
            simulator.behave("openai", behavior);
            for stream in [false, true] {
                gateway.chat(&key, &hello(stream)).await;
            }
        }
        let log = fs::read_to_string(gateway.folder.join("log")).unwrap();
        assert!(log.contains("served") && log.contains("attempt failed"), "there is a log to look into: {log}");
        for file in fs::read_dir(&gateway.folder).unwrap().map(|entry| entry.unwrap().path()) {
            let bytes = fs::read(&file).unwrap();
            for secret in [key.as_bytes(), VENDOR_KEY.as_bytes(), &key.as_bytes()[9..]] {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret), "a key stands in {}", file.display());
            }
        }
    }

    async fn many_streams(name: &str, lasting: Duration) -> usize {
        let simulator = Simulator::start().await.unwrap();
        simulator.behave("openai", Behavior::content(Content::Chunks(30)).tokens_per_second(100.0));
        let gateway = Gateway::start(name, &simulator);
        let key = gateway.keys(&["create", "--name", "alice"]);
        let started = Instant::now();
        let reader = async || {
            let mut count = 0;
            while started.elapsed() < lasting {
                let (status, body) = gateway.chat(&key, &hello(true)).await;
                assert_eq!(status, 200, "{body}");
                assert!(body.contains("data: [DONE]") && body.contains("\"finish_reason\":\"stop\""), "a stream was lost: {body}");
                count += 1;
            }
            count
        };
        futures_util::future::join_all((0..200).map(|_| reader())).await.into_iter().sum()
    }

    #[tokio::test]
    async fn two_hundred_streams_lose_none() {
        let streams = many_streams("many", Duration::from_millis(500)).await;
        assert!(streams >= 200);
    }

    #[tokio::test]
    #[ignore = "takes a minute; `make gateway-soak` runs it"]
    async fn two_hundred_streams_for_a_minute_lose_none() {
        println!("{} streams, none lost", many_streams("soak", Duration::from_secs(60)).await);
    }
}
