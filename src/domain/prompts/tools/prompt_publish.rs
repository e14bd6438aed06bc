//! `prompt_publish`: a version, and labels moved at once.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::prompts::engine::content::Source;
use crate::domain::prompts::engine::lint::Level;
use crate::domain::prompts::engine::version::{PATTERN, Step, Version};
use crate::domain::prompts::faults::VERSION_TAKEN;
use crate::domain::prompts::finding::{DRAFT, Found, LATEST};
use crate::domain::prompts::judging::{Whole, judged, unusable};
use crate::domain::prompts::model::prompt::{Prompt, Target};
use crate::domain::prompts::model::revision::Revision;
use crate::domain::prompts::publishing::{hold_contract, may_move, set_label};
use crate::domain::prompts::topics::PUBLISHED;
use crate::domain::prompts::views::{Brief, LabelView};
use crate::domain::prompts::writing::{adopt, next, own_name, save, step};
use crate::kernel::fault::Fault;

/// What a label looks like.
const LABEL: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";
/// The most labels of a prompt.
const MOST_LABELS: usize = 30;

/// Publishes a version.
pub(in crate::domain::prompts) struct PromptPublish;

/// What to publish, and which labels move.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Input {
    /// The prompt's id or name.
    #[schemars(length(min = 1, max = 100))]
    pub(in crate::domain::prompts) id: String,
    /// The content: `draft` for the newest (when not said), `1.2.0`, `1.3.0-draft.7` or a digest.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub(in crate::domain::prompts) version: Option<String>,
    /// The version that a draft gets; when not said the next one that says how much has changed: 2.0.0 where callers break, 1.3.0
    /// for more, 1.2.1 for what nobody notices.
    #[serde(default)]
    #[schemars(length(max = 32), regex(pattern = PATTERN))]
    pub(in crate::domain::prompts) release: Option<String>,
    /// The labels that stand for it from now on.
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub(in crate::domain::prompts) labels: Vec<LabelMove>,
    /// Labels that go back to what they stood for before their last move. Nothing is published then.
    #[serde(default)]
    #[schemars(length(max = 10), inner(length(min = 1, max = 64)))]
    pub(in crate::domain::prompts) roll_back: Vec<String>,
    /// Why, for the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub(in crate::domain::prompts) message: Option<String>,
}

/// A label and what it is to stand for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct LabelMove {
    /// Its name, such as `production` or `staging`.
    #[schemars(length(min = 1, max = 64), regex(pattern = LABEL))]
    pub(in crate::domain::prompts) label: String,
    /// The version that it must stand for now, else nothing moves; `none` where it must be new.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub(in crate::domain::prompts) expected: Option<String>,
    /// Several versions that share the sessions by weight, in place of the one that is published.
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub(in crate::domain::prompts) split: Vec<Share>,
    /// From now on only holders of this role move it; empty for everybody who may change the prompt. Needs prompts:manage.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(in crate::domain::prompts) role: Option<String>,
}

/// A version's share of a label.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Share {
    /// A version that was published, or `draft` for the one that is published now.
    #[schemars(length(min = 1, max = 64))]
    pub(in crate::domain::prompts) version: String,
    /// Its share against the others' weights.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(in crate::domain::prompts) weight: u32,
}

/// What was published, and how the labels stand.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Output {
    /// The prompt's id.
    prompt_id: String,
    /// The version.
    version: String,
    /// The digest of its content.
    digest: String,
    /// Whether it was published by this call.
    published: bool,
    /// All labels of the prompt.
    pub(in crate::domain::prompts) labels: Vec<LabelView>,
    /// What refuses what callers gave so far; their contract cases hold all the same.
    breaking: Vec<String>,
}

