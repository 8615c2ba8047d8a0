//! The rules that must hold in every reachable state.

/// A rule of the protocol, by the name of its invariant where it has one.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "these are the rules")]
pub enum Rule {
    /// Fences grow with every grant, and at most one lease holds a key.
    I1,
    /// All completions of a key are one completion.
    I2,
    /// After a completion every claim is answered with that outcome.
    I3,
    /// Only the holder of the lease changes a record.
    I4,
    /// Repeating an operation is harmless.
    I5,
    /// A dead holder blocks no longer than its lease.
    I6,
    /// Unreadable is never free.
    I7,
    /// The mark never falls, and no older version starts after a newer one has completed.
    I8,
    /// A holder is answered that it holds the lease, even when it is late.
    Holder,
    /// Only a claim that asks for it reruns an abandoned key, and nothing else is in doubt.
    Doubt,
    /// A claim is a mismatch exactly where the fingerprints differ.
    Mismatch,
    /// The attempt of a grant is the number of grants so far.
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
            Self::I1 => "I1: fences grow, and at most one lease holds a key",
            Self::I2 => "I2: all completions of a key are one completion",
            Self::I3 => "I3: after a completion every claim is answered with that outcome",
            Self::I4 => "I4: only the holder of the lease changes a record",
            Self::I5 => "I5: repeating is harmless",
            Self::I6 => "I6: a dead holder blocks no longer than its lease",
            Self::I7 => "I7: unreadable is never free",
            Self::I8 => "I8: the mark never falls, and nothing older starts",
            Self::Holder => "a holder is answered that it holds the lease, even when late",
            Self::Doubt => "only a claim that asks for it reruns an abandoned key",
            Self::Mismatch => "a claim is a mismatch exactly where fingerprints differ",
            Self::Attempt => "the attempt is the number of grants so far",
        }
    }
}

/// The rules broken so far.
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
