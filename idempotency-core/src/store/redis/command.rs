//! The command: what an operation sends about one name, plain or as a script.

use std::sync::Arc;

use bytes::Bytes;
use redis::{Cmd, Value};

use super::Shared;
use super::call::{Calls, Failure};
use super::script::Script;

/// What is sent to the master of its first name.
pub(super) struct Command {
    names: Vec<String>,
    form: Form,
}

enum Form {
    Plain(Cmd),
    Script { script: &'static Script, arguments: Vec<Bytes> },
}

impl Command {
    /// A command of Redis's own about this name.
    pub(super) fn plain(name: String, command: Cmd) -> Self {
        Self { names: vec![name], form: Form::Plain(command) }
    }

    /// A script about this name.
    pub(super) fn script(script: &'static Script, name: String, arguments: Vec<Bytes>) -> Self {
        Self { names: vec![name], form: Form::Script { script, arguments } }
    }

    /// The same script, which touches this name as well. The two must be on one master.
    pub(super) fn with_name(mut self, name: Option<String>) -> Self {
        self.names.extend(name);
        self
    }

    /// The same script with one more argument.
    pub(super) fn with_argument(mut self, argument: Bytes) -> Self {
        if let Form::Script { arguments, .. } = &mut self.form {
            arguments.push(argument);
        }
        self
    }

    /// The name that says where it goes.
    pub(super) fn name(&self) -> &str {
        &self.names[0]
    }

    /// The script that it is, where it is one.
    pub(super) fn as_script(&self) -> Option<&'static Script> {
        match &self.form {
            Form::Plain(_) => None,
            Form::Script { script, .. } => Some(script),
        }
    }

    /// As Redis takes it, a script by its name, or `by_text`.
    pub(super) fn packed(&self, by_text: bool) -> Cmd {
        match &self.form {
            Form::Plain(command) => command.clone(),
            Form::Script { script, arguments } => {
                let mut command = redis::cmd(if by_text { "EVAL" } else { "EVALSHA" });
                command.arg(if by_text { &script.text } else { &script.sha });
                command.arg(self.names.len()).arg(&self.names);
                for argument in arguments {
                    command.arg(&argument[..]);
                }
                command
            }
        }
    }
}

/// Bytes as an argument.
pub(super) fn argument(bytes: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(bytes.as_ref())
}

impl Calls<'_> {
    /// Sends a command, once.
    pub(super) async fn carry_out(&mut self, command: &Command) -> Result<Value, Failure> {
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
    /// Sends a command by itself on the shared connection, once.
    pub(super) async fn carry_out(self: &Arc<Self>, command: &Command) -> Result<Value, Failure> {
        self.calls(command.name()).carry_out(command).await
    }
}
