//! Simulates long runs and single seeds.

use std::process::ExitCode;

use idempotency_simulation::batches::{Waiting, check_batches};
use idempotency_simulation::checker::Checker;
use idempotency_simulation::counters::Counters;
use idempotency_simulation::engine::check_engine;
use idempotency_simulation::planted::Bug;
use idempotency_simulation::stores::{check_store, memory_store, simulate_store, split_store};

const USAGE: &str = "\
usage: idempotency-simulation [engine|batches] [split] [--seed N] [--histories N] [--bug NAME] [--print]
  engine         run the engine, not a store alone
  batches        run workers that hold several keys at once
  split          on a store whose record and mark change in two steps
  --seed N       the first seed (default 0); alone, only this one
  --histories N  how many seeds (default 100000)
  --bug NAME     run a store with a planted bug
  --print        print what happened, also where nothing is wrong";

struct Arguments {
    is_engine: bool,
    is_batches: bool,
    is_split: bool,
    seed: u64,
    histories: u64,
    bug: Option<Bug>,
    prints: bool,
}

fn main() -> ExitCode {
    let Some(arguments) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let (mut checker, mut counters) = (Checker::new(), Counters::default());
    let make = |seed, clock| match arguments.bug {
        Some(bug) => bug.store(seed, clock),
        None if arguments.is_split => split_store(seed, clock),
        None => memory_store(seed, clock),
    };
    let mut failure = None;
    for seed in arguments.seed..arguments.seed.saturating_add(arguments.histories) {
        if arguments.is_batches {
            let broken = check_batches(seed, Waiting::HoldingNothing, &mut counters);
            failure = (!broken.is_empty()).then(|| broken.join("\n"));
        } else if arguments.is_engine {
            failure = check_engine(seed, &make, arguments.prints, &mut checker, &mut counters)
                .map(|failure| failure.to_string());
        } else {
            if arguments.prints {
                for operation in simulate_store(seed, &make).0.iter().flat_map(|history| &history.operations)
                {
                    println!("{operation}");
                }
            }
            failure = check_store(seed, &make, &mut checker, &mut counters).map(|found| found.to_string());
        }
        if let Some(failure) = &failure {
            println!("seed {seed}: {failure}");
            break;
        }
    }
    println!("{counters}");
    if failure.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let (mut seed, mut histories) = (None, None);
    let (mut bug, mut prints) = (None, false);
    let (mut is_engine, mut is_batches, mut is_split) = (false, false, false);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seed" => seed = Some(words.next()?.parse().ok()?),
            "--histories" => histories = Some(words.next()?.parse().ok()?),
            "--bug" => {
                let name = words.next()?;
                bug = Some(*Bug::ALL.iter().find(|bug| bug.to_string() == name)?);
            }
            "engine" => is_engine = true,
            "batches" => is_batches = true,
            "split" => is_split = true,
            "--print" => prints = true,
            _ => return None,
        }
    }
    let unasked = if seed.is_some() { 1 } else { 100_000 };
    let histories = histories.unwrap_or(unasked);
    Some(Arguments { is_engine, is_batches, is_split, seed: seed.unwrap_or(0), histories, bug, prints })
}
