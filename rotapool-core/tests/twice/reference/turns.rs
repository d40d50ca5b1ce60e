//! Weighted: what each kind of run owes each membership.
//!
//! There is no virtual time: a pick among those of the weight `W` in all owes each of them `w/W` of a turn,
//! and whoever is picked has had one. Debts are told in turns of the weight 1.

use std::collections::HashMap;
use std::sync::Arc;

use super::Reference;

/// How many kinds of filtered runs are remembered.
const KINDS: usize = 16;
/// Debts that differ by less are the same: core adds them up in another order.
const ROUNDING: f64 = 1e-6;

/// What the runs of one kind may use: whom they keep out, and whom they admit if they judge.
pub(super) type Kind = (Vec<Arc<str>>, Vec<usize>);

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

pub(super) type Ahead = HashMap<usize, f64>;

impl Reference {
    /// A retry may go to any; else whoever would be halfway through its turn first.
    pub(super) fn next_in_turn(&self, run: usize, among: &[usize]) -> Vec<usize> {
        if !self.runs[run].wish.tried.is_empty() {
            return among.to_vec();
        }
        let halfway = |it: usize| self.ahead(run, it) + 0.5 / self.memberships[it].profile.weight;
        let first = among.iter().map(|&it| halfway(it)).fold(f64::INFINITY, f64::min);
        let mut next = among.to_vec();
        next.retain(|&it| halfway(it) < first + ROUNDING);
        next
    }

    /// How far ahead it is for this run: by the runs of its kind, or else by the latest kind that knows it.
    fn ahead(&self, run: usize, membership: usize) -> f64 {
        let Some(kind) = self.kind_of(run) else {
            return self.memory.plain.get(&membership).copied().unwrap_or(0.0);
        };
        let own = self.memory.kinds.iter().filter(|(it, _)| *it == kind);
        let mut all = own.chain(&self.memory.kinds).map(|(_, ahead)| ahead);
        all.find_map(|ahead| ahead.get(&membership)).copied().unwrap_or(0.0)
    }

    fn kind_of(&self, run: usize) -> Option<Kind> {
        let mut out = self.runs[run].terms.exclude.clone();
        out.sort_unstable();
        out.dedup();
        let filters = !out.is_empty() || self.runs[run].terms.wants.is_some();
        filters.then(|| (out, self.runs[run].wish.admitted()))
    }

    pub(super) fn take_turn(&mut self, run: usize, picked: usize, eligible: &[usize]) {
        if !self.runs[run].wish.tried.is_empty() {
            return;
        }
        let mut here = eligible.to_vec();
        here.retain(|&it| self.admits(run, it));
        let weight = |it: usize| self.memberships[it].profile.weight;
        let whole: f64 = here.iter().map(|&it| weight(it)).sum();
        let one_turn = 1.0 / weight(picked);
        let after: Vec<_> =
            here.iter().map(|&it| (it, self.ahead(run, it) - 1.0 / whole)).collect();
        let kind = self.kind_of(run);
        let kinds = &mut self.memory.kinds;
        let ahead = match kind {
            None => &mut self.memory.plain,
            Some(kind) => {
                let known = kinds.iter().position(|(it, _)| *it == kind);
                let latest = known.map(|known| kinds.remove(known));
                kinds.insert(0, latest.unwrap_or((kind, Ahead::new())));
                kinds.truncate(KINDS);
                &mut kinds[0].1
            }
        };
        ahead.extend(after);
        *ahead.entry(picked).or_default() += one_turn;
        if self.memory.kinds.len() > 1 {
            self.note("a pick in turn beside several kinds of filters");
        }
    }
}
