//! Random databases on MariaDB and MySQL: accounts, roles, rights on the server, on databases with and
//! without wildcards, on tables and columns, everybody's, views and routines. Each account logs in
//! by itself; each of its attempts is rolled back.

use freehold_engine::audit::{Limits, Rights};
use freehold_engine::{Connection, Endpoint, Engine, ErrorKind, Secret};

use super::{Attempt, Round, Try};
use crate::{Must as _, Random};

const PASSWORD: &str = "not-a-secret";
const HOST: &str = "127.0.0.1";
const DATABASES: [&str; 3] = ["oracle_a", "oracleXa", "oracle_b"];

struct Scene<'r> {
    /// MySQL says some of it otherwise, and knows no rights of everybody.
    mysql: bool,
    random: &'r mut Random,
    accounts: Vec<String>,
    roles: Vec<String>,
    tables: Vec<(String, String)>,
    views: Vec<(String, String)>,
    routines: Vec<(String, String, Try)>,
    sql: Vec<String>,
}

/// One round: made, looked at, tried, removed.
pub async fn round(engine: &dyn Engine, admin: &Endpoint, seed: u64) -> Round {
    let mut server = engine.connect(admin).await.must("the administrator enters");
    let mut random = Random::from(seed);
    let said = server
        .query("SELECT VERSION()", &[])
        .await
        .must("a version");
    let version = said.first().and_then(|row| row[0].text()).must("a version");
    let mut scene = Scene {
        mysql: !version.contains("MariaDB"),
        random: &mut random,
        accounts: Vec::new(),
        roles: Vec::new(),
        tables: Vec::new(),
        views: Vec::new(),
        routines: Vec::new(),
        sql: Vec::new(),
    };
    scene.generate();
    let mut missing: Vec<String> = Vec::new();
    for sql in &scene.sql {
        if missing
            .iter()
            .any(|view| sql.ends_with(view) || sql.contains(&format!("{view} TO ")))
        {
            missing.extend(view_of(sql));
            continue;
        }
        match server.execute(sql).await {
            // A view over one that could not be read is not made.
            Err(error)
                if error
                    .native
                    .as_deref()
                    .is_some_and(|code| code.starts_with("1356")) =>
            {
                missing.extend(view_of(sql));
            }
            done => done.must(&format!("round {seed}: {sql}")),
        }
    }
    scene
        .views
        .retain(|(schema, name)| !missing.contains(&format!("{schema}.{name}")));
    // 10.11 forgets what a role inherits for the whole server when that role is given a right on a
    // table, until it reads its tables again. The audit says what stands in the tables.
    server.execute("FLUSH PRIVILEGES").await.must("read again");
    let facts = engine
        .audit(admin, &Limits::default())
        .await
        .must("the facts");
    let mut attempts = Vec::new();
    for account in scene.accounts.clone() {
        scene.try_as(engine, admin, &account, &mut attempts).await;
    }
    let round = Round {
        seed,
        facts,
        attempts,
        made: scene.sql.clone(),
    };
    remove(&mut *server, &scene).await;
    round
}

/// The view that a statement makes.
fn view_of(sql: &str) -> Option<String> {
    let (_, rest) = sql.split_once(" VIEW ")?;
    rest.split(' ').next().map(str::to_owned)
}

async fn remove(server: &mut dyn Connection, scene: &Scene<'_>) {
    let mut all: Vec<String> = DATABASES
        .iter()
        .map(|name| format!("DROP DATABASE {name}"))
        .collect();
    all.extend(
        scene
            .accounts
            .iter()
            .map(|name| format!("DROP USER {name}@'{HOST}'")),
    );
    all.extend(scene.roles.iter().map(|name| format!("DROP ROLE {name}")));
    if !scene.mysql {
        all.push("REVOKE ALL PRIVILEGES, GRANT OPTION FROM PUBLIC".to_owned());
    }
    for sql in all {
        let done = server.execute(&sql).await;
        done.must(&format!("the round is removed: {sql}"));
    }
}

