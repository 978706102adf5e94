//! A long random walk through everything that the lifecycle does, with the real binary: plans, applies,
//! seeds, rollbacks, destroys, adoptions, new migrations, edits by outsiders, rows of the program;
//! with SIGKILL for the run and, where there is one, for the server at random moments. A model says
//! what has to be there after each.
//!
//! A few steps in CI, always the same; `FREEHOLD_PROVE_MINUTES=60` walks that long, another way each
//! time (`cargo xtask prove lifecycle`). The seed is printed; `FREEHOLD_SEED` goes the same way.

mod model;
mod world;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use freehold_engine::{Connection, Value};
use freehold_model::EngineKind;
use freehold_testkit::{Must as _, Random, conformance, once};

use model::{MIGRATIONS, Model, Op};
use world::{Kill, World};

const STEPS_IN_CI: usize = 30;

/// How often each thing was done, by name.
type Figures = BTreeMap<String, usize>;

async fn walk(kind: EngineKind) {
    let Some(world) = World::new(kind).await else {
        return;
    };
    let minutes = std::env::var("FREEHOLD_PROVE_MINUTES").ok();
    let minutes = minutes.and_then(|minutes| minutes.parse().ok());
    let mut random = match minutes {
        Some(_) if std::env::var_os("FREEHOLD_SEED").is_none() => {
            let seed = u64::from(std::process::id());
            eprintln!("FREEHOLD_SEED={seed}");
            Random::from(seed)
        }
        _ => Random::seeded(),
    };
    let (begun, mut steps) = (Instant::now(), 0);
    let mut model = Model::new();
    let mut figures = Figures::new();
    let mut story: Vec<String> = Vec::new();
    while match minutes {
        Some(minutes) => begun.elapsed() < Duration::from_mins(minutes),
        None => steps < STEPS_IN_CI,
    } {
        steps += 1;
        let (op, kill) = choose(&mut random, &model, world.shape.kind);
        story.push(format!("{op:?} {kill:?}"));
        let done = step(&world, &mut model, &mut figures, &mut random, op, kill).await;
        done.unwrap_or_else(|what| {
            let last = &story[story.len().saturating_sub(12)..];
            panic!(
                "{kind}: step {steps}: {what}\n{model:#?}\nlast:\n  {}",
                last.join("\n  ")
            )
        });
    }
    // After all that, one run makes everything right.
    let last = step(
        &world,
        &mut model,
        &mut figures,
        &mut random,
        Op::Apply,
        Kill::None,
    )
    .await;
    last.unwrap_or_else(|what| panic!("{kind}: at the end: {what}"));
    eprintln!(
        "{kind}: {steps} steps in {:.0} s: {figures:?}",
        begun.elapsed().as_secs_f64()
    );
    let hit = minutes.is_none() || figures.contains_key("killed");
    assert!(hit, "no kill hit: {figures:?}");
}

fn choose(random: &mut Random, model: &Model, kind: EngineKind) -> (Op, Kill) {
    let op = loop {
        let op = match random.below(20) {
            0..=4 => Op::Apply,
            5 => Op::Applies,
            6..=7 => Op::Plan,
            8..=9 => Op::Seed,
            10 => Op::Unseed,
            11..=12 => Op::Rollback(random.below(MIGRATIONS)),
            13 => Op::Destroy,
            14..=15 => Op::Deploy,
            16 => Op::Edit,
            17..=18 => Op::Write,
            _ => Op::Adopt,
        };
        let can_edit = kind != EngineKind::Sqlite || op != Op::Edit;
        if model.allows(op) && can_edit {
            break op;
        }
    };
    (op, kill(random, kind))
}

/// Within the time that most commands take.
fn kill(random: &mut Random, kind: EngineKind) -> Kill {
    let within = if kind == EngineKind::Sqlite { 60 } else { 400 };
    let after = u64::try_from(random.below(within)).expect("short");
    let after = Duration::from_millis(after);
    match random.below(10) {
        0..=2 => Kill::Process(after),
        3 if kind != EngineKind::Sqlite => Kill::Server(after),
        _ => Kill::None,
    }
}

