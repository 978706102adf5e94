//! What a person sees of a running system in a terminal, drawn anew from the table down: services, what
//! needs a person with its command, the newest lines of all logs. Made of the same moment as the
//! console's pages, so that both say the same.
//!
//! [`frame`] is pure; drawing is only done on a terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _, stdout};
use std::time::{Duration, Instant};

use freehold_console::Moment;
use freehold_console::moment::{Attention, LogLine, SagaState, Service};
use freehold_look::{Shape, clock, spans};

use crate::output::{Output, Tone, columns};

/// Not more often, however much happens.
const PAUSE: Duration = Duration::from_millis(250);
/// What needs a person, and lines of logs.
const MOST_WANTS: usize = 5;
const MOST_LINES: usize = 12;
/// From here on the store fits into the table.
const WIDE: usize = 100;

/// The lower part of the terminal.
#[derive(Default)]
pub(super) struct Live {
    /// Lines that were drawn, and the terminal's size then.
    drawn: usize,
    size: (usize, usize),
    last: Option<Instant>,
}

impl Live {
    /// Is there a terminal to draw on?
    pub(super) fn possible(output: &Output) -> bool {
        !output.json
            && stdout().is_terminal()
            && std::env::var_os("TERM").is_none_or(|own| own != "dumb")
    }

