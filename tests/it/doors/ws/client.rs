//! A client of the WebSocket door.

use std::net::SocketAddr;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::doors::served::Served;
use crate::support::app::Person;

pub(super) struct Socket(pub(super) WebSocketStream<MaybeTlsStream<TcpStream>>);

/// Opens a socket with these headers.
pub(super) async fn open(served: &Served, headers: &[(&'static str, &str)]) -> Result<Socket, Box<Error>> {
    open_at(served.address, headers).await
}

async fn open_at(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Socket, Box<Error>> {
    let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    connect_async(request).await.map(|(socket, _)| Socket(socket)).map_err(Box::new)
}

/// Opens a socket for somebody and takes the welcome.
pub(super) async fn open_as(served: &Served, person: &Person) -> Socket {
    open_as_at(served.address, person).await
}

/// The same at an instance that listens elsewhere.
pub(super) async fn open_as_at(address: SocketAddr, person: &Person) -> Socket {
    let authorization = format!("Bearer {}", person.key.reveal());
    let mut socket = open_at(address, &[("authorization", &authorization)]).await.unwrap();
    let welcome = socket.hear().await;
    assert_eq!((&welcome["type"], &welcome["userId"]), (&json!("welcome"), &json!(person.user)));
    socket
}

/// Opens a socket with a key of the administrator's, made like this, and takes the welcome.
pub(super) async fn open_with(served: &Served, made: Value) -> Socket {
    let key = served.app.call(&served.app.admin, "api_key_create", made).await.unwrap();
    let authorization = format!("Bearer {}", key["key"].as_str().unwrap());
    let mut socket = open(served, &[("authorization", &authorization)]).await.unwrap();
    assert_eq!(socket.hear().await["type"], "welcome");
    socket
}

impl Socket {
    pub(super) async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message.
    pub(super) async fn hear(&mut self) -> Value {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Sends a message and takes its answer, which nothing comes before.
    pub(super) async fn ask(&mut self, mut message: Value) -> Value {
        message["id"] = 7.into();
        self.send(message).await;
        let answer = self.hear().await;
        assert_eq!(answer["id"], 7, "{answer}");
        answer
    }

    /// The code with which the other side closes, whatever comes before.
    pub(super) async fn closed(&mut self) -> u16 {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
