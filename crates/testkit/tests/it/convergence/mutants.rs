//! Engines that leave something out, do too much, or have a weak moment. The property must see each.

use freehold_engine::{
    Adoption, At, BoxFuture, Change, Connection, Diff, Drop, Endpoint, Engine, EngineInfo, Keep,
    LedgerSql, Live, Migrator, Probe, Result, Secret, Spot, Sql, Step, Subject, Verifier, Want,
};
use freehold_model::{EngineKind, Isolation};

use super::dies;

/// Changes what the sound engine found.
type Twist = fn(&Want, &mut Diff);

struct Mutant {
    inner: &'static dyn Engine,
    change: Twist,
    /// Prunes whatever the description says.
    prunes: bool,
}

impl Engine for Mutant {
    fn info(&self) -> &'static EngineInfo {
        self.inner.info()
    }

    fn dialect(&self) -> freehold_sql::Dialect {
        self.inner.dialect()
    }

    fn spot(&self, server: &Endpoint, isolation: Isolation, name: &str) -> Spot {
        self.inner.spot(server, isolation, name)
    }

    fn at_store(&self, server: &Endpoint, spot: &Spot) -> Endpoint {
        self.inner.at_store(server, spot)
    }

    fn connect<'a>(&'a self, at: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Connection>>> {
        self.inner.connect(at)
    }

    fn diff(&self, probe: &Probe, want: &Want, live: &Live) -> Diff {
        let want = Want {
            prune: want.prune || self.prunes,
            ..want.clone()
        };
        let mut diff = self.inner.diff(probe, &want, live);
        (self.change)(&want, &mut diff);
        diff
    }

    fn migrator(&self, probe: &Probe, want: &Want) -> Migrator {
        self.inner.migrator(probe, want)
    }

    fn adopt(&self, probe: &Probe, want: &Want, live: &Live) -> Adoption {
        self.inner.adopt(probe, want, live)
    }

    fn drop_steps(&self, probe: &Probe, want: &Want, live: &Live, keep: Keep) -> Drop {
        self.inner.drop_steps(probe, want, live, keep)
    }

    fn verifier(&self, probe: &Probe, login: &str, password: &Secret) -> Verifier {
        self.inner.verifier(probe, login, password)
    }

    fn ledger(&self, want: &Want) -> LedgerSql {
        self.inner.ledger(want)
    }
}

/// What it is, the edit that shows it, is the store pruned, the change, and what has to be said.
type Case = (&'static str, &'static str, bool, Twist, &'static str);

async fn killed(kind: EngineKind, cases: &[Case]) {
    for (name, edit, prune, change, says) in cases {
        let inner = freehold_builtin::engine(kind).expect("an engine");
        let mutant: &'static dyn Engine = Box::leak(Box::new(Mutant {
            inner,
            change: *change,
            prunes: !prune,
        }));
        let Some(what) = dies(kind, mutant, edit, *prune).await else {
            return;
        };
        let what = what.expect_err(name);
        assert!(what.contains(says), "{name} died of something else: {what}");
    }
}

fn forget(diff: &mut Diff, what: impl Fn(&Step) -> bool) {
    diff.steps.retain(|step| !what(step));
}

/// Pauses after each statement that takes something, each statement a transaction of its own.
fn slowly(diff: &mut Diff, nap: &str) {
    for step in &mut diff.steps {
        let takes = |sql: &Sql| sql.shown().starts_with("REVOKE");
        if step.subject != Subject::Grant || !step.sql.iter().any(takes) {
            continue;
        }
        step.atomic = false;
        let sql = std::mem::take(&mut step.sql).into_iter();
        let sql = sql
            .filter(|sql| !sql.shown().contains("SET LOCAL") && !sql.shown().starts_with("LOCK"));
        step.sql = sql
            .flat_map(|sql| {
                let nap = takes(&sql).then(|| Sql::text(nap));
                [Some(sql), nap].into_iter().flatten()
            })
            .collect();
    }
}

/// For a moment the program may change the append-only table.
fn weak_moment(want: &Want, diff: &mut Diff, to: &str, nap: &str) {
    let on = if want.spot.schema.is_empty() {
        &want.spot.database
    } else {
        &want.spot.schema
    };
    if diff.steps.is_empty() {
        return;
    }
    let moment = Step::new(
        Change::Change,
        Subject::Grant,
        At::Store,
        to,
        "a weak moment",
    )
    .not_atomic()
    .run(format!("GRANT UPDATE ON {on}.order_items TO {to}"))
    .run(nap)
    .run(format!("REVOKE UPDATE ON {on}.order_items FROM {to}"));
    diff.steps.insert(0, moment);
}

