//! Which of Twilio's messages are one event: a redelivery has the key of the first delivery, a second occurrence has
//! another one, and no two kinds of message share a key.

use std::collections::HashSet;
use std::time::Duration;

use idempotency_core::provider::{Provider, Received, Rejection, SecretError, SettingError, Twilio};
use idempotency_core::{Delivery, Scope, testing};
use idempotency_tests::vectors::Request;

const URL: &str = "https://example.com/hook";

/// One kind of message: the parameters that all of its callbacks share, those of the first delivery, those of a
/// redelivery, and those of the next occurrence.
struct Kind {
    common: &'static str,
    first: &'static str,
    again: &'static str,
    next: &'static str,
}

const fn kind(common: &'static str, first: &'static str, again: &'static str, next: &'static str) -> Kind {
    Kind { common, first, again, next }
}

/// The parameters follow Twilio's documentation. `#` stands for the digits of a Sid. If nothing marks a redelivery,
/// `again` is `first`.
const KINDS: [Kind; 27] = [
    // Messages: statuses, those of WhatsApp with the parameters of the fallback URL, an incoming message.
    kind(
        "AccountSid=AC#&MessageSid=SM#&SmsSid=SM#&To=%2B1",
        "MessageStatus=sent&SmsStatus=sent",
        "MessageStatus=sent&SmsStatus=sent&RawDlrDoneDate=2402021000",
        "MessageStatus=delivered&SmsStatus=delivered",
    ),
    kind(
        "ChannelPrefix=whatsapp&EventType=READ&MessageStatus=read&SmsStatus=read",
        "MessageSid=MM#&SmsSid=MM#",
        "MessageSid=MM#&SmsSid=MM#&ErrorCode=63049&ErrorUrl=https%3A%2F%2Fexample.com%2Fhook",
        "MessageSid=MM#1&SmsSid=MM#1",
    ),
    kind(
        "Body=stop&From=%2B1&NumMedia=0&SmsStatus=received",
        "MessageSid=SM#2&SmsMessageSid=SM#2&SmsSid=SM#2",
        "MessageSid=SM#2&SmsMessageSid=SM#2&SmsSid=SM#2&ErrorCode=11200&ErrorUrl=https%3A%2F%2Fexample.com",
        "MessageSid=SM#3&SmsMessageSid=SM#3&SmsSid=SM#3",
    ),
    // A click on a shortened link.
    kind("event_type=click&sms_sid=SM#", "click_time=10:00", "click_time=10:00", "click_time=10:01"),
    // Calls: progress, also with the error of an earlier attempt; a request for TwiML; the end of a dial.
    kind(
        "AccountSid=AC#&CallSid=CA#&CallbackSource=call-progress-events&CallStatus=in-progress&ParentCallSid=CA#9",
        "SequenceNumber=1",
        "SequenceNumber=1&ErrorCode=11200",
        "SequenceNumber=2",
    ),
    kind("CallSid=CA#&CallStatus=ringing&Direction=inbound", "", "", "ForwardedFrom=%2B1"),
    kind(
        "CallSid=CA#&CallStatus=in-progress&Digits=1",
        "msg=Gather",
        "msg=Gather",
        "msg=Gather&FinishedOnKey=%23",
    ),
    kind(
        "CallSid=CA#&CallStatus=in-progress&DialCallSid=CA#8",
        "DialCallStatus=busy",
        "DialCallStatus=busy",
        "DialCallStatus=completed",
    ),
    // Progress of speech recognition has its own numbers.
    kind(
        "CallSid=CA#&CallStatus=in-progress&UnstableSpeechResult=hi",
        "SequenceNumber=1",
        "SequenceNumber=1",
        "SequenceNumber=2",
    ),
    // An answering machine.
    kind(
        "CallSid=CA#&MachineDetectionDuration=900",
        "AnsweredBy=human",
        "AnsweredBy=human",
        "AnsweredBy=fax",
    ),
    // Streams, transcriptions, payments and SIPREC of a call.
    kind(
        "CallSid=CA#&StreamSid=MZ#",
        "StreamEvent=stream-started",
        "StreamEvent=stream-started",
        "StreamEvent=stream-stopped",
    ),
    kind(
        "CallSid=CA#&TranscriptionEvent=transcription-content&TranscriptionSid=GT#",
        "SequenceId=2",
        "SequenceId=2",
        "SequenceId=3",
    ),
    kind(
        "CallSid=CA#&PaymentSid=PK#",
        "Required=payment-card-number",
        "Required=payment-card-number",
        "Required=security-code",
    ),
    kind(
        "CallSid=CA#&SiprecSid=SR#",
        "SiprecEvent=siprec-started",
        "SiprecEvent=siprec-started",
        "SiprecEvent=siprec-stopped",
    ),
    // Recordings, and transcriptions of them.
    kind(
        "CallSid=CA#&RecordingSid=RE#",
        "RecordingStatus=in-progress",
        "RecordingStatus=in-progress&RecordingDuration=1",
        "RecordingStatus=completed",
    ),
    kind(
        "CallSid=CA#&RecordingSid=RE#&TranscriptionSid=TR#",
        "TranscriptionStatus=failed",
        "TranscriptionStatus=failed",
        "TranscriptionStatus=completed",
    ),
    // Conferences.
    kind(
        "CallSid=CA#&ConferenceSid=CF#&StatusCallbackEvent=participant-join",
        "SequenceNumber=3&Timestamp=Fri",
        "SequenceNumber=3&Timestamp=Fri",
        "SequenceNumber=5&Timestamp=Sat",
    ),
    // Conversations, before and after the action.
    kind(
        "EventType=onMessageAdded&Body=RetryCount1&ConversationSid=CH#&Source=SDK&DateCreated=2024-02-02T10%3A00%3A00Z",
        "MessageSid=IM#&RetryCount=0",
        "MessageSid=IM#&RetryCount=2",
        "MessageSid=IM#1&RetryCount=0",
    ),
    kind("EventType=onMessageAdd&ConversationSid=CH#&Author=me", "Body=a", "Body=a", "Body=b"),
    kind(
        "EventType=onConversationAdded&FriendlyName=EventTypes&RetryCount=0",
        "ConversationSid=CH#",
        "ConversationSid=CH#",
        "ConversationSid=CH#1",
    ),
    kind(
        "EventType=onParticipantAdded&ConversationSid=CH#&Source=API",
        "ParticipantSid=MB#&RetryCount=0",
        "ParticipantSid=MB#&RetryCount=1",
        "ParticipantSid=MB#1&RetryCount=0",
    ),
    kind(
        "EventType=onUserUpdated&UserSid=US#",
        "DateUpdated=10%3A00&RetryCount=0",
        "DateUpdated=10%3A00&RetryCount=10",
        "DateUpdated=10%3A01&RetryCount=0",
    ),
    kind(
        "EventType=onDeliveryUpdated&ChannelMessageSid=SM#&DeliveryReceiptSid=DY#&MessageSid=IM#",
        "Status=sent&RetryCount=0",
        "Status=sent&RetryCount=1",
        "Status=read&RetryCount=0",
    ),
    // TaskRouter, Video, Studio and the debugger.
    kind(
        "EventType=task.created&ResourceSid=WT#&WorkspaceSid=WS#",
        "TimestampMs=1",
        "TimestampMs=1",
        "TimestampMs=2",
    ),
    kind(
        "RoomSid=RM#&StatusCallbackEvent=participant-connected",
        "SequenceNumber=1",
        "SequenceNumber=1",
        "SequenceNumber=2",
    ),
    kind(
        "RecordingSid=RT#&RoomSid=RM#",
        "StatusCallbackEvent=recording-started",
        "StatusCallbackEvent=recording-started",
        "StatusCallbackEvent=recording-completed",
    ),
    kind("AccountSid=AC#&Level=ERROR&Payload=%7B%7D", "Sid=NO#", "Sid=NO#", "Sid=NO#1"),
];

