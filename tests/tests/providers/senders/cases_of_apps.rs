//! The cases of the senders of apps, customers, records and shops, and of those whose webhooks are configured.

use idempotency_core::provider::senders;

use super::cases::{Case, ID, OTHER_ID, body, header};

pub(super) fn cases() -> Vec<Case> {
    vec![
        body(
            senders::AIRTABLE,
            r#"{"base":{"id":"app1"},"webhook":{"id":"ach1"},"timestamp":"2022-02-01T21:25:05.663Z"}"#,
            r#"{"base":{"id":"app1"},"webhook":{"id":"ach1"},"timestamp":"2022-02-01T21:25:05.663Z"}"#,
            r#"{"base":{"id":"app1"},"webhook":{"id":"ach1"},"timestamp":"2022-02-01T21:25:06.663Z"}"#,
        ),
        body(
            senders::ASHBY,
            r#"{"webhookActionId":"75395d87","action":"applicationSubmit","data":{"application":{"id":"a1"},"name":"Zoë"}}"#,
            r#"{"webhookActionId":"75395d87","action":"applicationSubmit","data":{"application":{"id":"a1"},"name":"Zoë"}}"#,
            r#"{"webhookActionId":"75395d88","action":"applicationSubmit","data":{"application":{"id":"a1"},"name":"Zoë"}}"#,
        ),
        header(
            senders::ATTIO,
            r#"{"webhook_id":"w","events":[{"event_type":"record.updated","id":{"record_id":"r"},"actor":{"id":"zoë"}}]}"#,
            r#"{"webhook_id":"w","events":[{"event_type":"record.updated","id":{"record_id":"r"},"actor":{"id":"zoë"}}]}"#,
        ),
        body(
            senders::AZURE_DEVOPS,
            r#"{"subscriptionId":"s1","notificationId":1,"id":"4a5d99d6","eventType":"build.complete","resource":{"id":2,"buildNumber":"Zoë"}}"#,
            r#"{"subscriptionId":"s1","notificationId":1,"id":"4a5d99d6","eventType":"build.complete","resource":{"id":2,"buildNumber":"Zoë"}}"#,
            r#"{"subscriptionId":"s1","notificationId":2,"id":"4a5d99d7","eventType":"build.complete","resource":{"id":2,"buildNumber":"Zoë"}}"#,
        ),
        body(
            senders::BITBUCKET_DATA_CENTER,
            r#"{"eventKey":"pr:comment:added","date":"2024-06-01T07:00:00+0000","actor":{"name":"zoë"},"pullRequest":{"id":1}}"#,
            r#"{"eventKey":"pr:comment:added","date":"2024-06-01T07:00:00+0000","actor":{"name":"zoë"},"pullRequest":{"id":1}}"#,
            r#"{"eventKey":"pr:comment:added","date":"2024-06-01T07:01:00+0000","actor":{"name":"zoë"},"pullRequest":{"id":1}}"#,
        ),
        Case {
            scheme: senders::COMMERCE_LAYER,
            event: (
                "orders.update",
                r#"{"data":{"id":"o1","type":"orders","attributes":{"updated_at":"2024-06-01T07:00:00.000Z","note":"Zoë"}}}"#,
            ),
            retry: (
                "orders.update",
                r#"{"data":{"id":"o1","type":"orders","attributes":{"updated_at":"2024-06-01T07:00:00.000Z","note":"Zoë"}}}"#,
            ),
            second: (
                "orders.update",
                r#"{"data":{"id":"o1","type":"orders","attributes":{"updated_at":"2024-06-01T07:01:00.000Z","note":"Zoë"}}}"#,
            ),
        },
        body(
            senders::CUSTOMER_IO,
            r#"{"event_id":"01E4C4CT6YDC7Y5M7FE1GWWPQJ","metric":"opened","object_type":"email","timestamp":1585250179,"data":{"identifiers":{"id":"zoë"}}}"#,
            r#"{"event_id":"01E4C4CT6YDC7Y5M7FE1GWWPQJ","metric":"opened","object_type":"email","timestamp":1585250179,"data":{"identifiers":{"id":"zoë"}}}"#,
            r#"{"event_id":"01E4C4CT6YDC7Y5M7FE1GWWPQK","metric":"opened","object_type":"email","timestamp":1585250179,"data":{"identifiers":{"id":"zoë"}}}"#,
        ),
        body(
            senders::DATADOG,
            r#"{"id":"6400123","event_type":"query_alert_monitor","title":"[Triggered] Zoë","date":"1717225200000","org":{"id":"1"}}"#,
            r#"{"id":"6400123","event_type":"query_alert_monitor","title":"[Triggered] Zoë","date":"1717225200000","org":{"id":"1"}}"#,
            r#"{"id":"6400124","event_type":"query_alert_monitor","title":"[Triggered] Zoë","date":"1717225200000","org":{"id":"1"}}"#,
        ),
        body(
            senders::EXPO,
            r#"{"id":"147a3212","accountName":"zoë","status":"finished","createdAt":"2024-06-01T07:00:00.000Z","completedAt":"2024-06-01T07:05:00.000Z"}"#,
            r#"{"id":"147a3212","accountName":"zoë","status":"finished","createdAt":"2024-06-01T07:00:00.000Z","completedAt":"2024-06-01T07:05:00.000Z"}"#,
            r#"{"id":"147a3213","accountName":"zoë","status":"finished","createdAt":"2024-06-01T07:00:00.000Z","completedAt":"2024-06-01T07:05:00.000Z"}"#,
        ),
        body(
            senders::HASURA,
            r#"{"id":"85558393","trigger":{"name":"users"},"event":{"op":"UPDATE","data":{"new":{"name":"Zoë"}}},"delivery_info":{"current_retry":0,"max_retries":3}}"#,
            r#"{"id":"85558393","trigger":{"name":"users"},"event":{"op":"UPDATE","data":{"new":{"name":"Zoë"}}},"delivery_info":{"current_retry":1,"max_retries":3}}"#,
            r#"{"id":"85558394","trigger":{"name":"users"},"event":{"op":"UPDATE","data":{"new":{"name":"Zoë"}}},"delivery_info":{"current_retry":0,"max_retries":3}}"#,
        ),
        header(
            senders::HUGGING_FACE,
            r#"{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"model","name":"zoë/a","id":"621f"}}"#,
            r#"{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"model","name":"zoë/a","id":"621f"}}"#,
        ),
        body(
            senders::DWOLLA,
            r#"{"id":"80d8ff7d","resourceId":"d4f1","topic":"transfer_completed","timestamp":"2024-06-01T07:00:00.000Z"}"#,
            r#"{"id":"80d8ff7d","resourceId":"d4f1","topic":"transfer_completed","timestamp":"2024-06-01T07:00:00.000Z"}"#,
            r#"{"id":"80d8ff7e","resourceId":"d4f1","topic":"transfer_completed","timestamp":"2024-06-01T07:00:00.000Z"}"#,
        ),
        body(
            senders::FIREFLIES,
            r#"{"event":"meeting.transcribed","timestamp":1710876543210,"meeting_id":"zoë"}"#,
            r#"{"event":"meeting.transcribed","timestamp":1710876543210,"meeting_id":"zoë"}"#,
            r#"{"event":"meeting.transcribed","timestamp":1710876543211,"meeting_id":"zoë"}"#,
        ),
        body(
            senders::GUSTO,
            r#"{"uuid":"f7397a24","event_type":"payroll.paid","resource_uuid":"5df9","entity_uuid":"1","timestamp":1671058841}"#,
            r#"{"uuid":"f7397a24","event_type":"payroll.paid","resource_uuid":"5df9","entity_uuid":"1","timestamp":1671058841}"#,
            r#"{"uuid":"f7397a25","event_type":"payroll.paid","resource_uuid":"5df9","entity_uuid":"1","timestamp":1671058841}"#,
        ),
        body(
            senders::WISTIA,
            r#"{"hook":{"uuid":"h1"},"events":[{"uuid":"e1","type":"media.ready","payload":{"media":{"name":"Zoë"}}}]}"#,
            r#"{"hook":{"uuid":"h2"},"events":[{"uuid":"e1","type":"media.ready","payload":{"media":{"name":"Zoë"}}}]}"#,
            r#"{"hook":{"uuid":"h1"},"events":[{"uuid":"e2","type":"media.ready","payload":{"media":{"name":"Zoë"}}}]}"#,
        ),
        body(
            senders::LOB,
            r#"{"id":"evt_1","body":{"id":"psc_1","to":"Zoë"},"reference_id":"psc_1","event_type":{"id":"postcard.created"},"object":"event"}"#,
            r#"{"id":"evt_1","body":{"id":"psc_1","to":"Zoë"},"reference_id":"psc_1","event_type":{"id":"postcard.created"},"object":"event"}"#,
            r#"{"id":"evt_2","body":{"id":"psc_1","to":"Zoë"},"reference_id":"psc_1","event_type":{"id":"postcard.created"},"object":"event"}"#,
        ),
        body(
            senders::MERCURY,
            r#"{"id":"bfa85eaa","resourceType":"transaction","resourceId":"1d30","operationType":"update","resourceVersion":2,"mergePatch":{"note":"Zoë"}}"#,
            r#"{"id":"bfa85eaa","resourceType":"transaction","resourceId":"1d30","operationType":"update","resourceVersion":2,"mergePatch":{"note":"Zoë"}}"#,
            r#"{"id":"bfa85eab","resourceType":"transaction","resourceId":"1d30","operationType":"update","resourceVersion":2,"mergePatch":{"note":"Zoë"}}"#,
        ),
        body(
            senders::NYLAS,
            r#"{"id":"5da3ec1e","type":"message.created","webhook_delivery_attempt":1,"data":{"object":{"subject":"Grüße"}}}"#,
            r#"{"id":"5da3ec1e","type":"message.created","webhook_delivery_attempt":2,"data":{"object":{"subject":"Grüße"}}}"#,
            r#"{"id":"5da3ec1f","type":"message.created","webhook_delivery_attempt":1,"data":{"object":{"subject":"Grüße"}}}"#,
        ),
        body(
            senders::SUMSUB,
            r#"{"applicantId":"5cb7","externalUserId":"zoë","type":"applicantPending","createdAtMs":"2024-06-01 06:59:59.125"}"#,
            r#"{"applicantId":"5cb7","externalUserId":"zoë","type":"applicantPending","createdAtMs":"2024-06-01 06:59:59.125"}"#,
            r#"{"applicantId":"5cb7","externalUserId":"zoë","type":"applicantPending","createdAtMs":"2024-06-01 06:59:59.126"}"#,
        ),
        body(
            senders::TALLY,
            r#"{"eventId":"e1","eventType":"FORM_RESPONSE","data":{"fields":[{"value":"Zoë"}]}}"#,
            r#"{"eventId":"e1","eventType":"FORM_RESPONSE","data":{"fields":[{"value":"Zoë"}]}}"#,
            r#"{"eventId":"e2","eventType":"FORM_RESPONSE","data":{"fields":[{"value":"Zoë"}]}}"#,
        ),
        body(
            senders::PIPEDRIVE,
            r#"{"meta":{"action":"change","entity":"deal","company_id":"c","entity_id":"9","id":"523c","webhook_id":"w","attempt":1},"data":{"title":"Zoë"}}"#,
            r#"{"meta":{"action":"change","entity":"deal","company_id":"c","entity_id":"9","id":"523c","webhook_id":"w","attempt":2},"data":{"title":"Zoë"}}"#,
            r#"{"meta":{"action":"change","entity":"deal","company_id":"c","entity_id":"9","id":"523d","webhook_id":"w","attempt":1},"data":{"title":"Zoë"}}"#,
        ),
        body(
            senders::REVENUECAT,
            r#"{"api_version":"1.0","event":{"id":"12345678","type":"RENEWAL","app_user_id":"zoë","event_timestamp_ms":1591121855319}}"#,
            r#"{"api_version":"1.0","event":{"id":"12345678","type":"RENEWAL","app_user_id":"zoë","event_timestamp_ms":1591121855319}}"#,
            r#"{"api_version":"1.0","event":{"id":"12345679","type":"RENEWAL","app_user_id":"zoë","event_timestamp_ms":1591121855319}}"#,
        ),
        body(
            senders::REVENUECAT_SIGNED,
            r#"{"api_version":"1.0","event":{"id":"12345678","type":"RENEWAL","app_user_id":"zoë","event_timestamp_ms":1591121855319}}"#,
            r#"{"api_version":"1.0","event":{"id":"12345678","type":"RENEWAL","app_user_id":"zoë","event_timestamp_ms":1591121855319}}"#,
            r#"{"api_version":"1.0","event":{"id":"12345679","type":"RENEWAL","app_user_id":"zoë","event_timestamp_ms":1591121855319}}"#,
        ),
        body(
            senders::SHOPWARE,
            r#"{"data":{"payload":[{"entity":"product","primaryKey":"7b04","operation":"update"}],"event":"product.written"},"source":{"url":"https://zoë.example","shopId":"dg","eventId":"f2c1"}}"#,
            r#"{"data":{"payload":[{"entity":"product","primaryKey":"7b04","operation":"update"}],"event":"product.written"},"source":{"url":"https://zoë.example","shopId":"dg","eventId":"f2c1"}}"#,
            r#"{"data":{"payload":[{"entity":"product","primaryKey":"7b04","operation":"update"}],"event":"product.written"},"source":{"url":"https://zoë.example","shopId":"dg","eventId":"f2c2"}}"#,
        ),
        body(
            senders::SQUARESPACE,
            r#"{"id":"5c2ba184","websiteId":"5f3c","subscriptionId":"5f3d","topic":"order.update","createdOn":"2020-04-22T22:18:00Z","data":{"orderId":"o"}}"#,
            r#"{"id":"5c2ba184","websiteId":"5f3c","subscriptionId":"5f3d","topic":"order.update","createdOn":"2020-04-22T22:18:00Z","data":{"orderId":"o"}}"#,
            r#"{"id":"5c2ba185","websiteId":"5f3c","subscriptionId":"5f3d","topic":"order.update","createdOn":"2020-04-22T22:18:00Z","data":{"orderId":"o"}}"#,
        ),
        body(
            senders::TIKTOK,
            r#"{"client_key":"bwo2m45353a6k85","event":"video.publish.completed","create_time":1615338610,"user_openid":"act.zoë","content":"{\"share_id\":\"video.1\"}"}"#,
            r#"{"client_key":"bwo2m45353a6k85","event":"video.publish.completed","create_time":1615338610,"user_openid":"act.zoë","content":"{\"share_id\":\"video.1\"}"}"#,
            r#"{"client_key":"bwo2m45353a6k85","event":"video.publish.completed","create_time":1615338610,"user_openid":"act.zoë","content":"{\"share_id\":\"video.2\"}"}"#,
        ),
        // The time is a header that is signed and not read. The key is in the body.
        Case {
            scheme: senders::VAPI,
            event: (
                ID,
                r#"{"message":{"type":"status-update","status":"ended","timestamp":1717225200000,"call":{"id":"c1","name":"Zoë"}}}"#,
            ),
            retry: (
                OTHER_ID,
                r#"{"message":{"type":"status-update","status":"ended","timestamp":1717225200000,"call":{"id":"c1","name":"Zoë"}}}"#,
            ),
            second: (
                ID,
                r#"{"message":{"type":"status-update","status":"ended","timestamp":1717225260000,"call":{"id":"c1","name":"Zoë"}}}"#,
            ),
        },
    ]
}
