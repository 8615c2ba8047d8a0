//! The cluster: the map from slots to masters, read from the nodes and corrected by their redirections.
//!
//! The map is read before its first use, and again after a redirection or an unreachable master, at most every
//! [`MIN_REFRESH_INTERVAL`]. The store talks to masters only, so a dead replica does not matter.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, select_ok};
use redis::aio::PubSub;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

use super::dial::{Dial, DialPubSub};
use super::fault::{self, ConnectionState};
use super::link::Link;
use super::redirect::Redirect;
use super::server::Server;
use super::slot;

/// How many nodes are queried for the map at once.
const CONCURRENT_QUERIES: usize = 3;

/// The minimum time between two queries for the map. A master that is down keeps its slots until the other masters
/// agree that it is down, and meanwhile each operation without a reply requests a refresh.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_millis(100);

/// The nodes of a cluster, and the map from slots to masters.
pub(crate) struct Cluster {
    seeds: Vec<Node>,
    map: Mutex<Map>,
}

#[derive(Clone)]
struct Node {
    server: Arc<Server>,
    link: Arc<Link>,
}

type Refresh = Shared<BoxFuture<'static, RedisResult<()>>>;

struct Map {
    /// The masters, by host and port.
    masters: HashMap<(String, u16), Node>,
    /// The master of each slot.
    owners: Vec<Option<Node>>,
    /// Whether the map must be read again before its next use.
    needs_refresh: bool,
    /// When the last query ended, successful or not.
    queried_at: Option<Instant>,
    /// The running query of each runtime. A query is not shared between runtimes, since a blocked runtime would hold up
    /// the others.
    refreshes: HashMap<Id, Refresh>,
    /// Selects the node to query first, a different one each time.
    rotation: usize,
}

impl Node {
    fn new(server: Server) -> Self {
        let server = Arc::new(server);
        Self { link: Arc::new(Link::new(Arc::clone(&server) as Arc<dyn Dial>)), server }
    }

    /// Reads the map from this node.
    async fn slot_ranges(self) -> RedisResult<Vec<slot::Range>> {
        let mut connection = self.link.connection().await?;
        let command = redis::cmd("CLUSTER").arg("SLOTS").to_owned();
        let reply = connection.commands.send(&command).await;
        self.link.report(
            &connection,
            reply.as_ref().err().map_or(ConnectionState::Alive, fault::connection_state),
        );
        let mut ranges = slot::ranges(reply?)
            .filter(|ranges| !ranges.is_empty())
            .ok_or_else(|| std::io::Error::other("the node returned no slots"))?;
        for range in ranges.iter_mut().filter(|range| range.host.is_empty()) {
            self.server.host().clone_into(&mut range.host);
        }
        Ok(ranges)
    }
}

impl Cluster {
    pub(crate) fn new(seeds: Vec<Server>) -> Self {
        let map = Map {
            masters: HashMap::new(),
            owners: vec![None; slot::SLOTS],
            needs_refresh: true,
            queried_at: None,
            refreshes: HashMap::new(),
            rotation: 0,
        };
        Self { seeds: seeds.into_iter().map(Node::new).collect(), map: Mutex::new(map) }
    }

    /// The link to the master that keeps a name.
    pub(crate) async fn master_of(self: &Arc<Self>, name: &str) -> RedisResult<Arc<Link>> {
        let slot = slot::of(name);
        self.refresh_if_needed().await?;
        let owner = self.map().owners[slot].clone();
        owner.map(|node| node.link).ok_or_else(|| {
            self.request_refresh();
            std::io::Error::other("the slot has no master").into()
        })
    }

    /// The links to all masters.
    pub(crate) async fn masters(self: &Arc<Self>) -> RedisResult<Vec<Arc<Link>>> {
        self.refresh_if_needed().await?;
        Ok(self.map().masters.values().map(|node| Arc::clone(&node.link)).collect())
    }

    /// The links to all masters, each with its lowest slot, in the order of these slots.
    pub(crate) async fn masters_by_slot(self: &Arc<Self>) -> RedisResult<Vec<(u16, Arc<Link>)>> {
        self.refresh_if_needed().await?;
        let mut masters: Vec<(u16, Arc<Link>)> = Vec::new();
        for (slot, owner) in (0..).zip(&self.map().owners) {
            if let Some(Node { link, .. }) = owner
                && !masters.iter().any(|(_, known)| Arc::ptr_eq(known, link))
            {
                masters.push((slot, Arc::clone(link)));
            }
        }
        Ok(masters)
    }

    /// Follows a redirection. A `MOVED` also updates the map.
    pub(crate) fn redirect(self: &Arc<Self>, from: &Arc<Link>, cause: &RedisError) -> Option<Redirect> {
        let asking = match cause.kind() {
            ErrorKind::Server(ServerErrorKind::Moved) => false,
            ErrorKind::Server(ServerErrorKind::Ask) => true,
            _ if fault::is_cluster_down(cause) => {
                self.request_refresh();
                return None;
            }
            _ => return None,
        };
        let (address, slot) = cause.redirect_node()?;
        let (host, port) = address.rsplit_once(':')?;
        let mut map = self.map();
        let sender = map.masters.values().find(|node| Arc::ptr_eq(&node.link, from));
        let host = match (host, sender) {
            ("", Some(sender)) => sender.server.host().to_owned(),
            (host, _) => host.to_owned(),
        };
        let node = map.node(&self.seeds[0], host, port.parse().ok()?).ok()?;
        let link = Arc::clone(&node.link);
        if !asking {
            *map.owners.get_mut(usize::from(slot))? = Some(node);
            // If one slot has moved, others may have moved too.
            map.needs_refresh = true;
            if map.is_due() {
                drop(map);
                let cluster = Arc::clone(self);
                tokio::spawn(async move { cluster.refresh().await });
            }
        }
        Some(Redirect { link, asking })
    }

