//! Which version of a prompt somebody was shown: so that what they say of it is said of that one.

use uuid::Uuid;

use super::finding::{Found, Wanted};
use super::model::exposure::{EXPOSURES, Exposure};
use super::uses::Uses;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::permit::Action;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::logs::LogQuery;
use crate::port::records::{Filter, Scalar, Scope};

/// How it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownBy {
    /// The caller named it.
    Version,
    /// It was noted under this exposure.
    Exposure,
    /// It was noted for this session.
    Session,
    /// It is what the label stands for now.
    Label,
}

/// What is known of what was shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told<'a> {
    /// A version, a digest, `draft` or `latest`.
    pub version: Option<&'a str>,
    /// The id under which an assembled prompt was noted.
    pub exposure: Option<Uuid>,
    /// Whose session it was.
    pub session: Option<&'a str>,
}

/// A version that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The prompt.
    pub prompt_id: String,
    /// The version.
    pub version: String,
    /// The digest of its content.
    pub digest: String,
    /// How it is known.
    pub by: ShownBy,
}

/// The version that was shown: the one that is named, else the one that was noted, else the one that who asks would get now.
///
/// # Errors
/// `not_found` where there is no such prompt, version or exposure for the caller.
pub async fn shown(cx: &Cx, given: &str, told: Told<'_>) -> Result<Shown, Fault> {
    let found = Found::load(cx, given, Action::Read).await?;
    let prompt_id = found.prompt.prompt_id.clone();
    let noted = |exposure: Exposure, by| Shown {
        prompt_id: exposure.prompt_id,
        version: exposure.version,
        digest: exposure.digest,
        by,
    };
    if told.version.is_none() {
        // What was assembled just now is not written yet.
        cx.service::<Uses>()?.flush(cx.platform()).await?;
        if let Some(id) = told.exposure {
            let exposure = by_id(cx, &prompt_id, id).await?.ok_or_else(|| Fault::not_found("exposure", id))?;
            return Ok(noted(exposure, ShownBy::Exposure));
        }
        let user = cx.caller().user.to_string();
        if let Some(exposure) = by_session(cx, &prompt_id, told.session.unwrap_or(&user)).await? {
            return Ok(noted(exposure, ShownBy::Session));
        }
    }
    let wanted = Wanted { version: told.version, label: None, session: told.session };
    let revision = found.choose(cx, wanted).await?.revision;
    let by = if told.version.is_some() { ShownBy::Version } else { ShownBy::Label };
    Ok(Shown { prompt_id, version: revision.called(), digest: revision.digest, by })
}

/// The version of a name, where there still is one.
///
/// # Errors
/// When the store fails.
pub async fn named(cx: &Cx, prompt: &str, version: &str) -> Result<Option<Shown>, Fault> {
    match shown(cx, prompt, Told { version: Some(version), ..Told::default() }).await {
        Ok(shown) => Ok(Some(shown)),
        Err(fault) if fault.is(&codes::NOT_FOUND) => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn of(prompt: &str) -> Filter {
    Filter::is("stream", Scalar::Text(prompt.to_owned()))
}

/// An exposure by its id.
async fn by_id(cx: &Cx, prompt: &str, id: Uuid) -> Result<Option<Exposure>, Fault> {
    last(cx, Filter::is("id", Scalar::Id(id)).and(of(prompt))).await
}

/// The last exposure of a session.
async fn by_session(cx: &Cx, prompt: &str, session: &str) -> Result<Option<Exposure>, Fault> {
    last(cx, Filter::is("session", Scalar::Text(session.to_owned())).and(of(prompt))).await
}

async fn last(cx: &Cx, filter: Filter) -> Result<Option<Exposure>, Fault> {
    let query = LogQuery { filter, beyond: None, descending: true, limit: 1 };
    let found =
        cx.platform().store.entries(Scope::Tenant(cx.tenant()), &EXPOSURES, query).await.map_err(store_fault)?;
    let last = found.into_iter().next();
    last.map(|entry| serde_json::from_value(entry.body).map_err(Fault::internal)).transpose()
}
