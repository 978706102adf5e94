//! `eject`: leaves stores to their people. What freehold keeps for itself goes, after what it knows
//! was written down; the databases, the data and the program's logins stay and work on.
//!
//! And what is needed to come back: [`Knowledge`] read again tells `adopt` what is applied and that
//! the logins are this store's.

use freehold_bookkeeping::{Entry, EntryKind, Ledger, State};
use freehold_engine::{Ejection, Step};
use freehold_model::Fault;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::each::each;
use crate::plan::diff_and_ledger;
use crate::reach::Reach;
use crate::steps::run_all;
use crate::target::Target;

/// The version of the file's format. Another one is refused.
const FORMAT: u32 = 1;

/// What leaving one store would do, or did.
#[derive(Debug, Clone, Serialize)]
pub struct Ejected {
    /// `orders`, or `orders.search`.
    pub store: String,
    /// Removals in order, the marks last.
    pub steps: Vec<Step>,
    /// What is there afterwards and works on.
    pub remains: Vec<String>,
    /// How people do by hand what freehold did.
    pub by_hand: Vec<String>,
    /// What its ledger knows. `None`: a run that was cut off had written it down and removed it.
    pub knowledge: Option<Knowledge>,
}

/// What the ledger knows of one store, to be kept as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knowledge {
    /// The version of the format.
    pub freehold_eject: u32,
    /// The system's name.
    pub system: String,
    /// `orders`, or `orders.search`.
    pub store: String,
    /// Where its server listened.
    pub address: String,
    /// The database, schema or prefix.
    pub name: String,
    /// Migrations and seeds that were applied, and whatever else the ledger had.
    pub ledger: Vec<Row>,
}

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// `migration`, `seed`, `other`.
    pub kind: String,
    /// `0003_status`
    pub id: String,
    /// Fingerprint of its text.
    pub checksum: String,
    /// Fingerprint of its down.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub down_checksum: Option<String>,
    /// Statements in all.
    pub total: usize,
    /// Empty, or what an engine or tool noted.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub detail: String,
    /// When it was applied.
    pub at: String,
}

/// Looks at all stores and says what leaving them would do. Changes nothing.
///
/// # Errors
/// A store that is not there or not freehold's, or one with a migration half done.
pub async fn plan_ejection(targets: &[Target]) -> Result<Vec<Ejected>> {
    each(targets, |target| async move {
        let mut reach = Reach::open(target).await?;
        look(&mut reach).await
    })
    .await
}

/// Leaves all stores, each under its lock. `keep` writes down what a store's ledger knows before
/// anything of it is removed; when it fails nothing is. Repeatable: cut off, it goes on.
///
/// # Errors
/// As [`plan_ejection`], with nothing changed; or what failed.
pub async fn eject(
    targets: &[Target],
    keep: &(dyn Fn(&Knowledge) -> Result<()> + Sync),
) -> Result<Vec<Ejected>> {
    plan_ejection(targets).await?;
    each(targets, |target| eject_one(target, keep)).await
}

async fn eject_one(
    target: &Target,
    keep: &(dyn Fn(&Knowledge) -> Result<()> + Sync),
) -> Result<Ejected> {
    let mut reach = Reach::open(target).await?;
    reach.lock().await?;
    let leaving = look(&mut reach).await?;
    if let Some(knowledge) = &leaving.knowledge {
        keep(knowledge)?;
    }
    run_all(&mut reach, &leaving.steps).await?;
    let left = left_behind(&mut reach).await?;
    if left.is_empty() {
        return Ok(leaving);
    }
    Err(vec![
        Fault::new(
            "FH3406",
            format!("{}: still there after eject: {}", target.label(), left.join(", ")),
        )
        .help("somebody makes them again at the same time, or the server ignores the statement: run the command again"),
    ])
}

/// What would go, and what the ledger knows.
async fn look(reach: &mut Reach<'_>) -> Result<Ejected> {
    let target = reach.target;
    let live = reach.look().await?;
    if live.database.is_none() {
        return Err(vec![nothing_there(target)]);
    }
    let Ejection {
        steps,
        refused,
        remains,
        by_hand,
    } = target
        .engine
        .eject_steps(reach.probe(), &target.want, &live);
    if !refused.is_empty() {
        return Err(refused);
    }
    let knowledge = if live.has_table(&target.want.spot.own("ledger")) {
        let (_, ledger) = diff_and_ledger(reach, &live).await?;
        finished(target, &ledger)?;
        Some(knowledge(target, &ledger))
    } else {
        None
    };
    Ok(Ejected {
        store: target.label(),
        steps,
        remains,
        by_hand,
        knowledge,
    })
}

