//! `adopt`: takes over a store that is there already.
//!
//! Its present schema becomes the migration `0001_adopted`, or the files of the tool that made it
//! become migrations ([`crate::history_of`]); the ledger records them as applied. Nothing that the
//! store holds is run again or removed, and rights that nobody described stay until the
//! description says `prune: true`. The caller shows the plan, asks, and writes the files in between.

use freehold_bookkeeping::{self as bookkeeping, Entry, EntryKind, Ledger, State};
use freehold_engine::{Adoption, ErrorKind, Live, Probe, Step, TxMode};
use freehold_model::{EngineKind, Fault, Isolation, Migration};
use serde::Serialize;

use crate::Result;
use crate::apply::{Applied, count_rows, not_converged};
use crate::eject::Knowledge;
use crate::history_of::{self, Origin, Took};
use crate::migrate::entry_of;
use crate::reach::Reach;
use crate::script::{self, Script};
use crate::steps::run_all;
use crate::target::Target;

/// The migration that holds what was there.
const ADOPTED: &str = "adopted";
/// The ledger's row that says how the store came to be freehold's.
pub(crate) const LEDGER_ID: &str = "adopted";
/// Ownership, the diff, and a last look.
const ROUNDS: usize = 3;

/// A migration that an adoption writes, or finds written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdoptedFile {
    /// `0001_adopted`
    pub id: String,
    /// The statements, with a comment that says where they are from.
    #[serde(skip)]
    pub up: String,
    /// The reverse, where it is known.
    #[serde(skip)]
    pub down: Option<String>,
    /// How many statements the up has.
    pub statements: usize,
    /// Recorded as applied; else it is pending afterwards.
    pub applied: bool,
    /// It is there already with these statements: nothing is to be written.
    pub written: bool,
}

/// What taking over a store would do.
#[derive(Debug, Clone, Serialize)]
pub struct AdoptPlan {
    /// `orders`, or `orders.search`.
    pub store: String,
    /// The key of its server.
    pub server: String,
    /// The kind as described.
    pub engine: EngineKind,
    /// As people write it: `PostgreSQL`.
    pub product: &'static str,
    /// The server's version.
    pub version: String,
    /// The database, schema or prefix.
    pub name: String,
    /// Changes in order: ownership first, then what `apply` would do.
    pub steps: Vec<Step>,
    /// Migrations in order.
    pub files: Vec<AdoptedFile>,
    /// What was read of the tool that changed the schema so far.
    pub from: Option<Took>,
    /// What is not enforced, or only somebody with more rights can mend.
    pub advisory: Vec<Fault>,
    #[serde(skip)]
    scripts: Vec<Script<Migration>>,
    /// What it had before it was ejected, as its file says.
    #[serde(skip)]
    had: Option<Ledger>,
}

/// Looks, and changes nothing. `origin`: whose history the store has; `None`: its present schema is
/// written down. The target's own migrations are those that its folder has already.
///
/// # Errors
/// Nothing is there, it is freehold's already, or it cannot be written down.
pub async fn plan_adoption(target: &Target, origin: Option<Origin>) -> Result<AdoptPlan> {
    let mut reach = Reach::open(target).await?;
    let (steps, advisory) = changes(&mut reach, false).await?;
    let (migrations, from) = migrations(&mut reach, origin).await?;
    let (files, scripts) = checked(target, migrations)?;
    let probe = reach.probe();
    Ok(plan(target, probe, steps, advisory, (files, scripts, from)))
}

/// The same for a store that was ejected: what it had is known, and the logins with its names are
/// its own.
///
/// # Errors
/// The file is of another store, or does not fit the migrations.
pub async fn plan_return(target: &Target, knowledge: &Knowledge) -> Result<AdoptPlan> {
    knowledge.is_of(target)?;
    let had = knowledge.ledger();
    target.pending(&had)?;
    let mut reach = Reach::open(target).await?;
    let (steps, advisory) = changes(&mut reach, true).await?;
    let migrations = target.migrations.iter().map(|script| {
        let applied = had.get(EntryKind::Migration, &script.id).is_some();
        (script.file.clone(), applied)
    });
    let (files, scripts) = checked(target, migrations.collect())?;
    let probe = reach.probe();
    let mut plan = plan(target, probe, steps, advisory, (files, scripts, None));
    plan.had = Some(had);
    Ok(plan)
}

