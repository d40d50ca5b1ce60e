//! What the events of a pool must add up to, in whichever order it happened.
//!
//! They are told under the pool's lock, so they are the one order on which all threads agree.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use rotapool::{Event, Events, Outcome, Pool, RunOutcome, Signal, Status};

/// A run, and which of its attempts.
type Attempt = (u64, u32);

#[derive(Debug)]
struct UnderWay {
    id: String,
    /// The how manieth attempt of all it is.
    number: u64,
    since: Instant,
}

/// What has just ended: its signal, if it was one, sends the younger attempts away that began no earlier than this.
struct Settled {
    number: u64,
    as_of: Option<Instant>,
}

#[derive(Default)]
struct History {
    statuses: BTreeMap<String, Status>,
    changes: u64,
    /// What is under way.
    under_way: BTreeMap<Attempt, UnderWay>,
    last_settled: Option<Settled>,
    /// The runs between two attempts. By the recorded rules, one that pauses may still be counted as aborted.
    between: BTreeSet<u64>,
    /// The attempts that were told to abort.
    doomed: BTreeSet<Attempt>,
    /// The streams that have begun, and whether siblings' signals end those too.
    committed: BTreeSet<Attempt>,
    cancels_streams: bool,
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
    let cancels_streams = pool.config().settings().cancel_streams == Some(true);
    let mut history = History { cancels_streams, ..History::default() };
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
    let others = ["through", "too late", "aborted", "abandoned", "taken back"].map(settled);
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
            Event::AttemptStarted { run, id, attempt, at, .. } => {
                let status = self.statuses.get(&**id).copied().unwrap_or(Status::Healthy);
                assert_eq!(status, Status::Healthy, "{event}");
                self.attempts += 1;
                let beside: Vec<_> = self.of_run(*run).collect();
                assert!(beside.len() < 2 && beside.iter().all(|one| *one.id != **id), "{event}");
                let under_way = UnderWay { id: id.to_string(), number: self.attempts, since: *at };
                assert!(self.under_way.insert((*run, *attempt), under_way).is_none(), "{event}");
                self.between.remove(run);
                let here = self.under_way.values().filter(|one| *one.id == **id).count();
                let cap = caps.get(&**id).copied().flatten();
                assert!(cap.is_none_or(|cap| here <= cap as usize), "above the cap: {event}");
            }
            Event::AttemptSettled { run, id, attempt, outcome, latency, at, .. } => {
                let doomed = self.doomed.remove(&(*run, *attempt));
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
                // Those that began in the first half of its call may have overtaken it.
                let as_of = (how == "cooldown").then(|| *at - *latency / 2);
                self.end((*run, *attempt), id, how, as_of);
            }
            Event::AttemptHedged { run, attempt, .. } => {
                assert!(self.under_way.contains_key(&(*run, *attempt)), "{event}");
            }
            Event::AttemptCommitted { run, id, attempt, .. } => {
                let it = self.under_way.get(&(*run, *attempt)).expect("it is under way");
                assert_eq!(it.id, **id, "{event}");
                assert!(self.committed.insert((*run, *attempt)), "twice: {event}");
                // It has not heard of it, and goes on.
                if !self.cancels_streams {
                    self.doomed.remove(&(*run, *attempt));
                }
            }
            Event::AttemptAbandoned { run, id, attempt, .. } => {
                self.doomed.remove(&(*run, *attempt));
                self.end((*run, *attempt), id, "abandoned", None);
            }
            Event::TakenBack { run, id, attempt, .. } => {
                self.doomed.remove(&(*run, *attempt));
                self.end((*run, *attempt), id, "taken back", None);
            }
            Event::StateChanged { change, .. } => {
                self.changes += 1;
                assert_eq!(change.sequence, self.changes);
                let old = self.statuses.insert(change.id.to_string(), change.new);
                assert_eq!(change.old, old.unwrap_or(Status::Healthy), "{event}");
            }
            Event::SiblingsAborted { id, count, .. } => {
                let Settled { number, as_of } = self.last_settled.as_ref().expect("who told them");
                let is_told = |one: &UnderWay| {
                    *one.id == **id
                        && one.number > *number
                        && as_of.is_none_or(|as_of| one.since >= as_of)
                };
                let told =
                    self.under_way.iter().filter(|(_, one)| is_told(one)).map(|(key, _)| *key);
                let told = told.filter(|key| self.cancels_streams || !self.committed.contains(key));
                let told: BTreeSet<_> = told.filter(|key| !self.doomed.contains(key)).collect();
                let (count, told_now) = (*count, told.len() as u64);
                let pausing = self.between.len() as u64;
                assert!((told_now..=told_now + pausing).contains(&count), "{event}: {told:?}");
                self.told_to_abort += count;
                self.doomed.extend(told);
            }
            Event::RunEnded { run, outcome, .. } => {
                assert!(self.ended.insert(*run), "ended twice: {event}");
                self.between.remove(run);
                assert!(self.of_run(*run).next().is_none(), "still under way: {event}");
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
            | Event::RunInLine { .. }
            | Event::PoolClosed { .. } => {}
            other => panic!("not expected here: {other}"),
        }
    }

    fn of_run(&self, run: u64) -> impl Iterator<Item = &UnderWay> {
        self.under_way.range((run, 0)..=(run, u32::MAX)).map(|(_, one)| one)
    }

    fn end(&mut self, attempt: Attempt, id: &str, how: &'static str, as_of: Option<Instant>) {
        let UnderWay { id: at, number, .. } =
            self.under_way.remove(&attempt).expect("it was under way");
        assert_eq!(at, id);
        self.last_settled = Some(Settled { number, as_of });
        let (run, _) = attempt;
        if self.of_run(run).next().is_none() {
            self.between.insert(run);
        }
        *self.settled.entry(how).or_default() += 1;
    }
}
