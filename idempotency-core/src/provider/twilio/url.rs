//! The URL that Twilio signs, in all the ways in which Twilio is known to write it.

use std::fmt;

use http::Uri;

use crate::provider::SettingError;
use crate::provider::endpoint_url::EndpointUrl;

/// The endpoint's URL as the sender knows it. `Debug` leaves the credentials out.
#[derive(Clone)]
pub(super) struct PublicUrl {
    scheme: String,
    /// Credentials with their `@`, or empty.
    userinfo: String,
    host: String,
    port: Option<String>,
    /// `None` if the request's own path is used.
    path: Option<String>,
}

impl PublicUrl {
    /// One endpoint's URL. Its query and its fragment are ignored: the query comes with each request, and a fragment, such as
    /// `#rc=2`, tells Twilio how to connect.
    ///
    /// # Errors
    /// [`SettingError::Url`] when the rest is not a URL that Twilio can send requests to.
    pub(super) fn new(url: &str) -> Result<Self, SettingError> {
        let url = EndpointUrl::checked(url.split(['?', '#']).next().unwrap_or_default())?;
        let (scheme, rest) = url.as_str().split_once("://").ok_or(SettingError::Url)?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        Ok(Self { path: Some(path.to_owned()), ..Self::at(scheme, authority) })
    }

    /// The same scheme and host, with the request's own path.
    pub(super) fn with_request_path(self) -> Self {
        Self { path: None, ..self }
    }

    fn at(scheme: &str, authority: &str) -> Self {
        let (userinfo, address) =
            authority.rfind('@').map_or(("", authority), |at| authority.split_at(at + 1));
        // A colon inside an IPv6 address does not start a port.
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

    /// The URLs that may have been signed for a request: with and without a port, and with the query as sent or rewritten.
    /// Twilio's signers are not consistent.
    pub(super) fn candidates_for(&self, request: &Uri) -> Vec<String> {
        let path = self.path.as_deref().unwrap_or_else(|| request.path());
        let standard_port = if self.scheme == "http" { "80" } else { "443" };
        let port = self.port.as_deref().unwrap_or(standard_port);
        let mut queries = vec![request.query().map(|query| format!("?{query}")).unwrap_or_default()];
        let rewritten = rewritten(&queries[0]);
        if rewritten != queries[0] {
            queries.push(rewritten);
        }
        let Self { scheme, userinfo, host, .. } = self;
        let mut urls = Vec::with_capacity(4);
        for query in queries {
            urls.push(format!("{scheme}://{userinfo}{host}{path}{query}"));
            urls.push(format!("{scheme}://{userinfo}{host}:{port}{path}{query}"));
        }
        urls
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

/// A query, including its `?`, after it is decoded and escaped again as Twilio's older signers do: all but letters, digits
/// and `-_.!~*'()` are escaped.
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

    fn candidates(url: PublicUrl, request: &str) -> Vec<String> {
        url.candidates_for(&request.parse().unwrap())
    }

    #[test]
    fn a_url_is_signed_with_or_without_its_port() {
        let url = || PublicUrl::new("https://example.com/a?ignored=1#rc=2").unwrap();
        assert_eq!(
            candidates(url(), "/b?x=1"),
            ["https://example.com/a?x=1", "https://example.com:443/a?x=1"]
        );
        let url = PublicUrl::new("http://u:p@[::1]:8080").unwrap();
        assert_eq!(candidates(url, "/"), ["http://u:p@[::1]/", "http://u:p@[::1]:8080/"]);
    }

    /// Twilio's pages on security and on connection overrides show these forms.
    #[test]
    fn a_url_may_have_all_that_twilio_documents() {
        for (url, signed) in [
            ("https://mycompany.com/myapp.php?foo=1&bar=2", "https://mycompany.com/myapp.php"),
            ("http://mycompany.com/myapp", "http://mycompany.com/myapp"),
            (
                "https://username:password@www.myserver.com/my_secure_document",
                "https://username:password@www.myserver.com/my_secure_document",
            ),
            ("https://user%40:pass%3A@example.com:8443/a", "https://user%40:pass%3A@example.com/a"),
            ("https://example.com/a#rc=3&rp=4xx,5xx", "https://example.com/a"),
            ("https://example.com/a?to={{to number}}#ct=2000", "https://example.com/a"),
            ("https://example.com", "https://example.com/"),
        ] {
            assert_eq!(candidates(PublicUrl::new(url).unwrap(), "/")[0], signed);
        }
    }

    #[test]
    fn a_url_that_twilio_cannot_send_to_is_refused() {
        for url in [
            "",
            "example.com/a",
            "/a",
            "#rc=2",
            "?a=b",
            "ftp://example.com/a",
            "https://",
            "https://example.com /a",
            " https://example.com/a",
            "https://example.com/a ?b=c",
            "https://example.com:0/a",
        ] {
            assert_eq!(PublicUrl::new(url).map(drop), Err(SettingError::Url), "{url:?}");
        }
    }

    #[test]
    fn all_of_a_url_but_its_user_is_printed() {
        assert_eq!(
            format!("{:?}", PublicUrl::new("http://u:p@example.com:8080/a").unwrap()),
            r#"PublicUrl { scheme: "http", host: "example.com", port: Some("8080"), path: Some("/a"), .. }"#
        );
    }

    #[test]
    fn the_path_of_the_request_is_used_if_asked_for() {
        let url = PublicUrl::new("http://example.com").unwrap().with_request_path();
        assert_eq!(
            candidates(url, "/b/c?x=1"),
            ["http://example.com/b/c?x=1", "http://example.com:80/b/c?x=1"]
        );
    }

    #[test]
    fn a_query_is_also_tried_as_old_signers_write_it() {
        let url = PublicUrl::new("https://example.com/a").unwrap();
        let urls = candidates(url, "/a?name=O%27Neil+J@x&flag");
        assert_eq!(urls[0], "https://example.com/a?name=O%27Neil+J@x&flag");
        assert_eq!(urls[2], "https://example.com/a?name=O'Neil%20J%40x&flag=");
    }
}
