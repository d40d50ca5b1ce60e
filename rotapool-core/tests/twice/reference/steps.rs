//! What a run does next: by our own rules, and by the recorded ones.

use rotapool_core::Status;

use super::runs::{Phase, Run, Terms};
use super::{LONGEST, Reference};
use crate::twice::observed::{Handle, Moment, Move, Why};

/// A step, as far as it does not depend on the pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stride {
    pub(crate) run: usize,
    /// What aborts an attempt or ends a wait that begins now.
    pub(crate) handle: Handle,
    pub(crate) now: Moment,
    pub(crate) chance: f64,
    /// The membership that core took, if it did: the reference cannot draw the same.
    pub(crate) drawn: Option<usize>,
    /// When core says that the run comes in any case, if it waits.
    pub(crate) told: Option<Moment>,
}

/// Whom a run may have next.
#[derive(Debug)]
struct Turn {
    /// In the order in which its owner is asked about them.
    those: Vec<usize>,
    /// The run has tried them.
    again: bool,
    /// They have as many as the pace at which they come back allows.
    beyond: bool,
}

impl Reference {
    pub(crate) fn step(&mut self, stride: Stride) -> Move {
        let Stride { run, now, .. } = stride;
        self.notice_by_the_clock(now);
        let has_come_back = self.runs[run].made > 0 || self.runs[run].place.is_some();
        let next = match self.runs[run].phase {
            phase if has_come_back && self.is_shut_out(run) => {
                let pauses = matches!(phase, Phase::Pausing { .. });
                if pauses && self.rules.rules.holds_place_in_pauses {
                    self.leave(run);
                }
                // What it was promised is handed on before it looks around.
                self.leave_the_line(run);
                self.attend_the_line();
                self.exhaust(run, Why::Closed, now)
            }
            Phase::Pausing { until } if now < until => Move::Pause { until },
            Phase::Pausing { .. } => {
                self.leave(run);
                self.runs[run].phase = Phase::Ready;
                self.go_about(stride)
            }
            _ => self.go_about(stride),
        };
        self.attend_the_line();
        next
    }

    fn go_about(&mut self, stride: Stride) -> Move {
        let Stride { run, handle, now, .. } = stride;
        self.take_waking_handle(run);
        self.take_note_of_the_verdicts(run);
        let waited = self.runs[run].place.is_some();
        let deadline = self.runs[run].terms.deadline;
        let promise = self.runs[run].place.as_ref().and_then(|place| place.promise);
        if promise.is_some_and(|it| self.has_to_judge(run, it) || self.has_tried(run, it)) {
            let unjudged = self.ask_to_judge(run);
            if !unjudged.is_empty() {
                self.note("a place is held until it is judged");
                return Move::Judge(unjudged);
            }
        }
        if promise.is_some_and(|it| !self.admits(run, it)) {
            self.note("a place was turned down when it was judged");
            self.leave_the_line(run);
            self.attend_the_line();
        } else if let Some(membership) = promise {
            return match deadline.filter(|&deadline| deadline <= now) {
                Some(deadline) => {
                    self.note("a promise given back at the deadline");
                    self.leave_the_line(run);
                    self.attend_the_line();
                    self.exhaust(run, Why::Deadline { deadline }, now)
                }
                None => match self.over_budget(run, now) {
                    Some(why) => {
                        self.leave_the_line(run);
                        self.attend_the_line();
                        self.exhaust(run, why, now)
                    }
                    None => {
                        let fresh = self.fresh_instead_of(run, membership, stride.drawn, now);
                        self.note(match fresh {
                            Some(_) => "something fresh rather than what was promised",
                            None => "a promise taken",
                        });
                        self.attempt(run, fresh.unwrap_or(membership), handle, now)
                    }
                },
            };
        }
        if self.is_shut_out(run) {
            return self.exhaust(run, Why::Closed, now);
        }
        let unjudged = self.ask_to_judge(run);
        if !unjudged.is_empty() {
            self.leave_the_line(run);
            return Move::Judge(unjudged);
        }
        let budget = self.budget(run);
        if budget == 0 && self.rules.rules.budget_of_members {
            return self.exhaust(run, self.nothing(run), now);
        }
        if self.runs[run].spent >= budget {
            return self.exhaust(run, Why::MaxAttempts, now);
        }
        match deadline {
            // By the recorded rules a wait is begun only if a cooldown ends in time, and selects at
            // least once more.
            Some(deadline) if now >= deadline && (!waited || self.rules.rules.strict_deadlines) => {
                return self.exhaust(run, Why::Deadline { deadline }, now);
            }
            _ => {}
        }
        // Who was woken asks the budget once there is something to pay for.
        if !waited || self.runs[run].retries && self.finds_any(run, now) {
            if let Some(why) = self.over_budget(run, now) {
                return self.exhaust(run, why, now);
            }
        }
        // A selection.
        self.notice(now);
        if let Some(out) = self.whom_to_try(stride) {
            return self.try_early(stride, out);
        }
        if self.rules.rules.fresh_first { self.take_turns(stride) } else { self.take_any(stride) }
    }

