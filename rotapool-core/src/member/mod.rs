//! One resource: what is known of it, how it stands, what runs do to it, how it does; and who is a member.

pub(crate) mod basis;
pub(crate) mod comeback;
pub(crate) mod costs;
pub(crate) mod counters;
pub(crate) mod escalation;
pub(crate) mod fingerprint;
pub(crate) mod group;
pub(crate) mod health;
pub(crate) mod health_rules;
pub(crate) mod holds;
pub(crate) mod level;
pub(crate) mod limit;
pub(crate) mod measures;
pub(crate) mod outcome;
pub(crate) mod profile;
pub(crate) mod quota;
pub(crate) mod quotas;
pub(crate) mod reason;
pub(crate) mod recovery;
pub(crate) mod roster;
pub(crate) mod rules;
pub(crate) mod signal;
pub(crate) mod slot;
pub(crate) mod standing;
pub(crate) mod usage;
pub(crate) mod yardstick;
