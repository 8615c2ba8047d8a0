//! The cases of the senders of payments, shops, blockchains, people, files and tracked events.

use idempotency_core::provider::senders;

use super::cases::{Case, ID, OTHER_ID, body, header};

pub(super) fn cases() -> Vec<Case> {
    vec![
        body(
            senders::AIRWALLEX,
            r#"{"id":"evt_1","name":"payment_intent.succeeded","account_id":"acct_1","data":{"object":{"id":"int_1","note":"Zoë"}}}"#,
            r#"{"id":"evt_1","name":"payment_intent.succeeded","account_id":"acct_1","data":{"object":{"id":"int_1","note":"Zoë"}}}"#,
            r#"{"id":"evt_2","name":"payment_intent.succeeded","account_id":"acct_1","data":{"object":{"id":"int_1","note":"Zoë"}}}"#,
        ),
        header(
            senders::BREX,
            r#"{"event_type":"TRANSFER_PROCESSED","transfer_id":"t1","company_id":"zoë"}"#,
            r#"{"event_type":"TRANSFER_PROCESSED","transfer_id":"t1","company_id":"zoë"}"#,
        ),
        body(
            senders::FINTOC,
            r#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"id":"pi_1","note":"Zoë"}}"#,
            r#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"id":"pi_1","note":"Zoë"}}"#,
            r#"{"id":"evt_2","object":"event","type":"payment_intent.succeeded","data":{"id":"pi_1","note":"Zoë"}}"#,
        ),
        // The header is signed. The key is in the body.
        Case {
            scheme: senders::INCREASE,
            event: (
                ID,
                r#"{"id":"event_1","category":"transaction.created","associated_object_id":"transaction_1","associated_object_type":"zoë","type":"event"}"#,
            ),
            retry: (
                OTHER_ID,
                r#"{"id":"event_1","category":"transaction.created","associated_object_id":"transaction_1","associated_object_type":"zoë","type":"event"}"#,
            ),
            second: (
                ID,
                r#"{"id":"event_2","category":"transaction.created","associated_object_id":"transaction_1","associated_object_type":"zoë","type":"event"}"#,
            ),
        },
        body(
            senders::REVOLUT,
            r#"{"data":{"id":"645a7696","new_state":"completed","old_state":"pending"},"event":"TransactionStateChanged","timestamp":"2023-05-09T16:36:38.028960Z"}"#,
            r#"{"data":{"id":"645a7696","new_state":"completed","old_state":"pending"},"event":"TransactionStateChanged","timestamp":"2023-05-09T16:36:38.028960Z"}"#,
            r#"{"data":{"id":"645a7696","new_state":"completed","old_state":"pending"},"event":"TransactionStateChanged","timestamp":"2023-05-09T16:37:38.028960Z"}"#,
        ),
    ]
}
