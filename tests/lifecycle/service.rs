//! The example `service` under load, and told to go.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rotapool::lifecycle::{Heartbeat, Liveness};

use crate::child::{Process, say};
use crate::directory::Directory;

#[expect(dead_code, reason = "the example visits itself; here the test does")]
#[path = "../../examples/service.rs"]
mod example;

/// In a child: the service of the example.
pub(crate) fn play(words: &[&str]) -> u8 {
    let &[beats] = words else { panic!("a path, not {words:?}") };
    let settings = serde_json::from_str(example::SETTINGS).unwrap();
    let executor = tokio::runtime::Runtime::new().unwrap();
    let listening = |address, _| say(address);
    let serving = example::serve_until_told(&settings, Path::new(beats), listening);
    let end = executor.block_on(serving).unwrap();
    say(&end);
    say(example::ADMITTED.load(Ordering::SeqCst));
    end.exit_code()
}

/// One request: whether a whole answer came.
fn ask(address: &str) -> Option<bool> {
    let mut stream = TcpStream::connect(address).ok()?;
    let asked = stream.write_all(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    let read = asked.and_then(|()| stream.read_to_string(&mut answer));
    let whole = answer.starts_with("HTTP/1.1 200") && answer.ends_with('\n');
    assert!(whole || answer.is_empty(), "half an answer: {answer}");
    Some(read.is_ok() && whole)
}

#[test]
fn told_to_go_under_load_it_answers_every_request_that_it_admitted() {
    let directory = Directory::new();
    let beats = directory.file("beats");
    let mut service = Process::start(&format!("service {}", beats.display()));
    let address = service.says().unwrap();
    let answered = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while let Some(whole) = ask(&address) {
                    answered.fetch_add(u64::from(whole), Ordering::SeqCst);
                }
            });
        }
        while answered.load(Ordering::SeqCst) < 300 {
            thread::yield_now();
        }
        let alive = Liveness::within(Duration::from_secs(60)).of_pid(service.id());
        assert_eq!(Heartbeat::is_alive(&beats, alive).unwrap().pools.len(), 1);
        service.signal("TERM");
    });
    let (said, status) = service.end();
    assert_eq!(status.code(), Some(0), "{said:?}");
    let [report, admitted] = &said[..] else { panic!("a report and a number, not {said:?}") };
    assert!(report.contains("3 of 3 clean-ups done"), "{report}");
    assert_eq!(*admitted, answered.into_inner().to_string(), "admitted, and answered");
}
