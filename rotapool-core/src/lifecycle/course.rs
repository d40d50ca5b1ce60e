//! The course of a shutdown: whose turn it is, who is late, and when it is over.

use std::time::{Duration, Instant};

use crate::lifecycle::plan::{CleanUpPlan, ShutdownRules};
use crate::lifecycle::report::{CleanUpReport, Ending, Limit, ShutdownReport};
use crate::time::after;

/// What has to be done now. Numbers count the clean-ups in the order of their turns, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CourseStep {
    /// Drop this one where it stands: its time is up.
    GiveUp(usize),
    /// Begin this one.
    Start(usize),
    /// Nothing, until one of those under way ends, or until this instant.
    Wait(Instant),
    /// Nothing any more.
    Over,
}

/// A shutdown under way.
#[derive(Debug)]
pub struct Course {
    began: Instant,
    deadline: Instant,
    /// The deadline as it was set.
    allowed: Duration,
    side_by_side: bool,
    turns: Vec<Turn>,
}

#[derive(Debug)]
struct Turn {
    plan: CleanUpPlan,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting,
    /// Since when, until when at most, and which of its limits that is.
    UnderWay(Instant, Instant, Limit),
    Ended {
        began: Instant,
        at: Instant,
        ending: Ending,
    },
}

impl Course {
    /// A course that begins now, of clean-ups in the order of their turns.
    pub(super) fn new(rules: &ShutdownRules, plans: Vec<CleanUpPlan>, now: Instant) -> Self {
        let turns = plans.into_iter().map(|plan| Turn { plan, state: State::Waiting }).collect();
        let ShutdownRules { deadline: allowed, side_by_side } = *rules;
        Self { began: now, deadline: after(now, allowed), allowed, side_by_side, turns }
    }

    /// What has to be done now. Do it, and ask again.
    pub fn step(&mut self, now: Instant) -> CourseStep {
        if let Some(index) = self.give_up_one(now) {
            return CourseStep::GiveUp(index);
        }
        if let Some(index) = self.start_one(now) {
            return CourseStep::Start(index);
        }
        match self.under_way().map(|(_, until)| until).min() {
            Some(until) => CourseStep::Wait(until),
            None => CourseStep::Over,
        }
    }

    /// One that is under way has ended by itself. Whoever was given up or is not under way is left alone.
    pub fn settle(&mut self, index: usize, ending: Ending, now: Instant) {
        if let Some(Turn { state, .. }) = self.turns.get_mut(index) {
            if let State::UnderWay(began, ..) = *state {
                *state = State::Ended { began, at: now, ending };
            }
        }
    }

    /// What became of all clean-ups until now, in the order of their turns.
    #[must_use]
    pub fn report(&self, now: Instant) -> ShutdownReport {
        let clean_ups = self.turns.iter().map(|turn| self.tell(turn, now)).collect();
        let took = now.saturating_duration_since(self.began);
        ShutdownReport { clean_ups, took, deadline: self.allowed }
    }

    fn tell(&self, Turn { plan, state }: &Turn, now: Instant) -> CleanUpReport {
        let (began, at, ending) = match state {
            State::Waiting => (None, now, Ending::NotReached),
            State::UnderWay(began, ..) => (Some(*began), now, Ending::UnderWay),
            State::Ended { began, at, ending } => (Some(*began), *at, ending.clone()),
        };
        CleanUpReport {
            name: plan.name.clone(),
            priority: plan.priority,
            ending,
            began: began.map(|began| began.saturating_duration_since(self.began)),
            took: began.map(|began| at.saturating_duration_since(began)),
            still_running: false,
        }
    }

    fn give_up_one(&mut self, now: Instant) -> Option<usize> {
        let late = self.under_way().find(|(_, until)| *until <= now).map(|(index, _)| index)?;
        let state = &mut self.turns[late].state;
        if let State::UnderWay(began, _, limit) = *state {
            *state = State::Ended { began, at: now, ending: Ending::TimedOut(limit) };
        }
        Some(late)
    }

    /// Begins the next one, unless time is up or it has to wait for others.
    fn start_one(&mut self, now: Instant) -> Option<usize> {
        if now >= self.deadline {
            return None;
        }
        let next = self.turns.iter().position(|turn| matches!(turn.state, State::Waiting))?;
        let priority = self.turns[next].plan.priority;
        let beside =
            |index: usize| self.side_by_side && self.turns[index].plan.priority == priority;
        if !self.under_way().all(|(other, _)| beside(other)) {
            return None;
        }
        let (until, limit) = match self.turns[next].plan.limit {
            Some(own) if after(now, own) < self.deadline => (after(now, own), Limit::Own(own)),
            _ => (self.deadline, Limit::Deadline),
        };
        self.turns[next].state = State::UnderWay(now, until, limit);
        Some(next)
    }

