//! Random databases on PostgreSQL: roles, memberships, rights of every kind, row security, views,
//! routines. Each principal logs in by itself; each of its attempts is undone.

use std::fmt::Write as _;

use freehold_engine::audit::{Limits, Rights};
use freehold_engine::{Connection, Endpoint, Engine, Secret, Value};

use super::{Attempt, Round, Try};
use crate::{Must as _, Random};

/// The database that rounds use, one after the other.
pub const DATABASE: &str = "audit_oracle";
const PASSWORD: &str = "not-a-secret";
/// One hash round instead of thousands: logging in is not what is tested.
const VERIFIER_ITERATIONS: &str = "SET scram_iterations = 1";

const ATTEMPT: &str = "
CREATE SCHEMA oracle;
GRANT USAGE ON SCHEMA oracle TO PUBLIC;
CREATE FUNCTION oracle.attempt(role text, what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE said text;
BEGIN
  IF role <> '' THEN EXECUTE format('SET LOCAL ROLE %I', role); END IF;
  EXECUTE what;
  RAISE EXCEPTION USING ERRCODE = 'FH000', MESSAGE = 'undone';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS said = MESSAGE_TEXT;
  RETURN SQLSTATE || ' ' || said;
END $$;";

/// What a round is made of.
struct Scene<'r> {
    random: &'r mut Random,
    version: u32,
    roles: Vec<String>,
    logins: Vec<String>,
    schemas: Vec<String>,
    tables: Vec<(String, String)>,
    views: Vec<(String, String)>,
    /// View → may deletes be tried, and on which table.
    routines: Vec<(String, String, Try)>,
    sql: Vec<String>,
}

/// Makes the database that rounds use.
pub async fn prepare(engine: &dyn Engine, admin: &Endpoint) {
    let mut server = engine.connect(admin).await.must("the administrator enters");
    let made = server.execute(&format!("CREATE DATABASE {DATABASE}")).await;
    made.must("a database for the oracle");
    let mut inside = inside(engine, admin).await;
    inside
        .execute(ATTEMPT)
        .await
        .must("the function that tries");
}

async fn inside(engine: &dyn Engine, admin: &Endpoint) -> Box<dyn Connection> {
    let at = admin.with_database(DATABASE);
    engine.connect(&at).await.must("the oracle's database")
}

/// One round: made, looked at, tried, removed.
pub async fn round(engine: &dyn Engine, admin: &Endpoint, seed: u64) -> Round {
    let mut inside = inside(engine, admin).await;
    let version = inside.probe().version_num;
    if version >= 160_000 {
        inside
            .execute(VERIFIER_ITERATIONS)
            .await
            .must("cheap logins");
    }
    let mut random = Random::from(seed);
    let mut scene = Scene::new(&mut random, version);
    scene.generate();
    for sql in &scene.sql {
        let done = inside.execute(sql).await;
        done.must(&format!("round {seed}: {sql}"));
    }
    let at = admin.with_database(DATABASE);
    let facts = engine
        .audit(&at, &Limits::default())
        .await
        .must("the facts");
    let mut attempts = Vec::new();
    for login in scene.logins.clone() {
        scene.try_as(engine, &at, &login, &mut attempts).await;
    }
    let round = Round {
        seed,
        facts,
        attempts,
        made: scene.sql.clone(),
    };
    remove(&mut *inside, &scene).await;
    round
}

async fn remove(inside: &mut dyn Connection, scene: &Scene<'_>) {
    let mut sql = String::new();
    for schema in &scene.schemas {
        let _ = write!(sql, "DROP SCHEMA {schema} CASCADE;");
    }
    let _ = write!(sql, "GRANT CONNECT ON DATABASE {DATABASE} TO PUBLIC;");
    let roles = scene.roles.join(", ");
    let _ = write!(sql, "DROP OWNED BY {roles}; DROP ROLE {roles};");
    inside.execute(&sql).await.must("the round is removed");
}

