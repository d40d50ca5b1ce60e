//! The limiter, and what its documentation says of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rotapool_core::{Joined, Limiter, Rate, RateLimited, Ticket, Turn};

use crate::{COMMANDS, episodes};

const SECOND: u64 = 1_000_000_000;

/// What became of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Served,
    /// After how many nanoseconds it would pay to come again.
    NotYet(u64),
    Never,
}

impl Answer {
    fn of(ours: &Result<(), RateLimited>) -> Self {
        match ours {
            Ok(()) => Self::Served,
            Err(RateLimited::NotYet { retry_after }) => Self::NotYet(nanos(*retry_after)),
            Err(_) => Self::Never,
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap()
}

/// Somebody in line.
#[derive(Debug)]
struct Waiting {
    name: u32,
    tokens: u64,
    deadline: Option<u64>,
}

/// Whole tokens a second, and time in nanoseconds: in one of them grow as many billionths of a token.
#[derive(Debug)]
struct Reference {
    rate: u64,
    burst: Option<u64>,
    /// In billionths.
    level: i128,
    at: u64,
    stopped_until: Option<u64>,
    line: Vec<Waiting>,
    decided: BTreeMap<u32, (Answer, u64)>,
    acquired: u64,
    refused: u64,
}

impl Reference {
    fn new(rate: u64, burst: Option<u64>) -> Self {
        let mut reference = Self {
            rate,
            burst,
            level: 0,
            at: 0,
            stopped_until: None,
            line: Vec::new(),
            decided: BTreeMap::new(),
            acquired: 0,
            refused: 0,
        };
        reference.level = reference.full();
        reference
    }

    fn capacity(&self) -> u64 {
        self.burst.unwrap_or(self.rate)
    }

    fn full(&self) -> i128 {
        i128::from(self.capacity()) * i128::from(SECOND)
    }

    fn refill(&mut self, now: u64) {
        if let Some(until) = self.stopped_until.filter(|until| *until <= now) {
            (self.level, self.at, self.stopped_until) = (self.full(), until, None);
        }
        if self.stopped_until.is_none() {
            self.level += i128::from(now - self.at) * i128::from(self.rate);
        }
        self.level = self.level.min(self.full());
        self.at = now;
    }

    fn settle(&mut self, now: u64) {
        self.refill(now);
        loop {
            if let Some(first) = self.line.first() {
                let price = i128::from(first.tokens) * i128::from(SECOND);
                if self.level >= price {
                    self.level -= price;
                    let first = self.line.remove(0);
                    self.decided.insert(first.name, (Answer::Served, first.tokens));
                    continue;
                }
            }
            let mut overdue: Vec<(u64, u32)> = self
                .line
                .iter()
                .filter_map(|waiting| Some((waiting.deadline?, waiting.name)))
                .filter(|(deadline, _)| *deadline <= now)
                .collect();
            overdue.sort_unstable();
            match overdue.first() {
                Some((_, name)) => self.send_away(*name),
                None => return,
            }
        }
    }

    /// After how long so many would be there beyond what all of `others` want.
    fn wait(&self, others: u64, tokens: u64) -> u64 {
        let wanted = i128::from(others + tokens) * i128::from(SECOND);
        let grow = |billionths: i128| {
            let billionths = u128::try_from(billionths.max(0)).unwrap();
            u64::try_from(billionths.div_ceil(u128::from(self.rate))).unwrap()
        };
        match self.stopped_until {
            _ if tokens == 0 || wanted <= self.level => 0,
            Some(until) => until - self.at + grow(wanted - self.full()),
            None => grow(wanted - self.level),
        }
    }

    fn wanted(&self) -> u64 {
        self.line.iter().map(|waiting| waiting.tokens).sum()
    }

    fn refusal(&self, others: u64, tokens: u64) -> Answer {
        if tokens > self.capacity() {
            return Answer::Never;
        }
        Answer::NotYet(self.wait(others, tokens))
    }

    fn send_away(&mut self, name: u32) {
        let place = self.line.iter().position(|waiting| waiting.name == name).unwrap();
        let tokens = self.line[place].tokens;
        let answer = self.refusal(self.wanted() - tokens, tokens);
        self.line.remove(place);
        self.decided.insert(name, (answer, 0));
    }

    fn try_take(&mut self, tokens: u64, now: u64) -> Answer {
        self.settle(now);
        let price = i128::from(tokens) * i128::from(SECOND);
        if tokens == 0 || self.line.is_empty() && price <= self.level {
            self.level -= price;
            self.acquired += 1;
            return Answer::Served;
        }
        self.refused += 1;
        self.refusal(self.wanted(), tokens)
    }

    /// None: in line.
    fn join(&mut self, name: u32, tokens: u64, deadline: Option<u64>, now: u64) -> Option<Answer> {
        self.settle(now);
        let turn = now + self.wait(self.wanted(), tokens);
        if tokens > self.capacity() || deadline.is_some_and(|deadline| turn > deadline) {
            self.refused += 1;
            return Some(self.refusal(self.wanted(), tokens));
        }
        self.line.push(Waiting { name, tokens, deadline });
        self.settle(now);
        if tokens == 0 {
            // Nothing is there for whoever wants it, whatever others wait for.
            self.line.retain(|waiting| waiting.name != name);
            self.decided.insert(name, (Answer::Served, 0));
        }
        self.claim(name)
    }

    fn claim(&mut self, name: u32) -> Option<Answer> {
        let (answer, _) = self.decided.remove(&name)?;
        match answer {
            Answer::Served => self.acquired += 1,
            _ => self.refused += 1,
        }
        Some(answer)
    }

    fn leave(&mut self, name: u32, now: u64) {
        self.refill(now);
        if let Some((Answer::Served, tokens)) = self.decided.remove(&name) {
            self.put(tokens);
        }
        self.line.retain(|waiting| waiting.name != name);
        self.settle(now);
    }

    fn put(&mut self, tokens: u64) {
        self.level = (self.level + i128::from(tokens) * i128::from(SECOND)).min(self.full());
    }

    /// After a change for the worse.
    fn review(&mut self, now: u64) {
        let names: Vec<u32> = self.line.iter().map(|waiting| waiting.name).collect();
        for name in names {
            let place = self.line.iter().position(|waiting| waiting.name == name).unwrap();
            let ahead = self.line[..place].iter().map(|waiting| waiting.tokens).sum();
            let Waiting { tokens, deadline, .. } = self.line[place];
            let late = deadline.is_some_and(|deadline| now + self.wait(ahead, tokens) > deadline);
            if late || tokens > self.capacity() {
                self.send_away(name);
            }
        }
        self.settle(now);
    }

    /// When whoever is first has to ask again.
    fn alarm(&self) -> Option<(u32, u64)> {
        let first = self.line.first()?;
        let turn = self.at + self.wait(0, first.tokens);
        let deadlines = self.line.iter().filter_map(|waiting| waiting.deadline);
        Some((first.name, deadlines.fold(turn, u64::min)))
    }
}

/// A task that waits: a name, which is its waker too.
#[derive(Debug)]
struct Task {
    name: u32,
    ticket: Ticket,
    awake: bool,
    alarm: Option<u64>,
}

struct Play {
    start: Instant,
    now: u64,
    limiter: Limiter<u32>,
    reference: Reference,
    tasks: Vec<Task>,
}

impl Play {
    fn at(&self, now: u64) -> Instant {
        self.start + Duration::from_nanos(now)
    }

    fn random_command(&mut self, name: u32, random: &mut Rng) {
        let (now, instant) = (self.now, self.at(self.now));
        let tokens = random.u64(0..=self.reference.capacity() + 1);
        match random.u32(0..100) {
            0..15 => {
                let ours = self.limiter.try_take(tokens, instant);
                assert_eq!(Answer::of(&ours), self.reference.try_take(tokens, now));
            }
            15..40 => self.join(name, tokens, random),
            40..60 if !self.tasks.is_empty() => {
                let place = random.usize(0..self.tasks.len());
                self.poll(place);
            }
            60..66 if !self.tasks.is_empty() => {
                let task = self.tasks.swap_remove(random.usize(0..self.tasks.len()));
                self.limiter.leave(task.ticket, instant);
                self.reference.leave(task.name, now);
            }
            66..68 => {
                self.limiter.refund(tokens, instant);
                self.reference.refill(now);
                self.reference.put(tokens);
                self.reference.settle(now);
            }
            68..70 => {
                self.limiter.spend(tokens, instant);
                self.reference.settle(now);
                self.reference.level -= i128::from(tokens) * i128::from(SECOND);
                self.reference.review(now);
            }
            70..72 => self.correct(tokens, random),
            72 => {
                self.limiter.reset(instant);
                let reference = &mut self.reference;
                (reference.level, reference.stopped_until) = (reference.full(), None);
                reference.at = now;
                reference.settle(now);
            }
            73..75 => {
                let rate = random.u64(1..8);
                self.limiter.set_rate(per_second(rate), instant);
                self.reference.settle(now);
                self.reference.rate = rate;
                self.reference.level = self.reference.level.min(self.reference.full());
                self.reference.review(now);
            }
            75..80 => {
                let ours = self.limiter.time_until(tokens, instant).map(nanos);
                self.reference.settle(now);
                let (wanted, capacity) = (self.reference.wanted(), self.reference.capacity());
                let theirs = (tokens <= capacity).then(|| self.reference.wait(wanted, tokens));
                assert_eq!(ours, theirs);
            }
            // To the very instant of a timer, or anywhere.
            80..90 => {
                self.now = self.tasks.iter().filter_map(|task| task.alarm).fold(now, u64::max);
            }
            _ => self.now += random.u64(0..2 * SECOND),
        }
    }

    fn join(&mut self, name: u32, tokens: u64, random: &mut Rng) {
        let now = self.now;
        let deadline = random.bool().then(|| now + random.u64(0..4 * SECOND));
        let ours = self.limiter.join(tokens, deadline.map(|at| self.at(at)), self.at(now));
        let theirs = self.reference.join(name, tokens, deadline, now);
        match ours {
            Ok(Joined::InLine(ticket)) => {
                assert_eq!(theirs, None);
                self.tasks.push(Task { name, ticket, awake: true, alarm: None });
            }
            Ok(Joined::Served) => assert_eq!(theirs, Some(Answer::Served)),
            Err(refusal) => assert_eq!(theirs, Some(Answer::of(&Err(refusal)))),
        }
    }

    fn poll(&mut self, place: usize) {
        let (now, instant) = (self.now, self.at(self.now));
        let Task { name, ticket, .. } = self.tasks[place];
        let (turn, _) = self.limiter.turn(ticket, name, instant);
        self.reference.settle(now);
        let theirs = self.reference.claim(name);
        let task = &mut self.tasks[place];
        (task.awake, task.alarm) = (false, None);
        match turn {
            Turn::Served => assert_eq!(theirs, Some(Answer::Served)),
            Turn::Refused(refusal) => assert_eq!(theirs, Some(Answer::of(&Err(refusal)))),
            Turn::First(at) => {
                let alarm = nanos(at - self.start);
                assert_eq!((theirs, self.reference.alarm()), (None, Some((name, alarm))));
                task.alarm = Some(alarm);
                return;
            }
            Turn::Behind => {
                let first = self.reference.line.first().map(|first| first.name);
                assert!(theirs.is_none() && first != Some(name));
                return;
            }
        }
        self.tasks.swap_remove(place);
    }

    fn correct(&mut self, remaining: u64, random: &mut Rng) {
        let now = self.now;
        let reset = random.u64(0..3) * random.u64(0..SECOND);
        self.limiter.correct(remaining, Duration::from_nanos(reset), self.at(now));
        let reference = &mut self.reference;
        reference.level = (i128::from(remaining) * i128::from(SECOND)).min(reference.full());
        reference.at = now;
        reference.stopped_until = (reset > 0).then_some(now + reset);
        reference.review(now);
    }

    /// Whoever is not awake has nothing to do, or a timer that tells them when.
    fn nobody_sleeps_for_ever(&mut self) {
        for woken in self.limiter.take_woken() {
            if let Some(task) = self.tasks.iter_mut().find(|task| task.name == woken) {
                task.awake = true;
            }
        }
        for task in &mut self.tasks {
            task.awake |= task.alarm.is_some_and(|alarm| alarm <= self.now);
            if task.awake {
                continue;
            }
            assert!(!self.reference.decided.contains_key(&task.name), "a lost wake-up: {task:?}");
            let alarm = self.reference.alarm().filter(|(first, _)| *first == task.name);
            if let Some((_, at)) = alarm {
                assert!(task.alarm.is_some_and(|set| set <= at), "no timer by {at}: {task:?}");
            }
        }
    }

    fn compare(&mut self) {
        let stats = self.limiter.stats(self.at(self.now));
        self.reference.settle(self.now);
        let Reference { acquired, refused, ref line, level, .. } = self.reference;
        assert_eq!((stats.acquired, stats.refused, stats.waiting), (acquired, refused, line.len()));
        assert!((stats.available - level as f64 / SECOND as f64).abs() < 1e-9);
        assert!(stats.available <= self.reference.capacity() as f64);
    }
}

fn per_second(rate: u64) -> Rate {
    Rate::new(rate as f64, Duration::from_secs(1)).unwrap()
}

#[test]
fn the_limiter_and_the_naive_reference_agree_after_every_random_command() {
    let mut most_in_line = 0;
    episodes(|random| {
        let (rate, burst) = (random.u64(1..8), random.bool().then(|| random.u64(1..12)));
        let start = Instant::now();
        let limiter = Limiter::new(per_second(rate), burst, start).unwrap();
        let reference = Reference::new(rate, burst);
        let mut play = Play { start, now: 0, limiter, reference, tasks: Vec::new() };
        for name in 0..COMMANDS {
            play.random_command(name, random);
            // A look settles, so it is taken only now and then.
            if random.u32(0..4) == 0 {
                play.compare();
            }
            play.nobody_sleeps_for_ever();
            most_in_line = most_in_line.max(play.tasks.len());
        }
    });
    assert!(most_in_line > 5, "there is a line");
}
