//! One pool, twice: core and the reference get the same commands and have to give the same answers.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rotapool_core::{Attempts, Outcome, ResourceError, RunOptions, SlotIndex, State, Step};

use crate::commands::{Command, Temper};
use crate::corners::Corners;
use crate::invariants;
use crate::observed::{Aftermath, Clock, Exhaustion, Handle, Moment, Move, Row};
use crate::reference::{Reference, Terms};

pub(crate) struct Episode {
    clock: Clock,
    now: Moment,
    core: State<Handle>,
    reference: Reference,
    runs: Vec<Run>,
    /// The membership that a slot was last given to.
    memberships: HashMap<usize, usize>,
    /// The handles that core keeps: each has to come back once.
    handles: HashSet<Handle>,
    /// How the resources stood after the command before.
    rows: Vec<Row>,
}

struct Run {
    attempts: Attempts,
    max_attempts: u32,
    deadline: Option<Moment>,
    doing: Doing,
}

/// What a run is doing, as whoever drives it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Between two steps, with nothing to wait for.
    Ready,
    Attempting {
        aborted: bool,
    },
    /// Until its pause is over, or until it has waited long enough.
    Sleeping {
        until: Moment,
        waiting: bool,
    },
    Over,
}

impl Episode {
    pub(crate) fn new(temper: &Temper) -> Self {
        Self {
            clock: Clock(Instant::now()),
            // Some time has passed, so that a deadline can lie in the past.
            now: Duration::from_secs(1000),
            core: State::new(temper.rules.clone()),
            reference: Reference::new(temper.rules.clone()),
            runs: Vec::new(),
            memberships: HashMap::new(),
            handles: HashSet::new(),
            rows: Vec::new(),
        }
    }

    // What the next command is chosen by.

    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    pub(crate) fn runs_that(&self, are: impl Fn(&Doing, Moment) -> bool) -> Vec<usize> {
        (0..self.runs.len()).filter(|&run| are(&self.runs[run].doing, self.now)).collect()
    }

    pub(crate) fn is_aborted(&self, run: usize) -> bool {
        self.runs[run].doing == Doing::Attempting { aborted: true }
    }

    /// The ends of cooldowns and of sleeps, and the deadlines.
    pub(crate) fn moments_of_interest(&self) -> Vec<Moment> {
        let live = self.runs.iter().filter(|run| run.doing != Doing::Over);
        let ends = live.clone().filter_map(|run| match run.doing {
            Doing::Sleeping { until, .. } => Some(until),
            _ => None,
        });
        let deadlines = live.filter_map(|run| run.deadline);
        self.rows.iter().filter_map(|row| row.until).chain(ends).chain(deadlines).collect()
    }

    // Playing.

    /// Plays a command on both, compares all that can be seen, and checks what must always hold.
    pub(crate) fn play(&mut self, command: &Command, corners: &mut Corners) {
        match command {
            Command::Begin(terms) => self.begin(terms),
            Command::Step { run, chance } => self.step(*run, *chance, corners),
            Command::Settle { run, outcome, chance } => self.settle(*run, outcome, *chance),
            Command::Cancel { run } => self.cancel(*run),
            Command::SetClock { to } => self.now = *to,
            Command::Add { id, max_in_flight } => self.add(id, *max_in_flight, corners),
            Command::Remove { id } => self.remove(id, corners),
            Command::Enable { id } => {
                let expected = self.reference.enable(id);
                agree("the answer", &expected, &self.core.enable(id));
                corners.refused(&expected);
            }
            Command::Disable { id } => {
                let expected = self.reference.disable(id, self.now);
                let now = self.clock.instant(self.now);
                agree("the answer", &expected, &self.core.disable(id, now));
                corners.refused(&expected);
            }
        }
        self.compare_aftermath(corners);
        self.compare_resources(command);
    }

    fn begin(&mut self, terms: &Terms) {
        self.reference.begin(terms.clone());
        let Terms { max_attempts, retry_delay, deadline, wait_for_cooldown } = *terms;
        let attempts = Attempts::new(RunOptions {
            max_attempts,
            retry_delay,
            deadline: deadline.map(|deadline| self.clock.instant(deadline)),
            wait_for_cooldown,
        });
        self.runs.push(Run { attempts, max_attempts, deadline, doing: Doing::Ready });
    }