    /// Who is under way, and until when at most.
    fn under_way(&self) -> impl Iterator<Item = (usize, Instant)> {
        self.turns.iter().enumerate().filter_map(|(index, turn)| match turn.state {
            State::UnderWay(_, until, _) => Some((index, until)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Clean-ups by priority and limit; the deadline is 10 s.
    fn course(side_by_side: bool, plans: &[(i32, Option<u64>)]) -> (Course, Instant) {
        let start = Instant::now();
        let plans = (1..).zip(plans).map(|(number, (priority, limit))| CleanUpPlan {
            name: format!("{number}").into(),
            priority: *priority,
            limit: limit.map(s),
        });
        let rules = ShutdownRules { deadline: s(10), side_by_side };
        (Course::new(&rules, plans.collect(), start), start)
    }

    fn endings(course: &Course, now: Instant) -> Vec<String> {
        course.report(now).clean_ups.iter().map(|one| one.ending.to_string()).collect()
    }

    #[test]
    fn one_by_one_the_next_begins_when_the_one_before_has_ended() {
        let (mut course, start) = course(false, &[(1, None), (1, Some(4))]);
        assert_eq!(course.step(start), CourseStep::Start(0));
        assert_eq!(course.step(start), CourseStep::Wait(start + s(10)));
        course.settle(0, Ending::Done, start + s(3));
        assert_eq!(course.step(start + s(3)), CourseStep::Start(1));
        assert_eq!(course.step(start + s(3)), CourseStep::Wait(start + s(7)));
        course.settle(1, Ending::Done, start + s(5));
        assert_eq!(course.step(start + s(5)), CourseStep::Over);

        let report = course.report(start + s(5));
        assert!(report.is_clean());
        assert_eq!(report.took, s(5));
        assert_eq!(report.clean_ups[1].began, Some(s(3)));
        assert_eq!(report.clean_ups[1].took, Some(s(2)));
    }

    #[test]
    fn side_by_side_go_only_those_of_one_priority() {
        let (mut course, start) = course(true, &[(1, None), (1, None), (2, None)]);
        assert_eq!(course.step(start), CourseStep::Start(0));
        assert_eq!(course.step(start), CourseStep::Start(1));
        assert_eq!(course.step(start), CourseStep::Wait(start + s(10)));
        course.settle(1, Ending::Done, start);
        assert_eq!(course.step(start), CourseStep::Wait(start + s(10)), "the first goes on");
        course.settle(0, Ending::Done, start);
        assert_eq!(course.step(start), CourseStep::Start(2));
    }

    #[test]
    fn one_that_is_late_is_given_up_and_the_rest_goes_on() {
        let (mut course, start) = course(false, &[(1, Some(4)), (2, None)]);
        course.step(start);
        assert_eq!(course.step(start + s(4)), CourseStep::GiveUp(0));
        course.settle(0, Ending::Done, start + s(5)); // too late to count
        assert_eq!(course.step(start + s(5)), CourseStep::Start(1));
        course.settle(1, Ending::Done, start + s(6));
        assert_eq!(endings(&course, start + s(6)), ["timed out: its limit is 4.0s", "done"]);
    }

    /// kstlib 3.8.2: two clean-ups of 6 s each under a time-out of 5 s took 10 s.
    #[test]
    fn the_deadline_is_that_of_all_together() {
        let (mut course, start) = course(false, &[(1, Some(6)), (1, Some(6)), (1, Some(6))]);
        course.step(start);
        assert_eq!(course.step(start + s(6)), CourseStep::GiveUp(0));
        assert_eq!(course.step(start + s(6)), CourseStep::Start(1));
        assert_eq!(course.step(start + s(6)), CourseStep::Wait(start + s(10)));
        assert_eq!(course.step(start + s(10)), CourseStep::GiveUp(1));
        assert_eq!(course.step(start + s(10)), CourseStep::Over);
        assert_eq!(
            endings(&course, start + s(10)),
            ["timed out: its limit is 6.0s", "timed out: the deadline of all", "not reached"]
        );
    }

    #[test]
    fn one_that_blocked_past_the_deadline_is_given_up_and_no_other_begins() {
        let (mut course, start) = course(true, &[(1, None), (1, None), (2, None)]);
        course.step(start);
        assert_eq!(course.step(start + s(11)), CourseStep::GiveUp(0));
        assert_eq!(course.step(start + s(11)), CourseStep::Over);
        let report = course.report(start + s(11));
        assert_eq!(report.clean_ups[2].began, None);
        assert_eq!(
            report.to_string(),
            "shutdown took 11.0s of 10.0s: 0 of 3 clean-ups done, 1 timed out (`1`), 2 not reached \
             (`2`, `3`)"
        );
    }

    #[test]
    fn with_nothing_to_do_it_is_over_at_once() {
        let (mut course, start) = course(false, &[]);
        assert_eq!(course.step(start), CourseStep::Over);
        let report = course.report(start);
        assert!(report.is_clean());
        assert_eq!(report.to_string(), "shutdown took 0.0s of 10.0s: no clean-ups");
    }

    #[test]
    fn a_report_made_on_the_way_says_who_is_under_way() {
        let (mut course, start) = course(false, &[(1, None), (2, None)]);
        course.step(start);
        assert_eq!(endings(&course, start + s(3)), ["under way", "not reached"]);
        assert_eq!(course.report(start + s(3)).clean_ups[0].took, Some(s(3)));
    }

    #[test]
    fn a_limit_that_ends_with_the_deadline_is_the_deadlines() {
        let (mut course, start) = course(false, &[(1, Some(10))]);
        course.step(start);
        course.step(start + s(10));
        assert_eq!(endings(&course, start + s(10)), ["timed out: the deadline of all"]);
    }

    #[test]
    fn a_limit_beyond_all_instants_is_the_deadline() {
        let (mut course, start) = course(false, &[(1, Some(u64::MAX))]);
        course.step(start);
        assert_eq!(course.step(start), CourseStep::Wait(start + s(10)));
    }
}
