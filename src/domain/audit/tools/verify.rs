//! `audit_verify`: whether the log is what was written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::gate::audit::AUDIT;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::audit::engine::checkpoints::newest;
use crate::domain::audit::engine::hash::{Hash, from_hex, hex};
use crate::domain::audit::engine::keeper::Keeper;
use crate::domain::audit::engine::kept::{self, KeptNodes, WIDTH};
use crate::domain::audit::engine::verify::{Broken, Range, Verified, verify};
use crate::domain::audit::engine::{sequencer, tree};
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;
use crate::kernel::time::Timestamp;
use crate::port::logs::LogQuery;
use crate::port::records::{Filter, Scalar, Scope};

/// Verifies the log.
pub(in crate::domain::audit) struct Verify;

/// What of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Input {
    /// Hold entries against the chain from this number on; 1 when not given. The chain and the tree are always worked out whole.
    #[serde(default)]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64))]
    from: Option<u64>,
    /// Up to this number; the last when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64))]
    to: Option<u64>,
    /// Only prove that the entries of the call with this request id are in the log, without verifying the rest.
    #[serde(default)]
    request_id: Option<CallId>,
    /// Only prove that the log begins with its first so many entries unchanged: the size that an earlier checkpoint names.
    #[serde(default)]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64))]
    since: Option<u64>,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Output {
    /// Whether everything fits that was looked at.
    valid: bool,
    /// How much was looked at; absent where only proofs were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<Checked>,
    /// The first entry that does not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_broken: Option<FirstBroken>,
    /// The first checkpoint that does not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    fork: Option<ForkTold>,
    /// The head of the log: what to keep elsewhere.
    head: Head,
    /// The end of the tenant's own chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<ChainTold>,
    /// For each entry of the call that was named, the proof that it is in the tree of the checkpoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inclusion: Vec<Inclusion>,
    /// The proof that the tree of the checkpoint begins with the earlier one.
    #[serde(skip_serializing_if = "Option::is_none")]
    consistency: Option<Consistency>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Checked {
    /// Entries that are what the chain says.
    entries: u64,
    /// Entries that retention removed in the declared way; the chain holds without them.
    removed: u64,
    /// Links that the tree was worked out from, over all tenants.
    links: u64,
    /// Checkpoints, in the store and the anchors, that fit.
    checkpoints: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FirstBroken {
    /// Its number in the tenant's chain, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    /// Its index in the tree, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    /// Its position in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<i64>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
    /// The call that it tells of, as far as that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<CallId>,
    /// What is wrong.
    why: String,
}

impl From<&Broken> for FirstBroken {
    fn from(broken: &Broken) -> Self {
        Self {
            number: Some(broken.number).filter(|number| *number > 0),
            index: broken.index,
            position: broken.position,
            timestamp: broken.at,
            request_id: broken.request_id,
            why: broken.why.to_owned(),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ForkTold {
    /// The size of the checkpoint.
    size: u64,
    /// An earlier checkpoint shows that so many entries are as they were: what is wrong lies behind them.
    intact: u64,
    /// What was found.
    why: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Head {
    /// Entries in the tree, over all tenants.
    size: u64,
    /// The root over them, in hex.
    root: String,
    /// The newest signed checkpoint: a signed note.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
    /// The key that its signature is checked with.
    public_key: String,
    /// Entries that are written and not in the chain yet: they are within a second.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    behind: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ChainTold {
    /// How many entries the tenant has had.
    length: u64,
    /// The hash of the last link, in hex.
    hash: String,
}

/// A proof after RFC 6962. Its leaf is the link's hash; the link says what `docs/decisions/0008` describes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    /// The number of the entry in the tenant's chain.
    number: u64,
    /// Its index in the tree.
    index: u64,
    /// The hash of the entry, in hex.
    entry_hash: String,
    /// The hash of its link: the data of the leaf, in hex.
    link_hash: String,
    /// The hash of the link before it, in hex.
    previous_hash: String,
    /// The size of the tree that the proof is for.
    size: u64,
    /// The root that the proof leads to, in hex.
    root: String,
    /// The hashes beside the way to the root, in hex.
    proof: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Consistency {
    /// The size of the earlier tree.
    since: u64,
    /// Its root as the log gives it now, in hex: compare it with the earlier checkpoint's.
    since_root: String,
    /// The size of the later tree.
    size: u64,
    /// Its root, in hex.
    root: String,
    /// The proof, in hex.
    proof: Vec<String>,
}

impl Capability for Verify {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "audit_verify",
        Domain::Audit,
        Route::get("/audit/verify"),
        Permit::on(Resource::Audit, Action::Read),
        "Checks that nothing in the log was changed, removed, reordered or slipped in: works out the hash chain and the Merkle \
         tree anew, names the first broken entry, and answers the signed head to anchor elsewhere; or proves single entries. To \
         read entries use audit_query.",
    )
    .sees_entries();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        if let (Some(from), Some(to)) = (input.from, input.to)
            && from > to
        {
            return Err(Fault::bad_input("/to", "must not be less than 'from'"));
        }
        let keeper = cx.service::<Keeper>()?;
        let behind = keeper.sequencer.is_behind().await?;
        if input.request_id.is_some() || input.since.is_some() {
            return proofs(cx, &keeper, &input, behind).await;
        }
        let range = Range { from: input.from.unwrap_or(1), to: input.to.unwrap_or(u64::MAX) };
        let found = verify(&cx.platform().store, &keeper.checkpoints, cx.tenant(), range).await?;
        keeper.tell(alarm(&found));
        let first_broken = found.broken.as_ref().map(FirstBroken::from);
        let fork =
            found.fork.as_ref().map(|fork| ForkTold { size: fork.size, intact: fork.intact, why: fork.say.clone() });
        Ok(Output {
            valid: found.is_good(),
            checked: Some(Checked {
                entries: found.entries,
                removed: found.removed,
                links: found.size,
                checkpoints: found.checkpoints,
            }),
            first_broken,
            fork,
            head: told_head(cx, &keeper, (found.size, found.root), behind).await?,
            chain: found.chain.map(|end| ChainTold { length: end.length, hash: hex(&end.hash) }),
            inclusion: Vec::new(),
            consistency: None,
        })
    }
}

fn alarm(found: &Verified) -> Option<String> {
    let broken = found.broken.as_ref().map(|broken| {
        let which = broken.index.map_or_else(String::new, |index| format!(" (index {index} of the tree)"));
        format!("a verification found that {}{which}.", broken.why)
    });
    let fork = found.fork.as_ref().map(|fork| format!("A verification found: {}.", fork.say));
    let all: Vec<String> = broken.into_iter().chain(fork).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

async fn told_head(cx: &Cx, keeper: &Keeper, (size, root): (u64, Hash), behind: bool) -> Result<Head, Fault> {
    let made = newest(&*cx.platform().store).await?;
    Ok(Head {
        size,
        root: hex(&root),
        checkpoint: made.map(|(made, _)| made.note),
        public_key: keeper.checkpoints.signer().verifier().to_string(),
        behind,
    })
}

/// Proofs in the tree of the newest checkpoint, so that they can be checked with nothing but that.
async fn proofs(cx: &Cx, keeper: &Keeper, input: &Input, behind: bool) -> Result<Output, Fault> {
    let store = &cx.platform().store;
    let made = newest(&**store).await?;
    let opened = made.as_ref().and_then(|(made, _)| keeper.checkpoints.signer().verifier().open(&made.note));
    let mut nodes = KeptNodes::new(store.clone());
    let head = sequencer::head(&**store).await?.map_or(0, |(head, _)| head.size);
    let size = opened.map_or(head, |checkpoint| checkpoint.size.min(head));
    let root = tree::root(&mut nodes, size).await?;
    let mut inclusion = Vec::new();
    if let Some(call) = input.request_id {
        let filter = Filter::is("requestId", Scalar::Id(call.uuid()));
        let query = LogQuery { filter, beyond: None, descending: false, limit: 200 };
        let entries = store.entries(Scope::Tenant(cx.tenant()), &AUDIT, query).await.map_err(store_fault)?;
        if entries.is_empty() {
            return Err(Fault::not_found("entry of a call", call));
        }
        for entry in entries {
            let place = place_of(cx, entry.position, head).await?.filter(|(index, ..)| *index < size);
            let Some((index, link, previous)) = place else { continue };
            let proof = tree::inclusion(&mut nodes, index, size).await?;
            inclusion.push(Inclusion {
                number: link.said.number,
                index,
                entry_hash: hex(&link.said.entry),
                link_hash: hex(&link.hash),
                previous_hash: hex(&previous),
                size,
                root: hex(&root),
                proof: proof.iter().map(hex).collect(),
            });
        }
        if inclusion.is_empty() {
            return Err(Fault::bad_input(
                "/requestId",
                "the call's entries are not under a signed checkpoint yet: ask again when there is a new one",
            ));
        }
    }
    let consistency = match input.since {
        None => None,
        Some(since) if since > size => {
            let say =
                format!("the newest checkpoint has {size} entries: nothing larger can be proved to be its beginning");
            return Err(Fault::bad_input("/since", say));
        }
        Some(since) => Some(Consistency {
            since,
            since_root: hex(&tree::root(&mut nodes, since).await?),
            size,
            root: hex(&root),
            proof: tree::consistency(&mut nodes, since, size).await?.iter().map(hex).collect(),
        }),
    };
    let valid = inclusion.iter().all(|one| holds(one, &root));
    let head = told_head(cx, keeper, (size, root), behind).await?;
    Ok(Output { valid, checked: None, first_broken: None, fork: None, head, chain: None, inclusion, consistency })
}

/// What is handed out as a proof proves something.
fn holds(one: &Inclusion, root: &Hash) -> bool {
    let proof: Option<Vec<Hash>> = one.proof.iter().map(|hash| from_hex(hash)).collect();
    let link = from_hex(&one.link_hash).map(|link| crate::domain::audit::engine::hash::leaf(&link));
    matches!((proof, link), (Some(proof), Some(link)) if tree::is_included(one.index, &link, one.size, &proof, root))
}

/// The index and link of the entry at a position, and the hash of the tenant's link before it: positions grow with the index,
/// so a few bundles are looked into.
async fn place_of(cx: &Cx, position: i64, size: u64) -> Result<Option<(u64, kept::Link, Hash)>, Fault> {
    let store = &*cx.platform().store;
    let (mut low, mut high) = (0, size.div_ceil(WIDTH));
    while low < high {
        let middle = low + (high - low) / 2;
        let links = kept::bundle(store, middle).await?;
        match (links.first(), links.last()) {
            (Some(first), _) if position < first.position => high = middle,
            (_, Some(last)) if position > last.position => low = middle + 1,
            (Some(_), Some(_)) => {
                let Some(at) = links.iter().position(|link| link.position == position) else { return Ok(None) };
                let link = links[at];
                let own = |one: &&kept::Link| one.said.tenant == link.said.tenant;
                let mut previous = links[..at].iter().rev().find(own).copied();
                let mut before = middle;
                while previous.is_none() && link.said.number > 1 && before > 0 {
                    before -= 1;
                    previous = kept::bundle(store, before).await?.iter().rev().find(own).copied();
                }
                let index = middle * WIDTH + u64::try_from(at).unwrap_or(0);
                return Ok(Some((index, link, previous.map_or([0; 32], |link| link.hash))));
            }
            (None, _) | (_, None) => return Ok(None),
        }
    }
    Ok(None)
}
