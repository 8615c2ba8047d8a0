//! Every change of a signed request is refused by every provider, without a panic.

use std::time::Duration;

use http::{HeaderValue, Uri};
use idempotency_core::provider::{
    GitHub, Provider, Received, RejectionKind, SecretError, Secrets, SettingError, Shopify, Slack,
    StandardWebhooks, Stripe, Twilio,
};
use idempotency_core::testing;
use idempotency_tests::vectors::Request;

const NOW: Duration = Duration::from_secs(1_767_225_600);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
/// The private and the public half of one Ed25519 key.
const PRIVATE: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const BODY: &[u8] = br#"{"id":"evt_1","type":"customer.updated","event_id":"Ev1"}"#;
const FORM: &[u8] = b"MessageSid=SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&MessageStatus=delivered";
const URL: &str = "https://example.com/webhooks";

/// One sender: its signing function and its provider.
struct Sender {
    name: &'static str,
    signature: &'static str,
    /// The headers that verification and naming need.
    needed: &'static [&'static str],
    timestamp: Option<&'static str>,
    body: &'static [u8],
    secrets: [&'static str; 2],
    sign: fn(&str, &[u8], Duration) -> Request,
    verifier: fn(&str) -> Box<dyn Provider>,
}

impl Sender {
    fn genuine(&self) -> Request {
        (self.sign)(self.secrets[0], self.body, NOW)
    }

    fn provider(&self) -> Box<dyn Provider> {
        let [secret, _] = self.secrets;
        (self.verifier)(if secret == PRIVATE { PUBLIC } else { secret })
    }

    fn assert_unauthenticated(&self, request: &Request, what: &str) {
        match request.received_by(&*self.provider()) {
            Err(rejection) => {
                assert_eq!(rejection.kind(), RejectionKind::Unauthenticated, "{}: {what}", self.name);
            }
            Ok(_) => panic!("{}: {what} was accepted", self.name),
        }
    }
}

fn senders() -> Vec<Sender> {
    fn standard(secret: &str, body: &[u8], now: Duration) -> Request {
        Request::new(testing::standard_webhooks(secret, "msg_1", body, now), body.to_vec(), now)
    }
    let stripe = Sender {
        name: "stripe",
        signature: "stripe-signature",
        needed: &["stripe-signature"],
        timestamp: Some("stripe-signature"),
        body: BODY,
        secrets: [SECRET, OTHER],
        sign: |secret, body, now| Request::new(testing::stripe(secret, body, now), body.to_vec(), now),
        verifier: |secret| Box::new(Stripe::new(secret).unwrap()),
    };
    let shopify = Sender {
        name: "shopify",
        signature: "x-shopify-hmac-sha256",
        needed: &["x-shopify-hmac-sha256", "x-shopify-event-id"],
        timestamp: None,
        sign: |secret, body, now| {
            Request::new(testing::shopify(secret, "e1", "a/b", body), body.to_vec(), now)
        },
        verifier: |secret| Box::new(Shopify::new(secret).unwrap()),
        ..stripe
    };
    let github = Sender {
        name: "github",
        signature: "x-hub-signature-256",
        needed: &["x-hub-signature-256", "x-github-delivery"],
        sign: |secret, body, now| {
            Request::new(testing::github(secret, "d1", "push", body), body.to_vec(), now)
        },
        verifier: |secret| Box::new(GitHub::new(secret).unwrap()),
        ..shopify
    };
    let twilio = Sender {
        name: "twilio",
        signature: "x-twilio-signature",
        needed: &["x-twilio-signature"],
        body: FORM,
        sign: |secret, body, now| Request::new(testing::twilio(secret, URL, body), body.to_vec(), now),
        verifier: |secret| Box::new(Twilio::new(secret, URL).unwrap()),
        ..shopify
    };
    let slack = Sender {
        name: "slack",
        signature: "x-slack-signature",
        needed: &["x-slack-signature", "x-slack-request-timestamp"],
        timestamp: Some("x-slack-request-timestamp"),
        sign: |secret, body, now| Request::new(testing::slack(secret, body, now), body.to_vec(), now),
        verifier: |secret| Box::new(Slack::new(secret).unwrap()),
        ..stripe
    };
    let v1 = Sender {
        name: "standard-webhooks v1",
        signature: "webhook-signature",
        needed: &["webhook-signature", "webhook-timestamp", "webhook-id"],
        timestamp: Some("webhook-timestamp"),
        sign: standard,
        verifier: |secret| Box::new(StandardWebhooks::new(secret).unwrap()),
        ..stripe
    };
    let v1a = Sender { name: "standard-webhooks v1a", secrets: [PRIVATE, OTHER], ..v1 };
    vec![stripe, shopify, github, twilio, slack, v1, v1a]
}