    /// How much it may spend: fixed by the first step that gets past the judging.
    fn budget(&mut self, run: usize) -> u32 {
        let admitted = self.members().filter(|&(membership, _)| self.admits(run, membership));
        let admitted = admitted.count() as u32;
        let by_members = self.rules.rules.budget_of_members;
        let Run { terms, budget, .. } = &mut self.runs[run];
        let most = if terms.wait || !by_members { u32::MAX } else { admitted };
        *budget.get_or_insert(terms.max_attempts.min(most))
    }

    fn nothing(&self, run: usize) -> Why {
        if self.admits_nobody(run) { Why::NoResourceAdmitted } else { Why::NoEligibleResource }
    }

    pub(super) fn attempt(
        &mut self,
        run: usize,
        membership: usize,
        handle: Handle,
        now: Moment,
    ) -> Move {
        if self.closed.is_some() {
            self.note("a run went on after the pool had closed");
        }
        self.leave_the_line(run);
        self.runs[run].waits_since = None;
        self.acquire(run, membership, handle, now);
        self.pay(run, now);
        self.plan_a_hedge(run, now);
        Move::Attempt { membership }
    }

    /// The owner's choice of a moment ago, if it still stands.
    fn choice_that_stands(&mut self, run: usize, now: Moment) -> Option<usize> {
        let choice = self.runs[run].wish.choice.take().flatten()?;
        let is_free = |it: usize| self.is_eligible(it) && self.can_pay(run, it, now);
        let fresh = |it: usize| is_free(it) && self.admits(run, it) && !self.has_tried(run, it);
        let again = self.has_tried(run, choice) && (0..self.memberships.len()).any(fresh);
        let stands = is_free(choice) && !again;
        self.note(if stands { "a choice of the owner's" } else { "a stale choice" });
        stands.then_some(choice)
    }

    pub(super) fn has_tried(&self, run: usize, membership: usize) -> bool {
        self.runs[run].wish.tried.contains(&membership)
    }

    // Our own rules.

    /// What a run takes rather than what it was promised and has tried.
    fn fresh_instead_of(
        &mut self,
        run: usize,
        promised: usize,
        drawn: Option<usize>,
        now: Moment,
    ) -> Option<usize> {
        if !self.has_tried(run, promised) {
            return None;
        }
        self.leave_the_line(run);
        let mut fresh = self.eligible();
        fresh.retain(|&it| {
            self.admits(run, it) && self.can_pay(run, it, now) && !self.has_tried(run, it)
        });
        let within: Vec<_> =
            fresh.iter().copied().filter(|&it| self.is_within_its_pace(it)).collect();
        match within.is_empty() {
            false => self.elect(run, &within, drawn, now),
            true => fresh.into_iter().min_by_key(|&it| self.in_flight(&self.memberships[it].id)),
        }
    }

    fn take_turns(&mut self, stride: Stride) -> Move {
        let Stride { run, handle, now, drawn, .. } = stride;
        let asks = self.rules.foreign_choice && self.runs[run].wish.choice.is_none();
        if let Some(chosen) = self.choice_that_stands(run, now) {
            return self.attempt(run, chosen, handle, now);
        }
        let Some(turn) = self.turn_of(run, now) else { return self.wait_or_give_up(stride, false) };
        if turn.again && self.has_to_pause(run, now) {
            return self.wait_or_give_up(stride, true);
        }
        if asks {
            self.leave_the_line(run);
            return Move::Choose(self.ask_to_choose(run, turn.those, now));
        }
        let one = match turn {
            Turn { those, again: false, beyond: false } => self.elect(run, &those, drawn, now),
            Turn { those, again: false, .. } => {
                self.note("a pick beyond the pace");
                let in_flight = |one: &usize| self.in_flight(&self.memberships[*one].id);
                those.into_iter().min_by_key(in_flight)
            }
            Turn { those, beyond, .. } => {
                self.note(match beyond {
                    true => "a pick beyond the pace, and again",
                    false => "the least recently tried again",
                });
                those.first().copied()
            }
        };
        match one {
            Some(one) => self.attempt(run, one, handle, now),
            None => self.wait_or_give_up(stride, false),
        }
    }

