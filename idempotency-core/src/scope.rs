//! The scope: where a key is unique.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::digest::FieldDigest;

/// Where a [`Key`](crate::Key) is unique: an endpoint, optionally narrowed by tenants, accounts and a principal.
///
/// The same key in two scopes names two intents, and an outcome recorded in one scope never answers for the other. Only a
/// digest of the principal is kept, because a principal is often a credential.
///
/// `Display` and `FromStr` are inverses, so an operator can parse a scope from a log line. The printed form is the endpoint,
/// then `;tenant=…` for each tenant and `;account=…` for each account (in a registry also `;provider=…` and `;path-tenant=…`), then
/// `;query=…` and `;principal=…` with the digests of the query and the principal.
///
/// ```
/// use idempotency_core::Scope;
/// let all = Scope::endpoint("POST /payments");
/// assert_ne!(all.clone().with_principal("alice"), all.clone().with_principal("bob"));
///
/// let tenant = all.with_tenant("customer_1");
/// assert_eq!(tenant.to_string(), "POST /payments;tenant=customer_1");
/// assert_eq!("POST /payments;tenant=customer_1".parse::<Scope>()?, tenant);
/// # Ok::<(), idempotency_core::ScopeError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    endpoint: Arc<str>,
    /// `None` if nothing narrows it. A delivery's scope is cloned and moved often, so it is small and shared.
    narrowed: Option<Arc<Narrowed>>,
}

/// What narrows a scope.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Narrowed {
    /// Outermost first.
    tenants: Vec<(Level, Arc<str>)>,
    /// The digest of the request's query.
    query: Option<[u8; 32]>,
    principal: Option<[u8; 32]>,
}

/// Who narrowed the scope. Equal texts of two levels are two scopes: a sender may name an account like a tenant of the path.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Level {
    /// The user.
    Tenant,
    /// A provider, by the sender's account or by another value of a request.
    Account,
    /// A registry, by the provider's name.
    Provider,
    /// A registry, by the tenant that the path names.
    PathTenant,
}

impl Level {
    const ALL: [Self; 4] = [Self::Tenant, Self::Account, Self::Provider, Self::PathTenant];

    /// What comes before the text in the printed form.
    fn prefix(self) -> &'static str {
        match self {
            Self::Tenant => "tenant=",
            Self::Account => "account=",
            Self::Provider => "provider=",
            Self::PathTenant => "path-tenant=",
        }
    }

    /// Takes the place of the 0 or 1 before the principal in a digest, and says that this level comes first.
    fn marker(self) -> u8 {
        match self {
            Self::Tenant => 2,
            Self::Provider => 4,
            Self::PathTenant => 5,
            Self::Account => 6,
        }
    }
}

impl Scope {
    /// A scope for one endpoint, such as a route, a queue or a job.
    #[must_use]
    pub fn endpoint(endpoint: impl AsRef<str>) -> Self {
        Self { endpoint: endpoint.as_ref().into(), narrowed: None }
    }

