//! Progress while a load is on its way: a line redrawn in place at a terminal, a line a load elsewhere.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::pin::pin;
use std::time::{Duration, Instant};

use crate::load::Progress;

const FRAME: Duration = Duration::from_millis(200);

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
                let seconds = started.elapsed().as_secs_f64();
                eprint!("\r{what}: {seconds:4.1} s, {} requests ended\x1b[K", progress.ended());
                let _ = stderr().flush();
            },
        }
    }
}
