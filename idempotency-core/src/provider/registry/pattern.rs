//! The pattern of a path: where it names the provider, and where the tenant.

use std::borrow::Cow;
use std::sync::Arc;

use super::ProvidersError;
use crate::path::{decoded, normalized};

/// The longest name of a tenant, in bytes. It bounds the scope and what a source of secrets is asked for.
const LONGEST_TENANT: usize = 255;

/// The pattern of a path, such as `/webhooks/{provider}/{tenant}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathPattern {
    text: Arc<str>,
    segments: Arc<[Segment]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(Box<str>),
    Provider,
    Tenant,
}

/// A path that a pattern matches.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathMatch<'p> {
    /// The provider's name, if the pattern has a place for it.
    pub(super) provider: Option<&'p str>,
    /// The tenant, if the pattern has a place for it. Decoded.
    pub(super) tenant: Option<Cow<'p, str>>,
}

const PROVIDER: &str = "{provider}";
const TENANT: &str = "{tenant}";

impl PathPattern {
    pub(super) fn parse(text: &str) -> Result<Self, ProvidersError> {
        let wrong = |reason| ProvidersError::Path { path: text.into(), reason };
        let path = text.strip_prefix('/').ok_or_else(|| wrong("does not begin with a slash"))?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = Vec::new();
        for segment in path.split('/') {
            segments.push(match segment {
                PROVIDER => Segment::Provider,
                TENANT => Segment::Tenant,
                "" => return Err(wrong("has an empty segment")),
                _ if segment.contains(['{', '}', '*', ':', '?', '#']) => {
                    return Err(wrong("has a placeholder other than the segments {provider} and {tenant}"));
                }
                _ => Segment::Literal(normalized(segment).into()),
            });
        }
        let count = |kind| segments.iter().filter(|segment| **segment == kind).count();
        match (count(Segment::Provider), count(Segment::Tenant)) {
            (0, 0) => Err(wrong("has neither {provider} nor {tenant}")),
            (0 | 1, 0 | 1) => Ok(Self { text: format!("/{path}").into(), segments: segments.into() }),
            _ => Err(wrong("has a placeholder twice")),
        }
    }

    /// Whether the path names the provider.
    pub(super) fn names_provider(&self) -> bool {
        self.segments.contains(&Segment::Provider)
    }

    /// Whether the path names a tenant.
    pub(super) fn names_tenant(&self) -> bool {
        self.segments.contains(&Segment::Tenant)
    }

    /// The pattern as it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The pattern of one provider's paths, such as `/webhooks/stripe/{tenant}`.
    pub(super) fn of_provider(&self, name: &str) -> String {
        self.text.replace(PROVIDER, name)
    }

    /// Matches a [normalized](normalized) path. One slash at the end is ignored, as it names nothing.
    pub(super) fn matches<'p>(&self, path: &'p str) -> Option<PathMatch<'p>> {
        let path = path.strip_prefix('/')?;
        let mut found = path.strip_suffix('/').unwrap_or(path).split('/');
        let mut matched = PathMatch { provider: None, tenant: None };
        for segment in &*self.segments {
            let text = found.next().filter(|text| !text.is_empty())?;
            match segment {
                Segment::Literal(literal) if **literal == *text => {}
                Segment::Literal(_) => return None,
                Segment::Provider => matched.provider = Some(text),
                Segment::Tenant => matched.tenant = Some(decoded(text).filter(|tenant| is_tenant(tenant))?),
            }
        }
        found.next().is_none().then_some(matched)
    }
}

fn is_tenant(text: &str) -> bool {
    text.len() <= LONGEST_TENANT && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> PathPattern {
        PathPattern::parse(text).unwrap()
    }

    /// What the path names: the provider and the tenant.
    fn named(pattern: &PathPattern, path: &str) -> Option<(Option<String>, Option<String>)> {
        decoded(path)?;
        let path = normalized(path);
        let matched = pattern.matches(&path)?;
        Some((matched.provider.map(str::to_owned), matched.tenant.map(Cow::into_owned)))
    }

    fn some(provider: &str, tenant: &str) -> Option<(Option<String>, Option<String>)> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some((text(provider), text(tenant)))
    }

    #[test]
    fn a_path_names_a_provider_and_a_tenant_wherever_the_pattern_says() {
        assert_eq!(named(&pattern("/webhooks/{provider}"), "/webhooks/stripe"), some("stripe", ""));
        assert_eq!(named(&pattern("/{tenant}"), "/acme"), some("", "acme"));
        let inner = pattern("/{tenant}/webhooks/{provider}/v2");
        assert_eq!(named(&inner, "/acme/webhooks/stripe/v2"), some("stripe", "acme"));
        assert_eq!(inner.of_provider("stripe"), "/{tenant}/webhooks/stripe/v2");
    }

    #[test]
    fn every_spelling_of_a_path_names_the_same() {
        let pattern = pattern("/webhooks/{provider}/{tenant}/");
        for path in ["/webhooks/stripe/acme", "/webhooks/stripe/acme/", "/%77ebhooks/strip%65/%61cme"] {
            assert_eq!(named(&pattern, path), some("stripe", "acme"), "{path}");
        }
        for (path, tenant) in [
            ("/webhooks/stripe/a%2Fb", "a/b"),
            ("/webhooks/stripe/a%252Fb", "a%2Fb"),
            ("/webhooks/stripe/a%20b", "a b"),
            ("/webhooks/stripe/caf%c3%a9", "caf\u{e9}"),
            ("/webhooks/stripe/Acme", "Acme"),
        ] {
            assert_eq!(named(&pattern, path), some("stripe", tenant), "{path}");
        }
    }

    #[test]
    fn a_path_of_another_form_names_nothing() {
        let pattern = pattern("/webhooks/{provider}/{tenant}");
        let long = format!("/webhooks/stripe/{}", "a".repeat(256));
        for path in [
            "",
            "*",
            "/",
            "/webhooks",
            "/webhooks/stripe",
            "/webhooks/stripe/",
            "/webhooks/stripe//",
            "/webhooks//acme",
            "//webhooks/stripe/acme",
            "/webhooks/stripe/acme//",
            "/webhooks/stripe/acme/x",
            "/Webhooks/stripe/acme",
            "/webhooks%2Fstripe/acme",
            "/api/webhooks/stripe/acme",
            "/webhooks/stripe/%00",
            "/webhooks/stripe/a%0Ab",
            "/webhooks/stripe/%FF",
            "/webhooks/stripe/a%",
            &long,
        ] {
            assert_eq!(named(&pattern, path), None, "{path}");
        }
        assert!(named(&pattern, &long[..long.len() - 1]).is_some());
    }

    #[test]
    fn a_pattern_that_cannot_be_meant_is_refused() {
        for path in [
            "",
            "/",
            "webhooks/{provider}",
            "/webhooks",
            "/webhooks/:provider",
            "/webhooks/{name}/{provider}",
            "/webhooks/{provider}/{*rest}",
            "/webhooks/{provider}/{provider}",
            "/{tenant}/{tenant}",
            "/webhooks//{provider}",
            "/webhooks/x-{provider}",
            "/webhooks/{provider}?a=b",
        ] {
            assert!(matches!(PathPattern::parse(path), Err(ProvidersError::Path { .. })), "{path}");
        }
    }
}
