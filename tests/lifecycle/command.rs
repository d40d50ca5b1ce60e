//! Commands that a monitor runs: real processes.

use std::fs;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::{Either, select};
use rotapool::lifecycle::{CommandError, RecoveryCommand};
use rotapool::{CommandEnd, CommandReport, Edge, Event, Events, Monitor, Pool, Resource};

use crate::directory::Directory;

fn pool() -> Pool<()> {
    Pool::builder().resource(Resource::new("a", ())).build().unwrap()
}

/// Drives the monitor until it has told of a command.
fn next_report(monitor: &mut Monitor<()>, events: &mut Events) -> CommandReport {
    let told = pin!(async {
        loop {
            if let Event::CommandEnded { report, .. } =
                events.next().await.expect("the pool is there")
            {
                return (*report).clone();
            }
        }
    });
    match block_on(select(told, monitor)) {
        Either::Left((report, _)) => report,
        Either::Right(_) => panic!("the pool is there"),
    }
}

/// Has the pool turn, and the command run for it.
fn play(command: RecoveryCommand) -> CommandReport {
    let pool = pool();
    let mut events = pool.events();
    let mut monitor = pool.monitor().on_exhausted_run(command);
    pool.disable("a").unwrap();
    next_report(&mut monitor, &mut events)
}

fn command(program: &str, arguments: &[&str]) -> RecoveryCommand {
    RecoveryCommand::new(program, arguments).unwrap()
}

fn shell(script: &str) -> RecoveryCommand {
    command("/bin/sh", &["-c", script])
}

#[test]
fn arguments_arrive_as_they_are_and_no_shell_sees_them() {
    let report = play(command("/bin/echo", &["$HOME", "; exit 7", "*", "a b", "{id}"]));
    assert_eq!(report.end, CommandEnd::Exited(0));
    assert_eq!(&*report.output, "$HOME ; exit 7 * a b {id}\n");
    assert_eq!(
        (&*report.program, report.edge, report.is_cut),
        ("/bin/echo", Edge::Exhausted, false)
    );
}

#[test]
fn the_environment_is_empty_but_for_what_was_set_unless_it_is_inherited() {
    assert_eq!(&*play(command("/usr/bin/env", &[])).output, "");
    let set = command("/usr/bin/env", &[]).env("A", "1").unwrap();
    assert_eq!(&*play(set).output, "A=1\n");
    let inherits = command("/usr/bin/env", &[]).inherit_environment().env("A", "1").unwrap();
    let output = play(inherits).output;
    assert!(output.contains("PATH=") && output.contains("A=1"), "{output}");
}

#[test]
fn it_runs_where_it_is_told_to() {
    let directory = Directory::new();
    let place = fs::canonicalize(directory.path()).unwrap();
    let report = play(command("/bin/pwd", &[]).directory(&place).unwrap());
    assert_eq!(report.output.trim_end(), place.to_str().unwrap());
}

#[test]
fn how_it_ended_is_told() {
    assert_eq!(play(shell("exit 3")).end, CommandEnd::Exited(3));
    assert_eq!(play(shell("kill -9 $$")).end, CommandEnd::Signalled(9));
    let report = play(command("/nowhere/at-all", &[]));
    assert!(
        matches!(&report.end, CommandEnd::NotRun(why) if why.contains("No such file")),
        "{report}"
    );
    assert!(!report.is_good());
    let report = play(command("/bin/true", &[]).directory("/nowhere/at-all").unwrap());
    assert!(matches!(report.end, CommandEnd::NotRun(_)), "{report}");
    let both = play(shell("echo out; echo err >&2"));
    assert_eq!(&*both.output, "out\nerr\n");
}

#[test]
fn one_that_takes_too_long_is_killed() {
    let began = Instant::now();
    let limit = Duration::from_millis(300);
    let report = play(shell("echo $$; exec sleep 60").limit(limit).unwrap());
    assert_eq!(report.end, CommandEnd::TimedOut);
    assert!(report.took >= limit && began.elapsed() < Duration::from_secs(20), "{report}");
    wait_for_the_end_of(&report.output);
}

fn wait_for_the_end_of(pid: &str) {
    let began = Instant::now();
    let line = format!("/proc/{}/cmdline", pid.trim());
    while fs::read_to_string(&line).is_ok_and(|line| !line.is_empty()) {
        assert!(began.elapsed() < Duration::from_secs(20), "it lives on");
        std::thread::yield_now();
    }
}

#[test]
fn what_it_has_started_is_killed_with_it_and_what_it_left_when_it_ended_goes_on() {
    let report = play(shell("sleep 60 & echo $!; wait").limit(Duration::from_millis(300)).unwrap());
    assert_eq!(report.end, CommandEnd::TimedOut);
    wait_for_the_end_of(&report.output);
    let left = play(shell("sleep 60 > /dev/null 2>&1 & echo $!"));
    assert_eq!(left.end, CommandEnd::Exited(0));
    let pid = left.output.trim();
    let killed = std::process::Command::new("/bin/kill").arg(pid).status().unwrap();
    assert!(killed.success(), "it went on");
}

