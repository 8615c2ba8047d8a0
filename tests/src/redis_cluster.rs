//! A private Redis Cluster on free loopback ports.

#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on panics")]

use std::time::Duration;

use redis::{FromRedisValue, RedisResult, Value};

use crate::port::Port;
use crate::redis_server::RedisServer;

/// How long the nodes may take to agree.
const PATIENCE: Duration = Duration::from_secs(120);
/// The milliseconds of silence after which a node counts as dead, where a test waits for that. Nodes also tell each other
/// their news this fast, so they have it while they get to know each other.
const IMPATIENT: &str = "1000";
/// The same for all other tests. A node on a busy machine may be silent for seconds.
const PATIENT: &str = "60000";
const SLOTS: usize = 16_384;

/// Masters with equal shares of the slots, and their replicas. Dropping it ends all processes.
#[derive(Debug)]
pub struct RedisCluster {
    /// The masters, then their replicas in the same order, if there are any.
    pub nodes: Vec<RedisServer>,
    masters: usize,
    buses: Vec<Port>,
}

impl RedisCluster {
    /// Starts this many masters, each with one replica or none.
    pub async fn start(masters: usize, replicated: bool) -> Self {
        Self::start_with(masters, replicated, &[]).await
    }

    /// Starts with additional arguments for every node.
    pub async fn start_with(masters: usize, replicated: bool, more: &[&str]) -> Self {
        let count = if replicated { 2 * masters } else { masters };
        let mut nodes = Vec::new();
        let mut buses = Vec::new();
        for _ in 0..count {
            let bus = Port::free();
            let bus_number = bus.number().to_string();
            let arguments = [
                &[
                    "--cluster-enabled",
                    "yes",
                    "--cluster-node-timeout",
                    IMPATIENT,
                    "--cluster-port",
                    &bus_number,
                    "--repl-diskless-sync-delay",
                    "0",
                    "--repl-ping-replica-period",
                    "1",
                ],
                more,
            ]
            .concat();
            nodes.push(RedisServer::start_with(&arguments).await);
            buses.push(bus);
        }
        let cluster = Self { nodes, masters, buses };
        cluster.join().await;
        cluster.set_node_timeout(PATIENT).await;
        cluster
    }

    /// From now on a node that is silent for a second counts as dead. Before, none does.
    pub async fn notice_deaths(&self) {
        self.set_node_timeout(IMPATIENT).await;
    }

    async fn set_node_timeout(&self, milliseconds: &str) {
        for node in &self.nodes {
            let _: String = node.query(&["CONFIG", "SET", "cluster-node-timeout", milliseconds]).await;
        }
    }

