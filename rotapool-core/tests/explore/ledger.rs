//! What was done to a pool, as those who did it can tell: the books that core's own are held against.

use std::collections::{BTreeMap, BTreeSet};

use rotapool_core::{Config, Outcome, Signal, Status};

use crate::twice::command::Command;
use crate::twice::observed::{Aftermath, Handle, Move};
use crate::twice::reference::Terms;

#[derive(Debug)]
pub(crate) struct Ledger {
    rules: Config,
    /// The present membership of an id. They are numbered in the order in which they joined.
    members: BTreeMap<String, usize>,
    joined: usize,
    /// In flight, oldest first; those of runs in a pause too.
    usages: Vec<Usage>,
    runs: Vec<Run>,
    /// How a member stands by what was reported of it.
    standing: BTreeMap<usize, Status>,
    /// The members that are back from a cooldown and have not succeeded since.
    on_probation: BTreeSet<usize>,
    /// What the command before should have aborted, oldest first.
    pub(crate) doomed: Vec<Handle>,
    pub(crate) tally: Tally,
}

#[derive(Debug, Clone)]
struct Usage {
    id: String,
    membership: usize,
    handle: Handle,
    /// Whether core has its abort handle still.
    abortable: bool,
    /// Whether its operation goes on: not in a pause.
    goes_on: bool,
}

