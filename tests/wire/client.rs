//! The same answers as a user of a client gets them: from a scripted transport, and over a real connection.

use std::{fmt::Write as _, sync::Arc};

use bytes::Bytes;
use futures_util::StreamExt;
use junto::{
    ChatRequest, Client,
    providers::{Auth, Provider},
    transport::{Scripted, ScriptedTransport, Transport},
    types::FinishReason,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

use super::{
    Case, Outcome,
    compare::{Differences, Schemas, check_stream, compare},
    scattered,
};

/// A whole client, its transport a script.
pub(super) fn scripted(runtime: &Runtime, case: &Case, schemas: &Schemas) -> Differences {
    let status = case.response.status().as_u16();
    let reads = scattered(case.response.body()).into_iter().map(Bytes::copy_from_slice);
    let mut answer = Scripted::reads(status, reads);
    for (name, value) in case.response.headers() {
        answer = answer.header(name.as_str(), value.to_str().unwrap_or_default());
    }
    let transport = ScriptedTransport::new().then(answer);
    let outcome = runtime.block_on(ask(case, "http://vendor.test", Some(Arc::new(transport))));
    judge(case, schemas, "client", outcome)
}

/// A whole client, and a server on loopback that sends what was recorded.
pub(super) fn connected(runtime: &Runtime, case: &Case, schemas: &Schemas) -> Differences {
    let outcome = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let serve = async {
            let (socket, _) = listener.accept().await.expect("a connection");
            // A client that has what it wants hangs up.
            let _ = serve(socket, case).await;
        };
        tokio::join!(ask(case, &url, None), serve).0
    });
    judge(case, schemas, "loopback", outcome)
}

/// What the client says, and how it breaks its promises.
async fn ask(case: &Case, base_url: &str, transport: Option<Arc<dyn Transport>>) -> Result<Outcome, String> {
    let provider = Provider {
        base_url: base_url.to_owned(),
        authors: vec!["recorded".to_owned()],
        auth: Auth::None,
        keyless: true,
        ..case.provider.clone()
    };
    // Variants would ask for more than was recorded.
    let upstream = case.upstream.split(":free").next().unwrap_or_default();
    let request = ChatRequest::new(format!("recorded/{upstream}")).user("Hello!");
    let mut builder = Client::builder().env(false).max_retries(0).seed(7).provider(provider);
    if let Some(transport) = transport {
        builder = builder.transport(transport);
    }
    let client = builder.build().map_err(|error| format!("no client: {error}"))?;
    if !case.stream {
        return Ok(match client.chat(request).await {
            Ok(whole) => Outcome { whole: Some(whole), ..Outcome::default() },
            Err(error) => Outcome { error: Some(error), ..Outcome::default() },
        });
    }
    let mut stream = match client.stream(request).await {
        Ok(stream) => stream,
        Err(error) => return Ok(Outcome { error: Some(error), ..Outcome::default() }),
    };
    let (mut chunks, mut error) = (Vec::new(), None);
    while let Some(item) = stream.next().await {
        match item {
            _ if error.is_some() => return Err("something follows the error".into()),
            Ok(chunk) => chunks.push(chunk),
            Err(failed) => error = Some(failed),
        }
    }
    let last = chunks.last_mut().ok_or("a stream without a chunk")?;
    match &error {
        Some(_) if last.error.is_none() || last.choices.iter().all(|choice| choice.finish_reason != Some(FinishReason::Error)) => {
            return Err("the error is not on the last chunk".into());
        }
        // Its error and finish reason are checked; what remains is the vendor's own.
        Some(_) => drop(chunks.pop()),
        None if last.routing.is_none() => return Err("the last chunk has no routing".into()),
        None => {}
    }
    if error.is_some() && !chunks.iter().any(junto::ChatChunk::has_content) {
        return Err("a failure before the first content opened the stream".into());
    }
    Ok(Outcome::of(chunks, error))
}

fn judge(case: &Case, schemas: &Schemas, field: &'static str, outcome: Result<Outcome, String>) -> Differences {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(what) => return vec![(field, what)],
    };
    let mut differences = compare(case, &outcome);
    check_stream(&outcome, &mut differences);
    schemas.check(case, &outcome, false, &mut differences);
    if let Some(whole) = outcome.whole.as_ref().filter(|_| outcome.error.is_none()) {
        let routing = whole.routing.as_ref();
        if routing.is_none_or(|routing| routing.attempts.len() != 1) {
            differences.push((field, "the routing does not name its one attempt".into()));
        }
    }
    differences.into_iter().map(|(of, what)| (field, format!("{of}: {what}"))).collect()
}

/// Answers one request, in the pieces that the scripted transport gives too.
async fn serve(mut socket: TcpStream, case: &Case) -> std::io::Result<()> {
    read_request(&mut socket).await?;
    let mut head = format!("HTTP/1.1 {} Recorded\r\nconnection: close\r\ntransfer-encoding: chunked\r\n", case.response.status().as_u16());
    for (name, value) in case.response.headers() {
        if !["connection", "content-length", "transfer-encoding"].contains(&name.as_str()) {
            let value = value.to_str().unwrap_or_default();
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
    socket.write_all(format!("{head}\r\n").as_bytes()).await?;
    for piece in scattered(case.response.body()) {
        socket.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
        socket.write_all(piece).await?;
        socket.write_all(b"\r\n").await?;
    }
    socket.write_all(b"0\r\n\r\n").await?;
    socket.shutdown().await
}

/// Reads the whole request, so that closing the connection does not reset it.
async fn read_request(socket: &mut TcpStream) -> std::io::Result<()> {
    let (mut request, mut wanted) = (Vec::new(), usize::MAX);
    while request.len() < wanted {
        if socket.read_buf(&mut request).await? == 0 {
            break;
        }
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            wanted = end + 4 + length.unwrap_or(0);
        }
    }
    Ok(())
}
