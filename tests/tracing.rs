//! What a pool tells the crate `tracing`.
//!
//! A test binary of its own: what `tracing` caches of who listens is the process's.

#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "stories/scene.rs"]
mod scene;
#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "stories/upstream.rs"]
mod upstream;

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};

use futures::executor::block_on;
use rotapool::lifecycle::RecoveryCommand;
use rotapool::{Builder, Fault, Lease, ProbeRules, Resource, RetryBudget, Trip};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default, with_default};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::scene::{Scene, secs};
use crate::upstream::{Answer, Boom, fine};

/// Writes every event down as a line: level, message, fields, and the spans that it is inside of.
#[derive(Clone)]
struct Recorder {
    level: Level,
    told: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    lines: Vec<String>,
    spans: Vec<String>,
    entered: Vec<u64>,
}

impl Recorder {
    fn of(level: Level) -> Self {
        // While nobody at all listens, `tracing` may cache just that, in the middle of another thread's
        // test. So somebody always does.
        static SOMEBODY: Once = Once::new();
        SOMEBODY.call_once(|| set_global_default(Self::at(Level::TRACE)).expect("the first"));
        Self::at(level)
    }

    fn at(level: Level) -> Self {
        Self { level, told: Arc::default() }
    }

    /// The lines since the last call.
    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap().lines)
    }

    fn is_inside_a_span(&self) -> bool {
        !self.told.lock().unwrap().entered.is_empty()
    }
}

#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.fields += &format!(" {name}={value:?}"),
        }
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.into())
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut words = Words::default();
        attributes.record(&mut words);
        let metadata = attributes.metadata();
        assert_eq!((metadata.target(), *metadata.level()), ("rotapool", Level::DEBUG));
        let spans = &mut self.told.lock().unwrap().spans;
        spans.push(format!("{}{}", metadata.name(), words.fields));
        Id::from_u64(spans.len() as u64)
    }

    fn event(&self, event: &Event<'_>) {
        let mut words = Words::default();
        event.record(&mut words);
        let told = &mut *self.told.lock().unwrap();
        let inside = told.entered.last().map(|span| &*told.spans[*span as usize - 1]);
        let Words { message, fields } = words;
        let level = event.metadata().level();
        let inside = inside.unwrap_or("nothing");
        told.lines.push(format!("{level} {message}{fields} in {inside}"));
        assert!(["rotapool", "app"].contains(&event.metadata().target()));
    }

    fn enter(&self, span: &Id) {
        self.told.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        assert_eq!(self.told.lock().unwrap().entered.pop(), Some(span.into_u64()));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}
}

#[test]
fn a_run_is_a_span_and_what_happens_in_it_is_inside() {
    let recorder = Recorder::of(Level::DEBUG);
    let scene = Scene::with(&["a", "b"], |builder| builder.name("keys"));
    with_default(recorder.clone(), || {
        let run = scene.start_with(|request| request.request_id("req-1"));
        scene.advance(secs(2));
        scene.answer("a", Err(Fault::cooldown("429")));
        scene.advance(secs(1));
        scene.answer("b", fine());
        assert_eq!(run.result().unwrap(), "fine");
    });
    let inside = "in rotapool::run pool=\"keys\" request_id=\"req-1\"";
    assert_eq!(
        recorder.lines(),
        [
            "DEBUG attempt settled pool=\"keys\" resource_id=\"a\" request_id=\"req-1\" attempt=1 outcome=cooldown (429) latency=2.0",
            "WARN resource cools down pool=\"keys\" resource_id=\"a\" sequence=1 seconds=30.0 cause=429",
            "DEBUG attempt settled pool=\"keys\" resource_id=\"b\" request_id=\"req-1\" attempt=2 outcome=success latency=1.0",
            "DEBUG run ended pool=\"keys\" request_id=\"req-1\" outcome=ok attempts=2",
        ]
        .map(|line| format!("{line} {inside}"))
    );
}

