//! One case per sender of the catalogue: an event, its retry, and a second event that is easily taken for the first.

use std::time::Duration;

use idempotency_core::provider::{Proof, Scheme, SchemeProvider, senders};
use idempotency_core::testing;
use idempotency_tests::vectors::Request;

use super::with_url;

pub(super) const NOW: Duration = Duration::from_secs(1_767_225_600);
pub(super) const URL: &str = "https://example.com/webhooks";
/// Hexadecimal, and base64 too, so that it can be the secret of every sender.
pub(super) const SECRETS: [&str; 2] =
    ["31f290f6bf06298aab4f08d43c3f082c", "0b6155b0140886bb1c0a195020c57e6f"];

/// One sender. An event is the id in the header of the key, if there is one, and a body.
pub(super) struct Case {
    pub(super) scheme: Scheme,
    pub(super) event: (&'static str, &'static str),
    /// The same event at its next attempt, in which some fields differ.
    pub(super) retry: (&'static str, &'static str),
    /// Another event of the same kind about the same object.
    pub(super) second: (&'static str, &'static str),
}

impl Case {
    pub(super) fn provider(&self) -> SchemeProvider {
        with_url(&self.scheme, URL).with_secret(self.verifying(0)).unwrap()
    }

    pub(super) fn secret(&self, number: usize) -> String {
        match self.scheme.proof() {
            Proof::BasicAuth => format!("user:{}", SECRETS[number]),
            _ => SECRETS[number].to_owned(),
        }
    }

    /// The secret that the provider takes: the public key, if the sender has one.
    pub(super) fn verifying(&self, number: usize) -> String {
        testing::public_key(&self.scheme, &self.secret(number)).unwrap_or_else(|| self.secret(number))
    }

    pub(super) fn signed(&self, secret: usize, (id, body): (&str, &str), now: Duration) -> Request {
        let scheme = with_url(&self.scheme, URL);
        let headers = testing::scheme(&scheme, &self.secret(secret), id, body.as_bytes(), now);
        Request::new(headers, body.to_owned(), now)
    }

    pub(super) fn genuine(&self) -> Request {
        self.signed(0, self.event, NOW)
    }
}

/// The cases whose requests are deliveries, and not only verified.
pub(super) fn keyed_cases() -> Vec<Case> {
    cases().into_iter().filter(|case| !case.scheme.is_keyless()).collect()
}

/// The case of a sender.
pub(super) fn named(sender: &str) -> Case {
    let case = cases().into_iter().find(|case| case.scheme.name() == sender);
    case.unwrap_or_else(|| panic!("there is no {sender}"))
}

/// An id in a header.
pub(super) const ID: &str = "befa7b53-d79d-478f-86b9-120f112b044e";
pub(super) const OTHER_ID: &str = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f";

/// A case whose key is in the body.
pub(super) fn body(scheme: Scheme, event: &'static str, retry: &'static str, second: &'static str) -> Case {
    Case { scheme, event: ("", event), retry: ("", retry), second: ("", second) }
}

/// A case whose key is in a header.
pub(super) fn header(scheme: Scheme, event: &'static str, retry: &'static str) -> Case {
    Case { scheme, event: (ID, event), retry: (ID, retry), second: (OTHER_ID, event) }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = super::cases_of_sdks::cases();
    cases.extend(super::cases_of_apps::cases());
    cases.extend(super::cases_of_batches::cases());
    cases.extend(super::cases_of_checked_endpoints::cases());
    cases.extend(super::cases_of_commerce::cases());
    cases.extend(super::cases_of_services::cases());
    cases.extend(others());
    cases
}