fn delivery_of(request: &Request) -> Result<Delivery, Rejection> {
    match request.received_by(&Twilio::new("token", URL).expect("a token and a url"))? {
        Received::Delivery(delivery) => {
            let scope = Scope::endpoint("POST /webhooks");
            assert_eq!(delivery.scope(), &scope, "a key that needs more than the endpoint's scope");
            Ok(delivery)
        }
        other => panic!("not a delivery: {other:?}"),
    }
}

/// The key of a form. `#` with a digit stands for the digits of a Sid.
fn key(form: &str) -> String {
    let mut form = form.trim_matches('&').to_owned();
    for digit in ('0'..='9').rev() {
        form = form.replace(&format!("#{digit}"), &digit.to_string().repeat(32));
    }
    let form = form.replace('#', "2de0d6c5d0d64e3a8b3f1d3f3c2b1a09");
    let headers = testing::twilio("token", URL, form.as_bytes());
    let delivery = delivery_of(&Request::new(headers, form.clone(), Duration::ZERO));
    delivery.unwrap_or_else(|refused| panic!("{form}: {refused}")).key().as_str().to_owned()
}

fn json_key(query: &str, body: &str) -> String {
    let (headers, url) = testing::twilio_json("token", &format!("{URL}{query}"), body.as_bytes());
    let mut request = Request::new(headers, body.to_owned(), Duration::ZERO);
    request.uri = url["https://example.com".len()..].parse().expect("a path");
    delivery_of(&request).expect("it is genuine").key().as_str().to_owned()
}

