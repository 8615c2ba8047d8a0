//! The pages of the manual that are made from the providers: the catalogue, a page for each sender, and the modules that hold them.

mod catalogue;
mod coded;
mod facts;
mod of_coded;
mod of_scheme;
mod rows_of_code;
mod rows_of_keys;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use clap::Parser as _;
use idempotency_core::provider::{Fact, Scheme, senders};
use idempotency_demo::{Config, Secrets};

const FOLDER: &str = "docs/providers/senders";

/// What begins the files that are no pages.
const MADE: &str = "Made by the test `page` of the workspace.";

const LINKS: &str = "
[handing-over]: ../../handing-over.md
[providers#methods-other-than-post]: ../README.md#methods-other-than-post
[providers/catalogue]: ../catalogue.md
[providers/content-key]: ../content-key.md
[providers/custom#several-events-in-one-request]: ../custom.md#several-events-in-one-request
[providers/public-keys]: ../public-keys.md
[providers/registry#senders-of-batches]: ../registry.md#senders-of-batches
[providers/scheme#order]: ../scheme.md#order
[providers/secrets]: ../secrets.md
";

fn core_file(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../idempotency-core").join(path)
}

/// Compares a file that a test makes with the committed one. `WRITE_PAGES=1` writes it.
fn check_file(path: &str, text: &str) {
    let path = core_file(path);
    if std::env::var_os("WRITE_PAGES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "{} is out of date: run this test with WRITE_PAGES=1", path.display());
}

/// The name of a sender's module.
fn module(sender: &str) -> String {
    let name = sender.replace('-', "_");
    // The names of senders that are keywords of Rust.
    if matches!(&*name, "box" | "final" | "loop" | "match" | "move" | "yield") {
        format!("{name}_")
    } else {
        name
    }
}

fn constant(scheme: &Scheme) -> String {
    match scheme.name() {
        "lemonsqueezy" => "LEMON_SQUEEZY".to_owned(),
        name => name.to_uppercase().replace('-', "_"),
    }
}

fn span(duration: Duration) -> String {
    let count = |value, unit| format!("{value} {unit}{}", if value == 1 { "" } else { "s" });
    match duration.as_secs() {
        0 => "never".to_owned(),
        seconds if seconds % 86_400 == 0 => count(seconds / 86_400, "day"),
        seconds if seconds % 3_600 == 0 => count(seconds / 3_600, "hour"),
        seconds if seconds % 60 == 0 && seconds > 3_600 => {
            format!("{} {}", count(seconds / 3_600, "hour"), count(seconds % 3_600 / 60, "minute"))
        }
        seconds if seconds % 60 == 0 => count(seconds / 60, "minute"),
        seconds => count(seconds, "second"),
    }
}

fn fact(fact: Option<Fact<Duration>>, unknown: &str) -> String {
    fact.map_or_else(|| unknown.to_owned(), |fact| format!("{} ({})", span(fact.value), fact.certainty))
}

/// A page with the definitions of the links that it uses.
fn with_links(page: String) -> String {
    let is_used = |line: &&str| page.contains(line.split("]:").next().unwrap_or(line));
    let links: String = LINKS.trim().lines().filter(is_used).map(|line| format!("{line}\n")).collect();
    format!("{page}\n{links}")
}

/// The name and the page of each sender, by name.
pub(super) fn pages() -> Vec<(&'static str, String)> {
    let schemes = senders::ALL.iter().map(|scheme| (scheme.name(), of_scheme::page(scheme)));
    let coded = coded::rows().map(|row| (row.name, of_coded::page(row)));
    let mut pages: Vec<_> = schemes.chain(coded).map(|(name, page)| (name, with_links(page))).collect();
    pages.sort_unstable_by_key(|(name, _)| *name);
    pages
}

/// `WRITE_PAGES=1 cargo test -p idempotency-tests --test providers page` writes them.
#[test]
fn the_page_of_each_sender_is_what_its_provider_says() {
    let pages = pages();
    let names: BTreeSet<_> = pages.iter().map(|(name, _)| format!("{name}.md")).collect();
    assert_eq!(names.len(), pages.len(), "two senders have one name");
    for (name, page) in &pages {
        check_file(&format!("{FOLDER}/{name}.md"), page);
    }
    for entry in std::fs::read_dir(core_file(FOLDER)).unwrap() {
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
    for (name, _) in pages {
        let module = module(name);
        modules.push_str(&format!("page!({module}, \"providers/senders/{name}.md\");\n"));
        links.push_str(&format!("[providers/senders/{name}]: crate::docs::providers::senders::{module}\n"));
    }
    check_file("src/docs/providers/senders.rs", &modules);
    check_file("src/docs/providers/senders.md", &format!("{links}\n"));
}

/// The name and the page of each sender whose page is written by hand. The demo servers serve every sender under its name.
fn written_pages() -> Vec<(String, String)> {
    let config = Config::parse_from(["demo"]);
    let served = idempotency_demo::webhook_providers(&config, &Secrets::from_env()).unwrap();
    let made: BTreeSet<_> = pages().into_iter().map(|(name, _)| name).collect();
    let written: Vec<_> = served.names().filter(|name| !made.contains(name)).collect();
    assert_eq!(served.names().count(), made.len() + written.len());
    let page = |name: &str| std::fs::read_to_string(core_file(&format!("docs/providers/{name}.md")));
    written.into_iter().map(|name| (name.to_owned(), page(name).expect(name))).collect()
}

/// What a reader asks first: each page answers it, or says that the answer is not known.
#[test]
fn every_page_of_a_sender_answers_the_same_questions() {
    let written = written_pages();
    assert_eq!(written.len(), 6, "{:?}", written.iter().map(|(name, _)| name).collect::<Vec<_>>());
    let made = pages().into_iter().map(|(name, page)| (name.to_owned(), page));
    for (name, page) in made.chain(written) {
        let has = |start: &str| page.lines().any(|line| line.starts_with(start));
        let is_again_answered = ["| A redelivery by hand |", "| A retry, or a redelivery by hand |"].map(has);
        assert_eq!(is_again_answered.iter().filter(|is| **is).count(), 1, "{name}");
        for start in [
            "| Key |",
            "| Waits for an answer |",
            "| Retries for |",
            "| Answers |",
            "## At the sender",
            "- The URL is that of your route",
            "## What is signed",
            "```rust",
        ] {
            assert!(has(start), "{name} has no line that begins with {start}");
        }
    }
}

#[test]
fn a_page_says_when_a_request_that_comes_again_runs_again_and_which_answers_are_final() {
    let pages = pages();
    for (name, line) in [
        ("paddle", "| A retry, or a redelivery by hand | the same key (confirmed): a duplicate |"),
        ("gitea", "| A redelivery by hand | another key (confirmed): **it runs again** |"),
        ("plaid", "| A retry | another key (not confirmed): **it runs again** |"),
        ("asana", "| A retry, or a redelivery by hand | the same key, if it repeats the event |"),
        (
            "dropbox",
            "| A retry, or a redelivery by hand | **it runs again**: nothing tells it from a new event |",
        ),
        ("stream", "| A retry, or a redelivery by hand | the same key, if it repeats the body |"),
        (
            "langfuse",
            "| A retry | the same key (confirmed): a duplicate; without an id, the same key if it repeats the body |",
        ),
        (
            "zendesk",
            "- If you configure it to deliver by PUT or PATCH, the route must take that method too, for example with `any(handle)`: the layer accepts such a delivery, but [`post` refuses it][providers#methods-other-than-post].",
        ),
        ("orb", "| A redelivery by hand | not known: try it before you rely on it |"),
        ("outline", "| Answers | All are final: it never retries. |"),
        (
            "ghost",
            "| Answers | A 410 answer deletes the webhook. Whether it retries after another 4xx is not known: if you want a retry, answer 503, as this library does when it cannot run a delivery. |",
        ),
        (
            "mailgun",
            "| Answers | It expects the status 200. A 406 answer stops the retries. It retries after another 4xx (confirmed). |",
        ),
        (
            "btcpay",
            "| Answers | **A 4xx is final**: it is not retried (confirmed). But it retries after 408 and 429. |",
        ),
    ] {
        let (_, page) = pages.iter().find(|(sender, _)| *sender == name).unwrap();
        assert!(page.lines().any(|row| row == line), "{name} has no line {line}");
    }
}
