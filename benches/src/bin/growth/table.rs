//! A table of costs by size, and its plot.

use std::path::Path;

use idempotency_benches::plot::{self, Line};

/// A row of figures for each size, and their plot.
pub struct Table {
    name: &'static str,
    title: &'static str,
    size: &'static str,
    cost: &'static str,
    lines: Vec<Line>,
}

impl Table {
    pub fn new(
        name: &'static str,
        title: &'static str,
        [size, cost]: [&'static str; 2],
        lines: &[&str],
    ) -> Self {
        println!(
            "\n### {title}\n\n{cost}\n\n| {size} | {} |\n|---{}|",
            lines.join(" | "),
            "|---".repeat(lines.len())
        );
        let lines = lines.iter().map(|name| Line { name: (*name).to_owned(), points: Vec::new() }).collect();
        Self { name, title, size, cost, lines }
    }

    pub fn row(&mut self, size: u64, costs: &[f64]) {
        let texts: Vec<String> = costs.iter().map(|cost| format!("{cost:.2}")).collect();
        println!("| {size} | {} |", texts.join(" | "));
        for (line, cost) in self.lines.iter_mut().zip(costs) {
            line.points.push((size as f64, *cost));
        }
    }

    pub fn plot(self, folder: &Path) {
        plot::write(
            &folder.join(self.name).with_extension("svg"),
            self.title,
            [self.size, self.cost],
            &self.lines,
        );
    }
}
