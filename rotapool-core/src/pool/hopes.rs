//! Those in line by when what comes is too late for them: bad news looks at those whom it may leave without hope, and at
//! nobody else.

use std::collections::BTreeSet;

use super::waiting::{Turn, Waiting};
use crate::time::Tick;

#[derive(Debug, Default)]
pub(super) struct Hopes {
    /// Of those for whom anything will do that comes in time.
    easy: BTreeSet<(Tick, Turn)>,
    choosy: BTreeSet<(Tick, Turn)>,
}

impl Hopes {
    pub(super) fn enter<A>(&mut self, turn: Turn, waiting: &Waiting<A>) {
        self.of(waiting).insert((latest(waiting), turn));
    }

    pub(super) fn leave<A>(&mut self, turn: Turn, waiting: &Waiting<A>) {
        self.of(waiting).remove(&(latest(waiting), turn));
    }

    fn of<A>(&mut self, waiting: &Waiting<A>) -> &mut BTreeSet<(Tick, Turn)> {
        match waiting.is_choosy() {
            true => &mut self.choosy,
            false => &mut self.easy,
        }
    }

    pub(super) fn are_easy(&self) -> bool {
        self.choosy.is_empty()
    }

    /// For whom it is too late: of those who take anything, when that comes at `anything`; of the choosy, when one of theirs
    /// comes at `one_of_theirs`. `None` is never. First come, first told.
    pub(super) fn dashed_by(
        &self,
        anything: Option<Tick>,
        one_of_theirs: Option<Tick>,
    ) -> Vec<Turn> {
        let is_late = |comes: Option<Tick>| {
            move |&&(latest, _): &&(Tick, Turn)| comes.is_none_or(|comes| latest < comes)
        };
        let easy = self.easy.iter().take_while(is_late(anything));
        let choosy = self.choosy.iter().take_while(is_late(one_of_theirs));
        let mut dashed: Vec<Turn> = easy.chain(choosy).map(|&(_, turn)| turn).collect();
        dashed.sort_unstable();
        dashed
    }
}

/// What comes later than this is of no use. What a cost makes of that differs from resource to resource.
fn latest<A>(waiting: &Waiting<A>) -> Tick {
    match waiting.hope {
        Some(hope) if !waiting.wish.costs().are_stated() => hope.latest,
        _ => Tick(0),
    }
}
