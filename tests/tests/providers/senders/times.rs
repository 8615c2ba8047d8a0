//! The signed time: its age, and its form.

use std::time::Duration;

use http::HeaderValue;
use idempotency_core::provider::{Provider as _, RejectionKind};

use super::cases::{Case, NOW, cases};

/// The allowed clock skew in seconds, of the senders that sign a time and check it.
const TOLERANCES: [(&str, u64); 48] = [
    ("anthropic", 300),
    ("bigcommerce", 300),
    ("blockfrost", 600),
    ("boldsign", 300),
    ("box", 600),
    ("brex", 300),
    ("buildkite", 300),
    ("calendly", 180),
    ("cloudflare-stream", 300),
    ("dodo-payments", 300),
    ("elevenlabs", 1_800),
    ("finch", 300),
    ("fintoc", 300),
    ("formbricks", 300),
    ("ghost", 300),
    ("gitlab-signed", 300),
    ("hubspot", 300),
    ("imagekit", 300),
    ("incident-io", 300),
    ("increase", 300),
    ("knock", 300),
    ("langfuse", 300),
    ("linear", 60),
    ("lithic", 300),
    ("liveblocks", 300),
    ("lob", 300),
    ("mercury", 300),
    ("mux", 300),
    ("openai", 300),
    ("orb", 300),
    ("outline", 300),
    ("paddle", 5),
    ("persona", 300),
    ("render", 300),
    ("replicate", 300),
    ("retell", 300),
    ("revenuecat-signed", 300),
    ("revolut", 300),
    ("tailscale", 300),
    ("polar", 300),
    ("supabase", 300),
    ("telnyx", 300),
    ("terra", 300),
    ("tiktok", 300),
    ("twitch", 600),
    ("whop", 300),
    ("workos", 180),
    ("zoom", 300),
];

/// The names of the headers that hold the time, and its text at `NOW`.
const TEXTS: [(&str, &str, &str); 51] = [
    ("airwallex", "x-timestamp", "1767225600000"),
    ("anthropic", "webhook-timestamp", "1767225600"),
    ("bigcommerce", "webhook-timestamp", "1767225600"),
    ("blockfrost", "blockfrost-signature", "1767225600"),
    ("boldsign", "x-boldsign-signature", "1767225600"),
    ("box", "box-delivery-timestamp", "2026-01-01T00:00:00Z"),
    ("brex", "webhook-timestamp", "1767225600"),
    ("buildkite", "x-buildkite-signature", "1767225600"),
    ("calendly", "calendly-webhook-signature", "1767225600"),
    ("cashfree", "x-webhook-timestamp", "1767225600000"),
    ("cloudflare-stream", "webhook-signature", "1767225600"),
    ("crisp", "x-crisp-request-timestamp", "1767225600000"),
    ("customer-io", "x-cio-timestamp", "1767225600"),
    ("discord", "x-signature-timestamp", "1767225600"),
    ("elevenlabs", "elevenlabs-signature", "1767225600"),
    ("filestack", "fs-timestamp", "1767225600"),
    ("finch", "finch-timestamp", "1767225600"),
    ("fintoc", "fintoc-signature", "1767225600"),
    ("ghost", "x-ghost-signature", "1767225600000"),
    ("gitlab-signed", "webhook-timestamp", "1767225600"),
    ("hubspot", "x-hubspot-request-timestamp", "1767225600000"),
    ("imagekit", "webhook-timestamp", "1767225600"),
    ("increase", "webhook-timestamp", "1767225600"),
    ("knock", "x-knock-signature", "1767225600000"),
    ("langfuse", "x-langfuse-signature", "1767225600"),
    ("lob", "lob-signature-timestamp", "1767225600000"),
    ("mercury", "mercury-signature", "1767225600"),
    ("mux", "mux-signature", "1767225600"),
    ("openai", "webhook-timestamp", "1767225600"),
    ("orb", "x-orb-timestamp", "2026-01-01T00:00:00"),
    ("outline", "outline-signature", "1767225600000"),
    ("paddle", "paddle-signature", "1767225600"),
    ("persona", "persona-signature", "1767225600"),
    ("polar", "webhook-timestamp", "1767225600"),
    ("retell", "x-retell-signature", "1767225600000"),
    ("revenuecat-signed", "x-revenuecat-webhook-signature", "1767225600"),
    ("revolut", "revolut-request-timestamp", "1767225600000"),
    ("sanity", "sanity-webhook-signature", "1767225600000"),
    ("sendgrid", "x-twilio-email-event-webhook-timestamp", "1767225600"),
    ("sinch", "x-sinch-webhook-signature-timestamp", "1767225600"),
    ("tailscale", "tailscale-webhook-signature", "1767225600"),
    ("shippo", "shippo-auth-signature", "1767225600"),
    ("supabase", "webhook-timestamp", "1767225600"),
    ("telnyx", "telnyx-timestamp", "1767225600"),
    ("terra", "terra-signature", "1767225600"),
    ("tiktok", "tiktok-signature", "1767225600"),
    ("twitch", "twitch-eventsub-message-timestamp", "2026-01-01T00:00:00Z"),
    ("webflow", "x-webflow-timestamp", "1767225600000"),
    ("workos", "workos-signature", "1767225600000"),
    ("zendesk", "x-zendesk-webhook-signature-timestamp", "2026-01-01T00:00:00Z"),
    ("zoom", "x-zm-request-timestamp", "1767225600"),
];

