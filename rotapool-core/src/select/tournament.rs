//! An indexed priority queue: the least rank first, and any item's rank can be changed.
//!
//! A tournament (winner) tree with four players a match (D. E. Knuth, The Art of Computer Programming,
//! volume 3, 5.4.1): every item has a seat of its own in the last round, and every seat above holds the
//! least rank of the match below it. A change is played upward until a match keeps its winner, so it
//! writes one cache line a round and moves no other item; nothing has to say where an item stands.
//! Up to four items, the tree is a single match.
//!
//! Items are small integers: the indices of the slots.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::rank::Rank;

const PLAYERS: usize = 4;
const ABSENT: Rank = Rank::LAST;

/// The seats of one match, in one cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Match([Rank; PLAYERS]);

impl Match {
    const EMPTY: Self = Self([ABSENT; PLAYERS]);

    /// The seat with the least rank, and the rank.
    #[inline]
    fn winner(&self) -> (usize, Rank) {
        let [a, b, c, d] = self.0;
        let one = if b < a { (1, b) } else { (0, a) };
        let other = if d < c { (3, d) } else { (2, c) };
        if other.1 < one.1 { other } else { one }
    }
}

/// The match at `at` is fed by the four matches from `at × 4 + 1` on, up to the last round.
#[derive(Debug, Clone)]
pub(crate) struct Tournament {
    matches: Vec<Match>,
    /// The item that won each match; of the first match it is asked anew.
    winners: Vec<u32>,
    /// Where the last round begins.
    last_round: usize,
}

impl Tournament {
    pub(crate) fn new() -> Self {
        Self { matches: vec![Match::EMPTY], winners: vec![0], last_round: 0 }
    }

    /// The item with the least rank.
    #[inline]
    pub(crate) fn least(&self) -> Option<(Rank, usize)> {
        let (seat, rank) = self.matches[0].winner();
        (rank != ABSENT).then(|| (rank, self.feeds(0, seat)))
    }

    /// The item with the least rank among those that are admitted.
    ///
    /// Best first from the top, so it looks at no more than the matches of those it turns down:
    /// O(r log n) for `r` turned down.
    #[inline]
    pub(crate) fn least_where(&self, admits: impl Fn(usize) -> bool) -> Option<(Rank, usize)> {
        self.least().and_then(|least| match admits(least.1) {
            true => Some(least),
            false => self.search(admits),
        })
    }

    fn search(&self, admits: impl Fn(usize) -> bool) -> Option<(Rank, usize)> {
        let mut frontier = BinaryHeap::new();
        let open = |at: usize, frontier: &mut BinaryHeap<Reverse<(Rank, usize, usize)>>| {
            let seats = self.matches.get(at).map(|here| here.0).into_iter().flatten().enumerate();
            frontier.extend(
                seats
                    .filter(|(_, rank)| *rank != ABSENT)
                    .map(|(seat, rank)| Reverse((rank, at, seat))),
            );
        };
        open(0, &mut frontier);
        while let Some(Reverse((rank, at, seat))) = frontier.pop() {
            if at < self.last_round {
                open(at * PLAYERS + 1 + seat, &mut frontier);
            } else if admits(self.feeds(at, seat)) {
                return Some((rank, self.feeds(at, seat)));
            }
        }
        None
    }

    /// Gives `item` this rank, which no other item ever has, putting it in if it is absent.
    #[inline]
    pub(crate) fn set(&mut self, item: usize, rank: Rank) {
        if !self.play(item, rank) {
            self.seat(item, rank);
        }
    }

    /// Takes `item` out, if it is there.
    pub(crate) fn remove(&mut self, item: usize) {
        self.play(item, ABSENT);
    }

    /// Whether `item` is there.
    pub(crate) fn holds(&self, item: usize) -> bool {
        let seats = self.matches.get(self.last_round + item / PLAYERS);
        seats.is_some_and(|seats| seats.0[item % PLAYERS] != ABSENT)
    }

    /// The items there may be: all below this.
    pub(crate) fn bound(&self) -> usize {
        (self.matches.len() - self.last_round) * PLAYERS
    }

    /// All items, the least number first. It walks over them: O(n).
    pub(crate) fn items(&self) -> impl Iterator<Item = usize> {
        (0..self.bound()).filter(|&item| self.holds(item))
    }

    /// Gives every item another rank, without a change of their order: O(n).
    pub(crate) fn rerank(&mut self, change: impl Fn(Rank) -> Rank) {
        let seats = self.matches.iter_mut().flat_map(|seats| &mut seats.0);
        seats.filter(|rank| **rank != ABSENT).for_each(|rank| *rank = change(*rank));
    }

    /// The item in a seat.
    #[inline]
    fn feeds(&self, at: usize, seat: usize) -> usize {
        if at < self.last_round {
            self.winners[at * PLAYERS + 1 + seat] as usize
        } else {
            (at - self.last_round) * PLAYERS + seat
        }
    }

