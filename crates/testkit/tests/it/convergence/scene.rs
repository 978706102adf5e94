//! A store, applied; an outsider with all rights beside it; and what can be seen of both.

use std::collections::BTreeMap;

use freehold_engine::{Connection, Endpoint, Secret, Spot};
use freehold_lifecycle::{Target, apply};
use freehold_model::{EngineKind, Isolation};
use freehold_testkit::{Admin, Must as _, Neighbour, Random, Shape, orders_target};

use super::{Dump, mariadb, postgres};

pub(crate) struct Scene {
    pub(crate) shape: Shape,
    pub(crate) target: Target,
    /// All rights; on PostgreSQL within the store.
    pub(crate) root: Box<dyn Connection>,
    /// Keeps its place on the server.
    _neighbour: Option<Neighbour>,
    made: usize,
    logins: BTreeMap<String, Endpoint>,
}

impl Scene {
    pub(crate) async fn new(kind: EngineKind, isolation: Isolation, admin: Admin) -> Option<Self> {
        let shape = Shape::ready(kind, isolation, admin).await?;
        let neighbour = Neighbour::moves_in(&shape).await;
        let target = orders_target(&shape);
        apply(std::slice::from_ref(&target), &|_| {})
            .await
            .must("the first apply");
        let server = shape.server.as_ref().must("a server");
        let engine = freehold_builtin::engine(kind).must("an engine");
        let spot = &target.want.spot;
        let root = server.admin.with_database(&spot.database);
        let mut root = engine.connect(&root).await.must("all rights");
        if isolation == Isolation::Schema {
            let path = format!("SET search_path = {}", spot.schema);
            root.execute(&path).await.must(&path);
        }
        let mut scene = Self {
            shape,
            target,
            root,
            _neighbour: neighbour,
            made: 0,
            logins: BTreeMap::new(),
        };
        let strangers = if scene.is_postgres() {
            postgres::strangers(&scene.target.want)
        } else {
            mariadb::strangers(&scene.target.want)
        };
        for sql in strangers {
            scene.root.execute(&sql).await.must(&sql);
        }
        Some(scene)
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.shape.kind == EngineKind::Postgres
    }

    /// A statement about tables of the store, with their names as they are at its level.
    pub(crate) fn here(&self, sql: &str) -> String {
        here(&self.target.want.spot, sql)
    }

    /// Others use the same database, or schema.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.shape.isolation, Isolation::Schema | Isolation::Tables)
    }

    /// Up to four random edits; those that the server took.
    pub(crate) async fn edit(&mut self, random: &mut Random) -> Vec<String> {
        let mut taken = Vec::new();
        while taken.is_empty() {
            for _ in 0..=random.below(4) {
                self.made += 1;
                let want = &self.target.want;
                let sql = if self.is_postgres() {
                    postgres::edit(random, want, self.made)
                } else {
                    mariadb::edit(random, want, self.made)
                };
                let sql = self.here(&sql);
                if self.root.execute(&sql).await.is_ok() {
                    taken.push(sql);
                }
            }
        }
        taken
    }

    /// Everything about who may do what in the store, a line each.
    pub(crate) async fn inside(&mut self) -> Dump {
        let sql = if self.is_postgres() {
            postgres::inside(&self.target.want)
        } else {
            mariadb::inside(&self.target.want)
        };
        self.lines(&sql).await
    }

    /// The same of what is not ours.
    pub(crate) async fn outside(&mut self) -> Dump {
        let sql = if self.is_postgres() {
            postgres::outside(&self.target.want)
        } else {
            mariadb::outside(&self.target.want)
        };
        self.lines(&sql).await
    }

    async fn lines(&mut self, queries: &[String]) -> Dump {
        let mut lines = Dump::new();
        for sql in queries {
            for row in self.root.query(sql, &[]).await.must(sql) {
                let words = row.iter().map(|value| match value {
                    freehold_engine::Value::Text(text) => text.clone(),
                    other => format!("{other:?}"),
                });
                lines.insert(words.collect::<Vec<_>>().join(" "));
            }
        }
        lines
    }

    /// Codes under which this administrator may leave something to somebody with more rights.
    pub(crate) fn may_be_told(&self, code: &str) -> bool {
        let anybody: &[&str] = if self.is_postgres() {
            // Who owns what stands in the store is for people to decide.
            &["FH3113"]
        } else {
            // A role, a pattern, an account of the same name elsewhere: may be meant for others too.
            &["FH3105", "FH3124", "FH3126"]
        };
        anybody.contains(&code) || (self.shape.admin == Admin::Plain && code == "FH3105")
    }

    /// Tables made by hand go, as their makers would drop them.
    pub(crate) async fn sweep(&mut self) {
        for table in self.by_hand().await {
            let sql = format!("DROP TABLE {table}");
            self.root.execute(&sql).await.must(&sql);
        }
    }

    /// Their names.
    pub(crate) async fn by_hand(&mut self) -> Vec<String> {
        let spot = &self.target.want.spot;
        let place = if self.is_postgres() {
            &spot.schema
        } else {
            &spot.database
        };
        let sql = format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = '{place}' AND table_name LIKE '{}by\\_hand%'",
            spot.prefix
        );
        let rows = self.root.query(&sql, &[]).await.must("tables made by hand");
        let names = rows.iter().filter_map(|row| row[0].text());
        names.map(str::to_owned).collect()
    }

    /// A session of a login with the password that was issued to it last, if it still may enter.
    pub(crate) async fn enters(&self, login: &str) -> Option<Box<dyn Connection>> {
        let at = self.logins.get(login)?;
        self.target.engine.connect(at).await.ok()
    }

    /// A session of a login; where it does not get in, with a password that is issued anew.
    pub(crate) async fn must_enter(&mut self, login: &str) -> Result<Box<dyn Connection>, String> {
        if let Some(session) = self.enters(login).await {
            return Ok(session);
        }
        let engine = self.target.engine;
        let at = engine.at_store(&self.target.admin, &self.target.want.spot);
        let password = Secret::generate();
        let mut issuer = engine.connect(&at).await.must("the issuer enters");
        let verifier = engine.verifier(issuer.probe(), login, &password);
        let given = issuer
            .issue(&self.target.want, login, Some(&verifier))
            .await;
        given.map_err(|error| format!("{login} gets no password: {error}"))?;
        let at = at.with_login(login, Some(password));
        let entered = engine.connect(&at).await;
        self.logins.insert(login.to_owned(), at);
        entered.map_err(|error| format!("{login} cannot enter: {error}"))
    }

    /// The same for the stranger.
    pub(crate) fn stranger(&self) -> Endpoint {
        let at = self
            .target
            .engine
            .at_store(&self.target.admin, &self.target.want.spot);
        let name = format!("{}_out", self.shape.name);
        at.with_login(&name, Some(Secret::new("strange")))
    }
}

const TABLES: [&str; 4] = ["orders", "order_items", "statuses", "open_orders"];

/// Statements are written for a database of one's own: its tables have no prefix, and stand in
/// `public`.
pub(crate) fn here(spot: &Spot, sql: &str) -> String {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut said = String::new();
    for piece in sql.split_inclusive(|letter| !is_word(letter)) {
        let word = piece.trim_end_matches(|letter| !is_word(letter));
        let ours = TABLES.contains(&word)
            || word.starts_with("by_hand")
            || ["freehold_ledger", "freehold_issue"].contains(&word);
        if word == "public" {
            said.push_str(&piece.replacen(word, &spot.schema, 1));
        } else {
            said.push_str(if ours { &spot.prefix } else { "" });
            said.push_str(piece);
        }
    }
    said
}
