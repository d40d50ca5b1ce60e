//! What operators do to a pool, by their words: for the routes of the gateway, the page of the dashboard, and `top`.

use std::fmt;
use std::time::Duration;

use rotapool::{Pool, ResourceError};
use serde::Serialize;

/// What operators can ask for.
pub(crate) const ACTS: &str =
    "park ID TIME [REASON], unpark ID, rotate, reset ID, enable ID, disable ID";

/// What one asks for, word by word.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) act: String,
    pub(crate) id: Option<String>,
    /// For how long: "30s" or "1h 30m".
    pub(crate) period: Option<String>,
    pub(crate) reason: Option<String>,
}

impl Asked {
    /// As the words of a query say it: `act=park&id=key-1&for=5m&reason=why`.
    pub(crate) fn of_query(query: Option<&str>) -> Self {
        let mut asked = Self::default();
        for (name, word) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "act" => asked.act = word.into_owned(),
                "id" => asked.id = Some(word.into_owned()),
                "for" => asked.period = Some(word.into_owned()),
                "reason" => asked.reason = Some(word.into_owned()),
                _ => {}
            }
        }
        asked
    }

    /// Has it done, by whoever the handle of the pool is for.
    pub(crate) fn done_to<T>(&self, pool: &Pool<T>) -> Result<Done, Refused> {
        let id = || self.id.as_deref().ok_or(Refused::NoId);
        match &*self.act {
            "park" => {
                let period = self.period.as_deref().map(humantime::parse_duration);
                let Some(Ok(period)) = period else { return Err(Refused::NoPeriod) };
                let reason = self.reason.as_deref().unwrap_or("no reason given");
                let until = pool.park(id()?, period, reason)?;
                // The later end wins: it may be another than was asked for.
                let left = until.saturating_duration_since(pool.now());
                return Ok(Done::Parked { seconds: left.as_secs_f64() });
            }
            "rotate" => {
                let rotation = pool.rotate()?;
                let to = rotation.to.map(|to| to.to_string());
                return Ok(Done::Rotated { from: rotation.from.to_string(), to });
            }
            "unpark" => pool.unpark(id()?).map(|()| Done::Unparked),
            "reset" => pool.reset(id()?).map(|()| Done::Reset),
            "enable" => pool.enable(id()?).map(|()| Done::Enabled),
            "disable" => pool.disable(id()?).map(|()| Done::Disabled),
            _ => return Err(Refused::NoSuchAct),
        }
        .map_err(Refused::Pool)
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "done", rename_all = "lowercase")]
pub(crate) enum Done {
    Parked { seconds: f64 },
    Unparked,
    Rotated { from: String, to: Option<String> },
    Reset,
    Enabled,
    Disabled,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parked { seconds } => {
                let seconds = Duration::from_secs(seconds.round() as u64);
                write!(f, "parked for {}", humantime::format_duration(seconds))
            }
            Self::Unparked => f.write_str("unparked"),
            Self::Rotated { from, to: Some(to) } => write!(f, "parked {from}; {to} takes over"),
            Self::Rotated { from, to: None } => write!(f, "parked {from}; nobody takes over"),
            Self::Reset => f.write_str("reset"),
            Self::Enabled => f.write_str("enabled"),
            Self::Disabled => f.write_str("disabled"),
        }
    }
}

/// Why nothing was done.
#[derive(Debug)]
pub(crate) enum Refused {
    NoSuchAct,
    NoId,
    NoPeriod,
    Pool(ResourceError),
}

impl From<ResourceError> for Refused {
    fn from(error: ResourceError) -> Self {
        Self::Pool(error)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchAct => write!(f, "there is no such act; there are {ACTS}"),
            Self::NoId => f.write_str("whom? the id is missing"),
            Self::NoPeriod => f.write_str("`for` says how long: \"30s\" or \"1h 30m\""),
            Self::Pool(error) => error.fmt(f),
        }
    }
}
