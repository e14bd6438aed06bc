//! The context of one running call. It exists only past the gate: who holds one has been identified, limited, authorised and
//! validated. Reads go to the store at once; writes are collected here and committed by the gate when the call ends well.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::caller::{Caller, Origin};
use super::changed::{difference, without_private};
use super::client::{Answers, Client};
use super::credentials::{Credentials, UseOf};
use super::events::Event;
use super::gate::audit::Record;
use super::gate::commit::{Stage, commit};
use super::gate::operation::Ending;
use super::owned::{Owned, Stored, Verdict, judge, visible_to};
use super::page::{Page, Paging};
use super::permit::{Action, Permit};
use super::place::{SealedKey, digest, key_of};
use super::platform::Platform;
use super::tool::Tool;
use super::touch::touched;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId, UserId, new_uuid};
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;
use crate::kernel::trace::TraceContext;
use crate::port::arriving::Arrived;
use crate::port::logs::Log;
use crate::port::queue::Job;
use crate::port::records::{Document, Filter, Kind, Place, Query, Scope, Visibility};
use crate::port::store::{Expect, Put, Step, StoreFault};

/// One call, as the gate let it in.
pub struct Call {
    /// The request id.
    pub id: CallId,
    /// Who calls.
    pub caller: Arc<Caller>,
    /// Where from.
    pub origin: Origin,
    /// The file that came with it.
    pub file: Option<Arc<dyn Arrived>>,
    /// What is called.
    pub tool: Arc<Tool>,
    /// When it came in.
    pub at: Timestamp,
    /// Until when it may run.
    pub deadline: Instant,
    /// What it answers item by item may go on for as long as items come: so long there may be none between two.
    pub silence: Duration,
    /// And not beyond this.
    pub flows_until: Instant,
    /// Says that it was called off; reaches what it runs.
    pub cancel: CancellationToken,
    /// The other side.
    pub client: Arc<dyn Client>,
    /// Answers given to its questions in earlier rounds.
    pub answers: Answers,
    /// The revision that the caller demands of what it changes.
    pub if_match: Option<i64>,
    /// Whether it may go on after its request.
    pub lasting: Lasting,
    /// How many subscriptions it took to make it: its events carry it on.
    pub hops: u32,
    /// Its place in a trace, where there is one.
    pub trace: Option<TraceContext>,
}

/// Whether a call may go on after its request was answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lasting {
    /// No: its answer is the request's answer.
    #[default]
    Answer,
    /// It can still become a task, when it says that it takes long.
    Either,
    /// It runs as a task.
    Task,
}

/// A change of a document, for the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    pub(super) resource_type: String,
    pub(super) resource_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Value>,
    /// Whose document it is: whose personal data the properties are.
    #[serde(skip)]
    pub(super) owner: Option<Uuid>,
}

/// What a call has collected.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) steps: Vec<Step>,
    pub(super) changes: Vec<Change>,
    pub(super) events: Vec<Event>,
    /// The users whose rights change; `None` for everybody's.
    pub(super) authority: Vec<Option<UserId>>,
    /// What the call is about, for the audit log; else the first document that it changes.
    pub(super) subject: Option<(&'static str, Uuid)>,
    /// What happened elsewhere, where the call records that.
    pub(super) record: Option<Record>,
    pub(super) revision: Option<i64>,
    pub(super) loaded: u32,
    /// Whether the revision that the caller demands was held against a document.
    pub(super) matched: bool,
    /// Answers that the other side gave while this ran.
    pub(super) given: Answers,
    /// Ends when the checkpoint that was begun last is through.
    pub(super) committing: Option<CancellationToken>,
    pub(super) committed_before: bool,
    /// A checkpoint did not succeed: what was collected before it is lost, and the call cannot end well.
    pub(super) broken: bool,
    /// The operation that the call ends.
    pub(super) ending: Option<Ending>,
}

/// Where a new document belongs.
#[derive(Debug, Clone, Copy)]
pub struct Belongs {
    /// Who owns it.
    pub owner: Option<Uuid>,
    /// The workspace.
    pub workspace: Option<Uuid>,
    /// Who else may see it.
    pub visibility: Visibility,
}