fn also(diff: &mut Diff, sql: String) {
    if let Some(step) = diff.steps.first_mut() {
        step.sql.push(Sql::text(sql));
    }
}

fn no_change(_: &Want, _: &mut Diff) {}

const SILENT: &str = "nothing was told";

#[tokio::test(flavor = "multi_thread")]
#[rustfmt::skip]
async fn of_postgres_die() {
    killed(EngineKind::Postgres, &[
        ("never takes a grant back", "GRANT DELETE ON order_items TO §_app_1", true,
            |_, diff| forget(diff, |step| step.subject == Subject::Grant && step.change == Change::Remove), SILENT),
        ("never changes a grant", "GRANT UPDATE ON order_items TO §_app", true,
            |_, diff| forget(diff, |step| step.subject == Subject::Grant && step.change == Change::Change), SILENT),
        ("never gives what is missing", "REVOKE SELECT ON orders FROM §_backup", true,
            |_, diff| forget(diff, |step| step.subject == Subject::Grant), SILENT),
        ("never closes a door", "GRANT CONNECT ON DATABASE § TO §_out", true,
            |_, diff| forget(diff, |step| step.subject == Subject::Access), SILENT),
        ("never mends a role", "ALTER ROLE §_app_1 CREATEDB", true,
            |_, diff| forget(diff, |step| step.subject == Subject::Identity), SILENT),
        ("never mends the issuer", "ALTER FUNCTION freehold_issue(text, text) SECURITY INVOKER", true,
            |_, diff| forget(diff, |step| step.subject == Subject::Issuer), SILENT),
        ("prunes always", "GRANT SELECT ON orders TO §_out", false, no_change, "taken away although"),
        ("tells nothing", "ALTER TABLE statuses OWNER TO §_out", true, |_, diff| diff.advisory.clear(), SILENT),
        ("takes first and gives later", "GRANT UPDATE ON orders TO §_app WITH GRANT OPTION", true,
            |_, diff| slowly(diff, "SELECT pg_catalog.pg_sleep(0.1)"), "the program met an error"),
        ("has a weak moment", "GRANT CONNECT ON DATABASE § TO §_out", true,
            |want, diff| weak_moment(want, diff, &want.identities.app.role, "SELECT pg_catalog.pg_sleep(0.1)"), "went through during apply"),
        ("touches a neighbour", "GRANT CONNECT ON DATABASE § TO §_out", true,
            |want, diff| also(diff, format!("RESET ROLE; ALTER ROLE {}_out CONNECTION LIMIT 5", want.service)), "outside the store"),
    ]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[rustfmt::skip]
async fn of_mariadb_die() {
    killed(EngineKind::Mariadb, &[
        ("never takes a grant back", "GRANT DELETE ON §.order_items TO §_app_1@'127.0.0.1'", true,
            |_, diff| forget(diff, |step| step.subject == Subject::Grant && step.change == Change::Remove), SILENT),
        ("never gives what is missing", "REVOKE SELECT ON §.orders FROM §_backup@'127.0.0.1'", true,
            |_, diff| forget(diff, |step| step.subject == Subject::Grant), SILENT),
        ("never closes a door", "GRANT SELECT ON §.* TO §_out@'127.0.0.1'", true,
            |_, diff| forget(diff, |step| step.subject == Subject::Access), SILENT),
        ("never mends an account", "ALTER USER §_owner@'127.0.0.1' ACCOUNT UNLOCK", true,
            |_, diff| forget(diff, |step| step.subject == Subject::Identity), SILENT),
        ("never mends the issuer", "ALTER PROCEDURE §.freehold_issue SQL SECURITY INVOKER", true,
            |_, diff| forget(diff, |step| step.subject == Subject::Issuer), SILENT),
        ("prunes always", "GRANT SELECT ON §.orders TO §_out@'127.0.0.1'", false, no_change, "taken away although"),
        ("tells nothing", "GRANT §_outr TO §_app_1@'127.0.0.1'", true, |_, diff| diff.advisory.clear(), SILENT),
        ("has a weak moment", "GRANT SELECT ON §.* TO §_out@'127.0.0.1'", true,
            |want, diff| weak_moment(want, diff, &format!("{}@'127.0.0.1'", want.identities.app.logins[0]), "DO SLEEP(0.1)"), "went through during apply"),
        ("touches a neighbour", "GRANT SELECT ON §.* TO §_out@'127.0.0.1'", true,
            |want, diff| also(diff, format!("ALTER USER {}_out@'127.0.0.1' WITH MAX_USER_CONNECTIONS 5", want.service)), "outside the store"),
    ]).await;
}
