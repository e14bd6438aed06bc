//! A version of a prompt taken out whole, with its blocks as they are now: what works on it later, where no call runs any more,
//! needs nothing else of the prompts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::engine::blocks::texts;
use super::engine::content::{Content, Variable};
use super::engine::lint::{Level, findings};
use super::engine::template::{assembled, names};
use super::engine::variables::filled;
use super::finding::{Found, Wanted};
use super::judging::{NoText, Whole};
use super::views::VariableView;
use super::writing::own_name;
use crate::capability::cx::Cx;
use crate::capability::permit::Action;
use crate::kernel::fault::Fault;

/// A version of a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The prompt.
    pub prompt_id: String,
    /// The version.
    pub version: String,
    /// Its content as it was written.
    pub content: Content,
    /// The texts of the blocks by their references.
    pub blocks: BTreeMap<String, String>,
    /// Its variables with those of its blocks.
    pub variables: Vec<Variable>,
}

impl Snapshot {
    /// Takes a version: the one that is named, else the one that `production` stands for or the newest.
    ///
    /// # Errors
    /// `not_found`; `prompt_unusable` where a block is missing.
    pub async fn take(cx: &Cx, given: &str, version: Option<&str>, action: Action) -> Result<Self, Fault> {
        let found = Found::load(cx, given, action).await?;
        let revision = found.choose(cx, Wanted { version, label: None, session: None }).await?.revision;
        let whole = Whole::load(cx, &revision.content, own_name(&found.prompt)).await?;
        Ok(Self {
            version: revision.called(),
            prompt_id: found.prompt.prompt_id,
            content: revision.content,
            blocks: texts(&whole.blocks),
            variables: whole.variables,
        })
    }

    /// Its text with these variables, or why there is none.
    ///
    /// # Errors
    /// In one sentence.
    pub fn text(&self, given: &Map<String, Value>) -> Result<String, String> {
        self.text_of(&self.content.template, given)
    }

    /// The text of another template in its place.
    ///
    /// # Errors
    /// In one sentence.
    pub fn text_of(&self, template: &str, given: &Map<String, Value>) -> Result<String, String> {
        let values = filled(&self.variables, given, "/variables").map_err(|wrong| NoText::Variables(wrong).say())?;
        assembled(template, &self.blocks, &values).map_err(|wrong| wrong.to_string())
    }

    /// What `prompt_update` takes to write it with another template. All of its content is told, so that nothing of what somebody else
    /// wrote meanwhile comes in.
    #[must_use]
    pub fn rewritten(&self, template: &str, message: &str) -> Value {
        let variables: Vec<VariableView> = self.content.variables.iter().map(Into::into).collect();
        json!({
            "id": self.prompt_id, "template": template, "variables": variables, "checks": self.content.checks, "cases": self.content.cases,
            "message": message,
        })
    }

    /// Why another template cannot take its place: it must be well formed, use the same variables and no other, and hold no secret.
    ///
    /// # Errors
    /// In one sentence.
    pub fn takes(&self, template: &str) -> Result<(), String> {
        let content =
            Content { template: template.to_owned(), variables: self.variables.clone(), ..Content::default() };
        let wrong: Vec<String> = findings(&content, Some(&self.variables))
            .into_iter()
            .filter(|finding| finding.level == Level::Error || finding.rule == "P010")
            .map(|finding| finding.message)
            .collect();
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        let (mut present, new) = (names(&self.content.template).unwrap_or_default(), names(template));
        let new = new.map_err(|wrong| wrong.to_string())?;
        present.retain(|name| !new.contains(name));
        match present.into_iter().next() {
            Some(lost) => Err(format!("it uses the variable '{lost}' no more")),
            None => Ok(()),
        }
    }
}
