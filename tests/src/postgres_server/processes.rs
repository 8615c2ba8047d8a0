//! Signals to the processes of a server, and their states.

use std::process::Command;
use std::time::Duration;

/// The processes of the server whose first process has this id. The first is in front. The list is complete if that one is
/// stopped, because it starts all the others.
pub(super) fn all(first: u32) -> Vec<u32> {
    let output = Command::new("pgrep").arg("-P").arg(first.to_string()).output().expect("pgrep is installed");
    let others = String::from_utf8_lossy(&output.stdout);
    std::iter::once(first).chain(others.split_whitespace().map(|id| id.parse().expect("an id"))).collect()
}

/// Sends a signal. A process that has ended meanwhile is left out.
pub(super) fn signal(name: &str, processes: &[u32]) {
    let ids = processes.iter().map(ToString::to_string);
    let _ = Command::new("kill").arg(name).args(ids).output().expect("kill is installed");
}

/// Stops processes, and waits until each has stopped or ended: it may go on for a moment after the signal.
pub(super) fn stop(processes: &[u32]) {
    signal("-STOP", processes);
    while states(processes).iter().any(|state| !matches!(state, 'T' | 'Z')) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Kills processes, and waits until each has ended and has let go of its shared memory.
pub(super) fn kill(processes: &[u32]) {
    signal("-KILL", processes);
    while !have_ended(processes) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether all of them have ended. One that has ended stays in the list of processes until its parent collects it.
pub fn have_ended(processes: &[u32]) -> bool {
    states(processes).iter().all(|state| *state == 'Z')
}

/// The states of those that exist.
fn states(processes: &[u32]) -> Vec<char> {
    let ids: Vec<String> = processes.iter().map(ToString::to_string).collect();
    let output =
        Command::new("ps").args(["-o", "stat=", "-p", &ids.join(",")]).output().expect("ps is installed");
    String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.trim().chars().next()).collect()
}
