//! The call: sends one command or script once, and classifies its failure.

pub(super) mod command;
mod many;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use redis::{Cmd, RedisError, RedisResult, Value};

use super::Shared;
use super::durable::confirmer::Wait;
use super::net::commands::Commands;
use super::net::fault::{self, ConnectionState};
use super::net::link::Link;
use crate::{StoreError, StoreErrorKind};

/// How many redirections a command follows before it fails.
const MAX_REDIRECTS: usize = 5;

/// A call without a usable reply.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command was not sent, because there was no connection.
    NotSent(RedisError),
    /// The command was sent. The server refused it, or its effect is unknown.
    Sent(RedisError),
}

impl Failure {
    /// Whether the server replied with an error that passes this test.
    pub(crate) fn is(&self, test: fn(&RedisError) -> bool) -> bool {
        matches!(self, Self::Sent(cause) if test(cause))
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(cause) => fault::not_sent(cause),
            Failure::Sent(cause) => fault::sent(cause),
        }
    }
}

/// The calls of one operation, all on one record.
pub(crate) struct Calls<'a> {
    shared: &'a Arc<Shared>,
    name: &'a str,
    /// The link of the last call, and whether `ASKING` preceded the call.
    last: Option<(Arc<Link>, bool)>,
}

impl Shared {
    /// Starts the calls on the record with this name.
    pub(crate) fn calls<'a>(self: &'a Arc<Self>, name: &'a str) -> Calls<'a> {
        Calls { shared: self, name, last: None }
    }

    /// Sends one command to one server on the shared connection, once.
    pub(crate) async fn send(
        self: &Arc<Self>,
        link: &Link,
        command: &Cmd,
        asking: bool,
    ) -> Result<Value, Failure> {
        let mut connection = link.connection().await.map_err(|cause| self.no_connection(cause))?;
        if !self.probed.load(Ordering::Relaxed) {
            self.start_probing();
        }
        let reply = exchange(&mut connection.commands, command, asking).await;
        let state = reply.as_ref().err().map_or(ConnectionState::Alive, fault::connection_state);
        if link.report(&connection, state) {
            self.route.request_refresh();
        }
        reply.map_err(Failure::Sent)
    }

    fn no_connection(&self, cause: RedisError) -> Failure {
        self.route.request_refresh();
        Failure::NotSent(cause)
    }
}

impl Calls<'_> {
    /// Sends one command, once. Follows redirections, which mean that the command was not executed.
    pub(crate) async fn run(&mut self, command: &Cmd) -> Result<Value, Failure> {
        let mut link = self.shared.route.link(self.name).await.map_err(Failure::NotSent)?;
        let mut asking = false;
        for _ in 0..MAX_REDIRECTS {
            let reply = self.shared.send(&link, command, asking).await;
            let redirect = match &reply {
                Err(Failure::Sent(cause)) => self.shared.route.redirect(&link, cause),
                _ => None,
            };
            match redirect {
                Some(redirect) => (link, asking) = (redirect.link, redirect.asking),
                None => {
                    self.last = Some((link, asking));
                    return reply;
                }
            }
        }
        Err(Failure::NotSent(std::io::Error::other("too many redirections").into()))
    }

    /// Waits until enough servers have the write of the last call, or of an earlier copy of that call.
    ///
    /// # Errors
    /// `Unknown` when too few servers confirm the write in time. The write exists, but a failover may lose it.
    pub(crate) async fn confirm(self) -> Result<(), StoreError> {
        let (Some((link, asking)), Some((command, timeout))) = (self.last, self.shared.durability.command())
        else {
            return Ok(());
        };
        let wait = Wait { command, timeout, reply_timeout: self.shared.response_timeout };
        let confirmer = link.confirmers.current();
        let reply = confirmer.confirm(&link.dial, Arc::new(wait), self.name, asking).await;
        let reply = reply.map_err(|cause| {
            if fault::connection_state(&cause) == ConnectionState::Unusable {
                self.shared.route.request_refresh();
            }
            // The write was sent, so a failed wait leaves its effect unknown.
            let kind = match fault::sent(cause.clone()).kind() {
                StoreErrorKind::Refused => StoreErrorKind::Refused,
                _ => StoreErrorKind::Unknown,
            };
            fault::error(kind).with_source(cause)
        })?;
        let judged = self.shared.durability.judge(&reply).ok_or_else(fault::unexpected_reply)?;
        link.unconfirmed_log.note(&judged, || link.dial.address());
        judged.map_err(|unconfirmed| {
            self.shared.unconfirmed_writes.fetch_add(1, Ordering::Relaxed);
            fault::error(StoreErrorKind::Unknown).with_store_in_reach().with_source(unconfirmed)
        })
    }
}

/// Sends a command and reads its reply. With `asking`, an `ASKING` precedes the command, for a slot that is migrating.
async fn exchange(commands: &mut Commands, command: &Cmd, asking: bool) -> RedisResult<Value> {
    if !asking {
        return commands.send(command).await;
    }
    let mut both = redis::pipe();
    both.cmd("ASKING").add_command(command.clone());
    let mut replies = commands.send_all(&both, 2).await?;
    // A missing reply must not be mistaken for a nil, which grants a claim.
    replies.pop().unwrap_or_else(|| Err(std::io::Error::other("the reply is missing").into()))
}
