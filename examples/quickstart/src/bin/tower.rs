//! A webhook in plain Tower, served by hyper, on the memory store.

use std::convert::Infallible;
use std::error::Error;

use http::{Request, Response};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use idempotency_tower::{AnyBody, IdempotencyContext, IdempotencyLayer, Scope, provider::Stripe};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};

async fn handle<B>(request: Request<AnyBody<B>>) -> Result<Response<String>, Infallible> {
    let context = request.extensions().get::<IdempotencyContext>().expect("the layer adds the context");
    println!("attempt {} of {}", context.attempt(), context.key().as_str());
    // An idempotency key for the payment API that this handler calls. It is the same in every attempt.
    Ok(Response::new(context.derive_key("charge")))
}

async fn serve(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let idempotency = IdempotencyLayer::memory(Stripe::new(quickstart::SECRET)?);
    let layer = idempotency.outside_axum(Scope::endpoint("stripe /webhooks/stripe"));
    let app = ServiceBuilder::new().layer(layer).service(service_fn(handle));
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(app.clone());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    quickstart::print_curl(&quickstart::stripe_event());
    serve(listener).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn the_second_delivery_is_replayed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let event = quickstart::stripe_event();
        let signature = event.headers()["stripe-signature"].to_str().unwrap();
        let (path, body) = (event.uri().path(), event.body());
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\
             stripe-signature: {signature}\r\n\r\n{body}"
        );
        let deliveries = async {
            for expected in ["idempotency-status: executed", "idempotency-status: replayed"] {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
                assert!(answer.contains(expected), "{answer}");
            }
        };
        tokio::select! {
            () = deliveries => {}
            ended = serve(listener) => panic!("{ended:?}"),
        }
    }
}
