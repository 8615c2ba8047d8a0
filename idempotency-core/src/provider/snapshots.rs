//! Snapshots: the event types whose older events may be discarded, and the order of a delivery of such a type.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::{Delivery, Order, Resource, Scope, Version};

/// The most that a version may be ahead of the local clock. Senders keep their clocks accurate to the second, so a version
/// that is further ahead is wrong. As a high-water mark, it would discard every later event.
const MAX_AHEAD: Duration = super::signature::DEFAULT_TOLERANCE;

/// The event types passed to `discarding_stale`, in groups. Empty by default: only the handler's author knows whether an
/// older event may be dropped.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots(Arc<[Snapshot]>);

#[derive(Clone, Debug)]
struct Snapshot {
    event_type: Arc<str>,
    /// The group's first type in alphabetical order. Adding a type seldom changes it, so existing marks stay in force.
    group: Arc<str>,
}

/// An event type cannot be ordered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot discard stale events of the type `{event_type}`: {reason}")]
#[non_exhaustive]
pub struct OrderError {
    event_type: Arc<str>,
    reason: &'static str,
}

impl OrderError {
    pub(super) fn new(event_type: impl Into<Arc<str>>, reason: &'static str) -> Self {
        Self { event_type: event_type.into(), reason }
    }

    /// The refused type.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }
}

/// The object that an event is about, and how new the event is.
pub(super) struct Position<'a> {
    /// The kind of object, from signed bytes.
    pub(super) kind: Cow<'a, str>,
    /// The object's name, unique among objects of its kind.
    pub(super) name: Cow<'a, str>,
    /// Time since 1970 in the sender's unit, or a number that is no time.
    pub(super) version: u64,
    /// The number of those units in a second. `u64::MAX` for a number that is no time: none is then in the future.
    pub(super) per_second: u64,
}

impl Snapshots {
    /// These types as one group, unchecked.
    fn of(types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let types: Vec<Arc<str>> = types.into_iter().map(|event_type| event_type.into().into()).collect();
        let Some(group) = types.iter().min().cloned() else { return Self::default() };
        let snapshot = |event_type| Snapshot { event_type, group: Arc::clone(&group) };
        Self(types.into_iter().map(snapshot).collect())
    }

    /// Adds a group of types. `check` returns the reason why a type cannot be ordered.
    pub(super) fn and(
        &self,
        types: impl IntoIterator<Item = impl Into<String>>,
        check: impl Fn(&str) -> Result<(), &'static str>,
    ) -> Result<Self, OrderError> {
        let group = Self::of(types);
        for Snapshot { event_type, .. } in &*group.0 {
            let checked = match self.group_of(event_type) {
                Some(_) => Err("it is already in an earlier group"),
                None if event_type.is_empty() => Err("the type is empty"),
                None if event_type.contains('*') => Err("patterns are not supported, name each type"),
                None => check(event_type),
            };
            checked.map_err(|reason| OrderError::new(Arc::clone(event_type), reason))?;
        }
        Ok(Self(self.0.iter().chain(&*group.0).cloned().collect()))
    }

    /// Sets a delivery's order if its type is in a group. Without a plausible position, it runs unordered and says why.
    pub(super) fn order<'a>(
        &self,
        delivery: Delivery,
        event_type: &str,
        scope: impl FnOnce() -> Scope,
        now: Duration,
        position: impl FnOnce() -> Option<Position<'a>>,
    ) -> Delivery {
        let Some(group) = self.group_of(event_type) else { return delivery };
        let Some(Position { kind, name, version, per_second }) = position() else {
            return delivery.with_unordered("the body lacks the object's name or its version");
        };
        if version / per_second > now.saturating_add(MAX_AHEAD).as_secs() {
            return delivery.with_unordered("the version is in the future");
        }
        let resource = Resource::new(&scope().with_account(group), kind, name);
        delivery.with_order(Order::new(resource, Version::new(version)))
    }

    /// Whether a type is in a group.
    pub(super) fn has(&self, event_type: &str) -> bool {
        self.group_of(event_type).is_some()
    }

    fn group_of(&self, event_type: &str) -> Option<&str> {
        let mut named = self.0.iter().filter(|snapshot| *snapshot.event_type == *event_type);
        named.next().map(|snapshot| &*snapshot.group)
    }
}