impl Capability for PromptPublish {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "prompt_publish",
        Domain::Prompts,
        Route::post("/prompts/{id}/publish"),
        Permit::on(Resource::Prompts, Action::Change),
        "Gives a draft its version (1.2.0) and moves labels such as production to it, all or nothing; splits a label between versions by \
         weight; rolls labels back. Refuses what breaks callers' contract cases.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let found = Found::load(cx, &input.id, Action::Change).await?;
        check(&found, &input)?;
        let mut prompt = found.prompt.clone();
        if !input.roll_back.is_empty() {
            return roll_back(cx, &found, prompt, &input).await;
        }
        let wanted = input.version.as_deref().unwrap_or(DRAFT);
        let mut revision = found.version(cx, wanted).await?;
        let published = revision.version.is_none();
        adopt(cx, &found).await?;
        let mut breaking = Vec::new();
        if published {
            breaking = publish(cx, &found, &mut prompt, &mut revision, input.release.as_deref()).await?;
        } else if input.release.as_ref().is_some_and(|release| Some(release) != revision.version.as_ref()) {
            let say = format!("this content was published as {} already", revision.called());
            return Err(Fault::new(&VERSION_TAKEN, say));
        }
        for (number, one) in input.labels.iter().enumerate() {
            let place = format!("/labels/{number}");
            breaking.extend(move_label(cx, &found, &mut prompt, &revision, one, &place, input.message.as_ref()).await?);
        }
        breaking.sort();
        breaking.dedup();
        save(cx, &found, &prompt)?;
        let moved: Vec<String> = input.labels.into_iter().map(|one| one.label).collect();
        ended(cx, &prompt, &revision, &moved)?;
        Ok(output(&prompt, &revision, published, breaking))
    }
}

/// What does not go together in one call.
fn check(found: &Found, input: &Input) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    for (number, one) in input.labels.iter().enumerate() {
        if !seen.insert(&one.label) {
            return Err(Fault::bad_input(format!("/labels/{number}/label"), "stands in the list twice"));
        }
    }
    if !input.roll_back.is_empty() && (input.version.is_some() || input.release.is_some() || !input.labels.is_empty()) {
        return Err(Fault::bad_input(
            "/rollBack",
            "does not go together with version, release and labels: roll back by itself",
        ));
    }
    let new = input.labels.iter().filter(|one| !found.prompt.labels.contains_key(&one.label)).count();
    if found.prompt.labels.len() + new > MOST_LABELS {
        return Err(Fault::bad_input("/labels", format!("a prompt has at most {MOST_LABELS} labels")));
    }
    Ok(())
}

/// Gives a draft its version; answers what breaks callers of the newest one.
async fn publish(
    cx: &Cx,
    found: &Found,
    prompt: &mut Prompt,
    revision: &mut Revision,
    release: Option<&str>,
) -> Result<Vec<String>, Fault> {
    let own = own_name(prompt).map(str::to_owned);
    let (findings, whole) = judged(cx, &revision.content, own.as_deref()).await?;
    if findings.iter().any(|one| one.level == Level::Error) {
        return Err(unusable(&findings));
    }
    let variables = whole.map(|whole| whole.variables).unwrap_or_default();
    let (mut far, mut breaking) = (Step::Patch, Vec::new());
    if prompt.published.is_some() {
        let newest = found.version(cx, LATEST).await?;
        let before = Whole::of(cx, &newest.content, own.as_deref()).await?;
        let before = before.map_or_else(|_| newest.content.variables.clone(), |whole| whole.variables);
        (far, breaking) = step((&newest.content, &before), (&revision.content, &variables));
    }
    let version = next(prompt, far);
    let version = match release {
        None => version,
        Some(text) => {
            let asked =
                Version::parse(text).ok_or_else(|| Fault::bad_input("/release", "must be major.minor.patch"))?;
            let least = if breaking.is_empty() { next(prompt, Step::Patch) } else { version };
            if prompt.published.is_some() && asked < least {
                if found.version(cx, text).await.is_ok() {
                    return Err(Fault::new(&VERSION_TAKEN, format!("'{text}' is another content")));
                }
                let why = if breaking.is_empty() { String::new() } else { format!(", since {}", breaking.join("; ")) };
                return Err(Fault::bad_input("/release", format!("must be {least} or later{why}")));
            }
            asked
        }
    };
    let Some(stored) = found.stored_revision(cx, revision.revision).await? else {
        return Err(Fault::internal("a draft is a record"));
    };
    revision.version = Some(version.to_string());
    revision.published_at = Some(cx.now());
    cx.change(&stored, revision)?;
    prompt.published = Some(version.to_string());
    Ok(breaking)
}

