//! The domain's capabilities, one a file.

pub(super) mod api_key_create;
pub(super) mod api_key_list;
pub(super) mod api_key_revoke;
pub(super) mod auth_permissions;
pub(super) mod auth_validate;
pub(super) mod role_assign;
pub(super) mod role_create;
pub(super) mod role_list;
pub(super) mod role_revoke;
pub(super) mod role_set_permissions;
pub(super) mod user_create;
pub(super) mod user_get;
pub(super) mod user_list;
pub(super) mod user_me;
pub(super) mod user_update;
