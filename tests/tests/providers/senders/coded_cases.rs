//! One case per sender whose provider is code: an event, its retry, other events, and how a request is signed.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::provider::{
    Adyen, Braintree, CloudEvents, Cloudinary, Contentful, Facts, Figma, Mailgun, Mandrill, MicrosoftGraph,
    Provider, Secret, Secrets,
};
use idempotency_core::testing;
use idempotency_tests::vectors::Request;

use super::cases::{NOW, SECRETS};

/// One sender.
pub(super) struct Coded {
    pub(super) name: &'static str,
    pub(super) facts: Facts,
    pub(super) secrets: [&'static str; 2],
    pub(super) provider: fn(&[&str]) -> Arc<dyn Provider>,
    /// A request with an event, signed with a secret.
    pub(super) signed: fn(&str, &str) -> Request,
    pub(super) event: &'static str,
    /// The same event at its next attempt.
    pub(super) retry: &'static str,
    /// Other events: the next one about the same object, and one of each other kind.
    pub(super) others: &'static [&'static str],
    /// The text of the signature, which is once in a header or in the body.
    pub(super) signature: fn(&Request) -> String,
    /// Texts in a request with other texts for them, all of which the signature covers.
    pub(super) covered: &'static [(&'static str, &'static str)],
    /// Texts that the signature does not cover.
    pub(super) uncovered: &'static [(&'static str, &'static str)],
    /// Whether the key is signed, so that there is no fingerprint.
    pub(super) is_key_signed: bool,
}

impl Coded {
    pub(super) fn genuine(&self) -> Request {
        (self.signed)(self.secrets[0], self.event)
    }

    pub(super) fn by_one_secret(&self) -> Arc<dyn Provider> {
        (self.provider)(&self.secrets[..1])
    }
}

/// A request with another text for a text, in its headers, its target and its body.
pub(super) fn replaced(request: &Request, old: &str, new: &str) -> Option<Request> {
    let mut request = request.clone();
    for value in request.headers.values_mut() {
        if let Ok(text) = value.to_str()
            && text.contains(old)
        {
            *value = text.replace(old, new).parse().ok()?;
        }
    }
    let body = String::from_utf8(request.body.to_vec()).unwrap();
    request.body = body.replace(old, new).into();
    request.uri = request.uri.to_string().replace(old, new).parse().ok()?;
    Some(request)
}

/// The text after a text in the body, up to a quote.
fn after(request: &Request, start: &str) -> String {
    let body = std::str::from_utf8(&request.body).unwrap();
    let (_, rest) = body.split_once(start).unwrap();
    rest.split(['"', '&']).next().unwrap().to_owned()
}

fn all(texts: &[&str]) -> Secrets {
    Secrets::any_of(texts.iter().map(|text| Secret::new(text).unwrap())).unwrap()
}

pub(super) fn cases() -> Vec<Coded> {
    vec![
        adyen(),
        braintree(),
        cloud_events(),
        cloudinary(),
        contentful(),
        figma(),
        mailgun(),
        mandrill(),
        microsoft_graph(),
    ]
}

