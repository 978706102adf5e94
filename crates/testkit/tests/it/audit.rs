//! The audit's decisions against what happens when each principal really tries.
//!
//! `FREEHOLD_PROVE=1` makes a thousand databases of each kind, other ones each time. Mutants of the
//! facts show that the oracle notices each kind of wrong.

mod bookvault;
mod planted;
mod size;
mod versions;

use freehold_engine::audit::{Facts, Grantee, On};
use freehold_engine::{Endpoint, Secret};
use freehold_model::EngineKind;
use freehold_private_servers::{Kind, PrivateServer, Settings, start};
use freehold_testkit::audit::{Round, mariadb, postgres};
use freehold_testkit::{Must as _, Random, TestServer};

fn rounds() -> usize {
    let wanted = std::env::var("FREEHOLD_ROUNDS")
        .ok()
        .and_then(|own| own.parse().ok());
    let prove = std::env::var_os("FREEHOLD_PROVE").is_some();
    wanted.unwrap_or(if prove { 1000 } else { 50 })
}

fn judge(round: &Round) {
    let wrong = round.wrong(&round.facts);
    if let Some((attempt, said)) = wrong.first() {
        for sql in &round.made {
            eprintln!("{sql};");
        }
        panic!(
            "{} of {} decisions are wrong in the database of seed {}; the first: {attempt:#?}\nthe analysis said {said}",
            wrong.len(),
            round.attempts.len(),
            round.seed
        );
    }
}

