//! The cases of the senders that put several events into one request. Here each request has one.

use idempotency_core::provider::senders;

use super::cases::{Case, body};

pub(super) fn cases() -> Vec<Case> {
    vec![
        body(
            senders::AUTH0,
            r#"[{"log_id":"9002","data":{"date":"2022-10-31T05:57:11Z","type":"seacft"}}]"#,
            r#"[{"log_id":"9002","data":{"date":"2022-10-31T05:57:11Z","type":"seacft"}}]"#,
            r#"[{"log_id":"9003","data":{"date":"2022-10-31T05:57:11Z","type":"seacft"}}]"#,
        ),
        body(
            senders::GOCARDLESS,
            r#"{"events":[{"id":"EV1","resource_type":"payments","action":"confirmed"}],"meta":{"webhook_id":"WB1"}}"#,
            r#"{"events":[{"id":"EV1","resource_type":"payments","action":"confirmed"}],"meta":{"webhook_id":"WB2"}}"#,
            r#"{"events":[{"id":"EV2","resource_type":"payments","action":"confirmed"}],"meta":{"webhook_id":"WB1"}}"#,
        ),
        body(
            senders::HUBSPOT,
            r#"[{"eventId":100,"subscriptionId":1,"portalId":2,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123}]"#,
            r#"[{"eventId":100,"subscriptionId":1,"portalId":2,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":1,"objectId":123}]"#,
            r#"[{"eventId":100,"subscriptionId":1,"portalId":2,"occurredAt":1564113600001,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123}]"#,
        ),
        body(
            senders::LINE,
            r#"{"destination":"x","events":[{"type":"message","webhookEventId":"01F","deliveryContext":{"isRedelivery":false}}]}"#,
            r#"{"destination":"x","events":[{"type":"message","webhookEventId":"01F","deliveryContext":{"isRedelivery":true}}]}"#,
            r#"{"destination":"x","events":[{"type":"message","webhookEventId":"01G","deliveryContext":{"isRedelivery":false}}]}"#,
        ),
        body(
            senders::META,
            r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"statuses":[{"id":"wamid.X","status":"sent"}]}}]}]}"#,
            r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"statuses":[{"id":"wamid.X","status":"sent"}]}}]}]}"#,
            r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"statuses":[{"id":"wamid.X","status":"read"}]}}]}]}"#,
        ),
        body(
            senders::OKTA,
            r#"{"eventId":"b5","data":{"events":[{"uuid":"f7","published":"2018-03-28T22:23:07Z","eventType":"user.session.start"}]}}"#,
            r#"{"eventId":"b6","data":{"events":[{"uuid":"f7","published":"2018-03-28T22:23:07Z","eventType":"user.session.start"}]}}"#,
            r#"{"eventId":"b5","data":{"events":[{"uuid":"f8","published":"2018-03-28T22:23:07Z","eventType":"user.session.start"}]}}"#,
        ),
        body(
            senders::SENDGRID,
            r#"[{"email":"a@example.com","event":"delivered","sg_event_id":"Zz0","sg_message_id":"m","timestamp":1600112492}]"#,
            r#"[{"email":"a@example.com","event":"delivered","sg_event_id":"Zz0","sg_message_id":"m","timestamp":1600112492}]"#,
            r#"[{"email":"a@example.com","event":"delivered","sg_event_id":"Zz1","sg_message_id":"m","timestamp":1600112492}]"#,
        ),
        body(
            senders::XERO,
            r#"{"events":[{"resourceId":"r","eventDateUtc":"2017-06-21T01:15:39.902","eventType":"UPDATE","eventCategory":"CONTACT","tenantId":"t"}],"firstEventSequence":7,"lastEventSequence":7,"entropy":"A"}"#,
            r#"{"events":[{"resourceId":"r","eventDateUtc":"2017-06-21T01:15:39.902","eventType":"UPDATE","eventCategory":"CONTACT","tenantId":"t"}],"firstEventSequence":7,"lastEventSequence":7,"entropy":"B"}"#,
            r#"{"events":[{"resourceId":"r","eventDateUtc":"2017-06-21T01:15:39.902","eventType":"UPDATE","eventCategory":"CONTACT","tenantId":"t"}],"firstEventSequence":8,"lastEventSequence":8,"entropy":"A"}"#,
        ),
    ]
}
