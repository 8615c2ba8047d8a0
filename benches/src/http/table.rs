//! The table of servers: requests per second and CPU time per request, relative to the baseline of the same run.

use serde_json::json;

use super::round::Round;
use super::variant::{Backend, Variant};
use super::workload::Workload;
use crate::figure::Figure;
use crate::report::Report;

/// Above this spread of its rounds, in requests per second or in CPU time per request, a row is too noisy to judge.
const NOISY: f64 = 1.15;

/// All rounds of one server under one load.
pub struct Measured {
    pub variant: Variant,
    pub rounds: Vec<Round>,
}

/// A row of the table.
struct Row {
    rate: Figure,
    rate_beside_floor: Option<Figure>,
    rate_beside_peer: Option<Figure>,
    micros: Figure,
    micros_beside_floor: Option<Figure>,
    redis_micros: Option<Figure>,
    busy: Figure,
}

/// Prints the head of the table.
pub fn print_head(title: &str) {
    println!("\n### {title}\n");
    println!(
        "| load | server | requests per second | relative to the baseline | relative to `idempotent` | server CPU per request, µs \
         | relative to the baseline | Redis CPU per request, µs | server core in use |\n|---|---|---|---|---|---|---|---|---|"
    );
}

/// Prints the rows of one load. Returns the names of those that are too noisy to judge.
pub fn print(report: &mut Report, title: &str, workload: Workload, all: &[Measured]) -> Vec<String> {
    let mut noisy = Vec::new();
    for one in all {
        let (row, name) = (Row::new(one, all), one.variant.title());
        println!("| {workload} | {name} | {} |", row.cells().join(" | "));
        if row.is_noisy() {
            noisy.push(format!("{name}, {workload}"));
        }
        report.record(json!({
            "table": title, "load": workload.to_string(), "name": name, "variant": one.variant.to_string(),
            "rates": row.rate.rounds(), "ratio": median(row.rate_beside_floor.as_ref()),
            "ratio_to_idempotent": median(row.rate_beside_peer.as_ref()),
            "server_micros": row.micros.rounds(),
            "server_micros_ratio": median(row.micros_beside_floor.as_ref()),
            "redis_micros": row.redis_micros.as_ref().map(Figure::rounds),
            "server_core_in_use": row.busy.median(), "too_noisy": row.is_noisy(),
        }));
    }
    noisy
}

/// Says which rows are too noisy to judge.
pub fn print_noise(noisy: &[String]) {
    println!();
    if noisy.is_empty() {
        println!("In no row are two rounds further apart than a factor of {NOISY}.");
    } else {
        println!("Too noisy to judge, with rounds further apart than a factor of {NOISY}:\n");
        noisy.iter().for_each(|row| println!("- {row}"));
    }
}

impl Measured {
    fn figure(&self, of: impl Fn(&Round) -> f64) -> Figure {
        self.rounds.iter().map(of).collect()
    }
}

impl Row {
    fn new(one: &Measured, all: &[Measured]) -> Self {
        let beside = |other: Option<Variant>, figure: fn(&Round) -> f64| {
            let other = all.iter().find(|measured| Some(measured.variant) == other)?;
            Some(one.figure(figure).ratio(&other.figure(figure)))
        };
        let (floor, peer) = (one.variant.floor(), one.variant.peer());
        let has_redis = one.variant.backend() == Some(Backend::Redis);
        Self {
            rate: one.figure(Round::rate),
            rate_beside_floor: beside(floor, Round::rate),
            rate_beside_peer: beside(peer, Round::rate),
            micros: one.figure(Round::server_micros),
            micros_beside_floor: beside(floor, Round::server_micros),
            redis_micros: has_redis.then(|| one.figure(Round::redis_micros)),
            busy: one.figure(Round::busy),
        }
    }

    fn is_noisy(&self) -> bool {
        self.rate.spread() > NOISY || self.micros.spread() > NOISY
    }

    fn cells(&self) -> [String; 7] {
        let text = |figure: Option<&Figure>, decimals| {
            figure.map_or_else(|| "–".to_owned(), |figure| figure.text(decimals))
        };
        [
            self.rate.text(0),
            text(self.rate_beside_floor.as_ref(), 2),
            text(self.rate_beside_peer.as_ref(), 2),
            self.micros.text(1),
            text(self.micros_beside_floor.as_ref(), 2),
            text(self.redis_micros.as_ref(), 1),
            format!("{:.0} %", self.busy.median() * 100.0),
        ]
    }
}

fn median(figure: Option<&Figure>) -> Option<f64> {
    figure.map(Figure::median)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(variant: &str, requests: [u64; 3], server_nanos: u64) -> Measured {
        let round = |requests| Round {
            requests,
            seconds: 1.0,
            server_nanos,
            redis_nanos: 100_000_000,
            all: requests,
            replayed: 0,
            executed: requests,
        };
        let variant = variant.parse().expect("it exists");
        Measured { variant, rounds: requests.into_iter().map(round).collect() }
    }

    #[test]
    fn a_row_is_relative_to_the_baseline_of_its_own_framework_and_store() {
        let all = [
            measured("axum-plain-header", [400, 400, 400], 1_000_000),
            measured("axum-by-hand-memory-header", [300, 300, 300], 1_000_000),
            measured("axum-by-hand-redis-header", [200, 100, 200], 1_000_000),
            measured("actix-by-hand-redis-header", [500, 500, 500], 1_000_000),
            measured("axum-library-redis-closure", [100, 50, 110], 1_500_000),
        ];
        let row = Row::new(&all[4], &all);
        assert_eq!(
            row.rate_beside_floor.as_ref().map(|figure| figure.text(2)),
            Some("0.50 (0.50 to 0.55)".into())
        );
        assert_eq!(
            row.cells(),
            [
                "100 (50 to 110)",
                "0.50 (0.50 to 0.55)",
                "–",
                "15.0 (13.6 to 30.0)",
                "3.00 (2.73 to 3.00)",
                "1000.0 (909.1 to 2000.0)",
                "0 %",
            ]
        );
        assert_eq!(Row::new(&all[0], &all).cells()[1..3], ["–", "–"]);
    }

    #[test]
    fn a_row_whose_rounds_are_too_far_apart_is_noisy() {
        let noisy = |requests| {
            let all = [measured("axum-plain-header", requests, 1_000_000)];
            Row::new(&all[0], &all).is_noisy()
        };
        assert!(!noisy([100, 114, 110]));
        assert!(noisy([100, 116, 110]));
    }
}