    async fn join(&self) {
        for (number, node) in self.nodes.iter().enumerate() {
            let epoch = (number + 1).to_string();
            let _: String = node.query(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]).await;
            if number < self.masters {
                let first = (SLOTS * number / self.masters).to_string();
                let last = (SLOTS * (number + 1) / self.masters - 1).to_string();
                let _: String = node.query(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]).await;
            }
        }
        for (node, bus) in self.nodes.iter().zip(&self.buses).skip(1) {
            let (port, bus) = (node.port().to_string(), bus.number().to_string());
            let _: String = self.nodes[0].query(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await;
        }
        self.agreed().await;
        for (number, replica) in self.nodes.iter().enumerate().skip(self.masters) {
            let master = self.id(number - self.masters).await;
            let _: String = replica.query(&["CLUSTER", "REPLICATE", &master]).await;
        }
        for (master, replica) in self.nodes.iter().zip(&self.nodes[self.masters..]) {
            replicated(master, replica).await;
        }
        let replicas = self.nodes.len() - self.masters;
        for node in &self.nodes {
            until(async || {
                let nodes: String = node.query(&["CLUSTER", "NODES"]).await;
                nodes.matches("slave").count() == replicas
            })
            .await;
        }
        self.agreed().await;
    }

    /// Waits until every node knows all others and that all slots are served.
    pub async fn agreed(&self) {
        let count = self.nodes.len();
        for node in &self.nodes {
            until(async || {
                let info: String = node.query(&["CLUSTER", "INFO"]).await;
                info.contains("cluster_state:ok")
                    && info.contains(&format!("cluster_known_nodes:{count}\r\n"))
            })
            .await;
        }
    }

    /// The addresses of the masters for a store.
    pub fn urls(&self) -> Vec<String> {
        self.nodes[..self.masters].iter().map(RedisServer::url).collect()
    }

    /// A node's name in the cluster.
    pub async fn id(&self, node: usize) -> String {
        self.nodes[node].query(&["CLUSTER", "MYID"]).await
    }

    /// The node that serves the slot of this name, as `asked` knows it.
    pub async fn owner(&self, name: &str, asked: usize) -> usize {
        let slot: i64 = self.nodes[asked].query(&["CLUSTER", "KEYSLOT", name]).await;
        let ranges: Vec<(i64, i64, Vec<Value>)> = slots(&self.nodes[asked]).await;
        let (_, _, master) = ranges
            .into_iter()
            .find(|(first, last, _)| (first..=last).contains(&&slot))
            .expect("it is served");
        let port = u16::from_redis_value(master[1].clone()).expect("a port");
        self.nodes.iter().position(|node| node.port() == port).expect("it is a node of this cluster")
    }

    /// Sends a command about a name to the node that serves it, as node 0 knows it.
    pub async fn query<T: FromRedisValue>(&self, name: &str, command: &[&str]) -> T {
        let owner = self.owner(name, 0).await;
        self.nodes[owner].query(command).await
    }

    /// Lets time pass for every key by shortening its TTL.
    pub async fn advance(&self, by: Duration) {
        for node in &self.nodes[..self.masters] {
            let names: Vec<String> = node.query(&["KEYS", "*"]).await;
            let mut connection = node.connection().await;
            for name in names {
                let ttl: i64 =
                    redis::cmd("PTTL").arg(&name).query_async(&mut connection).await.expect("PTTL");
                let left = ttl - i64::try_from(by.as_millis()).expect("a time that fits");
                let moved: RedisResult<i64> =
                    redis::cmd("PEXPIRE").arg(&name).arg(left).query_async(&mut connection).await;
                moved.expect("PEXPIRE");
            }
        }
    }

    /// Begins to move one slot: its owner answers `ASK` for names that it does not have any more.
    pub async fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let slot = slot.to_string();
        let (from_id, to_id) = (self.id(from).await, self.id(to).await);
        let _: String = self.nodes[to].query(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).await;
        let _: String = self.nodes[from].query(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).await;
    }

    /// Moves at most `count` names of a slot and returns how many it moved.
    pub async fn move_names(&self, slot: u16, from: usize, to: usize, count: usize) -> usize {
        let names: Vec<String> = self.nodes[from]
            .query(&["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), &count.to_string()])
            .await;
        let port = self.nodes[to].port().to_string();
        for name in &names {
            let _: String =
                self.nodes[from].query(&["MIGRATE", "127.0.0.1", &port, name, "0", "10000"]).await;
        }
        names.len()
    }

    /// Ends the move of a slot.
    pub async fn end_move(&self, slot: u16, from: usize, to: usize) {
        let (slot, id) = (slot.to_string(), self.id(to).await);
        for node in [to, from] {
            let _: String = self.nodes[node].query(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]).await;
        }
    }
}

async fn slots(node: &RedisServer) -> Vec<(i64, i64, Vec<Value>)> {
    let entries: Vec<Vec<Value>> = node.query(&["CLUSTER", "SLOTS"]).await;
    entries
        .into_iter()
        .map(|entry| {
            let number = |at: usize| i64::from_redis_value(entry[at].clone()).expect("a number");
            let Value::Array(master) = entry[2].clone() else { panic!("a master is a list") };
            (number(0), number(1), master)
        })
        .collect()
}

/// A master, and a replica that follows it.
pub async fn pair() -> (RedisServer, RedisServer) {
    let master =
        RedisServer::start_with(&["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"])
            .await;
    let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &master.port().to_string()]).await;
    replicated(&master, &replica).await;
    (master, replica)
}

/// Waits until a replica follows its master and has confirmed what it got.
pub async fn replicated(master: &RedisServer, replica: &RedisServer) {
    until(async || replica.query::<String>(&["INFO"]).await.contains("master_link_status:up")).await;
    // A replica with a fresh snapshot is online at offset 0 until its first acknowledgement. There is something to
    // acknowledge, since these masters write to the stream every second.
    until(async || {
        let info: String = master.query(&["INFO", "replication"]).await;
        info.contains("state=online") && !info.contains("state=online,offset=0,")
    })
    .await;
}

/// Waits until a replica has all writes that its master had at the call.
pub async fn caught_up(master: &RedisServer, replica: &RedisServer) {
    let written = master.info("master_repl_offset").await;
    until(async || replica.info("slave_repl_offset").await >= written).await;
}

/// Waits until a condition holds.
pub async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the servers must agree in time");
}
