//! Verifying: every link of the chains and the tree is worked out anew, every entry of a tenant is held against its link, and
//! the roots against every checkpoint that is known. The first entry that does not fit is named where it can be.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::checkpoints::Checkpoints;
use super::hash::{Class, Hash, NOTHING, hex, leaf, of_entry, of_kept, of_link, of_parts};
use super::kept::{self, ChainEnd, Link, WIDTH};
use super::sequencer::head;
use super::tree::Edge;
use crate::capability::cx::store_fault;
use crate::capability::gate::audit::{AUDIT, Cut};
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId};
use crate::kernel::reading;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Kept, LogQuery};
use crate::port::records::{Filter, Scalar, Scope};
use crate::port::store::Store;

/// The action by which retention declares what it removed.
pub const RETENTION: &str = "audit_retention";

/// Entries that are read and hashed at a time.
const PAGE: u32 = 2000;

/// Which entries of a tenant's chain are held against it, by number.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// From this one.
    pub from: u64,
    /// To this one.
    pub to: u64,
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The number of the entry in the tenant's chain, 0 where it has none.
    pub number: u64,
    /// Its index in the tree, where it has one.
    pub index: Option<u64>,
    /// Its position in the log, where that is known.
    pub position: Option<i64>,
    /// When it was appended, as the chain says.
    pub at: Option<Timestamp>,
    /// The call that it tells of, as far as it can be read.
    pub request_id: Option<CallId>,
    /// What is wrong.
    pub why: &'static str,
}

/// A checkpoint that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The checkpoint's size.
    pub size: u64,
    /// Up to here an earlier checkpoint shows the log to be as it was.
    pub intact: u64,
    /// What was found.
    pub say: String,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Verified {
    /// Entries that are in the log and fit their links.
    pub entries: u64,
    /// Entries that retention removed; their links fit.
    pub removed: u64,
    /// Links of all tenants that the tree was worked out from.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The tenant's chain, as it was worked out.
    pub chain: Option<ChainEnd>,
    /// Checkpoints that fit.
    pub checkpoints: u64,
    /// The first entry that does not fit.
    pub broken: Option<Broken>,
    /// The first checkpoint that does not fit.
    pub fork: Option<Fork>,
}

impl Verified {
    /// Whether everything fits.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.broken.is_none() && self.fork.is_none()
    }

    fn breaks(&mut self, broken: Broken) {
        if self.broken.is_none() {
            self.broken = Some(broken);
        }
    }
}

/// Verifies a tenant's entries within a range, and the chains and the tree as a whole.
///
/// # Errors
/// When the store fails.
pub async fn verify(
    store: &Arc<dyn Store>,
    checkpoints: &Checkpoints,
    tenant: TenantId,
    range: Range,
) -> Result<Verified, Fault> {
    let (head, _) = head(&**store).await?.unwrap_or_default();
    let known = checkpoints.known().await?;
    let cuts = Cuts::of(&**store, tenant).await?;
    let mut found = Verified::default();
    let mut walk = Walk { edge: Edge::default(), ends: HashMap::new(), held: 0, intact: 0 };
    let mut entries: Option<Pager> = None;
    for number in 0..head.size.div_ceil(WIDTH) {
        let mut links = kept::bundle(&**store, number).await?;
        links.truncate(usize::try_from(head.size - number * WIDTH).unwrap_or(usize::MAX));
        let wanted = (head.size - number * WIDTH).min(WIDTH);
        let (is_short, next) = (u64::try_from(links.len()).unwrap_or(0) < wanted, walk.edge.size());
        for link in links {
            let index = walk.edge.size();
            if let Some(why) = walk.take(&link) {
                found.breaks(Broken { request_id: None, ..broken_link(&link, index, tenant, why) });
            }
            if link.said.tenant == tenant && (range.from..=range.to).contains(&link.said.number) {
                // What was put in before the first entry is found where everything is verified.
                let first = if range.from <= 1 { i64::MIN + 1 } else { link.position };
                let pager = entries.get_or_insert_with(|| Pager::start(store.clone(), tenant, first, head.position));
                hold(pager, &link, index, &cuts, &mut found).await?;
            }
            walk.hold_against(&known, &mut found);
        }
        if is_short {
            found.breaks(Broken {
                number: 0,
                index: Some(walk.edge.size().max(next)),
                position: None,
                at: None,
                request_id: None,
                why: "links of the chain are missing",
            });
            break;
        }
    }
    if let Some(mut pager) = entries
        && range.to == u64::MAX
        && let Some(extra) = pager.next().await?
    {
        found.breaks(inserted(&extra));
    }
    let end = kept::read::<ChainEnd>(&**store, tenant.uuid()).await?.map(|(end, _)| end);
    found.chain = walk.ends.get(&tenant).copied();
    if end != found.chain {
        found.breaks(Broken {
            number: found.chain.map_or(0, |end| end.length),
            index: None,
            position: None,
            at: None,
            request_id: None,
            why: "the chain does not end where it is said to end",
        });
    }
    if let Some((whose, checkpoint)) = known.iter().find(|(_, checkpoint)| checkpoint.size > walk.edge.size()) {
        let (size, has) = (checkpoint.size, walk.edge.size());
        let say =
            format!("the log has {has} entries in its chain and {whose} keeps a checkpoint of {size}: it was cut");
        found.fork.get_or_insert(Fork { size, intact: walk.intact, say });
    }
    (found.size, found.root) = (walk.edge.size(), walk.edge.root());
    Ok(found)
}

