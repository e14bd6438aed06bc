//! Writing prompts: their documents, and the files that a tenant makes its own by changing them.

use super::engine::content::{Content, Variable};
use super::engine::variables::breaks;
use super::engine::version::{Step, Version};
use super::faults::TOO_MANY_PROMPTS;
use super::finding::{Found, of_file};
use super::model::prompt::{Prompt, PromptKind};
use super::model::revision::Revision;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::kernel::fault::Fault;

/// The counter of a tenant's prompts.
const PROMPTS: &str = "prompts";
/// The most prompts of a tenant: lists look through all of them.
pub(super) const MOST_PROMPTS: u32 = 1_000;
/// The most revisions of a prompt.
const MOST_REVISIONS: u32 = 2_000;

/// Counts a new prompt against what the tenant may have.
pub(super) async fn room_for_one(cx: &Cx) -> Result<(), Fault> {
    cx.room_for_one(PROMPTS, MOST_PROMPTS, "prompts of its own", &TOO_MANY_PROMPTS).await
}

/// How a content is called as a block, where the prompt is one.
pub(super) fn own_name(prompt: &Prompt) -> Option<&str> {
    (prompt.kind == PromptKind::Block).then_some(prompt.prompt_id.as_str())
}

/// What a file was becomes the tenant's own, as its first revision: what comes with the program later does not change it.
/// It then stands for everybody of the tenant, so who does it must manage prompts.
pub(super) async fn adopt(cx: &Cx, found: &Found) -> Result<(), Fault> {
    let Some(file) = &found.file else { return Ok(()) };
    if !cx.caller().may(Resource::Prompts, Action::Manage) {
        return Err(forbidden(Permit::on(Resource::Prompts, Action::Manage)));
    }
    room_for_one(cx).await?;
    let revision = Revision { written_at: cx.now(), published_at: Some(cx.now()), ..of_file(file) };
    cx.create(Revision::id(&file.id, 1), cx.belongs_to_caller(), &revision)
}

/// Writes a prompt as it is now.
pub(super) fn save(cx: &Cx, found: &Found, prompt: &Prompt) -> Result<(), Fault> {
    match &found.stored {
        Some(stored) => cx.change(stored, prompt),
        None => cx.create(Prompt::id(&prompt.prompt_id), cx.belongs_to_caller(), prompt),
    }
}

/// A new revision of a prompt, whose number grows by it.
pub(super) fn add_revision(
    cx: &Cx,
    prompt: &mut Prompt,
    content: Content,
    message: Option<String>,
    step: Step,
) -> Result<Revision, Fault> {
    if prompt.revision >= MOST_REVISIONS {
        let say = format!("'{}' has {MOST_REVISIONS} revisions and may have no more", prompt.prompt_id);
        return Err(Fault::new(&TOO_MANY_PROMPTS, say));
    }
    prompt.revision += 1;
    let revision = Revision {
        prompt_id: prompt.prompt_id.clone(),
        revision: prompt.revision,
        version: None,
        meant: next(prompt, step).to_string(),
        digest: content.digest(),
        content,
        author: Some(cx.caller().user),
        message,
        written_at: cx.now(),
        published_at: None,
        tested: None,
    };
    cx.create(Revision::id(&prompt.prompt_id, prompt.revision), cx.belongs_to_caller(), &revision)?;
    Ok(revision)
}

/// The version that comes next.
pub(super) fn next(prompt: &Prompt, step: Step) -> Version {
    prompt.published.as_deref().and_then(Version::parse).map_or(Version::FIRST, |version| version.next(step))
}

/// How far a content is from another, and what of it breaks callers.
pub(super) fn step(old: (&Content, &[Variable]), new: (&Content, &[Variable])) -> (Step, Vec<String>) {
    let broken = breaks(old.1, new.1);
    let step = if !broken.is_empty() {
        Step::Major
    } else if old.1 != new.1 || old.0.template != new.0.template {
        Step::Minor
    } else {
        Step::Patch
    };
    (step, broken)
}
