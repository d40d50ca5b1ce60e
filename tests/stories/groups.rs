//! Groups of resources that share a limit: what one takes the others lack, and what is said of one is said of all.

use std::time::Duration;

use rotapool::{
    BuildError, Cause, Fault, Group, GroupError, Pool, Quota, QuotaError, Resource, ResourceError,
    Status, Strategy,
};

use crate::scene::{Scene, secs};
use crate::upstream::{Boom, fine};

fn of(group: &'static str, id: &'static str) -> Resource<&'static str> {
    Resource::new(id, id).group(group)
}

/// `a` and `b` of one organisation with these quotas, and `c` of none.
fn scene(quotas: &[Quota]) -> Scene {
    let group = quotas.iter().cloned().fold(Group::new("org-1"), Group::quota);
    Scene::with(&[], |builder| {
        builder.strategy(Strategy::PrimaryBackup).group(group).resources([
            of("org-1", "a"),
            of("org-1", "b"),
            Resource::new("c", "c"),
        ])
    })
}

fn serve(scene: &Scene, id: &str) {
    let run = scene.start();
    scene.answer(id, fine());
    assert!(run.result().is_ok());
}

fn cooldown(after: u64) -> Fault<Boom> {
    Fault::cooldown_for(secs(after), "429").of_group()
}

#[test]
fn who_loses_a_promise_to_a_word_about_the_group_comes_before_a_newcomer() {
    for word in [cooldown(60), Fault::disable("organisation closed").of_group()] {
        let scene = Scene::with(&[], |builder| {
            let one = |id| of("org-1", id).max_in_flight(1);
            let other = Resource::new("other", "other").max_in_flight(1);
            let builder = builder.strategy(Strategy::PrimaryBackup).group(Group::new("org-1"));
            builder.resources([one("a"), one("b"), one("c")]).resource(other)
        });
        let _served = [(); 2].map(|()| scene.start());
        let _speaks = scene.start_with(|request| request.max_attempts(1));
        let _elsewhere = scene.start();
        let waiting = [(); 2].map(|()| scene.start_with(|request| request.wait(true)));
        // All in one turn of the loop: `a` and `b` are promised, `other` comes free, and then `c` speaks of all three.
        for id in ["a", "b", "other"] {
            scene.upstream.answer(id, fine());
        }
        scene.upstream.answer("c", Err(word));
        let newcomer = scene.start_with(|request| request.wait(true));
        scene.answer("other", fine());
        assert!(!waiting[0].is_running(), "the first in line was served first");
        assert!(waiting[1].is_running() && newcomer.is_running());
        scene.answer("other", fine());
        assert!(!waiting[1].is_running() && newcomer.is_running());
    }
}

#[test]
fn one_429_that_speaks_of_the_group_spares_the_attempts_on_its_other_keys() {
    // C29: several keys of one throttled organisation, and failing over burns the budget.
    let scene = scene(&[]);
    let run = scene.start_with(|request| request.max_attempts(2));
    scene.answer("a", Err(cooldown(30)));
    assert_eq!(scene.upstream.pending(), ["c"], "not `b`, which would be refused alike");
    scene.answer("c", fine());
    assert!(run.result().is_ok());
    for id in ["a", "b"] {
        let row = scene.row(id);
        assert_eq!((row.status, scene.cooling(id)), (Status::CoolingDown, 30.0));
        let (group, reason) = ("org-1".into(), "429".into());
        assert_eq!(row.cause, Some(Cause::Group { group, reason }));
    }
    assert_eq!(
        scene.row("b").to_string(),
        "b: cooling down, back in 30.0s: 429, with all of group org-1 (0.0ns ago, as stated)"
    );
    scene.advance(secs(30));
    serve(&scene, "a");
    scene.assert_at_rest();
}

