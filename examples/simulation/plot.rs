//! The results as a picture: success second by second, a panel for each client, a line for each
//! strategy.

use std::fmt::{Display, Write as _};
use std::ops::Range;

use rotapool_core::Strategy;

use crate::experiment::SLOW_PHASE;
use crate::report;
use crate::results::Results;

const WIDTH: f64 = 980.0;
const HEIGHT: f64 = 800.0;
const MARGIN: f64 = 32.0;
const LEFT: f64 = 110.0;
const RIGHT: f64 = 730.0;
const TOPS: [f64; 2] = [134.0, 484.0];
const PANEL_HEIGHT: f64 = 250.0;
/// The seconds that are shown: before and after them everything succeeds.
const SHOWN: Range<u64> = 10..50;

const STYLE: &str = "
  text { font: 12px 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif; fill: #6a717c }
  .title { font-size: 20px; font-weight: 600; fill: #1d2129 }
  .subtitle { font-size: 13.5px }
  .client { font-size: 15px; font-weight: 600; fill: #3a3f47 }
  .strategy { font-size: 13px; fill: #3a3f47 }
  .success { font-size: 13px; text-anchor: end }
  .below, .beside { text-anchor: middle }
  .left { text-anchor: end }
  .slow { fill: #f4f0e6 }
  .slow-label { text-anchor: middle; font-style: italic; fill: #948a6c }
  .grid { stroke: #e2e4e8 }
  .line { fill: none; stroke-linejoin: round; stroke-linecap: round }
";

/// The results of a panel are those of one client.
pub(crate) fn svg(panels: [&[Results]; 2]) -> String {
    let seconds = panels.into_iter().flatten().flat_map(Results::success_by_second);
    // Down to a whole tick of 2 %, and the same for both panels.
    let floor = (seconds.fold(1.0, f64::min) * 50.0).floor() / 50.0;
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' \
         width='{WIDTH}' height='{HEIGHT}'>\n<style>{STYLE}</style>\n\
         <rect width='{WIDTH}' height='{HEIGHT}' fill='#fdfdfc'/>\n"
    );
    let title = "One of 11 backends turns slow: how many requests are answered within 1 s?";
    let subtitle = "1,000 requests a second, median latency 167 ms. \
                    From second 15 to second 45 one backend takes 2 s.";
    text(&mut svg, "title", MARGIN, 46.0, title);
    text(&mut svg, "subtitle", MARGIN, 71.0, subtitle);
    for (results, top) in panels.into_iter().zip(TOPS) {
        Panel { top, floor, results }.draw(&mut svg);
    }
    svg + "</svg>\n"
}

struct Panel<'a> {
    top: f64,
    /// The success at the bottom.
    floor: f64,
    results: &'a [Results],
}

impl Panel<'_> {
    fn draw(&self, svg: &mut String) {
        text(svg, "client", MARGIN, self.top - 20.0, report::title(self.results[0].client));
        self.slow_phase(svg);
        self.axes(svg);
        for results in self.results {
            self.line(svg, results);
        }
        self.legend(svg);
    }

    fn slow_phase(&self, svg: &mut String) {
        let [from, to] = [SLOW_PHASE.start, SLOW_PHASE.end].map(|end| x(end.as_secs_f64()));
        let (top, bottom) = (self.top, self.top + PANEL_HEIGHT);
        let _ = writeln!(svg, "<path class='slow' d='M{from} {top}H{to}V{bottom}H{from}Z'/>");
        text(svg, "slow-label", (from + to) / 2.0, bottom - 9.0, "one backend slow");
    }

    fn axes(&self, svg: &mut String) {
        for percent in (percent(self.floor)..=100).step_by(2) {
            let y = self.y(f64::from(percent) / 100.0);
            let _ = writeln!(svg, "<path class='grid' d='M{LEFT} {y:.1}H{RIGHT}'/>");
            text(svg, "left", LEFT - 10.0, y + 4.0, format_args!("{percent} %"));
        }
        let bottom = self.top + PANEL_HEIGHT;
        for second in (SHOWN.start..=SHOWN.end).step_by(5) {
            text(svg, "below", x(second as f64), bottom + 19.0, second);
        }
        text(svg, "below", (LEFT + RIGHT) / 2.0, bottom + 41.0, "time of sending, s");
        let (x, y) = (MARGIN + 12.0, self.top + PANEL_HEIGHT / 2.0);
        let _ = write!(svg, "<g transform='translate({x} {y}) rotate(-90)'>");
        text(svg, "beside", 0.0, 0.0, "answered within 1 s");
        svg.push_str("</g>\n");
    }

    /// A step for each second: what happens at its edges is not smoothed over.
    fn line(&self, svg: &mut String, results: &Results) {
        let seconds = results.success_by_second();
        let steps = SHOWN.map(|second| {
            let (from, to) = (x(second as f64), x(second as f64 + 1.0));
            let y = self.y(seconds[second as usize]);
            format!(" {from:.1},{y:.1} {to:.1},{y:.1}")
        });
        let (steps, pen) = (steps.collect::<String>(), pen(results.strategy));
        let _ = writeln!(svg, "<polyline class='line' {pen} points='{}'/>", steps.trim_start());
    }

    /// The best first, with the success over the whole run.
    fn legend(&self, svg: &mut String) {
        text(svg, "success", WIDTH - MARGIN, self.top + 6.0, "over all 60 s");
        let mut best_first: Vec<&Results> = self.results.iter().collect();
        best_first.sort_by(|a, b| b.success().total_cmp(&a.success()));
        for (row, results) in best_first.into_iter().enumerate() {
            let y = self.top + 34.0 + 26.0 * row as f64;
            let (from, to, pen) = (RIGHT + 24.0, RIGHT + 48.0, pen(results.strategy));
            let _ = writeln!(svg, "<path class='line' {pen} d='M{from} {y}H{to}'/>");
            text(svg, "strategy", to + 10.0, y + 4.5, format_args!("{:?}", results.strategy));
            let success = format_args!("{:.2} %", 100.0 * results.success());
            text(svg, "success", WIDTH - MARGIN, y + 4.5, success);
        }
    }

    fn y(&self, success: f64) -> f64 {
        self.top + PANEL_HEIGHT * (1.0 - success) / (1.0 - self.floor)
    }
}

fn x(second: f64) -> f64 {
    let shown = (SHOWN.end - SHOWN.start) as f64;
    LEFT + (RIGHT - LEFT) * (second - SHOWN.start as f64) / shown
}

fn percent(share: f64) -> u32 {
    (100.0 * share).round() as u32
}

/// Colours that colour-blind eyes can tell apart (Okabe and Ito, 2008).
fn pen(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Random => "stroke='#c4c7cc' stroke-width='1.6'",
        Strategy::RoundRobin => "stroke='#d55e00' stroke-width='2.6'",
        // It runs where round robin does, and lets it shine through.
        Strategy::Weighted => "stroke='#f5c38b' stroke-width='2.6' stroke-dasharray='1 7'",
        Strategy::Affinity => "stroke='#56b4e9' stroke-width='1.6'",
        Strategy::LeastInFlight => "stroke='#0072b2' stroke-width='2.2'",
        Strategy::LeastErrors => "stroke='#cc79a7' stroke-width='2.2'",
        _ => "stroke='#009e73' stroke-width='2.6'",
    }
}

/// Writing into a string cannot fail, here and above.
fn text(svg: &mut String, class: &str, x: f64, y: f64, content: impl Display) {
    let _ = writeln!(svg, "<text class='{class}' x='{x:.1}' y='{y:.1}'>{content}</text>");
}
