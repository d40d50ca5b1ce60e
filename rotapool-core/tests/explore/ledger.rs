//! What was done to a pool, as those who did it can tell: the books that core's own are held against.

use std::collections::BTreeMap;

use rotapool_core::{Cause, Config, Outcome, Recovery, Signal, Status};

use crate::twice::command::Command;
use crate::twice::episode::Played;
use crate::twice::observed::{Change, Due, Handle, Moment, Move};
use crate::twice::reference::Terms;

#[derive(Debug)]
pub(crate) struct Ledger {
    rules: Config,
    /// The present membership of an id. They are numbered in the order in which they joined.
    members: BTreeMap<String, usize>,
    joined: usize,
    /// In flight, oldest first; by the recorded rules those of runs in a pause too.
    usages: Vec<Usage>,
    runs: Vec<Run>,
    /// How a member stands by what was reported of it.
    standing: BTreeMap<usize, Status>,
    /// The members that are back from a cooldown and on trial, with their successes there.
    on_trial: BTreeMap<usize, u32>,
    /// The newest usage when a member tripped last, and when an admin had the last word.
    tripped_after: BTreeMap<usize, u64>,
    marks: BTreeMap<usize, u64>,
    /// The newest usage when an operator parked a member last: older ones are on no trial.
    parked_after: BTreeMap<usize, u64>,
    /// Whether what was left in flight has been told to end.
    has_ended: bool,
    /// What the command before should have aborted: whose place it took back, and then siblings, oldest first.
    pub(crate) doomed: Vec<Handle>,
    pub(crate) tally: Tally,
}

#[derive(Debug, Clone)]
struct Usage {
    number: u64,
    id: String,
    membership: usize,
    handle: Handle,
    since: Moment,
    /// Whether core has its abort handle still.
    abortable: bool,
    /// Whether its operation goes on: not in a pause.
    goes_on: bool,
    /// Whether it is held, and until when.
    held: Option<Option<Moment>>,
    /// A stream has had its first item: it has proven its resource, and siblings leave it alone.
    has_begun: bool,
}

#[derive(Debug)]
struct Run {
    terms: Terms,
    /// Fixed by the first step.
    budget: Option<u32>,
    made: u32,
    steps: u32,
    /// What wakes it, with core.
    waits: Option<Handle>,
    /// Of two usages in flight, the one that is not spoken of.
    beside: Option<u64>,
    is_taken_back: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) begun: u64,
    /// How operations ended.
    pub(crate) succeeded: u64,
    pub(crate) erred: u64,
    pub(crate) failed: u64,
    pub(crate) panicked: u64,
    pub(crate) timed_out: u64,
    pub(crate) cooled: u64,
    pub(crate) disabled: u64,
    pub(crate) retried: u64,
    pub(crate) swallowed: u64,
    pub(crate) abandoned: u64,
    /// What came of it.
    pub(crate) cooldowns: u64,
    pub(crate) disables: u64,
    pub(crate) sibling_cancels: u64,
    pub(crate) runs_exhausted: u64,
    pub(crate) runs_cancelled: u64,
    pub(crate) taken_back: u64,
    /// Runs that ended in an error by what would have sent them elsewhere, had they not been held.
    pub(crate) broken: u64,
}

