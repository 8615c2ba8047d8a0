//! The call: one command or script sent once, and its failure classified.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use redis::{Cmd, RedisError, Value};

use super::Shared;
use super::fault::{self, Verdict};
use super::script::Script;
use crate::StoreError;

/// A call that came back without a usable reply.
#[derive(Debug)]
pub(super) enum Failure {
    /// There was no connection to send it on.
    NotSent(RedisError),
    /// It was sent; the server refused it, or nobody knows.
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

impl Shared {
    /// Sends one command, once.
    pub(super) async fn run(self: &Arc<Self>, command: &Cmd) -> Result<Value, Failure> {
        let mut connection = self.link.connection().await.map_err(Failure::NotSent)?;
        if !self.probed.load(Ordering::Relaxed) {
            self.probe_once();
        }
        let reply = connection.commands.send_packed_command(command).await.and_then(Value::extract_error);
        self.link.report(&connection, reply.as_ref().err().map_or(Verdict::Alive, fault::verdict));
        reply.map_err(Failure::Sent)
    }

    /// Runs a script by its name; where the server does not know it, by its text, on that server only. A broadcast to
    /// load it would fail with any dead node.
    pub(super) async fn invoke(
        self: &Arc<Self>,
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
}
