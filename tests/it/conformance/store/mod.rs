//! The store's list: what every implementation of `Store` must do. `cases!` makes one test of each case for each
//! implementation, so that a second one is one more line.

mod declared;
mod documents;

/// One test per case of a module, in a place made anew for each.
macro_rules! cases {
    ($place:expr; $($module:ident: $($case:ident),+ $(,)?;)+) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$module::$case(&$place).await;
            }
        )+)+
    };
}

/// Every case of the list against one implementation.
macro_rules! store_conformance {
    ($name:ident, $place:expr) => {
        mod $name {
            cases! {
                $place;
                documents: puts_and_gets, counts_revisions, refuses_what_was_not_expected, checks_without_writing,
                    removes, keeps_envelope, unique_within_a_tenant, unique_over_the_platform, commits_all_or_nothing,
                    answers_revisions_in_order, keeps_tenants_apart, refuses_a_field_of_the_wrong_type;
            }
        }
    };
}

store_conformance!(sqlite, crate::conformance::place::SqlitePlace::new());
