//! The naive lock: `SET key NX EX`, the handler, and `DEL` if it fails. A duplicate gets 200.
//!
//! The app does not check the signature, which can only help it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing::post};
use redis::aio::MultiplexedConnection;

use crate::LEASE;
use crate::event::Event;
use crate::handler::Handler;

#[derive(Clone)]
struct App {
    redis: MultiplexedConnection,
    handler: Handler,
}

pub(crate) async fn app(redis: &str, handler: Handler) -> redis::RedisResult<Router> {
    let redis = redis::Client::open(redis)?.get_multiplexed_async_connection().await?;
    Ok(Router::new().route("/webhook", post(receive)).with_state(App { redis, handler }))
}

async fn receive(State(mut app): State<App>, Json(event): Json<Event>) -> StatusCode {
    let key = format!("webhook:{}", event.id);
    let mut set = redis::cmd("SET");
    set.arg(&key).arg("processing").arg("NX").arg("EX").arg(LEASE.as_secs());
    match set.query_async::<Option<String>>(&mut app.redis).await {
        Ok(Some(_)) => {}
        Ok(None) => return StatusCode::OK,
        Err(_) => return StatusCode::SERVICE_UNAVAILABLE,
    }
    match app.handler.handle(&event).await {
        Ok(()) => StatusCode::OK,
        Err(_) => {
            let _: redis::RedisResult<()> = redis::cmd("DEL").arg(&key).query_async(&mut app.redis).await;
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}
