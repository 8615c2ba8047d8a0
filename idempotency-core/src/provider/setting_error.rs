//! Why a provider cannot be made of its settings.

use std::fmt;

use super::SecretError;

/// Why a provider cannot be made from its settings. The message never shows them.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// The secret is blank or malformed.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The text is not the URL of an endpoint.
    #[error(
        "the url cannot be that of an endpoint: expected an absolute http or https url without spaces around it and without a \
         fragment, such as https://example.com/webhooks"
    )]
    Url,
    /// The text is not the ARN of an Amazon SNS topic.
    #[error(
        "the text is not the arn of an amazon sns topic: expected arn:<partition>:sns:<region>:<12 digits>:<name>, such \
         as arn:aws:sns:us-west-2:123456789012:orders"
    )]
    Topic,
    /// The audience or the service account is blank, so tokens would not be checked against it.
    #[error("the audience or the service account is blank")]
    Blank,
}

/// As `Display`, since `main` prints it.
impl fmt::Debug for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
