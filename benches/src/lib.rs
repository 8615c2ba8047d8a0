//! What the benchmarks share: contenders that run in turns, and the tables of their results.

pub mod contender;
pub mod figure;
pub mod floors;
pub mod http;
pub mod plot;
pub mod report;
pub mod rounds;
pub mod stores;