/// What would be changed: ownership and marks, then what a diff adds.
async fn changes(reach: &mut Reach<'_>, returns: bool) -> Result<(Vec<Step>, Vec<Fault>)> {
    let target = reach.target;
    let adoption = adoption(reach, returns).await?;
    let want = reach.want_of_adopted();
    let diff = target.engine.diff(reach.probe(), &want, &adoption.then);
    if !diff.refused.is_empty() {
        return Err(diff.refused);
    }
    let mut steps = adoption.steps;
    steps.extend(diff.steps);
    Ok((steps, diff.advisory))
}

/// Looks, and says how the store is taken over, if it may be.
async fn adoption(reach: &mut Reach<'_>, returns: bool) -> Result<Adoption> {
    let target = reach.target;
    let live = reach.look_at_somebody_elses().await?;
    is_there(target, &live)?;
    let (engine, probe) = (target.engine, reach.probe().clone());
    let reclaimed = if returns {
        engine.reclaim(&probe, &target.want, &live)
    } else {
        Adoption {
            then: live.clone(),
            ..Adoption::default()
        }
    };
    let mut adoption = engine.adopt(&probe, &target.want, &reclaimed.then);
    if !adoption.refused.is_empty() {
        return Err(adoption.refused);
    }
    not_run_by_us(reach, &live).await?;
    adoption.steps.splice(0..0, reclaimed.steps);
    Ok(adoption)
}

fn plan(
    target: &Target,
    probe: &Probe,
    steps: Vec<Step>,
    advisory: Vec<Fault>,
    (files, scripts, from): (Vec<AdoptedFile>, Vec<Script<Migration>>, Option<Took>),
) -> AdoptPlan {
    AdoptPlan {
        store: target.label(),
        server: target.server.clone(),
        engine: target.kind,
        product: probe.product,
        version: probe.version.clone(),
        name: target.name.clone(),
        steps,
        files,
        from,
        advisory,
        scripts,
        had: None,
    }
}

/// Takes the store over as planned, then looks until nothing is left to do. Repeatable: cut off, it
/// goes on when run again.
///
/// # Errors
/// What failed; nothing is recorded as applied then.
pub async fn adopt(target: &Target, plan: &AdoptPlan) -> Result<Applied> {
    let mut reach = Reach::open(target).await?;
    reach.lock().await?;
    let probe = reach.probe().clone();
    let mut steps = adoption(&mut reach, plan.had.is_some()).await?.steps;
    take_over(&mut reach, &steps).await?;
    // A look from before the mark was set may have closed the door.
    reach.leave_store();
    let want = reach.want_of_adopted();
    let mut recorded = false;
    for round in 0.. {
        let live = reach.look().await?;
        let mut diff = target.engine.diff(&probe, &want, &live);
        if !diff.refused.is_empty() {
            return Err(diff.refused);
        }
        if diff.steps.is_empty() && recorded {
            let tables = count_rows(&mut reach, &live).await?;
            return Ok(Applied {
                store: target.label(),
                steps,
                migrations: applied(plan).map(|script| script.id.clone()).collect(),
                tool: None,
                lock_waits: Vec::new(),
                tables,
                held_back: Vec::new(),
                advisory: diff.advisory,
            });
        }
        if round == ROUNDS {
            return Err(vec![not_converged(target, &diff.steps)]);
        }
        run_all(&mut reach, &diff.steps).await?;
        steps.append(&mut diff.steps);
        if !recorded {
            record(&mut reach, plan).await?;
            recorded = true;
        }
    }
    unreachable!("the loop returns")
}

fn is_there(target: &Target, live: &Live) -> Result<()> {
    let in_schema = target.want.isolation == Isolation::Schema;
    let there = live.database.is_some() && (!in_schema || live.schema.is_some());
    if there {
        return Ok(());
    }
    Err(vec![
        Fault::new(
            "FH3230",
            format!(
                "{}: there is no {} on {} to take over",
                target.label(),
                target.name,
                target.server
            ),
        )
        .help(if target.kind == EngineKind::Sqlite {
            format!(
                "move its file to {}/store.db, while no program has it open",
                target.want.spot.database
            )
        } else {
            "name the database that is there: `name:` under `store:` in service.yaml".to_owned()
        })
        .help("a store that is to be made anew needs no adoption: freehold apply"),
    ])
}

