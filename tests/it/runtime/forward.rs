//! A process that goes through the owner: how it ends when it is told to.

use std::sync::Arc;
use std::time::Duration;

use convoke::kernel::clock::SystemClock;
use convoke::kernel::fault::Fault;
use convoke::runtime::owner::ends::{FromClient, ToClient};
use convoke::runtime::owner::forward::{Forward, Leaving, Succeed};
use convoke::runtime::owner::join::Connection;
use convoke::runtime::owner::lines::{LineReader, write_line};
use convoke::runtime::owner::lock::{Holder, OwnerLock};
use convoke::runtime::owner::protocol::Shown;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

/// Nobody takes over.
struct Nobody;

impl Succeed for Nobody {
    fn succeed(
        &self,
        _: OwnerLock,
        _: Shown,
        _: FromClient,
        _: ToClient,
    ) -> BoxFuture<'static, Result<Leaving, Fault>> {
        Box::pin(async { Err(Fault::internal("nobody takes over")) })
    }
}

fn request(id: u64) -> Vec<u8> {
    json!({ "jsonrpc": "2.0", "id": id, "method": "ping" }).to_string().into_bytes()
}

fn forward(folder: &tempfile::TempDir, stop: CancellationToken, limit: Duration) -> Forward {
    Forward {
        data: folder.path().to_owned(),
        holder: Holder::this("stdio"),
        shown: Shown::default(),
        clock: Arc::new(SystemClock),
        succeed: Arc::new(Nobody),
        stop,
        limit,
    }
}

fn connection(stream: UnixStream) -> Connection {
    let (reader, writer) = stream.into_split();
    Connection { reader: LineReader::new(reader), writer, owner: 1 }
}

#[tokio::test]
async fn told_to_stop_it_takes_nothing_new_and_waits_for_what_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let (guest, owner) = UnixStream::pair().unwrap();
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (from_client, to_client) = tokio::io::split(theirs);
    let forward = forward(&folder, stop.clone(), Duration::from_secs(60));
    let running = tokio::spawn(forward.run(Some(connection(guest)), from_client, to_client));

    let (client_reads, mut client_writes) = tokio::io::split(ours);
    let (owner_reads, mut owner_writes) = owner.into_split();
    let (mut client_reads, mut owner_reads) = (LineReader::new(client_reads), LineReader::new(owner_reads));
    write_line(&mut client_writes, request(1)).await.unwrap();
    assert_eq!(owner_reads.next().await.unwrap().unwrap(), request(1));
    stop.cancel();
    write_line(&mut client_writes, request(2)).await.unwrap();
    assert_eq!(owner_reads.next().await.unwrap(), None, "it takes nothing new");
    assert!(!running.is_finished());

    let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
    write_line(&mut owner_writes, answer.to_string().into_bytes()).await.unwrap();
    drop((owner_reads, owner_writes));
    let heard: Value = serde_json::from_slice(&client_reads.next().await.unwrap().unwrap()).unwrap();
    assert_eq!(heard, answer);
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_owner_that_never_answers_is_waited_for_no_longer_than_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let (guest, owner) = UnixStream::pair().unwrap();
    let (mut ours, theirs) = tokio::io::duplex(1 << 16);
    let (from_client, to_client) = tokio::io::split(theirs);
    let forward = forward(&folder, stop.clone(), Duration::from_millis(20));
    let running = tokio::spawn(forward.run(Some(connection(guest)), from_client, to_client));
    write_line(&mut ours, request(1)).await.unwrap();
    let (owner_reads, _owner_writes) = owner.into_split();
    let mut owner_reads = LineReader::new(owner_reads);
    owner_reads.next().await.unwrap().unwrap();
    stop.cancel();
    running.await.unwrap().unwrap();
}
