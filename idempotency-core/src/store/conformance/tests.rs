//! Checks that the macro lists every rule.

use std::collections::BTreeSet;

const FILES: [&str; 18] = [
    include_str!("address.rs"),
    include_str!("adopt.rs"),
    include_str!("answer.rs"),
    include_str!("complete.rs"),
    include_str!("give_up.rs"),
    include_str!("grant.rs"),
    include_str!("listing.rs"),
    include_str!("many.rs"),
    include_str!("mismatch.rs"),
    include_str!("operator.rs"),
    include_str!("race.rs"),
    include_str!("release.rs"),
    include_str!("repeat.rs"),
    include_str!("retention.rs"),
    include_str!("stale.rs"),
    include_str!("takeover.rs"),
    include_str!("unreadable.rs"),
    include_str!("wait.rs"),
];

#[test]
fn the_list_names_every_rule_once() {
    let written: BTreeSet<&str> = FILES
        .iter()
        .flat_map(|file| file.lines())
        .filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next())
        .collect();
    let listed: BTreeSet<&str> = super::list::NAMES.iter().copied().collect();
    assert_eq!(listed, written);
    assert_eq!(listed.len(), super::list::NAMES.len(), "a rule is listed twice");
}
