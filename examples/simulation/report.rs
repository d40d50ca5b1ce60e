//! The results in columns, beside what was published.

use crate::experiment::{PUBLISHED, Published};
use crate::replay::Client;
use crate::results::Results;

const HEADING: [&str; 9] =
    ["strategy", "success", "in slow 30 s", "failed", "p50", "p95", "p99", "p99.9", "published"];

pub(crate) fn title(client: Client) -> &'static str {
    match client {
        Client::Patient => "The client awaits every answer, as in the published experiment",
        Client::Hurried => "The client gives up after 1 s and tells the pool of a failure",
    }
}

pub(crate) fn table(results: &[Results]) -> String {
    let rows: Vec<_> =
        [HEADING.map(str::to_owned)].into_iter().chain(results.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let line = |row: &[String; HEADING.len()]| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column);
            // Words to the left, numbers to the right.
            match column == 0 || column == HEADING.len() - 1 {
                true => format!("{cell:width$}"),
                false => format!("{cell:>width$}"),
            }
        });
        format!("  {}\n", cells.collect::<Vec<_>>().join("   ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn row(results: &Results) -> [String; HEADING.len()] {
    let [p50, p95, p99, p99_9] = results
        .latencies([0.5, 0.95, 0.99, 0.999])
        .map(|latency| format!("{} ms", latency.as_millis()));
    [
        format!("{:?}", results.strategy),
        format!("{:.2} %", 100.0 * results.success()),
        format!("{:.2} %", 100.0 * results.success_in_slow_phase()),
        results.failures().to_string(),
        p50,
        p95,
        p99,
        p99_9,
        published(results),
    ]
}

/// The published experiment was made with a patient client.
fn published(results: &Results) -> String {
    let is_this = |published: &&Published| published.strategy == results.strategy;
    match PUBLISHED.iter().find(is_this).filter(|_| results.client == Client::Patient) {
        Some(Published { name, success, .. }) => format!("{} %, {name}", 100.0 * success),
        None => String::new(),
    }
}
