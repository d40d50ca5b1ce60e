//! What is typical of the resources of one episode, and of what its runs want of them.

use std::sync::Arc;

use fastrand::Rng;
use rotapool_core::{Metadata, Profile};

use crate::temper::pick;

pub(crate) struct Traits {
    caps: &'static [Option<u32>],
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
        profile
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
