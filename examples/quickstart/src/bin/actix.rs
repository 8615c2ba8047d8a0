//! A webhook in actix-web, on the memory store.

use std::error::Error;

use actix_web::{App, HttpServer, web};
use idempotency_actix::{IdempotencyMiddleware, Idempotent, provider::Stripe};

async fn handle(Idempotent(context): Idempotent, event: String) -> String {
    println!("attempt {} of {}: {event}", context.attempt(), context.key().as_str());
    // An idempotency key for the payment API that this handler calls. It is the same in every attempt.
    context.derive_key("charge")
}

fn routes(config: &mut web::ServiceConfig, idempotency: IdempotencyMiddleware) {
    // Around this resource only: around the `App` it would guard all other routes too.
    config.service(web::resource("/webhooks/stripe").route(web::post().to(handle)).wrap(idempotency));
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Create it once and clone it into every worker, so that all share one store.
    let idempotency = IdempotencyMiddleware::memory(Stripe::new(quickstart::SECRET)?);
    let app = move || App::new().configure(|config| routes(config, idempotency.clone()));
    let server = HttpServer::new(app).bind("127.0.0.1:3000")?;
    quickstart::print_curl(&quickstart::stripe_event());
    server.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test;
    use idempotency_actix::testing;

    #[actix_web::test]
    async fn five_deliveries_at_once_are_one_execution() {
        let idempotency = IdempotencyMiddleware::memory(Stripe::new(quickstart::SECRET).unwrap());
        let app = test::init_service(App::new().configure(|config| routes(config, idempotency))).await;
        testing::deliver(&app, quickstart::stripe_event(), 5).await.assert_executed_once();
    }
}