/// A ledger with migrations: freehold runs this store.
async fn not_run_by_us(reach: &mut Reach<'_>, live: &Live) -> Result<()> {
    let is_ours = matches!(live.database, Some(freehold_engine::Mark::Ours));
    if !is_ours {
        return Ok(());
    }
    let ledger = reach.ledger(live).await?;
    let done = ledger.of(EntryKind::Migration).count();
    let adopted = ledger.get(EntryKind::Other, LEDGER_ID).is_some();
    if done == 0 && !adopted {
        return Ok(());
    }
    let target = reach.target;
    let how = if adopted {
        "was adopted"
    } else {
        "is freehold's"
    };
    Err(vec![
        Fault::new(
            "FH3231",
            format!(
                "{}: {} {how} already, with {done} migrations applied",
                target.label(),
                target.name
            ),
        )
        .help("go on with it: freehold plan"),
    ])
}

/// What the folder and the store say, as files.
async fn migrations(
    reach: &mut Reach<'_>,
    origin: Option<Origin>,
) -> Result<(Vec<(Migration, bool)>, Option<Took>)> {
    let target = reach.target;
    if let Some(origin) = origin {
        if let Some(tool) = &target.foreign_tool {
            return Err(vec![
                Fault::new("FH3235", format!("{}: service.yaml says that {} goes on applying its files, so none are taken from it", target.label(), tool.name))
                    .help("run `freehold adopt` without `--from`, or take `migrations: { by: … }` out of service.yaml"),
            ]);
        }
        let (took, files) = history_of::take(reach, &origin).await?;
        return match files {
            Some(files) => Ok((files, Some(took))),
            None => Ok((vec![(schema_as_migration(reach).await?, true)], Some(took))),
        };
    }
    // The tool has its own record of what was applied.
    if target.foreign_tool.is_some() {
        return Ok((Vec::new(), None));
    }
    let Some(first) = target.migrations.first() else {
        return Ok((vec![(schema_as_migration(reach).await?, true)], None));
    };
    if first.file.name != ADOPTED {
        return Err(vec![
            Fault::new(
                "FH3234",
                format!("{}: its folder has migrations, and nothing tells which of them the store has: {} is the first", target.label(), first.file.up_file.display()),
            )
            .help("name the tool that applied them: freehold adopt --from flyway (liquibase, sqlx, atlas, prisma, django, alembic)")
            .help("or move them away, and the present schema is written as 0001_adopted.up.sql"),
        ]);
    }
    let files = target.migrations.iter();
    Ok((
        files
            .map(|script| (script.file.clone(), script.file.name == ADOPTED))
            .collect(),
        None,
    ))
}

/// The present schema as `0001_adopted`.
async fn schema_as_migration(reach: &mut Reach<'_>) -> Result<Migration> {
    let target = reach.target;
    let store = reach.store().await?;
    let dump = store.dump(&target.want).await;
    let dump = dump.map_err(|error| reach.fault(&error))?;
    if !dump.missing.is_empty() {
        return Err(vec![
            Fault::new(
                "FH3236",
                format!("{}: freehold cannot write these down: {}", target.label(), dump.missing.join(", ")),
            )
            .help("write 0001_adopted.up.sql by hand into the service's migrations folder (with pg_dump --schema-only, say); adopt then takes it as it is")
            .help("or move what stands in another schema to a service of its own"),
        ]);
    }
    let head = format!(
        "-- The schema of {} as it was when freehold took it over. It is recorded as applied there,\n-- and makes the same schema wherever the store is made anew.\n\n",
        target.name
    );
    let script = |statements: &[String], head: &str| {
        statements.iter().fold(head.to_owned(), |text, statement| {
            // MySQL's and SQLite's bodies end in END: the semicolon after it is the statement's.
            text + statement.trim_end().trim_end_matches(';') + ";\n\n"
        })
    };
    let mut migration = history_of::migration(1, ADOPTED, String::new(), None);
    migration.up = script(&dump.up, &head).trim_end().to_owned() + "\n";
    migration.down = Some(script(&dump.down, "").trim_end().to_owned() + "\n");
    let mut faults = Vec::new();
    let split = script::migrations(
        target.engine.dialect(),
        &target.want,
        vec![migration.clone()],
        &mut faults,
    );
    let same = split.iter().all(|script| script.up.len() == dump.up.len());
    if faults.is_empty() && !same {
        faults.push(Fault::new(
            "FH3236",
            format!(
                "{}: the schema could not be written so that its statements can be told apart",
                target.label()
            ),
        ));
    }
    if faults.is_empty() {
        Ok(migration)
    } else {
        Err(faults)
    }
}

