//! A handshake by another method than POST is answered on a route for POST, if the layer is around the whole route.

use http::{Method, StatusCode};
use idempotency_core::Policy;
use idempotency_core::store::memory::MemoryStore;
use idempotency_tests::http::TestSender;

const CHALLENGE: &str = "/hook?challenge=c-1";
const METHODS: [Method; 3] = [Method::GET, Method::HEAD, Method::OPTIONS];

fn sender() -> TestSender {
    TestSender::new(Policy::webhook())
}

mod in_axum {
    use axum::Router;
    use axum::body::Body;
    use axum::handler::Handler as _;
    use axum::routing::{any, post};
    use idempotency_tower::IdempotencyLayer;
    use tower::ServiceExt as _;

    use super::*;

    fn layer() -> IdempotencyLayer {
        IdempotencyLayer::new(MemoryStore::new(), sender())
    }

    async fn ran() -> &'static str {
        "ran"
    }

    async fn answers(app: Router) -> [StatusCode; 3] {
        let mut answers = METHODS.map(|_| StatusCode::OK);
        for (answer, method) in answers.iter_mut().zip(METHODS) {
            let request = http::Request::builder().method(method).uri(CHALLENGE).body(Body::empty());
            *answer = app.clone().oneshot(request.unwrap()).await.unwrap().status();
        }
        answers
    }

    #[tokio::test]
    async fn a_layer_around_the_route_answers_it() {
        for (name, app) in [
            ("on the route", Router::new().route("/hook", post(ran).layer(layer()))),
            ("on the router", Router::new().route("/hook", post(ran)).layer(layer())),
            ("on the router's routes", Router::new().route("/hook", post(ran)).route_layer(layer())),
            ("around the handler of any method", Router::new().route("/hook", any(ran.layer(layer())))),
        ] {
            assert_eq!(answers(app).await, [StatusCode::OK; 3], "{name}");
        }
    }

    #[tokio::test]
    async fn a_layer_around_the_method_or_the_handler_does_not_see_it() {
        for (name, app) in [
            ("around the method", Router::new().route("/hook", post(ran).route_layer(layer()))),
            ("around the handler", Router::new().route("/hook", post(ran.layer(layer())))),
        ] {
            assert_eq!(answers(app).await, [StatusCode::METHOD_NOT_ALLOWED; 3], "{name}");
        }
    }
}

mod in_actix_web {
    use actix_web::dev::{HttpServiceFactory, Service as _};
    use actix_web::{App, test, web};
    use idempotency_actix::IdempotencyMiddleware;

    use super::*;

    fn middleware() -> IdempotencyMiddleware {
        IdempotencyMiddleware::new(MemoryStore::new(), sender())
    }

    async fn ran() -> &'static str {
        "ran"
    }

    #[actix_web::post("/hook", wrap = "middleware()")]
    async fn by_macro() -> &'static str {
        "ran"
    }

    #[actix_web::route(
        "/hook",
        method = "POST",
        method = "GET",
        method = "HEAD",
        method = "OPTIONS",
        wrap = "middleware()"
    )]
    async fn by_macro_of_methods() -> &'static str {
        "ran"
    }

    async fn answers(service: impl HttpServiceFactory + 'static) -> [u16; 3] {
        let app = test::init_service(App::new().service(service)).await;
        let mut answers = [0; 3];
        for (answer, method) in answers.iter_mut().zip(METHODS) {
            let method = actix_web::http::Method::from_bytes(method.as_str().as_bytes()).unwrap();
            let request = test::TestRequest::with_uri(CHALLENGE).method(method).to_request();
            *answer = app.call(request).await.unwrap().status().as_u16();
        }
        answers
    }

    #[actix_web::test]
    async fn a_middleware_around_the_resource_answers_it() {
        let hook = || web::resource("/hook").route(web::post().to(ran));
        assert_eq!(answers(hook().wrap(middleware())).await, [200; 3]);
        assert_eq!(answers(web::scope("").service(hook()).wrap(middleware())).await, [200; 3]);
        let any = web::resource("/hook").route(web::route().to(ran).wrap(middleware()));
        assert_eq!(answers(any).await, [200; 3]);
        assert_eq!(answers(by_macro_of_methods).await, [200; 3]);
    }

    #[actix_web::test]
    async fn a_middleware_around_the_method_does_not_see_it() {
        let of_method = web::resource("/hook").route(web::post().to(ran).wrap(middleware()));
        assert_eq!(answers(of_method).await, [405; 3]);
        assert_eq!(answers(by_macro).await, [404; 3]);
    }
}
