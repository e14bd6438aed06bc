//! What can go wrong with the vault.

use crate::kernel::codes::{Blame, Code, CodeRow, Retry};

/// The master key is not at hand, or is another.
pub(super) static VAULT_LOCKED: CodeRow = CodeRow {
    name: "vault_locked",
    status: 503,
    blame: Blame::Operator,
    retry: Retry::Later,
    mend: "The key that opens the vault is not there: the master key is missing, or is not the one under which the tenant's data \
           key was sealed. The operator puts the right one back where 'vault.master' says, beside the present one, and runs \
           'convoke vault reload'; system_health tells what is missing.",
};

/// What is stored does not open: it was altered, or moved from another place.
pub(super) static SECRET_DAMAGED: CodeRow = CodeRow {
    name: "secret_damaged",
    status: 500,
    blame: Blame::Operator,
    retry: Retry::Never,
    mend: "What lies in the store under this name was altered, or was moved there from another name or tenant, and is not used. \
           Store the credential again with secret_put, and look who had access to the database.",
};

/// Nobody gave a credential of that name.
pub(super) static CREDENTIAL_MISSING: CodeRow = CodeRow::of_caller(
    "credential_missing",
    422,
    "No credential of that name was given. Store it with secret_put; for the installation's own tenant the operator can also set \
     the environment variable that the detail names.",
);

/// All of them.
pub(super) static ALL: &[Code] = &[&VAULT_LOCKED, &SECRET_DAMAGED, &CREDENTIAL_MISSING];
