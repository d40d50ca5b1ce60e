//! A second attempt beside one that does not answer.

use std::time::Duration;

use rotapool_core::{Config, Hedge, Outcome, RetryBudget, Strategy};

use super::budget::Spending;
use super::runs::{Phase, Run};
use super::steps::Stride;
use super::{Reference, Usage, later};
use crate::twice::observed::{Due, Moment};

/// What hedges go by.
#[derive(Debug)]
pub(super) struct Hedging {
    /// What they are paid out of, where retries have no budget.
    spending: Option<Spending>,
    /// How long each answer took, in nanoseconds.
    answers: Vec<u64>,
}

impl Hedging {
    pub(super) fn new(rules: &Config, now: Moment) -> Self {
        let share = RetryBudget::percent(5).min_per_second(0).window(Duration::from_secs(60));
        let spending = rules.retry_budget.is_none().then(|| Spending::new(share, now));
        Self { spending, answers: Vec::new() }
    }

    /// How long 95 of 100 answers took, of those in the present 512 and in the 512 before. It is looked at after
    /// every tenth of the present ones.
    fn p95(&self) -> Option<Duration> {
        let looked_at = |&all: &usize| ((all - 1) % 512 + 1) % 10 == 0;
        let all = (1..=self.answers.len()).rev().find(looked_at)?;
        let present = (all - 1) / 512 * 512;
        let mut counted = self.answers[present.saturating_sub(512)..all].to_vec();
        counted.sort_unstable();
        let rank = (counted.len() * 95).div_ceil(100);
        let found = (counted.len() >= 100).then(|| counted[rank - 1])?;
        // On the late side, to a sixteenth: its five highest bits are kept, and the others are set.
        let unknown = 2_u64.pow((64 - found.leading_zeros()).saturating_sub(5)) - 1;
        Some(Duration::from_nanos(found | unknown))
    }

    /// What decides how it goes on, as far as it does not learn.
    pub(super) fn essence(&self, now: Moment) -> Vec<(u64, u64)> {
        self.spending.as_ref().map_or_else(Vec::new, |spending| spending.essence(now))
    }
}

impl Reference {
    /// A run may be hedged.
    pub(super) fn expect_hedges(&mut self, now: Moment) {
        self.hedging.get_or_insert_with(|| Hedging::new(&self.rules, now));
    }

    pub(super) fn count_run_for_hedges(&mut self, now: Moment) {
        let spending = self.hedging.as_mut().and_then(|hedging| hedging.spending.as_mut());
        spending.into_iter().for_each(|spending| spending.count_run(now));
    }

    /// An attempt of the run has begun, which may be hedged unless it ends before.
    pub(super) fn plan_a_hedge(&mut self, run: usize, now: Moment) {
        let delay = match self.runs[run].terms.hedge.or(self.rules.hedge) {
            Some(Hedge::After(delay)) => Some(delay),
            Some(Hedge::P95) => self.hedging.as_ref().and_then(Hedging::p95),
            _ => None,
        };
        let at = delay.map(|delay| later(now, delay));
        let end = self.end_of(self.usage_of(run));
        self.usage_of_mut(run).hedge_at = at.filter(|&at| end.is_none_or(|end| at < end));
    }

    /// The attempt in flight that nobody speaks of.
    pub(super) fn beside(&self, run: usize) -> Option<&Usage> {
        let number = self.runs[run].beside?;
        self.usages.iter().find(|usage| usage.number == number)
    }

    /// Of two attempts in flight the other one is spoken of from here on.
    pub(crate) fn swap(&mut self, run: usize) {
        let spoken_of = self.usage_of(run).number;
        self.runs[run].beside = Some(spoken_of);
    }

    pub(crate) fn is_hedged(&self, run: usize) -> bool {
        self.runs[run].beside.is_some()
    }

    /// Whether the attempt that is spoken of has had its time.
    pub(crate) fn is_overdue(&self, run: usize, now: Moment) -> bool {
        self.runs[run].phase == Phase::Attempting
            && self.end_of(self.usage_of(run)).is_some_and(|end| end <= now)
    }

    /// Whether another one is to begin beside it.
    pub(crate) fn is_hedge_due(&self, run: usize, now: Moment) -> bool {
        self.runs[run].phase == Phase::Attempting && self.hedge_at(run).is_some_and(|at| at <= now)
    }

