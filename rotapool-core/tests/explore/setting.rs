//! What is explored: a small pool, its rules, and the runs that come.

use std::fmt;
use std::time::Duration;

use rotapool_core::{Config, Profile, Strategy};

use crate::twice::observed::Moment;
use crate::twice::reference::Terms;

const IDS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) rules: Config,
    /// How many ids there are to add.
    pub(crate) resources: usize,
    /// How many runs live at once.
    pub(crate) runs: usize,
    /// How many kinds of runs there are, of [`terms`](Self::terms).
    pub(crate) kinds: usize,
    /// Whether there are caps.
    pub(crate) caps: bool,
}

impl Setting {
    /// Every combination of the rules, of small and of larger pools.
    pub(crate) fn all_of(strategy: Strategy) -> impl Iterator<Item = Self> {
        let shapes = [(1, 2, 1), (2, 2, 1), (1, 2, 2), (2, 3, 2), (3, 4, 2)];
        let switches = |number: u32| [1, 2, 4, 8].map(|switch| number & switch != 0);
        shapes.into_iter().flat_map(move |(resources, runs, kinds)| {
            (0..16).map(move |number| {
                let [probe, siblings, one_trip, caps] = switches(number);
                let mut rules = Config::default();
                rules.strategy = strategy;
                rules.cooldown_table = [2, 4].map(Duration::from_secs).to_vec();
                rules.probe_on_recovery = probe;
                rules.cancel_siblings = siblings;
                rules.one_trip_per_outage = one_trip;
                Self { rules, resources, runs, kinds, caps }
            })
        })
    }

    pub(crate) fn ids(&self) -> &'static [&'static str] {
        &IDS[..self.resources]
    }

    pub(crate) fn profile(&self, id: &str) -> Profile {
        let mut profile = Profile::new(id);
        let (cap, weight, priority) = match id {
            "a" => (1, 2.0, 1),
            "b" => (2, 1.0, 0),
            _ => (2, 1.0, 0),
        };
        profile.max_in_flight = self.caps.then_some(cap);
        (profile.weight, profile.priority) = (weight, priority);
        profile
    }

    /// The kinds of runs: one that gives up at once, and one that waits and pauses.
    ///
    /// All times are multiples of 2 s: things end at the same instant often, and there are fewer states.
    pub(crate) fn terms(now: Moment) -> [Terms; 2] {
        let seconds = Duration::from_secs;
        let impatient = Terms {
            max_attempts: 2,
            retry_delay: Duration::ZERO,
            deadline: None,
            wait_for_cooldown: false,
            exclude: Vec::new(),
            wants: None,
            affinity: None,
        };
        let patient = Terms {
            max_attempts: 3,
            retry_delay: seconds(4),
            deadline: Some(now + seconds(6)),
            wait_for_cooldown: true,
            ..impatient.clone()
        };
        [impatient, patient]
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rules, resources, runs, kinds, caps } = self;
        let kinds = if *kinds == 1 { "impatient " } else { "" };
        write!(f, "{:?}, {resources} resources, {runs} {kinds}runs", rules.strategy)?;
        for (is_on, name) in [
            (*caps, "caps"),
            (rules.probe_on_recovery, "probe"),
            (rules.cancel_siblings, "siblings"),
            (rules.one_trip_per_outage, "one trip"),
        ] {
            write!(f, ", {}{name}", if is_on { "" } else { "no " })?;
        }
        Ok(())
    }
}
