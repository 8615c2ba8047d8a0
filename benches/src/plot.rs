//! Plots of a cost against a size, both on logarithmic axes, as SVG.

use std::path::Path;

use plotters::prelude::*;

/// Told apart on white by readers who see no red or no green.
const COLORS: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 0, 0)];

/// The least factor between the highest cost and the top, where the names are.
const ROOM: f64 = 3.0;

/// A named line of a plot.
pub struct Line {
    pub name: String,
    /// Sizes and costs.
    pub points: Vec<(f64, f64)>,
}

/// Writes a plot.
///
/// # Panics
/// If the file cannot be written, or there is no point.
pub fn write(file: &Path, title: &str, [size, cost]: [&str; 2], lines: &[Line]) {
    let all = || lines.iter().flat_map(|line| &line.points);
    let range = |of: fn(&(f64, f64)) -> f64, room: f64| {
        let (low, high) =
            all().map(of).fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        // Whole powers of ten, so that every plot has a labelled line at each end.
        10_f64.powf(low.log10().floor())..10_f64.powf((high * room).log10().ceil())
    };
    let (sizes, costs) = (range(|point| point.0, 1.0), range(|point| point.1, ROOM));
    let root = SVGBackend::new(file, (720, 400)).into_drawing_area();
    root.fill(&WHITE).expect("the file can be written");
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(sizes.log_scale(), costs.log_scale())
        .expect("there are points");
    chart
        .configure_mesh()
        .x_desc(size)
        .y_desc(cost)
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|value| short(*value))
        .draw()
        .expect("the file can be written");
    for (number, line) in lines.iter().enumerate() {
        let color = COLORS[number % COLORS.len()];
        let series = LineSeries::new(line.points.iter().copied(), color.stroke_width(2)).point_size(3);
        let drawn = chart.draw_series(series).expect("the file can be written");
        drawn
            .label(&line.name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 4), (x + 12, y + 4)], color.filled()));
    }
    let mut labels = chart.configure_series_labels();
    let labels =
        labels.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8)).border_style(BLACK);
    labels.draw().expect("the file can be written");
    root.present().expect("the file can be written");
}

/// A number with a suffix for thousands and millions.
fn short(value: f64) -> String {
    match value {
        ..1e3 => format!("{value}"),
        ..1e6 => format!("{}k", value / 1e3),
        _ => format!("{}M", value / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_its_title_its_axes_and_its_lines() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plot.svg");
        let line =
            |name: &str, points: &[(f64, f64)]| Line { name: name.to_owned(), points: points.to_vec() };
        let lines = [line("flat", &[(1.0, 5.0), (1e4, 5.0)]), line("steep", &[(1.0, 2.0), (1e4, 900.0)])];
        write(&file, "Cost", ["connections", "microseconds"], &lines);
        let text = std::fs::read_to_string(&file).unwrap();
        for part in ["Cost", "connections", "microseconds", "flat", "steep", "10k"] {
            assert!(text.contains(part), "{part} is in {text}");
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.5, 1.0, 100.0, 1e3, 1e4, 1e6, 1e7].map(short),
            ["0.5", "1", "100", "1k", "10k", "1M", "10M"]
        );
    }
}
