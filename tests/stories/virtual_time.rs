//! The test kit's time: it passes in order, stops for everybody, and never hangs.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::future::join_all;
use rotapool::Runtime as _;
use rotapool::testing::{VirtualClock, VirtualTime};

use crate::scene::secs;

/// Notes down the time, by its name, whenever it comes to a line.
#[derive(Clone)]
struct Diary {
    clock: VirtualClock,
    lines: Rc<RefCell<Vec<(&'static str, u64)>>>,
}

impl Diary {
    fn of(time: &VirtualTime) -> Self {
        Self { clock: time.clock(), lines: Rc::default() }
    }

    fn note(&self, name: &'static str) {
        self.lines.borrow_mut().push((name, self.clock.elapsed().as_secs()));
    }

    async fn sleep_and_note(self, name: &'static str, seconds: u64) {
        self.clock.sleep(secs(seconds)).await;
        self.note(name);
    }
}

#[test]
fn time_jumps_to_the_end_of_the_next_sleep_when_everybody_waits() {
    let time = VirtualTime::new();
    let diary = Diary::of(&time);
    let year = 365 * 24 * 60 * 60;
    time.block_on(diary.clone().sleep_and_note("a year", year));
    assert_eq!(*diary.lines.borrow(), [("a year", year)]);
    assert_eq!(time.elapsed(), secs(year));
}

#[test]
fn sleeps_end_in_order_and_those_of_one_instant_in_the_order_in_which_they_began() {
    let time = VirtualTime::new();
    let diary = Diary::of(&time);
    let sleeps = [("late", 9), ("b", 5), ("early", 1), ("c", 5), ("a", 5)];
    let all = sleeps.map(|(name, seconds)| diary.clone().sleep_and_note(name, seconds));
    time.block_on(join_all(all));
    let tasks =
        [("z", 5), ("y", 5)].map(|(name, s)| time.spawn(diary.clone().sleep_and_note(name, s)));
    time.advance(secs(5));
    assert!(tasks.iter().all(rotapool::testing::Task::is_finished));
    let expected = [("early", 1), ("b", 5), ("c", 5), ("a", 5), ("late", 9), ("z", 14), ("y", 14)];
    assert_eq!(*diary.lines.borrow(), expected);
}

#[test]
fn advance_stops_at_the_end_of_each_sleep_also_of_those_begun_on_the_way() {
    let time = VirtualTime::new();
    let diary = Diary::of(&time);
    let ticking = diary.clone();
    drop(time.spawn(async move {
        loop {
            ticking.clone().sleep_and_note("tick", 2).await;
        }
    }));
    time.advance(secs(5));
    assert_eq!(*diary.lines.borrow(), [("tick", 2), ("tick", 4)]);
    assert_eq!((time.elapsed(), time.clock().sleeps()), (secs(5), vec![secs(6)]));
}

#[test]
fn a_clock_moved_by_hand_jumps_over_the_ends_of_sleeps() {
    let time = VirtualTime::new();
    let diary = Diary::of(&time);
    let _tasks = [7, 3].map(|seconds| time.spawn(diary.clone().sleep_and_note("up", seconds)));
    time.advance(Duration::ZERO);
    time.clock().advance(secs(100));
    assert_eq!(*diary.lines.borrow(), [], "nobody was polled");
    time.advance(Duration::ZERO);
    assert_eq!(*diary.lines.borrow(), [("up", 100), ("up", 100)]);
}

#[test]
fn time_never_runs_backwards() {
    let time = VirtualTime::new();
    let (clock, start) = (time.clock(), time.clock().now());
    clock.advance(secs(10));
    time.block_on(clock.sleep_until(start));
    assert_eq!(clock.elapsed(), secs(10), "a sleep in the past ends at once");
    // Somebody moves the clock past the end of the `advance` that is under way.
    let hasty = time.clock();
    drop(time.spawn(async move { hasty.advance(secs(60)) }));
    time.advance(secs(1));
    assert_eq!(clock.elapsed(), secs(70));
}

#[test]
fn a_sleep_is_in_progress_from_its_first_poll_until_it_is_due_or_dropped() {
    let time = VirtualTime::new();
    let clock = time.clock();
    let sleep = clock.sleep(secs(3));
    assert_eq!(clock.sleeps(), [], "it was not polled");
    let task = time.spawn(sleep);
    time.advance(secs(1));
    assert_eq!(clock.sleeps(), [secs(3)]);
    task.abort();
    assert_eq!(clock.sleeps(), []);
    drop(time.spawn(clock.sleep(Duration::MAX)));
    time.advance(secs(1));
    assert_eq!(clock.sleeps(), [secs(2 - 1 + 100 * 365 * 24 * 60 * 60)]);
}

#[test]
#[should_panic(
    expected = "deadlock at 30s of virtual time: the future given to `block_on` waits, and so does 1 task"
)]
fn when_nothing_can_ever_wake_that_is_said_and_nobody_hangs() {
    let time = VirtualTime::new();
    drop(time.spawn(pending::<()>()));
    time.block_on(async {
        time.clock().sleep(secs(30)).await;
        pending::<()>().await;
    });
}

#[test]
fn advance_leaves_those_alone_who_wait_for_more_than_time() {
    let time = VirtualTime::new();
    let stuck = time.spawn(pending::<()>());
    time.advance(secs(5));
    assert!(!stuck.is_finished());
}

#[test]
#[should_panic(expected = "`VirtualTime::advance` was called from inside a future that it drives")]
fn time_is_not_driven_from_inside() {
    let time = VirtualTime::new();
    time.block_on(async { time.advance(secs(1)) });
}

#[test]
#[should_panic(expected = "the clock cannot advance by 18446744073709551615.999999999s")]
fn time_beyond_the_last_instant_is_refused() {
    let clock = VirtualClock::new();
    clock.advance(secs(1));
    clock.advance(Duration::MAX);
}

