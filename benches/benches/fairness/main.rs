//! Who waits is served: one place, and those who want it. What is counted depends on no clock and no
//! machine: turns, places in the order, wake-ups.
//!
//! `cargo bench -p rotapool-benches --bench fairness`, a second once built.
//!
//! All tasks are polled by hand on one thread, in the order in which they were woken.

mod peers;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;

use rotapool_benches::table::digits;
use rotapool_benches::tasks::{Tasks, turn_over};

use peers::Peer;

/// Who is not served by then never is.
const GIVE_UP: usize = 100_000;
const IN_ORDER: usize = 50;
const CROWD: usize = 1_000;

fn main() {
    println!(
        "{:<24} {:>26} {:>22} {:>34}",
        "one place",
        "turns until one is served",
        format!("of {IN_ORDER} out of order"),
        format!("wake-ups a place, {CROWD} waiting")
    );
    row("rotapool, wait(true)", &peers::pool());
    row("deadpool (unmanaged)", &peers::deadpool());
    row("tokio::sync::Semaphore", &peers::tokio_semaphore());
    row("async_lock::Semaphore", &peers::async_lock());
    peers::with_bb8(|peer| row("bb8", peer));
}

fn row(name: &str, peer: &impl Peer) {
    let turns = match turns_until_served(peer) {
        Some(turns) => digits(turns),
        None => format!("not in {}", digits(GIVE_UP)),
    };
    println!("{name:<24} {turns:>26} {:>22} {:>34.2}", out_of_order(peer), wakes_a_place(peer));
}

/// One releases the place and takes it again at once, over and over: how often does it have it from when
/// another begins to wait for it until that one is served?
fn turns_until_served(peer: &impl Peer) -> Option<usize> {
    let (turns, served) = (Cell::new(0), Cell::new(None));
    let mut tasks = Tasks::default();
    tasks.spawn(async {
        while served.get().is_none() && turns.get() < GIVE_UP {
            peer.hold(async {
                turns.set(turns.get() + 1);
                turn_over().await;
            })
            .await;
        }
    });
    tasks.spawn(peer.hold(async { served.set(Some(turns.get())) }));
    tasks.run();
    assert_eq!(tasks.left(), 0, "everybody is served once the place is let go");
    served.get().filter(|turns| *turns < GIVE_UP)
}

/// How many were not served when it was their turn.
fn out_of_order(peer: &impl Peer) -> usize {
    let order = RefCell::new(Vec::new());
    let mut tasks = Tasks::default();
    for number in 0..=IN_ORDER {
        let order = &order;
        tasks.spawn(peer.hold(async move {
            order.borrow_mut().push(number);
            turn_over().await;
        }));
    }
    tasks.run();
    drop(tasks);
    let order = order.into_inner();
    assert_eq!(order.len(), IN_ORDER + 1, "everybody was served");
    order.into_iter().enumerate().filter(|(turn, number)| turn != number).count()
}

/// How many are woken when the place is freed, on average over as many as wait, each of whom holds it until
/// nobody has anything left to do.
fn wakes_a_place(peer: &impl Peer) -> f64 {
    let (holds, may_go) = (Cell::new(None), Cell::new(None));
    let mut tasks = Tasks::default();
    for number in 0..=CROWD {
        let (holds, may_go) = (&holds, &may_go);
        tasks.spawn(peer.hold(poll_fn(move |_| {
            holds.set(Some(number));
            if may_go.get() == Some(number) { Poll::Ready(()) } else { Poll::Pending }
        })));
    }
    tasks.run();
    tasks.take_wakes();
    let mut wakes = 0;
    for _ in 0..CROWD {
        let holder = holds.get();
        may_go.set(holder);
        tasks.poll(holder.expect("somebody holds the place"));
        tasks.run();
        wakes += tasks.take_wakes();
        assert_ne!(holds.get(), holder, "the place went to somebody else");
    }
    wakes as f64 / CROWD as f64
}
