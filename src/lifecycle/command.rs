//! A command to run when a pool turns (feature `command`).

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, join, select};
use futures_util::io::{AsyncRead, AsyncReadExt as _};
use rotapool_core::{CommandEnd, CommandReport, Edge, Runtime, after};
use thiserror::Error;

use crate::lifecycle::child::Running;

/// A command that a [`Monitor`](crate::Monitor) runs when its pool turns: one that gets new keys, restarts a tunnel, pages
/// somebody.
///
/// It is a program and its arguments, which no shell sees and in which nothing is replaced. It runs with an
/// **empty environment**, without input, one at a time, and for 30 s at most unless told otherwise. Then it is killed, as it is
/// when its monitor is dropped: on Unix with all that it has started, unless that has left the process group which it is
/// given of its own; elsewhere alone. What it has left running when it ended by itself goes on. What became of it is told as [`Event::CommandEnded`](crate::Event::CommandEnded).
///
/// ```
/// use std::time::Duration;
/// use rotapool::lifecycle::RecoveryCommand;
///
/// let rotate = RecoveryCommand::new("/usr/local/bin/rotate-vpn", ["--region", "eu"])?
///     .env("HOME", "/var/empty")?
///     .limit(Duration::from_secs(20))?;
/// assert!(RecoveryCommand::new("rotate-vpn", [""; 0]).is_err(), "which one that is, `PATH` would say");
/// # Ok::<(), rotapool::lifecycle::CommandError>(())
/// ```
#[derive(Clone)]
pub struct RecoveryCommand {
    program: PathBuf,
    arguments: Vec<OsString>,
    directory: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    inherits: bool,
    #[cfg(unix)]
    runs_as: Option<(u32, u32)>,
    limit: Duration,
    most_output: usize,
}

/// How long the output of a command is read on when it has ended.
const GRACE: Duration = Duration::from_millis(100);

/// Why a command cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// What a relative path is depends on where and by whom it is asked.
    #[error("the program `{}` of a command is no absolute path", program.display())]
    NotAbsolute {
        /// The program.
        program: PathBuf,
    },
    /// The system ends texts with it.
    #[error("a command, its directory or its environment has a NUL in it")]
    Nul,
    /// The name of a variable cannot be empty or have a `=` in it.
    #[error("`{}` cannot be the name of a variable", name.to_string_lossy())]
    BadVariable {
        /// The name.
        name: OsString,
    },
    /// No time at all.
    #[error("the limit of a command is zero; it has to be more")]
    ZeroLimit,
}

