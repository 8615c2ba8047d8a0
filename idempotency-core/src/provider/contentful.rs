//! Contentful: a signature of the method, the path, some headers and the body. The key is a header, which may be one of them.

use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use http::Uri;

use super::{
    Certainty, Facts, Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, seconds,
    signature,
};
use crate::{Attributes, Delivery, Fingerprint, Key, Policy};

/// Contentful's webhooks with request verification.
///
/// The signature covers the method, the path with its query, the body, and the headers that `X-Contentful-Signed-Headers` lists. The
/// key is `X-Contentful-Idempotency-Key`. If it is not on that list, it is not signed. Then the body's digest is the
/// fingerprint, and a captured request can be sent again under another key while its time is fresh.
///
/// The path must arrive as Contentful sent it: a proxy must not rewrite it.
///
/// See [its page](crate::docs::providers::senders::contentful), with a whole route.
///
/// ```
/// use idempotency_core::provider::Contentful;
/// let contentful = Contentful::new("bm3IFQlVXyUrDbWLzdcSd0cyC_kwb3DAKY1XHyn6JEhKWdWnTbu9uQ1p4kLJYoi0")?;
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Contentful {
    secrets: Secrets,
    tolerance: Duration,
}

impl Contentful {
    /// What is known about Contentful.
    pub const FACTS: Facts = Facts {
        title: "Contentful",
        source: "https://github.com/contentful/node-apps-toolkit",
        certainty: Certainty::Confirmed,
        setup: "The secret is the signing secret of the space or the app, which has 64 characters. A proxy must not rewrite the path.",
        note: "It is not known whether a retry has a new time. If it keeps the old one, it is refused after 30 s: raise the tolerance.",
        ..Facts::UNKNOWN
    };

    /// Verifies with the signing secret of the space or the app, which has 64 characters.
    ///
    /// # Errors
    /// When it is blank or has another length.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(signing_secret(secret)?)))
    }

    /// Verifies with any of several signing secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, tolerance: seconds(30) }
    }

    /// Adds a signing secret: during a rotation, the previous one. Default: none.
    ///
    /// # Errors
    /// When it is blank or has another length.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(signing_secret(secret)?);
        Ok(self)
    }

    /// Sets the tolerance: the allowed clock skew of the signed time, in either direction. Default: 30 s, as in Contentful's
    /// library.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }
}

fn signing_secret(secret: impl AsRef<[u8]>) -> Result<Secret, SecretError> {
    let secret = Secret::new(secret)?;
    match secret.expose().len() {
        64 => Ok(secret),
        _ => Err(SecretError::Malformed("64 characters long")),
    }
}

const SIGNATURE: &str = "x-contentful-signature";
const SIGNED_HEADERS: &str = "x-contentful-signed-headers";
const TIMESTAMP: &str = "x-contentful-timestamp";
const KEY: &str = "x-contentful-idempotency-key";
const TOPIC: &str = "x-contentful-topic";

#[async_trait]
impl Provider for Contentful {
    fn name(&self) -> &str {
        "contentful"
    }

    /// Retention is 7 days.
    fn policy(&self) -> Policy {
        Self::FACTS.policy(days(7))
    }

    fn signature_window(&self) -> Duration {
        self.tolerance
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.check(incoming, |secret| secret.check_text(signing_secret)).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let candidate = signature::hex::<32>(signature::header(incoming, SIGNATURE)?);
        let signed = SignedHeaders::read(incoming)?;
        signed.check_time(incoming.now, self.tolerance)?;
        let path = canonical_path(incoming.uri)?;
        let secrets = self.secrets.for_request(incoming).await?;
        let head = format!("{}\n{path}\n{}\n", incoming.method, signed.text());
        let proof = signature::hmac_sha256(&secrets, &[head.as_bytes()], incoming.body, candidate)?;
        signed.check_borders()?;
        // Trimmed, as it is signed: spaces around it make no other key.
        let key = incoming.single_header(KEY)?.map(str::trim).filter(|key| !key.is_empty());
        let key = Key::new(
            key.ok_or(Rejection::key_missing("the x-contentful-idempotency-key header is missing"))?,
        )?;
        let mut delivery = Delivery::new(&proof, incoming.scope.clone(), key);
        if signed.value(KEY).is_none() {
            // A key that is not signed never equals one that is.
            delivery = delivery
                .narrowed_by_unsigned("unsigned key")
                .with_fingerprint(Fingerprint::of(proof.bytes()));
        }
        Ok(Received::Delivery(delivery.with_optional_attribute(Attributes::EVENT_TYPE, signed.value(TOPIC))))
    }
}

