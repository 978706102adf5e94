//! Accounts, roles, and every right in the grant tables.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::Result;
use freehold_engine::audit::{
    Gives, Grant, Grantee, Membership, On, Part, Power, Principal, Rights,
};

use super::ask::Ask;
use super::resolve::{Entries, Pick, flattened};
use super::{GRANT_TABLES, Gathered, number, place, version, word};
use crate::names;

/// Columns of `mysql.user` and `mysql.db`, and the rights on tables that they are.
const RIGHTS: [(&str, Rights); 10] = [
    ("Select_priv", Rights::SELECT),
    ("Insert_priv", Rights::INSERT),
    ("Update_priv", Rights::UPDATE),
    ("Delete_priv", Rights::DELETE),
    // Emptying a table takes the right to drop it.
    ("Drop_priv", Rights::TRUNCATE),
    ("Create_priv", Rights::CREATE),
    ("Alter_priv", Rights::ALTER),
    ("References_priv", Rights::REFERENCES),
    ("Execute_priv", Rights::EXECUTE),
    ("Trigger_priv", Rights::TRIGGER),
];

/// Rights on the server that open more than they say.
const POWERS: [(&str, &str, Gives); 4] = [
    ("Super_priv", "SUPER", Gives::OthersRights),
    ("File_priv", "FILE", Gives::Reading),
    ("Create_user_priv", "CREATE USER", Gives::OthersRights),
    ("Repl_slave_priv", "REPLICATION SLAVE", Gives::Reading),
];

