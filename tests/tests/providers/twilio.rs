//! The key and order of Twilio's deliveries. Twilio signs without separators, so a captured request that is split at other
//! places must not become another delivery. `twilio_kinds.rs` tests the kinds of events.

use std::time::Duration;

use http::{HeaderMap, Uri};
use idempotency_core::provider::{Received, RejectionKind, Twilio};
use idempotency_core::{Delivery, testing};
use idempotency_tests::vectors::Request;

const URL: &str = "https://example.com/hook";
const SID: &str = "SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09";
const QUERY: &str = "?tenant=42";
const CALLBACKS: [&str; 7] = [
    // The status of a message.
    "AccountSid=AC5ef8732a3c49700934481addd5ce1659&From=14158675309&MessageSid=SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09\
     &MessageStatus=delivered&SmsSid=SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&SmsStatus=delivered&To=18005551212",
    // The status of a call that another call made.
    "CallSid=CA2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&CallStatus=completed&CallbackSource=call-progress-events\
     &Direction=outbound&ParentCallSid=CA00000000000000000000000000000000&SequenceNumber=12&Timestamp=Fri",
    // A message in a conversation, at the second attempt.
    "Author=me&DateUpdated=2024-02-02T10:00:00.000Z&EventType=onMessageUpdated\
     &MessageSid=IM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&RetryCount=1&Source=API",
    // A participant of a conference.
    "CallSid=CA2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&ConferenceSid=CF2de0d6c5d0d64e3a8b3f1d3f3c2b1a09\
     &FriendlyName=Room&StatusCallbackEvent=participant-join&Timestamp=Fri",
    // A message whose text spells the parameters of a status.
    "Body=EventTypeonMessageAddedRetryCount1MessageStatusread&MessageSid=SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09\
     &SmsMessageSid=SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&SmsSid=SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09\
     &SmsStatus=received&To=18005551212",
    // A message whose text spells a Sid as well.
    "Body=MessageSidSM00000000000000000000000000000000SmsStatusread&MessageSid=SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09\
     &SmsMessageSid=SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&SmsStatus=received&To=18005551212",
    // A stream of a call.
    "AccountSid=AC5ef8732a3c49700934481addd5ce1659&CallSid=CA2de0d6c5d0d64e3a8b3f1d3f3c2b1a09\
     &StreamEvent=stream-started&StreamName=caller&StreamSid=MZ2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&Timestamp=Fri",
];

/// The signed text after the path, and the starts of the genuine request's parts in it: the query, then names and values
/// in turn, then the end.
fn signed(form: &str) -> (String, Vec<usize>) {
    let mut text = QUERY.to_owned();
    let mut cuts = Vec::new();
    for part in form.split(['&', '=']) {
        cuts.push(text.len());
        text.push_str(part);
    }
    cuts.push(text.len());
    (text, cuts)
}

/// The request whose parts are the signed text, cut at these places; `None` if its parameters would be signed in another
/// order.
fn cut(text: &str, cuts: &[usize], headers: &HeaderMap) -> Option<Request> {
    let parts: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
    let pairs: Vec<(&str, &str)> =
        parts.chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or_default())).collect();
    if !pairs.is_sorted() {
        return None;
    }
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let body: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    let mut request = Request::new(headers.clone(), body.join("&"), Duration::ZERO);
    request.uri = format!("/hook{}", &text[..cuts[0]]).parse::<Uri>().expect("the text is a valid target");
    Some(request)
}

fn received(request: &Request) -> Result<Delivery, RejectionKind> {
    received_by(request, &provider())
}

fn received_by(request: &Request, provider: &Twilio) -> Result<Delivery, RejectionKind> {
    match request.received_by(provider) {
        Ok(Received::Delivery(delivery)) => Ok(delivery),
        Ok(other) => panic!("not a delivery: {other:?}"),
        Err(rejection) => Err(rejection.kind()),
    }
}

fn provider() -> Twilio {
    let statuses = ["queued", "sent", "delivered", "completed"];
    let twilio = Twilio::new("token", URL).expect("they are a token and a url");
    twilio.discarding_stale(statuses).expect("each status has an order")
}

