//! The 95th percentile of how long answers took of late.
//!
//! A histogram whose steps grow with the values, as HdrHistogram's do (Tene): each power of two is cut into sixteen. Two
//! of them take turns, so that what is old is forgotten at once and nothing is forgotten by halves.

use std::time::Duration;

/// How many bits of a value tell its step, below the highest.
const FINE: u32 = 4;
const STEPS: usize = (64 - FINE as usize + 1) << FINE;
/// How many answers make a generation.
const GENERATION: u32 = 512;
/// How many answers there have to be before they say anything.
const ENOUGH: u32 = 100;
/// After how many answers it is looked at anew.
const STRIDE: u32 = 10;

#[derive(Debug)]
pub(crate) struct Latencies {
    present: Generation,
    past: Generation,
    p95: Option<Duration>,
}

#[derive(Debug)]
struct Generation {
    counts: Box<[u16; STEPS]>,
    all: u32,
}

impl Generation {
    fn new() -> Self {
        Self { counts: Box::new([0; STEPS]), all: 0 }
    }
}

impl Latencies {
    pub(crate) fn new() -> Self {
        Self { present: Generation::new(), past: Generation::new(), p95: None }
    }

    pub(crate) fn record(&mut self, took: Duration) {
        if self.present.all == GENERATION {
            std::mem::swap(&mut self.present, &mut self.past);
            self.present.counts.fill(0);
            self.present.all = 0;
        }
        let nanos = took.as_nanos().try_into().unwrap_or(u64::MAX);
        self.present.counts[step(nanos)] += 1;
        self.present.all += 1;
        if self.present.all % STRIDE == 0 {
            self.p95 = self.find_p95();
        }
    }

    /// How long no more than 5 of 100 answers took; `None` while too few are known.
    pub(crate) fn p95(&self) -> Option<Duration> {
        self.p95
    }

    fn find_p95(&self) -> Option<Duration> {
        let all = self.present.all + self.past.all;
        let (mut below, rank) = (0, (all * 95).div_ceil(100));
        let both = self.present.counts.iter().zip(self.past.counts.iter());
        let found = both.enumerate().find(|(_, (present, past))| {
            below += u32::from(**present) + u32::from(**past);
            below >= rank
        });
        found.filter(|_| all >= ENOUGH).map(|(step, _)| Duration::from_nanos(most(step)))
    }
}

/// In which step a value is.
fn step(nanos: u64) -> usize {
    let high = (u64::BITS - nanos.leading_zeros()).saturating_sub(FINE + 1);
    // The highest bits of the value, of which the first is set in all steps but the lowest.
    ((high as usize) << FINE) + (nanos >> high) as usize
}

/// The most that is in a step.
fn most(step: usize) -> u64 {
    let high = (step >> FINE).saturating_sub(1);
    let first = (step - (high << FINE)) as u128;
    (((first + 1) << high) - 1) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(millis: impl IntoIterator<Item = u64>) -> Option<Duration> {
        let mut latencies = Latencies::new();
        millis.into_iter().for_each(|took| latencies.record(Duration::from_millis(took)));
        latencies.p95()
    }

    /// Within a sixteenth, and never too early.
    fn is(found: Option<Duration>, millis: u64) {
        let (found, real) = (found.unwrap(), Duration::from_millis(millis));
        assert!(real <= found && found < real * 17 / 16, "{found:?}, not {real:?}");
    }

    #[test]
    fn every_value_is_in_a_step_that_is_no_wider_than_a_sixteenth_of_it() {
        let mut random = fastrand::Rng::with_seed(1);
        let edges = (0..64).flat_map(|bit| [1_u64 << bit, (1 << bit) - 1]);
        for nanos in
            edges.chain([u64::MAX]).chain((0..10_000).map(|_| random.u64(..) >> random.u32(..64)))
        {
            let (step, most) = (step(nanos), most(step(nanos)));
            assert!(nanos <= most && step < STEPS, "{nanos}: {step}, {most}");
            assert!(most - nanos <= nanos / 16, "{nanos}: {most}");
            assert!(step == 0 || super::most(step - 1) < nanos, "{nanos}: {step}");
        }
    }

    #[test]
    fn nothing_is_known_of_fewer_than_a_hundred_answers() {
        assert_eq!(after(1..=99), None);
        is(after(1..=100), 95);
    }

    #[test]
    fn five_of_a_hundred_took_longer_whatever_their_order() {
        is(after((1..=500).rev()), 475);
        let mostly_fast = (0..1000).map(|nth| if nth % 25 == 0 { 9000 } else { 10 });
        is(after(mostly_fast), 10);
        let often_slow = (0..1000).map(|nth| if nth % 10 == 0 { 9000 } else { 10 });
        is(after(often_slow), 9000);
    }

    #[test]
    fn what_was_more_than_a_thousand_answers_ago_is_forgotten() {
        is(after([5000; 600].into_iter().chain([10; 1024])), 10);
        is(after([5000; 512].into_iter().chain([10; 512])), 5000);
    }
}
