//! The command: a Redis command or a script, with the names of the Redis keys that it touches.

use std::sync::Arc;

use bytes::Bytes;
use redis::{Cmd, Value};

use super::super::Shared;
use super::super::record::script::Script;
use super::{Calls, Failure};

/// A command or script, sent to the master that keeps its first name.
pub(crate) struct Command {
    names: Vec<String>,
    form: Form,
}

enum Form {
    Plain(Cmd),
    Script { script: &'static Script, arguments: Vec<Bytes> },
}

impl Command {
    /// A built-in Redis command on this name.
    pub(crate) fn plain(name: String, command: Cmd) -> Self {
        Self { names: vec![name], form: Form::Plain(command) }
    }

    /// A script on this name.
    pub(crate) fn script(script: &'static Script, name: String, arguments: Vec<Bytes>) -> Self {
        Self { names: vec![name], form: Form::Script { script, arguments } }
    }

    /// Adds a name that the script touches. Both names must be on one master.
    pub(crate) fn with_name(mut self, name: Option<String>) -> Self {
        self.names.extend(name);
        self
    }

    /// Adds an argument to the script.
    pub(crate) fn with_argument(mut self, argument: Bytes) -> Self {
        if let Form::Script { arguments, .. } = &mut self.form {
            arguments.push(argument);
        }
        self
    }

    /// The name that selects the master.
    pub(crate) fn name(&self) -> &str {
        &self.names[0]
    }

    /// The script, unless this is a built-in command.
    pub(crate) fn as_script(&self) -> Option<&'static Script> {
        match &self.form {
            Form::Plain(_) => None,
            Form::Script { script, .. } => Some(script),
        }
    }

    /// The command to send. A script is sent as `EVALSHA`, or as `EVAL` if `use_eval` is set.
    pub(crate) fn packed(&self, use_eval: bool) -> Cmd {
        match &self.form {
            Form::Plain(command) => command.clone(),
            Form::Script { script, arguments } => {
                let mut command = redis::cmd(if use_eval { "EVAL" } else { "EVALSHA" });
                command.arg(if use_eval { &script.text } else { &script.sha });
                command.arg(self.names.len()).arg(&self.names);
                for argument in arguments {
                    command.arg(&argument[..]);
                }
                command
            }
        }
    }
}

/// Copies bytes into a script argument.
pub(crate) fn argument(bytes: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(bytes.as_ref())
}

impl Calls<'_> {
    /// Sends a command, once.
    pub(crate) async fn execute(&mut self, command: &Command) -> Result<Value, Failure> {
        match &command.form {
            Form::Plain(plain) => self.run(plain).await,
            Form::Script { script, arguments } => {
                let names: Vec<&str> = command.names.iter().map(String::as_str).collect();
                let arguments: Vec<&[u8]> = arguments.iter().map(|argument| &argument[..]).collect();
                self.invoke(script, &names, &arguments).await
            }
        }
    }
}

impl Shared {
    /// Sends a command on the shared connection, once.
    pub(crate) async fn execute(self: &Arc<Self>, command: &Command) -> Result<Value, Failure> {
        self.calls(command.name()).execute(command).await
    }
}
