//! Joining: of which agent, prompt, version and model an answer is that somebody says something of.

use uuid::Uuid;

use super::model::feedback::{Feedback, VersionFrom};
use crate::capability::cx::Cx;
use crate::domain::models::executions::{Asked, asked};
use crate::domain::prompts::engine::file::meant;
use crate::domain::prompts::shown::{Shown, Told, named, shown};
use crate::kernel::fault::Fault;

/// What a caller tells of the answer.
pub(super) struct Answer<'a> {
    pub(super) execution: Option<&'a str>,
    pub(super) agent: Option<&'a str>,
    pub(super) prompt: Option<&'a str>,
    pub(super) version: Option<&'a str>,
    pub(super) exposure: Option<Uuid>,
    pub(super) session: Option<&'a str>,
}

/// The feedback with everything filled in that is recorded of the answer. What the caller says goes before what is recorded.
pub(super) async fn joined(cx: &Cx, answer: &Answer<'_>, mut feedback: Feedback) -> Result<Feedback, Fault> {
    feedback.execution_id = answer.execution.map(str::to_owned);
    feedback.agent_id = answer.agent.map(str::to_owned);
    let calls = match answer.execution {
        Some(execution) => asked(cx, execution).await?,
        None => Vec::new(),
    };
    if feedback.agent_id.is_none() {
        feedback.agent_id = calls.iter().find_map(|call| call.agent.clone());
    }
    if feedback.persona_id.is_none() {
        feedback.persona_id = calls.iter().find_map(|call| call.persona.clone());
    }
    let noted = answer.version.is_none() && answer.exposure.is_none();
    let tagged = if noted { of_calls(cx, &calls, answer.prompt).await? } else { None };
    let found = match (tagged, answer.prompt) {
        (Some((shown, model)), _) => {
            feedback.model = Some(model);
            Some((shown, VersionFrom::Execution))
        }
        (None, Some(prompt)) => {
            let told = Told { version: answer.version, exposure: answer.exposure, session: answer.session };
            let shown = shown(cx, prompt, told).await?;
            let from = shown.by.into();
            Some((shown, from))
        }
        (None, None) => None,
    };
    if let Some((shown, from)) = found {
        let written = format!("{}@{}", shown.prompt_id, shown.version);
        let of = |call: &&Asked| call.prompt_version.as_deref() == Some(&written);
        feedback.model = feedback.model.or_else(|| calls.iter().find(of).map(|call| call.model.clone()));
        feedback.version_from = Some(from);
        feedback.prompt_id = Some(shown.prompt_id);
        feedback.version = Some(shown.version);
        feedback.digest = Some(shown.digest);
    }
    // An execution that asked one model only has its answer from that one.
    if feedback.model.is_none()
        && let Some(first) = calls.first()
        && calls.iter().all(|call| call.model == first.model)
    {
        feedback.model = Some(first.model.clone());
    }
    Ok(feedback)
}

/// The last version of the prompt that an execution asked with, and the model: of any prompt where none is named.
async fn of_calls(cx: &Cx, calls: &[Asked], prompt: Option<&str>) -> Result<Option<(Shown, String)>, Fault> {
    let wanted = prompt.map(meant);
    for call in calls {
        let Some((id, version)) = call.prompt_version.as_deref().and_then(|tag| tag.split_once('@')) else { continue };
        if wanted.as_deref().is_some_and(|wanted| wanted != id) {
            continue;
        }
        // A tag is what the caller of the model wrote: it need not be a version that there is.
        if let Some(shown) = named(cx, id, version).await? {
            return Ok(Some((shown, call.model.clone())));
        }
    }
    Ok(None)
}