/// Split and checked as `apply` would, against what the folder has.
fn checked(
    target: &Target,
    migrations: Vec<(Migration, bool)>,
) -> Result<(Vec<AdoptedFile>, Vec<Script<Migration>>)> {
    let mut faults = Vec::new();
    let applied: Vec<bool> = migrations.iter().map(|(_, applied)| *applied).collect();
    let files = migrations.into_iter().map(|(file, _)| file).collect();
    let scripts = script::migrations(target.engine.dialect(), &target.want, files, &mut faults);
    let mut files = Vec::new();
    for (script, applied) in scripts.iter().zip(applied) {
        let there = target.migrations.iter().find(|there| there.id == script.id);
        if there.is_some_and(|there| there.checksum != script.checksum) {
            faults.push(
                Fault::new(
                    "FH3237",
                    format!(
                        "{}: {} is there and says something else than what would be written",
                        target.label(),
                        script.id
                    ),
                )
                .help("move it away, then run the command again"),
            );
        }
        files.push(AdoptedFile {
            id: script.id.clone(),
            up: script.file.up.clone(),
            down: script.file.down.clone(),
            statements: script.up.len(),
            applied,
            written: there.is_some(),
        });
    }
    if faults.is_empty() {
        Ok((files, scripts))
    } else {
        Err(faults)
    }
}

/// Ownership. What a plain administrator may not do is said with the statement that lets it.
async fn take_over(reach: &mut Reach<'_>, steps: &[Step]) -> Result<()> {
    let target = reach.target;
    run_all(reach, steps).await.map(|_| ()).map_err(|mut faults| {
        let denied = ErrorKind::Denied;
        let code = freehold_engine::Error::new(denied, "").fault().code;
        for fault in faults.iter_mut().filter(|fault| fault.code == code) {
            fault.code = "FH3233";
            *fault = fault.clone().help(format!(
                "as an administrator of the server: make {} a member of who owns it now, or run this once as a superuser",
                target.admin.user
            ));
        }
        faults
    })
}

fn applied(plan: &AdoptPlan) -> impl Iterator<Item = &Script<Migration>> {
    let both = plan.scripts.iter().zip(&plan.files);
    both.filter(|(_, file)| file.applied)
        .map(|(script, _)| script)
}

/// The migrations, and how the store came to be freehold's, in one transaction.
async fn record(reach: &mut Reach<'_>, plan: &AdoptPlan) -> Result<()> {
    let target = reach.target;
    let sql = target.engine.ledger(&target.want);
    let detail = serde_json::to_string(&plan.from).unwrap_or_default();
    let adopted = Entry {
        kind: EntryKind::Other,
        id: LEDGER_ID.to_owned(),
        checksum: String::new(),
        down_checksum: None,
        state: State::Done,
        progress: 0,
        total: 0,
        detail,
        at: String::new(),
        upto: None,
    };
    let entries: Vec<Entry> = match &plan.had {
        None => applied(plan).map(entry_of).chain([adopted]).collect(),
        Some(had) => had.all().cloned().collect(),
    };
    let owner = reach.owner().await?;
    let done = async {
        owner.begin(TxMode::Write).await?;
        for entry in &entries {
            bookkeeping::put(owner, &sql, entry).await?;
        }
        owner.commit().await.done()
    };
    let done = done.await;
    done.map_err(|error| reach.fault(&error))
}