#[test]
fn the_operations_own_events_are_inside_the_span_of_their_run_whoever_is_polled() {
    let recorder = Recorder::of(Level::DEBUG);
    let scene = Scene::of(&["a"]);
    let run = |name: &'static str| {
        let (request, mut call) =
            (scene.pool.request().request_id(name), scene.upstream.operation());
        scene.enter(async move {
            let operation = |lease| {
                let answer = call(lease);
                async move {
                    tracing::info!(target: "app", "calling for {name}");
                    let answer = answer.await;
                    tracing::info!(target: "app", "called for {name}");
                    answer
                }
            };
            request.run(operation).await
        })
    };
    with_default(recorder.clone(), || {
        let _both = (run("one"), run("two"));
        assert!(!recorder.is_inside_a_span(), "a span is left when its run is not polled");
        tracing::info!(target: "app", "meanwhile");
        scene.upstream.answer_nth("a", 1, fine());
        scene.answer("a", fine());
    });
    let told: Vec<_> =
        recorder.lines().into_iter().filter(|line| line.starts_with("INFO")).collect();
    let inside = |name| format!("in rotapool::run pool=\"pool\" request_id=\"{name}\"");
    assert_eq!(
        told,
        [
            format!("INFO calling for one {}", inside("one")),
            format!("INFO calling for two {}", inside("two")),
            "INFO meanwhile in nothing".to_owned(),
            format!("INFO called for two {}", inside("two")),
            format!("INFO called for one {}", inside("one")),
        ]
    );
}

#[test]
fn a_stream_tells_of_its_commit_point_in_its_span_and_of_its_end_by_its_id() {
    let recorder = Recorder::of(Level::DEBUG);
    let scene = Scene::of(&["a"]);
    with_default(recorder.clone(), || {
        let request = scene.pool.request().request_id("req-1");
        let task = scene.time.spawn(request.run_stream(|_| {
            let items = futures::stream::iter([Ok::<_, Fault<std::io::Error>>(1)]);
            std::future::ready(Ok(items))
        }));
        scene.settle();
        let stream = task.take_result().expect("it has begun").unwrap();
        scene.advance(secs(3));
        scene.time.block_on(futures::StreamExt::collect::<Vec<_>>(stream));
    });
    let id = "request_id=\"req-1\"";
    assert_eq!(
        recorder.lines(),
        [
            format!(
                "DEBUG attempt committed pool=\"pool\" resource_id=\"a\" attempt=1 latency=0.0 in rotapool::run pool=\"pool\" {id}"
            ),
            format!(
                "DEBUG attempt settled pool=\"pool\" resource_id=\"a\" {id} attempt=1 outcome=success latency=3.0 in nothing"
            ),
            format!("DEBUG run ended pool=\"pool\" {id} outcome=ok attempts=1 in nothing"),
        ]
    );
}

#[test]
fn the_worse_a_change_the_higher_its_level() {
    let recorder = Recorder::of(Level::INFO);
    let scene = Scene::of(&["a"]);
    with_default(recorder.clone(), || {
        scene.pool.disable("a").unwrap();
        scene.pool.enable("a").unwrap();
        scene.start();
        scene.answer("a", Err(Fault::cooldown_for(secs(9), "429")));
        scene.advance(secs(9));
        scene.start();
        scene.answer("a", Err(Fault::disable("revoked")));
    });
    let exhausted = "ERROR pool exhausted pool=\"pool\" in nothing";
    let recovered = "INFO pool recovered pool=\"pool\" in nothing";
    assert_eq!(
        recorder.lines(),
        [
            "INFO resource disabled pool=\"pool\" resource_id=\"a\" sequence=1 cause=by an admin call in nothing",
            exhausted,
            "INFO resource healthy again pool=\"pool\" resource_id=\"a\" sequence=2 old=disabled in nothing",
            recovered,
            "WARN resource cools down pool=\"pool\" resource_id=\"a\" sequence=3 seconds=9.0 cause=429 in nothing",
            "ERROR pool exhausted pool=\"pool\" retry_after=9.0 in nothing",
            "INFO resource healthy again pool=\"pool\" resource_id=\"a\" sequence=4 old=cooling_down in nothing",
            recovered,
            "ERROR resource disabled pool=\"pool\" resource_id=\"a\" sequence=5 cause=revoked in nothing",
            exhausted,
        ],
        "at INFO there is neither an attempt nor a span"
    );
}

