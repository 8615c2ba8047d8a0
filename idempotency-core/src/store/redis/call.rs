//! The call: one command or script sent once, and its failure classified.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use redis::{Cmd, RedisError, RedisResult, Value};

use super::Shared;
use super::confirmer::Wait;
use super::fault::{self, Verdict};
use super::link::Link;
use super::script::Script;
use crate::{StoreError, StoreErrorKind};

/// How often a command is redirected before the servers are taken to be at odds.
const REDIRECTS: usize = 5;

/// A call that came back without a usable reply.
#[derive(Debug)]
pub(super) enum Failure {
    /// There was no connection to send it on.
    NotSent(RedisError),
    /// It was sent; the server refused it, or its effect is not known.
    Sent(RedisError),
}

impl Failure {
    /// Whether the server answered with such an error.
    pub(super) fn is(&self, test: fn(&RedisError) -> bool) -> bool {
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

/// The calls of one operation, all about the record of one name.
pub(super) struct Calls<'a> {
    shared: &'a Arc<Shared>,
    name: &'a str,
    /// Where the last call was carried out, and whether it was announced with `ASKING`.
    last: Option<(Arc<Link>, bool)>,
}

impl Shared {
    /// Calls about the record of this name.
    pub(super) fn calls<'a>(self: &'a Arc<Self>, name: &'a str) -> Calls<'a> {
        Calls { shared: self, name, last: None }
    }

    /// Sends one command to one server on the shared connection, once.
    pub(super) async fn send(
        self: &Arc<Self>,
        link: &Link,
        command: &Cmd,
        asking: bool,
    ) -> Result<Value, Failure> {
        let mut connection = link.connection().await.map_err(|cause| self.unreached(cause))?;
        if !self.probed.load(Ordering::Relaxed) {
            self.start_probing();
        }
        let reply = exchange(&mut connection.commands, command, asking).await;
        let verdict = reply.as_ref().err().map_or(Verdict::Alive, fault::verdict);
        if link.report(&connection, verdict) {
            self.route.doubt();
        }
        reply.map_err(Failure::Sent)
    }

    fn unreached(&self, cause: RedisError) -> Failure {
        self.route.doubt();
        Failure::NotSent(cause)
    }
}

impl Calls<'_> {
    /// Sends one command, once. A redirection says that it was not executed, and is followed.
    pub(super) async fn run(&mut self, command: &Cmd) -> Result<Value, Failure> {
        let mut link = self.shared.route.link(self.name).await.map_err(Failure::NotSent)?;
        let mut asking = false;
        for _ in 0..REDIRECTS {
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
        Err(Failure::NotSent(std::io::Error::other("the servers redirect in a circle").into()))
    }

    /// Runs a script by its name; where the server does not know it, by its text, on that server only. A broadcast to
    /// load it would fail with any dead node.
    pub(super) async fn invoke(
        &mut self,
        script: &Script,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<Value, Failure> {
        let command = |name, script: &str| {
            let mut command = redis::cmd(name);
            command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
            command
        };
        match self.run(&command("EVALSHA", &script.sha)).await {
            Err(failure) if failure.is(fault::is_unknown_script) => {
                self.run(&command("EVAL", &script.text)).await
            }
            reply => reply,
        }
    }

    /// Waits until enough servers have what the last call wrote, or found written by an earlier copy of itself.
    ///
    /// # Errors
    /// `Unknown` when too few confirm it in time: it stands, and may be forgotten.
    pub(super) async fn confirm(self) -> Result<(), StoreError> {
        let (Some((link, asking)), Some((command, timeout))) = (self.last, self.shared.durability.command())
        else {
            return Ok(());
        };
        let wait = Wait { command, timeout, slack: self.shared.response_timeout };
        let confirmer = link.confirmers.own();
        let reply = confirmer.confirm(&link.dial, Arc::new(wait), self.name, asking).await;
        let reply = reply.map_err(|cause| {
            if fault::verdict(&cause) == Verdict::Lost {
                self.shared.route.doubt();
            }
            // The write was carried out, whatever became of the wait.
            let kind = match fault::sent(cause.clone()).kind() {
                StoreErrorKind::Refused => StoreErrorKind::Refused,
                _ => StoreErrorKind::Unknown,
            };
            fault::error(kind).with_source(cause)
        })?;
        let judged = self.shared.durability.judge(&reply).ok_or_else(fault::senseless)?;
        link.shortfalls.note(&judged, || link.dial.address());
        judged.map_err(|shortfall| {
            self.shared.shortfalls.fetch_add(1, Ordering::Relaxed);
            fault::error(StoreErrorKind::Unknown).of_a_store_in_reach().with_source(shortfall)
        })
    }
}

/// Sends a command and reads its reply, announced with `ASKING` where the slot is moving.
async fn exchange(
    commands: &mut redis::aio::MultiplexedConnection,
    command: &Cmd,
    asking: bool,
) -> RedisResult<Value> {
    if !asking {
        return commands.send_packed_command(command).await.and_then(Value::extract_error);
    }
    let mut both = redis::pipe();
    both.cmd("ASKING").add_command(command.clone());
    let mut replies = commands.send_packed_commands(&both, 0, 2).await?;
    // A missing reply must not be taken for a nil, which grants a claim.
    let missing = || std::io::Error::other("the reply is missing").into();
    replies.pop().ok_or_else(missing).and_then(Value::extract_error)
}