/// Does it, and compares. Err: what is not as the model says.
async fn step(
    world: &World,
    model: &mut Model,
    figures: &mut Figures,
    random: &mut Random,
    op: Op,
    kill: Kill,
) -> Result<(), String> {
    let to;
    let arguments: &[&str] = match op {
        Op::Apply => &["apply"],
        Op::Plan => &["plan", "--exit-code"],
        Op::Seed => &["seed"],
        Op::Unseed => &["seed", "--undo"],
        Op::Rollback(number) => {
            to = number.to_string();
            &["rollback", "--to", &to, "--yes"]
        }
        Op::Destroy => &["destroy", "--yes", "--force"],
        Op::Applies | Op::Deploy | Op::Edit | Op::Write | Op::Adopt => &[],
    };
    let said = match op {
        Op::Applies => {
            let other = world.begin(&["apply"]);
            let said = world.run(&["apply"], kill).await;
            let other = other.wait_with_output().expect("it ends");
            let failed = !other.status.success();
            if failed && !matches!(kill, Kill::Server(_)) {
                return Err(format!(
                    "two at once: {}",
                    String::from_utf8_lossy(&other.stderr)
                ));
            }
            said.filter(|_| !failed)
        }
        Op::Deploy => {
            model.described += 1;
            world.deploy(model);
            count(figures, "deployed");
            return Ok(());
        }
        Op::Edit | Op::Write => {
            by_hand(world, op, random).await;
            *model = model.after(op);
            count(figures, "by hand");
            return Ok(());
        }
        Op::Adopt => {
            let tries = world.adopts(|| self::kill(random, world.shape.kind));
            let tries = tries.await?;
            *figures
                .entry("adoptions broken off".to_owned())
                .or_default() += tries - 1;
            count(figures, "adopted");
            return look(world, model).await;
        }
        _ => world.run(arguments, kill).await,
    };
    match said {
        Some(said) if op == Op::Plan && said.code <= 1 => {
            if model
                .has_work()
                .is_some_and(|work| work != (said.code == 1))
            {
                return Err(format!("the plan is wrong: {}", said.out));
            }
        }
        Some(said) if said.code == 0 => {
            *model = model.after(op);
            if op == Op::Destroy {
                // Begins again with few migrations.
                *model = Model::new();
                world.withdraw();
            }
        }
        Some(said) if matches!(kill, Kill::Server(_)) && said.err.contains("error[FH") => {
            count(figures, "told by code");
            *model = model.during(op);
        }
        Some(said) => return Err(format!("{op:?}: {}{}", said.out, said.err)),
        None => {
            count(figures, "killed");
            *model = model.during(op);
        }
    }
    if matches!(kill, Kill::Server(_)) {
        count(figures, "server stopped");
    }
    let name = format!("{op:?}");
    count(figures, name.split('(').next().unwrap_or_default());
    look(world, model).await
}

fn count(figures: &mut Figures, what: &str) {
    *figures.entry(what.to_owned()).or_default() += 1;
}

/// What outsiders and the program do.
async fn by_hand(world: &World, op: Op, random: &mut Random) {
    if op == Op::Write {
        let sql = "INSERT INTO orders (customer_id) VALUES (1)";
        world.owner().await.execute(sql).await.must(sql);
        return;
    }
    let name = &world.shape.name;
    let (ledger, app, backup) = if world.shape.kind == EngineKind::Postgres {
        (
            "freehold_ledger".to_owned(),
            format!("{name}_app"),
            format!("{name}_backup"),
        )
    } else {
        (
            format!("{name}.freehold_ledger"),
            format!("{name}_app_1@'127.0.0.1'"),
            format!("{name}_backup@'127.0.0.1'"),
        )
    };
    let sql = match random.below(3) {
        0 => format!("GRANT INSERT ON {ledger} TO {app}"),
        1 => format!("REVOKE SELECT ON {ledger} FROM {backup}"),
        _ => format!("GRANT DELETE ON {ledger} TO {app}"),
    };
    let server = world.server.as_ref().must("a server");
    let engine = freehold_builtin::engine(world.shape.kind).must("an engine");
    let root = engine.connect(&server.admin.with_database(name)).await;
    root.must("all rights").execute(&sql).await.must(&sql);
}

