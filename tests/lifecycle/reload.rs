//! The example `reload`: a file that changes below a pool that works.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rotapool::Pool;

use crate::child::{Process, next_order, say};
use crate::directory::Directory;

#[expect(dead_code, reason = "the example plays by itself; here the test does")]
#[path = "../../examples/reload.rs"]
mod example;

const FIRST: &str = r#"
[pools.keys]
max_attempts = 3
[[resources.keys]]
id = "key-1"
max_in_flight = 4
[[resources.keys]]
id = "key-2"
weight = 2.0
[[resources.keys]]
id = "key-3"
"#;

const SECOND: &str = r#"
[shutdown]
deadline = "20s"
[pools.keys]
max_attempts = 5
[[resources.keys]]
id = "key-1"
max_in_flight = 8
[[resources.keys]]
id = "key-2"
weight = 2.0
[[resources.keys]]
id = "key-4"
"#;

const WRONG: &str = r#"
[pools.keys]
max_attempts = 0
retry_delay = 500
[[resources.keys]]
id = "key-1"
max_in_flight = 0
"#;

fn standing(pool: &Pool<String>) -> String {
    let rows = pool.snapshot();
    rows.iter().map(|row| format!("{} {}", row.id, row.status)).collect::<Vec<_>>().join(", ")
}

/// In a child: the example, which says how the pool stands when it is asked.
pub(crate) fn play(words: &[&str]) -> u8 {
    let &[path, millis] = words else { panic!("a path and milliseconds, not {words:?}") };
    let every = Duration::from_millis(millis.parse().unwrap());
    let executor = tokio::runtime::Runtime::new().unwrap();
    executor.block_on(async {
        let reload = example::Reload::begin(Path::new(path)).unwrap();
        let pool = reload.pool().unwrap();
        pool.disable("key-2").unwrap();
        let keeps_up = example::keep_up(reload, pool.clone(), every, |told| {
            told.lines().for_each(say);
            say("-");
        })
        .unwrap();
        let asked = tokio::task::spawn_blocking(move || {
            say(standing(&pool));
            while next_order().is_some() {
                say(standing(&pool));
            }
        });
        tokio::select! {
            never = keeps_up => match never {},
            asked = asked => asked.unwrap(),
        }
    });
    0
}

/// A file as Kubernetes mounts one: a link to a file behind a link to the directory of its version.
struct Mounted(Directory);

impl Mounted {
    fn new(text: &str) -> Self {
        let mounted = Self(Directory::new());
        mounted.change("1", text);
        symlink("..data/service.toml", mounted.path()).unwrap();
        mounted
    }

    fn path(&self) -> PathBuf {
        self.0.file("service.toml")
    }

    /// The new version is put beside the old one, and takes its place in one step.
    fn change(&self, version: &str, text: &str) {
        let directory = self.0.file(version);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("service.toml"), text).unwrap();
        symlink(version, self.0.file("..new")).unwrap();
        fs::rename(self.0.file("..new"), self.0.file("..data")).unwrap();
    }
}

fn starts(path: &Path, every: Duration) -> Process {
    let mut child = Process::start(&format!("reload {} {}", path.display(), every.as_millis()));
    child.must_say("key-1 healthy, key-2 disabled, key-3 healthy");
    child
}

fn told(child: &mut Process) -> Vec<String> {
    std::iter::from_fn(|| child.says().filter(|line| line != "-")).collect()
}

const CHANGED: [&str; 6] = [
    "the file has changed; 1 resources are listed as before",
    "  key-1.max_in_flight      4 > 8",
    "  key-4                    added",
    "  key-3                    removed; what runs on it ends by itself",
    "  pools.keys.max_attempts  3 > 5, from the next start on",
    "  shutdown.deadline        unset > \"20s\", from the next start on",
];

#[test]
fn a_file_that_changes_is_taken_and_nobody_who_stays_forgets_how_it_stood() {
    let mounted = Mounted::new(FIRST);
    let mut child = starts(&mounted.path(), Duration::from_millis(20));
    mounted.change("2", SECOND);
    assert_eq!(told(&mut child), CHANGED);
    child.order("how do they stand?");
    child.must_say("key-1 healthy, key-2 disabled, key-4 healthy");
    // An editor that saves by a rename.
    fs::write(mounted.0.file("saved"), FIRST).unwrap();
    fs::rename(mounted.0.file("saved"), mounted.path()).unwrap();
    let back = told(&mut child);
    assert_eq!(back[1], "  key-1.max_in_flight  8 > 4");
    assert!(!back.concat().contains("next start"), "what is in force is in the file: {back:?}");
    fs::write(mounted.path(), SECOND.replace("weight = 2.0", "weight = 3.0")).unwrap();
    told(&mut child);
    fs::write(mounted.path(), SECOND).unwrap();
    assert_eq!(
        told(&mut child)[1..],
        [
            "  key-2.weight             3.0 > 2.0",
            "  pools.keys.max_attempts  3 > 5, from the next start on",
            "  shutdown.deadline        unset > \"20s\", from the next start on",
        ],
        "what waits for a start is told again at every change"
    );
}

#[test]
fn a_file_that_is_wrong_is_told_with_all_that_is_wrong_and_changes_nothing() {
    let mounted = Mounted::new(FIRST);
    let mut child = starts(&mounted.path(), Duration::from_millis(20));
    mounted.change("2", WRONG);
    let wrong = told(&mut child);
    for path in ["`pools.keys.max_attempts`", "`pools.keys.retry_delay`", "`resources.keys[0]`"] {
        assert!(wrong.iter().any(|line| line.contains(path)), "{path} in {wrong:?}");
    }
    assert_eq!(wrong.last().unwrap(), "all is as it was before");
    fs::remove_file(mounted.path()).unwrap();
    assert!(told(&mut child)[0].contains("No such file"), "and so is one that is gone, once");
    child.order("how do they stand?");
    child.must_say("key-1 healthy, key-2 disabled, key-3 healthy");
    fs::write(mounted.path(), SECOND).unwrap();
    assert_eq!(told(&mut child), CHANGED, "against what was taken last");
}

#[test]
fn hang_up_has_it_look_at_once() {
    let mounted = Mounted::new(FIRST);
    let mut child = starts(&mounted.path(), Duration::from_secs(3600));
    child.signal("HUP");
    assert_eq!(told(&mut child), ["the file is as it was before"]);
    mounted.change("2", SECOND);
    child.signal("HUP");
    assert_eq!(told(&mut child), CHANGED);
}
