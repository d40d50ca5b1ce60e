//! Breakers and limiters as Prometheus sees them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType::{Counter, Gauge};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use rotapool_core::{BreakerState, BreakerStats, LimiterStats};
use thiserror::Error;

use super::breaker::CircuitBreaker;
use super::limiter::RateLimiter;

/// Shows breakers and limiters to Prometheus, each under its name.
///
/// A collector of the crate [`prometheus-client`](prometheus_client): register it once, and every scrape samples the
/// figures. It is a handle: clones show the same. It keeps alive what it shows, until that is
/// [removed](Self::remove_breaker).
///
/// ```
/// use std::time::Duration;
/// use prometheus_client::encoding::text::encode;
/// use prometheus_client::registry::Registry;
/// use rotapool::{CircuitBreaker, ProtectCollector, RateLimiter, Trip};
///
/// let payments = CircuitBreaker::builder(Trip::default()).name("payments").build()?;
/// let search = RateLimiter::builder(100, Duration::from_secs(1)).name("search").build()?;
///
/// let collector = ProtectCollector::new();
/// collector.add_breaker(&payments)?;
/// collector.add_limiter(&search)?;
/// let mut registry = Registry::default();
/// registry.register_collector(Box::new(collector));
///
/// let mut page = String::new();
/// encode(&mut page, &registry)?;
/// assert!(page.contains("rotapool_breaker_state{breaker=\"payments\",state=\"closed\"} 1\n"));
/// assert!(page.contains("rotapool_limiter_acquired_total{limiter=\"search\"} 0\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Metrics
///
/// | name | kind | label besides `breaker` | |
/// |---|---|---|---|
/// | `rotapool_breaker_state` | gauge | `state` | 1 for the present state, 0 for the others |
/// | `rotapool_breaker_open_seconds` | gauge | | how much longer it is open; 0 if it is not, or nobody knows |
/// | `rotapool_breaker_calls_total` | counter | `outcome`: `success`, `failure`, `rejected`, `ignored` | calls that ended |
/// | `rotapool_breaker_changes_total` | counter | | changes of its state |
///
/// | name | kind | with the label `limiter` |
/// |---|---|---|
/// | `rotapool_limiter_available` | gauge | tokens that are there; below zero is a debt |
/// | `rotapool_limiter_waiting` | gauge | how many are in line |
/// | `rotapool_limiter_acquired_total` | counter | times that somebody got what they came for |
/// | `rotapool_limiter_refused_total` | counter | times that somebody was refused |
/// | `rotapool_limiter_waited_seconds_total` | counter | how long those served have waited, all together |
#[derive(Clone, Default)]
pub struct ProtectCollector(Arc<Mutex<Shown>>);

#[derive(Clone, Default)]
struct Shown {
    breakers: Vec<CircuitBreaker>,
    limiters: Vec<RateLimiter>,
}

/// A [`ProtectCollector`] shows one of this kind and name already, perhaps the same.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "a {kind} named `{}` is in the collector already; give every {kind} a name of its own",
    name.escape_debug()
)]
#[non_exhaustive]
pub struct NameTaken {
    /// `breaker` or `limiter`.
    pub kind: &'static str,
    /// The name.
    pub name: Arc<str>,
}

impl ProtectCollector {
    /// A collector that shows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows a breaker under its name from the next scrape on.
    ///
    /// # Errors
    ///
    /// [`NameTaken`] if there is a breaker of that name already.
    pub fn add_breaker(&self, breaker: &CircuitBreaker) -> Result<(), NameTaken> {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.breakers.iter().any(|other| other.name() == breaker.name()) {
            return Err(NameTaken { kind: "breaker", name: breaker.name().into() });
        }
        shown.breakers.push(breaker.clone());
        Ok(())
    }

    /// Shows a limiter under its name from the next scrape on.
    ///
    /// # Errors
    ///
    /// [`NameTaken`] if there is a limiter of that name already.
    pub fn add_limiter(&self, limiter: &RateLimiter) -> Result<(), NameTaken> {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.limiters.iter().any(|other| other.name() == limiter.name()) {
            return Err(NameTaken { kind: "limiter", name: limiter.name().into() });
        }
        shown.limiters.push(limiter.clone());
        Ok(())
    }

    /// Shows the breaker of this name no longer, from the next scrape on, and lets go of it; answers whether there was
    /// one.
    pub fn remove_breaker(&self, name: &str) -> bool {
        // What goes with it may be the user's, such as its hook: not dropped under the lock.
        let removed = {
            let shown = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let place = shown.breakers.iter().position(|shown| shown.name() == name);
            place.map(|place| shown.breakers.remove(place))
        };
        removed.is_some()
    }

    /// Shows the limiter of this name no longer, as [`remove_breaker`](Self::remove_breaker) does a breaker.
    pub fn remove_limiter(&self, name: &str) -> bool {
        let removed = {
            let shown = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let place = shown.limiters.iter().position(|shown| shown.name() == name);
            place.map(|place| shown.limiters.remove(place))
        };
        removed.is_some()
    }

