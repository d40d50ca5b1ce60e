//! The upstream without its wires: what it answers to a call, by the profile.

use std::time::Duration;

use fastrand::Rng;

use crate::profile::{ANSWERS_IN, Key, Kind, Profile, REFUSES_IN};

/// What a caller hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In whole seconds, as the header has it.
    pub(crate) retry_after: Option<Duration>,
}

/// An upstream and its books.
pub(crate) struct Upstream {
    keys: &'static [Key],
    hiccups: f64,
    chance: Rng,
    /// Of each key, the second that was last called in and how many calls were served in it.
    served: Vec<(u64, u32)>,
    received: u64,
}

impl Upstream {
    pub(crate) fn new(profile: &'static Profile, seed: u64) -> Self {
        Self {
            keys: profile.keys,
            hiccups: profile.hiccups,
            chance: Rng::with_seed(seed),
            served: vec![(0, 0); profile.keys.len()],
            received: 0,
        }
    }

    /// How many calls it ever received.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// What a call with this key gets that begins at this time, and how long it takes; nothing if it
    /// hangs for ever.
    pub(crate) fn receive(&mut self, key: usize, now: Duration) -> Option<(Reply, Duration)> {
        self.received += 1;
        // Drawn for every call alike, so that one call's fate does not change another's dice.
        let answers_in = ANSWERS_IN[0] + (ANSWERS_IN[1] - ANSWERS_IN[0]).mul_f64(self.chance.f64());
        let hiccup = self.chance.f64() < self.hiccups;
        let refuse = |status, retry_after| Some((Reply { status, retry_after }, REFUSES_IN));
        let answer_in = |after| Some((Reply { status: 200, retry_after: None }, after));
        if let Some(trouble) = self.keys[key].trouble_at(now) {
            return match trouble.kind {
                Kind::Revoked => refuse(401, None),
                Kind::Limited => refuse(429, Some(whole_seconds(trouble.until - now))),
                Kind::Failing => refuse(503, None),
                Kind::Slow(after) => answer_in(after),
                Kind::Hanging => None,
            };
        }
        if let Some(room) = self.keys[key].room {
            let (second, served) = &mut self.served[key];
            if *second != now.as_secs() {
                (*second, *served) = (now.as_secs(), 0);
            }
            if *served == room {
                return refuse(429, Some(Duration::from_secs(1)));
            }
            *served += 1;
        }
        if hiccup { refuse(503, None) } else { answer_in(answers_in) }
    }
}

/// Rounded up: who comes back then is not too early.
fn whole_seconds(left: Duration) -> Duration {
    Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0))
}
