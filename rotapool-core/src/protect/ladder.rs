//! How long a breaker is open, and how repeated trips escalate.

use std::time::{Duration, Instant};

/// How far up the table of open times it is.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Ladder {
    step: usize,
    closed_at: Option<Instant>,
    /// The last success since then.
    well_at: Option<Instant>,
}

impl Ladder {
    /// It is closed since now.
    pub(super) fn close(&mut self, now: Instant) {
        self.closed_at = Some(now);
        self.well_at = None;
    }

    /// A call has succeeded, closed.
    #[inline]
    pub(super) fn well(&mut self, now: Instant) {
        self.well_at = Some(now);
    }

    /// Takes back the steps that calls have proven to be over: each by succeeding for as long as it lasted.
    pub(super) fn step_down(&mut self, table: &[Duration]) {
        let (Some(closed_at), Some(well_at)) = (self.closed_at, self.well_at.take()) else {
            return;
        };
        let mut well = well_at.saturating_duration_since(closed_at);
        while let Some(step) = self.step.checked_sub(1) {
            let Some(rest) = well.checked_sub(entry(table, step)) else { return };
            well = rest;
            self.step = step;
        }
    }

    /// Takes a step, and answers how long it lasts.
    pub(super) fn climb(&mut self, table: &[Duration]) -> Duration {
        let duration = entry(table, self.step);
        self.step = (self.step + 1).min(table.len());
        duration
    }
}

/// An entry of the table; past its end the last.
fn entry(table: &[Duration], step: usize) -> Duration {
    table.get(step).or(table.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: [Duration; 3] =
        [Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(300)];

    /// A ladder that has climbed so many steps and closed at `now`.
    fn climbed(steps: usize, now: Instant) -> Ladder {
        let mut ladder = Ladder::default();
        for _ in 0..steps {
            ladder.climb(&TABLE);
        }
        ladder.close(now);
        ladder
    }

    /// The next open time after calls that succeed, the last one `well` seconds after it closed.
    fn next_after(steps: usize, well: u64) -> u64 {
        let now = Instant::now();
        let mut ladder = climbed(steps, now);
        ladder.well(now);
        ladder.well(now + Duration::from_secs(well));
        ladder.step_down(&TABLE);
        ladder.climb(&TABLE).as_secs()
    }

    #[test]
    fn every_trip_takes_a_step_and_the_last_entry_stays() {
        let mut ladder = Ladder::default();
        let climb = [(); 5].map(|()| ladder.climb(&TABLE).as_secs());
        assert_eq!(climb, [10, 60, 300, 300, 300]);
    }

    #[test]
    fn a_step_is_taken_back_by_as_long_a_time_of_health_as_it_lasted() {
        assert_eq!(next_after(2, 0), 300);
        assert_eq!(next_after(2, 59), 300);
        assert_eq!(next_after(2, 60), 60, "the step of a minute is taken back");
        assert_eq!(next_after(2, 69), 60);
        assert_eq!(next_after(2, 70), 10, "and the one of ten seconds");
        assert_eq!(next_after(3, 359), 300);
        assert_eq!(next_after(3, 360), 60);
        assert_eq!(next_after(9, 86_400), 10, "there is nothing below the first");
    }

    #[test]
    fn time_without_calls_proves_nothing() {
        let now = Instant::now();
        let mut ladder = climbed(2, now);
        ladder.well(now + Duration::from_secs(1));
        ladder.step_down(&TABLE);
        assert_eq!(ladder.climb(&TABLE).as_secs(), 300);
    }

    #[test]
    fn health_counts_once() {
        let now = Instant::now();
        let mut ladder = climbed(3, now);
        ladder.well(now + Duration::from_secs(300));
        ladder.step_down(&TABLE);
        ladder.step_down(&TABLE);
        assert_eq!(ladder.climb(&TABLE).as_secs(), 300);
    }
}
