//! One frame of the view: lines of text in inks, whoever draws them.

use rotapool::{PoolStats, ResourceSnapshot, ResourceStats, Status};

use crate::history::{Mark, Report, ResourceReport};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Plain,
    Strong,
    Soft,
    Faint,
    Green,
    Amber,
    Red,
    Blue,
    Violet,
}

#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) ink: Ink,
    pub(crate) text: String,
}

#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) spans: Vec<Span>,
}

impl Line {
    fn put(&mut self, ink: Ink, text: impl Into<String>) -> &mut Self {
        self.spans.push(Span { ink, text: text.into() });
        self
    }

    pub(crate) fn soft(text: &str) -> Self {
        let mut line = Self::default();
        line.put(Ink::Soft, format!("  {}", printable(text, WIDTH - 2)));
        line
    }

    pub(crate) fn text(&self) -> String {
        self.spans.iter().map(|span| &*span.text).collect()
    }
}

/// The width of a frame whose last column is full.
pub(crate) const WIDTH: usize = 108;
const REASON: usize = 24;
/// How many of a resource's last attempts are shown.
const MARKS: usize = 24;
/// From nothing to a full cell, by eighths.
pub(crate) const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
pub(crate) const BAR: char = '━';
pub(crate) const TRACK: char = '─';
const PLOT_HEIGHT: usize = 3;
const PLOT_SECONDS: usize = 60;

/// Everything that is to be seen of a pool at one moment.
pub(crate) fn frame(
    pool: &str,
    stats: &PoolStats,
    snapshot: &[ResourceSnapshot],
    report: &Report,
) -> Vec<Line> {
    let mut lines = vec![headline(pool, stats, report), Line::default()];
    let (top, rows) = plot(&report.served.counts);
    for (row, cells) in rows.into_iter().enumerate() {
        let label = match row {
            0 => format!("{top:>3.0} per second"),
            _ if row == PLOT_HEIGHT - 1 => "  0, a minute ago until now".to_owned(),
            _ => String::new(),
        };
        let mut line = Line::default();
        line.put(Ink::Green, format!("  {cells}")).put(Ink::Soft, format!("  {label}"));
        lines.push(line);
    }
    let mut heading = Line::default();
    let columns = ["resource", "status", "in flight", "recent attempts", "per s"];
    let [resource, status, in_flight, recent, rate] = columns;
    let columns =
        format!("  {resource:12}{status:21}{in_flight:18}{recent:MARKS$}  {rate:>5}  now");
    heading.put(Ink::Soft, columns);
    lines.extend([Line::default(), heading]);
    for resource in snapshot {
        // The three lists are taken one after the other: a resource may have come or gone in between.
        let stats = stats.resources.iter().find(|stats| stats.id == resource.id);
        let report = report.resources.iter().find(|report| *report.resource_id == *resource.id);
        if let (Some(stats), Some(report)) = (stats, report) {
            lines.push(row(resource, stats, report));
        }
    }
    lines
}

fn headline(pool: &str, stats: &PoolStats, report: &Report) -> Line {
    let mut line = Line::default();
    line.put(Ink::Strong, format!("  {}", printable(pool, 24)));
    let failed = stats.runs_exhausted + stats.runs_error + stats.runs_cancelled;
    let figures = [
        ("served per second", format!("{:.1}", report.served.per_second)),
        ("in flight", stats.in_flight.to_string()),
        ("eligible", format!("{} of {}", stats.eligible, stats.resources.len())),
        ("waiting", stats.waiting.to_string()),
        ("served", stats.runs_ok.to_string()),
        ("not served", failed.to_string()),
    ];
    for (name, figure) in figures {
        line.put(Ink::Soft, format!("   {name} ")).put(Ink::Plain, figure);
    }
    line
}

fn row(resource: &ResourceSnapshot, stats: &ResourceStats, report: &ResourceReport) -> Line {
    let (accent, status) = match resource.status {
        Status::CoolingDown => (Ink::Amber, "cooling down"),
        Status::Disabled => (Ink::Red, "disabled"),
        _ if resource.is_saturated() => (Ink::Blue, "at its cap"),
        _ => (Ink::Green, "healthy"),
    };
    let left = resource.until.map(|until| until.saturating_duration_since(resource.at));
    let left = left.map_or(String::new(), |left| format!("{:.1} s", left.as_secs_f64()));
    let mut line = Line::default();
    line.put(accent, "● ")
        .put(Ink::Strong, format!("{:12}", printable(&resource.id, 11)))
        .put(Ink::Plain, format!("{status:13}"))
        .put(accent, format!("{left:>6}  "));
    in_flight(&mut line, resource);
    marks(&mut line, &report.recent);
    line.put(Ink::Plain, format!("  {:>5.1}", report.served.per_second));
    let reason = match &resource.cause {
        Some(cause) => printable(&cause.to_string(), REASON),
        None => {
            let plural = if stats.cooldowns == 1 { "" } else { "s" };
            format!("{} served, {} cooldown{plural}", stats.successes, stats.cooldowns)
        }
    };
    line.put(Ink::Soft, format!("  {reason}"));
    line
}

fn in_flight(line: &mut Line, resource: &ResourceSnapshot) {
    const CELLS: usize = 8;
    let bar = |cell: char, cells: usize| cell.to_string().repeat(cells);
    let (filled, of) = match resource.limit {
        Some(limit) => {
            let share = f64::from(resource.in_flight) / f64::from(limit);
            (((share * CELLS as f64).ceil() as usize).min(CELLS), format!(" / {limit}"))
        }
        None => (0, String::new()),
    };
    line.put(Ink::Plain, bar(BAR, filled))
        .put(Ink::Faint, bar(TRACK, CELLS - filled))
        .put(Ink::Plain, format!(" {:>2}", resource.in_flight))
        .put(Ink::Soft, format!("{of:7}"));
}

