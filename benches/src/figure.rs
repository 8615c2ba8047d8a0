//! A quantity that was measured once in each round.

/// The values of one quantity, in the order of the rounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure(Vec<f64>);

impl Figure {
    /// Adds the value of the next round.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The value of each round.
    pub fn rounds(&self) -> &[f64] {
        &self.0
    }

    /// The middle value, or the higher one of the two in the middle.
    ///
    /// # Panics
    /// If there was no round.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// The lowest value.
    pub fn low(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The highest value.
    pub fn high(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The highest value divided by the lowest. 1 if all rounds were alike.
    pub fn spread(&self) -> f64 {
        self.high() / self.low()
    }

    /// The ratio to another quantity of the same rounds, round by round, so that a disturbance of one round falls on both.
    pub fn ratio(&self, floor: &Self) -> Self {
        self.0.iter().zip(&floor.0).map(|(value, floor)| value / floor).collect()
    }

    /// The median, and the lowest and highest value in brackets, with this number of decimals.
    pub fn text(&self, decimals: usize) -> String {
        format!("{:.decimals$} ({:.decimals$} to {:.decimals$})", self.median(), self.low(), self.high())
    }
}

impl FromIterator<f64> for Figure {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Figure;

    fn figure(values: &[f64]) -> Figure {
        values.iter().copied().collect()
    }

    #[test]
    fn the_median_is_the_middle_value_in_order_of_size() {
        assert_eq!(figure(&[9.0, 1.0, 5.0, 7.0, 2.0]).median(), 5.0);
        assert_eq!(figure(&[3.0]).median(), 3.0);
    }

    #[test]
    fn of_two_values_in_the_middle_the_median_is_the_higher() {
        assert_eq!(figure(&[4.0, 1.0, 2.0, 3.0]).median(), 3.0);
    }

    #[test]
    fn the_spread_is_the_highest_value_divided_by_the_lowest() {
        assert_eq!(figure(&[10.0, 8.0, 12.0]).spread(), 1.5);
        assert_eq!(figure(&[8.0]).spread(), 1.0);
    }

    #[test]
    fn a_ratio_compares_round_with_round_and_not_median_with_median() {
        // The machine was slow in the second round, for both.
        let ratio = figure(&[50.0, 20.0, 60.0]).ratio(&figure(&[100.0, 40.0, 100.0]));
        assert_eq!(ratio, figure(&[0.5, 0.5, 0.6]));
        assert_eq!(ratio.text(2), "0.50 (0.50 to 0.60)");
    }
}
