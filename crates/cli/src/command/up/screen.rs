//! What a person sees of a running system: a line per thing that starts or stops, the table, the log
//! with names in colour. With `--json` an object per line.

use std::time::{Duration, Instant};

use crate::args::Args;
use crate::output::{Output, Tone, columns};
use crate::supervise::board::{Board, Event, Line, Seen, State};

/// Where it is shown.
pub(super) struct Screen<'a> {
    pub(super) output: &'a Output,
    begun: Instant,
}

impl<'a> Screen<'a> {
    pub(super) fn new(output: &'a Output, begun: Instant) -> Self {
        Self { output, begun }
    }

    /// One more thing is done.
    pub(super) fn tick(&self, what: &str, text: &str, took: Duration) {
        if self.output.json {
            self.json(&serde_json::json!({ "event": what, "text": text, "ms": ms(took) }));
        } else {
            tick(self.output, what, text, took);
        }
    }

    /// Everything answers.
    pub(super) fn ready(
        &self,
        args: &Args,
        board: &Board,
        stores: &[(String, String)],
        console: Option<(&str, Option<&str>)>,
        loads: bool,
    ) {
        let (console, operator) = console.unzip();
        let operator = operator.flatten();
        let snapshot = board.snapshot();
        if self.output.json {
            self.json(&serde_json::json!({ "event": "ready", "ms": ms(self.begun.elapsed()), "programs": snapshot.programs, "console": console, "operator": operator }));
            return;
        }
        let ready = format!("● ready in {:.1} s", self.begun.elapsed().as_secs_f64());
        self.output
            .line(&format!("\n{}\n", self.output.paint(Tone::Good, &ready)));
        self.table(&snapshot.programs, stores);
        if let Some(address) = operator.or(console) {
            let may = match operator {
                Some(_) => "all of it in a browser; who has this address may act",
                None => "all of it in a browser; it only shows",
            };
            self.output.line(&format!(
                "\n{}   {address}   {}",
                self.output.paint(Tone::Strong, "Console"),
                self.output.paint(Tone::Dim, may)
            ));
        }
        let first = snapshot.programs.iter().find(|seen| !seen.url.is_empty());
        let service = first.map_or("SERVICE", |seen| seen.name.as_str());
        let shell = format!("db {service}");
        let commands = [
            ("load", "orders, at 66,000 an hour"),
            (shell.as_str(), "its database, in the engine's own shell"),
            ("down", "stop everything, keep the data"),
        ];
        // Without a load program the first would only say so.
        try_next(args, self.output, &commands[usize::from(!loads)..]);
        self.output.line(&format!(
            "\n{}   {}\n",
            self.output.paint(Tone::Strong, "Log"),
            self.output
                .paint(Tone::Dim, "all programs; Ctrl-C stops everything in order")
        ));
    }

    fn table(&self, programs: &[Seen], stores: &[(String, String)]) {
        let head = ["program", "state", "store", "address"].map(str::to_owned);
        let row = |seen: &Seen| {
            let store = stores.iter().find(|(name, _)| *name == seen.name);
            vec![
                seen.name.clone(),
                shown(&seen.state).1,
                store.map_or("–".to_owned(), |(_, store)| store.clone()),
                seen.url.clone(),
            ]
        };
        let rows: Vec<_> = std::iter::once(head.to_vec())
            .chain(programs.iter().map(row))
            .collect();
        let lines = columns(self.output, &rows, |row, column| match (row, column) {
            (0, _) => Tone::Dim,
            (_, 0) => Tone::Strong,
            (row, 1) => shown(&programs[row - 1].state).0,
            _ => Tone::Plain,
        });
        for line in lines {
            self.output.line(&line);
        }
    }

    /// Something happened.
    pub(super) fn event(&self, board: &Board, event: &Event) {
        match event {
            Event::Line(line) => self.line(board, line),
            Event::State(seen) if self.output.json => {
                self.json(&serde_json::json!({ "event": "state", "program": seen }));
            }
            Event::State(_) => {}
        }
    }

    /// A line of a log.
    pub(super) fn line(&self, board: &Board, line: &Line) {
        if self.output.json {
            self.json(&serde_json::json!({ "event": "log", "line": line }));
            return;
        }
        let programs = board.snapshot_names();
        let at = programs.iter().position(|name| *name == line.program);
        let width = programs.iter().map(String::len).max().unwrap_or(0);
        let name = format!("{:width$}", line.program);
        self.output.line(&format!(
            "{}  {}  {}",
            self.output.paint(Tone::Dim, &clock(line.at_ms)),
            self.output
                .paint(at.map_or(Tone::Strong, Tone::Name), &name),
            line.text
        ));
    }

    fn json(&self, value: &serde_json::Value) {
        self.output.line(&value.to_string());
    }
}

/// `✓ servers    main PostgreSQL 17.2 :41532     3.1 s`
pub(super) fn tick(output: &Output, what: &str, text: &str, took: Duration) {
    let tick = output.paint(Tone::Good, "✓");
    let what = output.paint(Tone::Strong, &format!("{what:10}"));
    output.line(&format!(
        "{tick} {what} {text:<78} {:>6.1} s",
        took.as_secs_f64()
    ));
}

/// Three commands, as they have to be typed here.
pub(super) fn try_next(args: &Args, output: &Output, commands: &[(&str, &str)]) {
    let directory = args
        .directory
        .as_ref()
        .map(|folder| format!(" -C {}", folder.display()))
        .unwrap_or_default();
    let servers = args.servers.as_deref().unwrap_or("embedded");
    output.line("");
    output.line(&output.paint(Tone::Strong, "Try next"));
    for (command, what) in commands {
        // These find the running system by themselves.
        let servers = match *command {
            "load" | "down" => String::new(),
            _ => format!(" --servers {servers}"),
        };
        let command = format!("freehold{directory} {command}{servers}");
        output.line(&format!("{command:<64}  {}", output.paint(Tone::Dim, what)));
    }
}

fn shown(state: &State) -> (Tone, String) {
    match state {
        State::Up => (Tone::Good, "● up".to_owned()),
        State::Starting => (Tone::Plain, "◔ starts".to_owned()),
        State::Unwell(_) => (Tone::Bad, "◆ unwell".to_owned()),
        State::Ended(_) => (Tone::Bad, "◆ ended".to_owned()),
        State::Stopped => (Tone::Dim, "○ stopped".to_owned()),
    }
}

/// Of the day, UTC: `14:14:06.117`.
fn clock(at_ms: u64) -> String {
    let (seconds, ms) = (at_ms / 1000, at_ms % 1000);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{ms:03}")
}

fn ms(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_as_a_clock_shows_it() {
        assert_eq!(clock(0), "00:00:00.000");
        assert_eq!(clock(86_400_000 + 51_246_117), "14:14:06.117");
    }
}
