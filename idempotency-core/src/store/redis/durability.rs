//! The durability of a write: how many servers must have it before it counts.

use std::time::Duration;

use redis::{Cmd, Value};

/// How many servers must have a grant or a completion before it counts.
///
/// A grant that too few of them have within `timeout` is given back, and its claim is
/// [`Unconfirmed`](crate::StoreErrorKind::Unconfirmed); a completion stands, and is
/// [`Unknown`](crate::StoreErrorKind::Unknown), so that it is repeated, with a wait of its own. The cause of either is a
/// [`Shortfall`]. This narrows the window in which a failover forgets; it does not make Redis strongly consistent,
/// since the replica that becomes master need not be one that has the write.
///
/// `timeout` must be at most two thirds of [`Policy::with_store_timeout`](crate::Policy::with_store_timeout): a write may wait
/// a quarter of `timeout` before its confirmation is requested.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The master has it in memory. A failover can forget it.
    #[default]
    Local,
    /// At least `count` replicas have it in memory as well (`WAIT`).
    Replicas {
        /// The number of replicas.
        count: u32,
        /// How long to wait for them.
        timeout: Duration,
    },
    /// It has been flushed to append-only files, of the master and of replicas (`WAITAOF`, Redis 7.2 or later).
    Fsync {
        /// Whether the master's own file counts.
        local: bool,
        /// The number of replicas that must have flushed it.
        replicas: u32,
        /// How long to wait for them.
        timeout: Duration,
    },
}

/// A write was carried out, and too few servers confirmed in time that they have it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reached} confirmed the write, where {wanted} was asked")]
#[non_exhaustive]
pub struct Shortfall {
    /// What [`Durability`] asks for.
    pub wanted: Confirmed,
    /// What was reached in time.
    pub reached: Confirmed,
}

/// Who has confirmed a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Confirmed {
    /// Whether the master flushed it.
    pub local: bool,
    /// How many replicas have it, or flushed it.
    pub replicas: u64,
}

impl std::fmt::Display for Confirmed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.local, self.replicas) {
            (true, replicas) => write!(f, "the master and {replicas} replicas"),
            (false, replicas) => write!(f, "{replicas} replicas"),
        }
    }
}

impl Durability {
    /// The command that waits for it on the connection of the write, and for how long. `None` where nothing is waited
    /// for.
    pub(super) fn command(&self) -> Option<(Cmd, Duration)> {
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
        // Zero would mean for ever.
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 40);
        command.arg(millis);
        Some((command, Duration::from_millis(millis)))
    }

    /// Whether the reply to [`command`](Self::command) is enough; `None` where it is not such a reply.
    pub(super) fn judge(&self, reply: &Value) -> Option<Result<(), Shortfall>> {
        let count = |value: &Value| match value {
            Value::Int(count) => u64::try_from(*count).ok(),
            _ => None,
        };
        let (wanted, reached) = match *self {
            Self::Local => return Some(Ok(())),
            Self::Replicas { count: wanted, .. } => (
                Confirmed { local: false, replicas: wanted.into() },
                Confirmed { local: false, replicas: count(reply)? },
            ),
            Self::Fsync { local, replicas, .. } => {
                let Value::Array(parts) = reply else { return None };
                let [flushed, confirmed] = parts.as_slice() else { return None };
                (
                    Confirmed { local, replicas: replicas.into() },
                    Confirmed { local: count(flushed)? > 0, replicas: count(confirmed)? },
                )
            }
        };
        let enough = reached.replicas >= wanted.replicas && (reached.local || !wanted.local);
        Some(if enough { Ok(()) } else { Err(Shortfall { wanted, reached }) })
    }
}

#[cfg(test)]
#[path = "durability_tests.rs"]
mod tests;
