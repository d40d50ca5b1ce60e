//! The line: who waits, who comes first, and who is told.
//!
//! Without a line (`Rules::line`) those who wait are only woken, all of them, by every change.

use std::time::Duration;

use rotapool_core::Status;

use super::Reference;
use super::runs::Terms;
use super::steps::Stride;
use crate::twice::observed::{Handle, Moment};

/// A run's place in line.
#[derive(Debug)]
pub(super) struct Place {
    /// Since when the run waits.
    since: Moment,
    /// What wakes the run, until it is woken.
    handle: Option<Handle>,
    /// When it will step in any case.
    told: Option<Moment>,
    /// Whether its patience was over when it last looked: it takes what is beyond the pace of a ramp, too.
    hurries: bool,
    /// Whether it had to pause when it last looked: it is there for what it has not tried, and nobody counts it.
    pauses: bool,
    /// Whether that is all that it does.
    only_pauses: bool,
    /// What is back by then may serve it; without it, whatever is back ever.
    latest: Option<Moment>,
    /// Whether only what it has not tried may.
    only_fresh: bool,
    /// The membership on which a place is held for it.
    pub(super) promise: Option<usize>,
    /// Since when.
    pub(super) promised_at: Moment,
}

impl Reference {
    /// The runs that wait, and those that pause.
    pub(super) fn in_line(&self) -> impl Iterator<Item = (usize, &Place)> {
        let runs = self.runs.iter().enumerate();
        runs.filter_map(|(number, run)| run.place.as_ref().map(|place| (number, place)))
    }

