//! Runs, and how their attempts end.

use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{Cause, Hedge, Outcome, Signal, Status};

use super::line::Place;
use super::selection::Wish;
use super::trips::Witness;
use super::{LONGEST, Reference, Usage, later};
use crate::twice::observed::{Exhaustion, Moment, Move, Row, Why};

/// How one run may go about it.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) max_attempts: u32,
    pub(crate) retry_delay: Duration,
    pub(crate) deadline: Option<Moment>,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) wait: bool,
    pub(crate) exclude: Vec<Arc<str>>,
    /// The tier that its caller admits, by the metadata; `None` if the caller does not judge.
    pub(crate) wants: Option<&'static str>,
    pub(crate) affinity: Option<u64>,
    /// What an attempt takes, by dimension.
    pub(crate) costs: Vec<(Arc<str>, u64)>,
    /// When its attempts are hedged, if it says so.
    pub(crate) hedge: Option<Hedge>,
}

pub(super) struct Run {
    pub(super) terms: Terms,
    pub(super) wish: Wish,
    /// Fixed by the first step.
    pub(super) budget: Option<u32>,
    /// The calls of the operation.
    pub(super) made: u32,
    /// What they cost of the budget.
    pub(super) spent: u32,
    pub(super) first_usage: Option<u64>,
    /// When it came into the line, if that was before its first usage.
    pub(super) came: Option<(u64, u64)>,
    /// It has failed, and has to pause before it repeats itself.
    pub(super) pause_due: bool,
    /// It has had a failure that a breaker counts.
    pub(super) has_failed: bool,
    /// Its next attempt is a retry.
    pub(super) retries: bool,
    /// When its pause is over, once it has begun.
    pub(super) pause_until: Option<Moment>,
    pub(super) place: Option<Place>,
    /// Since when it waits, also while it is asked something.
    pub(super) waits_since: Option<Moment>,
    pub(super) last_signal: Option<Signal>,
    /// Of two usages in flight, the one that is not spoken of.
    pub(super) beside: Option<u64>,
    pub(super) phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Between two attempts, or in line.
    Ready,
    Attempting,
    /// By the recorded rules.
    Pausing {
        until: Moment,
    },
    /// What it held was taken from it, which it has yet to hear.
    TakenBack,
    Over,
}

impl Reference {
    pub(crate) fn begin(&mut self, terms: Terms, now: Moment) {
        if terms.hedge.is_some() {
            self.expect_hedges(now);
        }
        self.runs.push(Run {
            terms,
            wish: Wish::default(),
            budget: None,
            made: 0,
            spent: 0,
            first_usage: None,
            came: None,
            pause_due: false,
            has_failed: false,
            retries: false,
            pause_until: None,
            place: None,
            waits_since: None,
            last_signal: None,
            beside: None,
            phase: Phase::Ready,
        });
    }

    pub(crate) fn made(&self, run: usize) -> u32 {
        self.runs[run].made
    }

    pub(crate) fn is_over(&self, run: usize) -> bool {
        self.runs[run].phase == Phase::Over
    }

    /// When an attempt in flight is to be ended, or to be hedged.
    pub(crate) fn limit_of(&self, run: usize) -> Option<Moment> {
        if self.runs[run].phase != Phase::Attempting {
            return None;
        }
        let both = [Some(self.usage_of(run)), self.beside(run)];
        let ends = both.into_iter().flatten().filter_map(|usage| self.end_of(usage));
        let is_held = self.usage_of(run).held.is_some();
        ends.chain(self.hedge_at(run).filter(|_| !is_held)).min()
    }

    /// When an attempt is to be ended.
    pub(super) fn end_of(&self, usage: &Usage) -> Option<Moment> {
        if usage.held.is_some() {
            return None;
        }
        let terms = &self.runs[usage.handle.run].terms;
        let own = terms.attempt_timeout.map(|most| later(usage.since, most));
        let deadline = terms.deadline.filter(|_| self.rules.rules.strict_deadlines);
        own.into_iter().chain(deadline).chain(usage.half_time).min()
    }

    /// Whether a run's usage is on a former membership of an id that is in the pool again.
    pub(crate) fn has_a_successor(&self, run: usize) -> bool {
        if self.was_taken_back(run) {
            return false;
        }
        let membership = &self.memberships[self.usage_of(run).membership];
        !membership.is_member && self.find(&membership.id).is_ok()
    }

