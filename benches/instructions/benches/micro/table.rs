//! The operations with their times, relative to the plain code.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use criterion::{Criterion, SamplingMode};
use serde_json::Value;

/// What has been measured so far.
pub struct Table {
    criterion: Criterion,
    /// The folder of criterion's estimates.
    home: PathBuf,
    started: SystemTime,
    rows: Vec<Row>,
}

struct Row {
    group: String,
    name: String,
    time: Time,
    /// Its time as a multiple of those of the plain code.
    ratios: Vec<String>,
}

/// The median of criterion's samples in nanoseconds, and its confidence interval.
struct Time {
    median: f64,
    low: f64,
    high: f64,
}

impl Table {
    /// # Panics
    /// If the environment does not say where criterion keeps its estimates.
    pub fn new(criterion: Criterion) -> Self {
        let home = std::env::var_os("CRITERION_HOME").expect("benches/run sets CRITERION_HOME").into();
        Self { criterion, home, started: SystemTime::now(), rows: Vec::new() }
    }

    /// Measures an operation, of which `timed` takes the time of a number of rounds. `floors` is the plain code: earlier
    /// operations of its group, by their names and by what the table calls them here.
    ///
    /// # Panics
    /// If the name cannot be that of a folder.
    pub fn measure(
        &mut self,
        group: &str,
        name: &str,
        floors: &[(String, &str)],
        mut timed: impl FnMut(u64) -> Duration,
    ) {
        // Criterion would shorten a longer name, and replace these characters.
        assert!(name.len() <= 64 && !name.contains(['/', ':', '*', '?']), "{name} is no name of a folder");
        let mut operations = self.criterion.benchmark_group(group);
        // The same number of rounds in each sample, since stores grow with the rounds.
        operations.sampling_mode(SamplingMode::Flat);
        operations.bench_function(name, |bencher| bencher.iter_custom(&mut timed));
        operations.finish();
        let Some(time) = self.time(group, name) else { return };
        let ratio = |(floor, called): &(String, &str)| {
            let row = self.rows.iter().find(|row| row.group == group && row.name == *floor)?;
            Some(format!("{:.2} × {called}", time.median / row.time.median))
        };
        let ratios = floors.iter().filter_map(ratio).collect();
        self.rows.push(Row { group: group.to_owned(), name: name.to_owned(), time, ratios });
    }

    /// Criterion's estimate. `None` if the operation is not among those that this run measures.
    fn time(&self, group: &str, name: &str) -> Option<Time> {
        let file = self.home.join(group).join(name).join("new/estimates.json");
        let written = file.metadata().and_then(|file| file.modified()).ok()?;
        let text = (written >= self.started).then(|| std::fs::read(file).expect("the file is read"))?;
        let estimates: Value = serde_json::from_slice(&text).expect("criterion writes JSON");
        let number = |path: &str| estimates.pointer(path).and_then(Value::as_f64).expect("it is a number");
        Some(Time {
            median: number("/median/point_estimate"),
            low: number("/median/confidence_interval/lower_bound"),
            high: number("/median/confidence_interval/upper_bound"),
        })
    }

    /// Prints the table.
    pub fn print(self) {
        println!("| | | ns | relative to the plain code |\n|---|---|---|---|");
        for Row { group, name, time: Time { median, low, high }, ratios } in self.rows {
            println!("| {group} | {name} | {median:.0} ({low:.0} to {high:.0}) | {} |", ratios.join(", "));
        }
    }
}
