//! Accounts and the rights that they hold, out of the grant tables.
//!
//! Owns what the columns of `mysql.*` mean on both products. Asks about the store's own names,
//! those that `access` names, anonymous ones, and whoever holds something on the store's database.
//! Needs SELECT on `mysql`.*; without it [`Live::facts`] says so and nothing else is claimed.

use std::collections::BTreeSet;

use freehold_engine::{ErrorKind, Grant, Live, Mark, Object, Result, Role, Want};
use sha2::{Digest, Sha256};

use crate::inspect::{UNREADABLE, made_accounts, text};
use crate::names::{self, key, literal};
use crate::verifier;
use crate::wire::Wire;

/// Reads accounts, global and database rights, rights on objects, roles and proxies.
pub(crate) async fn read(
    wire: &mut Wire,
    want: &Want,
    mysql: bool,
    host: &str,
    live: &mut Live,
) -> Result<()> {
    let mut scope = Scope {
        want,
        mysql,
        host,
        users: users(want),
    };
    match accounts(wire, &mut scope, live).await {
        Err(error) if error.kind == ErrorKind::Denied => {
            live.facts.insert(UNREADABLE.to_owned(), "mysql".to_owned());
            return Ok(());
        }
        other => other?,
    }
    global_rights(wire, &scope, live).await?;
    database_rights(wire, &scope, live).await?;
    object_rights(wire, &scope, live).await?;
    roles_and_proxies(wire, &scope, live).await
}

struct Scope<'a> {
    want: &'a Want,
    mysql: bool,
    host: &'a str,
    /// User names that are asked about, at any host.
    users: Vec<String>,
}

impl Scope<'_> {
    fn key(&self, user: &str, host: &str) -> String {
        key(user, host, self.host)
    }

    /// `('a', 'b')`
    fn users_in(&self) -> String {
        list(self.users.iter().map(String::as_str))
    }

    fn database(&self) -> String {
        literal(&self.want.spot.database)
    }
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    format!("({})", texts.map(literal).collect::<Vec<_>>().join(", "))
}

