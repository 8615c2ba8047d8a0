//! The CPU time of processes, and the cores that they may use.

use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// The CPU time that a process has used since its start, in user and kernel mode, on all its threads.
///
/// This is the clock that `/proc/PID/stat` shows in hundredths of a second, in nanoseconds.
///
/// # Panics
/// If there is no such process.
pub fn time(process: u32) -> Duration {
    let clock = ClockId::pid_cpu_clock_id(id(process)).expect("the process runs");
    clock_gettime(clock).expect("the process runs").into()
}

/// Restricts this thread, and all threads and processes that it will start, to one core.
///
/// # Panics
/// If the process may not use this core.
pub fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core).expect("the system has this core");
    sched_setaffinity(Pid::from_raw(0), &cores).expect("the process may use this core");
}

/// The cores that this thread may use.
pub fn allowed() -> Vec<usize> {
    let cores = sched_getaffinity(Pid::from_raw(0)).expect("a thread has cores");
    (0..CpuSet::count()).filter(|core| cores.is_set(*core) == Ok(true)).collect()
}

fn id(process: u32) -> Pid {
    Pid::from_raw(process.try_into().expect("the ids of processes are small"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{allowed, pin, time};

    #[test]
    fn work_of_this_process_counts_and_that_of_others_does_not() {
        let mut sleeper = Command::new("sleep").arg("60").spawn().expect("there is sleep");
        let (own, other) = (time(std::process::id()), time(sleeper.id()));
        let start = Instant::now();
        while time(std::process::id()) < own + Duration::from_millis(20) {
            assert!(start.elapsed() < Duration::from_secs(60), "the clock stands still");
        }
        assert!(time(sleeper.id()) < other + Duration::from_millis(10));
        sleeper.kill().expect("it is a child");
        sleeper.wait().expect("it is a child");
    }

    #[test]
    fn a_pinned_thread_and_its_children_have_one_core() {
        std::thread::spawn(|| {
            let last = *allowed().last().expect("a thread has a core");
            pin(last);
            assert_eq!(std::thread::spawn(allowed).join().expect("it ends"), [last]);
        })
        .join()
        .expect("it ends");
    }
}
