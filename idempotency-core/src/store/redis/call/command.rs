//! The command: a Redis command or a script, with the name that selects its master.

use std::sync::Arc;

use redis::{Arg, Cmd, Value};

use super::super::Shared;
use super::super::net::fault;
use super::super::record::script::Script;
use super::{Calls, Failure};

/// A command or script, sent to the master that keeps its first name. It is encoded only once.
pub(crate) struct Command {
    name: String,
    /// For a script, as `EVALSHA`.
    encoded: Cmd,
    script: Option<&'static Script>,
}

impl Command {
    /// A built-in Redis command on this name.
    pub(crate) fn plain(name: String, command: Cmd) -> Self {
        Self { name, encoded: command, script: None }
    }

    /// A script on this name, and on another one, which must be on the same master.
    pub(crate) fn script(script: &'static Script, name: String, other_name: Option<&str>) -> Self {
        let mut encoded = Cmd::with_capacity(SCRIPT_ARGUMENTS, SCRIPT_BYTES);
        encoded.arg("EVALSHA").arg(&script.sha);
        encoded.arg(1 + usize::from(other_name.is_some())).arg(&name).arg(other_name);
        Self { name, encoded, script: Some(script) }
    }

    /// Adds an argument to the script.
    pub(crate) fn with(mut self, argument: impl AsRef<[u8]>) -> Self {
        self.encoded.arg(argument.as_ref());
        self
    }

    /// The name that selects the master.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The script, unless this is a built-in command.
    pub(crate) fn as_script(&self) -> Option<&'static Script> {
        self.script
    }

    /// The command to send.
    pub(crate) fn encoded(&self) -> &Cmd {
        &self.encoded
    }

    /// The command to send if the server has not cached the script.
    pub(crate) fn with_text(&self) -> Cmd {
        let Some(script) = self.script else { return self.encoded.clone() };
        let mut command = redis::cmd("EVAL");
        command.arg(&script.text);
        for argument in self.encoded.args_iter().skip(2) {
            if let Arg::Simple(argument) = argument {
                command.arg(argument);
            }
        }
        command
    }
}

/// As many arguments and bytes as most scripts have.
const SCRIPT_ARGUMENTS: usize = 10;
const SCRIPT_BYTES: usize = 320;

impl Calls<'_> {
    /// Sends a command, once. Sends a script as `EVAL` if the server has not cached it. Does not load a script on all
    /// nodes, since that would fail with any dead node.
    pub(crate) async fn execute(&mut self, command: &Command) -> Result<Value, Failure> {
        match self.run(command.encoded()).await {
            Err(failure) if command.script.is_some() && failure.is(fault::is_unknown_script) => {
                self.run(&command.with_text()).await
            }
            reply => reply,
        }
    }
}

impl Shared {
    /// Sends a command on the shared connection, once.
    pub(crate) async fn execute(self: &Arc<Self>, command: &Command) -> Result<Value, Failure> {
        self.calls(command.name()).execute(command).await
    }
}
