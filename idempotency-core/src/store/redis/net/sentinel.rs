//! The master behind sentinels, looked up again for each connection.
//!
//! All sentinels are queried at once. Of the first majority to reply, the one with the newest configuration epoch
//! decides. If no majority replies, the lookup fails: a sentinel that is partitioned together with an old master must
//! not lead back to it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{ErrorKind, FromRedisValue as _, RedisError, RedisResult, Value};

use super::dial::{Dial, DialPubSub};
use super::fault;
use super::server::Server;

/// The sentinels, the master's name, and a template for connections to the master.
pub(crate) struct Sentinel {
    sentinels: Vec<Arc<Server>>,
    name: String,
    template: Server,
}

/// A sentinel's reply about the master.
struct Answer {
    epoch: u64,
    host: String,
    port: u16,
}

impl Sentinel {
    /// `template` has the credentials and TLS settings for the master. Its address is not used.
    pub(crate) fn new(sentinels: Vec<Server>, name: String, template: Server) -> Self {
        Self { sentinels: sentinels.into_iter().map(Arc::new).collect(), name, template }
    }

    async fn master(&self) -> RedisResult<Server> {
        let mut queries: FuturesUnordered<_> =
            self.sentinels.iter().map(|sentinel| query(Arc::clone(sentinel), self.name.clone())).collect();
        let majority = self.sentinels.len() / 2 + 1;
        let (mut answers, mut failure) = (Vec::new(), None);
        while let Some(answer) = queries.next().await {
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
            Some(master) if answered == majority => self.template.at(&master.host, master.port),
            // At least one sentinel replied, so this error is transient even if others failed for good.
            Some(_) => Err(std::io::Error::other("no majority of the sentinels replied").into()),
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
                Err(std::io::Error::other("the sentinels named a server that is not the master").into())
            }
            // A user without permission for `ROLE` learns the role from the first write.
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

/// Queries one sentinel for the master.
async fn query(sentinel: Arc<Server>, name: String) -> RedisResult<Answer> {
    let mut commands = sentinel.dial().await?;
    let reply = commands.send_packed_command(redis::cmd("SENTINEL").arg("MASTER").arg(name)).await?;
    let mut fields = HashMap::<String, String>::from_redis_value(reply.extract_error()?)?;
    let number = |fields: &HashMap<String, String>, name| fields.get(name).and_then(|text| text.parse().ok());
    let epoch = number(&fields, "config-epoch").unwrap_or(0);
    let port = number(&fields, "port").and_then(|port| u16::try_from(port).ok());
    match (fields.remove("ip"), port) {
        (Some(host), Some(port)) => Ok(Answer { epoch, host, port }),
        _ => Err(std::io::Error::other("the sentinel does not know the master's address").into()),
    }
}

impl fmt::Debug for Sentinel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinel").field("sentinels", &self.sentinels).field("name", &self.name).finish()
    }
}
