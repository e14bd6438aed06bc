//! `execution_step`: one step by itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::faults::{STEP_UNFIT, WRONG_STATE};
use crate::domain::executions::finding::{Stage, load, must_be, unfit};
use crate::domain::executions::model::execution::{Execution, Status};
use crate::domain::executions::playing::{Played, said};
use crate::domain::executions::views::Full;
use crate::domain::processes::engine::graph::NodeIndex;
use crate::domain::processes::engine::interpreter::{Failure, Recovery, Stage as At, Token};
use crate::kernel::fault::Fault;

/// Does one step of an execution.
pub(in crate::domain::executions) struct ExecutionStep;

/// Which step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The execution's id.
    #[schemars(length(min = 1, max = 64))]
    id: String,
    /// The step: the id of its node.
    #[schemars(length(min = 1, max = 64))]
    step: String,
    /// Values of variables that are other from now on; not where the step has its input already, because it only waits to be begun.
    #[serde(default)]
    variables: Map<String, Value>,
}

/// What is done with the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::executions) enum How {
    /// It waited because the execution is held or paused: it alone is begun, and what follows waits.
    Begun,
    /// It had failed: it is done again, and the execution goes on from there.
    Retried,
    /// It waited to be tried again, or for its time: it does not wait any longer.
    Hurried,
    /// It was done before: it is done once more with the variables as they are, and what follows it is not.
    Repeated,
}

/// How the step is done.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Output {
    /// The step.
    step: String,
    /// What is done with it.
    how: How,
    /// The execution as it is now.
    #[serde(flatten)]
    full: Full,
}

impl Capability for ExecutionStep {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "execution_step",
        Domain::Executions,
        Route::post("/operations/{id}/steps/{step}"),
        Permit::on(Resource::Executions, Action::Change),
        "Runs one step of an execution, or runs it again: of a held or paused one this step alone, one that failed, one that waits for its next try or \
         its time, or once more one that is done, to refresh what it brought. To leave a failed step out use execution_recover.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let stage = Stage::of(cx, &stored.value.process_id, stored.value.revision).await?;
        let states = [Status::Running, Status::Paused, Status::Held, Status::Failed];
        must_be(&stored.value, &states, "asked for a step")?;
        stage.held_to(cx)?;
        let Some(node) = stage.graph.find(&input.step) else {
            let steps: Vec<&str> = stage.graph.definition.nodes.iter().map(|node| node.id.as_str()).collect();
            let detail = serde_json::json!({ "steps": steps });
            return Err(Fault::not_found("step", &input.step).with_detail(detail));
        };
        let (how, played) = done(cx, &stored, &stage, node, &input)?;
        let detail = serde_json::json!({ "step": input.step, "how": how });
        let scene = stage.scene(cx, stored.id);
        cx.steps(scene.deed("stepped", cx.caller().user, Some(detail)).into_iter().collect());
        let execution = stage.write(cx, &stored, played).await?;
        Ok(Output { step: input.step, how, full: Full::of(stored.id, execution, &stage.graph) })
    }
}

fn done(
    cx: &Cx,
    stored: &Stored<Execution>,
    stage: &Stage,
    node: NodeIndex,
    input: &Input,
) -> Result<(How, Played), Fault> {
    let scene = stage.scene(cx, stored.id);
    let mut execution = stored.value.clone();
    if execution.status == Status::Held {
        let played = scene.start_alone(execution, input.variables.clone(), &input.step);
        let played = played.map_err(|failure| refused(&input.step, &failure))?;
        return match played {
            Some(played) => Ok((How::Begun, played)),
            None => Err(unfit_step(&input.step, "is not among the first, so it cannot begin the execution")),
        };
    }
    let of_step = |token: &&Token| token.node == input.step && !matches!(token.stage, At::Before { .. });
    // What failed or waits is meant before what is under way.
    let rank = |token: &&Token| match token.stage {
        At::Failed { .. } => 0,
        At::Retrying { .. } | At::Until { .. } => 1,
        _ => 2,
    };
    let token = stored.value.state.tokens.iter().filter(of_step).min_by_key(rank);
    let Some(token) = token else {
        if execution.status == Status::Failed || !execution.state.passed.contains(&input.step) {
            return Err(unfit_step(&input.step, "was not come to, so there is nothing that could be done once more"));
        }
        let played = scene.handle(execution, |play| {
            if !play.can_repeat(node) {
                return Err(Failure::new("step_unfit", "is no activity that can be done by itself"));
            }
            play.change(input.variables.clone())?;
            play.repeat(node);
            Ok(())
        });
        let ((), played) = played.map_err(|failure| refused(&input.step, &failure))?;
        return Ok((How::Repeated, released(stored, &scene, played, None)));
    };
    let id = token.id;
    match &token.stage {
        At::Failed { .. } => {
            execution.status = Status::Running;
            (execution.ended_at, execution.failure, execution.failed_at) = (None, None, None);
            let values = input.variables.clone();
            let played = scene.handle(execution, |play| play.recover(Recovery::Retry, values));
            let ((), played) = played.map_err(|failure| refused(&input.step, &failure))?;
            Ok((How::Retried, played))
        }
        At::Retrying { .. } | At::Until { .. } if matches!(execution.status, Status::Running | Status::Paused) => {
            let played = scene.handle(execution, |play| {
                play.change(input.variables.clone())?;
                play.hurry(id);
                Ok(())
            });
            let ((), played) = played.map_err(|failure| refused(&input.step, &failure))?;
            Ok((How::Hurried, released(stored, &scene, played, Some(id))))
        }
        At::Listening { .. } => {
            Err(unfit_step(&input.step, "waits for a message or an event: execution_signal gives one"))
        }
        other => {
            let waits = stored.value.held.iter().any(|wish| wish.is_work_of(id));
            if !waits {
                let say = format!("the step '{}' is {} already", input.step, said(other));
                return Err(
                    Fault::new(&WRONG_STATE, say).with_detail(serde_json::json!({ "status": execution.status }))
                );
            }
            if !input.variables.is_empty() {
                return Err(Fault::bad_input(
                    "/variables",
                    "cannot be given: the step has its input and only waits to be begun",
                ));
            }
            Ok((How::Begun, scene.begin_alone(execution, id)))
        }
    }
}

/// What a play wished for a step that somebody asked for is begun at once, also where the execution is paused.
fn released(
    stored: &Stored<Execution>,
    scene: &crate::domain::executions::playing::Scene<'_>,
    mut played: Played,
    token: Option<u64>,
) -> Played {
    if stored.value.status == Status::Running {
        return played;
    }
    // The token of a step that is done once more is the first that is new.
    let token = token.unwrap_or(stored.value.state.next);
    scene.release(&mut played, token);
    played
}

fn unfit_step(step: &str, why: &str) -> Fault {
    Fault::new(&STEP_UNFIT, format!("the step '{step}' {why}"))
}

fn refused(step: &str, failure: &Failure) -> Fault {
    if failure.code == "step_unfit" { unfit_step(step, &failure.message) } else { unfit(failure) }
}
