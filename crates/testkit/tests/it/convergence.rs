//! Whatever an outsider with all rights changes by hand within a store, one `apply` makes the rights
//! as described, or tells by code, with the statement, what this administrator cannot undo.
//!
//! A property test over random edits. What is judged: each identity really tries what it may and
//! may not do; a dump of the catalogs by queries of the test's own, never by the engine's inspection.
//! During each `apply` one session attacks the append-only table and one does what the program may.
//! Mutants, engines that leave something out or have a weak moment, must not pass.
//!
//! In CI the edits are always the same; `FREEHOLD_PROVE=1` makes others each time, and many more.
//! The seed is printed; `FREEHOLD_SEED` replays it.

mod judge;
mod mariadb;
mod mutants;
mod postgres;
mod scene;
mod witness;

use std::collections::BTreeSet;

use freehold_engine::Engine;
use freehold_lifecycle::{Applied, apply, plan};
use freehold_model::{EngineKind, Fault, Isolation};
use freehold_testkit::{Admin, Random};

use scene::Scene;

/// What a run of the property amounted to.
#[derive(Debug, Default)]
struct Figures {
    rounds: usize,
    edits: usize,
    told: usize,
    unpruned: usize,
    attacks: usize,
    served: usize,
    tries: usize,
}

type Dump = BTreeSet<String>;

/// `rounds` times: some edits, one apply, and the verdict. Err: what did not hold.
async fn property(
    scene: &mut Scene,
    random: &mut Random,
    rounds: usize,
) -> Result<Figures, String> {
    let mut figures = Figures::default();
    // The first tries give the logins their passwords, which belongs to a store as it should be.
    figures.tries += judge::tries(scene).await?;
    let clean = scene.inside().await;
    let usual = advisories(scene).await?;
    for round in 0..rounds {
        let edits = scene.edit(random).await;
        figures.rounds += 1;
        figures.edits += edits.len();
        let prune = round % 4 != 3;
        let verdict = one(scene, &clean, &usual, prune, &mut figures).await;
        verdict.map_err(|what| {
            format!(
                "round {round}, prune: {prune}, {what}\nafter:\n  {}",
                edits.join(";\n  ")
            )
        })?;
    }
    Ok(figures)
}

async fn one(
    scene: &mut Scene,
    clean: &Dump,
    usual: &BTreeSet<String>,
    prune: bool,
    figures: &mut Figures,
) -> Result<(), String> {
    if !prune {
        figures.unpruned += 1;
        let before = scene.inside().await;
        let told = applied(scene, false, figures).await?;
        // A table that was given to somebody else is told, and its rights are not managed.
        let given_away = told.iter().any(|fault| fault.code == "FH3113");
        let wanted = if given_away { &Dump::new() } else { clean };
        only_added(&before, wanted, &scene.inside().await)?;
    }
    let told = applied(scene, true, figures).await?;
    let after = scene.inside().await;
    if without_by_hand(&after) != *clean
        || told.iter().any(|fault| !usual.contains(&fault.to_string()))
    {
        figures.told += 1;
        mend_as_told(scene, &told, usual, &difference(clean, &after)).await?;
        applied(scene, true, figures).await?;
        let after = scene.inside().await;
        if without_by_hand(&after) != *clean {
            return Err(format!(
                "the statements that were told did not mend it: {}",
                difference(clean, &after)
            ));
        }
    }
    figures.tries += judge::tries(scene).await?;
    scene.sweep().await;
    Ok(())
}

/// One apply, watched. The advisories that it leaves.
async fn applied(
    scene: &mut Scene,
    prune: bool,
    figures: &mut Figures,
) -> Result<Vec<Fault>, String> {
    scene.target.want.prune = prune;
    let outside = scene.outside().await;
    let (attacker, client) = witness::both(scene).await;
    let done = apply(std::slice::from_ref(&scene.target), &|_| {}).await;
    let attacker = attacker.ends().await;
    let client = client.ends().await;
    figures.attacks += attacker.refused;
    figures.served += client.done;
    let done = done.map_err(|faults| format!("apply failed: {}", shown(&faults)))?;
    // Foreign keys are checked with the rights of the table's owner: one that was given away to
    // somebody who loses the schema stops the program until that is mended. One that was given to
    // the program itself is its own. Both are told.
    let given_away = |store: &Applied| store.advisory.iter().any(|fault| fault.code == "FH3113");
    let given_away = done.iter().any(given_away);
    if attacker.done > 0 && !given_away {
        return Err(format!(
            "{} changes of the append-only table went through during apply",
            attacker.done
        ));
    }
    if let Some(error) = client.first_refusal
        && !given_away
    {
        return Err(format!("the program met an error during apply: {error}"));
    }
    let now = scene.outside().await;
    if now != outside {
        return Err(format!(
            "outside the store something changed: {}",
            difference(&outside, &now)
        ));
    }
    let again = plan(std::slice::from_ref(&scene.target)).await;
    let again = again.map_err(|faults| format!("plan failed: {}", shown(&faults)))?;
    if !again[0].is_empty() {
        return Err(format!("a second look finds work: {:#?}", again[0].steps));
    }
    let told = done.into_iter().flat_map(|store| store.advisory);
    Ok(told.filter(about_this_store).collect())
}

