//! What SECURITY.md promises: hostile text, hostile numbers, crowds, and foreign code that panics.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::executor::block_on;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rotapool::testing::{Answer, Script, VirtualClock};
use rotapool::{
    Cause, Fault, Pool, PoolCollector, Resource, ResourceError, RunError, Status, Strategy,
};

use crate::scene::{Scene, secs};
use crate::upstream::{Boom, fine};

const MEGABYTES: usize = 4 << 20;

/// Whatever breaks a line, hides text or turns it around in somebody's terminal or viewer.
const UNFIT: [char; 12] = [
    '\n', '\r', '\0', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}',
    '\u{200f}', '\u{61c}',
];

fn vile() -> String {
    UNFIT.iter().collect::<String>() + &"x".repeat(MEGABYTES)
}

fn is_fit_for_a_log(text: &str) {
    assert!(text.len() < 10_000, "{} bytes", text.len());
    for line in text.lines() {
        assert!(!line.contains(UNFIT), "{line:?}");
    }
}

// Hostile text.

#[test]
fn whatever_is_in_an_id_its_lines_are_short_and_plain() {
    let id: Arc<str> = vile().into();
    let scene = Scene::with(&["first"], |builder| {
        builder.resource(Resource::new(Arc::clone(&id), "v").max_in_flight(1))
    });
    let refused = |resource: Resource<&'static str>| scene.pool.add(resource).unwrap_err();
    let unknown = scene.pool.remove(&vile().replace('x', "y")).unwrap_err();
    assert!(matches!(unknown, ResourceError::UnknownResource { .. }));
    for error in [
        refused(Resource::new(Arc::clone(&id), "v")),
        refused(Resource::new(vile() + "z", "v").weight(0.0)),
        refused(Resource::new(vile() + "z", "v").max_in_flight(0)),
        unknown,
    ] {
        is_fit_for_a_log(&error.to_string());
        assert_eq!(error.to_string().lines().count(), 1);
    }
    scene.pool.disable("first").unwrap();
    scene.start();
    let error = scene.start().error();
    is_fit_for_a_log(&error.to_string());
    is_fit_for_a_log(&error.exhausted().unwrap().table().to_string());
    assert_eq!(error.exhausted().unwrap().table().to_string().lines().count(), 3);
}

#[test]
fn whatever_is_in_a_reason_its_lines_are_short_and_plain() {
    for signal in [Fault::cooldown, Fault::disable, Fault::retry] {
        let scene = Scene::of(&["a"]);
        let run = scene.start_with(|request| request.max_attempts(1));
        scene.answer("a", Err(signal(vile())));
        let error = run.error();
        is_fit_for_a_log(&error.to_string());
        assert_eq!(error.to_string().lines().count(), 1);
        is_fit_for_a_log(&error.exhausted().unwrap().table().to_string());
        is_fit_for_a_log(&scene.row("a").to_string());
    }
}

#[test]
fn megabytes_of_reason_and_metadata_are_kept_once_however_often_they_are_shown() {
    let scene = Scene::with(&[], |builder| {
        builder.resource(Resource::new("a", "v").metadata("region", "x".repeat(MEGABYTES)))
    });
    let run = scene.start();
    scene.answer("a", Err(Fault::cooldown("x".repeat(MEGABYTES))));
    let reason = |row: &rotapool::ResourceSnapshot| match &row.cause {
        Some(Cause::Signal(reason)) => Arc::clone(reason),
        other => panic!("{other:?}"),
    };
    let error = run.error();
    let (row, explained) = (scene.row("a"), &error.exhausted().unwrap().explanation.resources[0]);
    assert!(Arc::ptr_eq(&reason(&row), &reason(explained)));
    assert!(Arc::ptr_eq(&row.metadata, &explained.metadata));
    assert!(Arc::ptr_eq(&row.id, &explained.id));
}

#[test]
fn of_a_reason_of_megabytes_the_pool_keeps_a_page_and_says_so() {
    // The first lies across the end of the page: cut before it is hidden, half of it would be seen.
    let page = 16 * 1024;
    let secret = format!("{}sk-aaa{}", "x".repeat(page - 3), "y".repeat(MEGABYTES));
    for (text, end) in [(secret, "x***"), ("ü".repeat(MEGABYTES), "ü")] {
        let key = Resource::new("a", "v").secret("sk-aaa");
        let scene = Scene::with(&[], |builder| builder.resource(key));
        let mut events = scene.pool.events();
        let run = scene.start_with(|request| request.max_attempts(1));
        scene.answer("a", Err(Fault::cooldown(text)));
        let error = run.error();
        let kept = error.exhausted().unwrap().last_signal.as_ref().unwrap().reason();
        let (shown, left_out) = kept.rsplit_once("… (").unwrap();
        assert!(
            shown.ends_with(end) && (page - 2..=page).contains(&shown.len()),
            "{}",
            shown.len()
        );
        assert!(left_out.ends_with(" bytes more)"), "{left_out}");
        while let Some(event) = events.try_next() {
            assert!(format!("{event:?}").len() < 2 * page, "a buffer full of them is no gigabyte");
        }
    }
}

