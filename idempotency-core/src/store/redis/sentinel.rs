//! The master behind sentinels: looked up anew for each connection.
//!
//! All sentinels are asked at once, and of the first majority that answers the one with the newest configuration is
//! believed. Where no majority answers there is no master: a sentinel that was cut off together with an old master must
//! not lead back to it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{ErrorKind, FromRedisValue as _, RedisError, RedisResult, Value};

use super::fault;
use super::link::{Dial, DialPubSub};
use super::server::Server;

/// Knows the sentinels, the name of the master, and how to reach a server that they name.
pub(super) struct Sentinel {
    sentinels: Vec<Arc<Server>>,
    name: String,
    pattern: Server,
}

/// What a sentinel says of the master.
struct Answer {
    epoch: u64,
    host: String,
    port: u16,
}

impl Sentinel {
    /// `pattern` has the credentials and the TLS settings of the master; its address is not used.
    pub(super) fn new(sentinels: Vec<Server>, name: String, pattern: Server) -> Self {
        Self { sentinels: sentinels.into_iter().map(Arc::new).collect(), name, pattern }
    }

    async fn master(&self) -> RedisResult<Server> {
        let mut questions: FuturesUnordered<_> =
            self.sentinels.iter().map(|sentinel| ask(Arc::clone(sentinel), self.name.clone())).collect();
        let majority = self.sentinels.len() / 2 + 1;
        let (mut answers, mut failure) = (Vec::new(), None);
        while let Some(answer) = questions.next().await {
            match answer {
                Ok(answer) => answers.push(answer),
                Err(error) => failure = Some(error),
            }
            if answers.len() == majority {
                break;
            }
        }
        let answered = answers.len();
        match answers.into_iter().max_by_key(|answer| answer.epoch) {
            Some(master) if answered == majority => self.pattern.at(&master.host, master.port),
            // One well-configured sentinel answered, so this may pass, despite the others.
            Some(_) => Err(std::io::Error::other("no majority of the sentinels answers").into()),
            None => Err(failure.unwrap_or_else(|| {
                RedisError::from((ErrorKind::EmptySentinelList, "there are no sentinels"))
            })),
        }
    }
}

#[async_trait]
impl Dial for Sentinel {
    fn address(&self) -> String {
        self.name.clone()
    }

    async fn dial(&self) -> RedisResult<MultiplexedConnection> {
        let mut commands = self.master().await?.dial().await?;
        match commands.send_packed_command(&redis::cmd("ROLE")).await.and_then(Value::extract_error) {
            Ok(Value::Array(role)) if matches!(role.first(), Some(Value::BulkString(name)) if name != b"master") => {
                Err(std::io::Error::other("the sentinels name a server that is not the master").into())
            }
            // Who may not ask for the role learns it from the first write.
            Ok(_) => Ok(commands),
            Err(error) if fault::is_forbidden(&error) => Ok(commands),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl DialPubSub for Sentinel {
    async fn dial_pubsub(&self) -> RedisResult<PubSub> {
        self.master().await?.dial_pubsub().await
    }
}

/// Asks one sentinel for the master.
async fn ask(sentinel: Arc<Server>, name: String) -> RedisResult<Answer> {
    let mut commands = sentinel.dial().await?;
    let reply = commands.send_packed_command(redis::cmd("SENTINEL").arg("MASTER").arg(name)).await?;
    let mut fields = HashMap::<String, String>::from_redis_value(reply.extract_error()?)?;
    let number = |fields: &HashMap<String, String>, name| fields.get(name).and_then(|text| text.parse().ok());
    let epoch = number(&fields, "config-epoch").unwrap_or(0);
    let port = number(&fields, "port").and_then(|port| u16::try_from(port).ok());
    match (fields.remove("ip"), port) {
        (Some(host), Some(port)) => Ok(Answer { epoch, host, port }),
        _ => Err(std::io::Error::other("a sentinel knows no address of the master").into()),
    }
}

impl fmt::Debug for Sentinel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinel").field("sentinels", &self.sentinels).field("name", &self.name).finish()
    }
}
