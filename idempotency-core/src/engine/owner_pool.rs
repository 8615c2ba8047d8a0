//! Owners from the operating system's randomness, many per system call.
//!
//! Owners must be unique, also in a copy of the process: two attempts with one owner would count as one. So a pool never
//! outlives its runtime. The child of a fork cannot go on with its parent's runtime, and makes its own, which begins with
//! fresh bytes. And since a virtual machine may be copied while it runs, the time is part of each owner too.

use std::cell::RefCell;
use std::time::Duration;

use tokio::runtime::{Handle, Id};

use crate::Owner;

const OWNERS: usize = 32;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { runtime: None, bytes: [[0; 16]; OWNERS], left: 0 }) };
}

/// Random bytes for the owners of one runtime on one thread.
struct Pool {
    runtime: Option<Id>,
    bytes: [[u8; 16]; OWNERS],
    /// How many of them are unused.
    left: usize,
}

/// Returns 128 random bits. `unix_time` is the current time.
pub(super) fn next(unix_time: Duration) -> Owner {
    let runtime = Handle::try_current().ok().map(|runtime| runtime.id());
    POOL.with_borrow_mut(|pool| pool.next(runtime, unix_time))
}

impl Pool {
    fn next(&mut self, runtime: Option<Id>, unix_time: Duration) -> Owner {
        if self.left == 0 || runtime.is_none() || runtime != self.runtime {
            getrandom::fill(self.bytes.as_flattened_mut()).expect("the operating system provides randomness");
            (self.runtime, self.left) = (runtime, OWNERS);
        }
        self.left -= 1;
        // Bits that are random stay so, whatever they are combined with.
        let random = u128::from_ne_bytes(std::mem::take(&mut self.bytes[self.left]));
        Owner::from_bytes((random ^ unix_time.as_nanos()).to_ne_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_767_225_600);

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    fn empty() -> Pool {
        Pool { runtime: None, bytes: [[0; 16]; OWNERS], left: 0 }
    }

    #[test]
    fn owners_differ_on_all_threads_with_and_without_a_runtime() {
        let draw = || (0..3 * OWNERS).map(|_| next(NOW)).collect::<Vec<_>>();
        let thread = std::thread::spawn(move || runtime().block_on(async { draw() }));
        let owners: Vec<Owner> =
            [draw(), runtime().block_on(async { draw() }), thread.join().unwrap()].concat();
        assert_eq!(owners.iter().collect::<HashSet<_>>().len(), owners.len());
    }

    #[test]
    fn another_runtime_never_uses_up_the_bytes_of_a_copied_one() {
        let (first, second) = (runtime(), runtime());
        let mut pool = empty();
        pool.next(Some(first.handle().id()), NOW);
        let rest: Vec<[u8; 16]> = pool.bytes[..pool.left].to_vec();
        pool.next(Some(second.handle().id()), NOW);
        assert_eq!(pool.left, OWNERS - 1);
        assert!(rest.iter().all(|bytes| !pool.bytes.contains(bytes)));
    }

    #[test]
    fn the_copies_of_a_running_pool_differ_by_the_time() {
        let id = runtime().handle().id();
        let mut pool = empty();
        pool.next(Some(id), NOW);
        let mut copy = Pool { runtime: pool.runtime, bytes: pool.bytes, left: pool.left };
        assert_ne!(pool.next(Some(id), NOW), copy.next(Some(id), NOW + Duration::from_nanos(1)));
    }

    #[test]
    fn used_bytes_are_erased() {
        let mut pool = empty();
        pool.next(Some(runtime().handle().id()), NOW);
        assert_eq!(pool.bytes[pool.left], [0; 16]);
        assert!(pool.bytes[..pool.left].iter().all(|bytes| *bytes != [0; 16]));
    }
}