/// The cases of the senders without vectors of their SDK.
fn others() -> Vec<Case> {
    vec![
        body(
            senders::SQUARE,
            r#"{"merchant_id":"M1","type":"payment.updated","event_id":"e1","data":{"id":"p1"}}"#,
            r#"{"merchant_id":"M1","type":"payment.updated","event_id":"e1","data":{"id":"p1"}}"#,
            r#"{"merchant_id":"M1","type":"payment.updated","event_id":"e2","data":{"id":"p1"}}"#,
        ),
        body(
            senders::PADDLE,
            r#"{"event_id":"evt_1","event_type":"subscription.updated","notification_id":"ntf_1","data":{"id":"s"}}"#,
            r#"{"event_id":"evt_1","event_type":"subscription.updated","notification_id":"ntf_2","data":{"id":"s"}}"#,
            r#"{"event_id":"evt_2","event_type":"subscription.updated","notification_id":"ntf_1","data":{"id":"s"}}"#,
        ),
        header(
            senders::RAZORPAY,
            r#"{"account_id":"acc_1","event":"payment.captured","payload":{}}"#,
            r#"{"account_id":"acc_1","event":"payment.captured","payload":{}}"#,
        ),
        body(
            senders::COINBASE_COMMERCE,
            r#"{"id":1,"attempt_number":1,"event":{"id":"a","type":"charge:created"}}"#,
            r#"{"id":2,"attempt_number":2,"event":{"id":"a","type":"charge:created"}}"#,
            r#"{"id":1,"attempt_number":1,"event":{"id":"b","type":"charge:created"}}"#,
        ),
        body(
            senders::CHECKOUT,
            r#"{"id":"evt_1","type":"payment_approved","data":{"id":"pay_1"}}"#,
            r#"{"id":"evt_1","type":"payment_approved","data":{"id":"pay_1"}}"#,
            r#"{"id":"evt_2","type":"payment_approved","data":{"id":"pay_1"}}"#,
        ),
        body(
            senders::MOLLIE,
            r#"{"resource":"event","id":"event_1","type":"payment-link.paid","entityId":"pl_1"}"#,
            r#"{"resource":"event","id":"event_1","type":"payment-link.paid","entityId":"pl_1"}"#,
            r#"{"resource":"event","id":"event_2","type":"payment-link.paid","entityId":"pl_1"}"#,
        ),
        Case {
            scheme: senders::WOOCOMMERCE,
            event: (
                "order.updated",
                r#"{"id":727,"status":"processing","date_modified":"2024-06-01T10:00:00"}"#,
            ),
            retry: (
                "order.updated",
                r#"{"id":727,"status":"processing","date_modified":"2024-06-01T10:00:00"}"#,
            ),
            second: (
                "order.updated",
                r#"{"id":727,"status":"completed","date_modified":"2024-06-01T10:00:00"}"#,
            ),
        },
        body(
            senders::LEMON_SQUEEZY,
            r#"{"meta":{"event_name":"subscription_updated"},"data":{"id":"1","attributes":{"store_id":2,"status":"a"}}}"#,
            r#"{"meta":{"event_name":"subscription_updated"},"data":{"id":"1","attributes":{"store_id":2,"status":"a"}}}"#,
            r#"{"meta":{"event_name":"subscription_updated"},"data":{"id":"1","attributes":{"store_id":2,"status":"b"}}}"#,
        ),
        body(
            senders::EASYPOST,
            r#"{"description":"tracker.updated","id":"evt_1","user_id":"u","result":{"id":"trk_1"}}"#,
            r#"{"description":"tracker.updated","id":"evt_1","user_id":"u","result":{"id":"trk_1"}}"#,
            r#"{"description":"tracker.updated","id":"evt_2","user_id":"u","result":{"id":"trk_1"}}"#,
        ),
        header(
            senders::BITBUCKET,
            r#"{"repository":{"uuid":"{1}"},"push":{"changes":[]}}"#,
            r#"{"repository":{"uuid":"{1}"},"push":{"changes":[]}}"#,
        ),
        header(
            senders::JIRA,
            r#"{"timestamp":1525698237764,"webhookEvent":"jira:issue_updated","issue":{"id":"1"}}"#,
            r#"{"timestamp":1525698237764,"webhookEvent":"jira:issue_updated","issue":{"id":"1"}}"#,
        ),
        header(
            senders::GITLAB,
            r#"{"object_kind":"push","after":"1"}"#,
            r#"{"object_kind":"push","after":"1"}"#,
        ),
        header(
            senders::GITLAB_SIGNED,
            r#"{"object_kind":"push","after":"1"}"#,
            r#"{"object_kind":"push","after":"1"}"#,
        ),
        body(
            senders::CIRCLECI,
            r#"{"type":"workflow-completed","id":"1","organization":{"id":"o"},"workflow":{"id":"w"}}"#,
            r#"{"type":"workflow-completed","id":"1","organization":{"id":"o"},"workflow":{"id":"w"}}"#,
            r#"{"type":"workflow-completed","id":"2","organization":{"id":"o"},"workflow":{"id":"w"}}"#,
        ),
        body(
            senders::VERCEL,
            r#"{"id":"uev_1","type":"deployment.succeeded","payload":{"deployment":{"id":"d"}}}"#,
            r#"{"id":"uev_1","type":"deployment.succeeded","payload":{"deployment":{"id":"d"}}}"#,
            r#"{"id":"uev_2","type":"deployment.succeeded","payload":{"deployment":{"id":"d"}}}"#,
        ),
        body(
            senders::HEROKU,
            r#"{"id":"n","action":"create","webhook_metadata":{"attempt":{"id":"1"},"event":{"id":"e1","include":"api:release"}}}"#,
            r#"{"id":"n","action":"create","webhook_metadata":{"attempt":{"id":"2"},"event":{"id":"e1","include":"api:release"}}}"#,
            r#"{"id":"n","action":"create","webhook_metadata":{"attempt":{"id":"1"},"event":{"id":"e2","include":"api:release"}}}"#,
        ),
        header(
            senders::SENTRY,
            r#"{"action":"resolved","installation":{"uuid":"u"},"data":{"issue":{"id":"1"}}}"#,
            r#"{"action":"resolved","installation":{"uuid":"u"},"data":{"issue":{"id":"1"}}}"#,
        ),
        body(
            senders::PAGERDUTY,
            r#"{"event":{"id":"01B","event_type":"incident.triggered","data":{"id":"P"}}}"#,
            r#"{"event":{"id":"01B","event_type":"incident.triggered","data":{"id":"P"}}}"#,
            r#"{"event":{"id":"01C","event_type":"incident.triggered","data":{"id":"P"}}}"#,
        ),
        header(
            senders::LINEAR,
            r#"{"action":"update","type":"Issue","organizationId":"o","webhookTimestamp":1767225600000}"#,
            r#"{"action":"update","type":"Issue","organizationId":"o","webhookTimestamp":1767225601000}"#,
        ),
        header(
            senders::SANITY,
            r#"{"_id":"resume","_rev":"1","title":"a"}"#,
            r#"{"_id":"resume","_rev":"1","title":"a"}"#,
        ),
        body(
            senders::AWS_EVENTBRIDGE,
            r#"{"id":"7bf7","detail-type":"EC2 Instance State-change Notification","account":"1"}"#,
            r#"{"id":"7bf7","detail-type":"EC2 Instance State-change Notification","account":"1"}"#,
            r#"{"id":"7bf8","detail-type":"EC2 Instance State-change Notification","account":"1"}"#,
        ),
        header(
            senders::TWITCH,
            r#"{"subscription":{"type":"channel.follow","status":"enabled"},"event":{"user_id":"1"}}"#,
            r#"{"subscription":{"type":"channel.follow","status":"enabled"},"event":{"user_id":"1"}}"#,
        ),
        body(
            senders::DISCORD,
            r#"{"id":"786008729715212338","application_id":"1","type":2,"token":"a","data":{"id":"2"}}"#,
            r#"{"id":"786008729715212338","application_id":"1","type":2,"token":"a","data":{"id":"2"}}"#,
            r#"{"id":"786008729715212339","application_id":"1","type":2,"token":"b","data":{"id":"2"}}"#,
        ),
        body(
            senders::DISCORD_EVENTS,
            r#"{"version":1,"application_id":"1","type":1,"event":{"type":"APPLICATION_AUTHORIZED","timestamp":"2024-10-18T14:42:53.064834","data":{"user":{"id":"2"}}}}"#,
            r#"{"version":1,"application_id":"1","type":1,"event":{"type":"APPLICATION_AUTHORIZED","timestamp":"2024-10-18T14:42:53.064834","data":{"user":{"id":"2"}}}}"#,
            r#"{"version":1,"application_id":"1","type":1,"event":{"type":"APPLICATION_AUTHORIZED","timestamp":"2024-10-18T14:42:53.064835","data":{"user":{"id":"2"}}}}"#,
        ),
        body(
            senders::ZOOM,
            r#"{"event":"meeting.participant_joined","event_ts":1,"payload":{"account_id":"a","object":{"uuid":"u","participant":{"user_id":"1"}}}}"#,
            r#"{"event":"meeting.participant_joined","event_ts":1,"payload":{"account_id":"a","object":{"uuid":"u","participant":{"user_id":"1"}}}}"#,
            r#"{"event":"meeting.participant_joined","event_ts":1,"payload":{"account_id":"a","object":{"uuid":"u","participant":{"user_id":"2"}}}}"#,
        ),
        body(
            senders::TELEGRAM,
            r#"{"update_id":10000,"message":{"message_id":1,"text":"/start"}}"#,
            r#"{"update_id":10000,"message":{"message_id":1,"text":"/start"}}"#,
            r#"{"update_id":10001,"message":{"message_id":1,"text":"/start"}}"#,
        ),
        body(
            senders::TYPEFORM,
            r#"{"event_id":"L1","event_type":"form_response","form_response":{"form_id":"f"}}"#,
            r#"{"event_id":"L1","event_type":"form_response","form_response":{"form_id":"f"}}"#,
            r#"{"event_id":"L2","event_type":"form_response","form_response":{"form_id":"f"}}"#,
        ),
        body(
            senders::TRELLO,
            r#"{"action":{"id":"51f9","type":"voteOnCard"},"model":{"id":"m"}}"#,
            r#"{"action":{"id":"51f9","type":"voteOnCard"},"model":{"id":"m"}}"#,
            r#"{"action":{"id":"51fa","type":"voteOnCard"},"model":{"id":"m"}}"#,
        ),
        body(
            senders::INTERCOM,
            r#"{"id":"notif_1","app_id":"a","topic":"contact.created","delivery_attempts":1}"#,
            r#"{"id":"notif_1","app_id":"a","topic":"contact.created","delivery_attempts":2}"#,
            r#"{"id":"notif_2","app_id":"a","topic":"contact.created","delivery_attempts":1}"#,
        ),
        body(
            senders::ZENDESK,
            r#"{"id":"c1","account_id":1,"type":"zen:event-type:ticket.status_changed","time":"2022-12-31T23:59:59Z","zendesk_event_version":"2022-11-06"}"#,
            r#"{"id":"c1","account_id":1,"type":"zen:event-type:ticket.status_changed","time":"2022-12-31T23:59:59Z","zendesk_event_version":"2022-11-06"}"#,
            r#"{"id":"c2","account_id":1,"type":"zen:event-type:ticket.status_changed","time":"2022-12-31T23:59:59Z","zendesk_event_version":"2022-11-06"}"#,
        ),
        body(
            senders::WORKOS,
            r#"{"id":"wh_1","event":"dsync.user.created","data":{"id":"u"}}"#,
            r#"{"id":"wh_1","event":"dsync.user.created","data":{"id":"u"}}"#,
            r#"{"id":"wh_2","event":"dsync.user.created","data":{"id":"u"}}"#,
        ),
        body(
            senders::CALENDLY,
            r#"{"event":"invitee.created","created_at":"2020-11-23T17:51:19Z","payload":{"uri":"i1","status":"active"}}"#,
            r#"{"event":"invitee.created","created_at":"2020-11-23T17:51:19Z","payload":{"uri":"i1","status":"active"}}"#,
            r#"{"event":"invitee.created","created_at":"2020-11-23T17:51:19Z","payload":{"uri":"i2","status":"active"}}"#,
        ),
        body(
            senders::BOX,
            r#"{"id":"0095","trigger":"FILE.UPLOADED","source":{"id":"1"}}"#,
            r#"{"id":"0095","trigger":"FILE.UPLOADED","source":{"id":"1"}}"#,
            r#"{"id":"0096","trigger":"FILE.UPLOADED","source":{"id":"1"}}"#,
        ),
        body(
            senders::DOCUSIGN,
            r#"{"event":"recipient-sent","retryCount":0,"generatedDateTime":"2025-04-08T18:13:30Z","data":{"accountId":"a","envelopeId":"e","recipientId":"1"}}"#,
            r#"{"event":"recipient-sent","retryCount":1,"generatedDateTime":"2025-04-08T18:13:30Z","data":{"accountId":"a","envelopeId":"e","recipientId":"1"}}"#,
            r#"{"event":"recipient-sent","retryCount":0,"generatedDateTime":"2025-04-08T18:13:30Z","data":{"accountId":"a","envelopeId":"e","recipientId":"2"}}"#,
        ),
        body(
            senders::POSTMARK,
            r#"{"RecordType":"Open","MessageID":"m","FirstOpen":true,"ReceivedAt":"2019-11-05T16:33:54Z"}"#,
            r#"{"RecordType":"Open","MessageID":"m","FirstOpen":true,"ReceivedAt":"2019-11-05T16:33:54Z"}"#,
            r#"{"RecordType":"Open","MessageID":"m","FirstOpen":false,"ReceivedAt":"2019-11-05T16:33:54Z"}"#,
        ),
    ]
}
