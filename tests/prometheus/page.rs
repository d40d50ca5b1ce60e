//! An exposition as its samples.

use std::collections::{BTreeMap, BTreeSet};

use nom_openmetrics::parser::{openmetrics, prometheus};
use nom_openmetrics::{Family, MetricDescriptor};

pub(crate) struct Page {
    pub(crate) samples: BTreeMap<Sample, f64>,
}

/// The kind is the metric's: `Counter` or `Gauge`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sample {
    pub(crate) name: String,
    kind: String,
    labels: BTreeMap<String, String>,
}

impl Sample {
    /// The name with the outcome or status, which tells what happened or is.
    pub(crate) fn kind_of_event(&self) -> String {
        let of = ["outcome", "status"].into_iter().find_map(|label| self.labels.get(label));
        format!("{} {}", self.name, of.map_or("", |it| it))
    }
}

impl Page {
    /// Reads the format that the Rust client writes.
    pub(crate) fn openmetrics(text: &str) -> Self {
        let (rest, families) = openmetrics(text).expect("valid OpenMetrics");
        assert_eq!(rest, "");
        Self::of(families, "_total")
    }

    /// Reads the older format that the Python client writes, where a counter's name ends in `_total` itself.
    pub(crate) fn classic(text: &str) -> Self {
        let (rest, families) = prometheus(text).expect("a valid exposition");
        assert_eq!(rest, "");
        Self::of(families, "")
    }

    fn of(families: Vec<Family<'_>>, suffix_of_counters: &str) -> Self {
        let mut samples = BTreeMap::new();
        for family in families {
            let (metric, kind) = kind(&family);
            let suffix = if kind == "Counter" { suffix_of_counters } else { "" };
            for sample in &family.samples {
                assert_eq!(sample.name(), format!("{metric}{suffix}"), "it is in its family");
                let labels = sample.labels().iter();
                let labels = labels.map(|label| (label.name.to_owned(), label.value.clone()));
                let name = sample.name().to_owned();
                let key = Sample { name, kind: kind.clone(), labels: labels.collect() };
                assert_eq!(samples.insert(key, sample.number()), None, "a sample stands once");
            }
        }
        Self { samples }
    }

    /// Without the families of our own, and how many samples those had.
    pub(crate) fn without_our_own(self, package: &BTreeSet<String>) -> (Self, usize) {
        let of_package = |sample: &Sample| package.contains(&sample.name);
        let all = self.samples.len();
        let samples = self.samples.into_iter().filter(|(sample, _)| of_package(sample));
        let page = Self { samples: samples.collect() };
        let own = all - page.samples.len();
        (page, own)
    }

    pub(crate) fn differences(&self, theirs: &Self) -> Vec<String> {
        let all = self.samples.keys().chain(theirs.samples.keys());
        let mut differences: Vec<_> = all
            .map(|sample| (sample, self.samples.get(sample), theirs.samples.get(sample)))
            .filter(|(_, ours, theirs)| ours != theirs)
            .map(|(sample, ours, theirs)| format!("{sample:?}: ours {ours:?}, theirs {theirs:?}"))
            .collect();
        differences.sort();
        differences.dedup();
        differences
    }
}

fn kind(family: &Family<'_>) -> (String, String) {
    let kinds = family.descriptors.iter().filter_map(|descriptor| match descriptor {
        MetricDescriptor::Type { metric, r#type } => Some((metric.to_string(), r#type.to_string())),
        _ => None,
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds.len(), 1, "every family says its kind, once: {:?}", family.descriptors);
    kinds.into_iter().next().expect("one")
}
