//! What is typical of the resources of one episode, and of what its runs want of them.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use rotapool_core::{Metadata, Profile, Quota};

use crate::temper::pick;

pub(crate) struct Traits {
    caps: &'static [Option<u32>],
    /// How probable it is that a resource has quotas, and that a run states a cost.
    quotas: f64,
    costs: f64,
    /// How probable it is that a resource belongs to a group.
    groups: f64,
    weights: &'static [f64],
    priorities: u32,
    /// How probable it is that a run keeps some ids out.
    excludes: f64,
    /// How probable it is that a run judges by the metadata.
    judges: f64,
    /// How probable it is that a run has a key.
    keys: f64,
}

impl Traits {
    pub(crate) fn random(random: &mut Rng) -> Self {
        Self {
            caps: caps(random),
            quotas: pick(random, &[0.0, 0.0, 0.4, 1.0]),
            costs: pick(random, &[0.0, 0.3]),
            groups: pick(random, &[0.0, 0.0, 0.5, 1.0]),
            weights: pick(random, &[&[0.5, 1.0, 2.0, 5.0, 0.005], &[1.0], &[1.0, 5.0]]),
            priorities: random.u32(1..=3),
            excludes: pick(random, &[0.0, 0.0, 0.1, 0.5]),
            judges: pick(random, &[0.0, 0.0, 0.2, 0.6]),
            keys: pick(random, &[0.0, 0.5, 1.0]),
        }
    }

    pub(crate) fn profile(&self, random: &mut Rng, id: &str) -> Profile {
        let mut profile = Profile::new(id);
        profile.max_in_flight = pick(random, self.caps);
        profile.weight = pick(random, self.weights);
        profile.priority = random.u32(..self.priorities);
        let mut metadata = Metadata::default();
        if let Some(tier) = pick(random, &[None, Some("gold"), Some("tin"), Some("tin")]) {
            metadata.set("tier", tier);
        }
        profile.metadata = Arc::new(metadata);
        if random.f64() < self.quotas {
            let quota = |amount, seconds| Quota::per(amount, Duration::from_secs(seconds));
            let requests = [quota(1, 2), quota(2, 1), quota(3, 10), quota(5, 7).burst(2)];
            let sliding = [quota(2, 1).sliding(), quota(3, 10).sliding()];
            let tokens = [quota(10, 3), quota(7, 10).burst(20), quota(10, 3).sliding()];
            let requests = [&requests[..], &sliding].concat();
            let both = [pick(random, &requests), pick(random, &tokens).of("tokens")];
            profile.quotas = match random.u8(..3) {
                0 => both[..1].to_vec(),
                1 => both[1..].to_vec(),
                _ => both.to_vec(),
            };
        }
        if random.f64() < self.groups {
            profile.group = Some(pick(random, &["org", "org", "house"]).into());
        }
        profile
    }

    /// What a run costs.
    pub(crate) fn cost(&self, random: &mut Rng) -> Vec<(Arc<str>, u64)> {
        if random.f64() >= self.costs {
            return Vec::new();
        }
        let tokens = ("tokens".into(), pick(random, &[1, 4, 10, 15, 100]));
        let requests = ("requests".into(), pick(random, &[1, 2, 3]));
        match random.u8(..3) {
            0 => vec![tokens],
            1 => vec![requests],
            _ => vec![requests, tokens],
        }
    }

    pub(crate) fn excluded(&self, random: &mut Rng, ids: &[&str]) -> Vec<Arc<str>> {
        if random.f64() >= self.excludes {
            return Vec::new();
        }
        let often = pick(random, &[0.2, 0.4, 0.8]);
        ids.iter().filter(|_| random.f64() < often).map(|&id| id.into()).collect()
    }

    pub(crate) fn wanted(&self, random: &mut Rng) -> Option<&'static str> {
        let judges = random.f64() < self.judges;
        judges.then(|| pick(random, &["gold", "tin", "tin"]))
    }

    pub(crate) fn key(&self, random: &mut Rng) -> Option<u64> {
        // Few keys, so that they meet on a resource.
        let key = pick(random, &[0, 1, u64::MAX, 0x1234_5678_9abc_def0]);
        (random.f64() < self.keys).then_some(key)
    }
}

fn caps(random: &mut Rng) -> &'static [Option<u32>] {
    let all: [&[_]; 5] =
        [&[None], &[None, None, Some(1)], &[Some(1)], &[Some(1), Some(2)], &[None, Some(3)]];
    pick(random, &all)
}
