//! So much in any period: what is taken is back a whole period later.
//!
//! A [`Bucket`](super::bucket::Bucket) that was full gives up to two periods' worth within one; an upstream that counts
//! in windows refuses what is above one. What is here never gives more than it holds in any period, wherever the windows of
//! the upstream begin. What is taken within a 64th of a period is back together, with the last of it, so that there is
//! little to remember.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::rate::Rate;
use crate::time::{Epoch, Tick};

/// A part of a period in which what is taken counts as taken together.
const PART: u64 = 64;

#[derive(Debug, Clone)]
pub(crate) struct Sliding {
    holds: u64,
    /// In nanoseconds.
    period: u64,
    /// What is away, the first to be back first.
    taken: VecDeque<Taken>,
    /// All of that.
    away: u128,
    /// As of when that is.
    at: Tick,
    /// All that is taken before is back then, for the upstream said so.
    reset: Option<Tick>,
    epoch: Epoch,
}

/// Some that were taken, and are back together.
#[derive(Debug, Clone)]
struct Taken {
    from: Tick,
    back: Tick,
    tokens: u128,
}

impl Sliding {
    /// All of it, which is a period's worth.
    pub(crate) fn new(rate: Rate, epoch: Epoch, now: Instant) -> Self {
        Self {
            holds: rate.tokens() as u64,
            period: nanos(rate.per()),
            taken: VecDeque::new(),
            away: 0,
            at: epoch.tick(now),
            reset: None,
            epoch,
        }
    }

    /// Lets come back what is back by now.
    pub(crate) fn refill(&mut self, now: Instant) {
        self.refill_at(self.epoch.tick(now));
    }

    fn refill_at(&mut self, now: Tick) {
        self.at = self.at.max(now);
        while let Some(first) = self.taken.front().filter(|taken| taken.back <= self.at) {
            self.away -= first.tokens;
            self.taken.pop_front();
        }
        self.reset = self.reset.filter(|&reset| reset > self.at);
    }

    /// Takes so many tokens whether they are there or not.
    pub(crate) fn spend(&mut self, tokens: u64) {
        if tokens == 0 {
            return;
        }
        let (from, tokens) = (self.at, u128::from(tokens));
        let back = self.reset.unwrap_or(self.a_period_later());
        self.away += tokens;
        match self.taken.back_mut() {
            Some(last) if last.back == back || from.0 - last.from.0 < self.period / PART => {
                last.back = back;
                last.tokens += tokens;
            }
            _ => self.taken.push_back(Taken { from, back, tokens }),
        }
    }

    /// Takes one token by now, whether it is there or not; answers whether there is another.
    pub(crate) fn spend_one(&mut self, now: Tick) -> bool {
        self.refill_at(now);
        self.spend(1);
        self.has(1)
    }

    /// Puts back so many tokens that were taken at `since`; what is back by itself is not put back again.
    pub(crate) fn put(&mut self, tokens: u64, since: Tick) {
        let mut tokens = u128::from(tokens);
        for taken in self.taken.iter_mut().rev().filter(|taken| taken.from <= since) {
            let some = taken.tokens.min(tokens);
            taken.tokens -= some;
            tokens -= some;
            self.away -= some;
        }
        self.taken.retain(|taken| taken.tokens > 0);
    }

    /// So many are left, and all are back at `full_at`. If that has passed, so many are left, and what was taken is back as
    /// ever.
    pub(crate) fn correct(&mut self, remaining: u64, full_at: Instant, now: Instant) {
        self.refill(now);
        let away = u128::from(self.holds.saturating_sub(remaining));
        let by_itself = self.a_period_later();
        for taken in &mut self.taken {
            taken.back = taken.back.min(by_itself);
        }
        self.reset = None;
        if full_at > now {
            let back = self.epoch.tick(full_at);
            self.taken.clear();
            if away > 0 {
                // Nobody knows when it was taken.
                self.taken.push_back(Taken { from: Tick(0), back, tokens: away });
            }
            (self.away, self.reset) = (away, Some(back));
        } else if away > self.away {
            // Others take from it too, who knows when.
            self.spend((away - self.away).try_into().unwrap_or(u64::MAX));
        } else {
            self.forget_the_oldest(self.away - away);
        }
    }

    fn a_period_later(&self) -> Tick {
        Tick(self.at.0.saturating_add(self.period))
    }