#[test]
fn no_name_or_id_can_forge_a_line_of_metrics() {
    let forged = "x\"} 1\nrotapool_forged 1\n# EOF\\";
    let pool = Pool::builder().name(forged).resource(Resource::new(forged, ())).build().unwrap();
    let collector = PoolCollector::new();
    collector.add(&pool).unwrap();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    let mut page = String::new();
    encode(&mut page, &registry).unwrap();
    assert!(page.lines().all(|line| !line.starts_with("rotapool_forged")), "{page}");
    assert_eq!(page.lines().filter(|line| line.starts_with("# EOF")).count(), 1);
    assert!(page.contains(r#"resource_id="x\"} 1\nrotapool_forged 1\n# EOF\\""#), "{page}");
}

// Secrets.

/// Implements nothing at all, so that no output could show it.
struct Opaque(#[allow(dead_code, reason = "a secret that nobody looks at")] &'static str);

#[test]
fn a_value_of_which_nothing_can_be_printed_is_as_good_as_any() {
    let clock = VirtualClock::new();
    let script = Script::<&str>::new(clock.clone()).on("a", [Answer::cooldown("429")]);
    let trace = script.trace();
    let pool = Pool::builder()
        .resource(Resource::new("a", Opaque("sk-planted-secret")))
        .runtime(clock)
        .on_state_change(trace.hook())
        .build()
        .unwrap();
    let collector = PoolCollector::new();
    collector.add(&pool).unwrap();
    let error = block_on(pool.run(|lease| script.play(lease))).unwrap_err();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector.clone()));
    let mut page = String::new();
    encode(&mut page, &registry).unwrap();
    let outputs = [
        format!("{pool:?} {:?} {:?} {error:?} {error}", pool.snapshot(), pool.stats()),
        serde_json::to_string(&pool.stats()).unwrap(),
        serde_json::to_string(&pool.snapshot()).unwrap(),
        format!("{trace} {trace:?} {script:?}"),
        format!("{collector:?} {page}"),
    ];
    for output in outputs {
        assert!(output.contains('a') && !output.contains("secret"), "{output}");
    }
}

// Hostile numbers.

#[test]
fn an_endless_retry_after_keeps_a_resource_out_until_somebody_enables_it() {
    let scene = Scene::of(&["a"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown_for(Duration::MAX, "429")));
    let waiting = scene.start_with(|request| request.wait(true));
    let bounded = scene.start_with(|request| request.wait(true).timeout(secs(3600)));
    assert!(waiting.is_running());
    assert!(bounded.error().is_exhausted(), "a deadline spares the caller the wait");
    serde_json::to_string(&scene.pool.snapshot()).unwrap();
    scene.pool.enable("a").unwrap();
    scene.settle();
    scene.answer("a", fine());
    assert_eq!(waiting.result().unwrap(), "fine");
}

#[test]
fn a_retry_after_of_nothing_sends_no_run_into_a_storm() {
    let scene = Scene::of(&["a"]);
    let run = scene.start_with(|request| request.wait(true).max_attempts(3));
    for seconds in [30, 120, 300, 600] {
        scene.answer("a", Err(Fault::cooldown_for(Duration::ZERO, "429, Retry-After: 0")));
        assert_eq!(scene.upstream.pending(), [""; 0]);
        scene.advance(secs(seconds));
    }
    assert_eq!(run.error().exhausted().unwrap().attempts, 4, "the first cost nothing");
    scene.assert_at_rest();
}

#[test]
fn keys_that_all_mean_the_same_resource_cannot_overload_it() {
    let ids = ["a", "b", "c", "d"];
    let scene = Scene::with(&ids, |builder| builder.strategy(Strategy::Affinity));
    for _ in 0..100 {
        scene.start_with(|request| request.affinity("the attacker's"));
    }
    let rows = scene.pool.snapshot();
    // 1.25 times the fair share of 25, rounded up to a whole operation.
    assert!(rows.iter().all(|row| row.in_flight <= 32), "{rows:?}");
}

// Crowds.

const CROWD: usize = 20_000;

/// Counts how often anybody is woken.
#[derive(Default)]
struct Counted(AtomicUsize);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_signal_or_a_freed_place_wakes_two_of_a_crowd_at_most() {
    type Answer = Result<(), Fault<Boom>>;
    let pool = Pool::builder()
        .resource(Resource::new("a", ()).max_in_flight(2))
        .resource(Resource::new("b", ()).max_in_flight(1))
        .max_waiting(CROWD)
        .cancel_siblings(false)
        .runtime(VirtualClock::new())
        .build()
        .unwrap();
    let answers: RefCell<Vec<(String, Answer)>> = RefCell::default();
    let woken = Arc::new(Counted::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    // Three are at work, and each of them takes the next answer for its resource. All others wait.
    let mut runs: Vec<_> = (0..CROWD + 3)
        .map(|number| {
            Box::pin(pool.request().wait(number >= 3).run(|key| {
                let answers = &answers;
                poll_fn(move |_| {
                    let mut answers = answers.borrow_mut();
                    match answers.iter().position(|(id, _)| id == key.id()) {
                        Some(next) => Poll::Ready(answers.remove(next).1),
                        None => Poll::Pending,
                    }
                })
            }))
        })
        .collect();
    for run in &mut runs {
        assert!(run.as_mut().poll(&mut context).is_pending());
    }
    let rows = pool.snapshot();
    assert_eq!((rows[0].in_flight, rows[1].in_flight, pool.stats().waiting), (2, 1, CROWD));
    let mut answer = |id: &str, run: usize, answer| {
        answers.borrow_mut().push((id.to_owned(), answer));
        assert!(runs[run].as_mut().poll(&mut context).is_ready());
        let wakes = woken.0.load(Ordering::Relaxed);
        // Who was first in line comes, to see what there is.
        assert!(runs[3].as_mut().poll(&mut context).is_pending());
        woken.0.store(0, Ordering::Relaxed);
        wakes
    };

    // The runs went to `a`, `b` and `a`.
    let first = answer("a", 0, Err(Fault::cooldown_for(secs(60), "429")));
    assert_eq!(first, 1, "the first in line keeps the time until `a` is back");
    assert_eq!(answer("a", 2, Err(Fault::cooldown_for(secs(90), "429"))), 0, "it does already");
    assert_eq!(answer("b", 1, Ok(())), 2, "who gets the place, and who keeps the time after it");
}

#[test]
fn a_crowd_of_waiters_is_woken_by_one_call_and_every_one_ends_once() {
    let pool = Pool::builder()
        .resource(Resource::new("a", ()))
        .max_waiting(CROWD)
        .runtime(VirtualClock::new())
        .build()
        .unwrap();
    let limited = pool.run(|_| async { Err::<(), _>(Fault::<Boom>::cooldown("429")) });
    block_on(limited).unwrap_err();
    let woken = Arc::new(Counted::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut crowd: Vec<_> = (0..CROWD)
        .map(|_| {
            let request = pool.request().wait(true);
            Box::pin(request.run(|_| async { Ok::<_, Fault<Boom>>(()) }))
        })
        .collect();
    for run in &mut crowd {
        assert!(run.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(pool.stats().waiting, CROWD);
    drop(crowd.split_off(CROWD / 2));
    assert_eq!(pool.stats().waiting, CROWD / 2, "who gave up waits no more");
    pool.enable("a").unwrap();
    assert_eq!(woken.0.load(Ordering::Relaxed), CROWD / 2);
    for run in &mut crowd {
        assert_eq!(run.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    }
    let stats = pool.stats();
    let half = CROWD as u64 / 2;
    assert_eq!((stats.runs_ok, stats.runs_cancelled, stats.waiting), (half, half, 0));
}

#[test]
fn while_a_filter_or_a_choice_takes_its_time_others_are_served() {
    let scene = Scene::with(&["a", "b"], |builder| builder.select(|_: &[_]| 0));
    let pool = scene.pool.clone();
    let whole_runs = |pool: &Pool<&'static str>| {
        let run = pool.run(|_| async { Ok::<_, Fault<Boom>>(()) });
        block_on(run).unwrap();
    };
    // As slow as can be: others begin and end while it is asked.
    let run = scene.start_with(|request| {
        request.only(move |_| {
            whole_runs(&pool);
            true
        })
    });
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
    assert_eq!(scene.pool.stats().runs_ok, 3, "its own, and one for each resource judged");
}

// Foreign code that panics.

/// The waker of a task on some broken executor.
struct Broken;

impl Wake for Broken {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics (this message is expected)");
    }
}

#[test]
fn a_waker_that_panics_keeps_no_other_sibling_from_its_abort() {
    let scene = Scene::of(&["a", "b"]);
    scene.pool.disable("b").unwrap();
    let eldest = scene.start();
    let waker = Waker::from(Arc::new(Broken));
    let mut broken = Box::pin(scene.pool.run(scene.upstream.operation()));
    assert!(broken.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let youngest = scene.start();
    scene.pool.enable("b").unwrap();
    scene.answer("a", Err(Fault::disable("revoked")));
    assert_eq!(scene.upstream.pending(), ["a", "b", "b"], "all but the one who was not told");
    drop(broken);
    scene.answer("b", fine());
    scene.answer("b", fine());
    assert_eq!([eldest.result().unwrap(), youngest.result().unwrap()], ["fine", "fine"]);
    assert_eq!(scene.pool.stats().runs_ok, 2);
    scene.assert_at_rest();
}

#[test]
fn a_waker_that_panics_keeps_no_waiter_asleep() {
    let scene = Scene::of(&["a"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    let waker = Waker::from(Arc::new(Broken));
    let request = || scene.pool.request().wait(true);
    let mut broken = Box::pin(request().run(scene.upstream.operation()));
    assert!(broken.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let waiting = scene.start_with(|request| request.wait(true));
    scene.pool.enable("a").unwrap();
    scene.settle();
    scene.answer("a", fine());
    assert_eq!(waiting.result().unwrap(), "fine");
    drop(broken);
    scene.assert_at_rest();
}

/// A value whose drop panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a drop that panics (this message is expected)");
    }
}

fn goes_off(act: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(act)).is_err(), "the panic reaches who dropped it");
}

#[test]
fn a_value_whose_drop_panics_leaves_the_pool_right() {
    let pool = Pool::builder()
        .resource(Resource::new("a", Some(Bomb)))
        .resource(Resource::new("b", None))
        .build()
        .unwrap();
    goes_off(|| drop(pool.add(Resource::new("b", Some(Bomb)))));
    goes_off(|| pool.remove("a").unwrap());
    pool.add(Resource::new("a", None)).unwrap();
    for _ in 0..2 {
        block_on(pool.run(|_| async { Ok::<_, Fault<Boom>>(()) })).unwrap();
    }
    let stats = pool.stats();
    assert_eq!((stats.resources.len(), stats.runs_ok, stats.in_flight), (2, 2, 0));
}

#[test]
fn an_operation_whose_drop_panics_gives_its_place_back_all_the_same() {
    /// Ready at once, and holds a bomb until it is dropped.
    struct Armed(#[allow(dead_code, reason = "goes off when dropped")] Bomb);
    impl Future for Armed {
        type Output = Result<(), Fault<Boom>>;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            Poll::Ready(Ok(()))
        }
    }
    let pool = Pool::builder().resource(Resource::new("a", ()).max_in_flight(1)).build().unwrap();
    goes_off(|| {
        let _ = block_on(pool.run(|_| Armed(Bomb)));
    });
    let stats = pool.stats();
    assert_eq!((stats.attempts, stats.in_flight, stats.runs_cancelled), (1, 0, 1));
    let next = block_on(pool.run(|_| async { Ok::<_, Fault<Boom>>("served") }));
    assert_eq!(next, Ok("served"));
}

#[test]
fn an_aborted_operation_whose_drop_panics_gives_its_place_back_all_the_same() {
    let scene = Scene::of(&["a", "b"]);
    let eldest = scene.start();
    scene.start();
    let mut doomed = Box::pin(scene.pool.run(|_| async {
        let _bomb = Bomb;
        std::future::pending::<Result<(), Fault<Boom>>>().await
    }));
    let mut context = Context::from_waker(Waker::noop());
    assert!(doomed.as_mut().poll(&mut context).is_pending());
    scene.answer("a", Err(Fault::cooldown("429")));
    goes_off(|| drop(doomed.as_mut().poll(&mut context)));
    drop(doomed);
    let stats = scene.pool.stats();
    assert_eq!((stats.in_flight, stats.runs_cancelled), (2, 1), "the two that are on `b`");
    scene.answer("b", fine());
    scene.answer("b", fine());
    assert_eq!(eldest.result().unwrap(), "fine");
    scene.assert_at_rest();
}

#[test]
fn a_run_that_panicked_and_is_polled_again_panics_or_goes_on_and_leaks_nothing() {
    let scene = Scene::of(&["a"]);
    let calls = Rc::new(RefCell::new(0));
    let count = Rc::clone(&calls);
    let mut run = Box::pin(scene.pool.run(move |_| {
        *count.borrow_mut() += 1;
        async { panic!("an operation that panics (this message is expected)") }
    }));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..2 {
        let polled: Result<Poll<Result<(), RunError<Boom>>>, _> =
            catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(&mut context)));
        assert!(polled.is_err() || polled.is_ok_and(|polled| polled.is_ready()));
    }
    drop(run);
    assert_eq!(*calls.borrow(), 1, "nothing is called again behind the caller's back");
    assert_eq!(scene.status("a"), Status::Healthy);
    scene.assert_at_rest();
}
