//! The list of all rules, in one macro, so that there is no second list to update.

/// Passes the name of every function of the suite to one of this crate's macros.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_list {
    ($callback:ident; $($args:tt)*) => {
        $crate::$callback! { $($args)*;
            a_free_key_is_granted
            a_second_claimant_is_told_when_to_retry
            a_refused_claim_leaves_the_holder_alone
            both_handles_see_one_record
            equal_keys_in_two_scopes_are_two_records
            keys_of_every_byte_and_length_are_distinct
            extreme_durations_are_accepted
            an_expired_lease_is_taken_over
            a_dead_holder_blocks_a_key_for_its_lease_only
            an_expired_lease_is_in_doubt_where_the_claim_says_so
            an_owner_whose_lease_ran_out_still_has_its_grant
            a_superseded_holder_cannot_renew
            a_superseded_holder_cannot_complete
            a_superseded_holder_cannot_release
            a_superseded_owner_is_not_granted_again
            a_renewal_counts_from_now
            a_late_renewal_holds_unless_taken_over
            a_renewal_by_a_stranger_is_lost
            fences_grow_with_every_grant
            an_adoption_passes_the_lease_on
            the_old_holder_of_an_adopted_lease_has_lost_it
            a_second_adoption_of_a_lease_is_lost
            a_repeated_adoption_answers_the_same_grant
            an_adopted_lease_can_be_adopted_again
            a_late_adoption_holds_if_no_claim_took_over
            an_adoption_after_a_takeover_is_lost
            an_adoption_of_a_key_that_is_not_held_is_lost
            of_two_adoptions_at_once_one_is_granted
            an_adoption_may_be_sent_twice_at_once
            a_completed_key_answers_its_outcome
            an_empty_outcome_is_an_outcome
            a_binary_outcome_comes_back_bit_for_bit
            a_large_outcome_comes_back_bit_for_bit
            a_late_completion_holds_unless_taken_over
            a_renewed_holder_can_complete
            a_repeated_completion_changes_nothing
            a_completion_by_a_stranger_is_lost
            a_completion_of_a_free_key_is_lost
            a_completed_key_can_be_neither_renewed_nor_released
            a_completed_key_tells_who_completed_it
            a_completed_key_tells_its_fingerprint
            a_completed_key_tells_when_it_was_completed
            a_resolved_key_tells_when_it_was_resolved
            a_released_key_is_granted_at_once
            a_repeated_release_changes_nothing
            a_late_release_holds_unless_taken_over
            a_released_lease_can_be_neither_renewed_nor_completed
            a_late_copy_of_a_claim_does_not_occupy_the_key
            a_release_by_a_stranger_is_lost
            an_unstarted_attempt_does_not_count
            an_unstarted_attempt_is_subtracted_once
            a_record_without_attempts_is_kept_for_at_most_five_minutes
            an_abandoned_attempt_is_taken_over_at_once
            an_abandoned_attempt_is_in_doubt_at_once_where_the_claim_says_so
            a_repeated_abandonment_changes_nothing
            a_completion_after_an_abandonment_holds_if_no_claim_took_over
            a_mismatch_comes_before_in_flight
            a_mismatch_comes_before_a_takeover
            a_mismatch_comes_before_a_grant_after_release
            a_mismatch_comes_before_an_outcome
            a_mismatch_comes_before_stale
            an_absent_fingerprint_matches
            a_fingerprint_outlives_a_grant_without_one
            an_older_version_is_stale
            an_equal_or_newer_version_is_not_stale
            an_older_version_is_not_taken_over
            an_older_version_is_not_granted_after_a_release
            only_a_completion_makes_older_versions_stale
            a_resolution_as_completed_raises_the_mark
            a_resolution_lowers_no_mark
            a_lost_completion_raises_no_mark
            a_mark_never_falls
            marks_of_two_resources_are_two_marks
            a_record_answers_an_older_version_before_stale
            versions_are_compared_exactly
            a_mark_is_kept_as_long_as_its_completion
            a_short_retention_does_not_shorten_a_mark
            an_order_does_not_move_a_record
            a_takeover_may_have_another_order
            the_newest_version_can_be_asked_for
            a_stale_claim_is_no_attempt_and_leaves_nothing_in_doubt
            a_repeated_claim_answers_the_same_grant
            a_repeated_claim_does_not_prolong_the_lease
            every_operation_may_be_sent_twice_at_once
            every_operation_may_arrive_late
            a_dropped_claim_can_be_repeated
            a_dropped_completion_can_be_repeated
            a_dropped_waiter_disturbs_no_other
            several_claims_are_answered_like_single_ones
            several_renewals_are_answered_like_single_ones
            several_completions_are_answered_like_single_ones
            several_releases_are_answered_like_single_ones
            of_two_claims_of_several_keys_each_key_has_one_winner
            of_many_concurrent_claims_one_is_granted
            of_many_concurrent_takeovers_one_is_granted
            a_release_racing_claims_lets_one_in
            a_late_completion_racing_takeovers_has_one_winner
            no_older_version_starts_after_a_newer_completed
            a_waiter_is_woken_by_a_completion
            a_waiter_is_woken_by_a_release
            a_waiter_is_woken_by_an_abandonment
            a_waiter_is_woken_by_forgetting
            a_wait_for_a_key_that_is_not_in_flight_returns_at_once
            a_waiter_waits_while_the_key_is_held
            a_waiter_returns_by_its_timeout
            no_wake_up_is_lost
            waiting_leaves_the_record_alone
            a_thousand_waiters_are_woken
            a_record_can_be_looked_at
            a_forgotten_key_is_free
            the_holder_of_a_forgotten_key_has_lost_it
            forgetting_a_record_lowers_no_mark
            an_abandoned_key_can_be_resolved_as_completed
            an_abandoned_key_can_be_resolved_as_released
            the_holder_of_a_resolved_key_has_lost_it
            only_an_abandoned_key_is_resolved
            a_record_shows_its_endpoint_and_key
            a_hidden_key_is_not_shown
            records_are_listed_by_state
            records_are_listed_by_endpoint
            records_are_listed_by_age
            pages_have_every_record
            a_record_that_is_gone_is_not_listed
            an_unreadable_record_is_listed
            a_foreign_cursor_is_an_error
            an_unreadable_record_is_never_free
            only_forgetting_frees_an_unreadable_record
            a_completed_record_is_kept_for_its_retention
            a_completion_sets_its_own_retention
            an_abandoned_record_is_kept_for_its_retention
            a_short_retention_frees_no_key_in_doubt
            a_retention_counts_from_the_end_of_the_lease
            a_released_record_is_kept_for_its_retention
            a_held_record_outlives_its_retention
            a_takeover_is_kept_for_its_own_retention
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($harness:expr; $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let harness = $harness;
                $crate::store::conformance::$name(&harness).await;
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_run {
    ($harness:expr; $($name:ident)*) => {
        $( $crate::store::conformance::$name($harness).await; )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_names {
    (; $($name:ident)*) => { &[$( stringify!($name) ),*] };
}

/// Defines a `#[tokio::test]` for every function of the conformance suite.
///
/// The expression creates a [`Harness`](crate::store::conformance::Harness). It is evaluated once per test, and may
/// `await`. The crate that uses the macro needs tokio with the features `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! conformance_tests {
    ($harness:expr) => {
        $crate::__conformance_list! { __conformance_tests; $harness }
    };
}

/// Runs all functions of the suite in sequence.
pub async fn run_all(harness: &dyn super::Harness) {
    crate::__conformance_list! { __conformance_run; harness }
}

#[cfg(test)]
pub(super) const NAMES: &[&str] = crate::__conformance_list! { __conformance_names; };
