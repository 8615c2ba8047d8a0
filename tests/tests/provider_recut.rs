//! Twilio signs without separators: no other way to cut a captured request is another delivery.

use std::time::Duration;

use http::{HeaderMap, Uri};
use idempotency_core::provider::{Received, RejectionKind, Twilio};
use idempotency_core::{Delivery, testing};
use idempotency_tests::vectors::Request;

const URL: &str = "https://example.com/hook";
const QUERY: &str = "?tenant=42";
const CALLBACKS: [&str; 4] = [
    // A status of a message.
    "AccountSid=AC5ef8732a3c49700934481addd5ce1659&From=14158675309&MessageSid=SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09\
     &MessageStatus=delivered&SmsSid=SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&SmsStatus=delivered&To=18005551212",
    // One of a call that another call made.
    "ApiVersion=2010&CallSid=CA2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&CallStatus=completed&Direction=outbound\
     &ParentCallSid=CA00000000000000000000000000000000&SequenceNumber=12&Timestamp=Fri",
    // A message in a conversation.
    "Author=me&ConversationSid=CHabababababababababababababababab&DateCreated=2024-02-02T10:00:00.000Z\
     &DateUpdated=2024-02-02T10:00:00.000Z&EventType=onMessageUpdated&Index=3\
     &MessageSid=IM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&Source=API",
    // One whose status is not known.
    "CallSid=CA2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&ConferenceSid=CF2de0d6c5d0d64e3a8b3f1d3f3c2b1a09\
     &FriendlyName=Room&StatusCallbackEvent=participant-join&Timestamp=Fri",
];

/// What was signed after the path, and where in it the parts of the genuine request begin: the query, then names and
/// values in turn, then the end.
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

/// The request that has the signed text cut at these places; `None` where its parameters would be signed in another
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
    request.uri = format!("/hook{}", &text[..cuts[0]]).parse::<Uri>().expect("the text has nothing else");
    Some(request)
}

fn received(request: &Request) -> Result<Delivery, RejectionKind> {
    match request.received_by(&provider()) {
        Ok(Received::Delivery(delivery)) => Ok(delivery),
        Ok(other) => panic!("not a delivery: {other:?}"),
        Err(rejection) => Err(rejection.kind()),
    }
}

fn provider() -> Twilio {
    let statuses = ["delivered", "completed"];
    Twilio::new("token", URL).expect("the token is not blank").discarding_stale(statuses)
}

/// Every way to cut the text that this test tries: without any of the genuine cuts, with any one of them elsewhere, and
/// with any further one.
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

#[test]
fn every_way_to_cut_a_signed_form_is_the_same_delivery_or_refused() {
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
                    let same = delivery.key().digest() == expected.key().digest();
                    assert!(same && delivery.order() == expected.order(), "{request:?} is another delivery");
                    accepted += 1;
                }
                Err(RejectionKind::Unauthenticated) => panic!("{request:?} is not what was signed"),
                Err(_) => refused += 1,
            }
        }
        assert!(accepted > 100 && refused > 100, "{accepted} accepted and {refused} refused of {form}");
    }
}