/// The store's names, those of `access`, and the anonymous user.
fn users(want: &Want) -> Vec<String> {
    let names = &want.identities;
    let ours = [names.owner.as_str(), &names.issuer, ""]
        .into_iter()
        .chain(want.logins());
    let access = want.access.iter().map(|access| {
        access
            .who
            .rsplit_once('@')
            .map_or(access.who.as_str(), |(user, _)| user)
    });
    ours.chain(access)
        .map(str::to_owned)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

async fn accounts(wire: &mut Wire, scope: &mut Scope<'_>, live: &mut Live) -> Result<()> {
    let made = made_accounts(wire, scope.want, live).await?;
    let users = scope.users_in();
    let sql = if scope.mysql {
        format!(
            "SELECT user, host, JSON_OBJECT('account_locked', account_locked = 'Y', 'plugin', plugin, \
                 'authentication_string', CONVERT(authentication_string USING utf8mb4), 'ssl_type', ssl_type <> '', \
                 'auth_or', JSON_EXTRACT(user_attributes, '$.additional_password')), \
             JSON_UNQUOTE(JSON_EXTRACT(user_attributes, '$.metadata.comment')) FROM mysql.user WHERE user IN {users}"
        )
    } else {
        format!("SELECT User, Host, Priv, '' FROM mysql.global_priv WHERE User IN {users}")
    };
    let mark = scope.want.mark();
    for row in wire.query(&sql).await? {
        let (user, host) = (text(&row, 0), text(&row, 1));
        let recorded = !scope.mysql && made.contains(&format!("{user}@{host}"));
        let ours = recorded || text(&row, 3) == mark;
        let facts = serde_json::from_str(&text(&row, 2)).unwrap_or_default();
        live.roles
            .insert(scope.key(&user, &host), role(ours, &host, &facts));
    }
    Ok(())
}

/// One account. `facts` is `MariaDB`'s own form (`mysql.global_priv`), which the question to
/// `MySQL` imitates.
fn role(ours: bool, host: &str, facts: &serde_json::Value) -> Role {
    let truth = |name: &str| match &facts[name] {
        serde_json::Value::Bool(truth) => *truth,
        serde_json::Value::Number(number) => number.as_i64() != Some(0),
        // A list with one way in is what is left of a longer one.
        serde_json::Value::Array(ways) => ways.len() > 1,
        serde_json::Value::String(_) => true,
        _ => false,
    };
    let words = |name: &str| facts[name].as_str().unwrap_or_default().to_owned();
    let (plugin, stored) = (words("plugin"), words("authentication_string"));
    let mut attributes = BTreeSet::new();
    if truth("is_role") {
        attributes.insert("role".to_owned());
    }
    if truth("ssl_type") {
        attributes.insert("require_ssl".to_owned());
    }
    if truth("auth_or") {
        attributes.insert("second_way_in".to_owned());
    }
    if !plugin.is_empty() {
        attributes.insert(format!("plugin={plugin}"));
    }
    if stored.is_empty() {
        attributes.insert("empty_password".to_owned());
    }
    Role {
        mark: if ours {
            Mark::Ours
        } else {
            Mark::Foreign("an account without this store's mark".to_owned())
        },
        can_login: !truth("account_locked") && !truth("is_role"),
        has_password: Some(verifier::is_usable(&stored)),
        verifier: verifier::is_usable(&stored)
            .then(|| verifier::hex(&Sha256::digest(stored.as_bytes()), false)),
        attributes,
        settings: BTreeSet::from([format!("host={host}")]),
    }
}

async fn global_rights(wire: &mut Wire, scope: &Scope<'_>, live: &mut Live) -> Result<()> {
    let grantees: Vec<(String, String)> = live
        .roles
        .keys()
        .map(|key| (key.clone(), names::parts(key, scope.host)))
        .map(|(key, (user, host))| (format!("'{user}'@'{host}'"), key.clone()))
        .collect();
    if grantees.is_empty() {
        return Ok(());
    }
    let list = list(grantees.iter().map(|(grantee, _)| grantee.as_str()));
    let sql = format!(
        "SELECT grantee, privilege_type, is_grantable FROM information_schema.user_privileges WHERE grantee IN {list}"
    );
    for row in wire.query(&sql).await? {
        let grantable = text(&row, 2) == "YES";
        let privilege = text(&row, 1);
        let Some((_, key)) = grantees
            .iter()
            .find(|(grantee, _)| *grantee == text(&row, 0))
        else {
            continue;
        };
        if privilege != "USAGE" || grantable {
            live.grants.insert(Grant {
                grantable,
                ..Grant::new(key, Object::Server, &privilege)
            });
        }
    }
    Ok(())
}

async fn database_rights(wire: &mut Wire, scope: &Scope<'_>, live: &mut Live) -> Result<()> {
    let (users, database) = (scope.users_in(), scope.database());
    let sql = format!("SELECT * FROM mysql.db WHERE User IN {users} OR {database} LIKE Db");
    let (columns, rows) = wire.table(&sql).await?;
    let at = |name: &str| {
        columns
            .iter()
            .position(|column| column.eq_ignore_ascii_case(name))
            .unwrap_or(usize::MAX)
    };
    let (user, host, database, grant) = (at("User"), at("Host"), at("Db"), at("Grant_priv"));
    for row in rows {
        let key = scope.key(&text(&row, user), &text(&row, host));
        let on = Object::Database(text(&row, database));
        let grantable = text(&row, grant) == "Y";
        let held: Vec<String> = columns
            .iter()
            .enumerate()
            .filter(|(place, _)| *place != grant && text(&row, *place) == "Y")
            .filter_map(|(_, column)| Some(database_privilege(column.strip_suffix("_priv")?)))
            .collect();
        insert_all(live, &key, &on, held, grantable);
    }
    Ok(())
}

/// The words of GRANT for a column of `mysql.db`.
fn database_privilege(column: &str) -> String {
    match column {
        "Create_tmp_table" => "CREATE TEMPORARY TABLES".to_owned(),
        other => other.to_uppercase().replace('_', " "),
    }
}

/// The words of GRANT for a member of a SET in `mysql.tables_priv` and its like.
fn object_privilege(member: &str) -> String {
    match member.to_uppercase().as_str() {
        "DELETE VERSIONING ROWS" => "DELETE HISTORY".to_owned(),
        other => other.to_owned(),
    }
}

fn insert_all(live: &mut Live, key: &str, on: &Object, mut held: Vec<String>, grantable: bool) {
    if held.is_empty() && grantable {
        held.push("USAGE".to_owned());
    }
    for privilege in held {
        live.grants.insert(Grant {
            grantable,
            ..Grant::new(key, on.clone(), &privilege)
        });
    }
}

async fn object_rights(wire: &mut Wire, scope: &Scope<'_>, live: &mut Live) -> Result<()> {
    let (users, database) = (scope.users_in(), scope.database());
    let sql = format!(
        "SELECT 'table', Db, User, Host, Table_name, '', CONCAT(Table_priv, '') FROM mysql.tables_priv \
           WHERE Table_priv <> '' AND (User IN {users} OR Db = {database}) \
         UNION ALL SELECT 'column', Db, User, Host, Table_name, Column_name, CONCAT(Column_priv, '') FROM mysql.columns_priv \
           WHERE User IN {users} OR Db = {database} \
         UNION ALL SELECT LOWER(CONCAT(Routine_type, '')), Db, User, Host, Routine_name, '', CONCAT(Proc_priv, '') \
           FROM mysql.procs_priv WHERE User IN {users} OR Db = {database}"
    );
    for row in wire.query(&sql).await? {
        let key = scope.key(&text(&row, 2), &text(&row, 3));
        let (kind, database, name, column) =
            (text(&row, 0), text(&row, 1), text(&row, 4), text(&row, 5));
        let ours = database == scope.want.spot.database;
        if ours
            && !name.starts_with(&scope.want.spot.prefix)
            && !scope.users.contains(&text(&row, 2))
        {
            continue;
        }
        let ours = ours && name.starts_with(&scope.want.spot.prefix);
        let on = match kind.as_str() {
            "table" if ours => Object::Table(name),
            "column" if ours => Object::Column(name, column),
            "table" | "column" => Object::Table(names::object(&database, &name)),
            kind if ours => Object::Routine(format!("{kind} {name}")),
            kind => Object::Routine(format!("{kind} {}", names::object(&database, &name))),
        };
        let members = text(&row, 6);
        let (grant, held): (Vec<&str>, Vec<&str>) = members
            .split(',')
            .filter(|member| !member.is_empty())
            .partition(|member| *member == "Grant");
        insert_all(
            live,
            &key,
            &on,
            held.into_iter().map(object_privilege).collect(),
            !grant.is_empty(),
        );
    }
    Ok(())
}

async fn roles_and_proxies(wire: &mut Wire, scope: &Scope<'_>, live: &mut Live) -> Result<()> {
    let users = scope.users_in();
    let members = if scope.mysql {
        "SELECT 'MEMBER', to_user, to_host, from_user, from_host, with_admin_option = 'Y' FROM mysql.role_edges \
         WHERE to_user IN @users OR from_user IN @users"
    } else {
        "SELECT 'MEMBER', User, Host, Role, '', Admin_option = 'Y' FROM mysql.roles_mapping \
         WHERE User IN @users OR Role IN @users"
    };
    let sql = format!(
        "{} UNION ALL SELECT 'PROXY', User, Host, Proxied_user, Proxied_host, With_grant FROM mysql.proxies_priv \
         WHERE User IN {users} OR (Proxied_user IN {users} AND Proxied_user <> '')",
        members.replace("@users", &users)
    );
    for row in wire.query(&sql).await? {
        let holder = scope.key(&text(&row, 1), &text(&row, 2));
        let role = scope.key(&text(&row, 3), &text(&row, 4));
        let grantable = text(&row, 5) == "1";
        live.grants.insert(Grant {
            grantable,
            ..Grant::new(&holder, Object::Role(role), &text(&row, 0))
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mariadb_says_of_an_account() {
        let locked = serde_json::json!({"access": 0, "plugin": "mysql_native_password", "authentication_string": "invalid", "account_locked": true});
        let found = role(true, "127.0.0.1", &locked);
        assert_eq!(
            (found.can_login, found.has_password, found.verifier),
            (false, Some(false), None)
        );
        let socket = serde_json::json!({"plugin": "mysql_native_password", "authentication_string": "", "auth_or": [{}, {"plugin": "unix_socket"}], "ssl_type": 1});
        let found = role(false, "localhost", &socket);
        assert!(
            found.can_login
                && found.attributes.contains("second_way_in")
                && found.attributes.contains("require_ssl")
        );
        assert!(found.attributes.contains("empty_password"));
    }

    #[test]
    fn words_of_the_grant_tables() {
        assert_eq!(
            database_privilege("Create_tmp_table"),
            "CREATE TEMPORARY TABLES"
        );
        assert_eq!(database_privilege("Lock_tables"), "LOCK TABLES");
        assert_eq!(object_privilege("Show view"), "SHOW VIEW");
        assert_eq!(object_privilege("Delete versioning rows"), "DELETE HISTORY");
    }
}
