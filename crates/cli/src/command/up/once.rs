//! `up --once`: the demonstration, while everything else is kept running.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::exercise::{self, Exercise};
use super::running::{LAST_LINES, LOOK, Running, interrupted, next};
use super::screen::Screen;
use super::{Result, absolute};
use crate::Outcome;

impl Running {
    /// The demonstration: its lines are the show; the log follows only when it failed.
    pub(super) async fn once(&mut self, screen: &Screen<'_>) -> Result<Outcome> {
        let command = exercise::named(&self.context.system.exercises.once, "once");
        let command = command.map_err(|fault| vec![fault])?;
        let root = absolute(self.context.root.clone());
        let exercise = Exercise {
            urls: self.urls.clone(),
            state: &self.state,
            root: &root,
        };
        let mut child = exercise
            .command(command, &[])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| vec![exercise::not_started(command, &error)])?;
        let mut lines = child.stdout.take().map(|out| BufReader::new(out).lines());
        let mut interrupted = std::pin::pin!(interrupted());
        let mut look = tokio::time::interval(LOOK);
        let status = loop {
            tokio::select! {
                line = next_line(&mut lines) => screen.output.line(&line),
                status = child.wait() => break status,
                asked = next(&mut self.control) => if let Some((order, back)) = asked
                    && self.obey(&order, back) {
                        return Ok(Outcome::Exit(1));
                },
                _ = look.tick() => self.heal().await,
                () = &mut interrupted => return Ok(Outcome::Exit(1)),
            }
        };
        while let Some(out) = &mut lines
            && let Ok(Some(line)) = out.next_line().await
        {
            screen.output.line(&line);
        }
        if status.is_ok_and(|status| status.success()) {
            return Ok(Outcome::Done);
        }
        let log = self.board.snapshot().log;
        screen.output.line("");
        for line in &log[log.len().saturating_sub(LAST_LINES * 3)..] {
            screen.line(&self.board, line);
        }
        Ok(Outcome::Findings)
    }
}

async fn next_line(
    lines: &mut Option<tokio::io::Lines<BufReader<tokio::process::ChildStdout>>>,
) -> String {
    if let Some(out) = lines
        && let Ok(Some(line)) = out.next_line().await
    {
        return line;
    }
    *lines = None;
    std::future::pending().await
}
