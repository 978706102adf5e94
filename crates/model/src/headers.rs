//! What a migration file says of itself: `-- freehold: …` in the comment lines at its top.

use std::path::Path;
use std::time::Duration;

use crate::fault::{Fault, Place};
use crate::migration::{Batch, Phase};
use crate::nearest::nearest;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Headers {
    pub(crate) phase: Option<Phase>,
    pub(crate) no_transaction: bool,
    pub(crate) lock_timeout: Option<Duration>,
    pub(crate) batch: Option<Batch>,
}

const PHASE: &str = "phase";
const NO_TRANSACTION: &str = "no_transaction";
const LOCK_TIMEOUT: &str = "lock_timeout";
const BATCH: &str = "batch";
/// The most rows that one batch may have: more is no batch any more.
const LARGEST_BATCH: u32 = 1_000_000;

/// Reads the headers of the file `file`. Below the first line that is neither empty nor a `--`
/// comment no header is read, and one that stands there is a fault: it would count for nothing.
pub(crate) fn read(text: &str, file: &Path, faults: &mut Vec<Fault>) -> Headers {
    let mut headers = Headers::default();
    for (line, column, header, at_top) in lines(text) {
        let place = Place {
            file: file.to_path_buf(),
            line,
            column,
        };
        let said = if at_top {
            apply(header, &mut headers)
        } else {
            Err(Refusal::TooLate)
        };
        if let Err(refusal) = said {
            faults.push(refusal.fault(header).at(place));
        }
    }
    headers
}

/// The environments that a seed is meant for, from its one header `environments: prod, staging`.
/// Empty: it names none. What is no such header, or stands below the first statement, is a fault.
pub(crate) fn environments(text: &str, file: &Path, faults: &mut Vec<Fault>) -> Vec<String> {
    let mut environments = Vec::new();
    for (line, column, header, at_top) in lines(text) {
        match header.split_once(':') {
            Some((key, names)) if key.trim() == "environments" && at_top => {
                environments.extend(names.split(',').map(|name| name.trim().to_owned()));
            }
            _ => faults.push(
                Fault::new("FH1204", format!("header `{header}` has no meaning here"))
                    .at(Place {
                        file: file.to_path_buf(),
                        line,
                        column,
                    })
                    .help(
                        "a seed takes one header, at its top: -- freehold: environments: prod, staging",
                    ),
            ),
        }
    }
    environments
}

/// Where headers have no business (a down): each one is a fault.
pub(crate) fn refuse(text: &str, file: &Path, why: &str, faults: &mut Vec<Fault>) {
    for (line, column, header, _) in lines(text) {
        let place = Place {
            file: file.to_path_buf(),
            line,
            column,
        };
        let fault = Fault::new("FH1204", format!("header `{header}` has no meaning here"));
        faults.push(fault.at(place).help(why));
    }
}

/// Lines that look like headers: line and column (from 1), what follows `freehold:`, and whether
/// only comments and empty lines stand above.
fn lines(text: &str) -> impl Iterator<Item = (usize, usize, &str, bool)> {
    let mut at_top = true;
    text.lines().enumerate().filter_map(move |(index, whole)| {
        let line = whole.trim_start_matches('\u{feff}').trim();
        at_top &= line.is_empty() || line.starts_with("--");
        let header = line
            .strip_prefix("--")?
            .trim_start()
            .strip_prefix("freehold:")?
            .trim();
        let column = whole.chars().take_while(|c| c.is_whitespace()).count() + 1;
        Some((index + 1, column, header, at_top))
    })
}

enum Refusal {
    TooLate,
    Twice,
    UnknownKey,
    UnknownPhase,
    ValueNotTaken,
    NoDuration,
    NoBatch,
}

fn apply(header: &str, headers: &mut Headers) -> Result<(), Refusal> {
    let (key, value) = match header.split_once(':') {
        Some((key, value)) => (key.trim(), Some(value.trim())),
        None => (header, None),
    };
    if let Some(words) = header
        .strip_prefix(BATCH)
        .filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    {
        let batch = batch(words).ok_or(Refusal::NoBatch)?;
        return match headers.batch.replace(batch) {
            Some(_) => Err(Refusal::Twice),
            None => Ok(()),
        };
    }
    match key {
        PHASE => {
            let phase = match value {
                Some("expand") => Phase::Expand,
                Some("contract") => Phase::Contract,
                _ => return Err(Refusal::UnknownPhase),
            };
            if headers.phase.replace(phase).is_some() {
                Err(Refusal::Twice)
            } else {
                Ok(())
            }
        }
        NO_TRANSACTION if value.is_some() => Err(Refusal::ValueNotTaken),
        NO_TRANSACTION if headers.no_transaction => Err(Refusal::Twice),
        NO_TRANSACTION => {
            headers.no_transaction = true;
            Ok(())
        }
        LOCK_TIMEOUT => {
            let duration = value.and_then(duration).ok_or(Refusal::NoDuration)?;
            if headers.lock_timeout.replace(duration).is_some() {
                Err(Refusal::Twice)
            } else {
                Ok(())
            }
        }
        _ => Err(Refusal::UnknownKey),
    }
}

/// ` by id 10000`, ` by orders.id 10000`
fn batch(words: &str) -> Option<Batch> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let ["by", key, size] = words[..] else {
        return None;
    };
    let is_name = |name: &str| {
        let plain = |c: char| c.is_alphanumeric() || c == '_';
        !name.is_empty() && name.chars().all(plain) && !name.starts_with(|c: char| c.is_numeric())
    };
    let (table, key) = match key.split_once('.') {
        Some((table, key)) => (Some(table), key),
        None => (None, key),
    };
    let size: u32 = size.parse().ok()?;
    let named = is_name(key) && table.is_none_or(is_name);
    (named && (1..=LARGEST_BATCH).contains(&size)).then(|| Batch {
        table: table.map(str::to_owned),
        key: key.to_owned(),
        size,
    })
}

