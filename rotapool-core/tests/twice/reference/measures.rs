//! The health of one membership: a list of its outcomes, and two estimates of its latency.

use std::time::Duration;

use rotapool_core::HealthRules;

use crate::twice::observed::Moment;
use crate::twice::vitals::{Roughly, Vitals, grade};

#[derive(Debug, Default)]
pub(super) struct Measures {
    /// Every success and failure, oldest first.
    outcomes: Vec<Measured>,
    /// The start of the tenth of the window that the tenths are numbered from.
    epoch: Moment,
    /// Of its successes, in seconds.
    mean: Option<(f64, Moment)>,
    peak: Option<(f64, Moment)>,
    /// Since it succeeded last: the tries that failed, and until when it is left alone after them.
    vain_tries: u32,
    alone_until: Option<Moment>,
    /// The error rate at the last of its failures since then that had attempts enough beside it.
    row_rate: f64,
}

#[derive(Debug)]
struct Measured {
    success: bool,
    at: Moment,
    /// The tenth that it fell into; `None` if a longer silence than the window came after it.
    tenth: Option<u128>,
}

impl Measures {
    /// The weight of what is old falls to 1/e in each `latency_decay`.
    pub(super) fn succeeded(&mut self, took: Duration, now: Moment, rules: &HealthRules) {
        self.prove(now, rules);
        self.took(took, now, rules);
    }

    pub(super) fn took(&mut self, took: Duration, now: Moment, rules: &HealthRules) {
        let took = took.as_secs_f64();
        let mean = self.mean.map_or(took, |(mean, at)| {
            let old = fading(at, now, rules);
            mean * old + took * (1.0 - old)
        });
        self.mean = Some((mean, now));
        self.raise_peak(took, now, rules);
    }

    /// With an error of the operation's own: it is as fast as it is known to be.
    pub(super) fn answered(&mut self, now: Moment, rules: &HealthRules) {
        self.prove(now, rules);
        if let Some((mean, _)) = self.mean {
            self.raise_peak(mean, now, rules);
        }
    }

    fn prove(&mut self, now: Moment, rules: &HealthRules) {
        self.note(true, now, rules);
        (self.vain_tries, self.alone_until, self.row_rate) = (0, None, 0.0);
    }

    pub(super) fn failed(&mut self, took: Duration, now: Moment, rules: &HealthRules) {
        self.note(false, now, rules);
        self.row_rate = self.error_rate(now, rules).unwrap_or(self.row_rate);
        if self.consecutive_failures() >= rules.min_sample {
            // What fails while it is left alone was a part of the same try.
            self.vain_tries += u32::from(!self.is_left_alone(now));
            let windows = 2_u32.pow(self.vain_tries.min(7) - 1);
            self.alone_until = Some(now + rules.window / 10 * 10 * windows);
        }
        self.raise_peak(took.max(rules.failure_latency).as_secs_f64(), now, rules);
    }

    pub(super) fn was_given_up(&mut self, took: Duration, now: Moment, rules: &HealthRules) {
        let took = took.as_secs_f64();
        if self.faded_peak(now, rules).is_some_and(|known| took > known) {
            self.peak = Some((took, now));
        }
    }

    /// The peak only fades, and jumps up at once.
    fn raise_peak(&mut self, to: f64, now: Moment, rules: &HealthRules) {
        let faded = self.peak.map_or(0.0, |(peak, at)| peak * fading(at, now, rules));
        self.peak = Some((to.max(faded), now));
    }

    pub(super) fn is_left_alone(&self, now: Moment) -> bool {
        self.alone_until > Some(now)
    }

    /// The window moves by tenths. It starts anew with an outcome that comes after an eleventh empty
    /// tenth.
    fn note(&mut self, success: bool, now: Moment, rules: &HealthRules) {
        let last = self.outcomes.iter().filter_map(|measured| measured.tenth).next_back();
        if last.is_none_or(|last| self.tenth(now, rules) > last + 10) {
            self.outcomes.iter_mut().for_each(|measured| measured.tenth = None);
            self.epoch = now;
        }
        let tenth = Some(self.tenth(now, rules));
        self.outcomes.push(Measured { success, at: now, tenth });
    }

    fn tenth(&self, now: Moment, rules: &HealthRules) -> u128 {
        (now - self.epoch).as_nanos() / (rules.window / 10).as_nanos()
    }

    /// Of the outcomes in this and the nine tenths before.
    pub(super) fn error_rate(&self, now: Moment, rules: &HealthRules) -> Option<f64> {
        let (successes, failures) = (self.recent(true, now, rules), self.recent(false, now, rules));
        let all = successes + failures;
        (all >= rules.min_sample).then(|| f64::from(failures) / f64::from(all))
    }

    fn recent(&self, success: bool, now: Moment, rules: &HealthRules) -> u32 {
        let present = self.tenth(now, rules);
        let is_recent = |tenth: u128| tenth + 10 > present;
        let in_window = |measured: &&Measured| {
            measured.success == success && measured.tenth.is_some_and(is_recent)
        };
        self.outcomes.iter().filter(in_window).count() as u32
    }

    pub(super) fn consecutive_failures(&self) -> u32 {
        self.outcomes.iter().rev().take_while(|measured| !measured.success).count() as u32
    }

    /// The peak in seconds, as it has faded since it was measured.
    pub(super) fn faded_peak(&self, now: Moment, rules: &HealthRules) -> Option<f64> {
        self.peak.map(|(peak, at)| f64::max(peak * fading(at, now, rules), 1e-9))
    }

    pub(super) fn vitals(&self, now: Moment, rules: &HealthRules) -> Vitals {
        let those = |success: bool| self.outcomes.iter().filter(move |it| it.success == success);
        let error_rate = self.error_rate(now, rules);
        Vitals {
            recent_successes: self.recent(true, now, rules),
            recent_failures: self.recent(false, now, rules),
            successes: those(true).count() as u64,
            failures: those(false).count() as u64,
            consecutive_failures: self.consecutive_failures(),
            error_rate,
            grade: grade(error_rate, self.row_rate, self.consecutive_failures(), rules),
            latency: self.mean.map(|(mean, _)| Roughly(mean)),
            peak_latency: self.peak.map(|(peak, at)| Roughly(peak * fading(at, now, rules))),
            last_success: those(true).next_back().map(|measured| measured.at),
            last_failure: those(false).next_back().map(|measured| measured.at),
        }
    }
}

fn fading(at: Moment, now: Moment, rules: &HealthRules) -> f64 {
    (-(now - at).as_secs_f64() / rules.latency_decay.as_secs_f64()).exp()
}
