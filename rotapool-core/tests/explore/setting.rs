//! What is explored: a small pool, its rules, and the runs that come.

use std::fmt;
use std::time::Duration;

use rotapool_core::{Config, Hedge, Profile, Quota, Recovery, RetryBudget, Rules, Strategy, Trial};

use crate::twice::observed::Moment;
use crate::twice::reference::{Asking, Breaking, Terms};

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
    /// Whether the pool may close.
    pub(crate) closes: bool,
    /// Whether there are quotas: two at once, and another every 2 s.
    pub(crate) quotas: bool,
    /// Whether runs state that they cost two, also where they stand in line.
    pub(crate) costs: bool,
    /// Whether all belong to one group, which has quotas too, and of which signals may speak.
    pub(crate) groups: bool,
    /// Whether somebody looks at the clock, punctually, and a prober asks whoever is out.
    pub(crate) attended: bool,
    /// Whether runs try what is out early.
    pub(crate) tries: bool,
    /// Whether attempts are hedged, after 2 s.
    pub(crate) hedges: bool,
    /// Whether callers hold what they get: a checkout or a stream, each with a bound.
    pub(crate) holds: bool,
}

/// What there is in a pool beside its resources and runs.
#[derive(Clone, Copy, Default)]
struct Beside {
    closes: bool,
    quotas: bool,
    costs: bool,
    groups: bool,
    attended: bool,
    tries: bool,
    hedges: bool,
    holds: bool,
}

impl Setting {
    /// Every combination of the rules, of small and of larger pools.
    pub(crate) fn all_of(strategy: Strategy) -> impl Iterator<Item = Self> {
        let shapes = [(1, 2, 1), (2, 2, 1), (1, 2, 2), (2, 3, 2), (3, 4, 2)];
        let with = |beside: Beside| move |shape| (shape, beside);
        let none = Beside::default();
        let open = shapes.into_iter().map(with(none));
        let closing = [(1, 2, 2), (2, 3, 2)].into_iter().map(with(Beside { closes: true, ..none }));
        let quotas = Beside { quotas: true, ..none };
        let metered = [(1, 2, 2), (2, 2, 2)].into_iter().map(with(quotas));
        let attended = Beside { attended: true, ..none };
        let watched = [(1, 1, 2), (2, 1, 1)].into_iter().map(with(attended));
        let both = [(1, 1, 1)].into_iter().map(with(Beside { attended: true, ..quotas }));
        let costly = [(1, 2, 2), (2, 2, 2)].into_iter().map(with(Beside { costs: true, ..quotas }));
        let grouped = [(2, 1, 1), (2, 2, 2)].into_iter().map(with(Beside { groups: true, ..none }));
        let trying = [(2, 1, 2), (2, 2, 1)].into_iter().map(with(Beside { tries: true, ..none }));
        let holding = [(1, 2, 1), (2, 2, 2)].into_iter().map(with(Beside { holds: true, ..none }));
        let ending = Beside { holds: true, closes: true, ..none };
        let ending = [(1, 2, 1)].into_iter().map(with(ending));
        let shapes = open.chain(closing).chain(metered).chain(watched).chain(both);
        let hedges = Beside { hedges: true, ..none };
        let hedging = [(2, 1, 2), (2, 2, 2)].into_iter().map(with(hedges));
        let in_groups = [(2, 1, 1)].into_iter().map(with(Beside { groups: true, ..hedges }));
        let ending_too = [(2, 2, 1)].into_iter().map(with(Beside { closes: true, ..hedges }));
        let metered_too = [(2, 2, 1)].into_iter().map(with(Beside { quotas: true, ..hedges }));
        let shapes = shapes.chain(costly).chain(grouped).chain(trying);
        let shapes = shapes.chain(hedging).chain(in_groups).chain(ending_too).chain(metered_too);
        let shapes = shapes.chain(holding).chain(ending);
        shapes.flat_map(move |((resources, runs, kinds), beside)| {
            let Beside { closes, quotas, costs, groups, attended, tries, hedges, holds } = beside;
            let switches = [(false, false), (false, true), (true, false), (true, true)];
            switches.into_iter().flat_map(move |(siblings, caps)| {
                // By the recorded rules nobody may, and what is over is noticed late.
                let is_ours = tries || hedges || holds;
                let configs = configs().filter(move |it| !is_ours || it.rules == Rules::OURS);
                configs.map(move |mut rules| {
                    rules.probe_early = tries.then(|| Duration::from_secs(1));
                    rules.hedge = hedges.then(|| Hedge::After(Duration::from_secs(2)));
                    // One that is spent soon, and not at once.
                    if hedges && rules.retry_budget.is_none() {
                        let budget = RetryBudget::percent(100).min_per_second(0);
                        rules.retry_budget = Some(budget.window(Duration::from_secs(20)));
                    }
                    rules.strategy = strategy;
                    rules.cooldown_table = [2, 4].map(Duration::from_secs).to_vec();
                    rules.cancel_siblings = siblings;
                    rules.cancel_streams = holds && caps;
                    // With many runs the line gets full.
                    rules.max_waiting = if runs > 2 { 1 } else { rules.max_waiting };
                    Self {
                        rules,
                        resources,
                        runs,
                        kinds,
                        caps,
                        closes,
                        quotas,
                        costs,
                        groups,
                        attended,
                        tries,
                        hedges,
                        holds,
                    }
                })
            })
        })
    }

