//! `freehold audit`: the boundary in a live database, with or without a description.
//!
//! Owns the order: where, look, analyse, compare, show, again. Nothing is written to the server.
//! `place.rs` finds what is to be audited and what is known of it, `kept.rs` reads audits that were
//! kept, `metrics.rs` says it to Prometheus.

mod kept;
mod metrics;
mod place;

use std::path::Path;
use std::time::Duration;

use freehold_boundary::audit::report::{Report, Terminal, Verdict, html, terminal};
use freehold_boundary::audit::{Known, analyse};
use freehold_boundary::report::Tone;
use freehold_engine::audit::Limits;
use freehold_model::Fault;

use super::Result;
use crate::Outcome;
use crate::args::{Args, AuditArgs};
use crate::output::Output;
use place::Place;

const BOUNDARIES: &str = "boundaries.yaml";

pub(crate) async fn run(args: &Args, wanted: &AuditArgs, output: &Output) -> Result<Outcome> {
    let place = Place::find(args, wanted)?;
    let kept = kept::read(&wanted.earlier)?;
    let baseline = match &wanted.baseline {
        Some(file) => Some(kept::one(file)?),
        None => None,
    };
    let report = kept::with_history(look(&place, wanted).await?, &kept);
    show(&report, wanted, output)?;
    if wanted.write_boundaries {
        write_boundaries(&place, &report, output)?;
    }
    if let Some(seconds) = wanted.watch {
        return watch(&place, wanted, report, seconds, output).await;
    }
    let open = match &baseline {
        Some(baseline) => !kept::is_no_worse(&report, baseline),
        None => report.verdict() != Verdict::Closed,
    };
    Ok(if open {
        Outcome::Findings
    } else {
        Outcome::Done
    })
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

fn show(report: &Report, wanted: &AuditArgs, output: &Output) -> Result<()> {
    if output.json {
        output.line(report.to_json().trim_end());
    } else {
        output.line(text(report, wanted, output).trim_end());
    }
    if let Some(file) = &wanted.html {
        write(file, &html(report))?;
        output.line_err(&format!("{} is written.", file.display()));
    }
    if let Some(file) = &wanted.out {
        write(file, &report.to_json())?;
        output.line_err(&format!("{} is written.", file.display()));
    }
    if let Some(file) = &wanted.metrics {
        write(file, &metrics::text(report))?;
    }
    Ok(())
}

fn text(report: &Report, wanted: &AuditArgs, output: &Output) -> String {
    let page = wanted.html.as_ref().map(|file| file.display().to_string());
    let shown = Terminal {
        width: output.width(),
        page: page.as_deref(),
    };
    let paint = |meant: Tone, text: &str| output.paint(meant.into(), text);
    terminal(report, shown, &paint)
}

/// Looks again and again; says what came and what went. Ends when it is interrupted.
async fn watch(
    place: &Place,
    wanted: &AuditArgs,
    mut last: Report,
    seconds: u64,
    output: &Output,
) -> Result<Outcome> {
    loop {
        tokio::time::sleep(Duration::from_secs(seconds.max(1))).await;
        let next = match look(place, wanted).await {
            Ok(next) => next,
            // A server that is away for a while is said, and asked again.
            Err(faults) => {
                output.faults(&faults);
                continue;
            }
        };
        for line in kept::changes(&last, &next) {
            output.line(&format!("{}  {line}", next.at));
        }
        if let Some(file) = &wanted.metrics {
            write(file, &metrics::text(&next))?;
        }
        last = next;
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
