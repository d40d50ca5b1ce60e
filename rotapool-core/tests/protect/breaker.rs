//! The breaker, and what its documentation says of it.

use std::time::{Duration, Instant};

use fastrand::Rng;
use rotapool_core::{
    Admission, Breaker, BreakerMode, BreakerState, CallOutcome, Rejected, Trip, Window,
};

use crate::{COMMANDS, episodes};

/// The rules, in the open.
#[derive(Debug, Clone)]
struct Rules {
    failures: Option<u32>,
    failure_percent: Option<u64>,
    slow: Option<(u64, Duration)>,
    window: Window,
    min_calls: u64,
    table: Vec<Duration>,
    permits: usize,
    successes: u32,
    bound: Duration,
}

impl Rules {
    fn random(random: &mut Rng) -> Self {
        let ms = |random: &mut Rng| Duration::from_millis(random.u64(100..3_000));
        let window = match random.bool() {
            true => Window::Calls(random.u32(1..12)),
            false => Window::Time(Duration::from_millis(random.u64(10..5_000))),
        };
        let most = if let Window::Calls(calls) = window { u64::from(calls) } else { 8 };
        let failures = random.bool().then(|| random.u32(1..6));
        let failure_percent = random.bool().then(|| random.u64(1..=100));
        let slow = (failures.is_none() && failure_percent.is_none() || random.bool())
            .then(|| (random.u64(1..=100), ms(random)));
        Self {
            failures,
            failure_percent,
            slow,
            window,
            min_calls: random.u64(1..=most),
            table: (0..random.usize(1..4)).map(|_| ms(random)).collect(),
            permits: random.usize(1..4),
            successes: random.u32(1..4),
            bound: ms(random),
        }
    }

    fn trip(&self) -> Trip {
        let percent = |percent: u64| u32::try_from(percent).unwrap();
        let mut trip = match (self.failures, self.failure_percent, self.slow) {
            (Some(failures), ..) => Trip::after_failures(failures),
            (None, Some(rate), _) => Trip::at_failure_rate(percent(rate)),
            (None, None, Some((rate, from))) => Trip::at_slow_rate(percent(rate), from),
            (None, None, None) => unreachable!("some rule is set"),
        };
        if let Some(rate) = self.failure_percent {
            trip = trip.or_failure_rate(percent(rate));
        }
        if let Some((rate, from)) = self.slow {
            trip = trip.or_slow_rate(percent(rate), from);
        }
        trip.window(self.window)
            .min_calls(percent(self.min_calls))
            .open_table(self.table.clone())
            .permits(u32::try_from(self.permits).unwrap())
            .successes(self.successes)
            .trial_bound(self.bound)
    }
}

/// One call as the reference remembers it.
#[derive(Debug, Clone, Copy)]
struct Call {
    at: Instant,
    failed: bool,
    slow: bool,
}

#[derive(Debug)]
enum Phase {
    Closed,
    Open { until: Instant },
    HalfOpen { trials: Vec<(usize, Instant)>, succeeded: u32 },
}

/// It remembers every call of the present closed time, and works everything out of that, each time.
#[derive(Debug)]
struct Reference {
    rules: Rules,
    mode: BreakerMode,
    phase: Phase,
    phases: u64,
    closed_since: Instant,
    closed_calls: Vec<Call>,
    in_a_row: u32,
    steps: Vec<Duration>,
    calls: u64,
    rejected: u64,
    changes: u64,
}

/// A call under way.
#[derive(Debug)]
struct UnderWay {
    number: usize,
    admission: Admission,
    since: Instant,
    phase: u64,
    trial: bool,
}

impl Reference {
    fn new(rules: Rules, now: Instant) -> Self {
        Self {
            rules,
            mode: BreakerMode::Automatic,
            phase: Phase::Closed,
            phases: 0,
            closed_since: now,
            closed_calls: Vec::new(),
            in_a_row: 0,
            steps: Vec::new(),
            calls: 0,
            rejected: 0,
            changes: 0,
        }
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        if let Phase::Closed = phase {
            self.closed_since = now;
            self.closed_calls.clear();
            self.in_a_row = 0;
        }
        self.phase = phase;
        self.phases += 1;
    }

