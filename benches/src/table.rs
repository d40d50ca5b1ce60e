//! Results: one aligned table a group, and all of them as JSON.

use std::collections::HashMap;
use std::fmt::Write as _;

/// What was measured: one cell of a group's table.
#[derive(Debug, Clone)]
pub struct Case {
    /// The table.
    pub group: &'static str,
    /// The row of the table.
    pub row: String,
    /// The column: how many resources, if that means something here.
    pub resources: Option<usize>,
    /// The id of the case that the ratio is to.
    pub base: Option<String>,
    /// How many operations criterion takes for one.
    pub operations: u32,
    /// Nanoseconds an operation, the median, once measured.
    pub ns: f64,
    /// The same of the fastest sample: what is left of the noise on a busy machine.
    pub fastest_ns: f64,
}

impl Case {
    /// A case without a size and without a base.
    pub fn new(group: &'static str, row: impl Into<String>) -> Self {
        Self {
            group,
            row: row.into(),
            resources: None,
            base: None,
            operations: 1,
            ns: f64::NAN,
            fastest_ns: f64::NAN,
        }
    }

    /// With so many resources.
    #[must_use]
    pub fn at(self, resources: usize) -> Self {
        Self { resources: Some(resources), ..self }
    }

    /// Compared with the case of that group and row: of the same size, if there it has one.
    #[must_use]
    pub fn against(self, base: &str) -> Self {
        Self { base: Some(base.to_owned()), ..self }
    }

    /// What criterion counts as one iteration are so many operations.
    #[must_use]
    pub fn operations(self, operations: u32) -> Self {
        Self { operations, ..self }
    }

    /// `group/row` or `group/row/resources`, as criterion names it too.
    #[must_use]
    pub fn id(&self) -> String {
        let Self { group, row, resources, .. } = self;
        let size = resources.map(|n| format!("/{}", digits(n))).unwrap_or_default();
        format!("{group}/{row}{size}")
    }
}

/// The digits of a number, in threes: `10_000`.
#[must_use]
pub fn digits(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

/// A ratio in four to six characters: `0.25x`, `6604x`.
fn times(ratio: f64) -> String {
    if ratio < 100.0 { format!("{ratio:.2}x") } else { format!("{ratio:.0}x") }
}

/// The results of a run of the benchmarks.
#[derive(Debug, Clone)]
pub struct Results<'a> {
    cases: &'a [Case],
    ns: HashMap<String, f64>,
}

impl<'a> Results<'a> {
    /// Of these cases, in the order in which they were measured.
    #[must_use]
    pub fn new(cases: &'a [Case]) -> Self {
        Self { cases, ns: cases.iter().map(|case| (case.id(), case.ns)).collect() }
    }

    fn of(&self, case: &Case) -> f64 {
        self.ns[&case.id()]
    }

    /// How many times the base a case takes, if the base was measured as well.
    fn ratio(&self, case: &Case) -> Option<f64> {
        let base = case.base.as_deref()?;
        let sized = case.resources.and_then(|n| self.ns.get(&format!("{base}/{}", digits(n))));
        sized.or_else(|| self.ns.get(base)).map(|ns| self.of(case) / ns)
    }

    /// The table of a group; empty when nothing of it was measured.
    #[must_use]
    pub fn table(&self, group: &str, caption: &str) -> String {
        let cases: Vec<&Case> = self.cases.iter().filter(|case| case.group == group).collect();
        let mut sizes: Vec<Option<usize>> = cases.iter().map(|case| case.resources).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let mut rows: Vec<&str> = Vec::new();
        for case in &cases {
            if !rows.contains(&case.row.as_str()) {
                rows.push(&case.row);
            }
        }
        if rows.is_empty() {
            return String::new();
        }
        let label = rows.iter().map(|row| row.len()).max().unwrap_or_default();
        let mut out = format!("{group}: {caption}\n{:label$}", "");
        for size in &sizes {
            let head = size.map_or_else(|| "ns".to_owned(), digits);
            let _ = write!(out, "  {head:>9} {:>6}", "ratio");
        }
        for row in rows {
            let _ = write!(out, "\n{row:label$}");
            for size in &sizes {
                let case = cases.iter().find(|case| case.row == row && case.resources == *size);
                let ns =
                    case.map_or_else(|| "–".to_owned(), |case| format!("{:.1}", self.of(case)));
                let ratio = case.and_then(|case| self.ratio(case)).map_or_else(String::new, times);
                let _ = write!(out, "  {ns:>9} {ratio:>6}");
            }
        }
        out.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// The fastest samples in the place of the medians.
    #[must_use]
    pub fn fastest(cases: &'a [Case]) -> Self {
        Self { cases, ns: cases.iter().map(|case| (case.id(), case.fastest_ns)).collect() }
    }

    /// All cases, for a program to read.
    #[must_use]
    pub fn json(&self) -> String {
        let cases = self.cases.iter().map(|case| {
            serde_json::json!({
                "id": case.id(),
                "group": case.group,
                "row": case.row,
                "resources": case.resources,
                "ns": case.ns,
                "fastest_ns": case.fastest_ns,
                "base": case.base,
                "ratio": self.ratio(case),
            })
        });
        format!("{:#}\n", serde_json::Value::from_iter(cases))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(case: Case, ns: f64) -> Case {
        Case { ns, fastest_ns: ns, ..case }
    }

    #[test]
    fn a_ratio_is_to_the_base_of_the_same_size_and_else_to_the_base_without_a_size() {
        let cases = [
            measured(Case::new("floor", "all"), 100.0),
            measured(Case::new("run", "rotapool").at(3).against("floor/all"), 250.0),
            measured(Case::new("run", "naive").at(3).against("run/rotapool"), 125.0),
            measured(Case::new("run", "naive").at(10_000).against("run/rotapool"), 40_000.0),
        ];
        let table = Results::new(&cases).table("run", "ns a run");

        assert_eq!(
            table,
            "run: ns a run\n                  3  ratio     10_000  ratio\n\
             rotapool      250.0  2.50x          –\n\
             naive         125.0  0.50x    40000.0\n"
        );
    }

    #[test]
    fn a_group_of_which_nothing_was_measured_has_no_table() {
        assert_eq!(Results::new(&[]).table("run", "ns a run"), "");
    }

    #[test]
    fn digits_come_in_threes() {
        assert_eq!([3, 100, 1_000, 1_000_000].map(digits), ["3", "100", "1_000", "1_000_000"]);
    }
}
