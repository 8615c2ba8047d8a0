//! Why a registry of providers cannot be made.

/// Why a registry of providers cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvidersError {
    /// The path is not a pattern.
    #[error("the path `{path}` {reason}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The name cannot be a segment of a path in one spelling only.
    #[error("`{0}` is not a name of lower-case letters, digits, hyphens and underscores")]
    Name(String),
    /// Two providers have this name.
    #[error(
        "there are two providers with the name `{0}`: give one of them another name with `with_named_provider`"
    )]
    Duplicate(String),
    /// No provider has this name.
    #[error("there is no provider with the name `{0}`")]
    Unknown(String),
    /// The path does not name the provider, but there are several.
    #[error("the path has no {{provider}}, so there can be only one provider")]
    Unnamed,
    /// The provider is a registry itself.
    #[error("a registry cannot be a provider of another one: add its providers instead")]
    Nested,
}