#[test]
fn a_run_that_is_given_up_says_so_inside_its_span() {
    let recorder = Recorder::of(Level::DEBUG);
    let scene = Scene::of(&["a"]);
    with_default(recorder.clone(), || {
        let run = scene.start();
        scene.advance(secs(4));
        scene.drop_run(&run);
    });
    assert_eq!(
        recorder.lines(),
        [
            "DEBUG attempt abandoned pool=\"pool\" resource_id=\"a\" attempt=1 outcome=\"abandoned\" latency=4.0 in rotapool::run pool=\"pool\"",
            "DEBUG run ended pool=\"pool\" outcome=cancelled attempts=1 in rotapool::run pool=\"pool\"",
        ]
    );
    assert!(!recorder.is_inside_a_span());
}

#[test]
fn aborted_siblings_are_told_in_the_span_of_whose_signal_it_was() {
    let recorder = Recorder::of(Level::DEBUG);
    let scene = Scene::of(&["a"]);
    with_default(recorder.clone(), || {
        let _runs =
            ["old", "young"].map(|name| scene.start_with(|request| request.request_id(name)));
        scene.answer("a", Err(Fault::disable("revoked")));
    });
    let told = recorder.lines();
    let aborted: Vec<_> = told.iter().filter(|line| line.contains("siblings aborted")).collect();
    assert_eq!(
        aborted,
        [
            "DEBUG siblings aborted pool=\"pool\" resource_id=\"a\" count=1 in rotapool::run pool=\"pool\" request_id=\"old\""
        ]
    );
    assert!(told.last().unwrap().contains("outcome=exhausted attempts=1"), "{told:?}");
}

#[test]
fn who_stands_in_line_is_told_inside_the_span_of_his_run() {
    let recorder = Recorder::of(Level::DEBUG);
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
    with_default(recorder.clone(), || {
        let _holder = scene.start();
        let _waits = scene.start_with(|request| request.wait(true).request_id("req-2"));
        scene.advance(secs(1));
    });
    assert_eq!(
        recorder.lines(),
        [
            "DEBUG run in line pool=\"pool\" waiting=1 oldest_wait=0.0 in rotapool::run pool=\"pool\" request_id=\"req-2\""
        ]
    );
}

#[test]
fn a_subscriber_of_the_pool_and_one_of_tracing_hear_the_same() {
    let recorder = Recorder::of(Level::DEBUG);
    let scene = Scene::of(&["a"]);
    with_default(recorder.clone(), || {
        let mut events = scene.pool.events();
        scene.start();
        scene.answer("a", fine());
        let heard = std::iter::from_fn(|| events.try_next()).count();
        assert_eq!(
            (heard, recorder.lines().len()),
            (3, 2),
            "the beginning of an attempt is its span's"
        );
    });
}

async fn panics(_: Lease<&'static str>) -> Answer {
    panic!("an operation that panics (this message is expected)")
}

#[test]
fn the_documentation_names_everything_that_is_told() {
    let words =
        |text: &str| text.contains(' ') && text.chars().all(|c| c.is_ascii_lowercase() || c == ' ');
    let code = include_str!("../src/watch/trace.rs").split('"').skip(1).step_by(2);
    let messages: Vec<&str> = code.filter(|text| words(text)).collect();
    assert!(messages.len() > 20, "{messages:?}");
    let page = include_str!("../src/lib.rs");
    for message in messages {
        assert!(page.contains(&format!("`{message}`")), "{message}");
    }
}

