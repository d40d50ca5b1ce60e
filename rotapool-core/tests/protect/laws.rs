//! The laws of breaker, limiter and budget, asserted after every command of a play. A play is bytes: exploration tries all
//! that are short, and the fuzz target, which includes this file, some that are long.

use std::time::{Duration, Instant};

use rotapool_core::{
    Admission, Breaker, BreakerState, Budget, CallOutcome, Joined, Limiter, Rate, RetryBudget,
    Ticket, Trip, Turn,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// How many commands each play knows.
pub(crate) const COMMANDS: u8 = 8;

struct Call {
    admission: Admission,
    since: Instant,
    /// How often the breaker had changed when it was let through, and whether that was half open.
    phase: u64,
    is_trial: bool,
}

/// One failure opens it for 10 s; two permits, two successes, a bound of 7 s.
pub(crate) fn play_breaker(commands: &[u8], start: Instant) {
    let bound = SECOND * 7;
    let trip = Trip::after_failures(1).open_for(SECOND * 10).permits(2).successes(2);
    let mut breaker = Breaker::new(trip.trial_bound(bound), start).expect("the rules make sense");
    let (mut now, mut calls) = (start, Vec::<Call>::new());
    for command in commands {
        let (before, phase) = (breaker.state(now), breaker.stats(now).changes);
        match command % COMMANDS {
            0 => {
                let is_alive =
                    |call: &&Call| call.is_trial && call.phase == phase && call.since + bound > now;
                let alive = calls.iter().filter(is_alive).count();
                let passes = match before {
                    BreakerState::Open => false,
                    BreakerState::HalfOpen => alive < 2,
                    _ => true,
                };
                let admitted = breaker.admit(now);
                assert_eq!(admitted.is_ok(), passes, "no permit is lost or doubled: {alive} of 2");
                let is_trial = before == BreakerState::HalfOpen;
                calls.extend(admitted.ok().map(|admission| Call {
                    admission,
                    since: now,
                    phase,
                    is_trial,
                }));
            }
            way @ 1..=5 if !calls.is_empty() => {
                // The oldest or the newest.
                let call = if way < 4 { calls.remove(0) } else { calls.remove(calls.len() - 1) };
                let is_old = call.phase != phase || call.is_trial && call.since + bound <= now;
                let outcome = match way {
                    1 | 4 => CallOutcome::Success,
                    2 | 5 => CallOutcome::Failure { text: "down".into(), stated: None },
                    _ => CallOutcome::Ignored,
                };
                breaker.settle(call.admission, outcome, now);
                if is_old || way == 3 {
                    let after = (breaker.state(now), breaker.stats(now).changes);
                    assert_eq!(after, (before, phase), "what is old or ignored changes nothing");
                }
            }
            6 => now += SECOND * 5,
            7 => now += SECOND * 10,
            _ => {}
        }
        let stats = breaker.stats(now);
        let ended = stats.successes + stats.failures + stats.ignored + stats.rejected;
        assert_eq!(ended + calls.len() as u64, stats.calls, "every call is counted once");
    }
}

/// One token a second, two at once.
pub(crate) fn play_limiter(commands: &[u8], start: Instant) {
    let rate = Rate::new(1.0, SECOND).expect("it is a rate");
    let mut play = Line {
        limiter: Limiter::new(rate, Some(2), start).expect("it is a burst"),
        start,
        now: start,
        waiting: Vec::new(),
        net: 0,
    };
    for command in commands {
        match command % COMMANDS {
            0 => play.join(1),
            1 => play.join(2),
            2 if play.limiter.try_take(1, play.now).is_ok() => {
                play.taken(1);
                play.all_have_theirs(play.waiting.len());
            }
            3 if !play.waiting.is_empty() => play.ask(play.waiting.len() - 1),
            4 if !play.waiting.is_empty() => {
                let (ticket, _) = play.waiting.remove(0);
                play.limiter.leave(ticket, play.now);
            }
            5 => {
                // Who was given tokens before has them: the debt is that of those who come after.
                play.ask_all();
                play.limiter.spend(1, play.now);
                play.net += 1;
            }
            6 => {
                play.limiter.refund(1, play.now);
                play.net -= 1;
            }
            7 => play.now += 500 * MS,
            _ => {}
        }
        assert!(play.limiter.available(play.now) <= 2.0, "no refill exceeds the capacity");
    }
    play.end(commands.len());
}

struct Line {
    limiter: Limiter<()>,
    start: Instant,
    now: Instant,
    waiting: Vec<(Ticket, u64)>,
    /// What was taken and spent, less what was refunded.
    net: i64,
}

impl Line {
    fn join(&mut self, tokens: u64) {
        match self.limiter.join(tokens, None, self.now).expect("it is no more than the capacity") {
            Joined::Served => {
                self.taken(tokens);
                self.all_have_theirs(self.waiting.len());
            }
            Joined::InLine(ticket) => self.waiting.push((ticket, tokens)),
        }
    }

    /// A debt is paid once: no more was ever taken than was there at first, has grown, or came back.
    fn taken(&mut self, tokens: u64) {
        self.net += tokens as i64;
        let grown = (self.now - self.start).as_secs() as i64;
        assert!(self.net <= 2 + grown, "{} taken in {grown} s, of 2", self.net);
    }

    fn ask(&mut self, place: usize) {
        let (ticket, tokens) = self.waiting[place];
        if let (Turn::Served, _) = self.limiter.turn(ticket, (), self.now) {
            self.waiting.remove(place);
            self.taken(tokens);
            self.all_have_theirs(place);
        }
    }

    fn ask_all(&mut self) {
        let mut left = usize::MAX;
        while !self.waiting.is_empty() && self.waiting.len() < left {
            left = self.waiting.len();
            self.ask(0);
        }
    }

    /// Nobody overtakes: who came before has been served.
    fn all_have_theirs(&mut self, before: usize) {
        for (ticket, tokens) in self.waiting.drain(..before).collect::<Vec<_>>() {
            let (turn, _) = self.limiter.turn(ticket, (), self.now);
            assert_eq!(turn, Turn::Served, "who came before was overtaken");
            self.taken(tokens);
        }
    }

    /// Nobody waits for ever, and what nobody took is there again.
    fn end(mut self, commands: usize) {
        for _ in 0..3 * commands {
            self.now += SECOND;
            self.ask_all();
        }
        assert!(self.waiting.is_empty(), "everybody is served in the end");
        self.now += SECOND * (commands as u32 + 2);
        assert_eq!(self.limiter.available(self.now), 2.0, "no token is lost");
    }
}

/// Half of the runs of the last second, or `min_per_second`.
pub(crate) fn play_budget(min_per_second: u32, commands: &[u8], start: Instant) {
    let rules = RetryBudget::percent(50).min_per_second(min_per_second).window(SECOND);
    let mut budget = Budget::new(rules, start).expect("the rules make sense");
    // When; in steps of a tenth of the window.
    let (mut now, mut runs, mut retries) = (start, Vec::new(), Vec::new());
    for command in commands {
        let step = (now - start).as_millis() / 100;
        let of_late = |all: &[u128]| all.iter().filter(|at| **at + 10 > step).count();
        match command % COMMANDS {
            0..=2 => {
                budget.add_run(now);
                runs.push(step);
            }
            3..=5 => {
                let most = (of_late(&runs) / 2).max(min_per_second as usize);
                let is_allowed = of_late(&retries) < most;
                let answer = budget.withdraw(now);
                assert_eq!(answer.is_ok(), is_allowed, "no more than its share, and no less");
                match answer {
                    Ok(()) => retries.push(step),
                    Err(spent) => {
                        if let Some(at) = spent.allows_at {
                            assert!(at > now && budget.clone().allows(at).is_ok());
                            assert!(budget.clone().allows(at - Duration::from_nanos(1)).is_err());
                        }
                    }
                }
            }
            6 => now += 100 * MS,
            _ => now += 450 * MS,
        }
    }
}
