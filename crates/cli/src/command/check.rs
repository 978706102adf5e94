//! `freehold check`

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use freehold_boundary::report::{Shown, Tone as Meant, github, gitlab, human, json, sarif};
use freehold_boundary::{Baseline, Checked, Compared, Ownership, check};
use freehold_model::{Fault, load};

use super::Result;
use crate::Outcome;
use crate::args::{Args, CheckArgs, CheckFormat};
use crate::files::DiskFiles;
use crate::output::{Output, Tone};

const BOUNDARIES: &str = "boundaries.yaml";
/// Columns that excerpts are cut to.
const WIDTH: usize = 100;
const BASELINE: &str = "boundary-baseline.json";

pub(crate) fn run(args: &Args, wanted: &CheckArgs, output: &Output) -> Result<Outcome> {
    let started = Instant::now();
    let today = today();
    for path in &wanted.paths {
        if !path.exists() {
            return Err(vec![
                Fault::new("FH2205", format!("there is no {}", path.display()))
                    .help("name files or folders to check, or none for the whole system"),
            ]);
        }
    }
    let (root, ownership) = ownership(args, &wanted.paths)?;
    // The root itself is no part to choose.
    let paths: Vec<PathBuf> = wanted
        .paths
        .iter()
        .filter(|path| !same(path, &root))
        .cloned()
        .collect();
    let mut checked = check(&root, &paths, ownership, &today)?;
    let place = wanted
        .baseline
        .clone()
        .unwrap_or_else(|| root.join(BASELINE));
    let known = baseline(&place)?;
    let compared = known
        .as_ref()
        .map(|known| known.compare(&mut checked.findings));
    if let Some(context) = &wanted.must_be_empty {
        must_exist(&checked, context)?;
    }
    report(&root, wanted, &checked, compared.as_ref(), started, output);
    if wanted.write_boundaries {
        write_boundaries(&root, &checked, output)?;
    }
    if wanted.write_baseline {
        let next = match &known {
            Some(known) => known.shrunk(&checked.findings, &today),
            None => Baseline::of(&checked.findings, &today),
        };
        write(&place, &next.to_text())?;
        output.line_err(&format!(
            "{} holds {} kinds of known findings.",
            place.display(),
            next.known.len()
        ));
    }
    let first_baseline = wanted.write_baseline && known.is_none();
    let new = compared
        .as_ref()
        .map_or(checked.findings.len(), |own| own.new);
    let stale =
        wanted.prune && !wanted.write_baseline && compared.is_some_and(|own| !own.stale.is_empty());
    let left = wanted.must_be_empty.as_ref().is_some_and(|context| {
        checked
            .findings
            .iter()
            .any(|own| own.from == *context || own.to == *context)
    });
    Ok(if new > 0 && !first_baseline || stale || left {
        Outcome::Findings
    } else {
        Outcome::Done
    })
}

/// The root of the tree and who owns what in it: the nearest `freehold.yaml` or `boundaries.yaml`
/// from the named folder upwards. Without one, the folder itself, and ownership is proposed.
fn ownership(args: &Args, paths: &[PathBuf]) -> Result<(PathBuf, Option<Ownership>)> {
    let here = std::env::current_dir().unwrap_or_default();
    let start = match (&args.directory, paths.first()) {
        (Some(folder), _) => here.join(folder),
        (None, Some(path)) => here.join(path),
        (None, None) => here.clone(),
    };
    let start = fs::canonicalize(&start).unwrap_or(start);
    let found = start
        .ancestors()
        .find(|folder| folder.join(BOUNDARIES).is_file() || folder.join("freehold.yaml").is_file());
    let Some(root) = found else {
        let folder = if start.is_dir() {
            start.clone()
        } else {
            start.parent().unwrap_or(&start).to_owned()
        };
        return Ok((shortened(&here, &folder), None));
    };
    let short = shortened(&here, root);
    let file = root.join(BOUNDARIES);
    let own = if file.is_file() {
        let text = fs::read_to_string(&file).map_err(|error| vec![cannot_read(&file, &error)])?;
        Ownership::of_file(&text, Path::new(BOUNDARIES))?
    } else {
        Ownership::of_system(&load(root, args.environment.as_deref(), &DiskFiles)?)?
    };
    Ok((short, Some(own)))
}

/// Relative where it lies below, so that places are short.
fn shortened(here: &Path, folder: &Path) -> PathBuf {
    match folder.strip_prefix(here) {
        Ok(rest) if rest.as_os_str().is_empty() => PathBuf::from("."),
        Ok(rest) => rest.to_owned(),
        Err(_) => folder.to_owned(),
    }
}

fn same(a: &Path, b: &Path) -> bool {
    match (fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
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

fn cannot_read(file: &Path, error: &std::io::Error) -> Fault {
    Fault::new(
        "FH2205",
        format!("{} cannot be read: {error}", file.display()),
    )
    .help("make it readable for the user that runs the check")
}

fn must_exist(checked: &Checked, context: &str) -> Result<()> {
    if checked.ownership.find(context).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = checked
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
    checked: &Checked,
    compared: Option<&Compared>,
    started: Instant,
    output: &Output,
) {
    let format = if output.json {
        CheckFormat::Json
    } else {
        wanted.format
    };
    match format {
        CheckFormat::Json => output.value(&json(checked, compared)),
        CheckFormat::Sarif => output.value(&sarif(checked, env!("CARGO_PKG_VERSION"))),
        CheckFormat::Gitlab => output.value(&gitlab(checked)),
        CheckFormat::Github => output.line(github(checked).trim_end()),
        CheckFormat::Text => {
            let paint = |meant: Meant, text: &str| output.paint(tone(meant), text);
            let source = |file: &Path| fs::read_to_string(root.join(file)).ok();
            let shown = Shown {
                known: wanted.known,
                unresolved: wanted.unresolved,
                width: WIDTH,
                elapsed: Some(started.elapsed()),
            };
            output.line(human(checked, compared, shown, &paint, &source).trim_end());
        }
    }
}

fn tone(meant: Meant) -> Tone {
    match meant {
        Meant::Plain => Tone::Plain,
        Meant::Strong => Tone::Strong,
        Meant::Dim => Tone::Dim,
        Meant::Warn => Tone::Warn,
        Meant::Bad => Tone::Bad,
    }
}

fn write_boundaries(root: &Path, checked: &Checked, output: &Output) -> Result<()> {
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
    write(&file, &checked.ownership.to_file())?;
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

/// The day by the system's clock in UTC, `YYYY-MM-DD`. The calendar is Howard Hinnant's
/// `civil_from_days`, from 1970 on.
fn today() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    day_of(seconds / 86_400)
}

fn day_of(days: u64) -> String {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day_of(0), "1970-01-01");
        assert_eq!(day_of(11_016), "2000-02-29");
        assert_eq!(day_of(20_778), "2026-11-21");
    }
}
