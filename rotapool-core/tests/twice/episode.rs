//! One pool, twice: core and the reference get the same commands and have to give the same answers.

mod admin;
mod beside;
mod compare;
mod lawful;
mod outlook;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rotapool_core::{
    Attempts, Candidate, Config, Group, Metadata, Outcome, Overdue, Preferences, Profile, Quota,
    ResourceError, Rules, RunOptions, SlotIndex, State, Step,
};

use self::beside::{Asker, Post};
use self::compare::Agreement;
use crate::twice::command::Command;
use crate::twice::corners::Corners;
use crate::twice::invariants;
use crate::twice::ledger::Ledger;
use crate::twice::observed::{Aftermath, Clock, Due, Exhaustion, Handle, Moment, Move, Offer, Row};
use crate::twice::reference::{Reference, Stride, Terms};

pub(crate) struct Episode {
    rules: Rules,
    config: Config,
    clock: Clock,
    now: Moment,
    core: State<Handle>,
    reference: Reference,
    runs: Vec<Run>,
    /// The membership that a slot was last given to.
    memberships: HashMap<usize, usize>,
    /// The handles that core keeps: each has to come back once.
    handles: HashSet<Handle>,
    /// The newest membership of each id.
    newest: HashMap<Arc<str>, usize>,
    /// How many memberships there ever were.
    memberships_made: u32,
    /// How the resources stood after the command before.
    rows: Vec<Row>,
    /// Whether core has noticed what time it is.
    noticed: bool,
    ledger: Ledger,
    agreement: Agreement,
    posts: [Post; Self::LOOKOUTS],
    asker: Asker,
}

/// What a command came to, by core's account.
#[derive(Debug)]
pub(crate) struct Played {
    /// Of a step.
    pub(crate) next: Option<Move>,
    /// Of the limit of what is in flight.
    pub(crate) due: Option<Due>,
    pub(crate) aftermath: Aftermath,
}

impl Played {
    /// The membership on which an attempt has begun.
    pub(crate) fn begun(&self) -> Option<usize> {
        match (&self.next, self.due) {
            (Some(Move::Attempt { membership }), _) => Some(*membership),
            (_, Some(Due::Begin { membership })) => Some(membership),
            _ => None,
        }
    }
}

struct Run {
    attempts: Attempts,
    terms: Terms,
    /// How many handles it has had.
    steps: u32,
    doing: Doing,
    /// Its attempts in flight; of two the one that is spoken of first.
    flights: Vec<Flight>,
    /// Whether its newest attempt is on what was out and was tried all the same.
    probes: bool,
    /// The memberships on which attempts of its have failed, and when the last of these did.
    tried: HashSet<usize>,
    failed_at: Option<Moment>,
    /// When it first stood in line since.
    rested_at: Option<Moment>,
    /// Whether its attempt outlives its call, and until when at most.
    held: Option<Option<Moment>>,
    to_judge: Vec<(u64, Arc<Metadata>)>,
    to_choose: Vec<Candidate>,
}

/// An attempt in flight.
#[derive(Debug)]
struct Flight {
    handle: Handle,
    membership: usize,
    aborted: bool,
}

/// What a run is doing, as whoever drives it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Between two steps, with nothing to wait for.
    Ready,
    /// Asked to judge so many.
    Judging {
        asked: usize,
    },
    /// Asked to choose one of so many.
    Choosing {
        asked: usize,
    },
    /// Whether the attempt that is spoken of is aborted.
    Attempting {
        aborted: bool,
    },
    Pausing {
        until: Moment,
    },
    /// Until then, or until it is woken.
    Waiting {
        until: Option<Moment>,
        woken: bool,
    },
    Over,
}

impl Episode {
    pub(crate) fn new(rules: &Config) -> Self {
        let start = Instant::now();
        let mut core = State::new(rules.clone(), start);
        core.follow_runs(true);
        let mut reference = Reference::new(rules.clone());
        for group in groups() {
            core.add_group(&group, start).expect("a group that core takes");
            reference.add_group(&group, Duration::ZERO);
        }
        Self {
            rules: rules.rules,
            config: rules.clone(),
            clock: Clock(start),
            // Some time has passed, so that a deadline can lie in the past.
            now: Duration::from_secs(1000),
            core,
            reference,
            runs: Vec::new(),
            memberships: HashMap::new(),
            handles: HashSet::new(),
            newest: HashMap::new(),
            memberships_made: 0,
            rows: Vec::new(),
            noticed: true,
            ledger: Ledger::new(rules.degrade),
            agreement: Agreement::default(),
            posts: Default::default(),
            asker: Asker::default(),
        }
    }

