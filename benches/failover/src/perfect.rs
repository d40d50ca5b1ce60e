//! What a perfect client could do: one that knows the profile, and nothing of the dice.
//!
//! It calls no key in trouble, knows how much room each has in every second, serves first who came
//! first, waits where there is no room and gives up at once who cannot be served in time. A 503 out of
//! the blue costs it a call, a place and another try at once. All requests have the same patience, so
//! nobody serves more in time by another order, but for those tries: they stand behind who has booked
//! before, and a better client might let them overtake.

use std::ops::AddAssign;
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

impl Possible {
    pub(crate) fn served_percent(&self) -> f64 {
        self.served as f64 / self.arrived as f64 * 100.0
    }

    /// Calls for every request served.
    pub(crate) fn requests_per_served(&self) -> f64 {
        self.requests as f64 / self.served as f64
    }
}

impl AddAssign for Possible {
    fn add_assign(&mut self, more: Self) {
        self.arrived += more.arrived;
        self.served += more.served;
        self.requests += more.requests;
    }
}

pub(crate) fn perfect(profile: &Profile, seed: u64) -> Possible {
    perfect_if(ANSWERS_IN, profile, seed)
}

/// The same if good answers take this long: anything in between.
pub(crate) fn perfect_if(answers_in: [Duration; 2], profile: &Profile, seed: u64) -> Possible {
    let mut chance = Rng::with_seed(!seed);
    let mut diary = Diary { keys: profile.keys, booked: vec![Vec::new(); profile.keys.len()] };
    let mut possible = Possible::default();
    for arrival in arrivals(profile, seed) {
        possible.arrived += 1;
        let mut ready = arrival;
        loop {
            let takes = answers_in[0] + (answers_in[1] - answers_in[0]).mul_f64(chance.f64());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;

    #[test]
    fn where_some_key_always_serves_everybody_is_served() {
        for profile in profile::ALL.iter().filter(|profile| profile.name != "herd") {
            let Possible { arrived, served, requests } = perfect(profile, 1);
            assert_eq!(served, arrived, "{}", profile.name);
            assert_eq!(requests > served, profile.hiccups > 0.0, "{}", profile.name);
        }
    }

    #[test]
    fn in_herd_it_loses_whose_time_is_up_when_the_keys_open_and_who_then_finds_no_room() {
        let herd = profile::ALL.iter().find(|profile| profile.name == "herd").expect("a profile");
        let ms = Duration::from_millis;
        for (seed, takes) in (1..=20).flat_map(|seed| ANSWERS_IN.map(|takes| (seed, takes))) {
            let Possible { arrived, served, .. } = perfect_if([takes; 2], herd, seed);
            // Whose latest moment to begin is before then.
            let due_by = |then: Duration| {
                let due =
                    arrivals(herd, seed).into_iter().filter(|at| *at + DEADLINE < then + takes);
                due.count() as u64
            };
            let gone = due_by(ms(2_000));
            let crowded_out = (due_by(ms(3_000)) - gone).saturating_sub(50);
            assert_eq!(arrived - served, gone + crowded_out, "seed {seed}, {takes:?}");
        }
    }

    #[test]
    fn too_little_room_serves_as_many_as_there_is_room() {
        const KEYS: &[Key] = &[Key { room: Some(10), trouble: None }];
        let tight = Profile { name: "", about: "", rate: 40.0, hiccups: 0.0, keys: KEYS };
        let Possible { served, requests, .. } = perfect(&tight, 1);
        // Ten in each of the twelve seconds, and in the two that the last may wait.
        assert!((130..=140).contains(&served), "{served}");
        assert_eq!(requests, served);
    }
}