    fn forget_the_oldest(&mut self, mut tokens: u128) {
        for taken in &mut self.taken {
            let some = taken.tokens.min(tokens);
            taken.tokens -= some;
            tokens -= some;
            self.away -= some;
        }
        self.taken.retain(|taken| taken.tokens > 0);
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.holds
    }

    pub(crate) fn as_of(&self) -> Instant {
        self.epoch.instant(self.at)
    }

    /// The tokens that are there; less than none is a debt.
    pub(crate) fn whole(&self) -> i64 {
        let away = i128::try_from(self.away).unwrap_or(i128::MAX);
        i64::try_from(i128::from(self.holds) - away).unwrap_or(i64::MIN)
    }

    pub(crate) fn has(&self, tokens: u64) -> bool {
        u128::from(tokens) + self.away <= u128::from(self.holds)
    }

    /// When so many tokens are there, if nobody takes any; `None` if it never holds so many.
    pub(crate) fn ready_at(&self, tokens: u64) -> Option<Instant> {
        let others = u128::from(self.holds.checked_sub(tokens)?);
        let (mut away, mut ready) = (self.away, self.at);
        let mut coming = self.taken.iter();
        while away > others {
            let next = coming.next()?;
            (away, ready) = (away - next.tokens, next.back);
        }
        Some(self.epoch.instant(ready))
    }
}

