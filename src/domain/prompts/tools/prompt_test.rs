//! `prompt_test`: the contract cases of a version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::{Asker, CacheUse, Router, Tags, Wish};
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
    /// A model as `provider/model`, or a route, that is asked for an answer to each case to which none is given here. It costs what its calls
    /// cost. Without it no model is asked.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
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
    /// How many were not, or the prompt does not take what the case gives.
    failed: usize,
    /// How many cases have no answer to judge: none was recorded, or the model that is asked gave none.
    unanswered: usize,
    /// What asking a model took.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<Asked>,
    /// Each case.
    cases: Vec<Ended>,
}

/// What asking a model took.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Asked {
    /// Calls of the model that were answered.
    calls: usize,
    /// Tokens that were read.
    input_tokens: u64,
    /// Tokens that were written.
    output_tokens: u64,
    /// What they cost, in thousand-millionths of a dollar, as far as the price is known.
    cost_nano_dollars: u64,
    /// Calls whose price is not known: what they cost is not in the sum.
    calls_without_price: usize,
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
    /// What the model answered that was asked, and which one it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<Answered>,
    /// What is wrong with it, or why the model that is asked gave no answer.
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
    /// There is no answer: nothing is known of the version by it.
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
    /// A model was asked for it.
    Model,
}

/// What a model answered.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Answered {
    /// The model, as `provider/model`.
    model: String,
    /// Its answer.
    text: String,
}

impl Capability for PromptTest {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "prompt_test",
        Domain::Prompts,
        Route::post("/prompts/{id}/test"),
        Permit::on(Resource::Prompts, Action::Change),
        "Runs the contract cases of a version: whether it takes what each case gives, and whether an answer is as it must be: the recorded one, one \
         that you give, or that of a model that is asked now. For checks of the text itself use prompt_validate.",
    )
    .reaches()
    .spends();

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
        if input.model.is_some() && !cx.caller().may(Resource::Completions, Action::Create) {
            return Err(forbidden(Permit::on(Resource::Completions, Action::Create)));
        }
        let mut asked = input.model.is_some().then(Asked::default);
        let tag = format!("{}@{}", found.prompt.prompt_id, revision.called());
        let mut cases = Vec::new();
        for case in &content.cases {
            let mut ended = Ended {
                case: case.name.clone(),
                outcome: Outcome::Failed,
                against: None,
                answered: None,
                problems: Vec::new(),
            };
            let given = input.answers.iter().find(|one| one.case == case.name).map(|given| given.answer.as_str());
            match whole.text(content, &case.variables, "/variables") {
                Err(why) => ended.problems.push(why.say()),
                Ok((text, _)) => {
                    let mut answer = answer(case, given);
                    if let (Some(model), None, Some(asked)) = (&input.model, given, &mut asked) {
                        match ask(cx, model, &tag, text, asked).await {
                            Ok(answered) => ended.answered = Some(answered),
                            // Where nobody answers at all, that is the answer of the call.
                            Err(fault) if asked.calls == 0 => return Err(fault),
                            // A model that is away, or may not be asked any more, says nothing of the prompt.
                            Err(fault) => ended.problems.push(fault.say().to_owned()),
                        }
                        answer = ended.answered.as_ref().map(|answered| (answered.text.as_str(), Against::Model));
                    }
                    ended.outcome = Outcome::Unanswered;
                    if let Some((answer, against)) = answer {
                        ended.against = Some(against);
                        ended.problems = judged(cx, Expected::from(case), answer).await?;
                        ended.outcome = if ended.problems.is_empty() { Outcome::Passed } else { Outcome::Failed };
                    }
                }
            }
            cases.push(ended);
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
        Ok(Output {
            prompt_id,
            version,
            digest: revision.digest,
            ok: failed == 0,
            passed,
            failed,
            unanswered,
            asked,
            cases,
        })
    }
}

/// The answer to judge a case by where no model is asked.
fn answer<'a>(case: &'a Case, given: Option<&'a str>) -> Option<(&'a str, Against)> {
    let recorded = || case.answer.as_deref().map(|recorded| (recorded, Against::Recorded));
    given.map(|given| (given, Against::Given)).or_else(recorded)
}

/// Asks a model for an answer. The call is metered as one of this version, and all budgets hold it; the cache does not answer.
async fn ask(cx: &Cx, model: &str, tag: &str, text: String, asked: &mut Asked) -> Result<Answered, Fault> {
    let tags = Tags { prompt_version: Some(tag.to_owned()), ..Tags::default() };
    let wish = Wish { model: Some(model.to_owned()), cache: CacheUse::Skip, tags };
    let (text, answer) = cx.service::<Router>()?.say(&Asker::of(cx), &wish, None, text).await?;
    asked.calls += 1;
    asked.input_tokens += answer.tokens.input;
    asked.output_tokens += answer.tokens.output;
    asked.cost_nano_dollars += answer.cost.map_or(0, |cost| cost.0);
    asked.calls_without_price += usize::from(answer.cost.is_none());
    Ok(Answered { text, model: answer.model })
}
