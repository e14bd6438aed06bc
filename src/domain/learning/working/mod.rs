//! The worker of retraining jobs. A job waits in the queue; who leases it does one step, writes what came of it and puts the job back in
//! the same commit. So a job goes on where it was whatever ends in between, on whichever instance, and no step counts twice.

mod asking;
mod examples;
mod optimizing;
mod tuning;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use self::tuning::{may_spend_for_all, not_own};
use super::files;
use super::model::dataset::{Dataset, Row};
use super::model::job::{Failure, JOB, Job, JobKind, JobState, Outcome, QUEUE};
use super::topics::RETRAINED;
use crate::capability::bound::bounded;
use crate::capability::caller::{Caller, Origin};
use crate::capability::cx::{forbidden, store_fault};
use crate::capability::events::Event;
use crate::capability::gate::{Gate, Request};
use crate::capability::leasing::while_kept;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::platform::Platform;
use crate::domain::prompts::snapshot::Snapshot;
use crate::kernel::codes::Retry;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId, new_uuid};
use crate::port::queue::{Job as Queued, Lease};
use crate::port::records::{Document as _, Scope};
use crate::port::store::{Batch, Expect, Put, Step, StoreFault};

/// So long a step is leased; it is kept for longer while it goes on.
const LEASE: Duration = Duration::from_mins(2);
/// So often in a row a step is tried.
const MOST_TRIES: u32 = 8;
/// The first wait before it is tried again; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(30);

/// What comes after a step.
enum Next {
    /// The next step, at once.
    On,
    /// The next step, later.
    Later(Duration),
    /// It is over.
    Over(Box<Outcome>),
}

/// Works on jobs.
pub struct Worker {
    gate: Arc<Gate>,
}

/// One step of a job: what it may need.
struct Doing<'a> {
    gate: &'a Arc<Gate>,
    platform: &'a Arc<Platform>,
    caller: Arc<Caller>,
    id: Uuid,
    tenant: TenantId,
}

impl Worker {
    /// The worker of the jobs that are behind a gate.
    #[must_use]
    pub fn new(gate: Arc<Gate>) -> Arc<Self> {
        Arc::new(Self { gate })
    }

    /// Does one step of the job that has been due for the longest, where one is; answers of how many. Several workers do so side by side,
    /// so that no job waits for another's model.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn round(&self) -> Result<usize, Fault> {
        let platform = self.gate.platform();
        let now = platform.clock.now();
        // Looking costs a read, leasing a write.
        if platform.store.next_due(QUEUE).await.map_err(store_fault)?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let leases = platform.store.lease(QUEUE, now, LEASE, 1).await.map_err(store_fault)?;
        let count = leases.len();
        for lease in leases {
            self.work(lease).await;
        }
        Ok(count)
    }

    /// Works on a lease, and keeps it meanwhile.
    async fn work(&self, lease: Lease) {
        let worked = while_kept(self.gate.platform(), &lease, LEASE, self.step(&lease)).await;
        if let Some(Err(fault)) = worked {
            tracing::warn!(%fault, "a retraining job could not be worked on and waits to be taken up again");
        }
    }

    async fn step(&self, lease: &Lease) -> Result<(), Fault> {
        let platform = self.gate.platform();
        let id = lease.body.get("job").and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
        let found = match id {
            Some(id) => platform.store.get(Scope::Tenant(lease.tenant), &JOB, id).await.map_err(store_fault)?,
            None => None,
        };
        let stored = found.map(Stored::<Job>::read).transpose()?.filter(|stored| !stored.value.is_over());
        let Some(mut stored) = stored else {
            // There is nothing of it any more.
            return platform.store.finish(lease).await.map(drop).map_err(store_fault);
        };
        let mut job = stored.value.clone();
        job.began_at = job.began_at.or_else(|| Some(platform.clock.now()));
        // While a provider works it stays as it is: looking there takes a moment.
        if job.state == JobState::Queued || job.failure.is_some() {
            job.state = JobState::Running;
            if stored.value.state == JobState::Queued {
                first(job.kind).clone_into(&mut job.doing);
            }
            let Some(revision) = self.begins(lease.tenant, &stored, &job).await? else { return Ok(()) };
            stored.revision = revision;
        }
        job.state = JobState::Running;
        let calls = job.work.calls;
        let did = self.did(stored.id, lease.tenant, &mut job).await;
        let now = platform.clock.now();
        let wait = match did {
            Ok(next) => {
                job.work.tries = 0;
                job.failure = None;
                match next {
                    Next::On => Some(Duration::ZERO),
                    Next::Later(wait) => {
                        job.state = JobState::Waiting;
                        Some(wait)
                    }
                    Next::Over(outcome) => {
                        (job.state, job.result) = (JobState::Succeeded, Some(*outcome));
                        None
                    }
                }
            }
            Err(fault) => {
                // What got further did not fail in a row.
                job.work.tries = if job.work.calls > calls { 1 } else { job.work.tries + 1 };
                job.failure = Some(Failure { code: fault.code().name.to_owned(), say: fault.say().to_owned() });
                let again = fault.code().retry != Retry::Never && job.work.tries < MOST_TRIES;
                job.state = if again { JobState::Waiting } else { JobState::Failed };
                let wait = FIRST_WAIT * 2_u32.saturating_pow(job.work.tries - 1);
                again.then(|| fault.retry_after().map_or(wait, |asked| asked.max(wait)))
            }
        };
        if wait.is_none() {
            job.ended_at = Some(now);
            "over".clone_into(&mut job.doing);
        }
        self.write(lease, &stored, &job, wait).await
    }

    /// Writes that a job is worked on; answers its revision, none where somebody else has it.
    async fn begins(&self, tenant: TenantId, stored: &Stored<Job>, job: &Job) -> Result<Option<i64>, Fault> {
        let platform = self.gate.platform();
        let steps = vec![Step::Put(put(stored, job)?)];
        match platform.store.commit(vec![Batch { tenant, at: platform.clock.now(), steps }]).await {
            Ok(revisions) => Ok(revisions.first().copied()),
            Err(StoreFault::Conflict(_)) => Ok(None),
            Err(fault) => Err(store_fault(fault)),
        }
    }

    /// Writes a job as it is after a step, together with the end of the lease and what comes next.
    async fn write(&self, lease: &Lease, stored: &Stored<Job>, job: &Job, wait: Option<Duration>) -> Result<(), Fault> {
        let platform = self.gate.platform();
        let now = platform.clock.now();
        let finish = Step::Finish { queue: QUEUE, id: lease.id, token: lease.token };
        let mut steps = vec![Step::Put(put(stored, job)?), finish];
        let mut told = None;
        if let Some(wait) = wait {
            steps.push(Step::Enqueue(queued(new_uuid(now), stored.id, now.plus(wait))));
        } else {
            let event = ended(lease.tenant, stored.id, job, platform);
            steps.push(event.step()?);
            told = Some(event);
        }
        match platform.store.commit(vec![Batch { tenant: lease.tenant, at: now, steps }]).await {
            Ok(_) => {
                if let Some(event) = told {
                    platform.tell(Arc::new(event));
                }
                Ok(())
            }
            // Another one has the lease, and did the same.
            Err(StoreFault::Conflict(_)) => Ok(()),
            Err(fault) => Err(store_fault(fault)),
        }
    }

    async fn did(&self, id: Uuid, tenant: TenantId, job: &mut Job) -> Result<Next, Fault> {
        let platform = self.gate.platform();
        // With the rights that whoever scheduled it has now.
        let caller = self.gate.callers().resume(platform, tenant, job.user, job.principal()).await?;
        let caller = bounded(caller, job.bound.as_ref());
        let asks = (job.kind != JobKind::FewShot).then_some(Resource::Completions);
        for needed in [Some(Resource::Learning), asks].into_iter().flatten() {
            if !caller.may(needed, Action::Create) {
                return Err(forbidden(Permit::on(needed, Action::Create)));
            }
        }
        let doing = Doing { gate: &self.gate, platform, caller, id, tenant };
        match job.kind {
            JobKind::FewShot => Box::pin(examples::step(&doing, job)).await,
            JobKind::PromptOptimization => Box::pin(optimizing::step(&doing, job)).await,
            JobKind::FineTuning => Box::pin(tuning::step(&doing, job)).await,
        }
    }
}

