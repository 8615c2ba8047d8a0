//! The worker process: serves one of the two apps on its own port until it is killed.

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::handler::Handler;
use crate::ledger::Ledger;
use crate::{library, naive};

#[derive(Args)]
pub(crate) struct Serve {
    #[arg(long)]
    app: App,
    #[arg(long)]
    redis: String,
    #[arg(long)]
    ledger: PathBuf,
}

/// The app under test.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum App {
    Naive,
    Library,
}

impl App {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Library => "library",
        }
    }
}

/// Prints its address, then serves until it is killed or its parent process ends.
pub(crate) async fn serve(args: Serve) -> Result<(), Box<dyn Error>> {
    let handler = Handler::new(Ledger::open(args.ledger));
    let app = match args.app {
        App::Naive => naive::app(&args.redis, handler).await?,
        App::Library => library::app(&args.redis, handler)?,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let parent_gone = async {
        // The parent process never writes to this pipe. It closes when the parent ends.
        let _ = tokio::io::stdin().read(&mut [0]).await;
    };
    tokio::select! {
        served = axum::serve(listener, app).into_future() => served?,
        () = parent_gone => {}
    }
    Ok(())
}