    /// The runs that wait, or will be served in a moment.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (usize, &Place)> {
        self.in_line().filter(|(_, place)| !place.only_pauses || place.promise.is_some())
    }

    pub(super) fn oldest_wait(&self, now: Moment) -> Option<Duration> {
        self.waiting().map(|(_, place)| now - place.since).max()
    }

    pub(super) fn promised(&self, membership: usize) -> u32 {
        let promised = |(_, place): &(usize, &Place)| place.promise == Some(membership);
        self.in_line().filter(promised).count() as u32
    }

    /// The order in line: by the beginning of the run. That is when it came into the line, or its first
    /// usage if that was before.
    fn rank(&self, run: usize) -> (u64, u64) {
        let run = &self.runs[run];
        let first_usage = run.first_usage.map(|number| (number, 0));
        run.came.or(first_usage).expect("a run that is or was in line")
    }

    /// Those without a promise, the first first.
    fn hopeful(&self) -> Vec<usize> {
        let hopeful = self.in_line().filter(|(_, place)| place.promise.is_none());
        let mut hopeful: Vec<_> = hopeful.map(|(run, _)| run).collect();
        hopeful.sort_unstable_by_key(|&run| self.rank(run));
        hopeful
    }

    /// How many in line come before it.
    pub(super) fn number_in_line(&self, run: usize) -> usize {
        match self.rules.rules.line {
            true => self.in_line().filter(|(other, _)| self.rank(*other) < self.rank(run)).count(),
            false => 0,
        }
    }

    /// Whether it is awake, until when it would sleep, and what it is promised.
    pub(super) fn how_it_stands_in_line(
        &self,
        run: usize,
    ) -> (bool, Option<Moment>, Option<usize>, [bool; 4]) {
        let place = self.runs[run].place.as_ref().expect("a run in line");
        let Place { handle, told, hurries, pauses, only_pauses, only_fresh, promise, .. } = place;
        (handle.is_none(), *told, *promise, [*hurries, *pauses, *only_pauses, *only_fresh])
    }

    // Coming and going.

    /// The run goes in line, or stays there; answers until when.
    pub(super) fn stand_in_line(&mut self, stride: Stride, only_pauses: bool) -> Option<Moment> {
        let Stride { run, handle, now, told, .. } = stride;
        self.keep_in_line(run, now);
        self.costs_in_line |= !self.runs[run].terms.costs.is_empty();
        if self.runs[run].first_usage.is_none() && self.runs[run].came.is_none() {
            self.arrivals += 1;
            self.runs[run].came = Some((self.newest_usage, self.arrivals));
        }
        let patience = self.patience(run, now);
        let hurries = self.hurries(run, now);
        let deadline = patience.filter(|_| !hurries).or(self.runs[run].terms.deadline);
        let pause = self.runs[run].pause_until.filter(|_| self.has_to_pause(run, now));
        let (latest, only_fresh) = self.what_may_serve(run, pause);
        let deadline = pause.into_iter().chain(deadline).min();
        let until = match self.next_known_instant() {
            Some(next) if self.hopeful().first() == Some(&run) => {
                Some(deadline.map_or(next, |deadline| deadline.min(next)))
            }
            _ => deadline,
        };
        let until = self.or_as_early_as(told, until);
        self.hang_up(run, handle, until);
        let place = self.runs[run].place.as_mut().expect("a run in line");
        (place.hurries, place.pauses) = (hurries, pause.is_some());
        (place.latest, place.only_fresh) = (latest, only_fresh);
        place.only_pauses = pause.is_some() && only_pauses;
        if pause.is_some() {
            self.note("a pause in line");
        }
        until
    }

    /// When somebody comes by core's account, if that is earlier. Who can pay when, core finds out again when a level
    /// changes, and not when somebody leaves who waited for it: it comes once in vain, and that is all.
    pub(super) fn or_as_early_as(
        &self,
        told: Option<Moment>,
        expected: Option<Moment>,
    ) -> Option<Moment> {
        let is_early = |told: &Moment| expected.is_none_or(|expected| *told < expected);
        let early = told.filter(is_early).filter(|_| self.costs_in_line);
        early.inspect(|early| assert!(*early > self.now, "it comes at once")).or(expected)
    }

    /// The same of who is woken: whoever was first for a moment, or a lookout.
    pub(crate) fn let_come_early(&mut self, woken: &[Handle]) {
        if !self.costs_in_line {
            return;
        }
        for handle in woken {
            let places = self.runs.iter_mut().filter_map(|run| run.place.as_mut());
            let waiting = places.filter(|place| place.promise.is_none());
            let posts = self.posts.iter_mut().map(|post| &mut post.handle);
            let mut may_come = waiting.map(|place| &mut place.handle).chain(posts);
            let taken = may_come.find(|hung| **hung == Some(*handle)).and_then(Option::take);
            if taken.is_some() && !self.aftermath.wakes.contains(handle) {
                self.aftermath.wakes.push(*handle);
            }
        }
    }

    /// When somebody in line can pay where they cannot yet.
    pub(super) fn next_to_pay(&self) -> Option<Moment> {
        if !self.costs_in_line || !self.rules.rules.line {
            return None;
        }
        let healthy = self.members().filter(|(_, member)| member.status == Status::Healthy);
        let pairs = healthy.flat_map(|(it, _)| self.in_line().map(move |of_line| (of_line, it)));
        let costly = pairs.filter_map(|((run, place), it)| {
            let waits = place.promise.is_none() && !self.runs[run].terms.costs.is_empty();
            let may_have = self.admits(run, it) || self.has_to_judge(run, it);
            (waits && may_have).then_some((run, it))
        });
        let payable = costly.filter_map(|(run, it)| self.payable_at(run, it, self.now));
        payable.filter(|&at| at > self.now).min()
    }

    /// Until when it keeps to the pace of ramps: for half of the time that it had when it came.
    pub(super) fn patience(&self, run: usize, now: Moment) -> Option<Moment> {
        let run = &self.runs[run];
        let deadline = run.terms.deadline.filter(|_| self.rules.rules.line)?;
        let since = run.waits_since.unwrap_or(now);
        Some(since + deadline.saturating_sub(since) / 2)
    }

    /// It keeps its place, or gets one, without anything to wake it by.
    pub(super) fn keep_in_line(&mut self, run: usize, now: Moment) {
        let run = &mut self.runs[run];
        let since = *run.waits_since.get_or_insert(now);
        run.place.get_or_insert(Place {
            since,
            handle: None,
            told: None,
            hurries: false,
            pauses: false,
            only_pauses: false,
            latest: None,
            only_fresh: false,
            promise: None,
            promised_at: now,
        });
    }

    /// What wakes the run from now on.
    pub(super) fn hang_up(&mut self, run: usize, handle: Handle, until: Option<Moment>) {
        let place = self.runs[run].place.as_mut().expect("a run in line");
        (place.handle, place.told) = (Some(handle), until);
    }

    /// It steps, so that nothing need wake it.
    pub(super) fn take_waking_handle(&mut self, run: usize) {
        let place = self.runs[run].place.as_mut();
        self.aftermath.retired.extend(place.and_then(|place| place.handle.take()));
    }

    pub(super) fn leave_the_line(&mut self, run: usize) {
        self.take_waking_handle(run);
        let place = self.runs[run].place.take();
        let promise = place.and_then(|place| Some((place.promise?, place.promised_at)));
        if let Some((membership, since)) = promise {
            self.give_back(run, membership, since);
        }
    }

    // Handing over.

    /// Promises whatever is free to the first who may have it: within its pace anybody, beyond it who hurries.
    pub(super) fn offer_to_the_line(&mut self) {
        if !self.rules.rules.line {
            return;
        }
        for membership in 0..self.memberships.len() {
            while self.is_eligible(membership) {
                let hopeful = self.hopeful();
                let is_within = self.is_within_its_pace(membership);
                let may_have = |&run: &usize| {
                    let place = self.runs[run].place.as_ref().expect("a run in line");
                    let again = self.runs[run].wish.tried.contains(&membership);
                    (is_within || place.hurries)
                        && !(place.pauses && again)
                        && (self.admits(run, membership) || self.has_to_judge(run, membership))
                        && self.can_pay(run, membership, self.now)
                };
                let Some(first) = hopeful.iter().position(may_have) else { break };
                if first > 0 {
                    self.note("a place went to one behind the first in line");
                }
                if !self.can_pay(hopeful[0], membership, self.now) {
                    self.note("the first in line could not pay, and one behind it could");
                }
                self.note("a place was handed over");
                let run = hopeful[first];
                if !self.runs[run].terms.costs.is_empty() {
                    self.note("one in line paid what it states");
                }
                let place = self.runs[run].place.as_mut().expect("a run in line");
                (place.promise, place.promised_at) = (Some(membership), self.now);
                if place.pauses {
                    self.note("something fresh went to one who pauses");
                }
                self.charge(run, membership, self.now);
                self.wake(run);
            }
        }
    }

    /// The resource went out: its promises are void.
    pub(super) fn void_promises(&mut self, membership: usize) {
        for run in 0..self.runs.len() {
            let Some(place) = &mut self.runs[run].place else { continue };
            if place.promise == Some(membership) {
                place.promise = None;
                let since = place.promised_at;
                self.give_back(run, membership, since);
                self.note("a promise was void");
            }
        }
    }

    // Waking.

    pub(super) fn wake(&mut self, run: usize) {
        let place = self.runs[run].place.as_mut().expect("a run in line");
        self.aftermath.wakes.extend(place.handle.take());
    }

    /// What comes in time for a run that stands in line, with such a pause: before its deadline if it waits, else
    /// before its pause is over. And whether it may not repeat itself before its deadline.
    fn what_may_serve(&self, run: usize, pause: Option<Moment>) -> (Option<Moment>, bool) {
        let Terms { wait, deadline, .. } = self.runs[run].terms;
        let outlasts = pause.zip(deadline).is_some_and(|(pause, deadline)| deadline <= pause);
        match wait {
            true => (deadline.map(|deadline| deadline - Duration::from_nanos(1)), outlasts),
            false => (pause, false),
        }
    }

    /// Whether anything may still serve a run in line.
    fn has_hope(&self, run: usize) -> bool {
        let place = self.runs[run].place.as_ref().expect("a run in line");
        self.members().any(|(it, member)| {
            let again = self.runs[run].wish.tried.contains(&it);
            let comes = match self.back_for(run, it, self.now) {
                Some(back) => place.latest.is_none_or(|latest| back <= latest),
                None => self.can_pay(run, it, self.now),
            };
            !member.is_disabled() && self.admits(run, it) && comes && !(place.only_fresh && again)
        })
    }

    /// What is free is offered, and the first is told of what is known. Has to be done after every change.
    pub(super) fn attend_the_line(&mut self) {
        self.offer_to_the_line();
        self.call_the_lookouts();
        if !self.rules.rules.line {
            return;
        }
        for run in self.hopeful() {
            let sleeps = self.runs[run].place.as_ref().is_some_and(|place| place.handle.is_some());
            if sleeps && !self.has_hope(run) {
                self.note("one in line was told that nothing comes in time");
                self.wake(run);
            }
        }
        let first = self.hopeful().first().copied();
        if let (Some(first), Some(next)) = (first, self.next_known_instant()) {
            let place = self.runs[first].place.as_ref().expect("a run in line");
            if place.handle.is_some() && place.told.is_none_or(|told| next < told) {
                self.note("one was woken because it is the first now, or something ends earlier");
                self.wake(first);
            }
        }
    }

    pub(super) fn wake_all_without_a_line(&mut self) {
        if !self.rules.rules.line {
            let waiting: Vec<_> = self.in_line().map(|(run, _)| run).collect();
            waiting.into_iter().for_each(|run| self.wake(run));
        }
    }
}