impl<'r> Scene<'r> {
    fn new(random: &'r mut Random, version: u32) -> Self {
        Self {
            random,
            version,
            roles: Vec::new(),
            logins: Vec::new(),
            schemas: Vec::new(),
            tables: Vec::new(),
            views: Vec::new(),
            routines: Vec::new(),
            sql: Vec::new(),
        }
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.random.below(100) < percent
    }

    fn role(&mut self) -> String {
        let at = self.random.below(self.roles.len());
        self.roles[at].clone()
    }

    /// A role, or everybody.
    fn grantee(&mut self) -> String {
        if self.chance(12) {
            "PUBLIC".to_owned()
        } else {
            self.role()
        }
    }

    fn say(&mut self, sql: String) {
        self.sql.push(sql);
    }

    fn generate(&mut self) {
        self.make_roles();
        self.make_memberships();
        self.make_schemas();
        for at in 0..4 {
            self.make_table(at);
        }
        self.grant_tables();
        self.make_views();
        self.make_routines();
    }

    fn make_roles(&mut self) {
        for at in 0..7 {
            let name = format!("oracle_r{at}");
            let mut options = String::new();
            if at < 5 {
                let _ = write!(options, " LOGIN PASSWORD '{PASSWORD}'");
                self.logins.push(name.clone());
            }
            for (percent, option) in [(25, " NOINHERIT"), (6, " SUPERUSER"), (12, " BYPASSRLS")] {
                if self.chance(percent) {
                    options.push_str(option);
                }
            }
            self.roles.push(name.clone());
            self.say(format!("CREATE ROLE {name}{options}"));
        }
        if self.chance(60) {
            self.say(format!("REVOKE CONNECT ON DATABASE {DATABASE} FROM PUBLIC"));
            for _ in 0..3 {
                let role = self.role();
                self.say(format!("GRANT CONNECT ON DATABASE {DATABASE} TO {role}"));
            }
        }
    }

    /// Only from lower to higher numbers, so that there is no ring.
    fn make_memberships(&mut self) {
        for member in 0..6 {
            for role in member + 1..7 {
                if self.chance(22) {
                    let mut options = Vec::new();
                    if self.version >= 160_000 {
                        for option in ["INHERIT", "SET", "ADMIN"] {
                            if self.chance(50) {
                                let truth = self.chance(50);
                                options.push(format!("{option} {truth}"));
                            }
                        }
                    } else if self.chance(20) {
                        options.push("ADMIN OPTION".to_owned());
                    }
                    let with = if options.is_empty() {
                        String::new()
                    } else {
                        format!(" WITH {}", options.join(", "))
                    };
                    self.say(format!("GRANT oracle_r{role} TO oracle_r{member}{with}"));
                }
            }
        }
        for name in ["pg_read_all_data", "pg_write_all_data", "pg_database_owner"] {
            let there = self.version >= 140_000 && name != "pg_database_owner";
            if there && self.chance(12) {
                let role = self.role();
                self.say(format!("GRANT {name} TO {role}"));
            }
        }
    }

    fn make_schemas(&mut self) {
        for at in 0..2 {
            let name = format!("oracle_s{at}");
            let owner = self.role();
            self.schemas.push(name.clone());
            self.say(format!("CREATE SCHEMA {name} AUTHORIZATION {owner}"));
            if self.chance(10) {
                self.say(format!("REVOKE ALL ON SCHEMA {name} FROM {owner}"));
            }
            for _ in 0..3 {
                let to = self.grantee();
                self.say(format!("GRANT USAGE ON SCHEMA {name} TO {to}"));
            }
        }
    }