#[derive(Debug)]
struct Run {
    terms: Terms,
    /// Fixed by the first step.
    budget: Option<u32>,
    made: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) begun: u64,
    /// How operations ended.
    pub(crate) succeeded: u64,
    pub(crate) erred: u64,
    pub(crate) panicked: u64,
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
            on_probation: BTreeSet::new(),
            doomed: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// How many usages there are of an id, by all of its memberships.
    pub(crate) fn in_flight(&self, id: &str) -> usize {
        self.usages.iter().filter(|usage| usage.id == id).count()
    }

    /// The resource that was picked last.
    pub(crate) fn newest(&self) -> Option<&str> {
        self.usages.last().map(|usage| &*usage.id)
    }

    pub(crate) fn waits(&self, run: usize) -> bool {
        self.runs[run].terms.wait_for_cooldown
    }

    pub(crate) fn operations(&self) -> u64 {
        self.usages.iter().filter(|usage| usage.goes_on).count() as u64
    }

    /// The abort handles that core has to have still.
    pub(crate) fn handles(&self) -> impl Iterator<Item = &Handle> {
        self.usages.iter().filter(|usage| usage.abortable).map(|usage| &usage.handle)
    }

    /// The runs whose operation goes on, by age of the attempt.
    pub(crate) fn runs_with_operations(&self) -> Vec<usize> {
        self.usages.iter().filter(|usage| usage.goes_on).map(|usage| usage.handle.run).collect()
    }

    pub(crate) fn is_on_probation(&self, id: &str) -> bool {
        self.members.get(id).is_some_and(|membership| self.on_probation.contains(membership))
    }

    /// The status that was reported last; a member joins healthy.
    pub(crate) fn reported(&self, id: &str) -> Status {
        let reported = self.members.get(id).and_then(|membership| self.standing.get(membership));
        reported.copied().unwrap_or(Status::Healthy)
    }

    pub(crate) fn record(&mut self, command: &Command, next: Option<&Move>, what: &Aftermath) {
        self.doomed.clear();
        match command {
            Command::Begin(terms) => {
                self.runs.push(Run { terms: terms.clone(), budget: None, made: 0 });
            }
            Command::Step { run, .. } => self.step(*run, next.expect("a step has an answer")),
            Command::Settle { run, outcome, .. } => self.settle(*run, outcome),
            Command::Cancel { run } => {
                self.tally.runs_cancelled += 1;
                if let Some(usage) = self.take(*run) {
                    self.tally.abandoned += u64::from(usage.goes_on);
                }
            }
            Command::Add { profile } => {
                self.members.insert(profile.id.to_string(), self.joined);
                self.joined += 1;
            }
            Command::Remove { id } => drop(self.members.remove(*id)),
            Command::Enable { id } => drop(self.on_probation.remove(&self.members[*id])),
            Command::Disable { id } => {
                self.tally.disables += u64::from(self.reported(id) != Status::Disabled);
            }
            Command::SetClock { .. } | Command::Judge { .. } | Command::Choose { .. } => {}
        }
        for change in &what.changes {
            let membership = self.members[&*change.id];
            self.standing.insert(membership, change.new);
            let recovered = (change.old, change.new) == (Status::CoolingDown, Status::Healthy);
            let by_itself = recovered && !matches!(command, Command::Enable { .. });
            if by_itself && self.rules.probe_on_recovery {
                self.on_probation.insert(membership);
            }
        }
        for usage in &mut self.usages {
            usage.abortable &= !what.aborts.contains(&usage.handle);
        }
        self.tally.sibling_cancels += what.aborts.len() as u64;
    }

    fn step(&mut self, number: usize, next: &Move) {
        if matches!(next, Move::Pause { .. }) {
            return;
        }
        // The usage of a pause has been kept until now.
        self.take(number);
        let run = &mut self.runs[number];
        let most = if run.terms.wait_for_cooldown { u32::MAX } else { self.members.len() as u32 };
        run.budget.get_or_insert(run.terms.max_attempts.min(most));
        match next {
            Move::Attempt { membership } => {
                run.made += 1;
                self.tally.begun += 1;
                let (id, _) = self.members.iter().find(|(_, member)| *member == membership).unzip();
                self.usages.push(Usage {
                    id: id.expect("only a member is picked").clone(),
                    membership: *membership,
                    handle: Handle { run: number, attempt: run.made },
                    abortable: true,
                    goes_on: true,
                });
            }
            Move::Exhausted(_) => self.tally.runs_exhausted += 1,
            _ => {}
        }
    }

    fn settle(&mut self, number: usize, outcome: &Outcome) {
        let tally = &mut self.tally;
        let number_of_usage = self.usages.iter().position(|usage| usage.handle.run == number);
        let usage = self.usages[number_of_usage.expect("it is settled while it lives")].clone();
        let is_member = self.members.values().any(|&member| member == usage.membership);
        let standing = self.standing.get(&usage.membership).copied().unwrap_or(Status::Healthy);
        match outcome {
            Outcome::Success => tally.succeeded += 1,
            Outcome::Error | Outcome::Failure => tally.erred += 1,
            Outcome::Panic => tally.panicked += 1,
            Outcome::Aborted => tally.swallowed += 1,
            Outcome::Signal(Signal::Retry { .. }) => tally.retried += 1,
            Outcome::Signal(Signal::Cooldown { .. }) => {
                tally.cooled += 1;
                if is_member && standing != Status::Disabled {
                    tally.cooldowns += 1;
                    self.on_probation.remove(&usage.membership);
                    self.doom_the_younger(&usage);
                }
            }
            Outcome::Signal(_) => {
                tally.disabled += 1;
                tally.disables += u64::from(is_member && standing != Status::Disabled);
                self.doom_the_younger(&usage);
            }
            _ => unreachable!("an outcome that no choice makes"),
        }
        let proves = matches!(outcome, Outcome::Success | Outcome::Error | Outcome::Failure);
        if proves && standing == Status::Healthy {
            self.on_probation.remove(&usage.membership);
        }
        let goes_on = matches!(outcome, Outcome::Aborted | Outcome::Signal(_));
        let Run { terms, budget, made } = &self.runs[number];
        if !goes_on || terms.retry_delay.is_zero() || *budget == Some(*made) {
            self.take(number);
            return;
        }
        let is_retry = matches!(outcome, Outcome::Signal(Signal::Retry { .. }));
        for usage in self.usages.iter_mut().filter(|usage| usage.handle.run == number) {
            usage.goes_on = false;
            usage.abortable &= is_retry;
        }
    }

    /// The younger siblings of a usage that nobody has aborted yet.
    fn doom_the_younger(&mut self, usage: &Usage) {
        if self.rules.cancel_siblings {
            let younger =
                self.usages.iter().skip_while(|other| other.handle != usage.handle).skip(1);
            let siblings = younger.filter(|other| other.membership == usage.membership);
            self.doomed = siblings.filter(|it| it.abortable).map(|it| it.handle).collect();
        }
    }

    fn take(&mut self, run: usize) -> Option<Usage> {
        let at = self.usages.iter().position(|usage| usage.handle.run == run)?;
        Some(self.usages.remove(at))
    }
}
