//! A vendor for the benchmark: answers chat completions at once, whole or in twenty chunks. Its CPU when it is asked without anybody
//! between is what a bare axum handler costs.

#![expect(clippy::print_stdout, reason = "it tells where it listens")]

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::serve::ListenerExt as _;

const WHOLE: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1780000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"The quick brown fox jumps over the lazy dog, and the dog does not mind at all, since it sleeps."},"finish_reason":"stop"}],"usage":{"prompt_tokens":120,"completion_tokens":24,"total_tokens":144}}"#;

fn chunk(delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1780000000,\"model\":\"bench\",\
         \"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
}

fn chunks() -> Vec<Bytes> {
    let mut all = vec![Bytes::from(chunk(r#"{"role":"assistant","content":""}"#, "null"))];
    all.extend((0..20).map(|number| Bytes::from(chunk(&format!(r#"{{"content":" word{number}"}}"#), "null"))));
    all.push(Bytes::from(chunk("{}", "\"stop\"")));
    all.push(Bytes::from_static(
        b"data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1780000000,\"model\":\"bench\",\"choices\":[],\
          \"usage\":{\"prompt_tokens\":120,\"completion_tokens\":24,\"total_tokens\":144}}\n\n",
    ));
    all.push(Bytes::from_static(b"data: [DONE]\n\n"));
    all
}

/// A request that names a pause in milliseconds as its `seed` gets its chunks that far apart.
async fn complete(body: Bytes) -> Response {
    let text = String::from_utf8_lossy(&body);
    if !text.contains("\"stream\":true") {
        return ([(header::CONTENT_TYPE, "application/json")], WHOLE).into_response();
    }
    let pause = text.split_once("\"seed\":").and_then(|(_, rest)| {
        rest.split(|letter: char| !letter.is_ascii_digit()).next().and_then(|digits| digits.parse::<u64>().ok())
    });
    let stream = futures::stream::unfold(chunks().into_iter(), move |mut left| async move {
        let next = left.next()?;
        if let Some(pause) = pause {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Some((Ok::<_, Infallible>(next), left))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream)).into_response()
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let router = Router::new().route("/v1/chat/completions", post(complete));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    // Nagle's algorithm would hold back every small chunk.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).await
}
