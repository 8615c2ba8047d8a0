//! Copies values that earlier middleware set in a request's extensions to where providers look for them.

use actix_web::dev::Extensions;
use idempotency_core::IdempotencyContext;
use idempotency_core::engine::BatchContext;

/// Copies the value of one type, if there is one.
type Carry = fn(&Extensions, &mut http::Extensions);

/// The types to copy. actix-web can look an extension up by its type, but cannot list all.
#[derive(Clone, Debug)]
pub(crate) struct Carried(Vec<Carry>);

impl Carried {
    /// Starts with the contexts of an outer guard, which an inner guard must see.
    pub(crate) fn new() -> Self {
        Self(vec![carry::<IdempotencyContext>, carry::<BatchContext>])
    }

    pub(crate) fn with<T: Clone + Send + Sync + 'static>(mut self) -> Self {
        self.0.push(carry::<T>);
        self
    }

    /// Returns the extensions that providers see.
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
