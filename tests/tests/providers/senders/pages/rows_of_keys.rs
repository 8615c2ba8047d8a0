//! The rows of the senders that sign with public keys, or send tokens.

use idempotency_core::provider::{
    AwsSns, GooglePubSub, LiveKit, Monday, Netlify, PayPal, Plaid, PublicKeys, QStash, Wise,
};
use idempotency_core::testing::TEST_PUBLIC_KEYS;

use super::coded::{Example, Row};
use super::facts::Again;

fn keys() -> PublicKeys {
    PublicKeys::fixed(TEST_PUBLIC_KEYS).unwrap()
}

const DEPTH: &str = "How keys are checked and kept: [public keys and tokens][providers/public-keys].";
const FETCHED: &str = "It needs the feature `public-keys`, and `http-keys` to fetch keys with `HttpKeys`. Give each sender a cache of its own, which its routes share.";
const NO_TENANT: &str = "A public key authenticates no tenant: a route with `{tenant}` is answered 503.";

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "aws-sns",
        facts: AwsSns::FACTS,
        provider: "AwsSns",
        file: "aws_sns/mod.rs",
        key: "`/MessageId`, in its topic",
        is_signed: "yes",
        age: "14 days",
        made: || Box::new(AwsSns::new("arn:aws:sns:us-west-2:123456789012:orders", keys()).unwrap()),
        proof: "RSA with SHA-1 or SHA-256, by the certificate in `SigningCertURL`,",
        place: "`/Signature`",
        text: "`Message`, `MessageId`, `Timestamp`, `TopicArn` and `Type`, with `Subject` or, in a confirmation, `SubscribeURL` and `Token`",
        handshake: None,
        batch: None,
        again: Again::ById,
        example: Example::with_keys("topic: &str", "AwsSns::new(topic, keys)?"),
        attack: "The signature covers the key, the topic, the message, its subject and the time. **It does not cover \
             `UnsubscribeURL`, `MessageAttributes` or any header**: base no decision on them. An attacker who captured a message can \
             only send it again, within 14 days of its time. The record is kept for 28 days, so it is then a duplicate, and does not \
             run. AWS signs for all of its customers, so only the topics that you name are accepted.",
        to_know: &[
            "The example does not call `with_confirmations`: the confirmation is answered 200 and logged as a warning, no URL is visited, and **SNS sends nothing until you confirm**. An `UnsubscribeConfirmation`, after which SNS sends nothing more, is answered and logged in the same way.",
            "With `with_confirmations`, `context.event_type()` is `Notification`, `SubscriptionConfirmation` or `UnsubscribeConfirmation`. Request the `SubscribeURL` of a `SubscriptionConfirmation` only: that of an `UnsubscribeConfirmation` subscribes again.",
            FETCHED,
            NO_TENANT,
            DEPTH,
        ],
    },
    Row {
        name: "google-pubsub",
        facts: GooglePubSub::FACTS,
        provider: "GooglePubSub",
        file: "google_pubsub.rs",
        key: "`/message/messageId`, in its subscription",
        is_signed: "**no, and neither is the message**",
        age: "the token's, with 300 seconds of skew",
        made: || Box::new(GooglePubSub::new("https://example.com", "a@example.com", keys()).unwrap()),
        proof: "token of a service account, RS256",
        place: "`authorization`",
        text: "–",
        handshake: None,
        batch: None,
        again: Again::ById,
        example: Example::with_keys(
            "service_account: &str",
            r#"GooglePubSub::new("https://example.com/webhooks/google-pubsub", service_account, keys)?"#,
        ),
        attack: "The token proves that Google made it for your service account and your audience. **It does not cover the \
             message: an attacker who saw one token can send any message with it until it expires**, about an hour later. Accept \
             requests over TLS only, and do not log their headers. Anyone on Google Cloud can get a token for your audience, but \
             not of your service account, so both are checked.",
        to_know: &[FETCHED, NO_TENANT, DEPTH],
    },
    Row {
        name: "livekit",
        facts: LiveKit::FACTS,
        provider: "LiveKit",
        file: "livekit.rs",
        key: "`/id`",
        is_signed: "yes",
        age: "the token's, with 10 seconds of skew",
        made: || Box::new(LiveKit::new("key", "secret").unwrap()),
        proof: "token with your secret, HS256,",
        place: "`authorization`",
        text: "the SHA-256 of the body",
        handshake: None,
        batch: None,
        again: Again::ById,
        example: Example {
            given: "api_key: &str, secret: &str",
            ..Example::with_secret("LiveKit::new(api_key, secret)?")
        },
        attack: "The token covers the body by its hash, and so the key. An attacker who captured a request can only send the same \
             body again until the token expires. It is then a duplicate, and does not run.",
        to_know: &[DEPTH],
    },
    Row {
        name: "monday",
        facts: Monday::FACTS,
        provider: "Monday",
        file: "monday.rs",
        key: "`/event/triggerUuid`, in its account",
        is_signed: "**no, and neither is the event**",
        age: "the token's",
        made: || Box::new(Monday::new("https://example.com", "secret").unwrap()),
        proof: "token with your secret, HS256",
        place: "`authorization`",
        text: "–",
        handshake: Some("POST with a `challenge` is answered with it"),
        batch: None,
        again: Again::ById,
        example: Example::with_secret(r#"Monday::new("https://example.com/webhooks/monday", secret)?"#),
        attack: "The token does not cover the body. **An attacker who saw one token can send any event with it until it expires**, \
             five minutes later. Accept requests over TLS only, and do not log their headers.",
        to_know: &[DEPTH],
    },
    Row {
        name: "netlify",
        facts: Netlify::FACTS,
        provider: "Netlify",
        file: "netlify.rs",
        key: "SHA-256 of the body, in its site",
        is_signed: "yes",
        age: "none",
        made: || Box::new(Netlify::new("secret").unwrap()),
        proof: "token with your secret, HS256,",
        place: "`x-webhook-signature`",
        text: "the SHA-256 of the body",
        handshake: None,
        batch: None,
        again: Again::IfItRepeats("the body"),
        example: Example::with_secret("Netlify::new(secret)?"),
        attack: "The token covers the body by its hash, and no time that limits its age. An attacker who captured a request can only \
             send the same body again. While its record lives, for 7 days, it is a duplicate and does not run. After that it would \
             run again.",
        to_know: &["Two notifications with equal bodies are one.", DEPTH],
    },
    Row {
        name: "paypal",
        facts: PayPal::FACTS,
        provider: "PayPal",
        file: "paypal.rs",
        key: "`/id`",
        is_signed: "**only by a CRC-32**",
        age: "14 days",
        made: || Box::new(PayPal::new("4JH86294D6297924G", keys()).unwrap()),
        proof: "RSA with SHA-256, by the certificate in `PAYPAL-CERT-URL`,",
        place: "`paypal-transmission-sig`",
        text: "the transmission's id and time, the webhook's id and the body's CRC-32",
        handshake: None,
        batch: None,
        again: Again::ById,
        example: Example::with_keys("webhook_id: &str", "PayPal::new(webhook_id, keys)?"),
        attack: "The signature covers a CRC-32 of the body, which any other body can be made to match. **An attacker who saw one \
             genuine request can forge an event with another id and another amount**, and neither this library nor PayPal's can \
             tell. Before money moves, ask PayPal's API for the event or the resource. A request is refused 14 days after its \
             signed time.",
        to_know: &[FETCHED, DEPTH],
    },
    Row {
        name: "plaid",
        facts: Plaid::FACTS,
        provider: "Plaid",
        file: "plaid.rs",
        key: "SHA-256 of the body and the token's time",
        is_signed: "yes",
        age: "5 minutes",
        made: || Box::new(Plaid::new(keys())),
        proof: "token, ES256, by the key that it names,",
        place: "`plaid-verification`",
        text: "the SHA-256 of the body",
        handshake: None,
        batch: None,
        again: Again::ById,
        example: Example {
            given: "client_id: &str, api_secret: &str",
            before: "let source = PlaidKeys::new(HttpKeys::new()?, client_id, api_secret)?;",
            provider: "Plaid::new(CachedKeys::new(source, TokioClock::new()))",
            imports: &["CachedKeys", "HttpKeys", "PlaidKeys"],
        },
        attack: "The token covers the body by its hash, and has a time. An attacker who captured a request can only send the same \
             request again, within 5 minutes of that time. It is then a duplicate, and does not run.",
        to_know: &[FETCHED, NO_TENANT, DEPTH],
    },
    Row {
        name: "qstash",
        facts: QStash::FACTS,
        provider: "QStash",
        file: "qstash.rs",
        key: "header `upstash-message-id`",
        is_signed: "**no**",
        age: "the token's",
        made: || Box::new(QStash::new("https://example.com", "secret").unwrap()),
        proof: "token with your secret, HS256,",
        place: "`upstash-signature`",
        text: "the URL and the SHA-256 of the body",
        handshake: None,
        batch: None,
        again: Again::ById,
        example: Example::with_secret(r#"QStash::new("https://example.com/webhooks/qstash", secret)?"#),
        attack: "The token covers the body by its hash, and not the key. **An attacker who captured a request can send its body again \
             under another id until the token expires, five minutes later, and it runs again.** A changed body is refused, and \
             another captured body under the same id is answered 422.",
        to_know: &[DEPTH],
    },
    Row {
        name: "wise",
        facts: Wise::FACTS,
        provider: "Wise",
        file: "wise.rs",
        key: "`/subscription_id` + `/event_type` + SHA-256 of `/data`, and `/sent_at` if `data` has neither `occurred_at` nor `resource.updated_at`",
        is_signed: "yes",
        age: "none",
        made: || Box::new(Wise::production()),
        proof: "RSA with SHA-256, checked with a published key,",
        place: "`x-signature-sha256`",
        text: "the body",
        handshake: None,
        batch: None,
        again: Again::IfItRepeats("all parts of the key"),
        example: Example { given: "", ..Example::with_secret("Wise::production()") },
        attack: "The signature covers the body, and no time that limits its age. An attacker who captured a request can only send the \
             same body again. While its record lives, for 28 days, it is a duplicate and does not run. After that it would run \
             again.",
        to_know: &[
            "It needs the feature `public-keys`. Nothing is fetched.",
            "Some types, such as `transfers#active-cases`, have no event time in `data`, so the time of sending is part of their keys. \
             Wise may change that time with a retry, and then **the retry runs again**: make their handlers safe to repeat.",
            "`X-Delivery-Id` names one attempt, and is not signed: it is not used.",
            NO_TENANT,
            DEPTH,
        ],
    },
];
