//! Single calls: running one and telling of it as it goes, serving a guest that makes them, and making one through the owner.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ends::ToClient;
use super::join::Connection;
use super::lines::{LineReader, write_line};
use super::protocol::{Answer, Ask, Told, VaultWish, What};
use crate::capability::caller::{Caller, Credential, Door, Origin};
use crate::capability::client::{Answers, Client, Level, Progress, Questions};
use crate::capability::gate::{Gate, Request};
use crate::capability::outcome::Outcome;
use crate::capability::tool::Tool;
use crate::domain::identity;
use crate::domain::integrations::Vault;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;

/// Lines that wait to be written to a guest.
const WAITING: usize = 256;

/// Runs what is asked as the local owner and tells of it; the last thing told ends it. A listener that went away calls it off.
pub async fn run(gate: &Arc<Gate>, what: What, told: mpsc::Sender<Told>, cancel: CancellationToken) {
    let id = CallId::new(gate.platform().clock.now());
    let last = answer(gate, id, what, &told, cancel).await;
    let _ = told.send(last.unwrap_or_else(|fault| Told::Problem(Box::new(fault.problem(&id.to_string()))))).await;
}

async fn answer(
    gate: &Arc<Gate>,
    id: CallId,
    what: What,
    told: &mpsc::Sender<Told>,
    cancel: CancellationToken,
) -> Result<Told, Fault> {
    match what {
        What::Call { tool, input, idempotency_key } => {
            let origin = Origin { door: Door::Cli, address: None };
            let mut request = Request::new(id, local_owner(gate).await?, origin, tool, input);
            request.idempotency_key = idempotency_key;
            request.cancel = cancel;
            request.unhurried = true;
            request.client = Arc::new(Teller(told.clone()));
            tell(gate.call(request).await.result?, told).await
        }
        What::Tools => {
            let caller = local_owner(gate).await?;
            let snapshot = gate.platform().registry.present();
            for tool in snapshot.visible(&caller) {
                let _ = told.send(Told::Item(described(tool))).await;
            }
            Ok(Told::End)
        }
        // Needs no caller: it is the way back for an owner who cannot be one any more.
        What::ResetKey => identity::reset_admin_key(gate.platform())
            .await
            .map(|key| Told::Result(serde_json::json!({ "key": key.reveal() }))),
        // Needs none either: who has the master key's place has the vault.
        What::Vault(wish) => {
            let (platform, gate) = (gate.platform().clone(), gate.clone());
            let done = platform.carry_through(async move { look_after(&gate, wish).await });
            done.await.unwrap_or_else(|| Err(Fault::internal("looking after the vault panicked")))
        }
        What::Cancel => Ok(Told::End),
    }
}

/// Does what is asked of the vault's keys, and tells how they are afterwards.
async fn look_after(gate: &Gate, wish: VaultWish) -> Result<Told, Fault> {
    let platform = gate.platform();
    let vault = platform.service::<Vault>()?;
    let rotated = match wish {
        VaultWish::Status => None,
        VaultWish::Reload => {
            vault.reload().await?;
            None
        }
        VaultWish::RotateData => Some(vault.rotate_data(platform).await?),
        VaultWish::RotateMaster { forget_former } => Some(vault.rotate_master(platform, forget_former).await?),
    };
    let state = vault.state(&*platform.store).await?;
    let mut told = serde_json::json!({
        "masterKeys": { "from": state.place, "known": state.master_keys },
        "dataKeys": { "all": state.data_keys, "underFormerMaster": state.former, "underUnknownMaster": state.unknown },
        "fault": state.fault,
    });
    if let Some(rotated) = rotated {
        told["rotated"] = serde_json::to_value(rotated).map_err(Fault::internal)?;
    }
    Ok(Told::Result(told))
}

/// Whoever can use the account acts as the administrator of the default tenant. Identified for each call: an account that is
/// suspended meanwhile is refused from then on.
async fn local_owner(gate: &Gate) -> Result<Arc<Caller>, Fault> {
    gate.identify(&Credential::LocalOwner, None).await
}

/// A tool as `convoke tools` shows it.
fn described(tool: &Tool) -> serde_json::Value {
    serde_json::json!({
        "name": &*tool.name,
        "title": tool.title,
        "description": tool.description,
        "domain": tool.domain.name(),
        "effect": tool.effect,
        "inputSchema": &**tool.input(),
        "outputSchema": &**tool.output(),
    })
}

