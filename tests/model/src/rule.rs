//! The rules: what must hold in every state that can be reached.

/// A rule of the protocol, by the name of its invariant where it has one.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "these are the rules")]
pub enum Rule {
    /// Fences grow with every grant, and one lease at most holds a key.
    I1,
    /// All completions of a key are one.
    I2,
    /// After a completion every claim answers that outcome.
    I3,
    /// Whoever holds nothing changes nothing.
    I4,
    /// Repeating an operation is harmless.
    I5,
    /// A dead holder blocks no longer than its lease.
    I6,
    /// Unreadable is never free.
    I7,
    /// The mark never falls, and no older version starts after a newer one has completed.
    I8,
    /// Whoever holds a lease is told so, also when late.
    Holder,
    /// An abandoned key is rerun only by a claim that says so, and nothing else is in doubt.
    Doubt,
    /// A mismatch is told where the fingerprints differ, and nowhere else.
    Mismatch,
    /// The attempt that a grant names is the number of grants.
    Attempt,
}

impl Rule {
    pub(crate) const ALL: [Self; 12] = [
        Self::I1,
        Self::I2,
        Self::I3,
        Self::I4,
        Self::I5,
        Self::I6,
        Self::I7,
        Self::I8,
        Self::Holder,
        Self::Doubt,
        Self::Mismatch,
        Self::Attempt,
    ];

    /// The name of its property.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::I1 => "I1: fences grow, and one lease at most holds a key",
            Self::I2 => "I2: all completions of a key are one",
            Self::I3 => "I3: after a completion every claim answers that outcome",
            Self::I4 => "I4: whoever holds nothing changes nothing",
            Self::I5 => "I5: repeating is harmless",
            Self::I6 => "I6: a dead holder blocks no longer than its lease",
            Self::I7 => "I7: unreadable is never free",
            Self::I8 => "I8: the mark never falls, and nothing older starts",
            Self::Holder => "whoever holds a lease is told so, also when late",
            Self::Doubt => "an abandoned key is rerun only by a claim that says so",
            Self::Mismatch => "a mismatch is told exactly where fingerprints differ",
            Self::Attempt => "the attempt is the number of grants",
        }
    }
}

/// The rules that the steps so far have broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) struct Broken(u16);

impl Broken {
    pub(crate) fn unless(&mut self, holds: bool, rule: Rule) {
        if !holds {
            self.0 |= 1 << rule as u16;
        }
    }

    pub(crate) fn contains(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u16) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}
