//! Hostile ids, reasons and names: whatever prints them prints one line that no terminal misreads.
#![no_main]

use std::error::Error;
use std::fmt::Display;
use std::future::ready;
use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rotapool::testing::{Trace, VirtualTime};
use rotapool::{Fault, Pool, PoolCollector, Resource, RunError};

/// No line is longer: a few pieces of foreign text of 200 characters, of which the longest escape takes ten.
const LONGEST: usize = 12_000;

#[derive(Debug, Arbitrary)]
struct Texts {
    name: String,
    ids: Vec<(String, Option<u32>, Option<f64>)>,
    unknown: String,
    request_id: String,
    metadata: (String, String),
    deeds: Vec<Deed>,
}

#[derive(Debug, Arbitrary)]
enum Deed {
    Cooldown { run: u8, after: Option<Duration>, reason: String },
    Disable { run: u8, reason: String },
    Retry { run: u8, reason: String },
    Wait(u32),
}

fuzz_target!(|texts: Texts| {
    let time = VirtualTime::new();
    let trace = Trace::new(time.clock());
    let mut builder =
        Pool::builder().name(&*texts.name).runtime(time.clock()).on_state_change(trace.hook());
    for (id, cap, weight) in &texts.ids {
        let mut resource = Resource::new(&**id, ());
        if let Some(cap) = *cap {
            resource = resource.max_in_flight(cap);
        }
        if let Some(weight) = *weight {
            resource = resource.weight(weight);
        }
        builder = builder.resource(resource.metadata(&*texts.metadata.0, &*texts.metadata.1));
    }
    let pool = match builder.build() {
        Ok(pool) => pool,
        Err(error) => return says_one_line(&error),
    };
    for deed in &texts.deeds {
        play(deed, &pool, &trace, &time, &texts.request_id);
    }
    refuses(&pool, &texts);
    pool.snapshot().iter().for_each(|row| is_one_line(row));
    trace.lines().iter().for_each(|line| is_one_line(line));
    let printed = trace.to_string();
    let lines: Vec<&str> = printed.split('\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), trace.entries().len(), "a line each: {printed}");
    lines.iter().for_each(|line| is_one_line(line));
    reads_as_json(&pool);
    reads_as_metrics(&pool);
});

fn play(deed: &Deed, pool: &Pool<()>, trace: &Trace, time: &VirtualTime, request_id: &str) {
    let fault = || match deed {
        Deed::Cooldown { after, reason, .. } => Fault::cooldown_for(*after, reason.as_str()),
        Deed::Disable { reason, .. } => Fault::disable(reason.as_str()),
        Deed::Retry { reason, .. } => Fault::<u8>::retry(reason.as_str()),
        Deed::Wait(_) => Fault::Operation(0),
    };
    let run = match deed {
        Deed::Wait(milliseconds) => {
            return time.advance(Duration::from_millis(u64::from(*milliseconds)));
        }
        Deed::Cooldown { run, .. } | Deed::Disable { run, .. } | Deed::Retry { run, .. } => *run,
    };
    let request = pool
        .request()
        .request_id(request_id)
        .max_attempts(u32::from(run % 3) + 1)
        .retry_delay(Duration::ZERO)
        .wait(run % 2 == 0)
        .timeout(Duration::from_secs(u64::from(run)));
    let operation = |lease| trace.watch(lease, |_| ready(Err::<(), _>(fault())));
    match time.block_on(request.run(operation)) {
        Err(RunError::Exhausted(exhausted)) => {
            says_one_line(&**exhausted);
            let table = exhausted.table().to_string();
            let rows = exhausted.explanation.resources.len()
                + usize::from(exhausted.explanation.resources.len() < exhausted.explanation.members);
            assert_eq!(table.split('\n').count(), 1 + rows, "a line for each resource: {table}");
            table.split('\n').for_each(|line| is_one_line(&line));
            exhausted.last_signal.iter().for_each(|signal| is_one_line(signal));
            let run = RunError::Exhausted(exhausted);
            says_one_line(&run.map_operation(|_| std::fmt::Error));
        }
        other => assert!(other.is_err(), "every operation fails"),
    }
}

/// Admin calls that make no sense.
fn refuses(pool: &Pool<()>, texts: &Texts) {
    if let Err(error) = pool.enable(&texts.unknown) {
        says_one_line(&error);
    }
    let taken = pool.snapshot().remove(0).id;
    says_one_line(&pool.add(Resource::new(taken, ())).expect_err("the id is taken"));
    if let Err(error) = pool.add(Resource::new(&*texts.unknown, ()).max_in_flight(0)) {
        says_one_line(&error);
    }
    if let Err(error) = pool.add(Resource::new(&*texts.unknown, ()).weight(f64::MAX)) {
        says_one_line(&error);
    }
}

fn reads_as_json(pool: &Pool<()>) {
    for text in [serde_json::to_string(&pool.snapshot()), serde_json::to_string(&pool.stats())] {
        let text = text.expect("plain values");
        let read: Result<serde_json::Value, _> = serde_json::from_str(&text);
        assert!(read.is_ok(), "{text}");
    }
}

fn reads_as_metrics(pool: &Pool<()>) {
    let collector = PoolCollector::new();
    collector.add(pool).expect("the first of its name");
    says_one_line(&collector.add(pool).expect_err("it is there already"));
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    let mut page = String::new();
    encode(&mut page, &registry).expect("it writes to a string");
    for line in page.lines() {
        assert!(line.starts_with('#') || line.starts_with("rotapool_"), "{line:?}");
    }
}

fn says_one_line<E: Error>(error: &E) {
    is_one_line(error);
    let debugged = format!("{error:?}");
    assert!(!debugged.chars().any(breaks_a_line), "{debugged:?}");
}

fn is_one_line(text: &impl Display) {
    let text = text.to_string();
    assert!(!text.is_empty(), "it says something");
    assert!(text.len() <= LONGEST, "{} bytes", text.len());
    let misread = text.chars().find(|&character| breaks_a_line(character) || turns(character));
    assert_eq!(misread, None, "{text:?}");
}

/// Control characters, and what Unicode says starts a new line or paragraph.
fn breaks_a_line(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// What changes the direction of the text that follows: it can make a line read as another.
fn turns(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