    /// Plays a command on both, compares all that can be seen, and checks what must always hold.
    pub(crate) fn play(&mut self, command: &Command, corners: &mut Corners) {
        let played = self.act(command, corners);
        let rows = self.compare();
        if let Some(membership) = played.begun() {
            let id = self.reference.id(membership);
            invariants::a_pick_is_allowed(id, &self.rows, &rows, &self.config);
        }
        invariants::no_cooldown_ends_early(&self.rows, &rows, self.now, command, &self.config);
        self.uphold_the_line(command, &played, &rows);
        self.uphold_the_lookouts(&rows);
        rows.iter().for_each(|row| corners.stands(row));
        self.rows = rows;
    }

    /// Plays a command on both. Where their answers differ is noted for
    /// [`compare`](Self::compare).
    pub(crate) fn act(&mut self, command: &Command, corners: &mut Corners) -> Played {
        let (mut next, mut due) = (None, None);
        match command {
            Command::Begin(terms) => self.begin(terms),
            Command::Step { run, chance } => next = Some(self.step(*run, *chance, corners)),
            Command::Judge { run, first } => self.judge(*run, *first),
            Command::Choose { run, choice } => self.choose(*run, *choice),
            Command::Hold { run, until, commits } => self.hold(*run, *until, *commits),
            Command::Settle { run, outcome, chance } => {
                self.settle(*run, outcome, *chance, corners);
            }
            Command::Overdue { run, chance } => due = Some(self.overdue(*run, *chance)),
            Command::Swap { run } => self.swap(*run),
            Command::Cancel { run } => self.cancel(*run),
            Command::SaySpent { run, dimension, amount } => {
                self.say_spent(*run, *dimension, *amount);
            }
            Command::SayLeft { run, dimension, left, reset } => {
                self.say_left(*run, dimension, *left, *reset);
            }
            Command::SetClock { to } => self.set_clock(*to),
            Command::Add { profile } => self.add(profile, corners),
            Command::Remove { id } => self.remove(id, corners),
            Command::Enable { id } => {
                let expected = self.reference.enable(id, self.now);
                let now = self.clock.instant(self.now);
                self.agreement.demand("the answer", &expected, &self.core.enable(id, now));
                corners.refused(&expected);
            }
            Command::Disable { id } => {
                let expected = self.reference.disable(id, self.now);
                let now = self.clock.instant(self.now);
                self.agreement.demand("the answer", &expected, &self.core.disable(id, now));
                corners.refused(&expected);
            }
            Command::LookOut { lookout } => self.look_out(*lookout),
            Command::StandDown { lookout } => self.stand_down(*lookout),
            Command::Employ(asking) => self.employ(*asking),
            Command::AskAround { chance } => self.ask_around(*chance),
            Command::Answer { probe, outcome, chance } => self.answer(*probe, outcome, *chance),
            Command::Close => {
                self.reference.close(self.now);
                self.core.close(self.clock.instant(self.now));
            }
            Command::End => {
                self.reference.cut_off(self.now);
                self.core.end(self.clock.instant(self.now));
            }
            Command::Park { .. }
            | Command::Unpark { .. }
            | Command::Rotate { .. }
            | Command::Reset { .. }
            | Command::Update { .. }
            | Command::Apply { .. } => self.administer(command, corners),
        }
        self.noticed |= self.notices(command);
        self.reference.take_corners().into_iter().for_each(|corner| corners.reached(corner));
        Played { next, due, aftermath: self.take_aftermath(corners) }
    }

    /// Whether core has to notice by this command what has ended; not by one that is refused.
    fn notices(&self, command: &Command) -> bool {
        let is_member = |id: &str| self.rows.iter().any(|row| *row.id == *id);
        self.rules.ends_by_the_clock
            && match command {
                Command::Step { .. } | Command::Settle { .. } | Command::Cancel { .. } => true,
                // Of a usage that has ended nothing is said.
                Command::SaySpent { run, .. } | Command::SayLeft { run, .. } => {
                    self.runs[*run].attempts.usage(&self.core).is_some()
                }
                Command::Close | Command::End | Command::LookOut { .. } => true,
                Command::AskAround { .. } | Command::Answer { .. } => self.has_prober(),
                Command::Enable { id }
                | Command::Disable { id }
                | Command::Unpark { id }
                | Command::Reset { id }
                | Command::Park { id, .. } => is_member(id),
                _ => false,
            }
    }

