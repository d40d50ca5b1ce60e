//! How single things are written.

use std::time::Instant;

use serde::ser::{Serialize, Serializer};

use crate::member::basis::Basis;
use crate::member::health::Grade;
use crate::member::standing::{Cause, Status};

/// How long ago something was, in seconds.
pub(super) fn ago(then: Option<Instant>, now: Instant) -> Option<f64> {
    then.map(|then| now.saturating_duration_since(then).as_secs_f64())
}

pub(super) fn word(basis: Basis) -> &'static str {
    match basis {
        Basis::Guessed => "guessed",
        Basis::Stated => "stated",
        Basis::Clamped { .. } => "clamped",
        Basis::Operator => "operator",
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Grade {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (by, reason, group) = match self {
            Self::Signal(reason) => ("signal", Some(&**reason), None),
            Self::Group { group, reason } => ("signal", Some(&**reason), Some(&**group)),
            Self::Circuit(evidence) => ("circuit", Some(&**evidence), None),
            Self::Admin => ("admin", None, None),
            Self::Parked { by, reason } => {
                return write_struct!(serializer, "Cause", {
                    by: "operator",
                    reason: **reason,
                    operator: by.as_deref(),
                });
            }
        };
        write_struct!(serializer, "Cause", { by: by, reason: reason, group: group, })
    }
}
