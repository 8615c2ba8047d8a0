//! The HTTP scenarios. Each runs on both adapters and on every store, over real sockets.

pub mod answers;
pub mod bodies;
pub mod failures;
pub mod keys;
pub mod observations;
pub mod rivals;
pub mod senders;

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::Policy;
use tokio::sync::Semaphore;

use crate::http::{Handler, Reply, TestSender, handler};

/// One test per scenario, on the store that `$store` makes. `every_scenario_is_listed` checks that the list is complete.
#[macro_export]
macro_rules! http_scenarios {
    ($store:path) => {
        $crate::http_scenarios! { @ $store =>
            answers {
                safe_methods_of_an_api_bypass
                a_method_that_is_not_the_webhook_senders_is_405
                a_handshake_is_answered_without_the_handler
                a_wrong_signature_is_refused_before_any_store_access
                a_signature_that_cannot_be_checked_now_is_503
                a_missing_key_is_400_with_a_link_to_the_documentation
                a_conflict_and_a_mismatch_link_to_the_documentation
                a_request_without_a_key_passes_where_none_is_required
                malformed_repeated_and_over_long_keys_are_400
                a_duplicate_gets_the_recorded_answer
                only_2xx_completes_for_a_webhook
                final_answers_complete_for_an_api
                every_answer_completes_where_errors_are_stored
                answers_that_the_policy_names_complete_as_well
                another_fingerprint_is_422_and_leaks_nothing
                an_older_order_is_200_and_not_executed
                an_unreadable_outcome_is_in_doubt_and_never_free
                an_expired_lease_is_in_doubt_where_the_policy_says_so
            }
            bodies {
                an_answer_that_streams_is_recorded_without_its_body
                an_answer_over_the_limit_is_recorded_without_its_body
                headers_count_towards_the_recording_limit
                an_answer_with_no_store_is_recorded_without_its_body
                an_empty_answer_with_no_store_is_complete
                a_cookie_is_sent_once_and_not_replayed
                repeated_binary_and_comma_header_values_survive
                a_header_named_by_connection_is_not_replayed
                an_empty_204_replays_as_an_empty_204
                a_binary_body_replays_bit_for_bit
                a_body_over_the_limit_by_content_length_is_413_and_claims_nothing
                a_chunked_body_over_the_limit_is_413_and_claims_nothing
                a_body_of_exactly_the_limit_reaches_the_handler_whole
                a_passed_body_is_not_limited
            }
            failures {
                a_500_passes_its_retry_executes_and_the_third_replays
                a_panic_releases_at_once
                a_failing_recording_never_turns_a_success_into_an_error
                a_recording_whose_answer_is_lost_is_still_recorded
                a_claim_whose_answer_is_lost_meets_its_own_record
                a_failing_store_is_503_without_its_error_text
                a_hanging_store_is_503_within_the_bound
                a_delivery_executes_unprotected_in_an_outage_where_the_policy_says_so
                a_release_that_fails_leaves_the_answer_alone
            }
            keys {
                another_key_with_the_same_body_is_another_intent
                equal_ids_of_two_accounts_do_not_collide
                nested_routers_do_not_answer_for_each_other
                method_and_query_count
                the_context_gives_the_attempt_and_stable_keys
            }
            observations {
                every_refusal_before_the_claim_is_observed
                a_bypass_is_observed
                every_decision_is_observed_with_its_endpoint_and_path
                a_rejection_names_the_header_that_it_is_about
            }
            rivals {
                n_concurrent_equal_requests_execute_once
                a_duplicate_in_flight_waits_and_replays
                a_webhook_duplicate_in_flight_is_503_after_the_wait_and_never_2xx
                an_api_duplicate_in_flight_is_409_at_once
                a_waiter_whose_time_runs_out_leaves_the_owner_alone
                a_rejected_duplicate_frees_nothing
                waiters_over_the_limit_are_answered_at_once
                after_a_takeover_the_first_owner_records_nothing
                drain_waits_for_the_last_execution
            }
            senders {
                a_retry_that_stripe_has_rewritten_and_signed_again_replays
                two_stripe_endpoints_with_equal_ids_do_not_collide
                a_delivery_of_github_under_a_used_id_with_another_body_is_a_mismatch
                a_challenge_of_slack_is_answered_without_the_handler
                a_quoted_and_a_bare_key_are_one_key
                an_api_key_is_required_on_post_and_patch_only
                headers_that_affect_the_answer_are_compared_or_narrow_the_scope
                json_is_compared_by_meaning_where_the_contract_says_so
                a_custom_contract_is_data
                a_401_says_how_to_authenticate
                two_principals_with_equal_keys_do_not_collide
            }
        }
    };
    (@ $store:path => $($module:ident { $($name:ident)* })*) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::http::both_adapters($store, $crate::scenarios::$module::$name).await;
            })*

            #[test]
            fn every_scenario_is_listed() {
                let source = include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/src/scenarios/",
                    stringify!($module),
                    ".rs"
                ));
                assert_eq!(source.matches("\npub async fn ").count(), [$(stringify!($name)),*].len());
            }
        })*
    };
}

fn webhook() -> TestSender {
    TestSender::new(patient(Policy::webhook()).with_wait(PATIENCE))
}

fn api() -> TestSender {
    TestSender::new(patient(Policy::api())).by_any_method()
}

/// Longer than a store takes on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A policy whose timeouts suit a slow machine, with a lease that does not run out while time is advanced.
fn patient(policy: Policy) -> Policy {
    policy.with_store_timeout(PATIENCE).with_lease(PATIENCE * 60)
}

/// Answers 200 with `done`.
fn done() -> Handler {
    handler(async |_| Reply::new(200, "done"))
}

/// Waits for a permit, then answers 200 with `done`.
fn gated(gate: &Arc<Semaphore>) -> Handler {
    let gate = gate.clone();
    handler(move |_| {
        let gate = gate.clone();
        async move {
            gate.acquire().await.expect("the gate is never closed").forget();
            Reply::new(200, "done")
        }
    })
}

fn gate() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(0))
}