    /// Gives an item this rank, and plays the matches that it changes; `false` if it has no seat.
    #[inline(always)]
    fn play(&mut self, item: usize, rank: Rank) -> bool {
        let at = self.last_round + item / PLAYERS;
        let Some(seats) = self.matches.get_mut(at) else { return false };
        let before = std::mem::replace(&mut seats.0[item % PLAYERS], rank);
        if at > 0 {
            // Who has not won its match, and does not win it now, changes nothing above.
            let winner = *self.above(at);
            if before == winner || rank < winner {
                self.climb(at);
            }
        }
        true
    }

    /// Plays a match, and those above it, until one keeps its winner.
    #[inline(never)]
    fn climb(&mut self, mut at: usize) {
        while at > 0 && self.decide(at) {
            at = (at - 1) / PLAYERS;
        }
    }

    /// The seat in the next round of whoever wins a match.
    #[inline(always)]
    fn above(&mut self, at: usize) -> &mut Rank {
        &mut self.matches[(at - 1) / PLAYERS].0[(at - 1) % PLAYERS]
    }

    /// Tells the next round who won a match; `false` if that is no news.
    #[inline(always)]
    fn decide(&mut self, at: usize) -> bool {
        let (seat, rank) = self.matches[at].winner();
        // Where nobody plays there may be no match either.
        let winner = if rank == ABSENT { 0 } else { self.feeds(at, seat) as u32 };
        let above = self.above(at);
        // A rank belongs to one item: the same rank is the same winner.
        let is_news = *above != rank;
        (*above, self.winners[at]) = (rank, winner);
        is_news
    }

    /// Makes the seat of `item`, with more rounds before it if it takes them, and gives it this rank.
    #[cold]
    fn seat(&mut self, item: usize, rank: Rank) {
        // Each round has four times the seats of the one before.
        let mut first = self.last_round;
        while item / PLAYERS > first * (PLAYERS - 1) {
            first = first * PLAYERS + 1;
        }
        let before = std::mem::replace(&mut self.last_round, first);
        if first > before {
            let last = self.matches.split_off(before);
            self.matches = vec![Match::EMPTY; first];
            self.matches.extend(last);
        }
        self.matches.resize(first + item / PLAYERS + 1, Match::EMPTY);
        self.winners.resize(self.matches.len(), 0);
        if first > before {
            for at in (1..self.matches.len()).rev() {
                self.decide(at);
            }
        }
        self.play(item, rank);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn it_agrees_with_a_sorted_map_under_random_commands() {
        let mut random = fastrand::Rng::with_seed(7);
        for items in [1, 3, 4, 5, 16, 17, 64, 65, 300] {
            let mut tournament = Tournament::new();
            let mut model = BTreeMap::new();
            for _ in 0..20_000 {
                let item = random.usize(..items);
                if random.u8(..3) == 0 {
                    tournament.remove(item);
                    model.remove(&item);
                } else {
                    let rank = Rank::new(random.u64(..99), item as u64);
                    tournament.set(item, rank);
                    model.insert(item, rank);
                }
                let least = |admits: fn(usize) -> bool| {
                    let admitted = model.iter().filter(|(item, _)| admits(**item));
                    admitted.map(|(&item, &rank)| (rank, item)).min()
                };
                assert_eq!(tournament.least(), least(|_| true));
                let odd = |item| item % 2 == 1;
                assert_eq!(tournament.least_where(odd), least(odd));
                assert_eq!(tournament.holds(item), model.contains_key(&item));
                if random.u8(..100) == 0 {
                    assert!(tournament.items().eq(model.keys().copied()));
                    let later = |rank: Rank| Rank::new(rank.major() + 3, rank.minor());
                    tournament.rerank(later);
                    model.values_mut().for_each(|rank| *rank = later(*rank));
                }
            }
        }
    }

    #[test]
    fn however_many_there_are_it_looks_at_those_it_turns_down_and_the_one_it_takes() {
        for items in [100_u64, 100_000] {
            let mut tournament = Tournament::new();
            (0..items).for_each(|item| tournament.set(item as usize, Rank::new(item, 0)));
            for turned_down in [0, 1, 4, 50] {
                let looks = std::cell::Cell::new(0);
                let found = tournament.least_where(|item| {
                    looks.set(looks.get() + 1);
                    item >= turned_down
                });
                assert_eq!(found.map(|(_, item)| item), Some(turned_down));
                // The first of all is looked at once more, before the search.
                assert!(looks.get() <= turned_down + 2, "{} looks", looks.get());
            }
        }
    }

    #[test]
    fn items_come_out_in_order_of_their_ranks() {
        let mut random = fastrand::Rng::with_seed(9);
        let mut tournament = Tournament::new();
        let mut ranks: Vec<Rank> = (0..1000).map(|_| Rank::new(random.u64(..), 0)).collect();
        for (item, &rank) in ranks.iter().enumerate().rev() {
            tournament.set(item, rank);
        }
        ranks.sort_unstable();
        for expected in ranks {
            let (rank, item) = tournament.least().unwrap();
            assert_eq!(rank, expected);
            tournament.remove(item);
        }
        assert_eq!(tournament.least(), None);
    }
}