/// Runs, with all rights, the statements of what was told and is not usual.
async fn mend_as_told(
    scene: &mut Scene,
    told: &[Fault],
    usual: &BTreeSet<String>,
    differs: &str,
) -> Result<(), String> {
    let new: Vec<&Fault> = told
        .iter()
        .filter(|fault| !usual.contains(&fault.to_string()))
        .collect();
    if new.is_empty() {
        return Err(format!("not as described, and nothing was told: {differs}"));
    }
    for fault in new {
        if !scene.may_be_told(fault.code) {
            return Err(format!("this administrator could have mended it: {fault}"));
        }
        let statements: Vec<&str> = fault
            .help
            .iter()
            .filter_map(|line| statement(line))
            .collect();
        if statements.is_empty() {
            return Err(format!("no statement is told: {fault} {:?}", fault.help));
        }
        for sql in statements {
            let sent = scene.root.execute(sql).await;
            sent.map_err(|error| format!("{fault}\n{sql}: {error}"))?;
        }
    }
    Ok(())
}

fn statement(help: &str) -> Option<&str> {
    [
        "superuser: ",
        "administrator of the server: ",
        "if nobody needs it: ",
    ]
    .iter()
    .find_map(|words| help.split_once(words).map(|(_, sql)| sql))
}

/// Without pruning nothing that was there is gone, and all that is described is there.
fn only_added(before: &Dump, clean: &Dump, after: &Dump) -> Result<(), String> {
    let rights = |dump: &Dump| -> Dump {
        let kept = dump.iter().filter(|line| {
            // The issuer's function is freehold's own, and put right whatever `prune` says.
            line.starts_with("right ") && !line.contains("freehold_issue")
        });
        kept.cloned().collect()
    };
    let gone: Vec<String> = rights(before).difference(after).cloned().collect();
    if !gone.is_empty() {
        return Err(format!("taken away although `prune` is off: {gone:#?}"));
    }
    let plain =
        |line: &String| after.contains(line) || after.contains(&format!("{line} grantable"));
    let missing: Vec<String> = rights(clean)
        .into_iter()
        .filter(|line| !plain(line))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("described and not given: {missing:#?}"))
}

fn without_by_hand(dump: &Dump) -> Dump {
    let kept = dump.iter().filter(|line| !line.contains("by_hand"));
    kept.cloned().collect()
}

fn difference(wanted: &Dump, found: &Dump) -> String {
    let found = without_by_hand(found);
    let lost: Vec<_> = wanted.difference(&found).collect();
    let more: Vec<_> = found.difference(wanted).collect();
    format!("missing {lost:#?}, too much {more:#?}")
}

fn shown(faults: &[Fault]) -> String {
    let lines = faults
        .iter()
        .map(|fault| format!("{fault} {:?}", fault.help));
    lines.collect::<Vec<_>>().join("\n")
}

async fn advisories(scene: &Scene) -> Result<BTreeSet<String>, String> {
    let plans = plan(std::slice::from_ref(&scene.target)).await;
    let plans = plans.map_err(|faults| shown(&faults))?;
    let told = plans[0]
        .advisory
        .iter()
        .filter(|note| about_this_store(note));
    Ok(told.map(ToString::to_string).collect())
}

/// FH3106 counts databases of others, and other tests make and drop theirs meanwhile.
fn about_this_store(note: &Fault) -> bool {
    note.code != "FH3106"
}

async fn converges(kind: EngineKind, isolation: Isolation, admin: Admin) {
    let Some(mut scene) = Scene::new(kind, isolation, admin).await else {
        return;
    };
    let prove = std::env::var_os("FREEHOLD_PROVE").is_some();
    let mut random = Random::seeded();
    let label = scene.shape.label();
    let in_ci = if scene.is_shared() { 6 } else { 12 };
    let found = property(&mut scene, &mut random, if prove { 500 } else { in_ci }).await;
    let figures = found.unwrap_or_else(|what| panic!("{label}: {what}"));
    eprintln!("{label}: {figures:?}");
    assert!(
        figures.edits >= figures.rounds && figures.unpruned > 0,
        "{figures:?}"
    );
    assert!(figures.attacks > 0 && figures.served > 0, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_as_superuser() {
    converges(EngineKind::Postgres, Isolation::Database, Admin::Superuser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_as_plain_admin() {
    converges(EngineKind::Postgres, Isolation::Database, Admin::Plain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_as_superuser() {
    converges(EngineKind::Mariadb, Isolation::Database, Admin::Superuser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_as_plain_admin() {
    converges(EngineKind::Mariadb, Isolation::Database, Admin::Plain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_postgres() {
    converges(EngineKind::Postgres, Isolation::Schema, Admin::Superuser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_postgres() {
    converges(EngineKind::Postgres, Isolation::Tables, Admin::Superuser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_mariadb() {
    converges(EngineKind::Mariadb, Isolation::Tables, Admin::Superuser).await;
}

/// One edit, and the verdict, with another engine in place of the sound one. `§` is the store's name.
async fn dies(
    kind: EngineKind,
    mutant: &'static dyn Engine,
    edit: &str,
    prune: bool,
) -> Option<Result<(), String>> {
    let mut scene = Scene::new(kind, Isolation::Database, Admin::Superuser).await?;
    let found = judge::tries(&mut scene).await;
    found.unwrap_or_else(|what| panic!("before any edit: {what}"));
    let clean = scene.inside().await;
    let usual = advisories(&scene).await;
    let usual = usual.unwrap_or_else(|what| panic!("before any edit: {what}"));
    let edit = edit.replace('§', &scene.shape.name);
    let taken = scene.root.execute(&edit).await;
    taken.unwrap_or_else(|error| panic!("{edit}: {error}"));
    scene.target.engine = mutant;
    Some(one(&mut scene, &clean, &usual, prune, &mut Figures::default()).await)
}
