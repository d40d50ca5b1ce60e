//! What a service does at its end, and what shows that it lives, as plain state machines.
//!
//! [`CleanUps`] and [`Course`] are a shutdown: who cleans up, in which order, until when. [`Cadence`] is a
//! heart: a beat at a fixed rate; a [`Beat`] is what it tells, and [`Liveness`] is what makes of it.
//! [`Vigil`] is a watchdog: it barks once per silence. All are told the time; the crate `rotapool` waits,
//! writes and calls.

mod beat;
mod cadence;
mod clean_ups;
mod course;
mod liveness;
mod onset;
mod plan;
mod report;
mod vigil;

pub use self::{
    beat::{Beat, LoopProgress, PoolProgress, Target, WriterProgress},
    cadence::{Cadence, Tick},
    clean_ups::{CleanUps, ShutdownError},
    course::{Course, CourseStep},
    liveness::{Liveness, NotAlive, Unreadable},
    onset::Onset,
    plan::{CleanUpPlan, ShutdownRules},
    report::{CleanUpReport, Ending, Limit, ShutdownReport},
    vigil::{Vigil, Watch},
};
