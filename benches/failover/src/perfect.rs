//! What a perfect client could do: one that knows the profile, and nothing of the dice.
//!
//! It calls no key in trouble, knows how much room each has in every second, serves first who came
//! first, waits where there is no room and gives up at once who cannot be served in time. A 503 out of
//! the blue costs it a call, a place and another try at once. All requests have the same patience, so
//! nobody serves more in time by another order, but for those tries: they stand behind who has booked
//! before, and a better client might let them overtake.

use std::time::Duration;

use fastrand::Rng;

use crate::arrivals::arrivals;
use crate::profile::{ANSWERS_IN, DEADLINE, Key, Profile, REFUSES_IN};

/// What came of a load.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Possible {
    pub(crate) arrived: u64,
    pub(crate) served: u64,
    /// Calls to the upstream.
    pub(crate) requests: u64,
}

pub(crate) fn perfect(profile: &Profile, seed: u64) -> Possible {
    let mut chance = Rng::with_seed(seed);
    let mut diary = Diary { keys: profile.keys, booked: vec![Vec::new(); profile.keys.len()] };
    let mut possible = Possible::default();
    for arrival in arrivals(profile, seed) {
        possible.arrived += 1;
        let mut ready = arrival;
        loop {
            let takes = ANSWERS_IN[0] + (ANSWERS_IN[1] - ANSWERS_IN[0]).mul_f64(chance.f64());
            let latest = (arrival + DEADLINE).saturating_sub(takes);
            let Some(begin) = diary.book(ready, latest) else { break };
            possible.requests += 1;
            if chance.f64() >= profile.hiccups {
                possible.served += 1;
                break;
            }
            ready = begin + REFUSES_IN;
        }
    }
    possible
}

/// How many calls are to begin in each second with each key.
struct Diary {
    keys: &'static [Key],
    booked: Vec<Vec<u32>>,
}

impl Diary {
    /// Books the first moment of these in which some key has room.
    fn book(&mut self, from: Duration, latest: Duration) -> Option<Duration> {
        let (at, key) = (0..self.keys.len())
            .filter_map(|key| Some((self.first_moment(key, from)?, key)))
            .min()
            .filter(|(at, _)| *at <= latest)?;
        *self.of(key, at.as_secs()) += 1;
        Some(at)
    }

    /// When a key first has room, if ever.
    fn first_moment(&mut self, key: usize, from: Duration) -> Option<Duration> {
        let Key { room, .. } = self.keys[key];
        let mut at = from;
        // Nobody waits longer than the patience of all; the hours of a lost quota need no search.
        while at <= from + DEADLINE {
            if let Some(trouble) = self.keys[key].trouble_at(at) {
                at = trouble.until;
            } else if room.is_some_and(|room| *self.of(key, at.as_secs()) >= room) {
                at = Duration::from_secs(at.as_secs() + 1);
            } else {
                return Some(at);
            }
        }
        None
    }

    fn of(&mut self, key: usize, second: u64) -> &mut u32 {
        let (booked, second) = (&mut self.booked[key], second as usize);
        if booked.len() <= second {
            booked.resize(second + 1, 0);
        }
        &mut booked[second]
    }
}

impl std::ops::AddAssign for Possible {
    fn add_assign(&mut self, more: Self) {
        self.arrived += more.arrived;
        self.served += more.served;
        self.requests += more.requests;
    }
}
