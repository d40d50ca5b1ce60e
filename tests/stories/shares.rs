//! Shares by weight in the midst of everything: caps, cooldowns, admin calls, churn, filters and retries.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use rotapool::{Fault, Recovery, Request, Resource, Strategy};

use crate::picks::{chi_square, pick_with, shares};
use crate::scene::{Scene, secs};
use crate::upstream::fine;

/// Id, weight, region, cap.
const MEMBERS: [(&str, f64, &str, Option<u32>); 7] = [
    ("a", 1.0, "us", Some(1)),
    ("b", 1.0, "us", None),
    ("c", 1.0, "eu", None),
    ("d", 2.0, "us", Some(2)),
    ("e", 0.5, "eu", Some(1)),
    ("f", 3.0, "us", None),
    ("g", 0.5, "eu", None),
];
const KINDS: usize = 4;

/// What a run of a kind asks for.
fn ask(kind: usize, request: Request<&'static str>) -> Request<&'static str> {
    match kind {
        0 => request,
        1 => request.only(|metadata| metadata.get("region") == Some("us")),
        2 => request.only(|metadata| metadata.get("region") == Some("eu")),
        _ => request.exclude("b").exclude("nobody"),
    }
}

fn admits(kind: usize, id: &str) -> bool {
    let region = MEMBERS.iter().find(|member| member.0 == id).map_or("us", |member| member.2);
    match kind {
        0 => true,
        1 => region == "us",
        2 => region == "eu",
        _ => id != "b",
    }
}

/// One pick: who could have been picked, with their shares, and who was.
struct Pick {
    due: BTreeMap<String, f64>,
    picked: String,
}

/// Starts a run of a kind, if it can be served.
fn start(scene: &Scene, kind: usize) -> Option<Pick> {
    let weight = |id: &str| MEMBERS.iter().find(|it| it.0 == id).map_or(1.0, |it| it.1);
    let rows = scene.pool.snapshot().into_iter().filter(|row| row.is_eligible());
    let here: Vec<_> = rows.map(|row| row.id.to_string()).filter(|id| admits(kind, id)).collect();
    let whole: f64 = here.iter().map(|id| weight(id)).sum();
    let due = here.into_iter().map(|id| (id.clone(), weight(&id) / whole)).collect();
    let before = scene.upstream.seen().len();
    scene.start_with(|request| ask(kind, request));
    let picked = scene.upstream.seen().get(before)?.clone();
    Some(Pick { due, picked })
}

/// Whatever else may happen.
fn meddle(scene: &Scene, random: &mut Rng) {
    let pending = scene.upstream.pending();
    let member = MEMBERS[random.usize(..MEMBERS.len())].0;
    match random.u8(..20) {
        0 => drop(scene.pool.disable(member)),
        1..3 => drop(scene.pool.enable(member)),
        3 => drop(scene.pool.add(Resource::new("x", "x").metadata("region", "us"))),
        4 => drop(scene.pool.remove("x")),
        5..7 => scene.advance(Duration::from_millis(random.u64(..2000))),
        chance if !pending.is_empty() => {
            let id = &pending[random.usize(..pending.len())];
            let answer = match chance {
                7 => Err(Fault::cooldown_for(secs(random.u64(1..5)), "429")),
                8..10 => Err(Fault::retry("503")),
                _ => fine(),
            };
            scene.answer(id, answer);
        }
        _ => {}
    }
}

#[test]
fn shares_hold_over_any_200_picks_made_alike_whatever_there_is_beside_them() {
    for seed in 1..=2 {
        let mut random = Rng::with_seed(seed);
        let scene = Scene::with(&[], |builder| {
            let members = MEMBERS.map(|(id, weight, region, cap)| {
                let resource = Resource::new(id, id).weight(weight).metadata("region", region);
                cap.map_or(resource.clone(), |cap| resource.max_in_flight(cap))
            });
            let builder = builder.strategy(Strategy::Weighted).resources(members).seed(seed);
            // A ramp is a steering of its own.
            builder.recovery(Recovery::AtOnce)
        });
        let mut picks: [Vec<Pick>; KINDS] = Default::default();
        for _ in 0..2000 {
            let kind = random.usize(..KINDS);
            if let Some(pick) = start(&scene, kind) {
                if random.u8(..4) > 0 {
                    scene.answer(&pick.picked, fine());
                }
                picks[kind].push(pick);
            }
            if random.bool() {
                meddle(&scene, &mut random);
            }
        }
        for (kind, picks) in picks.iter().enumerate() {
            assert!(picks.len() > 250, "seed {seed}: {} picks of kind {kind}", picks.len());
            for alike in picks.windows(200).step_by(7) {
                for (id, ..) in MEMBERS {
                    let due: f64 = alike.iter().filter_map(|pick| pick.due.get(id)).sum();
                    let had = alike.iter().filter(|pick| pick.picked == id).count() as f64;
                    assert!((had - due).abs() <= 4.0, "seed {seed}: {id} had {had} of {due:.1}");
                }
            }
        }
    }
}

#[test]
fn more_kinds_of_filters_than_are_remembered_are_shared_by_weight_all_the_same() {
    const REGIONS: u32 = 20;
    let scene = Scene::with(&[], |builder| {
        let pair = |region: u32| {
            let of = |id, weight| {
                Resource::new(format!("{id}-{region}"), id)
                    .weight(weight)
                    .metadata("region", region.to_string())
            };
            [of("light", 1.0), of("heavy", 3.0)]
        };
        builder.strategy(Strategy::Weighted).resources((0..REGIONS).flat_map(pair))
    });
    let served = (0..200 * REGIONS).map(|run| {
        let region = (run % REGIONS).to_string();
        let id = pick_with(&scene, |request| {
            request.only(move |metadata| metadata.get("region") == Some(&*region))
        });
        id.split_once('-').unwrap().0.to_owned()
    });
    let served = shares(served);
    // 1 degree of freedom: 10.83 is passed once in a thousand.
    assert!(chi_square(&served, &[("light", 1.0), ("heavy", 3.0)]) < 10.83, "{served:?}");
}
