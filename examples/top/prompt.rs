//! What an operator types below the frame: a line each, and what came of it.

use std::io;
use std::thread;

use rotapool::Pool;
use tokio::sync::mpsc::{Receiver, channel};

use crate::acts::{ACTS, Asked};

pub(crate) const HELP: &str = "type an act and enter: help shows them, q leaves";

/// The lines that are typed, read on a thread, for a terminal cannot be waited for otherwise.
pub(crate) fn lines() -> Receiver<String> {
    let (typed, lines) = channel(1);
    thread::spawn(move || {
        let typed_all = io::stdin().lines().map_while(Result::ok);
        typed_all.map(|line| typed.blocking_send(line)).find(Result::is_err)
    });
    lines
}

/// Does what a line says; answers what came of it.
pub(crate) fn obey<T>(line: &str, pool: &Pool<T>) -> String {
    match line {
        "" => HELP.to_owned(),
        "help" => ACTS.to_owned(),
        line => match asked(line).done_to(pool) {
            Ok(done) => format!("{line}: {done}"),
            Err(refused) => format!("{line}: {refused}"),
        },
    }
}

/// `park ID TIME [REASON]`, and the like. A time is one word here: `5m`, `1h30m`; an id of several is quoted.
fn asked(line: &str) -> Asked {
    let (act, rest) = word(line);
    let (id, rest) = match rest.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
        Some((id, rest)) => (id, rest.trim_start()),
        None => word(rest),
    };
    let (period, reason) = word(rest);
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Asked { act: act.to_owned(), id: said(id), period: said(period), reason: said(reason) }
}

/// The first word, and the rest.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

#[cfg(test)]
mod tests {
    use rotapool::testing::VirtualTime;
    use rotapool::{Resource, Status};

    use super::*;

    #[test]
    fn an_operator_steers_by_words_and_hears_what_came_of_them() {
        let time = VirtualTime::new();
        let resources = ["key-1", "key-2", "a key/3"].map(|id| Resource::new(id, ()));
        let pool = Pool::builder().resources(resources).runtime(time.clock()).build().unwrap();
        let operator = pool.admin("top");
        let said = |line: &str| obey(line, &operator);
        assert_eq!(
            said("park key-1 1h30m invoice unpaid"),
            "park key-1 1h30m invoice unpaid: parked for 1h 30m"
        );
        let explained = pool.explain().to_string();
        assert!(explained.contains("parked by top: invoice unpaid"), "{explained}");
        assert_eq!(said("unpark key-1"), "unpark key-1: unparked");
        assert_eq!(said("disable key-1"), "disable key-1: disabled");
        assert_eq!(pool.snapshot()[0].status, Status::Disabled);
        assert_eq!(said("enable key-1"), "enable key-1: enabled");
        assert_eq!(said("reset key-1"), "reset key-1: reset");
        assert_eq!(said("park \"a key/3\" 5m"), "park \"a key/3\" 5m: parked for 5m");
        assert_eq!(said("rotate"), "rotate: parked key-1; key-2 takes over");
    }

    #[test]
    fn what_cannot_be_done_says_what_can() {
        let pool = Pool::builder().resource(Resource::new("key-1", ())).build().unwrap();
        for (line, what) in [
            ("", "help"),
            ("help", "park ID TIME"),
            ("explode", "there are park ID TIME"),
            ("park", "`for` says how long"),
            ("park key-1 soon", "`for` says how long"),
            ("park key-1 0s", "more than zero"),
            ("reset", "the id is missing"),
            ("reset key-7", "key-7"),
            ("rotate", "none to rotate to"),
        ] {
            let said = obey(line, &pool);
            assert!(said.contains(what), "{line}: {said}");
        }
    }
}
