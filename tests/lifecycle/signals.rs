//! Real processes that are told to go: once, twice, in the middle of a clean-up, under every executor.

use std::fs::File;
use std::future::pending;
use std::sync::mpsc;

use rotapool::lifecycle::{CleanUp, Shutdown, ShutdownEnd, SignalError};

use crate::child::{Process, next_order, say};

/// In a child: a service of one clean-up, under an executor.
pub(crate) fn play(words: &[&str]) -> u8 {
    let &[executor, clean_up] = words else { panic!("an executor and a clean-up, not {words:?}") };
    let shutdown = Shutdown::builder().build().unwrap();
    let clean_up = match clean_up {
        "quick" => CleanUp::new("quick", || async { say("cleaning") }),
        "failing" => CleanUp::new("failing", || async { Err("no such file") }),
        "endless" => CleanUp::new("endless", || async {
            say("cleaning");
            pending::<()>().await;
        }),
        "stuck" => CleanUp::blocking("stuck", || {
            say("cleaning");
            let (_open, never) = mpsc::channel::<()>();
            never.recv().unwrap();
        }),
        "unheard" => return unheard(&shutdown),
        other => panic!("there is no clean-up {other}"),
    };
    shutdown.register(clean_up).unwrap();
    let service = service(&shutdown);
    let end = match executor {
        "tokio" => tokio::runtime::Runtime::new().unwrap().block_on(service),
        "tokio_one" => {
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(service)
        }
        "smol" => smol::block_on(service),
        "async_std" => async_std::task::block_on(service),
        "none" => futures::executor::block_on(service),
        other => panic!("there is no executor {other}"),
    };
    say(&end);
    end.exit_code()
}

/// Listens from the call on: whoever is told of it may send a signal before anybody has polled.
fn service(shutdown: &Shutdown) -> impl Future<Output = ShutdownEnd> + use<> {
    let listening = shutdown.on_signals();
    say("listening");
    let order = next_order().unwrap();
    if order == "trigger" {
        shutdown.trigger();
    }
    async move { listening.await.unwrap() }
}

const EXECUTORS: [&str; 5] = ["tokio", "tokio_one", "smol", "async_std", "none"];

fn start(executor: &str, clean_up: &str) -> Process {
    let mut child = Process::start(&format!("signals {executor} {clean_up}"));
    child.must_say("listening");
    child
}

#[track_caller]
fn expect(child: Process, said: &str, code: i32) {
    let (rest, status) = child.end();
    assert_eq!(rest.len(), 1, "{rest:?}");
    // The times are real.
    let (_, counts) = rest[0].split_once("of 30.0s: ").expect("it reports");
    assert_eq!(counts, said, "{rest:?}");
    assert_eq!(status.code(), Some(code), "{status}");
}

#[test]
fn told_once_it_cleans_up_and_exits_with_0_under_every_executor() {
    for executor in EXECUTORS {
        for signal in ["TERM", "INT"] {
            let mut child = start(executor, "quick");
            child.order("go");
            child.signal(signal);
            child.must_say("cleaning");
            expect(child, "1 of 1 clean-ups done", 0);
        }
    }
}

#[test]
fn told_twice_it_goes_at_once_in_the_middle_of_the_clean_up_under_every_executor() {
    for executor in EXECUTORS {
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let mut child = start(executor, "endless");
            child.order("go");
            child.signal("TERM");
            child.must_say("cleaning");
            child.signal(signal);
            expect(child, "0 of 1 clean-ups done, 1 under way (`endless`)", code);
        }
    }
}

#[test]
fn a_clean_up_that_blocks_does_not_keep_it_from_going() {
    let mut child = start("tokio", "stuck");
    child.order("go");
    child.signal("TERM");
    child.must_say("cleaning");
    child.signal("TERM");
    expect(child, "0 of 1 clean-ups done, 1 under way (`stuck`)", 143);
}

#[test]
fn what_failed_is_seen_in_the_exit_code() {
    let mut child = start("none", "failing");
    child.order("go");
    child.signal("TERM");
    expect(child, "0 of 1 clean-ups done, 1 failed (`failing`)", 1);
}

#[test]
fn a_signal_before_the_first_poll_counts() {
    let mut child = start("none", "quick");
    child.signal("TERM");
    child.order("go");
    child.must_say("cleaning");
    expect(child, "1 of 1 clean-ups done", 0);
}

#[test]
fn a_shutdown_that_somebody_else_triggered_ends_it_too() {
    let mut child = start("none", "quick");
    child.order("trigger");
    child.must_say("cleaning");
    expect(child, "1 of 1 clean-ups done", 0);
}

#[test]
fn the_first_signal_joins_in_such_a_shutdown_and_the_second_ends_it() {
    let mut child = start("none", "endless");
    child.order("trigger");
    child.must_say("cleaning");
    child.signal("INT");
    child.signal("TERM");
    let (rest, status) = child.end();
    // The system may deliver two that wait in either order.
    assert!(matches!(status.code(), Some(130 | 143)), "{status}");
    let signal = if status.code() == Some(130) { "SIGINT" } else { "SIGTERM" };
    assert!(rest[0].starts_with(&format!("cut short by a second signal, {signal}; ")), "{rest:?}");
}

/// In a child: takes all file descriptors and then wants to listen.
fn unheard(shutdown: &Shutdown) -> u8 {
    let mut open = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        open.push(file);
    }
    let heard = futures::executor::block_on(shutdown.on_signals());
    drop(open);
    assert!(!shutdown.token().is_triggered(), "an error is no signal");
    match heard {
        Err(SignalError::Install { .. }) => say("an error"),
        other => say(format_args!("{other:?}")),
    }
    0
}

#[test]
fn handlers_that_cannot_be_installed_are_an_error_and_no_signal() {
    let child = Process::start_with("signals none unheard", |command| {
        let program = command.get_program().to_owned();
        let mut few = std::process::Command::new("sh");
        few.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(program).args(command.get_args());
        few.env("ROTAPOOL_CHILD", "signals none unheard");
        few.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        few.stderr(std::process::Stdio::null());
        *command = few;
    });
    let (said, status) = child.end();
    assert_eq!(said, ["an error"], "{status}");
}
