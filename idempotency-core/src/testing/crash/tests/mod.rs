//! Handlers and stores with planted bugs, which the kit must find, and right ones, which pass.

mod handlers;
mod stores;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{CrashReport, CrashRun};
use crate::{Delivery, Key, Scope, Verified};

fn delivery() -> Delivery {
    Delivery::new(&Verified::by_other_means(b""), Scope::endpoint("tests"), Key::new("order-42").unwrap())
}

/// The schedules with this property.
fn failing(report: &CrashReport, has: impl Fn(&CrashRun) -> bool) -> Vec<&str> {
    report.runs().iter().filter(|run| has(run)).map(CrashRun::schedule).collect()
}

/// The message with which an assertion fails. Empty if it holds.
fn failure(assertion: impl FnOnce()) -> String {
    let caught = catch_unwind(AssertUnwindSafe(assertion)).err();
    caught.map(|panic| *panic.downcast::<String>().unwrap()).unwrap_or_default()
}