    /// Draws what is now, unless it was drawn just before.
    pub(super) fn draw(&mut self, moment: &Moment, output: &Output) {
        if self.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        self.last = Some(Instant::now());
        let size = terminal_size::terminal_size_of(stdout());
        let (width, height) = size.map_or((80, 24), |(width, height)| {
            (usize::from(width.0).max(40), usize::from(height.0).max(10))
        });
        let lines = frame(moment, (width.min(140), height - 1), output);
        let mut text = String::new();
        if self.drawn > 0 && self.size == (width, height) {
            let _ = write!(text, "\u{1b}[{}F\u{1b}[J", self.drawn);
        } else if self.drawn > 0 {
            // Another width broke the lines elsewhere.
            text.push_str("\u{1b}[2J\u{1b}[H");
        }
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        (self.drawn, self.size) = (lines.len(), (width, height));
        let mut out = stdout().lock();
        // A terminal that is gone is nobody's loss.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// All lines, not more than `height`, none longer than `width`.
fn frame(moment: &Moment, (width, height): (usize, usize), output: &Output) -> Vec<String> {
    let rule = output.paint(Tone::Dim, &"─".repeat(width));
    let mut lines = vec![rule.clone()];
    lines.extend(table(moment, width, output));
    lines.push(String::new());
    lines.push(figures(moment, output));
    let wants = moment.attention();
    if !wants.is_empty() {
        lines.push(String::new());
        lines.push(output.paint(Tone::Strong, "Needs attention"));
        lines.extend(
            wants
                .iter()
                .take(MOST_WANTS)
                .map(|own| want(own, moment.at, width, output)),
        );
        if wants.len() > MOST_WANTS {
            let more = format!("and {} more, on the console", wants.len() - MOST_WANTS);
            lines.push(output.paint(Tone::Dim, &more));
        }
    }
    let foot = 2;
    let room = height
        .saturating_sub(lines.len() + foot + 2)
        .min(MOST_LINES);
    if room > 0 {
        let names: Vec<&str> = moment
            .services
            .iter()
            .map(|own| own.name.as_str())
            .collect();
        lines.push(String::new());
        lines.push(format!(
            "{}  {}",
            output.paint(Tone::Strong, "Log"),
            output.paint(Tone::Dim, "all programs")
        ));
        let newest = &moment.logs[moment.logs.len().saturating_sub(room)..];
        lines.extend(newest.iter().map(|own| log(own, &names, width, output)));
    }
    lines.push(rule);
    lines.push(format!(
        "{} {}",
        output.paint(Tone::Strong, "ctrl-c"),
        output.paint(Tone::Dim, "stop in order")
    ));
    lines.truncate(height);
    lines
}

fn table(moment: &Moment, width: usize, output: &Output) -> Vec<String> {
    let head = [
        "service", "state", "store", "req/s", "p99", "fresh", "sagas",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut shapes = vec![Shape::Well];
    for own in &moment.services {
        let parked: u64 = moment
            .kept_by(&own.name)
            .map(|(_, own)| own.parked_keys)
            .sum();
        let shape = own.shape(parked);
        shapes.push(shape);
        rows.push(row(own, shape, parked, moment));
    }
    if width < WIDE {
        for row in &mut rows {
            row.remove(2);
            row.truncate(5);
        }
    }
    columns(output, &rows, |row, column| match (row, column) {
        (0, _) => Tone::Dim,
        (_, 0) => Tone::Strong,
        (row, 1) => tone(shapes[row]),
        _ => Tone::Plain,
    })
}

fn row(own: &Service, shape: Shape, parked: u64, moment: &Moment) -> Vec<String> {
    let program = own.program.as_ref();
    let none = || "–".to_owned();
    let store = own.stores.first();
    let kept = moment
        .kept_by(&own.name)
        .filter_map(|(_, own)| own.fresh_ms);
    let (count, worst) = kept.fold((0, 0.0), |(n, worst): (u32, f64), own| {
        (n + 1, worst.max(own))
    });
    let state = match shape {
        Shape::Differs => "drift".to_owned(),
        Shape::Parked => format!("{parked} waiting"),
        _ => own.health.word().to_owned(),
    };
    let of = |state: SagaState| {
        let all = moment.instances.iter();
        all.filter(|it| it.service == own.name && it.state == state)
            .count()
    };
    let sagas = match (of(SagaState::Running), of(SagaState::Parked)) {
        (0, 0) => none(),
        (running, 0) => format!("{running} running"),
        (running, parked) => format!("{running} running, {parked} parked"),
    };
    vec![
        own.name.clone(),
        format!("{} {state}", shape.glyph()),
        store.map_or_else(none, |own| format!("{} {}", own.engine, own.place())),
        program
            .and_then(|own| own.requests_per_second)
            .map_or_else(none, |n| format!("{n:.1}")),
        program
            .and_then(|own| own.p99_ms)
            .map_or_else(none, clock::took),
        match count {
            0 => none(),
            1 => format!("1 copy, {}", clock::took(worst)),
            n => format!("{n} copies, {}", clock::took(worst)),
        },
        sagas,
    ]
}

fn figures(moment: &Moment, output: &Output) -> String {
    let strong = |text: &str| output.paint(Tone::Strong, text);
    let dim = |text: &str| output.paint(Tone::Dim, text);
    let requests = moment.services.iter();
    let requests = requests.filter_map(|own| own.program.as_ref()?.requests_per_second);
    let requests: f64 = requests.sum();
    let mut line = format!(
        "{} {}",
        dim("requests"),
        strong(&format!("{requests:.1}/s"))
    );
    if let Some(own) = moment.worst_reader() {
        let fresh = own.fresh_ms.map(clock::took).unwrap_or_default();
        let slo = own.slo_ms.map(clock::took).unwrap_or_default();
        let _ = write!(
            line,
            "    {} {} {}",
            dim("freshness p99"),
            strong(&fresh),
            dim(&format!("of {slo}, {} in {}", own.copy, own.service))
        );
    }
    line
}

fn want(own: &Attention, now: u64, width: usize, output: &Output) -> String {
    let age = own
        .since
        .map(|since| clock::span(now.saturating_sub(since)));
    let age = age.unwrap_or_default();
    let title = format!("{} {}", own.shape.glyph(), own.title);
    let room = width.saturating_sub(
        title.chars().count() + age.chars().count() + own.command.chars().count() + 6,
    );
    let text = cut(&spans::plain(&own.text), room);
    format!(
        "{}  {}  {}  {}",
        output.paint(tone(own.shape), &title),
        text,
        output.paint(Tone::Dim, &age),
        output.paint(Tone::Strong, &own.command)
    )
}

fn log(own: &LogLine, names: &[&str], width: usize, output: &Output) -> String {
    let at = names.iter().position(|name| *name == own.from);
    let wide = names
        .iter()
        .map(|own| own.len())
        .max()
        .unwrap_or(0)
        .max("sidecars".len());
    let time = clock::time_ms(own.at);
    let room = width.saturating_sub(time.chars().count() + wide + 4);
    format!(
        "{}  {}  {}",
        output.paint(Tone::Dim, &time),
        output.paint(
            at.map_or(Tone::Strong, Tone::Name),
            &format!("{:wide$}", own.from)
        ),
        cut(&own.text, room)
    )
}

fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{kept}…")
}

fn tone(shape: Shape) -> Tone {
    match shape {
        Shape::Well => Tone::Good,
        Shape::Parked | Shape::Differs => Tone::Warn,
        Shape::Failed => Tone::Bad,
        Shape::NotKnown => Tone::Dim,
        Shape::Running | Shape::Compensated => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use freehold_console::moment::{Health, Program};

    use super::*;

    fn moment() -> Moment {
        let service = |name: &str, health| Service {
            name: name.to_owned(),
            health,
            why: "exit status: 1".to_owned(),
            program: Some(Program {
                requests_per_second: Some(61.25),
                p99_ms: Some(18.0),
                ..Program::default()
            }),
            ..Service::default()
        };
        let line = |at: u64| LogLine {
            at,
            from: "orders".to_owned(),
            text: "x".repeat(300),
            ..LogLine::default()
        };
        Moment {
            services: vec![
                service("orders", Health::Up),
                service("payment", Health::Down),
            ],
            logs: (0..100).map(line).collect(),
            ..Moment::default()
        }
    }

    #[test]
    fn it_fits_whatever_the_terminal_is() {
        let output = Output::new(true);
        for (width, height) in [(40, 9), (80, 24), (112, 40), (140, 80)] {
            let lines = frame(&moment(), (width, height), &output);
            assert!(lines.len() <= height, "{width}x{height}: {}", lines.len());
            let log: Vec<_> = lines.iter().filter(|own| own.contains("xxx")).collect();
            assert!(
                log.iter().all(|own| own.chars().count() <= width),
                "{width}"
            );
            assert!(log.len() <= MOST_LINES);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_command() {
        let lines = frame(&moment(), (112, 40), &Output::new(true)).join("\n");
        for said in [
            "● up",
            "◆ down",
            "61.2",
            "payment is down",
            "freehold up",
            "requests 122.5/s",
        ] {
            assert!(lines.contains(said), "{said}: {lines}");
        }
    }
}
