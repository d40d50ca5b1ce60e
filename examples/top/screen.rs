//! Frames on a terminal, each over the last one, and as plain text elsewhere.

use std::io::{self, IsTerminal as _, Write as _};

use crate::frame::{Ink, Line};

/// Where frames go.
pub(crate) enum Screen {
    /// The next frame goes over so many lines. Below them is the line in which somebody may be typing.
    Terminal {
        drawn: usize,
        /// Whether that line is where it was, and as it was.
        typing: bool,
    },
    Plain,
}

impl Screen {
    pub(crate) fn of_stdout() -> Self {
        if io::stdout().is_terminal() {
            Self::Terminal { drawn: 0, typing: false }
        } else {
            Self::Plain
        }
    }

    /// A line was typed below the frame, and the terminal went on to the next.
    pub(crate) fn was_typed(&mut self) {
        if let Self::Terminal { drawn, typing } = self {
            *drawn += 1;
            *typing = false;
        }
    }

    pub(crate) fn show(&mut self, frame: &[Line]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self {
            Self::Terminal { drawn, typing } => {
                let lines: String = frame.iter().map(in_colours).collect();
                let goes_on = *typing && *drawn == frame.len();
                let up = match *drawn {
                    0 => "\r".to_owned(),
                    drawn => format!("\x1b[{drawn}F"),
                };
                // In one piece, so that nothing flickers. What is too wide is cut, not wrapped. Whoever is typing
                // finds the cursor where it was.
                match goes_on {
                    true => write!(out, "\x1b7{up}\x1b[?7l{lines}\x1b[?7h\x1b8")?,
                    false => write!(out, "{up}\x1b[?7l{lines}\x1b[?7h\x1b[J> ")?,
                }
                (*drawn, *typing) = (frame.len(), true);
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