/// Holds the entry of a link against it.
async fn hold(pager: &mut Pager, link: &Link, index: u64, cuts: &Cuts, found: &mut Verified) -> Result<(), Fault> {
    loop {
        match pager.peek().await? {
            Some(entry) if entry.position < link.position => {
                found.breaks(inserted(entry));
                pager.skip();
            }
            Some(entry) if entry.position == link.position => {
                if entry.is(link) {
                    found.entries += 1;
                } else {
                    let broken = broken_link(link, index, link.said.tenant, "the entry was altered");
                    found.breaks(Broken { request_id: entry.request_id(), ..broken });
                }
                pager.skip();
                return Ok(());
            }
            Some(_) | None => {
                if cuts.cover(link) {
                    found.removed += 1;
                } else {
                    found.breaks(broken_link(link, index, link.said.tenant, "the entry is missing"));
                }
                return Ok(());
            }
        }
    }
}

fn inserted(entry: &Hashed) -> Broken {
    Broken {
        number: 0,
        index: None,
        position: Some(entry.position),
        at: Some(entry.kept.at),
        request_id: entry.request_id(),
        why: "the entry is not in the chain: it was put in later",
    }
}

/// Of other tenants' entries no more is told than that one of them does not fit.
fn broken_link(link: &Link, index: u64, tenant: TenantId, why: &'static str) -> Broken {
    let own = link.said.tenant == tenant;
    Broken {
        number: if own { link.said.number } else { 0 },
        index: Some(index),
        position: own.then_some(link.position),
        at: own.then_some(link.said.at),
        request_id: None,
        why,
    }
}

/// The chains and the tree, as they are worked out link by link.
struct Walk {
    edge: Edge,
    ends: HashMap<TenantId, ChainEnd>,
    /// How many of the known checkpoints were passed.
    held: usize,
    intact: u64,
}

impl Walk {
    /// Takes the next link; answers what is wrong with it.
    fn take(&mut self, link: &Link) -> Option<&'static str> {
        let end = self.ends.entry(link.said.tenant).or_insert(ChainEnd { length: 0, hash: NOTHING });
        let fits = link.said.number == end.length + 1 && of_link(&end.hash, &link.said) == link.hash;
        *end = ChainEnd { length: link.said.number, hash: link.hash };
        self.edge.push(leaf(&link.hash));
        (!fits).then_some("the link of the chain was altered")
    }

    /// Holds the root so far against the checkpoints of just this size.
    fn hold_against(&mut self, known: &[(String, super::note::Checkpoint)], found: &mut Verified) {
        while let Some((whose, checkpoint)) = known.get(self.held)
            && checkpoint.size <= self.edge.size()
        {
            self.held += 1;
            let (size, root) = (checkpoint.size, self.edge.root());
            if size != self.edge.size() {
                continue;
            }
            if root == checkpoint.root {
                found.checkpoints += 1;
                if found.fork.is_none() {
                    self.intact = size;
                }
            } else if found.fork.is_none() {
                let say = format!(
                    "the first {size} entries give root {}, and {whose} keeps a checkpoint of them with root {}: the log was \
                     rewritten after entry {}",
                    hex(&root),
                    hex(&checkpoint.root),
                    self.intact
                );
                found.fork = Some(Fork { size, intact: self.intact, say });
            }
        }
    }
}

/// What retention has declared to have removed.
pub struct Cuts(Vec<Cut>);

impl Cuts {
    /// All that a tenant's log declares. The declarations themselves are entries and are held against the chain as such.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(store: &dyn Store, tenant: TenantId) -> Result<Self, Fault> {
        let mut cuts = Vec::new();
        let mut beyond = None;
        loop {
            let filter = Filter::is("action", Scalar::Text(RETENTION.to_owned()));
            let query = LogQuery { filter, beyond, descending: false, limit: 500 };
            let page = store.entries(Scope::Tenant(tenant), &AUDIT, query).await.map_err(store_fault)?;
            let Some(last) = page.last() else { return Ok(Self(cuts)) };
            beyond = Some(last.position);
            cuts.extend(page.iter().filter_map(|entry| reading::read::<Cut>(entry.body["cut"].clone()).ok()));
        }
    }

    /// Whether the entry of a link was removed in the declared way.
    #[must_use]
    pub fn cover(&self, link: &Link) -> bool {
        self.0.iter().any(|cut| match link.said.class {
            Class::Detailed => link.position <= cut.detailed_through && link.said.at < cut.detailed_before,
            Class::Compliance => link.position <= cut.compliance_through && link.said.at < cut.compliance_before,
            Class::Cut => false,
        })
    }
}

