//! Checks what a builder was told, and makes the pool of it.

use std::num::NonZeroU32;
use std::sync::Arc;

use rotapool_core::{BuildError, Config, Hedge, State};

use super::Builder;
use crate::drive::shared::{Locked, Shared};
use crate::pool::handle::Pool;
use crate::terms::options::Wait;

impl<T> Builder<T> {
    /// Makes the pool.
    ///
    /// # Errors
    ///
    /// [`BuildError`] says which setting cannot work and what would: an empty name, no resource, an empty or
    /// duplicate id, a `max_in_flight`, `max_attempts`, `max_waiting` or `step_down_after` of 0, a weight out of range,
    /// quotas that make no sense, a group that is declared twice, without a name or not at all, a secret that is empty or in plain sight,
    /// a cooldown table that is empty or has a zero in it, bounds that are reversed or begin at zero, a zero in the
    /// terms of a trial, a time-out or a `held_bound` of zero, a `probe_early` of zero or beside
    /// [`python_rules`](Self::python_rules), rules of breaker, retry budget or health out of range, a `keep_available` without a breaker; or
    /// all that is wrong with a [configuration](Self::config).
    pub fn build(mut self) -> Result<Pool<T>, BuildError> {
        self.take_from_file()?;
        if self.name.is_empty() {
            return Err(BuildError::EmptyName);
        }
        if self.resources.is_empty() && !self.config.allow_empty {
            return Err(BuildError::NoResources);
        }
        if self.defaults.max_attempts == 0 {
            return Err(BuildError::ZeroMaxAttempts);
        }
        if self.defaults.attempt_timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(BuildError::ZeroAttemptTimeout);
        }
        if self.defaults.stall_timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(BuildError::ZeroStallTimeout);
        }
        if self.defaults.stream_timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(BuildError::ZeroStreamTimeout);
        }
        if self.defaults.held_bound.is_some_and(|bound| bound.is_zero()) {
            return Err(BuildError::ZeroHeldBound);
        }
        if let (Some(Hedge::After(hedge)), Some(attempt_timeout)) =
            (self.config.hedge, self.defaults.attempt_timeout)
        {
            if hedge >= attempt_timeout {
                return Err(BuildError::HedgeAfterTimeout { hedge, attempt_timeout });
            }
        }
        self.apply_rules()?;
        self.config.check()?;
        let (groups, in_force) = (self.all_groups(), Arc::new(self.in_force()));
        let random = self.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let now = self.runtime.now();
        let mut locked = Locked::new(State::new(self.config, now), random);
        for group in groups {
            locked.state.add_group(&group, now)?;
        }
        for resource in self.resources {
            let (profile, entry) = resource.enter(&self.hooks.table)?;
            let slot = locked.state.add(profile, now)?;
            locked.put(slot, entry);
        }
        // Whoever subscribes hears of what happens from then on, and not of what the pool was built with.
        drop(locked.state.take_effects());
        Ok(Pool::new(Shared::new(
            self.name,
            locked,
            self.runtime,
            self.defaults,
            self.hooks,
            in_force,
        )))
    }

    /// Brings together what was set and what the rule set has for the rest.
    fn apply_rules(&mut self) -> Result<(), BuildError> {
        let Config { rules, cooldown_bounds, recovery, max_waiting, .. } = match self.python_rules {
            true => Config::recorded(),
            false => Config::default(),
        };
        if self.python_rules {
            self.defaults.wait = Wait::Never;
        }
        let config = &mut self.config;
        config.rules = rules;
        config.cooldown_bounds = self.cooldown_bounds.take().unwrap_or(cooldown_bounds);
        config.recovery = self.recovery.unwrap_or(recovery);
        config.max_waiting = self.max_waiting.unwrap_or(max_waiting);
        if let Some(successes) = self.step_down_after {
            config.decay = Some(NonZeroU32::new(successes).ok_or(BuildError::ZeroStepDownAfter)?);
        }
        if let Some(healthy) = self.keep_available {
            if config.circuit_breaker.is_none() {
                return Err(BuildError::NothingToHoldBack { healthy });
            }
            config.keep_available = healthy;
        }
        Ok(())
    }
}
