//! The table: one line per kind of trouble and app, then the sums.

use crate::story::{Scenario, Story};
use crate::tally::{Evidence, Tally};

/// The names of the apps in the table.
const NAMES: [&str; 2] = ["naive lock", "this library"];

/// Explains the rows of the table.
pub(crate) const REASONS: &str = "\
delivered again later     The lock remembers an event only until EX.
handler outlasts sender   The server drops the handler of a sender that hung up. If the lock still holds, the retry
                          gets 200. If it has run out, the handler starts again and is dropped again.
sender hangs up           The same. If the effect had taken place, a retry after EX repeats it.
older state arrives last  It has another id, and so another lock.
worker killed (SIGKILL)   The lock outlives the worker. Until it runs out, the retry gets 200.";

/// Returns the table and each app's sum.
pub(crate) fn table(stories: &[Story], evidence: [&Evidence; 2]) -> (String, [Tally; 2]) {
    let mut text = format!(
        "{:<24}  {:>6}  {:<12}  {:>10}  {:>10}  {:>7}  {:>7}  {:>4}  {:>5}\n",
        "", "events", "", "deliveries", "executions", "doubles", "excused", "lost", "stale"
    );
    let mut sums = [Tally::default(); 2];
    for scenario in Scenario::ALL {
        let stories: Vec<_> = stories.iter().filter(|story| story.scenario == scenario).collect();
        let tallies = evidence.map(|evidence| {
            let mut tally = Tally::default();
            stories.iter().for_each(|story| tally += evidence.tally(story));
            tally
        });
        sums.iter_mut().zip(tallies).for_each(|(sum, tally)| *sum += tally);
        text += &rows(scenario.title(), &stories, tallies);
    }
    text += &rows("all", &stories.iter().collect::<Vec<_>>(), sums);
    (text, sums)
}

fn rows(title: &str, stories: &[&Story], tallies: [Tally; 2]) -> String {
    let events: usize = stories.iter().map(|story| story.chapters.len()).sum();
    let labels = [(title, events.to_string()), ("", String::new())];
    let lines = labels.into_iter().zip(NAMES).zip(tallies).map(|(((title, events), name), tally)| {
        let Tally { deliveries, executions, doubles, excused, lost, stale } = tally;
        format!(
            "{title:<24}  {events:>6}  {name:<12}  {deliveries:>10}  {executions:>10}  {doubles:>7}  {excused:>7}  \
             {lost:>4}  {stale:>5}\n"
        )
    });
    lines.collect()
}