fn nanos(period: Duration) -> u64 {
    period.as_nanos().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::FAR;

    const SECOND: Duration = Duration::from_secs(1);

    /// One of so many a second, and a way to say milliseconds since its beginning.
    fn sliding(tokens: u64) -> (Sliding, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        let rate = Rate::new(tokens as f64, SECOND).unwrap();
        let at = move |millis| start + Duration::from_millis(millis);
        (Sliding::new(rate, Epoch::new(start), start), at)
    }

    fn spend_at(sliding: &mut Sliding, now: Instant, tokens: u64) {
        sliding.refill(now);
        sliding.spend(tokens);
    }

    fn whole_at(sliding: &mut Sliding, now: Instant) -> i64 {
        sliding.refill(now);
        sliding.whole()
    }

    #[test]
    fn what_is_taken_is_back_a_period_later_and_not_one_nanosecond_before() {
        let (mut sliding, at) = sliding(3);
        spend_at(&mut sliding, at(0), 2);
        spend_at(&mut sliding, at(400), 1);
        assert!(sliding.has(0) && !sliding.has(1));
        let ready = [0, 1, 2, 3].map(|tokens| sliding.ready_at(tokens));
        assert_eq!(ready, [at(400), at(1_000), at(1_000), at(1_400)].map(Some));
        assert_eq!(sliding.ready_at(4), None);
        assert_eq!(whole_at(&mut sliding, at(1_000) - Duration::from_nanos(1)), 0);
        assert_eq!(whole_at(&mut sliding, at(1_000)), 2);
        assert_eq!(whole_at(&mut sliding, at(1_400)), 3);
    }

    #[test]
    fn no_period_ever_gives_more_than_one_periods_worth() {
        let (mut sliding, at) = sliding(7);
        let mut dice = 1_u64;
        let mut given: Vec<u64> = Vec::new();
        for now in 0..20_000 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            sliding.refill(at(now));
            if dice >> 60 == 0 && sliding.has(1) {
                sliding.spend(1);
                given.push(now);
            }
        }
        assert!(given.windows(8).all(|eight| eight[7] - eight[0] >= 1_000));
        // And hardly less: what is taken within a 64th of a second waits for the last of it.
        assert!(given.len() > 7 * 20 * 9 / 10, "{}", given.len());
    }

    #[test]
    fn what_is_taken_within_a_64th_of_a_period_is_back_with_the_last_of_it() {
        let (mut sliding, at) = sliding(1_000_000);
        for now in 0..1_000 {
            spend_at(&mut sliding, at(now), 1);
        }
        assert_eq!(sliding.taken.len(), 63, "each from the millisecond after the last on, for 16");
        let (mut exactly, _) = self::sliding(64);
        for nanos in [0, exactly.period / PART] {
            exactly.at = Tick(nanos);
            exactly.spend(1);
        }
        assert_eq!(exactly.taken.len(), 2, "and this is one");
        assert_eq!(sliding.ready_at(1_000_000), Some(at(1_999)));
        assert_eq!(whole_at(&mut sliding, at(1_014)), 999_000);
        assert_eq!(whole_at(&mut sliding, at(1_015)), 999_016);
    }

    #[test]
    fn a_debt_is_paid_once() {
        let (mut sliding, at) = sliding(10);
        spend_at(&mut sliding, at(0), 25);
        spend_at(&mut sliding, at(500), 5);
        assert_eq!(sliding.whole(), -20);
        assert_eq!(sliding.ready_at(5), Some(at(1_000)));
        assert_eq!(whole_at(&mut sliding, at(1_000)), 5);
        assert_eq!(whole_at(&mut sliding, at(1_500)), 10);
    }

    #[test]
    fn what_is_put_back_is_what_was_taken_then_and_not_later() {
        let (mut sliding, at) = sliding(3);
        spend_at(&mut sliding, at(0), 1);
        spend_at(&mut sliding, at(500), 2);
        let first = sliding.epoch.tick(at(0));
        sliding.put(1, first);
        assert_eq!((sliding.whole(), sliding.ready_at(3)), (1, Some(at(1_500))));
        sliding.put(1, first);
        assert_eq!(sliding.whole(), 1, "it is there already");
        sliding.put(1, sliding.epoch.tick(at(500)));
        assert_eq!(sliding.whole(), 2, "one of the two");
        spend_at(&mut sliding, at(600), 1);
        sliding.put(1, sliding.epoch.tick(at(600)));
        assert_eq!(sliding.whole(), 2, "and none of those that were taken before");
        sliding.put(u64::MAX, sliding.epoch.tick(at(500)));
        assert_eq!((sliding.whole(), sliding.taken.len()), (3, 0));
    }

    #[test]
    fn what_the_upstream_says_holds_until_the_instant_it_names_and_then_all_is_there() {
        let (mut sliding, at) = sliding(10);
        spend_at(&mut sliding, at(0), 4);
        sliding.correct(2, at(300), at(100));
        spend_at(&mut sliding, at(200), 1);
        assert_eq!((sliding.whole(), sliding.ready_at(2)), (1, Some(at(300))));
        sliding.put(1, sliding.epoch.tick(at(0)));
        assert_eq!(sliding.whole(), 2, "of what was away by then");
        assert_eq!(whole_at(&mut sliding, at(299)), 2);
        assert_eq!(whole_at(&mut sliding, at(300)), 10);
        spend_at(&mut sliding, at(300), 1);
        assert_eq!(sliding.ready_at(10), Some(at(1_300)), "a period again");
        sliding.correct(10, at(900), at(400));
        spend_at(&mut sliding, at(500), 1);
        assert_eq!(sliding.ready_at(10), Some(at(900)));
    }

    #[test]
    fn what_the_upstream_says_without_an_instant_changes_what_is_left_alone() {
        let (mut sliding, at) = sliding(10);
        spend_at(&mut sliding, at(0), 4);
        spend_at(&mut sliding, at(500), 2);
        sliding.correct(7, at(600), at(600));
        assert_eq!((sliding.whole(), sliding.ready_at(8)), (7, Some(at(1_000))));
        sliding.correct(1, at(0), at(700));
        assert_eq!((sliding.whole(), sliding.ready_at(10)), (1, Some(at(1_700))));
        assert_eq!(whole_at(&mut sliding, at(1_500)), 4);
        sliding.correct(99, at(0), at(1_500));
        assert_eq!(sliding.whole(), 10);
        sliding.correct(2, at(9_000), at(1_500));
        sliding.correct(1, at(0), at(1_600));
        assert_eq!(sliding.ready_at(10), Some(at(2_600)), "a former word of when is void");
    }

    #[test]
    fn the_largest_numbers_overflow_nothing() {
        let start = Instant::now();
        let mut sliding = Sliding::new(Rate::new(1e12, FAR).unwrap(), Epoch::new(start), start);
        for _ in 0..3 {
            sliding.spend(u64::MAX);
        }
        assert_eq!((sliding.whole(), sliding.has(u64::MAX)), (i64::MIN, false));
        assert_eq!(sliding.ready_at(1_000_000_000_000), Some(start + FAR));
        sliding.correct(u64::MAX, start + FAR, start);
        sliding.spend(u64::MAX);
        sliding.put(u64::MAX, Tick(u64::MAX));
        sliding.refill_at(Tick::NEVER);
        assert_eq!(sliding.whole(), 1_000_000_000_000);
    }
}
