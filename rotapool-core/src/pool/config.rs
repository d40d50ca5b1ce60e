//! The rules of one pool, as its builder set them.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::error::BuildError;
use crate::member::comeback::WayBack;
use crate::member::health_rules::HealthRules;
use crate::member::recovery::{Recovery, Trial};
use crate::member::rules::Rules;
use crate::protect::{Hedge, RetryBudget, Trip};
use crate::select::strategy::Strategy;

/// The rules of a pool. [`Default`] has the documented defaults.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// How long the first, second, third… guessed cooldown since the last success lasts; the last entry
    /// serves for all that follow. 30 s, 120 s, 300 s, 600 s by default; no entry is zero.
    pub cooldown_table: Vec<Duration>,
    /// Where a stated cooldown is brought to if it lies beyond. 1 s to 24 h by default.
    pub cooldown_bounds: RangeInclusive<Duration>,
    /// After how many successes in a row a resource goes one step down the table; `None`, the default, is all the
    /// way down with one.
    pub decay: Option<NonZeroU32>,
    /// How a resource comes back from a cooldown.
    pub recovery: Recovery,
    /// The most runs in line. 1,024 by default; at least 1.
    pub max_waiting: usize,
    /// How to choose. [`Strategy::LeastInFlight`] by default.
    pub strategy: Strategy,
    /// Whether a cooldown or disable signal aborts the younger usages on the resource. On by default.
    pub cancel_siblings: bool,
    /// Whether that is the end of streams too that have [begun](crate::Attempts::commit). Off by default.
    pub cancel_streams: bool,
    /// How health is measured.
    pub health: HealthRules,
    /// When failures of a resource send it away, and for how long. Without it, the default, they do not.
    pub circuit_breaker: Option<Trip>,
    /// How many healthy resources the circuit breaker leaves alone. 1 by default.
    pub keep_available: usize,
    /// How often a run may try a resource that is out for long by what was stated or an operator set, before its end.
    /// Without it, the default, none does. More than zero, and not by the recorded rules.
    pub probe_early: Option<Duration>,
    /// How many retries there may be. Without one, the default, as many as the runs make.
    pub retry_budget: Option<RetryBudget>,
    /// When attempts are hedged, of runs that were told nothing. Never by default.
    pub hedge: Option<Hedge>,
    /// Whether a caller's own code chooses: see [`Step::Choose`](crate::Step::Choose). Off by default.
    pub foreign_choice: bool,
    /// Whether a run that would fail because all resources are out is served by one of them: the first back of those
    /// that are parked, else of the guessed, else of the stated; never a disabled one. Off by default.
    pub degrade: bool,
    /// Whether a pool may be without members by a list. Off by default.
    pub allow_empty: bool,
    /// Whose rules.
    pub rules: Rules,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cooldown_table: [30, 120, 300, 600].map(Duration::from_secs).to_vec(),
            cooldown_bounds: Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60),
            decay: None,
            recovery: Recovery::default(),
            max_waiting: 1024,
            strategy: Strategy::default(),
            cancel_siblings: true,
            cancel_streams: false,
            health: HealthRules::default(),
            circuit_breaker: None,
            keep_available: 1,
            probe_early: None,
            retry_budget: None,
            hedge: None,
            foreign_choice: false,
            degrade: false,
            allow_empty: false,
            rules: Rules::OURS,
        }
    }
}

impl Config {
    /// The defaults under the [recorded rules](Rules::RECORDED).
    #[must_use]
    pub fn recorded() -> Self {
        Self {
            cooldown_bounds: Duration::ZERO..=Duration::MAX,
            recovery: Recovery::AtOnce,
            max_waiting: usize::MAX,
            rules: Rules::RECORDED,
            ..Self::default()
        }
    }

    /// Whether the rules can work.
    ///
    /// # Errors
    ///
    /// The first rule that cannot, and what is allowed.
    pub fn check(&self) -> Result<(), BuildError> {
        if self.cooldown_table.is_empty() {
            return Err(BuildError::EmptyCooldownTable);
        }
        if let (Some(entry), false) = (self.instant_entry(), self.rules.zero_hints) {
            return Err(BuildError::ZeroCooldown { entry });
        }
        let (least, most) = (*self.cooldown_bounds.start(), *self.cooldown_bounds.end());
        if least > most || (least.is_zero() && !self.rules.zero_hints) {
            return Err(BuildError::CooldownBounds { least, most });
        }
        if self.max_waiting == 0 {
            return Err(BuildError::ZeroMaxWaiting);
        }
        if let Recovery::Trial(Trial { at_once, successes, bound }) = self.recovery {
            for (term, is_zero) in [
                ("at_once", at_once == 0),
                ("successes", successes == 0),
                ("bound", bound.is_some_and(|bound| bound.is_zero())),
            ] {
                if is_zero {
                    return Err(BuildError::ZeroInTrial { term });
                }
            }
        }
        if let Some(trip) = &self.circuit_breaker {
            trip.check_in_a_pool()?;
        }
        if let Some(every) = self.probe_early {
            if every.is_zero() {
                return Err(BuildError::ZeroProbeEarly);
            }
            if !self.rules.one_trip_per_outage {
                return Err(BuildError::NoEarlyProbes { every });
            }
        }
        if let Some(budget) = &self.retry_budget {
            budget.check()?;
        }
        if self.hedge == Some(Hedge::After(Duration::ZERO)) {
            return Err(BuildError::ZeroHedge);
        }
        self.health.check()
    }

    pub(crate) fn way_back(&self) -> WayBack {
        WayBack {
            recovery: self.recovery,
            first_guess: self.cooldown_table.first().copied().unwrap_or_default(),
            generations: self.rules.generations,
        }
    }

    /// Which entry of the cooldown table is zero.
    fn instant_entry(&self) -> Option<usize> {
        self.cooldown_table.iter().position(Duration::is_zero)
    }
}