/// Lets a label stand for what is asked; answers what breaks its callers.
async fn move_label(
    cx: &Cx,
    found: &Found,
    prompt: &mut Prompt,
    revision: &Revision,
    asked: &LabelMove,
    place: &str,
    message: Option<&String>,
) -> Result<Vec<String>, Fault> {
    let name = &asked.label;
    let label = found.prompt.labels.get(name);
    may_move(cx, name, label, asked.expected.as_deref())?;
    let mut targets = Vec::new();
    let mut new = Vec::new();
    for (number, share) in asked.split.iter().enumerate() {
        let own = share.version == DRAFT || Some(&share.version) == revision.version.as_ref();
        let one = if own { revision.clone() } else { found.version(cx, &share.version).await? };
        let place = format!("{place}/split/{number}/version");
        let Some(version) = one.version.clone() else {
            return Err(Fault::bad_input(place, "is a draft: publish it first"));
        };
        if targets.iter().any(|target: &Target| target.version == version) {
            return Err(Fault::bad_input(place, "stands in the split twice"));
        }
        targets.push(Target { version, weight: share.weight });
        new.push(one);
    }
    if targets.is_empty() {
        targets.push(Target::only(revision.called()));
        new.push(revision.clone());
    }
    if targets.iter().all(|target| target.weight == 0) {
        return Err(Fault::bad_input(format!("{place}/split"), "gives nobody anything: one weight must be above 0"));
    }
    let breaking = hold_contract(cx, found, name, label, &new).await?;
    set_label(cx, prompt, name, targets, message.cloned());
    if let Some(role) = &asked.role {
        if !cx.caller().may(Resource::Prompts, Action::Manage) {
            return Err(forbidden(Permit::on(Resource::Prompts, Action::Manage)));
        }
        if let Some(label) = prompt.labels.get_mut(name) {
            label.role = Some(role.clone()).filter(|role| !role.is_empty());
        }
    }
    Ok(breaking)
}

/// Labels back to what they stood for. That was in use before, so nothing is held against it.
async fn roll_back(cx: &Cx, found: &Found, mut prompt: Prompt, input: &Input) -> Result<Output, Fault> {
    let mut version = None;
    for (number, name) in input.roll_back.iter().enumerate() {
        let place = format!("/rollBack/{number}");
        let label = found.prompt.labels.get(name);
        let label = label.ok_or_else(|| Fault::bad_input(&place, format!("there is no label '{name}'")))?;
        may_move(cx, name, Some(label), None)?;
        let before =
            label.before().ok_or_else(|| Fault::bad_input(&place, format!("'{name}' stood for nothing before")))?;
        version = version.or_else(|| before.first().map(|target| target.version.clone()));
        set_label(cx, &mut prompt, name, before.to_vec(), input.message.clone());
    }
    let revision = found.version(cx, version.as_deref().unwrap_or(LATEST)).await?;
    save(cx, found, &prompt)?;
    ended(cx, &prompt, &revision, &input.roll_back)?;
    Ok(output(&prompt, &revision, false, Vec::new()))
}

fn ended(cx: &Cx, prompt: &Prompt, revision: &Revision, labels: &[String]) -> Result<(), Fault> {
    cx.about::<Prompt>(Prompt::id(&prompt.prompt_id));
    let event = serde_json::json!({
        "promptId": prompt.prompt_id, "version": revision.called(), "digest": revision.digest, "labels": labels,
    });
    cx.emit(PUBLISHED, &prompt.prompt_id, &event)
}

fn output(prompt: &Prompt, revision: &Revision, published: bool, breaking: Vec<String>) -> Output {
    Output {
        prompt_id: prompt.prompt_id.clone(),
        version: revision.called(),
        digest: revision.digest.clone(),
        published,
        labels: Brief::of(prompt, Source::Tenant).labels,
        breaking,
    }
}
