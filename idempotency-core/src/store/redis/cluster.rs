//! The cluster: which master keeps which slot, learned from the nodes and corrected by their redirections.
//!
//! The map is requested when it is first needed, and again after a master could not be reached, at most every [`PAUSE`]. A
//! redirection corrects it on the way. The store talks to masters only, so a dead replica does not matter.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, select_ok};
use redis::aio::PubSub;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

use super::fault::{self, Verdict};
use super::link::{Dial, DialPubSub, Link};
use super::route::Redirect;
use super::server::Server;
use super::slot;

/// How many nodes are asked for the map at once.
const ASKED: usize = 3;

/// The shortest time between two questions for the map. A master that is gone keeps its slots until the others agree that
/// it is, and each operation that it does not answer raises doubts.
const PAUSE: Duration = Duration::from_millis(100);

/// The nodes, and what is known of who keeps which slot.
pub(super) struct Cluster {
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
    /// Whether it must be asked for before it is next used.
    doubted: bool,
    /// When an answer to the last question came, or failed to.
    asked: Option<Instant>,
    /// The question that is under way, for each runtime: one that is blocked does not hear the answer.
    refreshes: HashMap<Id, Refresh>,
    /// Which node is asked first, another one each time.
    turn: usize,
}

impl Node {
    fn new(server: Server) -> Self {
        let server = Arc::new(server);
        Self { link: Arc::new(Link::new(Arc::clone(&server) as Arc<dyn Dial>)), server }
    }

    /// Asks for the map.
    async fn ask(self) -> RedisResult<Vec<slot::Range>> {
        let mut connection = self.link.connection().await?;
        let command = redis::cmd("CLUSTER").arg("SLOTS").to_owned();
        let reply = connection.commands.send_packed_command(&command).await.and_then(Value::extract_error);
        self.link.report(&connection, reply.as_ref().err().map_or(Verdict::Alive, fault::verdict));
        let mut ranges = slot::ranges(reply?)
            .filter(|ranges| !ranges.is_empty())
            .ok_or_else(|| std::io::Error::other("the node knows no masters"))?;
        for range in ranges.iter_mut().filter(|range| range.host.is_empty()) {
            self.server.host().clone_into(&mut range.host);
        }
        Ok(ranges)
    }
}

impl Cluster {
    pub(super) fn new(seeds: Vec<Server>) -> Self {
        let map = Map {
            masters: HashMap::new(),
            owners: vec![None; slot::SLOTS],
            doubted: true,
            asked: None,
            refreshes: HashMap::new(),
            turn: 0,
        };
        Self { seeds: seeds.into_iter().map(Node::new).collect(), map: Mutex::new(map) }
    }

    /// The link to the master of a name.
    pub(super) async fn master_of(self: &Arc<Self>, name: &str) -> RedisResult<Arc<Link>> {
        let slot = slot::of(name);
        self.refresh_if_doubted().await?;
        let owner = self.map().owners[slot].clone();
        owner.map(|node| node.link).ok_or_else(|| {
            self.doubt();
            std::io::Error::other("the slot has no master").into()
        })
    }

    /// The links to all masters.
    pub(super) async fn masters(self: &Arc<Self>) -> RedisResult<Vec<Arc<Link>>> {
        self.refresh_if_doubted().await?;
        Ok(self.map().masters.values().map(|node| Arc::clone(&node.link)).collect())
    }

