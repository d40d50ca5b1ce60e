//! The resources, and the administrator who never leaves them alone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fastrand::Rng;
use rotapool::{Builder, Candidate, Pool, Recovery, Resource, ResourceError, Strategy, Trial};

use crate::callers::Callers;
use crate::deeds::Value;
use crate::executor::Executor;
use crate::tally::{Count, Tally};

/// So often that whatever a change of members leaves behind adds up.
const CHURN: usize = 1_000;

/// Who is in the pool, by the administrator's own books: numbers, in pool order.
#[derive(Debug)]
pub(crate) struct Members {
    all: u32,
    pub(crate) present: Vec<u32>,
    pub(crate) values: Arc<Count>,
}

impl Members {
    /// The cap of a resource; it is the same whenever the resource comes back.
    fn cap(number: u32) -> u32 {
        number % 8 + 1
    }

    fn id(number: u32) -> String {
        format!("r{number}")
    }

    fn resource(number: u32, values: &Arc<Count>) -> Resource<Value> {
        Resource::new(Self::id(number), Value::new(values))
            .max_in_flight(Self::cap(number))
            .weight(f64::from(number % 3 + 1))
            .priority(number % 2)
            .metadata("zone", if number % 3 == 0 { "near" } else { "far" })
    }

    /// How many calls fit into the pool at once.
    pub(crate) fn places(&self) -> u32 {
        self.present.iter().map(|&number| Self::cap(number)).sum()
    }

    /// That the pool has these members and no others, in this order, and no value besides theirs.
    pub(crate) fn assert_agrees(&self, pool: &Pool<Value>) {
        let expected: Vec<_> = self.present.iter().map(|&number| Self::id(number)).collect();
        let ids: Vec<_> = pool.snapshot().iter().map(|row| row.id.to_string()).collect();
        assert_eq!(ids, expected, "members");
        assert_eq!(self.values.get(), expected.len() as u64, "values alive");
    }

    pub(crate) fn enable_all(&self, pool: &Pool<Value>) {
        for &number in &self.present {
            pool.enable(&Self::id(number)).expect("it is a member");
        }
    }

    /// Has members leave and come back, many times over.
    pub(crate) fn churn(&mut self, pool: &Pool<Value>, random: &mut Rng) {
        for _ in 0..CHURN.min(CHURN * self.present.len()) {
            let number = self.present.remove(random.usize(..self.present.len()));
            pool.remove(&Self::id(number)).expect("it is a member");
            pool.add(Self::resource(number, &self.values)).expect("it is none any more");
            self.present.push(number);
        }
    }

    fn meddle(&mut self, pool: &Pool<Value>, tally: &Tally, random: &mut Rng) {
        let number = random.u32(..self.all);
        let (id, place) = (Self::id(number), self.present.iter().position(|one| *one == number));
        tally.admin_calls.up();
        let done = match random.u32(..8) {
            0 => {
                tally.admin_disables.up();
                pool.disable(&id)
            }
            1 => {
                self.present.retain(|one| *one != number);
                pool.remove(&id)
            }
            2 | 3 => {
                let added = pool.add(Self::resource(number, &self.values));
                if place.is_none() {
                    self.present.push(number);
                    return added.expect("it was not a member");
                }
                let duplicate = matches!(added, Err(ResourceError::DuplicateResource { .. }));
                return assert!(duplicate, "{id} is there already: {added:?}");
            }
            _ => pool.enable(&id),
        };
        match done {
            Ok(()) => assert!(place.is_some(), "{id} was not a member"),
            Err(ResourceError::UnknownResource { .. }) => assert!(place.is_none(), "{id} is lost"),
            Err(other) => panic!("{id}: {other}"),
        }
    }
}

/// A pool of this many, with other settings every time.
pub(crate) fn pool<X: Executor>(
    executor: X,
    all: u32,
    python_rules: bool,
    tally: &Arc<Tally>,
    random: &mut Rng,
) -> (Pool<Value>, Members) {
    let values = Arc::<Count>::default();
    let hooked = Arc::clone(tally);
    let strategy = *random.choice(Strategy::ALL.iter()).expect("ten");
    let builder = Pool::builder()
        .resources((0..all).map(|number| Members::resource(number, &values)))
        .cooldown_table([1, 2, 5, 20].map(Duration::from_millis))
        // Shorter than a lap, and up to a cooldown that nothing but `enable` ends.
        .cooldown_bounds(Duration::from_micros(500)..=Duration::MAX)
        .recovery(recovery(random))
        .strategy(strategy)
        .cancel_siblings(random.u32(..4) > 0)
        // So few that a crowd on a few resources finds the line full.
        .max_waiting(64)
        .on_state_change(move |change| hooked.changed(change))
        .runtime(executor)
        .seed(random.u64(..));
    let builder = if random.u32(..5) == 0 { choosing(builder) } else { builder };
    let builder = if random.bool() { builder.step_down_after(3) } else { builder };
    let builder = match random.bool() {
        true => builder.attempt_timeout(Duration::from_millis(8)),
        false => builder,
    };
    let builder = if python_rules { builder.python_rules() } else { builder };
    let pool = builder.build().expect("the rules are sound");
    (pool, Members { all, present: (0..all).collect(), values })
}

fn recovery(random: &mut Rng) -> Recovery {
    match random.u32(..4) {
        0 => Recovery::AtOnce,
        1 => Recovery::Trial(Trial::default()),
        2 => Recovery::Trial(
            Trial::default().at_once(2).successes(3).bound(Duration::from_millis(2)),
        ),
        _ => Recovery::Ramp,
    }
}

fn choosing(builder: Builder<Value>) -> Builder<Value> {
    builder.select(|candidates: &[Candidate]| candidates.len() / 2)
}

/// Adds, removes, enables and disables until it is told to stop, and hands the books over.
pub(crate) async fn administer<X: Executor>(
    callers: Callers<X>,
    mut members: Members,
    seed: u64,
) -> Members {
    let mut random = Rng::with_seed(seed);
    while !callers.stop.load(Ordering::SeqCst) {
        for _ in 0..16 {
            members.meddle(&callers.pool, &callers.tally, &mut random);
        }
        callers.executor.sleep(Duration::from_micros(random.u64(200..1_500))).await;
    }
    members
}
