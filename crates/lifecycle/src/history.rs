//! Files held against the ledger: what is pending, what is half done, what does not fit.
//!
//! Pure. A ledger that does not fit the files is refused before anything changes.

use freehold_bookkeeping::{Entry, EntryKind, Ledger, State};
use freehold_model::{Fault, Migration, Phase};

use crate::script::Script;

/// What is to be done with migrations, in order.
#[derive(Debug, Default)]
pub struct Pending<'a> {
    /// Not applied, or half applied (then with the ledger's row).
    pub up: Vec<(&'a Script<Migration>, Option<Entry>)>,
    /// Its down stopped halfway: that has to be finished first.
    pub half_undone: Option<(&'a Script<Migration>, Entry)>,
    /// A contract migration that waits to be let through, and whatever comes behind it: the order of
    /// numbers is kept.
    pub held_back: Vec<&'a Script<Migration>>,
}

impl Pending<'_> {
    /// What waits, in order.
    pub fn held_back_ids(&self) -> Vec<String> {
        let waiting = self.held_back.iter();
        waiting.map(|script| script.id.clone()).collect()
    }
}

/// Are contract migrations applied?
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Contract {
    /// Held back, but in a store that has no migration yet: no older program uses that.
    #[default]
    HeldBack,
    /// Applied like any other: somebody said that the programs before them are gone.
    Applied,
}

impl From<bool> for Contract {
    fn from(applied: bool) -> Self {
        if applied {
            Self::Applied
        } else {
            Self::HeldBack
        }
    }
}

/// What of `migrations` the ledger does not have.
///
/// # Errors
/// An applied migration whose text changed, whose file is gone, or a new one numbered below one
/// that is applied.
pub fn pending<'a>(
    label: &str,
    migrations: &'a [Script<Migration>],
    ledger: &Ledger,
    contract: Contract,
) -> Result<Pending<'a>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut pending = Pending::default();
    let is_used = ledger.of(EntryKind::Migration).next().is_some();
    let holds = |migration: &Script<Migration>| {
        let held = migration.file.phase == Some(Phase::Contract) && is_used;
        held && contract == Contract::HeldBack
    };
    let last = ledger
        .of(EntryKind::Migration)
        .next_back()
        .map(|entry| entry.id.clone());
    for migration in migrations {
        match ledger.get(EntryKind::Migration, &migration.id) {
            None => {
                if let Some(last) = last.as_ref().filter(|last| *last > &migration.id) {
                    faults.push(out_of_order(label, migration, last));
                }
                if holds(migration) || !pending.held_back.is_empty() {
                    pending.held_back.push(migration);
                } else {
                    pending.up.push((migration, None));
                }
            }
            Some(entry)
                if entry.checksum != migration.checksum && entry.state != State::Applying =>
            {
                faults.push(edited(label, migration));
            }
            Some(entry) => match entry.state {
                State::Done => {}
                State::Applying => pending.up.push((migration, Some(entry.clone()))),
                State::Undoing => pending.half_undone = Some((migration, entry.clone())),
            },
        }
    }
    for entry in ledger.of(EntryKind::Migration) {
        if !migrations.iter().any(|migration| migration.id == entry.id) {
            faults.push(missing(label, entry));
        }
    }
    if faults.is_empty() {
        Ok(pending)
    } else {
        Err(faults)
    }
}

/// Applied migrations above number `to`, the newest first; `None`: only the newest. A migration
/// that stopped halfway counts as applied.
///
/// # Errors
/// One of them has no down, or no file any more.
pub fn to_undo<'a>(
    label: &str,
    migrations: &'a [Script<Migration>],
    ledger: &Ledger,
    to: Option<u32>,
) -> Result<Vec<(&'a Script<Migration>, Entry)>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut undo = Vec::new();
    for entry in ledger.of(EntryKind::Migration).rev() {
        let Some(migration) = migrations.iter().find(|migration| migration.id == entry.id) else {
            faults.push(missing(label, entry));
            continue;
        };
        if to.is_some_and(|to| migration.file.number <= to) || to.is_none() && !undo.is_empty() {
            break;
        }
        if migration.down.is_none() {
            faults.push(
                Fault::new(
                    "FH3207",
                    format!(
                        "{label}: migration {} has no down: it cannot be rolled back",
                        entry.id
                    ),
                )
                .help(format!(
                    "roll back only to it: freehold rollback --to {}",
                    migration.file.number
                ))
                .help("or write its `.down.sql`"),
            );
        }
        undo.push((migration, entry.clone()));
    }
    if faults.is_empty() {
        Ok(undo)
    } else {
        Err(faults)
    }
}

fn edited(label: &str, migration: &Script<Migration>) -> Fault {
    Fault::new(
        "FH3201",
        format!(
            "{label}: migration {} was changed after it was applied",
            migration.id
        ),
    )
    .help(format!(
        "put {} back as it was, and make the change in a new migration",
        migration.file.up_file.display()
    ))
    .help("comments and white space may change; statements may not")
}

