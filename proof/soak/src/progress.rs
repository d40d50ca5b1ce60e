//! Shows that the program is alive, and ends it when it is not.

use std::fmt::Display;
use std::process::exit;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::memory;

/// How often a line is printed.
const EVERY: Duration = Duration::from_secs(3);
/// Whoever shows no sign of life for this long is locked up.
const PATIENCE: Duration = Duration::from_secs(60);

struct Pulse {
    begun: Instant,
    beat: Instant,
    printed: Instant,
}

static PULSE: Mutex<Option<Pulse>> = Mutex::new(None);

/// Begins to watch for signs of life.
pub(crate) fn begin() {
    let now = Instant::now();
    *PULSE.lock().expect("nobody panics here") =
        Some(Pulse { begun: now, beat: now, printed: now });
    thread::spawn(|| {
        loop {
            thread::sleep(EVERY);
            let pulse = PULSE.lock().expect("nobody panics here");
            if pulse.as_ref().is_some_and(|pulse| pulse.beat.elapsed() > PATIENCE) {
                eprintln!("FAILED: no sign of life for {PATIENCE:?}");
                exit(1);
            }
        }
    });
}

/// Gives a sign of life, and prints it now and then.
pub(crate) fn beat(round: &str, doing: impl Display) {
    let mut pulse = PULSE.lock().expect("nobody panics here");
    let Some(pulse) = pulse.as_mut() else { return };
    pulse.beat = Instant::now();
    if pulse.printed.elapsed() >= EVERY {
        pulse.printed = pulse.beat;
        let (seconds, kib) = (pulse.begun.elapsed().as_secs_f64(), memory::in_use() / 1024);
        println!("{seconds:6.1} s  {round:9}  {doing}  {kib} KiB in use");
    }
}
