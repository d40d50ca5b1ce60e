//! Whether the rules of a circuit breaker can work.

use std::time::Duration;

use super::{Trip, Window};
use crate::error::TripError;

const MAX_WINDOW_CALLS: u32 = 1_000_000;
const MIN_WINDOW: Duration = Duration::from_millis(10);

impl Trip {
    /// Whether the rules can work, which the breaker asks when it is made.
    ///
    /// # Errors
    ///
    /// The first rule that cannot, and what is allowed.
    pub fn check(&self) -> Result<(), TripError> {
        const COUNT: &str = "1 or more";
        const PERCENT: &str = "1 to 100 percent";
        const TIME: &str = "any time above zero";
        let counts = [
            ("the number of failures in a row", self.failures.unwrap_or(1)),
            ("min_calls", self.min_calls.unwrap_or(1)),
            ("permits", self.permits),
            ("successes", self.successes),
        ];
        for (rule, count) in counts {
            require(count > 0, rule, || count.to_string(), COUNT)?;
        }
        let percents = [
            ("the failure rate", self.failure_percent),
            ("the rate of slow calls", self.slow.map(|slow| slow.percent)),
        ];
        for (rule, percent) in percents {
            let percent = percent.unwrap_or(1);
            let sensible = (1..=100).contains(&percent);
            require(sensible, rule, || format!("{percent} percent"), PERCENT)?;
        }
        let times = [
            ("the time from which a call is slow", self.slow.map(|slow| slow.from)),
            ("trial_bound", Some(self.trial_bound)),
        ];
        let open = self.open.iter().map(|open| ("an open time", Some(*open)));
        for (rule, time) in times.into_iter().chain(open) {
            require(time != Some(Duration::ZERO), rule, || "zero".to_owned(), TIME)?;
        }
        let some = !self.open.is_empty();
        require(some, "the table of open times", || "empty".to_owned(), "one duration or more")?;
        self.check_window()
    }

    fn check_window(&self) -> Result<(), TripError> {
        match self.window {
            Window::Time(time) => {
                let allowed = "10 ms or more, for it slides in steps of a tenth";
                require(time >= MIN_WINDOW, "the window", || format!("{time:?}"), allowed)
            }
            Window::Calls(calls) => {
                let sensible = (1..=MAX_WINDOW_CALLS).contains(&calls);
                let allowed = "1 to 1,000,000 calls";
                require(sensible, "the window", || format!("{calls} calls"), allowed)?;
                let min_calls = self.enough_calls();
                let allowed = "at most as many calls as the window holds";
                require(min_calls <= calls, "min_calls", || min_calls.to_string(), allowed)
            }
        }
    }

    /// Whether the rules make sense for the resources of a pool, whose own recovery says how one comes back.
    ///
    /// # Errors
    ///
    /// The first that does not.
    pub(crate) fn check_in_a_pool(&self) -> Result<(), TripError> {
        self.check()?;
        let usual = Self::default();
        let allowed = "to leave it alone: in a pool, `recovery` says how a resource comes back";
        let times = (self.trial_bound, usual.trial_bound);
        require(self.permits == usual.permits, "permits", || self.permits.to_string(), allowed)?;
        let (successes, usually) = (self.successes, usual.successes);
        require(successes == usually, "successes", || successes.to_string(), allowed)?;
        require(times.0 == times.1, "trial_bound", || format!("{:?}", times.0), allowed)
    }
}

fn require(
    sensible: bool,
    rule: &'static str,
    value: impl FnOnce() -> String,
    allowed: &'static str,
) -> Result<(), TripError> {
    if sensible { Ok(()) } else { Err(TripError { rule, value: value(), allowed }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(trip: &Trip) -> String {
        trip.check().expect_err("it makes no sense").to_string()
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_is_allowed() {
        const S: Duration = Duration::from_secs(1);
        let refusals = [
            (
                Trip::after_failures(0),
                "the number of failures in a row of the circuit breaker is 0; allowed is 1 or more",
            ),
            (
                Trip::at_failure_rate(0),
                "the failure rate of the circuit breaker is 0 percent; allowed is 1 to 100 percent",
            ),
            (
                Trip::at_failure_rate(101),
                "the failure rate of the circuit breaker is 101 percent; allowed is 1 to 100 percent",
            ),
            (
                Trip::at_slow_rate(0, S),
                "the rate of slow calls of the circuit breaker is 0 percent; allowed is 1 to 100 percent",
            ),
            (
                Trip::at_slow_rate(50, Duration::ZERO),
                "the time from which a call is slow of the circuit breaker is zero; allowed is any time above zero",
            ),
            (
                Trip::default().min_calls(0),
                "min_calls of the circuit breaker is 0; allowed is 1 or more",
            ),
            (
                Trip::default().permits(0),
                "permits of the circuit breaker is 0; allowed is 1 or more",
            ),
            (
                Trip::default().successes(0),
                "successes of the circuit breaker is 0; allowed is 1 or more",
            ),
            (
                Trip::default().trial_bound(Duration::ZERO),
                "trial_bound of the circuit breaker is zero; allowed is any time above zero",
            ),
            (
                Trip::default().open_for(Duration::ZERO),
                "an open time of the circuit breaker is zero; allowed is any time above zero",
            ),
            (
                Trip::default().open_table([]),
                "the table of open times of the circuit breaker is empty; allowed is one duration or more",
            ),
            (
                Trip::default().window(Window::Calls(0)),
                "the window of the circuit breaker is 0 calls; allowed is 1 to 1,000,000 calls",
            ),
            (
                Trip::default().window(Window::Calls(1_000_001)),
                "the window of the circuit breaker is 1000001 calls; allowed is 1 to 1,000,000 calls",
            ),
            (
                Trip::default().window(Window::Calls(5)).min_calls(6),
                "min_calls of the circuit breaker is 6; allowed is at most as many calls as the window holds",
            ),
            (
                Trip::default().window(Window::Time(MIN_WINDOW - Duration::from_nanos(1))),
                "the window of the circuit breaker is 9.999999ms; allowed is 10 ms or more, for it slides in steps of a tenth",
            ),
        ];
        for (trip, told) in refusals {
            assert_eq!(refused(&trip), told);
        }
    }

    #[test]
    fn what_is_just_within_its_range_is_taken() {
        let trips = [
            Trip::default(),
            Trip::after_failures(1),
            Trip::at_failure_rate(1).window(Window::Calls(1)),
            Trip::at_failure_rate(100).window(Window::Time(MIN_WINDOW)),
            Trip::at_slow_rate(100, Duration::from_nanos(1)).window(Window::Calls(1_000_000)),
            Trip::default().window(Window::Calls(5)).min_calls(5).open_for(Duration::MAX),
        ];
        for trip in trips {
            assert_eq!(trip.check(), Ok(()));
        }
    }
}