    fn notice(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Open { until } if until <= now) {
            self.changes += 1;
            self.enter(Phase::HalfOpen { trials: Vec::new(), succeeded: 0 }, now);
        }
    }

    /// Whether the call of this number may be made, and whether it is a trial; else until when not.
    fn admit(&mut self, number: usize, now: Instant) -> Result<bool, Option<Instant>> {
        self.notice(now);
        self.calls += 1;
        let (permits, bound) = (self.rules.permits, self.rules.bound);
        let (passes, trial, until) = match &mut self.phase {
            Phase::Closed => (true, false, None),
            Phase::Open { until } => (false, false, Some(*until)),
            Phase::HalfOpen { trials, .. } => {
                trials.retain(|(_, begun)| *begun + bound > now);
                let free = trials.len() < permits;
                if free {
                    trials.push((number, now));
                }
                (free, free, trials.iter().map(|(_, begun)| *begun + bound).min())
            }
        };
        match self.mode {
            BreakerMode::Isolated => {
                self.rejected += 1;
                Err(None)
            }
            BreakerMode::Automatic if !passes => {
                self.rejected += 1;
                Err(until)
            }
            _ => Ok(trial),
        }
    }

    fn settle(&mut self, call: &UnderWay, ended: Ended, now: Instant) {
        self.notice(now);
        if call.phase != self.phases || self.mode == BreakerMode::ForcedClosed {
            return;
        }
        let slow = self.rules.slow.is_some_and(|(_, from)| now - call.since >= from);
        let bound = self.rules.bound;
        match (&mut self.phase, ended) {
            (Phase::HalfOpen { trials, succeeded }, _) if call.trial => {
                let before = trials.len();
                trials.retain(|(number, _)| *number != call.number);
                if trials.len() == before || call.since + bound <= now {
                    return;
                }
                match ended {
                    Ended::Ignored => {}
                    Ended::Well if !slow => {
                        *succeeded += 1;
                        if *succeeded == self.rules.successes {
                            self.changes += 1;
                            self.enter(Phase::Closed, now);
                        }
                    }
                    Ended::Well => self.open(None, now),
                    Ended::Failed(stated) => {
                        self.in_a_row += 1;
                        self.open(stated, now);
                    }
                }
            }
            (Phase::Closed, Ended::Well | Ended::Failed(_)) => {
                let failed = ended != Ended::Well;
                self.in_a_row = if failed { self.in_a_row + 1 } else { 0 };
                self.closed_calls.push(Call { at: now, failed, slow });
                if self.trips(failed, now) {
                    let stated = if let Ended::Failed(stated) = ended { stated } else { None };
                    self.open(stated, now);
                }
            }
            _ => {}
        }
    }

    fn trips(&self, failed: bool, now: Instant) -> bool {
        if failed && self.rules.failures.is_some_and(|failures| self.in_a_row >= failures) {
            return true;
        }
        let seen: Vec<&Call> = match self.rules.window {
            Window::Calls(calls) => self.closed_calls.iter().rev().take(calls as usize).collect(),
            Window::Time(time) => {
                let step =
                    |at: Instant| (at - self.closed_since).as_nanos() / (time.as_nanos() / 10);
                self.closed_calls.iter().filter(|call| step(call.at) + 10 > step(now)).collect()
            }
        };
        let calls = seen.len() as u64;
        let share = |some: usize, percent: u64| 100 * some as u64 >= percent * calls;
        let failures = seen.iter().filter(|call| call.failed).count();
        let slow = seen.iter().filter(|call| call.slow).count();
        calls >= self.rules.min_calls
            && (self.rules.failure_percent.is_some_and(|percent| share(failures, percent))
                || self.rules.slow.is_some_and(|(percent, _)| share(slow, percent)))
    }

    fn open(&mut self, stated: Option<Duration>, now: Instant) {
        let last_good = self.closed_calls.iter().rev().find(|call| !call.failed);
        let mut health = last_good.map_or(Duration::ZERO, |call| call.at - self.closed_since);
        self.closed_calls.clear();
        while let Some(step) = self.steps.pop() {
            match health.checked_sub(step) {
                Some(rest) => health = rest,
                None => {
                    self.steps.push(step);
                    break;
                }
            }
        }
        let duration = stated.filter(|stated| !stated.is_zero()).unwrap_or_else(|| {
            let table = &self.rules.table;
            let next = table.get(self.steps.len()).copied();
            self.steps.extend(next);
            next.unwrap_or(table[table.len() - 1])
        });
        self.changes += 1;
        self.enter(Phase::Open { until: now + duration }, now);
    }

    fn set_mode(&mut self, mode: BreakerMode, now: Instant) {
        self.notice(now);
        self.mode = mode;
        self.steps.clear();
        self.enter(Phase::Closed, now);
    }

    fn state(&self, now: Instant) -> BreakerState {
        match (self.mode, &self.phase) {
            (BreakerMode::Isolated, _) => BreakerState::Open,
            (BreakerMode::ForcedClosed, _) | (_, Phase::Closed) => BreakerState::Closed,
            (_, Phase::Open { until }) if *until > now => BreakerState::Open,
            _ => BreakerState::HalfOpen,
        }
    }

    fn changes(&self, now: Instant) -> u64 {
        let unseen = matches!(self.phase, Phase::Open { until } if until <= now);
        self.changes + u64::from(unseen)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Well,
    Failed(Option<Duration>),
    Ignored,
}