    // How an attempt ends.

    /// Answers whether there was anything left to settle.
    pub(crate) fn settle(
        &mut self,
        run: usize,
        outcome: &Outcome,
        now: Moment,
        chance: f64,
    ) -> bool {
        self.notice_by_the_clock(now);
        let is_held = |usage: &Usage| usage.handle.run == run && usage.held.is_some();
        if self.was_taken_back(run) || self.usages.iter().any(is_held) {
            let was_theirs = self.let_go(run, Some(outcome), now);
            self.attend_the_line();
            return was_theirs;
        }
        self.settle_usage(run, outcome, now, chance);
        self.attend_the_line();
        true
    }

    fn settle_usage(&mut self, run: usize, outcome: &Outcome, now: Moment, chance: f64) {
        let &Usage { number, membership, since, lost, .. } = self.usage_of(run);
        let as_of = match self.rules.rules.spares_early_siblings {
            true => since + (now - since) / 2,
            false => Moment::ZERO,
        };
        let witness = Witness { usage: number, membership, lost, as_of };
        let too_late = self.is_too_late(run, now);
        let (is_first, took) = (!self.runs[run].has_failed, now - since);
        if lost {
            self.note("a late result of a lost trial");
        }
        if matches!(outcome, Outcome::Success | Outcome::Error | Outcome::Failure | Outcome::Panic)
        {
            self.decide(run, *outcome == Outcome::Success, now);
        }
        self.measure(membership, outcome, too_late, now - since, now);
        let failed = match outcome {
            Outcome::Failure | Outcome::Signal(_) | Outcome::Stalled(_) => true,
            Outcome::TimedOut => !too_late,
            _ => false,
        };
        if failed && self.counts(witness) {
            self.memberships[membership].row = 0;
        }
        if matches!(outcome, Outcome::Success | Outcome::Error) {
            self.come_back_early(membership, number, now);
        }
        match outcome {
            Outcome::Success => {
                self.credit(witness, true, took, now);
                self.prove(witness);
                self.counted.runs_ok += 1;
                self.end(run);
            }
            Outcome::Error => {
                self.credit(witness, false, took, now);
                self.prove(witness);
                self.counted.runs_error += 1;
                self.end(run);
            }
            Outcome::Failure => {
                self.blame(witness, None, is_first, took, now);
                self.counted.runs_error += 1;
                self.end(run);
            }
            Outcome::Panic => {
                self.counted.runs_error += 1;
                self.end(run);
            }
            Outcome::TimedOut if too_late => {
                self.note("an attempt ended by the deadline");
                self.counted.deadlines += 1;
                self.leave(run);
            }
            Outcome::TimedOut | Outcome::Stalled(_) => {
                self.counted.timeouts += 1;
                self.memberships[membership].counted.timeouts += 1;
                // It goes on as if the resource had asked for another try.
                let reason = match outcome {
                    Outcome::Stalled(silence) => {
                        self.note("an attempt that had nothing to show");
                        format!("silent for {silence:?}")
                    }
                    _ => {
                        self.note("an attempt ended by its timeout");
                        match self.runs[run].terms.attempt_timeout.filter(|&most| most <= took) {
                            Some(most) => format!("no answer within {most:?}"),
                            None => "no answer in time".to_owned(),
                        }
                    }
                };
                self.runs[run].retries = true;
                self.blame(witness, Some(&reason), is_first, took, now);
                self.runs[run].has_failed = true;
                self.go_on(run, membership, Signal::retry(reason), true, now, chance);
            }
            Outcome::Aborted => {
                let signal = self.siblings_signal(membership, now);
                self.runs[run].retries = false;
                self.go_on(run, membership, signal, false, now, chance);
            }
            Outcome::Signal(signal) => {
                match signal {
                    Signal::Retry { reason, .. } => {
                        self.counted.retries += 1;
                        self.blame(witness, Some(&**reason), is_first, took, now);
                        self.runs[run].has_failed = true;
                    }
                    _ => self.obey(witness, signal, now),
                }
                // That a resource is out costs nothing the first time.
                let costs = matches!(signal, Signal::Retry { .. });
                self.runs[run].retries = !matches!(signal, Signal::Disable { .. });
                self.go_on(run, membership, signal.clone(), costs, now, chance);
            }
            other => panic!("the reference does not know {other:?}"),
        }
    }

