//! `feedback_submit`: what somebody says of an answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::learning::faults::FEEDBACK_EMPTY;
use crate::domain::learning::joining::{Answer, joined};
use crate::domain::learning::model::feedback::{Feedback, permille};
use crate::domain::learning::topics::SUBMITTED;
use crate::domain::learning::views::TiedView;
use crate::kernel::fault::Fault;
use crate::kernel::id::{ExposureId, FeedbackId};
use crate::kernel::time::Timestamp;

/// Takes feedback.
pub(in crate::domain::learning) struct FeedbackSubmit;

/// Of which answer, and what is said of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::learning) struct Input {
    /// The execution that the answer is of. What is recorded of it fills in the agent, the version of the prompt and the model.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    execution_id: Option<String>,
    /// The agent that gave it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    agent_id: Option<String>,
    /// The prompt's id or name.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    prompt_id: Option<String>,
    /// The version of the prompt. When not said it is the one that was noted for the exposure, the execution or the session, else the
    /// one that the label `production` stands for.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// The `exposureId` that `prompt_assemble` told.
    #[serde(default)]
    exposure_id: Option<ExposureId>,
    /// The session that the prompt was assembled for; the caller's user when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    session: Option<String>,
    /// The persona that answered.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    persona_id: Option<String>,
    /// What is said.
    feedback: Said,
}

/// What is said of an answer. Everybody of the tenant who may read feedback sees it: leave out what is not theirs to see.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::learning) struct Said {
    /// How right it was: 0 not at all, 1 wholly.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    accuracy: Option<f64>,
    /// How content somebody is with it: 1 not at all, 5 wholly.
    #[serde(default)]
    #[schemars(range(min = 1.0, max = 5.0))]
    user_satisfaction: Option<f64>,
    /// What was asked, where no prompt was assembled for it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100_000))]
    input: Option<String>,
    /// The variables that the prompt was assembled with: with them an answer can become an example and a case.
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    /// What the answer was.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100_000))]
    actual_output: Option<String>,
    /// What it should have been.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100_000))]
    expected_output: Option<String>,
    /// The answer as somebody put it right.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100_000))]
    correction: Option<String>,
    /// What else there is to say.
    #[serde(default)]
    #[schemars(length(min = 1, max = 10_000))]
    notes: Option<String>,
}

/// What it was tied to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::learning) struct Output {
    #[serde(flatten)]
    tied: TiedView,
    /// When it was taken.
    at: Timestamp,
}

impl Capability for FeedbackSubmit {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "feedback_submit",
        Domain::Learning,
        Route::post("/feedback"),
        Permit::on(Resource::Feedback, Action::Create),
        "Says what an answer is worth: a rating, a correction or the expected output. It is tied to the execution, the agent and the very \
         version of the prompt that was shown. To see what was said use feedback_query.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let said = input.feedback;
        let rated = said.accuracy.is_some() || said.user_satisfaction.is_some();
        let written = said.expected_output.is_some() || said.correction.is_some() || said.notes.is_some();
        if !rated && !written {
            return Err(Fault::new(&FEEDBACK_EMPTY, "it neither rates the answer nor says a word of it"));
        }
        if input.execution_id.is_none() && input.agent_id.is_none() && input.prompt_id.is_none() {
            return Err(Fault::new(&FEEDBACK_EMPTY, "it names no execution, no agent and no prompt"));
        }
        let about_prompt = [("version", input.version.is_some()), ("exposureId", input.exposure_id.is_some())];
        if let Some((name, _)) = about_prompt.iter().find(|(_, given)| *given && input.prompt_id.is_none()) {
            return Err(Fault::bad_input(format!("/{name}"), "is of a prompt: say which with promptId"));
        }
        let answer = Answer {
            execution: input.execution_id.as_deref(),
            agent: input.agent_id.as_deref(),
            prompt: input.prompt_id.as_deref(),
            version: input.version.as_deref(),
            exposure: input.exposure_id.map(ExposureId::uuid),
            session: input.session.as_deref(),
        };
        let feedback = Feedback {
            persona_id: input.persona_id,
            accuracy: said.accuracy,
            user_satisfaction: said.user_satisfaction,
            input: said.input,
            variables: said.variables,
            actual_output: said.actual_output,
            expected_output: said.expected_output,
            correction: said.correction,
            notes: said.notes,
            ..Feedback::default()
        };
        let mut feedback = joined(cx, &answer, feedback).await?;
        feedback.permille = feedback.score().map(permille);
        let id = cx.new_id();
        cx.create(id, cx.belongs_to_caller(), &feedback)?;
        let tied = TiedView::of(FeedbackId::from_uuid(id), &feedback);
        let none = String::new;
        let event = json!({
            "feedbackId": id,
            "agentId": feedback.agent_id.unwrap_or_else(none),
            "promptId": feedback.prompt_id.unwrap_or_else(none),
            "version": feedback.version.unwrap_or_else(none),
        });
        cx.emit(SUBMITTED, id, &event)?;
        Ok(Output { tied, at: cx.now() })
    }
}
