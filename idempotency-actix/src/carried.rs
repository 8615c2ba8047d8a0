//! What earlier middleware attached to a request, carried over to where providers look for it.

use actix_web::dev::Extensions;
use idempotency_core::IdempotencyContext;
use idempotency_core::engine::BatchContext;

/// Copies a value of one type, where there is one.
type Carry = fn(&Extensions, &mut http::Extensions);

/// The types that are carried over. actix-web's extensions can be asked for a type, and cannot be listed.
#[derive(Clone, Debug)]
pub(crate) struct Carried(Vec<Carry>);

impl Carried {
    /// What an outer guard holds, which an inner one has to know.
    pub(crate) fn new() -> Self {
        Self(vec![carry::<IdempotencyContext>, carry::<BatchContext>])
    }

    pub(crate) fn with<T: Clone + Send + Sync + 'static>(mut self) -> Self {
        self.0.push(carry::<T>);
        self
    }

    /// What providers see of these extensions.
    pub(crate) fn of(&self, from: &Extensions) -> http::Extensions {
        let mut to = from.get::<http::Extensions>().cloned().unwrap_or_default();
        for carry in &self.0 {
            carry(from, &mut to);
        }
        to
    }
}

fn carry<T: Clone + Send + Sync + 'static>(from: &Extensions, to: &mut http::Extensions) {
    if let Some(value) = from.get::<T>() {
        to.insert(value.clone());
    }
}
