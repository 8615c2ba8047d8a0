//! Which answers complete.

use http::StatusCode;

/// Which answers of a handler complete an execution. All others release the key and pass through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Completing {
    /// 2xx.
    Success,
    /// 2xx, 3xx and 4xx, save 401, 403, 408, 409, 421, 425 and 429.
    Final,
    /// Every answer, 5xx included: the rule of Stripe's API v1.
    Everything,
    /// 2xx and these.
    ///
    /// ```
    /// use http::StatusCode;
    /// use idempotency_core::{Completing, Policy};
    /// // The handler answers 410 to an event that no retry can save.
    /// let policy = Policy::webhook().with_completing(Completing::SuccessOr(&[StatusCode::GONE]));
    /// ```
    SuccessOr(&'static [StatusCode]),
}

impl Completing {
    /// Whether an answer of this status completes.
    #[must_use]
    pub fn includes(self, status: StatusCode) -> bool {
        match self {
            Self::Success => status.is_success(),
            Self::Final => {
                let transient = matches!(status.as_u16(), 401 | 403 | 408 | 409 | 421 | 425 | 429);
                (status.is_success() || status.is_redirection() || status.is_client_error()) && !transient
            }
            Self::Everything => true,
            Self::SuccessOr(others) => status.is_success() || others.contains(&status),
        }
    }
}
