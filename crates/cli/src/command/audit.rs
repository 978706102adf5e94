//! `freehold audit`: the boundary in a live database, with or without a description.
//!
//! Owns the order: where, look, analyse, compare, show, again. Nothing is written to the server.
//! `place.rs` finds what is to be audited and what is known of it, `described.rs` holds a described
//! system against its servers, `kept.rs` reads audits that were kept, `metrics.rs` says it to
//! Prometheus.

mod described;
mod kept;
mod metrics;
mod place;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use freehold_boundary::audit::report::{
    Report, SystemReport, Terminal, Verdict, html, html_of_system, terminal, terminal_of_system,
};
use freehold_boundary::audit::{Known, analyse};
use freehold_boundary::report::Tone;
use freehold_engine::audit::Limits;
use freehold_model::Fault;

use super::Result;
use crate::Outcome;
use crate::args::{Args, AuditArgs};
use crate::output::Output;
pub(super) use described::{Described, after_migrations};
use place::Place;

const BOUNDARIES: &str = "boundaries.yaml";

pub(crate) async fn run(args: &Args, wanted: &AuditArgs, output: &Output) -> Result<Outcome> {
    match &wanted.url {
        Some(url) => one(args, wanted, url, output).await,
        None => whole(args, wanted, output).await,
    }
}

/// An audit of one database that was kept.
pub(super) fn kept(file: &Path) -> Result<Report> {
    kept::one(file)
}

/// A described system, all its stores.
async fn whole(args: &Args, wanted: &AuditArgs, output: &Output) -> Result<Outcome> {
    let baseline = match &wanted.baseline {
        Some(file) => Some(kept::system(file)?),
        None => None,
    };
    let kept = kept::systems(&wanted.earlier)?;
    let described = Described::load(args, wanted).await?;
    let mut report = kept::with_past(described.look(wanted.budget).await?, &kept);
    show(&report, wanted, output)?;
    if let Some(seconds) = wanted.watch {
        let look = async || described.look(wanted.budget).await;
        return watch(&mut report, wanted, seconds, look, output).await;
    }
    let open = match &baseline {
        Some(baseline) => !kept::is_no_worse(&report, baseline),
        None => report.verdict() != Verdict::Closed,
    };
    Ok(outcome(open))
}

fn outcome(open: bool) -> Outcome {
    if open {
        Outcome::Findings
    } else {
        Outcome::Done
    }
}

/// One database, described or not.
async fn one(args: &Args, wanted: &AuditArgs, url: &str, output: &Output) -> Result<Outcome> {
    let place = Place::find(args, wanted, url)?;
    let kept = kept::read(&wanted.earlier)?;
    let baseline = match &wanted.baseline {
        Some(file) => Some(kept::one(file)?),
        None => None,
    };
    let mut report = kept::with_history(look(&place, wanted).await?, &kept);
    show(&report, wanted, output)?;
    if wanted.write_boundaries {
        write_boundaries(&place, &report, output)?;
    }
    if let Some(seconds) = wanted.watch {
        let look = async || look(&place, wanted).await;
        return watch(&mut report, wanted, seconds, look, output).await;
    }
    let open = match &baseline {
        Some(baseline) => !kept::is_no_worse(&report, baseline),
        None => report.verdict() != Verdict::Closed,
    };
    Ok(outcome(open))
}

/// One look and what follows from it.
async fn look(place: &Place, wanted: &AuditArgs) -> Result<Report> {
    let limits = Limits {
        total: Duration::from_secs(wanted.budget.max(1)),
        ..Limits::default()
    };
    let facts = place.engine.audit(&place.at, &limits).await;
    let facts = facts.map_err(|error| vec![error.fault()])?;
    let known = Known {
        ownership: place.ownership.as_ref(),
        homes: place.homes.clone(),
        freehold: env!("CARGO_PKG_VERSION").to_owned(),
    };
    Ok(analyse(&facts, &known))
}