#[test]
fn a_signal_of_the_group_aborts_what_began_later_on_each_of_its_members() {
    let scene = scene(&[]);
    let on = |id: &'static str| {
        let others = ["a", "b", "c"].into_iter().filter(move |&other| other != id);
        scene.start_with(|request| others.fold(request, |request, other| request.exclude(other)))
    };
    let runs = [on("b"), on("a"), on("b"), on("a"), on("c")];
    scene.upstream.answer_nth("a", 0, Err(cooldown(30)));
    scene.settle();
    assert_eq!(scene.upstream.pending(), ["b", "c"], "older, and of no group");
    assert_eq!(scene.pool.stats().sibling_cancels, 2);
    scene.answer("b", fine());
    scene.answer("c", fine());
    assert!(runs[0].result().is_ok() && runs[4].result().is_ok());
    let told = runs[2].error().to_string();
    assert!(told.contains("429, with all of group org-1"), "{told}");
    scene.assert_at_rest();
}

#[test]
fn several_signals_about_one_outage_of_a_group_are_one_trip_of_each_member() {
    let scene = Scene::with(&[], |builder| {
        builder
            .group(Group::new("org-1"))
            .resources([of("org-1", "a"), of("org-1", "b")])
            .cancel_siblings(false)
    });
    let _runs = [scene.start(), scene.start()];
    let guess = || Err(Fault::cooldown("429").of_group());
    scene.answer("a", guess());
    scene.advance(secs(3));
    scene.answer("b", guess());
    for id in ["a", "b"] {
        assert_eq!((scene.cooling(id), scene.row(id).consecutive_cooldowns), (27.0, 1));
    }
}

#[test]
fn a_disable_signal_of_the_group_disables_all_of_it() {
    let scene = scene(&[]);
    let run = scene.start();
    scene.answer("a", Err(Fault::disable("organisation closed").of_group()));
    scene.answer("c", fine());
    assert!(run.result().is_ok());
    assert_eq!(["a", "b", "c"].map(|id| scene.status(id) == Status::Disabled), [true, true, false]);
    let told = scene.row("b").to_string();
    assert_eq!(told, "b: disabled 0.0ns ago: organisation closed, with all of group org-1");
    scene.pool.enable("b").unwrap();
    assert_eq!(scene.status("a"), Status::Disabled, "an admin speaks of one");
}

#[test]
fn a_signal_of_the_group_is_old_news_to_whom_an_admin_has_enabled_since() {
    let scene = scene(&[]);
    let _run = scene.start();
    scene.pool.enable("b").unwrap();
    scene.answer("a", Err(cooldown(30)));
    assert_eq!(["a", "b"].map(|id| scene.status(id)), [Status::CoolingDown, Status::Healthy]);
}

#[test]
fn a_signal_of_the_group_speaks_of_one_that_has_none_alone() {
    let scene = Scene::of(&["a", "b"]);
    let _run = scene.start();
    scene.answer("a", Err(cooldown(30)));
    assert_eq!(scene.status("b"), Status::Healthy);
    assert_eq!(scene.row("a").cause, Some(Cause::Signal("429".into())));
}

#[test]
fn who_left_its_group_still_speaks_of_those_who_stayed() {
    let scene = scene(&[]);
    let _run = scene.start();
    scene.pool.remove("a").unwrap();
    scene.answer("a", Err(cooldown(30)));
    assert_eq!(scene.status("b"), Status::CoolingDown);
}

#[test]
fn what_one_of_a_group_takes_the_others_lack_and_all_are_spent_until_the_refill() {
    let scene = scene(&[Quota::per_minute(2)]);
    serve(&scene, "a");
    let both = [scene.start(), scene.start()];
    assert_eq!(scene.upstream.pending(), ["a", "c"]);
    let stats = scene.pool.stats();
    assert_eq!((stats.healthy, stats.spent, stats.eligible), (3, 2, 1));
    assert_eq!(stats.resources[1].spent_remaining, secs(30));
    assert_eq!(
        scene.row("b").to_string(),
        "b: spent, has quota again in 30.0s: 2 requests a minute of group org-1: 0 left"
    );
    scene.answer("a", fine());
    scene.answer("c", fine());
    assert!(both.iter().all(|run| run.result().is_ok()));
    scene.advance(secs(30));
    assert_eq!(scene.pool.stats().spent, 0);
    serve(&scene, "a");
    assert_eq!(scene.pool.stats().spent, 2, "one refill is for one of them");
}