async fn tell(outcome: Outcome, told: &mpsc::Sender<Told>) -> Result<Told, Fault> {
    let gone = || Fault::new(&codes::CANCELLED, "the caller went away");
    match outcome {
        Outcome::Value(value) => Ok(Told::Result(value)),
        Outcome::Stream(mut items) => {
            while let Some(item) = items.next().await {
                told.send(Told::Item(item?)).await.map_err(|_| gone())?;
            }
            Ok(Told::End)
        }
        Outcome::Bytes(mut file) => {
            let head = Told::File { media_type: file.media_type, name: file.name };
            told.send(head).await.map_err(|_| gone())?;
            while let Some(chunk) = file.chunks.next().await {
                told.send(Told::Chunk(STANDARD.encode(chunk?))).await.map_err(|_| gone())?;
            }
            Ok(Told::End)
        }
    }
}

/// The other side of a call made on the command line: hears of progress, answers no questions while the call waits.
struct Teller(mpsc::Sender<Told>);

#[async_trait]
impl Client for Teller {
    fn progress(&self, progress: Progress) {
        // A listener that is slow misses some of it.
        let _ = self.0.try_send(Told::Progress(progress.into()));
    }

    fn say(&self, level: Level, _: &str, data: serde_json::Value) {
        let _ = self.0.try_send(Told::Say { level, data });
    }

    async fn ask(&self, _: &Questions) -> Option<Result<Answers, Fault>> {
        None
    }
}

/// So many calls of a guest are remembered before those that have ended are forgotten.
const REMEMBERED: usize = 64;

/// Serves a guest until it goes or the owner drains; then what runs is answered. Broken off, it calls off what runs.
pub(super) async fn serve(
    gate: Arc<Gate>,
    mut reader: LineReader<OwnedReadHalf>,
    writer: ToClient,
    pausing: CancellationToken,
) -> std::io::Result<()> {
    let (answers, waiting) = mpsc::channel::<Answer>(WAITING);
    let running = TaskTracker::new();
    let gone = CancellationToken::new();
    let _broken_off = gone.clone().drop_guard();
    let mut calls: HashMap<u64, (CancellationToken, JoinHandle<()>)> = HashMap::new();
    let written = tokio::spawn(write(waiting, writer));
    loop {
        let line = tokio::select! {
            biased;
            () = pausing.cancelled() => break,
            line = reader.next() => line,
        };
        let Ok(Some(line)) = line else {
            gone.cancel();
            break;
        };
        let Ok(Ask { id, what }) = serde_json::from_slice(&line) else {
            gone.cancel();
            break;
        };
        if what == What::Cancel {
            if let Some((cancel, _)) = calls.remove(&id) {
                cancel.cancel();
            }
            continue;
        }
        if calls.len() >= REMEMBERED {
            calls.retain(|_, (_, call)| !call.is_finished());
        }
        let cancel = gone.child_token();
        let (gate, answers, called_off) = (gate.clone(), answers.clone(), cancel.clone());
        let call = running.spawn(async move {
            let (told, mut heard) = mpsc::channel(WAITING);
            // Nobody hears any more what is told after a guest went: who tells must not wait for it.
            let forward = async move {
                while let Some(told) = heard.recv().await {
                    if answers.send(Answer { id, told }).await.is_err() {
                        break;
                    }
                }
            };
            tokio::join!(run(&gate, what, told, called_off), forward);
        });
        calls.insert(id, (cancel, call));
    }
    drop(answers);
    running.close();
    running.wait().await;
    written.await.unwrap_or(Ok(()))
}

async fn write(mut waiting: mpsc::Receiver<Answer>, mut writer: ToClient) -> std::io::Result<()> {
    while let Some(answer) = waiting.recv().await {
        write_line(&mut writer, serde_json::to_vec(&answer)?).await?;
    }
    Ok(())
}

/// How a call through the owner ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// Everything was told.
    Told,
    /// The owner went away before.
    OwnerGone,
}

/// Makes a call through the owner. What was told before an owner went away, `heard` so much, is not told again.
///
/// # Errors
/// When the owner says what cannot be understood.
pub async fn through(
    connection: &mut Connection,
    what: What,
    told: &mpsc::Sender<Told>,
    heard: &mut usize,
) -> Result<Through, Fault> {
    let line = serde_json::to_vec(&Ask { id: 1, what }).map_err(Fault::internal)?;
    if write_line(&mut connection.writer, line).await.is_err() {
        return Ok(Through::OwnerGone);
    }
    let mut skip = *heard;
    loop {
        let Ok(Some(line)) = connection.reader.next().await else { return Ok(Through::OwnerGone) };
        let answer: Answer = serde_json::from_slice(&line).map_err(Fault::internal)?;
        let last = answer.told.is_last();
        let counts = answer.told.counts();
        if counts && skip > 0 {
            skip -= 1;
            continue;
        }
        *heard += usize::from(counts);
        if told.send(answer.told).await.is_err() || last {
            return Ok(Through::Told);
        }
    }
}
