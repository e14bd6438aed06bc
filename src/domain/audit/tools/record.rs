//! `audit_record`: an entry about something that happened elsewhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::gate::audit::Record as Recorded;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, UserId};
use crate::kernel::time::Timestamp;

/// Records something that happened elsewhere.
pub(in crate::domain::audit) struct Record;

/// The most that `before` and `after` may be together, as JSON.
const MOST_BYTES: usize = 32 * 1024;

/// What happened.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Input {
    /// What was done, such as `task.responded`. Not the name of a tool: what tools do is recorded by itself.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[a-z][a-z0-9_.:-]*$"))]
    action: String,
    /// The kind of what it was done to, such as `task`.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[a-z][a-z0-9_.:-]*$"))]
    resource_type: String,
    /// The id of what it was done to. It can be searched by and is not sealed: an id, never a name or an address.
    #[serde(default)]
    #[schemars(length(max = 200))]
    resource_id: String,
    /// What changed: properties before and after.
    #[serde(default)]
    changes: Option<Changes>,
    /// Who did it, as the other system names them. The entry's actor is who records it. Sealed.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    actor: Option<String>,
    /// The user whose personal data `changes` and `actor` are: they are sealed under this user's key and erased with it. The
    /// caller when not given.
    #[serde(default)]
    subject: Option<UserId>,
    /// When it happened; the entry's own time is when it is recorded.
    #[serde(default)]
    timestamp: Option<Timestamp>,
    /// Whether it is evidence of compliance and kept as long as that is.
    #[serde(default)]
    compliance: bool,
}

/// What changed.
#[derive(Debug, Deserialize, JsonSchema)]
struct Changes {
    /// Properties before.
    #[serde(default)]
    before: Option<Map<String, Value>>,
    /// The same properties after.
    #[serde(default)]
    after: Option<Map<String, Value>>,
}

/// The entry.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Output {
    /// What `audit_query` and `audit_verify` find the entry by.
    request_id: CallId,
    /// When it was recorded.
    recorded_at: Timestamp,
}

impl Capability for Record {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "audit_record",
        Domain::Audit,
        Route::post("/audit-logs"),
        Permit::on(Resource::Audit, Action::Create),
        "Appends an entry about something that happened in another system, with its properties before and after. What this \
         platform's own tools do is recorded by itself.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        if cx.platform().registry.present().find(cx.tenant(), &input.action).is_some() {
            let say = format!("'{}' is a tool of this platform: its calls are recorded by themselves", input.action);
            return Err(Fault::bad_input("/action", say));
        }
        if input.action.starts_with("audit_") {
            return Err(Fault::bad_input("/action", "names that begin with 'audit_' are the log's own"));
        }
        let now = cx.now();
        if input.timestamp.is_some_and(|at| at > now) {
            return Err(Fault::bad_input("/timestamp", "lies in the future"));
        }
        let changes = match input.changes {
            None => Value::Null,
            Some(changes) => serde_json::json!({ "before": changes.before, "after": changes.after }),
        };
        if changes.to_string().len() > MOST_BYTES {
            let say = format!("is larger than {MOST_BYTES} bytes: record what changed, not all that there is");
            return Err(Fault::bad_input("/changes", say));
        }
        cx.record(Recorded {
            action: input.action,
            resource_type: input.resource_type,
            resource_id: input.resource_id,
            changes,
            subject: input.subject.map(UserId::uuid),
            actor: input.actor,
            happened_at: input.timestamp,
            compliance: input.compliance,
        });
        Ok(Output { request_id: cx.call().id, recorded_at: now })
    }
}
