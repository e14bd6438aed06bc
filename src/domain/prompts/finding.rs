//! Finding prompts and their versions: a tenant's own first, then the files.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::engine::file::{PromptFile, meant};
use super::engine::split::chosen;
use super::engine::version::Version;
use super::library::Library;
use super::model::prompt::{Label, Prompt, PromptKind, Target};
use super::model::revision::Revision;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::Action;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::records::{Filter, Query, Scalar};

/// The label that is meant where none is named.
pub(super) const PRODUCTION: &str = "production";
/// The word for the newest content, published or not.
pub(super) const DRAFT: &str = "draft";
/// The word for the newest version that was published.
pub(super) const LATEST: &str = "latest";
/// The fewest digits of a digest that name a content.
const FEWEST_DIGITS: usize = 12;

/// A prompt that was found: the tenant's own, or a file.
pub(super) struct Found {
    /// The prompt.
    pub(super) prompt: Prompt,
    /// Its document, where it is the tenant's own.
    pub(super) stored: Option<Stored<Prompt>>,
    /// The file, where it is one.
    pub(super) file: Option<Arc<PromptFile>>,
}

/// Which version a caller wants.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Which {
    /// The version: `1.2.0`, `draft` for the newest content, `latest` for the newest that was published, or the first 12 or more
    /// digits of a digest.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// The version that a label stands for, such as `production`, which is meant when neither is said; where there is none the newest
    /// version.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    label: Option<String>,
}

impl Which {
    /// As it is chosen by; the session decides where a label stands for several.
    pub(super) fn wanted<'a>(&'a self, session: Option<&'a str>) -> Wanted<'a> {
        Wanted { version: self.version.as_deref(), label: self.label.as_deref(), session }
    }
}

/// Which version of a prompt is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted<'a> {
    /// A version, a digest, `draft` or `latest`.
    pub(super) version: Option<&'a str>,
    /// A label.
    pub(super) label: Option<&'a str>,
    /// Whose session decides where a label stands for several.
    pub(super) session: Option<&'a str>,
}

/// A version that was chosen.
pub(super) struct Chosen {
    /// It.
    pub(super) revision: Revision,
    /// The label that it was chosen by.
    pub(super) label: Option<String>,
    /// Whether the label stands for others too.
    pub(super) split: bool,
}

impl Found {
    /// The prompt of an id or name that the caller may do this to.
    pub(super) async fn load(cx: &Cx, given: &str, action: Action) -> Result<Self, Fault> {
        let id = meant(given);
        let missing = || Fault::not_found("prompt", given);
        match cx.load::<Prompt>(Prompt::id(&id), action).await {
            Ok(stored) => Ok(Self { prompt: stored.value.clone(), stored: Some(stored), file: None }),
            Err(fault) if fault.is(&codes::NOT_FOUND) => {
                let files = cx.service::<Library>()?.present();
                files.get(&id).map(Self::of_file).ok_or_else(missing)
            }
            Err(fault) => Err(fault),
        }
    }

    /// The block of a name, for a prompt that includes it.
    pub(super) async fn block(cx: &Cx, id: &str) -> Result<Option<Self>, Fault> {
        if let Some(stored) = cx.get::<Prompt>(Prompt::id(id)).await? {
            let is_block = stored.value.kind == PromptKind::Block;
            return Ok(is_block.then(|| Self { prompt: stored.value.clone(), stored: Some(stored), file: None }));
        }
        let files = cx.service::<Library>()?.present();
        Ok(files.block(id).map(Self::of_file))
    }

    pub(super) fn of_file(file: &Arc<PromptFile>) -> Self {
        let version = file.version.to_string();
        let label =
            |name: &String| (name.clone(), Label { targets: vec![Target::only(version.clone())], ..Label::default() });
        let prompt = Prompt {
            prompt_id: file.id.clone(),
            name: file.title.clone(),
            description: file.description.clone(),
            tags: file.tags.clone(),
            kind: if file.block { PromptKind::Block } else { PromptKind::Prompt },
            revision: 1,
            published: Some(version.clone()),
            labels: file.labels.iter().map(label).collect(),
            file: Some(file.digest.clone()),
        };
        Self { prompt, stored: None, file: Some(file.clone()) }
    }

