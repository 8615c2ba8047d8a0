//! What the benchmarks share: contenders that run in turns, and the table of their results.

pub mod contender;
pub mod floors;
pub mod report;
pub mod rounds;
pub mod stores;
