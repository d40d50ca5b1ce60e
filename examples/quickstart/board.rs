//! Live progress: a block redrawn in place on a terminal, a line now and then anywhere else.

use std::io::{self, IsTerminal as _, Write as _};
use std::pin::pin;
use std::time::Duration;

use rotapool::{Pool, ResourceStats, Status};
use tokio::time::{Instant, interval_at};

use crate::load::{REQUESTS, Tally};
use crate::upstream::Secret;

/// Awaits `work`, and meanwhile shows how far it is and what each key of the pool is doing.
pub(crate) async fn watch<R>(
    tally: &Tally,
    pool: Option<&Pool<Secret>>,
    work: impl Future<Output = R>,
) -> io::Result<R> {
    let mut screen = Screen::of_stdout();
    let started = Instant::now();
    let mut frames = interval_at(started + screen.frame(), screen.frame());
    let mut work = pin!(work);
    loop {
        let done = tokio::select! {
            done = &mut work => Some(done),
            _ = frames.tick() => None,
        };
        let headline = format!(
            "{:5.1} s  {:3} of {REQUESTS} served  {:3} failed",
            started.elapsed().as_secs_f64(),
            tally.served.get(),
            tally.failed.get(),
        );
        let keys = pool.map(|pool| pool.stats().resources).unwrap_or_default();
        screen.show(&headline, &keys)?;
        if let Some(done) = done {
            return Ok(done);
        }
    }
}

enum Screen {
    /// The next block goes over the lines that the last one has drawn.
    Terminal {
        drawn: usize,
    },
    Plain,
}

impl Screen {
    fn of_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Terminal { drawn: 0 } } else { Self::Plain }
    }

    fn frame(&self) -> Duration {
        match self {
            Self::Terminal { .. } => Duration::from_millis(50),
            Self::Plain => Duration::from_millis(500),
        }
    }

    fn show(&mut self, headline: &str, keys: &[ResourceStats]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self {
            Self::Terminal { drawn } => {
                if *drawn > 0 {
                    // Up to the first of them, and wipe the screen from there on.
                    write!(out, "\x1b[{drawn}A\x1b[J")?;
                }
                writeln!(out, "{headline}")?;
                for key in keys {
                    writeln!(out, "{}", in_full(key))?;
                }
                *drawn = 1 + keys.len();
            }
            Self::Plain => {
                write!(out, "{headline}")?;
                for key in keys {
                    write!(out, " | {}", in_brief(key))?;
                }
                writeln!(out)?;
            }
        }
        out.flush()
    }
}

fn in_full(key: &ResourceStats) -> String {
    let ResourceStats { id, status, in_flight, acquires, .. } = key;
    let back = if *status == Status::CoolingDown { back(key) } else { String::new() };
    format!("         {id:8} {status:12} {in_flight:3} in flight {acquires:4} calls  {back}")
}

fn in_brief(key: &ResourceStats) -> String {
    match key.status {
        Status::Healthy => format!("{} {} in flight", key.id, key.in_flight),
        Status::CoolingDown => format!("{} {}", key.id, back(key)),
        status => format!("{} {status}", key.id),
    }
}

fn back(key: &ResourceStats) -> String {
    format!("back in {:.1} s", key.cooldown_remaining.as_secs_f64())
}