/// An audit of one database, or of a system: what both can be shown as.
trait Shown {
    fn at(&self) -> &str;
    fn json(&self) -> String;
    fn page(&self) -> String;
    fn terminal(&self, shown: Terminal<'_>, paint: &dyn Fn(Tone, &str) -> String) -> String;
    fn metrics(&self) -> String;
    /// Everything that counts against a boundary, by name.
    fn faults(&self) -> BTreeMap<String, String>;
}

impl Shown for Report {
    fn at(&self) -> &str {
        &self.at
    }
    fn json(&self) -> String {
        self.to_json()
    }
    fn page(&self) -> String {
        html(self)
    }
    fn terminal(&self, shown: Terminal<'_>, paint: &dyn Fn(Tone, &str) -> String) -> String {
        terminal(self, shown, paint)
    }
    fn metrics(&self) -> String {
        metrics::text(self)
    }
    fn faults(&self) -> BTreeMap<String, String> {
        kept::faults(self)
    }
}

impl Shown for SystemReport {
    fn at(&self) -> &str {
        &self.at
    }
    fn json(&self) -> String {
        self.to_json()
    }
    fn page(&self) -> String {
        html_of_system(self)
    }
    fn terminal(&self, shown: Terminal<'_>, paint: &dyn Fn(Tone, &str) -> String) -> String {
        terminal_of_system(self, shown, paint)
    }
    fn metrics(&self) -> String {
        metrics::of_system(self)
    }
    fn faults(&self) -> BTreeMap<String, String> {
        described::faults(self)
    }
}

fn show(report: &impl Shown, wanted: &AuditArgs, output: &Output) -> Result<()> {
    if output.json {
        output.line(report.json().trim_end());
    } else {
        output.line(text(report, wanted, output).trim_end());
    }
    if let Some(file) = &wanted.html {
        write(file, &report.page())?;
        output.line_err(&format!("{} is written.", file.display()));
    }
    if let Some(file) = &wanted.out {
        write(file, &report.json())?;
        output.line_err(&format!("{} is written.", file.display()));
    }
    if let Some(file) = &wanted.metrics {
        write(file, &report.metrics())?;
    }
    Ok(())
}

fn text(report: &impl Shown, wanted: &AuditArgs, output: &Output) -> String {
    let page = wanted.html.as_ref().map(|file| file.display().to_string());
    let shown = Terminal {
        width: output.width(),
        page: page.as_deref(),
    };
    let paint = |meant: Tone, text: &str| output.paint(meant.into(), text);
    report.terminal(shown, &paint)
}

/// Looks again and again; says what came and what went. Ends when it is interrupted.
async fn watch<R: Shown>(
    last: &mut R,
    wanted: &AuditArgs,
    seconds: u64,
    look: impl AsyncFn() -> Result<R>,
    output: &Output,
) -> Result<Outcome> {
    loop {
        tokio::time::sleep(Duration::from_secs(seconds.max(1))).await;
        let next = match look().await {
            Ok(next) => next,
            // A server that is away for a while is said, and asked again.
            Err(faults) => {
                output.faults(&faults);
                continue;
            }
        };
        for line in kept::changes(last, &next) {
            output.line(&format!("{}  {line}", next.at()));
        }
        if let Some(file) = &wanted.metrics {
            write(file, &next.metrics())?;
        }
        *last = next;
    }
}

fn write_boundaries(place: &Place, report: &Report, output: &Output) -> Result<()> {
    let file = place.root.join(BOUNDARIES);
    if file.exists() {
        return Err(vec![
            Fault::new(
                "FH2207",
                format!(
                    "{} is there already and is not written over",
                    file.display()
                ),
            )
            .help("edit it, or move it away first"),
        ]);
    }
    write(&file, &freehold_boundary::audit::boundaries(report))?;
    output.line_err(&format!(
        "{} is written: edit it, it is only a proposal.",
        file.display()
    ));
    Ok(())
}

/// Whole or not at all: whoever reads it meanwhile sees the one before.
fn write(file: &Path, text: &str) -> Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, file));
    written.map_err(|error| {
        vec![
            Fault::new(
                "FH2208",
                format!("{} cannot be written: {error}", file.display()),
            )
            .help("check the folder's rights and space"),
        ]
    })
}
