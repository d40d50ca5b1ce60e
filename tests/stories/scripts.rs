//! The test kit's scripts: operations do as they were told, or say that nobody told them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rotapool::testing::{Answer, Script, VirtualTime};
use rotapool::{Builder, Fault, Pool, Resource, RunError, Signal, Strategy, TokioRuntime};

use crate::scene::{Restless, secs};
use crate::upstream::Boom;

/// A pool of `a` and `b`, in that order of preference.
fn pool(time: &VirtualTime) -> Pool<()> {
    builder().runtime(time.clock()).build().unwrap()
}

fn builder() -> Builder<()> {
    Pool::builder()
        .resources(["a", "b"].map(|id| Resource::new(id, ())))
        .strategy(Strategy::PrimaryBackup)
        .retry_delay(Duration::ZERO)
        .seed(1)
}

/// The message of the panic that this must end with.
fn panic_of(run: impl FnOnce() -> Result<&'static str, RunError<Boom>>) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("it panics");
    *panic.downcast::<String>().expect("a message")
}

#[test]
fn every_kind_of_answer_comes_as_it_was_written() {
    let time = VirtualTime::new();
    let hour = secs(3600);
    let results = [
        Ok("fine"),
        Err(Fault::Operation(Boom)),
        Err(Fault::Failure(Boom)),
        Err(Fault::cooldown("429")),
        Err(Fault::cooldown_for(hour, "quota")),
        Err(Fault::disable("401")),
        Err(Fault::retry("503")),
    ];
    let written = [
        Answer::ok("fine"),
        Answer::error(Boom),
        Answer::from(Err(Fault::Failure(Boom))),
        Answer::cooldown("429"),
        Answer::cooldown_for(hour, "quota"),
        Answer::disable("401"),
        Answer::retry("503"),
    ];
    let script = Script::new(time.clock()).on("a", written);
    for result in results {
        // A pool of its own each: the run ends with its one attempt.
        let pool = pool(&time);
        let run = pool.request().max_attempts(1).exclude("b").run(|key| script.play(key));
        match (time.block_on(run), result) {
            (Ok(value), Ok(expected)) => assert_eq!(value, expected),
            (
                Err(RunError::Operation(error)),
                Err(Fault::Operation(expected) | Fault::Failure(expected)),
            ) => {
                assert_eq!(error, expected);
            }
            (Err(RunError::Exhausted(why)), Err(Fault::Signal(expected))) => {
                assert_eq!(why.last_signal, Some(expected));
            }
            (ended, expected) => panic!("{ended:?} is not {expected:?}"),
        }
    }
    assert_eq!(time.elapsed(), Duration::ZERO, "at once");
}

#[test]
fn a_script_without_an_answer_says_so() {
    let time = VirtualTime::new();
    let pool = pool(&time);
    let script = Script::<&str, Boom>::new(time.clock()).on("a", []);
    let message = panic_of(|| time.block_on(pool.run(|key| script.play(key))));
    assert!(message.contains("it has no answer, and this is call 1"), "{message}");
}

#[test]
fn a_script_that_has_run_out_says_so_loudly_and_shows_what_happened() {
    let time = VirtualTime::new();
    let pool = pool(&time);
    let script = Script::new(time.clock()).on("a", [Answer::ok("fine")]);
    let run = || time.block_on(pool.run(|key| script.play(key)));
    assert_eq!(run(), Ok("fine"));
    let message = panic_of(run);
    assert_eq!(
        message,
        "the script of resource \"a\" has run out: it has 1 answer, and this is call 2 (attempt 1 of \
         its run). Say what it comes to, or let `std::iter::repeat` go on for ever. So far:\n\
         0s  a  call 1 begins (attempt 1)\n\
         0s  a  call 1 ends: ok"
    );
}

#[test]
fn a_resource_that_the_script_leaves_out_is_named_with_those_it_knows() {
    let time = VirtualTime::new();
    let pool = pool(&time);
    let script = Script::new(time.clock()).on("b", [Answer::ok("fine")]).on("c", []);
    let message = panic_of(|| time.block_on(pool.run(|key| script.play(key))));
    assert_eq!(
        message,
        "the script says nothing of resource \"a\", and the pool has picked it; scripted are: \"b\", \
         \"c\". Say `.on(\"a\", […])`."
    );
}

#[test]
fn what_is_said_later_of_a_resource_comes_after_what_was_said_before() {
    let time = VirtualTime::new();
    let pool = pool(&time);
    let script = Script::<&str>::new(time.clock()).on("a", [Answer::ok("first")]);
    let same = script.clone().on("a", std::iter::repeat(Answer::ok("then")));
    for expected in ["first", "then", "then"] {
        assert_eq!(time.block_on(pool.run(|key| same.play(key))), Ok(expected));
    }
}

#[test]
fn an_answer_takes_its_time_and_meanwhile_the_call_is_in_flight() {
    let time = VirtualTime::new();
    let pool = pool(&time);
    let script = Script::<&str>::new(time.clock()).on("a", [Answer::ok("slow").after(secs(4))]);
    let run = {
        let pool = pool.clone();
        time.spawn(async move { pool.run(|key| script.play(key)).await })
    };
    time.advance(Duration::from_millis(3999));
    assert_eq!((pool.stats().in_flight, run.is_finished()), (1, false));
    time.advance(Duration::from_millis(1));
    assert_eq!(run.take_result(), Some(Ok("slow")));
}

#[test]
fn an_answer_comes_no_earlier_on_a_timer_that_wakes_early() {
    let time = VirtualTime::new();
    let pool = pool(&time);
    let late = [Answer::ok("slow").after(Duration::from_millis(2500))];
    let script = Script::<&str>::new(Restless(time.clock())).on("a", late);
    assert_eq!(time.block_on(pool.run(|key| script.play(key))), Ok("slow"));
    assert_eq!(time.elapsed(), Duration::from_millis(2500));
}

