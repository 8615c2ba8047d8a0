//! A source of keys that answers as it is told.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use idempotency_core::clock::ManualClock;
use idempotency_core::provider::{CachedKeys, KeySource, Rejection};
use tokio::sync::Semaphore;

/// The answer at an address.
#[derive(Clone)]
pub(super) enum Answer {
    Document(String),
    Down,
    /// An error of a kind that says something about a request, which a source cannot know.
    Unauthenticated,
    Hang,
    Panic,
}

/// A source of keys. Where it is told nothing, it has no document. Clones share what they are told and what they were asked.
#[derive(Clone)]
pub(super) struct Source {
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// A fetch takes one.
    pub(super) permits: Arc<Semaphore>,
}

impl Source {
    pub(super) fn new() -> Self {
        let permits = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self { answers: Arc::default(), asked: Arc::default(), permits }
    }

    pub(super) fn set(&self, address: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(address.to_owned(), answer);
    }

    pub(super) fn holding(address: &str, document: impl ToString) -> Self {
        let source = Self::new();
        source.set(address, Answer::Document(document.to_string()));
        source
    }

    /// The addresses that it was asked since the last call.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    pub(super) fn cached(&self) -> (CachedKeys, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new());
        (CachedKeys::new(self.clone(), clock.clone()), clock)
    }
}

#[async_trait::async_trait]
impl KeySource for Source {
    async fn fetch(&self, address: &str) -> Result<Option<Bytes>, Rejection> {
        self.asked.lock().unwrap().push(address.to_owned());
        let answer = self.answers.lock().unwrap().get(address).cloned();
        self.permits.acquire().await.unwrap().forget();
        match answer {
            None => Ok(None),
            Some(Answer::Document(document)) => Ok(Some(document.into())),
            Some(Answer::Down) => Err(Rejection::unavailable("the source is out of reach")),
            Some(Answer::Unauthenticated) => Err(Rejection::unauthenticated("the source says so")),
            Some(Answer::Hang) => pending().await,
            Some(Answer::Panic) => panic!("the source panics"),
        }
    }
}
