//! Rounds: the contenders run in turns, so that a disturbance of the machine falls on all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::contender::Contender;
use crate::figure::Figure;

/// The measurements of one contender.
pub struct Measured {
    pub name: String,
    /// Operations per second.
    pub rates: Figure,
    /// The latencies of all rounds, sorted.
    latencies: Vec<Duration>,
}

impl Measured {
    /// The latency that this percentage of the operations does not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let index = (self.latencies.len() * percent / 100).min(self.latencies.len() - 1);
        self.latencies[index]
    }
}

/// Measures each contender in each round with `operations` operations, `concurrency` at a time. One round before that is
/// not counted.
pub async fn run(
    contenders: &[Arc<dyn Contender>],
    rounds: usize,
    concurrency: usize,
    operations: u64,
) -> Vec<Measured> {
    static KEYS: AtomicU64 = AtomicU64::new(0);
    let mut all: Vec<Measured> = contenders
        .iter()
        .map(|contender| Measured {
            name: contender.name().to_owned(),
            rates: Figure::default(),
            latencies: Vec::new(),
        })
        .collect();
    for round in 0..=rounds {
        for (contender, measured) in contenders.iter().zip(&mut all) {
            let first = KEYS.fetch_add(operations, Ordering::Relaxed);
            let (rate, latencies) = one_round(contender, concurrency, first, operations).await;
            if round > 0 {
                measured.rates.push(rate);
                measured.latencies.extend(latencies);
            }
        }
    }
    for measured in &mut all {
        measured.latencies.sort();
    }
    all
}

async fn one_round(
    contender: &Arc<dyn Contender>,
    concurrency: usize,
    first: u64,
    operations: u64,
) -> (f64, Vec<Duration>) {
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let workers = (0..concurrency).map(|_| {
        let (contender, next) = (Arc::clone(contender), Arc::clone(&next));
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= operations {
                    return latencies;
                }
                let start = Instant::now();
                contender.operate(first + number).await;
                latencies.push(start.elapsed());
            }
        })
    });
    let latencies = join_all(workers).await.into_iter().flat_map(|worker| worker.expect("it ends")).collect();
    (operations as f64 / start.elapsed().as_secs_f64(), latencies)
}