#[test]
fn who_joins_and_who_leaves_is_told() {
    let recorder = Recorder::of(Level::INFO);
    let scene = Scene::with(&["a"], |builder| builder.name("keys"));
    with_default(recorder.clone(), || {
        scene.pool.add(Resource::new("b", "b")).unwrap();
        scene.pool.remove("b").unwrap();
    });
    assert_eq!(
        recorder.lines(),
        [
            "INFO resource added pool=\"keys\" resource_id=\"b\" in nothing",
            "INFO resource removed pool=\"keys\" resource_id=\"b\" in nothing",
        ]
    );
}

/// What is told of this play, but for its fields.
fn told_of(
    set_up: impl FnOnce(Builder<&'static str>) -> Builder<&'static str>,
    play: impl FnOnce(&Scene),
) -> Vec<String> {
    let recorder = Recorder::of(Level::DEBUG);
    let scene = Scene::with(&["a", "b"], |builder| set_up(builder.name("keys")));
    with_default(recorder.clone(), || play(&scene));
    let lines = recorder.lines();
    lines.iter().filter_map(|line| Some(line.split_once(" pool=")?.0.to_owned())).collect()
}

#[test]
fn what_happens_beside_the_runs_is_told_too() {
    let has = |told: &[String], line: &str| assert!(told.iter().any(|it| it == line), "{told:?}");
    let out = Fault::cooldown_for(secs(600), "429");
    let take_out = |scene: &Scene| scene.pool.try_acquire().unwrap().signal(out.clone()).unwrap();

    let generous = RetryBudget::percent(100).min_per_second(100);
    let told = told_of(
        |builder| builder.hedge(secs(2)).retry_budget(generous),
        |scene| {
            let _run = scene.start();
            scene.advance(secs(2));
        },
    );
    has(&told, "DEBUG attempt hedged");

    let told = told_of(
        |builder| builder.held_bound(secs(60)),
        |scene| {
            let _held = scene.pool.try_acquire().unwrap();
            scene.advance(secs(60));
            drop(scene.pool.try_acquire());
        },
    );
    has(&told, "WARN place taken back");

    let told = told_of(
        |builder| builder,
        |scene| {
            take_out(scene);
            let works = async |_| Ok::<_, Fault<Boom>>(());
            let prober = scene.pool.prober(ProbeRules::every(secs(5)), works).unwrap();
            let _task = scene.time.spawn(prober);
            scene.advance(secs(6));
            scene.pool.admin("ops").park("b", secs(1), "").unwrap();
            scene.pool.close();
        },
    );
    for line in ["DEBUG probe settled", "INFO admin call", "INFO pool closed"] {
        has(&told, line);
    }

    let told = told_of(
        |builder| builder.circuit_breaker(Trip::after_failures(1)).keep_available(2),
        |scene| drop(scene.pool.try_acquire().unwrap().fail("503")),
    );
    has(&told, "WARN resource kept available");

    let told = told_of(
        |builder| builder.probe_early(secs(60)),
        |scene| {
            take_out(scene);
            scene.advance(secs(61));
            let _run = scene.start();
        },
    );
    has(&told, "DEBUG probed early");
}

#[cfg(unix)]
#[test]
fn how_a_command_ended_is_told() {
    for (program, line) in [("true", "INFO command ended"), ("false", "WARN command failed")] {
        let told = told_of(
            |builder| builder,
            |scene| {
                let command = RecoveryCommand::new("/usr/bin/env", [program]).unwrap();
                let command = command.inherit_environment();
                let mut monitor = scene.pool.monitor().on_exhausted_run(command);
                let mut events = scene.pool.events();
                for id in ["a", "b"] {
                    scene.pool.disable(id).unwrap();
                }
                let ended = std::pin::pin!(async {
                    while !matches!(
                        events.next().await,
                        None | Some(rotapool::Event::CommandEnded { .. })
                    ) {}
                });
                block_on(futures::future::select(ended, &mut monitor));
            },
        );
        assert!(told.iter().any(|it| it == line), "{told:?}");
    }
}

/// Where a subscriber panics.
#[derive(Debug, Clone, Copy, PartialEq)]
enum At {
    Enabled,
    NewSpan,
    Enter,
    Exit,
    Event,
    Close,
}

struct Panics {
    at: At,
    times: Arc<AtomicUsize>,
}

impl Panics {
    fn reach(&self, at: At) {
        if self.at == at {
            self.times.fetch_add(1, Ordering::Relaxed);
            panic!("a subscriber that panics at {at:?} (this message is expected)");
        }
    }
}

impl Subscriber for Panics {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        self.reach(At::Enabled);
        true
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        self.reach(At::NewSpan);
        Id::from_u64(1)
    }

    fn event(&self, _: &Event<'_>) {
        self.reach(At::Event);
    }

    fn enter(&self, _: &Id) {
        self.reach(At::Enter);
    }

    fn exit(&self, _: &Id) {
        self.reach(At::Exit);
    }

    fn try_close(&self, _: Id) -> bool {
        self.reach(At::Close);
        true
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}
}