    pub(crate) fn ids(&self) -> &'static [&'static str] {
        &IDS[..self.resources]
    }

    /// Whether operators park: in the smallest pools, for there are many more states.
    pub(crate) fn parks(&self) -> bool {
        self.resources * self.runs <= 2 && !self.groups || self.tries
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
        if self.quotas {
            let seconds = Duration::from_secs;
            profile.quotas.push(match id {
                "a" => Quota::per(1, seconds(2)).burst(2),
                _ => Quota::per(2, seconds(4)).sliding(),
            });
        }
        profile.group = self.groups.then(|| "org".into());
        profile
    }

    /// The rules of the prober.
    pub(crate) fn asking() -> Asking {
        Asking {
            every: Duration::from_secs(2),
            jitter: 0.0,
            limit: Duration::from_secs(2),
            unused_for: None,
            disabled_too: true,
            // The place of a probe is no usage of the ledger's: the model knows those.
            within_limits: false,
        }
    }

    /// The kinds of runs: one that gives up at once, and one that waits and pauses.
    ///
    /// All times are multiples of 2 s: things end at the same instant often, and there are fewer states.
    pub(crate) fn terms(&self, now: Moment) -> [Terms; 2] {
        let seconds = Duration::from_secs;
        let impatient = Terms {
            // Who has one attempt tries nothing early.
            max_attempts: if self.tries && self.runs == 1 { 1 } else { 2 },
            retry_delay: Duration::ZERO,
            deadline: None,
            attempt_timeout: Some(seconds(4)),
            wait: false,
            exclude: Vec::new(),
            wants: None,
            affinity: None,
            costs: if self.costs { vec![("requests".into(), 2)] } else { Vec::new() },
            hedge: None,
        };
        let patient = Terms {
            max_attempts: 3,
            retry_delay: seconds(4),
            deadline: Some(now + seconds(6)),
            attempt_timeout: None,
            wait: true,
            ..impatient.clone()
        };
        [impatient, patient]
    }
}

/// Both rule sets, with every way of coming back that they have, one with a budget of retries and one with a breaker.
fn configs() -> impl Iterator<Item = Config> {
    let mut trial = Trial::default();
    trial.successes = 2;
    trial.bound = Some(Duration::from_secs(4));
    let with = |mut config: Config, recovery| {
        config.recovery = recovery;
        config
    };
    let ours = [Recovery::AtOnce, Recovery::Trial(trial), Recovery::Ramp];
    let recorded = [Recovery::AtOnce, Recovery::Trial(Trial::default())];
    let ours = ours.into_iter().map(move |recovery| with(Config::default(), recovery));
    let mut frugal = with(Config::default(), Recovery::Ramp);
    let budget = RetryBudget::percent(50).min_per_second(0);
    frugal.retry_budget = Some(budget.window(Duration::from_secs(20)));
    let mut broken = with(Config::default(), Recovery::Trial(trial));
    broken.circuit_breaker = Some(Breaking::ALL[0].trip());
    broken.keep_available = 0;
    ours.chain([frugal, broken])
        .chain(recorded.into_iter().map(move |recovery| with(Config::recorded(), recovery)))
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rules, resources, runs, kinds, caps, .. } = self;
        let kinds = if *kinds == 1 { "impatient " } else { "" };
        write!(f, "{:?}, {resources} resources, {runs} {kinds}runs", rules.strategy)?;
        let set = if rules.rules == Rules::OURS { "our" } else { "the recorded" };
        write!(f, ", {set} rules, {:?}", rules.recovery)?;
        if let Some(budget) = rules.retry_budget {
            write!(f, ", retries {budget}")?;
        }
        if rules.circuit_breaker.is_some() {
            write!(f, ", a breaker")?;
        }
        for (is_on, name) in [
            (*caps, "caps"),
            (rules.cancel_siblings, "siblings"),
            (self.closes, "end"),
            (self.quotas, "quotas"),
            (self.costs, "costs"),
            (self.groups, "group"),
            (self.attended, "monitor"),
            (self.tries, "early probes"),
            (self.hedges, "hedges"),
            (self.holds, "holds"),
        ] {
            write!(f, ", {}{name}", if is_on { "" } else { "no " })?;
        }
        Ok(())
    }
}
