//! Health checks: the settings and conditions in a server's `INFO` that put records at risk.

use std::fmt;
use std::mem::{Discriminant, discriminant};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use redis::{FromRedisValue as _, InfoDict};

use super::Shared;
use super::net::fault;
use super::net::link::Link;
use crate::StoreError;

/// A setting or a condition of the server that weakens the store's guarantees.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Finding {
    /// The server is older than Redis 6.2.
    TooOld {
        /// The version that the server reports.
        version: String,
    },
    /// The server evicts keys before their TTL ends when its memory is full. Every policy except `noeviction` loses
    /// records.
    Evicts {
        /// The server's `maxmemory-policy`.
        policy: String,
    },
    /// The server is a replica, and refuses claims.
    Replica,
    /// A master of the cluster cannot be reached, although others can. Claims of the keys that it keeps fail.
    Unreachable {
        /// The master's host and port.
        node: String,
    },
    /// The server has evicted keys since it started. Some of them may have been records.
    HasEvicted {
        /// The number of evicted keys.
        keys: u64,
    },
    /// The server uses more than nine tenths of its memory limit. Claims fail when it is full.
    NearlyFull {
        /// Bytes in use.
        used: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The server writes no append-only file. A restart forgets all records since the last snapshot, if there is one.
    NotPersistent,
    /// The server has replicas, but acknowledges writes before any of them has the data. A failover can forget such
    /// writes.
    ReplicasNotAwaited {
        /// The number of connected replicas.
        replicas: u64,
    },
    /// Fewer servers than [`Durability`](super::Durability) asks for confirmed some writes of this store and its
    /// clones.
    NotDurable {
        /// The number of such writes.
        writes: u64,
    },
}

/// The severity of a [`Finding`].
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a server is fit or it is not")]
pub enum Severity {
    /// The store works, with weaker guarantees than it could give.
    Warning,
    /// The store does not work, or loses records in normal operation.
    Error,
}

/// The reason for which [`RedisStore::verified`](super::RedisStore::verified) refuses a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// The check itself failed.
    #[error("the health of Redis could not be checked")]
    Unchecked(#[from] StoreError),
    /// The server is not fit to keep records. The list has all findings, warnings included.
    #[error("this Redis server is not fit to keep records: {}", list(.0))]
    Unfit(Vec<Finding>),
}

impl Finding {
    /// Returns how severe the finding is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::TooOld { .. } | Self::Evicts { .. } | Self::Replica | Self::Unreachable { .. } => {
                Severity::Error
            }
            Self::HasEvicted { .. }
            | Self::NearlyFull { .. }
            | Self::NotPersistent
            | Self::ReplicasNotAwaited { .. }
            | Self::NotDurable { .. } => Severity::Warning,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooOld { version } => write!(f, "version {version} is older than 6.2"),
            Self::Evicts { policy } => {
                write!(f, "maxmemory-policy {policy} evicts records; set it to noeviction")
            }
            Self::Replica => f.write_str("the server is a replica and refuses claims"),
            Self::Unreachable { node } => write!(f, "the master at {node} cannot be reached"),
            Self::HasEvicted { keys } => write!(f, "{keys} keys have been evicted since it started"),
            Self::NearlyFull { used, limit } => write!(f, "{used} of {limit} bytes of memory are in use"),
            Self::NotPersistent => f.write_str("no append-only file is written; set appendonly to yes"),
            Self::ReplicasNotAwaited { replicas } => {
                write!(f, "min-replicas-to-write is not set, though {replicas} replicas are connected")
            }
            Self::NotDurable { writes } => {
                write!(f, "too few servers confirmed {writes} writes")
            }
        }
    }
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("; ")
}

impl Shared {
    /// Reads the `INFO` of every master. Does not use `CONFIG`, which is often forbidden.
    pub(super) async fn check_health(self: &Arc<Self>) -> Result<Vec<Finding>, StoreError> {
        let (mut all, mut failure, mut reached) = (Vec::new(), None, false);
        for link in self.route.links().await.map_err(fault::not_sent)? {
            let found = match self.findings(&link).await {
                Ok(found) => {
                    reached = true;
                    found
                }
                // A master that forbids `INFO` is not unreachable.
                Err(error) if !error.is_transient() => return Err(error),
                Err(error) => {
                    tracing::debug!(?error, "a master could not be checked");
                    failure = Some(error);
                    vec![Finding::Unreachable { node: link.dial.address() }]
                }
            };
            let new: Vec<_> = found.into_iter().filter(|finding| !all.contains(finding)).collect();
            all.extend(new);
        }
        if let Some(failure) = failure.filter(|_| !reached) {
            return Err(failure);
        }
        match self.unconfirmed_writes.load(Ordering::Relaxed) {
            0 => {}
            writes => all.push(Finding::NotDurable { writes }),
        }
        Ok(all)
    }

