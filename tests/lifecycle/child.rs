//! Processes of the tests' own: this binary once more, told by the environment what to be.
//!
//! A child says what it does on lines of its standard output that begin with `@`, and takes orders, a line
//! each, from its standard input; so nobody waits for time to pass.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

/// What the child is told to be.
const PART: &str = "ROTAPOOL_CHILD";

/// A child at work. Dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    orders: Option<ChildStdin>,
    said: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a child in this part: its name and its arguments, apart by spaces.
    pub(crate) fn start(part: &str) -> Self {
        Self::start_with(part, |_| ())
    }

    pub(crate) fn start_with(part: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child::the_part_of_a_child", "--nocapture"]).env(PART, part);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        prepare(&mut command);
        let mut child = command.spawn().unwrap();
        let orders = child.stdin.take();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, orders, said }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it says next.
    pub(crate) fn says(&mut self) -> Option<String> {
        // The harness has a line of its own and may leave it unfinished.
        let mut lines = self.said.by_ref().map(Result::unwrap);
        lines.find_map(|line| line.split_once('@').map(|(_, said)| said.to_owned()))
    }

    #[track_caller]
    pub(crate) fn must_say(&mut self, expected: &str) {
        assert_eq!(self.says().as_deref(), Some(expected));
    }

    pub(crate) fn order(&mut self, line: &str) {
        writeln!(self.orders.as_ref().expect("it takes orders"), "{line}").unwrap();
    }

    /// Sends it a signal, as by `kill`.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end: what else it said, and how it ended.
    pub(crate) fn end(mut self) -> (Vec<String>, ExitStatus) {
        let mut rest = Vec::new();
        while let Some(said) = self.says() {
            rest.push(said);
        }
        (rest, self.child.wait().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a child: says a line to the parent.
pub(crate) fn say(what: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "@{what}");
    let _ = out.flush();
}

/// In a child: the next order; none when the parent has no more.
pub(crate) fn next_order() -> Option<String> {
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).unwrap();
    (read > 0).then(|| line.trim_end().to_owned())
}

/// No test of its own: what a child runs.
#[test]
fn the_part_of_a_child() {
    let Ok(part) = std::env::var(PART) else { return };
    let words: Vec<&str> = part.split(' ').collect();
    let code = match words[0] {
        #[cfg(unix)]
        "signals" => crate::signals::play(&words[1..]),
        "beats" => crate::heartbeat::play(&words[1..]),
        "watchdog" => crate::watchdog::play(),
        #[cfg(unix)]
        "reload" => crate::reload::play(&words[1..]),
        #[cfg(unix)]
        "service" => crate::service::play(&words[1..]),
        #[cfg(unix)]
        "systemd" => crate::systemd::play(),
        #[cfg(unix)]
        "systemd_unheard" => crate::systemd::play_unheard(),
        other => panic!("there is no part {other}"),
    };
    std::process::exit(code.into());
}
