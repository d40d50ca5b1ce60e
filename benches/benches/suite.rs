//! Criterion, and what it saves, collected for the tables.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Bencher, BenchmarkId, Criterion, SamplingMode};
use rotapool_benches::table::{Case, Results, digits};
use serde_json::Value;

pub(crate) struct Suite {
    criterion: Criterion,
    target: PathBuf,
    quick: bool,
    cases: Vec<Case>,
}

impl Suite {
    pub(crate) fn from_args() -> Self {
        let quick = is_set("QUICK");
        let (warm_up, measurement, samples) = if quick { (50, 200, 10) } else { (300, 1000, 30) };
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in target");
        let criterion = Criterion::default()
            .without_plots()
            .warm_up_time(Duration::from_millis(warm_up))
            .measurement_time(Duration::from_millis(measurement))
            .sample_size(samples)
            .output_directory(&target.join("criterion"))
            .configure_from_args();
        Self { criterion, target: target.to_owned(), quick, cases: Vec::new() }
    }

    /// Measures a case, unless the command line has another in mind.
    ///
    /// `routine` is called several times over: what it needs, it should make on the first call.
    pub(crate) fn case(&mut self, case: Case, routine: impl FnMut(&mut Bencher<'_>)) {
        self.measure(case, SamplingMode::Auto, routine);
    }

    /// The same for what is long and of even length: every sample has the same iterations.
    pub(crate) fn long_case(&mut self, case: Case, routine: impl FnMut(&mut Bencher<'_>)) {
        self.measure(case, SamplingMode::Flat, routine);
    }

    fn measure(
        &mut self,
        mut case: Case,
        sampling: SamplingMode,
        routine: impl FnMut(&mut Bencher<'_>),
    ) {
        if self.quick && case.resources.is_some_and(|resources| resources > 10_000) {
            return;
        }
        let saved = self.target.join("criterion").join(case.id()).join("new");
        // What is there afterwards is of this time. It need not be there now.
        let _ = fs::remove_dir_all(&saved);
        let id = match case.resources {
            Some(resources) => BenchmarkId::new(&case.row, digits(resources)),
            None => BenchmarkId::from_parameter(&case.row),
        };
        let mut group = self.criterion.benchmark_group(case.group);
        group.sampling_mode(sampling).bench_function(id, routine);
        group.finish();
        if let Some(estimates) = json(&saved.join("estimates.json")) {
            let median = estimates["median"]["point_estimate"].as_f64().expect("it has a median");
            let fastest = json(&saved.join("sample.json")).as_ref().and_then(fastest);
            case.ns = median / f64::from(case.operations);
            case.fastest_ns = fastest.expect("it has samples") / f64::from(case.operations);
            self.cases.push(case);
        }
    }

    /// Prints the tables of what was measured, and saves all of it.
    pub(crate) fn finish(self, tables: &[(&str, &str)]) {
        self.criterion.final_summary();
        if self.cases.is_empty() {
            return;
        }
        let results = Results::new(&self.cases);
        let shown = if is_set("FASTEST") { Results::fastest(&self.cases) } else { results.clone() };
        for (group, caption) in tables {
            let table = shown.table(group, caption);
            if !table.is_empty() {
                println!("\n{table}");
            }
        }
        let path = self.target.join("rotapool-benches.json");
        fs::write(&path, results.json()).expect("target is writable");
        println!("saved: {}", path.display());
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value != "0")
}

fn json(path: &Path) -> Option<Value> {
    let text = fs::read(path).ok()?;
    Some(serde_json::from_slice(&text).expect("criterion saves valid JSON"))
}

/// Of all samples the one with the least time an iteration.
fn fastest(sample: &Value) -> Option<f64> {
    let numbers = |name: &str| -> Option<Vec<f64>> {
        sample[name].as_array()?.iter().map(Value::as_f64).collect()
    };
    let each = numbers("times")?.into_iter().zip(numbers("iters")?);
    each.map(|(time, iterations)| time / iterations).reduce(f64::min)
}
