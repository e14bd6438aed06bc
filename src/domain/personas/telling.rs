//! What other domains are told of a persona: the text in front of a conversation.

use super::finding::{Found, judged};
use crate::capability::cx::Cx;
use crate::capability::permit::Action;
use crate::kernel::fault::Fault;

/// The text of the persona of an id or name, in a version or the present one, as far as the caller may read it.
///
/// # Errors
/// `not_found`; `persona_unusable` where it cannot be told.
pub async fn told(cx: &Cx, given: &str, version: Option<&str>) -> Result<String, Fault> {
    let one = Found::load(cx, given, Action::Read).await?.version(cx, version).await?;
    judged(cx, &one.profile).await
}