/// Callbacks with a `CallSid` and no `CallStatus` all had the Sid as their key, so only one of them ran. Events with an
/// `EventType` had the attempt number in their key, so each attempt ran. Callbacks without a known Sid were refused.
#[test]
fn a_redelivery_has_the_key_of_the_first_and_a_second_occurrence_another_one() {
    let mut keys = HashSet::new();
    for Kind { common, first, again, next } in KINDS {
        let [first, again, next] = [first, again, next].map(|form| key(&format!("{common}&{form}")));
        assert_eq!(first, again, "{common}");
        for key in [first, next] {
            assert!(keys.insert(key.clone()), "{key} is the key of something else as well: {common}");
        }
    }
}

/// With an `EventType`, the key contained `RetryCount`, and also `ErrorCode`, which only the fallback URL gets.
#[test]
fn parameters_that_twilio_changes_between_attempts_are_no_part_of_the_key() {
    let message = |attempt: u8| {
        key(&format!("EventType=onMessageAdded&MessageSid=IM#&RetryCount={attempt}&Source=WHATSAPP"))
    };
    assert_eq!([message(0), message(1)], [message(1), message(2)]);
    let read = "EventType=READ&MessageSid=SM#&MessageStatus=read&SmsSid=SM#&SmsStatus=read";
    let fallback = "ErrorCode=11200&ErrorUrl=https%3A%2F%2Fexample.com";
    assert_eq!(key(read), key(&format!("{read}&{fallback}")));
}

#[test]
fn callbacks_of_one_call_with_different_content_are_different_events() {
    let forms = ["StreamEvent=stream-started", "TranscriptionEvent=transcription-started", "PaymentSid=PK#"];
    let forms = forms.into_iter().chain(["SequenceNumber=1", "SequenceNumber=2", "CallStatus=ringing", ""]);
    let keys: Vec<_> = forms.map(|form| key(&format!("CallSid=CA#&{form}"))).collect();
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len(), "{keys:?}");
    assert!(!keys.contains(&"CA2de0d6c5d0d64e3a8b3f1d3f3c2b1a09".to_owned()), "{keys:?}");
}

