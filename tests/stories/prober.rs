//! Calls that no run makes: a prober beside a pool.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::abortable;
use rotapool::testing::{Task, VirtualTime};
use rotapool::{
    Basis, Builder, Event, Fault, Lease, Pool, ProbeError, ProbeRules, Quota, Recovery, Resource,
    Status, Trial,
};

use crate::scene::secs;

/// What a resource does to whoever asks it.
#[derive(Debug, Clone)]
enum Does {
    Work,
    Fault(Fault<String>),
    Hang,
    Panic,
    /// Works after so many seconds.
    WorkSlowly(u64),
}

struct Scene {
    time: VirtualTime,
    pool: Pool<&'static str>,
    does: Arc<Mutex<HashMap<&'static str, Does>>>,
    /// Who was probed, and in which second.
    probed: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn of(ids: &[&'static str]) -> Self {
        Self::with(ids, |builder| builder)
    }

    fn with(
        ids: &[&'static str],
        set_up: impl FnOnce(Builder<&'static str>) -> Builder<&'static str>,
    ) -> Self {
        let time = VirtualTime::new();
        let builder = Pool::builder()
            .resources(ids.iter().map(|&id| Resource::new(id, id)))
            .retry_delay(Duration::ZERO)
            .runtime(time.clock())
            .seed(1);
        let pool = set_up(builder).build().unwrap();
        Self { time, pool, does: Arc::default(), probed: Arc::default() }
    }

    fn start(&self, rules: ProbeRules) -> Task<()> {
        let (does, probed) = (Arc::clone(&self.does), Arc::clone(&self.probed));
        let clock = self.time.clock();
        let prober = self.pool.prober(rules, move |lease: Lease<&'static str>| {
            assert_eq!(lease.attempt(), 0);
            let at = clock.elapsed().as_secs_f64();
            probed.lock().unwrap().push(format!("{at}: {}", lease.id()));
            let does = does.lock().unwrap().get(*lease).cloned().unwrap_or(Does::Work);
            let clock = clock.clone();
            async move {
                match does {
                    Does::Work => Ok(()),
                    Does::Fault(fault) => Err(fault),
                    Does::Hang => pending().await,
                    Does::Panic => panic!("a probe panics"),
                    Does::WorkSlowly(seconds) => {
                        clock.sleep(secs(seconds)).await;
                        Ok(())
                    }
                }
            }
        });
        let task = self.time.spawn(prober.unwrap());
        self.advance(0);
        task
    }

    fn does(&self, id: &'static str, does: Does) {
        self.does.lock().unwrap().insert(id, does);
    }

    fn probed(&self) -> Vec<String> {
        std::mem::take(&mut self.probed.lock().unwrap())
    }

    fn advance(&self, seconds: u64) {
        self.time.advance(secs(seconds));
    }

    /// A run on this resource alone, which says this of it.
    fn say(&self, id: &str, fault: &Fault<String>) {
        let rows = self.pool.snapshot();
        let others = rows.iter().filter(|row| &*row.id != id);
        let request =
            others.fold(self.pool.request(), |request, row| request.exclude(row.id.clone()));
        let run = request.max_attempts(1).run(async |_| Err::<(), _>(fault.clone()));
        assert!(self.time.block_on(run).is_err());
    }

    fn row(&self, id: &str) -> rotapool::ResourceSnapshot {
        self.pool.snapshot().into_iter().find(|row| &*row.id == id).expect("a member")
    }

    fn status(&self, id: &str) -> Status {
        self.row(id).status
    }

    fn cools_for(&self, id: &str) -> Duration {
        self.row(id).until.expect("it cools down") - self.pool.now()
    }
}

fn every(seconds: u64) -> ProbeRules {
    ProbeRules::every(secs(seconds)).jitter(0.0)
}

fn limited(seconds: u64) -> Fault<String> {
    Fault::cooldown_for(secs(seconds), "429")
}

#[test]
fn a_resource_that_works_again_is_back_at_the_next_probe() {
    let scene = Scene::of(&["a", "b"]);
    let _prober = scene.start(every(5));
    scene.advance(60);
    assert_eq!(scene.probed(), [""; 0], "who is healthy is not asked");
    assert_eq!(scene.time.clock().sleeps(), [], "and nobody sleeps");
    scene.say("a", &limited(600));
    scene.advance(4);
    assert_eq!((scene.status("a"), scene.probed()), (Status::CoolingDown, vec![]));
    scene.advance(1);
    assert_eq!(scene.status("a"), Status::Healthy);
    assert_eq!(scene.probed(), ["65: a"]);
    let stats = scene.pool.stats();
    assert_eq!((stats.probes, stats.probe_failures), (1, 0));
    assert_eq!((stats.attempts, stats.successes, stats.cooldowns), (1, 0, 1), "counted apart");
    assert_eq!(stats.resources[0].health.successes, 0, "and measured nowhere");
    scene.advance(600);
    assert_eq!(scene.probed(), [""; 0]);
}

#[test]
fn a_trial_after_a_probe_is_bound_by_how_long_it_was_out_and_not_by_what_was_planned() {
    let trial = Recovery::Trial(Trial::default());
    let scene = Scene::with(&["a"], |builder| builder.recovery(trial));
    let _prober = scene.start(every(5));
    scene.say("a", &limited(600));
    scene.advance(5);
    assert_eq!(scene.status("a"), Status::Healthy);
    let hangs = scene.pool.clone();
    let _hangs = scene
        .time
        .spawn(async move { hangs.run(|_| pending::<Result<(), Fault<String>>>()).await });
    scene.advance(5);
    let run = scene.pool.run(async |_| Ok::<_, Fault<String>>(()));
    assert_eq!(scene.time.block_on(run), Ok(()), "the one that hangs is lost after 5 s");
}

#[test]
fn a_probe_that_fails_keeps_it_out_until_the_next_one_and_takes_no_step() {
    let scene = Scene::with(&["a"], |builder| builder.cooldown_table([secs(30), secs(500)]));
    scene.does("a", Does::Fault(Fault::retry("still down")));
    let _prober = scene.start(every(20).limit(secs(2)));
    scene.say("a", &Fault::cooldown("down"));
    assert_eq!(scene.row("a").consecutive_cooldowns, 1);
    scene.advance(20);
    assert_eq!(scene.cools_for("a"), secs(22), "the next one, and the time that it may take");
    scene.advance(200);
    assert_eq!(scene.status("a"), Status::CoolingDown);
    let row = scene.row("a");
    assert_eq!((row.consecutive_cooldowns, row.basis), (1, Some(Basis::Guessed)));
    assert_eq!(row.attempt, None, "no attempt says so");
    assert_eq!(row.cause.unwrap().to_string(), "probe: still down");
    assert_eq!(scene.pool.stats().cooldowns, 1, "it is one outage");
    assert_eq!(scene.pool.stats().probe_failures, 11);
    scene.does("a", Does::Work);
    scene.advance(20);
    assert_eq!(scene.status("a"), Status::Healthy);
    scene.say("a", &Fault::cooldown("down"));
    assert_eq!(scene.row("a").consecutive_cooldowns, 2, "a probe resets nothing either");
}

#[test]
fn without_a_prober_any_more_what_it_kept_out_is_back_by_the_clock() {
    let scene = Scene::of(&["a"]);
    scene.does("a", Does::Fault(Fault::retry("still down")));
    let prober = scene.start(every(20));
    scene.say("a", &limited(30));
    scene.advance(100);
    assert_eq!(scene.status("a"), Status::CoolingDown);
    prober.abort();
    scene.advance(41);
    assert_eq!(scene.status("a"), Status::Healthy);
}

#[test]
fn an_end_that_a_probe_states_counts_if_it_is_later() {
    let scene = Scene::of(&["a", "b"]);
    scene.does("a", Does::Fault(limited(300)));
    scene.does("b", Does::Fault(limited(300)));
    let _prober = scene.start(every(5));
    scene.say("a", &limited(30));
    scene.say("b", &limited(900));
    scene.advance(5);
    assert_eq!((scene.cools_for("a"), scene.row("a").basis), (secs(300), Some(Basis::Stated)));
    assert_eq!(scene.cools_for("b"), secs(895));
}

#[test]
fn a_probe_may_disable_and_enables_only_if_told_so_and_never_against_an_operator() {
    let scene = Scene::of(&["a", "b"]);
    scene.does("a", Does::Fault(Fault::disable("revoked")));
    let prober = scene.start(every(5));
    scene.say("a", &limited(60));
    scene.pool.disable("b").unwrap();
    scene.advance(5);
    assert_eq!(scene.status("a"), Status::Disabled);
    assert_eq!(scene.row("a").cause.unwrap().to_string(), "probe: revoked");
    scene.does("a", Does::Work);
    scene.advance(60);
    assert_eq!(scene.probed().len(), 1, "disabled is disabled");
    prober.abort();
    let _prober = scene.start(every(5).disabled_too());
    scene.advance(5);
    assert_eq!((scene.status("a"), scene.status("b")), (Status::Healthy, Status::Disabled));
    scene.advance(60);
    assert!(scene.probed().iter().all(|probe| !probe.ends_with('b')));
}

#[test]
fn healthy_ones_are_asked_if_told_so_and_go_out_by_a_signal_alone() {
    let scene = Scene::with(&["a", "b", "c", "d"], |builder| builder.cooldown_table([secs(30)]));
    scene.does("a", Does::Fault(Fault::cooldown("429")));
    scene.does("b", Does::Fault(Fault::retry("hiccup")));
    scene.does("c", Does::Fault(Fault::Operation("its own".into())));
    scene.does("d", Does::Fault(Fault::disable("revoked")));
    let _prober = scene.start(every(10).healthy_too());
    scene.advance(10);
    assert_eq!(scene.probed(), ["10: a", "10: b", "10: c", "10: d"]);
    let statuses = ["a", "b", "c", "d"].map(|id| scene.status(id));
    use Status::{CoolingDown, Disabled, Healthy};
    assert_eq!(statuses, [CoolingDown, Healthy, Healthy, Disabled]);
    assert_eq!(scene.cools_for("a"), secs(30));
    assert_eq!(scene.row("a").consecutive_cooldowns, 0, "a probe takes no step");
    let stats = scene.pool.stats();
    assert_eq!((stats.probes, stats.probe_failures), (4, 3));
    assert_eq!((stats.cooldowns, stats.disables), (1, 1));
}

#[test]
fn idle_ones_are_asked_when_nobody_has_used_them_for_that_long() {
    let scene = Scene::of(&["a"]);
    let _prober = scene.start(every(10).idle_too(secs(60)));
    scene.advance(9);
    assert_eq!(scene.probed(), [""; 0]);
    scene.advance(1);
    assert_eq!(scene.probed(), ["10: a"], "it was never used");
    let run = scene.pool.run(async |_| Ok::<_, Fault<String>>(()));
    scene.time.block_on(run).unwrap();
    scene.advance(59);
    assert_eq!(scene.probed(), [""; 0]);
    scene.advance(1);
    assert_eq!(scene.probed(), ["70: a"]);
}

#[test]
fn a_resource_is_asked_by_one_probe_at_a_time_and_several_side_by_side() {
    let scene = Scene::of(&["a", "b"]);
    scene.does("a", Does::WorkSlowly(12));
    let _prober = scene.start(every(5).limit(secs(60)));
    scene.say("a", &limited(600));
    scene.say("b", &limited(600));
    scene.advance(5);
    assert_eq!(scene.status("b"), Status::Healthy, "it waits for nobody");
    scene.advance(11);
    assert_eq!(scene.probed(), ["5: a", "5: b"]);
    scene.advance(1);
    assert_eq!(scene.status("a"), Status::Healthy);
}

#[test]
fn a_probe_that_hangs_or_panics_has_failed_and_harms_no_other() {
    let scene = Scene::of(&["a", "b", "c"]);
    scene.does("a", Does::Hang);
    scene.does("b", Does::Panic);
    let mut events = scene.pool.events();
    let _prober = scene.start(every(10).limit(secs(3)));
    for id in ["a", "b", "c"] {
        scene.say(id, &limited(60));
    }
    scene.advance(13);
    let statuses = ["a", "b", "c"].map(|id| scene.status(id));
    assert_eq!(statuses, [Status::CoolingDown, Status::CoolingDown, Status::Healthy]);
    let told: Vec<String> = std::iter::from_fn(|| events.try_next())
        .filter(|event| matches!(event, Event::ProbeSettled { .. }))
        .map(|event| event.to_string())
        .collect();
    assert_eq!(
        told,
        [
            "b: probe: panic, after 0.0ns",
            "c: probe: success, after 0.0ns",
            "a: probe: timed out, after 3.0s"
        ]
    );
}

#[test]
fn what_a_probe_says_is_old_news_after_an_outage_that_began_later() {
    let scene = Scene::of(&["a"]);
    scene.does("a", Does::WorkSlowly(4));
    let _prober = scene.start(every(5));
    scene.say("a", &limited(600));
    scene.advance(6);
    scene.pool.enable("a").unwrap();
    scene.say("a", &limited(700));
    scene.advance(3);
    assert_eq!(scene.pool.stats().probes, 1);
    assert_eq!(scene.status("a"), Status::CoolingDown, "the probe began before");
    assert_eq!(scene.cools_for("a"), secs(697));
}

#[test]
fn a_member_that_left_or_came_again_meanwhile_is_another() {
    let scene = Scene::of(&["a"]);
    scene.does("a", Does::WorkSlowly(3));
    let _prober = scene.start(every(5));
    scene.say("a", &limited(600));
    scene.advance(6);
    scene.pool.remove("a").unwrap();
    scene.pool.add(Resource::new("a", "a")).unwrap();
    scene.say("a", &limited(600));
    scene.advance(2);
    assert_eq!(scene.status("a"), Status::CoolingDown);
    scene.advance(6);
    assert_eq!(scene.status("a"), Status::Healthy, "it is asked for itself");
}

#[test]
fn a_probe_aborts_nobody_takes_no_place_and_wakes_who_waits() {
    let scene = Scene::of(&["a"]);
    let _prober = scene.start(every(5).healthy_too());
    scene.does("a", Does::Fault(limited(20)));
    let clock = scene.time.clock();
    let request = scene.pool.request();
    let long = scene.time.spawn(async move {
        request
            .run(|_| {
                let clock = clock.clone();
                async move {
                    clock.sleep(secs(8)).await;
                    Ok::<_, Fault<String>>(())
                }
            })
            .await
    });
    scene.advance(6);
    assert_eq!(scene.status("a"), Status::CoolingDown);
    let request = scene.pool.request().wait(true);
    let waits =
        scene.time.spawn(async move { request.run(async |_| Ok::<_, Fault<String>>(())).await });
    scene.advance(1);
    assert_eq!(scene.pool.stats().waiting, 1);
    scene.does("a", Does::Work);
    scene.advance(1);
    assert_eq!(long.take_result(), Some(Ok(())), "it was not aborted");
    scene.advance(2);
    assert_eq!(waits.take_result(), Some(Ok(())));
}

#[test]
fn secrets_are_hidden_in_what_a_probe_says() {
    let time = VirtualTime::new();
    let pool = Pool::builder()
        .resource(Resource::new("a", "sk-aaa").secret("sk-aaa"))
        .runtime(time.clock())
        .build()
        .unwrap();
    let prober = pool
        .prober(every(5).healthy_too(), async |key| {
            Err::<(), Fault<String>>(Fault::disable(format!("{} is revoked", *key)))
        })
        .unwrap();
    let _prober = time.spawn(prober);
    time.advance(secs(5));
    assert_eq!(pool.snapshot()[0].cause.as_ref().unwrap().to_string(), "probe: *** is revoked");
}

#[test]
fn an_outage_of_many_is_not_asked_in_one_breath() {
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let scene = Scene::of(&ids);
    let _prober = scene.start(ProbeRules::every(secs(10)).jitter(0.5));
    for id in ids {
        scene.say(id, &limited(600));
    }
    scene.advance(15);
    let probed = scene.probed();
    let mut seconds: Vec<f64> =
        probed.iter().map(|probe| probe.split(':').next().unwrap().parse().unwrap()).collect();
    assert_eq!(seconds.len(), 8);
    assert!(seconds.iter().all(|at| (5.0..=15.0).contains(at)), "{seconds:?}");
    seconds.dedup();
    assert_eq!(seconds.len(), 8, "{seconds:?}");
}

#[test]
fn it_keeps_no_pool_alive_and_ends_with_the_last_handle() {
    let time = VirtualTime::new();
    let value = Arc::new(());
    let pool = Pool::builder()
        .resource(Resource::new("x", Arc::clone(&value)))
        .runtime(time.clock())
        .build()
        .unwrap();
    let operation = async |_| Ok::<_, Fault<String>>(());
    let prober = time.spawn(pool.prober(every(5).healthy_too(), operation).unwrap());
    time.advance(secs(60));
    assert!(!prober.is_finished());
    drop(pool);
    time.advance(Duration::ZERO);
    assert!(prober.is_finished());
    assert_eq!(Arc::strong_count(&value), 1);
    assert_eq!(time.clock().sleeps(), []);
}

#[test]
fn rules_that_cannot_work_are_turned_away_with_what_is_allowed() {
    let pool = Pool::builder().resource(Resource::new("a", ())).build().unwrap();
    let refused = |rules: ProbeRules| {
        let operation = async |_| Ok::<_, Fault<String>>(());
        pool.prober(rules, operation).map(drop).unwrap_err()
    };
    let zero = Duration::ZERO;
    assert_eq!(
        refused(ProbeRules::every(zero)).to_string(),
        "the interval of a prober is zero; it has to be more"
    );
    assert_eq!(refused(every(1).limit(zero)), ProbeError::Zero { name: "limit" });
    assert!(matches!(refused(every(1).idle_too(zero)), ProbeError::Zero { .. }));
    for jitter in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let told = refused(every(1).jitter(jitter)).to_string();
        assert!(told.ends_with("is no part of an interval; it is from 0 to 1"), "{told}");
    }
}

#[test]
fn it_ends_when_the_pool_is_closed() {
    let scene = Scene::of(&["a"]);
    let prober = scene.start(every(5));
    scene.say("a", &limited(600));
    scene.advance(1);
    scene.pool.close();
    scene.advance(0);
    assert!(prober.is_finished());
}

#[test]
fn a_probe_within_the_limits_takes_a_place_and_a_request_as_an_attempt_does() {
    let key = Resource::new("a", "a").max_in_flight(1).quota(Quota::per_minute(2));
    let scene = Scene::with(&[], |builder| builder.resource(key));
    let _prober = scene.start(every(5).healthy_too().within_limits());
    scene.does("a", Does::WorkSlowly(4));
    scene.advance(5);
    assert_eq!((scene.probed(), scene.row("a").in_flight), (vec!["5: a".to_owned()], 1));
    let waits = scene.pool.request().wait(true);
    let run = scene.time.spawn(waits.run(async |_| Ok::<_, Fault<String>>("served")));
    scene.advance(3);
    assert!(!run.is_finished(), "the probe has the only place");
    scene.advance(1);
    assert_eq!(
        run.take_result(),
        Some(Ok("served")),
        "and whoever is in line is told when it ends"
    );
    assert_eq!(scene.row("a").in_flight, 0);
    scene.advance(25);
    assert_eq!(scene.probed(), [""; 0], "the probe and the run have taken both requests");
    let row = &scene.pool.stats().resources[0];
    assert_eq!((row.probes, row.probe_failures, row.acquires), (1, 0, 1), "counted apart");
    scene.advance(10);
    assert_eq!(scene.probed().len(), 1, "one request has come back");
}

#[test]
fn a_probe_within_the_limits_leaves_the_last_place_to_a_run() {
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
    let _prober = scene.start(every(5).healthy_too().within_limits());
    let held = scene.pool.request().try_acquire().unwrap();
    scene.advance(20);
    assert_eq!((scene.probed(), scene.pool.stats().probes), (vec![], 0));
    drop(held);
    scene.advance(5);
    assert_eq!(scene.probed().len(), 1);
}

#[test]
fn a_prober_that_is_dropped_gives_back_the_places_of_its_probes() {
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
    let hangs = |_| pending::<Result<(), Fault<String>>>();
    let rules = every(5).limit(secs(60)).healthy_too().within_limits();
    let (prober, stop) = abortable(scene.pool.prober(rules, hangs).unwrap());
    let _prober = scene.time.spawn(prober);
    scene.advance(5);
    let waits = scene.pool.request().wait(true);
    let run = scene.time.spawn(waits.run(async |_| Ok::<_, Fault<String>>("served")));
    scene.advance(1);
    assert!(!run.is_finished());
    stop.abort();
    scene.advance(0);
    assert_eq!(run.take_result(), Some(Ok("served")));
    assert_eq!(scene.pool.stats().resources[0].probe_failures, 0, "it said nothing");
}

/// Notes, when it is dropped, how many are in flight on the only resource.
struct NotesInFlight(Pool<&'static str>, Arc<Mutex<Vec<u64>>>);

impl Drop for NotesInFlight {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0.stats().in_flight);
    }
}

