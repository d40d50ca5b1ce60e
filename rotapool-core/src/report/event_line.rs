//! An event as one line for a log.

use std::fmt;
use std::sync::Arc;

use super::event::Event;
use crate::one_line::OneLine;

/// `run 7 (request id)`.
struct Run<'a>(u64, &'a Option<Arc<str>>);

impl fmt::Display for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {}", self.0)?;
        match self.1 {
            Some(request_id) => write!(f, " ({})", OneLine(request_id)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RunInLine { run, request_id, waiting, oldest_wait, .. } => {
                let run = Run(*run, request_id);
                write!(f, "{run}: in line, {waiting} waiting, the oldest for {oldest_wait:.1?}")
            }
            Self::AttemptStarted { run, request_id, id, attempt, .. } => {
                let run = Run(*run, request_id);
                write!(f, "{run}: attempt {attempt} on {}", OneLine(id))
            }
            Self::AttemptHedged { run, request_id, id, attempt, latency, .. } => {
                let run = Run(*run, request_id);
                write!(f, "{run}: attempt {attempt} on {}: no answer", OneLine(id))?;
                write!(f, " for {latency:.1?}, so another begins beside it")
            }
            Self::AttemptCommitted { run, request_id, id, attempt, latency, .. } => {
                let run = Run(*run, request_id);
                write!(f, "{run}: attempt {attempt} on {}: committed", OneLine(id))?;
                write!(f, ", first item after {latency:.1?}")
            }
            Self::AttemptSettled { run, request_id, id, attempt, outcome, latency, .. } => {
                let run = Run(*run, request_id);
                write!(f, "{run}: attempt {attempt} on {}: {outcome}", OneLine(id))?;
                write!(f, ", after {latency:.1?}")
            }
            Self::AttemptAbandoned { run, request_id, id, attempt, latency, .. } => {
                let run = Run(*run, request_id);
                write!(f, "{run}: attempt {attempt} on {}: abandoned", OneLine(id))?;
                write!(f, ", after {latency:.1?}")
            }
            Self::TakenBack { run, request_id, id, attempt, held_for, .. } => {
                let run = Run(*run, request_id);
                write!(f, "{run}: attempt {attempt} on {}: taken back", OneLine(id))?;
                write!(f, ", after {held_for:.1?}")
            }
            Self::StateChanged { at, change } => {
                write!(f, "{}: {} > {}", OneLine(&change.id), change.old, change.new)?;
                if let Some(until) = change.until {
                    write!(f, " for {:.1?}", until.saturating_duration_since(*at))?;
                }
                match &change.cause {
                    Some(cause) => write!(f, ": {cause}"),
                    None => Ok(()),
                }
            }
            Self::SiblingsAborted { id, count, .. } => {
                write!(f, "{}: {count} younger aborted", OneLine(id))
            }
            Self::KeptAvailable { id, evidence, .. } => {
                write!(
                    f,
                    "{}: kept available, else circuit open: {}",
                    OneLine(id),
                    OneLine(evidence)
                )
            }
            Self::ProbedEarly { at, id, until } => {
                let left = until.saturating_duration_since(*at);
                write!(f, "{}: tried {left:.1?} before it is back", OneLine(id))
            }
            Self::ResourceAdded { id, .. } => write!(f, "{}: added", OneLine(id)),
            Self::ResourceRemoved { id, .. } => write!(f, "{}: removed", OneLine(id)),
            Self::ProbeSettled { id, outcome, latency, .. } => {
                write!(f, "{}: probe: {outcome}, after {latency:.1?}", OneLine(id))
            }
            Self::AdminCall { at, by, id, call } => {
                write!(f, "{}: ", OneLine(by))?;
                call.tell(f, id.as_deref(), *at)
            }
            Self::RunEnded { run, request_id, outcome, attempts, .. } => {
                let attempt = if *attempts == 1 { "attempt" } else { "attempts" };
                write!(f, "{}: {outcome} after {attempts} {attempt}", Run(*run, request_id))
            }
            Self::PoolExhausted { at, retry_at: Some(retry_at) } => {
                let left = retry_at.saturating_duration_since(*at);
                write!(f, "the pool is exhausted, first back in {left:.1?}")
            }
            Self::PoolExhausted { .. } => f.write_str("the pool is exhausted"),
            Self::PoolRecovered { .. } => f.write_str("the pool has recovered"),
            Self::PoolClosed { .. } => f.write_str("the pool is closed"),
            Self::CommandEnded { report, .. } => report.fmt(f),
            Self::Missed { count: 1, .. } => f.write_str("1 event missed"),
            Self::Missed { count, .. } => write!(f, "{count} events missed"),
        }
    }
}
