//! The route: the master that keeps each name.

use std::sync::Arc;

use redis::{RedisError, RedisResult};

#[cfg(feature = "redis-cluster")]
use super::cluster::Cluster;
use super::link::Link;
use super::redirect::Redirect;

/// Finds the master that keeps a name.
#[derive(Debug)]
pub(crate) enum Route {
    /// One master keeps everything.
    One(Arc<Link>),
    /// Each slot has its own master.
    #[cfg(feature = "redis-cluster")]
    Cluster(Arc<Cluster>),
}

#[cfg_attr(
    not(feature = "redis-cluster"),
    expect(unused_variables, reason = "with one master there is nothing to find")
)]
impl Route {
    /// The link to the master that keeps a name.
    pub(crate) async fn link(&self, name: &str) -> RedisResult<Arc<Link>> {
        match self {
            Self::One(link) => Ok(Arc::clone(link)),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.master_of(name).await,
        }
    }

    /// Whether two names may be on different masters.
    pub(crate) fn is_sharded(&self) -> bool {
        !matches!(self, Self::One(_))
    }

    /// The links to all masters, each with its lowest slot, in the order of these slots.
    pub(crate) async fn links_by_slot(&self) -> RedisResult<Vec<(u16, Arc<Link>)>> {
        match self {
            Self::One(link) => Ok(vec![(0, Arc::clone(link))]),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.masters_by_slot().await,
        }
    }

    /// The links to all masters.
    pub(crate) async fn links(&self) -> RedisResult<Vec<Arc<Link>>> {
        match self {
            Self::One(link) => Ok(vec![Arc::clone(link)]),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.masters().await,
        }
    }

    /// The target of the redirection, if this error from `link` is one.
    pub(crate) fn redirect(&self, link: &Arc<Link>, cause: &RedisError) -> Option<Redirect> {
        match self {
            Self::One(_) => None,
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.redirect(link, cause),
        }
    }

    /// Has the slot map read again: a master is unreachable or no longer the master.
    pub(crate) fn request_refresh(&self) {
        match self {
            Self::One(_) => {}
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.request_refresh(),
        }
    }
}
