//! Results as a reader wants them: a table a profile.

use std::fmt::Write as _;

use crate::perfect::Possible;
use crate::profile::Profile;
use crate::tally::Tally;

/// A profile's results, the clients in the order given.
pub(crate) fn table(
    profile: &Profile,
    possible: Possible,
    rows: &[(String, Tally)],
    why: bool,
) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut out = format!("{}: {}\n", profile.name, profile.about);
    let _ = writeln!(
        out,
        "{:width$}  {:>8}  {:>6}  {:>4}  {:>6}  {:>6}  {:>15}",
        "", "served %", "failed", "late", "p50 ms", "p99 ms", "requests/served"
    );
    let Possible { arrived, served, requests } = possible;
    let _ = writeln!(
        out,
        "{:width$}  {:>8.1}  {:>6}  {:>4}  {:>6}  {:>6}  {:>15.2}",
        "a perfect client",
        served as f64 / arrived as f64 * 100.0,
        arrived - served,
        "",
        "",
        "",
        requests as f64 / served as f64
    );
    for (name, tally) in rows {
        let _ = writeln!(
            out,
            "{name:width$}  {:>8.1}  {:>6}  {:>4}  {:>6.0}  {:>6.0}  {:>15.2}",
            tally.served(),
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