    fn shown(&self) -> Shown {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for ProtectCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown { breakers, limiters } = self.shown();
        let breakers: Vec<_> = breakers.iter().map(CircuitBreaker::name).collect();
        let limiters: Vec<_> = limiters.iter().map(RateLimiter::name).collect();
        f.debug_struct("ProtectCollector")
            .field("breakers", &breakers)
            .field("limiters", &limiters)
            .finish()
    }
}

impl Collector for ProtectCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Outside the lock: clocks are foreign code.
        let Shown { breakers, limiters } = self.shown();
        let breakers: Vec<_> = breakers.iter().map(|shown| (shown.name(), shown.stats())).collect();
        let limiters: Vec<_> = limiters.iter().map(|shown| (shown.name(), shown.stats())).collect();
        write_breakers(&mut encoder, &breakers)?;
        write_limiters(&mut encoder, &limiters)
    }
}

/// The value of a sample, out of the figures.
type Value<S, V> = fn(&S) -> V;

const STATES: [BreakerState; 3] =
    [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen];

/// By outcome.
const CALLS: [(&str, Value<BreakerStats, u64>); 4] = [
    ("success", |stats| stats.successes),
    ("failure", |stats| stats.failures),
    ("rejected", |stats| stats.rejected),
    ("ignored", |stats| stats.ignored),
];

fn write_breakers(
    encoder: &mut DescriptorEncoder<'_>,
    breakers: &[(&str, BreakerStats)],
) -> fmt::Result {
    let help = "1 for its present state, 0 for the others.";
    let mut family = encoder.encode_descriptor("rotapool_breaker_state", help, None, Gauge)?;
    for (name, stats) in breakers {
        for state in STATES {
            let labels = [("breaker", *name), ("state", &*state.to_string())];
            sample(&mut family, &labels, &ConstGauge::new(u32::from(stats.state == state)))?;
        }
    }
    // The format appends the unit to the name.
    let (name, unit) = ("rotapool_breaker_open", Some(&Unit::Seconds));
    let help = "How much longer it is open; 0 if it is not, or nobody knows.";
    let mut family = encoder.encode_descriptor(name, help, unit, Gauge)?;
    for (name, stats) in breakers {
        let seconds = stats.open_for.unwrap_or_default().as_secs_f64();
        sample(&mut family, &[("breaker", *name)], &ConstGauge::new(seconds))?;
    }
    let help = "Calls that ended, by outcome.";
    let mut family = encoder.encode_descriptor("rotapool_breaker_calls", help, None, Counter)?;
    for (name, stats) in breakers {
        for (outcome, calls) in CALLS {
            let labels = [("breaker", *name), ("outcome", outcome)];
            sample(&mut family, &labels, &ConstCounter::new(calls(stats)))?;
        }
    }
    let help = "Changes of its state.";
    let mut family = encoder.encode_descriptor("rotapool_breaker_changes", help, None, Counter)?;
    for (name, stats) in breakers {
        sample(&mut family, &[("breaker", *name)], &ConstCounter::new(stats.changes))?;
    }
    Ok(())
}

/// Their names, their help, and where their values come from.
const GAUGES: [(&str, &str, Value<LimiterStats, f64>); 2] = [
    ("rotapool_limiter_available", "Tokens that are there; below zero is a debt.", |stats| {
        stats.available
    }),
    ("rotapool_limiter_waiting", "How many are in line.", |stats| stats.waiting as f64),
];

const COUNTERS: [(&str, &str, Value<LimiterStats, u64>); 2] = [
    ("rotapool_limiter_acquired", "Times that somebody got what they came for.", |stats| {
        stats.acquired
    }),
    ("rotapool_limiter_refused", "Times that somebody was refused.", |stats| stats.refused),
];

fn write_limiters(
    encoder: &mut DescriptorEncoder<'_>,
    limiters: &[(&str, LimiterStats)],
) -> fmt::Result {
    for (name, help, value) in GAUGES {
        let mut family = encoder.encode_descriptor(name, help, None, Gauge)?;
        for (name, stats) in limiters {
            sample(&mut family, &[("limiter", *name)], &ConstGauge::new(value(stats)))?;
        }
    }
    for (name, help, value) in COUNTERS {
        let mut family = encoder.encode_descriptor(name, help, None, Counter)?;
        for (name, stats) in limiters {
            sample(&mut family, &[("limiter", *name)], &ConstCounter::new(value(stats)))?;
        }
    }
    let (name, unit) = ("rotapool_limiter_waited", Some(&Unit::Seconds));
    let help = "How long those served have waited, all together.";
    let mut family = encoder.encode_descriptor(name, help, unit, Counter)?;
    for (name, stats) in limiters {
        let seconds = stats.waited.as_secs_f64();
        sample(&mut family, &[("limiter", *name)], &ConstCounter::new(seconds))?;
    }
    Ok(())
}

fn sample(
    family: &mut MetricEncoder<'_>,
    labels: &[(&str, &str)],
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(family.encode_family(&labels)?)
}
