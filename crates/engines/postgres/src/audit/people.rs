//! The server, its roles and memberships, databases and schemas, and the rights on those.

use freehold_engine::audit::{
    Database, DefaultGrant, Gives, Grant, Grantee, Membership, On, Part, Power, Principal, Rights,
    Schema,
};

use super::Gathered;
use super::ask::{Ask, Row};
use super::version;
use crate::acl;

/// Attributes and roles that open more than they say.
const FILES: &str = "pg_read_server_files";
const PROGRAMS: &str = "pg_execute_server_program";
const WRITE_FILES: &str = "pg_write_server_files";

impl Gathered {
    pub(super) async fn server(&mut self, ask: &mut Ask) {
        let sql = "SELECT current_setting('server_version_num'), current_setting('server_version'), \
             current_database(), session_user, extract(epoch FROM clock_timestamp())::bigint, \
             extract(epoch FROM pg_postmaster_start_time())::bigint, \
             (SELECT bool_or(pg_has_role(session_user, oid, 'USAGE')) FROM pg_roles WHERE rolname = 'pg_read_all_stats'), version()";
        let answer = ask.rows(sql).await;
        if let Ok([row]) = answer.as_deref() {
            let server = &mut self.facts.server;
            "PostgreSQL".clone_into(&mut server.product);
            server.version_num = row.number(0).unwrap_or_default();
            let version = row.word(1);
            let number = version.split_whitespace().next().unwrap_or_default();
            number.clone_into(&mut server.version);
            server.database = row.word(2);
            server.login = row.word(3);
            server.clock = row.number(4).unwrap_or_default();
            server.started = row.number(5);
            self.version = server.version_num;
            self.sees_others = row.yes(6);
        }
        self.ended(Part::Server, answer.as_ref().err(), "");
        if let Ok([row]) = answer.as_deref() {
            let known = version::known(self.version, &row.word(7));
            self.facts.say(Part::Server, known);
        }
    }

    pub(super) async fn principals(&mut self, ask: &mut Ask) {
        let limit = ask.limits.rows;
        let sql = format!(
            "SELECT oid, rolname, rolcanlogin, rolsuper, rolbypassrls, rolreplication, rolcreaterole, rolinherit, \
             rolconnlimit, shobj_description(oid, 'pg_authid') FROM pg_roles ORDER BY oid LIMIT {}",
            limit + 1
        );
        let answer = ask.rows(&sql).await;
        let superuser = |row: &Row| row.yes(3);
        for row in answer.iter().flatten().take(limit) {
            let name = row.word(1);
            let mut powers = Vec::new();
            let mut power = |holds: bool, name: &str, gives| {
                if holds {
                    powers.push(Power {
                        name: name.to_owned(),
                        gives,
                    });
                }
            };
            power(row.yes(5) && row.yes(2), "REPLICATION", Gives::Reading);
            // From 16 on it reaches only roles that it has ADMIN on, which memberships tell.
            let reaches_all = row.yes(6) && self.version < 160_000 && !superuser(row);
            power(reaches_all, "CREATEROLE", Gives::OthersRights);
            power(name == FILES, FILES, Gives::Reading);
            power(name == WRITE_FILES, WRITE_FILES, Gives::Everything);
            power(name == PROGRAMS, PROGRAMS, Gives::Everything);
            let at = place(self.facts.principals.len());
            self.role_of_oid.insert(row.oid(0), at);
            self.role_of_name.insert(name.clone(), at);
            self.facts.principals.push(Principal {
                built_in: name.starts_with("pg_"),
                name,
                may_login: row.yes(2) && (superuser(row) || row.text(8) != Some("0")),
                superuser: superuser(row),
                bypasses_row_security: row.yes(4) || superuser(row),
                powers,
                comment: row.text(9).map(str::to_owned),
            });
            if !row.yes(7) && self.version < 160_000 {
                self.never_inherits.insert(at);
            }
        }
        let rows = answer.as_ref().map_or(0, Vec::len);
        self.ended(Part::Principals, answer.as_ref().err(), "");
        self.cut(Part::Principals, rows, limit);
        self.all_data();
    }

    /// What the roles for all data come to, as rights on everything.
    fn all_data(&mut self) {
        let usage = Rights::USAGE;
        let given = [
            ("pg_read_all_data", Rights::SELECT | usage),
            (
                "pg_write_all_data",
                Rights::INSERT | Rights::UPDATE | Rights::DELETE | usage,
            ),
            ("pg_maintain", Rights::MAINTAIN),
        ];
        for (name, rights) in given {
            if let Some(role) = self.role_of_name.get(name) {
                self.facts.grants.push(Grant {
                    to: Grantee::One(*role),
                    on: On::Server,
                    rights,
                    grantable: Rights::NONE,
                    wildcard: false,
                });
            }
        }
    }

    pub(super) async fn memberships(&mut self, ask: &mut Ask) {
        let options = if self.version >= 160_000 {
            "inherit_option, set_option"
        } else {
            "NULL, true"
        };
        let sql = format!(
            "SELECT member, roleid, {options}, admin_option FROM pg_auth_members ORDER BY 1, 2"
        );
        let answer = ask.rows(&sql).await;
        for row in answer.iter().flatten() {
            let (Some(&member), Some(&role)) = (
                self.role_of_oid.get(&row.oid(0)),
                self.role_of_oid.get(&row.oid(1)),
            ) else {
                continue;
            };
            let inherits = match row.text(2) {
                Some(text) => text == "t",
                None => !self.never_inherits.contains(&member),
            };
            self.facts.memberships.push(Membership {
                member,
                role,
                inherits,
                may_set: row.yes(3),
                admin: row.yes(4),
                merged: false,
            });
        }
        self.ended(Part::Memberships, answer.as_ref().err(), "");
    }

