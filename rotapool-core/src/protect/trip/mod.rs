//! When a circuit breaker trips, for how long, and what closes it again.

mod check;

use std::time::Duration;

/// The rules of a circuit breaker: what trips it, for how long it is open, and what closes it again.
///
/// It trips on whichever of its rules is met first. A plain value: the breaker checks it when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "rules do nothing until a breaker is made of them"]
pub struct Trip {
    pub(super) failures: Option<u32>,
    pub(super) failure_percent: Option<u32>,
    pub(super) slow: Option<Slow>,
    pub(super) window: Window,
    pub(super) min_calls: Option<u32>,
    pub(super) open: Vec<Duration>,
    pub(super) permits: u32,
    pub(super) successes: u32,
    pub(super) trial_bound: Duration,
}

/// How many of the calls may take so long or longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slow {
    pub(super) percent: u32,
    pub(super) from: Duration,
}

/// Which calls a rate is taken of. It slides: a call counts until it is too old, and no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last so many calls: 1 to 1,000,000. Two bytes are kept for each.
    Calls(u32),
    /// The calls that ended within the last so much time: 10 ms or more. It slides in steps of a tenth.
    Time(Duration),
}

const USUAL_MIN_CALLS: u32 = 10;

impl Default for Trip {
    fn default() -> Self {
        Self {
            failures: Some(5),
            failure_percent: None,
            slow: None,
            window: Window::Time(Duration::from_secs(60)),
            min_calls: None,
            open: vec![Duration::from_secs(30)],
            permits: 1,
            successes: 1,
            trial_bound: Duration::from_secs(60),
        }
    }
}

impl Trip {
    /// Trips when so many calls in a row have failed: 1 or more. The default is 5.
    pub fn after_failures(failures: u32) -> Self {
        Self { failures: Some(failures), ..Self::default() }
    }

    /// Trips when this percentage of the calls in the [`window`](Self::window) has failed, or more: 1 to
    /// 100. However many fail in a row does not matter then.
    pub fn at_failure_rate(percent: u32) -> Self {
        Self { failures: None, ..Self::default() }.or_failure_rate(percent)
    }

    /// Trips when this percentage of the calls in the [`window`](Self::window), or more, took `from` or
    /// longer, well or not: 1 to 100.
    pub fn at_slow_rate(percent: u32, from: Duration) -> Self {
        Self { failures: None, ..Self::default() }.or_slow_rate(percent, from)
    }

    /// Trips also when this percentage of the calls in the [`window`](Self::window) has failed, or more.
    pub fn or_failure_rate(mut self, percent: u32) -> Self {
        self.failure_percent = Some(percent);
        self
    }

    /// Trips also when this percentage of the calls in the [`window`](Self::window), or more, took `from`
    /// or longer. A trial that takes so long fails.
    pub fn or_slow_rate(mut self, percent: u32, from: Duration) -> Self {
        self.slow = Some(Slow { percent, from });
        self
    }

    /// Which calls the rates are taken of: those of the last minute by default.
    pub fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// How many calls the window must hold before a rate says anything: 10 by default, or all of a window
    /// of fewer.
    pub fn min_calls(mut self, calls: u32) -> Self {
        self.min_calls = Some(calls);
        self
    }

    /// How long it is open after a trip: 30 s by default.
    ///
    /// A failure may [state](crate::CallOutcome::Failure) a time of its own: if it is the one that trips the
    /// breaker, that time holds instead.
    pub fn open_for(self, duration: Duration) -> Self {
        self.open_table([duration])
    }

    /// How long it is open after the first trip, the second and so on; past the end the last entry holds.
    ///
    /// A step is taken back by proven health: once calls have succeeded over as long a time, closed, as the
    /// step kept it open. So a breaker that closes only to trip again climbs, and one that was well for
    /// long begins at the first entry. A trip for a stated time takes no step.
    pub fn open_table(mut self, table: impl IntoIterator<Item = Duration>) -> Self {
        self.open = table.into_iter().collect();
        self
    }

    /// How many trials are admitted at a time once the open time is over: 1 by default.
    pub fn permits(mut self, permits: u32) -> Self {
        self.permits = permits;
        self
    }

    /// How many trials have to succeed before it closes: 1 by default. One failure opens it again.
    pub fn successes(mut self, successes: u32) -> Self {
        self.successes = successes;
        self
    }

    /// After how long a trial that has not ended is lost: 60 s by default. Then the next may try, and its
    /// late result changes nothing but statistics. Choose more than a call can take.
    pub fn trial_bound(mut self, bound: Duration) -> Self {
        self.trial_bound = bound;
        self
    }

    /// How many calls the window must hold.
    pub(super) fn enough_calls(&self) -> u32 {
        self.min_calls.unwrap_or(match self.window {
            Window::Calls(calls) => calls.min(USUAL_MIN_CALLS),
            Window::Time(_) => USUAL_MIN_CALLS,
        })
    }

    /// Whether it matters how long a call took.
    #[inline]
    pub(crate) fn looks_at_time(&self) -> bool {
        self.slow.is_some()
    }

    pub(crate) fn is_slow(&self, took: Duration) -> bool {
        self.slow.is_some_and(|slow| took >= slow.from)
    }

    /// After how many failures in a row it trips, if that does it.
    #[must_use]
    pub fn failures_in_a_row(&self) -> Option<u32> {
        self.failures
    }

    /// The percentage of failures that trips it, if that does it.
    #[must_use]
    pub fn failure_rate(&self) -> Option<u32> {
        self.failure_percent
    }

    /// The percentage of slow calls that trips it, if that does it, and from when on a call is slow.
    #[must_use]
    pub fn slow_rate(&self) -> Option<(u32, Duration)> {
        self.slow.map(|slow| (slow.percent, slow.from))
    }

    /// Which calls the rates are taken of.
    #[must_use]
    pub fn rates_over(&self) -> Window {
        self.window
    }

    /// How many calls must be there before a rate says anything.
    #[must_use]
    pub fn calls_needed(&self) -> u32 {
        self.enough_calls()
    }

    /// How long it is open after each trip; past the end the last entry holds.
    #[must_use]
    pub fn open_times(&self) -> &[Duration] {
        &self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_few_calls_asks_for_all_of_them() {
        assert_eq!(Trip::default().window(Window::Calls(3)).enough_calls(), 3);
        assert_eq!(Trip::default().window(Window::Calls(30)).enough_calls(), 10);
        assert_eq!(Trip::default().enough_calls(), 10);
    }
}
