//! A proxy before Neo4j that makes trouble: it reads the messages of Bolt that go through and, of the statements that it is told to, answers an
//! error in the server's stead, holds the answer back, or cuts the connection before or after the work was done.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

const RESET: u8 = 0x0f;
const RUN: u8 = 0x10;
const RECORD: u8 = 0x71;

/// What happens to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing.
    None,
    /// An error of this code is answered; the server does its work all the same.
    Error(&'static str),
    /// The same, when the rows were told already.
    LateError(&'static str),
    /// The answer comes so much later.
    Slow(Duration),
    /// The connection is cut before the server hears of it.
    CutBefore,
    /// The connection is cut when the server has done it, and before it is told.
    CutAfter,
}

type Plan = Box<dyn FnMut() -> Trouble + Send>;

/// The proxy.
#[derive(Clone)]
pub(crate) struct BoltProxy {
    port: u16,
    plan: Arc<Mutex<Plan>>,
    hello: Arc<Mutex<Vec<u8>>>,
}

impl BoltProxy {
    /// One before the server of a URL.
    pub(crate) async fn before(url: &str) -> Self {
        let to = url.strip_prefix("bolt://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plan: Arc<Mutex<Plan>> = Arc::new(Mutex::new(Box::new(|| Trouble::None)));
        let hello = Arc::new(Mutex::new(Vec::new()));
        let made = Self { port: listener.local_addr().unwrap().port(), plan: plan.clone(), hello: hello.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (to, plan, hello) = (to.clone(), plan.clone(), hello.clone());
                tokio::spawn(async move {
                    // However it ends, both sides are closed.
                    let _ = carry(client, &to, plan, hello).await;
                });
            }
        });
        made
    }

    pub(crate) fn url(&self) -> String {
        format!("bolt://127.0.0.1:{}", self.port)
    }

    /// With what the client said who it is, when it came last.
    pub(crate) fn hello(&self) -> String {
        String::from_utf8_lossy(&self.hello.lock().unwrap()).into_owned()
    }

    /// What happens to each statement from now on.
    pub(crate) fn plan(&self, plan: impl FnMut() -> Trouble + Send + 'static) {
        *self.plan.lock().unwrap() = Box::new(plan);
    }

    /// The same happens to all behind the first ones.
    pub(crate) fn after(&self, mut first: u32, trouble: Trouble) {
        self.plan(move || {
            if first == 0 {
                return trouble;
            }
            first -= 1;
            Trouble::None
        });
    }

    /// Nothing happens any more.
    pub(crate) fn calm(&self) {
        self.plan(|| Trouble::None);
    }
}

/// What was asked and is not answered yet, with what is to happen to its answer.
type Asked = Arc<Mutex<VecDeque<(u8, Trouble)>>>;

async fn carry(mut client: TcpStream, to: &str, plan: Arc<Mutex<Plan>>, hello: Arc<Mutex<Vec<u8>>>) -> io::Result<()> {
    let mut server = TcpStream::connect(to).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut offer = [0; 20];
    client.read_exact(&mut offer).await?;
    server.write_all(&offer).await?;
    let mut version = [0; 4];
    server.read_exact(&mut version).await?;
    client.write_all(&version).await?;
    let ((mut from_client, to_client), (from_server, mut to_server)) = (client.into_split(), server.into_split());
    let asked = Asked::default();
    let first = message(&mut from_client).await?;
    asked.lock().unwrap().push_back((first[3], Trouble::None));
    to_server.write_all(&first).await?;
    *hello.lock().unwrap() = first;
    tokio::select! {
        ended = questions(from_client, to_server, asked.clone(), plan) => ended,
        ended = answers(from_server, to_client, asked) => ended,
    }
}

async fn questions(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asked: Asked,
    plan: Arc<Mutex<Plan>>,
) -> io::Result<()> {
    // What is to happen to a statement's rows, which are asked for by a message of their own.
    let mut later = Trouble::None;
    loop {
        let message = message(&mut from).await?;
        let tag = message[3];
        let mut trouble = later;
        if tag == RUN {
            trouble = (plan.lock().unwrap())();
            later = Trouble::None;
            match trouble {
                Trouble::CutBefore => return Ok(()),
                Trouble::LateError(_) | Trouble::CutAfter => (trouble, later) = (Trouble::None, trouble),
                _ => {}
            }
        }
        asked.lock().unwrap().push_back((tag, trouble));
        to.write_all(&message).await?;
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, asked: Asked) -> io::Result<()> {
    let mut has_failed = false;
    loop {
        let message = message(&mut from).await?;
        if message[3] == RECORD {
            if !has_failed {
                to.write_all(&message).await?;
            }
            continue;
        }
        let (tag, trouble) = asked.lock().unwrap().pop_front().unwrap();
        if tag == RESET {
            has_failed = false;
        }
        match trouble {
            // After an error nothing is answered but that it was not looked at, until the client begins anew.
            _ if has_failed => to.write_all(&[0, 2, 0xb0, 0x7e, 0, 0]).await?,
            Trouble::Error(code) | Trouble::LateError(code) => {
                has_failed = true;
                to.write_all(&failure(code)).await?;
            }
            Trouble::CutAfter => return Ok(()),
            Trouble::Slow(time) => {
                tokio::time::sleep(time).await;
                to.write_all(&message).await?;
            }
            Trouble::None | Trouble::CutBefore => to.write_all(&message).await?,
        }
    }
}

/// The next message as it is on the wire: chunks, each behind its length, and an empty one at the end.
async fn message(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let mut length = [0; 2];
        from.read_exact(&mut length).await?;
        let length = u16::from_be_bytes(length);
        // An empty one where none began only says that somebody is there.
        if length == 0 && all.is_empty() {
            continue;
        }
        all.extend_from_slice(&length.to_be_bytes());
        if length == 0 {
            return Ok(all);
        }
        let begin = all.len();
        all.resize(begin + usize::from(length), 0);
        from.read_exact(&mut all[begin..]).await?;
    }
}

/// An error as the server tells it.
fn failure(code: &str) -> Vec<u8> {
    let text = |text: &str| [&[0xd0, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let body = [vec![0xb1, 0x7f, 0xa2], text("code"), text(code), text("message"), text("made by a test")].concat();
    [&u16::try_from(body.len()).unwrap().to_be_bytes()[..], &body, &[0, 0]].concat()
}
