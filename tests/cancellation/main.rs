//! A run is given up at every poll of its life: each shape of run, in each way of giving up, under each
//! executor. Afterwards nothing of it is left, the counters add up, and the pool is as good as new.

mod background;
mod books;
mod held;
mod life;
mod shapes;
mod stage;
mod worlds;

use futures::FutureExt as _;

use crate::life::{Ending, Entry, Fate, Life};
use crate::shapes::Shape;
use crate::stage::Stage;
use crate::worlds::{Clock as _, World};

/// Gives the run up at its poll number `at`, counting from 0, and answers whether it got that far.
async fn give_up<W: World>(
    world: &W,
    shape: &Shape,
    entry: Entry,
    ending: Ending,
    at: u32,
) -> bool {
    let about = format!("{}, by {entry:?}, {ending:?} at poll {at}", shape.name);
    let clock = world.clock();
    let stage = Stage::set(shape, clock.clone());
    let (life, witness) = Life::new(&stage, entry, ending, at);
    let task = world.spawn(Box::pin(life));
    let mut fate = witness.fate;
    let fate = loop {
        if let Some(fate) = (&mut fate).now_or_never() {
            break fate.expect("the task says what became of the run");
        }
        if witness.pulse.is_at_rest() {
            (shape.meddle)(&stage);
            world.pass_time().await;
        } else {
            // Another thread owes it a poll: a deadline that passed meanwhile would make its life shorter.
            stage::pause_for_others().await;
        }
    };
    if fate == Fate::Parked {
        world.cancel(task).await;
        stage.books.run_over("given up", at > 0);
    }
    let wakes = witness.pulse.wakes();
    assert_eq!(witness.pulse.kept_at_end(), 0, "{about}: the ended run keeps the task's waker");
    assert_eq!(witness.pulse.holders(), 1, "{about}: somebody keeps the task's waker");
    stage.finish_older();
    stage.finish_next(&about);
    let stats = stage.pool.stats();
    let out_of_time = (stats.timeouts, stats.deadlines);
    match fate {
        Fate::Ended => assert_eq!(out_of_time, shape.out_of_time, "{about}: out of time"),
        _ => assert!(
            out_of_time.0 <= shape.out_of_time.0 && out_of_time.1 <= shape.out_of_time.1,
            "{about}: {out_of_time:?} out of time"
        ),
    }
    assert!(clock.is_quiet(), "{about}: a sleep lives on");
    stage.assert_nothing_left(&about);
    stage.assert_as_good_as_new(&about);
    assert_eq!(witness.pulse.wakes(), wakes, "{about}: the task was woken after its end");
    fate != Fate::Ended
}

async fn give_up_everywhere<W: World>(world: W, entries: &[Entry], ending: Ending) {
    for shape in shapes::all() {
        for &entry in entries.iter().filter(|entry| shape.enters_by(**entry)) {
            let mut at = 0;
            while give_up(&world, shape, entry, ending, at).await {
                at += 1;
                assert!(at < 200, "{}: no run has so many polls", shape.name);
            }
            assert!(at >= shape.least_polls(entry), "{}: over after {at} polls", shape.name);
        }
    }
}

async fn dropped_at_any_poll_a_run_leaves_nothing_behind(world: impl World) {
    use Entry::{Abortable, Begun, Pool, Request, Service, Stream, Wrap};
    let entries = [Pool, Request, Wrap, Abortable, Service, Stream, Begun];
    give_up_everywhere(world, &entries, Ending::Dropped).await;
}

async fn cancelled_by_its_executor_at_any_poll_it_leaves_nothing_behind(world: impl World) {
    give_up_everywhere(
        world,
        &[Entry::Request, Entry::Abortable, Entry::Stream, Entry::Begun],
        Ending::Cancelled,
    )
    .await;
}

async fn aborted_through_its_handle_at_any_poll_it_leaves_nothing_behind(world: impl World) {
    give_up_everywhere(world, &[Entry::Abortable], Ending::Aborted).await;
}

macro_rules! on {
    ($($name:ident: $play:expr),* $(,)?) => {
        $(mod $name {
            #[test]
            fn dropped_at_any_poll_a_run_leaves_nothing_behind() {
                $play(|world| Box::pin(crate::dropped_at_any_poll_a_run_leaves_nothing_behind(world)));
            }

            #[test]
            fn cancelled_by_its_executor_at_any_poll_it_leaves_nothing_behind() {
                $play(|world| {
                    Box::pin(crate::cancelled_by_its_executor_at_any_poll_it_leaves_nothing_behind(world))
                });
            }

            #[test]
            fn aborted_through_its_handle_at_any_poll_it_leaves_nothing_behind() {
                $play(|world| {
                    Box::pin(crate::aborted_through_its_handle_at_any_poll_it_leaves_nothing_behind(world))
                });
            }
        })*
    };
}

on![
    in_virtual_time: crate::worlds::virtual_time,
    on_tokio_with_several_threads: crate::worlds::tokio_threads,
    on_tokio_with_one_thread_and_a_paused_clock: crate::worlds::tokio_paused,
    on_smol: crate::worlds::smol_global,
    on_async_std: crate::worlds::async_std_global,
    on_block_on: crate::worlds::plain_block_on,
];
