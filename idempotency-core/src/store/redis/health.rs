//! The health of a Redis: what its `INFO` says against keeping records there.

use std::fmt;
use std::mem::{Discriminant, discriminant};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use redis::{FromRedisValue as _, InfoDict};

use super::link::Link;
use super::{Shared, fault};
use crate::StoreError;

/// Something about the server that weakens what the store promises.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Finding {
    /// The server is older than Redis 6.2.
    TooOld {
        /// What it says it is.
        version: String,
    },
    /// It evicts keys when its memory is full, whatever their TTL. Every policy but `noeviction` loses records.
    Evicts {
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// It is a replica, and refuses claims.
    Replica,
    /// A master of the cluster could not be asked, though others could. Claims of the keys that it keeps fail.
    Unreachable {
        /// Its host and port.
        node: String,
    },
    /// It has evicted keys since it started; records may have been among them.
    HasEvicted {
        /// How many.
        keys: u64,
    },
    /// More than nine tenths of its memory limit are in use. When it is full, claims fail.
    NearlyFull {
        /// Bytes in use.
        used: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// It writes no append-only file: a restart forgets what was recorded since the last snapshot, if there is one.
    NotPersistent,
    /// It has replicas, but acknowledges writes that none of them has: a failover forgets those.
    ReplicasNotAwaited {
        /// How many replicas are connected.
        replicas: u64,
    },
    /// Writes of this store, here and in its clones, were confirmed by fewer servers than its
    /// [`Durability`](super::Durability) asks for.
    NotDurable {
        /// How many.
        writes: u64,
    },
}

/// How bad a [`Finding`] is.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a server is fit or it is not")]
pub enum Severity {
    /// The store works, with a promise that is weaker than it could be.
    Warning,
    /// The store does not work, or loses records in normal operation.
    Error,
}

/// Why a store refuses to start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// The server could not be asked.
    #[error("the health of Redis could not be checked")]
    Unchecked(#[from] StoreError),
    /// It was asked, and it is not fit to keep records. Warnings are listed as well.
    #[error("this Redis is not fit to keep records: {}", list(.0))]
    Unfit(Vec<Finding>),
}

impl Finding {
    /// How bad it is.
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
            Self::Unreachable { node } => write!(f, "the master at {node} could not be asked"),
            Self::HasEvicted { keys } => write!(f, "{keys} keys have been evicted since it started"),
            Self::NearlyFull { used, limit } => write!(f, "{used} of {limit} bytes of memory are in use"),
            Self::NotPersistent => f.write_str("no append-only file is written; set appendonly to yes"),
            Self::ReplicasNotAwaited { replicas } => {
                write!(f, "min-replicas-to-write is not set, though {replicas} replicas are connected")
            }
            Self::NotDurable { writes } => {
                write!(f, "{writes} writes were confirmed by fewer servers than asked")
            }
        }
    }
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("; ")
}

impl Shared {
    /// Reads the `INFO` of every master, and nothing else: `CONFIG` is often forbidden.
    pub(super) async fn check_health(self: &Arc<Self>) -> Result<Vec<Finding>, StoreError> {
        let (mut all, mut failure, mut reached) = (Vec::new(), None, false);
        for link in self.route.links().await.map_err(fault::not_sent)? {
            let found = match self.ask(&link).await {
                Ok(found) => {
                    reached = true;
                    found
                }
                // Not being allowed to ask says nothing of whether the master is there.
                Err(error) if !error.is_transient() => return Err(error),
                Err(error) => {
                    tracing::debug!(?error, "a master could not be asked for its health");
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
        match self.shortfalls.load(Ordering::Relaxed) {
            0 => {}
            writes => all.push(Finding::NotDurable { writes }),
        }
        Ok(all)
    }

    async fn ask(self: &Arc<Self>, link: &Link) -> Result<Vec<Finding>, StoreError> {
        let reply = self.send(link, &redis::cmd("INFO"), false).await?;
        let info = InfoDict::from_redis_value(reply).map_err(|_| fault::senseless())?;
        Ok(findings(&info))
    }

    /// Checks the server's health in a task of its own, now and from time to time while the store is there, and logs
    /// each kind of finding the first time it comes up.
    pub(super) fn start_probing(self: &Arc<Self>) {
        if self.probed.swap(true, Ordering::Relaxed) {
            return;
        }
        let (shared, interval) = (Arc::downgrade(self), self.health_interval);
        let again = interval.map(|_| Again(Weak::clone(&shared)));
        tokio::spawn(async move {
            let _again = again;
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

/// Says when the checks have ended that are made from time to time.
struct Again(Weak<Shared>);

impl Drop for Again {
    /// The runtime that they were made on has ended: the next operation begins anew on its own.
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.probed.store(false, Ordering::Relaxed);
        }
    }
}

/// Logs what comes up for the first time. That a master is away passes, and is told each time.
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
        Severity::Warning => tracing::warn!(%finding, "this Redis weakens what the store promises"),
        Severity::Error => tracing::error!(%finding, "this Redis is not fit to keep records"),
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
    // The field is there only where a minimum is set.
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
