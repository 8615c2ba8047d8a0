//! The errors of a scheme, all of which show when its provider is made.

use std::fmt;

use super::Place;
use crate::provider::SecretError;

/// Why a [`Scheme`](super::Scheme) and its secret do not make a provider.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemeError {
    /// The secret is not one.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The scheme's name has other characters than lower-case letters, digits and hyphens.
    #[error("`{0}` is not a name of lower-case letters, digits and hyphens")]
    Name(&'static str),
    /// No header is named for the signature, the token or the credentials.
    #[error("no signature header is set: call `signature_header`")]
    NoSignatureHeader,
    /// A text is not a header name.
    #[error("`{0}` is not a header name")]
    HeaderName(&'static str),
    /// A text is not a JSON pointer to a field.
    #[error("`{0}` is not a json pointer to a field, such as /data/id")]
    Pointer(&'static str),
    /// A text does not point to the events of a request.
    #[error("`{0}` is not a path to each event of a list, such as /data/events/*")]
    Events(&'static str),
    /// A text is not a method.
    #[error("`{0}` is not a method")]
    Method(&'static str),
    /// The template of the signed text is not one, or a part of it is not defined.
    #[error("the template `{template}` {reason}")]
    Template {
        /// The template.
        template: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No place is named for the key.
    #[error("no key is set: call `key_in`")]
    NoKey,
    /// A place cannot be used where it is.
    #[error("{place} {reason}")]
    Place {
        /// The place.
        place: Place,
        /// Why it cannot be used.
        reason: &'static str,
    },
    /// The sender signs the endpoint's URL. The scheme has none, or one that is not an absolute `http` or `https` URL without a
    /// fragment.
    #[error(
        "the sender signs the endpoint's url: call `with_url` with the absolute http or https url, exactly as the sender has it, \
         such as https://example.com/webhooks"
    )]
    Url,
    /// A setting does not fit the others.
    #[error("{0}")]
    Setting(&'static str),
}

/// As `Display`, since `main` prints it.
impl fmt::Debug for SchemeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
