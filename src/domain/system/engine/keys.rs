//! Keys that no backup holds and that what is in one wants: which the installation had when it was made, and which of them are not here.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::cx::store_fault;
use crate::capability::gate::sealing::Sealer;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;

/// Which keys an installation has. Nothing of a key can be told from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Keys {
    /// Made of `installation.key`, another for another.
    installation: Uuid,
    /// The pool of keys of data subjects; none where no key was taken yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subjects: Option<Uuid>,
}

impl Keys {
    /// Those that are here.
    pub(crate) async fn present(platform: &Platform) -> Result<Self, Fault> {
        let mut half = [0; 16];
        half.copy_from_slice(&platform.seal.derive("keys of a backup", b"installation")[..16]);
        let subjects = platform.service::<Sealer>()?.pool().await.map_err(store_fault)?;
        Ok(Self { installation: Uuid::from_bytes(half), subjects })
    }

    /// What of these is not among others, what that means, and what to do.
    pub(crate) fn missing(&self, here: &Self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.installation != here.installation {
            missing.push(
                "installation.key is another one: webhooks are signed with other secrets than those that were given out, and page tokens and calls that \
                 wait for answers are refused. Stop the server, put the old file into the data folder and start again, or subscribe webhooks anew."
                    .to_owned(),
            );
        }
        if self.subjects.is_some() && self.subjects != here.subjects {
            missing.push(
                "subjects.keys is another one: what entries of the audit log say of people cannot be read. Stop the server, put the old file into the folder \
                 of audit.keys and start again."
                    .to_owned(),
            );
        }
        missing
    }
}