impl Ledger {
    pub(crate) fn new(rules: Config) -> Self {
        Self {
            rules,
            members: BTreeMap::new(),
            joined: 0,
            usages: Vec::new(),
            runs: Vec::new(),
            standing: BTreeMap::new(),
            on_trial: BTreeMap::new(),
            tripped_after: BTreeMap::new(),
            marks: BTreeMap::new(),
            parked_after: BTreeMap::new(),
            has_ended: false,
            doomed: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// How many usages there are of an id, by all of its memberships.
    pub(crate) fn in_flight(&self, id: &str, now: Moment) -> usize {
        self.usages.iter().filter(|usage| usage.id == id && !is_over(usage, now)).count()
    }

    /// How many usages hold a place on a member's trial.
    pub(crate) fn on_trial_of(&self, id: &str, now: Moment) -> u32 {
        let Some(membership) = self.members.get(id) else { return 0 };
        let on_it = self.usages.iter().filter(|usage| usage.membership == *membership);
        let in_flight = on_it.filter(|usage| !is_over(usage, now));
        in_flight.filter(|usage| self.holds_a_place(usage, now)).count() as u32
    }

    fn holds_a_place(&self, usage: &Usage, now: Moment) -> bool {
        let Recovery::Trial(trial) = self.rules.recovery else { return false };
        let tripped_after = self.tripped_after.get(&usage.membership).copied().unwrap_or(0);
        let is_lost = trial.bound.is_some_and(|bound| usage.since + bound <= now);
        let is_judged = usage.number > tripped_after && self.is_younger_than_the_park(usage);
        is_judged && !is_lost && !usage.has_begun
    }

    fn is_younger_than_the_park(&self, usage: &Usage) -> bool {
        usage.number > self.parked_after.get(&usage.membership).copied().unwrap_or(0)
    }

    /// The resource that was picked last.
    pub(crate) fn newest(&self) -> Option<&str> {
        self.usages.last().map(|usage| &*usage.id)
    }

    /// How many requests one attempt of a run is.
    pub(crate) fn requests_of(&self, run: usize) -> i64 {
        let stated = self.runs[run].terms.costs.first();
        stated.map_or(1, |&(_, requests)| requests as i64)
    }

    pub(crate) fn waits(&self, run: usize) -> bool {
        self.runs[run].terms.wait
    }

    pub(crate) fn rules(&self) -> &Config {
        &self.rules
    }

    pub(crate) fn operations(&self) -> u64 {
        self.usages.iter().filter(|usage| usage.goes_on).count() as u64
    }

    /// The handles that core has to have still: of attempts, and of waits.
    pub(crate) fn handles(&self) -> impl Iterator<Item = &Handle> {
        let of_waits = self.runs.iter().filter_map(|run| run.waits.as_ref());
        let abortable = self.usages.iter().filter(|usage| usage.abortable);
        abortable.map(|usage| &usage.handle).chain(of_waits)
    }

    /// The runs whose operation goes on, by age of the attempt.
    pub(crate) fn runs_with_operations(&self) -> Vec<usize> {
        self.usages.iter().filter(|usage| usage.goes_on).map(|usage| usage.handle.run).collect()
    }

    pub(crate) fn is_on_trial(&self, id: &str) -> bool {
        self.members.get(id).is_some_and(|membership| self.on_trial.contains_key(membership))
    }

    /// The status that was reported last; a member joins healthy.
    pub(crate) fn reported(&self, id: &str) -> Status {
        let reported = self.members.get(id).and_then(|membership| self.standing.get(membership));
        reported.copied().unwrap_or(Status::Healthy)
    }

    pub(crate) fn record(
        &mut self,
        command: &Command,
        played: &Played,
        (now, noticed): (Moment, bool),
    ) {
        let what = &played.aftermath;
        self.doomed.clear();
        if noticed {
            self.take_back(now);
        }
        let taken_back = self.doomed.len() as u64;
        // By the clock what has ended is noticed before anything else.
        let is_first = |change: &&Change| {
            self.rules.rules.ends_by_the_clock
                && (change.old, change.new) == (Status::CoolingDown, Status::Healthy)
        };
        let (first, then): (Vec<_>, Vec<_>) = what.changes.iter().partition(is_first);
        first.into_iter().for_each(|change| self.note(change, command));
        match command {
            Command::Begin(terms) => self.runs.push(Run {
                terms: terms.clone(),
                budget: None,
                made: 0,
                steps: 0,
                waits: None,
                beside: None,
                is_taken_back: false,
            }),
            Command::Step { run, .. } => {
                self.step(*run, played.next.as_ref().expect("a step has an answer"), now);
            }
            Command::Overdue { run, .. } => {
                if let Some(Due::Begin { membership }) = played.due {
                    self.runs[*run].steps += 1;
                    self.begin(*run, membership, now);
                    self.runs[*run].beside = Some(self.tally.begun);
                }
            }
            Command::Swap { run } => {
                self.runs[*run].beside = self.place_of(*run).map(|at| self.usages[at].number);
            }
            // What was taken back has been counted.
            Command::Settle { run, .. } | Command::Cancel { run }
                if self.runs[*run].is_taken_back => {}
            Command::Settle { run, outcome, .. } => self.settle(*run, outcome, now),
            Command::Hold { run, until, commits } => self.hold(*run, *until, *commits, now),
            Command::Cancel { run } => {
                self.tally.runs_cancelled += 1;
                self.runs[*run].waits = None;
                while let Some(usage) = self.take(*run) {
                    self.tally.abandoned += u64::from(usage.goes_on);
                }
            }
            Command::Add { profile } => {
                self.members.insert(profile.id.to_string(), self.joined);
                self.joined += 1;
            }
            Command::Remove { id } => drop(self.members.remove(*id)),
            Command::Enable { id } => {
                self.on_trial.remove(&self.members[*id]);
                self.marks.insert(self.members[*id], self.tally.begun);
            }
            Command::Disable { id } => {
                self.tally.disables += u64::from(self.reported(id) != Status::Disabled);
            }
            Command::End => {
                let abortable = self.usages.iter().filter(|usage| usage.abortable);
                self.doomed.extend(abortable.map(|usage| usage.handle));
                self.has_ended = true;
            }
            Command::Park { id, .. } => {
                self.parked_after.insert(self.members[*id], self.tally.begun);
            }
            Command::Unpark { .. } => {}
            Command::Rotate { .. }
            | Command::Reset { .. }
            | Command::Update { .. }
            | Command::Apply { .. } => unreachable!("the random model test plays these"),
            Command::SetClock { .. }
            | Command::Judge { .. }
            | Command::Choose { .. }
            | Command::SaySpent { .. }
            | Command::SayLeft { .. }
            | Command::LookOut { .. }
            | Command::StandDown { .. }
            | Command::Employ(_)
            | Command::AskAround { .. }
            | Command::Close => {}
            Command::Answer { .. } => then.iter().for_each(|change| self.note_of_a_probe(change)),
        }
        then.into_iter().for_each(|change| self.note(change, command));
        for usage in &mut self.usages {
            usage.abortable &= !what.aborts.contains(&usage.handle);
        }
        for run in &mut self.runs {
            run.waits = run.waits.filter(|waits| !what.wakes.contains(waits));
        }
        if !matches!(command, Command::End) {
            self.tally.sibling_cancels += what.aborts.len() as u64 - taken_back;
        }
    }

    fn note(&mut self, change: &Change, command: &Command) {
        let membership = self.members[&*change.id];
        self.standing.insert(membership, change.new);
        if matches!(command, Command::Park { .. }) && change.new != Status::Healthy {
            self.on_trial.remove(&membership);
        }
        if self.rules.rules.generations {
            if matches!(change.cause, Some(Cause::Circuit(_))) {
                self.tripped_after.insert(membership, self.tally.begun);
            }
            let is_admins = matches!(command, Command::Park { .. } | Command::Unpark { .. });
            self.tally.cooldowns += u64::from(change.new == Status::CoolingDown && !is_admins);
            if change.new != Status::Healthy {
                self.on_trial.remove(&membership);
            }
        }
        let recovered = (change.old, change.new) == (Status::CoolingDown, Status::Healthy);
        let by_itself = recovered && !matches!(command, Command::Enable { .. });
        if by_itself && matches!(self.rules.recovery, Recovery::Trial(_)) {
            self.on_trial.insert(membership, 0);
        }
    }

    /// A probe is no usage: what it sends away counts once, whatever it says later.
    fn note_of_a_probe(&mut self, change: &Change) {
        let membership = self.members[&*change.id];
        let generations = self.rules.rules.generations;
        match (change.old, change.new) {
            (Status::Healthy, Status::CoolingDown) if !generations => self.tally.cooldowns += 1,
            // It is counted by whoever notes it.
            (Status::CoolingDown, Status::CoolingDown) if generations => self.tally.cooldowns -= 1,
            (_, Status::Disabled) => self.tally.disables += 1,
            (Status::Disabled, Status::Healthy) => {
                self.marks.insert(membership, self.tally.begun);
            }
            _ => {}
        }
        if change.new != Status::Healthy || change.old == Status::Disabled {
            self.on_trial.remove(&membership);
        }
    }

    fn step(&mut self, number: usize, next: &Move, now: Moment) {
        let run = &mut self.runs[number];
        run.steps += 1;
        if matches!(next, Move::Pause { .. }) {
            return;
        }
        let handle = Handle { run: number, step: run.steps };
        run.waits = matches!(next, Move::Wait { .. }).then_some(handle);
        // The usage of a pause has been kept until now.
        self.take(number);
        let run = &mut self.runs[number];
        let most = match run.terms.wait || !self.rules.rules.budget_of_members {
            true => u32::MAX,
            false => self.members.len() as u32,
        };
        run.budget.get_or_insert(run.terms.max_attempts.min(most));
        match next {
            Move::Attempt { membership } => {
                self.begin(number, *membership, now);
                // What it says of the outage that it tries is known.
                if self.standing.get(membership) == Some(&Status::CoolingDown) {
                    self.tripped_after.insert(*membership, self.tally.begun);
                }
            }
            Move::Exhausted(_) => self.tally.runs_exhausted += 1,
            _ => {}
        }
    }

    /// An attempt of a run begins, which has just got another handle.
    fn begin(&mut self, number: usize, membership: usize, now: Moment) {
        self.runs[number].made += 1;
        self.tally.begun += 1;
        let (id, _) = self.members.iter().find(|(_, member)| **member == membership).unzip();
        self.usages.push(Usage {
            number: self.tally.begun,
            id: id.expect("only a member is picked").clone(),
            membership,
            handle: Handle { run: number, step: self.runs[number].steps },
            since: now,
            abortable: true,
            goes_on: true,
            held: None,
            has_begun: false,
        });
    }

    fn settle(&mut self, number: usize, outcome: &Outcome, now: Moment) {
        let place = self.place_of(number).expect("it is settled while it lives");
        let usage = self.usages[place].clone();
        let tally = &mut self.tally;
        match outcome {
            Outcome::Success => tally.succeeded += 1,
            Outcome::Error => tally.erred += 1,
            Outcome::Failure => tally.failed += 1,
            Outcome::Panic => tally.panicked += 1,
            Outcome::TimedOut => tally.timed_out += 1,
            Outcome::Aborted => tally.swallowed += 1,
            Outcome::Signal(Signal::Retry { .. }) => tally.retried += 1,
            Outcome::Signal(Signal::Cooldown { .. }) => tally.cooled += 1,
            Outcome::Signal(_) => tally.disabled += 1,
            _ => unreachable!("an outcome that no choice makes"),
        }
        let goes_on = matches!(outcome, Outcome::Aborted | Outcome::TimedOut | Outcome::Signal(_));
        tally.broken += u64::from(goes_on && usage.held.is_some());
        if self.rules.rules.generations {
            let says_something = self.follow(&usage, outcome, now);
            self.tell_the_group(&usage, outcome, says_something, now);
        } else {
            self.follow_as_recorded(&usage, outcome);
            self.tell_the_group(&usage, outcome, true, now);
        }
        let Run { terms, budget, made, .. } = &self.runs[number];
        let last = terms.retry_delay.is_zero() || *budget == Some(*made);
        if !self.rules.rules.holds_place_in_pauses || !goes_on || last || usage.held.is_some() {
            self.take(number);
            // The other one of two is given up where the run ends.
            if !goes_on && self.take(number).is_some() {
                self.tally.abandoned += 1;
            }
            return;
        }
        let is_retry = matches!(outcome, Outcome::Signal(Signal::Retry { .. }));
        for usage in self.usages.iter_mut().filter(|usage| usage.handle.run == number) {
            usage.goes_on = false;
            usage.abortable &= is_retry;
        }
    }

    fn hold(&mut self, run: usize, until: Option<Moment>, commits: bool, now: Moment) {
        let at = self.usages.iter().position(|usage| usage.handle.run == run);
        let at = at.expect("it is held while it lives");
        if commits {
            let usage = self.usages[at].clone();
            self.follow(&usage, &Outcome::Success, now);
        }
        let spares = commits && !self.rules.cancel_streams && !self.has_ended;
        let usage = &mut self.usages[at];
        (usage.held, usage.has_begun) = (Some(until), commits);
        usage.abortable |= spares;
    }

    /// Those that were held for too long, in the order of their members.
    fn take_back(&mut self, now: Moment) {
        let (mut over, left) =
            self.usages.drain(..).partition::<Vec<_>, _>(|usage| is_over(usage, now));
        self.usages = left;
        over.sort_by_key(|usage| (usage.membership, usage.held, usage.number));
        for usage in over {
            self.tally.taken_back += 1;
            self.tally.runs_cancelled += 1;
            self.runs[usage.handle.run].is_taken_back = true;
            self.doomed.extend(usage.abortable.then_some(usage.handle));
        }
    }

    fn is_member(&self, usage: &Usage) -> bool {
        self.members.values().any(|&member| member == usage.membership)
    }

    fn standing_of(&self, usage: &Usage) -> Status {
        self.standing.get(&usage.membership).copied().unwrap_or(Status::Healthy)
    }

    /// What a signal that speaks of the group does to the others of it: in a setting with groups, to all others.
    fn tell_the_group(
        &mut self,
        usage: &Usage,
        outcome: &Outcome,
        says_something: bool,
        now: Moment,
    ) {
        let Outcome::Signal(signal) = outcome else { return };
        if !signal.is_of_group() || !says_something {
            return;
        }
        let generations = self.rules.rules.generations;
        let mut others: Vec<usize> = self.members.values().copied().collect();
        others.retain(|&other| other != usage.membership);
        others.sort_unstable();
        for membership in others {
            let mark = self.marks.get(&membership).copied().unwrap_or(0);
            let standing = self.standing.get(&membership).copied().unwrap_or(Status::Healthy);
            if generations && usage.number <= mark {
                continue;
            }
            let heard = Usage { membership, ..usage.clone() };
            match signal {
                Signal::Cooldown { .. } if standing != Status::Disabled && generations => {
                    self.trip(&heard, now);
                }
                Signal::Cooldown { .. } if standing != Status::Disabled => {
                    self.tally.cooldowns += 1;
                    self.on_trial.remove(&membership);
                    self.doom_the_younger(&heard, u64::MAX, Moment::ZERO);
                }
                Signal::Disable { .. } => {
                    self.tally.disables += u64::from(standing != Status::Disabled);
                    self.doom_the_younger(&heard, u64::MAX, Moment::ZERO);
                }
                _ => {}
            }
        }
    }

    /// A cooldown that counts: of an outage that is known, it dooms those who began before that; none that may have
    /// overtaken its call.
    fn trip(&mut self, usage: &Usage, now: Moment) {
        let newest = self.tally.begun;
        let tripped_after = self.tripped_after.entry(usage.membership).or_default();
        if usage.number > *tripped_after {
            *tripped_after = newest;
        }
        let up_to = *tripped_after;
        let halfway = usage.since + (now - usage.since) / 2;
        // Whoever holds it tells nothing of when it heard of a limit.
        let from = if usage.held.is_some() { Moment::ZERO } else { halfway };
        self.doom_the_younger(usage, up_to, from);
    }

    /// By our own rules: whether the outcome is evidence, and whom it dooms.
    fn follow(&mut self, usage: &Usage, outcome: &Outcome, now: Moment) -> bool {
        let membership = usage.membership;
        let standing = self.standing_of(usage);
        let is_judged = self.on_trial.contains_key(&membership)
            && !usage.has_begun
            && self.is_younger_than_the_park(usage)
            && usage.number > self.tripped_after.get(&membership).copied().unwrap_or(0);
        let is_lost = is_judged && !self.holds_a_place(usage, now);
        let is_stale = usage.number <= self.marks.get(&membership).copied().unwrap_or(0);
        let is_in_use = self.is_member(usage) && standing != Status::Disabled;
        let newest = self.tally.begun;
        match outcome {
            _ if is_lost || is_stale => {}
            Outcome::Success | Outcome::Error if is_judged && standing == Status::Healthy => {
                let successes = self.on_trial.entry(membership).or_default();
                *successes += 1;
                let Recovery::Trial(trial) = self.rules.recovery else { return true };
                if *successes >= trial.successes {
                    self.on_trial.remove(&membership);
                }
            }
            Outcome::Failure | Outcome::Signal(Signal::Retry { .. }) if is_judged && is_in_use => {
                self.tripped_after.insert(membership, newest);
            }
            Outcome::TimedOut if is_judged && is_in_use => {
                let deadline = self.runs[usage.handle.run].terms.deadline;
                if deadline.is_none_or(|deadline| now < deadline) {
                    self.tripped_after.insert(membership, newest);
                }
            }
            Outcome::Signal(Signal::Cooldown { .. }) if is_in_use => {
                self.trip(usage, now);
            }
            Outcome::Signal(Signal::Disable { .. }) => {
                self.tally.disables += u64::from(is_in_use);
                self.doom_the_younger(usage, newest, Moment::ZERO);
            }
            _ => {}
        }
        !is_lost && !is_stale
    }

    fn follow_as_recorded(&mut self, usage: &Usage, outcome: &Outcome) {
        let standing = self.standing_of(usage);
        let is_in_use = self.is_member(usage) && standing != Status::Disabled;
        match outcome {
            Outcome::Success | Outcome::Error if standing == Status::Healthy => {
                self.on_trial.remove(&usage.membership);
            }
            Outcome::Signal(Signal::Cooldown { .. }) if is_in_use => {
                self.tally.cooldowns += 1;
                self.on_trial.remove(&usage.membership);
                self.doom_the_younger(usage, u64::MAX, Moment::ZERO);
            }
            Outcome::Signal(Signal::Disable { .. }) => {
                self.tally.disables += u64::from(is_in_use);
                self.doom_the_younger(usage, u64::MAX, Moment::ZERO);
            }
            _ => {}
        }
    }

    /// The younger siblings of a usage that nobody has aborted yet, of those that began at this moment or later.
    fn doom_the_younger(&mut self, than: &Usage, up_to: u64, from: Moment) {
        if self.rules.cancel_siblings {
            let siblings = self.usages.iter().filter(|it| it.membership == than.membership);
            let younger = siblings.filter(|it| it.number > than.number && it.number <= up_to);
            let spares = |it: &&Usage| it.has_begun && !self.rules.cancel_streams;
            let younger = younger.filter(|it| it.since >= from && !spares(it));
            self.doomed.extend(younger.filter(|it| it.abortable).map(|it| it.handle));
        }
    }

    fn take(&mut self, run: usize) -> Option<Usage> {
        let at = self.place_of(run)?;
        self.runs[run].beside = None;
        Some(self.usages.remove(at))
    }

    /// Of two usages that of the one that is spoken of.
    fn place_of(&self, run: usize) -> Option<usize> {
        let beside = self.runs[run].beside;
        let is_it = |usage: &Usage| usage.handle.run == run && beside != Some(usage.number);
        self.usages.iter().position(is_it)
    }
}

/// Whether it was held for too long, which the reports show at once.
fn is_over(usage: &Usage, now: Moment) -> bool {
    usage.held.flatten().is_some_and(|end| end <= now)
}
