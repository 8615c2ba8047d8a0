//! The storm on one of the two apps: all stories at once, then those with a killed worker.

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
    let (killed, survived): (Vec<_>, Vec<_>) = stories.iter().partition(|story| story.killed_at.is_some());

    join_all(survived.into_iter().map(|story| sender.deliver_story(story))).await;

    // One round per killed worker, so that few other executions die with it. Interrupted ones continue in
    // later rounds.
    let (rounds_done, rounds) = tokio::sync::watch::channel(0);
    let delivering = killed.iter().enumerate().map(|(round, story)| {
        let mut rounds = rounds.clone();
        let sender = &sender;
        async move {
            // Waiting cannot fail before the rounds are over.
            let _ = rounds.wait_for(|done| *done >= round).await;
            sender.deliver_story(story).await;
        }
    });
    let killing = async {
        for (round, story) in killed.iter().enumerate() {
            let moment = story.killed_at.unwrap_or(What::Started);
            workers.kill_at(moment, &story.chapters[0].event.id).await?;
            rounds_done.send_replace(round + 1);
        }
        io::Result::Ok(())
    };
    let (_, killing) = join(join_all(delivering), killing).await;
    killing?;

    let evidence = Evidence {
        ledger: ledger.read()?,
        deliveries: sender.log().clone(),
        deaths: workers.deaths().clone(),
    };
    Ok(evidence)
}
