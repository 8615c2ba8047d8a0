//! The mark: how new the newest completed version of a resource is, and how it is raised where it is on another master.

use std::sync::Arc;

use redis::Value;

use super::Shared;
use super::call::Failure;
use super::codec::be48;
use super::command::{Command, argument};
use super::{fault, script};
use crate::{ResourceDigest, ScopedOrder, StoreError, StoreErrorKind, Version};

/// Says that what follows is a version. A mark of another form is in doubt.
const FORMAT: u8 = 1;

/// Why a mark is not known.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is there, and is none.
    Unreadable,
    /// It could not be asked for.
    Failed(StoreError),
}

impl From<Unread> for StoreError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Unreadable => {
                fault::error(StoreErrorKind::Refused).with_source("the mark cannot be read")
            }
            Unread::Failed(error) => error,
        }
    }
}

/// Asks for a mark.
pub(super) fn get(name: String) -> Command {
    let command = redis::cmd("GET").arg(&name).to_owned();
    Command::plain(name, command)
}

/// Reads the reply to [`get`].
pub(super) fn newest(reply: Result<Value, Failure>) -> Result<Option<Version>, Unread> {
    match reply {
        Ok(Value::Nil) => Ok(None),
        Ok(Value::BulkString(mark)) => match *mark {
            [FORMAT, ref version @ ..] => {
                let version = version.try_into().map_err(|_| Unread::Unreadable)?;
                Ok(Some(Version::new(u64::from_be_bytes(version))))
            }
            _ => Err(Unread::Unreadable),
        },
        Ok(_) => Err(Unread::Failed(fault::senseless())),
        Err(failure) if failure.is(fault::is_wrong_type) => Err(Unread::Unreadable),
        Err(failure) => Err(Unread::Failed(failure.into())),
    }
}

impl Shared {
    pub(super) async fn newest(
        self: &Arc<Self>,
        resource: ResourceDigest,
    ) -> Result<Option<Version>, StoreError> {
        let command = get(self.keys.mark(resource));
        Ok(newest(self.carry_out(&command).await)?)
    }

    /// Raises a mark to this version, never lowers it, and keeps it for `retention` milliseconds at least.
    pub(super) fn raise(&self, order: ScopedOrder, retention: u64) -> Command {
        let arguments = vec![argument(order.version.get().to_be_bytes()), argument(be48(retention))];
        Command::script(&script::RAISE, self.keys.mark(order.resource), arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_version_in_its_one_form() {
        let read = |bytes: &[u8]| newest(Ok(Value::BulkString(bytes.to_vec())));
        assert_eq!(read(&[1, 0, 0, 0, 0, 0, 0, 0, 7]).unwrap(), Some(Version::new(7)));
        for bytes in [&[][..], &[1], &[2, 0, 0, 0, 0, 0, 0, 0, 7], &[1, 0, 0, 0, 0, 0, 0, 0, 7, 0]] {
            assert!(matches!(read(bytes), Err(Unread::Unreadable)), "{bytes:?}");
        }
        assert_eq!(newest(Ok(Value::Nil)).unwrap(), None);
        assert!(matches!(newest(Ok(Value::Okay)), Err(Unread::Failed(_))));
    }
}
