//! Durability: how many servers must have a write before it counts.
//!
//! The [`confirmer`] has its own connections, so it imports `net::dial`, and each `net::link` owns one confirmer per
//! runtime. This is the only circular import between two folders; no two files import each other.

pub(super) mod confirmer;
pub(super) mod unconfirmed_log;

use std::time::Duration;

use redis::{Cmd, Value};

/// How many servers must have a grant or a completion before it counts.
///
/// If too few servers have a grant within `timeout`, the grant is given back and its claim fails with
/// [`Unconfirmed`](crate::StoreErrorKind::Unconfirmed). If too few have a completion, it fails with
/// [`Unknown`](crate::StoreErrorKind::Unknown), but the completion stands; repeating it waits once more. Both errors
/// have a [`MissingConfirmations`] as their source.
///
/// This narrows the window in which a failover loses writes. It does not make Redis strongly consistent: a replica
/// without the write may become the master.
///
/// `timeout` must be at most two thirds of [`Policy::with_store_timeout`](crate::Policy::with_store_timeout), because a
/// write may wait a quarter of `timeout` before its confirmation is requested.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The master has the write in memory. A failover can lose it.
    #[default]
    Local,
    /// At least `count` replicas have the write in memory too (`WAIT`).
    Replicas {
        /// The number of replicas.
        count: u32,
        /// How long to wait for them.
        timeout: Duration,
    },
    /// The write is flushed to the append-only files of the master, of replicas, or of both (`WAITAOF`, Redis 7.2 or
    /// later).
    Fsync {
        /// Whether the master must have flushed it.
        local: bool,
        /// The minimum number of replicas that must have flushed it.
        replicas: u32,
        /// How long to wait for them.
        timeout: Duration,
    },
}

/// The write was executed, but too few servers confirmed it in time.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("confirmed by {reached}, but {wanted} required")]
#[non_exhaustive]
pub struct MissingConfirmations {
    /// The confirmations that [`Durability`] requires.
    pub wanted: Confirmations,
    /// The confirmations that came in time.
    pub reached: Confirmations,
}

/// The servers that confirmed a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Confirmations {
    /// Whether the master has flushed it.
    pub local: bool,
    /// The number of replicas that have it or, for [`Durability::Fsync`], have flushed it.
    pub replicas: u64,
}

impl std::fmt::Display for Confirmations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.local, self.replicas) {
            (true, replicas) => write!(f, "the master and {replicas} replicas"),
            (false, replicas) => write!(f, "{replicas} replicas"),
        }
    }
}

impl Durability {
    /// The command that waits for the confirmations of all writes before it on its connection, and its timeout. `None`
    /// if there is nothing to wait for.
    pub(crate) fn command(&self) -> Option<(Cmd, Duration)> {
        let mut command;
        let timeout = match *self {
            Self::Local => return None,
            Self::Replicas { count, timeout } => {
                command = redis::cmd("WAIT");
                command.arg(count);
                timeout
            }
            Self::Fsync { local, replicas, timeout } => {
                command = redis::cmd("WAITAOF");
                command.arg(u8::from(local)).arg(replicas);
                timeout
            }
        };
        // Zero would wait for ever.
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 40);
        command.arg(millis);
        Some((command, Duration::from_millis(millis)))
    }

    /// Whether the reply to [`command`](Self::command) has enough confirmations. `None` if the reply has an unexpected
    /// form.
    pub(crate) fn judge(&self, reply: &Value) -> Option<Result<(), MissingConfirmations>> {
        let count = |value: &Value| match value {
            Value::Int(count) => u64::try_from(*count).ok(),
            _ => None,
        };
        let (wanted, reached) = match *self {
            Self::Local => return Some(Ok(())),
            Self::Replicas { count: wanted, .. } => (
                Confirmations { local: false, replicas: wanted.into() },
                Confirmations { local: false, replicas: count(reply)? },
            ),
            Self::Fsync { local, replicas, .. } => {
                let Value::Array(parts) = reply else { return None };
                let [flushed, confirmed] = parts.as_slice() else { return None };
                (
                    Confirmations { local, replicas: replicas.into() },
                    Confirmations { local: count(flushed)? > 0, replicas: count(confirmed)? },
                )
            }
        };
        let enough = reached.replicas >= wanted.replicas && (reached.local || !wanted.local);
        Some(if enough { Ok(()) } else { Err(MissingConfirmations { wanted, reached }) })
    }
}

#[cfg(test)]
mod tests;
