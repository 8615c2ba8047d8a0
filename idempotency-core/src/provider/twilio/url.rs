//! The URL that Twilio signs: as the sender knows it, in the forms in which its signers are known to write it.

use std::fmt;

use http::Uri;

/// Where the sender believes the endpoint to be. `Debug` leaves the credentials out.
#[derive(Clone)]
pub(super) struct PublicUrl {
    scheme: String,
    /// Credentials, where there are any, with their `@`.
    userinfo: String,
    host: String,
    port: Option<String>,
    /// `None` where the request's own path counts.
    path: Option<String>,
}

impl PublicUrl {
    /// One endpoint's URL. A query or a fragment in it does not count.
    pub(super) fn new(url: &str) -> Self {
        let url = url.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        Self { path: Some(path.to_owned()), ..Self::at(scheme, authority) }
    }

    /// The same scheme and host, with the request's own path.
    pub(super) fn with_request_path(self) -> Self {
        Self { path: None, ..self }
    }

    fn at(scheme: &str, authority: &str) -> Self {
        let (userinfo, address) =
            authority.rfind('@').map_or(("", authority), |at| authority.split_at(at + 1));
        // The colons inside of an IPv6 address do not count.
        let colon = address.rfind(':').filter(|&colon| !address[colon..].contains(']'));
        let (host, port) = colon.map_or((address, None), |at| (&address[..at], Some(&address[at + 1..])));
        Self {
            scheme: scheme.to_owned(),
            userinfo: userinfo.to_owned(),
            host: host.to_owned(),
            port: port.map(ToOwned::to_owned),
            path: None,
        }
    }

    /// The forms in which the URL of a request may have been signed: with and without a port, and with its query as it
    /// was sent or written anew, since Twilio's signers are not consistent.
    pub(super) fn forms_for(&self, request: &Uri) -> Vec<String> {
        let path = self.path.as_deref().unwrap_or_else(|| request.path());
        let standard_port = if self.scheme == "http" { "80" } else { "443" };
        let port = self.port.as_deref().unwrap_or(standard_port);
        let mut queries = vec![request.query().map(|query| format!("?{query}")).unwrap_or_default()];
        let rewritten = rewritten(&queries[0]);
        if rewritten != queries[0] {
            queries.push(rewritten);
        }
        let Self { scheme, userinfo, host, .. } = self;
        let mut forms = Vec::with_capacity(4);
        for query in queries {
            forms.push(format!("{scheme}://{userinfo}{host}{path}{query}"));
            forms.push(format!("{scheme}://{userinfo}{host}:{port}{path}{query}"));
        }
        forms
    }
}

impl fmt::Debug for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicUrl")
            .field("scheme", &self.scheme)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A query, `?` included, as it reads after being parsed and written again in the form of old: decoded, and then
/// escaped but for letters, digits and `-_.!~*'()`.
fn rewritten(query: &str) -> String {
    let Some(query) = query.strip_prefix('?') else { return String::new() };
    let pairs = crate::provider::form::fields(query.as_bytes())
        .map(|(name, value)| format!("{}={}", escaped(&name), escaped(&value)));
    format!("?{}", pairs.collect::<Vec<_>>().join("&"))
}

fn escaped(text: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for &byte in text {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(url: PublicUrl, request: &str) -> Vec<String> {
        url.forms_for(&request.parse().unwrap())
    }

    #[test]
    fn a_url_is_signed_with_or_without_its_port() {
        let url = || PublicUrl::new("https://example.com/a?ignored=1#rc=2");
        assert_eq!(forms(url(), "/b?x=1"), ["https://example.com/a?x=1", "https://example.com:443/a?x=1"]);
        let url = PublicUrl::new("http://u:p@[::1]:8080");
        assert_eq!(forms(url, "/"), ["http://u:p@[::1]/", "http://u:p@[::1]:8080/"]);
    }

    #[test]
    fn all_of_a_url_but_its_user_is_printed() {
        assert_eq!(
            format!("{:?}", PublicUrl::new("http://u:p@example.com:8080/a")),
            r#"PublicUrl { scheme: "http", host: "example.com", port: Some("8080"), path: Some("/a"), .. }"#
        );
    }

    #[test]
    fn the_path_of_the_request_counts_where_it_is_asked_for() {
        let url = PublicUrl::new("http://example.com").with_request_path();
        assert_eq!(forms(url, "/b/c?x=1"), ["http://example.com/b/c?x=1", "http://example.com:80/b/c?x=1"]);
    }

    #[test]
    fn a_query_is_also_tried_as_old_signers_write_it() {
        let url = PublicUrl::new("https://example.com/a");
        let forms = forms(url, "/a?name=O%27Neil+J@x&flag");
        assert_eq!(forms[0], "https://example.com/a?name=O%27Neil+J@x&flag");
        assert_eq!(forms[2], "https://example.com/a?name=O'Neil%20J%40x&flag=");
    }
}
