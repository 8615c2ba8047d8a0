//! The endpoint's URL, as the sender has it.

use std::fmt;
use std::sync::Arc;

use http::Uri;

/// The endpoint's URL, byte for byte. `Debug` leaves credentials and the query out.
#[derive(Clone)]
pub(super) struct EndpointUrl(Arc<str>);

impl EndpointUrl {
    pub(super) fn new(url: &str) -> Self {
        Self(Arc::from(url))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a sender can send requests to it: an absolute `http` or `https` URL. A fragment is never sent, so a URL with one is
    /// not what the sender signs.
    pub(super) fn is_valid(&self) -> bool {
        let is_web = |url: Uri| {
            matches!(url.scheme_str(), Some("http" | "https"))
                && url.host().is_some_and(|host| !host.is_empty())
        };
        !self.0.contains('#') && self.0.parse().is_ok_and(is_web)
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.parse::<Uri>() {
            Ok(url) => write!(f, "{}{}", url.host().unwrap_or_default(), url.path()),
            Err(_) => f.write_str("[not a url]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_and_the_path_are_printed() {
        let url = EndpointUrl::new("https://u:p@example.com:8080/a?token=t");
        assert_eq!(format!("{url:?}"), "example.com/a");
        assert_eq!(format!("{:?}", EndpointUrl::new("https://u:p@exa mple.com")), "[not a url]");
    }

    #[test]
    fn only_a_url_that_a_sender_can_send_to_is_valid() {
        for text in [
            "https://example.com",
            "http://127.0.0.1:3000/webhooks/mandrill",
            "https://u:p@example.com:8080/a?token=t",
            "https://[::1]/a%20b",
            "HTTPS://Example.com/",
        ] {
            assert!(EndpointUrl::new(text).is_valid(), "{text}");
        }
        for text in [
            "",
            " ",
            "/a",
            "a",
            "example.com",
            "example.com/a",
            "example.com:443/a",
            "//example.com/a",
            "https:/example.com/a",
            "https://",
            "https:///a",
            "https://:443/a",
            "https://exa mple.com",
            " https://example.com/a",
            "https://example.com/a ",
            "https://example.com/a\n",
            "https://example.com/a#b",
            "https://example.com/#",
            "\"https://example.com/a\"",
            "htps://example.com/a",
            "ftp://example.com/a",
        ] {
            assert!(!EndpointUrl::new(text).is_valid(), "{text}");
        }
    }
}
