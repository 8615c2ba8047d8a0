//! What a page says of a sender's habits and of its console, whether the sender is a scheme or code.

use std::time::Duration;

use idempotency_core::Policy;
use idempotency_core::provider::{Fact, Facts};

use super::{fact, span};

/// Adds a row, if it says something.
pub(super) fn row(page: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        page.push_str(&format!("| {name} | {value} |\n"));
    }
}

/// When a request that comes again has the key of the first one.
#[derive(Clone, Copy)]
pub(super) enum Again {
    /// The key is an id.
    ById,
    /// The key is a digest of this.
    IfItRepeats(&'static str),
    /// The key is an id, and without an id a digest of this.
    ByIdOrIfItRepeats(&'static str),
    /// There is no key.
    Never,
}

impl Again {
    fn says(self, fact: Option<Fact<bool>>, unknown: &str) -> String {
        let by_id = || match fact {
            Some(fact) if fact.value => format!("the same key ({}): a duplicate", fact.certainty),
            Some(fact) => format!("another key ({}): **it runs again**", fact.certainty),
            None => unknown.to_owned(),
        };
        match self {
            Self::ById => by_id(),
            Self::IfItRepeats(_) if fact.is_some() => by_id(),
            Self::IfItRepeats(what) => format!("the same key, if it repeats {what}"),
            Self::ByIdOrIfItRepeats(what) => {
                format!("{}; without an id, the same key if it repeats {what}", by_id())
            }
            Self::Never => "**it runs again**: nothing tells it from a new event".to_owned(),
        }
    }
}

fn never_retries(facts: &Facts) -> bool {
    facts.retry_horizon.is_some_and(|horizon| horizon.value == Duration::ZERO)
}

fn names_a_4xx(answers: &str) -> bool {
    let mut numbers = answers.split(|char: char| !char.is_ascii_digit());
    numbers.any(|number| number.len() == 3 && number.starts_with('4'))
}

/// What the sender says of single answers. Where it retries after no 4xx, those that it names are exceptions.
pub(super) fn answers(facts: &Facts) -> String {
    match (facts.retries_4xx, facts.answers.split_at_checked(1)) {
        (Some(Fact { value: false, .. }), Some((first, rest))) if names_a_4xx(facts.answers) => {
            format!("But {}{rest}", first.to_lowercase())
        }
        _ => facts.answers.to_owned(),
    }
}

/// Which answers end the retries.
fn final_answers(facts: &Facts) -> String {
    // The statuses that the sender names are not those of the rest of the sentence.
    let a_4xx = if names_a_4xx(facts.answers) { "another 4xx" } else { "a 4xx" };
    let sentences = match facts.retries_4xx {
        _ if never_retries(facts) => {
            ["All are final: it never retries.".to_owned(), facts.answers.to_owned()]
        }
        Some(fact) if fact.value => {
            [facts.answers.to_owned(), format!("It retries after {a_4xx} ({}).", fact.certainty)]
        }
        Some(fact) => {
            [format!("**A 4xx is final**: it is not retried ({}).", fact.certainty), answers(facts)]
        }
        None => [
            facts.answers.to_owned(),
            format!(
                "Whether it retries after {a_4xx} is not known: if you want a retry, answer 503, as this library does when it cannot run a delivery."
            ),
        ],
    };
    sentences.join(" ").trim().to_owned()
}

/// The rows about attempts and answers.
pub(super) fn habits(page: &mut String, facts: &Facts, again: Again) {
    row(page, "Waits for an answer", &fact(facts.patience, "no fixed time is known"));
    row(page, "Retries for", &fact(facts.retry_horizon, "no fixed time is known"));
    let retry = again
        .says(facts.retry_repeats_key, "not known: a duplicate if it has the same key, else it runs again");
    let by_hand = again.says(facts.redelivery_repeats_key, "not known: try it before you rely on it");
    if retry == by_hand && !never_retries(facts) {
        row(page, "A retry, or a redelivery by hand", &retry);
    } else {
        row(page, "A retry", if never_retries(facts) { "" } else { &retry });
        row(page, "A redelivery by hand", &by_hand);
    }
    row(page, "Answers", &final_answers(facts));
}

pub(super) fn retention(page: &mut String, policy: &Policy) {
    let wait = policy.wait();
    let wait = if wait.subsec_nanos() == 0 { span(wait) } else { format!("{} seconds", wait.as_secs_f64()) };
    row(page, "Retention", &format!("{}; a duplicate in flight waits {wait}", span(policy.retention())));
}

pub(super) fn source(page: &mut String, facts: &Facts) {
    let source = if facts.source.is_empty() { String::new() } else { format!("<{}>", facts.source) };
    row(page, "Source", &source);
}

/// How certain the provider is.
pub(super) fn certainty(facts: &Facts) -> &'static str {
    match facts.certainty.to_string().as_str() {
        "confirmed" => {
            "The sender's documentation or code confirms how its requests are verified and where the key is."
        }
        "reported" => {
            "**Only third parties report how it signs or where the key is**: verify a real delivery first."
        }
        _ => {
            "**We found no source for how it signs, or none for where the key is**: verify a real delivery first."
        }
    }
}

/// What the words in brackets mean, if the table has any.
pub(super) fn brackets(table: &str) -> &'static str {
    if table.contains("confirmed)") || table.contains("reported)") {
        " The words in brackets say how certain a fact is; *not confirmed* means that we found no source."
    } else {
        ""
    }
}

