//! How a circuit breaker is made.

use std::fmt;
use std::sync::Arc;

use rotapool_core::{Breaker, BreakerChange, Runtime, Trip, TripError};

use super::breaker::{CircuitBreaker, OnChange, Shared};
use super::switch::BreakerSwitch;
use super::{DefaultRuntime, Mutex};

/// Collects what a circuit breaker is made of; [`build`](Self::build) checks it all.
///
/// Made by [`CircuitBreaker::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct BreakerBuilder {
    trip: Trip,
    name: Arc<str>,
    runtime: Arc<dyn Runtime>,
    on_change: Option<OnChange>,
    switches: Vec<BreakerSwitch>,
}

impl CircuitBreaker {
    /// Starts to make a breaker with these rules.
    pub fn builder(trip: Trip) -> BreakerBuilder {
        BreakerBuilder::new(trip)
    }
}

impl BreakerBuilder {
    fn new(trip: Trip) -> Self {
        let (runtime, switches) = (Arc::new(DefaultRuntime), Vec::new());
        Self { trip, name: "breaker".into(), runtime, on_change: None, switches }
    }

    /// What metrics and traces call the breaker. `breaker` by default; not empty.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Whose clock it goes by: that of [`DefaultRuntime`](crate::DefaultRuntime) unless set.
    pub fn runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// Calls `hook` for every change, on the thread whose call brought it about, outside the lock: it may call the
    /// breaker. Where threads report at once, [`BreakerChange::sequence`] says what came first. A panic in it
    /// is contained.
    pub fn on_change(mut self, hook: impl Fn(&BreakerChange) + Send + Sync + 'static) -> Self {
        self.on_change = Some(Box::new(hook));
        self
    }

    /// Has the breaker held by a switch from the beginning, so that it can begin isolated. Several calls, several
    /// switches.
    pub fn switch(mut self, switch: &BreakerSwitch) -> Self {
        self.switches.push(switch.clone());
        self
    }

    /// Makes the breaker.
    ///
    /// # Errors
    ///
    /// [`TripError`] if a rule is out of its range, or the name is empty.
    pub fn build(self) -> Result<CircuitBreaker, TripError> {
        let Self { trip, name, runtime, on_change, switches } = self;
        if name.is_empty() {
            let (rule, allowed) = ("the name", "one character or more, or leave it at `breaker`");
            return Err(TripError { rule, value: "empty".to_owned(), allowed });
        }
        let locked = Mutex::new(Breaker::new(trip, runtime.now())?);
        let shared = Arc::new(Shared { name, runtime, locked, on_change });
        let breaker = CircuitBreaker { shared };
        switches.iter().for_each(|switch| switch.hold(&breaker));
        Ok(breaker)
    }
}

impl fmt::Debug for BreakerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, trip, .. } = self;
        f.debug_struct("BreakerBuilder")
            .field("name", name)
            .field("trip", trip)
            .finish_non_exhaustive()
    }
}
