//! Results as a reader wants them: a table a profile, and one of them all.

use std::fmt::Write as _;

use crate::perfect::Possible;
use crate::profile::Profile;
use crate::tally::Tally;

const PERFECT: &str = "a perfect client";

/// What came of a profile.
pub(crate) struct Results {
    pub(crate) profile: &'static Profile,
    pub(crate) possible: Possible,
    /// The clients, by name.
    pub(crate) rows: Vec<(String, Tally)>,
}

/// A profile's results in full.
pub(crate) fn one(results: &Results, why: bool) -> String {
    let Results { profile, possible, rows } = results;
    let width = width(rows);
    let mut out = format!("{}: {}\n", profile.name, profile.about);
    let _ = writeln!(
        out,
        "{:width$}  {:>8}  {:>6}  {:>4}  {:>6}  {:>6}  {:>15}",
        "", "served %", "failed", "late", "p50 ms", "p99 ms", "requests/served"
    );
    let _ = writeln!(
        out,
        "{:width$}  {:>8.1}  {:>6}  {:>4}  {:>6}  {:>6}  {:>15.2}",
        PERFECT,
        possible.served_percent(),
        possible.arrived - possible.served,
        "",
        "",
        "",
        possible.requests_per_served()
    );
    for (name, tally) in rows {
        let _ = writeln!(
            out,
            "{name:width$}  {:>8.1}  {:>6}  {:>4}  {:>6.0}  {:>6.0}  {:>15.2}",
            tally.served_percent(),
            tally.failed,
            tally.late,
            tally.quantile(0.5),
            tally.quantile(0.99),
            tally.requests_per_served()
        );
    }
    for (name, tally) in rows {
        if let Some(note) = tally.not_kept() {
            let _ = writeln!(out, "NOT THE LOAD ASKED FOR: {name}: {note}");
        }
        if why {
            for (reason, times) in tally.reasons() {
                let _ = writeln!(out, "{name} failed {times} times: {reason}");
            }
        }
    }
    out
}

/// All profiles at a glance: served in time in hundredths, and upstream requests for each of them. What
/// stands behind a `!` is not of the load asked for.
pub(crate) fn all(profiles: &[Results]) -> String {
    let Some(first) = profiles.first() else { return String::new() };
    let width = width(&first.rows);
    let mut out = format!("{:width$}", "served % (requests)");
    for results in profiles {
        let _ = write!(out, "  {:>14}", results.profile.name);
    }
    let _ = write!(out, "\n{PERFECT:width$}");
    for Results { possible, .. } in profiles {
        out += &cell(possible.served_percent(), possible.requests_per_served(), true);
    }
    for (number, (name, _)) in first.rows.iter().enumerate() {
        let _ = write!(out, "\n{name:width$}");
        for (_, tally) in profiles.iter().map(|results| &results.rows[number]) {
            let kept = tally.not_kept().is_none();
            out += &cell(tally.served_percent(), tally.requests_per_served(), kept);
        }
    }
    out.push('\n');
    out
}

fn cell(served: f64, requests: f64, kept: bool) -> String {
    let served = format!("{}{served:.1}", if kept { "" } else { "!" });
    format!("  {served:>6} {:>7}", format!("({requests:.2})"))
}

fn width(rows: &[(String, Tally)]) -> usize {
    rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default()
}
