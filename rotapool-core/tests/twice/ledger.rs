//! The books, kept from nothing but what core tells of itself: they have to balance with its counters.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rotapool_core::{Event, PoolStats, RunOutcome};

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Those who joined and have not left.
    members: BTreeSet<String>,
    /// Those that were told to wait in line and have got nothing since.
    in_line: BTreeSet<u64>,
    /// By run: the attempts in flight, each with its resource.
    in_flight: HashMap<u64, Vec<(u32, Arc<str>)>>,
    /// The runs that are about to begin another attempt beside one.
    hedged: HashSet<u64>,
    attempts: u64,
    aborted: u64,
    taken_back: u64,
    exhausted: bool,
    closed: bool,
    /// Whether what is out serves when all is.
    degrades: bool,
    runs_ok: u64,
    runs_exhausted: u64,
    runs_error: u64,
    runs_cancelled: u64,
}

impl Ledger {
    pub(crate) fn new(degrades: bool) -> Self {
        Self { degrades, ..Self::default() }
    }

    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::RunInLine { run, waiting, .. } => {
                assert!(
                    *waiting > 0 && self.in_flight.get(run).is_none_or(Vec::is_empty),
                    "{event}"
                );
                assert!(self.in_line.insert(*run), "{event}: told twice");
            }
            Event::AttemptHedged { run, attempt, id, .. } => {
                assert_eq!(self.in_flight[run], [(*attempt, id.clone())], "{event}");
                assert!(self.hedged.insert(*run), "{event}: twice");
            }
            Event::AttemptStarted { run, attempt, id, .. } => {
                self.attempts += 1;
                self.in_line.remove(run);
                assert!(!self.closed || *attempt > 1, "{event}: the pool is closed");
                assert!(
                    !self.exhausted || self.degrades,
                    "an attempt although the pool is said to be exhausted"
                );
                let before = self.in_flight.entry(*run).or_default();
                let most = usize::from(self.hedged.remove(run));
                assert_eq!(before.len(), most, "{event}: beside {before:?}");
                assert!(before.iter().all(|(_, on)| on != id), "{event}: twice on it");
                before.push((*attempt, Arc::clone(id)));
            }
            Event::AttemptSettled { run, attempt, id, .. }
            | Event::AttemptAbandoned { run, attempt, id, .. } => {
                self.ended(event, *run, (*attempt, id));
            }
            Event::TakenBack { run, attempt, id, .. } => {
                self.taken_back += 1;
                self.ended(event, *run, (*attempt, id));
            }
            Event::SiblingsAborted { count, .. } => self.aborted += count,
            Event::RunEnded { run, outcome, .. } => {
                self.in_line.remove(run);
                let left = self.in_flight.remove(run).unwrap_or_default();
                assert!(left.is_empty() && !self.hedged.contains(run), "{event}: {left:?}");
                match outcome {
                    RunOutcome::Ok => self.runs_ok += 1,
                    RunOutcome::Exhausted(_) => self.runs_exhausted += 1,
                    RunOutcome::Error => self.runs_error += 1,
                    RunOutcome::Cancelled => self.runs_cancelled += 1,
                    other => panic!("the books have no column for {other}"),
                }
            }
            Event::ResourceAdded { id, .. } => {
                assert!(self.members.insert(id.to_string()), "{event}: twice");
            }
            Event::ResourceRemoved { id, .. } => {
                assert!(self.members.remove(&**id), "{event}: but it was not there");
            }
            Event::PoolExhausted { .. } => {
                assert!(!std::mem::replace(&mut self.exhausted, true), "exhausted twice");
            }
            Event::PoolRecovered { .. } => {
                assert!(std::mem::replace(&mut self.exhausted, false), "recovered for nothing");
            }
            Event::PoolClosed { .. } => {
                assert!(!std::mem::replace(&mut self.closed, true), "closed twice");
            }
            _ => {}
        }
    }

    fn ended(&mut self, event: &Event, run: u64, (attempt, on): (u32, &Arc<str>)) {
        let attempts = self.in_flight.get_mut(&run).expect("a run with an attempt in flight");
        let ended = attempts.iter().position(|(number, id)| (*number, id) == (attempt, on));
        attempts.remove(ended.unwrap_or_else(|| panic!("{event}: of {attempts:?}")));
    }

    pub(crate) fn balances_with(&self, stats: &PoolStats) {
        let Self { attempts, aborted, runs_ok, runs_exhausted, runs_error, runs_cancelled, .. } =
            *self;
        assert_eq!(
            (attempts, aborted, runs_ok, runs_exhausted, runs_error, runs_cancelled),
            (
                stats.attempts,
                stats.sibling_cancels,
                stats.runs_ok,
                stats.runs_exhausted,
                stats.runs_error,
                stats.runs_cancelled,
            ),
            "what was told and what was counted differ"
        );
        assert_eq!(self.taken_back, stats.taken_back, "what was told and what was counted differ");
        let members = stats.resources.iter().map(|row| row.id.to_string()).collect::<BTreeSet<_>>();
        assert_eq!(self.members, members, "who was told of and who is there differ");
        // Whoever is healthy has come back without being looked at, if the pool is out.
        assert!(self.exhausted || stats.healthy > 0 || attempts == 0 && stats.resources.is_empty());
    }
}