    /// Narrows the scope to a tenant, such as a customer of yours. Another call adds a tenant inside it, such as one of the
    /// customer's teams. Default: none.
    ///
    /// A tenant never has the same keys as [an account](crate::provider::Incoming::narrowed_scope) of the sender, even if both have
    /// the same name.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl AsRef<str>) -> Self {
        self.narrow().tenants.push((Level::Tenant, tenant.as_ref().into()));
        self
    }

    /// Narrows the scope by the sender's account, or by another value that a provider reads from the request.
    pub(crate) fn with_account(mut self, account: &str) -> Self {
        self.narrow().tenants.push((Level::Account, account.into()));
        self
    }

    /// Narrows the scope to a provider of a registry.
    pub(crate) fn with_provider(mut self, name: &str) -> Self {
        self.narrow().tenants.push((Level::Provider, name.into()));
        self
    }

    /// Narrows the scope to a tenant that the path names.
    pub(crate) fn with_path_tenant(mut self, tenant: &str) -> Self {
        self.narrow().tenants.push((Level::PathTenant, tenant.into()));
        self
    }

    /// Narrows the scope by a request's query. Only its SHA-256 is kept, because queries carry tokens.
    ///
    /// The query has its own field: a sender could name an account like the digest of a query.
    pub(crate) fn with_query(mut self, query: &str) -> Self {
        self.narrow().query = Some(FieldDigest::new("query").field(query.as_bytes()).finish());
        self
    }

    /// Narrows the scope to one authenticated caller. Only its SHA-256 is kept. Default: none.
    #[must_use]
    pub fn with_principal(mut self, principal: impl AsRef<[u8]>) -> Self {
        self.narrow().principal = Some(FieldDigest::new("principal").field(principal.as_ref()).finish());
        self
    }

    fn narrow(&mut self) -> &mut Narrowed {
        Arc::make_mut(self.narrowed.get_or_insert_default())
    }

    /// The digests of the query and of the principal.
    fn digests(&self) -> (Option<&[u8; 32]>, Option<&[u8; 32]>) {
        self.narrowed.as_ref().map_or((None, None), |by| (by.query.as_ref(), by.principal.as_ref()))
    }

    /// The endpoint's name.
    #[must_use]
    pub fn endpoint_name(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn shared_endpoint(&self) -> Arc<str> {
        Arc::clone(&self.endpoint)
    }

    /// The tenants and the accounts, outermost first. In a registry these include the provider's name, if a scope is set, and the
    /// path's tenant.
    #[must_use]
    pub fn tenants(&self) -> impl ExactSizeIterator<Item = &str> {
        self.levels().iter().map(|(_, text)| &**text)
    }

    fn levels(&self) -> &[(Level, Arc<str>)] {
        self.narrowed.as_ref().map_or(&[][..], |by| &by.tenants)
    }

    /// Adds every part of this scope to a digest.
    pub(crate) fn put_into(&self, digest: FieldDigest) -> FieldDigest {
        /// Takes the place of the 0 or 1 before the principal, and says that the query's digest comes first.
        const QUERY: &[u8] = &[3];
        let (outer, inner) = match self.levels() {
            [(Level::Tenant, outer), inner @ ..] => (Some(outer.as_bytes()), inner),
            levels => (None, levels),
        };
        let digest = digest.field(self.endpoint.as_bytes()).optional(outer);
        let digest = inner
            .iter()
            .fold(digest, |digest, (level, text)| digest.field(&[level.marker()]).field(text.as_bytes()));
        let (query, principal) = self.digests();
        let digest = query.iter().fold(digest, |digest, query| digest.field(QUERY).field(*query));
        digest.optional(principal.map(<[u8; 32]>::as_slice))
    }
}

const QUERY: &str = "query=";
const PRINCIPAL: &str = "principal=";

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(&self.endpoint))?;
        for (level, text) in self.levels() {
            write!(f, ";{}{}", level.prefix(), escaped(text))?;
        }
        let (query, principal) = self.digests();
        for (name, digest) in [(QUERY, query), (PRINCIPAL, principal)] {
            if let Some(digest) = digest {
                write!(f, ";{name}{}", BASE64URL_NOPAD.encode(digest))?;
            }
        }
        Ok(())
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let mut fields = text.split(';');
        let mut scope = Self::endpoint(unescaped(fields.next().unwrap_or_default())?);
        let mut fields = fields.peekable();
        let level = |field: &str| Level::ALL.into_iter().find(|level| field.starts_with(level.prefix()));
        while let Some(field) = fields.next_if(|field| level(field).is_some()) {
            let level = level(field).ok_or(ScopeError)?;
            let text = unescaped(&field[level.prefix().len()..])?;
            scope.narrow().tenants.push((level, text.into()));
        }
        let mut digest = |name: &str| {
            let Some(field) = fields.next_if(|field| field.starts_with(name)) else { return Ok(None) };
            let bytes = BASE64URL_NOPAD.decode(&field.as_bytes()[name.len()..]).map_err(|_| ScopeError)?;
            bytes.try_into().map(Some).map_err(|_| ScopeError)
        };
        let (query, principal) = (digest(QUERY)?, digest(PRINCIPAL)?);
        if query.is_some() || principal.is_some() {
            let narrowed = scope.narrow();
            (narrowed.query, narrowed.principal) = (query, principal);
        }
        fields.next().map_or(Ok(scope), |_| Err(ScopeError))
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
#[error(
    "expected an endpoint, then any ;tenant=…, ;account=…, ;provider=… and ;path-tenant=…, and at most one ;query=… and ;principal=… with a digest"
)]
#[non_exhaustive]
pub struct ScopeError;

