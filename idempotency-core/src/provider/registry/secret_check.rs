//! The providers whose secrets cannot be used.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::provider::Rejection;

/// The providers of a registry whose secrets cannot be used, each with the reason and its causes. This library puts no secret into
/// them: a source's own errors must not either.
#[derive(Clone)]
pub struct SecretCheckError {
    failures: Vec<Failure>,
}

/// The name of a provider, and why its secrets cannot be used.
pub(super) type Failure = (Arc<str>, Rejection);

impl SecretCheckError {
    /// An error if there are failures.
    pub(super) fn check(failures: Vec<Failure>) -> Result<(), Self> {
        match failures.is_empty() {
            true => Ok(()),
            false => Err(Self { failures }),
        }
    }

    /// The name of each provider whose secrets cannot be used, and why, in the order in which the providers were added.
    #[must_use]
    pub fn failures(&self) -> impl ExactSizeIterator<Item = (&str, &Rejection)> {
        self.failures.iter().map(|(name, rejection)| (&**name, rejection))
    }
}

/// With the causes, since there are several.
impl fmt::Display for SecretCheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secrets of providers cannot be used")?;
        let mut separator = ": ";
        for (name, rejection) in self.failures() {
            write!(f, "{separator}{name}: {rejection}")?;
            let mut cause = rejection.source();
            while let Some(error) = cause {
                write!(f, ": {error}")?;
                cause = error.source();
            }
            separator = "; ";
        }
        Ok(())
    }
}

/// As `Display`: `main` prints it, and the `Debug` of a cause may show more than its `Display`.
impl fmt::Debug for SecretCheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for SecretCheckError {}