    /// Whether a run that has only just come finds the line full.
    fn is_one_too_many(&self, run: usize) -> bool {
        let Run { made, came, .. } = &self.runs[run];
        let is_new = *made == 0 && came.is_none();
        is_new && self.waiting().count() >= self.rules.max_waiting
    }

    /// What is fresh comes first, beyond its pace too rather than the same again.
    fn turn_of(&self, run: usize, now: Moment) -> Option<Turn> {
        let Run { wish, .. } = &self.runs[run];
        let mut admitted = self.eligible();
        admitted.retain(|&it| self.admits(run, it) && self.can_pay(run, it, now));
        let tried_at = |one: &usize| wish.tried.iter().position(|tried| tried == one);
        // The fresh stay in pool order, and the least recently tried comes first of the others.
        admitted.sort_by_key(tried_at);
        let turn = |again: bool, beyond: bool| Turn {
            those: admitted
                .iter()
                .copied()
                .filter(|one| tried_at(one).is_some() == again)
                .filter(|&one| self.is_within_its_pace(one) != beyond)
                .collect(),
            again,
            beyond,
        };
        let turns = [(false, false), (false, true), (true, false), (true, true)];
        let may_wait = !self.hurries(run, now);
        let open = turns.into_iter().filter(|(_, beyond)| !(*beyond && may_wait));
        let turn_by = |(again, beyond)| turn(again, beyond);
        let found = open.map(turn_by).find(|turn| !turn.those.is_empty())?;
        // Rather than repeat itself it goes beyond the pace.
        let fresh = turn(false, true);
        let repeats = found.again && !self.has_to_pause(run, now);
        Some(if repeats && !fresh.those.is_empty() { fresh } else { found })
    }

    /// Whether it goes beyond the pace of ramps rather than wait for a place.
    pub(super) fn hurries(&self, run: usize, now: Moment) -> bool {
        let Run { terms, made, spent, pause_until, .. } = &self.runs[run];
        let is_last = *made > 0 && spent + 1 >= terms.max_attempts;
        let has_to_pause = self.has_to_pause(run, now);
        let has_time = match terms.wait {
            true => has_to_pause || !is_last,
            // It waits for nothing; it pauses where it may only repeat itself.
            false => has_to_pause && pause_until.is_some(),
        };
        let is_impatient = self.patience(run, now).is_some_and(|patience| patience <= now);
        !has_time || is_impatient || self.is_one_too_many(run)
    }

    /// Whether there is anything to pick.
    fn finds_any(&mut self, run: usize, now: Moment) -> bool {
        self.notice(now);
        let found = self.turn_of(run, now);
        found.is_some_and(|turn| !(turn.again && self.has_to_pause(run, now)))
    }

    /// One pause a failure, as long as it was drawn, however often the run comes meanwhile.
    pub(super) fn has_to_pause(&self, run: usize, now: Moment) -> bool {
        let Run { terms, pause_due, pause_until, .. } = &self.runs[run];
        !terms.retry_delay.is_zero() && *pause_due && pause_until.is_none_or(|until| now < until)
    }

    /// Nothing is to be had, or only `again` what the run has tried.
    fn wait_or_give_up(&mut self, stride: Stride, again: bool) -> Move {
        let Stride { run, now, chance, .. } = stride;
        let Terms { deadline, wait, .. } = self.runs[run].terms;
        let has_to_pause = self.has_to_pause(run, now);
        let has_begun = has_to_pause && self.runs[run].pause_until.is_some();
        let hoped_for: Vec<_> = self
            .members()
            .filter(|&(it, member)| !member.is_disabled() && self.admits(run, it))
            .map(|(it, _)| (it, self.can_pay(run, it, now), self.back_for(run, it, now)))
            .filter(|(_, pays, back)| *pays || back.is_some())
            .collect();
        if !(wait || again || has_begun) || hoped_for.is_empty() {
            return self.degrade_or_exhaust(stride, self.nothing(run));
        }
        let all_cool = hoped_for.iter().all(|(.., back)| back.is_some());
        let earliest = hoped_for.iter().filter_map(|(.., back)| *back).min();
        if let (true, true, Some(until), Some(deadline)) = (wait, all_cool, earliest, deadline) {
            if deadline <= until {
                let why = Why::CooldownOutlastsDeadline { until, deadline };
                return self.degrade_or_exhaust(stride, why);
            }
        }
        if has_to_pause {
            let until = self.end_of_pause(run, now, chance);
            let until = *self.runs[run].pause_until.get_or_insert(until);
            // Who does not wait is there for no longer than its pause.
            if !wait && all_cool && earliest.is_some_and(|earliest| until < earliest) {
                self.note("what is left is away for longer than a pause");
                return self.degrade_or_exhaust(stride, self.nothing(run));
            }
            if let Some(deadline) = deadline.filter(|&deadline| deadline <= until) {
                // In time comes only what is fresh, and only for one that waits for it.
                let tried = &self.runs[run].wish.tried;
                let fresh = |(it, ..): &&(usize, _, _)| !tried.contains(it);
                let mut fresh = hoped_for.iter().filter(fresh);
                let is_in_time = fresh.any(|(.., back): &(_, _, Option<Moment>)| {
                    back.is_none_or(|back| back < deadline)
                });
                if !wait || !is_in_time {
                    let why = Why::PauseOutlastsDeadline { until, deadline };
                    return self.degrade_or_exhaust(stride, why);
                }
                self.note("a pause outlasts the deadline, and something fresh may come before");
            }
            if has_begun {
                self.note("a pause that a wake-up leaves as it is");
            }
            if !wait {
                self.note("one that does not wait pauses");
            }
        }
        if self.is_one_too_many(run) {
            let (in_line, max_waiting) = (self.waiting().count(), self.rules.max_waiting);
            return self.degrade_or_exhaust(stride, Why::LineFull { in_line, max_waiting });
        }
        Move::Wait { until: self.stand_in_line(stride, again || !wait) }
    }

