//! What a worker says, from its connection on: each line is a frame. The server says why it does not go on, or goes on.

use axum::http::HeaderValue;
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use workflow_server::protocol::{FromServer, PATH, SUBPROTOCOL};

use super::home::{Home, at_home};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    at_home(|home| home.block_on(converse(home, text)));
}

async fn converse(home: &Home, text: &str) {
    let (ours, theirs) = tokio::io::duplex(text.len() * 2 + (256 << 10));
    let service = TowerToHyperService::new(home.router.clone());
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service).with_upgrades();
    let serving = tokio::spawn(connection);
    let mut request = format!("ws://127.0.0.1{PATH}").into_client_request().expect("it is a url");
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
    let (mut socket, _) = client_async(request, ours).await.expect("a worker may connect");
    for line in text.lines() {
        if socket.send(Message::text(line)).await.is_err() {
            break;
        }
    }
    // Who is refused is told so before the connection ends; who is not says goodbye.
    let _ = socket.close(None).await;
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(frame) = message {
            let read = FromServer::read(&frame);
            assert!(read.is_ok(), "{read:?}: {frame}");
        }
    }
    serving.abort();
}
