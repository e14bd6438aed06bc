//! `process_publish`: a draft gets its version, and stays as it is from then on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::engine::linking::called;
use crate::domain::processes::engine::validation::Finding;
use crate::domain::processes::faults::VERSION_TAKEN;
use crate::domain::processes::finding::{DRAFT, load, stored_revision, version};
use crate::domain::processes::looking::{judged, unusable};
use crate::domain::processes::model::process::{MAIN, Process};
use crate::domain::processes::topics::PUBLISHED;
use crate::domain::processes::views::Brief;
use crate::domain::processes::writing::{meant, step};
use crate::domain::prompts::engine::version::{PATTERN, Step, Version};
use crate::kernel::fault::Fault;

/// Publishes a version.
pub(in crate::domain::processes) struct ProcessPublish;

/// Which draft.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The draft: `draft` for the newest of `main`, which is meant when not said, or `1.3.0-draft.7`. Drafts of other branches are merged
    /// first.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// The version that it gets; when not said the next one that says how much has changed: 2.0.0 where whoever starts it must give
    /// something else, 1.3.0 where it does something else, 1.2.1 where only words differ.
    #[serde(default)]
    #[schemars(length(max = 32), regex(pattern = PATTERN))]
    release: Option<String>,
}

/// What was published.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// The version.
    #[serde(flatten)]
    brief: Brief,
    /// How far it is from the version before; left out for the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<Step>,
    /// What may not be what is meant.
    warnings: Vec<Finding>,
}

impl Capability for ProcessPublish {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "process_publish",
        Domain::Processes,
        Route::post("/processes/{id}/publish"),
        Permit::on(Resource::Processes, Action::Change),
        "Freezes a draft of a process as a version (1.2.0) that can be started and never changes; refused while process_validate finds \
         errors. What runs already keeps the version that it began with.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let mut process = stored.value.clone();
        let wanted = input.version.as_deref().unwrap_or(DRAFT);
        let found = version(cx, &process, Some(wanted), None).await?;
        if let Some(version) = &found.version {
            let say = format!("this definition was published as {version} already");
            return Err(Fault::new(&VERSION_TAKEN, say));
        }
        if found.branch != MAIN {
            let say = format!(
                "it is a draft of the branch '{}': merge that into main first, with process_merge",
                found.branch
            );
            return Err(Fault::bad_input("/version", say));
        }
        let judged = judged(cx, &found.definition, Some(&process.process_id)).await?;
        if !judged.is_fit() {
            return Err(unusable(&judged));
        }
        let least = meant(cx, &process, &found.definition).await?;
        let far = match &process.published {
            Some(published) => {
                let before = version(cx, &process, Some(published), None).await?;
                Some(step(&before.definition, &found.definition))
            }
            None => None,
        };
        let asked = input.release.as_deref().or_else(|| process.published.is_none().then_some(found.meant.as_str()));
        let release = match asked.and_then(Version::parse) {
            None => least,
            Some(asked) if process.published.is_some() && asked < least => {
                return Err(Fault::bad_input("/release", format!("must be {least} or later: so much has changed")));
            }
            Some(asked) => asked,
        };
        let document = stored_revision(cx, &process, found.revision).await?;
        let mut revision = document.value.clone();
        revision.version = Some(release.to_string());
        revision.published_at = Some(cx.now());
        revision.granted = Some(cx.caller().to_pass_on());
        cx.change(&document, &revision)?;
        process.published = Some(release.to_string());
        process.calls.published = called(&found.definition);
        cx.change(&stored, &process)?;
        cx.about::<Process>(Process::id(&process.process_id));
        let told = serde_json::json!({
            "processId": process.process_id, "version": release.to_string(), "digest": revision.digest,
        });
        cx.emit(PUBLISHED, &process.process_id, &told)?;
        Ok(Output { brief: Brief::of(&process, &revision), step: far, warnings: judged.findings })
    }
}
