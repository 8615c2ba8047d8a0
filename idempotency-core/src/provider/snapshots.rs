//! Which types of event are snapshots, so that an older one may be discarded, and where a delivery stands among them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::{Delivery, Order, Resource, Scope, Version};

/// How far ahead of our clock a version may be. Senders keep their clocks to the second, so a version that is further
/// ahead is wrong, and as a mark it would discard everything that follows.
const AHEAD: Duration = super::signature::DEFAULT_TOLERANCE;

/// The types of event that were named by `discarding_stale`, in groups. None by default: only the handler's author knows
/// whether an older event may be dropped.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots(Arc<[Snapshot]>);

#[derive(Clone, Debug)]
struct Snapshot {
    event_type: Arc<str>,
    /// The group's first type in alphabetical order: adding a type seldom changes it, so marks stay in force.
    group: Arc<str>,
}

/// Why an event type cannot be ordered. Names the type.
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

    /// The type that was refused.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }
}

/// Which object an event is about, and how new it is.
pub(super) struct Position<'a> {
    /// What kind of object, from signed bytes.
    pub(super) kind: Cow<'a, str>,
    /// Its name among those of its kind.
    pub(super) name: Cow<'a, str>,
    /// Time since 1970 in the sender's unit.
    pub(super) version: u64,
    /// How many of that unit make a second.
    pub(super) per_second: u64,
}

impl Snapshots {
    /// These types as one group, without asking whether the sender orders them.
    fn of(types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let types: Vec<Arc<str>> = types.into_iter().map(|event_type| event_type.into().into()).collect();
        let Some(group) = types.iter().min().cloned() else { return Self::default() };
        let snapshot = |event_type| Snapshot { event_type, group: Arc::clone(&group) };
        Self(types.into_iter().map(snapshot).collect())
    }

    /// Adds a group of types; `check` says why the sender orders no event of a type.
    pub(super) fn and(
        &self,
        types: impl IntoIterator<Item = impl Into<String>>,
        check: impl Fn(&str) -> Result<(), &'static str>,
    ) -> Result<Self, OrderError> {
        let group = Self::of(types);
        for Snapshot { event_type, .. } in &*group.0 {
            let checked = match self.group_of(event_type) {
                Some(_) => Err("it is in an earlier group already"),
                None if event_type.contains('*') => Err("name each type, patterns are not supported"),
                None => check(event_type),
            };
            checked.map_err(|reason| OrderError::new(Arc::clone(event_type), reason))?;
        }
        Ok(Self(self.0.iter().chain(&*group.0).cloned().collect()))
    }

    /// Gives a delivery its order where its type was named. Without a position that can be believed it runs unordered, and
    /// says so.
    pub(super) fn order<'a>(
        &self,
        delivery: Delivery,
        event_type: &str,
        scope: &Scope,
        now: Duration,
        position: impl FnOnce() -> Option<Position<'a>>,
    ) -> Delivery {
        let Some(group) = self.group_of(event_type) else { return delivery };
        let Some(Position { kind, name, version, per_second }) = position() else {
            return delivery.with_unordered("the body does not name its object, or not how new it is");
        };
        if version / per_second > now.saturating_add(AHEAD).as_secs() {
            return delivery.with_unordered("the version lies in the future");
        }
        let resource = Resource::new(&scope.clone().with_tenant(group), kind, name);
        delivery.with_order(Order::new(resource, Version::new(version)))
    }

    fn group_of(&self, event_type: &str) -> Option<&str> {
        let mut named = self.0.iter().filter(|snapshot| *snapshot.event_type == *event_type);
        named.next().map(|snapshot| &*snapshot.group)
    }
}
