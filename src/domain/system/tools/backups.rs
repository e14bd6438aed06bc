//! `system_backups`: the backups that there are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::Paging;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::shelf::{Found, Lies, Restoring, Shelf, State, newest_first};
use crate::domain::system::faults::BACKUP_LOCKED;
use crate::domain::system::operator;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// Lists backups.
pub(in crate::domain::system) struct Backups;

/// Which backups.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// Only the one of this name.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// Read every file and hold it against its checksum; takes as long as reading all of it does.
    #[serde(default)]
    verify: bool,
    #[serde(flatten)]
    paging: Paging,
}

/// Backups, newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// Where new ones go: the folder on the server's machine, or the place in an object store.
    folder: String,
    /// The backups.
    items: Vec<Item>,
    /// The last restore since the server started, while it runs and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    restore: Option<Restoring>,
    /// Give it as `pageToken` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Item {
    /// Its name: what `system_restore` takes.
    name: String,
    /// How it is.
    state: State,
    /// When it was begun, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_at: Option<Timestamp>,
    /// The version of the program that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// The number of the store's schema in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<u32>,
    /// Its size.
    size_bytes: u64,
    /// Whether it is encrypted, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted: Option<bool>,
    /// Whether it lies in the object store, rather than on the server's machine.
    elsewhere: bool,
    /// Whether every file is as it was written; only where that was asked for and there are checksums.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<String>,
}

impl Capability for Backups {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "system_backups",
        Domain::System,
        Route::get("/system/backups"),
        Permit::on(Resource::System, Action::Read),
        "The backups that there are, newest first, with age, size and state; with verify, whether their checksums hold. To \
         make one use system_backup.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        operator::check(cx).await?;
        let shelf = cx.service::<Shelf>()?;
        let mut found = match &input.name {
            Some(name) => vec![shelf.find(name).await?],
            None => shelf.list().await?,
        };
        let pages = format!("system_backups {} {:?}", cx.tenant(), input.name);
        if let Some(token) = &input.paging.page_token {
            let last: String = cx.open_page(&pages, token)?;
            found.retain(|backup| newest_first(&last, &backup.name).is_lt());
        }
        let size = input.paging.size() as usize;
        let more = found.len() > size;
        found.truncate(size);
        let next_page_token = match found.last() {
            Some(last) if more => Some(cx.seal_page(&pages, &last.name)?),
            _ => None,
        };
        let mut told = Vec::with_capacity(found.len());
        for backup in found {
            told.push(item_of(&shelf, backup, input.verify).await?);
        }
        Ok(Output { folder: shelf.place(), items: told, restore: shelf.restoring(), next_page_token })
    }
}

async fn item_of(shelf: &Shelf, found: Found, verify: bool) -> Result<Item, Fault> {
    let looked = if verify { shelf.verify(&found).await } else { Ok(None) };
    let (verified, faults) = match looked {
        Ok(faults) => (faults.as_ref().map(Vec::is_empty), faults.unwrap_or_default()),
        // Without its key nobody knows.
        Err(fault) if fault.is(&BACKUP_LOCKED) => (None, vec![fault.say().to_owned()]),
        Err(fault) => return Err(fault),
    };
    let about = found.about.as_ref();
    Ok(Item {
        made_at: about.map(|about| about.made_at),
        version: about.map(|about| about.version.clone()),
        schema: about.map(|about| about.schema),
        encrypted: about.map(|about| about.encrypted),
        elsewhere: matches!(found.lies, Lies::Remote(_)),
        verified,
        faults,
        name: found.name,
        state: found.state,
        size_bytes: found.size_bytes,
    })
}
