//! Sealing of what audit entries say of people: under a key per data subject, so that destroying the key erases it while the
//! entry, and every proof of it, stays. The entry commits to the ciphertext.
//!
//! Who did what to which thing is not sealed, since the log is searched by it; those are ids, which say nothing when the
//! account behind them is gone. What the properties were before and after, and addresses, are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::capability::caches::{CountedCache, NamedCache as _};
use crate::kernel::id::{CallId, TenantId, new_uuid};
use crate::kernel::reading;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Field, FieldType, Filter, Kind, Query, Scalar, Scope, Visibility};
use crate::port::store::{Batch, Expect, Put, Step, Store, StoreFault};
use crate::port::subject_keys::{Kept, KeyBytes, KeyName, SubjectKeys};

/// Keys that are remembered, and how long: another instance may have destroyed one.
const REMEMBERED: u64 = 50_000;
const REMEMBERED_FOR: Duration = Duration::from_mins(5);

/// Which keys belong to a data subject.
pub static SUBJECT_KEY: Kind = Kind {
    fields: &[Field { name: "subject", of: FieldType::Id }, Field { name: "destroyed", of: FieldType::Boolean }],
    ..Kind::new("audit_key")
};

/// That a key belongs to a data subject. Stays when the key is destroyed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectKey {
    /// Whose data it seals.
    pub subject: Uuid,
    /// The key's name.
    pub key: KeyName,
    /// Whether it was destroyed.
    pub destroyed: bool,
}

impl Document for SubjectKey {
    const KIND: &'static Kind = &SUBJECT_KEY;
}

/// What an entry says of one person, sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct SealedPart {
    subject: Uuid,
    key: KeyName,
    #[serde(rename = "box")]
    sealed: String,
}

/// Why a part of an entry cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// The person's data was erased.
    Erased,
    /// The key is not on this machine: it was not brought along with a restored backup.
    KeyMissing,
    /// It is not what was sealed under the key.
    Damaged,
}

/// A key in the hands of those who seal.
struct Held {
    name: KeyName,
    bytes: KeyBytes,
    /// The document that says whose it is.
    document: Uuid,
    /// Whether that document is on disk.
    confirmed: AtomicBool,
}

/// What was sealed for one entry, until its commit is through.
#[derive(Default)]
pub struct Sealing {
    used: Vec<Arc<Held>>,
    /// What must be committed with the entry.
    pub steps: Vec<Step>,
}

impl Sealing {
    /// Commits an entry that stands by itself, with other steps of its tenant. Answers when it is on disk.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn commit(
        mut self,
        store: &dyn Store,
        tenant: TenantId,
        at: Timestamp,
        mut steps: Vec<Step>,
    ) -> Result<(), StoreFault> {
        steps.append(&mut self.steps);
        store.commit(vec![Batch { tenant, at, steps }]).await?;
        self.committed();
        Ok(())
    }

    /// The entry is on disk, and with it whose keys sealed it.
    pub fn committed(&self) {
        for held in &self.used {
            held.confirmed.store(true, Ordering::Release);
        }
    }
}

/// Seals and opens.
pub struct Sealer {
    keys: Arc<dyn SubjectKeys>,
    of_subjects: Arc<CountedCache<(TenantId, Uuid), Arc<Held>>>,
    opened: Arc<CountedCache<KeyName, Result<Arc<KeyBytes>, Withheld>>>,
}

