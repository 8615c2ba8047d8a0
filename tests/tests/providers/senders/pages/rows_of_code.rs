//! The rows of the senders whose signature or key needs code.

use idempotency_core::provider::{
    Adyen, Braintree, CloudEvents, Cloudinary, Contentful, Figma, Mailgun, Mandrill, MicrosoftGraph,
};

use super::coded::{Example, Row};
use super::facts::Again;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "adyen",
        facts: Adyen::FACTS,
        provider: "Adyen",
        file: "adyen.rs",
        key: "in each of `/notificationItems/*`: `/pspReference` + `/eventCode` + `/success`",
        is_signed: "yes, and five other fields, **no more**",
        age: "none",
        made: || Box::new(Adyen::new("00ff").unwrap()),
        proof: "HMAC-SHA256 in base64",
        place: "`/additionalData/hmacSignature` in each item, or `hmacsignature`",
        text: "eight fields of the item, or the body",
        handshake: None,
        batch: Some("`/notificationItems/*`"),
        again: Again::ById,
        example: Example::with_secret("Adyen::new(secret)?"),
        attack: "A webhook of the balance platform is signed as a whole. Otherwise, the signature of an item covers eight fields: `pspReference`, `originalReference`, `merchantAccountCode`, \
             `merchantReference`, the amount and its currency, `eventCode` and `success`. **It covers nothing else**: not \
             `eventDate`, `reason` or `additionalData`, and no time that limits its age. Base no decision on them. An attacker who \
             captured a request can only send the same eight fields again. While the record lives, for 60 days, that is a \
             duplicate and does not run. After that it would run again.",
        to_know: &[],
    },
    Row {
        name: "braintree",
        facts: Braintree::FACTS,
        provider: "Braintree",
        file: "braintree.rs",
        key: "SHA-256 of `bt_payload`",
        is_signed: "yes",
        age: "none",
        made: || Box::new(Braintree::new("public|private").unwrap()),
        proof: "HMAC-SHA1 in hex",
        place: "`bt_signature` in the form",
        text: "`bt_payload` in the form",
        handshake: Some("GET with `bt_challenge` is answered with its signature"),
        batch: None,
        again: Again::IfItRepeats("`bt_payload`"),
        example: Example::with_secret("Braintree::new(secret)?"),
        attack: "The signature covers the payload, which is all of the event, and no time that limits its age. An attacker who \
             captured a request can only send the same payload again. While its record lives, for 7 days, it is a duplicate and \
             does not run. After that it would run again.",
        to_know: &[
            "Two notifications with equal payloads are one.",
            "Braintree signs its challenges as it signs payloads. So only a text in the form of a challenge is signed.",
        ],
    },
    Row {
        name: "cloudevents",
        facts: CloudEvents::FACTS,
        provider: "CloudEvents",
        file: "cloud_events.rs",
        key: "`source` + `id`, in headers or in the body",
        is_signed: "**nothing is signed**",
        age: "none",
        made: || Box::new(CloudEvents::new("token").unwrap()),
        proof: "bearer token",
        place: "`authorization`",
        text: "–",
        handshake: Some("OPTIONS with an allowed `webhook-request-origin` is answered with that origin"),
        batch: None,
        again: Again::ById,
        example: Example::with_secret(
            r#"CloudEvents::new(secret)?.allowing_origins(["eventgrid.azure.net"])"#,
        ),
        attack: "Nothing in a request is signed: CloudEvents defines no signature. An attacker who saw one request has its token, \
             and can send any other, under any key. Accept requests over TLS only, and log no header that has the token. For a \
             sender that signs its body, write a scheme of your own.",
        to_know: &[
            "With `with_batches`, the provider always returns a batch, and the handler takes `IdempotentBatch`.",
        ],
    },
    Row {
        name: "cloudinary",
        facts: Cloudinary::FACTS,
        provider: "Cloudinary",
        file: "cloudinary.rs",
        key: "SHA-256 of the body",
        is_signed: "yes",
        age: "2 hours",
        made: || Box::new(Cloudinary::new("secret").unwrap()),
        proof: "SHA-256 with the secret at the end, in hex",
        place: "`x-cld-signature`",
        text: "the body, `x-cld-timestamp` and the secret",
        handshake: None,
        batch: None,
        again: Again::IfItRepeats("the body"),
        example: Example::with_secret("Cloudinary::new(secret)?"),
        attack: "The signature covers the body and the time. An attacker who captured a request can only send the same body again \
             within 2 hours of its time. It is then a duplicate, and does not run. The signature is a hash and not an HMAC: an \
             attacker with two bodies of one hash can have the first signed and send the second. SHA-1 allows that, so it \
             is refused.",
        to_know: &["Two events with equal bodies are one."],
    },
    Row {
        name: "contentful",
        facts: Contentful::FACTS,
        provider: "Contentful",
        file: "contentful.rs",
        key: "header `x-contentful-idempotency-key`",
        is_signed: "if the sender lists it as signed",
        age: "30 seconds",
        made: || Box::new(Contentful::new("x".repeat(64)).unwrap()),
        proof: "HMAC-SHA256 in hex",
        place: "`x-contentful-signature`",
        text: "method, path, listed headers and body",
        handshake: None,
        batch: None,
        again: Again::ById,
        example: Example::with_secret("Contentful::new(secret)?"),
        attack: "The signature covers the method, the path with its query, the body, and the headers that \
             `X-Contentful-Signed-Headers` lists. If the key is on that list, an attacker who captured a request can only send the \
             same one again within 30 seconds of its time, which is a duplicate. **If it is not, the attacker can send the body \
             again under another key, and it runs again.** A changed body is refused.",
        to_know: &["`context.event_type()` is the topic, if the header `X-Contentful-Topic` is signed."],
    },
    Row {
        name: "figma",
        facts: Figma::FACTS,
        provider: "Figma",
        file: "figma.rs",
        key: "SHA-256 of the body's values, without `/passcode` and `/retries`",
        is_signed: "**nothing is signed**",
        age: "none",
        made: || Box::new(Figma::new("passcode").unwrap()),
        proof: "token",
        place: "`/passcode`",
        text: "–",
        handshake: None,
        batch: None,
        again: Again::IfItRepeats("the other values of the body"),
        example: Example::with_secret("Figma::new(secret)?"),
        attack: "Nothing in a request is signed. An attacker who saw one request has its passcode, and can send any other, under \
             any key. Accept requests over TLS only, and do not log their bodies.",
        to_know: &["Two events with equal values are one. The time is among the values."],
    },
    Row {
        name: "mailgun",
        facts: Mailgun::FACTS,
        provider: "Mailgun",
        file: "mailgun.rs",
        key: "`/event-data/id`",
        is_signed: "**no, and neither is the event**",
        age: "any age",
        made: || Box::new(Mailgun::new("secret").unwrap()),
        proof: "HMAC-SHA256 in hex",
        place: "`/signature` in the body",
        text: "the time and the token in `/signature`",
        handshake: None,
        batch: None,
        again: Again::ById,
        example: Example::with_secret("Mailgun::new(secret)?"),
        attack: "The signature covers a time and a random token, which stand beside the event. **An attacker who saw one request \
             can send any event with its signature, under any key.** Accept requests over TLS only, and do not log their bodies. \
             Where money or access depends on an event, ask Mailgun's API for it. `with_tolerance` bounds how long a captured \
             signature can be used.",
        to_know: &[],
    },
    Row {
        name: "mandrill",
        facts: Mandrill::FACTS,
        provider: "Mandrill",
        file: "mandrill.rs",
        key: "in each of `mandrill_events`: SHA-256 of the event",
        is_signed: "yes",
        age: "none",
        made: || Box::new(Mandrill::new("https://example.com", "key").unwrap()),
        proof: "HMAC-SHA1 in base64",
        place: "`x-mandrill-signature`",
        text: "the URL, then the form's names and values, sorted by name",
        handshake: Some("HEAD is answered"),
        batch: Some("`mandrill_events` of the form"),
        again: Again::IfItRepeats("the event"),
        example: Example::with_secret(r#"Mandrill::new("https://example.com/webhooks/mandrill", secret)?"#),
        attack: "The signature covers the URL and the form with all of its events, and no time that limits its age. An attacker who \
             captured a request can only send the same events again. While their records live, for 7 days, they are duplicates \
             and do not run. After that they would run again.",
        to_know: &["Two equal events are one."],
    },
    Row {
        name: "microsoft-graph",
        facts: MicrosoftGraph::FACTS,
        provider: "MicrosoftGraph",
        file: "microsoft_graph.rs",
        key: "in each of `/value/*`: `/id`",
        is_signed: "**nothing is signed**",
        age: "none",
        made: || Box::new(MicrosoftGraph::new("state").unwrap()),
        proof: "token",
        place: "`/clientState` in each notification",
        text: "–",
        handshake: Some("POST with `validationToken` and no body is answered with its value"),
        batch: Some("`/value/*`"),
        again: Again::ById,
        example: Example::with_secret("MicrosoftGraph::new(secret)?"),
        attack: "Nothing in a request is signed. An attacker who saw one notification has its `clientState`, and can send any \
             other, under any key. Accept requests over TLS only, and do not log their bodies.",
        to_know: &[],
    },
];
