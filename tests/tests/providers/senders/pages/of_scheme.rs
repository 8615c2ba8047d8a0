//! The page of a sender whose provider is a scheme.

use idempotency_core::provider::{Handshake, Place, Proof, Scheme, senders};

use super::facts::{self, Again, row};
use super::{constant, core_file, module, span};

fn headers(scheme: &Scheme) -> String {
    match scheme.signature_header_names() {
        [] => unreachable!("a scheme has a header"),
        [one] => format!("header `{one}`"),
        [first, second] => format!("headers `{first}` and `{second}`"),
        [first, .., last] => format!("headers `{first}` to `{last}`"),
    }
}

/// In a batch, the digest is that of an event.
pub(super) fn of_event(scheme: &Scheme, key: String) -> String {
    if scheme.events().is_some() { key.replace("SHA-256 of the body", "SHA-256 of the event") } else { key }
}

fn is_time_signed(scheme: &Scheme) -> bool {
    !scheme.signature_window().is_zero() || scheme.signed_text().contains("{timestamp}")
}

fn table(scheme: &Scheme) -> String {
    let facts = scheme.facts();
    let is_signature = scheme.proof().is_signature();
    let mut page = "| | |\n|---|---|\n".to_owned();
    let key = scheme.key().map(|key| key.to_string());
    let key = key.unwrap_or_else(|| "**none: nothing is deduplicated**".to_owned());
    let of_each =
        if scheme.events().is_some() && key != "SHA-256 of the body" { ", of each event" } else { "" };
    row(&mut page, "Key", &format!("{}{of_each}", of_event(scheme, key)));
    let covered = match (is_signature, scheme.is_key_signed()) {
        _ if scheme.is_keyless() => "",
        (false, _) => "**nothing is signed**",
        (true, true) => "yes",
        (true, false) if is_first_of(scheme) => "in the body yes, in a header **no**",
        (true, false) => "**no**",
    };
    row(&mut page, "Covered by the signature", covered);
    let proof = match is_signature {
        true => format!(
            "{} of `{}` in {}, in the {}",
            scheme.proof(),
            scheme.signed_text().replace('|', r"\|").replace('\n', r"\n"),
            scheme.encoding(),
            headers(scheme)
        ),
        false => format!("{}, in the {}", scheme.proof(), headers(scheme)),
    };
    row(&mut page, if is_signature { "Signature" } else { "Proof" }, &proof);
    let window = scheme.signature_window();
    let time = match (is_time_signed(scheme), window.is_zero()) {
        (false, _) => "none".to_owned(),
        (true, true) => "yes, of any age".to_owned(),
        (true, false) => format!("within {}", span(window)),
    };
    row(&mut page, "Signed time", if is_signature { &time } else { "" });
    let place = |place: Option<Place>| place.map(|place| place.to_string()).unwrap_or_default();
    row(&mut page, "Type", &place(scheme.event_type()));
    row(&mut page, "Account, which narrows the scope", &place(scheme.account()));
    let order = scheme.order().map(|(resource, version)| format!("{resource}, by {version}"));
    row(&mut page, "Order", &order.unwrap_or_default());
    let batch = scheme.events().map(|path| format!("several, in `{path}`"));
    row(&mut page, "Events in a request", &batch.unwrap_or_default());
    row(&mut page, "Handshake", &handshake(scheme).unwrap_or_default());
    facts::habits(&mut page, &facts, again(scheme));
    if !scheme.is_keyless() {
        facts::retention(&mut page, &scheme.policy());
    }
    facts::source(&mut page, &facts);
    page
}

fn handshake(scheme: &Scheme) -> Option<String> {
    let handshake = scheme.handshake_kind();
    (!matches!(handshake, Handshake::None)).then(|| handshake.to_string())
}