fn nothing_there(target: &Target) -> Fault {
    Fault::new(
        "FH3404",
        format!("{}: there is no such store to leave", target.label()),
    )
    .help("freehold status shows what is there")
}

fn finished(target: &Target, ledger: &Ledger) -> Result<()> {
    let mut half = ledger
        .of(EntryKind::Migration)
        .filter(|entry| entry.state != State::Done);
    let Some(entry) = half.next() else {
        return Ok(());
    };
    Err(vec![
        Fault::new(
            "FH3405",
            format!("{}: migration {} is half done", target.label(), entry.id),
        )
        .help("finish it first: freehold apply"),
    ])
}

fn knowledge(target: &Target, ledger: &Ledger) -> Knowledge {
    let kinds = [
        (EntryKind::Migration, "migration"),
        (EntryKind::Seed, "seed"),
        (EntryKind::Other, "other"),
    ];
    let rows = kinds.iter().flat_map(|(kind, name)| {
        ledger.of(*kind).map(|entry| Row {
            kind: (*name).to_owned(),
            id: entry.id.clone(),
            checksum: entry.checksum.clone(),
            down_checksum: entry.down_checksum.clone(),
            total: entry.total,
            detail: entry.detail.clone(),
            at: entry.at.clone(),
        })
    });
    Knowledge {
        freehold_eject: FORMAT,
        system: target.want.system.clone(),
        store: target.label(),
        address: target.admin.to_string(),
        name: target.name.clone(),
        ledger: rows.collect(),
    }
}

/// What had to go and is there.
async fn left_behind(reach: &mut Reach<'_>) -> Result<Vec<String>> {
    let target = reach.target;
    let live = reach.look().await?;
    let names = &target.want.identities;
    let gone = [&names.sidecar, &names.backup, &names.issuer];
    let roles = gone
        .into_iter()
        .filter(|name| live.roles.contains_key(*name));
    let own = live.tables.keys();
    let own = own.filter(|name| target.want.spot.is_own(name));
    Ok(roles.chain(own).cloned().collect())
}

impl Knowledge {
    /// Reads a file's text.
    ///
    /// # Errors
    /// It is no such file, or one of another format (FH3407).
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let fault = |what: String| {
            vec![
                Fault::new("FH3407", format!("{file} does not tell what an ejected store had: {what}"))
                    .help("name the file that `freehold eject` wrote: freehold adopt SERVICE --from freehold --files FILE"),
            ]
        };
        let knowledge: Self =
            serde_json::from_str(text).map_err(|error| fault(error.to_string()))?;
        if knowledge.freehold_eject == FORMAT {
            Ok(knowledge)
        } else {
            Err(fault(format!(
                "its format is {}, this freehold's is {FORMAT}",
                knowledge.freehold_eject
            )))
        }
    }

    /// Refuses what was written of another store.
    pub(crate) fn is_of(&self, target: &Target) -> Result<()> {
        if (&self.system, &self.store) == (&target.want.system, &target.label()) {
            return Ok(());
        }
        let message = format!(
            "{}: the file is of the store {} of {}",
            target.label(),
            self.store,
            self.system
        );
        Err(vec![
            Fault::new("FH3407", message).help("name the file of this store"),
        ])
    }

    /// The ledger as it was.
    pub(crate) fn ledger(&self) -> Ledger {
        let entry = |row: &Row| Entry {
            kind: match row.kind.as_str() {
                "migration" => EntryKind::Migration,
                "seed" => EntryKind::Seed,
                _ => EntryKind::Other,
            },
            id: row.id.clone(),
            checksum: row.checksum.clone(),
            down_checksum: row.down_checksum.clone(),
            state: State::Done,
            progress: row.total,
            total: row.total,
            detail: row.detail.clone(),
            at: String::new(),
            upto: None,
        };
        self.ledger.iter().map(entry).collect()
    }
}