impl Scene<'_> {
    fn chance(&mut self, percent: usize) -> bool {
        self.random.below(100) < percent
    }

    fn account(&mut self) -> String {
        let at = self.random.below(self.accounts.len());
        format!("{}@'{HOST}'", self.accounts[at])
    }

    /// An account, a role, or everybody.
    fn grantee(&mut self) -> String {
        match self.random.below(20) {
            0 if !self.mysql => "PUBLIC".to_owned(),
            1..=9 => {
                let at = self.random.below(self.roles.len());
                self.roles[at].clone()
            }
            _ => self.account(),
        }
    }

    fn say(&mut self, sql: String) {
        self.sql.push(sql);
    }

    fn generate(&mut self) {
        for name in DATABASES {
            self.say(format!("CREATE DATABASE {name}"));
        }
        // PUBLIC is made by its first right, and can be emptied from then on.
        if !self.mysql {
            self.say("GRANT USAGE ON *.* TO PUBLIC".to_owned());
        }
        for at in 0..4 {
            let name = format!("oracle_u{at}");
            self.say(format!(
                "CREATE USER {name}@'{HOST}' IDENTIFIED BY '{PASSWORD}'"
            ));
            self.accounts.push(name);
        }
        for at in 0..3 {
            let name = format!("oracle_role{at}");
            self.say(format!("CREATE ROLE {name}"));
            self.roles.push(name);
        }
        self.make_memberships();
        for (at, database) in DATABASES.iter().enumerate() {
            let name = format!("t{at}");
            self.say(format!(
                "CREATE TABLE {database}.{name} (a INT DEFAULT 1, b INT DEFAULT 1, c INT DEFAULT 1)"
            ));
            self.tables.push(((*database).to_owned(), name));
        }
        self.make_grants();
        self.make_views();
        self.make_routines();
    }

    fn make_memberships(&mut self) {
        for (at, role) in self.roles.clone().into_iter().enumerate() {
            for deeper in at + 1..3 {
                if self.chance(30) {
                    self.say(format!("GRANT oracle_role{deeper} TO {role}"));
                }
            }
            for account in self.accounts.clone() {
                if self.chance(30) {
                    self.say(format!("GRANT {role} TO {account}@'{HOST}'"));
                    if self.chance(50) {
                        // Each takes the place of the one before.
                        let word = if self.mysql { "TO" } else { "FOR" };
                        self.say(format!("SET DEFAULT ROLE {role} {word} {account}@'{HOST}'"));
                    }
                }
            }
        }
    }

    fn rights(&mut self) -> String {
        let all = ["SELECT", "INSERT", "UPDATE", "DELETE", "DROP"];
        let mut rights: Vec<&str> = Vec::new();
        for _ in 0..=self.random.below(3) {
            let right = self.random.pick(&all);
            if !rights.contains(&right) {
                rights.push(right);
            }
        }
        rights.join(", ")
    }

    fn make_grants(&mut self) {
        if self.chance(25) {
            let (rights, to) = (self.rights(), self.grantee());
            self.say(format!("GRANT {rights} ON *.* TO {to}"));
        }
        for _ in 0..3 {
            let pattern = self.random.pick(&[
                "`oracle_a`",
                "`oracle\\_a`",
                "`oracle\\_b`",
                "`oracle%`",
                "`%`",
            ]);
            let (rights, to) = (self.rights(), self.grantee());
            self.say(format!("GRANT {rights} ON {pattern}.* TO {to}"));
        }
        for (database, name) in self.tables.clone() {
            for _ in 0..2 {
                let (rights, to) = (self.rights(), self.grantee());
                self.say(format!("GRANT {rights} ON {database}.{name} TO {to}"));
            }
            let column = self.random.pick(&["a", "b", "c"]);
            let right = self.random.pick(&["SELECT", "INSERT", "UPDATE"]);
            let to = self.grantee();
            self.say(format!(
                "GRANT {right} ({column}) ON {database}.{name} TO {to}"
            ));
        }
    }

    fn make_views(&mut self) {
        for at in 0..3 {
            let database = DATABASES[self.random.below(3)];
            let deeper = at > 0 && self.chance(40);
            let (from, columns) = if deeper {
                let below = self.views[self.random.below(self.views.len())].clone();
                (below, "*")
            } else {
                let table = self.tables[self.random.below(3)].clone();
                (table, self.random.pick(&["*", "a", "a, c"]))
            };
            let security = self.random.pick(&["DEFINER", "DEFINER", "INVOKER"]);
            let (definer, name) = (self.account(), format!("v{at}"));
            self.say(format!(
                "CREATE DEFINER = {definer} SQL SECURITY {security} VIEW {database}.{name} AS SELECT {columns} FROM {}.{}",
                from.0, from.1
            ));
            let to = self.grantee();
            self.say(format!("GRANT SELECT ON {database}.{name} TO {to}"));
            self.views.push((database.to_owned(), name));
        }
    }

    fn make_routines(&mut self) {
        for at in 0..2 {
            let database = DATABASES[self.random.below(3)];
            let table = self.tables[self.random.below(3)].clone();
            let security = self.random.pick(&["DEFINER", "DEFINER", "INVOKER"]);
            let (definer, name) = (self.account(), format!("p{at}"));
            let (action, column) = [
                (Rights::SELECT, Some(0)),
                (Rights::UPDATE, Some(2)),
                (Rights::DELETE, None),
            ][self.random.below(3)];
            let full = format!("{}.{}", table.0, table.1);
            let body = match (action, column) {
                (Rights::SELECT, _) => format!("SELECT COUNT(a) INTO @x FROM {full}"),
                (Rights::UPDATE, _) => format!("UPDATE {full} SET c = 2"),
                _ => format!("DELETE FROM {full}"),
            };
            self.say(format!(
                "CREATE DEFINER = {definer} PROCEDURE {database}.{name}() SQL SECURITY {security} {body}"
            ));
            if self.chance(70) {
                // The definer has to be let as well.
                self.say(format!(
                    "GRANT EXECUTE ON PROCEDURE {database}.{name} TO {definer}"
                ));
            }
            let to = self.grantee();
            if to == "PUBLIC" {
                self.say(format!(
                    "GRANT EXECUTE ON `{}`.* TO {to}",
                    database.replace('_', "\\_")
                ));
            } else {
                self.say(format!(
                    "GRANT EXECUTE ON PROCEDURE {database}.{name} TO {to}"
                ));
            }
            let call = Try::Call {
                routine: (database.to_owned(), name.clone()),
                table,
                action,
                column,
            };
            self.routines.push((database.to_owned(), name, call));
        }
    }

    /// Everything that an account tries; emptying tables last, since that cannot be undone.
    fn tries(&self) -> Vec<(Try, String)> {
        let mut tries = Vec::new();
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
            for (column, at) in [("a", 0), ("b", 1), ("c", 2)] {
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
        }
        for (schema, name) in &self.views {
            let sql = format!("SELECT * FROM {schema}.{name}");
            tries.push((Try::View(schema.clone(), name.clone()), sql));
        }
        for (schema, name, call) in &self.routines {
            tries.push((call.clone(), format!("CALL {schema}.{name}()")));
        }
        for (schema, name) in &self.tables {
            let emptying = Try::Table {
                table: (schema.clone(), name.clone()),
                action: Rights::TRUNCATE,
                columns: Vec::new(),
            };
            tries.push((emptying, format!("TRUNCATE {schema}.{name}")));
        }
        tries
    }

    async fn try_as(
        &self,
        engine: &dyn Engine,
        at: &Endpoint,
        account: &str,
        attempts: &mut Vec<Attempt>,
    ) {
        let as_account = Endpoint {
            user: account.to_owned(),
            password: Some(Secret::new(PASSWORD.to_owned())),
            database: None,
            ..at.clone()
        };
        let mut session = engine.connect(&as_account).await.must("an account enters");
        let who = format!("{account}@{HOST}");
        let (entering, trying) = (Try::Connect, self.tries());
        attempts.push(Attempt {
            who: who.clone(),
            role: None,
            tried: entering,
            worked: true,
            said: String::new(),
        });
        let begun = session.execute("SET autocommit = 0").await;
        begun.must("no autocommit");
        for (tried, sql) in &trying {
            let (mut worked, mut said) = attempt(&mut *session, sql).await;
            if self.mysql && !worked {
                // There, a default role can stand in the way of the account's own rights.
                session.execute("SET ROLE NONE").await.must("no role");
                (worked, said) = attempt(&mut *session, sql).await;
                session.execute("SET ROLE DEFAULT").await.must("as before");
            }
            attempts.push(Attempt {
                who: who.clone(),
                role: None,
                tried: tried.clone(),
                worked,
                said,
            });
        }
        for role in &self.roles {
            let (worked, said) = attempt(&mut *session, &format!("SET ROLE {role}")).await;
            attempts.push(Attempt {
                who: who.clone(),
                role: Some(if self.mysql {
                    format!("{role}@%")
                } else {
                    role.clone()
                }),
                tried: Try::Become,
                worked,
                said,
            });
        }
    }
}

/// Runs it and takes it back.
async fn attempt(session: &mut dyn Connection, sql: &str) -> (bool, String) {
    let done = session.execute(sql).await;
    session.execute("ROLLBACK").await.must("taken back");
    match done {
        Ok(()) => (true, String::new()),
        Err(error) => {
            // A view whose definer lacks a right is called invalid (1356); a role not given is 1959,
            // on MySQL 3530.
            let code = error.native.clone().unwrap_or_default();
            let refused = error.kind == ErrorKind::Denied
                || [
                    "1356", "1959", "3530", "1142", "1143", "1370", "1044", "1227",
                ]
                .iter()
                .any(|own| code.starts_with(own));
            assert!(
                refused,
                "an attempt failed for another reason: {sql}: {error}"
            );
            (false, error.to_string())
        }
    }
}
