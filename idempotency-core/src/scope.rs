//! The scope: where a key is unique.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::digest::FieldDigest;

/// Where a [`Key`](crate::Key) is unique: an endpoint, and inside it tenants and a principal where there are any.
///
/// Equal keys in two scopes are two intents, and an outcome recorded in one is never answered in the other. A
/// principal is kept as a digest only, since it is often a credential.
///
/// `Display` and `FromStr` are inverse: an operator can build the scope of a log line again. The printed form is the
/// endpoint, then `;tenant=…` for each tenant and `;principal=…` with the principal's digest.
///
/// ```
/// use idempotency_core::Scope;
/// let all = Scope::endpoint("POST /payments");
/// assert_ne!(all.clone().with_principal("alice"), all.clone().with_principal("bob"));
///
/// let tenant = all.with_tenant("acct_1");
/// assert_eq!(tenant.to_string(), "POST /payments;tenant=acct_1");
/// assert_eq!("POST /payments;tenant=acct_1".parse::<Scope>()?, tenant);
/// # Ok::<(), idempotency_core::ScopeError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    endpoint: Arc<str>,
    /// The outermost first.
    tenants: Vec<Arc<str>>,
    principal: Option<[u8; 32]>,
}

impl Scope {
    /// A scope for one endpoint: a route, a queue, a job's name.
    #[must_use]
    pub fn endpoint(endpoint: impl AsRef<str>) -> Self {
        Self { endpoint: endpoint.as_ref().into(), tenants: Vec::new(), principal: None }
    }

    /// Narrows the scope to a tenant: an account, a shop, a workspace. A second one lies inside the first: the workspace
    /// of an account. Default: none.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl AsRef<str>) -> Self {
        self.tenants.push(tenant.as_ref().into());
        self
    }

    /// Narrows the scope to one authenticated caller. Only a SHA-256 of it is kept. Default: none.
    #[must_use]
    pub fn with_principal(mut self, principal: impl AsRef<[u8]>) -> Self {
        self.principal = Some(FieldDigest::new("principal").field(principal.as_ref()).finish());
        self
    }

    /// The endpoint's name.
    #[must_use]
    pub fn as_endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The endpoint's name, shared.
    pub(crate) fn shared_endpoint(&self) -> Arc<str> {
        Arc::clone(&self.endpoint)
    }

    /// The tenants, the outermost first.
    pub fn tenants(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tenants.iter().map(AsRef::as_ref)
    }

    /// Adds everything that tells this scope from others to a digest.
    pub(crate) fn put_into(&self, digest: FieldDigest) -> FieldDigest {
        /// Stands where the principal's mark, 0 or 1, would: another tenant comes before it.
        const INNER_TENANT: &[u8] = &[2];
        let mut tenants = self.tenants().map(str::as_bytes);
        let digest = digest.field(self.endpoint.as_bytes()).optional(tenants.next());
        tenants
            .fold(digest, |digest, inner| digest.field(INNER_TENANT).field(inner))
            .optional(self.principal.as_ref().map(<[u8; 32]>::as_slice))
    }
}

const TENANT: &str = "tenant=";
const PRINCIPAL: &str = "principal=";

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(&self.endpoint))?;
        for tenant in &self.tenants {
            write!(f, ";{TENANT}{}", escaped(tenant))?;
        }
        match &self.principal {
            Some(principal) => write!(f, ";{PRINCIPAL}{}", BASE64URL_NOPAD.encode(principal)),
            None => Ok(()),
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let mut fields = text.split(';');
        let mut scope = Self::endpoint(unescaped(fields.next().unwrap_or_default())?);
        for field in fields {
            match (field.strip_prefix(TENANT), field.strip_prefix(PRINCIPAL), scope.principal) {
                (Some(tenant), _, None) => scope = scope.with_tenant(unescaped(tenant)?),
                (None, Some(digest), None) => {
                    let digest = BASE64URL_NOPAD.decode(digest.as_bytes()).map_err(|_| ScopeError)?;
                    scope.principal = Some(digest.try_into().map_err(|_| ScopeError)?);
                }
                _ => return Err(ScopeError),
            }
        }
        Ok(scope)
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

/// The text is not the printed form of a [`Scope`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a scope: expected an endpoint, then ;tenant=… and ;principal=… with a digest")]
#[non_exhaustive]
pub struct ScopeError;

/// The text without the characters that the printed form uses itself, and without control characters.
fn escaped(text: &str) -> Cow<'_, str> {
    let stays = |char: char| !matches!(char, ';' | '%') && !char.is_control();
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        if stays(char) {
            escaped.push(char);
        } else {
            let mut buffer = [0; 4];
            for byte in char.encode_utf8(&mut buffer).bytes() {
                escaped.push('%');
                escaped.push_str(&data_encoding::HEXUPPER.encode(&[byte]));
            }
        }
    }
    Cow::Owned(escaped)
}

fn unescaped(text: &str) -> Result<String, ScopeError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2).ok_or(ScopeError)?;
        bytes.extend(data_encoding::HEXUPPER.decode(digits).map_err(|_| ScopeError)?);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| ScopeError)
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("endpoint", &self.endpoint)
            .field("tenants", &self.tenants)
            .field("principal", &self.principal.map(|_| "[redacted]"))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_tells_its_endpoint_and_tenants() {
        assert_eq!(Scope::endpoint("e").as_endpoint(), "e");
        assert_eq!(Scope::endpoint("e").tenants().count(), 0);
        assert!(Scope::endpoint("e").with_tenant("t").with_tenant("u").tenants().eq(["t", "u"]));
    }

    #[test]
    fn an_endpoint_is_any_text_that_derefs_to_one() {
        let owned = String::from("e");
        assert_eq!(Scope::endpoint(&owned), Scope::endpoint(owned));
    }

    #[test]
    fn everything_is_printed_but_the_principal() {
        let scope = Scope::endpoint("e").with_tenant("t").with_principal("s3cret");
        let shown = format!("{scope:?} {scope}");
        assert!(shown.contains("\"e\"") && shown.contains("\"t\"") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn the_printed_form_is_read_back() {
        let plain = Scope::endpoint("stripe /webhooks/stripe");
        for scope in [
            plain.clone(),
            plain.clone().with_tenant("acct_1").with_tenant("t"),
            plain.with_tenant("").with_principal("p"),
            Scope::endpoint("a;tenant=b%\n").with_tenant(";principal=x").with_principal([0; 40]),
            Scope::endpoint(""),
            Scope::endpoint("schlüssel\u{7f}"),
        ] {
            assert_eq!(scope.to_string().parse(), Ok(scope.clone()), "{scope}");
            assert!(!scope.to_string().chars().any(char::is_control));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let digest = Scope::endpoint("e").with_principal("p").to_string();
        for text in ["e;", "e;x=y", "e;tenant", "e;principal=x", "e%", "e%4", "e%zz", "e%FF"] {
            assert_eq!(text.parse::<Scope>(), Err(ScopeError), "{text}");
        }
        assert_eq!(
            format!("{digest};tenant=t").parse::<Scope>(),
            Err(ScopeError),
            "the principal comes last"
        );
    }
}