impl RecoveryCommand {
    /// A program, by its absolute path, and its arguments.
    ///
    /// # Errors
    ///
    /// A path that is not absolute, or a NUL in it or in an argument.
    pub fn new<I>(program: impl Into<PathBuf>, arguments: I) -> Result<Self, CommandError>
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let program = program.into();
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        if !program.is_absolute() {
            return Err(CommandError::NotAbsolute { program });
        }
        no_nul(program.as_os_str())?;
        arguments.iter().try_for_each(|argument| no_nul(argument))?;
        Ok(Self {
            program,
            arguments,
            directory: None,
            environment: Vec::new(),
            inherits: false,
            #[cfg(unix)]
            runs_as: None,
            limit: Duration::from_secs(30),
            most_output: 16 * 1024,
        })
    }

    /// Where it runs. Where this process does, by default.
    ///
    /// # Errors
    ///
    /// A NUL in it.
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Result<Self, CommandError> {
        no_nul(directory.as_ref().as_os_str())?;
        self.directory = Some(directory.as_ref().to_owned());
        Ok(self)
    }

    /// A variable of its environment, which is empty otherwise.
    ///
    /// # Errors
    ///
    /// A name that is empty or has a `=` in it, or a NUL in either.
    pub fn env(
        mut self,
        name: impl Into<OsString>,
        value: impl Into<OsString>,
    ) -> Result<Self, CommandError> {
        let (name, value) = (name.into(), value.into());
        no_nul(&name)?;
        no_nul(&value)?;
        if name.is_empty() || name.as_encoded_bytes().contains(&b'=') {
            return Err(CommandError::BadVariable { name });
        }
        self.environment.push((name, value));
        Ok(self)
    }

    /// Hands it the environment of this process, with whatever secrets are in there. Off by default.
    #[must_use]
    pub fn inherit_environment(mut self) -> Self {
        self.inherits = true;
        self
    }

    /// Runs it as this user and group, with no other groups (Unix). It takes root to become somebody else; that fails, the
    /// command is not run, and its report says so.
    #[cfg(unix)]
    #[cfg_attr(docsrs, doc(cfg(unix)))]
    #[must_use]
    pub fn run_as(mut self, user: u32, group: u32) -> Self {
        self.runs_as = Some((user, group));
        self
    }

    /// How long it may take. 30 s by default.
    ///
    /// # Errors
    ///
    /// A limit of zero.
    pub fn limit(mut self, limit: Duration) -> Result<Self, CommandError> {
        match limit.is_zero() {
            true => Err(CommandError::ZeroLimit),
            false => {
                self.limit = limit;
                Ok(self)
            }
        }
    }

    /// How many bytes are kept of its standard output, and as many of its standard error. 16 KiB by default. What is
    /// beyond is read and thrown away.
    #[must_use]
    pub fn most_output(mut self, bytes: usize) -> Self {
        self.most_output = bytes;
        self
    }

    pub(crate) fn program(&self) -> Arc<str> {
        self.program.to_string_lossy().into()
    }

    /// Runs it to its end, or to the end of its time.
    pub(crate) async fn run(self, edge: Edge, runtime: Arc<dyn Runtime>) -> CommandReport {
        let began = runtime.now();
        let report = |end| {
            let took = runtime.now().saturating_duration_since(began);
            CommandReport::new(self.program(), edge, end, took)
        };
        let mut running = match self.spawn() {
            Ok(running) => running,
            Err(error) => return report(CommandEnd::NotRun(error.to_string().into())),
        };
        let (mut output, mut errors) = (Kept::new(self.most_output), Kept::new(self.most_output));
        let child = &mut running.0;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = {
            let mut reads = pin!(join(output.read(stdout), errors.read(stderr)));
            let works = async {
                let status = match select(pin!(child.status()), &mut reads).await {
                    Either::Left((status, _)) => status,
                    Either::Right((_, status)) => return status.await,
                };
                // What it wrote is there by now. What it started may hold its output open: this is not waited for.
                let soon = runtime.sleep_until(after(runtime.now(), GRACE));
                select(reads, soon).await;
                status
            };
            let limit = runtime.sleep_until(after(began, self.limit));
            match select(pin!(works), limit).await {
                Either::Left((status, _)) => Some(status),
                Either::Right(_) => None,
            }
        };
        let end = match ended {
            Some(Ok(status)) => end_of(status),
            Some(Err(error)) => CommandEnd::NotRun(error.to_string().into()),
            None => CommandEnd::TimedOut,
        };
        drop(running);
        let is_cut = output.is_cut || errors.is_cut;
        let wrote = [output.kept, errors.kept].concat();
        report(end).with_output(String::from_utf8_lossy(&wrote), is_cut)
    }

    fn spawn(&self) -> io::Result<Running> {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments);
        if !self.inherits {
            command.env_clear();
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        #[cfg(unix)]
        if let Some((user, group)) = self.runs_as {
            use std::os::unix::process::CommandExt as _;
            command.uid(user).gid(group);
        }
        Running::start(command)
    }
}

fn no_nul(text: &OsStr) -> Result<(), CommandError> {
    match text.as_encoded_bytes().contains(&0) {
        true => Err(CommandError::Nul),
        false => Ok(()),
    }
}

fn end_of(status: std::process::ExitStatus) -> CommandEnd {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return CommandEnd::Signalled(signal);
    }
    CommandEnd::Exited(status.code().unwrap_or(-1))
}

/// The beginning of what was written.
struct Kept {
    kept: Vec<u8>,
    most: usize,
    is_cut: bool,
}

impl Kept {
    fn new(most: usize) -> Self {
        Self { kept: Vec::new(), most, is_cut: false }
    }

    /// Reads all there is, so that the writer never has to wait, and keeps the beginning.
    async fn read(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut chunk).await {
            let fits = read.min(self.most - self.kept.len());
            self.kept.extend_from_slice(&chunk[..fits]);
            self.is_cut |= fits < read;
        }
    }
}

/// The arguments and the environment may be secrets.
impl fmt::Debug for RecoveryCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryCommand")
            .field("program", &self.program)
            .field("arguments", &self.arguments.len())
            .field("directory", &self.directory)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
