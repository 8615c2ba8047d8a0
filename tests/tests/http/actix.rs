//! Features of actix-web alone: outer and inner apps and middlewares, handlers that are not `Send`, extractors.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::dev::{Service as _, ServiceResponse};
use actix_web::error::{ErrorBadGateway, JsonPayloadError};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, read_body, try_call_service};
use actix_web::{App, HttpMessage as _, HttpResponse, web};
use idempotency_actix::{IdempotencyMiddleware, Idempotent};
use idempotency_core::Policy;
use idempotency_core::provider::IdempotencyKey;
use idempotency_core::store::memory::MemoryStore;
use idempotency_tests::http::TestSender;

fn local<T>(test: impl Future<Output = T>) -> T {
    actix_web::rt::System::new().block_on(test)
}

fn middleware() -> IdempotencyMiddleware {
    IdempotencyMiddleware::new(MemoryStore::new(), TestSender::new(Policy::webhook()))
}

fn delivery(key: &str) -> TestRequest {
    TestRequest::post().uri("/hook").insert_header(("x-key", key)).set_payload(r#"{"n":7}"#)
}

fn status_of<B>(response: &ServiceResponse<B>) -> &str {
    response.headers().get("idempotency-status").map_or("", |value| value.to_str().expect("it is ascii"))
}

#[test]
fn a_head_with_more_headers_than_a_map_holds_is_malformed() {
    local(async {
        let app = App::new().wrap(middleware()).default_service(web::to(HttpResponse::Ok));
        let app = init_service(app).await;
        let mut request = delivery("k");
        for number in 0..40_000 {
            request = request.insert_header((format!("x-{number}"), "1"));
        }
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let problem = read_body(response).await;
        assert!(String::from_utf8_lossy(&problem).contains("malformed"), "{problem:?}");
    });
}

#[test]
fn an_app_is_wrapped_as_a_whole_and_its_routing_still_works() {
    local(async {
        let runs = Rc::new(Cell::new(0));
        let counted = runs.clone();
        // A handler that is not `Send`, on a path with a parameter. Routing needs the only handle on the request.
        let handle = move |path: web::Path<String>, body: web::Json<serde_json::Value>| {
            counted.set(counted.get() + 1);
            let answer = format!("{path} {}", body["n"]);
            std::future::ready(HttpResponse::Ok().body(answer))
        };
        let app = App::new()
            .wrap(middleware())
            .service(web::scope("/{tenant}").route("/hook", web::post().to(handle)));
        let app = init_service(app).await;
        for expected in ["executed", "replayed"] {
            let request = delivery("k").uri("/t1/hook").insert_header(("content-type", "application/json"));
            let response = call_service(&app, request.to_request()).await;
            assert_eq!(status_of(&response), expected);
            assert_eq!(read_body(response).await, "t1 7");
        }
        assert_eq!(runs.get(), 1);
    });
}

#[test]
fn an_error_of_an_inner_middleware_releases_and_passes() {
    local(async {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let resource = web::resource("/hook")
            .wrap(from_fn(move |request, next: Next<actix_web::body::BoxBody>| {
                let run = counted.fetch_add(1, Ordering::SeqCst);
                async move { if run == 0 { Err(ErrorBadGateway("gone")) } else { next.call(request).await } }
            }))
            .to(|| async { HttpResponse::Ok().body("done") })
            .wrap(middleware());
        let app = init_service(App::new().service(resource)).await;
        let error = try_call_service(&app, delivery("k").to_request()).await.expect_err("it passes");
        assert_eq!(error.as_response_error().status_code(), StatusCode::BAD_GATEWAY);
        for expected in ["executed", "replayed"] {
            assert_eq!(status_of(&call_service(&app, delivery("k").to_request()).await), expected);
        }
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn an_error_of_a_handler_or_an_extractor_is_treated_by_its_status() {
    local(async {
        let handle = |body: web::Json<Vec<u8>>| async move { HttpResponse::Ok().json(body.len()) };
        let resource = web::resource("/hook").wrap(middleware()).to(handle);
        let app = init_service(App::new().service(resource)).await;
        for _ in 0..2 {
            let request = delivery("k").insert_header(("content-type", "application/json")).to_request();
            let response = call_service(&app, request).await;
            assert_eq!((response.status(), status_of(&response)), (StatusCode::BAD_REQUEST, "executed"));
            let error = response.response().error().expect("it is kept");
            assert!(error.as_error::<JsonPayloadError>().is_some());
        }
    });
}

#[test]
fn the_context_is_extracted_and_optional() {
    local(async {
        let sender = TestSender::new(Policy::webhook()).optional();
        let app = App::new().service(
            web::scope("")
                .wrap(IdempotencyMiddleware::new(MemoryStore::new(), sender))
                .route(
                    "/optional",
                    web::post().to(|context: Option<Idempotent>| async move {
                        HttpResponse::Ok().body(context.is_some().to_string())
                    }),
                )
                .route(
                    "/hook",
                    web::post().to(|Idempotent(context): Idempotent| async move {
                        HttpResponse::Ok().body(context.key().as_str().to_owned())
                    }),
                ),
        );
        let app = init_service(app).await;
        let body =
            async |request: TestRequest| read_body(call_service(&app, request.to_request()).await).await;
        assert_eq!(body(delivery("k")).await, "k");
        assert_eq!(body(delivery("k").uri("/optional")).await, "true");
        assert_eq!(body(TestRequest::post().uri("/optional")).await, "false");
        let response = call_service(&app, TestRequest::post().uri("/hook").to_request()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    });
}

#[derive(Clone)]
struct User(&'static str);

#[test]
fn an_extension_of_an_earlier_middleware_reaches_the_provider() {
    local(async {
        let keys = IdempotencyKey::per_principal(|incoming| {
            incoming.extensions.get::<User>().map(|user| user.0.to_owned())
        });
        let resource = web::resource("/hook")
            .to(|| async { HttpResponse::Ok().body("done") })
            .wrap(IdempotencyMiddleware::new(MemoryStore::new(), keys))
            .wrap_fn(|request, service| {
                let user = if request.headers().contains_key("x-bob") { "bob" } else { "alice" };
                let mut extensions = http::Extensions::new();
                extensions.insert(User(user));
                request.extensions_mut().insert(extensions);
                service.call(request)
            });
        let app = init_service(App::new().service(resource)).await;
        let request = || {
            TestRequest::default().method(Method::POST).uri("/hook").insert_header(("idempotency-key", "k"))
        };
        for expected in ["executed", "replayed"] {
            let alice = call_service(&app, request().to_request()).await;
            let bob = call_service(&app, request().insert_header(("x-bob", "1")).to_request()).await;
            assert_eq!((status_of(&alice), status_of(&bob)), (expected, expected));
        }
    });
}

#[test]
fn clones_are_drained_as_one() {
    local(async {
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        let (held, original) = (gate.clone(), middleware());
        let handle = move || {
            let held = held.clone();
            async move {
                held.acquire().await.expect("the gate is never closed").forget();
                HttpResponse::Ok().finish()
            }
        };
        let app = App::new().service(web::resource("/hook").wrap(original.clone()).to(handle));
        let app = init_service(app).await;
        // The response future is polled once and dropped, as when the sender hangs up.
        let mut call = Box::pin(app.call(delivery("k").to_request()));
        assert!(futures_util::poll!(call.as_mut()).is_pending());
        drop(call);
        assert!(!original.drain(Duration::from_millis(10)).await);
        gate.add_permits(1);
        assert!(original.drain(Duration::from_secs(30)).await);
        let response = call_service(&app, delivery("k").to_request()).await;
        assert_eq!(status_of(&response), "replayed");
    });
}

/// A request that is dropped moves its execution to a task of the worker, which the worker drops when it shuts down.
#[test]
fn an_execution_that_its_sender_left_ends_with_its_worker() {
    local(async {
        let tasks = tokio::task::LocalSet::new();
        let work = Rc::new(());
        let handle = {
            let work = work.clone();
            move || {
                let work = work.clone();
                async move {
                    std::future::pending::<()>().await;
                    drop(work);
                    HttpResponse::Ok().finish()
                }
            }
        };
        let app = App::new().service(web::resource("/hook").wrap(middleware()).to(handle));
        let app = tasks.run_until(init_service(app)).await;
        let idle = Rc::strong_count(&work);
        let mut answer = Box::pin(app.call(delivery("k").to_request()));
        let answered = tasks.run_until(async { futures_util::poll!(answer.as_mut()).is_ready() }).await;
        assert!(!answered);
        tasks.run_until(async { drop(answer) }).await;
        tasks.run_until(tokio::task::yield_now()).await;
        assert!(Rc::strong_count(&work) > idle, "the handler goes on");
        drop(tasks);
        assert_eq!(Rc::strong_count(&work), idle, "the handler ends with the worker");
    });
}

#[test]
fn a_route_without_the_middleware_says_what_is_missing() {
    local(async {
        let handle = async |Idempotent(context): Idempotent| context.attempt().to_string();
        let app = init_service(App::new().route("/hook", web::post().to(handle))).await;
        let response = call_service(&app, delivery("k").to_request()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let text = read_body(response).await;
        assert!(String::from_utf8_lossy(&text).contains("no idempotency context"), "{text:?}");
    });
}
