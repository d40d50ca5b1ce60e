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

use perfect::{Possible, perfect_if};
use play::play;
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
    // so that whoever trusts it is back a little late, and about one request of each load is lost by it.
    Owed { profile: "storm", served: 99.9, requests: 1.25, by: By::EveryStrategy },
    Owed { profile: "surge", served: 99.9, requests: 1.15, by: By::EveryStrategy },
    Owed { profile: "brownout", served: 99.9, requests: 1.15, by: By::TheDefault },
    Owed { profile: "flap", served: 99.9, requests: 1.15, by: By::EveryStrategy },
    Owed { profile: "herd", served: 99.7, requests: 1.6, by: By::EveryStrategy },
    Owed { profile: "revoked", served: 99.9, requests: 1.15, by: By::EveryStrategy },
    Owed { profile: "quota", served: 99.9, requests: 1.15, by: By::EveryStrategy },
    Owed { profile: "blackhole", served: 99.9, requests: 1.15, by: By::TheDefault },
];

/// What does not hold yet, in all or in part. A profile that is named here and does hold fails the test
/// too: strike it out.
const NOT_YET_BY_THE_DEFAULT: &[&str] =
    &["storm", "surge", "brownout", "flap", "herd", "blackhole"];
const NOT_YET_BY_EVERY_STRATEGY: &[&str] = &["storm", "surge", "flap", "herd"];

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
        let played = report.play(profile, None, 1..=20);
        let holds = played.serves(owed) && played.ours.requests_per_served() <= owed.requests;
        report.judge(profile, holds, !NOT_YET_BY_THE_DEFAULT.contains(&profile.name));
    }
    report.assert_as_expected();
}

#[test]
fn so_does_every_strategy_where_no_resource_is_slow() {
    let mut report = Report::default();
    for (owed, profile) in OWED.iter().zip(profile::ALL) {
        if owed.by == By::EveryStrategy {
            let each = Strategy::ALL.iter().map(|strategy| Some(*strategy));
            let played: Vec<_> = each.map(|one| report.play(profile, one, 1..=3)).collect();
            let hold = played.iter().all(|played| played.serves(owed));
            report.judge(profile, hold, !NOT_YET_BY_EVERY_STRATEGY.contains(&profile.name));
        }
    }
    report.assert_as_expected();
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

/// What was found, to be shown as a whole when something is not as expected.
#[derive(Default)]
struct Report {
    text: String,
    surprises: usize,
}

impl Report {
    /// Plays the loads of these seeds; no strategy is what the README has.
    fn play(
        &mut self,
        profile: &'static Profile,
        strategy: Option<Strategy>,
        seeds: RangeInclusive<u64>,
    ) -> Played {
        let mut played = Played::default();
        for seed in seeds {
            let [shortest, longest] = ANSWERS_IN.map(|takes| perfect_if([takes; 2], profile, seed));
            played.perfect[0] += longest;
            played.perfect[1] += shortest;
            played.ours += play(profile, strategy, seed);
        }
        let Played { perfect: [least, most], ours } = &played;
        let by = strategy.map_or_else(|| "default".to_owned(), |strategy| format!("{strategy:?}"));
        // If it could, the bench would measure everybody by something that is not perfect.
        assert!(ours.served <= most.served, "{by} beats a perfect client in {}", profile.name);
        self.text += &format!(
            "{:9} {by:13}  {:6.2} % ({:.2}) of {:6.2} % ({:.2})\n",
            profile.name,
            ours.served_percent(),
            ours.requests_per_served(),
            least.served_percent(),
            least.requests_per_served(),
        );
        played
    }

    /// Says whether what was played of a profile holds.
    fn judge(&mut self, profile: &Profile, holds: bool, expected: bool) {
        self.surprises += usize::from(holds != expected);
        let verdict = match (holds, expected) {
            (true, true) => "holds",
            (false, false) => "does not hold yet",
            (true, false) => "HOLDS NOW: strike it out of what does not yet",
            (false, true) => "DOES NOT HOLD",
        };
        self.text += &format!("{}: {verdict} ({})\n\n", profile.name, profile.about);
    }

    fn assert_as_expected(&self) {
        println!("{}", self.text);
        assert_eq!(self.surprises, 0, "not as expected, see above");
    }
}
