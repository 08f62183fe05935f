//! The client over a real socket: what happens to connections.
#![expect(clippy::disallowed_methods, clippy::expect_used, reason = "a double that serves beside the test, and fails loudly")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt;
use junto::{ChatRequest, Client};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// Serves streams of chat completions over HTTP/1.1; `chunks` per answer, then the end unless it never comes.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    closed: mpsc::UnboundedReceiver<()>,
}

impl Server {
    async fn start(ends: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}/v1", listener.local_addr().expect("address"));
        let connections = Arc::new(AtomicUsize::new(0));
        let (close, closed) = mpsc::unbounded_channel();
        let count = Arc::clone(&connections);
        tokio::task::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let close = close.clone();
                tokio::task::spawn(async move {
                    serve(socket, ends).await;
                    close.send(()).ok();
                });
            }
        });
        Self { url, connections, closed }
    }

    fn client(&self) -> Client {
        let config =
            serde_json::json!({"providers": {"local": {"base_url": self.url, "keyless": true, "authors": ["local"]}}, "env": false});
        Client::builder().config_json(&config.to_string()).build().expect("client")
    }
}

async fn serve(mut socket: TcpStream, ends: bool) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match socket.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => seen.extend_from_slice(&buffer[..read]),
        }
        if !seen.ends_with(b"}") {
            continue;
        }
        seen.clear();
        let event = r#"{"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}}]}"#;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let write = |text: String| format!("{:x}\r\n{text}\r\n", text.len());
        let first = format!("{head}{}", write(format!("data: {event}\n\n")));
        if socket.write_all(first.as_bytes()).await.is_err() {
            return;
        }
        if ends {
            let event = event.replace(r#""delta": {"role": "assistant", "content": "Hi"}"#, r#""delta": {}, "finish_reason": "stop""#);
            let rest = write(format!("data: {event}\n\ndata: [DONE]\n\n"));
            socket.write_all(rest.as_bytes()).await.ok();
            // The end of the body comes in a packet of its own, a moment later, as from real servers.
            tokio::task::yield_now().await;
            socket.write_all(b"0\r\n\r\n").await.ok();
        }
    }
}

#[tokio::test]
async fn streams_that_end_share_one_connection() {
    let server = Server::start(true).await;
    let client = server.client();
    for _ in 0..10 {
        let stream = client.stream(ChatRequest::new("local/m").user("Hi")).await.expect("stream");
        let text: String = stream.map(|chunk| chunk.expect("chunk").text().to_owned()).collect().await;
        assert_eq!(text, "Hi");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn dropping_a_stream_closes_the_vendors_connection_within_100_ms() {
    let mut server = Server::start(false).await;
    let client = server.client();
    let mut stream = client.stream(ChatRequest::new("local/m").user("Hi")).await.expect("stream");
    stream.next().await.expect("a chunk").expect("content");
    drop(stream);
    tokio::time::timeout(Duration::from_millis(100), server.closed.recv()).await.expect("closed in time");
}