/// The context of one running call.
pub struct Cx {
    call: Arc<Call>,
    platform: Arc<Platform>,
    pending: Arc<Mutex<Pending>>,
    /// Whether something outside was asked.
    asked: Arc<AtomicBool>,
}

impl Cx {
    /// Only the gate makes one. `given` is what the other side answered in an earlier run of the same call.
    pub(super) fn new(call: Arc<Call>, platform: Arc<Platform>, ending: Option<Ending>, given: Answers) -> Self {
        let pending = Pending { given, ending, ..Pending::default() };
        Self { call, platform, pending: Arc::new(Mutex::new(pending)), asked: Arc::default() }
    }

    /// The same context, for whoever asks the other side on the call's behalf.
    pub(super) fn again(&self) -> Arc<Self> {
        let (call, platform, pending) = (self.call.clone(), self.platform.clone(), self.pending.clone());
        Arc::new(Self { call, platform, pending, asked: self.asked.clone() })
    }

    /// Where whoever asks something outside on the call's behalf says so: a call that asked nothing can be run again.
    #[must_use]
    pub fn asked(&self) -> Arc<AtomicBool> {
        self.asked.clone()
    }

    /// The call.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.call.caller
    }

    /// The caller's tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.call.caller.tenant
    }

    /// What all calls share.
    #[must_use]
    pub fn platform(&self) -> &Arc<Platform> {
        &self.platform
    }

    /// A service that a domain keeps alive between calls.
    ///
    /// # Errors
    /// When there is none: a fault of the program.
    pub fn service<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Fault> {
        self.platform.service()
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.platform.clock.now()
    }

    /// How many subscriptions it took to make this call.
    #[must_use]
    pub fn hops(&self) -> u32 {
        self.call.hops
    }

    /// A new id.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        new_uuid(self.now())
    }

    /// How long the call may still run.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.call.deadline.saturating_duration_since(Instant::now())
    }

    /// The credential of a name: of the caller's tenant, from the vault or the environment. Its use is in the audit log before
    /// this returns, also where the call itself is not audited; the text is wiped when what it answers is dropped.
    ///
    /// # Errors
    /// When there is none of that name or it cannot be opened.
    pub async fn credential(&self, name: &str) -> Result<Secret, Fault> {
        self.service::<Credentials>()?.0.take(&self.platform, &self.use_of(), name).await
    }

    /// A credential that the operator's configuration or files name, a variable of the environment: never one that a caller
    /// names.
    ///
    /// # Errors
    /// When the variable is not set.
    pub async fn operator_credential(&self, variable: &str) -> Result<Secret, Fault> {
        self.service::<Credentials>()?.0.take_of_operator(&self.platform, &self.use_of(), variable).await
    }

    fn use_of(&self) -> UseOf {
        UseOf::by(self.caller(), self.call.id, self.call.origin, &*self.call.tool.name)
    }

    // --- reading ---------------------------------------------------------------------------------------------------

    /// A document of the caller's tenant without judging whether the caller may see it: for what the program itself needs
    /// to know, such as whether a role that is named exists.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get<T: Document>(&self, id: Uuid) -> Result<Option<Stored<T>>, Fault> {
        let scope = Scope::Tenant(self.tenant());
        self.platform.store.get(scope, T::KIND, id).await.map_err(store_fault)?.map(Stored::read).transpose()
    }

    /// Documents of the caller's tenant without judging whether the caller may see them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find<T: Document>(&self, query: Query) -> Result<Vec<Stored<T>>, Fault> {
        let scope = Scope::Tenant(self.tenant());
        let records = self.platform.store.find(scope, T::KIND, query).await.map_err(store_fault)?;
        records.into_iter().map(Stored::read).collect()
    }

    /// Loads a document and judges whether the caller may do this to it, in one step. For a change, `If-Match` is held
    /// against the document's revision.
    ///
    /// # Errors
    /// `not_found` when there is none that the caller may see, `forbidden` when the caller may see it and not do this.
    pub async fn load<T: Owned>(&self, id: Uuid, action: Action) -> Result<Stored<T>, Fault> {
        let stored = self.get::<T>(id).await?.ok_or_else(|| Fault::not_found(T::NOUN, id))?;
        self.judged(stored, action)
    }

    /// The same for a document that was read already, such as one of a list.
    ///
    /// # Errors
    /// As `load`.
    pub fn judged<T: Owned>(&self, stored: Stored<T>, action: Action) -> Result<Stored<T>, Fault> {
        match judge(self.caller(), &stored, action) {
            Verdict::Hidden => return Err(Fault::not_found(T::NOUN, stored.id)),
            Verdict::Forbidden => return Err(forbidden(Permit::on(T::RESOURCE, action))),
            Verdict::Allowed => {}
        }
        let mut pending = self.pending();
        pending.loaded += 1;
        // An ETag names one document: where more are loaded the answer has none.
        pending.revision = (pending.loaded == 1).then_some(stored.revision);
        // If-Match speaks of the first document that is to be changed.
        if action != Action::Read
            && !std::mem::replace(&mut pending.matched, true)
            && self.call.if_match.is_some_and(|revision| revision != stored.revision)
        {
            return Err(Fault::new(&codes::PRECONDITION_FAILED, format!("the {} has another revision", T::NOUN))
                .with_detail(serde_json::json!({ "revision": stored.revision })));
        }
        drop(pending);
        Ok(stored)
    }

    /// One page of the documents that the caller may see.
    ///
    /// # Errors
    /// `bad_page_token` for a token that this list did not give out.
    pub async fn list<T: Owned>(
        &self,
        filter: Filter,
        order: &'static str,
        descending: bool,
        paging: &Paging,
    ) -> Result<Page<Stored<T>>, Fault> {
        self.list_of(&format!("{filter:?}"), filter, order, descending, paging).await
    }

    /// The same, where the filter holds what was looked up and can be another for the next page of the same list: `list`
    /// says which list it is.
    ///
    /// # Errors
    /// As `list`.
    pub async fn list_of<T: Owned>(
        &self,
        list: &str,
        filter: Filter,
        order: &'static str,
        descending: bool,
        paging: &Paging,
    ) -> Result<Page<Stored<T>>, Fault> {
        let filter = visible_to::<T>(self.caller()).and(filter);
        // The token holds a place in this very list: another filter, order, tenant or tool has other tokens.
        let list = format!("{} {} {list} {order} {descending}", self.call.tool.name, self.tenant());
        let size = paging.size();
        let after = paging.page_token.as_deref().map(|token| self.open_place(&list, token)).transpose()?;
        let query = Query { filter, order, descending, after, limit: size + 1 };
        let mut found = self.find::<T>(query).await?;
        let more = found.len() > size as usize;
        found.truncate(size as usize);
        let next_page_token = match found.last() {
            Some(last) if more => Some(self.seal_place(&list, &key_of(T::KIND, last, order)?, last.id)?),
            _ => None,
        };
        Ok(Page { items: found, next_page_token })
    }

    /// The token for a place in a list that a domain pages by itself.
    ///
    /// # Errors
    /// When the place cannot be written.
    pub fn seal_page(&self, list: &str, place: &impl Serialize) -> Result<String, Fault> {
        let content = serde_json::to_vec(&(digest(list), place)).map_err(Fault::internal)?;
        Ok(self.platform.seal.seal("page", &content))
    }

    /// The place that a token of `seal_page` for the same list holds.
    ///
    /// # Errors
    /// `bad_page_token` for every other text.
    pub fn open_page<P: serde::de::DeserializeOwned>(&self, list: &str, token: &str) -> Result<P, Fault> {
        self.platform
            .seal
            .open("page", token)
            .and_then(|content| serde_json::from_slice::<(String, P)>(&content).ok())
            .filter(|(of_list, _)| *of_list == digest(list))
            .map(|(_, place)| place)
            .ok_or_else(|| Fault::new(&codes::BAD_PAGE_TOKEN, "the page token is not of this list"))
    }

    fn seal_place(&self, list: &str, key: &Value, id: Uuid) -> Result<String, Fault> {
        self.seal_page(list, &(key, id))
    }

    fn open_place(&self, list: &str, token: &str) -> Result<Place, Fault> {
        let (key, id) = self.open_page::<(SealedKey, Uuid)>(list, token)?;
        Ok(Place { key: key.into(), id })
    }

    // --- writing ---------------------------------------------------------------------------------------------------

    /// Writes a new document.
    ///
    /// # Errors
    /// When the document cannot be written as JSON.
    pub fn create<T: Document>(&self, id: Uuid, belongs: Belongs, value: &T) -> Result<(), Fault> {
        let body = serde_json::to_value(value).map_err(Fault::internal)?;
        self.put(T::KIND, id, Expect::Absent, belongs, None, body);
        Ok(())
    }

    /// Writes a document anew, provided that it still has the revision that was read.
    ///
    /// # Errors
    /// When the document cannot be written as JSON.
    pub fn change<T: Document>(&self, stored: &Stored<T>, value: &T) -> Result<(), Fault> {
        let before = serde_json::to_value(&stored.value).map_err(Fault::internal)?;
        let body = serde_json::to_value(value).map_err(Fault::internal)?;
        let belongs = Belongs { owner: stored.owner, workspace: stored.workspace, visibility: stored.visibility };
        self.put(T::KIND, stored.id, Expect::Revision(stored.revision), belongs, Some(before), body);
        Ok(())
    }

    /// Removes a document, provided that it still has the revision that was read.
    ///
    /// # Errors
    /// When the document cannot be written as JSON for the audit log.
    pub fn remove<T: Document>(&self, stored: &Stored<T>) -> Result<(), Fault> {
        let before = serde_json::to_value(&stored.value).map_err(Fault::internal)?;
        let mut pending = self.pending();
        pending.authority.extend(touched(T::KIND, stored.id, Some(&before), None));
        pending.changes.push(Change {
            resource_type: T::KIND.name.to_owned(),
            resource_id: stored.id,
            before: Some(without_private(T::KIND, before)),
            after: None,
            owner: stored.owner,
        });
        pending.steps.push(Step::Remove { kind: T::KIND, id: stored.id, expect: Expect::Revision(stored.revision) });
        Ok(())
    }

    /// Says what the call is about, where that is not the first document that it changes: the audit entry is found by it.
    pub fn about<T: Document>(&self, id: Uuid) {
        self.pending().subject = Some((T::KIND.name, id));
    }

    /// Says that the call records something that happened elsewhere: its audit entry tells of that.
    pub fn record(&self, record: Record) {
        self.pending().record = Some(record);
    }

    /// Demands that a document still has the revision that was read when the call commits.
    pub fn hold<T: Document>(&self, stored: &Stored<T>) {
        let step = Step::Check { kind: T::KIND, id: stored.id, expect: Expect::Revision(stored.revision) };
        self.pending().steps.push(step);
    }

    /// Appends to a log.
    ///
    /// # Errors
    /// When the entry cannot be written as JSON.
    pub fn append(&self, log: &'static Log, stream: &str, entry: &impl Serialize) -> Result<(), Fault> {
        let body = serde_json::to_value(entry).map_err(Fault::internal)?;
        self.pending().steps.push(Step::Append { log, stream: stream.to_owned(), body });
        Ok(())
    }

    /// Adds to a counter; the call fails when the sum would pass the bound.
    pub fn count(&self, name: &'static str, key: String, by: i64, at_most: Option<i64>) {
        self.pending().steps.push(Step::Count { name, key, by, at_most });
    }

    /// Writes what a part of the program has made up that also writes without a call: the audit entry tells of what it belongs to.
    pub fn steps(&self, steps: Vec<Step>) {
        self.pending().steps.extend(steps);
    }

    /// Puts a job into a queue.
    pub fn enqueue(&self, job: Job) {
        self.pending().steps.push(Step::Enqueue(job));
    }

    /// Tells the world that something happened, once it is committed.
    ///
    /// # Errors
    /// When the data cannot be written as JSON.
    pub fn emit(&self, topic: &str, subject: impl std::fmt::Display, data: &impl Serialize) -> Result<(), Fault> {
        let data = serde_json::to_value(data).map_err(Fault::internal)?;
        let event = Event::by_itself(self.tenant(), self.now(), topic, subject.to_string(), data);
        self.tell(Event { request_id: self.call.id, hops: self.call.hops, traceparent: self.call.trace, ..event })
    }

    /// Tells an event that was made up whole, once it is committed.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn tell(&self, event: Event) -> Result<(), Fault> {
        let step = event.step()?;
        let mut pending = self.pending();
        pending.steps.push(step);
        pending.events.push(event);
        Ok(())
    }

    /// Commits what was collected so far, with an audit entry of its own; for long work that must not be lost as a whole.
    /// After this the call is not run again by itself.
    ///
    /// # Errors
    /// When a precondition does not hold or the store fails; the call cannot end well then.
    pub async fn checkpoint(&self) -> Result<(), Fault> {
        let through = CancellationToken::new();
        let taken = {
            let mut pending = self.pending();
            pending.committed_before = true;
            if pending.steps.is_empty() {
                return Ok(());
            }
            if !self.call.tool.is_audited() {
                return Err(Fault::internal(format!("{} is declared to read and wrote", self.call.tool.name)));
            }
            pending.broken = true;
            pending.committing = Some(through.clone());
            Pending {
                steps: std::mem::take(&mut pending.steps),
                changes: std::mem::take(&mut pending.changes),
                events: std::mem::take(&mut pending.events),
                authority: std::mem::take(&mut pending.authority),
                subject: pending.subject,
                ending: pending.ending.clone(),
                ..Pending::default()
            }
        };
        let (platform, call, pending) = (self.platform.clone(), self.call.clone(), self.pending.clone());
        // Whoever stops the call meanwhile must know how the operation stands afterwards.
        let carried = self.platform.carry_through(async move {
            let _through = through.drop_guard();
            let committed = commit(&platform, &call, taken, Stage::Step).await.map_err(store_fault)?;
            let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
            pending.broken = false;
            pending.ending = committed.ending;
            Ok(())
        });
        carried.await.unwrap_or_else(|| Err(Fault::internal("a checkpoint panicked")))
    }

    /// Waits until no checkpoint is under way: the operation is then as it lies in the store.
    pub(super) async fn settled(&self) {
        let committing = self.pending().committing.take();
        if let Some(through) = committing {
            through.cancelled().await;
        }
    }

    fn put(&self, kind: &'static Kind, id: Uuid, expect: Expect, belongs: Belongs, before: Option<Value>, body: Value) {
        let touched = touched(kind, id, before.as_ref(), Some(&body));
        let (before, after) = difference(kind, before, &body);
        let mut pending = self.pending();
        pending.authority.extend(touched);
        let owner = belongs.owner;
        pending.changes.push(Change { resource_type: kind.name.to_owned(), resource_id: id, before, after, owner });
        pending.steps.push(Step::Put(Put {
            kind,
            id,
            expect,
            owner: belongs.owner,
            workspace: belongs.workspace,
            visibility: belongs.visibility,
            body,
        }));
    }

    pub(super) fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take_pending(&self) -> Pending {
        std::mem::take(&mut *self.pending())
    }
}

