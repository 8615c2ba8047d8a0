//! The order that a scheme says where to find.

use idempotency_core::Order;
use idempotency_core::provider::{
    Place, RejectionKind, Scheme, SchemeError, SchemeProvider, TimeUnit, VersionForm, senders,
};
use idempotency_tests::vectors::load;

use super::cases::NOW;
use super::requests::{SECRET, answers, provider, signed};
use super::{deliveries, delivery};

const RFC3339: VersionForm = VersionForm::Time(TimeUnit::Rfc3339);

const PLAIN: Scheme = Scheme::hmac_sha256("acme")
    .signature_header("x-sig")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"));

const ACME: Scheme = PLAIN.ordered_by(Place::Json("/thing"), Place::Json("/version"), VersionForm::Number);

fn discarding(scheme: &Scheme, types: &[&str]) -> SchemeProvider {
    provider(scheme).discarding_stale(types.iter().copied()).unwrap()
}

fn event(id: u8, thing: &str, version: &str) -> String {
    format!(r#"{{"id":{id},"type":"thing.updated","thing":"{thing}","version":{version}}}"#)
}

/// The resource's name and the version of an event, or why it has none.
fn order(scheme: &Scheme, body: &str) -> Result<(String, u64), Option<&'static str>> {
    let delivery = delivery(&signed(scheme, "", body), &discarding(scheme, &["thing.updated"]));
    let of = |order: &Order| (order.resource().name().to_owned(), order.version().get());
    delivery.order().map(of).ok_or_else(|| delivery.unordered())
}

#[tokio::test]
async fn an_event_that_is_older_than_the_newest_completed_one_does_not_run() {
    let requests = [
        event(1, "a", "7"),
        event(2, "a", "6"),
        event(3, "a", "7"),
        event(4, "b", "6"),
        event(5, "a", "\"10\""),
        event(6, "a", "9"),
        event(7, "a", "9").replace("updated", "paid"),
        event(8, "a", "null"),
    ];
    let requests = requests.iter().map(|body| signed(&ACME, "", body)).collect();
    let answers = answers(discarding(&ACME, &["thing.updated"]), requests).await;
    let (ran, stale) = ("200 executed", "200 stale");
    assert_eq!(answers, [ran, stale, ran, ran, ran, stale, ran, ran]);
}

#[tokio::test]
async fn nothing_is_discarded_unless_its_type_is_named() {
    let requests = || [event(1, "a", "7"), event(2, "a", "6")].map(|body| signed(&ACME, "", &body)).to_vec();
    for acme in [provider(&ACME), discarding(&ACME, &["thing.deleted"])] {
        assert_eq!(answers(acme, requests()).await, ["200 executed", "200 executed"]);
    }
}

#[test]
fn a_version_has_one_form() {
    let named = |version| Ok(("a".to_owned(), version));
    for (version, number) in [("0", 0), ("7", 7), ("\"7\"", 7), ("18446744073709551615", u64::MAX)] {
        assert_eq!(order(&ACME, &event(1, "a", version)), named(number), "{version}");
    }
    let no_version = Err(Some("the body lacks the object's name or its version"));
    for version in
        ["null", "-1", "1.5", "1e3", "\"\"", "\"7 \"", "\"v7\"", "true", "[7]", "18446744073709551616"]
    {
        assert_eq!(order(&ACME, &event(1, "a", version)), no_version, "{version}");
    }
    assert_eq!(order(&ACME, &event(1, "", "7")), no_version);
    let date = PLAIN.ordered_by(Place::Json("/thing"), Place::Json("/version"), RFC3339);
    for (version, micros) in
        [("1970-01-01T00:00:01.5Z", 1_500_000), ("2025-12-31T19:00:00.000001-05:00", 1_767_225_600_000_001)]
    {
        assert_eq!(order(&date, &event(1, "a", &format!("\"{version}\""))), named(micros), "{version}");
    }
    for version in ["7", "\"2025-12-31\"", "\"2025-12-31 00:00:00Z\"", "\"2025-12-31T00:00:00\"", "\"\""] {
        assert_eq!(order(&date, &event(1, "a", version)), no_version, "{version}");
    }
    let millis = PLAIN.ordered_by(
        Place::Json("/thing"),
        Place::Json("/version"),
        VersionForm::Time(TimeUnit::Milliseconds),
    );
    assert_eq!(order(&millis, &event(1, "a", "1767225600123")), named(1_767_225_600_123_000));
}

/// As a mark, it would discard every later event.
#[test]
fn a_time_in_the_future_is_no_version() {
    let seconds = PLAIN.ordered_by(
        Place::Json("/thing"),
        Place::Json("/version"),
        VersionForm::Time(TimeUnit::Seconds),
    );
    for (ahead, is_ordered) in [(300, true), (301, false), (1_000_000_000, false)] {
        let version = (NOW.as_secs() + ahead).to_string();
        let found = order(&seconds, &event(1, "a", &version));
        assert_eq!(found.is_ok(), is_ordered, "{found:?}");
        assert!(is_ordered || found == Err(Some("the version is in the future")));
    }
}

#[test]
fn a_repeated_version_is_refused_if_it_is_read() {
    let body = r#"{"id":1,"type":"thing.updated","thing":"a","version":1,"version":2}"#;
    let request = signed(&ACME, "", body);
    let refused = request.received_by(&discarding(&ACME, &["thing.updated"])).unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::Malformed);
    assert!(request.received_by(&provider(&ACME)).is_ok());
}