    async fn findings(self: &Arc<Self>, link: &Link) -> Result<Vec<Finding>, StoreError> {
        let reply = self.send(link, &redis::cmd("INFO"), false).await?;
        let info = InfoDict::from_redis_value(reply).map_err(|_| fault::unexpected_reply())?;
        Ok(findings(&info))
    }

    /// Spawns a task that checks the server's health now, and then at every interval while the store exists. It logs
    /// the first finding of each kind.
    pub(super) fn start_probing(self: &Arc<Self>) {
        if self.probed.swap(true, Ordering::Relaxed) {
            return;
        }
        let (shared, interval) = (Arc::downgrade(self), self.health_interval);
        let guard = interval.map(|_| ProbeGuard(Weak::clone(&shared)));
        tokio::spawn(async move {
            let _guard = guard;
            let mut known = Vec::new();
            while let Some(shared) = shared.upgrade() {
                match shared.check_health().await {
                    Ok(findings) => log_new(&findings, &mut known),
                    Err(error) => tracing::debug!(?error, "the health of Redis could not be checked"),
                }
                drop(shared);
                let Some(interval) = interval else { return };
                tokio::time::sleep(interval).await;
            }
        });
    }
}

/// Clears [`Shared::probed`] when the task with the periodic checks ends.
struct ProbeGuard(Weak<Shared>);

impl Drop for ProbeGuard {
    /// The task ends with its runtime. The next operation, on another runtime, then spawns a new one.
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.probed.store(false, Ordering::Relaxed);
        }
    }
}

/// Logs the first finding of each kind. An unreachable master may come back, so it is logged each time it goes away.
fn log_new(findings: &[Finding], known: &mut Vec<Discriminant<Finding>>) {
    let unreachable = discriminant(&Finding::Unreachable { node: String::new() });
    known
        .retain(|kind| *kind != unreachable || findings.iter().any(|finding| discriminant(finding) == *kind));
    for finding in findings {
        let kind = discriminant(finding);
        if !known.contains(&kind) {
            known.push(kind);
            log(finding);
        }
    }
}

fn log(finding: &Finding) {
    match finding.severity() {
        Severity::Warning => tracing::warn!(%finding, "this Redis server weakens the store's guarantees"),
        Severity::Error => tracing::error!(%finding, "this Redis server is not fit to keep records"),
    }
}

fn findings(info: &InfoDict) -> Vec<Finding> {
    let text = |name: &str| info.get::<String>(name).unwrap_or_default();
    let number = |name: &str| text(name).parse::<u64>().unwrap_or_default();
    let mut findings = Vec::new();

    let version = text("redis_version");
    if is_before_6_2(&version) {
        findings.push(Finding::TooOld { version });
    }
    let (used, limit) = (number("used_memory"), number("maxmemory"));
    let policy = text("maxmemory_policy");
    if limit > 0 && policy != "noeviction" {
        findings.push(Finding::Evicts { policy });
    }
    if text("role") == "slave" {
        findings.push(Finding::Replica);
    }
    if number("evicted_keys") > 0 {
        findings.push(Finding::HasEvicted { keys: number("evicted_keys") });
    }
    if limit > 0 && u128::from(used) * 10 > u128::from(limit) * 9 {
        findings.push(Finding::NearlyFull { used, limit });
    }
    if text("aof_enabled") == "0" {
        findings.push(Finding::NotPersistent);
    }
    // The field is present only if `min-replicas-to-write` is set.
    let replicas = number("connected_slaves");
    if replicas > 0 && info.get::<String>("min_slaves_good_slaves").is_none() {
        findings.push(Finding::ReplicasNotAwaited { replicas });
    }
    findings
}

fn is_before_6_2(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) < (6, 2),
        _ => false,
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