#[test]
fn tasks_go_on_beside_the_future_and_after_it() {
    let time = VirtualTime::new();
    let diary = Diary::of(&time);
    let beside = time.spawn(diary.clone().sleep_and_note("beside", 2));
    let after = time.spawn(diary.clone().sleep_and_note("after", 4));
    time.block_on(diary.clone().sleep_and_note("the future", 3));
    assert_eq!((beside.is_finished(), after.is_finished()), (true, false));
    time.block_on(after);
    assert_eq!(*diary.lines.borrow(), [("beside", 2), ("the future", 3), ("after", 4)]);
}

#[test]
fn whoever_can_go_on_when_the_future_ends_has_gone_on_when_block_on_returns() {
    let time = VirtualTime::new();
    let (told, hears) = futures::channel::oneshot::channel();
    let heard = time.spawn(hears);
    time.block_on(async { told.send("news").unwrap() });
    assert_eq!(heard.take_result(), Some(Ok("news")));
    assert_eq!(heard.take_result(), None);
}

#[test]
fn a_task_wakes_itself_is_awaited_by_another_and_need_not_be_send() {
    let time = VirtualTime::new();
    let turns = Rc::new(RefCell::new(0));
    let counted = Rc::clone(&turns);
    let waits = time.spawn(poll_fn(move |context| {
        *counted.borrow_mut() += 1;
        context.waker().wake_by_ref();
        if *counted.borrow() < 100 { Poll::Pending } else { Poll::Ready("done") }
    }));
    let other = time.spawn(waits);
    assert_eq!(time.block_on(other), "done");
    assert_eq!(*turns.borrow(), 100);
}

#[test]
fn an_aborted_task_is_dropped_at_once_and_others_live_on() {
    let time = VirtualTime::new();
    let held = Rc::new(());
    let task = {
        let held = Rc::clone(&held);
        time.spawn(async move {
            let _held = held;
            pending::<()>().await;
        })
    };
    let other = time.spawn(async { "fine" });
    time.advance(Duration::ZERO);
    assert_eq!(Rc::strong_count(&held), 2);
    task.abort();
    assert_eq!((Rc::strong_count(&held), task.is_finished()), (1, true));
    assert_eq!((task.take_result(), other.take_result()), (None, Some("fine")));
}

#[test]
fn a_task_may_abort_itself() {
    let time = VirtualTime::new();
    let own = Rc::new(RefCell::new(None::<rotapool::testing::Task<()>>));
    let reached = Rc::clone(&own);
    let task = time.spawn(async move {
        reached.borrow().as_ref().unwrap().abort();
        pending::<()>().await;
    });
    *own.borrow_mut() = Some(task);
    time.advance(Duration::ZERO);
    assert!(own.borrow().as_ref().unwrap().is_finished());
    assert_eq!(Rc::strong_count(&own), 1, "its future is gone");
}

#[test]
#[should_panic(expected = "the task was aborted: it has no result to await")]
fn awaiting_an_aborted_task_is_a_mistake_that_is_told() {
    let time = VirtualTime::new();
    let task = time.spawn(pending::<()>());
    task.abort();
    time.block_on(task);
}

#[test]
fn a_panic_comes_out_and_time_goes_on() {
    let time = VirtualTime::new();
    drop(time.spawn(async { panic!("a task panics (this message is expected)") }));
    let panic = catch_unwind(AssertUnwindSafe(|| time.advance(secs(1)))).unwrap_err();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("a task panics"));
    time.advance(secs(2));
    assert_eq!(time.elapsed(), secs(2));
}

#[test]
fn what_tasks_hold_is_dropped_with_the_time() {
    let held = Rc::new(());
    let time = VirtualTime::new();
    let (clock, kept) = (time.clock(), Rc::clone(&held));
    drop(time.spawn(async move {
        clock.sleep(secs(1)).await;
        drop(kept);
    }));
    time.advance(Duration::ZERO);
    assert_eq!(Rc::strong_count(&held), 2);
    drop(time);
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn clock_time_and_task_show_how_far_they_are_when_they_are_debugged() {
    let time = VirtualTime::default();
    let clock = time.clock();
    let task = time.spawn(async move { clock.sleep(secs(2)).await });
    time.advance(secs(1));
    assert!(format!("{time:?}").ends_with("tasks: 1, .. }"), "{time:?}");
    assert_eq!(format!("{:?}", time.clock()), "VirtualClock { elapsed: 1s, sleeps: [2s] }");
    assert_eq!(
        format!("{:?}", VirtualClock::default()),
        "VirtualClock { elapsed: 0ns, sleeps: [] }"
    );
    assert_eq!(format!("{task:?}"), "Task { is_finished: false, .. }");
}

#[test]
fn aborting_a_task_that_has_ended_leaves_its_result() {
    let time = VirtualTime::new();
    let task = time.spawn(async { 7 });
    time.advance(Duration::ZERO);
    task.abort();
    assert_eq!(task.take_result(), Some(7));
}

#[test]
#[should_panic(expected = "the task's result was taken already")]
fn a_result_is_handed_out_once() {
    let time = VirtualTime::new();
    let task = time.spawn(async { 7 });
    time.advance(Duration::ZERO);
    assert_eq!((task.take_result(), task.take_result()), (Some(7), None));
    time.block_on(task);
}

#[test]
#[should_panic(expected = "the future given to `block_on` waits, and so do 2 tasks")]
fn a_deadlock_counts_the_tasks_that_wait_too() {
    let time = VirtualTime::new();
    let _two = [time.spawn(pending::<()>()), time.spawn(pending())];
    time.block_on(pending::<()>());
}
