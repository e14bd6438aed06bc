//! `execution_start`: an execution of a published version.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::faults::TOO_DEEP;
use crate::domain::executions::finding::{Stage, not_published, unfit};
use crate::domain::executions::model::execution::{Execution, Status};
use crate::domain::executions::views::Full;
use crate::domain::executions::working::Desk;
use crate::domain::processes::engine::interpreter::State;
use crate::domain::processes::reading;
use crate::kernel::fault::Fault;

/// Starts an execution.
pub(in crate::domain::executions) struct ExecutionStart;

/// What to start.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    process_id: String,
    /// A published version, such as `1.2.0`; the newest when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// What it begins with, by variable.
    #[serde(default)]
    variables: Map<String, Value>,
    /// Who or what it is started by, for the record; on whose behalf it runs is whoever calls.
    #[serde(default)]
    #[schemars(length(max = 200))]
    initiator: Option<String>,
    /// Whether it is only made: execution_run or execution_resume begins it.
    #[serde(default)]
    hold: bool,
    /// Smaller comes first among what is due: -100 to 100; 0 when not said.
    #[serde(default)]
    #[schemars(range(min = -100, max = 100))]
    priority: i32,
}

impl Capability for ExecutionStart {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::create(
        "execution_start",
        Domain::Executions,
        Route::post("/executions"),
        Permit::on(Resource::Executions, Action::Create),
        "Starts a published process with variables, and answers at once; it goes on by itself, also after a restart. With hold it is only \
         made. To wait for its end use execution_run, to follow it execution_get. An idempotency key starts it once.",
    )
    .also(&[Route::post("/operations")]);

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let published =
            reading::published(cx.platform(), cx.caller(), &input.process_id, input.version.as_deref()).await?;
        let (process_id, revision) = published.ok_or_else(|| not_published(&input.process_id))?;
        let stage = Stage::of(cx, &process_id, revision.revision).await?;
        stage.held_to(cx)?;
        let most = cx.platform().config.events.most_hops;
        if cx.hops() > most {
            let say = format!("executions set each other off in a chain of more than {most} (events.most_hops)");
            return Err(Fault::new(&TOO_DEEP, say));
        }
        let id = cx.new_id();
        let execution = Execution {
            process_id,
            version: revision.called(),
            revision: revision.revision,
            status: if input.hold { Status::Held } else { Status::Running },
            state: State::default(),
            user: cx.caller().user,
            key: cx.caller().principal.key(),
            priority: input.priority,
            started_at: None,
            ended_at: None,
            failure: None,
            failed_at: None,
            result: None,
            parent: None,
            parent_token: None,
            parent_item: None,
            parent_attempt: None,
            root: None,
            depth: 0,
            hops: cx.hops(),
            held: Vec::new(),
            marks: String::new(),
        };
        let scene = stage.scene(cx, id);
        let played =
            if input.hold { scene.make(execution, input.variables) } else { scene.start(execution, input.variables) };
        let played = played.map_err(|failure| unfit(&failure))?;
        let detail = input.initiator.map(|initiator| serde_json::json!({ "initiator": initiator }));
        let deed = scene.deed(if input.hold { "made" } else { "started" }, cx.caller().user, detail);
        let belongs = Belongs { visibility: crate::port::records::Visibility::Private, ..cx.belongs_to_caller() };
        cx.create(id, belongs, &played.execution)?;
        cx.steps(deed.into_iter().collect());
        let execution = played.write_beside(cx)?;
        cx.service::<Desk>()?.wake();
        Ok(Full::of(id, execution, &stage.graph))
    }
}