/// `500ms`, `5s`, `2m`; never nothing and never more than a day.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    let millis = number.checked_mul(unit)?;
    (1..=86_400_000)
        .contains(&millis)
        .then(|| Duration::from_millis(millis))
}

impl Refusal {
    fn fault(&self, header: &str) -> Fault {
        let key = header.split([':', ' ']).next().unwrap_or_default().trim();
        let fault = |message: String, help: &str| Fault::new("FH1204", message).help(help);
        match self {
            Self::TooLate => fault(
                format!("header `{header}` stands below the first statement"),
                "move it to the comment lines at the top of the file",
            ),
            Self::Twice => fault(format!("header `{key}` is given twice"), "keep one of them"),
            Self::UnknownPhase => fault(
                format!("header `{header}` names no phase"),
                "write `-- freehold: phase: expand` or `-- freehold: phase: contract`",
            ),
            Self::ValueNotTaken => fault(
                format!("header `{header}`: it takes no value"),
                "write `-- freehold: no_transaction`",
            ),
            Self::NoDuration => Fault::new("FH1250", format!("header `{header}` names no time"))
                .help(
                    "write a number with its unit: `-- freehold: lock_timeout: 5s`, `500ms`, `2m`",
                ),
            Self::NoBatch => Fault::new(
                "FH1248",
                format!("header `{header}` does not say by what and how many"),
            )
            .help("write a key column and a number of rows up to 1000000: `-- freehold: batch by id 10000`")
            .help("or name the table too: `-- freehold: batch by orders.id 10000`"),
            Self::UnknownKey => {
                let help = match nearest(key, [PHASE, NO_TRANSACTION, LOCK_TIMEOUT, BATCH]) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!(
                        "known headers: {PHASE}: expand, {PHASE}: contract, {NO_TRANSACTION}, {LOCK_TIMEOUT}: 5s, {BATCH} by id 10000"
                    ),
                };
                fault(format!("unknown header `{key}`"), &help)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "written out at each call")]
    fn check(text: &str, expected: Headers, refused: &[&str]) {
        let mut faults = Vec::new();
        assert_eq!(
            read(text, Path::new("m.sql"), &mut faults),
            expected,
            "{text}"
        );
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults, refused, "{text}");
    }

    #[test]
    fn headers_stand_in_the_leading_comments() {
        let text = "\u{feff}-- adds a column\r\n\r\n-- freehold: phase: expand\r\n--freehold:no_transaction\r\nSELECT 1;";
        check(
            text,
            Headers {
                phase: Some(Phase::Expand),
                no_transaction: true,
                ..Headers::default()
            },
            &[],
        );
        check("-- freehold is nice\nSELECT 1;", Headers::default(), &[]);
        check(
            "SELECT 1;\n  -- freehold: no_transaction",
            Headers::default(),
            &["FH1204: m.sql:2:3: header `no_transaction` stands below the first statement"],
        );
    }

    #[test]
    fn a_time_has_a_unit() {
        for (text, millis) in [("5s", 5_000), ("500ms", 500), ("2m", 120_000)] {
            check(
                &format!("-- freehold: lock_timeout: {text}"),
                Headers {
                    lock_timeout: Some(Duration::from_millis(millis)),
                    ..Headers::default()
                },
                &[],
            );
        }
        for text in ["5", "0s", "-1s", "s", "5h", "2 s", "99999999999999999999s"] {
            check(
                &format!("-- freehold: lock_timeout: {text}"),
                Headers::default(),
                &[&format!(
                    "FH1250: m.sql:1:1: header `lock_timeout: {text}` names no time"
                )],
            );
        }
    }

    #[test]
    fn a_batch_has_a_key_and_a_size() {
        for (text, table) in [("id", None), ("orders.id", Some("orders"))] {
            check(
                &format!("-- freehold: batch by {text} 10000"),
                Headers {
                    batch: Some(Batch {
                        table: table.map(str::to_owned),
                        key: "id".to_owned(),
                        size: 10_000,
                    }),
                    ..Headers::default()
                },
                &[],
            );
        }
        for text in [
            "batch",
            "batch: by id 10",
            "batch by id",
            "batch by id many",
            "batch by id 0",
            "batch by id 1000001",
            "batch by id 10 rows",
            "batch by a.b.c 10",
            "batch by .id 10",
            "batch by 1d 10",
            "batch by id; 10",
        ] {
            check(
                &format!("-- freehold: {text}"),
                Headers::default(),
                &[&format!(
                    "FH1248: m.sql:1:1: header `{text}` does not say by what and how many"
                )],
            );
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        check(
            "-- freehold: phases: expand",
            Headers::default(),
            &["FH1204: m.sql:1:1: unknown header `phases`"],
        );
        check(
            "-- freehold: phase: shrink",
            Headers::default(),
            &["FH1204: m.sql:1:1: header `phase: shrink` names no phase"],
        );
        check(
            "-- freehold: no_transaction: yes",
            Headers::default(),
            &["FH1204: m.sql:1:1: header `no_transaction: yes`: it takes no value"],
        );
        check(
            "-- freehold: phase: expand\n-- freehold: phase: contract",
            Headers {
                phase: Some(Phase::Contract),
                ..Headers::default()
            },
            &["FH1204: m.sql:2:1: header `phase` is given twice"],
        );
    }
}