    fn is_too_late(&self, run: usize, now: Moment) -> bool {
        let deadline = self.runs[run].terms.deadline;
        self.rules.rules.strict_deadlines && deadline.is_some_and(|deadline| deadline <= now)
    }

    /// The attempt did not end its run.
    fn go_on(
        &mut self,
        run: usize,
        membership: usize,
        signal: Signal,
        costs: bool,
        now: Moment,
        chance: f64,
    ) {
        let tried = &mut self.runs[run].wish.tried;
        let again = tried.contains(&membership);
        tried.retain(|&other| other != membership);
        if self.rules.rules.fresh_first {
            tried.push(membership);
        }
        let free = self.rules.rules.free_rotation && !costs && !again;
        if !costs && self.rules.rules.free_rotation {
            self.note(if free { "a free rotation" } else { "a second time on what is out costs" });
        }
        self.runs[run].spent += u32::from(!free);
        self.runs[run].pause_due = !self.rules.rules.holds_place_in_pauses;
        self.runs[run].pause_until = None;
        let is_retry = matches!(signal, Signal::Retry { .. });
        self.runs[run].last_signal = Some(signal);
        let Run { terms, spent, budget, .. } = &self.runs[run];
        let last = *budget == Some(*spent) || terms.retry_delay.is_zero();
        if last || !self.rules.rules.holds_place_in_pauses {
            return self.leave(run);
        }
        let until = self.end_of_pause(run, now, chance);
        let deadline = self.runs[run].terms.deadline;
        let until = deadline.map_or(until, |deadline| until.min(deadline));
        // The usage stays on the resource for the pause. Only after a retry signal can an older
        // sibling still "abort" it: that is how the contract was recorded.
        if !is_retry {
            self.take_handle(run);
        }
        self.runs[run].phase = Phase::Pausing { until };
    }

    pub(super) fn end_of_pause(&self, run: usize, now: Moment, chance: f64) -> Moment {
        let mean = self.runs[run].terms.retry_delay.min(LONGEST);
        later(now, mean.mul_f64(0.5 + chance))
    }

    /// What an outcome says of how the resource is doing; a panic says nothing.
    pub(super) fn measure(
        &mut self,
        membership: usize,
        outcome: &Outcome,
        too_late: bool,
        took: Duration,
        now: Moment,
    ) {
        // Core counts an operation's nanoseconds in 63 bits: 292 years.
        let took = took.min(Duration::from_nanos(i64::MAX as u64));
        let (measures, rules) = (&mut self.memberships[membership].measures, &self.rules.health);
        match outcome {
            Outcome::Success => measures.succeeded(took, now, rules),
            Outcome::Error => measures.answered(now, rules),
            Outcome::TimedOut if too_late => measures.was_given_up(took, now, rules),
            Outcome::Failure | Outcome::Signal(_) | Outcome::TimedOut | Outcome::Stalled(_) => {
                measures.failed(took, now, rules);
                self.memberships[membership].counted.failures += 1;
                self.counted.failures += 1;
            }
            Outcome::Aborted => measures.was_given_up(took, now, rules),
            _ => {}
        }
    }

    pub(crate) fn cancel(&mut self, run: usize, now: Moment) {
        self.notice_by_the_clock(now);
        if self.runs[run].phase != Phase::Over {
            self.give_up(run, now);
        }
        self.attend_the_line();
    }

    fn give_up(&mut self, run: usize, now: Moment) {
        match self.runs[run].phase {
            Phase::TakenBack => {
                self.let_go(run, None, now);
                return;
            }
            Phase::Attempting if self.usage_of(run).held.is_some() => {
                self.let_go(run, None, now);
                return;
            }
            Phase::Attempting => {
                while self.place_of_usage(run).is_some() {
                    self.give_up_one(run, now);
                }
            }
            Phase::Pausing { .. } => self.leave(run),
            _ => {}
        }
        if self.runs[run].place.as_ref().is_some_and(|place| place.promise.is_some()) {
            self.note("a promise given back by a drop");
        }
        self.leave_the_line(run);
        self.counted.runs_cancelled += 1;
        self.runs[run].phase = Phase::Over;
    }

