//! The profiles of `benches/failover`, in virtual time: what the pool owes its callers while an upstream
//! misbehaves. The bench plays the same over real HTTP, beside others.

#[path = "../../benches/failover/src/arrivals.rs"]
mod arrivals;
#[path = "../../benches/failover/src/clients/ours.rs"]
mod ours;
#[path = "../../benches/failover/src/perfect.rs"]
mod perfect;
mod play;
#[path = "../../benches/failover/src/profile.rs"]
mod profile;
#[path = "../../benches/failover/src/upstream.rs"]
mod upstream;

use std::ops::RangeInclusive;
use std::time::Duration;

use ours::Setup;
use perfect::{Possible, perfect_if};
use play::{Wire, play};
use profile::{ANSWERS_IN, Profile};
use rotapool::Strategy;

/// What must hold of a profile, over all seeds.
struct Owed {
    profile: &'static str,
    /// In hundredths of what a perfect client serves even if every answer takes its longest.
    served: f64,
    /// Upstream requests for every request served, by the default strategy.
    requests: f64,
    by: By,
}

#[derive(PartialEq)]
enum By {
    EveryStrategy,
    /// A strategy that does not look at load or latency goes on calling what is slow.
    TheDefault,
}

const OWED: &[Owed] = &[
    // In `storm` and `herd` no more than a naive round robin sends. In `herd` the hint is in whole seconds,
    // so that whoever trusts it is back up to a second late, and some requests of each load are lost by it: a
    // perfect client knows the instant, and the pool does not second-guess what an upstream states.
    Owed { profile: "storm", served: 99.9, requests: 1.25, by: By::EveryStrategy },
    // 1.15 to two places: a ramp that lets nobody run out of time costs a third of a hundredth.
    Owed { profile: "surge", served: 99.9, requests: 1.155, by: By::EveryStrategy },
    Owed { profile: "brownout", served: 99.9, requests: 1.15, by: By::TheDefault },
    Owed { profile: "flap", served: 99.9, requests: 1.15, by: By::EveryStrategy },
    Owed { profile: "herd", served: 99.0, requests: 1.6, by: By::EveryStrategy },
    Owed { profile: "revoked", served: 99.9, requests: 1.15, by: By::EveryStrategy },
    Owed { profile: "quota", served: 99.9, requests: 1.15, by: By::EveryStrategy },
    Owed { profile: "blackhole", served: 99.9, requests: 1.15, by: By::TheDefault },
];

#[test]
fn every_profile_is_owed_something() {
    let names: Vec<_> = profile::ALL.iter().map(|profile| profile.name).collect();
    let owed: Vec<_> = OWED.iter().map(|owed| owed.profile).collect();
    assert_eq!(owed, names);
}

#[test]
fn the_pool_as_the_readme_has_it_serves_what_a_perfect_client_could() {
    let mut report = Report::default();
    for (owed, profile) in OWED.iter().zip(profile::ALL) {
        let played = report.play(
            profile,
            Setup::Readme,
            Wire::NONE,
            1..=std::env::var("SEEDS").map_or(20, |s| s.parse().unwrap()),
        );
        let holds = played.serves(owed) && played.ours.requests_per_served() <= owed.requests;
        report.judge(profile, holds);
    }
    report.assert_all_hold();
}

/// On a wire calls overtake each other, and a call that was refused was not always sent behind those that are served.
#[test]
fn nor_does_it_lose_what_overtakes_on_the_way() {
    let mut report = Report::default();
    for (owed, profile) in OWED.iter().zip(profile::ALL) {
        for wire in [1, 3, 10].map(Duration::from_millis).map(Wire) {
            let played = report.play(profile, Setup::Readme, wire, 1..=5);
            // What takes up to 20 ms longer, there and back, is a part of what a request has.
            let (served, requests) = (owed.served - 0.7, owed.requests + 0.1);
            let holds = played.ours.served as f64
                >= played.perfect[0].served as f64 * served / 100.0
                && played.ours.requests_per_served() <= requests;
            report.judge(profile, holds);
        }
    }
    report.assert_all_hold();
}