#[test]
fn a_subscriber_of_tracing_that_panics_harms_no_run() {
    drop(Recorder::of(Level::ERROR));
    for at in [At::Enabled, At::NewSpan, At::Enter, At::Exit, At::Event, At::Close] {
        let times = Arc::<AtomicUsize>::default();
        let scene = Scene::of(&["a", "b"]);
        with_default(Panics { at, times: Arc::clone(&times) }, || {
            let (run, younger) = (scene.start(), scene.start());
            scene.answer("a", Err(Fault::cooldown("429")));
            scene.answer("b", fine());
            scene.advance(secs(1));
            scene.answer("b", fine());
            for served in [run, younger] {
                assert_eq!(served.result().unwrap(), "fine", "{at:?}");
            }
            scene.drop_run(&scene.start());
            // Also while a panic of the operation's own is on its way.
            let panics = scene.pool.run(panics);
            let ends = catch_unwind(AssertUnwindSafe(|| block_on(panics)));
            assert!(ends.is_err(), "{at:?}");
            scene.pool.disable("a").unwrap();
        });
        scene.assert_at_rest();
        let stats = scene.pool.stats();
        let runs = (stats.runs_ok, stats.runs_cancelled, stats.runs_error, stats.disabled);
        assert_eq!(runs, (2, 1, 1, 1), "{at:?}");
        assert!(times.load(Ordering::Relaxed) > 0, "{at:?}: nobody asked it");
    }
}

#[test]
fn a_breaker_tells_every_change_and_its_cause() {
    let recorder = Recorder::of(Level::INFO);
    with_default(recorder.clone(), || {
        let clock = rotapool::testing::VirtualClock::new();
        let trip = Trip::after_failures(1).open_for(secs(30));
        let builder = rotapool::CircuitBreaker::builder(trip).name("payments");
        let breaker = builder.runtime(clock.clone()).build().unwrap();
        breaker.try_acquire().unwrap().fail("no answer");
        clock.advance(secs(30));
        breaker.try_acquire().unwrap().succeed();
    });
    assert_eq!(
        recorder.lines(),
        [
            "WARN circuit open breaker=\"payments\" sequence=1 old=closed seconds=30.0 \
             cause=1 failure mode=automatic last_failure=\"no answer\" in nothing",
            "INFO circuit half open breaker=\"payments\" sequence=2 old=open \
             cause=its time is over mode=automatic in nothing",
            "INFO circuit closed breaker=\"payments\" sequence=3 old=half_open \
             cause=a trial succeeded mode=automatic in nothing",
        ]
    );
}