/// The fault for a permission that the caller lacks.
#[must_use]
pub fn forbidden(permit: Permit) -> Fault {
    Fault::new(&codes::FORBIDDEN, format!("this needs the permission {permit}"))
        .with_detail(serde_json::json!({ "permission": permit }))
}

/// A store's fault as the caller learns it.
#[must_use]
pub fn store_fault(fault: StoreFault) -> Fault {
    use crate::port::store::Conflict;
    match fault {
        StoreFault::Conflict(Conflict::Changed { kind, id }) => {
            Fault::new(&codes::CONFLICT, format!("the {} {id} has changed meanwhile", kind.replace('_', " ")))
        }
        StoreFault::Conflict(Conflict::Taken { kind, rule }) => Fault::new(
            &codes::ALREADY_EXISTS,
            format!("another {} has the same {}", kind.replace('_', " "), rule.replace('_', " ")),
        )
        .with_detail(serde_json::json!({ "rule": rule })),
        StoreFault::Conflict(Conflict::Bound { name, key }) => {
            Fault::new(&codes::CONFLICT, format!("the counter {name} of {key} is at its bound"))
        }
        StoreFault::TooLarge { kind, most } => {
            let say = format!("the {} would be larger than {most} bytes", kind.replace('_', " "));
            Fault::new(&codes::KEPT_TOO_LARGE, say)
        }
        StoreFault::Full => Fault::new(&codes::STORAGE_FULL, "the store has no room left"),
        StoreFault::TooMuch => Fault::new(&codes::TOO_BROAD, "the call would look through more than one call may"),
        StoreFault::Unavailable(why) => Fault::new(&codes::UNAVAILABLE, "the store is unavailable").caused_by(why),
        StoreFault::Broken(why) => Fault::internal(why),
    }
}
