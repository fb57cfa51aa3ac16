//! The figures of all stories together.

use std::time::Duration;

use minerwatch_tests::stories::Class;

use super::judged::Judged;

const DAY: Duration = Duration::from_secs(86_400);

/// The figures of all stories together.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Number of attacks.
    pub attacks: usize,
    /// Number of attacks that are `suspected` or above.
    pub found: usize,
    /// Number of benign stories.
    pub benign: usize,
    /// Number of benign stories that are `suspected` or above.
    pub paged: usize,
    /// Number of benign stories that are `noted` or above.
    pub noted: usize,
    /// Number of false pages: incidents of benign stories and days that are `suspected` or above.
    pub pages: usize,
    /// Recorded time of the benign stories.
    pub recorded: Duration,
    /// Time of the composed days.
    pub composed: Duration,
    /// Seconds to the verdict of each attack that was found, in ascending order.
    pub seconds: Vec<f64>,
}

impl Totals {
    /// Counts the stories and the composed days.
    pub fn of(stories: &[Judged], days: &[Judged]) -> Self {
        let of_class = |class| stories.iter().filter(move |story| story.class == Some(class));
        let (attacks, benign) = (|| of_class(Class::Attack), || of_class(Class::Benign));
        let mut seconds: Vec<f64> = attacks().filter_map(|story| story.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        Self {
            attacks: attacks().count(),
            found: attacks().filter(|story| story.is_paged()).count(),
            benign: benign().count(),
            paged: benign().filter(|story| story.is_paged()).count(),
            noted: benign().filter(|story| story.verdict.is_some()).count(),
            pages: benign().chain(days).map(|story| story.pages).sum(),
            recorded: benign().map(|story| story.span).sum(),
            composed: days.iter().map(|day| day.span).sum(),
            seconds,
        }
    }

    /// Share of the stories that are called attacks and are attacks.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.found, self.found + self.paged)
    }

    /// Share of the attacks that are found.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.found, self.attacks)
    }

    /// The harmonic mean of precision and recall.
    pub fn f1(&self) -> Option<f64> {
        let missed = self.attacks - self.found;
        ratio(2 * self.found, 2 * self.found + self.paged + missed)
    }

    /// Share of the benign stories that are noted or above.
    pub fn noted_share(&self) -> Option<f64> {
        ratio(self.noted, self.benign)
    }

    /// Benign time in days of one host.
    pub fn host_days(&self) -> f64 {
        (self.recorded + self.composed).as_secs_f64() / DAY.as_secs_f64()
    }

    /// False pages per day of a host.
    pub fn pages_per_host_day(&self) -> Option<f64> {
        let days = self.host_days();
        (days > 0.0).then(|| self.pages as f64 / days)
    }

    /// Returns the seconds to the verdict that `percent` of the found attacks do not exceed.
    pub fn percentile(&self, percent: usize) -> Option<f64> {
        let rank = (self.seconds.len() * percent).div_ceil(100).max(1);
        self.seconds.get(rank - 1).copied()
    }
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_follow_from_the_counts() {
        let totals = Totals {
            attacks: 4,
            found: 3,
            benign: 10,
            paged: 1,
            noted: 2,
            pages: 2,
            recorded: DAY / 2,
            composed: DAY * 7 / 2,
            seconds: vec![1.0, 2.0, 9.0],
        };
        assert_eq!((totals.recall(), totals.precision(), totals.f1()), (Some(0.75), Some(0.75), Some(0.75)));
        assert_eq!((totals.noted_share(), totals.pages_per_host_day()), (Some(0.2), Some(0.5)));
        assert_eq!(
            [50, 99, 100].map(|percent| totals.percentile(percent)),
            [Some(2.0), Some(9.0), Some(9.0)]
        );
    }

    #[test]
    fn nothing_has_no_shares() {
        let none = Totals::default();
        assert_eq!(
            (none.recall(), none.precision(), none.f1(), none.percentile(50)),
            (None, None, None, None)
        );
        assert_eq!(none.pages_per_host_day(), None);
    }
}
