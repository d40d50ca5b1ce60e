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
            // Not the dice of the arrivals.
            chance: Rng::with_seed(!seed),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;

    fn upstream(name: &str) -> Upstream {
        let profile = profile::ALL.iter().find(|profile| profile.name == name);
        Upstream::new(profile.expect("a profile"), 1)
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_key_has_room_in_every_second_and_says_when_there_is_more() {
        let mut upstream = upstream("herd");
        let mut statuses = |second: u64| {
            (0..12)
                .map(|n| upstream.receive(0, at(1_000 * second + n)))
                .map(|received| {
                    let (reply, takes) = received.expect("an answer");
                    assert_eq!(reply.retry_after.is_some(), reply.status == 429);
                    assert_eq!(takes == REFUSES_IN, reply.status == 429);
                    reply.status
                })
                .collect::<Vec<_>>()
        };
        for second in [2, 3] {
            let statuses = statuses(second);
            assert!(statuses[..10].iter().all(|status| *status == 200), "{statuses:?}");
            assert_eq!(statuses[10..], [429; 2]);
        }
    }

    #[test]
    fn who_comes_back_as_told_is_not_too_early() {
        for asked in [0, 1, 999, 1_000, 1_999] {
            let mut upstream = upstream("herd");
            let (reply, _) = upstream.receive(0, at(asked)).expect("an answer");
            assert_eq!(reply.status, 429);
            let back = at(asked) + reply.retry_after.expect("a hint");
            assert_eq!(upstream.receive(0, back).expect("an answer").0.status, 200, "{asked}");
        }
    }

    #[test]
    fn troubles_begin_and_end() {
        let status = |name, key, millis| Some(upstream(name).receive(key, at(millis))?.0.status);
        assert_eq!(
            [3_999, 4_000, 6_999, 7_000].map(|at| status("flap", 0, at)),
            [200, 503, 503, 200].map(Some)
        );
        assert_eq!([999, 1_000].map(|at| status("revoked", 0, at)), [200, 401].map(Some));
        assert_eq!([2_999, 3_000].map(|at| status("blackhole", 0, at)), [Some(200), None]);
        assert_eq!(upstream("quota").receive(1, at(0)).unwrap().0.retry_after, Some(at(3_600_000)));
        assert_eq!(upstream("brownout").receive(0, at(3_000)).unwrap().1, at(3_000));
    }
}
