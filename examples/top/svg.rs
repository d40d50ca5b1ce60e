//! A frame as a picture. Blocks and bars are drawn, so that no font can misplace them.

use std::fmt::{self, Write as _};

use crate::frame::{BAR, BLOCKS, Ink, Line, TRACK, WIDTH};

const CELL: (f64, f64) = (8.4, 20.0);
const MARGIN: f64 = 22.0;
/// From the top of a line down to the feet of its letters.
const BASELINE: f64 = 15.0;

pub(crate) fn svg(frame: &[Line]) -> Result<String, fmt::Error> {
    let width = WIDTH as f64 * CELL.0 + 2.0 * MARGIN;
    let height = frame.len() as f64 * CELL.1 + 2.0 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"#17191c\"/>\n"
    );
    for (row, line) in frame.iter().enumerate() {
        let top = MARGIN + row as f64 * CELL.1;
        let mut column = 0;
        for span in &line.spans {
            let cells: Vec<char> = span.text.chars().collect();
            writeln!(out, "<g fill=\"{}\">", colour(span.ink))?;
            for run in cells.chunk_by(|one, next| kind(*one) == kind(*next)) {
                let left = MARGIN + column as f64 * CELL.0;
                draw(&mut out, run, left, top, span.ink)?;
                column += run.len();
            }
            out.push_str("</g>\n");
        }
    }
    out.push_str("</svg>\n");
    Ok(out)
}

#[derive(PartialEq)]
enum Kind {
    Text,
    Space,
    Bar,
    Blocks,
}

fn kind(cell: char) -> Kind {
    match cell {
        ' ' => Kind::Space,
        BAR | TRACK => Kind::Bar,
        _ if BLOCKS.contains(&cell) => Kind::Blocks,
        _ => Kind::Text,
    }
}

fn draw(out: &mut String, run: &[char], left: f64, top: f64, ink: Ink) -> fmt::Result {
    let width = run.len() as f64 * CELL.0;
    match kind(run[0]) {
        Kind::Space => Ok(()),
        Kind::Bar => {
            let middle = top + CELL.1 / 2.0 - 2.0;
            writeln!(
                out,
                "<rect x=\"{left:.1}\" y=\"{middle:.1}\" width=\"{width:.1}\" height=\"4\"/>"
            )
        }
        Kind::Blocks => {
            // One path for the run: a column for each cell, from the foot of the line up.
            out.push_str("<path shape-rendering=\"crispEdges\" d=\"");
            let foot = top + CELL.1;
            for (cell, block) in run.iter().enumerate() {
                let eighths = BLOCKS.iter().position(|known| known == block).unwrap_or(0);
                let (x, up) = (left + cell as f64 * CELL.0, eighths as f64 / 8.0 * CELL.1);
                write!(out, "M{x:.1} {foot:.1}v-{up:.1}h{0:.1}v{up:.1}z", CELL.0 - 1.8)?;
            }
            out.push_str("\"/>\n");
            Ok(())
        }
        Kind::Text => {
            let text: String = run.iter().map(|&cell| escaped(cell)).collect();
            let weight = if ink == Ink::Strong { " font-weight=\"bold\"" } else { "" };
            let y = top + BASELINE;
            writeln!(
                out,
                "<text x=\"{left:.1}\" y=\"{y:.1}\" textLength=\"{width:.1}\" \
                 lengthAdjust=\"spacingAndGlyphs\"{weight}>{text}</text>"
            )
        }
    }
}

/// Ids and reasons are foreign text, and an SVG is a document that could carry scripts.
fn escaped(cell: char) -> String {
    match cell {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        cell => cell.to_string(),
    }
}

fn colour(ink: Ink) -> &'static str {
    match ink {
        Ink::Plain | Ink::Strong => "#e3e3de",
        Ink::Soft => "#959aa1",
        Ink::Faint => "#363a3f",
        Ink::Green => "#62b48b",
        Ink::Amber => "#d9a548",
        Ink::Red => "#dd7b70",
        Ink::Blue => "#79a9d8",
        Ink::Violet => "#a794d6",
    }
}
