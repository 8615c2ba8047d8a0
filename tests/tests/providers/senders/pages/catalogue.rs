//! The page of the catalogue is made from the schemes.

use std::fmt::Write as _;

use idempotency_core::provider::{Facts, Handshake, senders};

use super::of_scheme::of_event;
use super::{check_file, coded, constant, fact, facts, span};

const HEAD: &str = "\
# Senders

Most senders are constants of `provider::senders`. Each constant is a [`Scheme`][providers/scheme], and makes a provider with a secret:
`senders::PADDLE.with_secret(secret)?`. Appwrite, HubSpot, Square and Trello sign the endpoint's URL:
`senders::SQUARE.with_url(url).with_secret(secret)?`. Discord, SendGrid and Telnyx sign with a private key: the secret is their public key, as
their console shows it.

A sender's name, in paths, secrets and logs, is its constant in lower case with hyphens: `GITLAB_SIGNED` is `gitlab-signed`. If a type has
several parts, they are joined by `;`, such as `payments;confirmed` of GoCardless. `context.event_type()` returns that text, and
`discarding_stale` takes it.

The last senders of each table have a provider of their own in `provider`, because data is not enough for them:
`Mailgun::new(secret)?`.

Clerk, Resend and other senders that use Svix are read by [`StandardWebhooks::svix`][providers/standard-webhooks].

Where the key is *in each of* a list, a request holds several events. The provider returns a
[batch][providers/custom#several-events-in-one-request], even of one event: the handler takes `IdempotentBatch`. `CloudEvents`
does so only after `with_batches`. A request of X may list several events, and an aggregated message of DocuSign may merge some: each
is one delivery.

*Order* is the resource that an event is about, and its version. It has an effect only for the types that
`discarding_stale` names: see [order][providers/scheme#order].

A sender's name links to its page, which has an example. The page has the provider's name: `AwsSns` is `aws-sns`.

To change a setting, call it as in a scheme of your own: `senders::LINEAR.tolerance(Duration::from_secs(8 * 3600))`.

This page is made from the schemes and the other providers by a test. The last column of the first table says how well signature and key are known, and
the same words follow each duration. *Confirmed*: in the sender's documentation or code. *Reported*: only by third parties.
*Not confirmed*: we found no source. Before you use a scheme that is not confirmed, verify a real delivery with it.

";

const NOTES: &str = "
**Key signed: no** means that an attacker can replay a captured request under a new id, and it runs again: the signature does not
cover the id, so both requests look genuine. The record also keeps a digest of the body, so the same id with another body is
answered 422, unless the key contains the body's digest. Where nothing is signed, an attacker can also send any content. Where the body is signed,
[the content as the key][providers/content-key] stops such a replay, and takes two events with equal bodies for one. Do not use it
for a sender whose body changes on a retry, such as Linear: each retry would run again.

A scheme reads the type from the body only. These senders name it only in a header that is not signed, so their events have no type:
Appwrite, Bitbucket Cloud, Commerce Layer, Discourse, Gitea, Gogs, Help Scout, Sanity, Sentry, Snyk and WooCommerce. Do not use that header to tell
harmless events from others. `Contentful` reads its type from a header, if that header is signed. `CloudEvents` in the binary mode reads
it from `ce-type`, and nothing there is signed.

The signature of Zendesk covers the time and the body, and no parameter of the URL. A trigger without a body therefore
proves nothing about its parameters: let it send JSON, and read nothing from the URL.

A sender without a key sends nothing that tells a retry from the next event. Each verified request reaches the handler, which must
be safe to run twice.

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

/// The notes and the source.
fn end(facts: &Facts) -> String {
    let no_4xx = match facts.retries_4xx {
        Some(fact) if !fact.value => format!("A 4xx answer is not retried ({}).", fact.certainty),
        _ => String::new(),
    };
    let answers = facts::answers(facts);
    let mut to_know = vec![no_4xx.as_str(), &answers, facts.setup, facts.note];
    to_know.retain(|text| !text.is_empty());
    let to_know = if to_know.is_empty() { "–".to_owned() } else { to_know.join(" ").replace('|', r"\|") };
    let source = if facts.source.is_empty() { "–".to_owned() } else { format!("<{}>", facts.source) };
    format!("{to_know} | {source}")
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| Sender | Constant | Key | Key signed | Order | Signed time | Retention | Waits for | Retries for | Scheme |\n");
    page.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for scheme in senders::ALL {
        let facts = scheme.facts();
        let signed = match (scheme.proof().is_signature(), scheme.is_key_signed()) {
            (true, false) if scheme.is_keyless() => "the body is",
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
            "| [{}][providers/senders/{}] | `{}` | {events}{} | {signed} | {order} | {age} | {} | {} | {} | {} |",
            facts.title,
            scheme.name(),
            constant(scheme),
            scheme
                .key()
                .map_or_else(|| "**none: nothing is deduplicated**".to_owned(), |key| of_event(scheme, key.to_string())),
            span(scheme.policy().retention()),
            fact(facts.patience, "–"),
            fact(facts.retry_horizon, "–"),
            facts.certainty,
        )
        .unwrap();
    }
    for row in coded::rows() {
        let facts = row.facts;
        writeln!(
            page,
            "| [{}][providers/senders/{}] | `{}` | {} | {} | – | {} | {} | {} | {} | {} |",
            facts.title,
            row.name,
            row.provider,
            row.key,
            row.is_signed,
            row.age,
            span((row.made)().policy().retention()),
            fact(facts.patience, "–"),
            fact(facts.retry_horizon, "–"),
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
        let end = end(&facts);
        writeln!(
            page,
            "| {} | {}{encoding} | {headers} | {text} | {handshake} | {end} |",
            facts.title,
            scheme.proof(),
        )
        .unwrap();
    }
    for row in coded::rows() {
        let (title, end) = (row.facts.title, end(&row.facts));
        writeln!(
            page,
            "| {title} | {} | {} | {} | {} | {end} |",
            row.proof,
            row.place,
            row.text,
            row.handshake.unwrap_or("–")
        )
        .unwrap();
    }
    page.push_str(LINKS);
    for (name, _) in super::pages() {
        writeln!(page, "[providers/senders/{name}]: senders/{name}.md").unwrap();
    }
    page
}

/// `WRITE_PAGES=1 cargo test -p idempotency-tests --test providers page` writes the page.
#[test]
fn the_page_of_the_catalogue_is_what_the_schemes_say() {
    check_file("docs/providers/catalogue.md", &page());
}
