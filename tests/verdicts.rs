//! Reads answers of upstreams and wants exactly what they say.
//!
//! `tests/verdicts/verdicts.json` was given to us; `tests/verdicts/dialects.json` is ours, written from what the
//! providers document and what was recorded of them. `ROTAPOOL_VERDICTS` names further files, separated by `:`. To see
//! the count: `cargo test --test verdicts -- --nocapture`.

#[path = "verdicts/in_a_pool.rs"]
mod in_a_pool;
#[path = "verdicts/page.rs"]
mod page;
#[path = "verdicts/vector.rs"]
mod vector;

use std::fs;

use vector::Vector;

const OURS: [&str; 2] = ["verdicts.json", "dialects.json"];

fn vectors() -> Vec<Vector> {
    let ours = OURS.map(|name| format!("{}/tests/verdicts/{name}", env!("CARGO_MANIFEST_DIR")));
    let more = std::env::var("ROTAPOOL_VERDICTS").unwrap_or_default();
    let more = more.split(':').filter(|path| !path.is_empty()).map(str::to_owned);
    ours.into_iter()
        .chain(more)
        .flat_map(|path| {
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
            let file: Vec<Vector> = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{path} is not a file of verdicts: {error}"));
            assert!(!file.is_empty(), "{path} has no verdicts");
            file
        })
        .collect()
}

#[test]
fn every_answer_is_read_as_it_was_meant() {
    let vectors = vectors();
    let failures: Vec<String> = vectors.iter().filter_map(|vector| vector.check().err()).collect();
    for failure in &failures {
        println!("{failure}");
    }
    // On a line of its own, whatever the test runner has written before.
    println!("\nverdicts: {} of {}", vectors.len() - failures.len(), vectors.len());
    assert!(failures.is_empty(), "{} verdicts differ", failures.len());
}

#[test]
fn every_answer_on_the_page_becomes_what_the_page_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/from-a-429-to-a-cooldown.md");
    let page = fs::read_to_string(path).expect("the page");
    let examples = page::examples(&page);
    assert!(examples.len() > 30, "{} examples", examples.len());
    for (answer, told) in examples {
        assert_eq!(page::tell(answer), told, "{answer}");
    }
}

#[test]
fn a_vector_that_expects_something_else_fails() {
    let fine: Vector = serde_json::from_str(GOOD).expect("a vector");
    assert_eq!(fine.check(), Ok(()));
    for (right, wrong) in [
        ("\"ok\"", "\"rate_limited\""),
        ("\"ok\"", "\"fine\""),
        ("\"after_ms\":null", "\"after_ms\":5"),
        ("\"limit\":60", "\"limit\":61"),
        ("\"limit\":60", "\"limit\":null"),
        ("\"remaining\":null", "\"remaining\":1"),
        ("\"reset_ms\":13", "\"reset_ms\":12"),
        ("\"tokens\":{\"limit\":9}", "\"tokens\":{\"limits\":9}"),
        (",\"tokens\":{\"limit\":9}", ""),
        ("\"tokens\":{", "\"bytes\":{"),
    ] {
        assert!(GOOD.contains(right), "{right}");
        let vector: Vector = serde_json::from_str(&GOOD.replace(right, wrong)).expect("a vector");
        assert!(vector.check().is_err(), "{wrong}");
    }
}

const GOOD: &str = r#"{"name":"x","status":200,"now":"2026-11-26T12:00:00Z","body":null,
    "headers":[["x-ratelimit-limit-requests","60"],["x-ratelimit-reset-requests","12.5ms"],
               ["x-ratelimit-limit-tokens","9"]],
    "expect":{"class":"ok","after_ms":null,
              "quotas":{"requests":{"limit":60,"remaining":null,"reset_ms":13},"tokens":{"limit":9}}}}"#;
