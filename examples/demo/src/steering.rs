//! Steering: query parameters that make the handler wait, slow, failing, panicking or verbose.

use std::time::Duration;

/// How the handler is to behave, from the query: `gated`, `delay_ms`, `fail_times`, `panic_times`,
/// `body_bytes`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Steering {
    /// It waits at the [gate](crate::Gate) beside the ledger first.
    pub gated: bool,
    /// How long it takes.
    pub delay: Duration,
    /// It answers 500 for the first so many attempts of a key.
    pub fail_times: u32,
    /// It panics for the first so many attempts of a key.
    pub panic_times: u32,
    /// How many bytes it answers with.
    pub body_bytes: Option<usize>,
}

impl Steering {
    /// The most bytes that a handler answers with.
    const MAX_BODY: usize = 16 * 1024 * 1024;

    /// Reads the parameters; what is unknown or not a number is passed over.
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
                "body_bytes" => {
                    steering.body_bytes = usize::try_from(number).ok().map(|bytes| bytes.min(Self::MAX_BODY));
                }
                _ => {}
            }
        }
        steering
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_nonsense_is_passed_over() {
        let steering = Steering::from_query(Some("gated=1&delay_ms=250&fail_times=2&panic_times=x&other=1"));
        assert!(steering.gated);
        assert_eq!(steering.delay, Duration::from_millis(250));
        assert_eq!((steering.fail_times, steering.panic_times, steering.body_bytes), (2, 0, None));
        assert_eq!(Steering::from_query(None), Steering::default());
    }
}
