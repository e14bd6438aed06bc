//! The domain's fault codes.

use crate::kernel::codes::{Code, CodeRow};

/// The call would give or touch more than the caller has.
pub(super) static BEYOND_OWN_RIGHTS: CodeRow = CodeRow::of_caller(
    "beyond_own_rights",
    403,
    "Nobody can give rights that they do not have, nor act on the account of somebody with more rights. The detail names what is missing.",
);

/// The call would leave the tenant without an administrator.
pub(super) static LAST_ADMINISTRATOR: CodeRow = CodeRow::of_caller(
    "last_administrator",
    409,
    "The tenant needs one active user who holds the role admin without an end. Give the role to somebody else first.",
);

/// The role belongs to the program.
pub(super) static BUILT_IN_ROLE: CodeRow = CodeRow::of_caller(
    "built_in_role",
    409,
    "The roles that come with the program cannot be changed. Make a role of your own with role_create.",
);

/// Every code of the domain.
pub(super) static ALL: &[Code] = &[&BEYOND_OWN_RIGHTS, &LAST_ADMINISTRATOR, &BUILT_IN_ROLE];