    pub(super) fn hedge_at(&self, run: usize) -> Option<Moment> {
        let usages = self.usages.iter().filter(|usage| usage.handle.run == run);
        usages.filter_map(|usage| usage.hedge_at).next()
    }

    /// The limit of what is in flight may have come.
    pub(crate) fn overdue(&mut self, stride: Stride) -> Due {
        let Stride { run, now, .. } = stride;
        let has_had_its_time = |usage: &Usage| self.end_of(usage).is_some_and(|end| end <= now);
        if self.is_overdue(run, now) {
            return Due::Attempt;
        }
        if self.beside(run).is_some_and(has_had_its_time) {
            return Due::Beside;
        }
        if !self.is_hedge_due(run, now) {
            return Due::NotYet;
        }
        self.usage_of_mut(run).hedge_at = None;
        self.notice_by_the_clock(now);
        let begun = self.begin_a_hedge(stride);
        self.attend_the_line();
        begun.map_or(Due::NotYet, |membership| Due::Begin { membership })
    }

    fn begin_a_hedge(&mut self, stride: Stride) -> Option<usize> {
        let Stride { run, handle, now, drawn, .. } = stride;
        let Run { spent, terms, .. } = &self.runs[run];
        if spent + 1 >= terms.max_attempts {
            self.note("no hedge of a last attempt");
            return None;
        }
        if self.waiting().count() > 0 {
            self.note("no hedge while somebody is in line");
            return None;
        }
        let on = &self.memberships[self.usage_of(run).membership];
        let (id, group) = (on.id.clone(), on.profile.group.clone());
        let mut others = self.within_reach();
        others.retain(|&it| {
            let other = &self.memberships[it];
            let is_of_its_group = group.is_some() && other.profile.group == group;
            let is_another = other.id != id && !is_of_its_group;
            is_another && self.admits(run, it) && !self.has_tried(run, it)
        });
        others.retain(|&it| self.can_pay(run, it, now));
        if others.is_empty() {
            self.note("nobody to hedge with");
            return None;
        }
        let of_hedges = self.hedging.as_mut().and_then(|hedging| hedging.spending.as_mut());
        if let Some(spending) = self.spending.as_mut().or(of_hedges) {
            if !spending.has_one_left(now) {
                self.counted.hedges_refused += 1;
                self.note("no hedge beyond the budget");
                return None;
            }
            spending.pay(now);
        }
        // As with a retry: by weight anybody may be next, and nobody's turn is taken.
        let next = match self.rules.strategy {
            Strategy::Weighted => others,
            _ => self.favourites(run, &others, now),
        };
        let membership = drawn.filter(|drawn| next.contains(drawn)).unwrap_or(next[0]);
        self.acquire(run, membership, handle, now);
        let by = self.runs[run].terms.hedge.or(self.rules.hedge);
        self.note(if by == Some(Hedge::P95) { "a hedge by the percentile" } else { "a hedge" });
        self.counted.hedges += 1;
        self.runs[run].beside = Some(self.newest_usage);
        self.usages.last_mut().expect("it has just begun").is_hedge = true;
        Some(membership)
    }

    /// The attempt that is spoken of decides the run: by a value or not. The other one is given up.
    pub(super) fn decide(&mut self, run: usize, is_value: bool, now: Moment) {
        let &Usage { since, is_hedge, .. } = self.usage_of(run);
        let beside = self.beside(run).map(|usage| usage.since);
        if is_value {
            // Whoever was slower took at least as long.
            let took = [Some(since), beside].into_iter().flatten().map(|since| now - since);
            if let Some(hedging) = &mut self.hedging {
                hedging.answers.extend(took.map(|took| took.as_nanos() as u64));
            }
            if is_hedge {
                self.counted.hedge_wins += 1;
                self.note("a hedge won");
            }
        }
        self.give_up_beside(run, now);
    }

    /// Says nothing of its resource, but that it took its time.
    pub(super) fn give_up_beside(&mut self, run: usize, now: Moment) {
        if self.is_hedged(run) {
            self.notice_by_the_clock(now);
            self.note("one of two was given up");
            self.swap(run);
            self.give_up_one(run, now);
        }
    }

    /// The attempt that is spoken of.
    pub(super) fn give_up_one(&mut self, run: usize, now: Moment) {
        let &Usage { membership, since, .. } = self.usage_of(run);
        self.measure(membership, &Outcome::Aborted, false, now - since, now);
        self.leave(run);
        self.offer_to_the_line();
    }
}
