//! What a crowd of waiting runs costs whoever changes something: the processor time and the wake-ups of one
//! cooldown signal, of one run that ends well and of one admin call, with nobody waiting and with 10,000 runs that wait.
//!
//! `cargo run --release -p rotapool-benches --bin crowd`, some seconds. The processor time is that of the process, all its threads
//! together.
//!
//! The runs are polled by hand on one thread, in the order in which they were woken. A call is measured with all that
//! it brings about, until nobody has anything left to do.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use rotapool::{Fault, Pool, Resource};
use rotapool_benches::pools::COOLDOWN;
use rotapool_benches::tasks::Tasks;
use rustix::time::{ClockId, clock_gettime};

const RESOURCES: usize = 100;
const CROWD: usize = 10_000;
/// How many signals or calls are measured.
const CALLS: usize = 50;

fn main() {
    println!("{RESOURCES} resources; processor time and wake-ups of one call\n");
    println!("{:<42} {:>14} {:>11} {:>10}", "waiting", "call", "µs", "wake-ups");
    for (name, crowd) in [
        ("nobody", Crowd { runs: 0, choosy: false }),
        ("10,000 runs", Crowd { runs: CROWD, choosy: false }),
        ("10,000 runs, each admits 1 of 100", Crowd { runs: CROWD, choosy: true }),
    ] {
        for (call, measure) in [
            ("signal", signal as fn(Crowd) -> Cost),
            ("success", success),
            ("enable", enable),
            ("disable", disable),
        ] {
            let Cost { time, wakes } = measure(crowd);
            let (each, wakes) =
                (time.as_secs_f64() * 1e6 / CALLS as f64, wakes as f64 / CALLS as f64);
            println!("{name:<42} {call:>14} {each:>11.1} {wakes:>10.1}");
        }
    }
}

#[derive(Clone, Copy)]
struct Crowd {
    runs: usize,
    /// Each run admits one resource of all.
    choosy: bool,
}

struct Cost {
    time: Duration,
    wakes: usize,
}

/// Upstream says of one that is out that it stays away for longer.
fn signal(crowd: Crowd) -> Cost {
    let pool = pool(u32::MAX);
    let mut tasks = Tasks::default();
    // Two of each resource are under way when the first of them takes it out.
    let signallers = take_out(&pool, &mut tasks, 2);
    join(crowd, &pool, &mut tasks);
    cost(&mut tasks, |tasks, call| {
        let (task, says) = &signallers[RESOURCES + call];
        says.set(Some(COOLDOWN * 2));
        tasks.poll(*task);
    })
}

/// A run ends well: its place is for one in line, who keeps it.
fn success(crowd: Crowd) -> Cost {
    let pool = pool(1);
    let mut tasks = Tasks::default();
    let begin = |_| {
        let is_over = Rc::new(Cell::new(false));
        let hears = Rc::clone(&is_over);
        let run = pool.run(move |_| {
            let hears = Rc::clone(&hears);
            poll_fn(move |_| match hears.get() {
                true => Poll::Ready(Ok::<_, Fault<Infallible>>(())),
                false => Poll::Pending,
            })
        });
        (tasks.spawn(async move { run.await.expect("it ends well") }), is_over)
    };
    let holders: Vec<_> = (0..RESOURCES).map(begin).collect();
    join(crowd, &pool, &mut tasks);
    cost(&mut tasks, |tasks, call| {
        let (task, is_over) = &holders[call];
        is_over.set(true);
        tasks.poll(*task);
    })
}

/// An operator brings one back: one run may have it, and keeps it.
fn enable(crowd: Crowd) -> Cost {
    let pool = pool(1);
    let mut tasks = Tasks::default();
    take_out(&pool, &mut tasks, 1);
    join(crowd, &pool, &mut tasks);
    let cost = cost(&mut tasks, |_, call| pool.enable(&id(call)).expect("it is in the pool"));
    assert_eq!(pool.stats().in_flight, CALLS.min(crowd.runs) as u64);
    cost
}

/// An operator takes one for good that was to come back.
fn disable(crowd: Crowd) -> Cost {
    let pool = pool(1);
    let mut tasks = Tasks::default();
    take_out(&pool, &mut tasks, 1);
    join(crowd, &pool, &mut tasks);
    cost(&mut tasks, |_, call| pool.disable(&id(call)).expect("it is in the pool"))
}

fn id(resource: usize) -> String {
    format!("key-{resource}")
}

fn pool(room: u32) -> Pool<()> {
    Pool::builder()
        .resources((0..RESOURCES).map(|n| {
            Resource::new(id(n), ()).max_in_flight(room).metadata("number", n.to_string())
        }))
        .cancel_siblings(false)
        .retry_delay(Duration::ZERO)
        .max_waiting(CROWD)
        .build()
        .expect("the resources are some and distinct")
}

/// What the operation of a task shall say of its resource.
type Says = Rc<Cell<Option<Duration>>>;

/// So many runs on each resource; the first of each takes it out, the others are still under way.
fn take_out<'a>(pool: &'a Pool<()>, tasks: &mut Tasks<'a>, each: usize) -> Vec<(usize, Says)> {
    let begin = |_| {
        let says = Says::default();
        let heard = Rc::clone(&says);
        let run = async move {
            let run = pool.request().max_attempts(1).run(|_| {
                let heard = Rc::clone(&heard);
                poll_fn(move |_| match heard.get() {
                    Some(cooldown) => {
                        Poll::Ready(Err(Fault::<Infallible>::cooldown_for(cooldown, "429")))
                    }
                    None => Poll::<Result<(), _>>::Pending,
                })
            });
            run.await.expect_err("its one attempt fails");
        };
        (tasks.spawn(run), says)
    };
    let runs: Vec<_> = (0..RESOURCES * each).map(begin).collect();
    for (task, says) in &runs[..RESOURCES] {
        says.set(Some(COOLDOWN));
        tasks.poll(*task);
    }
    assert_eq!(pool.stats().cooling_down, RESOURCES);
    runs
}

/// The crowd comes. Whoever is served works for ever; whoever cannot be any more leaves.
fn join<'a>(crowd: Crowd, pool: &'a Pool<()>, tasks: &mut Tasks<'a>) {
    for number in 0..crowd.runs {
        let mut request = pool.request().wait(true);
        if crowd.choosy {
            let wanted = (number % RESOURCES).to_string();
            request = request.only(move |metadata| metadata.get("number") == Some(&*wanted));
        }
        tasks.spawn(async move {
            let _ = request.run(|_| pending::<Result<(), Fault<Infallible>>>()).await;
        });
    }
    assert_eq!(pool.stats().waiting, crowd.runs);
}

fn cost<'a>(tasks: &mut Tasks<'a>, mut call: impl FnMut(&mut Tasks<'a>, usize)) -> Cost {
    tasks.run();
    tasks.take_wakes();
    let began = processor_time();
    for number in 0..CALLS {
        call(tasks, number);
        tasks.run();
    }
    Cost { time: processor_time() - began, wakes: tasks.take_wakes() }
}

/// Of all threads of this process, the timer's among them.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("it counts from zero")
}