    pub(super) async fn databases(&mut self, ask: &mut Ask) {
        let sql = "SELECT datname, datdba, datallowconn, datacl::text, shobj_description(oid, 'pg_database') \
                   FROM pg_database ORDER BY oid";
        let answer = ask.rows(sql).await;
        for row in answer.iter().flatten() {
            let at = place(self.facts.databases.len());
            let owner = self.role_of_oid.get(&row.oid(1)).copied();
            let public = Rights::CONNECT | Rights::TEMPORARY;
            self.rights(
                On::Database(at),
                row.text(3),
                owner,
                public,
                public | Rights::CREATE,
            );
            self.facts.databases.push(Database {
                name: row.word(0),
                owner,
                closed: !row.yes(2),
                comment: row.text(4).map(str::to_owned),
            });
        }
        self.ended(Part::Databases, answer.as_ref().err(), "");
        self.database_owner();
    }

    /// The owner of the audited database belongs to `pg_database_owner`, which no catalog says.
    fn database_owner(&mut self) {
        let here = self.facts.here();
        let owner = here.and_then(|at| self.facts.databases[at as usize].owner);
        let role = self.role_of_name.get("pg_database_owner").copied();
        if let (Some(member), Some(role)) = (owner, role) {
            self.facts.memberships.push(Membership {
                member,
                role,
                inherits: !self.never_inherits.contains(&member),
                may_set: true,
                admin: false,
                merged: false,
            });
        }
    }

    pub(super) async fn schemas(&mut self, ask: &mut Ask) {
        let sql = "SELECT oid, nspname, nspowner, nspacl::text, obj_description(oid, 'pg_namespace') FROM pg_namespace \
                   WHERE nspname <> 'information_schema' AND nspname !~ '^pg_' ORDER BY oid";
        let answer = ask.rows(sql).await;
        for row in answer.iter().flatten() {
            let at = place(self.facts.schemas.len());
            let owner = self.role_of_oid.get(&row.oid(2)).copied();
            self.schema_of_oid.insert(row.oid(0), at);
            let all = Rights::USAGE | Rights::CREATE;
            self.rights(On::Schema(at), row.text(3), owner, Rights::NONE, all);
            self.facts.schemas.push(Schema {
                name: row.word(1),
                owner,
                comment: row.text(4).map(str::to_owned),
            });
        }
        if let Err(error) = &answer {
            self.ended(Part::Databases, Some(error), "");
        }
    }

    pub(super) async fn defaults(&mut self, ask: &mut Ask) {
        let sql = "SELECT defaclrole, defaclnamespace, defaclobjtype::text, defaclacl::text FROM pg_default_acl ORDER BY oid";
        let answer = ask.rows(sql).await;
        for row in answer.iter().flatten() {
            let Some(&owner) = self.role_of_oid.get(&row.oid(0)) else {
                continue;
            };
            let kind = match row.text(2) {
                Some("r") => "tables",
                Some("S") => "sequences",
                Some("f") => "functions",
                Some("T") => "types",
                _ => "schemas",
            };
            for (to, rights, _) in self.entries(row.text(3).unwrap_or_default()) {
                if to != Grantee::One(owner) {
                    let schema = self.schema_of_oid.get(&row.oid(1)).copied();
                    self.facts.defaults.push(DefaultGrant {
                        owner,
                        schema,
                        kind,
                        to,
                        rights,
                    });
                }
            }
        }
        self.ended(Part::Defaults, answer.as_ref().err(), "");
    }

    /// Notes an access list. Without one, the server takes `public` for everybody and `all` for
    /// the owner.
    pub(super) fn rights(
        &mut self,
        on: On,
        list: Option<&str>,
        owner: Option<u32>,
        public: Rights,
        all: Rights,
    ) {
        let Some(list) = list else {
            let defaults = [
                (Some(Grantee::Public), public),
                (owner.map(Grantee::One), all),
            ];
            for (to, rights) in defaults {
                if let Some(to) = to.filter(|_| !rights.is_none()) {
                    self.grant(to, on, rights, Rights::NONE);
                }
            }
            return;
        };
        for (to, rights, grantable) in self.entries(list) {
            self.grant(to, on, rights, grantable);
        }
    }

    fn grant(&mut self, to: Grantee, on: On, rights: Rights, grantable: Rights) {
        self.facts.grants.push(Grant {
            to,
            on,
            rights,
            grantable,
            wildcard: false,
        });
    }

    /// An access list, its roles found. Entries of roles that are gone say nothing.
    fn entries(&self, list: &str) -> Vec<(Grantee, Rights, Rights)> {
        let items = acl::parse(list).into_iter();
        items
            .filter_map(|item| {
                let to = if item.grantee == "PUBLIC" {
                    Grantee::Public
                } else {
                    Grantee::One(*self.role_of_name.get(&item.grantee)?)
                };
                let (mut rights, mut grantable) = (Rights::NONE, Rights::NONE);
                for (word, on) in item.rights {
                    rights |= Rights::named(word);
                    if on {
                        grantable |= Rights::named(word);
                    }
                }
                Some((to, rights, grantable))
            })
            .collect()
    }
}

/// A place in a list; lists are bounded far below what it holds.
pub(super) fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
