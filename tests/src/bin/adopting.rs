//! Adopts the execution on its standard input, on the Redis of its argument. Prints `ready`, waits for a second line of
//! input, and then prints `run` with the attempt and the fence, or `lost`.
#![expect(clippy::print_stdout, reason = "the test reads its output")]

use std::error::Error;
use std::io::BufRead as _;

use idempotency_core::engine::Adoption;
use idempotency_core::store::redis::RedisStore;
use idempotency_core::{Idempotency, Outcome};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("the URL of a Redis")?;
    let engine = Idempotency::new(RedisStore::new(url, "idem")?);
    let mut lines = std::io::stdin().lock().lines();
    let written = serde_json::from_str(&lines.next().ok_or("no execution")??)?;
    println!("ready");
    lines.next().ok_or("no word to go on")??;
    match engine.adopt(written).await? {
        Adoption::Run(mut execution) => {
            let (attempt, fence) = (execution.context().attempt(), execution.context().fence());
            execution.renew_while(async {}).await;
            let result = execution.complete(Outcome::default()).await;
            println!("run {attempt} {fence} {result:?}");
        }
        _ => println!("lost"),
    }
    Ok(())
}
