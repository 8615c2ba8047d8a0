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

    pub(super) fn is_absolute(&self) -> bool {
        self.0.parse::<Uri>().is_ok_and(|url| url.scheme().is_some() && url.host().is_some())
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
        assert!(url.is_absolute());
        for text in ["", "/a", "example.com/a", "https://", "https://exa mple.com"] {
            assert!(!EndpointUrl::new(text).is_absolute(), "{text}");
        }
        assert_eq!(format!("{:?}", EndpointUrl::new("https://u:p@exa mple.com")), "[not a url]");
    }
}
