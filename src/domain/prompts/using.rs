//! How other domains use a prompt: assembled for a call, or only looked for.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::assembling::assemble;
use super::finding::{Found, Wanted};
use super::judging::Whole;
use super::writing::own_name;
use crate::capability::cx::Cx;
use crate::capability::permit::Action;
use crate::kernel::fault::Fault;

/// Which prompt, and which version of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'a> {
    /// Its id or name.
    pub id: &'a str,
    /// A label.
    pub label: Option<&'a str>,
    /// A version.
    pub version: Option<&'a str>,
    /// Whose session decides where a label stands for several; the caller's user when not said.
    pub session: Option<&'a str>,
}

/// An assembled prompt.
pub struct Used {
    /// Its id.
    pub prompt_id: String,
    /// The version.
    pub version: String,
    /// Where the label stands for several versions: the id under which it is noted which one this was.
    pub exposure: Option<Uuid>,
    /// The text.
    pub text: String,
}

/// A prompt that was looked for.
pub struct Seen {
    /// Its id.
    pub prompt_id: String,
    /// The version.
    pub version: String,
    /// The variables that must be given and were not.
    pub lacking: Vec<String>,
}

impl<'a> Choice<'a> {
    fn wanted(self) -> Wanted<'a> {
        Wanted { version: self.version, label: self.label, session: self.session }
    }
}

/// Assembles a prompt as far as the caller may read it, and counts the use and exposure of its version.
///
/// # Errors
/// `not_found`, `bad_input` at `/variables`, and what the prompt itself is wrong by.
pub async fn used(cx: &Cx, choice: Choice<'_>, variables: &Map<String, Value>) -> Result<Used, Fault> {
    let made = assemble(cx, choice.id, choice.wanted(), variables).await?;
    Ok(Used { prompt_id: made.prompt_id, version: made.version, exposure: made.exposure, text: made.text })
}

/// Looks for a prompt without using it.
///
/// # Errors
/// `not_found`, and what the prompt itself is wrong by.
pub async fn seen(cx: &Cx, choice: Choice<'_>, variables: &Map<String, Value>) -> Result<Seen, Fault> {
    let found = Found::load(cx, choice.id, Action::Read).await?;
    let chosen = found.choose(cx, choice.wanted()).await?;
    let whole = Whole::load(cx, &chosen.revision.content, own_name(&found.prompt)).await?;
    let must = whole.variables.iter().filter(|one| one.required && !variables.contains_key(&one.name));
    let lacking = must.map(|one| one.name.clone()).collect();
    Ok(Seen { prompt_id: found.prompt.prompt_id, version: chosen.revision.called(), lacking })
}