    fn make_table(&mut self, at: usize) {
        let schema = self.schemas[self.random.below(2)].clone();
        let (owner, name) = (self.role(), format!("t{at}"));
        let columns = "(a int DEFAULT 1, b int DEFAULT 1, c int DEFAULT 1)";
        if self.chance(40) {
            // Made by its owner, so that default rights count.
            let to = self.grantee();
            let rights = self.rights();
            self.say(format!("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT {rights} ON TABLES TO {to}"));
            if self.chance(30) {
                self.say(format!(
                    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE DELETE ON TABLES FROM {owner}"
                ));
            }
            self.say(format!("GRANT CREATE, USAGE ON SCHEMA {schema} TO {owner}; SET ROLE {owner}; CREATE TABLE {schema}.{name} {columns}; RESET ROLE"));
        } else {
            self.say(format!("CREATE TABLE {schema}.{name} {columns}; ALTER TABLE {schema}.{name} OWNER TO {owner}"));
        }
        self.say(format!("INSERT INTO {schema}.{name} VALUES (1, 1, 1)"));
        if self.chance(35) {
            self.say(format!(
                "ALTER TABLE {schema}.{name} ENABLE ROW LEVEL SECURITY"
            ));
            if self.chance(30) {
                self.say(format!(
                    "ALTER TABLE {schema}.{name} FORCE ROW LEVEL SECURITY"
                ));
            }
            for policy in 0..self.random.below(3) {
                let kind = self
                    .random
                    .pick(&["PERMISSIVE", "PERMISSIVE", "RESTRICTIVE"]);
                let action = self
                    .random
                    .pick(&["ALL", "SELECT", "INSERT", "UPDATE", "DELETE"]);
                let to = self.grantee();
                let how = if action == "INSERT" {
                    "WITH CHECK"
                } else {
                    "USING"
                };
                self.say(format!("CREATE POLICY p{policy} ON {schema}.{name} AS {kind} FOR {action} TO {to} {how} (true)"));
            }
        }
        self.tables.push((schema, name));
    }

    fn rights(&mut self) -> String {
        let all = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"];
        let mut rights: Vec<String> = Vec::new();
        for _ in 0..=self.random.below(3) {
            let right = self.random.pick(&all).to_owned();
            if !rights.contains(&right) {
                rights.push(right);
            }
        }
        rights.join(", ")
    }

    fn grant_tables(&mut self) {
        for (schema, name) in self.tables.clone() {
            for _ in 0..3 {
                let (rights, to) = (self.rights(), self.grantee());
                let option = if to != "PUBLIC" && self.chance(25) {
                    " WITH GRANT OPTION"
                } else {
                    ""
                };
                self.say(format!("GRANT {rights} ON {schema}.{name} TO {to}{option}"));
                if !option.is_empty() {
                    // Handed on by whoever may; a schema in the way is no fault of the round.
                    let next = self.role();
                    self.say(format!(
                        "DO $$ BEGIN SET LOCAL ROLE {to}; GRANT {rights} ON {schema}.{name} TO {next}; \
                         EXCEPTION WHEN insufficient_privilege THEN NULL; END $$; RESET ROLE"
                    ));
                }
            }
            for _ in 0..2 {
                let column = self.random.pick(&["a", "b", "c"]);
                let right = self.random.pick(&["SELECT", "INSERT", "UPDATE"]);
                let to = self.grantee();
                self.say(format!(
                    "GRANT {right} ({column}) ON {schema}.{name} TO {to}"
                ));
            }
            if self.chance(15) {
                let (rights, from) = (self.rights(), self.role());
                self.say(format!(
                    "REVOKE {rights} ON {schema}.{name} FROM {from} CASCADE"
                ));
            }
            if self.chance(10) {
                let right = self.random.pick(&["SELECT", "DELETE"]);
                self.say(format!(
                    "DO $$ DECLARE o name; BEGIN SELECT relowner::regrole INTO o FROM pg_class WHERE oid = '{schema}.{name}'::regclass; \
                     EXECUTE format('REVOKE {right} ON {schema}.{name} FROM %s CASCADE', o); END $$"
                ));
            }
        }
    }

