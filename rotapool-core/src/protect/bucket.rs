//! A token bucket, in whole numbers.
//!
//! Tokens are cut into grains, so that a whole number of them grows in a nanosecond: a token is as many
//! grains as its period has nanoseconds, times a million, and in each of them as many grow as the rate has
//! millionths of a token. So nothing is ever rounded but a waiting time, up to the next nanosecond. The
//! largest sums (10¹² tokens of a period of a hundred years) take 122 bits.

use std::time::{Duration, Instant};

use super::rate::{MOST, Rate};
use crate::error::RateError;
use crate::time::{Epoch, FAR, Tick, after};

#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// Below zero is a debt.
    level: i128,
    capacity: i128,
    /// How many grains make a token.
    token: i128,
    rate: Rate,
    /// As of when the level is.
    at: Tick,
    /// Nothing grows until then, when it is full.
    stopped_until: Option<Tick>,
    /// The capacity in whole tokens.
    holds: u64,
    /// How many tokens it holds, if not one period's worth.
    burst: Option<u64>,
    /// Since when time is counted.
    epoch: Epoch,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(
        rate: Rate,
        burst: Option<u64>,
        epoch: Epoch,
        now: Instant,
    ) -> Result<Self, RateError> {
        if let Some(burst) = burst.filter(|burst| !(1..=MOST).contains(burst)) {
            return Err(RateError::Burst { burst });
        }
        let (capacity, token) = (capacity(rate, burst), rate.token());
        let (level, at, stopped_until) = (capacity, epoch.tick(now), None);
        let holds = whole(capacity, rate);
        Ok(Self { level, capacity, token, rate, at, stopped_until, holds, burst, epoch })
    }

    /// Lets grow what has grown by now.
    pub(crate) fn refill(&mut self, now: Instant) {
        self.refill_at(self.epoch.tick(now));
    }

    /// The same, by a clock that counts from where the bucket's does.
    #[inline]
    pub(crate) fn refill_at(&mut self, now: Tick) {
        if self.stopped_until.is_some() {
            return self.refill_stopped(now);
        }
        if self.level < self.capacity {
            let grown = self.rate.grown_in(now.0.saturating_sub(self.at.0));
            // A debt may be as large as can be; what grows in all of time is 124 bits.
            self.level = (self.level + grown).min(self.capacity);
        }
        self.at = self.at.max(now);
    }

    /// The same of one in which nothing grows until it is full.
    #[cold]
    fn refill_stopped(&mut self, now: Tick) {
        if self.stopped_until.is_some_and(|until| until <= now) {
            self.fill_at(now);
        }
        self.at = self.at.max(now);
    }

    /// Takes so many tokens if they are there.
    #[inline]
    pub(crate) fn take(&mut self, tokens: u64) -> bool {
        let grains = self.grains(tokens);
        let there = self.level >= grains;
        if there {
            self.level -= grains;
        }
        there
    }

    /// Takes so many tokens whether they are there or not.
    #[inline]
    pub(crate) fn spend(&mut self, tokens: u64) {
        self.level = self.level.saturating_sub(self.grains(tokens));
    }

    /// Takes one token by now, whether it is there or not; answers whether there is another.
    #[inline]
    pub(crate) fn spend_one(&mut self, now: Tick) -> bool {
        self.refill_at(now);
        self.level = self.level.saturating_sub(self.token);
        self.level >= self.token
    }

    /// Puts so many tokens in; what does not fit is lost.
    pub(crate) fn put(&mut self, tokens: u64) {
        self.level = self.level.saturating_add(self.grains(tokens)).min(self.capacity);
    }

    pub(crate) fn fill(&mut self, now: Instant) {
        self.fill_at(self.epoch.tick(now));
    }

    fn fill_at(&mut self, now: Tick) {
        self.stopped_until = None;
        self.level = self.capacity;
        self.at = self.at.max(now);
    }

    /// Goes on at another rate from the level that is reached.
    pub(crate) fn set_rate(&mut self, rate: Rate) {
        let (old, new) = (self.token, rate.token());
        if old != new {
            let (whole, part) = (self.level.div_euclid(old), self.level.rem_euclid(old));
            // A part of a token, to the fifteenth digit.
            let part = (part as f64 / old as f64 * new as f64) as i128;
            self.level = whole.saturating_mul(new).saturating_add(part);
        }
        (self.rate, self.token) = (rate, new);
        self.capacity = capacity(rate, self.burst);
        self.holds = whole(self.capacity, rate);
        self.level = self.level.min(self.capacity);
    }

    /// So many are left, and no more come until `full_at`.
    pub(crate) fn correct(&mut self, remaining: u64, full_at: Instant, now: Instant) {
        self.level = self.grains(remaining).min(self.capacity);
        self.at = self.at.max(self.epoch.tick(now));
        self.stopped_until = (full_at > now).then(|| self.epoch.tick(full_at));
    }

    /// How long it takes until so many grains have been there to take, one after the other.
    pub(crate) fn time_until(&self, grains: i128) -> Duration {
        let missing = grains.saturating_sub(self.level);
        if missing <= 0 {
            return Duration::ZERO;
        }
        match self.stopped_until {
            Some(until) => {
                let wait = Duration::from_nanos(until.0.saturating_sub(self.at.0));
                wait.saturating_add(self.growth(grains - self.capacity)).min(FAR)
            }
            None => self.growth(missing),
        }
    }

    /// How long so many grains take to grow, rounded up.
    fn growth(&self, grains: i128) -> Duration {
        let speed = self.rate.speed();
        let nanos = grains.max(0) / speed + i128::from(grains.max(0) % speed > 0);
        if nanos >= FAR.as_nanos() as i128 {
            return FAR;
        }
        // Below a hundred years: 62 bits.
        Duration::from_nanos(nanos as u64)
    }

    /// The largest whole number of tokens that it holds.
    pub(crate) fn capacity(&self) -> u64 {
        self.holds
    }

    /// As of when the level is.
    pub(crate) fn as_of(&self) -> Instant {
        self.epoch.instant(self.at)
    }

    pub(crate) fn level(&self) -> f64 {
        self.level as f64 / self.token as f64
    }

    /// The whole tokens that it holds; less than none is a debt.
    pub(crate) fn whole(&self) -> i64 {
        let whole = self.level.div_euclid(self.token);
        i64::try_from(whole).unwrap_or(i64::MIN)
    }

    /// When so many tokens are there, if nobody takes any; `None` if it never holds so many.
    pub(crate) fn ready_at(&self, tokens: u64) -> Option<Instant> {
        let fits = tokens <= self.holds;
        fits.then(|| after(self.as_of(), self.time_until(self.grains(tokens))))
    }

    /// Whether so many tokens are there, as of when the level is.
    #[inline]
    pub(crate) fn has(&self, tokens: u64) -> bool {
        self.level >= self.grains(tokens)
    }

    #[inline]
    pub(crate) fn grains(&self, tokens: u64) -> i128 {
        match tokens {
            0..=MOST => i128::from(tokens) * self.token, // At most 122 bits.
            _ => i128::from(tokens).saturating_mul(self.token),
        }
    }
}