/// A job's document as it is to be.
fn put(stored: &Stored<Job>, job: &Job) -> Result<Put, Fault> {
    Ok(Put {
        kind: Job::KIND,
        id: stored.id,
        expect: Expect::Revision(stored.revision),
        owner: stored.owner,
        workspace: stored.workspace,
        visibility: stored.visibility,
        body: serde_json::to_value(job).map_err(Fault::internal)?,
    })
}

/// What a job does first.
const fn first(kind: JobKind) -> &'static str {
    match kind {
        JobKind::FewShot => "choosing examples",
        JobKind::PromptOptimization => "making candidates",
        JobKind::FineTuning => "giving the rows to the provider",
    }
}

/// A job as it waits in the queue.
pub(super) fn queued(id: Uuid, job: Uuid, due: crate::kernel::time::Timestamp) -> Queued {
    Queued { id, queue: QUEUE, due, priority: 0, body: json!({ "job": job }) }
}

fn ended(tenant: TenantId, id: Uuid, job: &Job, platform: &Platform) -> Event {
    let data = json!({ "jobId": id, "kind": job.kind, "state": job.state });
    Event::by_itself(tenant, platform.clock.now(), RETRAINED, id.to_string(), data)
}

impl Doing<'_> {
    async fn dataset(&self, job: &Job) -> Result<Dataset, Fault> {
        let found = self.platform.store.get(Scope::Tenant(self.tenant), Dataset::KIND, job.plan.dataset).await;
        let found = found.map_err(store_fault)?.map(Stored::<Dataset>::read).transpose()?;
        found.map(|stored| stored.value).ok_or_else(|| Fault::not_found("training set", job.plan.dataset))
    }

    async fn rows(&self, job: &Job) -> Result<Vec<Row>, Fault> {
        let dataset = self.dataset(job).await?;
        files::rows(self.platform, self.tenant, &dataset.all).await
    }

    /// Calls a tool through the gate, as whoever scheduled the job: their rights, limits and audit hold.
    async fn call(&self, tool: &str, input: Value) -> Result<Value, Fault> {
        let id = CallId::new(self.platform.clock.now());
        let request = Request::new(id, self.caller.clone(), Origin::inside(), tool, input);
        self.gate.call(request).await.result?.value()
    }

    /// Writes a version with another text as a new one that no label stands for; answers which. Drafts that somebody else wrote meanwhile
    /// are no part of it.
    async fn new_version(&self, base: &Snapshot, template: &str, message: &str) -> Result<String, Fault> {
        let draft = self.call("prompt_update", base.rewritten(template, message)).await?;
        let draft = draft["version"].as_str().unwrap_or_default().to_owned();
        if !draft.contains("-draft.") {
            // The newest content says the same already.
            return Ok(draft);
        }
        let published = self.call("prompt_publish", json!({ "id": base.prompt_id, "version": draft })).await?;
        Ok(published["version"].as_str().unwrap_or_default().to_owned())
    }
}