    fn make_views(&mut self) {
        for at in 0..3 {
            let schema = self.schemas[self.random.below(2)].clone();
            let deeper = at > 0 && self.chance(40);
            let (from, columns) = if deeper {
                let below = self.views[self.random.below(self.views.len())].clone();
                (below, "*")
            } else {
                let table = self.tables[self.random.below(self.tables.len())].clone();
                (table, self.random.pick(&["*", "a", "a, c", "1 AS one"]))
            };
            let invoker = if self.version >= 150_000 && self.chance(30) {
                " WITH (security_invoker = true)"
            } else {
                ""
            };
            let (owner, name) = (self.role(), format!("v{at}"));
            self.say(format!(
                "CREATE VIEW {schema}.{name}{invoker} AS SELECT {columns} FROM {}.{}; ALTER VIEW {schema}.{name} OWNER TO {owner}",
                from.0, from.1
            ));
            for _ in 0..2 {
                let to = self.grantee();
                self.say(format!("GRANT SELECT, DELETE ON {schema}.{name} TO {to}"));
            }
            self.views.push((schema, name));
        }
    }

    fn make_routines(&mut self) {
        for at in 0..3 {
            let schema = self.schemas[self.random.below(2)].clone();
            let table = self.tables[self.random.below(self.tables.len())].clone();
            let (owner, name) = (self.role(), format!("f{at}"));
            let security =
                self.random
                    .pick(&["SECURITY DEFINER", "SECURITY DEFINER", "SECURITY INVOKER"]);
            let (action, column) = [
                (Rights::SELECT, Some(0)),
                (Rights::UPDATE, Some(2)),
                (Rights::DELETE, None),
            ][self.random.below(3)];
            let full = format!("{}.{}", table.0, table.1);
            let body = match (action, column) {
                (Rights::SELECT, _) => format!("PERFORM a FROM {full}"),
                (Rights::UPDATE, _) => format!("UPDATE {full} SET c = 2"),
                _ => format!("DELETE FROM {full}"),
            };
            self.say(format!(
                "CREATE FUNCTION {schema}.{name}() RETURNS int LANGUAGE plpgsql {security} AS $$ BEGIN {body}; RETURN 1; END $$; \
                 ALTER FUNCTION {schema}.{name}() OWNER TO {owner}"
            ));
            if self.chance(60) {
                self.say(format!(
                    "REVOKE EXECUTE ON FUNCTION {schema}.{name}() FROM PUBLIC"
                ));
            }
            if self.chance(50) {
                let to = self.grantee();
                self.say(format!(
                    "GRANT EXECUTE ON FUNCTION {schema}.{name}() TO {to}"
                ));
            }
            let call = Try::Call {
                routine: (schema.clone(), name.clone()),
                table,
                action,
                column,
            };
            self.routines.push((schema, name, call));
        }
    }

    /// Everything that a login tries as itself.
    fn tries(&self) -> Vec<(Try, String)> {
        let mut tries = Vec::new();
        let columns: [(&str, u16); 3] = [("a", 0), ("b", 1), ("c", 2)];
        for (schema, name) in &self.tables {
            let full = format!("{schema}.{name}");
            let mut on = |action: Rights, columns: Vec<u16>, sql: String| {
                let table = (schema.clone(), name.clone());
                tries.push((
                    Try::Table {
                        table,
                        action,
                        columns,
                    },
                    sql,
                ));
            };
            on(
                Rights::SELECT,
                vec![0, 1, 2],
                format!("SELECT * FROM {full}"),
            );
            on(
                Rights::INSERT,
                vec![0, 1, 2],
                format!("INSERT INTO {full} VALUES (1, 1, 1)"),
            );
            on(Rights::DELETE, Vec::new(), format!("DELETE FROM {full}"));
            on(Rights::TRUNCATE, Vec::new(), format!("TRUNCATE {full}"));
            for (column, at) in columns {
                on(
                    Rights::SELECT,
                    vec![at],
                    format!("SELECT {column} FROM {full}"),
                );
                on(
                    Rights::INSERT,
                    vec![at],
                    format!("INSERT INTO {full} ({column}) VALUES (1)"),
                );
                on(
                    Rights::UPDATE,
                    vec![at],
                    format!("UPDATE {full} SET {column} = 1"),
                );
            }
            let rows = format!("SELECT 1 / count(a) FROM {full}");
            tries.push((Try::Rows(schema.clone(), name.clone()), rows));
        }
        for (schema, name) in &self.views {
            let sql = format!("SELECT * FROM {schema}.{name}");
            tries.push((Try::View(schema.clone(), name.clone()), sql));
        }
        for (schema, name, call) in &self.routines {
            tries.push((call.clone(), format!("SELECT {schema}.{name}()")));
        }
        tries
    }

