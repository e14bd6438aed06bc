//! Finding personas and their versions: a tenant's own first, then the files.

use std::sync::Arc;

use super::faults::{PERSONA_UNUSABLE, TOO_MANY_PERSONAS};
use super::file::PersonaFile;
use super::library::Personas;
use super::model::{Persona, Profile};
use super::text::{fits, text};
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::Stored;
use crate::capability::permit::Action;
use crate::domain::prompts::engine::checks::Wanted;
use crate::domain::prompts::engine::file::meant;
use crate::kernel::codes;
use crate::kernel::fault::{Fault, Violation};
use crate::port::records::{Document as _, Scope};
use crate::port::tokens::{Counting, Encoding};

/// The counter of a tenant's personas.
const PERSONAS: &str = "personas";
/// The most personas of a tenant: a search looks through all of them.
pub(super) const MOST_PERSONAS: u32 = 1_000;
/// So many versions are looked through for one.
const MOST_VERSIONS: u32 = 1_000;

/// A persona that was found.
pub(super) enum Found {
    /// The tenant's own.
    Own(Box<Stored<Persona>>),
    /// A file.
    File(Arc<PersonaFile>),
}

/// A version of a persona.
pub(super) struct OneVersion {
    pub(super) version: String,
    pub(super) profile: Profile,
    pub(super) persona: Option<Stored<Persona>>,
}

impl Found {
    /// The persona of an id or name that the caller may do this to.
    pub(super) async fn load(cx: &Cx, given: &str, action: Action) -> Result<Self, Fault> {
        let id = meant(given);
        match cx.load::<Persona>(Persona::id(&id), action).await {
            Ok(stored) => Ok(Self::Own(Box::new(stored))),
            Err(fault) if fault.is(&codes::NOT_FOUND) => {
                let files = cx.service::<Personas>()?.present();
                files.get(&id).cloned().map(Self::File).ok_or_else(|| Fault::not_found("persona", given))
            }
            Err(fault) => Err(fault),
        }
    }

    pub(super) fn id(&self) -> &str {
        match self {
            Self::Own(stored) => &stored.value.persona_id,
            Self::File(file) => &file.id,
        }
    }

    /// The present version.
    pub(super) fn present(&self) -> OneVersion {
        match self {
            Self::Own(stored) => of_stored((**stored).clone()),
            Self::File(file) => of_file(file),
        }
    }

    /// The version of a number; the present one where none is named.
    pub(super) async fn version(&self, cx: &Cx, wanted: Option<&str>) -> Result<OneVersion, Fault> {
        let present = self.present();
        let Some(wanted) = wanted.filter(|wanted| *wanted != present.version) else { return Ok(present) };
        if let Self::Own(stored) = self {
            let scope = Scope::Tenant(cx.tenant());
            let kept = cx.platform().store.versions(scope, Persona::KIND, stored.id, MOST_VERSIONS).await;
            for record in kept.map_err(store_fault)? {
                let one = Stored::<Persona>::read(record)?;
                if one.value.version == wanted {
                    return Ok(of_stored(one));
                }
            }
            // The version that it began as, where the file still is that one.
            let files = cx.service::<Personas>()?.present();
            let file = files.get(self.id()).filter(|file| file.version.to_string() == wanted);
            if let Some(file) = file {
                return Ok(of_file(file));
            }
        }
        let detail = serde_json::json!({ "personaId": self.id(), "version": present.version });
        Err(Fault::not_found("version", wanted).with_detail(detail))
    }
}

fn of_stored(stored: Stored<Persona>) -> OneVersion {
    OneVersion { version: stored.value.version.clone(), profile: stored.value.profile.clone(), persona: Some(stored) }
}

fn of_file(file: &PersonaFile) -> OneVersion {
    OneVersion { version: file.version.to_string(), profile: file.profile.clone(), persona: None }
}

/// Counts a new persona against what the tenant may have.
pub(super) async fn room_for_one(cx: &Cx) -> Result<(), Fault> {
    cx.room_for_one(PERSONAS, MOST_PERSONAS, "personas of its own", &TOO_MANY_PERSONAS).await
}

/// The text of a profile, which must fit and pass its own checks.
pub(super) async fn judged(cx: &Cx, profile: &Profile) -> Result<String, Fault> {
    let wrong = fits(profile);
    if !wrong.is_empty() {
        let violation = |(field, message)| Violation { pointer: format!("/{field}"), message };
        return Err(Fault::violations(wrong.into_iter().map(violation).collect()));
    }
    let told = text(profile).map_err(|wrong| {
        let detail = serde_json::json!({ "field": "instructions", "line": wrong.line });
        Fault::new(&PERSONA_UNUSABLE, format!("the instructions cannot be used: {wrong}")).with_detail(detail)
    })?;
    let mut failed = Vec::new();
    for check in &profile.checks {
        let wanted = Wanted::from(check);
        let tokens = if wanted.counts() { tokens(cx, &told).await? } else { 0 };
        let problems = wanted.lacking(&told, tokens);
        if !problems.is_empty() {
            failed.push(serde_json::json!({ "check": check.name, "problems": problems }));
        }
    }
    if failed.is_empty() {
        return Ok(told);
    }
    let say = format!("{} of its checks do not hold", failed.len());
    Err(Fault::new(&PERSONA_UNUSABLE, say).with_detail(serde_json::json!({ "checks": failed })))
}

/// The tokens of a text.
pub(super) async fn tokens(cx: &Cx, told: &str) -> Result<u64, Fault> {
    let counted = cx.service::<Counting>()?.0.count(Encoding::O200k, vec![told.to_owned()]).await;
    counted.first().map(|counted| counted.tokens).ok_or_else(|| Fault::internal("a text was not counted"))
}