fn capacity(rate: Rate, burst: Option<u64>) -> i128 {
    match burst {
        Some(burst) => rate.token() * i128::from(burst),
        None => rate.worth().max(rate.token()),
    }
}

/// How many whole tokens so many grains are: at most 10¹², as the door has it.
fn whole(capacity: i128, rate: Rate) -> u64 {
    (capacity / rate.token()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn bucket(tokens: f64, per: Duration, burst: Option<u64>) -> (Bucket, Instant) {
        let now = Instant::now();
        let rate = Rate::new(tokens, per).unwrap();
        (Bucket::new(rate, burst, Epoch::new(now), now).unwrap(), now)
    }

    fn wait(bucket: &Bucket, tokens: u64) -> Duration {
        bucket.time_until(bucket.grains(tokens))
    }

    #[test]
    fn three_a_second_are_three_after_a_second_and_not_one_nanosecond_before() {
        let (mut bucket, start) = bucket(3.0, SECOND, None);
        assert!(bucket.take(3));
        assert_eq!(wait(&bucket, 1), Duration::from_nanos(333_333_334));
        bucket.refill(start + SECOND - Duration::from_nanos(1));
        assert!(!bucket.take(3));
        bucket.refill(start + SECOND);
        assert!(bucket.take(3));
        assert_eq!(bucket.level(), 0.0);
    }

    #[test]
    fn what_grows_in_small_steps_adds_up_exactly() {
        let (mut bucket, start) = bucket(7.0, SECOND, None);
        assert!(bucket.take(7));
        for step in 1..=1_000_000 {
            bucket.refill(start + Duration::from_micros(step));
        }
        assert!(bucket.take(7));
        assert_eq!(bucket.level(), 0.0);
    }

    #[test]
    fn a_rate_below_one_a_period_holds_one_token_and_grows_it_over_several_periods() {
        let (mut bucket, start) = bucket(0.25, SECOND, None);
        assert_eq!(bucket.capacity(), 1);
        assert!(bucket.take(1));
        assert_eq!(wait(&bucket, 1), 4 * SECOND);
        bucket.refill(start + 4 * SECOND);
        assert!(bucket.take(1));
    }

    #[test]
    fn a_debt_is_paid_once() {
        let (mut bucket, start) = bucket(10.0, SECOND, None);
        bucket.spend(25);
        assert_eq!(bucket.level(), -15.0);
        assert_eq!(wait(&bucket, 1), Duration::from_millis(1_600));
        bucket.refill(start + 2 * SECOND);
        assert_eq!(bucket.level(), 5.0);
    }

    #[test]
    fn what_is_put_in_never_overflows_it() {
        let (mut bucket, start) = bucket(10.0, SECOND, Some(12));
        bucket.put(u64::MAX);
        assert_eq!(bucket.level(), 12.0);
        bucket.refill(start + 10 * SECOND);
        assert_eq!(bucket.level(), 12.0);
    }

    #[test]
    fn at_another_rate_the_level_stays() {
        let (mut bucket, start) = bucket(10.0, SECOND, None);
        assert!(bucket.take(5));
        bucket.set_rate(Rate::new(2.0, 60 * SECOND).unwrap());
        assert_eq!(bucket.level(), 2.0, "it holds no more now");
        bucket.spend(4);
        bucket.set_rate(Rate::new(100.0, SECOND).unwrap());
        assert_eq!(bucket.level(), -2.0);
        bucket.refill(start + Duration::from_millis(25));
        assert_eq!(bucket.level(), 0.5);
        bucket.set_rate(Rate::new(100.0, 7 * SECOND).unwrap());
        assert!((bucket.level() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_correction_holds_until_the_instant_it_names_and_then_it_is_full() {
        let (mut bucket, start) = bucket(10.0, SECOND, None);
        bucket.correct(2, start + 30 * SECOND, start);
        bucket.refill(start + 29 * SECOND);
        assert_eq!(bucket.level(), 2.0);
        assert_eq!([wait(&bucket, 2), wait(&bucket, 3)], [Duration::ZERO, SECOND]);
        assert_eq!(wait(&bucket, 15), SECOND + SECOND / 2);
        bucket.refill(start + 30 * SECOND);
        assert_eq!(bucket.level(), 10.0);
    }

    #[test]
    fn a_correction_for_the_past_sets_the_level_alone() {
        let (mut bucket, start) = bucket(10.0, SECOND, None);
        bucket.correct(0, start, start);
        bucket.refill(start + SECOND / 2);
        assert_eq!(bucket.level(), 5.0);
    }

    #[test]
    fn the_largest_numbers_overflow_nothing() {
        let (mut bucket, start) = bucket(1e12, FAR, Some(MOST));
        for _ in 0..3 {
            bucket.spend(u64::MAX);
        }
        assert_eq!(wait(&bucket, u64::MAX), FAR);
        bucket.refill(start + FAR);
        bucket.set_rate(Rate::new(0.000_001, Duration::from_nanos(1)).unwrap());
        bucket.put(u64::MAX);
        bucket.refill(start + FAR);
        bucket.fill(start);
        assert_eq!(bucket.level(), 1e12);
    }
}
