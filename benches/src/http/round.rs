//! What a load saw in one round.

use serde::{Deserialize, Serialize};

use super::variant::Variant;
use super::workload::Workload;

/// What a load saw in one round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Round {
    /// Requests answered in the measured time.
    pub requests: u64,
    /// The measured time.
    pub seconds: f64,
    /// The server's CPU time in the measured time.
    pub server_nanos: u64,
    /// Redis' CPU time in the measured time.
    pub redis_nanos: u64,
    /// All requests, also those before and after the measured time.
    pub all: u64,
    /// The answers among them that say that they are replays.
    pub replayed: u64,
    /// The times that the handler has run for them.
    pub executed: u64,
}

impl Round {
    /// Requests per second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// CPU microseconds of the server per request.
    pub fn server_micros(&self) -> f64 {
        self.server_nanos as f64 / 1000.0 / self.requests as f64
    }

    /// CPU microseconds of Redis per request.
    pub fn redis_micros(&self) -> f64 {
        self.redis_nanos as f64 / 1000.0 / self.requests as f64
    }

    /// The part of its core that the server has used. Far below 1, the load or the store was the limit.
    pub fn busy(&self) -> f64 {
        self.server_nanos as f64 / 1e9 / self.seconds
    }

    /// Checks that the server executed every new key and replayed every other one.
    ///
    /// # Errors
    /// What it did instead, or that it answered no request in the measured time.
    pub fn check(&self, variant: Variant, workload: Workload) -> Result<(), String> {
        if self.requests == 0 {
            return Err(format!("{variant}, {workload}: no request was answered in {} s", self.seconds));
        }
        let executed = workload.executions(variant, self.all);
        let expected = (executed, self.all - executed);
        if (self.executed, self.replayed) == expected {
            return Ok(());
        }
        Err(format!(
            "{variant}, {workload}: of {} requests, it executed {} and replayed {}, instead of {} and {}",
            self.all, self.executed, self.replayed, expected.0, expected.1
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(all: u64, executed: u64, replayed: u64) -> Round {
        let (server_nanos, redis_nanos) = (1_900_000_000, 400_000_000);
        Round { requests: 100_000, seconds: 2.0, server_nanos, redis_nanos, all, replayed, executed }
    }

    #[test]
    fn figures_are_per_second_and_per_request() {
        let round = round(1, 1, 0);
        assert_eq!(round.rate(), 50_000.0);
        assert_eq!(round.server_micros(), 19.0);
        assert_eq!(round.redis_micros(), 4.0);
        assert_eq!(round.busy(), 0.95);
    }

    #[test]
    fn a_round_counts_only_if_every_new_key_ran_and_every_other_was_replayed() {
        let guarded: Variant = "axum-by-hand-redis-header".parse().expect("it exists");
        let plain: Variant = "axum-plain-header".parse().expect("it exists");
        for (variant, workload, executed, replayed) in [
            (guarded, Workload::Unique, 7, 0),
            (guarded, Workload::Duplicate, 0, 7),
            (guarded, Workload::Half, 4, 3),
            (plain, Workload::Duplicate, 7, 0),
        ] {
            assert_eq!(round(7, executed, replayed).check(variant, workload), Ok(()));
            assert!(round(7, executed + 1, replayed).check(variant, workload).is_err());
            assert!(round(7, executed, replayed + 1).check(variant, workload).is_err());
        }
        let idle = Round { requests: 0, ..round(7, 7, 0) };
        assert!(idle.check(plain, Workload::Unique).is_err());
    }
}
