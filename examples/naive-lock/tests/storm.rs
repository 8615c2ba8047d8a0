//! The whole comparison, as a visitor runs it.

use std::process::Command;

/// Returns doubles, lost and stale from the last row about an app.
fn last_row(table: &str, app: &str) -> [usize; 3] {
    let row = table.lines().rev().find_map(|line| line.split_once(app)).expect("the app has a row").1;
    let numbers: Vec<usize> = row.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [_deliveries, _executions, doubles, _excused, lost, stale] = numbers[..] else {
        panic!("the row has other columns: {row}")
    };
    [doubles, lost, stale]
}

#[test]
fn under_the_same_storm_only_the_naive_lock_has_double_lost_and_stale_effects() {
    let ran = Command::new(env!("CARGO_BIN_EXE_naive-lock")).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{stdout}{stderr}");
    let table = stdout.split("\n\n").nth(1).expect("the table is a paragraph of its own");
    assert_eq!(last_row(table, "this library"), [0, 0, 0], "{stdout}");
    assert!(last_row(table, "naive lock").iter().all(|count| *count > 0), "{stdout}");
}
