//! A real notify socket, and a child that was started with its name.

use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{Either, select};
use rotapool::lifecycle::{Systemd, SystemdError};
use rotapool::testing::VirtualTime;
use rotapool::{Pool, Resource};

use crate::child::{Process, say};
use crate::directory::Directory;

/// In a child: a service that is up for 35 s of virtual time and disables its only key after 15.
pub(crate) fn play() -> u8 {
    let Some(systemd) = Systemd::from_env().unwrap() else {
        say("nobody to tell");
        return 0;
    };
    let time = VirtualTime::new();
    let pool =
        Pool::builder().runtime(time.clock()).resource(Resource::new("key-1", ())).build().unwrap();
    systemd.ready().unwrap();
    systemd.status("fine\u{1b}[0m\nWATCHDOG=trigger").unwrap();
    let asked = AtomicUsize::new(0);
    let explained = pool.clone();
    let watch = systemd.watch(time.clock(), move || {
        assert_ne!(asked.fetch_add(1, Ordering::Relaxed), 3, "a status may panic");
        explained.explain().to_string()
    });
    let clock = time.clock();
    let life = async {
        clock.sleep(Duration::from_secs(15)).await;
        pool.disable("key-1").unwrap();
        clock.sleep(Duration::from_secs(20)).await;
    };
    let over = time.block_on(select(Box::pin(watch), Box::pin(life)));
    assert!(matches!(over, Either::Right(_)));
    systemd.stopping().unwrap();
    systemd.stopping().unwrap();
    assert_eq!(systemd.lost(), 0);
    0
}

/// What the manager was told.
fn told(socket: &UnixDatagram) -> Vec<String> {
    socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 4096];
    let mut told = Vec::new();
    while let Ok(length) = socket.recv(&mut buffer) {
        told.push(std::str::from_utf8(&buffer[..length]).unwrap().to_owned());
    }
    told
}

const FINE: &str = "STATUS=next is key-1, by LeastInFlight; 1 resource: 1 eligible\n";
const OUT: &str = "STATUS=nothing to pick; 1 resource: 1 disabled\n";

/// As a unit with `WatchdogSec=20` is started.
fn unit(name: &str) -> Process {
    Process::start_with("systemd", |command| {
        command.env("NOTIFY_SOCKET", name).env("WATCHDOG_USEC", "20000000");
    })
}

fn assert_lived(told: &[String]) {
    assert_eq!(told[0], "READY=1\n");
    assert_eq!(told[1], "STATUS=fine\\u{1b}[0m\n", "it is one line, and no order");
    assert_eq!(told[2], format!("WATCHDOG=1\n{FINE}"));
    assert_eq!(told[3], "WATCHDOG=1\n", "the status has not changed");
    assert_eq!(told[4], format!("WATCHDOG=1\n{OUT}"));
    assert_eq!(told[5], "WATCHDOG=1\n", "the status has panicked");
    assert_eq!(told[6..], ["STOPPING=1\n"], "once");
}

#[test]
fn the_manager_is_told_ready_life_at_half_the_interval_status_and_stopping() {
    let directory = Directory::new();
    let path = directory.file("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let (said, status) = unit(path.to_str().unwrap()).end();
    assert!(status.success(), "{said:?}");
    assert_lived(&told(&socket));
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_socket_is_told_as_well() {
    use std::os::linux::net::SocketAddrExt as _;
    let name = format!("rotapool-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    let (said, status) = unit(&format!("@{name}")).end();
    assert!(status.success(), "{said:?}");
    assert_lived(&told(&socket));
}

#[test]
fn a_process_that_no_manager_started_has_nobody_to_tell() {
    let child = Process::start_with("systemd", |command| {
        command.env_remove("NOTIFY_SOCKET").env("WATCHDOG_USEC", "20000000");
    });
    let (said, status) = child.end();
    assert_eq!(said, ["nobody to tell"]);
    assert!(status.success());
}

/// In a child: whose manager is gone, or does not read.
pub(crate) fn play_unheard() -> u8 {
    let systemd = Systemd::from_env().unwrap().unwrap();
    let mut refused = 0;
    for _ in 0..100_000 {
        match systemd.status("x") {
            Ok(()) => (),
            Err(SystemdError::Send { .. }) => {
                refused += 1;
                break;
            }
            Err(other) => panic!("{other}"),
        }
    }
    say(refused);
    let time = VirtualTime::new();
    let _watch = time.spawn(systemd.watch(time.clock(), String::new));
    time.advance(Duration::from_secs(30));
    say(systemd.lost());
    0
}

#[test]
fn a_manager_that_is_gone_or_does_not_read_is_an_error_and_blocks_nobody() {
    let directory = Directory::new();
    let path = directory.file("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let unheard = || {
        let child = Process::start_with("systemd_unheard", |command| {
            command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "20000000");
        });
        child.end().0
    };
    assert_eq!(unheard(), ["1", "4"], "its queue is full");
    drop(socket);
    assert_eq!(unheard(), ["1", "4"], "it is gone");
}
