//! The commands of a monitor: which to run, and the one that runs.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rotapool_core::{CommandEnd, CommandReport, Edge};

use crate::drive::shared::Shared;
use crate::lifecycle::command::RecoveryCommand;

type Running = Pin<Box<dyn Future<Output = CommandReport> + Send>>;

#[derive(Default)]
pub(super) struct Commands {
    all: Vec<(Edge, RecoveryCommand)>,
    running: Option<Running>,
    /// Those of the same turn that have yet to come.
    next: VecDeque<Running>,
}

impl Commands {
    pub(super) fn add(&mut self, edge: Edge, command: RecoveryCommand) {
        self.all.push((edge, command));
    }

    /// The pool has turned: its commands are run one after the other, unless those of an earlier turn still are.
    pub(super) fn turn<T>(&mut self, edge: Edge, shared: &Shared<T>) {
        let of_turn = self.all.iter().filter(|(of, _)| *of == edge).map(|(_, command)| command);
        if self.running.is_none() && self.next.is_empty() {
            let runtime = || Arc::clone(&shared.runtime);
            self.next = of_turn
                .map(|command| Box::pin(command.clone().run(edge, runtime())) as _)
                .collect();
            return;
        }
        for command in of_turn {
            let busy =
                CommandReport::new(command.program(), edge, CommandEnd::Busy, Duration::ZERO);
            tell(shared, busy);
        }
    }

    /// Drives what runs, and tells what became of it.
    pub(super) fn drive<T>(&mut self, shared: &Shared<T>, task: &mut Context<'_>) {
        while let Some(mut running) = self.running.take().or_else(|| self.next.pop_front()) {
            match running.as_mut().poll(task) {
                Poll::Ready(report) => tell(shared, report),
                Poll::Pending => {
                    self.running = Some(running);
                    return;
                }
            }
        }
    }
}

fn tell<T>(shared: &Shared<T>, report: CommandReport) {
    let now = shared.runtime.now();
    shared.with(|locked| locked.state.tell_command(report, now));
}
