//! Assembling a prompt for a call: the version that is wanted, its text, and what is counted of it.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::finding::{Found, Wanted};
use super::judging::{Part, Whole};
use super::model::exposure::Exposure;
use super::uses::Uses;
use super::writing::own_name;
use crate::capability::cx::Cx;
use crate::capability::permit::Action;
use crate::kernel::fault::Fault;

/// An assembled prompt.
pub(super) struct Assembled {
    pub(super) prompt_id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) digest: String,
    pub(super) label: Option<String>,
    pub(super) exposure: Option<Uuid>,
    pub(super) text: String,
    pub(super) values: Map<String, Value>,
    pub(super) parts: Vec<Part>,
}

/// The longest that a session's name is kept.
const LONGEST_SESSION: usize = 200;

/// Assembles a prompt and counts the use of its version.
pub(super) async fn assemble(
    cx: &Cx,
    given: &str,
    wanted: Wanted<'_>,
    variables: &Map<String, Value>,
) -> Result<Assembled, Fault> {
    let found = Found::load(cx, given, Action::Read).await?;
    let chosen = found.choose(cx, wanted).await?;
    let revision = chosen.revision;
    let whole = Whole::load(cx, &revision.content, own_name(&found.prompt)).await?;
    let (text, values) = whole.text(&revision.content, variables, "/variables")?;
    let (prompt_id, version) = (found.prompt.prompt_id.clone(), revision.called());
    let uses = cx.service::<Uses>()?;
    uses.count(cx.tenant(), &prompt_id, &version);
    let exposure = chosen.label.clone().filter(|_| chosen.split).map(|label| {
        let id = cx.new_id();
        let user = cx.caller().user;
        let session = wanted.session.map_or_else(|| user.to_string(), str::to_owned);
        let session = session.chars().take(LONGEST_SESSION).collect();
        let (prompt_id, version, digest) = (prompt_id.clone(), version.clone(), revision.digest.clone());
        uses.expose(cx.tenant(), Exposure { id, prompt_id, label, version, digest, session, user });
        id
    });
    Ok(Assembled {
        prompt_id,
        name: found.prompt.name,
        version,
        digest: revision.digest,
        label: chosen.label,
        exposure,
        text,
        values,
        parts: whole.parts(),
    })
}