/// What is there, held against the model; where it was uncertain, it is known afterwards.
async fn look(world: &World, model: &mut Model) -> Result<(), String> {
    if let Some(neighbour) = &world.neighbour {
        neighbour.is_untouched().await;
    }
    let certain = model.exists.is_some() && model.applied.is_some();
    if model.tidy && conformance::migrators(&world.shape).await > 0 {
        return Err("a migrator is left".to_owned());
    }
    if model.exists == Some(false) {
        let left = conformance::everything(&world.shape).await;
        let left: Vec<_> = left
            .iter()
            .filter(|row| !is_somebody_elses(world, row))
            .collect();
        return if left.is_empty() {
            Ok(())
        } else {
            Err(format!("left behind: {left:?}"))
        };
    }
    if !certain {
        return Ok(());
    }
    let mut owner = world.owner().await;
    if let Some(wanted) = model.witnesses() {
        let target = world.target(MIGRATIONS);
        let found = once::rows(&world.shape, &target).await;
        if found != wanted {
            return Err(format!("migrations left {found:?} and not {wanted:?}"));
        }
    }
    if model.applied >= Some(1) {
        let found = number(&mut *owner, "SELECT COUNT(*) FROM orders").await;
        if !model.orders.contains(&found) {
            return Err(format!("{found} orders, and not one of {:?}", model.orders));
        }
        model.orders = [found].into();
    }
    if model.has_seed_table() {
        let seeds = "SELECT COUNT(*) FROM statuses WHERE code IN ('confirmed', 'shipped')";
        let found = number(&mut *owner, seeds).await;
        if !model.seeded.contains(&(found == 2)) || found == 1 {
            return Err(format!(
                "{found} seeded rows, and seeded: {:?}",
                model.seeded
            ));
        }
        model.seeded = [found == 2].into();
    }
    Ok(())
}

/// The neighbour's.
fn is_somebody_elses(world: &World, row: &[Value]) -> bool {
    let name = format!("{}_else", world.shape.name);
    row.iter()
        .filter_map(Value::text)
        .any(|text| text.starts_with(&name))
}

async fn number(connection: &mut dyn Connection, sql: &str) -> i64 {
    let rows = connection.query(sql, &[]).await.must(sql);
    rows[0][0].int().must("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    walk(EngineKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb() {
    walk(EngineKind::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    walk(EngineKind::Sqlite).await;
}

/// What must not happen is noticed: a migration that ran twice, a lost row, a lost line of the
/// ledger, a seed that is half there.
#[tokio::test]
async fn what_must_not_happen_is_noticed() {
    let world = World::new(EngineKind::Sqlite)
        .await
        .must("no server is needed");
    let (mut figures, mut random) = (Figures::new(), Random::from(1));
    let mut model = Model::new();
    let story = [
        Op::Deploy,
        Op::Deploy,
        Op::Deploy,
        Op::Apply,
        Op::Write,
        Op::Seed,
    ];
    for op in story {
        let done = step(
            &world,
            &mut model,
            &mut figures,
            &mut random,
            op,
            Kill::None,
        )
        .await;
        done.expect("as the model says");
    }
    for (sabotage, undone, noticed) in [
        (
            "INSERT INTO ran VALUES (2)",
            "DELETE FROM ran WHERE rowid = (SELECT MAX(rowid) FROM ran)",
            "migrations left",
        ),
        (
            "DELETE FROM orders",
            "INSERT INTO orders (customer_id) VALUES (1)",
            "0 orders",
        ),
        (
            "DELETE FROM statuses WHERE code = 'shipped'",
            "INSERT INTO statuses VALUES ('shipped', 'It is')",
            "1 seeded",
        ),
        (
            "DELETE FROM freehold_ledger WHERE id = '0005_more'",
            "",
            "the plan is wrong",
        ),
    ] {
        world.owner().await.execute(sabotage).await.must(sabotage);
        let mut tried = model.clone();
        let done = step(
            &world,
            &mut tried,
            &mut figures,
            &mut random,
            Op::Plan,
            Kill::None,
        )
        .await;
        let what = done.expect_err(sabotage);
        assert!(what.contains(noticed), "{sabotage}: {what}");
        if !undone.is_empty() {
            world.owner().await.execute(undone).await.must(undone);
        }
    }
}
