//! `vault`: the keys under which stored secrets are encrypted. Only the machine itself can ask, as for a lost key.

use super::arguments::{Server, Vault, VaultWhat};
use super::exit::Failure;
use super::setting::Setting;
use super::target::Target;
use crate::runtime::owner::protocol::{VaultWish, What};

pub(super) async fn run(setting: Setting, asked: Vault) -> Result<(), Failure> {
    let wish = match asked.what {
        VaultWhat::Status => VaultWish::Status,
        VaultWhat::Reload => VaultWish::Reload,
        VaultWhat::Rotate { master: true, forget_former } => VaultWish::RotateMaster { forget_former },
        VaultWhat::Rotate { master: false, .. } => VaultWish::RotateData,
    };
    Target::of(&setting, &Server::default(), "vault")?.write(What::Vault(wish)).await
}
