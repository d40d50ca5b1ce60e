//! The retry loop of a run: budget, deadline, pause and wait.

use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{Cause, Outcome, Signal, Status, Strategy};

use super::selection::Wish;
use super::{LONGEST, Reference, Usage, later};
use crate::twice::observed::{Exhaustion, Handle, Moment, Move, Why};

/// How one run may go about it.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) max_attempts: u32,
    pub(crate) retry_delay: Duration,
    pub(crate) deadline: Option<Moment>,
    pub(crate) wait_for_cooldown: bool,
    pub(crate) exclude: Vec<Arc<str>>,
    /// The tier that its caller admits, by the metadata; `None` if the caller does not judge.
    pub(crate) wants: Option<&'static str>,
    pub(crate) affinity: Option<u64>,
}

pub(super) struct Run {
    pub(super) terms: Terms,
    pub(super) wish: Wish,
    /// Fixed by the first step.
    pub(super) budget: Option<u32>,
    pub(super) made: u32,
    last_signal: Option<Signal>,
    pub(super) phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Ready,
    Attempting,
    Pausing { until: Moment },
    Waiting,
    Over,
}

impl Reference {
    pub(crate) fn begin(&mut self, terms: Terms) {
        self.runs.push(Run {
            terms,
            wish: Wish::default(),
            budget: None,
            made: 0,
            last_signal: None,
            phase: Phase::Ready,
        });
    }

    pub(crate) fn made(&self, run: usize) -> u32 {
        self.runs[run].made
    }

    pub(crate) fn is_over(&self, run: usize) -> bool {
        self.runs[run].phase == Phase::Over
    }

    pub(super) fn runs_that_wait(&self) -> usize {
        self.runs.iter().filter(|run| run.phase == Phase::Waiting).count()
    }

    /// Whether a run's usage is on a former membership of an id that is in the pool again.
    pub(crate) fn has_a_successor(&self, run: usize) -> bool {
        let membership = &self.memberships[self.usage_of(run).membership];
        !membership.is_member && self.find(&membership.id).is_ok()
    }

    /// `drawn` is the membership that core took, if it did: the reference cannot draw the same.
    pub(crate) fn step(
        &mut self,
        run: usize,
        now: Moment,
        chance: f64,
        drawn: Option<usize>,
    ) -> Move {
        let Run { terms, made, phase, .. } = &mut self.runs[run];
        let Terms { retry_delay, deadline, wait_for_cooldown, .. } = *terms;
        let (made, phase) = (*made, *phase);
        if let Phase::Pausing { until } = phase {
            if now < until {
                return Move::Pause { until };
            }
            self.leave(run);
            self.runs[run].phase = Phase::Ready;
        }
        let unjudged = self.ask_to_judge(run);
        if !unjudged.is_empty() {
            return Move::Judge(unjudged);
        }
        let budget = self.budget(run);
        if budget == 0 {
            return self.exhaust(run, self.nothing(run), now);
        }
        if made == budget {
            return self.exhaust(run, Why::MaxAttempts, now);
        }
        match deadline {
            // A wait is begun only if a cooldown ends in time, and selects at least once more.
            Some(deadline) if now >= deadline && phase != Phase::Waiting => {
                return self.exhaust(run, Why::Deadline { deadline }, now);
            }
            _ => {}
        }
        if self.rules.foreign_choice && self.runs[run].wish.choice.is_none() {
            let offers = self.ask_to_choose(run, now);
            if !offers.is_empty() {
                return Move::Choose(offers);
            }
        }
        let handle = Handle { run, attempt: made + 1 };
        if let Some(membership) = self.acquire(run, handle, drawn, now) {
            self.runs[run].made += 1;
            self.runs[run].phase = Phase::Attempting;
            return Move::Attempt { membership };
        }
        match (self.earliest_recovery(run), deadline) {
            (Some(until), Some(deadline)) if wait_for_cooldown && until >= deadline => {
                self.exhaust(run, Why::CooldownOutlastsDeadline { until, deadline }, now)
            }
            (Some(until), _) if wait_for_cooldown => {
                self.runs[run].phase = Phase::Waiting;
                let until = until + retry_delay.min(LONGEST).mul_f64(chance);
                Move::Wait { until: not_past(deadline, until) }
            }
            _ => self.exhaust(run, self.nothing(run), now),
        }
    }

    /// How many attempts it may make: fixed by the first step that gets past the judging.
    fn budget(&mut self, run: usize) -> u32 {
        let admitted = self.members().filter(|&(membership, _)| self.admits(run, membership));
        let admitted = admitted.count() as u32;
        let Run { terms, budget, .. } = &mut self.runs[run];
        let most = if terms.wait_for_cooldown { u32::MAX } else { admitted };
        *budget.get_or_insert(terms.max_attempts.min(most))
    }

    fn nothing(&self, run: usize) -> Why {
        if self.admits_nobody(run) { Why::NoResourceAdmitted } else { Why::NoEligibleResource }
    }