/// The method of a handshake, if it does not come by POST. The text of such a handshake begins with its method.
fn other_method(handshake: &str) -> Option<&str> {
    handshake.split(' ').next().filter(|word| matches!(*word, "GET" | "HEAD" | "OPTIONS"))
}

/// The section about the sender's console. `secret` is what the provider takes, and `handshake` the text of its row.
pub(super) fn at_the_sender(
    name: &str,
    is_url_signed: bool,
    secret: &str,
    handshake: Option<&str>,
    further_methods: &[&str],
    facts: &Facts,
) -> String {
    let mut lines = vec![format!(
        "The URL is that of your route, such as `https://example.com/webhooks/{name}`.{}",
        if is_url_signed {
            " The signature covers it: give `with_url` exactly the text that you enter at the sender."
        } else {
            ""
        }
    )];
    match facts.setup.strip_prefix("The secret is ") {
        Some(it_and_more) if !secret.is_empty() => lines.push(format!("`with_secret` takes {it_and_more}")),
        _ => lines.extend([secret, facts.setup].map(str::to_owned)),
    }
    lines.retain(|line| !line.is_empty());
    match handshake.map(other_method) {
        None => {}
        Some(None) => {
            lines.push("The layer answers the handshake: deploy the route before you enter the URL.".to_owned());
        }
        Some(Some(method)) => lines.push(format!(
            "The handshake is a {method} request, which the layer answers: deploy the route before you enter the URL. `post` is enough, \
             because the layer is around [the whole route][providers#methods-other-than-post]."
        )),
    }
    if !further_methods.is_empty() {
        let methods = further_methods.join(" or ");
        lines.push(format!(
            "If you configure it to deliver by {methods}, the route must take that method too, for example with `any(handle)`: the layer \
             accepts such a delivery, but [`post` refuses it][providers#methods-other-than-post]."
        ));
    }
    if let Some(patience) = facts.patience {
        lines.push(format!(
            "Answer within {}, and [hand longer work over][handing-over].",
            span(patience.value)
        ));
    }
    let lines: String = lines.iter().map(|line| format!("- {line}\n")).collect();
    format!("\n## At the sender\n\n{lines}")
}

/// The handler of an example, and what it imports of the adapter.
pub(super) fn handler(is_keyless: bool, is_batch: bool) -> (&'static str, &'static str) {
    match (is_keyless, is_batch) {
        (true, _) => (
            "IdempotencyLayer",
            "// It may run twice for one change, so it must be safe to repeat.
async fn handle(body: String) {
    println!(\"process {body}\");
}",
        ),
        (false, true) => (
            "{IdempotencyLayer, IdempotentBatch}",
            "async fn handle(IdempotentBatch(batch): IdempotentBatch, body: String) {
    for item in batch.new_items() {
        println!(\"process event {} of {body}\", item.index());
    }
}",
        ),
        (false, false) => (
            "{IdempotencyLayer, Idempotent}",
            "async fn handle(Idempotent(context): Idempotent, body: String) {
    println!(\"process {}: {body}\", context.key().as_str());
}",
        ),
    }
}

/// The lines of the section about everything else, and the end of the page.
pub(super) fn end(to_know: &[String], has_secret: bool) -> String {
    let mut text = String::new();
    if !to_know.is_empty() {
        text.push_str("\n## What to know\n\n");
        to_know.iter().for_each(|line| text.push_str(&format!("- {line}\n")));
    }
    text.push('\n');
    if has_secret {
        text.push_str("To rotate the secret without refusing a delivery, see [secrets][providers/secrets]. ");
    }
    text + "All senders are in [the catalogue][providers/catalogue].\n"
}