    /// Has the map read again before its next use.
    pub(crate) fn request_refresh(&self) {
        self.map().needs_refresh = true;
    }

    async fn refresh_if_needed(self: &Arc<Self>) -> RedisResult<()> {
        let (needs_refresh, due, empty) = {
            let map = self.map();
            (map.needs_refresh, map.is_due(), map.masters.is_empty())
        };
        // The known map may still be right.
        if !needs_refresh || !(due || empty) {
            return Ok(());
        }
        match self.refresh().await {
            Err(error) if !empty => {
                tracing::debug!(%error, "no node of the cluster returned the slot map");
                Ok(())
            }
            result => result,
        }
    }

    /// Reads the map. All callers on one runtime share one query.
    async fn refresh(self: &Arc<Self>) -> RedisResult<()> {
        let runtime = Handle::current().id();
        let refresh = {
            let mut map = self.map();
            match map.refreshes.get(&runtime) {
                Some(refresh) => refresh.clone(),
                None => {
                    let task = tokio::spawn(Arc::clone(self).query_and_install());
                    let refresh = task
                        .map(|result| {
                            result.unwrap_or_else(|_| {
                                Err(std::io::Error::other("the query was interrupted").into())
                            })
                        })
                        .boxed()
                        .shared();
                    map.refreshes.insert(runtime, refresh.clone());
                    refresh
                }
            }
        };
        let result = refresh.clone().await;
        let mut map = self.map();
        if map.refreshes.get(&runtime).is_some_and(|current| current.ptr_eq(&refresh)) {
            map.refreshes.remove(&runtime);
        }
        result
    }

    async fn query_and_install(self: Arc<Self>) -> RedisResult<()> {
        let candidates: Vec<Node> = {
            let mut map = self.map();
            map.rotation += 1;
            let mut masters: Vec<_> = map.masters.values().cloned().collect();
            let first = map.rotation % masters.len().max(1);
            masters.rotate_left(first);
            masters.into_iter().chain(self.seeds.iter().cloned()).collect()
        };
        let mut result = Err(RedisError::from(std::io::Error::other("the cluster has no nodes")));
        for nodes in candidates.chunks(CONCURRENT_QUERIES) {
            result = select_ok(nodes.iter().map(|node| node.clone().slot_ranges().boxed())).await;
            if result.is_ok() {
                break;
            }
        }
        let mut map = self.map();
        map.queried_at = Some(Instant::now());
        map.install(&self.seeds[0], result?.0)
    }

    fn map(&self) -> std::sync::MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Map {
    fn is_due(&self) -> bool {
        self.queried_at.is_none_or(|queried_at| queried_at.elapsed() >= MIN_REFRESH_INTERVAL)
    }

    /// The node at this address, with the template's credentials and TLS settings. A known node keeps its connections.
    fn node(&mut self, template: &Node, host: String, port: u16) -> RedisResult<Node> {
        if let Some(node) = self.masters.get(&(host.clone(), port)) {
            return Ok(node.clone());
        }
        let node = Node::new(template.server.at(&host, port)?);
        self.masters.insert((host, port), node.clone());
        Ok(node)
    }

    fn install(&mut self, template: &Node, ranges: Vec<slot::Range>) -> RedisResult<()> {
        let mut owners = vec![None; slot::SLOTS];
        for range in ranges {
            let node = self.node(template, range.host, range.port)?;
            owners[usize::from(range.first)..=usize::from(range.last)].fill(Some(node));
        }
        self.masters
            .retain(|_, node| owners.iter().flatten().any(|owner| Arc::ptr_eq(&owner.link, &node.link)));
        self.owners = owners;
        self.needs_refresh = false;
        Ok(())
    }
}

#[async_trait]
impl DialPubSub for Arc<Cluster> {
    /// Connects to any node, since the nodes of a cluster forward published messages to each other.
    async fn dial_pubsub(&self) -> RedisResult<PubSub> {
        self.refresh_if_needed().await?;
        let nodes: Vec<Node> = {
            let mut map = self.map();
            map.rotation += 1;
            let mut nodes: Vec<_> = map.masters.values().cloned().collect();
            let first = map.rotation % nodes.len().max(1);
            nodes.rotate_left(first);
            nodes
        };
        let mut result = Err(RedisError::from(std::io::Error::other("the cluster has no nodes")));
        for node in nodes {
            result = node.server.dial_pubsub().await;
            if result.is_ok() {
                break;
            }
        }
        result
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds: Vec<_> = self.seeds.iter().map(|node| &node.server).collect();
        f.debug_struct("Cluster").field("seeds", &seeds).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "cluster_tests.rs"]
mod tests;
