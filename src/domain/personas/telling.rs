//! What other domains are told of a persona: the text in front of a conversation.

use super::finding::{Found, judged};
use crate::capability::cx::Cx;
use crate::capability::permit::Action;
use crate::kernel::fault::Fault;

/// A persona as a model is told of it.
pub struct Told {
    /// Its id.
    pub persona_id: String,
    /// The version.
    pub version: String,
    /// The text.
    pub text: String,
}

/// The persona of an id or name, in a version or the present one, as far as the caller may read it.
///
/// # Errors
/// `not_found`; `persona_unusable` where it cannot be told.
pub async fn told(cx: &Cx, given: &str, version: Option<&str>) -> Result<Told, Fault> {
    let found = Found::load(cx, given, Action::Read).await?;
    let one = found.version(cx, version).await?;
    let text = judged(cx, &one.profile).await?;
    Ok(Told { persona_id: found.id().to_owned(), version: one.version, text })
}
