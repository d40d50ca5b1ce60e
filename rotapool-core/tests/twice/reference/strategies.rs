//! The strategies: which of those that a run may use can be taken.

use rotapool_core::Strategy;

use super::affinity::{Server, server_of};
use super::{Membership, Reference};
use crate::twice::observed::Moment;
use crate::twice::vitals::Roughly;

/// What the strategies remember of the picks before.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Sticky: the current resource.
    pub(super) current: usize,
    /// Weighted: the virtual time, which is where the latest pick started.
    pub(super) time: f64,
}

/// Weighted, of one membership: where its next pick starts in virtual time.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) at: f64,
    /// It is not eligible, or was not at some time since the last selection.
    pub(super) was_away: bool,
}

impl Turn {
    pub(super) fn of_a_newcomer() -> Self {
        Self { at: 0.0, was_away: true }
    }
}

impl Reference {
    /// Those of `among` that the strategy may take: one, unless it draws. `among` is in pool order.
    pub(super) fn favourites(&self, among: &[usize], key: Option<u64>, now: Moment) -> Vec<usize> {
        let of = |membership: usize| &self.memberships[membership];
        let in_flight = |membership: usize| self.in_flight(&of(membership).id);
        // The usage that acquired it last; `None` sorts first.
        let recency = |membership: usize| of(membership).last_acquired.map(|(usage, _)| usage);
        match (self.rules.strategy, key) {
            (Strategy::LeastInFlight, _) => least(among, |it| (in_flight(it), recency(it))),
            (Strategy::RoundRobin, _) => least(among, recency),
            (Strategy::PrimaryBackup, _) => least(among, |it| it),
            (Strategy::Priority, _) => {
                least(among, |it| (of(it).profile.priority, in_flight(it), recency(it)))
            }
            (Strategy::Weighted, _) => {
                least(among, |it| (of(it).turn.at + 0.5 / of(it).profile.weight, in_flight(it)))
            }
            // From the current one on, then those behind it.
            (Strategy::Sticky, _) => least(among, |it| (it < self.memory.current, it)),
            (Strategy::Random, _) => among.to_vec(),
            (Strategy::LeastLatency, _) => {
                let cost = |it| self.latency_cost(of(it), now);
                let two_drawn = not_the_worst(
                    among,
                    |it| Roughly(cost(it)),
                    |one, other| one.is_clearly_less(other),
                );
                not_on_trial_if_possible(two_drawn, |it| cost(it).is_infinite())
            }
            (Strategy::LeastErrors, _) => {
                let cost = |it| self.error_cost(of(it), now);
                let two_drawn = not_the_worst(among, cost, |one, other| one < other);
                not_on_trial_if_possible(two_drawn, |it| cost(it).0)
            }
            (Strategy::Affinity, None) => not_the_worst(among, in_flight, |one, other| one < other),
            (Strategy::Affinity, Some(key)) => {
                let server = |&membership: &usize| Server {
                    membership,
                    id: &of(membership).id,
                    in_flight: in_flight(membership),
                    weight: of(membership).profile.weight,
                };
                let servers: Vec<_> = among.iter().map(server).collect();
                server_of(key, &servers).into_iter().collect()
            }
            (other, _) => panic!("the reference does not know {other:?}"),
        }
    }

    /// Without a latency: one operation at a time.
    fn latency_cost(&self, member: &Membership, now: Moment) -> f64 {
        let in_flight = f64::from(self.in_flight(&member.id));
        match member.measures.faded_peak(now, &self.rules.health) {
            Some(peak) => peak * (in_flight + 1.0),
            None if in_flight == 0.0 => 0.0,
            None => f64::INFINITY,
        }
    }

    /// Without a rate, after a failure: one operation at a time.
    fn error_cost(&self, member: &Membership, now: Moment) -> (bool, f64, u32) {
        let in_flight = self.in_flight(&member.id);
        let rate = member.measures.error_rate(now, &self.rules.health);
        let failed_last = member.measures.consecutive_failures() > 0;
        (rate.is_none() && failed_last && in_flight > 0, rate.unwrap_or(0.0), in_flight)
    }

    /// The strategy took this one of `eligible`, of whom the run need not admit all.
    pub(super) fn remember(&mut self, picked: usize, eligible: &[usize]) {
        // A run that may not use the one that it would stay with, or will not, moves nothing.
        let current = self.memory.current;
        if least(eligible, |it| (it < current, it)) == [picked] {
            self.memory.current = picked;
            if self.rules.strategy == Strategy::Sticky && picked < current {
                self.note("a sticky walk wraps");
            }
        }
        let Membership { turn, profile, .. } = &mut self.memberships[picked];
        self.memory.time = self.memory.time.max(turn.at);
        turn.at += 1.0 / profile.weight;
    }

    /// Whoever was not eligible for a while resumes at the present virtual time.
    pub(super) fn resume(&mut self) {
        for membership in self.within_reach() {
            let Turn { at, was_away } = &mut self.memberships[membership].turn;
            if std::mem::take(was_away) && *at < self.memory.time {
                *at = self.memory.time;
                self.corners.push("a resource resumes at the present virtual time");
            }
        }
    }

    /// Has to be called after every command.
    pub(crate) fn note_who_is_away(&mut self) {
        let eligible = self.within_reach();
        for (number, membership) in self.memberships.iter_mut().enumerate() {
            membership.turn.was_away |= !eligible.contains(&number);
        }
    }
}

/// The one with the least key; among equals the first.
fn least<K: PartialOrd>(among: &[usize], key: impl Fn(usize) -> K) -> Vec<usize> {
    let mut least = Vec::new();
    for &membership in among {
        if least.is_empty() || key(membership) < key(least[0]) {
            least = vec![membership];
        }
    }
    least
}

/// Of two the better one is taken, and any two may have been drawn: so all but one that costs more
/// than every other.
fn not_the_worst<K: Copy>(
    among: &[usize],
    cost: impl Fn(usize) -> K,
    is_less: impl Fn(K, K) -> bool,
) -> Vec<usize> {
    let is_worst = |membership: usize| {
        let mut others = among.iter().filter(|&&other| other != membership);
        among.len() > 1 && others.all(|&other| is_less(cost(other), cost(membership)))
    };
    among.iter().copied().filter(|&membership| !is_worst(membership)).collect()
}

/// Whoever is on trial gets a second operation only if all are.
fn not_on_trial_if_possible(
    mut favourites: Vec<usize>,
    is_on_trial: impl Fn(usize) -> bool,
) -> Vec<usize> {
    if favourites.iter().any(|&it| !is_on_trial(it)) {
        favourites.retain(|&it| !is_on_trial(it));
    }
    favourites
}