/// The newest at the right; a resource that is new has room left of them.
fn marks(line: &mut Line, recent: &[Mark]) {
    let recent = &recent[recent.len().saturating_sub(MARKS)..];
    line.put(Ink::Faint, BLOCKS[1].to_string().repeat(MARKS - recent.len()));
    for alike in recent.chunk_by(|one, next| one == next) {
        let (ink, eighths) = match alike[0] {
            Mark::Ok => (Ink::Green, 3),
            Mark::Abandoned => (Ink::Soft, 3),
            Mark::Retry => (Ink::Blue, 5),
            Mark::Aborted => (Ink::Violet, 5),
            Mark::Cooldown => (Ink::Amber, 7),
            Mark::Disable | Mark::Error => (Ink::Red, 7),
        };
        line.put(ink, BLOCKS[eighths].to_string().repeat(alike.len()));
    }
}

/// The top of the scale, and the lines from there down. A second is noisy: it shows the mean of three.
fn plot(counts: &[u32]) -> (f64, [String; PLOT_HEIGHT]) {
    let means: Vec<f64> =
        counts.windows(3).map(|near| f64::from(near.iter().sum::<u32>()) / 3.0).collect();
    let means = &means[means.len().saturating_sub(PLOT_SECONDS)..];
    let top = means.iter().fold(1.0, |top: f64, mean| top.max(mean.ceil()));
    let cell = |mean: f64, above: usize| {
        let eighths = (mean / top * (PLOT_HEIGHT * 8) as f64).round() as usize;
        BLOCKS[eighths.saturating_sub(above * 8).min(8)]
    };
    let row = |row| means.iter().map(|&mean| cell(mean, PLOT_HEIGHT - 1 - row)).collect();
    (top, std::array::from_fn(row))
}

/// Foreign text, cut to a width, and with nothing in it that a terminal would obey.
fn printable(text: &str, width: usize) -> String {
    let safe = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    match text.chars().count() <= width {
        true => text.chars().map(safe).collect(),
        false => text.chars().take(width - 1).map(safe).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rotapool::testing::VirtualTime;
    use rotapool::{Fault, Pool, Resource};

    use super::*;
    use crate::history::{self, SECONDS, Served};

    fn text(pool: &Pool<()>, recent: &[Mark]) -> Vec<String> {
        let served = || Served { counts: vec![0; SECONDS], per_second: 0.0 };
        let (stats, snapshot) = (pool.stats(), pool.snapshot());
        let resources = snapshot.iter().map(|resource| ResourceReport {
            resource_id: resource.id.to_string(),
            recent: recent.to_vec(),
            served: served(),
        });
        let report =
            Report { age: 0.0, served: served(), resources: resources.collect(), missed: 0 };
        frame(pool.name(), &stats, &snapshot, &report).iter().map(Line::text).collect()
    }

    #[test]
    fn a_key_that_cools_down_says_for_how_long_and_why() {
        let time = VirtualTime::new();
        let pool = Pool::builder()
            .resource(Resource::new("key-1", ()).max_in_flight(4))
            .runtime(time.clock())
            .build()
            .unwrap();
        let fault = || Fault::<()>::cooldown_for(Duration::from_secs(30), "429 from upstream");
        let run = pool.request().max_attempts(1);
        let _ = time.block_on(run.run(|_| async { Err::<(), _>(fault()) }));
        time.advance(Duration::from_millis(12_500));

        let row = text(&pool, &[Mark::Cooldown]).pop().unwrap();
        assert!(row.starts_with("● key-1       cooling down 17.5 s  ────────  0 / 4"), "{row}");
        assert!(row.ends_with("▁▇    0.0  429 from upstream"), "{row}");
    }

    #[test]
    fn an_id_cannot_steer_the_terminal() {
        let pool = Pool::builder().resource(Resource::new("\x1b[2Ja\nb", ())).build().unwrap();
        let lines = text(&pool, &[]).concat();
        assert!(lines.contains("\u{fffd}[2Ja\u{fffd}b"), "{lines}");
        assert!(!lines.contains(char::is_control), "{lines}");
    }

    #[test]
    fn the_highest_second_reaches_the_top_of_the_plot_and_none_is_drawn_for_zero() {
        let mut counts = vec![0; SECONDS - 3];
        counts.extend([12, 12, 12]);
        let (top, [first, _, last]) = plot(&counts);
        assert_eq!(top, 12.0);
        assert_eq!(first.chars().last(), Some('█'));
        assert_eq!(last.chars().filter(|&cell| cell != ' ').count(), 3);
    }

    #[test]
    fn rows_of_any_history_are_aligned() {
        let pool = Pool::builder()
            .resource(Resource::new("a", ()))
            .resource(Resource::new("an-id-that-is-far-too-long-for-it", ()).max_in_flight(100))
            .build()
            .unwrap();
        let ends = |recent: &[Mark]| -> Vec<usize> {
            let rows = text(&pool, recent);
            rows.iter().rev().take(2).map(|row| row.chars().count()).collect()
        };
        let new = ends(&[]);
        assert_eq!(new[0], new[1]);
        assert_eq!(new, ends(&[Mark::Ok; history::MARKS]));
        assert!(new[0] <= WIDTH);
    }
}
