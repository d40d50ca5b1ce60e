//! The strategies: which of those that a run may use can be taken.

use rotapool_core::{Status, Strategy};

use super::affinity::{Server, server_of};
use super::{Membership, Reference};
use crate::twice::observed::Moment;
use crate::twice::vitals::Roughly;

impl Reference {
    /// Those of `among` that the strategy may take: one, unless it draws. `among` is in pool order.
    pub(super) fn favourites(&self, run: usize, among: &[usize], now: Moment) -> Vec<usize> {
        let key = self.runs[run].terms.affinity;
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
            (Strategy::Weighted, _) => self.next_in_turn(run, among),
            // From the current one on, then those behind it.
            (Strategy::Sticky, _) => least(among, |it| (it < self.memory.current, it)),
            (Strategy::Random, _) => among.to_vec(),
            (Strategy::LeastLatency, _) => {
                let cost = |it| self.latency_cost(of(it), now);
                let is_shunned = |it| cost(it).is_infinite() || of(it).measures.is_left_alone(now);
                let all_are = among.iter().all(|&it| is_shunned(it));
                let two_drawn = not_the_worst(
                    among,
                    |it| (!all_are && is_shunned(it), Roughly(cost(it)), in_flight(it)),
                    |(shunned, one, fewer), (shunned_too, other, more)| {
                        let is_faster =
                            one.is_clearly_less(other) || one.0 == other.0 && fewer < more;
                        !shunned && shunned_too || shunned == shunned_too && is_faster
                    },
                );
                not_on_trial_if_possible(two_drawn, is_shunned)
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

    /// Whether it was acquired less than a latency decay ago.
    fn is_news(&self, member: &Membership, now: Moment) -> bool {
        member.last_acquired.is_some_and(|(_, at)| now - at < self.rules.health.latency_decay)
    }

    /// Without a latency: one operation, until there is one or it is no news any more.
    fn latency_cost(&self, member: &Membership, now: Moment) -> f64 {
        let in_flight = f64::from(self.in_flight(&member.id));
        match member.measures.faded_peak(now, &self.rules.health) {
            Some(peak) => peak * (in_flight + 1.0),
            None if self.is_news(member, now) => f64::INFINITY,
            None => 0.0,
        }
    }

    /// Without a rate, after a failure: one operation at a time, as long as it is news; and after many
    /// none for a while. What hangs says nothing of how busy it is.
    fn error_cost(&self, member: &Membership, now: Moment) -> (bool, f64, u32) {
        let in_flight = match self.is_news(member, now) {
            true => self.in_flight(&member.id),
            false => 0,
        };
        let rate = member.measures.error_rate(now, &self.rules.health);
        let failed_last = member.measures.consecutive_failures() > 0;
        let is_being_tried = rate.is_none() && failed_last && in_flight > 0;
        let is_out = is_being_tried || member.measures.is_left_alone(now);
        (is_out, rate.unwrap_or(0.0), in_flight)
    }

    /// The strategy took this one of `eligible`, of whom the run need not admit all.
    pub(super) fn remember(&mut self, run: usize, picked: usize, eligible: &[usize], now: Moment) {
        self.take_turn(run, picked, now);
        // A run that may not use the one that it would stay with, or will not, moves nothing, nor does one
        // for which there is merely no room.
        let current = self.memory.current;
        let stays = self.memberships.get(current).is_some_and(|member| {
            member.is_member
                && member.status == Status::Healthy
                && (!self.has_room(current)
                    || !self.is_within_its_pace(current)
                    || member.spent_until.is_some())
        });
        if stays && self.rules.strategy == Strategy::Sticky {
            return self.note("a sticky walk spills");
        }
        if least(eligible, |it| (it < current, it)) == [picked] {
            self.memory.current = picked;
            if self.rules.strategy == Strategy::Sticky && picked < current {
                self.note("a sticky walk wraps");
            }
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