    async fn try_as(
        &self,
        engine: &dyn Engine,
        at: &Endpoint,
        login: &str,
        attempts: &mut Vec<Attempt>,
    ) {
        let as_login = Endpoint {
            user: login.to_owned(),
            password: Some(Secret::new(PASSWORD.to_owned())),
            ..at.clone()
        };
        let entered = engine.connect(&as_login).await;
        attempts.push(Attempt {
            who: login.to_owned(),
            role: None,
            tried: Try::Connect,
            worked: entered.is_ok(),
            said: entered
                .as_ref()
                .err()
                .map(ToString::to_string)
                .unwrap_or_default(),
        });
        let Ok(mut session) = entered else { return };
        let mut all: Vec<(Option<String>, Try, String)> = Vec::new();
        let tries = self.tries();
        all.extend(tries.iter().cloned().map(|(tried, sql)| (None, tried, sql)));
        for role in &self.roles {
            all.push((Some(role.clone()), Try::Become, "SELECT 1".to_owned()));
            for (tried, sql) in &tries {
                all.push((Some(role.clone()), tried.clone(), sql.clone()));
            }
        }
        let said = run(&mut *session, &all).await;
        for ((role, tried, _), said) in all.into_iter().zip(said) {
            // Row security says no to rows, not to the table; the one question that divides by the
            // number of rows says whether there are any.
            let hidden = said.starts_with("22012");
            let denied = said.starts_with("42501") && !said.contains("row-level security");
            let worked = if matches!(tried, Try::Rows(..)) {
                !denied && !hidden
            } else {
                !denied
            };
            let known = ["FH000", "42501", "22012"]
                .iter()
                .any(|code| said.starts_with(code));
            assert!(
                known,
                "an attempt failed for another reason: {login} {role:?} {tried:?}: {said}"
            );
            attempts.push(Attempt {
                who: login.to_owned(),
                role,
                tried,
                worked,
                said,
            });
        }
    }
}

/// All attempts of one session, a question for each role. Between them plans are forgotten: a
/// statement that was planned before is not asked for its schemas again, whoever runs it now.
async fn run(session: &mut dyn Connection, all: &[(Option<String>, Try, String)]) -> Vec<String> {
    let mut said = Vec::with_capacity(all.len());
    for of_one in all.chunk_by(|a, b| a.0 == b.0) {
        session
            .execute("DISCARD PLANS")
            .await
            .must("plans forgotten");
        said.extend(run_some(session, of_one).await);
    }
    said
}

async fn run_some(
    session: &mut dyn Connection,
    all: &[(Option<String>, Try, String)],
) -> Vec<String> {
    let quoted = |text: &str| text.replace('\'', "''");
    let rows: Vec<String> = all
        .iter()
        .zip(0..)
        .map(|((role, _, sql), at)| {
            let role = role.as_deref().unwrap_or_default();
            format!("({at}, '{}', '{}')", quoted(role), quoted(sql))
        })
        .collect();
    let sql = format!(
        "SELECT oracle.attempt(role, what) FROM (VALUES {}) AS t (at, role, what) ORDER BY at",
        rows.join(", ")
    );
    let answer = session.query(&sql, &[]).await.must("the attempts");
    let said = answer.into_iter().map(|row| match row.into_iter().next() {
        Some(Value::Text(text)) => text,
        other => panic!("an attempt says what came of it, not {other:?}"),
    });
    said.collect()
}