/// One way to read facts wrongly.
type Mutant = (&'static str, fn(&mut Facts));

const MUTANTS: &[Mutant] = &[
    ("every membership is inherited", |facts| {
        facts
            .memberships
            .iter_mut()
            .for_each(|own| own.inherits = true);
    }),
    ("no membership is inherited", |facts| {
        facts
            .memberships
            .iter_mut()
            .for_each(|own| own.inherits = false);
    }),
    ("schemas are no gates", |facts| {
        facts.rules.schemas_are_gates = false;
    }),
    ("databases are no gates", |facts| {
        facts.rules.databases_are_gates = false;
    }),
    ("rights of everybody do not count", |facts| {
        facts
            .grants
            .retain(|own| own.to != Grantee::Public || matches!(own.on, On::Database(_)));
    }),
    ("rights on columns do not count", |facts| {
        facts.grants.retain(|own| !matches!(own.on, On::Column(..)));
    }),
    ("superusers are checked", |facts| {
        facts
            .principals
            .iter_mut()
            .for_each(|own| own.superuser = false);
    }),
    ("views read with the rights of whoever asks", |facts| {
        facts
            .relations
            .iter_mut()
            .for_each(|own| own.invoker = true);
    }),
    ("routines run with the rights of whoever calls", |facts| {
        facts
            .routines
            .iter_mut()
            .for_each(|own| own.definer = false);
    }),
    ("row security does not apply", |facts| {
        facts
            .relations
            .iter_mut()
            .for_each(|own| own.row_security.on = false);
    }),
    ("no policy lets rows through", |facts| {
        facts
            .principals
            .iter_mut()
            .for_each(|own| own.bypasses_row_security = false);
    }),
    ("roles cannot be taken on", |facts| {
        facts
            .memberships
            .iter_mut()
            .for_each(|own| own.may_set = false);
    }),
];

/// What of it a MariaDB server knows, and what it alone does.
const MARIADB: [&str; 6] = [
    "no membership is inherited",
    "rights of everybody do not count",
    "rights on columns do not count",
    "views read with the rights of whoever asks",
    "routines run with the rights of whoever calls",
    "roles cannot be taken on",
];

/// What of it a MySQL server knows.
const MYSQL: [&str; 7] = [
    "definers are not asked",
    "definers lose their roles",
    "no membership is inherited",
    "rights on columns do not count",
    "views read with the rights of whoever asks",
    "routines run with the rights of whoever calls",
    "rights on a whole database do not count",
];

const MARIADB_ALONE: &[Mutant] = &[
    ("definers keep their roles", |facts| {
        facts.rules.definers_without_roles = false;
    }),
    ("rights on a whole database do not count", |facts| {
        facts.grants.retain(|own| !matches!(own.on, On::Schema(_)));
    }),
    ("patterns do not count", |facts| {
        facts.grants.retain(|own| !own.wildcard);
    }),
];

const MYSQL_ALONE: &[Mutant] = &[
    ("definers are not asked", |facts| {
        facts.rules.definers_are_asked = false;
    }),
    ("definers lose their roles", |facts| {
        facts.rules.definers_without_roles = true;
    }),
];

#[tokio::test]
async fn postgres_decides_as_the_audit_says() {
    let Some(server) = TestServer::alone(EngineKind::Postgres).await else {
        return;
    };
    let engine = freehold_builtin::engine(EngineKind::Postgres).expect("an engine");
    postgres::prepare(engine, &server.admin).await;
    let mut random = Random::seeded();
    let mut alive: Vec<Mutant> = MUTANTS.to_vec();
    let mut tried = 0;
    for _ in 0..rounds() {
        let seed = random.below(1 << 40) as u64;
        let round = postgres::round(engine, &server.admin, seed).await;
        judge(&round);
        tried += round.attempts.len();
        alive.retain(|(_, mutate)| {
            let mut facts = round.facts.clone();
            mutate(&mut facts);
            round.wrong(&facts).is_empty()
        });
    }
    let alive: Vec<&str> = alive.iter().map(|(name, _)| *name).collect();
    assert!(alive.is_empty(), "nobody noticed: {alive:?}");
    eprintln!(
        "{tried} attempts in {} databases went as the audit said",
        rounds()
    );
}

#[tokio::test]
async fn mariadb_decides_as_the_audit_says() {
    let Some(server) = TestServer::alone(EngineKind::Mariadb).await else {
        return;
    };
    let alone = MARIADB_ALONE.iter().map(|(name, _)| *name);
    decides(
        &server.admin,
        &MARIADB.into_iter().chain(alone).collect::<Vec<_>>(),
    )
    .await;
}

/// Only where a MySQL is named by `FREEHOLD_TEST_MYSQL_BIN`, as the long proofs do.
#[tokio::test]
async fn mysql_decides_as_the_audit_says() {
    let Some(programs) = std::env::var_os("FREEHOLD_TEST_MYSQL_BIN") else {
        return;
    };
    let folder = tempfile::tempdir().must("a folder");
    let mut settings = Settings::new(Kind::Mysql, folder.path().join("server"));
    settings.bin_dir = Some(programs.into());
    let running = Running(start(&settings).await.must("it starts"));
    let admin = Endpoint::parse(EngineKind::Mysql, &Secret::new(running.0.url())).must("its URL");
    decides(&admin, &MYSQL).await;
}

/// Ends with its test, however that ends.
struct Running(PrivateServer);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill();
    }
}

/// Random databases until every mutant of these names is dead.
async fn decides(admin: &Endpoint, mutants: &[&str]) {
    let engine = freehold_builtin::engine(EngineKind::Mariadb).expect("an engine");
    let mut random = Random::seeded();
    let known = MUTANTS.iter().chain(MARIADB_ALONE).chain(MYSQL_ALONE);
    let mut alive: Vec<Mutant> = known
        .filter(|(name, _)| mutants.contains(name))
        .copied()
        .collect();
    assert_eq!(alive.len(), mutants.len());
    let mut tried = 0;
    for _ in 0..rounds() {
        let seed = random.below(1 << 40) as u64;
        let round = mariadb::round(engine, admin, seed).await;
        judge(&round);
        tried += round.attempts.len();
        alive.retain(|(_, mutate)| {
            let mut facts = round.facts.clone();
            mutate(&mut facts);
            round.wrong(&facts).is_empty()
        });
    }
    let alive: Vec<&str> = alive.iter().map(|(name, _)| *name).collect();
    assert!(alive.is_empty(), "nobody noticed: {alive:?}");
    eprintln!(
        "{tried} attempts in {} databases went as the audit said",
        rounds()
    );
}