    /// The version that is wanted: where nothing is said, the one that the label `production` stands for, else the newest that
    /// was published, else the draft.
    pub(super) async fn choose(&self, cx: &Cx, wanted: Wanted<'_>) -> Result<Chosen, Fault> {
        let plain = |revision| Chosen { revision, label: None, split: false };
        let prompt = &self.prompt;
        if let Some(version) = wanted.version {
            return self.version(cx, version).await.map(plain);
        }
        let named = wanted.label.or_else(|| prompt.labels.contains_key(PRODUCTION).then_some(PRODUCTION));
        if let Some(name) = named {
            let label = prompt.labels.get(name).ok_or_else(|| {
                let known: Vec<&str> = prompt.labels.keys().map(String::as_str).collect();
                let fault = Fault::not_found("label", name);
                fault.with_detail(serde_json::json!({ "promptId": prompt.prompt_id, "labels": known }))
            })?;
            let weights: Vec<u32> = label.targets.iter().map(|target| target.weight).collect();
            let user = cx.caller().user.to_string();
            let session = wanted.session.unwrap_or(&user);
            let salt = format!("{}/{name}", prompt.prompt_id);
            let target = chosen(&weights, &salt, session).and_then(|at| label.targets.get(at));
            let target = target.ok_or_else(|| Fault::not_found("version of the label", name))?;
            let revision = self.version(cx, &target.version).await?;
            return Ok(Chosen { revision, label: Some(name.to_owned()), split: label.targets.len() > 1 });
        }
        match &prompt.published {
            Some(version) => self.version(cx, version).await.map(plain),
            None => self.revision(cx, prompt.revision).await.map(plain),
        }
    }

    /// The version of a name: `1.2.0`, `1.3.0-draft.7`, `draft`, `latest`, or the beginning of a digest.
    pub(super) async fn version(&self, cx: &Cx, name: &str) -> Result<Revision, Fault> {
        let missing = || {
            let detail = serde_json::json!({ "promptId": self.prompt.prompt_id, "latest": self.prompt.published });
            Fault::not_found("version", name).with_detail(detail)
        };
        if name == DRAFT {
            return self.revision(cx, self.prompt.revision).await;
        }
        let name = if name == LATEST { self.prompt.published.as_deref().ok_or_else(missing)? } else { name };
        if let Some((_, number)) = name.split_once("-draft.") {
            let number = number.parse().map_err(|_| missing())?;
            return self.revision(cx, number).await.map_err(|_| missing());
        }
        if Version::parse(name).is_some() {
            return self
                .find(cx, Filter::is("version", Scalar::Text(name.to_owned())), |one| {
                    one.version.as_deref() == Some(name)
                })
                .await?
                .ok_or_else(missing);
        }
        if name.len() >= FEWEST_DIGITS && name.bytes().all(|one| matches!(one, b'0'..=b'9' | b'a'..=b'f')) {
            return self
                .find(cx, Filter::StartsWith("digest", name.to_owned()), |one| one.digest.starts_with(name))
                .await?
                .ok_or_else(missing);
        }
        Err(missing())
    }

    async fn find(&self, cx: &Cx, filter: Filter, fits: impl Fn(&Revision) -> bool) -> Result<Option<Revision>, Fault> {
        if let Some(file) = &self.file {
            return Ok(Some(of_file(file)).filter(fits));
        }
        let of = Filter::is("promptId", Scalar::Text(self.prompt.prompt_id.clone()));
        let query = Query { filter: of.and(filter), order: "revision", descending: true, after: None, limit: 1 };
        Ok(cx.find::<Revision>(query).await?.into_iter().next().map(|stored| stored.value))
    }

    /// The revision of a number.
    pub(super) async fn revision(&self, cx: &Cx, number: u32) -> Result<Revision, Fault> {
        let missing = || Fault::not_found("revision", number);
        if let Some(file) = &self.file {
            return if number == 1 { Ok(of_file(file)) } else { Err(missing()) };
        }
        let stored = self.stored_revision(cx, number).await?;
        stored.map(|stored| stored.value).ok_or_else(missing)
    }

    /// The document of a revision.
    pub(super) async fn stored_revision(&self, cx: &Cx, number: u32) -> Result<Option<Stored<Revision>>, Fault> {
        let id: Uuid = Revision::id(&self.prompt.prompt_id, number);
        cx.get::<Revision>(id).await
    }
}

/// A file as a revision.
pub(super) fn of_file(file: &PromptFile) -> Revision {
    let version = file.version.to_string();
    Revision {
        prompt_id: file.id.clone(),
        revision: 1,
        version: Some(version.clone()),
        meant: version,
        digest: file.digest.clone(),
        content: file.content.clone(),
        author: None,
        message: None,
        // A file has no time that all instances would agree upon.
        written_at: crate::kernel::time::Timestamp::from_millis(0),
        published_at: None,
        tested: None,
    }
}