fn mailgun() -> Coded {
    Coded {
        name: "mailgun",
        facts: Mailgun::FACTS,
        secrets: SECRETS,
        provider: |secrets| Arc::new(Mailgun::from_secrets(all(secrets))),
        signed: |secret, event| {
            // Each attempt has a time and a token of its own.
            let (token, event) = event.split_once(' ').unwrap();
            let now = NOW + Duration::from_secs(token.len().try_into().unwrap());
            let (headers, body) = testing::mailgun(secret, token, event, now);
            Request::new(headers, body, now)
        },
        event: r#"a8ce0edb2d {"event":"failed","id":"DACS","severity":"temporary","recipient":"a@example.com"}"#,
        retry: r#"b9 {"event":"failed","id":"DACS","severity":"temporary","recipient":"a@example.com"}"#,
        others: &[
            r#"a8ce0edb2d {"event":"failed","id":"DACT","severity":"temporary","recipient":"a@example.com"}"#,
            r#"a8ce0edb2d {"event":"delivered","id":"DACU","recipient":"a@example.com"}"#,
        ],
        signature: |request| after(request, r#""signature":""#),
        covered: &[("a8ce0edb2d", "a8ce0edb2e"), ("1767225610", "1767225611")],
        uncovered: &[("a@example.com", "b@example.com"), ("DACS", "DACT")],
        is_key_signed: false,
    }
}

fn adyen() -> Coded {
    Coded {
        name: "adyen",
        facts: Adyen::FACTS,
        secrets: [
            "DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00",
            "11223344d785fbae710e7f943f307971bb61b21281c98c9129b3d4018a57b2eb",
        ],
        provider: |secrets| Arc::new(Adyen::from_secrets(all(secrets)).unwrap()),
        signed: |secret, event| {
            let (headers, body) = testing::adyen(secret, &[event]);
            Request::new(headers, body, NOW)
        },
        event: r#"{"pspReference":"8825","merchantAccountCode":"Acct","merchantReference":"shop:42","amount":{"value":10100,"currency":"EUR"},"eventCode":"AUTHORISATION","success":"true","eventDate":"2025-01-19T16:42:03+01:00"}"#,
        retry: r#"{"pspReference":"8825","merchantAccountCode":"Acct","merchantReference":"shop:42","amount":{"value":10100,"currency":"EUR"},"eventCode":"AUTHORISATION","success":"true","eventDate":"2025-01-19T17:42:03+01:00"}"#,
        others: &[
            r#"{"pspReference":"8826","merchantAccountCode":"Acct","eventCode":"AUTHORISATION","success":"true"}"#,
            r#"{"pspReference":"8825","merchantAccountCode":"Acct","eventCode":"AUTHORISATION","success":"false"}"#,
            r#"{"pspReference":"8825","merchantAccountCode":"Acct","eventCode":"CAPTURE","success":"true"}"#,
            r#"{"pspReference":"8825","merchantAccountCode":"Other","eventCode":"AUTHORISATION","success":"true"}"#,
        ],
        signature: |request| after(request, r#""hmacSignature":""#),
        covered: &[
            ("10100", "10101"),
            ("EUR", "USD"),
            ("shop:42", "shop:43"),
            ("AUTHORISATION", "CANCELLATION"),
            ("Acct", "Acme"),
            ("8825", "8826"),
            (r#""success":"true""#, r#""success":"false""#),
        ],
        uncovered: &[("2025-01-19", "2035-01-19")],
        is_key_signed: true,
    }
}

fn braintree() -> Coded {
    Coded {
        name: "braintree",
        facts: Braintree::FACTS,
        secrets: ["public_a|private_a", "public_b|private_b"],
        provider: |secrets| Arc::new(Braintree::from_secrets(all(secrets)).unwrap()),
        signed: |secret, event| {
            let (headers, body) = testing::braintree(secret, event);
            Request::new(headers, body, NOW)
        },
        event: "<notification><timestamp>2023-11-14T22:13:20Z</timestamp><kind>subscription_canceled</kind><subject><id>s</id></subject></notification>",
        retry: "<notification><timestamp>2023-11-14T22:13:20Z</timestamp><kind>subscription_canceled</kind><subject><id>s</id></subject></notification>",
        others: &[
            "<notification><timestamp>2023-11-14T22:13:21Z</timestamp><kind>subscription_canceled</kind><subject><id>s</id></subject></notification>",
            "<notification><timestamp>2023-11-14T22:13:20Z</timestamp><kind>check</kind><subject><check>true</check></subject></notification>",
        ],
        signature: |request| after(request, "%7C"),
        // The beginning of the payload.
        covered: &[("PG5vdGlm", "PG5vdGln")],
        uncovered: &[],
        is_key_signed: true,
    }
}

fn cloud_events() -> Coded {
    Coded {
        name: "cloudevents",
        facts: CloudEvents::FACTS,
        secrets: SECRETS,
        provider: |secrets| Arc::new(CloudEvents::from_secrets(all(secrets)).with_batches()),
        signed: |secret, event| {
            let mut headers = http::HeaderMap::new();
            headers.insert("authorization", format!("Bearer {secret}").parse().unwrap());
            let request = Request::new(headers, event.to_owned(), NOW);
            request.with("content-type", "application/cloudevents+json; charset=utf-8")
        },
        event: r#"{"specversion":"1.0","id":"1","source":"/orders","type":"com.example.order.made","data":{"n":1}}"#,
        retry: r#"{"specversion":"1.0","id":"1","source":"/orders","type":"com.example.order.made","data":{"n":1}}"#,
        others: &[
            r#"{"specversion":"1.0","id":"2","source":"/orders","type":"com.example.order.made","data":{"n":1}}"#,
            r#"{"specversion":"1.0","id":"1","source":"/bills","type":"com.example.order.made","data":{"n":1}}"#,
            r#"{"specversion":"1.0","id":"1;1","source":"/orders","type":"com.example.order.paid"}"#,
        ],
        signature: |request| request.headers["authorization"].to_str().unwrap()["Bearer ".len()..].to_owned(),
        covered: &[],
        uncovered: &[(r#""n":1"#, r#""n":2"#), (r#""id":"1""#, r#""id":"3""#)],
        is_key_signed: false,
    }
}

fn cloudinary() -> Coded {
    Coded {
        name: "cloudinary",
        facts: Cloudinary::FACTS,
        secrets: SECRETS,
        provider: |secrets| Arc::new(Cloudinary::from_secrets(all(secrets))),
        signed: |secret, event| {
            let (seconds, body) = event.split_once(' ').unwrap();
            let now = NOW + Duration::from_secs(seconds.parse().unwrap());
            Request::new(testing::cloudinary(secret, body.as_bytes(), now), body.to_owned(), now)
        },
        event: r#"0 {"notification_type":"upload","asset_id":"83ab","version":1}"#,
        // An attempt has a time of its own.
        retry: r#"60 {"notification_type":"upload","asset_id":"83ab","version":1}"#,
        others: &[
            r#"0 {"notification_type":"upload","asset_id":"83ab","version":2}"#,
            r#"0 {"notification_type":"delete","asset_id":"83ab"}"#,
        ],
        signature: |request| request.headers["x-cld-signature"].to_str().unwrap().to_owned(),
        covered: &[("83ab", "83ac"), ("1767225600", "1767225601")],
        uncovered: &[],
        is_key_signed: true,
    }
}

fn contentful() -> Coded {
    Coded {
        name: "contentful",
        facts: Contentful::FACTS,
        secrets: [
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
            "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccd",
        ],
        provider: |secrets| Arc::new(Contentful::from_secrets(all(secrets))),
        signed: |secret, event| {
            let (key, body) = event.split_once(' ').unwrap();
            let (topic, path) = ("ContentManagement.Entry.publish", "/webhooks?space=a%20b");
            let headers = testing::contentful(secret, key, topic, path, body.as_bytes(), NOW);
            let mut request = Request::new(headers, body.to_owned(), NOW);
            request.uri = path.parse().unwrap();
            request
        },
        event: r#"f1c4e0a5 {"sys":{"type":"Entry","id":"5KsDBWseXY","revision":7}}"#,
        retry: r#"f1c4e0a5 {"sys":{"type":"Entry","id":"5KsDBWseXY","revision":7}}"#,
        others: &[r#"f1c4e0a6 {"sys":{"type":"Entry","id":"5KsDBWseXY","revision":7}}"#],
        signature: |request| request.headers["x-contentful-signature"].to_str().unwrap().to_owned(),
        covered: &[
            ("5KsDBWseXY", "5KsDBWseXZ"),
            ("f1c4e0a5", "f1c4e0a6"),
            ("Entry.publish", "Entry.unpublish"),
            ("1767225600000", "1767225601000"),
            ("application/json", "text/plain"),
            ("space=a", "space=b"),
            ("a%20b", "a+b"),
        ],
        uncovered: &[],
        is_key_signed: true,
    }
}

fn figma() -> Coded {
    Coded {
        name: "figma",
        facts: Figma::FACTS,
        secrets: SECRETS,
        provider: |secrets| Arc::new(Figma::from_secrets(all(secrets))),
        signed: |secret, event| Request::new(http::HeaderMap::new(), event.replace("PASSCODE", secret), NOW),
        event: r#"{"event_type":"FILE_UPDATE","file_key":"abc","passcode":"PASSCODE","retries":0,"timestamp":"2020-02-23T20:27:16Z","webhook_id":"22"}"#,
        // A retry counts itself, and the order of the fields does not count.
        retry: r#"{"retries":1,"event_type":"FILE_UPDATE","file_key":"abc","passcode":"PASSCODE","timestamp":"2020-02-23T20:27:16Z","webhook_id":"22"}"#,
        others: &[
            r#"{"event_type":"FILE_UPDATE","file_key":"abc","passcode":"PASSCODE","retries":0,"timestamp":"2020-02-23T20:57:16Z","webhook_id":"22"}"#,
            r#"{"event_type":"FILE_UPDATE","file_key":"abd","passcode":"PASSCODE","retries":0,"timestamp":"2020-02-23T20:27:16Z","webhook_id":"22"}"#,
            r#"{"event_type":"FILE_UPDATE","file_key":"abc","passcode":"PASSCODE","retries":0,"timestamp":"2020-02-23T20:27:16Z","webhook_id":"23"}"#,
            r#"{"event_type":"FILE_DELETE","file_key":"abc","passcode":"PASSCODE","retries":0,"timestamp":"2020-02-23T20:27:16Z","webhook_id":"22"}"#,
            r#"{"event_type":"PING","passcode":"PASSCODE","retries":0,"timestamp":"2020-02-23T20:27:16Z","webhook_id":"22"}"#,
        ],
        signature: |request| after(request, r#""passcode":""#),
        covered: &[],
        uncovered: &[("abc", "abd"), ("20:27:16", "20:27:17")],
        is_key_signed: false,
    }
}

/// The URL of the recorded deliveries.
pub(super) const MANDRILL_URL: &str = "https://example.com/webhooks/mandrill";

fn mandrill() -> Coded {
    Coded {
        name: "mandrill",
        facts: Mandrill::FACTS,
        secrets: SECRETS,
        provider: |secrets| Arc::new(Mandrill::from_secrets(MANDRILL_URL, all(secrets)).unwrap()),
        signed: |secret, event| {
            let (headers, body) = testing::mandrill(secret, MANDRILL_URL, &[event]);
            Request::new(headers, body, NOW)
        },
        event: r#"{"event":"open","ts":1365109999,"_id":"exampleaaaa","msg":{"_id":"exampleaaaa"}}"#,
        retry: r#"{"event":"open","ts":1365109999,"_id":"exampleaaaa","msg":{"_id":"exampleaaaa"}}"#,
        others: &[
            r#"{"event":"open","ts":1365110000,"_id":"exampleaaaa","msg":{"_id":"exampleaaaa"}}"#,
            r#"{"event":"click","ts":1365109999,"_id":"exampleaaaa","msg":{"_id":"exampleaaaa"}}"#,
            r#"{"event":"open","ts":1365109999,"_id":"exampleaaab","msg":{"_id":"exampleaaab"}}"#,
            r#"{"type":"blacklist","action":"add","reject":{"email":"a@example.com","reason":"hard-bounce"}}"#,
            r#"{"event":"inbound","ts":1365109999,"msg":{"raw_msg":"Received: from mail"}}"#,
        ],
        signature: |request| request.headers["x-mandrill-signature"].to_str().unwrap().to_owned(),
        covered: &[
            ("open", "send"),
            ("1365109999", "1365109998"),
            ("exampleaaaa", "exampleaaab"),
            ("mandrill_events", "mandrill_event"),
        ],
        uncovered: &[],
        is_key_signed: true,
    }
}

fn microsoft_graph() -> Coded {
    Coded {
        name: "microsoft-graph",
        facts: MicrosoftGraph::FACTS,
        secrets: SECRETS,
        provider: |secrets| Arc::new(MicrosoftGraph::from_secrets(all(secrets))),
        signed: |secret, event| {
            let body = format!(r#"{{"value":[{}]}}"#, event.replace("STATE", secret));
            Request::new(http::HeaderMap::new(), body, NOW)
        },
        event: r#"{"id":"n1","subscriptionId":"s","clientState":"STATE","changeType":"updated","resource":"users/u/messages/AAMk","tenantId":"t"}"#,
        retry: r#"{"id":"n1","subscriptionId":"s","clientState":"STATE","changeType":"updated","resource":"users/u/messages/AAMk","tenantId":"t"}"#,
        others: &[
            r#"{"id":"n2","subscriptionId":"s","clientState":"STATE","changeType":"updated","resource":"users/u/messages/AAMk","tenantId":"t"}"#,
            r#"{"id":"n3","subscriptionId":"s","clientState":"STATE","lifecycleEvent":"reauthorizationRequired","tenantId":"t"}"#,
        ],
        signature: |request| after(request, r#""clientState":""#),
        covered: &[],
        uncovered: &[("AAMk", "AAMl"), ("n1", "n4")],
        is_key_signed: false,
    }
}