impl Ended {
    fn random(random: &mut Rng) -> Self {
        match random.u32(0..8) {
            0..3 => Self::Well,
            3..6 => Self::Failed(None),
            6 => Self::Failed(Some(Duration::from_millis(random.u64(0..2_000)))),
            _ => Self::Ignored,
        }
    }

    fn verdict(self) -> CallOutcome {
        match self {
            Self::Well => CallOutcome::Success,
            Self::Failed(stated) => CallOutcome::Failure { text: "boom".into(), stated },
            Self::Ignored => CallOutcome::Ignored,
        }
    }
}

#[test]
fn the_breaker_and_the_naive_reference_agree_after_every_random_command() {
    let mut seen = [0_u32; 3];
    episodes(|random| {
        let mut now = Instant::now();
        let rules = Rules::random(random);
        let mut breaker = Breaker::new(rules.trip(), now).unwrap();
        let mut reference = Reference::new(rules, now);
        let mut under_way: Vec<UnderWay> = Vec::new();
        let mut sequence = 0;
        for number in 0..COMMANDS as usize {
            match random.u32(0..100) {
                0..45 => {
                    let ours = breaker.admit(now);
                    let theirs = reference.admit(number, now);
                    match (ours, theirs) {
                        (Ok(admission), Ok(trial)) => {
                            let phase = reference.phases;
                            under_way.push(UnderWay {
                                number,
                                admission,
                                since: now,
                                phase,
                                trial,
                            });
                        }
                        (Err(Rejected { retry_after, .. }), Err(until)) => {
                            assert_eq!(retry_after, until.map(|until| until - now));
                        }
                        (ours, theirs) => panic!("{ours:?} against {theirs:?}"),
                    }
                }
                45..80 if !under_way.is_empty() => {
                    let call = under_way.swap_remove(random.usize(0..under_way.len()));
                    let ended = Ended::random(random);
                    reference.settle(&call, ended, now);
                    breaker.settle(call.admission, ended.verdict(), now);
                }
                98 => {
                    let mode = [
                        BreakerMode::Automatic,
                        BreakerMode::Isolated,
                        BreakerMode::ForcedClosed,
                        BreakerMode::ObserveOnly,
                    ][random.usize(0..4)];
                    breaker.set_mode(mode, now);
                    reference.set_mode(mode, now);
                }
                99 => {
                    breaker.set_mode(BreakerMode::Automatic, now);
                    reference.set_mode(BreakerMode::Automatic, now);
                }
                _ => now += Duration::from_millis(random.u64(0..700)),
            }
            for change in breaker.take_changes() {
                assert_eq!(change.sequence, sequence + 1, "every change is told, in order");
                sequence = change.sequence;
            }
            let stats = breaker.stats(now);
            assert_eq!(breaker.state(now), reference.state(now));
            assert_eq!(stats.calls, reference.calls);
            assert_eq!(stats.rejected, reference.rejected);
            assert_eq!(stats.changes, reference.changes(now));
            assert_eq!(stats.failures_in_a_row, reference.in_a_row);
            let ended = stats.successes + stats.failures + stats.ignored + stats.rejected;
            assert_eq!(ended + under_way.len() as u64, stats.calls, "every call is counted once");
            seen[reference.state(now) as usize] += 1;
        }
    });
    assert!(seen.iter().all(|&times| times > 1_000), "all states are reached: {seen:?}");
}
