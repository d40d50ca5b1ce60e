//! What all handles of a pool share, and the one door to it: [`Shared::with`].

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, PoisonError, Weak};
use std::task::Waker;

use rotapool_core::{Effects, Runtime, SlotIndex, State, StateChange};

use crate::config::in_force::InForce;
use crate::drive::pair::{Pairs, Trigger};
use crate::shield::{contained, wake};
use crate::sync::Mutex;
use crate::terms::options::Defaults;
use crate::terms::secret::Secrets;
use crate::terms::select::Select;
use crate::terms::table::Table;
use crate::waiters::Waiters;
use crate::watch::events::Audience;
use crate::watch::trace;

type Listener = Box<dyn Fn(&StateChange) + Send + Sync>;

/// Code of the user's that the pool calls, never under the lock.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) on_state_change: Option<Listener>,
    pub(crate) select: Option<Box<dyn Select>>,
    /// No code, but as rarely asked: what judges the answers of upstreams.
    pub(crate) table: Table,
}

pub(crate) struct Shared<T> {
    /// For leases, which do not keep the pool alive.
    me: Weak<Self>,
    pub(crate) name: Arc<str>,
    locked: Mutex<Locked<T>>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) defaults: Defaults,
    pub(crate) hooks: Hooks,
    /// The settings, and where they come from.
    pub(crate) in_force: Arc<InForce>,
    /// Those who wait until something has left: see `Effects::departure`.
    pub(crate) departures: Waiters,
}

/// A resource as the pool keeps it and leases share it.
pub(crate) struct Entry<T> {
    pub(crate) id: Arc<str>,
    pub(crate) value: T,
    pub(crate) secrets: Option<Arc<Secrets>>,
    #[cfg_attr(not(feature = "http"), allow(dead_code))]
    pub(crate) table: Table,
    /// Whether it has quotas, of which an operation may have something to say.
    pub(crate) is_metered: AtomicBool,
    /// Where that is to be said, from the first lease on that may.
    pool: OnceLock<Weak<Shared<T>>>,
}

impl<T> Entry<T> {
    pub(crate) fn new(
        id: Arc<str>,
        value: T,
        secrets: Option<Arc<Secrets>>,
        table: Table,
        is_metered: bool,
    ) -> Self {
        let (is_metered, pool) = (AtomicBool::new(is_metered), OnceLock::new());
        Self { id, value, secrets, table, is_metered, pool }
    }

    /// The pool of one that is metered, if it is still there.
    pub(crate) fn pool(&self) -> Option<Arc<Shared<T>>> {
        self.pool.get().and_then(Weak::upgrade)
    }

    /// A lease of it is about to be metered.
    #[inline]
    pub(crate) fn belongs_to(&self, pool: &Shared<T>) {
        self.pool.get_or_init(|| pool.me.clone());
    }
}

/// What the lock guards.
pub(crate) struct Locked<T> {
    pub(crate) state: State<Trigger>,
    pub(crate) random: fastrand::Rng,
    pub(crate) pairs: Pairs,
    pub(crate) audience: Audience,
    /// By slot index; the state knows which slots are taken.
    entries: Vec<Option<Arc<Entry<T>>>>,
}

impl<T> Locked<T> {
    pub(crate) fn new(state: State<Trigger>, random: fastrand::Rng) -> Self {
        let (pairs, audience) = Default::default();
        Self { state, random, pairs, audience, entries: Vec::new() }
    }

    /// Tells the audience what happened, and answers whom of it to wake once the lock is released.
    #[cold]
    fn announce(&mut self, effects: Effects<Trigger>) -> (Effects<Trigger>, Vec<Waker>) {
        let mut wakers = Vec::new();
        self.audience.tell(&effects.events, &mut wakers);
        self.state.follow_runs(!self.audience.is_empty());
        (effects, wakers)
    }

    /// The state, for an admin call in this name.
    pub(crate) fn by(&mut self, who: &Option<Arc<str>>) -> &mut State<Trigger> {
        self.state.by(who.clone())
    }

    pub(crate) fn put(&mut self, slot: SlotIndex, entry: Arc<Entry<T>>) {
        if slot.get() >= self.entries.len() {
            self.entries.resize_with(slot.get() + 1, || None);
        }
        self.entries[slot.get()] = Some(entry);
    }

    pub(crate) fn take(&mut self, slot: SlotIndex) -> Option<Arc<Entry<T>>> {
        self.entries.get_mut(slot.get()).and_then(Option::take)
    }

    /// The entry of a member's slot.
    pub(crate) fn entry(&self, slot: SlotIndex) -> Arc<Entry<T>> {
        match self.entries.get(slot.get()) {
            Some(Some(entry)) => Arc::clone(entry),
            _ => unreachable!("the state picks members only, and every member has an entry"),
        }
    }
}

impl<T> Shared<T> {
    pub(crate) fn new(
        name: Arc<str>,
        locked: Locked<T>,
        runtime: Arc<dyn Runtime>,
        defaults: Defaults,
        hooks: Hooks,
        in_force: Arc<InForce>,
    ) -> Arc<Self> {
        let (locked, departures) = (Mutex::new(locked), Waiters::default());
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            name,
            locked,
            runtime,
            defaults,
            hooks,
            in_force,
            departures,
        })
    }

    /// Runs `act` under the lock and, once the lock is released, does what follows from it.
    ///
    /// Aborting, waking and reporting run foreign code (wakers, the hook), and so may dropping an abort
    /// handle or what `act` returns: none of it happens under the lock. `act` itself must call nothing foreign, so
    /// the lock cannot be poisoned halfway through a change.
    #[inline(always)]
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut Locked<T>) -> R) -> R {
        let follows_runs = trace::follows_runs();
        let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        if follows_runs {
            locked.state.follow_runs(true);
        }
        let result = act(&mut locked);
        let retired = locked.state.take_retired();
        let effects = locked.state.take_effects().map(|effects| locked.announce(effects));
        drop(locked);
        drop(retired);
        if let Some((effects, wakers)) = effects {
            self.follow_up(&effects, wakers);
        }
        result
    }

    #[cold]
    fn follow_up(&self, effects: &Effects<Trigger>, wakers: Vec<Waker>) {
        effects.aborts.iter().chain(&effects.wakes).for_each(Trigger::pull);
        wakers.into_iter().for_each(wake);
        if effects.departure {
            self.departures.change().for_each(wake);
        }
        if let Some(hook) = &self.hooks.on_state_change {
            for change in effects.changes() {
                contained(|| hook(change));
            }
        }
        trace::tell(&self.name, &effects.events);
    }
}
