//! JSON pointers (RFC 6901).

/// The path to a field that is left out of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::provider) struct Pointer(Vec<String>);

impl Pointer {
    /// Parses a pointer such as `/a/b`. `None` if the text is not a pointer, or points to the whole document.
    pub(in crate::provider) fn parse(text: &str) -> Option<Self> {
        let mut steps = text.split('/');
        let is_rooted = steps.next() == Some("");
        let steps: Vec<_> = steps.map(unescaped).collect::<Option<_>>()?;
        (is_rooted && !steps.is_empty()).then_some(Self(steps))
    }

    pub(in crate::provider) fn steps(&self) -> &[String] {
        &self.0
    }
}

/// Decodes a step of a pointer: `~1` stands for `/` and `~0` for `~`.
fn unescaped(step: &str) -> Option<String> {
    let has_valid_escapes = step.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    has_valid_escapes.then(|| step.replace("~1", "/").replace("~0", "~"))
}
