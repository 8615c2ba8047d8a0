//! The storm: every story at once, then the deaths, on one of the two apps.

use std::error::Error;
use std::io;
use std::sync::Arc;

use futures_util::future::{join, join_all};

use crate::ledger::{Ledger, What};
use crate::sender::Sender;
use crate::serve::App;
use crate::story::Story;
use crate::tally::Evidence;
use crate::workers::Workers;

pub(crate) async fn storm(
    app: App,
    stories: &[Story],
    redis: &str,
    ledger: Ledger,
) -> Result<Evidence, Box<dyn Error>> {
    let workers = Arc::new(Workers::start(app, redis, ledger.clone()).await?);
    let sender = Sender::new(Arc::clone(&workers));
    let (deadly, survived): (Vec<_>, Vec<_>) = stories.iter().partition(|story| story.killed_at.is_some());

    join_all(survived.into_iter().map(|story| sender.tell(story))).await;

    // A round per death, so that few others die with it. What was interrupted goes on during later rounds.
    let (told, killed) = tokio::sync::watch::channel(0);
    let telling = deadly.iter().enumerate().map(|(round, story)| {
        let mut killed = killed.clone();
        let sender = &sender;
        async move {
            // It cannot fail before the rounds are over.
            let _ = killed.wait_for(|rounds| *rounds >= round).await;
            sender.tell(story).await;
        }
    });
    let killing = async {
        for (round, story) in deadly.iter().enumerate() {
            let moment = story.killed_at.unwrap_or(What::Started);
            workers.kill_at(moment, &story.chapters[0].event.id).await?;
            told.send_replace(round + 1);
        }
        io::Result::Ok(())
    };
    let (_, killing) = join(join_all(telling), killing).await;
    killing?;

    let evidence = Evidence {
        ledger: ledger.read()?,
        deliveries: sender.log().clone(),
        deaths: workers.deaths().clone(),
    };
    Ok(evidence)
}
