//! Where a check happens: the root of the tree, who owns what in it, the cache, the day.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use freehold_boundary::{Cache, Lint, Ownership, contract};
use freehold_model::{Fault, load};

use crate::args::{Args, CheckArgs};
use crate::command::Result;
use crate::files::DiskFiles;

pub(crate) const BOUNDARIES: &str = "boundaries.yaml";

pub(crate) const BASELINE: &str = "boundary-baseline.json";

/// A tree and what is said of it.
pub(crate) struct Place {
    /// Relative where it lies below the present folder, so that places are short.
    pub(crate) root: PathBuf,
    /// `None`: nobody described it, and contexts are proposed.
    pub(crate) ownership: Option<Ownership>,
    /// What is said of its contracts beside who owns what.
    pub(crate) lints: Vec<Lint>,
}

impl Place {
    /// The nearest `freehold.yaml` or `boundaries.yaml` from the named folder upwards; without one
    /// the folder itself.
    pub(crate) fn find(args: &Args, paths: &[PathBuf]) -> Result<Self> {
        let here = std::env::current_dir().unwrap_or_default();
        let start = match (&args.directory, paths.first()) {
            (Some(folder), _) => here.join(folder),
            (None, Some(path)) => here.join(path),
            (None, None) => here.clone(),
        };
        let mut place = Self::at(&start, args.environment.as_deref())?;
        place.root = shortened(&here, &place.root);
        Ok(place)
    }

    /// The same from a folder or file, with the whole path.
    pub(crate) fn at(start: &Path, environment: Option<&str>) -> Result<Self> {
        let start = fs::canonicalize(start).unwrap_or_else(|_| start.to_path_buf());
        let found = start.ancestors().find(|folder| {
            folder.join(BOUNDARIES).is_file() || folder.join("freehold.yaml").is_file()
        });
        if let Some(root) = found {
            let (ownership, lints) = read(root, environment)?;
            return Ok(Self {
                root: root.to_path_buf(),
                ownership: Some(ownership),
                lints,
            });
        }
        let folder = if start.is_dir() {
            start.as_path()
        } else {
            start.parent().unwrap_or(&start)
        };
        Ok(Self {
            root: folder.to_path_buf(),
            ownership: None,
            lints: Vec::new(),
        })
    }

    /// The paths that are a part of the tree: the root itself is none to choose.
    pub(crate) fn parts(&self, paths: &[PathBuf]) -> Vec<PathBuf> {
        paths
            .iter()
            .filter(|path| !same(path, &self.root))
            .cloned()
            .collect()
    }
}

/// Who owns what, as the description in `root` says now.
fn read(root: &Path, environment: Option<&str>) -> Result<(Ownership, Vec<Lint>)> {
    let file = root.join(BOUNDARIES);
    if file.is_file() {
        let text = fs::read_to_string(&file).map_err(|error| vec![cannot_read(&file, &error)])?;
        return Ok((
            Ownership::of_file(&text, Path::new(BOUNDARIES))?,
            Vec::new(),
        ));
    }
    let system = load(root, environment, &DiskFiles)?;
    // What its sagas and its contracts say is part of the description, too.
    crate::sagas::definitions(root, &system)?;
    // So are its read models.
    let dialect_of = |kind| Some(freehold_builtin::engine(kind)?.dialect());
    freehold_lifecycle::check_read_models(&system, &dialect_of)?;
    let contracts = contract::contracts(root, &system, &DiskFiles)?;
    let lints = contract::whole_copies(root, &system, &DiskFiles, &contracts);
    Ok((Ownership::of_system(&system)?, lints))
}

/// The file of known findings.
pub(crate) fn baseline_of(root: &Path, wanted: &CheckArgs) -> PathBuf {
    wanted
        .baseline
        .clone()
        .unwrap_or_else(|| root.join(BASELINE))
}

pub(crate) fn cannot_read(file: &Path, error: &std::io::Error) -> Fault {
    Fault::new(
        "FH2205",
        format!("{} cannot be read: {error}", file.display()),
    )
    .help("make it readable for the user that runs the check")
}

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

/// The folder of the user's caches, outside of every repository: `FREEHOLD_CACHE_DIR`, else where
/// the system has them. `None`: there is no such folder, and nothing is kept.
pub(crate) fn cache() -> Option<Cache> {
    let named = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let folder = named("FREEHOLD_CACHE_DIR")
        .or_else(|| named("XDG_CACHE_HOME").map(|own| own.join("freehold")))
        .or_else(|| named("LOCALAPPDATA").map(|own| own.join("freehold/cache")))
        .or_else(|| named("HOME").map(|own| own.join(".cache/freehold")))?;
    // Another build may read code in another way: it has another file.
    let program = fs::metadata(std::env::current_exe().ok()?).ok()?;
    let built = program.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let stamp = format!(
        "{} {} {}",
        env!("CARGO_PKG_VERSION"),
        program.len(),
        built.as_nanos()
    );
    Some(Cache::new(folder.join("check"), stamp, SystemTime::now()))
}

/// The day by the system's clock in UTC, `YYYY-MM-DD`. The calendar is Howard Hinnant's
/// `civil_from_days`, from 1970 on.
pub(crate) fn today() -> String {
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
