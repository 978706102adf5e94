//! What stands in each store, as the console shows it: tables and who may touch them, as the catalog
//! says now, and what the ledger says was applied.

use std::collections::{BTreeMap, BTreeSet};

use freehold_bookkeeping::{EntryKind, Ledger, State};
use freehold_console::Moment;
use freehold_console::moment::{Identity, Migration, Table};
use freehold_engine::{Connection, Live, Object};
use freehold_lifecycle::Target;
use freehold_model::{EngineKind, Fault, System};

/// Rows are counted up to here.
const MOST_ROWS: u64 = 100_000;
/// The letters of rights, in their order.
const LETTERS: [(&str, char); 4] = [
    ("SELECT", 'S'),
    ("INSERT", 'I'),
    ("UPDATE", 'U'),
    ("DELETE", 'D'),
];

/// By service and store.
#[derive(Debug, Clone, Default)]
pub(in crate::command) struct Grounds(BTreeMap<(String, String), Ground>);

#[derive(Debug, Clone)]
struct Ground {
    tables: Vec<Table>,
    identities: Vec<Identity>,
    migrations: Vec<Migration>,
}

/// Reads every store that is there, read-only.
pub(in crate::command) async fn seen(
    system: &System,
    targets: &[Target],
) -> Result<Grounds, Vec<Fault>> {
    let fault = |error: freehold_engine::Error| vec![error.fault()];
    let mut all = BTreeMap::new();
    for target in targets {
        let at = target.engine.at_store(&target.admin, &target.want.spot);
        let mut connection = target.engine.connect(&at).await.map_err(fault)?;
        let live = connection.inspect(&target.want).await.map_err(fault)?;
        let ledger = match live.ledger_format {
            Some(_) => {
                let sql = target.engine.ledger(&target.want);
                freehold_bookkeeping::read(connection.as_mut(), &sql)
                    .await
                    .map_err(fault)?
            }
            None => Ledger::default(),
        };
        let of = (target.want.service.clone(), target.want.store.clone());
        let mut seen = ground(system, target, &live, &ledger);
        // What nobody may count is not counted, and all else is shown.
        let _ = count(connection.as_mut(), target, &mut seen).await;
        all.insert(of, seen);
    }
    Ok(Grounds(all))
}

/// Counts the rows of the store's tables, each up to a limit: a large one is not read through.
async fn count(
    connection: &mut dyn Connection,
    target: &Target,
    seen: &mut Ground,
) -> freehold_engine::Result<()> {
    // A reader of plans sees no rows.
    if target.planner {
        return Ok(());
    }
    for table in seen.tables.iter_mut().filter(|own| !own.ours) {
        let quote = match target.kind {
            EngineKind::Mysql | EngineKind::Mariadb => '`',
            _ => '"',
        };
        if table.name.contains(quote) {
            continue;
        }
        let name = format!("{quote}{}{quote}", table.name);
        let sql =
            format!("SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT {MOST_ROWS}) AS counted");
        let rows = connection.read_as_owner(&target.want, &sql).await?;
        let counted = rows.first().and_then(|row| row.first()?.whole());
        table.rows = counted.and_then(|own| u64::try_from(own).ok());
    }
    Ok(())
}

impl Grounds {
    /// Puts it where pages look for it.
    pub(in crate::command) fn fill(&self, moment: &mut Moment) {
        for service in &mut moment.services {
            for store in &mut service.stores {
                if let Some(own) = self.0.get(&(service.name.clone(), store.key.clone())) {
                    store.tables.clone_from(&own.tables);
                    store.identities.clone_from(&own.identities);
                    store.migrations.clone_from(&own.migrations);
                }
            }
        }
    }
}

fn ground(system: &System, target: &Target, live: &Live, ledger: &Ledger) -> Ground {
    let want = &target.want;
    let has_identities = target.engine.info().identities;
    let roles = [
        ("app", &want.identities.app.role),
        ("sidecar", &want.identities.sidecar),
        ("backup", &want.identities.backup),
    ];
    let roles: Vec<_> = roles.into_iter().filter(|_| has_identities).collect();
    let copies = system.services.get(&want.service).map(|own| &own.copies);
    let tables = live
        .tables
        .iter()
        .filter(|(_, own)| !own.view)
        .map(|(name, _)| {
            let ours = name.contains("freehold_");
            let copy = copies.and_then(|own| own.get(name));
            let kind = match copy {
                Some(copy) => format!("copy of {}", copy.service),
                None if want.append_only.contains(name) => "append-only".to_owned(),
                None => String::new(),
            };
            Table {
                name: name.clone(),
                kind,
                ours,
                rows: None,
                bytes: None,
                rights: roles
                    .iter()
                    .map(|(_, role)| letters(live, role, name))
                    .collect(),
            }
        });
    let mut tables: Vec<Table> = tables.collect();
    tables.sort_by_key(|own| own.ours);
    let identities = roles.iter().map(|(name, role)| Identity {
        name: (*name).to_owned(),
        detail: (*role).clone(),
    });
    Ground {
        tables,
        identities: identities.collect(),
        migrations: migrations(target, ledger),
    }
}

/// What a role itself may do to a table.
fn letters(live: &Live, role: &str, table: &str) -> String {
    let may: BTreeSet<&str> = live
        .grants
        .iter()
        .filter(|own| own.grantee == *role)
        // On an append-only table they are of columns: all but those that the server fills in.
        .filter(
            |own| matches!(&own.on, Object::Table(name) | Object::Column(name, _) if name == table),
        )
        .map(|own| own.privilege.as_str())
        .collect();
    let held = LETTERS.iter().filter(|(word, _)| may.contains(word));
    held.map(|(_, letter)| *letter).collect()
}

fn migrations(target: &Target, ledger: &Ledger) -> Vec<Migration> {
    let shown = ledger.of(EntryKind::Migration).map(|entry| {
        let (version, name) = entry.id.split_once('_').unwrap_or((&entry.id, ""));
        let file = target.migrations.iter().find(|own| own.id == entry.id);
        Migration {
            version: version.to_owned(),
            name: name.to_owned(),
            checksum: entry.checksum.chars().take(8).collect(),
            same: entry.state == State::Done
                && file.is_some_and(|own| own.checksum == entry.checksum),
            statements: entry.total,
            reversible: entry.down_checksum.is_some(),
            applied_at: freehold_look::clock::read(&entry.at),
            took_ms: None,
        }
    });
    shown.collect()
}
