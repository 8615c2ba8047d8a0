//! The lease: the exclusive right that a claim grants, and its holder.

use std::fmt;

use crate::{ScopedKey, ScopedOrder};

/// 128 random bits that name one attempt. They make every store operation safe to repeat.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner([u8; 16]);

impl Owner {
    /// An owner from 16 random bytes. Two attempts with the same owner count as one.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owner({})", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

/// The fencing token: a number that grows with every grant for a key.
///
/// Pass it to systems that can refuse a write whose number is older than one they have seen. A grant's number is
/// max(previous + 1, microseconds since 1970). It stays below 2^53, and so exact in JSON and Lua, until the year 2255.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fence(u64);

impl Fence {
    /// The fence of an execution without a claim, older than any granted one.
    pub const NONE: Self = Self(0);

    /// A fence.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The fence of the grant after this one, at a store whose clock shows `micros` microseconds since 1970.
    #[must_use]
    pub fn next(self, micros: u64) -> Self {
        Self(self.0.saturating_add(1).max(micros))
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The identity of a granted claim: its key, order, owner and fence.
///
/// It is fixed when the claim is granted, and never recomputed. Every later operation on the record names it, and a store
/// refuses an operation whose owner or fence has been superseded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    key: ScopedKey,
    order: Option<ScopedOrder>,
    owner: Owner,
    fence: Fence,
}

impl Lease {
    /// A lease that was granted earlier, in this process or another.
    #[must_use]
    pub fn new(key: ScopedKey, order: Option<ScopedOrder>, owner: Owner, fence: Fence) -> Self {
        Self { key, order, owner, fence }
    }

    /// The key it was granted for.
    #[must_use]
    pub fn key(&self) -> &ScopedKey {
        &self.key
    }

    /// The order of the delivery it was granted for.
    #[must_use]
    pub fn order(&self) -> Option<ScopedOrder> {
        self.order
    }

    /// The owner: the attempt that holds it.
    #[must_use]
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// Its fencing token.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_displays_as_its_number() {
        assert_eq!(format!("{:>3}", Fence::new(7)), "  7");
    }
}