/// The cuts of the text that this test tries: each subset of the genuine ones, and the genuine ones with one moved or
/// added.
fn ways(text: &str, genuine: &[usize]) -> Vec<Vec<usize>> {
    let mut ways = Vec::new();
    let (end, inner) = genuine.split_last().expect("there is one");
    for kept in 0..1_u32 << inner.len() {
        let kept = inner.iter().enumerate().filter(|(cut, _)| kept >> cut & 1 == 1).map(|(_, at)| *at);
        ways.push(kept.chain([*end]).collect::<Vec<_>>());
    }
    for at in 0..text.len() {
        for without in 0..=inner.len() {
            let rest = inner.iter().enumerate().filter(|(cut, _)| *cut != without).map(|(_, at)| *at);
            let mut moved: Vec<_> = rest.chain([at, *end]).collect();
            moved.sort_unstable();
            ways.push(moved);
        }
    }
    ways
}

fn twilio_of(form: &str) -> Request {
    Request::new(testing::twilio("token", URL, form.as_bytes()), form.to_owned(), Duration::ZERO)
}

fn delivery(form: &str) -> Delivery {
    received(&twilio_of(form)).expect("a genuine callback is accepted")
}

#[test]
fn each_status_of_a_twilio_sid_is_a_key_of_its_own() {
    let call = "CA2de0d6c5d0d64e3a8b3f1d3f3c2b1a09";
    let recording = "RE2de0d6c5d0d64e3a8b3f1d3f3c2b1a09";
    let progress = format!("CallSid={call}&CallbackSource=call-progress-events&CallStatus=in-progress");
    for (form, expected) in [
        (format!("MessageSid={SID}&MessageStatus=sent&SmsSid={SID}&SmsStatus=sent"), format!("{SID}:sent")),
        (format!("MessageSid={SID}&SmsStatus=received&SmsSid={SID}"), format!("{SID}:received")),
        (format!("SmsSid={SID}&SmsStatus=sent"), format!("{SID}:sent")),
        (format!("{progress}&SequenceNumber=2"), format!("{call}:in-progress:2")),
        (format!("{progress}&SequenceNumber=1234567890"), format!("{call}:in-progress:1234567890")),
        (
            format!("CallSid={call}&RecordingSid={recording}&RecordingStatus=completed"),
            format!("{recording}:completed"),
        ),
        (format!("MessageSid={SID}&MessageStatus=brand_new"), format!("{SID}:brand_new")),
    ] {
        assert_eq!(delivery(&form).key().as_str(), expected, "{form}");
    }
}

#[test]
fn parameters_of_twilio_that_were_cut_elsewhere_are_malformed() {
    // Each of these has the signature of `MessageSid={SID}&MessageStatus=delivered&To=1`.
    for form in [
        format!("MessageSid={SID}MessageStatusdelivered&To=1"),
        format!("MessageSid={SID}&MessageStatus=deliveredTo1"),
        format!("MessageSid={SID}&MessageStatus=deliver&edTo=1"),
        "MessageSid=SM2&de0d6c5d0d64e3a8b3f1d3f3c2b1a09MessageStatus=deliveredTo1".to_owned(),
    ] {
        let signed = twilio_of(&format!("MessageSid={SID}&MessageStatus=delivered&To=1"));
        let request = Request::new(signed.headers, form.clone(), Duration::ZERO);
        assert_eq!(received(&request).unwrap_err(), RejectionKind::Malformed, "{form}");
    }
    assert_eq!(received(&twilio_of("")).unwrap_err(), RejectionKind::KeyMissing);
}

#[test]
fn a_form_of_twilio_with_too_many_parameters_is_refused_before_they_are_sorted_and_signed() {
    let form = |more: usize| format!("MessageSid={SID}{}", "&a".repeat(more));
    assert!(received(&twilio_of(&form(999))).is_ok());
    assert_eq!(received(&twilio_of(&form(1000))).unwrap_err(), RejectionKind::Malformed);
}

#[test]
fn a_later_status_of_twilio_has_the_larger_version() {
    let versions: Vec<_> = ["queued", "sent", "delivered"]
        .iter()
        .map(|status| delivery(&format!("MessageSid={SID}&MessageStatus={status}")))
        .map(|delivery| delivery.order().unwrap().version())
        .collect();
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    let failed = delivery(&format!("MessageSid={SID}&MessageStatus=failed"));
    assert!(failed.order().is_none());
}

/// `discarding_stale` silently took statuses without an order, and a second call replaced the first.
#[test]
fn a_status_without_a_place_is_refused_when_the_provider_is_built() {
    let twilio = || Twilio::new("token", URL).unwrap();
    for status in ["onMessageAdded", "participant-join", "Delivered", ""] {
        let refused = twilio().discarding_stale(["sent", status]).unwrap_err();
        assert_eq!(refused.event_type(), status);
    }
    let both = twilio().discarding_stale(["sent"]).unwrap().discarding_stale(["read"]).unwrap();
    for status in ["sent", "read"] {
        let request = twilio_of(&format!("MessageSid={SID}&MessageStatus={status}"));
        assert!(received_by(&request, &both).unwrap().order().is_some(), "{status}");
    }
}

