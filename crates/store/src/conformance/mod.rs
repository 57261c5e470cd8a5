//! What every store has to do: one suite for memory, SQLite and PostgreSQL.
//!
//! [`exercise`] goes through the contract area by area; [`agrees_with_memory`] plays random batches on a store and on
//! [`Memory`](crate::Memory) and compares every read. Both panic where a store breaks the contract.

mod commits;
mod deletions;
mod lists;
mod overview;
mod random;
mod reads;
pub mod released;
pub mod sample;

pub use random::{agrees_with_memory, copies_agree};

use crate::Store;

/// One requirement, on an empty store.
type Case = (&'static str, fn(&dyn Store));

const CASES: &[Case] = &[
    ("an_empty_store_answers", reads::an_empty_store_answers),
    ("batches_follow_one_another", commits::batches_follow_one_another),
    ("a_batch_that_does_not_follow_is_fenced", commits::a_batch_that_does_not_follow_is_fenced),
    ("what_is_committed_is_read", commits::what_is_committed_is_read),
    ("a_batch_that_contradicts_leaves_nothing", commits::a_batch_that_contradicts_leaves_nothing),
    ("a_taken_claim_leaves_its_item_out", commits::a_taken_claim_leaves_its_item_out),
    ("the_first_claim_of_a_batch_holds", commits::the_first_claim_of_a_batch_holds),
    ("claims_of_other_kinds_and_scopes_are_others", commits::claims_of_other_kinds_and_scopes_are_others),
    ("counters_follow_the_head_rows", commits::counters_follow_the_head_rows),
    ("a_head_row_is_replaced_whole", commits::a_head_row_is_replaced_whole),
    ("an_ended_execution_is_deleted_whole", deletions::an_ended_execution_is_deleted_whole),
    ("nothing_is_found_of_one_that_is_erased_later", deletions::nothing_is_found_of_one_that_is_erased_later),
    ("what_is_not_meant_is_left", deletions::what_is_not_meant_is_left),
    ("a_claim_goes_with_the_last_of_its_executions", deletions::a_claim_goes_with_the_last_of_its_executions),
    ("what_ended_long_ago_is_found", deletions::what_ended_long_ago_is_found),
    ("a_search_for_what_ended_is_bounded", deletions::a_search_for_what_ended_is_bounded),
    ("lists_are_newest_first", lists::lists_are_newest_first),
    ("lists_filter", lists::lists_filter),
    ("lists_page_by_id", lists::lists_page_by_id),
    ("lists_filter_by_start_when_the_clock_went_back", lists::lists_filter_by_start_when_the_clock_went_back),
    ("what_is_due_comes_in_order", lists::what_is_due_comes_in_order),
    ("parked_executions_are_found_by_action", lists::parked_executions_are_found_by_action),
    (
        "failures_are_found_and_counted_by_what_they_have_in_common",
        overview::failures_are_found_and_counted_by_what_they_have_in_common,
    ),
    ("executions_are_counted", overview::executions_are_counted),
    ("executions_that_want_an_action_are_listed", overview::executions_that_want_an_action_are_listed),
    ("a_list_stops_when_it_has_looked_at_many_in_vain", overview::a_list_stops_when_it_has_looked_at_many_in_vain),
    ("documents_lie_in_the_order_of_their_keys", overview::documents_lie_in_the_order_of_their_keys),
    ("a_history_says_where_it_ends", overview::a_history_says_where_it_ends),
    ("long_payloads_are_left_behind", reads::long_payloads_are_left_behind),
    ("a_history_is_paged", reads::a_history_is_paged),
    ("a_history_page_is_bounded_by_bytes", reads::a_history_page_is_bounded_by_bytes),
    ("a_usable_snapshot_shortens_the_tail", reads::a_usable_snapshot_shortens_the_tail),
    ("definitions_are_kept_for_ever", reads::definitions_are_kept_for_ever),
    ("endpoints_are_put_and_removed", reads::endpoints_are_put_and_removed),
    ("tokens_are_added_and_revoked_and_stay", reads::tokens_are_added_and_revoked_and_stay),
    ("texts_survive_as_they_are", reads::texts_survive_as_they_are),
];

/// Runs the whole suite, each case on a store that `empty` makes.
///
/// # Panics
/// Where the store breaks the contract; the name of the case is on standard error.
pub fn exercise(mut empty: impl FnMut() -> Box<dyn Store>) {
    for (name, case) in CASES {
        eprintln!("conformance: {name}");
        case(&*empty());
    }
}
