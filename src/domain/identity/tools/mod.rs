//! The domain's capabilities, one a file.

pub(super) mod api_key_create;
pub(super) mod role_assign;
pub(super) mod user_create;
pub(super) mod user_me;
