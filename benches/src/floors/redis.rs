//! `SET NX GET PX` and `SET PX` on Redis, on one multiplexed connection.

use bytes::Bytes;
use redis::aio::MultiplexedConnection;

use super::{Attempt, Found, HandWritten};

const RETENTION_MILLIS: u64 = 604_800_000;
const LEASE_MILLIS: u64 = 30_000;
/// The first byte of a value, which says whether an owner or an outcome follows.
const IN_FLIGHT: u8 = b'0';
const COMPLETED: u8 = b'1';

/// A baseline on Redis.
#[derive(Clone)]
pub struct PlainRedis(pub MultiplexedConnection);

impl HandWritten for PlainRedis {
    async fn claim(&self, attempt: Attempt<'_>) -> Found {
        let mut connection = self.0.clone();
        let mut set = redis::cmd("SET");
        set.arg(name(attempt)).arg([&[IN_FLIGHT], attempt.owner].concat());
        set.arg("NX").arg("GET").arg("PX").arg(RETENTION_MILLIS + LEASE_MILLIS);
        let before: Option<Vec<u8>> = set.query_async(&mut connection).await.expect("it sets");
        match before {
            None => Found::Nothing,
            Some(value) if value[0] == COMPLETED => Found::Completed(Bytes::from(value).slice(1..)),
            Some(_) => Found::InFlight,
        }
    }

    async fn complete(&self, attempt: Attempt<'_>, outcome: &Bytes) {
        let mut connection = self.0.clone();
        let mut set = redis::cmd("SET");
        set.arg(name(attempt)).arg([&[COMPLETED], &**outcome].concat()).arg("PX").arg(RETENTION_MILLIS);
        let () = set.query_async(&mut connection).await.expect("it sets");
    }
}

fn name(attempt: Attempt<'_>) -> Vec<u8> {
    [b"plain:", attempt.key].concat()
}
