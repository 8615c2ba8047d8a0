//! The cases of the senders that check an endpoint in a way of their own.

use idempotency_core::provider::senders;

use super::cases::{Case, body};

pub(super) fn cases() -> Vec<Case> {
    vec![
        // Two notifications may be equal. None of them is a delivery.
        body(
            senders::DROPBOX,
            r#"{"list_folder":{"accounts":["dbid:AAH4f99T0taONIb"]},"delta":{"users":[12345678]}}"#,
            r#"{"list_folder":{"accounts":["dbid:AAH4f99T0taONIb"]},"delta":{"users":[12345678]}}"#,
            r#"{"list_folder":{"accounts":["dbid:AAH4f99T0taONIb"]},"delta":{"users":[12345678]}}"#,
        ),
        body(
            senders::SHIPPO,
            r#"{"event":"track_updated","data":{"tracking_number":"92","tracking_status":{"object_id":"f2","status":"TRANSIT"}}}"#,
            r#"{"event":"track_updated","data":{"tracking_number":"92","tracking_status":{"object_id":"f2","status":"TRANSIT"}}}"#,
            r#"{"event":"track_updated","data":{"tracking_number":"92","tracking_status":{"object_id":"f3","status":"TRANSIT"}}}"#,
        ),
        body(
            senders::TWITTER_X,
            r#"{"for_user_id":"2","favorite_events":[{"id":"a7","timestamp_ms":1511387127000}]}"#,
            r#"{"for_user_id":"2","favorite_events":[{"id":"a7","timestamp_ms":1511387127000}]}"#,
            r#"{"for_user_id":"2","favorite_events":[{"id":"a8","timestamp_ms":1511387127000}]}"#,
        ),
    ]
}
