//! The answers that complete an execution.

use std::fmt;

use http::StatusCode;

/// The set of statuses with which a handler's answer completes an execution.
///
/// An answer with another status passes through and releases the key, or leaves it in doubt under
/// [`OnExpired::InDoubt`](crate::OnExpired::InDoubt).
///
/// ```
/// use http::StatusCode;
/// use idempotency_core::{Completing, Policy};
/// // The handler answers 410 to an event that no retry can fix.
/// let policy = Policy::webhook().with_completing(Completing::success().with([StatusCode::GONE]));
/// // An API whose 404 means "not there yet".
/// let policy = Policy::api().with_completing(Completing::final_answers().without([StatusCode::NOT_FOUND]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Completing {
    /// One bit per status.
    bits: [u64; WORDS],
}

/// The statuses that `http` allows.
const STATUSES: std::ops::RangeInclusive<u16> = 100..=999;
const WORDS: usize = 1000 / 64 + 1;

/// The 4xx that refuse a request before it has any effect, because of its caller, its time or its form. They are not results:
/// the same intent may get another answer a moment later.
const NO_RESULT: [u16; 21] =
    [401, 403, 405, 406, 407, 408, 409, 411, 412, 413, 414, 415, 416, 417, 421, 423, 425, 426, 428, 429, 431];

impl Completing {
    /// No status: every execution releases its key.
    #[must_use]
    pub fn nothing() -> Self {
        Self { bits: [0; WORDS] }
    }

    /// The 2xx.
    #[must_use]
    pub fn success() -> Self {
        Self::nothing().with_codes(200..=299)
    }

    /// The 2xx, the 3xx, and the 4xx that are results.
    ///
    /// 401, 403, 405 to 409, 411 to 417, 421, 423, 425, 426, 428, 429 and 431 are not results: they refuse a request before it
    /// has any effect. [The policy page](crate::docs::policy) has
    /// the reason for each.
    #[must_use]
    pub fn final_answers() -> Self {
        Self::nothing().with_codes(200..=499).without_codes(NO_RESULT)
    }

    /// Every status, including 5xx, as Stripe's API v1 does.
    #[must_use]
    pub fn everything() -> Self {
        Self::nothing().with_codes(STATUSES)
    }

    /// Adds these statuses.
    #[must_use]
    pub fn with(self, statuses: impl IntoIterator<Item = StatusCode>) -> Self {
        self.with_codes(statuses.into_iter().map(|status| status.as_u16()))
    }

    /// Removes these statuses.
    #[must_use]
    pub fn without(self, statuses: impl IntoIterator<Item = StatusCode>) -> Self {
        self.without_codes(statuses.into_iter().map(|status| status.as_u16()))
    }

    /// Whether an answer with this status completes.
    #[must_use]
    pub fn includes(&self, status: StatusCode) -> bool {
        let (word, bit) = place(status.as_u16());
        self.bits[word] & bit != 0
    }

    fn with_codes(mut self, codes: impl IntoIterator<Item = u16>) -> Self {
        for (word, bit) in codes.into_iter().map(place) {
            self.bits[word] |= bit;
        }
        self
    }

    fn without_codes(mut self, codes: impl IntoIterator<Item = u16>) -> Self {
        for (word, bit) in codes.into_iter().map(place) {
            self.bits[word] &= !bit;
        }
        self
    }

    fn has(&self, code: u16) -> bool {
        let (word, bit) = place(code);
        self.bits[word] & bit != 0
    }
}

fn place(code: u16) -> (usize, u64) {
    (usize::from(code) / 64, 1 << (code % 64))
}

/// Shows ranges: `200-299, 410`.
impl fmt::Debug for Completing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Completing(")?;
        let mut separator = "";
        let mut codes = STATUSES.filter(|code| self.has(*code)).peekable();
        while let Some(first) = codes.next() {
            let mut last = first;
            while let Some(next) = codes.next_if_eq(&(last + 1)) {
                last = next;
            }
            write!(f, "{separator}{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
            separator = ", ";
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(codes: &[u16], rule: Completing) -> Vec<u16> {
        codes.iter().copied().filter(|code| rule.includes(StatusCode::from_u16(*code).unwrap())).collect()
    }

    #[test]
    fn only_a_2xx_completes_a_webhook() {
        assert_eq!(of(&[199, 200, 204, 299, 300, 301, 404, 500], Completing::success()), [200, 204, 299]);
    }

    #[test]
    fn an_answer_that_refuses_before_any_effect_is_not_a_result() {
        let results = [400, 402, 404, 410, 418, 422, 424, 451];
        assert_eq!(of(&results, Completing::final_answers()), results);
        assert_eq!(of(&NO_RESULT, Completing::final_answers()), [0_u16; 0]);
        assert_eq!(
            of(&[200, 201, 303, 308, 500, 503, 999], Completing::final_answers()),
            [200, 201, 303, 308]
        );
    }

    #[test]
    fn everything_includes_every_status_and_nothing_none() {
        let all: Vec<u16> = STATUSES.collect();
        assert_eq!(of(&all, Completing::everything()), all);
        assert_eq!(of(&all, Completing::nothing()), [0_u16; 0]);
    }

    #[test]
    fn statuses_can_be_added_and_removed() {
        let read = ["410", "404"].map(|text| text.parse::<StatusCode>().unwrap());
        let rule = Completing::success().with(read).without([StatusCode::ACCEPTED]);
        assert_eq!(of(&[200, 202, 404, 410, 500], rule), [200, 404, 410]);
        assert_eq!(format!("{rule:?}"), "Completing(200-201, 203-299, 404, 410)");
    }
}
