//! Serving: receives a request and executes its delivery, as one future that outlives its caller if it must.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tracing::Instrument as _;
use tracing::instrument::Instrumented;

use super::Endpoint;
use crate::Idempotency;
use crate::engine::Tracked;

/// What follows once a request is received. `A` is the adapter's answer, and `X` its future of an execution.
///
/// This enum is complete.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a request is answered at once or executed")]
pub enum Next<A, X> {
    /// Answer at once.
    Answer(A),
    /// Execute the delivery.
    Execute(X),
}

pin_project! {
    /// The future of one request. An adapter puts it into a box of its own.
    ///
    /// It runs in its caller's task, which saves a task for each request. An adapter that is about to drop it asks
    /// [`outlives_caller`](Self::outlives_caller) first. If so, it must move it to a task of its own instead, with
    /// [`Idempotency::finish`] for example.
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is polled"]
    pub struct Serving<R, X> {
        endpoint: Endpoint,
        #[pin]
        stage: Stage<R, X>,
    }
}

pin_project! {
    /// The stages take place in the same memory.
    #[derive(Debug)]
    #[project = StageProjected]
    enum Stage<R, X> {
        Receiving { #[pin] receiving: R },
        // Counted as under way while the caller waits too, since it may go away at any time.
        Executing { #[pin] execution: Instrumented<X>, _tracked: Tracked },
    }
}

impl<R, X> Serving<R, X> {
    /// Creates the future. `receiving` receives the request, and claims nothing.
    pub fn new(endpoint: Endpoint, receiving: R) -> Self {
        Self { endpoint, stage: Stage::Receiving { receiving } }
    }

    /// Whether an execution is under way that the policy detaches from its caller, and if so on which engine.
    #[must_use]
    pub fn outlives_caller(&self) -> Option<&Idempotency> {
        let engine = self.endpoint.engine();
        let is_executing = matches!(self.stage, Stage::Executing { .. });
        (is_executing && engine.policy().attachment().is_detached()).then_some(engine)
    }
}

impl<A, R, X> Future for Serving<R, X>
where
    R: Future<Output = Next<A, X>>,
    X: Future<Output = A>,
{
    type Output = A;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<A> {
        let mut serving = self.project();
        if let StageProjected::Receiving { receiving } = serving.stage.as_mut().project() {
            match ready!(receiving.poll(cx)) {
                Next::Answer(answer) => return Poll::Ready(answer),
                Next::Execute(execution) => {
                    // The handler's log lines belong to the request's span, also in a task of its own.
                    let execution = execution.in_current_span();
                    let _tracked = serving.endpoint.engine().track();
                    serving.stage.set(Stage::Executing { execution, _tracked });
                }
            }
        }
        match serving.stage.project() {
            StageProjected::Executing { execution, .. } => execution.poll(cx),
            StageProjected::Receiving { .. } => unreachable!("the request is received"),
        }
    }
}
