//! Who is in a pool, as a file says it: all but the values.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{Group, Metadata, Profile, Quota};

settings! {
    /// A resource of a pool, but for its value, which is the service's to give.
    pub ResourceConfig {
        /// The id. It has to be there, once in a pool.
        id: String,
        /// The most operations in flight on it; at least 1.
        max_in_flight: u32,
        /// The share of picks under the strategy weighted: 0.001 to 10000.
        weight: f64,
        /// The tier under the strategy priority; the least comes first.
        priority: u32,
        /// Words about it, for filters.
        metadata: BTreeMap<String, String>,
        /// How much it gives in how much time.
        quotas: Vec<QuotaConfig>,
        /// The group to which it belongs, of those of its pool.
        group: String,
        /// What becomes of its upstream's answers, where it is another than what the file says of its pool.
        reactions: super::reactions::ReactionsConfig where feature = "http",
    }
}

settings! {
    /// A group of resources that share a limit.
    pub GroupConfig {
        /// How much its members give together in how much time.
        quotas: Vec<QuotaConfig>,
    }
}

settings! {
    /// How much of something a resource or a group gives in how much time.
    pub QuotaConfig {
        /// How much. It has to be there.
        amount: u64,
        /// In how much time: 1 s if it is not there.
        per: Duration,
        /// Of what: requests if it is not there.
        of: String,
        /// How much at once; one period's worth if it is not there.
        burst: u64,
        /// Whether it never gives more than the amount in any period; no burst then.
        sliding: bool,
    }
}

impl QuotaConfig {
    /// The quota; `None` if it has no amount.
    fn quota(&self) -> Option<Quota> {
        let mut quota = Quota::per(self.amount?, self.per.unwrap_or(Duration::from_secs(1)));
        if let Some(dimension) = &self.of {
            quota = quota.of(dimension.as_str());
        }
        if let Some(burst) = self.burst {
            quota = quota.burst(burst);
        }
        Some(if self.sliding == Some(true) { quota.sliding() } else { quota })
    }

    fn of(quota: &Quota) -> Self {
        let burst = Some(quota.capacity()).filter(|&most| most != quota.amount());
        Self {
            amount: Some(quota.amount()),
            per: Some(quota.period()),
            of: Some(quota.dimension().to_string()),
            burst,
            sliding: quota.slides().then_some(true),
        }
    }

    /// Which of some has no amount.
    pub(super) fn without_an_amount(quotas: &[Self]) -> impl Iterator<Item = usize> {
        let quotas = quotas.iter().enumerate();
        quotas.filter(|(_, quota)| quota.amount.is_none()).map(|(place, _)| place)
    }
}

impl GroupConfig {
    /// The group, by this name.
    pub(crate) fn group(&self, name: &str) -> Group {
        let quotas = self.quotas.iter().flatten().filter_map(QuotaConfig::quota);
        quotas.fold(Group::new(name), Group::quota)
    }

    pub(crate) fn of(group: &Group) -> Self {
        let quotas: Vec<_> = group.quotas().iter().map(QuotaConfig::of).collect();
        Self { quotas: (!quotas.is_empty()).then_some(quotas) }
    }
}

impl ResourceConfig {
    /// What a pool knows of the resource.
    pub(crate) fn profile(&self) -> Profile {
        let mut profile = Profile::new(self.id.as_deref().unwrap_or_default());
        profile.max_in_flight = self.max_in_flight;
        profile.weight = self.weight.unwrap_or(profile.weight);
        profile.priority = self.priority.unwrap_or(profile.priority);
        let mut metadata = Metadata::default();
        for (name, word) in self.metadata.iter().flatten() {
            metadata.set(name.as_str(), word.as_str());
        }
        profile.metadata = Arc::new(metadata);
        let quotas = self.quotas.iter().flatten();
        profile.quotas = quotas.filter_map(QuotaConfig::quota).collect();
        profile.group = self.group.as_deref().map(Arc::from);
        profile
    }
}