    fn set_clock(&mut self, to: Moment) {
        self.noticed &= to == self.now;
        self.now = to;
    }

    fn begin(&mut self, terms: &Terms) {
        self.reference.begin(terms.clone(), self.now);
        let Terms { max_attempts, retry_delay, deadline, attempt_timeout, wait, wants, .. } =
            *terms;
        let mut attempts = Attempts::new(RunOptions {
            max_attempts,
            retry_delay,
            deadline: deadline.map(|deadline| self.clock.instant(deadline)),
            attempt_timeout,
            wait,
            preferences: Preferences {
                exclude: terms.exclude.clone(),
                judge: wants.is_some(),
                affinity: terms.affinity,
                costs: terms.costs.clone(),
            },
            request_id: None,
        });
        if let Some(hedge) = terms.hedge {
            attempts.hedge(&mut self.core, hedge, self.clock.instant(self.now));
        }
        self.runs.push(Run {
            attempts,
            terms: terms.clone(),
            steps: 0,
            doing: Doing::Ready,
            probes: false,
            flights: Vec::new(),
            tried: HashSet::new(),
            failed_at: None,
            rested_at: None,
            held: None,
            to_judge: Vec::new(),
            to_choose: Vec::new(),
        });
    }

    fn step(&mut self, number: usize, chance: f64, corners: &mut Corners) -> Move {
        let run = &mut self.runs[number];
        run.to_choose.clear();
        run.steps += 1;
        let handle = Handle { run: number, step: run.steps };
        let mut hangs = false;
        let now = self.clock.instant(self.now);
        // What core draws first, and then whatever follows from it.
        let mut more = Rng::with_seed(chance.to_bits());
        let (mut next, mut chance) = (chance, chance);
        let draw = || {
            chance = std::mem::replace(&mut next, more.f64());
            chance
        };
        let hang = || {
            hangs = true;
            handle
        };
        let actual = match run.attempts.step(&mut self.core, now, draw, hang) {
            Step::Attempt(slot) => Move::Attempt { membership: self.memberships[&slot.get()] },
            Step::Pause { until } => Move::Pause { until: self.clock.moment(until) },
            Step::Wait { until } => {
                Move::Wait { until: until.map(|until| self.clock.moment(until)) }
            }
            Step::Exhausted(why) => Move::Exhausted(Exhaustion::of(&why, self.clock)),
            Step::Judge(members) => {
                run.to_judge = members;
                Move::Judge(run.to_judge.iter().map(|(_, metadata)| metadata.clone()).collect())
            }
            Step::Choose(candidates) => {
                run.to_choose = candidates;
                let offer = |candidate| Offer::of(candidate, self.clock);
                Move::Choose(run.to_choose.iter().map(offer).collect())
            }
        };
        let drawn = match actual {
            Move::Attempt { membership } => Some(membership),
            _ => None,
        };
        run.flights.extend(drawn.map(|membership| Flight::new(handle, membership)));
        if let Move::Wait { .. } = actual {
            run.rested_at.get_or_insert(self.now);
        }
        let told = match actual {
            Move::Wait { until } => until,
            _ => None,
        };
        let stride = Stride { run: number, handle, now: self.now, chance, drawn, told };
        let expected = self.reference.step(stride);
        run.probes = drawn.map_or(run.probes, |membership| self.reference.is_out(membership));
        self.agreement.demand("the step", &expected, &actual);
        corners.stepped(run.doing, run.terms.deadline, &actual, self.now);
        let needs_one = matches!(actual, Move::Attempt { .. } | Move::Wait { .. });
        assert_eq!(hangs, needs_one, "a handle is made for an attempt and for a wait: {actual:?}");
        if hangs {
            self.handles.insert(handle);
        }
        run.doing = match &actual {
            Move::Attempt { .. } => Doing::Attempting { aborted: false },
            Move::Judge(asked) => Doing::Judging { asked: asked.len() },
            Move::Choose(asked) => Doing::Choosing { asked: asked.len() },
            &Move::Pause { until } => Doing::Pausing { until },
            &Move::Wait { until } => Doing::Waiting { until, woken: false },
            Move::Exhausted(_) => Doing::Over,
        };
        self.compare_run(number);
        actual
    }

