//! What the pages say of the senders whose provider is code.

use idempotency_core::provider::{Facts, Provider, Received};

use super::facts::Again;
use super::{core_file, module, of_coded, rows_of_code, rows_of_keys};
use crate::senders::coded_cases;

/// A sender whose provider is code.
pub(super) struct Row {
    /// Its name in paths.
    pub(super) name: &'static str,
    pub(super) facts: Facts,
    /// The provider's type.
    pub(super) provider: &'static str,
    /// The file of the type, in the folder of the providers.
    pub(super) file: &'static str,
    pub(super) key: &'static str,
    pub(super) is_signed: &'static str,
    pub(super) age: &'static str,
    pub(super) made: fn() -> Box<dyn Provider>,
    pub(super) proof: &'static str,
    pub(super) place: &'static str,
    pub(super) text: &'static str,
    /// How the sender checks the endpoint. It begins with the method.
    pub(super) handshake: Option<&'static str>,
    /// Whether the provider returns a batch of these events.
    pub(super) batch: Option<&'static str>,
    pub(super) again: Again,
    pub(super) example: Example,
    /// What an attacker can do.
    pub(super) attack: &'static str,
    /// What else to know, beyond the note of the facts.
    pub(super) to_know: &'static [&'static str],
}

/// How an example makes the provider.
pub(super) struct Example {
    /// The parameters of the function that makes the route.
    pub(super) given: &'static str,
    /// The statement before, if there is one.
    pub(super) before: &'static str,
    /// The expression of the provider.
    pub(super) provider: &'static str,
    /// What the example imports of the providers besides the type.
    pub(super) imports: &'static [&'static str],
}

impl Example {
    /// Made with a secret alone.
    pub(super) const fn with_secret(provider: &'static str) -> Self {
        Self { given: "secret: &str", before: "", provider, imports: &[] }
    }

    /// Made with keys that are fetched.
    pub(super) const fn with_keys(given: &'static str, provider: &'static str) -> Self {
        Self {
            given,
            before: "let keys = CachedKeys::new(HttpKeys::new()?, TokioClock::new());",
            provider,
            imports: &["CachedKeys", "HttpKeys"],
        }
    }
}

pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    rows_of_code::ROWS.iter().chain(rows_of_keys::ROWS)
}

#[test]
fn every_sender_whose_provider_is_code_is_on_the_page() {
    let cases: Vec<_> = coded_cases::cases().iter().map(|case| (case.name, case.facts)).collect();
    let rows: Vec<_> = rows_of_code::ROWS.iter().map(|row| (row.name, row.facts)).collect();
    assert_eq!(cases, rows);
}

#[test]
fn each_row_is_of_the_provider_that_it_makes() {
    for row in rows() {
        let provider = (row.made)();
        assert_eq!(provider.name(), row.name);
        assert!(row.example.provider.starts_with(row.provider), "{}", row.name);
        let debug = format!("{provider:?}");
        assert!(debug.starts_with(row.provider), "{}: {debug}", row.name);
    }
}

/// The recorded and signed requests of the cases show which providers return batches.
#[test]
fn a_row_says_whether_its_provider_returns_batches() {
    for case in coded_cases::cases() {
        let row = rows().find(|row| row.name == case.name).unwrap();
        let received = case.genuine().received_by(&*(case.provider)(&case.secrets[..1])).unwrap();
        // Its cases switch batches on.
        let is_batch = matches!(received, Received::Batch(_)) && case.name != "cloudevents";
        assert_eq!(row.batch.is_some(), is_batch, "{}", case.name);
    }
}

#[test]
fn each_type_links_to_its_page() {
    for row in rows() {
        let source = std::fs::read_to_string(core_file("src/provider").join(row.file)).unwrap();
        let (before, _) = source.split_once(&format!("pub struct {}", row.provider)).unwrap();
        let docs: Vec<_> =
            before.lines().rev().take_while(|line| line.starts_with("//") || line.starts_with('#')).collect();
        let link = format!(
            "/// See [its page](crate::docs::providers::senders::{}), with a whole route.",
            module(row.name)
        );
        assert!(docs.contains(&&*link), "{} has no line {link}", row.file);
    }
}

/// The package compiles the examples: see `pages` in `tests/src/vectors.rs`.
#[test]
fn the_example_of_each_provider_that_is_code_is_compiled() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/vectors.rs");
    let compiled = std::fs::read_to_string(path).unwrap();
    for row in rows() {
        assert!(compiled.contains(&format!("/senders/{}.md\"", row.name)), "{}", row.name);
        assert!(of_coded::page(row).contains("```rust\n"), "{}", row.name);
    }
}