    /// The links to all masters, each with the lowest slot that it keeps, in their order.
    pub(super) async fn masters_by_slot(self: &Arc<Self>) -> RedisResult<Vec<(u16, Arc<Link>)>> {
        self.refresh_if_doubted().await?;
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

    /// Follows a redirection, and remembers one that is for good.
    pub(super) fn redirect(self: &Arc<Self>, from: &Arc<Link>, cause: &RedisError) -> Option<Redirect> {
        let asking = match cause.kind() {
            ErrorKind::Server(ServerErrorKind::Moved) => false,
            ErrorKind::Server(ServerErrorKind::Ask) => true,
            _ if fault::is_cluster_down(cause) => {
                self.doubt();
                return None;
            }
            _ => return None,
        };
        let (address, slot) = cause.redirect_node()?;
        let (host, port) = address.rsplit_once(':')?;
        let mut map = self.map();
        let asked = map.masters.values().find(|node| Arc::ptr_eq(&node.link, from));
        let host = match (host, asked) {
            ("", Some(asked)) => asked.server.host().to_owned(),
            (host, _) => host.to_owned(),
        };
        let node = map.node(&self.seeds[0], host, port.parse().ok()?).ok()?;
        let link = Arc::clone(&node.link);
        if !asking {
            *map.owners.get_mut(usize::from(slot))? = Some(node);
            // Where one slot has moved, others may have.
            map.doubted = true;
            if map.is_due() {
                drop(map);
                let cluster = Arc::clone(self);
                tokio::spawn(async move { cluster.refresh().await });
            }
        }
        Some(Redirect { link, asking })
    }

    /// Asks for the map before it is used again.
    pub(super) fn doubt(&self) {
        self.map().doubted = true;
    }

    async fn refresh_if_doubted(self: &Arc<Self>) -> RedisResult<()> {
        let (doubted, due, empty) = {
            let map = self.map();
            (map.doubted, map.is_due(), map.masters.is_empty())
        };
        // What was known may still hold.
        if !doubted || !(due || empty) {
            return Ok(());
        }
        match self.refresh().await {
            Err(error) if !empty => {
                tracing::debug!(%error, "no node of the cluster says who keeps which slot");
                Ok(())
            }
            end => end,
        }
    }

    /// Asks for the map. Any number of callers on one runtime wait for one answer.
    async fn refresh(self: &Arc<Self>) -> RedisResult<()> {
        let runtime = Handle::current().id();
        let refresh = {
            let mut map = self.map();
            match map.refreshes.get(&runtime) {
                Some(refresh) => refresh.clone(),
                None => {
                    let task = tokio::spawn(Arc::clone(self).ask_and_install());
                    let refresh = task
                        .map(|end| end.unwrap_or_else(|_| Err(std::io::Error::other("interrupted").into())))
                        .boxed()
                        .shared();
                    map.refreshes.insert(runtime, refresh.clone());
                    refresh
                }
            }
        };
        let end = refresh.clone().await;
        let mut map = self.map();
        if map.refreshes.get(&runtime).is_some_and(|current| current.ptr_eq(&refresh)) {
            map.refreshes.remove(&runtime);
        }
        end
    }

    async fn ask_and_install(self: Arc<Self>) -> RedisResult<()> {
        let candidates: Vec<Node> = {
            let mut map = self.map();
            map.turn += 1;
            let mut masters: Vec<_> = map.masters.values().cloned().collect();
            let turn = map.turn % masters.len().max(1);
            masters.rotate_left(turn);
            masters.into_iter().chain(self.seeds.iter().cloned()).collect()
        };
        let mut end = Err(RedisError::from(std::io::Error::other("the cluster has no nodes")));
        for some in candidates.chunks(ASKED) {
            end = select_ok(some.iter().map(|node| node.clone().ask().boxed())).await;
            if end.is_ok() {
                break;
            }
        }
        let mut map = self.map();
        map.asked = Some(Instant::now());
        map.install(&self.seeds[0], end?.0)
    }

    fn map(&self) -> std::sync::MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Map {
    fn is_due(&self) -> bool {
        self.asked.is_none_or(|asked| asked.elapsed() >= PAUSE)
    }

    /// The node at this address, reached as the pattern is. One that is known keeps its connections.
    fn node(&mut self, pattern: &Node, host: String, port: u16) -> RedisResult<Node> {
        if let Some(node) = self.masters.get(&(host.clone(), port)) {
            return Ok(node.clone());
        }
        let node = Node::new(pattern.server.at(&host, port)?);
        self.masters.insert((host, port), node.clone());
        Ok(node)
    }

    fn install(&mut self, pattern: &Node, ranges: Vec<slot::Range>) -> RedisResult<()> {
        let mut owners = vec![None; slot::SLOTS];
        for range in ranges {
            let node = self.node(pattern, range.host, range.port)?;
            owners[usize::from(range.first)..=usize::from(range.last)].fill(Some(node));
        }
        self.masters
            .retain(|_, node| owners.iter().flatten().any(|owner| Arc::ptr_eq(&owner.link, &node.link)));
        self.owners = owners;
        self.doubted = false;
        Ok(())
    }
}

#[async_trait]
impl DialPubSub for Arc<Cluster> {
    /// To any node: what one publishes, all pass on.
    async fn dial_pubsub(&self) -> RedisResult<PubSub> {
        self.refresh_if_doubted().await?;
        let nodes: Vec<Node> = {
            let mut map = self.map();
            map.turn += 1;
            let mut nodes: Vec<_> = map.masters.values().cloned().collect();
            let turn = map.turn % nodes.len().max(1);
            nodes.rotate_left(turn);
            nodes
        };
        let mut end = Err(RedisError::from(std::io::Error::other("the cluster has no nodes")));
        for node in nodes {
            end = node.server.dial_pubsub().await;
            if end.is_ok() {
                break;
            }
        }
        end
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
