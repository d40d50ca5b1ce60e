//! The figures as `serde` writes them: durations are seconds.

use std::time::Duration;

use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use super::change::{BreakerMode, BreakerState};
use super::report::{BreakerStats, LimiterStats};

impl Serialize for BreakerState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for BreakerMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for BreakerStats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Every field by name: one that is added later cannot be forgotten here.
        let Self {
            state,
            mode,
            calls,
            successes,
            failures,
            rejected,
            ignored,
            changes,
            failures_in_a_row,
            open_for,
        } = self;
        let mut fields = serializer.serialize_struct("BreakerStats", 10)?;
        fields.serialize_field("state", state)?;
        fields.serialize_field("mode", mode)?;
        fields.serialize_field("calls", calls)?;
        fields.serialize_field("successes", successes)?;
        fields.serialize_field("failures", failures)?;
        fields.serialize_field("rejected", rejected)?;
        fields.serialize_field("ignored", ignored)?;
        fields.serialize_field("changes", changes)?;
        fields.serialize_field("failures_in_a_row", failures_in_a_row)?;
        fields.serialize_field("open_for", &open_for.as_ref().map(Duration::as_secs_f64))?;
        fields.end()
    }
}

impl Serialize for LimiterStats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { acquired, refused, waiting, waited, available } = self;
        let mut fields = serializer.serialize_struct("LimiterStats", 5)?;
        fields.serialize_field("acquired", acquired)?;
        fields.serialize_field("refused", refused)?;
        fields.serialize_field("waiting", waiting)?;
        fields.serialize_field("waited", &waited.as_secs_f64())?;
        fields.serialize_field("available", available)?;
        fields.end()
    }
}
