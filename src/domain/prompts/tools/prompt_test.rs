//! `prompt_test`: the contract cases of a version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::prompts::engine::checks::Wanted as Expected;
use crate::domain::prompts::engine::content::Case;
use crate::domain::prompts::finding::{Found, Which};
use crate::domain::prompts::judging::Whole;
use crate::domain::prompts::model::prompt::Prompt;
use crate::domain::prompts::model::revision::Tested;
use crate::domain::prompts::publishing::judged;
use crate::domain::prompts::topics::TESTED;
use crate::domain::prompts::writing::own_name;
use crate::kernel::fault::Fault;

/// Runs contract cases.
pub(in crate::domain::prompts) struct PromptTest;

/// Which version, and answers to judge.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Input {
    /// The prompt's id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    #[serde(flatten)]
    which: Which,
    /// Answers of a model to judge in place of those that were recorded with the cases.
    #[serde(default)]
    #[schemars(length(max = 50))]
    answers: Vec<Answer>,
}

/// An answer to a case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Answer {
    /// The case's name.
    #[schemars(length(min = 1, max = 200))]
    case: String,
    /// What the model answered.
    #[schemars(length(max = 100_000))]
    answer: String,
}

/// How the cases ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Output {
    /// The prompt's id.
    prompt_id: String,
    /// The version.
    version: String,
    /// The digest of its content.
    digest: String,
    /// Whether no case failed.
    ok: bool,
    /// How many answers were as they must be.
    passed: usize,
    /// How many were not, or could not be asked for.
    failed: usize,
    /// How many cases have no answer to judge.
    unanswered: usize,
    /// Each case.
    cases: Vec<Ended>,
}

/// How a case ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Ended {
    /// The case's name.
    case: String,
    /// How it ended.
    outcome: Outcome,
    /// What was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Against>,
    /// What is wrong.
    problems: Vec<String>,
}

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// The answer is as it must be.
    Passed,
    /// It is not, or the prompt does not take what the case gives.
    Failed,
    /// There is no answer.
    Unanswered,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Against {
    /// It was recorded with the case.
    Recorded,
    /// It was given with the call.
    Given,
}

impl Capability for PromptTest {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "prompt_test",
        Domain::Prompts,
        Route::post("/prompts/{id}/test"),
        Permit::on(Resource::Prompts, Action::Change),
        "Runs the contract cases of a version: whether it takes what each case gives, and whether the answer that was recorded with it, or \
         that you give, is as every answer must be. For checks of the text itself use prompt_validate.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let found = Found::load(cx, &input.id, Action::Read).await?;
        let mut revision = found.choose(cx, input.which.wanted(None)).await?.revision;
        let content = &revision.content;
        for (number, answer) in input.answers.iter().enumerate() {
            if !content.cases.iter().any(|case| case.name == answer.case) {
                let names: Vec<&str> = content.cases.iter().map(|case| case.name.as_str()).collect();
                let say = format!("is no case of this version: it has {}", names.join(", "));
                return Err(Fault::bad_input(format!("/answers/{number}/case"), say));
            }
        }
        let whole = Whole::load(cx, content, own_name(&found.prompt)).await?;
        let mut cases = Vec::new();
        for case in &content.cases {
            let taken = whole.text(content, &case.variables, "/variables");
            let (answer, against) = answer(case, &input.answers);
            let (outcome, problems) = match (taken, answer) {
                (Err(why), _) => (Outcome::Failed, vec![why.say()]),
                (Ok(_), None) => (Outcome::Unanswered, Vec::new()),
                (Ok(_), Some(answer)) => {
                    let problems = judged(cx, Expected::from(case), answer).await?;
                    (if problems.is_empty() { Outcome::Passed } else { Outcome::Failed }, problems)
                }
            };
            cases.push(Ended { case: case.name.clone(), outcome, against, problems });
        }
        let count = |outcome| cases.iter().filter(|case| case.outcome == outcome).count();
        let (passed, failed) = (count(Outcome::Passed), count(Outcome::Failed));
        let unanswered = count(Outcome::Unanswered);
        cx.about::<Prompt>(Prompt::id(&found.prompt.prompt_id));
        if let Some(stored) = found.stored_revision(cx, revision.revision).await? {
            revision.tested = Some(Tested { passed, failed, at: cx.now() });
            cx.change(&stored, &revision)?;
        }
        let (prompt_id, version) = (found.prompt.prompt_id, revision.called());
        let event =
            serde_json::json!({ "promptId": prompt_id, "version": version, "passed": passed, "failed": failed });
        cx.emit(TESTED, &prompt_id, &event)?;
        Ok(Output { prompt_id, version, digest: revision.digest, ok: failed == 0, passed, failed, unanswered, cases })
    }
}

/// The answer to judge a case by. A model that is asked comes in here, too.
fn answer<'a>(case: &'a Case, given: &'a [Answer]) -> (Option<&'a str>, Option<Against>) {
    let given = given.iter().find(|one| one.case == case.name);
    match (given, &case.answer) {
        (Some(given), _) => (Some(&given.answer), Some(Against::Given)),
        (None, Some(recorded)) => (Some(recorded), Some(Against::Recorded)),
        (None, None) => (None, None),
    }
}