    pub(crate) fn settle(&mut self, run: usize, outcome: &Outcome, now: Moment, chance: f64) {
        let &Usage { number, membership, since, .. } = self.usage_of(run);
        self.measure(membership, outcome, now - since, now);
        let signal = match outcome {
            Outcome::Success => {
                self.prove(membership);
                self.counted.runs_ok += 1;
                return self.end(run);
            }
            Outcome::Error | Outcome::Failure => {
                self.prove(membership);
                self.counted.runs_error += 1;
                return self.end(run);
            }
            Outcome::Panic => {
                self.counted.runs_error += 1;
                return self.end(run);
            }
            Outcome::Aborted => self.siblings_signal(membership, now),
            Outcome::Signal(signal) => {
                self.obey(number, membership, signal, now);
                signal.clone()
            }
            other => panic!("the reference does not know {other:?}"),
        };
        if self.avoids_tried() {
            self.runs[run].wish.tried.push(membership);
        }
        let Run { terms, made, budget, .. } = &self.runs[run];
        let pause = terms.retry_delay.min(LONGEST).mul_f64(0.5 + chance);
        let until = not_past(terms.deadline, later(now, pause));
        if Some(*made) == *budget || terms.retry_delay.is_zero() {
            self.leave(run);
            self.runs[run].phase = Phase::Ready;
        } else {
            // The usage stays on the resource for the pause. Only after a retry signal can an older
            // sibling still "abort" it: that is how the contract was recorded.
            if !matches!(signal, Signal::Retry { .. }) {
                self.take_handle(run);
            }
            self.runs[run].phase = Phase::Pausing { until };
        }
        self.runs[run].last_signal = Some(signal);
    }

    /// By default those strategies avoid whose behaviour without it is not on record.
    fn avoids_tried(&self) -> bool {
        let on_record = [Strategy::LeastInFlight, Strategy::PrimaryBackup];
        let by_default = self.rules.foreign_choice || !on_record.contains(&self.rules.strategy);
        self.rules.avoid_tried.unwrap_or(by_default)
    }

    /// What an outcome says of how the resource is doing; a panic says nothing.
    fn measure(&mut self, membership: usize, outcome: &Outcome, took: Duration, now: Moment) {
        let (measures, rules) = (&mut self.memberships[membership].measures, &self.rules.health);
        match outcome {
            Outcome::Success => measures.succeeded(took, now, rules),
            Outcome::Error => measures.answered(now, rules),
            Outcome::Failure | Outcome::Signal(_) => measures.failed(took, now, rules),
            Outcome::Aborted => measures.was_given_up(took, now, rules),
            _ => {}
        }
    }

    pub(crate) fn cancel(&mut self, run: usize, now: Moment) {
        match self.runs[run].phase {
            Phase::Over => return,
            Phase::Attempting => {
                let &Usage { membership, since, .. } = self.usage_of(run);
                self.measure(membership, &Outcome::Aborted, now - since, now);
                self.leave(run);
            }
            Phase::Pausing { .. } => self.leave(run),
            Phase::Ready | Phase::Waiting => {}
        }
        self.counted.runs_cancelled += 1;
        self.runs[run].phase = Phase::Over;
    }

    fn end(&mut self, run: usize) {
        self.leave(run);
        self.runs[run].phase = Phase::Over;
    }

    /// A run has one usage at most.
    fn usage_of(&self, run: usize) -> &Usage {
        self.usages.iter().find(|usage| usage.handle.run == run).expect("a usage of this run")
    }

    fn leave(&mut self, run: usize) {
        self.take_handle(run);
        self.usages.retain(|usage| usage.handle.run != run);
    }

    fn take_handle(&mut self, run: usize) {
        let usage = self.usages.iter_mut().find(|usage| usage.handle.run == run);
        let usage = usage.expect("a usage of this run");
        if std::mem::take(&mut usage.abortable) {
            self.aftermath.retired = Some(usage.handle);
        }
    }

    /// What an abort by a sibling amounts to: the resource tells which signal the sibling sent.
    fn siblings_signal(&self, membership: usize, now: Moment) -> Signal {
        let membership = &self.memberships[membership];
        let shown = self.row(membership, now);
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

    fn earliest_recovery(&self, run: usize) -> Option<Moment> {
        let cooling = self.members().filter(|&(membership, member)| {
            member.status == Status::CoolingDown && self.admits(run, membership)
        });
        cooling.filter_map(|(_, member)| member.until).min()
    }

    fn exhaust(&mut self, run: usize, why: Why, now: Moment) -> Move {
        self.counted.runs_exhausted += 1;
        let resources = self.snapshot(now);
        let rows = self.members().zip(resources);
        let resources: Vec<_> = rows
            .filter(|((membership, _), _)| self.admits(run, *membership))
            .map(|(_, row)| row)
            .collect();
        let eligible = resources.iter().any(|row| row.eligible);
        let first_back = resources.iter().filter_map(|row| row.until).min();
        let run = &mut self.runs[run];
        run.phase = Phase::Over;
        Move::Exhausted(Exhaustion {
            why,
            at: now,
            attempts: run.made,
            last_signal: run.last_signal.take(),
            retry_at: if eligible { Some(now) } else { first_back },
            members: resources.len(),
            resources,
        })
    }
}

fn not_past(deadline: Option<Moment>, moment: Moment) -> Moment {
    deadline.map_or(moment, |deadline| moment.min(deadline))
}
