//! Dialing: making connections, to a fixed address or to the master that the sentinels name.

use std::fmt;

use async_trait::async_trait;
use redis::RedisResult;
use redis::aio::{MultiplexedConnection, PubSub};

/// Makes connections to the current master.
#[async_trait]
pub(crate) trait Dial: fmt::Debug + Send + Sync {
    /// The name of the server in logs.
    fn address(&self) -> String;

    /// Makes a connection for commands.
    async fn dial(&self) -> RedisResult<MultiplexedConnection>;
}

/// Makes connections for subscriptions, to a server that receives the master's published messages.
#[async_trait]
pub(crate) trait DialPubSub: Send + Sync {
    /// Makes a connection for subscriptions.
    async fn dial_pubsub(&self) -> RedisResult<PubSub>;
}
