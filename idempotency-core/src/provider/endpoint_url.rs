//! The endpoint's URL, as the sender has it.

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use http::Uri;
use http::uri::Authority;

use super::SettingError;

/// The endpoint's URL, byte for byte. `Debug` leaves credentials and the query out.
#[derive(Clone)]
pub(super) struct EndpointUrl(Arc<str>);

impl EndpointUrl {
    pub(super) fn new(url: &str) -> Self {
        Self(Arc::from(url))
    }

    /// The URL of an endpoint, if it [is one](Self::is_valid).
    pub(super) fn checked(url: &str) -> Result<Self, SettingError> {
        let url = Self::new(url);
        if url.is_valid() { Ok(url) } else { Err(SettingError::Url) }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a sender can send requests to it: an absolute `http` or `https` URL. A fragment is never sent, so a URL with one is
    /// not what the sender signs.
    pub(super) fn is_valid(&self) -> bool {
        let is_web = |url: Uri| {
            matches!(url.scheme_str(), Some("http" | "https")) && url.authority().is_some_and(is_authority)
        };
        // `Uri` accepts text outside ASCII in a path, and so the invisible characters of a copied one.
        let is_invisible = |character: char| {
            character.is_whitespace()
                || character.is_control()
                || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
        };
        !self.0.contains('#') && !self.0.contains(is_invisible) && self.0.parse().is_ok_and(is_web)
    }
}

/// Whether there is a host, with a port that is a number if there is one. `Uri` checks neither.
fn is_authority(authority: &Authority) -> bool {
    let host = authority.host();
    let address = authority.as_str().rsplit('@').next().unwrap_or_default();
    let port = address.strip_prefix(host).unwrap_or_default();
    is_host(host) && (port.is_empty() || authority.port_u16().is_some_and(|port| port != 0))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.bytes().all(is_allowed)
    };
    host.strip_suffix('.').unwrap_or(host).split('.').all(is_label)
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
            "https://example.com.:443/",
            "https://u:p@[::1]:8080/a",
            "http://my_service/größe",
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
            "https://example.com:99999/a",
            "https://example.com:0/a",
            "https://example.com:/a",
            "https://example.com:abc/a",
            "https://https://example.com/a",
            "https://example.com,https://example.org/a",
            "https://$HOST/a",
            "https://*/a",
            "https://[]/a",
            "https://[zz]/a",
            "https://./a",
            "https://example..com/a",
            "https://u@/a",
            "https://example.com/a\u{a0}",
            "https://example.com/a\u{200b}",
        ] {
            assert!(!EndpointUrl::new(text).is_valid(), "{text}");
        }
    }
}
