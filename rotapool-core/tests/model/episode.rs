//! One pool, twice: core and the reference get the same commands and have to give the same answers.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rotapool_core::{
    Attempts, Config, Outcome, Profile, ResourceError, RunOptions, SlotIndex, State, Step,
};

use crate::commands::Command;
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
    pub(crate) fn new(rules: &Config) -> Self {
        Self {
            clock: Clock(Instant::now()),
            // Some time has passed, so that a deadline can lie in the past.
            now: Duration::from_secs(1000),
            core: State::new(rules.clone()),
            reference: Reference::new(rules.clone()),
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

    pub(crate) fn runs_that(&self, are: impl Fn(Doing) -> bool) -> Vec<usize> {
        (0..self.runs.len()).filter(|&run| are(self.runs[run].doing)).collect()
    }

    pub(crate) fn is_aborted(&self, run: usize) -> bool {
        self.runs[run].doing == Doing::Attempting { aborted: true }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
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
        let mut picked = None;
        match command {
            Command::Begin(terms) => self.begin(terms),
            Command::Step { run, chance } => picked = self.step(*run, *chance, corners),
            Command::Settle { run, outcome, chance } => {
                self.settle(*run, outcome, *chance, corners);
            }
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
        self.compare_resources(command, picked);
        self.rows.iter().for_each(|row| corners.stands(row));
    }

    fn begin(&mut self, terms: &Terms) {
        self.reference.begin(terms.clone());
        let Terms { max_attempts, retry_delay, deadline, wait_for_cooldown } = *terms;
        let attempts = Attempts::new(RunOptions {
            max_attempts,
            retry_delay,
            deadline: deadline.map(|deadline| self.clock.instant(deadline)),
            wait_for_cooldown,
            ..RunOptions::default()
        });
        self.runs.push(Run { attempts, max_attempts, deadline, doing: Doing::Ready });
    }

    /// Answers the membership that was picked.
    fn step(&mut self, number: usize, chance: f64, corners: &mut Corners) -> Option<usize> {
        let expected = self.reference.step(number, self.now, chance);
        let run = &mut self.runs[number];
        let handle = Handle { run: number, attempt: run.attempts.made() + 1 };
        let now = self.clock.instant(self.now);
        let actual = match run.attempts.step(&mut self.core, now, || chance, || handle) {
            Step::Attempt(slot) => Move::Attempt { membership: self.memberships[&slot.get()] },
            Step::Pause { until } => Move::Pause { until: self.clock.moment(until) },
            Step::Wait { until } => Move::Wait { until: self.clock.moment(until) },
            Step::Exhausted(why) => Move::Exhausted(Exhaustion::of(&why, self.clock)),
            other => panic!("the reference has no word for {other:?}"),
        };
        agree("the step", &expected, &actual);
        corners.stepped(run.doing, run.deadline, &actual, self.now);
        let mut picked = None;
        run.doing = match actual {
            Move::Attempt { membership } => {
                picked = Some(membership);
                self.handles.insert(handle);
                Doing::Attempting { aborted: false }
            }
            Move::Pause { until } => Doing::Sleeping { until, waiting: false },
            Move::Wait { until } => Doing::Sleeping { until, waiting: true },
            Move::Exhausted(_) => Doing::Over,
        };
        self.compare_run(number);
        picked
    }

    fn settle(&mut self, run: usize, outcome: &Outcome, chance: f64, corners: &mut Corners) {
        if self.reference.has_a_successor(run) {
            corners.reached("an outcome for a former membership of an id that came back");
        }
        self.reference.settle(run, outcome, self.now, chance);
        let now = self.clock.instant(self.now);
        let Run { attempts, doing, .. } = &mut self.runs[run];
        attempts.settle(&mut self.core, outcome.clone(), now, || chance);
        *doing = if attempts.is_over() { Doing::Over } else { Doing::Ready };
        self.compare_run(run);
    }

    fn cancel(&mut self, run: usize) {
        self.reference.cancel(run);
        let now = self.clock.instant(self.now);
        let Run { attempts, doing, .. } = &mut self.runs[run];
        attempts.cancel(&mut self.core, now);
        *doing = Doing::Over;
        self.compare_run(run);
    }

    fn add(&mut self, id: &str, max_in_flight: Option<u32>, corners: &mut Corners) {
        let id: Arc<str> = id.into();
        let expected = self.reference.add(&id, max_in_flight);
        let mut profile = Profile::new(Arc::clone(&id));
        profile.max_in_flight = max_in_flight;
        match self.core.add(profile) {
            Ok(slot) => {
                let membership = *expected.as_ref().expect("the reference takes it too");
                let before = self.memberships.insert(slot.get(), membership);
                let in_use = before.is_some_and(|before| self.reference.remembers(before));
                assert!(!in_use, "slot {} is given away although it is in use", slot.get());
                if self.reference.in_flight(&id) > 0 {
                    corners.reached("an id came back while its usages drain");
                }
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
        let retired = self.core.take_retired();
        let actual = Aftermath::of(self.core.take_effects(), retired, self.clock);
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

    fn compare_resources(&mut self, command: &Command, picked: Option<usize>) {
        let now = self.clock.instant(self.now);
        let snapshot = self.core.snapshot(now);
        let rows: Vec<_> = snapshot.iter().map(|row| Row::of(row, self.clock)).collect();
        agree("the snapshot", &self.reference.snapshot(self.now), &rows);
        let mut stats = self.core.stats(now);
        let expected = self.reference.stats(self.now);
        // The reference measures no health: the rules of core's `health` have their own tests.
        for (resource, expected) in stats.resources.iter_mut().zip(&expected.resources) {
            resource.health = expected.health;
        }
        agree("the stats", &expected, &stats);
        agree("the number of members", &rows.len(), &self.core.len());
        if let Some(picked) = picked {
            invariants::a_pick_is_allowed(self.reference.id(picked), &self.rows, &rows);
        }
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
    if expected == actual {
        return;
    }
    let (expected, actual) = (format!("{expected:?}"), format!("{actual:?}"));
    let same = expected.bytes().zip(actual.bytes()).take_while(|(one, other)| one == other).count();
    let upon = expected.get(same.saturating_sub(100)..same).unwrap_or_default();
    panic!(
        "{what}: the reference and core differ after …{upon}\nexpected: {expected}\nactual:   {actual}"
    );
}
