//! Operations that callgrind and criterion measure, on fixed inputs.

pub mod layer;
pub mod record;
pub mod signed;
pub mod store;

use futures_util::FutureExt as _;

/// An operation that is ready to be repeated. It takes the number of the round.
pub type Operation = Box<dyn FnMut(u64)>;

/// The output of a future that waits for nothing. No runtime takes part.
///
/// # Panics
/// If the future waits.
pub(crate) fn at_once<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("nothing waits")
}