#[test]
fn a_call_that_hangs_is_aborted_by_an_older_siblings_signal_and_has_used_up_its_answer() {
    let time = VirtualTime::new();
    let pool = pool(&time);
    let script = Script::<&str>::new(time.clock())
        .on("a", [Answer::disable("401").after(secs(2)), Answer::hang(), Answer::ok("back")])
        .on("b", std::iter::repeat(Answer::ok("elsewhere")));
    let runs = [(); 2].map(|()| {
        let (pool, script) = (pool.clone(), script.clone());
        time.spawn(async move { pool.run(|key| script.play(key)).await })
    });
    time.advance(secs(2));
    assert_eq!(runs.map(|run| run.take_result()), [Some(Ok("elsewhere")), Some(Ok("elsewhere"))]);
    pool.enable("a").unwrap();
    assert_eq!(time.block_on(pool.run(|key| script.play(key))), Ok("back"));
}

#[test]
#[should_panic(expected = "deadlock at 0s of virtual time")]
fn a_run_whose_only_call_hangs_is_a_deadlock() {
    let time = VirtualTime::new();
    let script = Script::<&str>::new(time.clock()).on("a", [Answer::hang()]);
    let _ = time.block_on(pool(&time).run(|key| script.play(key)));
}

#[test]
fn answers_may_go_by_the_clock() {
    let time = VirtualTime::new();
    let pool = pool(&time);
    let clock = time.clock();
    let out_for_a_minute = std::iter::from_fn(move || {
        Some(if clock.elapsed() < secs(60) { Answer::cooldown("503") } else { Answer::ok("back") })
    });
    let script = Script::<&str>::new(time.clock()).on("a", out_for_a_minute);
    let run = pool.request().exclude("b").wait(true).run(|key| script.play(key));
    assert_eq!(time.block_on(run), Ok("back"));
    assert_eq!(time.elapsed(), secs(30 + 120));
}

/// Two runs that retry with jitter and draw by lot, as lines.
#[test]
fn answers_may_say_more_of_their_own_resource() {
    let time = VirtualTime::new();
    let pool = pool(&time);
    let script = Script::<&str>::new(time.clock());
    let (same, mut said) = (script.clone(), false);
    let script = script.on(
        "a",
        std::iter::from_fn(move || {
            (!std::mem::replace(&mut said, true)).then(|| {
                drop(same.clone().on("a", [Answer::ok("second")]));
                Answer::ok("first")
            })
        }),
    );
    for expected in ["first", "second"] {
        assert_eq!(time.block_on(pool.run(|key| script.play(key))), Ok(expected));
    }
}

#[test]
fn answers_that_call_for_themselves_are_told_so() {
    let time = VirtualTime::new();
    let pool = pool(&time);
    let script = Script::<&str, Boom>::new(time.clock());
    let (same, again) = (script.clone(), pool.clone());
    let script = script.on(
        "a",
        std::iter::from_fn(move || {
            let run = again.run(|key| same.play(key));
            Some(Answer::ok(futures::executor::block_on(run).unwrap()))
        }),
    );
    for _ in 0..2 {
        let message = panic_of(|| time.block_on(pool.run(|key| script.play(key))));
        let expected = "the answers of resource \"a\" called for themselves: they may do anything but \
                        play the script on it";
        assert_eq!(message, expected);
    }
}

fn a_random_story(seed: u64) -> Vec<String> {
    let time = VirtualTime::new();
    let builder = builder().strategy(Strategy::Random).retry_delay(secs(1)).seed(seed);
    let pool = builder.runtime(time.clock()).build().unwrap();
    let retries = || std::iter::repeat(Answer::retry("503").after(secs(1)));
    let script = Script::<&str>::new(time.clock()).on("a", retries()).on("b", retries());
    for _ in 0..2 {
        let (request, script) = (pool.request().max_attempts(2), script.clone());
        drop(time.spawn(async move { request.run(|key| script.play(key)).await }));
    }
    time.advance(secs(60));
    script.trace().lines()
}

#[test]
fn the_same_seed_tells_the_same_story() {
    assert_eq!(a_random_story(1).len(), 8);
    assert_eq!(a_random_story(1), a_random_story(1));
    assert_ne!(a_random_story(1), a_random_story(2));
}

#[test]
fn a_script_goes_by_tokios_paused_clock_and_its_panic_reaches_who_joins() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let script = Script::<&str>::new(TokioRuntime)
            .on("a", [Answer::cooldown("429").after(secs(5)), Answer::ok("fine")]);
        let pool = builder().runtime(TokioRuntime).build().unwrap();
        let run = || {
            let (request, script) = (pool.request().exclude("b"), script.clone());
            let run = request.wait(true).run(move |key| script.play(key));
            tokio::spawn(run)
        };
        assert_eq!(run().await.unwrap(), Ok("fine"));
        assert_eq!(script.trace().entries().last().unwrap().at.as_secs(), 35);
        assert!(run().await.unwrap_err().is_panic());
    });
}

#[test]
fn a_signal_of_a_script_is_the_signal_of_the_operation() {
    let time = VirtualTime::new();
    let script =
        Script::<&str>::new(time.clock()).on("a", [Answer::cooldown_for(secs(7), "quota")]);
    let pool = pool(&time);
    let ended = time.block_on(pool.request().exclude("b").run(|key| script.play(key)));
    let error = ended.unwrap_err();
    let signal = &error.exhausted().unwrap().last_signal;
    assert_eq!(*signal, Some(Signal::cooldown_for(secs(7), "quota")));
}