#[test]
fn those_in_line_get_the_refill_of_a_group_once() {
    let scene = Scene::with(&[], |builder| {
        builder
            .group(Group::new("org-1").quota(Quota::per_minute(1)))
            .resources([of("org-1", "a"), of("org-1", "b")])
    });
    serve(&scene, "a");
    let runs = [(); 2].map(|()| scene.start_with(|request| request.wait(true)));
    assert_eq!(scene.clock.sleeps(), [secs(60)], "one timer for all");
    scene.advance(secs(60));
    assert_eq!(scene.upstream.pending().len(), 1);
    scene.drop_run(&runs[0]);
    scene.advance(secs(60));
    assert_eq!(scene.upstream.pending().len(), 1, "what was taken stays taken");
    let id = scene.upstream.pending().remove(0);
    scene.answer(&id, fine());
    assert!(runs[1].result().is_ok());
    scene.assert_at_rest();
}

#[test]
fn what_operations_and_upstreams_say_of_a_groups_quota_holds_for_all_of_it() {
    let scene = scene(&[Quota::per_minute(100).of("tokens")]);
    let left = |id: &str| scene.row(id).quotas.iter().map(|level| level.left).collect::<Vec<_>>();
    let run = scene.pool.request().cost("tokens", 60).run(async |lease| {
        assert_eq!([left("a"), left("b"), left("c")], [vec![40], vec![40], vec![]]);
        lease.spent("tokens", 90);
        assert_eq!(left("b"), [10]);
        lease.unspent();
        assert_eq!(left("b"), [100]);
        // It left, and its word still counts for those who stay.
        scene.pool.remove("a").unwrap();
        lease.spent("tokens", 70);
        assert_eq!(left("b"), [30]);
        lease.correct("tokens", 0, secs(7));
        Ok::<_, Fault<Boom>>(())
    });
    scene.time.block_on(run).unwrap();
    assert_eq!((left("b"), scene.row("b").is_spent()), (vec![0], true));
    scene.pool.add(of("org-1", "a")).unwrap();
    assert_eq!(left("a"), [0], "a newcomer finds what the group has left");
    scene.advance(secs(7));
    assert_eq!([left("a"), left("b")], [[100], [100]]);
}

#[test]
fn what_others_of_the_group_have_on_their_way_is_not_in_what_the_upstream_says_is_left() {
    let scene = scene(&[Quota::per_minute(100).of("tokens")]);
    let left = || scene.row("b").quotas.iter().map(|level| level.left).collect::<Vec<_>>();
    let run = scene.pool.request().cost("tokens", 10).run(async |older| {
        let younger = scene.pool.request().exclude("a").cost("tokens", 20).run(async |younger| {
            older.correct("tokens", 80, None);
            assert_eq!(left(), [60]);
            younger.correct("tokens", 75, None);
            assert_eq!(left(), [65], "the older may be on its way yet");
            older.correct("tokens", 90, None);
            assert_eq!(left(), [65], "an older answer, of another member");
            Ok::<_, Fault<Boom>>(())
        });
        younger.await.unwrap();
        Ok::<_, Fault<Boom>>(())
    });
    scene.time.block_on(run).unwrap();
    assert_eq!(left(), [65]);
}

#[test]
fn the_upstream_speaks_of_the_resources_own_quota_where_it_has_one() {
    let group = Group::new("org-1").quota(Quota::per_minute(100).of("tokens"));
    let own = of("org-1", "a").quota(Quota::per_minute(50).of("tokens"));
    let scene =
        Scene::with(&[], |builder| builder.group(group).resource(own).resource(of("org-1", "b")));
    let run = scene.pool.request().cost("tokens", 10).run(async |lease| {
        lease.correct("tokens", 5, None);
        Ok::<_, Fault<Boom>>(())
    });
    scene.time.block_on(run).unwrap();
    let left = |id: &str| scene.row(id).quotas.iter().map(|level| level.left).collect::<Vec<_>>();
    assert_eq!([left("a"), left("b")], [vec![5, 90], vec![90]]);
}

#[test]
fn the_recorded_rules_know_groups_too() {
    let scene = Scene::with(&[], |builder| {
        builder.python_rules().group(Group::new("org-1").quota(Quota::per_minute(2))).resources([
            of("org-1", "a"),
            of("org-1", "b"),
            Resource::new("c", "c"),
        ])
    });
    let runs = [(); 3].map(|()| scene.start());
    assert_eq!(scene.upstream.pending(), ["a", "b", "c"]);
    assert_eq!(scene.pool.stats().spent, 2);
    scene.answer("b", Err(cooldown(120)));
    assert_eq!(["a", "b"].map(|id| scene.cooling(id)), [120.0; 2]);
    drop(runs);
}