/// The signed headers, sorted by their names.
struct SignedHeaders<'a> {
    headers: Vec<(String, &'a str)>,
    /// The names, as they are signed.
    names: String,
}

impl<'a> SignedHeaders<'a> {
    fn read(incoming: &Incoming<'a>) -> Result<Self, Rejection> {
        let list = signature::header(incoming, SIGNED_HEADERS)?;
        let mut names: Vec<_> = list.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
        names.sort_unstable();
        let is_repeated = names.windows(2).any(|pair| pair[0] == pair[1]);
        let has = |name: &str| names.iter().any(|listed| listed == name);
        if is_repeated || !has(SIGNED_HEADERS) || !has(TIMESTAMP) {
            return Err(Rejection::unauthenticated(
                "the list of signed headers repeats one, or lacks itself or the time",
            ));
        }
        let headers = names.iter().map(|name| {
            let value =
                incoming.single_header(name)?.ok_or_else(|| Rejection::missing_header(name.clone()))?;
            Ok((name.clone(), value.trim()))
        });
        Ok(Self { headers: headers.collect::<Result<_, Rejection>>()?, names: names.join(",") })
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(listed, _)| listed == name).map(|(_, value)| *value)
    }

    fn text(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| match name.as_str() {
            SIGNED_HEADERS => format!("{name}:{}", self.names),
            _ => format!("{name}:{value}"),
        });
        headers.collect::<Vec<_>>().join(";")
    }

    /// Refuses headers whose signed text could be cut into other ones.
    fn check_borders(&self) -> Result<(), Rejection> {
        let starts: Vec<_> = self.headers.iter().map(|(name, _)| format!(";{name}:")).collect();
        let is_ambiguous = |(_, value): &(_, &str)| starts.iter().any(|start| value.contains(start));
        match self.headers.iter().any(is_ambiguous) {
            true => Err(Rejection::malformed("a signed header contains the beginning of another one")),
            false => Ok(()),
        }
    }

    fn check_time(&self, now: Duration, tolerance: Duration) -> Result<(), Rejection> {
        let text = self.value(TIMESTAMP).unwrap_or_default();
        let time = signature::digits(text).filter(|_| !text.is_empty() && !text.starts_with('0'));
        let time = time.ok_or(Rejection::unauthenticated("the timestamp is not a number"))?;
        match Duration::from_millis(time).abs_diff(now) > tolerance {
            true => Err(Rejection::unauthenticated("the timestamp is outside the tolerance")),
            false => Ok(()),
        }
    }
}

/// The path as it is signed. The query is escaped as a whole, and then all of it again, as in Contentful's library.
pub(crate) fn canonical_path(uri: &Uri) -> Result<String, Rejection> {
    let mut text = escaped(uri.path(), b";,/?:@&=+$-_.!~*'()#");
    if let Some(query) = uri.query().filter(|query| !query.is_empty()) {
        // The library leaves out what follows a second one.
        if query.contains('?') {
            return Err(Rejection::malformed(
                "the query has a question mark, and what follows it is not signed",
            ));
        }
        let query = escaped(query, b"-_.!~*'()");
        text.push('?');
        text.push_str(&escaped(&query, b";,/?:@&=+$-_.!~*'()#"));
    }
    Ok(text)
}

/// Percent-encodes all bytes but letters, digits and these.
fn escaped(text: &str, plain: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("a string takes any text");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `getNormalizedEncodedURI` of Contentful's library.
    #[test]
    fn a_query_is_escaped_twice() {
        for (uri, expected) in [
            ("/api/v1/hook", "/api/v1/hook"),
            ("/api/v1/hook?x=1", "/api/v1/hook?x%253D1"),
            ("/a%20b/c;d?x=a%20b&y=(1)", "/a%2520b/c;d?x%253Da%252520b%2526y%253D(1)"),
            ("/hook?", "/hook"),
        ] {
            assert_eq!(canonical_path(&uri.parse().unwrap()).unwrap(), expected, "{uri}");
        }
        assert!(canonical_path(&"/hook?a?b".parse().unwrap()).is_err());
    }
}