    /// Judges the first so many of those asked about.
    fn judge(&mut self, number: usize, first: usize) {
        let Run { attempts, terms, doing, to_judge, .. } = &mut self.runs[number];
        let verdict = |metadata: &Metadata| metadata.get("tier") == terms.wants;
        let verdicts = to_judge.drain(..first).map(|(member, it)| (member, verdict(&it)));
        let (members, verdicts): (Vec<_>, Vec<_>) = verdicts.unzip();
        self.reference.judge(number, &verdicts);
        attempts.judge(members.into_iter().zip(verdicts));
        *doing = Doing::Ready;
    }

    fn choose(&mut self, number: usize, choice: Option<usize>) {
        let Run { attempts, doing, to_choose, .. } = &mut self.runs[number];
        self.reference.choose(number, choice);
        attempts.choose(&mut self.core, choice.map(|choice| to_choose[choice].clone()));
        *doing = Doing::Ready;
    }

    fn hold(&mut self, run: usize, until: Option<Moment>, commits: bool) {
        let Run { attempts, held, flights, doing, .. } = &mut self.runs[run];
        let (end, now) = (until.map(|end| self.clock.instant(end)), self.clock.instant(self.now));
        flights.truncate(1);
        match commits {
            true => {
                let handle = flights[0].handle;
                let mut anew = false;
                attempts.commit(&mut self.core, end, now, || {
                    anew = true;
                    handle
                });
                let expected = self.reference.commit(run, until, self.now);
                self.agreement.demand("whether it gets a handle anew", &expected, &anew);
                if anew {
                    assert!(self.handles.insert(handle), "{handle:?} was with core");
                    flights[0].aborted = false;
                    *doing = Doing::Attempting { aborted: false };
                }
            }
            false => {
                self.reference.hold(run, until, self.now);
                attempts.hold(&mut self.core, end, now);
            }
        }
        *held = Some(until);
        // If that is over already, the next call notices.
        self.noticed &= until.is_none_or(|until| until > self.now);
        self.compare_run(run);
    }

    fn settle(&mut self, run: usize, outcome: &Outcome, chance: f64, corners: &mut Corners) {
        if self.reference.has_a_successor(run) {
            corners.reached("an outcome for a former membership of an id that came back");
        }
        let expected = self.reference.settle(run, outcome, self.now, chance);
        let now = self.clock.instant(self.now);
        let Run { attempts, doing, flights, tried, failed_at, rested_at, held, .. } =
            &mut self.runs[run];
        match outcome {
            outcome if held.is_some() => {
                let was_theirs = attempts.conclude(&mut self.core, outcome.clone(), now);
                self.agreement.demand("whether it was still held", &expected, &was_theirs);
            }
            Outcome::Success if chance < 0.5 => attempts.succeed(&mut self.core, now),
            _ => attempts.settle(&mut self.core, outcome.clone(), now, || chance),
        }
        tried.insert(flights.remove(0).membership);
        if attempts.is_over() {
            flights.clear();
        }
        *doing = match flights.first() {
            None if attempts.is_over() => Doing::Over,
            Some(other) => Doing::Attempting { aborted: other.aborted },
            None => Doing::Ready,
        };
        (*failed_at, *rested_at) = (Some(self.now), None);
        self.compare_run(run);
    }

    /// The limit of what is in flight has come, or has not.
    fn overdue(&mut self, number: usize, chance: f64) -> Due {
        let run = &mut self.runs[number];
        let handle = Handle { run: number, step: run.steps + 1 };
        let mut hangs = false;
        let hang = || {
            hangs = true;
            handle
        };
        let now = self.clock.instant(self.now);
        let was_due = run.attempts.limit().is_some_and(|limit| limit <= now);
        let actual = match run.attempts.overdue(&mut self.core, now, || chance, hang) {
            Overdue::NotYet => Due::NotYet,
            Overdue::Attempt => Due::Attempt,
            Overdue::Hedge => Due::Beside,
            Overdue::Begin(slot) => Due::Begin { membership: self.memberships[&slot.get()] },
        };
        let drawn = match actual {
            Due::Begin { membership } => Some(membership),
            _ => None,
        };
        self.noticed |= was_due && matches!(actual, Due::NotYet | Due::Begin { .. });
        let stride = Stride { run: number, handle, now: self.now, chance, drawn, told: None };
        let expected = self.reference.overdue(stride);
        self.agreement.demand("what came of the limit", &expected, &actual);
        assert_eq!(hangs, drawn.is_some(), "a handle is made for an attempt: {actual:?}");
        if let Some(membership) = drawn {
            run.steps += 1;
            self.handles.insert(handle);
            run.flights.push(Flight::new(handle, membership));
            run.probes = false;
        }
        self.compare_run(number);
        actual
    }