impl Sealer {
    /// The pool that keys of data subjects are taken from; `None` where none was taken yet.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn pool(&self) -> Result<Option<Uuid>, StoreFault> {
        self.keys.pool().await
    }

    /// A sealer with keys from here.
    #[must_use]
    pub fn new(keys: Arc<dyn SubjectKeys>) -> Self {
        let of_subjects = CountedCache::lasting(REMEMBERED, REMEMBERED_FOR);
        let opened = CountedCache::lasting(REMEMBERED, REMEMBERED_FOR);
        Self { keys, of_subjects, opened }
    }

    /// Where the keys are.
    #[must_use]
    pub fn keys(&self) -> &Arc<dyn SubjectKeys> {
        &self.keys
    }

    /// Forgets the keys that it remembers of a data subject, and all that were opened.
    pub fn forget(&self, tenant: TenantId, subject: Uuid) {
        self.of_subjects.remove(&(tenant, subject));
        self.opened.clear();
    }

    /// Forgets whose the keys are: another store has come in place of the one that said so.
    pub fn forget_all(&self) {
        self.of_subjects.clear();
        self.opened.clear();
    }

    /// Seals what an entry says of people into its body: each part under the key of the person that it speaks of.
    ///
    /// # Errors
    /// When the store or the keys fail.
    pub async fn seal(
        &self,
        store: &dyn Store,
        tenant: TenantId,
        (call, at): (CallId, Timestamp),
        parts: Vec<(Uuid, Value)>,
        body: &mut Value,
    ) -> Result<Sealing, StoreFault> {
        let mut sealing = Sealing::default();
        let mut sealed = Vec::with_capacity(parts.len());
        for (subject, part) in parts {
            let held = self.key_of(store, tenant, subject, at).await?;
            let plain = serde_json::to_vec(&part).map_err(|error| StoreFault::Broken(error.to_string()))?;
            let text = encrypt(&held.bytes, &bound_to(tenant, subject, call), plain)?;
            sealed.push(SealedPart { subject, key: held.name, sealed: text });
            if !held.confirmed.load(Ordering::Acquire) {
                sealing.steps.push(belongs(held.document, subject, held.name)?);
                sealing.used.push(held);
            }
        }
        if let Value::Object(properties) = body
            && !sealed.is_empty()
        {
            let sealed = serde_json::to_value(sealed).map_err(|error| StoreFault::Broken(error.to_string()))?;
            properties.insert("sealed".to_owned(), sealed);
        }
        // The order in which entries are hashed: most are then verified without being read.
        body.sort_all_objects();
        Ok(sealing)
    }

    async fn key_of(
        &self,
        store: &dyn Store,
        tenant: TenantId,
        subject: Uuid,
        at: Timestamp,
    ) -> Result<Arc<Held>, StoreFault> {
        if let Some(held) = self.of_subjects.get(&(tenant, subject)) {
            return Ok(held);
        }
        let filter = Filter::is("subject", Scalar::Id(subject)).and(Filter::is("destroyed", Scalar::Boolean(false)));
        for record in store.find(Scope::Tenant(tenant), &SUBJECT_KEY, Query::newest(filter, 4)).await? {
            let Ok(known) = reading::read::<SubjectKey>(record.body) else { continue };
            if let Kept::Key(bytes) = self.keys.read(known.key).await? {
                let confirmed = AtomicBool::new(true);
                let held = Held { name: known.key, bytes, document: record.id, confirmed };
                return Ok(self.remember(tenant, subject, held));
            }
        }
        let (name, bytes) = self.keys.take().await?;
        let held = Held { name, bytes, document: new_uuid(at), confirmed: AtomicBool::new(false) };
        Ok(self.remember(tenant, subject, held))
    }

    /// Of two who come at once, both use the key of the first.
    fn remember(&self, tenant: TenantId, subject: Uuid, held: Held) -> Arc<Held> {
        let held = Arc::new(held);
        self.of_subjects.get_with((tenant, subject), || held.clone())
    }

    /// Takes the sealed parts out of an entry's body and opens them. Answers what each says, and why one cannot be read.
    ///
    /// # Errors
    /// When the keys fail.
    pub(super) async fn open(
        &self,
        tenant: TenantId,
        body: &mut Value,
    ) -> Result<(Vec<Value>, Option<Withheld>), StoreFault> {
        let sealed = body.as_object_mut().and_then(|properties| properties.remove("sealed"));
        let Some(sealed) = sealed else { return Ok((Vec::new(), None)) };
        let call = body["requestId"].as_str().and_then(|call| call.parse::<CallId>().ok());
        let (Ok(parts), Some(call)) = (reading::read::<Vec<SealedPart>>(sealed), call) else {
            return Ok((Vec::new(), Some(Withheld::Damaged)));
        };
        let (mut told, mut withheld) = (Vec::new(), None);
        for part in parts {
            let opened = match self.bytes_of(part.key).await? {
                Ok(bytes) => decrypt(&bytes, &bound_to(tenant, part.subject, call), &part.sealed)
                    .and_then(|plain| serde_json::from_slice(&plain).ok())
                    .ok_or(Withheld::Damaged),
                Err(withheld) => Err(withheld),
            };
            match opened {
                Ok(part) => told.push(part),
                Err(why) => withheld = Some(why),
            }
        }
        Ok((told, withheld))
    }

    async fn bytes_of(&self, name: KeyName) -> Result<Result<Arc<KeyBytes>, Withheld>, StoreFault> {
        if let Some(known) = self.opened.get(&name) {
            return Ok(known);
        }
        let found = match self.keys.read(name).await? {
            Kept::Key(bytes) => Ok(Arc::new(bytes)),
            Kept::Destroyed => Err(Withheld::Erased),
            Kept::Elsewhere => Err(Withheld::KeyMissing),
        };
        self.opened.insert(name, found.clone());
        Ok(found)
    }
}

/// The step that says whose a key is. Written with every entry that it seals until one of them is on disk.
fn belongs(id: Uuid, subject: Uuid, key: KeyName) -> Result<Step, StoreFault> {
    let document = SubjectKey { subject, key, destroyed: false };
    Ok(Step::Put(Put {
        kind: &SUBJECT_KEY,
        id,
        expect: Expect::Anything,
        owner: None,
        workspace: None,
        visibility: Visibility::Private,
        body: serde_json::to_value(document).map_err(|error| StoreFault::Broken(error.to_string()))?,
    }))
}

/// What a sealed part belongs to: taken out of one entry and put into another it does not open.
fn bound_to(tenant: TenantId, subject: Uuid, call: CallId) -> [u8; 48] {
    let mut bytes = [0; 48];
    bytes[..16].copy_from_slice(tenant.uuid().as_bytes());
    bytes[16..32].copy_from_slice(subject.as_bytes());
    bytes[32..].copy_from_slice(call.uuid().as_bytes());
    bytes
}

fn cipher(key: &KeyBytes) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, &key[..]).ok().map(LessSafeKey::new)
}

fn encrypt(key: &KeyBytes, bound_to: &[u8], mut plain: Vec<u8>) -> Result<String, StoreFault> {
    let broken = || StoreFault::Broken("an audit entry could not be sealed".to_owned());
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(|_| broken())?;
    let cipher = cipher(key).ok_or_else(broken)?;
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound_to), &mut plain)
        .map_err(|_| broken())?;
    plain.splice(..0, nonce);
    Ok(STANDARD_NO_PAD.encode(plain))
}

fn decrypt(key: &KeyBytes, bound_to: &[u8], text: &str) -> Option<Vec<u8>> {
    let mut bytes = STANDARD_NO_PAD.decode(text).ok()?;
    let nonce: [u8; NONCE_LEN] = bytes.get(..NONCE_LEN)?.try_into().ok()?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let plain = cipher(key)?.open_in_place(nonce, Aad::from(bound_to), bytes.get_mut(NONCE_LEN..)?).ok()?;
    Some(plain.to_vec())
}
