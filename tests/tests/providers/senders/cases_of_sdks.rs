//! The cases of the senders whose vectors were made with their SDKs.

use idempotency_core::provider::senders;

use super::cases::{Case, ID, OTHER_ID, body, header};

pub(super) fn cases() -> Vec<Case> {
    vec![
        header(
            senders::OPENAI,
            r#"{"id":"evt_1","type":"response.completed","data":{"id":"resp_1"}}"#,
            r#"{"id":"evt_1","type":"response.completed","data":{"id":"resp_1"}}"#,
        ),
        // The id of the delivery is signed. The key is in the body.
        Case {
            scheme: senders::ANTHROPIC,
            event: (
                ID,
                r#"{"id":"event_1","type":"event","data":{"organization_id":"o","type":"session.idled"}}"#,
            ),
            retry: (
                OTHER_ID,
                r#"{"id":"event_1","type":"event","data":{"organization_id":"o","type":"session.idled"}}"#,
            ),
            second: (
                ID,
                r#"{"id":"event_2","type":"event","data":{"organization_id":"o","type":"session.idled"}}"#,
            ),
        },
        header(
            senders::REPLICATE,
            r#"{"id":"prediction","status":"processing","logs":""}"#,
            r#"{"id":"prediction","status":"processing","logs":""}"#,
        ),
        body(
            senders::TELNYX,
            r#"{"data":{"event_type":"message.received","id":"4faf","payload":{"id":"m"}},"meta":{"attempt":1}}"#,
            r#"{"data":{"event_type":"message.received","id":"4faf","payload":{"id":"m"}},"meta":{"attempt":2}}"#,
            r#"{"data":{"event_type":"message.received","id":"4fb0","payload":{"id":"m"}},"meta":{"attempt":1}}"#,
        ),
        header(
            senders::POLAR,
            r#"{"type":"customer.updated","timestamp":"2025-05-01T10:00:00Z","data":{"id":"c"}}"#,
            r#"{"type":"customer.updated","timestamp":"2025-05-01T10:00:00Z","data":{"id":"c"}}"#,
        ),
        // The id of the delivery is signed and new for every attempt. The key is in the body.
        Case {
            scheme: senders::SUPABASE,
            event: (ID, r#"{"metadata":{"uuid":"b646","name":"before-user-created"},"user":{"id":"u"}}"#),
            retry: (
                OTHER_ID,
                r#"{"metadata":{"uuid":"b646","name":"before-user-created"},"user":{"id":"u"}}"#,
            ),
            second: (ID, r#"{"metadata":{"uuid":"b647","name":"before-user-created"},"user":{"id":"u"}}"#),
        },
        body(
            senders::ORB,
            r#"{"id":"o4mm","created_at":"2024-03-01T00:59:59.000123+00:00","type":"invoice.issued","invoice":{"id":"L"}}"#,
            r#"{"id":"o4mm","created_at":"2024-03-01T00:59:59.000123+00:00","type":"invoice.issued","invoice":{"id":"L"}}"#,
            r#"{"id":"o4mn","created_at":"2024-03-01T00:59:59.000123+00:00","type":"invoice.issued","invoice":{"id":"L"}}"#,
        ),
        body(
            senders::RETELL,
            r#"{"event":"call_started","call":{"call_id":"J","call_status":"ongoing"}}"#,
            r#"{"event":"call_started","call":{"call_id":"J","call_status":"ongoing"}}"#,
            r#"{"event":"call_started","call":{"call_id":"K","call_status":"ongoing"}}"#,
        ),
        body(
            senders::ELEVENLABS,
            r#"{"type":"post_call_transcription","event_timestamp":1739537297,"data":{"conversation_id":"conv_1","status":"done"}}"#,
            r#"{"type":"post_call_transcription","event_timestamp":1739537297,"data":{"conversation_id":"conv_1","status":"done"}}"#,
            r#"{"type":"post_call_transcription","event_timestamp":1739537297,"data":{"conversation_id":"conv_2","status":"done"}}"#,
        ),
        header(
            senders::LITHIC,
            r#"{"event_type":"card.created","card_token":"t"}"#,
            r#"{"event_type":"card.created","card_token":"t"}"#,
        ),
        header(
            senders::DODO_PAYMENTS,
            r#"{"business_id":"bus_1","type":"payment.succeeded","data":{"payment_id":"pay_1"}}"#,
            r#"{"business_id":"bus_1","type":"payment.succeeded","data":{"payment_id":"pay_1"}}"#,
        ),
        body(
            senders::MODERN_TREASURY,
            r#"{"event":"updated","data":{"id":"1","object":"payment_order","updated_at":"2024-01-01T00:46:40Z"}}"#,
            r#"{"event":"updated","data":{"id":"1","object":"payment_order","updated_at":"2024-01-01T00:46:40Z"}}"#,
            r#"{"event":"updated","data":{"id":"1","object":"payment_order","updated_at":"2024-01-01T00:47:40Z"}}"#,
        ),
        body(
            senders::CHARGEBEE,
            r#"{"id":"ev_1","event_type":"subscription_changed","webhook_status":"scheduled","content":{"subscription":{"id":"s"}}}"#,
            r#"{"id":"ev_1","event_type":"subscription_changed","webhook_status":"re_scheduled","content":{"subscription":{"id":"s"}}}"#,
            r#"{"id":"ev_2","event_type":"subscription_changed","webhook_status":"scheduled","content":{"subscription":{"id":"s"}}}"#,
        ),
        header(
            senders::LIVEBLOCKS,
            r#"{"type":"commentEdited","data":{"projectId":"p","commentId":"cm_1"}}"#,
            r#"{"type":"commentEdited","data":{"projectId":"p","commentId":"cm_1"}}"#,
        ),
        body(
            senders::MUX,
            r#"{"type":"video.asset.updated","id":"c1","object":{"id":"a"},"environment":{"id":"j"},"attempts":[]}"#,
            r#"{"type":"video.asset.updated","id":"c1","object":{"id":"a"},"environment":{"id":"j"},"attempts":[{"response_status_code":500}]}"#,
            r#"{"type":"video.asset.updated","id":"c2","object":{"id":"a"},"environment":{"id":"j"},"attempts":[]}"#,
        ),
        body(
            senders::STREAM,
            r#"{"type":"message.new","created_at":"2023-03-28T10:40:00Z","cid":"messaging:a","message":{"id":"1"}}"#,
            r#"{"type":"message.new","created_at":"2023-03-28T10:40:00Z","cid":"messaging:a","message":{"id":"1"}}"#,
            r#"{"type":"message.new","created_at":"2023-03-28T10:41:00Z","cid":"messaging:a","message":{"id":"1"}}"#,
        ),
        header(
            senders::INCIDENT_IO,
            r#"{"event_type":"public_incident.incident_created_v2","public_incident.incident_created_v2":{"id":"01F"}}"#,
            r#"{"event_type":"public_incident.incident_created_v2","public_incident.incident_created_v2":{"id":"01F"}}"#,
        ),
        body(
            senders::NPM,
            r#"{"event":"package:publish","name":"@example/a","hookOwner":{"username":"u"},"change":{"version":"1.0.1"},"time":1463079177349}"#,
            r#"{"event":"package:publish","name":"@example/a","hookOwner":{"username":"u"},"change":{"version":"1.0.1"},"time":1463079177349}"#,
            r#"{"event":"package:publish","name":"@example/a","hookOwner":{"username":"u"},"change":{"version":"1.0.1"},"time":1463079177350}"#,
        ),
        body(
            senders::NOTION,
            r#"{"id":"a1","workspace_id":"w","attempt_number":1,"type":"page.content_updated","entity":{"id":"p","type":"page"}}"#,
            r#"{"id":"a1","workspace_id":"w","attempt_number":2,"type":"page.content_updated","entity":{"id":"p","type":"page"}}"#,
            r#"{"id":"a2","workspace_id":"w","attempt_number":1,"type":"page.content_updated","entity":{"id":"p","type":"page"}}"#,
        ),
        body(
            senders::ONFIDO,
            r#"{"payload":{"action":"check.completed","object":{"id":"1","completed_at_iso8601":"2023-11-14T22:13:18Z"}}}"#,
            r#"{"payload":{"action":"check.completed","object":{"id":"1","completed_at_iso8601":"2023-11-14T22:13:18Z"}}}"#,
            r#"{"payload":{"action":"check.completed","object":{"id":"1","completed_at_iso8601":"2023-11-14T23:13:18Z"}}}"#,
        ),
        body(
            senders::WEBFLOW,
            r#"{"triggerType":"form_submission","payload":{"siteId":"s","id":"1","submittedAt":"2024-05-01T10:00:00Z"}}"#,
            r#"{"triggerType":"form_submission","payload":{"siteId":"s","id":"1","submittedAt":"2024-05-01T10:00:00Z"}}"#,
            r#"{"triggerType":"form_submission","payload":{"siteId":"s","id":"2","submittedAt":"2024-05-01T10:00:00Z"}}"#,
        ),
    ]
}
