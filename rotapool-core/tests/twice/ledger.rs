//! The books, kept from nothing but what core tells of itself: they have to balance with its counters.

use std::collections::{BTreeSet, HashMap};

use rotapool_core::{Event, PoolStats, RunOutcome};

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Those who joined and have not left.
    members: BTreeSet<String>,
    /// By run: the attempt in flight.
    in_flight: HashMap<u64, u32>,
    /// Those that were told to wait in line and have got nothing since.
    in_line: BTreeSet<u64>,
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
                assert!(*waiting > 0 && !self.in_flight.contains_key(run), "{event}");
                assert!(self.in_line.insert(*run), "{event}: told twice");
            }
            Event::AttemptStarted { run, attempt, .. } => {
                self.attempts += 1;
                self.in_line.remove(run);
                assert!(!self.closed || *attempt > 1, "{event}: the pool is closed");
                assert!(
                    !self.exhausted || self.degrades,
                    "an attempt although the pool is said to be exhausted"
                );
                let before = self.in_flight.insert(*run, *attempt);
                assert_eq!(before, None, "two attempts of run {run} at once");
            }
            Event::AttemptSettled { run, attempt, .. }
            | Event::AttemptAbandoned { run, attempt, .. } => {
                assert_eq!(self.in_flight.remove(run), Some(*attempt), "{event}");
            }
            Event::TakenBack { run, attempt, .. } => {
                self.taken_back += 1;
                assert_eq!(self.in_flight.remove(run), Some(*attempt), "{event}");
            }
            Event::SiblingsAborted { count, .. } => self.aborted += count,
            Event::RunEnded { run, outcome, .. } => {
                assert!(!self.in_flight.contains_key(run), "{event}");
                self.in_line.remove(run);
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