#[test]
fn a_running_pool_takes_a_group_for_those_who_join_it_from_then_on() {
    let scene = scene(&[Quota::per_minute(2)]);
    let mut events = scene.pool.events();
    let org_2 = || Group::new("org-2").quota(Quota::per_minute(1));
    let unknown = scene.pool.add(of("org-2", "d")).unwrap_err();
    assert!(matches!(unknown, ResourceError::UnknownGroup { .. }), "{unknown}");
    scene.pool.admin("ops").add_group(org_2()).unwrap();
    assert_eq!(events.try_next().unwrap().to_string(), "ops: add_group org-2");
    let twice = scene.pool.add_group(org_2()).unwrap_err();
    assert_eq!(twice, GroupError::Duplicate { name: "org-2".into() });
    let nameless = scene.pool.add_group(Group::new("")).unwrap_err();
    assert_eq!(nameless, GroupError::EmptyName);
    // One joins it as a newcomer, and one leaves another for it.
    scene.pool.add(of("org-2", "d")).unwrap();
    scene.pool.update("c", |profile| profile.group = Some("org-2".into())).unwrap();
    let runs = [(); 3].map(|()| scene.start());
    assert_eq!(scene.upstream.pending(), ["a", "a", "c"], "two of org-1, and one of org-2");
    assert_eq!(scene.pool.stats().spent, 4);
    drop(runs);
}

#[test]
fn a_pool_whose_group_is_spent_is_told_of_by_a_monitor_as_no_outage() {
    let scene = Scene::with(&[], |builder| {
        builder.group(Group::new("org-1").quota(Quota::per_minute(1))).resource(of("org-1", "a"))
    });
    let _monitor = scene.time.spawn(scene.pool.monitor().on_exhausted(|_| panic!("it is load")));
    serve(&scene, "a");
    assert_eq!(scene.clock.sleeps(), [secs(60)], "the monitor comes for the refill");
    let retry_after = scene.start().error().retry_after();
    assert_eq!(retry_after, Some(secs(60)));
    scene.advance(secs(60));
    assert_eq!(scene.clock.sleeps(), [Duration::ZERO; 0]);
    serve(&scene, "a");
}

#[test]
fn groups_that_make_no_sense_are_turned_away_at_the_door() {
    let build = |groups: Vec<Group>, resource| {
        let builder = Pool::builder().resource(resource);
        groups.into_iter().fold(builder, |builder, group| builder.group(group)).build()
    };
    let a = || of("org-1", "a");
    let org = || Group::new("org-1");
    let named = |name: &str| name.into();
    assert_eq!(build(vec![org()], Resource::new("a", "a")).unwrap().snapshot().len(), 1);
    for (groups, refused, told) in [
        (
            vec![Group::new("org-2")],
            BuildError::Resource(ResourceError::UnknownGroup {
                id: named("a"),
                group: named("org-1"),
                known: vec![named("org-2")],
            }),
            "resource `a` belongs to group `org-1`, which the pool does not have (it has: org-2); declare it first, with \
             `Builder::group` or, in a running pool, `Pool::add_group`, or leave it out",
        ),
        (
            vec![org(), org()],
            BuildError::Group(GroupError::Duplicate { name: named("org-1") }),
            "the pool has a group `org-1` already; names are unique",
        ),
        (
            vec![Group::new("")],
            BuildError::Group(GroupError::EmptyName),
            "the name of a group is empty; give every group one of one character or more",
        ),
        (
            vec![org().quota(Quota::per_second(1)).quota(Quota::per_minute(1))],
            BuildError::Group(GroupError::Quota {
                name: named("org-1"),
                error: QuotaError::Duplicate { dimension: named("requests") },
            }),
            "the quotas of group `org-1`: two are of `requests`; allowed is one a dimension",
        ),
    ] {
        let error = build(groups, a()).unwrap_err();
        assert_eq!((error.to_string(), error), (told.to_owned(), refused));
    }
}
