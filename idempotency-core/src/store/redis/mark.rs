//! The mark of a resource: reading it, and raising it by a command of its own if it may be on another master than the
//! record.

use std::sync::Arc;

use redis::Value;

use super::Shared;
use super::call::Failure;
use super::call::command::Command;
use super::net::fault;
use super::record::codec::be48;
use super::record::script;
use crate::store::ResourceDigest;
use crate::{ScopedOrder, StoreError, StoreErrorKind, Version};

/// The first byte of a mark. Any other format is unreadable, which puts claims in doubt.
const FORMAT: u8 = 1;

/// A failure to read a mark.
#[derive(Debug)]
pub(super) enum MarkError {
    /// The value is not a mark.
    Unreadable,
    /// The command failed.
    Failed(StoreError),
}

impl From<MarkError> for StoreError {
    fn from(error: MarkError) -> Self {
        match error {
            MarkError::Unreadable => {
                fault::error(StoreErrorKind::Refused).with_source("the mark cannot be read")
            }
            MarkError::Failed(error) => error,
        }
    }
}

/// The command that reads a mark.
pub(super) fn get_command(name: String) -> Command {
    let command = redis::cmd("GET").arg(&name).to_owned();
    Command::plain(name, command)
}

/// Reads the reply to [`get_command`].
pub(super) fn parse_reply(reply: Result<Value, Failure>) -> Result<Option<Version>, MarkError> {
    match reply {
        Ok(Value::Nil) => Ok(None),
        Ok(Value::BulkString(mark)) => match *mark {
            [FORMAT, ref version @ ..] => {
                let version = version.try_into().map_err(|_| MarkError::Unreadable)?;
                Ok(Some(Version::new(u64::from_be_bytes(version))))
            }
            _ => Err(MarkError::Unreadable),
        },
        Ok(_) => Err(MarkError::Failed(fault::unexpected_reply())),
        Err(failure) if failure.is(fault::is_wrong_type) => Err(MarkError::Unreadable),
        Err(failure) => Err(MarkError::Failed(failure.into())),
    }
}

impl Shared {
    pub(super) async fn newest(
        self: &Arc<Self>,
        resource: ResourceDigest,
    ) -> Result<Option<Version>, StoreError> {
        let command = get_command(self.keys.mark(resource));
        Ok(parse_reply(self.execute(&command).await)?)
    }

    /// The command that raises a mark to this version and keeps it for at least `retention` milliseconds. It never
    /// lowers a mark.
    pub(super) fn raise_command(&self, order: ScopedOrder, retention: u64) -> Command {
        Command::script(&script::RAISE, self.keys.mark(order.resource), None)
            .with(order.version.get().to_be_bytes())
            .with(be48(retention))
    }
}

/// The error of an operation that has raised its mark, and may fail to be carried out beside that.
pub(super) fn after_raise(error: StoreError) -> StoreError {
    error.after(Some(&fault::error(StoreErrorKind::Unknown)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_has_exactly_one_format() {
        let read = |bytes: &[u8]| parse_reply(Ok(Value::BulkString(bytes.to_vec())));
        assert_eq!(read(&[1, 0, 0, 0, 0, 0, 0, 0, 7]).unwrap(), Some(Version::new(7)));
        for bytes in [&[][..], &[1], &[2, 0, 0, 0, 0, 0, 0, 0, 7], &[1, 0, 0, 0, 0, 0, 0, 0, 7, 0]] {
            assert!(matches!(read(bytes), Err(MarkError::Unreadable)), "{bytes:?}");
        }
        assert_eq!(parse_reply(Ok(Value::Nil)).unwrap(), None);
        assert!(matches!(parse_reply(Ok(Value::Okay)), Err(MarkError::Failed(_))));
    }
}
