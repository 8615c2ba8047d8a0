//! The redirection: another master to send a command to.

use std::sync::Arc;

use super::link::Link;

/// The target of a redirection. The server that sent it did not execute the command.
pub(crate) struct Redirect {
    pub(crate) link: Arc<Link>,
    /// Whether an `ASKING` must precede the command, because its slot is migrating.
    pub(crate) asking: bool,
}
