//! Listing: one `SCAN` and one pipelined read a page, master by master.
//!
//! `SCAN` looks at no more names than the page has room for, so a page blocks the server for a moment only, and may have
//! few records or none where the server keeps other things as well. A record may be listed twice. One that is there all the
//! while is listed, unless a slot moves or a server fails over between two pages.

use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue as _, Value};

use super::Shared;
use super::codec::{DIGEST_END, digest_end};
use super::command::Command;
use super::fault;
use super::keys::Keys;
use super::link::Link;
use super::operator::{Loaded, loaded, loading};
use crate::store::{Cursor, Filter, Listing, Page};
use crate::{KeyDigest, RecordView, StoreError, StoreErrorKind, short_digest};

/// The most names that one page looks at.
const MOST: usize = 1000;

/// Where a page ended: the lowest slot of the master that it is on, who that was, and the server's own cursor.
///
/// A server's cursor means nothing to its replica. Where another one has become the master of the slot meanwhile, it is
/// listed from its beginning.
#[derive(PartialEq, Eq, Debug)]
struct Position {
    slot: u16,
    server: String,
    scan: u64,
}

impl Position {
    fn start_of((slot, link): &(u16, Arc<Link>)) -> Self {
        Self { slot: *slot, server: short_digest(link.dial.address().as_bytes()), scan: 0 }
    }

    fn read(cursor: &Cursor) -> Option<Self> {
        let mut parts = cursor.as_str().split('-');
        let (slot, server, scan) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then(|| Self { slot, server: server.to_owned(), scan })
    }

    fn cursor(&self) -> Cursor {
        Cursor::new(format!("{}-{}-{}", self.slot, self.server, self.scan))
    }
}

impl Shared {
    pub(super) async fn list(self: &Arc<Self>, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        let links = self.route.links_by_slot().await.map_err(fault::not_sent)?;
        let after = match &page.after {
            Some(cursor) => Position::read(cursor).ok_or_else(foreign)?,
            None => Position { slot: 0, server: String::new(), scan: 0 },
        };
        let Some(at) = links.iter().position(|(slot, _)| *slot >= after.slot) else {
            return Ok(Listing::default());
        };
        let mut position = Position::start_of(&links[at]);
        if position.slot == after.slot && position.server == after.server {
            position.scan = after.scan;
        }
        let (scan, names) = self.scan(&links[at].1, position.scan, page.limit.clamp(1, MOST)).await?;
        position.scan = scan;
        let next = match scan {
            0 => links.get(at + 1).map(|link| Position::start_of(link).cursor()),
            _ => Some(position.cursor()),
        };
        Ok(Listing::new(self.records(names, filter).await?, next))
    }

    /// Looks at about `count` names on one master: gives its next cursor, 0 at the end, and the names of records.
    async fn scan(
        self: &Arc<Self>,
        link: &Link,
        from: u64,
        count: usize,
    ) -> Result<(u64, Vec<String>), StoreError> {
        let mut command = redis::cmd("SCAN");
        command.arg(from).arg("MATCH").arg(self.keys.records()).arg("COUNT").arg(count);
        let reply = self.send(link, &command, false).await?;
        <(u64, Vec<String>)>::from_redis_value(reply).map_err(|_| fault::senseless())
    }

    /// The records of these names that the filter includes.
    async fn records(
        self: &Arc<Self>,
        names: Vec<String>,
        filter: &Filter,
    ) -> Result<Vec<RecordView>, StoreError> {
        let names: Vec<String> =
            names.into_iter().filter(|name| self.keys.digest(name.as_bytes(), [0; 8]).is_some()).collect();
        let Some(first) = names.first() else { return Ok(Vec::new()) };
        let mut commands = vec![Command::plain(first.clone(), redis::cmd("TIME"))];
        commands.extend(names.iter().cloned().map(loading));
        let mut replies = self.carry_out_all(&commands).await.into_iter();
        let unix_now = unix_time(replies.next().ok_or_else(fault::senseless)??)?;
        let mut records = Vec::new();
        for (name, reply) in names.iter().zip(replies) {
            let Some(loaded) = loaded(reply?)? else { continue };
            let view = digest_of(&self.keys, name, &loaded).map(|digest| loaded.view(digest));
            records.extend(view.filter(|view| filter.includes(view, unix_now)));
        }
        Ok(records)
    }
}

/// The digest of the key whose record has this name. Its last 8 bytes are in the record only; where there are none that
/// go with the name they are given as zeros, and the digest is the record's address all the same.
fn digest_of(keys: &Keys, name: &str, loaded: &Loaded) -> Option<KeyDigest> {
    let recorded: Option<[u8; 16]> = loaded.bytes.get(DIGEST_END).and_then(|end| end.try_into().ok());
    recorded
        .and_then(|end| {
            keys.digest(name.as_bytes(), *end.last_chunk()?).filter(|digest| digest_end(*digest) == end)
        })
        .or_else(|| keys.digest(name.as_bytes(), [0; 8]))
}

/// Reads the reply to `TIME`.
fn unix_time(reply: Value) -> Result<Duration, StoreError> {
    let (seconds, micros) = <(u64, u64)>::from_redis_value(reply).map_err(|_| fault::senseless())?;
    Ok(Duration::from_secs(seconds) + Duration::from_micros(micros))
}

fn foreign() -> StoreError {
    fault::error(StoreErrorKind::Refused).with_source("the cursor is not one of this store")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Namespace;

    #[test]
    fn a_cursor_is_read_back_and_another_text_is_not() {
        let position = Position { slot: 5461, server: "0123456789ab".to_owned(), scan: u64::MAX };
        assert_eq!(Position::read(&position.cursor()), Some(position));
        for text in ["", "0", "0-a", "0-a-b", "70000-a-1", "0-a-1-2", "-1-a-1"] {
            assert_eq!(Position::read(&Cursor::new(text)), None, "{text}");
        }
    }

    #[test]
    fn the_end_of_a_digest_is_the_record_s_where_it_goes_with_the_name() {
        let keys = Keys::new(Namespace::default());
        let digest = KeyDigest::from_bytes(std::array::from_fn(|at| at as u8));
        let of = |bytes: Vec<u8>| digest_of(&keys, &keys.record(digest), &Loaded { bytes, ttl: None });
        let mut bytes = vec![0xff; DIGEST_END.end];
        bytes[DIGEST_END].copy_from_slice(&digest_end(digest));
        assert_eq!(of(bytes.clone()), Some(digest));
        let mut unknown = *digest.as_bytes();
        unknown[24..].fill(0);
        bytes[DIGEST_END.start] ^= 1;
        for bytes in [Vec::new(), bytes] {
            assert_eq!(of(bytes), Some(KeyDigest::from_bytes(unknown)));
        }
    }
}
