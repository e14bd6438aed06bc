//! The store's list: what every implementation of `Store` must do. `cases!` makes one test of each case for each
//! implementation, so that a second one is one more line.

mod counters;
mod declared;
mod documents;
mod life;
mod lists;
mod logs;
mod model;
mod queue;

/// One test per case of a module, in a place made anew for each.
macro_rules! cases {
    ($place:expr; $($module:ident: $($case:ident),+ $(,)?;)+) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                // A place that needs a server is none where there is no server.
                let Some(place) = $place else { return };
                super::$module::$case(&place).await;
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
                    refuses_some_of_many, answers_revisions_in_order, keeps_tenants_apart, refuses_a_field_of_the_wrong_type,
                    commits_that_cross_end, takes_nothing_while_frozen;
                lists: filters_as_the_model, reads_columns_alone, filters_by_the_envelope, pages_are_the_whole_list, lists_over_the_platform,
                    refuses_what_is_not_declared, finds_words, full_text_follows_changes,
                    finds_what_shares_words, ranks_among_many, ranks_by_words, ranks_what_is_far_behind;
                counters: counts, holds_a_bound, holds_a_bound_under_many, lists_counters, keeps_versions,
                    counts_exactly_with_retries;
                logs: appends_in_order, reads_beyond_a_position, filters_entries, trims_by_age, trims_by_count,
                    never_gives_a_position_twice, counts_a_large_entry_as_many, reads_in_the_order_of_time,
                    cuts_what_is_named_with_what_takes_its_place, a_reader_at_the_end_misses_nothing;
                queue: leases_by_priority_and_time, deals_leases_to_tenants_in_turn, holds_a_lease, finishes_with_what_it_brings_about,
                    fences_off_a_lost_lease, puts_back,
                    refuses_a_job_twice, writes_a_job_in_the_hands_of_its_writer, gives_each_job_to_one_worker;
                life: keeps_everything_when_opened_again, fills_what_was_added, lifts_older_forms,
                    refuses_a_newer_database, copies_while_writing_and_restores, restores_older_forms,
                    refuses_what_is_no_copy, refuses_a_newer_copy, changes_the_type_of_a_field_under_a_rule;
            }
        }
    };
}

store_conformance!(sqlite, Some(crate::conformance::place::SqlitePlace::new()));
store_conformance!(postgres, crate::conformance::place::PostgresPlace::find());