/// Escapes control characters and the characters that delimit the printed form.
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
        let (query, principal) = self.digests();
        f.debug_struct("Scope")
            .field("endpoint", &self.endpoint)
            .field("tenants", &self.tenants().collect::<Vec<_>>())
            .field("query", &query.map(|_| "[redacted]"))
            .field("principal", &principal.map(|_| "[redacted]"))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_an_endpoint_and_tenants() {
        assert_eq!(Scope::endpoint("e").endpoint_name(), "e");
        assert_eq!(Scope::endpoint("e").tenants().count(), 0);
        assert!(Scope::endpoint("e").with_tenant("t").with_tenant("u").tenants().eq(["t", "u"]));
    }

    /// A sender may name its account like a tenant, and a tenant may be named like a provider.
    #[test]
    fn equal_texts_of_two_levels_are_two_scopes() {
        let narrowings: [fn(Scope) -> Scope; 4] = [
            |scope| scope.with_tenant("a"),
            |scope| scope.with_account("a"),
            |scope| scope.with_provider("a"),
            |scope| scope.with_path_tenant("a"),
        ];
        let twice =
            narrowings.iter().flat_map(|outer| narrowings.map(|inner| inner(outer(Scope::endpoint("e")))));
        let scopes: Vec<_> =
            narrowings.map(|narrow| narrow(Scope::endpoint("e"))).into_iter().chain(twice).collect();
        let digest = |scope: &Scope| scope.put_into(FieldDigest::new("test")).finish();
        for (at, scope) in scopes.iter().enumerate() {
            for other in &scopes[at + 1..] {
                assert_ne!(scope, other);
                assert_ne!(digest(scope), digest(other), "{scope} {other}");
                assert_ne!(scope.to_string(), other.to_string());
            }
        }
    }

    #[test]
    fn an_endpoint_is_a_borrowed_or_an_owned_text() {
        let owned = String::from("e");
        assert_eq!(Scope::endpoint(&owned), Scope::endpoint(owned));
    }

    #[test]
    fn everything_but_the_principal_is_printed() {
        let scope = Scope::endpoint("e").with_tenant("t").with_principal("s3cret");
        let shown = format!("{scope:?} {scope}");
        assert!(shown.contains("\"e\"") && shown.contains("\"t\"") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn the_printed_form_parses_to_the_same_scope() {
        let plain = Scope::endpoint("stripe /webhooks/stripe");
        for scope in [
            plain.clone(),
            plain.clone().with_tenant("acct_1").with_tenant("t"),
            plain.clone().with_query("version=2"),
            plain.clone().with_tenant("t").with_query("").with_principal("p"),
            plain.with_tenant("").with_principal("p"),
            Scope::endpoint("a;tenant=b%\n").with_tenant(";principal=x").with_principal([0; 40]),
            Scope::endpoint("e")
                .with_provider("a;b")
                .with_path_tenant("")
                .with_tenant("t")
                .with_principal("p"),
            Scope::endpoint("e").with_tenant("t").with_path_tenant("u"),
            Scope::endpoint("e").with_tenant("t").with_account("a;").with_account(""),
            Scope::endpoint(""),
            Scope::endpoint("schlüssel\u{7f}"),
        ] {
            assert_eq!(scope.to_string().parse(), Ok(scope.clone()), "{scope}");
            assert!(!scope.to_string().chars().any(char::is_control));
        }
    }

    #[test]
    fn a_text_that_is_not_a_printed_scope_is_refused() {
        let digest = Scope::endpoint("e").with_principal("p").to_string();
        for text in ["e;", "e;x=y", "e;tenant", "e;principal=x", "e%", "e%4", "e%zz", "e%FF"] {
            assert_eq!(text.parse::<Scope>(), Err(ScopeError), "{text}");
        }
        let query = Scope::endpoint("e").with_query("q").to_string();
        for text in [
            format!("{digest};tenant=t"),
            format!("{digest};{}", &query[2..]),
            format!("{query};{}", &query[2..]),
        ] {
            assert_eq!(text.parse::<Scope>(), Err(ScopeError), "{text}");
        }
    }
}
