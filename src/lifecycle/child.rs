//! A command that runs, and the end of it and of all that it has started.

use std::io;
use std::process::Stdio;

use async_process::{Child, Command};

/// Dropped before it has ended by itself, it is killed: on Unix with everything in its process group, which is its own.
pub(super) struct Running(pub(super) Child);

impl Running {
    pub(super) fn start(mut command: std::process::Command) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        // Dropped, a child is reaped as well.
        let mut command = Command::from(command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).spawn().map(Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Once it was reaped, its number may be somebody else's.
        #[cfg(unix)]
        if let Ok(None) = self.0.try_status() {
            use rustix::process::{Pid, Signal, kill_process_group};
            let group = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
            // It may be gone by now: then there is nobody to kill.
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::KILL);
            }
        }
    }
}
