//! The identity domain.

mod api_key_create;
mod first_start;
mod role_assign;
mod user_create;
mod user_me;
