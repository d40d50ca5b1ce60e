//! Weighted: what each kind of run owes each membership.
//!
//! There is no virtual time: a pick among those of the weight `W` in all owes each of them `w/W` of a turn,
//! and whoever is picked has had one. Debts are told in turns of the weight 1.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Reference;
use crate::twice::observed::Moment;

/// How many kinds of filtered runs are remembered.
const KINDS: usize = 16;
/// Debts that differ by less are the same: core adds them up in another order.
const ROUNDING: f64 = 1e-6;

/// What the runs of one kind may use.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    excluded: Vec<Arc<str>>,
    /// If they judge: whom they admit, and from which membership on they have not judged.
    judged: Option<(Vec<usize>, usize)>,
    /// Of those whom they admit, who had left before the latest of them picked.
    left_before: Vec<usize>,
}

/// What the strategies remember of the picks before.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Sticky: the current resource.
    pub(super) current: usize,
    /// Weighted: how far each membership is ahead of its turns.
    pub(super) plain: Ahead,
    /// The same for the kinds of filtered runs, the latest first.
    pub(super) kinds: Vec<(Kind, Ahead)>,
}

/// How far each membership is ahead of its turns.
#[derive(Debug, Default, Clone)]
pub(super) struct Ahead {
    pub(super) of: HashMap<usize, f64>,
    /// Of two who were as far, one could not be paid, and whether it was passed over only core's rounding knows. From
    /// then on anybody may be next.
    is_unsure: bool,
}

impl Reference {
    /// A retry may go to any, and so may the first of a kind that is like no other; else whoever would be
    /// halfway through its turn first.
    pub(super) fn next_in_turn(&self, run: usize, among: &[usize]) -> Vec<usize> {
        let kind = self.kind_of(run);
        let here = self.admitted_and_eligible(run);
        let ahead = match &kind {
            None => Some(&self.memory.plain),
            Some(kind) => self.ahead_like(kind, &here),
        };
        let (true, Some(ahead)) = (self.runs[run].wish.tried.is_empty(), ahead) else {
            return among.to_vec();
        };
        // Without filters the cost looks at who is next for all: where that one cannot be paid, anybody is drawn.
        let candidates = if kind.is_some() { among } else { &here[..] };
        let next = self.first_of(candidates, ahead);
        if ahead.is_unsure || next.iter().any(|it| !among.contains(it)) {
            return among.to_vec();
        }
        next
    }

    /// Who of these would be halfway through its next turn first, as far as can be told apart.
    fn first_of(&self, candidates: &[usize], ahead: &Ahead) -> Vec<usize> {
        let halfway = |it: usize| self.halfway(it, ahead);
        let first = candidates.iter().map(|&it| halfway(it)).fold(f64::INFINITY, f64::min);
        let mut next = candidates.to_vec();
        next.retain(|&it| halfway(it) < first + ROUNDING);
        next
    }

    fn halfway(&self, it: usize, ahead: &Ahead) -> f64 {
        ahead.of.get(&it).copied().unwrap_or(0.0) + 0.5 / self.memberships[it].profile.weight
    }

    fn admitted_and_eligible(&self, run: usize) -> Vec<usize> {
        let mut here = self.within_reach();
        here.retain(|&it| self.admits(run, it));
        here
    }

    /// The place of the kind that a run is of. Who leaves is no part of a kind any more, and who has joined
    /// since is not yet.
    fn place_of(&self, kind: &Kind) -> Option<usize> {
        let of_the_known = |known: &Kind, of_the_new: &dyn Fn(usize, usize) -> bool| {
            let left_before = &known.left_before;
            known.excluded == kind.excluded
                && match (&known.judged, &kind.judged) {
                    (None, None) => true,
                    (Some((known, until)), Some((new, _))) => {
                        let left = |it: &usize| {
                            let member = &self.memberships[*it];
                            !member.is_member && !kind.excluded.contains(&member.id)
                        };
                        let left = |it: &usize| left(it) && !left_before.contains(it);
                        let known = known.iter().copied().filter(|it| !left(it));
                        known.eq(new.iter().copied().filter(|&it| of_the_new(it, *until)))
                    }
                    _ => false,
                }
        };
        let kinds = &self.memory.kinds;
        let same = kinds.iter().position(|(it, _)| of_the_known(it, &|_, _| true));
        same.or_else(|| {
            kinds.iter().position(|(it, _)| of_the_known(it, &|new, until| new < until))
        })
    }