    fn step(&mut self, number: usize, chance: f64, corners: &mut Corners) {
        let expected = self.reference.step(number, self.now, chance);
        let run = &mut self.runs[number];
        let handle = Handle { run: number, attempt: run.attempts.made() + 1 };
        let now = self.clock.instant(self.now);
        let actual = match run.attempts.step(&mut self.core, now, || chance, || handle) {
            Step::Attempt(slot) => Move::Attempt { membership: self.memberships[&slot.get()] },
            Step::Pause { until } => Move::Pause { until: self.clock.moment(until) },
            Step::Wait { until } => Move::Wait { until: self.clock.moment(until) },
            Step::Exhausted(why) => Move::Exhausted(Exhaustion::of(&why, self.clock)),
        };
        agree("the step", &expected, &actual);
        corners.stepped(run.doing, &actual, self.now);
        run.doing = match actual {
            Move::Attempt { membership } => {
                let id = self.reference.id(membership);
                let rows = self.core.snapshot(now);
                let rows: Vec<_> = rows.iter().map(|row| Row::of(row, self.clock)).collect();
                invariants::a_pick_is_allowed(id, &self.rows, &rows);
                self.handles.insert(handle);
                Doing::Attempting { aborted: false }
            }
            Move::Pause { until } => Doing::Sleeping { until, waiting: false },
            Move::Wait { until } => Doing::Sleeping { until, waiting: true },
            Move::Exhausted(_) => Doing::Over,
        };
        self.compare_run(number);
    }

    fn settle(&mut self, run: usize, outcome: &Outcome, chance: f64) {
        self.reference.settle(run, outcome, self.now, chance);
        let now = self.clock.instant(self.now);
        let Run { attempts, doing, .. } = &mut self.runs[run];
        attempts.settle(&mut self.core, outcome.clone(), now, || chance);
        *doing = if attempts.is_over() { Doing::Over } else { Doing::Ready };
        self.compare_run(run);
    }

    fn cancel(&mut self, run: usize) {
        self.reference.cancel(run);
        let Run { attempts, doing, .. } = &mut self.runs[run];
        attempts.cancel(&mut self.core);
        *doing = Doing::Over;
        self.compare_run(run);
    }

    fn add(&mut self, id: &str, max_in_flight: Option<u32>, corners: &mut Corners) {
        let id: Arc<str> = id.into();
        let expected = self.reference.add(&id, max_in_flight);
        match self.core.add(id, max_in_flight) {
            Ok(slot) => {
                let membership = *expected.as_ref().expect("the reference takes it too");
                let before = self.memberships.insert(slot.get(), membership);
                let in_use = before.is_some_and(|before| self.reference.remembers(before));
                assert!(!in_use, "slot {} is given away although it is in use", slot.get());
            }
            Err(error) => agree("the answer", &expected.clone().map(drop), &Err(error)),
        }
        corners.refused(&expected);
    }

    fn remove(&mut self, id: &str, corners: &mut Corners) {
        let expected = self.reference.remove(id);
        let membership = |slot: SlotIndex| self.memberships[&slot.get()];
        let actual: Result<usize, ResourceError> = self.core.remove(id).map(membership);
        agree("the answer", &expected, &actual);
        corners.refused(&expected);
    }

    // Comparing.

    fn compare_run(&self, number: usize) {
        let run = &self.runs[number];
        agree("attempts made", &self.reference.made(number), &run.attempts.made());
        agree("whether it is over", &self.reference.is_over(number), &run.attempts.is_over());
        assert!(run.attempts.made() <= run.max_attempts, "more attempts than the run may make");
    }

    fn compare_aftermath(&mut self, corners: &mut Corners) {
        let actual = Aftermath::of(self.core.take_effects(), self.clock);
        agree("the effects", &self.reference.take_aftermath(), &actual);
        for handle in actual.aborts.iter().chain(&actual.retired) {
            assert!(self.handles.remove(handle), "{handle:?} came back twice");
        }
        corners.followed(&actual);
        for handle in &actual.aborts {
            match &mut self.runs[handle.run].doing {
                Doing::Attempting { aborted } => *aborted = true,
                // A run that pauses after a retry signal has no operation left to abort.
                _ => corners.reached("a pausing usage counted as aborted"),
            }
        }
        if actual.wake {
            for run in &mut self.runs {
                if let Doing::Sleeping { until, waiting: true } = &mut run.doing {
                    *until = self.now.min(*until);
                }
            }
        }
    }

    fn compare_resources(&mut self, command: &Command) {
        let now = self.clock.instant(self.now);
        let snapshot = self.core.snapshot(now);
        let rows: Vec<_> = snapshot.iter().map(|row| Row::of(row, self.clock)).collect();
        agree("the snapshot", &self.reference.snapshot(self.now), &rows);
        let stats = self.core.stats(now);
        agree("the stats", &self.reference.stats(self.now), &stats);
        agree("the number of members", &rows.len(), &self.core.len());
        invariants::no_cooldown_ends_early(&self.rows, &rows, self.now, command);
        invariants::gauges_add_up(&stats, &rows);
        self.rows = rows;
    }

    /// Checks that nothing is left over once every run is over.
    pub(crate) fn end(&self) {
        assert!(self.handles.is_empty(), "core never gave back {:?}", self.handles);
        let in_flight = self.core.stats(self.clock.instant(self.now)).in_flight;
        assert_eq!(in_flight, 0, "usages in flight although every run is over");
    }
}

fn agree<T: Debug + PartialEq>(what: &str, expected: &T, actual: &T) {
    assert!(
        expected == actual,
        "{what}: the reference and core differ\nexpected: {expected:#?}\nactual: {actual:#?}"
    );
}