#[test]
fn every_status_that_can_be_discarded_has_a_place_in_its_kind() {
    let id = "2de0d6c5d0d64e3a8b3f1d3f3c2b1a09";
    let call = format!("CallSid=CA{id}&CallbackSource=call-progress-events&SequenceNumber=1&CallStatus=");
    let kinds = [
        (
            "message",
            format!("MessageSid=SM{id}&MessageStatus="),
            "accepted queued sending sent delivered read failed",
        ),
        ("call", call, "queued initiated ringing in-progress completed busy no-answer canceled failed"),
        ("recording", format!("RecordingSid=RE{id}&RecordingStatus="), "in-progress completed absent"),
    ];
    for (kind, form, statuses) in kinds {
        let provider = Twilio::new("token", URL).unwrap().discarding_stale(statuses.split(' ')).unwrap();
        for status in statuses.split(' ') {
            let delivery = received_by(&twilio_of(&format!("{form}{status}")), &provider).unwrap();
            let order = delivery.order().unwrap_or_else(|| panic!("{form}{status} has no order"));
            assert_eq!(order.resource().kind(), kind, "{form}{status}");
        }
    }
}

#[test]
fn every_way_to_cut_a_signed_form_is_the_same_delivery_or_refused() {
    let mut all_refused = 0;
    for form in CALLBACKS {
        let (text, genuine) = signed(form);
        let headers = testing::twilio("token", &format!("{URL}{QUERY}"), form.as_bytes());
        let expected =
            received(&cut(&text, &genuine, &headers).expect("it is sorted")).expect("it is genuine");
        let (mut accepted, mut refused) = (0, 0);
        for cuts in ways(&text, &genuine) {
            let Some(request) = cut(&text, &cuts, &headers) else { continue };
            match received(&request) {
                Ok(delivery) => {
                    let same = (delivery.scope(), delivery.key()) == (expected.scope(), expected.key());
                    assert!(same && delivery.order() == expected.order(), "{request:?} is another delivery");
                    accepted += 1;
                }
                Err(RejectionKind::Unauthenticated) => panic!("{request:?} is not what was signed"),
                Err(_) => refused += 1,
            }
        }
        assert!(accepted > 50, "{accepted} accepted and {refused} refused of {form}");
        all_refused += refused;
    }
    assert!(all_refused > 1000, "only {all_refused} refused");
}

/// A form whose text ends like the hash of a body must not become that body, and a hash must not become a form's text.
#[test]
fn a_form_is_never_cut_into_another_body_nor_a_body_into_a_form() {
    let body = r#"{"EventType":"onMessageAdded"}"#;
    let (headers, url) = testing::twilio_json("token", URL, body.as_bytes());
    let json = |headers: HeaderMap, query: &str, body: &str| {
        let mut request = Request::new(headers, body.to_owned(), Duration::ZERO);
        request.uri = format!("/hook?{query}").parse().unwrap();
        received(&request)
    };
    let hash = url.split_once('?').unwrap().1;
    assert!(json(headers.clone(), hash, body).is_ok());
    for (query, body) in [
        ("", format!("%3F{hash}")),
        (&hash[..hash.len() - 1], hash[hash.len() - 1..].to_owned()),
        (&hash.replace('b', "%62")[..], String::new()),
        (&hash.replace('b', "%62")[..], body.to_owned()),
        (hash, String::new()),
        (hash, body.replace("Added", "Removed")),
    ] {
        let refused = json(headers.clone(), query, &body).unwrap_err();
        assert_eq!(refused, RejectionKind::Unauthenticated, "{query} {body}");
    }

    let form = format!("MessageSid={SID}&SmsStatus=received&To=%26{hash}");
    let headers = testing::twilio("token", URL, form.as_bytes());
    let genuine = Request::new(headers, form, Duration::ZERO);
    assert_eq!(received(&genuine).unwrap_err(), RejectionKind::Unauthenticated);
    let query = format!("?MessageSid{SID}SmsStatusreceivedTo&{hash}");
    let headers = testing::twilio("token", &format!("{URL}{query}"), b"");
    assert!(json(headers.clone(), &query[1..], body).is_ok(), "the query is signed as a whole");
    let cut = format!("MessageSid={SID}&SmsStatus=received&To=%26{hash}");
    assert_eq!(json(headers, "", &cut).unwrap_err(), RejectionKind::Unauthenticated);
}
