//! Which keys a load sends, and what must come of them.

use std::fmt;
use std::str::FromStr;

use super::variant::{Guard, Variant};

/// The keys that are completed before the first round, for duplicates.
pub const COMPLETED: u64 = 1000;

/// The keys of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// The keys of later duplicates, each once.
    Completing,
    /// New keys only.
    Unique,
    /// Completed keys only.
    Duplicate,
    /// New and completed keys in turns.
    Half,
}

impl Workload {
    /// The key of the request with this index, if new keys start at `first`. `None` after the last one.
    pub fn key(self, index: u64, first: u64) -> Option<u64> {
        match self {
            Self::Completing => (index < COMPLETED).then_some(index),
            Self::Unique => Some(first + index),
            Self::Duplicate => Some(index % COMPLETED),
            Self::Half if index.is_multiple_of(2) => Some(first + index / 2),
            Self::Half => Some(index / 2 % COMPLETED),
        }
    }

    /// How many of the first `requests` requests have a key that was not used before.
    pub fn new_keys(self, requests: u64) -> u64 {
        match self {
            Self::Completing | Self::Unique => requests,
            Self::Duplicate => 0,
            Self::Half => requests.div_ceil(2),
        }
    }

    /// How many of the first `requests` requests this server must execute. The others it must replay.
    pub fn executions(self, variant: Variant, requests: u64) -> u64 {
        if variant.guard == Guard::Plain { requests } else { self.new_keys(requests) }
    }
}

/// The name for tables and command lines.
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completing => "completing",
            Self::Unique => "unique",
            Self::Duplicate => "duplicate",
            Self::Half => "half and half",
        })
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Self::Completing, Self::Unique, Self::Duplicate, Self::Half];
        all.into_iter().find(|one| one.to_string() == name).ok_or_else(|| format!("there is no {name}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The keys of the first requests after `COMPLETED` was completed, and how many of them are new.
    fn new_among(workload: Workload, requests: u64) -> u64 {
        let mut seen: HashSet<u64> = (0..COMPLETED).collect();
        let keys = (0..requests).map(|index| workload.key(index, COMPLETED).expect("it has no end"));
        keys.filter(|key| seen.insert(*key)).count() as u64
    }

    #[test]
    fn the_keys_of_each_load_are_as_new_as_it_says() {
        for workload in [Workload::Unique, Workload::Duplicate, Workload::Half] {
            for requests in [1, 2, 5, 3 * COMPLETED + 1] {
                assert_eq!(new_among(workload, requests), workload.new_keys(requests), "{workload}");
            }
        }
    }

    #[test]
    fn each_duplicate_has_been_completed_once() {
        let completed: Vec<u64> =
            (0..).map_while(|index| Workload::Completing.key(index, COMPLETED)).collect();
        assert_eq!(completed, (0..COMPLETED).collect::<Vec<_>>());
        for workload in [Workload::Duplicate, Workload::Half] {
            let keys = (0..3 * COMPLETED).filter_map(|index| workload.key(index, COMPLETED));
            let repeated = keys.filter(|key| *key < COMPLETED).collect::<HashSet<_>>().len() as u64;
            assert_eq!(repeated, COMPLETED, "{workload}");
        }
    }
}