fn tolerance(case: &Case) -> Option<u64> {
    TOLERANCES.iter().find(|(sender, _)| *sender == case.scheme.name()).map(|(_, tolerance)| *tolerance)
}

#[test]
fn a_genuine_signature_is_accepted_up_to_the_tolerance_and_not_beyond_in_both_directions() {
    for case in cases() {
        let tolerance = tolerance(&case);
        let window = Duration::from_secs(tolerance.unwrap_or_default());
        assert_eq!(case.provider().signature_window(), window, "{}", case.scheme.name());
        let edge = tolerance.unwrap_or(1_000_000);
        for (now, is_fresh) in [
            (NOW, true),
            (NOW + Duration::from_secs(edge), true),
            (NOW - Duration::from_secs(edge), true),
            (NOW + Duration::from_secs(edge + 1), tolerance.is_none()),
            (NOW - Duration::from_secs(edge + 1), tolerance.is_none()),
        ] {
            let mut request = case.genuine();
            request.now = now;
            match request.received_by(&case.provider()) {
                Ok(_) => assert!(is_fresh, "{}: accepted at {now:?}", case.scheme.name()),
                Err(rejection) => {
                    assert!(!is_fresh, "{}: refused at {now:?}: {rejection}", case.scheme.name());
                    assert_eq!(rejection.kind(), RejectionKind::Unauthenticated);
                }
            }
        }
    }
}

#[test]
fn an_extreme_time_is_refused_however_well_it_is_signed() {
    for case in cases().iter().filter(|case| tolerance(case).is_some() && case.scheme.name() != "linear") {
        // The last day of the year 9999, which is the largest date here, and the largest number of milliseconds.
        let is_date = ["box", "orb", "twitch"].contains(&case.scheme.name());
        let largest = if is_date { 253_402_207_200 } else { u64::MAX / 1_000 };
        for seconds in [0, 1, 253_402_207_200, largest] {
            let mut request = case.signed(0, case.event, Duration::from_secs(seconds));
            request.now = NOW;
            let refused = request.received_by(&case.provider()).unwrap_err();
            assert_eq!(refused.kind(), RejectionKind::Unauthenticated, "{}: {seconds}", case.scheme.name());
        }
    }
    let linear = cases().into_iter().find(|case| case.scheme.name() == "linear").unwrap();
    for time in [
        "0",
        "18446744073709551615",
        "99999999999999999999",
        "-1",
        "1.5",
        "null",
        "\"\"",
        "{}",
        "\"1767225600000 \"",
    ] {
        let body = format!(r#"{{"type":"Issue","webhookTimestamp":{time}}}"#);
        let refused = linear.signed(0, ("a", &body), NOW).received_by(&linear.provider()).unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::Unauthenticated, "{time}");
    }
}

#[test]
fn a_time_in_another_form_is_refused_without_a_panic() {
    for case in cases() {
        for (_, name, text) in TEXTS.iter().filter(|(sender, ..)| *sender == case.scheme.name()) {
            let request = case.genuine();
            let value = request.headers[*name].to_str().unwrap().to_owned();
            assert!(value.contains(text), "{value}");
            for other in [
                "",
                " ",
                "0",
                "-1",
                "+1767225600",
                "01767225600",
                "1767225600.0",
                "0x69",
                "1e9",
                "99999999999999999999",
                "１",
                "2026-01-01",
                "2026-01-01 00:00:00Z",
                "2026-01-01T00:00:00z",
                "2026-01-01T00:00:00Z[UTC]",
                "-262144-01-01T00:00:00Z",
            ] {
                let mut request = request.clone();
                let value = HeaderValue::from_bytes(value.replace(text, other).as_bytes()).unwrap();
                request.headers.insert(*name, value);
                let refused = request.received_by(&case.provider()).unwrap_err();
                assert_eq!(refused.kind(), RejectionKind::Unauthenticated, "{}: {other}", case.scheme.name());
            }
        }
    }
}

#[test]
fn a_second_time_in_the_signature_header_is_refused() {
    for (sender, separator, item) in [
        ("paddle", ";", "ts"),
        ("workos", ",", "t"),
        ("calendly", ",", "t"),
        ("sanity", ",", "t"),
        ("mux", ",", "t"),
        ("elevenlabs", ",", "t"),
        ("retell", ",", "v"),
        ("blockfrost", ",", "t"),
        ("boldsign", ",", "t"),
        ("buildkite", ",", "timestamp"),
        ("cloudflare-stream", ",", "time"),
        ("fintoc", ",", "t"),
        ("ghost", ",", "t"),
        ("knock", ",", "t"),
        ("langfuse", ",", "t"),
        ("outline", ",", "t"),
        ("persona", ",", "t"),
        ("revenuecat-signed", ",", "t"),
        ("tailscale", ",", "t"),
        ("terra", ",", "t"),
    ] {
        let case = cases().into_iter().find(|case| case.scheme.name() == sender).unwrap();
        let name = case.scheme.signature_header_names()[0];
        let value = case.genuine().headers[name].to_str().unwrap().to_owned();
        for value in [format!("{value}{separator}{item}=1767225600"), format!("{item}={separator}{value}")] {
            let refused = case.genuine().with(name, &value).received_by(&case.provider()).unwrap_err();
            assert_eq!(refused.kind(), RejectionKind::Unauthenticated, "{value}");
        }
    }
}
