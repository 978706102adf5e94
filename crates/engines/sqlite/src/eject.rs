//! Leaving a store to its people: the file stays where it is and works on without freehold.
//!
//! Pure. All of it is one transaction. Triggers that keep append-only tables ask freehold's mark
//! whether the owner is at work, so they are exchanged for plain ones that ask nobody.

use freehold_engine::{At, Change, Ejection, Live, Mark, Step, Subject, Want};
use freehold_sql::{Dialect, quote_ident, quote_literal};

use crate::diff::{cannot_open, taken};
use crate::inspect::file;
use crate::wanted::{GUARD, append_only};

/// What the names of the plain triggers begin with.
pub(crate) const PLAIN: &str = "append_only_";

/// The changes that leave the store.
pub(crate) fn eject(want: &Want, live: &Live) -> Ejection {
    let refused = match &live.database {
        Some(Mark::Foreign(what)) => vec![taken(want, what)],
        Some(Mark::Ours) if !live.looked_inside => vec![cannot_open(want)],
        _ => Vec::new(),
    };
    if !refused.is_empty() {
        return Ejection {
            refused,
            ..Ejection::default()
        };
    }
    let drops = match drops(want, live) {
        Ok(drops) => drops,
        Err(error) => {
            return Ejection {
                refused: vec![error.fault()],
                ..Ejection::default()
            };
        }
    };
    let note = "the ledger, the mark and what else is freehold's own; the file is not marked as its any more";
    let step = Step::new(
        Change::Remove,
        Subject::Ledger,
        At::Store,
        want.spot.own("ledger"),
        note,
    );
    let tables = live.tables.iter();
    let tables = tables.filter(|(name, table)| !table.view && !want.spot.is_own(name));
    let mut remains = vec![format!(
        "{}, for this user only, with {} tables as they are",
        file(want),
        tables.count()
    )];
    let kept = append_only(want, live);
    if !kept.is_empty() {
        remains.push(format!(
            "triggers that stop UPDATE and DELETE on {}, for everybody",
            kept.join(", ")
        ));
    }
    Ejection {
        steps: vec![
            drops
                .into_iter()
                .fold(step, Step::run)
                .run("PRAGMA application_id = 0"),
        ],
        refused,
        remains,
        by_hand: vec![
            format!("open it: sqlite3 {}", file(want)),
            format!("change an append-only table: DROP TRIGGER {PLAIN}… first, and make it again"),
            "back up: sqlite3 FILE \".backup COPY\", while programs run as well".to_owned(),
        ],
    }
}

fn drops(want: &Want, live: &Live) -> Result<Vec<String>, freehold_sql::QuoteError> {
    let mut drops = Vec::new();
    let own = live.routines.keys().filter(|name| want.spot.is_own(name));
    for name in own {
        drops.push(format!(
            "DROP TRIGGER IF EXISTS {}",
            quote_ident(Dialect::Sqlite, name)?
        ));
    }
    for table in append_only(want, live) {
        for event in ["UPDATE", "DELETE"] {
            drops.push(plain_trigger(table, event)?);
        }
    }
    for (view, word) in [(true, "VIEW"), (false, "TABLE")] {
        let tables = live.tables.iter().filter(|(_, table)| table.view == view);
        for (name, _) in tables.filter(|(name, _)| want.spot.is_own(name)) {
            drops.push(format!(
                "DROP {word} IF EXISTS {}",
                quote_ident(Dialect::Sqlite, name)?
            ));
        }
    }
    Ok(drops)
}

fn plain_trigger(table: &str, event: &str) -> Result<String, freehold_sql::QuoteError> {
    let name = format!("{PLAIN}{table}_{}", event.to_lowercase());
    Ok(format!(
        "CREATE TRIGGER IF NOT EXISTS {} BEFORE {event} ON {} BEGIN SELECT RAISE(ABORT, {}); END",
        quote_ident(Dialect::Sqlite, &name)?,
        quote_ident(Dialect::Sqlite, table)?,
        quote_literal(Dialect::Sqlite, &format!("{table} is append-only"))?,
    ))
}

/// After a return, freehold's own triggers guard again, and these would stop the owner too.
pub(crate) fn take_plain_back(want: &Want, live: &Live) -> Vec<Step> {
    let mut steps = Vec::new();
    for table in append_only(want, live) {
        for event in ["update", "delete"] {
            let name = format!("{PLAIN}{table}_{event}");
            let guarded = live
                .routines
                .contains_key(&format!("{GUARD}{table}_{event}"));
            let quoted = quote_ident(Dialect::Sqlite, &name);
            if let (true, true, Ok(quoted)) = (guarded, live.routines.contains_key(&name), quoted) {
                let note = "left by an eject; freehold's own guards again";
                let step = Step::new(Change::Remove, Subject::Grant, At::Store, name, note);
                steps.push(step.run(format!("DROP TRIGGER IF EXISTS {quoted}")));
            }
        }
    }
    steps
}
