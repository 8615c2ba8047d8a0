//! Operations on several threads at once.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Divides the rounds among threads. Returns the time from the first start to the last end.
pub fn timed(threads: usize, rounds: u64, operate: impl Fn(u64) + Sync) -> Duration {
    let ready = Barrier::new(threads);
    let times: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let run = |first| {
            let (ready, operate) = (&ready, &operate);
            move || {
                ready.wait();
                let start = Instant::now();
                (first..rounds).step_by(threads).for_each(operate);
                (start, Instant::now())
            }
        };
        let threads: Vec<_> = (0..threads as u64).map(|first| scope.spawn(run(first))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it ends")).collect()
    });
    let start = times.iter().map(|(start, _)| *start).min().expect("there is a thread");
    let end = times.iter().map(|(_, end)| *end).max().expect("there is a thread");
    end - start
}
