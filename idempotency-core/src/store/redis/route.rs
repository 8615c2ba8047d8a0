//! The route: which server an operation goes to.

use std::sync::Arc;

use redis::{RedisError, RedisResult};

#[cfg(feature = "redis-cluster")]
use super::cluster::Cluster;
use super::link::Link;

/// The way to the master of a name.
#[derive(Debug)]
pub(super) enum Route {
    /// One master keeps everything.
    One(Arc<Link>),
    /// Each slot has its master.
    #[cfg(feature = "redis-cluster")]
    Cluster(Arc<Cluster>),
}

/// Where a server says that a command should be sent instead. It did not execute it.
pub(super) struct Redirect {
    pub(super) link: Arc<Link>,
    /// This once only, while the slot moves: the command must be announced with `ASKING`.
    pub(super) asking: bool,
}

#[cfg_attr(
    not(feature = "redis-cluster"),
    expect(unused_variables, reason = "where there is one master, nothing needs to be found out")
)]
impl Route {
    /// The link to the master of a name.
    pub(super) async fn link(&self, name: &str) -> RedisResult<Arc<Link>> {
        match self {
            Self::One(link) => Ok(Arc::clone(link)),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.master_of(name).await,
        }
    }

    /// Whether two names may be on two masters.
    pub(super) fn is_sharded(&self) -> bool {
        !matches!(self, Self::One(_))
    }

    /// The links to all masters, each with the lowest slot that it keeps, in their order.
    pub(super) async fn links_by_slot(&self) -> RedisResult<Vec<(u16, Arc<Link>)>> {
        match self {
            Self::One(link) => Ok(vec![(0, Arc::clone(link))]),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.masters_by_slot().await,
        }
    }

    /// The links to all masters.
    pub(super) async fn links(&self) -> RedisResult<Vec<Arc<Link>>> {
        match self {
            Self::One(link) => Ok(vec![Arc::clone(link)]),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.masters().await,
        }
    }

    /// Where to go after this error from `link`, if it says so.
    pub(super) fn redirect(&self, link: &Arc<Link>, cause: &RedisError) -> Option<Redirect> {
        match self {
            Self::One(_) => None,
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.redirect(link, cause),
        }
    }

    /// Learns that a master cannot be reached, or is not one any more.
    pub(super) fn doubt(&self) {
        match self {
            Self::One(_) => {}
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.doubt(),
        }
    }
}
