//! What a pool is doing, live in the terminal: `cargo run --example top`.
//!
//! The traffic is that of the example `dashboard`, and so is the [`history`] that the pool's events make.
//! [`frame`] lays out what there is to see; the [`screen`] draws it, and below it the [`prompt`] takes what operators do:
//! `park key-1 5m invoice unpaid`, `unpark key-1`, `rotate`, `reset key-1`, `enable key-1`, `disable key-1`. Where there is no
//! terminal, a few frames are printed as they are. With `--svg` it plays for a minute and prints a picture instead.

mod frame;
mod prompt;
mod screen;
mod svg;

// What the example `dashboard` shows, and what its buttons do.
#[expect(dead_code, reason = "nobody types a query here")]
#[path = "../dashboard/acts.rs"]
mod acts;
#[path = "../dashboard/history.rs"]
mod history;
#[path = "../dashboard/traffic.rs"]
mod traffic;

// The upstream of the quickstart.
#[path = "../quickstart/client.rs"]
mod client;
#[path = "../quickstart/dice.rs"]
mod dice;
#[expect(dead_code, reason = "the quickstart also looks into the upstream's books")]
#[path = "../quickstart/upstream.rs"]
mod upstream;

use std::error::Error;
use std::io::{self, IsTerminal as _};
use std::sync::Mutex;
use std::time::Duration;

use rotapool::Pool;
use tokio::time::{interval, sleep};

use crate::frame::{Line, frame};
use crate::history::{History, SECONDS};
use crate::screen::Screen;
use crate::upstream::Upstream;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let picture = match &*std::env::args().skip(1).collect::<Vec<_>>() {
        [] => false,
        [only] if only == "--svg" => true,
        _ => return Err("usage: top [--svg]".into()),
    };
    let upstream = Upstream::start(&traffic::KEYS, traffic::WORK).await?;
    let pool = traffic::pool()?;
    let history = History::follow(&pool);
    tokio::spawn(traffic::flow(pool.clone(), upstream.client()));

    if picture {
        sleep(Duration::from_secs(SECONDS as u64)).await;
        while pool.stats().cooling_down < 2 {
            sleep(Duration::from_millis(50)).await;
        }
        print!("{}", svg::svg(&look(&pool, &history))?);
        return Ok(());
    }
    let mut screen = Screen::of_stdout();
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        let mut frames = interval(Duration::from_millis(100));
        let mut lines = prompt::lines();
        let operator = pool.admin("top");
        let mut said = prompt::HELP.to_owned();
        loop {
            tokio::select! {
                _ = frames.tick() => {}
                Some(line) = lines.recv() => {
                    screen.was_typed();
                    said = match line.trim() {
                        "q" | "quit" | "exit" => return Ok(()),
                        line => prompt::obey(line, &operator),
                    };
                }
            }
            screen.show(&below(look(&pool, &history), &said))?;
        }
    }
    for _ in 0..3 {
        sleep(Duration::from_secs(1)).await;
        screen.show(&look(&pool, &history))?;
    }
    println!("Three frames, for nobody sits at a terminal.");
    Ok(())
}

/// A frame of this moment.
fn look<T>(pool: &Pool<T>, history: &Mutex<History>) -> Vec<Line> {
    let (snapshot, now) = (pool.snapshot(), pool.now());
    let report = history.lock().expect("nothing panics with the history").report(now, &snapshot);
    frame(pool.name(), &pool.stats(), &snapshot, &report)
}

/// What was said last, under a frame.
fn below(mut frame: Vec<Line>, said: &str) -> Vec<Line> {
    frame.extend([Line::default(), Line::soft(said)]);
    frame
}
