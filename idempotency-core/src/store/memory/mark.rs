//! Marks: the newest completed version of each resource.

use std::collections::HashMap;

use super::entry::Ticks;
use super::totals::next_sweep;
use crate::store::ResourceDigest;
use crate::{ScopedOrder, Version};

/// The high-water marks of one shard.
#[derive(Default)]
pub(super) struct Marks {
    marks: HashMap<ResourceDigest, Mark>,
    sweep_at: usize,
}

struct Mark {
    newest: Version,
    expires: Ticks,
}

impl Marks {
    pub(super) fn newest(&self, resource: ResourceDigest, now: Ticks) -> Option<Version> {
        self.marks.get(&resource).filter(|mark| mark.expires > now).map(|mark| mark.newest)
    }

    /// Raises a mark; never lowers it. A mark is kept as long as any completion that raised or confirmed it.
    pub(super) fn raise(&mut self, order: ScopedOrder, expires: Ticks, now: Ticks) {
        if self.marks.len() >= self.sweep_at {
            self.sweep(now);
        }
        let raised = Mark { newest: order.version, expires };
        self.marks
            .entry(order.resource)
            .and_modify(|mark| {
                if mark.expires <= now {
                    mark.newest = raised.newest;
                }
                mark.newest = mark.newest.max(raised.newest);
                mark.expires = mark.expires.max(raised.expires);
            })
            .or_insert(raised);
    }

    pub(super) fn sweep(&mut self, now: Ticks) {
        self.marks.retain(|_, mark| mark.expires > now);
        self.sweep_at = next_sweep(self.marks.len());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sweeping_drops_only_expired_marks() {
        let at = |seconds| Ticks::of(Duration::from_secs(seconds));
        let one = Version::new(1);
        let resource = |number| ResourceDigest::from_bytes([number; 32]);
        let order = |number| ScopedOrder::new(resource(number), one);
        let mut marks = Marks::default();
        for number in 0..63 {
            marks.raise(order(number), at(10), at(0));
        }
        marks.raise(order(63), at(20), at(0));
        assert_eq!(marks.marks.len(), 64);
        marks.raise(order(64), at(20), at(10));
        assert_eq!(marks.marks.len(), 2);
        assert_eq!(marks.newest(resource(63), at(19)), Some(one));
        assert_eq!(marks.newest(resource(63), at(20)), None);
    }
}