    /// Where everything is out, the best of it serves if the owner wants that.
    fn degrade_or_exhaust(&mut self, stride: Stride, why: Why) -> Move {
        let Stride { run, handle, now, .. } = stride;
        let admitted = || self.members().filter(|&(it, _)| self.admits(run, it));
        let may_come_free = |it: usize, member: &super::Membership| {
            member.status == Status::Healthy && self.can_pay(run, it, now)
        };
        let all_out = !admitted().any(|(it, member)| may_come_free(it, member));
        let free = admitted().filter(|&(it, member)| {
            let is_fresh = !self.runs[run].wish.tried.contains(&it);
            let is_free = self.has_room(it) && self.can_pay(run, it, now);
            member.status == Status::CoolingDown && is_fresh && is_free
        });
        let best = free.min_by_key(|(_, member)| (member.badness(now), member.until));
        match best.map(|(best, _)| best).filter(|_| self.rules.degrade && all_out) {
            None => self.exhaust(run, why, now),
            Some(best) => {
                if let Some(why) = self.over_budget(run, now) {
                    return self.exhaust(run, why, now);
                }
                self.note("a degraded attempt");
                let next = self.attempt(run, best, handle, now);
                let newest = self.newest_usage;
                let member = &mut self.memberships[best];
                member.out_after = newest;
                if member.failed.is_some() {
                    member.tripped_after = newest;
                }
                next
            }
        }
    }

    // The recorded rules.

    fn take_any(&mut self, stride: Stride) -> Move {
        let Stride { run, handle, now, chance, drawn, .. } = stride;
        let mut admitted = self.eligible();
        admitted.retain(|&it| self.admits(run, it) && self.can_pay(run, it, now));
        if self.rules.foreign_choice && self.runs[run].wish.choice.is_none() && !admitted.is_empty()
        {
            self.leave_the_line(run);
            return Move::Choose(self.ask_to_choose(run, admitted, now));
        }
        if let Some(chosen) = self.choice_that_stands(run, now) {
            return self.attempt(run, chosen, handle, now);
        }
        if let Some(elected) = self.elect(run, &admitted, drawn, now) {
            return self.attempt(run, elected, handle, now);
        }
        let Terms { retry_delay, deadline, wait, .. } = self.runs[run].terms;
        match (self.earliest_recovery(run, now), deadline) {
            (Some(until), Some(deadline)) if wait && until >= deadline => {
                self.degrade_or_exhaust(stride, Why::CooldownOutlastsDeadline { until, deadline })
            }
            (Some(until), _) if wait => {
                let until = until + retry_delay.min(LONGEST).mul_f64(chance);
                let until = deadline.map_or(until, |deadline| until.min(deadline));
                self.keep_in_line(run, now);
                self.hang_up(run, handle, Some(until));
                Move::Wait { until: Some(until) }
            }
            _ => self.degrade_or_exhaust(stride, self.nothing(run)),
        }
    }

    fn earliest_recovery(&self, run: usize, now: Moment) -> Option<Moment> {
        let admitted = self.members().filter(|&(membership, _)| self.admits(run, membership));
        admitted.filter_map(|(membership, _)| self.back_for(run, membership, now)).min()
    }
}
