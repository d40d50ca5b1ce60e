//! Progress while a load is on its way: a line redrawn in place at a terminal, a line a load elsewhere.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const FRAME: Duration = Duration::from_millis(200);

/// How many requests of a load have ended. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<AtomicUsize>);

impl Progress {
    fn ended(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Awaits `work`, and meanwhile shows how many requests have ended.
pub(crate) async fn shown<R>(what: &str, progress: &Progress, work: impl Future<Output = R>) -> R {
    let (started, mut work) = (Instant::now(), pin!(work));
    let terminal = stderr().is_terminal();
    if !terminal {
        eprintln!("{what}");
    }
    loop {
        tokio::select! {
            done = &mut work => {
                if terminal {
                    eprint!("\r\x1b[K");
                }
                return done;
            }
            () = tokio::time::sleep(FRAME) => if terminal {
                let (seconds, ended) = (started.elapsed().as_secs_f64(), progress.ended());
                eprint!("\r{what}: {seconds:4.1} s, {ended} requests ended\x1b[K");
                let _ = stderr().flush();
            },
        }
    }
}
