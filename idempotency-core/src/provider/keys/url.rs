//! The URLs that a sender's certificates may have.

use crate::provider::Rejection;

/// The longest URL of a certificate. PayPal documents 500 characters.
const MAX_LEN: usize = 500;

/// The URLs that a sender's certificates may have. Anything else is refused before it is fetched.
#[derive(Clone, Copy)]
pub(in crate::provider) struct CertificateUrls {
    pub(in crate::provider) is_host: fn(&str) -> bool,
    pub(in crate::provider) is_path: fn(&str) -> bool,
}

impl CertificateUrls {
    /// Checks a URL that an unauthenticated request names.
    ///
    /// Only one way to write it is accepted: `https`, a host in lower case, no user, no port, no query, and a path without
    /// escapes and dots between slashes. So no two parsers can read another host in it.
    pub(in crate::provider) fn check(self, url: &str) -> Result<(), Rejection> {
        let refused = Rejection::unauthenticated("the certificate's url is not one of the sender's");
        let parts = url.strip_prefix("https://").filter(|_| url.len() <= MAX_LEN);
        let Some((host, path)) = parts.and_then(|parts| Some(parts.split_at(parts.find('/')?))) else {
            return Err(refused);
        };
        let is_host = host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
        let is_segment = |segment: &str| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        let is_path = path.split('/').skip(1).all(is_segment);
        match is_host && is_path && (self.is_host)(host) && (self.is_path)(path) {
            true => Ok(()),
            false => Err(refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::RejectionKind;

    const URLS: CertificateUrls = CertificateUrls {
        is_host: |host| host == "keys.example.com",
        is_path: |path| path.ends_with(".pem"),
    };

    #[test]
    fn only_one_way_to_write_a_url_of_the_sender_is_accepted() {
        assert!(URLS.check("https://keys.example.com/a/B_1-2.pem").is_ok());
        let long = format!("https://keys.example.com/{}.pem", "a".repeat(MAX_LEN));
        for url in [
            "",
            "https://",
            "https://keys.example.com",
            "https://keys.example.com/",
            "https://keys.example.com/a.txt",
            "http://keys.example.com/a.pem",
            "HTTPS://keys.example.com/a.pem",
            "//keys.example.com/a.pem",
            "file:///a.pem",
            "https://KEYS.example.com/a.pem",
            "https://keys.example.com./a.pem",
            "https://keys.example.com:443/a.pem",
            "https://keys.example.com:8443/a.pem",
            "https://user@keys.example.com/a.pem",
            "https://keys.example.com@evil.example/a.pem",
            "https://evil.example/https://keys.example.com/a.pem",
            "https://evil.example#keys.example.com/a.pem",
            "https://evil.example?keys.example.com/a.pem",
            "https://evil.example\\keys.example.com/a.pem",
            "https://keys.example.com\\.evil.example/a.pem",
            "https://keys.example.com.evil.example/a.pem",
            "https://evilkeys.example.com/a.pem",
            "https://keys%2eexample.com/a.pem",
            "https://kéys.example.com/a.pem",
            "https://127.0.0.1/a.pem",
            "https://[::1]/a.pem",
            "https://keys.example.com/../a.pem",
            "https://keys.example.com/./a.pem",
            "https://keys.example.com/%2e%2e/a.pem",
            "https://keys.example.com//a.pem",
            "https://keys.example.com/a.pem?b=c.pem",
            "https://keys.example.com/a.pem#b.pem",
            "https://keys.example.com/a b.pem",
            "https://keys.example.com/a.pem\n",
            " https://keys.example.com/a.pem",
            &long,
        ] {
            let refused = URLS.check(url).expect_err(url);
            assert_eq!(refused.kind(), RejectionKind::Unauthenticated, "{url}");
        }
    }
}
