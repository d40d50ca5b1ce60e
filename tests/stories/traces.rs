//! The test kit's traces: all that happened, when it happened.

use std::time::Duration;

use rotapool::testing::{End, Happened, Trace, VirtualTime};
use rotapool::{Fault, Lease, Pool, Resource, Strategy};

use crate::scene::secs;
use crate::upstream::Boom;

/// What `a` does next, beside a `b` that always serves.
struct Watched {
    time: VirtualTime,
    trace: Trace,
    pool: Pool<()>,
}

impl Watched {
    fn new() -> Self {
        let time = VirtualTime::new();
        let trace = Trace::new(time.clock());
        let pool = Pool::builder()
            .resources(["a", "the backup"].map(|id| Resource::new(id, ())))
            .strategy(Strategy::PrimaryBackup)
            .retry_delay(Duration::ZERO)
            .runtime(time.clock())
            .on_state_change(trace.hook())
            .build()
            .unwrap();
        Self { time, trace, pool }
    }

    /// Lets one run call an operation that takes 1.5 s on `a`, and gives the lines that come of it.
    fn lines_of(&self, on_a: &Result<(), Fault<Boom>>) -> Vec<String> {
        let before = self.trace.lines().len();
        let operation = async |lease: Lease<()>| match lease.id() {
            "a" => {
                self.time.clock().sleep(Duration::from_millis(1500)).await;
                on_a.clone()
            }
            _ => Ok(()),
        };
        let run = self.pool.request().request_id("req");
        let run = run.run(|key| self.trace.watch(key, &operation));
        let _ = self.time.block_on(run);
        self.trace.lines().split_off(before)
    }
}

#[test]
fn every_end_of_a_call_is_told_apart() {
    let ends = [
        (Ok(()), "ok"),
        (Err(Fault::Operation(Boom)), "error"),
        (Err(Fault::Failure(Boom)), "failure"),
        (Err(Fault::retry("503")), "retry (503)"),
        (Err(Fault::cooldown_for(secs(7), "quota")), "cooldown of 7.0s (quota)"),
        (Err(Fault::disable("401")), "disable (401)"),
    ];
    for (result, end) in ends {
        let lines = Watched::new().lines_of(&result);
        let expected =
            ["0s a: call 1 begins (attempt 1 of req)", &format!("1.5s a: call 1 ends: {end}")];
        assert_eq!(lines[..2], expected);
    }
}

#[test]
fn a_call_that_is_given_up_or_panics_has_ended_too() {
    let Watched { time, trace, pool } = Watched::new();
    let run = {
        let (trace, pool) = (trace.clone(), pool.clone());
        time.spawn(async move {
            let hangs = |_| std::future::pending::<Result<(), Fault<Boom>>>();
            pool.run(|key| trace.watch(key, hangs)).await
        })
    };
    time.advance(secs(2));
    run.abort();
    let panics = async |_| -> Result<(), Fault<Boom>> { panic!("an operation's (expected)") };
    let run = pool.run(|key| trace.watch(key, panics));
    let unwinding = std::panic::AssertUnwindSafe(|| time.block_on(run));
    assert!(std::panic::catch_unwind(unwinding).is_err());
    let expected = [
        "0s a: call 1 begins (attempt 1)",
        "2s a: call 1 ends: dropped",
        "2s a: call 2 begins (attempt 1)",
        "2s a: call 2 ends: panic",
    ];
    assert_eq!(trace.lines(), expected);
}

#[test]
fn state_changes_say_until_when_and_why() {
    let watched = Watched::new();
    let mut lines = watched.lines_of(&Err(Fault::cooldown("429")));
    watched.pool.disable("a").unwrap();
    watched.pool.enable("a").unwrap();
    lines.extend(watched.trace.lines().split_off(lines.len()));
    let changes: Vec<_> = lines.iter().filter(|line| line.contains(": now ")).collect();
    let expected = [
        "1.5s a: now cooling_down until 31.5s: 429",
        "1.5s a: now disabled: by an admin call",
        "1.5s a: now healthy",
    ];
    assert_eq!(changes, expected);
}

#[test]
fn printed_it_is_a_table() {
    let watched = Watched::new();
    watched.lines_of(&Err(Fault::cooldown("429")));
    watched.time.advance(Duration::from_millis(10_250));
    watched.lines_of(&Ok(()));
    let expected = "
 0.00s  a           call 1 begins (attempt 1 of req)
 1.50s  a           call 1 ends: cooldown (429)
 1.50s  a           now cooling_down until 31.5s: 429
 1.50s  the backup  call 2 begins (attempt 2 of req)
 1.50s  the backup  call 2 ends: ok
11.75s  the backup  call 3 begins (attempt 1 of req)
11.75s  the backup  call 3 ends: ok";
    assert_eq!(format!("\n{}", watched.trace), expected);
    assert_eq!(Watched::new().trace.to_string(), "");
    watched.time.advance(Duration::from_nanos(123_456_789));
    watched.lines_of(&Ok(()));
    assert!(watched.trace.to_string().ends_with("\n11.873s  the backup  call 4 ends: ok"));
}

#[test]
fn its_entries_are_plain_data() {
    let watched = Watched::new();
    watched.lines_of(&Err(Fault::cooldown("429")));
    let entries = watched.trace.entries();
    assert!(matches!(
        &entries[0].happened,
        Happened::Began { call: 1, attempt: 1, request_id: Some(id) } if **id == *"req"
    ));
    let cooled = entries.iter().find_map(|entry| match &entry.happened {
        Happened::Changed { until, .. } => *until,
        _ => None,
    });
    assert_eq!(cooled, Some(Duration::from_millis(31_500)));
    let served = |happened: &Happened| matches!(happened, Happened::Ended { end: End::Ok, .. });
    let served_by: Vec<_> =
        entries.iter().filter(|entry| served(&entry.happened)).map(|entry| &*entry.id).collect();
    assert_eq!(served_by, ["the backup"]);
}

#[test]
fn a_hostile_id_stays_on_its_line_of_a_trace() {
    let time = VirtualTime::new();
    let trace = Trace::new(time.clock());
    let hostile = "a\n0.0s  b\u{1b}[2J\u{2028}\u{202e}";
    let pool =
        Pool::builder().resource(Resource::new(hostile, ())).runtime(time.clock()).build().unwrap();
    let request = pool.request().request_id(hostile);
    let operation = |lease| trace.watch(lease, async |_: Lease<()>| Ok::<_, Fault<Boom>>(()));
    time.block_on(request.run(operation)).unwrap();
    let shown = r"a\n0.0s  b\u{1b}[2J\u{2028}\u{202e}";
    assert_eq!(
        trace.to_string(),
        format!("0s  {shown}  call 1 begins (attempt 1 of {shown})\n0s  {shown}  call 1 ends: ok")
    );
    assert_eq!(trace.lines()[1], format!("0s {shown}: call 1 ends: ok"));
}

#[test]
fn what_a_pools_events_tell_of_its_resources_can_be_noted() {
    let scene = crate::scene::Scene::of(&["a"]);
    let trace = Trace::new(scene.clock.clone());
    let mut events = scene.pool.events();
    scene.advance(Duration::from_secs(2));
    scene.pool.add(Resource::new("b", "b")).unwrap();
    scene.pool.disable("a").unwrap();
    scene.pool.remove("a").unwrap();
    std::iter::from_fn(|| events.try_next()).for_each(|event| trace.note(&event));
    let lines = ["2s b: added", "2s a: now disabled: by an admin call", "2s a: removed"];
    assert_eq!(trace.lines(), lines);
}