    fn swap(&mut self, number: usize) {
        let Run { attempts, flights, doing, .. } = &mut self.runs[number];
        self.reference.swap(number);
        attempts.swap_hedge();
        flights.swap(0, 1);
        *doing = Doing::Attempting { aborted: flights[0].aborted };
        self.compare_run(number);
    }

    fn say_spent(&mut self, run: usize, dimension: Option<&str>, amount: u64) {
        let Some(usage) = self.runs[run].attempts.usage(&self.core) else { return };
        self.reference.say_spent(run, dimension, amount, self.now);
        let now = self.clock.instant(self.now);
        match dimension {
            Some(dimension) => self.core.spent(usage, dimension, amount, now),
            None => self.core.unspent(usage, now),
        }
    }

    fn say_left(&mut self, run: usize, dimension: &str, left: u64, reset: Option<Moment>) {
        let Some(usage) = self.runs[run].attempts.usage(&self.core) else { return };
        self.reference.say_left(run, dimension, left, reset, self.now);
        let now = self.clock.instant(self.now);
        self.core.correct_quota(usage, dimension, left, reset, now);
    }

    fn cancel(&mut self, run: usize) {
        self.reference.cancel(run, self.now);
        let now = self.clock.instant(self.now);
        let Run { attempts, doing, flights, .. } = &mut self.runs[run];
        attempts.cancel(&mut self.core, now);
        flights.clear();
        *doing = Doing::Over;
        self.compare_run(run);
    }

    fn add(&mut self, profile: &Profile, corners: &mut Corners) {
        let expected = self.reference.add(profile, self.now);
        match self.core.add(profile.clone(), self.clock.instant(self.now)) {
            Ok(slot) => {
                let membership = *expected.as_ref().expect("the reference takes it too");
                self.joined(slot, membership);
                if self.reference.in_flight(&profile.id) > 0 {
                    corners.reached("an id came back while its usages drain");
                }
            }
            Err(error) => {
                self.agreement.demand("the answer", &expected.clone().map(drop), &Err(error));
            }
        }
        corners.refused(&expected);
    }

    /// Core keeps a membership in this slot from now on.
    fn joined(&mut self, slot: SlotIndex, membership: usize) {
        self.memberships_made += 1;
        self.newest.insert(self.reference.id(membership).into(), membership);
        let before = self.memberships.insert(slot.get(), membership);
        let in_use = before.is_some_and(|before| self.reference.remembers(before));
        assert!(!in_use, "slot {} is given away although it is in use", slot.get());
    }

    fn remove(&mut self, id: &str, corners: &mut Corners) {
        let expected = self.reference.remove(id, self.now);
        let membership = |slot: SlotIndex| self.memberships[&slot.get()];
        let now = self.clock.instant(self.now);
        let actual: Result<usize, ResourceError> = self.core.remove(id, now).map(membership);
        self.agreement.demand("the answer", &expected, &actual);
        corners.refused(&expected);
    }

    /// Checks that nothing is left over once every run is over.
    pub(crate) fn end(&mut self) {
        for lookout in 0..Self::LOOKOUTS {
            self.stand_down(lookout);
        }
        self.dismiss();
        self.take_aftermath(&mut Corners::default());
        self.assert_agreement();
        assert!(self.handles.is_empty(), "core never gave back {:?}", self.handles);
        let stats = self.core.stats(self.clock.instant(self.now));
        assert_eq!(stats.in_flight, 0, "usages in flight although every run is over");
        assert_eq!(stats.waiting, 0, "runs that wait although every run is over");
    }
}

impl Flight {
    fn new(handle: Handle, membership: usize) -> Self {
        Self { handle, membership, aborted: false }
    }
}

/// The groups of every pool: one that shares quotas, and one of outages alone.
fn groups() -> [Group; 2] {
    let seconds = Duration::from_secs;
    let org = Group::new("org").quota(Quota::per(4, seconds(3)));
    let tokens = Quota::per(12, seconds(5)).of("tokens").sliding();
    [org.quota(tokens), Group::new("house")]
}
