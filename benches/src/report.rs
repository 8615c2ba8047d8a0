//! The table of results, as Markdown and as JSON.

use serde_json::{Value, json};

use crate::rounds::Measured;

/// Above this spread of the baseline's own rounds, the machine was too noisy to judge.
const NOISY: f64 = 1.5;

/// Tables as Markdown on the standard output, and their rows for a JSON file.
#[derive(Default)]
pub struct Report {
    rows: Vec<Value>,
}

impl Report {
    /// Prints a table. The first contender is the baseline.
    pub fn table(&mut self, title: &str, concurrency: usize, measured: &[Measured]) {
        let floor = &measured[0];
        println!("\n### {title}, {concurrency} at a time\n");
        println!("| | per second | beside the first | p50 | p99 |\n|---|---|---|---|---|");
        for one in measured {
            let ratio = one.rates.ratio(&floor.rates);
            let (p50, p99) = (one.percentile(50).as_micros(), one.percentile(99).as_micros());
            let name = &one.name;
            let rate = one.rates.median();
            println!("| {name} | {rate:.0} | {} | {p50} µs | {p99} µs |", ratio.text(2));
            self.record(json!({
                "table": title, "concurrency": concurrency, "name": name, "rates": one.rates.rounds(),
                "ratio": ratio.median(), "p50_micros": p50, "p99_micros": p99,
            }));
        }
        if floor.rates.spread() > NOISY {
            let (low, high) = (floor.rates.low(), floor.rates.high());
            println!("\nToo noisy to judge: the first ran at {low:.0} to {high:.0} per second.");
        }
    }

    /// Prints a figure.
    pub fn figure(&mut self, name: &str, value: f64, unit: &str) {
        println!("- {name}: {value:.0} {unit}");
        self.record(json!({ "name": name, "value": value, "unit": unit }));
    }

    /// Adds a row to the JSON file.
    pub fn record(&mut self, row: Value) {
        self.rows.push(row);
    }

    /// All rows so far.
    pub fn into_json(self) -> Value {
        Value::Array(self.rows)
    }
}