#[test]
fn of_its_output_the_beginning_is_kept_and_it_never_waits_for_a_reader() {
    let report = play(shell("yes | head -c 3000000; yes no | head -c 3000000 >&2").most_output(6));
    assert_eq!(report.end, CommandEnd::Exited(0));
    assert_eq!((&*report.output, report.is_cut), ("y\ny\ny\nno\nno\n", true));
    for (script, cut) in [("echo much", true), ("echo much >&2", true), ("echo 12345", false)] {
        assert_eq!(
            play(shell(script).most_output(if cut { 4 } else { 6 })).is_cut,
            cut,
            "{script}"
        );
    }
}

#[test]
fn who_it_leaves_behind_with_its_output_open_is_not_waited_for() {
    let began = Instant::now();
    let report = play(shell("sleep 30 & echo started"));
    assert_eq!((&report.end, &*report.output), (&CommandEnd::Exited(0), "started\n"));
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn it_runs_as_whom_it_is_told_to_or_not_at_all() {
    let whoami = |report: &CommandReport| report.output.trim().to_owned();
    let id = |flag: &str| command("/usr/bin/id", &[flag]);
    if whoami(&play(id("-u"))) == "0" {
        for (flag, expected) in [("-u", "10000"), ("-g", "10001"), ("-G", "10001")] {
            let report = play(id(flag).run_as(10_000, 10_001));
            assert_eq!(
                (report.end.clone(), whoami(&report).as_str()),
                (CommandEnd::Exited(0), expected)
            );
        }
    } else {
        let report = play(id("-u").run_as(0, 0));
        assert!(matches!(report.end, CommandEnd::NotRun(_)), "{report}");
    }
}

#[test]
fn one_runs_at_a_time_and_a_turn_meanwhile_gets_none() {
    let pool = pool();
    let mut events = pool.events();
    let directory = Directory::new();
    let gate = directory.file("gate");
    let waits = format!("while [ ! -e {} ]; do /bin/sleep 0.02; done; echo over", gate.display());
    let mut monitor = pool
        .monitor()
        .on_exhausted_run(shell(&waits))
        .on_exhausted_run(shell("echo second"))
        .on_recovered_run(command("/bin/echo", &["up"]));
    pool.disable("a").unwrap();
    assert!(futures::FutureExt::now_or_never(&mut monitor).is_none());
    pool.enable("a").unwrap();
    let busy = next_report(&mut monitor, &mut events);
    assert_eq!(
        (busy.end, busy.edge, &*busy.program),
        (CommandEnd::Busy, Edge::Recovered, "/bin/echo")
    );
    fs::write(&gate, "").unwrap();
    let outputs = [(); 2].map(|()| next_report(&mut monitor, &mut events).output);
    assert_eq!(outputs.map(|output| output.to_string()), ["over\n", "second\n"]);
    pool.disable("a").unwrap();
    let again = next_report(&mut monitor, &mut events);
    assert_eq!((again.end, &*again.output), (CommandEnd::Exited(0), "over\n"));
}

#[test]
fn of_two_turns_in_one_breath_the_earlier_has_its_commands_run() {
    let pool = pool();
    let mut events = pool.events();
    let mut monitor =
        pool.monitor().on_exhausted_run(shell("echo down")).on_recovered_run(shell("echo up"));
    assert!(futures::FutureExt::now_or_never(&mut monitor).is_none());
    pool.disable("a").unwrap();
    pool.enable("a").unwrap();
    let busy = next_report(&mut monitor, &mut events);
    assert_eq!((busy.end, busy.edge), (CommandEnd::Busy, Edge::Recovered));
    assert_eq!(&*next_report(&mut monitor, &mut events).output, "down\n");
}

#[test]
fn a_monitor_that_is_dropped_takes_its_command_with_it() {
    let pool = pool();
    let directory = Directory::new();
    let marker = directory.file("pid");
    let script = format!("echo $$ > {}; exec sleep 60", marker.display());
    let mut monitor = pool.monitor().on_exhausted_run(shell(&script));
    pool.disable("a").unwrap();
    let began = Instant::now();
    let pid = loop {
        let _ = futures::FutureExt::now_or_never(&mut monitor);
        match fs::read_to_string(&marker) {
            Ok(pid) if pid.ends_with('\n') => break pid,
            _ => assert!(began.elapsed() < Duration::from_secs(20)),
        }
    };
    drop(monitor);
    wait_for_the_end_of(&pid);
}

#[test]
fn what_cannot_be_run_is_turned_away_at_the_door() {
    let none: [&str; 0] = [];
    let relative = RecoveryCommand::new("rotate", none).unwrap_err();
    assert_eq!(relative.to_string(), "the program `rotate` of a command is no absolute path");
    assert_eq!(
        RecoveryCommand::new("", none).unwrap_err(),
        CommandError::NotAbsolute { program: "".into() }
    );
    assert_eq!(RecoveryCommand::new("/bin/a\0b", none).unwrap_err(), CommandError::Nul);
    assert_eq!(RecoveryCommand::new("/bin/a", ["\0"]).unwrap_err(), CommandError::Nul);
    let fine = || command("/bin/a", &["sk-aaa"]).env("KEY", "sk-aaa").unwrap();
    assert_eq!(fine().directory("/\0").unwrap_err(), CommandError::Nul);
    assert_eq!(fine().limit(Duration::ZERO).unwrap_err(), CommandError::ZeroLimit);
    for name in ["", "A=B"] {
        let refused = fine().env(name, "1").unwrap_err();
        assert_eq!(refused, CommandError::BadVariable { name: name.into() });
    }
    assert!(!format!("{:?}", fine()).contains("sk-aaa"));
}