#[test]
fn each_event_of_a_request_has_its_own_order() {
    let scheme = ACME.events_in("/events/*");
    let events = [event(1, "a", "7"), event(2, "b", "3"), event(3, "a", "8")];
    let body = format!(r#"{{"thing":"x","version":99,"events":[{}]}}"#, events.join(","));
    let provider = discarding(&scheme, &["thing.updated"]);
    let deliveries = deliveries(&signed(&scheme, "", &body), &provider);
    let orders: Vec<_> = deliveries.iter().filter_map(|delivery| delivery.order()).collect();
    let versions: Vec<_> = orders.iter().map(|order| order.version().get()).collect();
    assert_eq!(versions, [7, 3, 8]);
    assert_eq!(orders[0].resource(), orders[2].resource());
    assert_ne!(orders[0].resource(), orders[1].resource());
}

#[test]
fn resources_of_two_accounts_are_two() {
    let scheme = ACME.account_in(Place::Json("/account"));
    let [a, b] = ["x", "y"].map(|account| {
        let body = event(1, "a", "7").replace("\"id\"", &format!(r#""account":"{account}","id""#));
        delivery(&signed(&scheme, "", &body), &discarding(&scheme, &["thing.updated"]))
    });
    assert_ne!(a.order().unwrap().resource(), b.order().unwrap().resource());
}

#[test]
fn the_recorded_events_have_the_order_of_their_sender() {
    for (scheme, event_type, resource, version) in [
        (senders::BOX, "FILE.UPLOADED", "file;73835521473", 0),
        (senders::PADDLE, "subscription.created", "sub_01hv8x29kz0t586xy6zn1a62ny", 1_712_950_498_500_123),
        (
            senders::LINEAR,
            "Issue;update",
            "Issue;539068e2-ae88-4d09-bd75-22eb4a59612f",
            1_699_999_999_414_000,
        ),
        (senders::PAGERDUTY, "incident.priority_updated", "incident;PGR0VU2", 1_619_458_587_458_000),
        (
            senders::WORKOS,
            "dsync.user.created",
            "directory_user;directory_user_01FAEAJCR3ZBZ30D8BD1924TVG",
            1_624_648_053_155_000,
        ),
    ] {
        let vectors = load(scheme.name());
        let vector = vectors.iter().find(|vector| vector.name == "valid-1").unwrap();
        let provider = scheme.clone().with_secret(&vector.secret).unwrap();
        let provider = provider.discarding_stale([event_type]).unwrap();
        let delivery = delivery(&vector.request(), &provider);
        let order = delivery.order().unwrap_or_else(|| panic!("{}: {delivery:?}", scheme.name()));
        assert_eq!(
            (order.resource().name(), order.version().get()),
            (resource, version),
            "{}",
            scheme.name()
        );
    }
    // The test above names every sender with an order.
    assert_eq!(senders::ALL.iter().filter(|scheme| scheme.order().is_some()).count(), 5);
}

/// Linear's `type` is the kind of the resource, and its `action` what happened to it.
#[test]
fn a_late_create_of_linear_is_not_dropped_with_the_updates() {
    let provider = discarding(&senders::LINEAR, &["Issue;update"]);
    for (action, has_order) in [("update", true), ("create", false), ("remove", false)] {
        let body = format!(
            r#"{{"action":"{action}","type":"Issue","data":{{"id":"1","updatedAt":"2025-12-31T00:00:00Z"}},"webhookTimestamp":1767225600000}}"#
        );
        let delivery = delivery(&signed(&senders::LINEAR, "1", &body), &provider);
        assert_eq!(delivery.attributes().event_type(), Some(&*format!("Issue;{action}")));
        assert_eq!(delivery.order().is_some(), has_order, "{action}");
    }
}

#[test]
fn types_without_an_order_are_refused() {
    let refused = provider(&PLAIN).discarding_stale(["thing.updated"]).unwrap_err();
    assert_eq!(refused.event_type(), "thing.updated");
    for types in [["thing.*", "a"], ["", "a"]] {
        assert!(provider(&ACME).discarding_stale(types).is_err(), "{types:?}");
    }
    assert!(discarding(&ACME, &["a"]).discarding_stale(["a"]).is_err());
}

#[test]
fn an_order_that_could_be_forged_or_is_none_is_refused_when_the_provider_is_made() {
    let (thing, version) = (Place::Json("/thing"), Place::Json("/version"));
    let number = VersionForm::Number;
    let token = Scheme::token("acme").signature_header("x-token").key_in(Place::Json("/id"));
    let forged = [
        PLAIN.ordered_by(thing, Place::Header("x-version"), number),
        PLAIN.ordered_by(Place::Header("x-thing"), version, number),
        PLAIN.type_in(Place::Header("x-type")).ordered_by(thing, version, number),
        token.type_in(Place::Json("/type")).ordered_by(thing, version, number),
    ];
    for scheme in forged {
        let refused = scheme.with_secret(SECRET).unwrap_err();
        assert!(refused.to_string().contains("is not signed"), "{refused}");
    }
    let none = [
        PLAIN.ordered_by(thing, Place::Digest, number),
        PLAIN.ordered_by(thing, Place::Joined(&[Place::Json("/a"), Place::Json("/b")]), number),
    ];
    for scheme in none {
        let refused = scheme.with_secret(SECRET).unwrap_err();
        assert!(refused.to_string().contains("is no version"), "{refused}");
    }
    let untyped = Scheme::hmac_sha256("acme").signature_header("x-sig").key_in(Place::Json("/id"));
    let refused = untyped.ordered_by(thing, version, number).with_secret(SECRET).unwrap_err();
    assert!(matches!(refused, SchemeError::Setting(_)), "{refused}");
}