#[test]
fn a_probe_is_gone_before_its_place_is_free_also_when_its_prober_is_dropped() {
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
    let (pool, noted) = (scene.pool.clone(), Arc::<Mutex<Vec<u64>>>::default());
    let notes = Arc::clone(&noted);
    let hangs = move |_| {
        let uses_it = NotesInFlight(pool.clone(), Arc::clone(&notes));
        async move {
            let _uses_it = uses_it;
            pending::<Result<(), Fault<String>>>().await
        }
    };
    let rules = every(5).limit(secs(60)).healthy_too().within_limits();
    let (prober, stop) = abortable(scene.pool.prober(rules, hangs).unwrap());
    let _prober = scene.time.spawn(prober);
    scene.advance(5);
    stop.abort();
    scene.advance(0);
    assert_eq!(*noted.lock().unwrap(), [1]);
    assert_eq!(scene.pool.stats().in_flight, 0);
}

#[test]
fn probes_are_counted_by_resource() {
    let scene = Scene::of(&["a", "b"]);
    let _prober = scene.start(every(5).healthy_too());
    scene.does("b", Does::Fault(Fault::retry("down")));
    scene.advance(11);
    let counted = |row: &rotapool::ResourceStats| (row.probes, row.probe_failures);
    let counted: Vec<_> = scene.pool.stats().resources.iter().map(counted).collect();
    assert_eq!(counted, [(2, 0), (2, 2)]);
}

#[test]
fn a_probe_that_is_the_first_to_notice_that_quotas_are_back_has_the_pool_say_so() {
    let resources =
        [Resource::new("a", "a").quota(Quota::per(2, secs(10))), Resource::new("b", "b")];
    let scene = Scene::with(&[], |builder| builder.resources(resources).python_rules());
    let _prober = scene.start(every(15).healthy_too().within_limits());
    for _ in 0..2 {
        drop(scene.pool.request().exclude("b").try_acquire().unwrap());
    }
    scene.pool.disable("a").unwrap();
    scene.pool.disable("b").unwrap();
    let mut events = scene.pool.events();
    scene.pool.enable("a").unwrap();
    scene.advance(14);
    let told = |events: &mut rotapool::Events| {
        let is_it = |event: &Event| matches!(event, Event::PoolRecovered { .. });
        std::iter::from_fn(|| events.try_next()).filter(is_it).count()
    };
    assert_eq!(told(&mut events), 0, "back, and spent");
    scene.advance(1);
    assert_eq!((scene.probed().len(), told(&mut events)), (1, 1));
    drop(scene.pool.request().try_acquire().unwrap());
    assert_eq!(told(&mut events), 0, "once");
}
