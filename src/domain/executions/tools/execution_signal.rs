//! `execution_signal`: a message that it waits for.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::faults::NOBODY_WAITS;
use crate::domain::executions::finding::{Stage, load, must_be};
use crate::domain::executions::model::execution::Execution;
use crate::domain::executions::model::execution::Status;
use crate::domain::executions::views::Full;
use crate::domain::processes::engine::interpreter::{Happening, Stage as At, TokenId};
use crate::domain::processes::engine::nodes::Config;
use crate::kernel::fault::Fault;

/// Gives an execution a message.
pub(in crate::domain::executions) struct ExecutionSignal;

/// Which execution.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The execution's id.
    #[schemars(length(min = 1, max = 64))]
    id: String,
    /// The name of the message, as the node of the type `wait` says it.
    #[schemars(length(min = 1, max = 200))]
    message: String,
    /// What it is about, where the node wants to know.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    correlation_key: Option<String>,
    /// What it says: the node's `result`.
    #[serde(default)]
    payload: Map<String, Value>,
}

impl Capability for ExecutionSignal {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::change(
        "execution_signal",
        Domain::Executions,
        Route::post("/executions/{id}/signal"),
        Permit::on(Resource::Executions, Action::Change),
        "Gives an execution a message that one of its nodes waits for, with a payload; with the correlation key where the node has one. Refused \
         where nothing waits for it, and the answer says what it does wait for.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let stage = Stage::of(cx, &stored.value.process_id, stored.value.revision).await?;
        must_be(&stored.value, &[Status::Running, Status::Paused], "given a message")?;
        let scene = stage.scene(cx, stored.id);
        let token = waiting(&stored.value, &stage, &input)?;
        let happening = Happening::Came { token, payload: Value::Object(input.payload) };
        let played = scene.happen(stored.value.clone(), happening).ok_or_else(|| {
            Fault::new(&NOBODY_WAITS, "a node waits for the message, and its condition does not hold of this one")
        })?;
        let detail = serde_json::json!({ "message": input.message });
        cx.steps(scene.deed("signalled", cx.caller().user, Some(detail)).into_iter().collect());
        let execution = stage.write(cx, &stored, played).await?;
        Ok(Full::of(stored.id, execution, &stage.graph))
    }
}

/// The token that waits for the message.
fn waiting(execution: &Execution, stage: &Stage, input: &Input) -> Result<TokenId, Fault> {
    let mut waits = Vec::new();
    for token in &execution.state.tokens {
        let (At::Listening { key }, Some(index)) = (&token.stage, stage.graph.find(&token.node)) else { continue };
        let Config::Wait(wait) = &stage.graph.nodes[index].config else { continue };
        let Some(message) = &wait.message else { continue };
        if *message == input.message && (key.is_none() || *key == input.correlation_key) {
            return Ok(token.id);
        }
        // A key may be a secret of those who know it: what it must be is not told.
        waits.push(serde_json::json!({ "node": token.node, "message": message, "needsKey": key.is_some() }));
    }
    let say = format!("nothing waits for '{}' here", input.message);
    Err(Fault::new(&NOBODY_WAITS, say).with_detail(serde_json::json!({ "waitsFor": waits })))
}
