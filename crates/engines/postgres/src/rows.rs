//! One row of one catalog query on its way into [`Live`]: what its columns are, and where they go.
//!
//! Decides nothing but whose an object is (its mark). The queries are in `catalog.rs`.

use freehold_engine::{ForeignKey, Grant, Live, Mark, Object, Role, Routine, Table, Want};
use freehold_model::Isolation;
use freehold_sql::{Dialect, fingerprint};

use crate::acl::{AclKind, elements, entries, parse};
use crate::catalog::Topic;
use crate::facts::{Fact, push, put};
use crate::identities;
use crate::names::{key, routine_key};

type Row = [Option<String>];

/// One row of one topic on its way into [`Live`].
pub(crate) struct Reader<'a> {
    pub(crate) want: &'a Want,
    pub(crate) live: &'a mut Live,
    pub(crate) row: &'a Row,
}

impl Reader<'_> {
    pub(crate) fn read(&mut self, topic: Topic) {
        match topic {
            Topic::Database => self.database(),
            Topic::Roles => self.role(),
            Topic::RoleSettings => self.setting(),
            Topic::Members => self.member(),
            Topic::Elsewhere => push(self.live, Fact::Elsewhere, &self.text(0), &self.text(1)),
            Topic::OpenDatabases => self.open_database(),
            Topic::OpenLogins => self.open_login(),
            Topic::Available => {
                let how = if self.truth(1) {
                    "trusted"
                } else {
                    "superuser"
                };
                put(self.live, Fact::Available, &self.text(0), how);
            }
            Topic::Hba => self.hba(),
            Topic::Schemas => self.schema(),
            Topic::Relations => self.relation(),
            Topic::Parents => self.parent(),
            Topic::Columns => self.column(),
            Topic::Routines => self.routine(),
            Topic::Types => self.data_type(),
            Topic::ForeignKeys => self.foreign_key(),
            Topic::Triggers => self.trigger(),
            Topic::Rules => {
                let of = format!("{}/{}", self.key(0), self.text(2));
                put(self.live, Fact::Rule, &of, self.text(3));
            }
            Topic::DefaultAcls => self.default_acl(),
            Topic::Extensions => {
                put(self.live, Fact::ExtensionOwner, &self.text(0), self.text(1));
                let name = self.text(0);
                self.live.extensions.insert(name);
            }
        }
    }

    fn text(&self, at: usize) -> String {
        self.row[at].clone().unwrap_or_default()
    }

    fn maybe(&self, at: usize) -> Option<&str> {
        self.row[at].as_deref()
    }

    fn truth(&self, at: usize) -> bool {
        self.maybe(at) == Some("t") || self.maybe(at) == Some("true")
    }

    fn yes(&self, at: usize) -> &'static str {
        if self.truth(at) { "yes" } else { "no" }
    }

    /// The key of the object whose schema and name stand at `at` and after it.
    fn key(&self, at: usize) -> String {
        key(&self.want.spot, &self.text(at), &self.text(at + 1))
    }

    /// owner, open, comment, acl, here, may enter, may create, may let in, broken
    fn database(&mut self) {
        let owner = self.text(0);
        let own = identities::own_database(self.want.isolation);
        let marked = self.maybe(2) == Some(self.want.mark().as_str());
        let mark = if !own || marked || owner == self.want.identities.owner {
            Mark::Ours
        } else {
            Mark::Foreign(stranger(self.maybe(2), &owner))
        };
        self.live.database = Some(mark);
        self.live.looked_inside = self.truth(4);
        put(self.live, Fact::DatabaseOwner, "", owner.clone());
        put(self.live, Fact::DatabaseOpen, "", self.yes(1));
        put(
            self.live,
            Fact::DatabaseMarked,
            "",
            if marked { "yes" } else { "no" },
        );
        put(self.live, Fact::MayEnter, "", self.yes(5));
        put(self.live, Fact::MayCreate, "", self.yes(6));
        put(self.live, Fact::MayLetIn, "", self.yes(7));
        put(self.live, Fact::DatabaseBroken, "", self.yes(8));
        for item in entries(AclKind::Database, self.maybe(3), &owner) {
            let has = |right| item.rights.iter().any(|(word, _)| *word == right);
            if item.grantee == "PUBLIC" {
                put(
                    self.live,
                    Fact::DatabasePublic,
                    "",
                    if has("CONNECT") { "yes" } else { "no" },
                );
                put(
                    self.live,
                    Fact::DatabasePublicTemp,
                    "",
                    if has("TEMPORARY") { "yes" } else { "no" },
                );
            }
            // A shared database is not ours: only what our own hold on it is looked at.
            if own || self.is_described(&item.grantee) {
                let on = Object::Database(self.want.spot.database.clone());
                self.grant(&item.grantee, &on, &item.rights);
            }
        }
    }

    fn is_described(&self, grantee: &str) -> bool {
        let access = &self.want.access;
        identities::all(self.want).contains(&grantee)
            || access.iter().any(|access| access.who == grantee)
    }

    fn grant(&mut self, grantee: &str, on: &Object, rights: &[(&'static str, bool)]) {
        for (right, grantable) in rights {
            self.live.grants.insert(Grant {
                grantable: *grantable,
                ..Grant::new(grantee, on.clone(), right)
            });
        }
    }

    fn grants(&mut self, kind: AclKind, acl_at: usize, owner: &str, on: &Object) {
        for item in entries(kind, self.row[acl_at].as_deref(), owner) {
            self.grant(&item.grantee, on, &item.rights);
        }
    }

    /// name, can log in, comment, has password, digest, attributes
    fn role(&mut self) {
        let mark = if self.maybe(2) == Some(self.want.mark().as_str()) {
            Mark::Ours
        } else {
            Mark::Foreign(self.text(2))
        };
        let role = Role {
            mark,
            can_login: self.truth(1),
            has_password: self.maybe(3).map(|text| text == "true"),
            verifier: self.maybe(4).map(str::to_owned),
            attributes: self.text(5).split_whitespace().map(str::to_owned).collect(),
            settings: self
                .live
                .roles
                .remove(&self.text(0))
                .map(|role| role.settings)
                .unwrap_or_default(),
        };
        self.live.roles.insert(self.text(0), role);
    }

    /// role, for every database, `name=value`, only a superuser may reset it
    fn setting(&mut self) {
        let (name, value) = self
            .text(2)
            .split_once('=')
            .map_or((self.text(2), String::new()), |(name, value)| {
                (name.to_owned(), value.to_owned())
            });
        // Written with or without quotes, `a, b` is one path.
        let value = if name == "search_path" {
            path(&value)
        } else {
            value
        };
        let everywhere = if self.truth(1) { "*:" } else { "" };
        let setting = format!("{everywhere}{name}={value}");
        if self.truth(3) {
            push(self.live, Fact::SuperuserSettings, &self.text(0), &setting);
        }
        if let Some(role) = self.live.roles.get_mut(&self.text(0)) {
            role.settings.insert(setting);
        }
    }

    /// member, group, grantor, admin, inherit, set
    fn member(&mut self) {
        let on = Object::Role(self.text(1));
        let member = self.text(0);
        let options = [(3, "ADMIN"), (4, "INHERIT"), (5, "SET")];
        let mut rights: Vec<_> = options
            .iter()
            .filter(|(at, _)| self.truth(*at))
            .map(|(_, word)| (*word, false))
            .collect();
        if rights.is_empty() {
            rights.push(("MEMBER", false));
        }
        self.grant(&member, &on, &rights);
        let of = format!("{member}/{}", self.text(1));
        push(self.live, Fact::Grantor, &of, &self.text(2));
    }

    fn open_database(&mut self) {
        let name = self.text(0);
        push(self.live, Fact::OpenDatabases, "", &name);
        let owner = if self.truth(2) {
            String::new()
        } else {
            self.text(1)
        };
        put(self.live, Fact::OpenOwner, &name, owner);
    }

    fn open_login(&mut self) {
        push(self.live, Fact::OpenLogins, &self.text(0), &self.text(1));
        if self.text(2) != "0" {
            let line = format!("{} of {}", self.text(2), self.text(1));
            push(self.live, Fact::OpenSessions, &self.text(0), &line);
        }
    }

    /// line, type, databases, users, address
    fn hba(&mut self) {
        let [line, kind, databases, users, address] = [0, 1, 2, 3, 4].map(|at| self.text(at));
        let names = |list: &str| elements(list).join(",");
        let rule = format!(
            "line {line}: {kind} {} {} {address}",
            names(&databases),
            names(&users)
        );
        push(self.live, Fact::PlainHba, "", &rule);
    }

    /// name, owner, comment, acl, may grant on it
    fn schema(&mut self) {
        let (name, owner) = (self.text(0), self.text(1));
        if name == self.want.spot.schema {
            let marked = self.maybe(2) == Some(self.want.mark().as_str());
            self.live.schema = Some(if marked || owner == self.want.identities.owner {
                Mark::Ours
            } else {
                Mark::Foreign(stranger(self.maybe(2), &owner))
            });
        }
        put(self.live, Fact::SchemaOwner, &name, owner.clone());
        put(self.live, Fact::SchemaMayGrant, &name, self.yes(4));
        let shared = self.want.isolation == Isolation::Tables;
        for item in entries(AclKind::Closed, self.row[3].as_deref(), &owner) {
            if !shared || self.is_described(&item.grantee) {
                self.grant(&item.grantee, &Object::Schema(name.clone()), &item.rights);
            }
        }
    }

    /// schema, name, kind, owner, acl, dependency, table's schema, table, its owner lacks something
    fn relation(&mut self) {
        let (name, owner) = (self.key(0), self.text(3));
        if self.truth(8) {
            put(self.live, Fact::OwnerLacks, &name, self.text(2));
        }
        if self.text(2) != "S" {
            let table = self.live.tables.entry(name.clone()).or_default();
            table.owner.clone_from(&owner);
            table.view = matches!(self.row[2].as_deref(), Some("v" | "m"));
            if name == self.want.spot.own("ledger") {
                self.live.ledger_format = Some(crate::ledger::format(self.maybe(9)));
            }
            self.grants(AclKind::Closed, 4, &owner, &Object::Table(name));
            return;
        }
        let kind = match self.maybe(5) {
            Some("i") => "identity",
            Some(_) => "serial",
            None => "free",
        };
        let table = self.maybe(7).map(|_| self.key(6));
        put(self.live, Fact::SequenceKind, &name, kind);
        put(self.live, Fact::SequenceOwner, &name, owner.clone());
        self.live.sequences.insert(name.clone(), table);
        self.grants(AclKind::Closed, 4, &owner, &Object::Sequence(name));
    }

    /// schema, table, parent's schema, parent, is a partition
    fn parent(&mut self) {
        let fact = if self.truth(4) {
            Fact::PartitionOf
        } else {
            Fact::Inherits
        };
        push(self.live, fact, &self.key(0), &self.key(2));
    }

    /// schema, table, column, filled by the server, acl
    fn column(&mut self) {
        let (table, column) = (self.key(0), self.text(2));
        let filled = self.truth(3);
        let entry: &mut Table = self.live.tables.entry(table.clone()).or_default();
        entry.columns.push(column.clone());
        if filled {
            entry.filled_by_server.insert(column.clone());
        }
        let owner = entry.owner.clone();
        self.grants(AclKind::Closed, 4, &owner, &Object::Column(table, column));
    }

    /// schema, name, types, owner, definer, kind, language, body, acl, settings, returns
    fn routine(&mut self) {
        let name = routine_key(&self.want.spot, &self.text(0), &self.text(1), &self.text(2));
        let owner = self.text(3);
        let body = self.text(7);
        let kind = if self.text(5) == "p" {
            "procedure"
        } else {
            "function"
        };
        put(self.live, Fact::Language, &name, self.text(6));
        if self.text(10).ends_with("trigger") {
            put(self.live, Fact::Returns, &name, "trigger");
        }
        let routine = Routine {
            kind: kind.to_owned(),
            owner: owner.clone(),
            definer: self.truth(4),
            fingerprint: routine_fingerprint(
                &self.text(6),
                self.truth(4),
                &elements(&self.text(9)),
                &body,
            ),
            body,
        };
        self.live.routines.insert(name.clone(), routine);
        self.grants(AclKind::Routine, 8, &owner, &Object::Routine(name));
    }

    /// schema, name, owner, acl. Everybody may use a type; that is left as it is.
    fn data_type(&mut self) {
        let (name, owner) = (self.key(0), self.text(2));
        put(self.live, Fact::TypeOwner, &name, owner.clone());
        let items = entries(AclKind::Type, self.row[3].as_deref(), &owner);
        for item in items.iter().filter(|item| item.grantee != "PUBLIC") {
            self.grant(&item.grantee, &Object::Type(name.clone()), &item.rights);
        }
    }

    /// schema, table, name, referenced schema, referenced table, on delete, on update
    fn foreign_key(&mut self) {
        self.live.foreign_keys.insert(ForeignKey {
            name: self.text(2),
            table: self.key(0),
            references: self.key(3),
            on_delete: action(&self.text(5)).to_owned(),
            on_update: action(&self.text(6)).to_owned(),
        });
    }

    /// schema, table, name, routine's schema, routine, types, definition
    fn trigger(&mut self) {
        let of = format!("{}/{}", self.key(0), self.text(2));
        let routine = routine_key(&self.want.spot, &self.text(3), &self.text(4), &self.text(5));
        put(self.live, Fact::Trigger, &of, routine.clone());
        let definition = self.text(6);
        let definer = self
            .live
            .routines
            .get(&routine)
            .is_some_and(|routine| routine.definer);
        let owner = self
            .live
            .tables
            .get(&self.key(0))
            .map(|table| table.owner.clone())
            .unwrap_or_default();
        self.live.routines.insert(
            format!("{of} trigger"),
            Routine {
                kind: "trigger".to_owned(),
                owner,
                definer,
                fingerprint: fingerprint(Dialect::Postgres, &definition).to_string(),
                body: definition,
            },
        );
    }

    /// schema or empty, kind of object, acl
    fn default_acl(&mut self) {
        let kind = match self.maybe(1) {
            Some("r") => "TABLES",
            Some("S") => "SEQUENCES",
            Some("f") => "FUNCTIONS",
            Some("T") => "TYPES",
            Some("n") => "SCHEMAS",
            _ => "LARGE OBJECTS",
        };
        let schema = self.text(0);
        if schema.is_empty() && kind == "FUNCTIONS" {
            put(self.live, Fact::FunctionDefaults, "", "yes");
        }
        let on = if schema.is_empty() {
            kind.to_owned()
        } else {
            format!("{kind} IN {schema}")
        };
        for item in parse(&self.text(2)) {
            let usual = kind == "TYPES" && item.grantee == "PUBLIC";
            if item.grantee != self.want.identities.owner && !usual {
                self.grant(&item.grantee, &Object::Default(on.clone()), &item.rights);
            }
        }
    }
}

/// A search path as names, whether each was written with quotes or without.
fn path(text: &str) -> String {
    let mut names = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, names.last_mut()) {
            ('"', Some(name)) if quoted && chars.peek() == Some(&'"') => {
                name.push('"');
                chars.next();
            }
            ('"', _) => quoted = !quoted,
            (',', _) if !quoted => names.push(String::new()),
            (' ', _) if !quoted => {}
            (c, Some(name)) => name.push(c),
            (_, None) => {}
        }
    }
    names.join(", ")
}

/// What a routine does, whatever its grants: compared to know whether somebody changed it.
pub(crate) fn routine_fingerprint(
    language: &str,
    definer: bool,
    settings: &[String],
    body: &str,
) -> String {
    let text = format!("{language} {definer} {} {body}", settings.join(" "));
    fingerprint(Dialect::Postgres, &text).to_string()
}

fn stranger(comment: Option<&str>, owner: &str) -> String {
    match comment {
        Some(comment) if comment.starts_with("freehold:") => comment.to_owned(),
        _ => format!("owned by {owner}"),
    }
}

fn action(letter: &str) -> &'static str {
    match letter {
        "r" => "RESTRICT",
        "c" => "CASCADE",
        "n" => "SET NULL",
        "d" => "SET DEFAULT",
        _ => "NO ACTION",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_its_names() {
        assert_eq!(path("orders, public"), "orders, public");
        assert_eq!(path("\"Odd, \"\"one\"\"\", public"), "Odd, \"one\", public");
        assert_eq!(path("\"order\""), "order");
    }
}
