//! The pauses between the attempts of a message.

use std::time::Duration;

/// The number of attempts to hand a message over, and the pauses in between. The first pause doubles with each attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Backoff {
    pub(super) attempts: u32,
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

impl Backoff {
    /// The pause after this attempt has failed, counted from 1. `None` if it was the last one.
    pub(super) fn after(self, attempt: u32) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        Some(self.first.saturating_mul(factor).min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(backoff: Backoff, attempts: u32) -> Vec<Option<u64>> {
        (1..=attempts).map(|attempt| backoff.after(attempt).map(|pause| pause.as_secs())).collect()
    }

    #[test]
    fn the_pause_doubles_up_to_the_longest_until_the_last_attempt() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(5));
        let backoff = Backoff { attempts: 6, first, longest };
        assert_eq!(pauses(backoff, 7), [Some(1), Some(2), Some(4), Some(5), Some(5), None, None]);
    }

    #[test]
    fn many_attempts_overflow_nothing() {
        let backoff = Backoff { attempts: u32::MAX, first: Duration::MAX, longest: Duration::MAX };
        assert_eq!(backoff.after(1), Some(Duration::MAX));
        assert_eq!(backoff.after(u32::MAX - 1), Some(Duration::MAX));
        assert_eq!(Backoff { attempts: 0, ..backoff }.after(1), None);
    }
}
