//! The handler: the business code, the same in both apps.

use std::io;
use std::time::Duration;

use crate::event::Event;
use crate::ledger::{Ledger, What};

#[derive(Clone, Debug)]
pub(crate) struct Handler {
    ledger: Ledger,
}

impl Handler {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self { ledger }
    }

    pub(crate) async fn handle(&self, event: &Event) -> io::Result<()> {
        self.ledger.write(What::Started, event)?;
        tokio::time::sleep(Duration::from_millis(event.work.millis_before)).await;
        if self.ledger.find(What::Failed, &event.id)?.len() < event.work.failures {
            self.ledger.write(What::Failed, event)?;
            return Err(io::Error::other("whatever the handler calls is down"));
        }
        self.ledger.write(What::Effect, event)?;
        tokio::time::sleep(Duration::from_millis(event.work.millis_after)).await;
        Ok(())
    }
}