fn missing(label: &str, entry: &Entry) -> Fault {
    Fault::new("FH3202", format!("{label}: migration {} is applied, and its file is not there", entry.id))
        .help("bring the file back from version control; an older checkout cannot be applied over a newer schema")
}

fn out_of_order(label: &str, migration: &Script<Migration>, last: &str) -> Fault {
    Fault::new(
        "FH3203",
        format!(
            "{label}: migration {} is new, and {last} is applied already",
            migration.id
        ),
    )
    .help(format!(
        "give {} a number above it",
        migration.file.up_file.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn script(number: u32, checksum: &str, down: bool) -> Script<Migration> {
        let file = Migration {
            number,
            name: "m".into(),
            up: String::new(),
            up_file: PathBuf::from(format!("{number:04}_m.up.sql")),
            down: down.then(String::new),
            down_file: None,
            phase: None,
            no_transaction: false,
            batch: None,
            lock_timeout: None,
        };
        Script {
            id: file.id(),
            up: vec![],
            checksum: checksum.into(),
            down: down.then(Vec::new),
            down_checksum: None,
            file,
        }
    }

    fn row(id: &str, checksum: &str, state: State) -> Entry {
        Entry {
            kind: EntryKind::Migration,
            id: id.into(),
            checksum: checksum.into(),
            down_checksum: None,
            state,
            progress: 0,
            total: 1,
            detail: String::new(),
            at: String::new(),
            upto: None,
        }
    }

    fn codes<T>(result: Result<T, Vec<Fault>>) -> Vec<&'static str> {
        result
            .err()
            .unwrap_or_default()
            .iter()
            .map(|fault| fault.code)
            .collect()
    }

    #[test]
    fn only_what_the_ledger_lacks_is_pending() {
        let files = [
            script(1, "a", true),
            script(2, "b", true),
            script(3, "c", true),
        ];
        let ledger = Ledger::from_iter([
            row("0001_m", "a", State::Done),
            row("0002_m", "old", State::Applying),
        ]);
        let found = pending("orders", &files, &ledger, Contract::HeldBack).expect("it fits");
        let ids: Vec<_> = found
            .up
            .iter()
            .map(|(script, entry)| (script.id.as_str(), entry.is_some()))
            .collect();
        assert_eq!(ids, [("0002_m", true), ("0003_m", false)]);
    }

    #[test]
    fn a_contract_waits_and_all_behind_it_waits_too() {
        let mut files = [
            script(1, "a", true),
            script(2, "b", true),
            script(3, "c", true),
        ];
        files[1].file.phase = Some(Phase::Contract);
        let found = |ledger: &Ledger, contract| {
            let found = pending("orders", &files, ledger, contract).expect("it fits");
            let up: Vec<_> = found
                .up
                .iter()
                .map(|(script, _)| script.file.number)
                .collect();
            let held = found.held_back.iter().map(|script| script.file.number);
            (up, held.collect::<Vec<_>>())
        };
        let used = Ledger::from_iter([row("0001_m", "a", State::Done)]);
        assert_eq!(found(&used, Contract::HeldBack), (vec![], vec![2, 3]));
        assert_eq!(found(&used, Contract::Applied), (vec![2, 3], vec![]));
        let fresh = Ledger::default();
        assert_eq!(found(&fresh, Contract::HeldBack), (vec![1, 2, 3], vec![]));
        let half = Ledger::from_iter([
            row("0001_m", "a", State::Done),
            row("0002_m", "b", State::Applying),
        ]);
        assert_eq!(
            found(&half, Contract::HeldBack),
            (vec![2, 3], vec![]),
            "what has begun goes on"
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_by_code() {
        let files = [script(1, "a", true), script(2, "b", true)];
        let edited = Ledger::from_iter([row("0001_m", "x", State::Done)]);
        assert_eq!(
            codes(pending("o", &files, &edited, Contract::HeldBack)),
            ["FH3201"]
        );
        let newer = Ledger::from_iter([row("0009_m", "x", State::Done)]);
        assert_eq!(
            codes(pending("o", &files, &newer, Contract::HeldBack)),
            ["FH3203", "FH3203", "FH3202"]
        );
    }

    #[test]
    fn undo_goes_backwards_and_stops_at_its_number() {
        let files = [
            script(1, "a", false),
            script(2, "b", true),
            script(3, "c", true),
        ];
        let ledger =
            Ledger::from_iter(["0001_m", "0002_m", "0003_m"].map(|id| row(id, "a", State::Done)));
        let ids = |to| {
            let undo = to_undo("o", &files, &ledger, to).expect("they have downs");
            undo.iter()
                .map(|(script, _)| script.file.number)
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(None), [3]);
        assert_eq!(ids(Some(1)), [3, 2]);
        assert_eq!(codes(to_undo("o", &files, &ledger, Some(0))), ["FH3207"]);
    }
}
