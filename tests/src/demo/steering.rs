//! Steering: query parameters that make a demo server's handler wait, fail or panic.

use std::time::Duration;

use idempotency_core::IdempotencyContext;
use serde_json::{Value, json};

use super::Gate;

/// The query's instructions for the handler: `gated`, `delay_ms`, `fail_times`, `panic_times`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Steering {
    /// Waits at the [gate](Gate) first.
    pub gated: bool,
    /// The duration of the handler.
    pub delay: Duration,
    /// The number of first attempts of a key that answer 500.
    pub fail_times: u32,
    /// The number of first attempts of a key that panic.
    pub panic_times: u32,
}

impl Steering {
    /// Reads the parameters and ignores unknown ones and values that are not numbers.
    #[must_use]
    pub fn from_query(query: Option<&str>) -> Self {
        let mut steering = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Ok(number) = value.parse::<u32>() else { continue };
            match &*name {
                "gated" => steering.gated = number > 0,
                "delay_ms" => steering.delay = Duration::from_millis(number.into()),
                "fail_times" => steering.fail_times = number,
                "panic_times" => steering.panic_times = number,
                _ => {}
            }
        }
        steering
    }

    /// Waits at the gate and for the delay, then fails if the query asks for it.
    ///
    /// # Errors
    /// The body of the 500, if the query asks for a failure.
    ///
    /// # Panics
    /// If the query asks for a panic.
    pub async fn steer(self, context: &IdempotencyContext) -> Result<(), Value> {
        if self.gated {
            Gate::from_env().pass().await;
        }
        tokio::time::sleep(self.delay).await;
        let attempt = context.attempt();
        assert!(attempt > self.panic_times, "told to panic in attempt {attempt}");
        if attempt <= self.fail_times {
            return Err(json!({ "error": "told to fail", "attempt": attempt }));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_invalid_ones_are_ignored() {
        let steering = Steering::from_query(Some("gated=1&delay_ms=250&fail_times=2&panic_times=x&other=1"));
        assert!(steering.gated);
        assert_eq!(steering.delay, Duration::from_millis(250));
        assert_eq!((steering.fail_times, steering.panic_times), (2, 0));
        assert_eq!(Steering::from_query(None), Steering::default());
    }
}