#[test]
fn a_digit_that_is_no_attempt_number_distinguishes_two_events() {
    let spoken = |text: &str| key(&format!("CallSid=CA#&CallStatus=in-progress&SpeechResult={text}"));
    assert_ne!(spoken("RetryCount1"), spoken("RetryCount2"));
    let written =
        |text: &str| key(&format!("Body={text}&EventType=onMessageUpdated&MessageSid=IM#&RetryCount=0"));
    assert_ne!(written("RetryCount1"), written("RetryCount2"));
}

/// A user's text that spelled a parameter, or started with the name of one, was 400.
#[test]
fn a_users_text_that_spells_parameters_is_still_delivered() {
    let sids = "MessageSid=SM#&SmsMessageSid=SM#&SmsSid=SM#&SmsStatus=received";
    for text in [
        "EventTypes",
        "MessageStatusread",
        "MessageSidSM00000000000000000000000000000000",
        "MessageSidSM00000000000000000000000000000000MessageStatusread",
        "CallSidCA00000000000000000000000000000000CallStatuscompleted",
        "RecordingSidRE00000000000000000000000000000000RecordingStatuscompleted",
    ] {
        let first = key(&format!("Body={text}&{sids}"));
        assert_ne!(first, key(&format!("Body={text}&{}", sids.replace('#', "#4"))), "{text}");
        for (sid, status) in
            [("SM00000000000000000000000000000000", "read"), ("CA", "completed"), ("RE", "completed")]
        {
            assert!(!(first.starts_with(sid) && first.ends_with(status)), "{text}: {first}");
        }
    }
}

/// A status in JSON was not read, so two statuses of one Sid had one key.
#[test]
fn the_key_of_a_body_that_is_not_a_form_is_its_signed_hash() {
    let call = |status: &str| {
        format!(r#"{{"CallSid":"CA2de0d6c5d0d64e3a8b3f1d3f3c2b1a09","CallStatus":"{status}"}}"#)
    };
    assert_ne!(json_key("", &call("ringing")), json_key("", &call("completed")));
    assert_eq!(json_key("", &call("ringing")), json_key("?tenant=42", &call("ringing")));
    let receipt = |status: &str| {
        format!(r#"{{"EventType":"onDeliveryUpdated","MessageSid":"IM2d","Status":"{status}"}}"#)
    };
    assert_ne!(json_key("", &receipt("sent")), json_key("", &receipt("read")));
    // Event streams send lists. Bodies that are not JSON have a key as well.
    let keys = [r#"[{"id":"EZ1"}]"#, r#"[{"id":"EZ2"}]"#, "<Response/>", "{}"].map(|body| json_key("", body));
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), 4, "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("body:") && key.len() == 69), "{keys:?}");
}

/// The wait was 5 s, which is the whole timeout of Conversations and event streams.
#[test]
fn a_duplicate_waits_less_than_twilios_shortest_timeout() {
    let policy = Twilio::new("token", URL).unwrap().policy();
    let shortest = Duration::from_secs(5);
    assert!(policy.wait() + policy.store_timeout() * 2 < shortest, "{policy:?}");
}

/// A Sid, which the console shows next to the auth token, was accepted as one, and every callback was 401.
#[test]
fn a_sid_is_no_auth_token() {
    let digits = "2de0d6c5d0d64e3a8b3f1d3f3c2b1a09";
    for sid in [format!("AC{digits}"), format!(" SK{digits}\n")] {
        let refused = Twilio::new("token", URL).unwrap().with_secret(&sid).unwrap_err();
        assert_eq!(Twilio::new(&sid, URL).unwrap_err(), SettingError::Secret(refused.clone()));
        assert!(matches!(refused, SecretError::Malformed(_)), "{refused:?}");
        assert_eq!(refused.to_string(), "the secret is not an auth token: it is a sid");
    }
    assert!(Twilio::new(digits, URL).is_ok());
}