#[test]
fn so_does_every_strategy_where_no_resource_is_slow() {
    let mut report = Report::default();
    for (owed, profile) in OWED.iter().zip(profile::ALL) {
        if owed.by == By::EveryStrategy {
            let each = Strategy::ALL.iter().map(|strategy| Setup::With(*strategy));
            let played: Vec<_> =
                each.map(|one| report.play(profile, one, Wire::NONE, 1..=3)).collect();
            let hold = played.iter().all(|played| played.serves(owed));
            report.judge(profile, hold);
        }
    }
    report.assert_all_hold();
}

/// The upstream counts by the seconds of its clock, and so do the quotas: whoever keeps to them is hardly ever refused.
#[test]
fn a_breaker_and_quotas_make_nothing_worse() {
    let mut report = Report::default();
    for (owed, profile) in OWED.iter().zip(profile::ALL) {
        let [without, with] = [Setup::Readme, Setup::BreakerAndQuotas].map(|setup| {
            report.play(
                profile,
                setup,
                Wire::NONE,
                1..=std::env::var("SEEDS").map_or(20, |s| s.parse().unwrap()),
            )
        });
        let holds = with.serves(owed)
            && with.ours.served >= without.ours.served
            && with.ours.requests_per_served() <= owed.requests
            && with.ours.requests_per_served() <= without.ours.requests_per_served();
        report.judge(profile, holds);
    }
    report.assert_all_hold();
}

/// What a perfect client and the pool made of the same loads.
#[derive(Default)]
struct Played {
    /// If every answer takes its longest; and its shortest.
    perfect: [Possible; 2],
    ours: Possible,
}

impl Played {
    fn serves(&self, owed: &Owed) -> bool {
        self.ours.served as f64 >= self.perfect[0].served as f64 * owed.served / 100.0
    }
}

/// What was found, to be shown as a whole when something does not hold.
#[derive(Default)]
struct Report {
    text: String,
    broken: usize,
}

impl Report {
    /// Plays the loads of these seeds.
    fn play(
        &mut self,
        profile: &'static Profile,
        setup: Setup,
        wire: Wire,
        seeds: RangeInclusive<u64>,
    ) -> Played {
        let mut played = Played::default();
        for seed in seeds {
            let [shortest, longest] = ANSWERS_IN.map(|takes| perfect_if([takes; 2], profile, seed));
            played.perfect[0] += longest;
            played.perfect[1] += shortest;
            played.ours += play(profile, setup, wire, seed);
        }
        let Played { perfect: [least, most], ours } = &played;
        let by = match setup {
            Setup::Readme => "default".to_owned(),
            Setup::With(strategy) => format!("{strategy:?}"),
            Setup::BreakerAndQuotas => "protected".to_owned(),
        };
        // If it could, the bench would measure everybody by something that is not perfect.
        assert!(ours.served <= most.served, "{by} beats a perfect client in {}", profile.name);
        self.text += &format!(
            "{:9} {by:13} {:5?}  {:6.2} % ({:.2}) of {:6.2} % ({:.2})\n",
            profile.name,
            wire.0,
            ours.served_percent(),
            ours.requests_per_served(),
            least.served_percent(),
            least.requests_per_served(),
        );
        played
    }

    /// Says whether what was played of a profile holds.
    fn judge(&mut self, profile: &Profile, holds: bool) {
        self.broken += usize::from(!holds);
        let verdict = if holds { "holds" } else { "DOES NOT HOLD" };
        self.text += &format!("{}: {verdict} ({})\n\n", profile.name, profile.about);
    }

    fn assert_all_hold(&self) {
        println!("{}", self.text);
        assert_eq!(self.broken, 0, "owed and not done, see above");
    }
}
