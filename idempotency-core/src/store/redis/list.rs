//! Listing: one `SCAN` and one pipelined read per page, one master after the other.
//!
//! The `COUNT` of the `SCAN` is the page's limit, so a page blocks the server only briefly. If the server keeps other
//! keys too, a page may have few records or none. A record may be listed twice. A record that exists during the whole
//! listing is listed, unless a slot migrates or a server fails over between two pages.

use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue as _, Value};

use super::Shared;
use super::call::command::Command;
use super::net::fault;
use super::net::link::Link;
use super::operator::{Loaded, load_command, parse_loaded};
use super::record::codec::DIGEST_END;
use super::record::keys::Keys;
use crate::digest::short_digest;
use crate::store::{Cursor, Filter, Listing, Page};
use crate::{KeyDigest, RecordView, StoreError, StoreErrorKind};

/// The maximum `COUNT` of one page.
const MAX_COUNT: usize = 1000;

/// The end of a page: its master, by lowest slot and digest of the address, and the `SCAN` cursor there.
///
/// A cursor is valid on one server only. If another server has become the master of the slot, its listing starts over.
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
            Some(cursor) => Position::read(cursor).ok_or_else(foreign_cursor)?,
            None => Position { slot: 0, server: String::new(), scan: 0 },
        };
        let Some(at) = links.iter().position(|(slot, _)| *slot >= after.slot) else {
            return Ok(Listing::default());
        };
        let mut position = Position::start_of(&links[at]);
        if position.slot == after.slot && position.server == after.server {
            position.scan = after.scan;
        }
        let (scan, names) = self.scan(&links[at].1, position.scan, page.limit.clamp(1, MAX_COUNT)).await?;
        position.scan = scan;
        let next = match scan {
            0 => links.get(at + 1).map(|link| Position::start_of(link).cursor()),
            _ => Some(position.cursor()),
        };
        Ok(Listing::new(self.records(names, filter).await?, next))
    }

    /// Scans about `count` names on one master. Returns the next cursor, which is 0 at the end, and the names of
    /// records.
    async fn scan(
        self: &Arc<Self>,
        link: &Link,
        from: u64,
        count: usize,
    ) -> Result<(u64, Vec<String>), StoreError> {
        let mut command = redis::cmd("SCAN");
        command.arg(from).arg("MATCH").arg(self.keys.records()).arg("COUNT").arg(count);
        let reply = self.send(link, &command, false).await?;
        <(u64, Vec<String>)>::from_redis_value(reply).map_err(|_| fault::unexpected_reply())
    }

    /// Loads the records with these names, and keeps those that the filter includes.
    async fn records(
        self: &Arc<Self>,
        names: Vec<String>,
        filter: &Filter,
    ) -> Result<Vec<RecordView>, StoreError> {
        let names: Vec<String> =
            names.into_iter().filter(|name| self.keys.digest(name.as_bytes(), [0; 8]).is_some()).collect();
        let Some(first) = names.first() else { return Ok(Vec::new()) };
        let mut commands = vec![Command::plain(first.clone(), redis::cmd("TIME"))];
        commands.extend(names.iter().cloned().map(load_command));
        let mut replies = self.execute_all(&commands).await.into_iter();
        let unix_now = unix_time(replies.next().ok_or_else(fault::unexpected_reply)??)?;
        let mut records = Vec::new();
        for (name, reply) in names.iter().zip(replies) {
            let Some(loaded) = parse_loaded(reply?)? else { continue };
            let view = digest_of(&self.keys, name, &loaded).map(|digest| loaded.view(digest));
            records.extend(view.filter(|view| filter.includes(view, unix_now)));
        }
        Ok(records)
    }
}

/// The digest of the key whose record has this name. Only the record has the last 8 bytes of the digest. They are zero
/// if the value is too short, and wrong if it is no record of this name; the digest still addresses the value.
fn digest_of(keys: &Keys, name: &str, loaded: &Loaded) -> Option<KeyDigest> {
    let end = loaded.bytes.get(DIGEST_END).and_then(|end| end.try_into().ok());
    keys.digest(name.as_bytes(), end.unwrap_or_default())
}

/// Reads the reply to `TIME`.
fn unix_time(reply: Value) -> Result<Duration, StoreError> {
    let (seconds, micros) = <(u64, u64)>::from_redis_value(reply).map_err(|_| fault::unexpected_reply())?;
    Ok(Duration::from_secs(seconds) + Duration::from_micros(micros))
}

fn foreign_cursor() -> StoreError {
    fault::error(StoreErrorKind::Refused).with_source("the cursor is not from this store")
}

#[cfg(test)]
mod tests {
    use super::super::record::codec::digest_end;
    use super::*;
    use crate::Namespace;

    #[test]
    fn a_cursor_is_read_back_and_any_other_text_is_refused() {
        let position = Position { slot: 5461, server: "0123456789ab".to_owned(), scan: u64::MAX };
        assert_eq!(Position::read(&position.cursor()), Some(position));
        for text in ["", "0", "0-a", "0-a-b", "70000-a-1", "0-a-1-2", "-1-a-1"] {
            assert_eq!(Position::read(&Cursor::new(text)), None, "{text}");
        }
    }

    #[test]
    fn a_digest_ends_as_the_record_says_even_if_it_cannot_be_read() {
        let keys = Keys::new(Namespace::default());
        let digest = KeyDigest::from_bytes(std::array::from_fn(|at| at as u8));
        let of = |bytes: Vec<u8>| digest_of(&keys, &keys.record(digest), &Loaded { bytes, ttl: None });
        let mut bytes = vec![0xff; DIGEST_END.end];
        bytes[DIGEST_END].copy_from_slice(&digest_end(digest));
        assert_eq!(of(bytes.clone()), Some(digest));
        let mut unknown = *digest.as_bytes();
        unknown[24..].fill(0);
        bytes.pop();
        for bytes in [Vec::new(), bytes] {
            assert_eq!(of(bytes), Some(KeyDigest::from_bytes(unknown)));
        }
    }
}
