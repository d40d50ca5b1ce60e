//! What the events of a pool must add up to, in whichever order it happened.
//!
//! They are told under the pool's lock, so they are the one order on which all threads agree.

use std::collections::{BTreeMap, BTreeSet};

use rotapool::{Event, Events, Outcome, Pool, RunOutcome, Signal, Status};

#[derive(Default)]
struct History {
    statuses: BTreeMap<String, Status>,
    changes: u64,
    /// The runs whose attempt is under way: where, and the how manieth attempt of all it is.
    under_way: BTreeMap<u64, (String, u64)>,
    last_settled: u64,
    /// The runs between two attempts. By the recorded rules, one that pauses may still be counted as aborted.
    between: BTreeSet<u64>,
    /// Those of them that were told to abort.
    doomed: BTreeSet<u64>,
    ended: BTreeSet<u64>,
    attempts: u64,
    settled: BTreeMap<&'static str, u64>,
    runs: BTreeMap<&'static str, u64>,
    told_to_abort: u64,
}

/// Checks all that was told to a subscriber from the pool's beginning, and that the pool is at rest and
/// counts the same.
#[track_caller]
pub(crate) fn check(pool: &Pool<()>, events: &mut Events) {
    let stats = pool.stats();
    let caps: BTreeMap<_, _> =
        stats.resources.iter().map(|row| (row.id.to_string(), row.max_in_flight)).collect();
    let mut history = History::default();
    while let Some(event) = events.try_next() {
        history.follow(&event, &caps);
    }
    let History { under_way, doomed, settled, runs, .. } = &history;
    assert!(under_way.is_empty() && doomed.is_empty(), "under way for ever: {under_way:?}");
    assert_eq!((stats.in_flight, stats.waiting), (0, 0), "the pool is at rest");
    let settled = |how: &str| settled.get(how).copied().unwrap_or(0);
    let runs = |how: &str| runs.get(how).copied().unwrap_or(0);
    assert_eq!(stats.attempts, history.attempts);
    assert_eq!(stats.successes, settled("through"));
    assert_eq!(stats.retries, settled("retry"));
    assert_eq!((stats.timeouts, stats.deadlines), (settled("timed out"), settled("too late")));
    let failed = ["cooldown", "disable", "retry", "failure", "timed out"].map(settled);
    assert_eq!(stats.failures, failed.iter().sum::<u64>());
    assert_eq!(stats.sibling_cancels, history.told_to_abort);
    assert!(settled("aborted") <= stats.sibling_cancels);
    let said = settled("cooldown") + stats.circuit_trips;
    assert!(stats.cooldowns <= said, "one may come too late to count");
    assert_eq!(
        (stats.runs_ok, stats.runs_error, stats.runs_exhausted, stats.runs_cancelled),
        (runs("ok"), runs("error"), runs("exhausted"), runs("cancelled"))
    );
    let others = ["through", "too late", "aborted", "abandoned"].map(settled);
    let ends = failed.iter().chain(&others).sum::<u64>();
    assert_eq!(history.attempts, ends, "every attempt ends once");
    for row in &stats.resources {
        let status = history.statuses.get(&*row.id).copied().unwrap_or(Status::Healthy);
        assert_eq!(row.status, status, "{}", row.id);
    }
}

impl History {
    fn follow(&mut self, event: &Event, caps: &BTreeMap<String, Option<u32>>) {
        match event {
            Event::AttemptStarted { run, id, .. } => {
                let status = self.statuses.get(&**id).copied().unwrap_or(Status::Healthy);
                assert_eq!(status, Status::Healthy, "{event}");
                self.attempts += 1;
                let began = self.under_way.insert(*run, (id.to_string(), self.attempts));
                assert_eq!(began, None, "{event}");
                self.between.remove(run);
                let here = self.under_way.values().filter(|(other, _)| **other == **id).count();
                let cap = caps.get(&**id).copied().flatten();
                assert!(cap.is_none_or(|cap| here <= cap as usize), "above the cap: {event}");
            }
            Event::AttemptSettled { run, id, outcome, .. } => {
                let doomed = self.doomed.remove(run);
                let how = match outcome {
                    Outcome::Aborted => {
                        assert!(doomed, "nobody told it to abort: {event}");
                        "aborted"
                    }
                    Outcome::Signal(Signal::Cooldown { .. }) => "cooldown",
                    Outcome::Signal(Signal::Disable { .. }) => "disable",
                    Outcome::Signal(_) => "retry",
                    Outcome::Failure => "failure",
                    Outcome::TimedOut | Outcome::Stalled(_) => "timed out",
                    Outcome::DeadlinePassed => "too late",
                    _ => "through",
                };
                self.end(*run, id, how);
            }
            Event::AttemptAbandoned { run, id, .. } => {
                self.doomed.remove(run);
                self.end(*run, id, "abandoned");
            }
            Event::StateChanged { change, .. } => {
                self.changes += 1;
                assert_eq!(change.sequence, self.changes);
                let old = self.statuses.insert(change.id.to_string(), change.new);
                assert_eq!(change.old, old.unwrap_or(Status::Healthy), "{event}");
            }
            Event::SiblingsAborted { id, count, .. } => {
                let younger =
                    |(at, number): &(String, u64)| **at == **id && *number > self.last_settled;
                let told = self.under_way.iter().filter(|(_, attempt)| younger(attempt));
                let told: BTreeSet<u64> =
                    told.map(|(run, _)| *run).filter(|run| !self.doomed.contains(run)).collect();
                let (count, told_now) = (*count, told.len() as u64);
                let pausing = self.between.len() as u64;
                assert!((told_now..=told_now + pausing).contains(&count), "{event}: {told:?}");
                self.told_to_abort += count;
                self.doomed.extend(told);
            }
            Event::RunEnded { run, outcome, .. } => {
                assert!(self.ended.insert(*run), "ended twice: {event}");
                self.between.remove(run);
                assert!(!self.under_way.contains_key(run), "still under way: {event}");
                let how = match outcome {
                    RunOutcome::Ok => "ok",
                    RunOutcome::Error => "error",
                    RunOutcome::Exhausted(_) => "exhausted",
                    _ => "cancelled",
                };
                *self.runs.entry(how).or_default() += 1;
            }
            Event::ResourceAdded { id, .. } | Event::ResourceRemoved { id, .. } => {
                self.statuses.remove(&**id);
            }
            Event::PoolExhausted { .. }
            | Event::PoolRecovered { .. }
            | Event::KeptAvailable { .. }
            | Event::PoolClosed { .. } => {}
            other => panic!("not expected here: {other}"),
        }
    }

    fn end(&mut self, run: u64, id: &str, how: &'static str) {
        let (at, number) = self.under_way.remove(&run).expect("it was under way");
        assert_eq!(at, id);
        self.last_settled = number;
        self.between.insert(run);
        *self.settled.entry(how).or_default() += 1;
    }
}
