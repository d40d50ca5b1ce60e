//! Frames on a terminal, each over the last one, and as plain text elsewhere.

use std::io::{self, IsTerminal as _, Write as _};

use crate::frame::{Ink, Line};

/// Where frames go.
pub(crate) enum Screen {
    /// The next frame goes over so many lines.
    Terminal {
        drawn: usize,
    },
    Plain,
}

impl Screen {
    pub(crate) fn of_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Terminal { drawn: 0 } } else { Self::Plain }
    }

    pub(crate) fn show(&mut self, frame: &[Line]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self {
            Self::Terminal { drawn } => {
                if *drawn > 0 {
                    write!(out, "\x1b[{drawn}A")?;
                }
                *drawn = frame.len();
                // In one piece, so that nothing flickers. What is too wide is cut, not wrapped.
                let lines: String = frame.iter().map(in_colours).collect();
                write!(out, "\x1b[?7l{lines}\x1b[J\x1b[?7h")?;
            }
            Self::Plain => {
                for line in frame {
                    writeln!(out, "{}", line.text().trim_end())?;
                }
                writeln!(out)?;
            }
        }
        out.flush()
    }
}

fn in_colours(line: &Line) -> String {
    let spans =
        line.spans.iter().map(|span| format!("\x1b[{}m{}\x1b[0m", code(span.ink), span.text));
    format!("{}\x1b[K\n", spans.collect::<String>())
}

/// The terminal's own colours: they fit its background.
fn code(ink: Ink) -> &'static str {
    match ink {
        Ink::Plain => "0",
        Ink::Strong => "1",
        Ink::Soft | Ink::Faint => "90",
        Ink::Green => "32",
        Ink::Amber => "33",
        Ink::Red => "31",
        Ink::Blue => "34",
        Ink::Violet => "35",
    }
}