#[test]
fn signatures_of_the_testing_module_are_accepted() {
    for sender in senders() {
        let received = sender.genuine().received_by(&*sender.provider());
        assert!(matches!(received, Ok(Received::Delivery(_))), "{}: {received:?}", sender.name);
    }
}

#[test]
fn every_truncation_of_a_signature_is_refused() {
    for sender in senders() {
        let request = sender.genuine();
        let signature = request.headers[sender.signature].to_str().unwrap().to_owned();
        for len in 0..signature.len() {
            let request = request.clone().with(sender.signature, &signature[..len]);
            sender.assert_unauthenticated(&request, &format!("a signature cut to {len} bytes"));
        }
    }
}

#[test]
fn every_flipped_bit_of_a_signature_is_refused() {
    for sender in senders() {
        let request = sender.genuine();
        let signature = request.headers[sender.signature].as_bytes().to_vec();
        for (at, bit) in (0..signature.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut flipped = signature.clone();
            flipped[at] ^= 1 << bit;
            let Ok(value) = HeaderValue::from_bytes(&flipped) else { continue };
            let mut request = request.clone();
            request.headers.insert(sender.signature, value);
            sender.assert_unauthenticated(&request, &format!("byte {at} with bit {bit} flipped"));
        }
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_a_body_and_every_cut_body_is_refused() {
    for sender in senders() {
        let request = sender.genuine();
        for (at, bit) in (0..sender.body.len()).map(|at| (at, at % 8)) {
            let mut body = sender.body.to_vec();
            body[at] ^= 1 << bit;
            let request = Request::new(request.headers.clone(), body, NOW);
            sender.assert_unauthenticated(&request, &format!("a body with bit {bit} of byte {at} flipped"));
        }
        for len in 0..sender.body.len() {
            let request = Request::new(request.headers.clone(), sender.body[..len].to_vec(), NOW);
            sender.assert_unauthenticated(&request, &format!("a body cut to {len} bytes"));
        }
    }
}

#[test]
fn another_secret_is_refused() {
    for sender in senders() {
        let request = (sender.sign)(sender.secrets[1], sender.body, NOW);
        sender.assert_unauthenticated(&request, "another secret");
    }
}

#[test]
fn an_upper_case_signature_is_refused() {
    for sender in senders() {
        let request = sender.genuine();
        let signature = request.headers[sender.signature].to_str().unwrap().to_ascii_uppercase();
        sender.assert_unauthenticated(&request.with(sender.signature, &signature), "an upper-case signature");
    }
}

#[test]
fn a_header_that_is_missing_empty_repeated_or_not_text_is_refused() {
    for sender in senders() {
        for name in sender.needed {
            let request = sender.genuine();
            let without = {
                let mut request = request.clone();
                request.headers.remove(*name);
                request
            };
            let repeated = {
                let mut request = request.clone();
                let value = request.headers[*name].clone();
                request.headers.append(*name, value);
                request
            };
            let binary = {
                let mut request = request.clone();
                request.headers.insert(*name, HeaderValue::from_bytes(b"\xff\xfe").unwrap());
                request
            };
            let empty = request.with(name, "");
            for (what, request) in
                [("missing", without), ("empty", empty), ("repeated", repeated), ("binary", binary)]
            {
                let received = request.received_by(&*sender.provider());
                assert!(received.is_err(), "{}: {name} was {what} and accepted", sender.name);
            }
        }
    }
}

#[test]
fn a_genuine_signature_of_another_time_is_refused_in_both_directions() {
    for sender in senders() {
        for (moved, is_fresh) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            let mut request = sender.genuine();
            request.now = Duration::from_secs(NOW.as_secs().checked_add_signed(moved).unwrap());
            match request.received_by(&*sender.provider()) {
                Ok(_) => assert!(is_fresh || sender.timestamp.is_none(), "{}: {moved} s", sender.name),
                Err(rejection) => {
                    assert!(!is_fresh && sender.timestamp.is_some(), "{}: {moved} s", sender.name);
                    assert_eq!(rejection.kind(), RejectionKind::Unauthenticated);
                }
            }
        }
    }
}

#[test]
fn an_extreme_time_is_refused_however_well_it_is_signed() {
    for sender in senders().iter().filter(|sender| sender.timestamp.is_some()) {
        for seconds in [0, 1, u64::MAX / 2, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
            let mut request = (sender.sign)(sender.secrets[0], sender.body, Duration::from_secs(seconds));
            request.now = NOW;
            sender.assert_unauthenticated(&request, &format!("the time {seconds}"));
        }
        for text in
            ["", " ", "-1", "+1767225600", "1767225600.0", "0x69", "1e9", "99999999999999999999", "１"]
        {
            let mut request = sender.genuine();
            let name = sender.timestamp.unwrap();
            let value = request.headers[name].to_str().unwrap().replace("1767225600", text);
            request.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            sender.assert_unauthenticated(&request, &format!("the time {text:?}"));
        }
    }
}

#[test]
fn bytes_that_are_neither_text_nor_json_are_judged_without_a_panic() {
    let bodies: [&[u8]; 8] = [
        b"",
        b"\xff\xfe\x00",
        b"{\"id\":\"\xff\"}",
        b"{",
        b"[1,2]",
        b"null",
        b"%ff=%f&=&&%",
        b"payload=%7B%ff",
    ];
    for sender in senders() {
        for body in bodies {
            let request = (sender.sign)(sender.secrets[0], body, NOW);
            if let Err(rejection) = request.received_by(&*sender.provider()) {
                let is_authentic = rejection.kind() != RejectionKind::Unauthenticated;
                assert!(is_authentic, "{}: a signature over {body:?} was refused", sender.name);
            }
        }
    }
}

#[test]
fn any_of_several_secrets_is_accepted() {
    for sender in senders() {
        let provider: Box<dyn Provider> = match sender.name {
            "stripe" => Box::new(Stripe::new(OTHER).unwrap().with_secret(SECRET).unwrap()),
            "shopify" => Box::new(Shopify::new(OTHER).unwrap().with_secret(SECRET).unwrap()),
            "github" => Box::new(GitHub::new(OTHER).unwrap().with_secret(SECRET).unwrap()),
            "twilio" => Box::new(Twilio::new(OTHER, URL).unwrap().with_secret(SECRET).unwrap()),
            "slack" => Box::new(Slack::new(OTHER).unwrap().with_secret(SECRET).unwrap()),
            "standard-webhooks v1" => {
                let sender = StandardWebhooks::new(OTHER).unwrap().with_secret(PUBLIC).unwrap();
                Box::new(sender.with_secret(SECRET).unwrap())
            }
            _ => Box::new(StandardWebhooks::new(OTHER).unwrap().with_secret(PUBLIC).unwrap()),
        };
        for secret in sender.secrets {
            let received = (sender.sign)(secret, sender.body, NOW).received_by(&*provider);
            assert!(received.is_ok(), "{}", sender.name);
        }
    }
}

#[test]
fn a_blank_secret_is_refused_and_none_is_printed() {
    for blank in ["", " ", "\n\t"] {
        assert_eq!(Stripe::new(blank).unwrap_err(), SecretError::Blank);
        assert_eq!(Shopify::new(blank).unwrap_err(), SecretError::Blank);
        assert_eq!(GitHub::new(blank).unwrap_err(), SecretError::Blank);
        assert_eq!(Slack::new(blank).unwrap_err(), SecretError::Blank);
        assert_eq!(Twilio::new(blank, URL).unwrap_err(), SettingError::Secret(SecretError::Blank));
        assert_eq!(StandardWebhooks::new(blank).unwrap_err(), SecretError::Blank);
    }
    for lenient in ["whsec_MDAwMQ", "whsec_MDAwMQ====", "whsec_MDAwMR", "MDAw=="] {
        assert!(StandardWebhooks::new(lenient).is_ok(), "{lenient}");
    }
    // A secret that is blank after decoding.
    for blank in ["whsec_", "whsec_ICAg"] {
        assert_eq!(StandardWebhooks::new(blank).unwrap_err(), SecretError::Blank);
    }
    for malformed in ["whsec_%", "whpk_", "whpk_AAAA", "whpk_*"] {
        assert!(matches!(StandardWebhooks::new(malformed), Err(SecretError::Malformed(_))), "{malformed}");
    }
    assert_eq!(Secrets::any_of([]).unwrap_err(), SecretError::Blank);
    for sender in senders() {
        let printed = format!("{:?}", sender.provider());
        assert!(!printed.contains("MfKQ9r8G") && printed.contains("REDACTED"), "{printed}");
    }
}

#[test]
fn a_second_timestamp_or_a_second_body_hash_is_refused() {
    let stripe = &senders()[0];
    let request = stripe.genuine();
    let header = request.headers["stripe-signature"].to_str().unwrap().to_owned();
    for header in [format!("{header},t=1767225600"), format!("t=1767225599,{header}"), format!("{header},t=")]
    {
        stripe.assert_unauthenticated(&request.clone().with("stripe-signature", &header), &header);
    }
    let (headers, url) = testing::twilio_json("token", URL, BODY);
    let query = url.split_once('?').unwrap().1;
    for query in [format!("{query}&x=1"), format!("bodySHA256=00&{query}"), query.to_uppercase()] {
        let mut request = Request::new(headers.clone(), BODY, NOW);
        request.uri = format!("/webhooks?{query}").parse::<Uri>().unwrap();
        let refused = request.received_by(&Twilio::new("token", URL).unwrap()).unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::Unauthenticated, "{query}");
    }
}

/// A form's text that reads like the hash of a body and is moved into the query must not authenticate another body.
#[test]
fn text_of_a_form_that_is_moved_into_the_query_does_not_vouch_for_another_body() {
    let evil = br#"{"MessageSid":"SM00000000000000000000000000000000"}"#;
    for end in ["", "&"] {
        let text = format!("x&bodySHA256={}{end}", hash(evil));
        let form = format!("Body={}&To=1", text.replace('&', "%26").replace('=', "%3D"));
        let headers = testing::twilio("token", "https://example.com/webhooks?a=1", form.as_bytes());
        let mut request = Request::new(headers, &evil[..], NOW);
        request.uri = format!("/webhooks?a=1Body{text}To1").parse().unwrap();
        let refused = request.received_by(&Twilio::new("token", URL).unwrap()).unwrap_err();
        assert_eq!(refused.to_string(), "the body's hash is not at the end of the query");
    }
}

/// The hash that Twilio would append for a body.
fn hash(body: &[u8]) -> String {
    let (_, url) = testing::twilio_json("token", URL, body);
    url.split_once("bodySHA256=").unwrap().1.to_owned()
}
