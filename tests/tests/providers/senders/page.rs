//! The page of the catalogue is made from the schemes.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use idempotency_core::provider::{Fact, Handshake, Scheme, senders};

const HEAD: &str = "\
# Senders

Each sender is a constant of `provider::senders`, a [`Scheme`][providers/scheme]. It makes a provider with a secret:
`senders::PADDLE.with_secret(secret)?`. Appwrite, HubSpot, Square and Trello sign the endpoint's URL:
`senders::SQUARE.with_url(url).with_secret(secret)?`. Discord, SendGrid and Telnyx sign with a private key: the secret is their public key, as
their console shows it.

Clerk, Resend and other senders that use Svix are read by [`StandardWebhooks::svix`][providers/standard-webhooks].

Where the key is *in each of* a list, a request holds several events. The provider returns a
[batch][providers/custom#several-events-in-one-request], even of one event: the handler takes `IdempotentBatch`. No other
sender here puts several events into one request.

*Order* is the resource that an event is about, and its version. It has an effect only for the types that
`discarding_stale` names: see [order][providers/scheme#order].

To change a setting, call it as in a scheme of your own: `senders::LINEAR.tolerance(Duration::from_secs(8 * 3600))`.

This page is made from the schemes by a test. The last column of the first table says how well signature and key are known, and
the same words follow each duration. *Confirmed*: in the sender's documentation or code. *Reported*: only by third parties.
*Not confirmed*: we found no source. Before you use a scheme that is not confirmed, verify a real delivery with it.

";

const NOTES: &str = "
**Key signed: no** means that an attacker can replay a captured request under a new id, and it runs again: the signature does not
cover the id, so both requests look genuine. The record also keeps a digest of the body, so the same id with another body is
answered 422. Where nothing is signed, an attacker can also send any content. Where the body is signed,
[the content as the key][providers/content-key] stops such a replay, and takes two events with equal bodies for one. Do not use it
for a sender whose body changes on a retry, such as Linear: each retry would run again.

A type is read from the body only. These senders name it in a header that is not signed, so their events have no type:
Appwrite, Bitbucket Cloud, Discourse, Gitea, Gogs, Help Scout, Sanity, Sentry, Snyk and WooCommerce. Do not trust that header to tell a harmless event from another one.

The signature of Zendesk covers the time and the body, and no parameter of the URL. A trigger without a body therefore
proves nothing about its parameters: let it send JSON, and read nothing from the URL.

*Waits for* is how long the sender waits for an answer, and *Retries for* is how long it retries. The retention is at least
twice the time of the retries. A dash means that none is known.

";

const LINKS: &str = "
[providers/content-key]: content-key.md
[providers/custom#several-events-in-one-request]: custom.md#several-events-in-one-request
[providers/scheme]: scheme.md
[providers/scheme#order]: scheme.md#order
[providers/standard-webhooks]: standard-webhooks.md
";

fn constant(scheme: &Scheme) -> String {
    match scheme.name() {
        "lemonsqueezy" => "LEMON_SQUEEZY".to_owned(),
        name => name.to_uppercase().replace('-', "_"),
    }
}

fn span(duration: Duration) -> String {
    let (value, unit) = match duration.as_secs() {
        0 => return "never".to_owned(),
        seconds if seconds % 86_400 == 0 => (seconds / 86_400, "day"),
        seconds if seconds % 3_600 == 0 => (seconds / 3_600, "hour"),
        seconds if seconds % 60 == 0 => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    };
    format!("{value} {unit}{}", if value == 1 { "" } else { "s" })
}

fn fact(fact: Option<Fact<Duration>>) -> String {
    fact.map_or_else(|| "–".to_owned(), |fact| format!("{} ({})", span(fact.value), fact.certainty))
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| Sender | Constant | Key | Key signed | Order | Signed time | Retention | Waits for | Retries for | Scheme |\n");
    page.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for scheme in senders::ALL {
        let facts = scheme.facts();
        let signed = match (scheme.proof().is_signature(), scheme.is_key_signed()) {
            (false, _) => "**nothing is signed**",
            (true, true) => "yes",
            (true, false) if scheme.name() == "zendesk" => "the event's id: yes; the header: **no**",
            (true, false) => "**no**",
        };
        let window = scheme.signature_window();
        let age = match (window.is_zero(), scheme.signed_text().contains("{timestamp}")) {
            (true, true) => "any age".to_owned(),
            (true, false) => "none".to_owned(),
            (false, _) => span(window),
        };
        let order = scheme.order().map(|(resource, version)| format!("{resource}, by {version}"));
        let order = order.unwrap_or_else(|| "–".to_owned());
        let events = scheme.events().map(|path| format!("in each of `{path}`: ")).unwrap_or_default();
        writeln!(
            page,
            "| {} | `{}` | {events}{} | {signed} | {order} | {age} | {} | {} | {} | {} |",
            facts.title,
            constant(scheme),
            scheme.key().unwrap(),
            span(scheme.policy().retention()),
            fact(facts.patience),
            fact(facts.retry_horizon),
            facts.certainty,
        )
        .unwrap();
    }
    page.push_str(NOTES);
    page.push_str("| Sender | Proof | Header | Signed text | Handshake | Notes | Source |\n");
    page.push_str("|---|---|---|---|---|---|---|\n");
    for scheme in senders::ALL {
        let facts = scheme.facts();
        let text = match scheme.proof().is_signature() {
            true => format!("`{}`", scheme.signed_text().replace('|', r"\|").replace('\n', r"\n")),
            false => "–".to_owned(),
        };
        let encoding = match scheme.proof().is_signature() {
            true => format!(" in {}", scheme.encoding()),
            false => String::new(),
        };
        let headers = match scheme.signature_header_names() {
            [one] => format!("`{one}`"),
            [first, second] => format!("`{first}`, `{second}`"),
            [first, .., last] => format!("`{first}` to `{last}`"),
            [] => unreachable!("a scheme has a header"),
        };
        let handshake = match scheme.handshake_kind() {
            Handshake::None => "–".to_owned(),
            handshake => handshake.to_string(),
        };
        let no_4xx = match facts.retries_4xx {
            Some(fact) if !fact.value => format!("A 4xx answer is not retried ({}).", fact.certainty),
            _ => String::new(),
        };
        let to_know = [no_4xx.as_str(), facts.note].join(" ");
        let to_know = if to_know.trim().is_empty() { "–" } else { to_know.trim() };
        let source = if facts.source.is_empty() { "–".to_owned() } else { format!("<{}>", facts.source) };
        writeln!(
            page,
            "| {} | {}{encoding} | {headers} | {text} | {handshake} | {to_know} | {source} |",
            facts.title,
            scheme.proof(),
        )
        .unwrap();
    }
    page.push_str(LINKS);
    page
}

/// `WRITE_PAGES=1 cargo test -p idempotency-tests --test providers page` writes the page.
#[test]
fn the_page_of_the_catalogue_is_what_the_schemes_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../idempotency-core/docs/providers/catalogue.md");
    let page = page();
    if std::env::var_os("WRITE_PAGES").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == page, "{} is out of date: run this test with WRITE_PAGES=1", path.display());
}
