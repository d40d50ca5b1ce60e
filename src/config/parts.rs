//! The settings of what stands beside pools: breakers, limiters, and the lifecycle.

use std::collections::BTreeMap;
use std::time::Duration;

use rotapool_core::{Trip, Window};

settings! {
    /// When a circuit breaker trips, for how long, and what closes it again: the [rules](Self::trip) of one.
    pub BreakerConfig {
        /// Trips when so many calls in a row have failed; at least 1.
        failures: u32,
        /// Trips when this percentage of the calls in the window has failed: 1 to 100.
        failure_percent: u32,
        /// Trips when this percentage of the calls in the window took `slow_from` or longer: 1 to 100.
        slow_percent: u32,
        /// From when on a call is slow; more than zero.
        slow_from: Duration,
        /// The rates are of the calls that ended within this time; 10 ms or more.
        window: Duration,
        /// The rates are of the last so many calls instead: 1 to 1,000,000.
        window_calls: u32,
        /// How many calls the window must hold before a rate says anything.
        min_calls: u32,
        /// How long it is open after the first trip, the second and so on; past the end the last entry holds.
        open: Vec<Duration>,
        /// How many calls may be on trial at once; at least 1.
        permits: u32,
        /// How many calls on trial have to succeed; at least 1.
        successes: u32,
        /// After how long a call on trial is given up for lost; more than zero.
        trial_bound: Duration,
    }
}

settings! {
    /// The rate of a limiter.
    pub LimiterConfig {
        /// What metrics and errors call it.
        name: String,
        /// So many tokens in every `per`. It has to be there.
        rate: f64,
        /// The period of the rate: 1 s if it is not there.
        per: Duration,
        /// The most tokens at once; at least 1.
        burst: u64,
    }
}

settings! {
    /// What a shutdown keeps to.
    pub ShutdownConfig {
        /// How long all clean-ups together may take; more than zero.
        deadline: Duration,
        /// Whether clean-ups of one priority run side by side.
        side_by_side: bool,
    }
}

settings! {
    /// What a heart beats.
    pub HeartbeatConfig {
        /// The file, for `Heartbeat::builder`.
        path: String,
        /// How often the heart beats: 10 ms to a day.
        interval: Duration,
        /// Something that readers should know, by its key.
        metadata: BTreeMap<String, String>,
    }
}

settings! {
    /// What a watchdog looks at.
    pub WatchdogConfig {
        /// What its messages call it.
        name: String,
        /// How long a silence may be, for `Watchdog::builder`; 1 ms or more.
        limit: Duration,
        /// How often a file is looked at; 1 ms or more.
        check_every: Duration,
    }
}

impl LimiterConfig {
    /// The period of the rate.
    pub(crate) fn period(&self) -> Duration {
        self.per.unwrap_or(Duration::from_secs(1))
    }
}

impl BreakerConfig {
    /// The rules of a pool's breaker, which has no terms of trials.
    pub(crate) fn of(trip: &Trip) -> Self {
        let (window, window_calls) = match trip.rates_over() {
            Window::Time(time) => (Some(time), None),
            Window::Calls(calls) => (None, Some(calls)),
        };
        Self {
            failures: trip.failures_in_a_row(),
            failure_percent: trip.failure_rate(),
            slow_percent: trip.slow_rate().map(|(percent, _)| percent),
            slow_from: trip.slow_rate().map(|(_, from)| from),
            window,
            window_calls,
            min_calls: Some(trip.calls_needed()),
            open: Some(trip.open_times().to_vec()),
            ..Self::default()
        }
    }

    /// The rules: what is set, and for the rest what [`Trip`] has by default. A rate without `failures` stands alone, as with
    /// [`Trip::at_failure_rate`].
    pub fn trip(&self) -> Trip {
        let Self { failures, failure_percent, slow_percent, slow_from, .. } = *self;
        let slow = slow_percent.zip(slow_from);
        let mut trip = match (failures, failure_percent, slow) {
            (Some(failures), ..) => Trip::after_failures(failures),
            (None, Some(percent), _) => Trip::at_failure_rate(percent),
            (None, None, Some((percent, from))) => Trip::at_slow_rate(percent, from),
            (None, None, None) => Trip::default(),
        };
        if let Some(percent) = failure_percent {
            trip = trip.or_failure_rate(percent);
        }
        if let Some((percent, from)) = slow {
            trip = trip.or_slow_rate(percent, from);
        }
        if let Some(window) = self.window {
            trip = trip.window(Window::Time(window));
        }
        if let Some(calls) = self.window_calls {
            trip = trip.window(Window::Calls(calls));
        }
        if let Some(calls) = self.min_calls {
            trip = trip.min_calls(calls);
        }
        if let Some(open) = &self.open {
            trip = trip.open_table(open.iter().copied());
        }
        if let Some(permits) = self.permits {
            trip = trip.permits(permits);
        }
        if let Some(successes) = self.successes {
            trip = trip.successes(successes);
        }
        if let Some(bound) = self.trial_bound {
            trip = trip.trial_bound(bound);
        }
        trip
    }
}
