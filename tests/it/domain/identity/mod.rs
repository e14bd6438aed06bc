//! The identity domain, one file a tool.

mod api_key_create;
mod api_key_list;
mod api_key_revoke;
mod auth_permissions;
mod auth_validate;
mod authority;
mod cards;
mod directory;
mod first_start;
mod role_assign;
mod role_create;
mod role_list;
mod role_revoke;
mod role_set_permissions;
mod user_create;
mod user_get;
mod user_list;
mod user_me;
mod user_update;
