//! Verifying an export with nothing but the file, a public key and a checkpoint that was kept elsewhere. No store, no keys of
//! data subjects: what is sealed is held against the chain as it lies there. No I/O.

use serde::Serialize;

use super::export::{Item, ItemKind, Title};
use super::hash::{Class, Hash, NOTHING, Said, from_hex, hex, leaf, of_link, of_parts};
use super::note::{Checkpoint, Verifier};
use super::tree::Edge;
use crate::capability::gate::audit::Cut;
use crate::kernel::id::TenantId;
use crate::kernel::reading;
use crate::kernel::time::Timestamp;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Whether everything fits.
    pub valid: bool,
    /// Entries that are what the chain says.
    pub entries: u64,
    /// Entries that were removed in the declared way.
    pub removed: u64,
    /// How many entries the checkpoint is of, over all tenants.
    pub size: u64,
    /// The root over them as the file gives it, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The first line that does not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_broken: Option<Broken>,
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Broken {
    /// The line of the file, from 1; absent where it is the file as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The number of the entry in the tenant's chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What is wrong.
    pub why: String,
}

/// Verifies an export line by line.
pub struct Offline {
    checkpoint: Checkpoint,
    tenant: Option<TenantId>,
    lines: u64,
    edge: Edge,
    number: u64,
    link: Hash,
    root: Option<Hash>,
    entries: u64,
    cuts: Vec<Cut>,
    /// Entries that are not there: line, number, class, time.
    removed: Vec<(u64, u64, Class, Timestamp)>,
    broken: Option<Broken>,
}

impl Offline {
    /// A verification against a checkpoint.
    ///
    /// # Errors
    /// When the key has not signed it.
    pub fn new(verifier: &Verifier, note: &str) -> Result<Self, String> {
        let checkpoint = verifier.open(note).ok_or("the checkpoint is not signed by this key")?;
        Ok(Self {
            checkpoint,
            tenant: None,
            lines: 0,
            edge: Edge::default(),
            number: 0,
            link: NOTHING,
            root: None,
            entries: 0,
            cuts: Vec::new(),
            removed: Vec::new(),
            broken: None,
        })
    }

    /// Takes the next line.
    pub fn line(&mut self, text: &str) {
        self.lines += 1;
        if self.lines == 1 {
            match serde_json::from_str::<Title>(text) {
                Ok(title) if title.convoke_audit_export == 1 => self.tenant = Some(title.tenant_id),
                Ok(_) | Err(_) => self.breaks(None, "it is not the first line of an export that this program reads"),
            }
            return;
        }
        // Beyond the checkpoint nothing is proved by it.
        if self.edge.size() >= self.checkpoint.size && self.root.is_some() {
            return;
        }
        let Ok(item) = serde_json::from_str::<Item>(text) else {
            return self.breaks(None, "the line cannot be read");
        };
        match item.kind {
            ItemKind::Subtree => self.subtree(&item),
            ItemKind::Entry | ItemKind::Removed => self.entry(item),
        }
        if self.edge.size() == self.checkpoint.size {
            self.root = Some(self.edge.root());
        }
    }

    fn subtree(&mut self, item: &Item) {
        let root = item.root.as_deref().and_then(from_hex);
        let (Some(level), Some(root)) = (item.level, root) else {
            return self.breaks(None, "the line cannot be read");
        };
        if !self.edge.push_whole(level, root) {
            self.breaks(None, "a subtree stands where none of its size can");
        }
    }

    fn entry(&mut self, item: Item) {
        let hashes = item.entry_hash.as_deref().and_then(from_hex).zip(item.link_hash.as_deref().and_then(from_hex));
        let class = item.class.and_then(Class::read);
        let (Some(number), Some(at), Some(class), Some((told, link)), Some(tenant)) =
            (item.number, item.at, class, hashes, self.tenant)
        else {
            return self.breaks(item.number, "the line cannot be read");
        };
        if number != self.number + 1 {
            self.breaks(Some(number), &format!("entry {} should stand here", self.number + 1));
        }
        if let Some(body) = item.body {
            if of_parts(tenant, at, "", &body) != told || Class::of(&body) != class {
                self.breaks(Some(number), "the entry was altered");
            } else {
                self.entries += 1;
                self.cuts.extend(reading::read::<Cut>(body["cut"].clone()).ok());
            }
        } else {
            self.removed.push((self.lines, number, class, at));
        }
        let said = Said { tenant, number, at, class, entry: told };
        if of_link(&self.link, &said) != link {
            self.breaks(Some(number), "the link of the chain was altered");
        }
        (self.number, self.link) = (number, link);
        self.edge.push(leaf(&link));
    }

    fn breaks(&mut self, number: Option<u64>, why: &str) {
        let line = Some(self.lines);
        self.broken.get_or_insert_with(|| Broken { line, number, why: why.to_owned() });
    }

    /// What was found, when the last line was taken.
    #[must_use]
    pub fn end(mut self) -> Found {
        let covered = |class: Class, at: Timestamp| {
            self.cuts.iter().any(|cut| match class {
                Class::Detailed => at < cut.detailed_before,
                Class::Compliance => at < cut.compliance_before,
                Class::Cut => false,
            })
        };
        let missing = self.removed.iter().find(|(_, _, class, at)| !covered(*class, *at)).copied();
        if let Some((line, number, ..)) = missing {
            let why = "the entry is missing, and nothing declares that retention removed it".to_owned();
            let missing = Broken { line: Some(line), number: Some(number), why };
            if self.broken.as_ref().is_none_or(|broken| broken.line > missing.line) {
                self.broken = Some(missing);
            }
        }
        let wanted = &self.checkpoint;
        let whole = match &self.root {
            Some(root) if *root == wanted.root => None,
            Some(root) => Some(format!(
                "the file gives root {} over {} entries, the checkpoint says {}: the log was rewritten",
                hex(root),
                wanted.size,
                hex(&wanted.root)
            )),
            None if self.edge.size() < wanted.size => Some(format!(
                "the file ends after {} entries of the tree and the checkpoint has {}: it was cut, or is older",
                self.edge.size(),
                wanted.size
            )),
            None => Some(format!(
                "the file was not made for this checkpoint: make it with '--checkpoint', so that it can be split at {}",
                wanted.size
            )),
        };
        if let Some(why) = whole {
            self.broken.get_or_insert(Broken { line: None, number: None, why });
        }
        Found {
            valid: self.broken.is_none(),
            entries: self.entries,
            removed: u64::try_from(self.removed.len()).unwrap_or(u64::MAX),
            size: self.checkpoint.size,
            root: self.root.as_ref().map(hex),
            first_broken: self.broken,
        }
    }
}
