//! Databases, tables, views, routines, triggers, foreign keys, and tables that stand elsewhere.

use freehold_engine::Result;
use freehold_engine::audit::{
    Link, LinkKind, Part, Reference, Relation, RelationKind, Rights, Routine, RowSecurity, Schema,
    Trigger, ViewUse,
};
use freehold_sql::Dialect;
use freehold_sql::lexer::{Lexer, TokenKind};

use super::ask::Ask;
use super::{Gathered, number, place, word};

/// Engines whose rows are on another server.
const REMOTE: &str = "'FEDERATED', 'CONNECT', 'SPIDER'";

impl Gathered {
    pub(super) async fn schemas(&mut self, ask: &mut Ask) {
        let within = self.within("SCHEMA_NAME");
        let sql = format!(
            "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE {within} ORDER BY 1"
        );
        for row in ask.rows(&sql).await.unwrap_or_default() {
            let at = place(self.facts.schemas.len());
            self.schema_of.insert(word(&row, 0), at);
            self.facts.schemas.push(Schema {
                name: word(&row, 0),
                owner: None,
                comment: None,
            });
        }
    }

    pub(super) async fn relations(&mut self, ask: &mut Ask) {
        let (limit, within) = (ask.limits.rows, self.within("TABLE_SCHEMA"));
        let sql = format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE IN ({REMOTE}) FROM information_schema.TABLES \
             WHERE {within} ORDER BY 1, 2 LIMIT {limit}"
        );
        let answer = ask.rows(&sql).await;
        let mut remote = Vec::new();
        for row in answer.iter().flatten() {
            let Some(&schema) = self.schema_of.get(&word(row, 0)) else {
                continue;
            };
            let at = place(self.facts.relations.len());
            let elsewhere = number(row, 3) == Some(1);
            self.relation_of.insert((word(row, 0), word(row, 1)), at);
            if elsewhere {
                remote.push((at, word(row, 1)));
            }
            self.facts.relations.push(Relation {
                schema,
                name: word(row, 1),
                kind: match word(row, 2).as_str() {
                    "VIEW" => RelationKind::View,
                    "SEQUENCE" => RelationKind::Sequence,
                    _ if elsewhere => RelationKind::Foreign,
                    _ => RelationKind::Table,
                },
                owner: None,
                part_of: None,
                row_security: RowSecurity::default(),
                invoker: false,
                writable: Rights::NONE,
                rows: None,
                bytes: None,
                columns: Vec::new(),
                of_extension: false,
            });
        }
        for (at, name) in remote {
            self.facts.links.push(Link {
                kind: LinkKind::RemoteTable,
                name,
                wrapper: "FEDERATED, CONNECT or SPIDER".to_owned(),
                target: None,
                owner: None,
                mappings: Vec::new(),
                relations: vec![at],
                all_tables: false,
            });
        }
        self.objects_ended(Part::Relations, answer.as_ref().err());
        self.sizes(ask).await;
    }

    /// As of the last analysis, where the login may read them; asking the tables would open each.
    async fn sizes(&mut self, ask: &mut Ask) {
        let sql = "SELECT database_name, table_name, n_rows, \
             (clustered_index_size + sum_of_other_index_sizes) * @@innodb_page_size FROM mysql.innodb_table_stats";
        for row in ask.rows(sql).await.unwrap_or_default() {
            if let Some(at) = self.relation_of.get(&(word(&row, 0), word(&row, 1))) {
                let own = &mut self.facts.relations[*at as usize];
                own.rows = number(&row, 2).and_then(|rows| u64::try_from(rows).ok());
                own.bytes = number(&row, 3).and_then(|bytes| u64::try_from(bytes).ok());
            }
        }
    }

    pub(super) async fn columns(&mut self, ask: &mut Ask) {
        let (limit, within) = (ask.limits.rows * 5, self.within("TABLE_SCHEMA"));
        let sql = format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS \
             WHERE {within} ORDER BY 1, 2, ORDINAL_POSITION LIMIT {limit}"
        );
        let answer = ask.rows(&sql).await;
        for row in answer.iter().flatten() {
            if let Some(at) = self.relation_of.get(&(word(row, 0), word(row, 1))) {
                self.facts.relations[*at as usize]
                    .columns
                    .push(word(row, 2));
            }
        }
        self.objects_ended(Part::Columns, answer.as_ref().err());
    }

    /// An account as definers are written: `user@host`.
    fn definer(&self, text: &str) -> Option<u32> {
        let (user, host) = text.rsplit_once('@').unwrap_or((text, ""));
        self.account
            .get(&(user.to_owned(), host.to_owned()))
            .copied()
    }

    fn dialect(&self) -> Dialect {
        if self.mariadb {
            Dialect::Mariadb
        } else {
            Dialect::Mysql
        }
    }

    pub(super) async fn views(&mut self, ask: &mut Ask) {
        let within = self.within("TABLE_SCHEMA");
        let sql = format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, DEFINER, SECURITY_TYPE, IS_UPDATABLE, VIEW_DEFINITION \
             FROM information_schema.VIEWS WHERE {within} ORDER BY 1, 2"
        );
        let answer = ask.rows(&sql).await;
        for row in answer.iter().flatten() {
            let schema = word(row, 0);
            let Some(&view) = self.relation_of.get(&(schema.clone(), word(row, 1))) else {
                continue;
            };
            let owner = self.definer(&word(row, 2));
            let own = &mut self.facts.relations[view as usize];
            own.owner = owner;
            own.invoker = word(row, 3) == "INVOKER";
            if word(row, 4) == "YES" {
                own.writable = Rights::INSERT | Rights::UPDATE | Rights::DELETE;
            }
            self.view(view, &schema, &word(row, 5));
        }
        self.objects_ended(Part::Views, answer.as_ref().err());
    }

    /// What a view reads, from the form in which the server keeps it.
    fn view(&mut self, view: u32, schema: &str, definition: &str) {
        let found = freehold_sql::uses(self.dialect(), definition);
        let named = columns_named(self.dialect(), definition);
        let mut relations: Vec<u32> = Vec::new();
        for table in &found.tables {
            let database = table.name.qualifiers().next().unwrap_or(schema);
            let key = (database.to_owned(), table.name.table().to_owned());
            if let Some(at) = self.relation_of.get(&key)
                && !relations.contains(at)
            {
                relations.push(*at);
            }
        }
        for relation in relations {
            let own = &self.facts.relations[relation as usize].columns;
            let used = own
                .iter()
                .zip(0u16..)
                .filter(|(name, _)| named.iter().any(|column| column.eq_ignore_ascii_case(name)));
            self.facts.view_uses.push(ViewUse {
                view,
                relation,
                columns: used.map(|(_, at)| at).collect(),
            });
        }
    }

    pub(super) async fn routines(&mut self, ask: &mut Ask) {
        let within = self.within("ROUTINE_SCHEMA");
        let sql = format!(
            "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, DEFINER, SECURITY_TYPE, LEFT(ROUTINE_DEFINITION, {}) \
             FROM information_schema.ROUTINES WHERE {within} ORDER BY 1, 2",
            ask.limits.text
        );
        let answer = ask.rows(&sql).await;
        for row in answer.iter().flatten() {
            let Some(&schema) = self.schema_of.get(&word(row, 0)) else {
                continue;
            };
            let body = word(row, 4);
            self.facts.routines.push(Routine {
                schema,
                name: word(row, 1),
                arguments: String::new(),
                owner: self.definer(&word(row, 2)),
                definer: word(row, 3) != "INVOKER",
                language: "sql".to_owned(),
                for_triggers: false,
                body: (!body.is_empty()).then_some(body),
                of_extension: false,
            });
        }
        self.objects_ended(Part::Routines, answer.as_ref().err());
    }

    pub(super) async fn triggers(&mut self, ask: &mut Ask) {
        let within = self.within("EVENT_OBJECT_SCHEMA");
        let sql = format!(
            "SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME, DEFINER, EVENT_MANIPULATION, \
               LEFT(ACTION_STATEMENT, {}) FROM information_schema.TRIGGERS WHERE {within} ORDER BY 1, 2, 3",
            ask.limits.text
        );
        let answer = ask.rows(&sql).await;
        for row in answer.iter().flatten() {
            let Some(&relation) = self.relation_of.get(&(word(row, 0), word(row, 1))) else {
                continue;
            };
            self.facts.triggers.push(Trigger {
                relation,
                name: word(row, 2),
                routine: None,
                definer: self.definer(&word(row, 3)),
                body: Some(word(row, 5)),
                fires_on: Rights::named(&word(row, 4)),
            });
        }
        self.objects_ended(Part::Triggers, answer.as_ref().err());
    }

    pub(super) async fn references(&mut self, ask: &mut Ask) {
        let within = self.within("k.TABLE_SCHEMA");
        let sql = format!(
            "SELECT k.CONSTRAINT_NAME, k.TABLE_SCHEMA, k.TABLE_NAME, GROUP_CONCAT(k.COLUMN_NAME ORDER BY k.ORDINAL_POSITION), \
               k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME, MIN(r.DELETE_RULE), MIN(r.UPDATE_RULE) \
             FROM information_schema.KEY_COLUMN_USAGE k \
             JOIN information_schema.REFERENTIAL_CONSTRAINTS r ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA \
               AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME \
             WHERE k.REFERENCED_TABLE_NAME IS NOT NULL AND {within} GROUP BY 1, 2, 3, 5, 6 ORDER BY 2, 3, 1"
        );
        let answer = ask.rows(&sql).await;
        for row in answer.iter().flatten() {
            let from = self.relation_of.get(&(word(row, 1), word(row, 2)));
            let to = self.relation_of.get(&(word(row, 4), word(row, 5)));
            if let (Some(&from), Some(&to)) = (from, to) {
                self.facts.references.push(Reference {
                    name: word(row, 0),
                    from,
                    columns: word(row, 3).split(',').map(str::to_owned).collect(),
                    to,
                    on_delete: action(&word(row, 6)),
                    on_update: action(&word(row, 7)),
                });
            }
        }
        self.objects_ended(Part::References, answer.as_ref().err());
    }

    /// Servers that were made known for remote tables.
    pub(super) async fn links(&mut self, ask: &mut Ask) {
        let answer = self.servers(ask).await;
        self.ended(Part::Links, answer.as_ref().err(), super::GRANT_TABLES);
    }

    async fn servers(&mut self, ask: &mut Ask) -> Result<()> {
        let sql = "SELECT Server_name, Host, Db, Port, Wrapper FROM mysql.servers";
        for row in ask.rows(sql).await? {
            self.facts.links.push(Link {
                kind: LinkKind::ForeignServer,
                name: word(&row, 0),
                wrapper: word(&row, 4),
                target: Some(format!(
                    "host={} port={} dbname={}",
                    word(&row, 1),
                    word(&row, 3),
                    word(&row, 2)
                )),
                owner: None,
                mappings: Vec::new(),
                relations: Vec::new(),
                all_tables: false,
            });
        }
        Ok(())
    }
}

fn action(text: &str) -> &'static str {
    match text {
        "RESTRICT" => "RESTRICT",
        "CASCADE" => "CASCADE",
        "SET NULL" => "SET NULL",
        "SET DEFAULT" => "SET DEFAULT",
        _ => "NO ACTION",
    }
}

/// Names that stand after a dot: columns, with some tables among them, which does no harm.
fn columns_named(dialect: Dialect, definition: &str) -> Vec<String> {
    let mut named = Vec::new();
    let mut after_dot = false;
    for token in Lexer::new(dialect, definition).filter(|token| !token.is_trivia()) {
        let text = token.text(definition);
        if after_dot && matches!(token.kind, TokenKind::QuotedName | TokenKind::Word) {
            named.push(text.trim_matches('`').replace("``", "`"));
        }
        after_dot = text == ".";
    }
    named
}