impl Gathered {
    pub(super) async fn server(&mut self, ask: &mut Ask) -> Result<()> {
        let sql = "SELECT VERSION(), @@version_comment, COALESCE(DATABASE(), ''), CURRENT_USER(), UNIX_TIMESTAMP()";
        let rows = ask.rows(sql).await?;
        let row = rows.first().map_or(&[][..], Vec::as_slice);
        let version = word(row, 0);
        let said = format!("{version} {}", word(row, 1));
        self.mariadb = said.to_lowercase().contains("mariadb");
        ask.begin(self.mariadb).await?;
        let server = &mut self.facts.server;
        let product = if self.mariadb { "MariaDB" } else { "MySQL" };
        product.clone_into(&mut server.product);
        let digits = version.strip_prefix("5.5.5-").unwrap_or(&version);
        let end = digits
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(digits.len());
        digits[..end].clone_into(&mut server.version);
        let mut parts = server
            .version
            .split('.')
            .map(|part| part.parse::<u32>().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        let number_of = next() * 10_000 + next() * 100 + next();
        server.version_num = number_of;
        server.database = word(row, 2);
        server.login = word(row, 3);
        server.clock = number(row, 4).unwrap_or_default();
        let known = version::known(self.mariadb, number_of, &said);
        self.facts.say(Part::Server, known);
        let sql = "SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES";
        let held: BTreeSet<String> = ask
            .rows(sql)
            .await?
            .iter()
            .map(|row| word(row, 0))
            .collect();
        self.sees_all = held.contains("SELECT");
        self.sees_processes = held.contains("PROCESS");
        Ok(())
    }

    pub(super) async fn people(&mut self, ask: &mut Ask) {
        let done = match self.accounts(ask).await {
            Ok(()) => self.memberships(ask).await,
            Err(error) => Err(error),
        };
        self.ended(Part::Principals, done.as_ref().err(), GRANT_TABLES);
        self.ended(Part::Memberships, done.as_ref().err(), GRANT_TABLES);
    }

    async fn accounts(&mut self, ask: &mut Ask) -> Result<()> {
        let locked = if self.mariadb {
            "(SELECT JSON_VALUE(g.Priv, '$.account_locked') FROM mysql.global_priv g WHERE g.User = u.User AND g.Host = u.Host), u.is_role"
        } else {
            "u.account_locked, IF(u.authentication_string = '' AND u.account_locked = 'Y' AND u.password_expired = 'Y', 'Y', 'N')"
        };
        let powers: Vec<&str> = POWERS.iter().map(|(column, ..)| *column).collect();
        let sql = format!(
            "SELECT u.User, u.Host, {locked}, u.{} FROM mysql.user u ORDER BY 1, 2 LIMIT {}",
            powers.join(", u."),
            ask.limits.rows
        );
        for row in ask.rows(&sql).await? {
            let (user, host) = (word(&row, 0), word(&row, 1));
            let is_role = word(&row, 3) == "Y";
            let locked = matches!(word(&row, 2).as_str(), "1" | "true" | "Y");
            let everybody = self.mariadb && user == "PUBLIC" && host.is_empty();
            if everybody {
                continue;
            }
            let powers = POWERS
                .iter()
                .zip(4..)
                .filter(|(_, at)| word(&row, *at) == "Y")
                .map(|((_, name, gives), _)| Power {
                    name: (*name).to_owned(),
                    gives: *gives,
                });
            let at = place(self.facts.principals.len());
            self.account.insert((user.clone(), host.clone()), at);
            self.facts.principals.push(Principal {
                built_in: matches!(
                    user.as_str(),
                    "mysql.sys" | "mysql.session" | "mysql.infoschema" | "mariadb.sys"
                ),
                name: if is_role && host.is_empty() {
                    user
                } else {
                    format!("{user}@{host}")
                },
                may_login: !is_role && !locked,
                powers: powers.collect(),
                ..Principal::default()
            });
        }
        Ok(())
    }

    async fn memberships(&mut self, ask: &mut Ask) -> Result<()> {
        let sql = if self.mariadb {
            "SELECT m.User, m.Host, m.Role, '', m.Admin_option, \
               (SELECT u.default_role = m.Role FROM mysql.user u WHERE u.User = m.User AND u.Host = m.Host) \
             FROM mysql.roles_mapping m"
        } else {
            "SELECT e.TO_USER, e.TO_HOST, e.FROM_USER, e.FROM_HOST, e.WITH_ADMIN_OPTION, \
               @@activate_all_roles_on_login OR EXISTS (SELECT 1 FROM mysql.default_roles d WHERE d.USER = e.TO_USER \
                 AND d.HOST = e.TO_HOST AND d.DEFAULT_ROLE_USER = e.FROM_USER AND d.DEFAULT_ROLE_HOST = e.FROM_HOST) \
             FROM mysql.role_edges e"
        };
        for row in ask.rows(sql).await? {
            let member = self.account.get(&(word(&row, 0), word(&row, 1)));
            let role = self.account.get(&(word(&row, 2), word(&row, 3)));
            let (Some(&member), Some(&role)) = (member, role) else {
                continue;
            };
            let of_role = !self.facts.principals[member as usize].may_login;
            self.facts.memberships.push(Membership {
                member,
                role,
                inherits: of_role || number(&row, 5) == Some(1),
                // Only what was given to the account itself can be taken on.
                may_set: !of_role,
                admin: word(&row, 4) == "Y",
                // The server merges a role's rights into whoever has it, and so do the grants here.
                merged: of_role,
            });
        }
        Ok(())
    }

    /// Every right, resolved for each principal.
    pub(super) async fn rights(&mut self, ask: &mut Ask) {
        let mut own: BTreeMap<u32, Entries> = BTreeMap::new();
        let mut everybody = Entries::default();
        let done = self.entries(ask, &mut own, &mut everybody).await;
        if let Err(error) = &done {
            for part in [Part::Principals, Part::Memberships, Part::Relations] {
                self.ended(part, Some(error), GRANT_TABLES);
            }
            return;
        }
        let mut roles_of: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for membership in self.facts.memberships.iter().filter(|own| own.merged) {
            roles_of
                .entry(membership.member)
                .or_default()
                .insert(membership.role);
        }
        for who in 0..place(self.facts.principals.len()) {
            let to = Grantee::One(who);
            let entries = flattened(&own, &roles_of, who);
            if self.mariadb {
                self.grant_all(to, &entries, &|name| {
                    entries.on_database(name, Pick::Mariadb)
                });
            } else if !self.facts.principals[who as usize].may_login {
                self.grant_all(to, &entries, &|name| {
                    entries.on_database(name, Pick::MysqlWithRoles)
                });
            } else {
                self.grant_account(who, &own, &roles_of);
            }
        }
        self.grant_all(Grantee::Public, &everybody, &|name| {
            everybody.on_database(name, Pick::Mariadb)
        });
    }

    /// What an account of MySQL may do without a role, and with its default ones. Mostly that is its
    /// own and what each role brings; where patterns stand in each other's way it is less, and is
    /// noted as the account's own.
    fn grant_account(
        &mut self,
        who: u32,
        own: &BTreeMap<u32, Entries>,
        roles_of: &BTreeMap<u32, BTreeSet<u32>>,
    ) {
        let active: BTreeSet<u32> = self
            .facts
            .memberships
            .iter()
            .filter(|own| own.member == who && own.inherits)
            .map(|own| own.role)
            .collect();
        let alone = flattened(own, &BTreeMap::new(), who);
        let roles: Vec<Entries> = active
            .iter()
            .map(|role| flattened(own, roles_of, *role))
            .collect();
        let mut with_active = roles_of.clone();
        with_active.insert(who, active.clone());
        let together = flattened(own, &with_active, who);
        let one = |entries: &Entries, name: &str, pick| {
            let found = entries.on_database(name, pick);
            found.unwrap_or((Rights::NONE, false))
        };
        let both = |name: &str| {
            let (own, with) = (
                one(&alone, name, Pick::Mysql),
                one(&together, name, Pick::MysqlWithRoles),
            );
            if active.is_empty() {
                own
            } else {
                (own.0 | with.0, own.1 || with.1)
            }
        };
        let in_the_way = self.facts.schemas.iter().any(|schema| {
            let apart = roles
                .iter()
                .map(|role| one(role, &schema.name, Pick::MysqlWithRoles).0)
                .fold(one(&alone, &schema.name, Pick::Mysql).0, |sum, own| {
                    sum | own
                });
            apart != both(&schema.name).0
        });
        let to = Grantee::One(who);
        if !in_the_way {
            self.grant_all(to, &alone, &|name| Some(one(&alone, name, Pick::Mysql)));
            return;
        }
        for membership in &mut self.facts.memberships {
            membership.merged |= membership.member == who && membership.inherits;
        }
        self.grant_all(to, &together, &|name| Some(both(name)));
    }

    /// `on_database`: which rights count there, and whether they were given with a wildcard.
    fn grant_all(
        &mut self,
        to: Grantee,
        entries: &Entries,
        on_database: &dyn Fn(&str) -> Option<(Rights, bool)>,
    ) {
        let mut grants = Vec::new();
        let mut give = |on: On, rights: Rights, wildcard: bool| {
            if !rights.is_none() {
                grants.push(Grant {
                    to,
                    on,
                    rights,
                    grantable: Rights::NONE,
                    wildcard,
                });
            }
        };
        give(On::Server, entries.global, false);
        for (schema, at) in self.facts.schemas.iter().zip(0u32..) {
            if let Some((rights, wildcard)) = on_database(&schema.name) {
                give(On::Schema(at), rights, wildcard);
            }
        }
        for (table, rights) in &entries.tables {
            if let Some(at) = self.relation_of.get(table) {
                give(On::Relation(*at), *rights, false);
            }
        }
        for ((database, table, column), rights) in &entries.columns {
            if let Some(at) = self.relation_of.get(&(database.clone(), table.clone())) {
                let columns = &self.facts.relations[*at as usize].columns;
                let found = columns
                    .iter()
                    .position(|own| own.eq_ignore_ascii_case(column));
                if let Some(column) = found.and_then(|at| u16::try_from(at).ok()) {
                    give(On::Column(*at, column), *rights, false);
                }
            }
        }
        for (routine, at) in self.facts.routines.iter().zip(0u32..) {
            let schema = &self.facts.schemas[routine.schema as usize].name;
            let key = (schema.clone(), routine.name.clone());
            if let Some(rights) = entries.routines.get(&key) {
                give(On::Routine(at), *rights, false);
            }
        }
        self.facts.grants.extend(grants);
    }

    async fn entries(
        &mut self,
        ask: &mut Ask,
        own: &mut BTreeMap<u32, Entries>,
        everybody: &mut Entries,
    ) -> Result<()> {
        let columns: Vec<&str> = RIGHTS.iter().map(|(column, _)| *column).collect();
        let flags = |row: &[freehold_engine::Value], from: usize| {
            let held = RIGHTS
                .iter()
                .zip(from..)
                .filter(|(_, at)| word(row, *at) == "Y");
            held.fold(Rights::NONE, |sum, ((_, right), _)| sum | *right)
        };
        let limit = ask.limits.rows;
        let sql = format!(
            "SELECT User, Host, {} FROM mysql.user LIMIT {limit}",
            columns.join(", ")
        );
        for row in ask.rows(&sql).await? {
            for entries in self.of(own, everybody, &word(&row, 0), &word(&row, 1), true) {
                entries.global |= flags(&row, 2);
            }
        }
        let sql = format!(
            "SELECT User, Host, Db, {} FROM mysql.db LIMIT {limit}",
            columns.join(", ")
        );
        for row in ask.rows(&sql).await? {
            let key = (word(&row, 2), word(&row, 1));
            for entries in self.of(own, everybody, &word(&row, 0), &word(&row, 1), false) {
                *entries.databases.entry(key.clone()).or_default() |= flags(&row, 3);
            }
        }
        let sql = format!(
            "SELECT User, Host, Db, Table_name, Table_priv FROM mysql.tables_priv LIMIT {limit}"
        );
        for row in ask.rows(&sql).await? {
            let key = (word(&row, 2), word(&row, 3));
            for entries in self.of(own, everybody, &word(&row, 0), &word(&row, 1), false) {
                *entries.tables.entry(key.clone()).or_default() |= set(&word(&row, 4));
            }
        }
        let sql = format!(
            "SELECT User, Host, Db, Table_name, Column_name, Column_priv FROM mysql.columns_priv LIMIT {limit}"
        );
        for row in ask.rows(&sql).await? {
            let key = (word(&row, 2), word(&row, 3), word(&row, 4));
            for entries in self.of(own, everybody, &word(&row, 0), &word(&row, 1), false) {
                *entries.columns.entry(key.clone()).or_default() |= set(&word(&row, 5));
            }
        }
        let sql = format!(
            "SELECT User, Host, Db, Routine_name, Proc_priv FROM mysql.procs_priv LIMIT {limit}"
        );
        for row in ask.rows(&sql).await? {
            let key = (word(&row, 2), word(&row, 3));
            for entries in self.of(own, everybody, &word(&row, 0), &word(&row, 1), false) {
                *entries.routines.entry(key.clone()).or_default() |= set(&word(&row, 4));
            }
        }
        Ok(())
    }

    /// Whose entries a row of this user and host adds to. Rights on the server count for the exact
    /// account; all others also for accounts of that user from fewer places.
    fn of<'e>(
        &self,
        own: &'e mut BTreeMap<u32, Entries>,
        everybody: &'e mut Entries,
        user: &str,
        host: &str,
        exact: bool,
    ) -> Vec<&'e mut Entries> {
        if self.mariadb && user == "PUBLIC" && host.is_empty() {
            return vec![everybody];
        }
        let fits = |(name, from): &(String, String)| {
            name == user
                && (from == host || !exact && !from.is_empty() && names::matches(host, from))
        };
        let wanted: BTreeSet<u32> = self
            .account
            .iter()
            .filter(|(account, _)| fits(account))
            .map(|(_, at)| *at)
            .collect();
        for at in &wanted {
            own.entry(*at).or_default();
        }
        own.iter_mut()
            .filter(|(at, _)| wanted.contains(at))
            .map(|(_, entries)| entries)
            .collect()
    }
}

/// `Select,Insert,Drop`.
fn set(text: &str) -> Rights {
    let words = text.split(',').map(|word| match word {
        "Drop" => Rights::TRUNCATE,
        word => Rights::named(word),
    });
    words.fold(Rights::NONE, |sum, right| sum | right)
}
