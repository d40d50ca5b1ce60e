//! The profiles of `benches/failover`, in virtual time: what the pool, as the README has it, owes its
//! callers while an upstream misbehaves. The bench plays them over real HTTP, beside others.

#[path = "../../benches/failover/src/arrivals.rs"]
mod arrivals;
#[path = "../../benches/failover/src/clients/ours.rs"]
mod ours;
#[path = "../../benches/failover/src/perfect.rs"]
mod perfect;
#[path = "../../benches/failover/src/profile.rs"]
mod profile;
#[path = "../../benches/failover/src/upstream.rs"]
mod upstream;

mod play;

use perfect::{Possible, perfect};
use play::play;
use profile::Profile;
use rotapool::Strategy;

const SEEDS: std::ops::RangeInclusive<u64> = 1..=20;

/// What must hold of all seeds together.
struct Owed {
    profile: &'static str,
    /// Of those that a perfect client serves, in hundredths.
    served: f64,
    /// Upstream requests for each request served.
    requests: f64,
}

const OWED: &[Owed] = &[
    Owed { profile: "storm", served: 99.9, requests: 1.30 },
    Owed { profile: "surge", served: 99.9, requests: 1.15 },
    Owed { profile: "brownout", served: 99.9, requests: 1.15 },
    Owed { profile: "flap", served: 99.9, requests: 1.15 },
    Owed { profile: "herd", served: 99.9, requests: 1.30 },
    Owed { profile: "revoked", served: 99.9, requests: 1.15 },
    Owed { profile: "quota", served: 99.9, requests: 1.15 },
    Owed { profile: "blackhole", served: 99.9, requests: 1.15 },
];

#[test]
fn show() {
    for profile in profile::ALL {
        let mut possible = Possible::default();
        for seed in SEEDS {
            possible += perfect(profile, seed);
        }
        print!("{:10} perfect {:6.2} ({:.2})", profile.name,
            possible.served as f64 / possible.arrived as f64 * 100.0,
            possible.requests as f64 / possible.served as f64);
        for strategy in &ours::STRATEGIES[..2] {
            let mut sum = Possible::default();
            for seed in SEEDS {
                sum += play(profile, *strategy, seed);
            }
            print!("  {:?} {:6.2} ({:.2})", strategy, sum.served as f64 / sum.arrived as f64 * 100.0,
                sum.requests as f64 / sum.served as f64);
        }
        println!();
    }
}
