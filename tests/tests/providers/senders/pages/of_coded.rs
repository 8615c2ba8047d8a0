//! The page of a sender whose provider is code.

use super::coded::Row;
use super::facts::{self, row};

fn table(sender: &Row) -> String {
    let mut page = "| | |\n|---|---|\n".to_owned();
    row(&mut page, "Key", sender.key);
    row(&mut page, "Covered by the signature", sender.is_signed);
    let proof = match sender.text {
        "–" => format!("{}, in {}", sender.proof, sender.place),
        text => format!("{} of {text}, in {}", sender.proof, sender.place),
    };
    row(&mut page, if sender.text == "–" { "Proof" } else { "Signature" }, &proof);
    // A number is the tolerance.
    let age = match sender.age.starts_with(|char: char| char.is_ascii_digit()) {
        true => format!("within {}", sender.age),
        false => sender.age.to_owned(),
    };
    row(&mut page, "Signed time", if sender.is_signed == "**nothing is signed**" { "" } else { &age });
    row(
        &mut page,
        "Events in a request",
        &sender.batch.map(|batch| format!("several, in {batch}")).unwrap_or_default(),
    );
    row(&mut page, "Handshake", sender.handshake.unwrap_or_default());
    facts::habits(&mut page, &sender.facts, sender.again);
    facts::retention(&mut page, &(sender.made)().policy());
    facts::source(&mut page, &sender.facts);
    page
}

fn example(sender: &Row) -> String {
    let (name, example) = (sender.name, &sender.example);
    let (imported, handler) = facts::handler(false, sender.batch.is_some());
    let mut providers = vec![sender.provider];
    providers.extend(example.imports);
    providers.sort_unstable();
    let providers = match providers[..] {
        [one] => one.to_owned(),
        _ => format!("{{{}}}", providers.join(", ")),
    };
    let clock = if example.imports.is_empty() { "" } else { "use idempotency_core::clock::TokioClock;\n" };
    let before = if example.before.is_empty() { String::new() } else { format!("    {}\n", example.before) };
    format!(
        "```rust
use axum::{{Router, routing::post}};
{clock}use idempotency_tower::provider::{providers};
use idempotency_tower::{imported};

{handler}

fn app({}) -> Result<Router, Box<dyn std::error::Error>> {{
{before}    let provider = {};
    let idempotency = IdempotencyLayer::memory(provider); // a store of one process
    Ok(Router::new().route(\"/webhooks/{name}\", post(handle).layer(idempotency)))
}}
```
",
        example.given, example.provider
    )
}

fn to_know(sender: &Row) -> Vec<String> {
    let lines = [sender.facts.note].into_iter().chain(sender.to_know.iter().copied());
    let mut list: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if sender.batch.is_some() {
        list.push("Each event has a key of its own, even if it is the only one: see [batches][providers/custom#several-events-in-one-request].".to_owned());
    }
    list
}

pub(super) fn page(sender: &Row) -> String {
    let table = table(sender);
    let mut page = format!(
        "# {}\n\nThe provider `{}` verifies the requests of this sender and finds the key. {}{}\n\n",
        sender.facts.title,
        sender.provider,
        facts::certainty(&sender.facts),
        facts::brackets(&table),
    );
    page.push_str(&table);
    page.push('\n');
    page.push_str(&example(sender));
    page.push_str(&facts::at_the_sender(sender.name, false, "", sender.handshake, &[], &sender.facts));
    page.push_str(&format!("\n## What is signed\n\n{}\n", sender.attack));
    page + &facts::end(
        &to_know(sender),
        sender.example.given.split(", ").any(|given| given == "secret: &str"),
    )
}
