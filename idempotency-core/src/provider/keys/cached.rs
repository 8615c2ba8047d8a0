//! A cache in front of a source of public keys.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::state::{Answer, Limits, Next, State, judged, unavailable};
use super::{KeySource, PublicKey, document};
use crate::clock::{Clock, ClockReading};
use crate::provider::Rejection;

/// Public keys that are fetched when a request needs them, and kept for a while.
///
/// A request names the key that it is signed with, and is not authenticated when the key is fetched. So:
///
/// - The provider first checks that the address is the sender's.
/// - Requests that need the same key at the same time wait for one fetch. It ends at the [time limit](Self::with_timeout).
/// - A fetch that fails, and a key that does not exist, are remembered for the
///   [minimum interval](Self::with_min_interval). Within it, the same address is not asked again for an unknown key, and at
///   most 16 unknown addresses are asked. Name the sender's address [beforehand](Self::with_known), so that a flood of forged ones
///   does not keep it out after a restart.
/// - A key that does not exist is answered 401. All else is answered 503, so that the delivery comes again.
///
/// ```
/// # use bytes::Bytes;
/// # use idempotency_core::provider::{KeySource, Rejection};
/// # struct Http;
/// # #[async_trait::async_trait]
/// # impl KeySource for Http {
/// #     async fn fetch(&self, _: &str) -> Result<Option<Bytes>, Rejection> {
/// #         Err(Rejection::unavailable("down"))
/// #     }
/// # }
/// use std::time::Duration;
/// use idempotency_core::clock::TokioClock;
/// use idempotency_core::provider::{AwsSns, CachedKeys};
///
/// let keys = CachedKeys::new(Http, TokioClock::new()).with_timeout(Duration::from_secs(3));
/// let sns = AwsSns::new("arn:aws:sns:us-west-2:123456789012:MyTopic", keys)?;
/// # Ok::<(), idempotency_core::provider::SettingError>(())
/// ```
pub struct CachedKeys {
    source: Arc<dyn KeySource>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    timeout: Duration,
    state: Arc<Mutex<State>>,
}

impl CachedKeys {
    /// A cache in front of a source, on a clock.
    #[must_use]
    pub fn new(source: impl KeySource, clock: impl Clock) -> Self {
        let limits = Limits {
            max_age: Duration::from_secs(3_600),
            min_interval: Duration::from_secs(10),
            capacity: 100,
        };
        Self {
            source: Arc::new(source),
            clock: Arc::new(clock),
            limits,
            timeout: Duration::from_secs(5),
            state: Arc::default(),
        }
    }

    /// Sets how long keys are used before they are fetched again. Default: one hour, after which a withdrawn key is refused.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.limits.max_age = max_age;
        self
    }

    /// Sets how long after a fetch the same address is not asked again, if the fetch failed or found no such key. Default:
    /// 10 s, so that requests with forged key ids cause few fetches.
    #[must_use]
    pub fn with_min_interval(mut self, interval: Duration) -> Self {
        self.limits.min_interval = interval;
        self
    }

    /// Sets the time limit of a fetch. Default: 5 s.
    ///
    /// A request waits at most for the policy's [verification timeout](crate::Policy::with_verification_timeout) (2 s), and is then
    /// answered 503. The fetch goes on, and its keys serve the next delivery.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Names an address of the sender's that is known beforehand: the URL of its current certificate, or for [`Plaid`] the id of a
    /// key. Default: none.
    ///
    /// It is still fetched when a request needs it, and is never one of the 16 unknown addresses of an interval. So forged addresses
    /// do not keep it out, however many they are.
    ///
    /// [`Plaid`]: crate::provider::Plaid
    #[must_use]
    pub fn with_known(self, address: impl AsRef<str>) -> Self {
        lock(&self.state).name(address.as_ref());
        self
    }

    /// Sets the most addresses whose keys are kept. The oldest makes room for a new one. Default: 100. A sender has few.
    #[must_use]
    pub fn with_capacity(mut self, addresses: usize) -> Self {
        self.limits.capacity = addresses;
        self
    }

    /// The keys at an address that the provider has checked. Among them is one with the id, if there is an id.
    pub(super) async fn find(&self, address: &str, id: Option<&str>) -> Result<Arc<[PublicKey]>, Rejection> {
        let now = ClockReading::of(&*self.clock);
        let next = lock(&self.state).next(address, id, now, self.limits);
        let mut pending = match next {
            Next::Use(keys) => return Ok(keys),
            Next::Refuse(rejection) => return Err(rejection),
            Next::Wait(pending) => pending,
            Next::Ask(sender, pending) => {
                self.ask(address, now, sender)?;
                pending
            }
        };
        // An error means that the task has panicked or that the runtime shuts down.
        let answer = pending.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
        judged(answer.ok_or_else(unavailable)?, id)
    }

    /// Fetches in a task of its own: a sender that hangs up does not end a fetch that others wait for.
    fn ask(
        &self,
        address: &str,
        asked: ClockReading,
        sender: watch::Sender<Option<Answer>>,
    ) -> Result<(), Rejection> {
        let runtime = Handle::try_current().map_err(|error| unavailable().with_source(error))?;
        let (source, state, timeout) = (self.source.clone(), self.state.clone(), self.timeout);
        let (address, capacity) = (Box::<str>::from(address), self.limits.capacity);
        runtime.spawn(async move {
            let answer = match tokio::time::timeout(timeout, source.fetch(&address)).await {
                Ok(Ok(Some(document))) => match document::keys(&document) {
                    Some(keys) => Ok(Some(keys.into())),
                    None => {
                        Err(Rejection::unavailable("the fetched document is neither pem nor a json web key"))
                    }
                },
                Ok(Ok(None)) => Ok(None),
                Ok(Err(rejection)) => Err(rejection),
                Err(elapsed) => Err(Rejection::unavailable("the fetch took too long").with_source(elapsed)),
            };
            let answer: Answer = answer.map_err(Arc::new);
            {
                let mut state = lock(&state);
                match &answer {
                    Ok(Some(keys)) => state.keep(&address, asked, keys, capacity),
                    Ok(None) => state.forget(&address),
                    // A source that is out of reach tells nothing.
                    Err(_) => {}
                }
            }
            sender.send_replace(Some(answer));
        });
        Ok(())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for CachedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedKeys")
            .field("max_age", &self.limits.max_age)
            .field("min_interval", &self.limits.min_interval)
            .field("timeout", &self.timeout)
            .field("capacity", &self.limits.capacity)
            .field("addresses", &lock(&self.state).len())
            .finish_non_exhaustive()
    }
}
