//! The page of each sender, and the modules that hold the pages, are made from the schemes.

use std::collections::BTreeSet;
use std::path::Path;

use idempotency_core::provider::{Handshake, Place, Proof, Scheme, senders};

use super::page::{check_file, constant, fact, of_event, span};

const FOLDER: &str = "docs/providers/senders";

/// What begins the files that are no pages.
const MADE: &str = "Made by the test `page` of the workspace.";

const LINKS: &str = "
[providers/catalogue]: ../catalogue.md
[providers/content-key]: ../content-key.md
[providers/custom#several-events-in-one-request]: ../custom.md#several-events-in-one-request
[providers/scheme#order]: ../scheme.md#order
[providers/secrets]: ../secrets.md
";

/// The name of a sender's module.
fn module(scheme: &Scheme) -> String {
    let name = scheme.name().replace('-', "_");
    // The names of senders that are keywords of Rust.
    if matches!(&*name, "box" | "final" | "loop" | "match" | "move" | "yield") {
        format!("{name}_")
    } else {
        name
    }
}

fn row(page: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        page.push_str(&format!("| {name} | {value} |\n"));
    }
}

fn headers(scheme: &Scheme) -> String {
    match scheme.signature_header_names() {
        [] => unreachable!("a scheme has a header"),
        [one] => format!("header `{one}`"),
        [first, second] => format!("headers `{first}` and `{second}`"),
        [first, .., last] => format!("headers `{first}` to `{last}`"),
    }
}

fn is_time_signed(scheme: &Scheme) -> bool {
    !scheme.signature_window().is_zero() || scheme.signed_text().contains("{timestamp}")
}

fn table(scheme: &Scheme) -> String {
    let facts = scheme.facts();
    let is_signature = scheme.proof().is_signature();
    let mut page = "| | |\n|---|---|\n".to_owned();
    let key = scheme.key().map(|key| key.to_string());
    let suffix = if scheme.events().is_some() { ", of each event" } else { "" };
    let key = key.unwrap_or_else(|| "**none: nothing is deduplicated**".to_owned());
    let key = of_event(scheme, key);
    row(&mut page, "Key", &format!("{key}{suffix}"));
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
            scheme.signed_text().replace('|', r"\|"),
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
    if !matches!(scheme.handshake_kind(), Handshake::None) {
        row(&mut page, "Handshake", &scheme.handshake_kind().to_string());
    }
    row(&mut page, "Waits for an answer", &facts.patience.map(|_| fact(facts.patience)).unwrap_or_default());
    row(
        &mut page,
        "Retries for",
        &facts.retry_horizon.map(|_| fact(facts.retry_horizon)).unwrap_or_default(),
    );
    let after_4xx = facts.retries_4xx.map(|fact| {
        format!("{} ({})", if fact.value { "retried" } else { "**not retried**" }, fact.certainty)
    });
    row(&mut page, "A 4xx answer", &after_4xx.unwrap_or_default());
    let policy = scheme.policy();
    let wait = policy.wait();
    let wait = if wait.subsec_nanos() == 0 { span(wait) } else { format!("{} ms", wait.as_millis()) };
    row(&mut page, "Retention", &format!("{}; a duplicate in flight waits {wait}", span(policy.retention())));
    row(
        &mut page,
        "Source",
        &if facts.source.is_empty() { String::new() } else { format!("<{}>", facts.source) },
    );
    page
}

fn example(scheme: &Scheme) -> String {
    let (name, constant) = (scheme.name(), constant(scheme));
    let url = if scheme.is_url_signed() {
        format!(".with_url(\"https://example.com/webhooks/{name}\")")
    } else {
        String::new()
    };
    // A handshake by GET or HEAD must reach the layer.
    let by_method = matches!(
        scheme.handshake_kind(),
        Handshake::Head
            | Handshake::EchoQuery(_)
            | Handshake::EchoHeader { .. }
            | Handshake::SignQuery { .. }
    );
    let method = if by_method { "any" } else { "post" };
    let (imported, handler) = match scheme.events() {
        _ if scheme.is_keyless() => (
            "IdempotencyLayer",
            "// It may run twice for one change, so it must be safe to repeat.
async fn handle(body: String) {
    println!(\"process {body}\");
}",
        ),
        Some(_) => (
            "{IdempotencyLayer, IdempotentBatch}",
            "async fn handle(IdempotentBatch(batch): IdempotentBatch, body: String) {
    for item in batch.new_items() {
        println!(\"process event {} of {body}\", item.index());
    }
}",
        ),
        None => (
            "{IdempotencyLayer, Idempotent}",
            "async fn handle(Idempotent(context): Idempotent, body: String) {
    println!(\"process {}: {body}\", context.key().as_str());
}",
        ),
    };
    format!(
        "```rust
use axum::{{Router, routing::{method}}};
use idempotency_tower::provider::senders;
use idempotency_tower::{imported};

{handler}

fn app(secret: &str) -> Result<Router, Box<dyn std::error::Error>> {{
    let provider = senders::{constant}{url}.with_secret(secret)?;
    let idempotency = IdempotencyLayer::memory(provider); // a store of one process
    Ok(Router::new().route(\"/webhooks/{name}\", {method}(handle).layer(idempotency)))
}}
```
"
    )
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
             the same body under the same key again. While its record lives, for {retention}, it is a duplicate and does not run. After that it would run again."
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
             id{until}, and it runs again.** A changed body is refused, and another captured body under the same id is answered 422.{}",
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
    if matches!(scheme.key(), Some(Place::Digest)) && scheme.events().is_some() {
        list.push("The key is a digest of the event. A retry is a duplicate if it repeats the event, and two equal events are one.".to_owned());
    } else if matches!(scheme.key(), Some(Place::Digest)) {
        list.push("The key is a digest of the body. A retry is a duplicate if it repeats the body, and two events with equal bodies are one.".to_owned());
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
        list.push("Each event has a key of its own, also in a request with one: see [batches][providers/custom#several-events-in-one-request].".to_owned());
    }
    match scheme.proof() {
        Proof::Ed25519 | Proof::EcdsaP256 => {
            list.push("The secret is the sender's public key, as its console shows it.".to_owned());
        }
        Proof::BasicAuth => list.push("The secret is `user:password`.".to_owned()),
        _ => {}
    }
    if scheme.is_url_signed() {
        list.push(
            "The signature covers the URL: `with_url` takes it as it is written at the sender.".to_owned(),
        );
    }
    let note = scheme.facts().note;
    if !note.is_empty() {
        list.push(note.to_owned());
    }
    list
}

fn page(scheme: &Scheme) -> String {
    let facts = scheme.facts();
    let mut page = format!("# {}\n\n", facts.title);
    let certainty = match facts.certainty.to_string().as_str() {
        "confirmed" => "The sender's documentation or code confirms how it signs and where the key is.",
        "reported" => {
            "**How it signs and where the key is are reported by third parties only**: verify a real delivery first."
        }
        _ => "**We found no source for how it signs and where the key is**: verify a real delivery first.",
    };
    let has_facts = facts.patience.is_some() || facts.retry_horizon.is_some() || facts.retries_4xx.is_some();
    let brackets = if has_facts { " The words in brackets say how certain a fact is." } else { "" };
    page.push_str(&format!(
        "The constant `senders::{}` verifies its requests and finds the key. {certainty}{brackets}\n\n",
        constant(scheme)
    ));
    page.push_str(&table(scheme));
    page.push('\n');
    page.push_str(&example(scheme));
    page.push_str(&format!("\n## What is signed\n\n{}\n", attack(scheme)));
    let to_know = to_know(scheme);
    if !to_know.is_empty() {
        page.push_str("\n## What to know\n\n");
        to_know.iter().for_each(|line| page.push_str(&format!("- {line}\n")));
    }
    page.push_str(
        "\nTo change the secret without a refused delivery, see [secrets][providers/secrets]. All senders are in [the catalogue][providers/catalogue].\n",
    );
    // The page defines the links that it uses.
    page.push('\n');
    let used = LINKS.trim().lines().filter(|line| page.contains(line.split("]:").next().unwrap_or(line)));
    let links: String = used.map(|line| format!("{line}\n")).collect();
    page + &links
}

/// `WRITE_PAGES=1 cargo test -p idempotency-tests --test providers page` writes them.
#[test]
fn the_page_of_each_sender_is_what_its_scheme_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../idempotency-core").join(FOLDER);
    let names: BTreeSet<_> = senders::ALL.iter().map(|scheme| format!("{}.md", scheme.name())).collect();
    for scheme in senders::ALL {
        check_file(&format!("{FOLDER}/{}.md", scheme.name()), &page(scheme));
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let is_of_a_sender = names.contains(&*entry.file_name().to_string_lossy());
        if !is_of_a_sender && std::env::var_os("WRITE_PAGES").is_some() {
            std::fs::remove_file(entry.path()).unwrap();
            continue;
        }
        assert!(is_of_a_sender, "{} is the page of no sender", entry.path().display());
    }
    let mut modules = format!("//! A page for each sender of the catalogue.\n\n// {MADE}\n\n");
    let mut links = String::new();
    for scheme in senders::ALL {
        let (name, module) = (scheme.name(), module(scheme));
        modules.push_str(&format!("page!({module}, \"providers/senders/{name}.md\");\n"));
        links.push_str(&format!("[providers/senders/{name}]: crate::docs::providers::senders::{module}\n"));
    }
    check_file("src/docs/providers/senders.rs", &modules);
    check_file("src/docs/providers/senders.md", &format!("{links}\n"));
}

/// The examples name it. Only three of them are compiled.
#[test]
fn the_constant_that_a_page_names_exists() {
    let path = "../idempotency-core/src/provider/senders/mod.rs";
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let words: BTreeSet<_> = source.split(|char: char| !char.is_alphanumeric() && char != '_').collect();
    for scheme in senders::ALL {
        assert!(words.contains(&*constant(scheme)), "{} has another name", constant(scheme));
    }
}

#[test]
fn each_constant_links_to_its_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../idempotency-core/src/provider/senders");
    let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()));
    let source: String = files.map(Result::unwrap).collect();
    for scheme in senders::ALL {
        let (before, _) = source.split_once(&format!("pub const {}: Scheme", constant(scheme))).unwrap();
        let last = before.lines().rev().find(|line| !line.starts_with("#["));
        let link = format!("/// See [its page](crate::docs::providers::senders::{}).", module(scheme));
        assert_eq!(last, Some(&*link), "{}", constant(scheme));
    }
}