    /// The account of a kind of runs; of a new kind the one of the kind that differs in the fewest members from those
    /// that are here, and has any in common.
    fn ahead_like(&self, kind: &Kind, here: &[usize]) -> Option<&Ahead> {
        let kinds = &self.memory.kinds;
        if let Some(place) = self.place_of(kind) {
            return Some(&kinds[place].1);
        }
        let members = |ahead: &Ahead| -> HashSet<usize> {
            ahead.of.keys().copied().filter(|&it| self.memberships[it].is_member).collect()
        };
        let here: HashSet<usize> = here.iter().copied().collect();
        let like = kinds.iter().filter(|(_, ahead)| !members(ahead).is_disjoint(&here));
        like.map(|(_, ahead)| ahead)
            .min_by_key(|ahead| members(ahead).symmetric_difference(&here).count())
    }

    fn kind_of(&self, run: usize) -> Option<Kind> {
        let mut out = self.runs[run].terms.exclude.clone();
        out.sort_unstable();
        out.dedup();
        let judged = self.runs[run].terms.wants.map(|_| self.runs[run].wish.verdicts());
        let filters = !out.is_empty() || judged.is_some();
        let admitted = judged.iter().flat_map(|(admitted, _)| admitted.iter().copied());
        let left_before = admitted.filter(|&it| !self.memberships[it].is_member).collect();
        filters.then_some(Kind { excluded: out, judged, left_before })
    }

    /// Has to be called before the membership is acquired.
    pub(super) fn take_turn(&mut self, run: usize, picked: usize, now: Moment) {
        if !self.runs[run].wish.tried.is_empty() {
            return;
        }
        let mut here = self.admitted_and_eligible(run);
        let kind = self.kind_of(run);
        let known = match &kind {
            None => Some(&self.memory.plain),
            Some(kind) => self.ahead_like(kind, &here),
        };
        let mut ahead = known.cloned().unwrap_or_default();
        if known.is_some() {
            let unpaid = |it: usize| !self.can_pay(run, it, now);
            let before = |it: usize| self.halfway(picked, &ahead) - self.halfway(it, &ahead);
            let tied = here.iter().any(|&it| unpaid(it) && before(it).abs() < ROUNDING);
            let mut taking_part = here.clone();
            taking_part.retain(|&it| !unpaid(it) || before(it) < ROUNDING);
            if kind.is_none() && taking_part.len() < here.len() {
                return self.note("a cost passed over the next in turn");
            }
            // Whom a kind of its own passes over is as good as away.
            (here, ahead.is_unsure) = (taking_part, ahead.is_unsure || tied);
        }
        ahead.of.retain(|&it, _| self.memberships[it].is_member && self.admits(run, it));
        for (it, _) in self.members().filter(|&(it, _)| self.admits(run, it)) {
            ahead.of.entry(it).or_default();
        }
        let weight = |it: usize| self.memberships[it].profile.weight;
        let whole: f64 = here.iter().map(|&it| weight(it)).sum();
        for &it in &here {
            *ahead.of.entry(it).or_default() -= 1.0 / whole;
        }
        *ahead.of.entry(picked).or_default() += 1.0 / weight(picked);
        let Some(kind) = kind else {
            self.memory.plain = ahead;
            return;
        };
        let known = self.place_of(&kind);
        if known.is_none() && self.memory.kinds.len() > 1 {
            self.note("a new kind of filter beside several");
        }
        known.map(|known| self.memory.kinds.remove(known));
        self.memory.kinds.insert(0, (kind, ahead));
        self.memory.kinds.truncate(KINDS);
    }

    /// Whoever may use nobody any more is no kind.
    pub(super) fn forget_the_kinds_of_nobody(&mut self) {
        let memberships = &self.memberships;
        let uses_any = |ahead: &Ahead| ahead.of.keys().any(|&it| memberships[it].is_member);
        self.memory.kinds.retain(|(_, ahead)| uses_any(ahead));
    }
}