fn example(scheme: &Scheme) -> String {
    let (name, constant) = (scheme.name(), constant(scheme));
    let url = if scheme.is_url_signed() {
        format!(".with_url(\"https://example.com/webhooks/{name}\")")
    } else {
        String::new()
    };
    let (imported, handler) = facts::handler(scheme.is_keyless(), scheme.events().is_some());
    format!(
        "```rust
use axum::{{Router, routing::post}};
use idempotency_tower::provider::senders;
use idempotency_tower::{imported};

{handler}

fn app(secret: &str) -> Result<Router, Box<dyn std::error::Error>> {{
    let provider = senders::{constant}{url}.with_secret(secret)?;
    let idempotency = IdempotencyLayer::memory(provider); // a store of one process
    Ok(Router::new().route(\"/webhooks/{name}\", post(handle).layer(idempotency)))
}}
```
"
    )
}

/// When a request that comes again has the same key.
fn again(scheme: &Scheme) -> Again {
    let body = if scheme.events().is_some() { "the event" } else { "the body" };
    match scheme.key() {
        None => Again::Never,
        Some(Place::Digest) => Again::IfItRepeats(body),
        Some(Place::FirstOf(places)) if places.contains(&Place::Digest) => Again::ByIdOrIfItRepeats(body),
        Some(_) if has_digest(scheme) => Again::IfItRepeats("all parts of the key"),
        Some(_) => Again::ById,
    }
}

/// Whether the key is in one of several places.
fn is_first_of(scheme: &Scheme) -> bool {
    matches!(scheme.key(), Some(Place::FirstOf(_)))
}

/// Whether the digest of the body is a part of the key.
fn has_digest(scheme: &Scheme) -> bool {
    matches!(scheme.key(), Some(Place::Joined(parts)) if parts.contains(&Place::Digest))
}

/// What an attacker can do who saw a genuine request, without the secret.
fn attack(scheme: &Scheme) -> String {
    let retention = span(scheme.policy().retention());
    let window = scheme.signature_window();
    let until = match window.is_zero() {
        true => String::new(),
        false => format!(" within {} of its time", span(window)),
    };
    match (scheme.proof().is_signature(), scheme.is_key_signed()) {
        _ if scheme.is_keyless() => "The signature covers the body. An attacker who captured a request can send it again, and the handler runs \
             again, as it does for the sender's own retries."
            .to_owned(),
        (false, _) => "Nothing in a request is signed. An attacker who saw one request has its secret, and can send any other, under any key. \
             Accept requests over TLS only, and log no header that has the secret."
            .to_owned(),
        (true, true) if window.is_zero() => format!(
            "The signature covers the key and the body, and no time that limits its age. An attacker who captured a request can only send \
             the same body again, under the same key. While its record lives, for {retention}, it is a duplicate and does not run. After that it would run again."
        ),
        (true, true) => format!(
            "The signature covers the key, the body and the time. An attacker who captured a request can only send the same \
             body under the same key again{until}. It is then a duplicate, and does not run."
        ),
        (true, false) if has_digest(scheme) => format!(
            "The signature covers the body. The key is a digest of the body with headers that are not signed. **An attacker who \
             captured a request can send its body again with other values of those headers{until}, and it runs again.** A changed body \
             is refused."
        ),
        (true, false) if is_first_of(scheme) => format!(
            "The signature covers the body, and the key only if it is read from the body. **An attacker who captured a request whose \
             key is in a header can send its body again under another id{until}, and it runs again.** A changed body is refused."
        ),
        (true, false) => format!(
            "The signature covers the body and not the key. **An attacker who captured a request can send its body again under another \
             id{until}, and it runs again.** A changed body is refused, and another captured body{} under the same id is answered 422.{}",
            if scheme.account().is_some() { " of the same account" } else { "" },
            if scheme.differing().is_empty() && scheme.events().is_none() {
                " If no two events have equal bodies, and a retry repeats the body, use [the content as the key][providers/content-key]."
            } else {
                ""
            },
        ),
    }
}

fn to_know(scheme: &Scheme) -> Vec<String> {
    let mut list = Vec::new();
    if matches!(scheme.key(), Some(Place::Digest)) {
        let body = if scheme.events().is_some() { "equal events" } else { "events with equal bodies" };
        list.push(format!("The key is a digest: two {body} are one."));
    }
    match scheme.differing() {
        [] => {}
        [one] => list.push(format!(
            "The field `{one}` differs between attempts, and is left out when bodies are compared."
        )),
        several => list.push(format!(
            "These fields differ between attempts, and are left out when bodies are compared: `{}`.",
            several.join("`, `")
        )),
    }
    if scheme.is_keyless() {
        list.push("The handler gets no context: do not extract `Idempotent`. On a [shared route][providers/registry#senders-of-batches], both `Option`s are `None`.".to_owned());
    }
    if scheme.event_type().is_none() && !scheme.is_keyless() {
        list.push("This scheme reads no event type, so `context.event_type()` is `None`. If a header names a type, do not trust it: it is not signed.".to_owned());
    }
    if scheme.order().is_some() {
        list.push(
            "Older events of the types that you name can be discarded: see [order][providers/scheme#order]."
                .to_owned(),
        );
    }
    if scheme.events().is_some() {
        list.push("Each event has a key of its own, even if it is the only one: see [batches][providers/custom#several-events-in-one-request].".to_owned());
    }
    let note = scheme.facts().note;
    if !note.is_empty() {
        list.push(note.to_owned());
    }
    list
}

/// What the provider takes as its secret.
fn secret(scheme: &Scheme) -> String {
    match scheme.proof() {
        Proof::Ed25519 | Proof::EcdsaP256 => {
            "`with_secret` takes the sender's public key, as its console shows it.".to_owned()
        }
        Proof::BasicAuth => {
            "`with_secret` takes `user:password`, which the sender sends as basic authentication.".to_owned()
        }
        Proof::Token => {
            format!("`with_secret` takes the token that the sender puts in the {}.", headers(scheme))
        }
        _ => "`with_secret` takes the signing secret, exactly as the sender shows it.".to_owned(),
    }
}

pub(super) fn page(scheme: &Scheme) -> String {
    let facts = scheme.facts();
    let table = table(scheme);
    let brackets = facts::brackets(&table);
    let mut page = format!(
        "# {}\n\nThe constant `senders::{}` verifies the requests of this sender and finds the key. {}{brackets}\n\n",
        facts.title,
        constant(scheme),
        facts::certainty(&facts),
    );
    page.push_str(&table);
    page.push('\n');
    page.push_str(&example(scheme));
    page.push_str(&facts::at_the_sender(
        scheme.name(),
        scheme.is_url_signed(),
        &secret(scheme),
        handshake(scheme).as_deref(),
        scheme.further_methods(),
        &facts,
    ));
    page.push_str(&format!("\n## What is signed\n\n{}\n", attack(scheme)));
    page + &facts::end(&to_know(scheme), true)
}

/// The examples name it. Only three of them are compiled.
#[test]
fn the_constant_that_a_page_names_exists() {
    let source = std::fs::read_to_string(core_file("src/provider/senders/mod.rs")).unwrap();
    let words: std::collections::BTreeSet<_> =
        source.split(|char: char| !char.is_alphanumeric() && char != '_').collect();
    for scheme in senders::ALL {
        assert!(words.contains(&*constant(scheme)), "{} has another name", constant(scheme));
    }
}

#[test]
fn each_constant_links_to_its_page() {
    let files = std::fs::read_dir(core_file("src/provider/senders"))
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()));
    let source: String = files.map(Result::unwrap).collect();
    for scheme in senders::ALL {
        let (before, _) = source.split_once(&format!("pub const {}: Scheme", constant(scheme))).unwrap();
        let last = before.lines().rev().find(|line| !line.starts_with("#["));
        let link = format!("/// See [its page](crate::docs::providers::senders::{}).", module(scheme.name()));
        assert_eq!(last, Some(&*link), "{}", constant(scheme));
    }
}
