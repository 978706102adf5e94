//! `freehold check`: find, compare with the baseline, show.

pub(super) mod place;
mod watch;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Instant;

use freehold_boundary::audit::{Together, together, together_sarif, together_text};
use freehold_boundary::report::{
    Shown, Tone, github, gitlab, history, human, json, mermaid, sarif, svg,
};
use freehold_boundary::{Baseline, Checked, Checker, Compared};
use freehold_model::Fault;

use self::place::{BOUNDARIES, Place, baseline_of, cannot_read, today};
use super::Result;
use super::audit::kept;
use crate::Outcome;
use crate::args::{Args, CheckArgs, CheckFormat, GraphFormat};
use crate::output::Output;

/// Wider lines are hard to read, however wide the terminal is.
const WIDEST: usize = 110;

pub(crate) fn run(args: &Args, wanted: &CheckArgs, output: &Output) -> Result<Outcome> {
    for path in &wanted.paths {
        if !path.exists() {
            return Err(vec![
                Fault::new("FH2205", format!("there is no {}", path.display()))
                    .help("name files or folders to check, or none for the whole system"),
            ]);
        }
    }
    if wanted.watch {
        return watch::run(args, wanted, output);
    }
    let cache = if wanted.no_cache {
        None
    } else {
        place::cache()
    };
    let mut checker = cache.map_or_else(Checker::default, Checker::cached);
    once(args, wanted, &mut checker, output)
}

/// One check, shown.
fn once(
    args: &Args,
    wanted: &CheckArgs,
    checker: &mut Checker,
    output: &Output,
) -> Result<Outcome> {
    let started = Instant::now();
    let today = today();
    let found = Place::find(args, &wanted.paths)?;
    let paths = found.parts(&wanted.paths);
    let root = found.root;
    let place = baseline_of(&root, wanted);
    let known = baseline(&place)?;
    if wanted.history {
        return past(known.as_ref(), &place, output);
    }
    let mut result = checker.check(&root, &paths, found.ownership, &today)?;
    result.lints.extend(found.lints);
    let compared = known
        .as_ref()
        .map(|known| known.compare(&mut result.findings));
    if let Some(context) = &wanted.must_be_empty {
        must_exist(&result, context)?;
    }
    let shown = Shown {
        known: wanted.known,
        unresolved: wanted.unresolved,
        width: output.width().min(WIDEST),
        elapsed: Some(started.elapsed()),
        history: known.as_ref().map_or(&[], |known| &known.history),
    };
    let live = match &wanted.with_audit {
        Some(file) => Some(together(&result, &kept(file)?).map_err(|fault| vec![fault])?),
        None => None,
    };
    report(
        &root,
        wanted,
        &result,
        (compared.as_ref(), live.as_ref()),
        shown,
        output,
    );
    if wanted.write_boundaries {
        write_boundaries(&root, &result, output)?;
    }
    if wanted.write_baseline {
        write_baseline(&place, known.as_ref(), &result, &today, output)?;
    }
    Ok(outcome(wanted, &result, compared.as_ref(), known.is_some()))
}

fn outcome(
    wanted: &CheckArgs,
    result: &Checked,
    compared: Option<&Compared>,
    known: bool,
) -> Outcome {
    let first_baseline = wanted.write_baseline && !known;
    let new = compared.map_or(result.findings.len(), |own| own.new);
    let stale =
        wanted.prune && !wanted.write_baseline && compared.is_some_and(|own| !own.stale.is_empty());
    let left = wanted.must_be_empty.as_ref().is_some_and(|context| {
        result
            .findings
            .iter()
            .any(|own| own.from == *context || own.to == *context)
    });
    if new > 0 && !first_baseline || stale || left {
        Outcome::Findings
    } else {
        Outcome::Done
    }
}

/// The numbers of the past, as a curve.
fn past(known: Option<&Baseline>, place: &Path, output: &Output) -> Result<Outcome> {
    let Some(known) = known else {
        return Err(vec![
            Fault::new("FH2205", format!("there is no {}", place.display()))
                .help("the past is kept in the baseline: freehold check --write-baseline"),
        ]);
    };
    if output.json {
        output.value(&known.history);
    } else {
        output.line(history(&known.history, output.width().min(WIDEST)).trim_end());
    }
    Ok(Outcome::Done)
}

fn write_baseline(
    place: &Path,
    known: Option<&Baseline>,
    result: &Checked,
    today: &str,
    output: &Output,
) -> Result<()> {
    let next = match known {
        Some(known) => known.shrunk(&result.findings, today),
        None => Baseline::of(&result.findings, today),
    };
    write(place, &next.to_text())?;
    let findings = next.known.iter().map(|own| own.count).sum::<usize>();
    output.line_err(&format!(
        "{} knows {findings} finding{}.",
        place.display(),
        if findings == 1 { "" } else { "s" },
    ));
    Ok(())
}

fn baseline(place: &Path) -> Result<Option<Baseline>> {
    match fs::read_to_string(place) {
        Ok(text) => Baseline::parse(&text)
            .map(Some)
            .map_err(|fault| vec![fault.help(format!("the file is {}", place.display()))]),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(vec![cannot_read(place, &error)]),
    }
}

fn must_exist(result: &Checked, context: &str) -> Result<()> {
    if result.ownership.find(context).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = result
        .ownership
        .contexts
        .iter()
        .map(|own| own.name.as_str())
        .collect();
    Err(vec![
        Fault::new("FH2206", format!("there is no context `{context}`"))
            .help(format!("there are: {}", names.join(", "))),
    ])
}

fn report(
    root: &Path,
    wanted: &CheckArgs,
    result: &Checked,
    (compared, live): (Option<&Compared>, Option<&Together>),
    shown: Shown,
    output: &Output,
) {
    if let Some(graph) = wanted.graph {
        output.line(
            match graph {
                GraphFormat::Svg => svg(result),
                GraphFormat::Mermaid => mermaid(result),
            }
            .trim_end(),
        );
        return;
    }
    let format = if output.json {
        CheckFormat::Json
    } else {
        wanted.format
    };
    match format {
        CheckFormat::Json => {
            let mut value = json(result, compared);
            if let Some(live) = live {
                value["audit"] = serde_json::json!(live);
            }
            output.value(&value);
        }
        CheckFormat::Sarif => {
            let version = env!("CARGO_PKG_VERSION");
            let file = wanted.with_audit.as_ref().map(|own| slashed(own));
            output.value(&match (live, file) {
                (Some(live), Some(file)) => together_sarif(result, live, &file, version),
                _ => sarif(result, version),
            });
        }
        CheckFormat::Gitlab => output.value(&gitlab(result)),
        CheckFormat::Github => output.line(github(result).trim_end()),
        CheckFormat::Text => {
            let paint = |meant: Tone, text: &str| output.paint(meant.into(), text);
            let source = |file: &Path| fs::read_to_string(root.join(file)).ok();
            output.line(human(result, compared, shown, &paint, &source).trim_end());
            if let Some(live) = live {
                output.line("");
                output.line(together_text(live, &paint).trim_end());
            }
        }
    }
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

fn write_boundaries(root: &Path, result: &Checked, output: &Output) -> Result<()> {
    let file = root.join(BOUNDARIES);
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
    write(&file, &result.ownership.to_file())?;
    output.line_err(&format!(
        "{} is written: edit it, it is only a proposal.",
        file.display()
    ));
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).map_err(|error| {
        vec![
            Fault::new(
                "FH2208",
                format!("{} cannot be written: {error}", file.display()),
            )
            .help("check the folder's rights and space"),
        ]
    })
}
