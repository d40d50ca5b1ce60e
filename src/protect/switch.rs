//! One switch for many breakers.

use std::fmt;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Instant;

use rotapool_core::BreakerMode;

use super::breaker::{CircuitBreaker, Shared};
use super::{Mutex, MutexGuard};

/// Does to all the breakers that it holds what an operator does to one.
///
/// A breaker that it comes to hold later is put into the same mode. It keeps no breaker alive, and a breaker
/// may be held by several switches: the last word counts. A handle: clones are the same switch.
///
/// ```
/// use rotapool::{BreakerState, BreakerSwitch, CircuitBreaker, Trip};
///
/// let maintenance = BreakerSwitch::new();
/// let payments = CircuitBreaker::builder(Trip::default()).switch(&maintenance).build()?;
/// let search = CircuitBreaker::builder(Trip::default()).switch(&maintenance).build()?;
///
/// maintenance.isolate();
/// assert_eq!([payments.state(), search.state()], [BreakerState::Open; 2]);
///
/// maintenance.reset();
/// assert_eq!([payments.state(), search.state()], [BreakerState::Closed; 2]);
/// # Ok::<(), rotapool::TripError>(())
/// ```
#[derive(Clone, Default)]
pub struct BreakerSwitch(Arc<Mutex<Switched>>);

#[derive(Default)]
struct Switched {
    mode: BreakerMode,
    held: Vec<Weak<Shared>>,
    /// How often a breaker came.
    came: u64,
}

impl BreakerSwitch {
    /// A switch that holds no breaker yet, and leaves those that come to their rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Holds a breaker from now on. One that it holds already stays as it is.
    pub fn hold(&self, breaker: &CircuitBreaker) {
        let now = breaker.now();
        let coming = Arc::downgrade(&breaker.shared);
        let mut switched = self.switched();
        if switched.held.iter().any(|held| held.ptr_eq(&coming)) {
            return;
        }
        switched.held.retain(|held| held.strong_count() > 0);
        switched.held.push(coming);
        switched.came += 1;
        let mode = switched.mode;
        if mode == BreakerMode::Automatic {
            return;
        }
        let ((), changes) = breaker.act(now, |breaker, now| breaker.set_mode(mode, now));
        drop(switched);
        breaker.tell(&changes);
    }

    /// As [`CircuitBreaker::isolate`], for all.
    pub fn isolate(&self) {
        self.set_mode(BreakerMode::Isolated);
    }

    /// As [`CircuitBreaker::force_close`], for all.
    pub fn force_close(&self) {
        self.set_mode(BreakerMode::ForcedClosed);
    }

    /// As [`CircuitBreaker::observe_only`], for all.
    pub fn observe_only(&self) {
        self.set_mode(BreakerMode::ObserveOnly);
    }

    /// As [`CircuitBreaker::reset`], for all.
    pub fn reset(&self) {
        self.set_mode(BreakerMode::Automatic);
    }

    /// All under its own lock, so that of two who switch at once one comes last for every breaker.
    fn set_mode(&self, mode: BreakerMode) {
        loop {
            let (came, held) = {
                let switched = self.switched();
                (switched.came, switched.held.clone())
            };
            // Clocks are foreign, and so is what a breaker drops if this is the last to hold it.
            let breakers: Vec<(CircuitBreaker, Instant)> = held
                .iter()
                .filter_map(|held| held.upgrade().map(|shared| CircuitBreaker { shared }))
                .map(|breaker| (breaker.now(), breaker))
                .map(|(now, breaker)| (breaker, now))
                .collect();
            let mut switched = self.switched();
            if switched.came != came {
                continue;
            }
            switched.mode = mode;
            let changes: Vec<_> = breakers
                .iter()
                .map(|(breaker, now)| breaker.act(*now, |core, now| core.set_mode(mode, now)).1)
                .collect();
            drop(switched);
            for ((breaker, _), changes) in breakers.iter().zip(&changes) {
                breaker.tell(changes);
            }
            return;
        }
    }

    fn switched(&self) -> MutexGuard<'_, Switched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for BreakerSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mode, held) = {
            let switched = self.switched();
            (switched.mode, switched.held.len())
        };
        f.debug_struct("BreakerSwitch").field("mode", &mode).field("held", &held).finish()
    }
}