/// An entry whose text was hashed.
#[derive(Debug)]
struct Hashed {
    position: i64,
    kept: Kept,
    hash: Hash,
}

impl Hashed {
    fn of(kept: Kept) -> Self {
        Self { position: kept.position, hash: of_kept(&kept), kept }
    }

    /// Whether it is what a link says. Where its text is not in the form that is hashed it is read and brought into it.
    fn is(&self, link: &Link) -> bool {
        let Kept { tenant, at, stream, .. } = &self.kept;
        let same = || self.hash == link.said.entry;
        let same_when_read = || self.body().is_some_and(|body| of_parts(*tenant, *at, stream, &body) == link.said.entry);
        *at == link.said.at && (same() || same_when_read())
    }

    fn body(&self) -> Option<Value> {
        serde_json::from_str(&self.kept.body).ok()
    }

    fn request_id(&self) -> Option<CallId> {
        self.body()?["requestId"].as_str()?.parse().ok()
    }
}

/// Reads a tenant's entries in order: while one page is hashed the next is read.
struct Pager {
    pages: mpsc::Receiver<Result<JoinHandle<Vec<Hashed>>, Fault>>,
    page: std::vec::IntoIter<Hashed>,
    next: Option<Hashed>,
    reading: JoinHandle<()>,
}

impl Drop for Pager {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Pager {
    /// Reads from a position to another, both included.
    fn start(store: Arc<dyn Store>, tenant: TenantId, from: i64, to: i64) -> Self {
        let (send, pages) = mpsc::channel(2);
        let reading = tokio::spawn(async move {
            let mut beyond = Some(from - 1);
            loop {
                let query = LogQuery { filter: Filter::All, beyond, descending: false, limit: PAGE };
                match store.kept(Scope::Tenant(tenant), &AUDIT, query).await {
                    Err(fault) => {
                        let _ = send.send(Err(store_fault(fault))).await;
                        return;
                    }
                    Ok(mut page) => {
                        beyond = page.last().map(|last| last.position);
                        let is_last = beyond.is_none_or(|last| last >= to);
                        page.retain(|entry| entry.position <= to);
                        let hashing = tokio::task::spawn_blocking(move || page.into_iter().map(Hashed::of).collect());
                        if send.send(Ok(hashing)).await.is_err() || is_last {
                            return;
                        }
                    }
                }
            }
        });
        Self { pages, page: Vec::new().into_iter(), next: None, reading }
    }

    async fn peek(&mut self) -> Result<Option<&Hashed>, Fault> {
        while self.next.is_none() {
            if let Some(hashed) = self.page.next() {
                self.next = Some(hashed);
                break;
            }
            match self.pages.recv().await {
                None => return Ok(None),
                Some(page) => self.page = page?.await.map_err(Fault::internal)?.into_iter(),
            }
        }
        Ok(self.next.as_ref())
    }

    fn skip(&mut self) {
        self.next = None;
    }

    async fn next(&mut self) -> Result<Option<Hashed>, Fault> {
        self.peek().await?;
        Ok(self.next.take())
    }
}

/// A look at the end of the log, for a start: whether the last entries that the chain has are still there as they were.
///
/// # Errors
/// When the store fails.
pub async fn end_is_good(store: &Arc<dyn Store>) -> Result<Result<(), String>, Fault> {
    let Some((head, _)) = head(&**store).await?.filter(|(head, _)| head.size > 0) else {
        return Ok(Ok(()));
    };
    let number = (head.size - 1) / WIDTH;
    let mut links = kept::bundle(&**store, number).await?;
    links.truncate(usize::try_from(head.size - number * WIDTH).unwrap_or(usize::MAX));
    if u64::try_from(links.len()).unwrap_or(0) < head.size - number * WIDTH {
        return Ok(Err("links of the audit log's chain are missing".to_owned()));
    }
    let Some(first) = links.first() else { return Ok(Ok(())) };
    let query = LogQuery {
        filter: Filter::All,
        beyond: Some(first.position - 1),
        descending: false,
        limit: u32::try_from(WIDTH * 2).unwrap_or(u32::MAX),
    };
    let entries = store.entries(Scope::Platform, &AUDIT, query).await.map_err(store_fault)?;
    let entries: HashMap<i64, Hash> = entries.iter().map(|entry| (entry.position, of_entry(entry))).collect();
    for link in &links {
        let fits = match entries.get(&link.position) {
            Some(hash) => *hash == link.said.entry,
            None => Cuts::of(&**store, link.said.tenant).await?.cover(link),
        };
        if !fits {
            let say = format!(
                "an entry of the audit log from {} is not what the chain says it was: audit_verify names it",
                link.said.at
            );
            return Ok(Err(say));
        }
    }
    Ok(Ok(()))
}