    fn end(&mut self, run: usize) {
        self.leave(run);
        self.runs[run].phase = Phase::Over;
    }

    /// The usage of a run; of two the one that is spoken of.
    pub(super) fn usage_of(&self, run: usize) -> &Usage {
        &self.usages[self.place_of_usage(run).expect("a usage of this run")]
    }

    pub(super) fn usage_of_mut(&mut self, run: usize) -> &mut Usage {
        let usage = self.place_of_usage(run).expect("a usage of this run");
        &mut self.usages[usage]
    }

    pub(super) fn place_of_usage(&self, run: usize) -> Option<usize> {
        let is_it =
            |usage: &Usage| usage.handle.run == run && self.runs[run].beside != Some(usage.number);
        self.usages.iter().position(is_it)
    }

    /// The run goes on with the other one of two, or is between two attempts.
    pub(super) fn leave(&mut self, run: usize) {
        self.take_handle(run);
        let &Usage { number, membership, .. } = self.usage_of(run);
        self.usages.retain(|usage| usage.number != number);
        self.runs[run].phase = match self.runs[run].beside.take() {
            Some(_) => Phase::Attempting,
            None => Phase::Ready,
        };
        self.see_whether_it_has_drained(membership);
    }

    fn take_handle(&mut self, run: usize) {
        let usage = self.usage_of_mut(run);
        if std::mem::take(&mut usage.abortable) {
            let handle = usage.handle;
            self.aftermath.retired.push(handle);
        }
    }

    /// What an abort by a sibling amounts to: the resource tells which signal the sibling sent.
    fn siblings_signal(&self, membership: usize, now: Moment) -> Signal {
        if self.ended {
            return Signal::retry("aborted: the pool is closed, and the time to drain it is over");
        }
        let shown = self.row(membership, now);
        let membership = &self.memberships[membership];
        let cause = shown.cause.filter(|_| membership.is_member);
        let reason = match cause {
            Some(Cause::Signal(reason)) => format!("aborted by a sibling's signal: {reason}"),
            Some(cause) => format!("aborted by a sibling's signal: {cause}"),
            None => "aborted by a sibling's signal".to_owned(),
        };
        match shown.status {
            Status::Disabled if membership.is_member => Signal::disable(reason),
            _ => Signal::cooldown(reason),
        }
    }

    pub(super) fn exhaust(&mut self, run: usize, why: Why, now: Moment) -> Move {
        self.counted.runs_exhausted += 1;
        self.leave_the_line(run);
        let resources = self.snapshot(now);
        let rows = self.members().zip(resources);
        let resources: Vec<_> = rows
            .filter(|((membership, _), _)| self.admits(run, *membership))
            .map(|(_, row)| row)
            .collect();
        let admitted: Vec<_> = self
            .members()
            .map(|(membership, _)| membership)
            .filter(|&membership| self.admits(run, membership))
            .collect();
        let those = || admitted.iter().copied().zip(&resources);
        let pays = |it: usize| self.can_pay(run, it, now);
        let eligible = those().any(|(it, row)| row.eligible && pays(it));
        let busy = those().any(|(it, row)| row.status == Status::Healthy && pays(it));
        // Of whoever is cooling down in the report only, or spent.
        let back = |(it, row): (usize, &Row)| match row.status {
            Status::Disabled => None,
            _ => Some(row.until.max(Some(self.payable_at(run, it, now)?).filter(|&at| at > now))),
        };
        let first_back = those().filter_map(back).flatten().min();
        let allows_at = match why {
            Why::RetryBudget { allows_at, .. } => allows_at,
            _ => None,
        };
        let run = &mut self.runs[run];
        run.phase = Phase::Over;
        Move::Exhausted(Exhaustion {
            why,
            at: now,
            attempts: run.made,
            last_signal: run.last_signal.take(),
            retry_at: if self.closed.is_some() {
                None
            } else if eligible {
                Some(allows_at.map_or(now, |at| at.max(now)))
            } else if let (Some(allows_at), false) = (allows_at, busy) {
                first_back.map(|back| back.max(allows_at))
            } else {
                first_back.filter(|_| !busy)
            },
            members: resources.len(),
            resources,
        })
    }
}
