//! The catalog queries behind `inspect`, all sent in one message. What their rows mean is told
//! in `rows.rs`.
//!
//! Bounded by the size of the store: everything is filtered by our names or by the store's
//! schemas; only databases are all looked at. Every catalog here is readable by any login, but
//! for what is asked of superusers only.

use freehold_engine::{Probe, Want};
use freehold_model::Isolation;

use crate::identities;
use crate::names::{literal, name_array};

/// What one query is about; the order of its rows' columns is told beside it in `rows.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    Database,
    Roles,
    RoleSettings,
    Members,
    Elsewhere,
    OpenDatabases,
    OpenLogins,
    Available,
    Hba,
    Schemas,
    Relations,
    Parents,
    Columns,
    Routines,
    Types,
    ForeignKeys,
    Triggers,
    Rules,
    DefaultAcls,
    Extensions,
}

/// The queries for this store.
pub(crate) fn queries(probe: &Probe, want: &Want) -> Vec<(Topic, String)> {
    let mut queries = server_queries(probe, want);
    queries.extend(inside_queries(want));
    queries
}

fn server_queries(probe: &Probe, want: &Want) -> Vec<(Topic, String)> {
    let db = literal(&want.spot.database);
    let ours = name_array(identities::all(want));
    let mut queries = vec![
        (Topic::Database, database(&db)),
        (Topic::Roles, role_query(probe, &name_array(known(want)))),
        (Topic::RoleSettings, settings(&db, &ours)),
        (Topic::Members, members(probe, &ours)),
        (Topic::Elsewhere, elsewhere(&db, &ours)),
        (Topic::OpenDatabases, open_databases(&db)),
    ];
    if want.server_wide {
        queries.push((Topic::OpenLogins, open_logins(&db)));
    }
    if !want.extensions.is_empty() {
        queries.push((Topic::Available, available(want)));
    }
    if want.require_tls && probe.may("superuser") {
        let hba = "SELECT line_number, type, database::text, user_name::text, coalesce(address, '') FROM pg_hba_file_rules
                   WHERE type IN ('host', 'hostnossl') AND auth_method <> 'reject' AND error IS NULL
                   AND coalesce(address, '') NOT IN ('127.0.0.1', '::1', 'localhost')";
        queries.push((Topic::Hba, hba.to_owned()));
    }
    queries
}

/// Roles that are looked at by name: ours, and those to whom something is granted.
fn known(want: &Want) -> Vec<&str> {
    let others = want.access.iter().map(|access| access.who.as_str());
    identities::all(want).into_iter().chain(others).collect()
}

fn database(db: &str) -> String {
    format!(
        "SELECT pg_get_userbyid(datdba), datallowconn, shobj_description(oid, 'pg_database'), datacl::text,
            current_database() = datname, has_database_privilege(oid, 'CONNECT'), has_database_privilege(oid, 'CREATE'),
            pg_has_role(datdba, 'USAGE') OR has_database_privilege(oid, 'CONNECT WITH GRANT OPTION'), datconnlimit = -2
         FROM pg_database WHERE datname = {db}"
    )
}

/// Attributes of roles by name; also used for grantees that turn up later.
pub(crate) fn role_query(probe: &Probe, names: &str) -> String {
    let (password, from) = if probe.may("superuser") {
        (
            "(a.rolpassword IS NOT NULL)::text, encode(sha256(convert_to(a.rolpassword, 'UTF8')), 'hex')",
            "pg_roles r JOIN pg_authid a ON a.oid = r.oid",
        )
    } else {
        ("NULL, NULL", "pg_roles r")
    };
    format!(
        "SELECT r.rolname, r.rolcanlogin, shobj_description(r.oid, 'pg_authid'), {password},
            concat_ws(' ', CASE WHEN r.rolsuper THEN 'superuser' END, CASE WHEN r.rolcreaterole THEN 'createrole' END,
              CASE WHEN r.rolcreatedb THEN 'createdb' END, CASE WHEN r.rolreplication THEN 'replication' END,
              CASE WHEN r.rolbypassrls THEN 'bypassrls' END, CASE WHEN NOT r.rolinherit THEN 'noinherit' END)
         FROM {from} WHERE r.rolname = ANY ({names})"
    )
}

fn settings(db: &str, ours: &str) -> String {
    format!(
        "SELECT r.rolname, s.setdatabase = 0, c, coalesce((SELECT context = 'superuser' FROM pg_settings WHERE name = split_part(c, '=', 1)), false)
         FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN unnest(s.setconfig) c
         WHERE r.rolname = ANY ({ours}) AND (s.setdatabase = 0 OR s.setdatabase = (SELECT oid FROM pg_database WHERE datname = {db}))"
    )
}

fn members(probe: &Probe, ours: &str) -> String {
    let options = if probe.version_num >= 160_000 {
        "m.inherit_option, m.set_option"
    } else {
        "u.rolinherit, true"
    };
    format!(
        "SELECT u.rolname, g.rolname, pg_get_userbyid(m.grantor), m.admin_option, {options}
         FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
         WHERE g.rolname = ANY ({ours}) OR u.rolname = ANY ({ours})"
    )
}

fn elsewhere(db: &str, ours: &str) -> String {
    format!(
        "SELECT DISTINCT r.rolname, d.datname FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
         JOIN pg_database d ON d.oid = CASE WHEN s.dbid = 0 AND s.classid = 'pg_database'::regclass THEN s.objid ELSE s.dbid END
         WHERE s.refclassid = 'pg_authid'::regclass AND r.rolname = ANY ({ours}) AND d.datname <> {db}"
    )
}

const PUBLIC_MAY_ENTER: &str =
    "EXISTS (SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    WHERE a.grantee = 0 AND a.privilege_type IN ('CONNECT', 'TEMPORARY'))";

fn open_databases(db: &str) -> String {
    format!(
        "SELECT d.datname, pg_get_userbyid(d.datdba), pg_has_role(d.datdba, 'USAGE') FROM pg_database d
         WHERE d.datallowconn AND d.datname <> {db} AND {PUBLIC_MAY_ENTER} ORDER BY d.datname"
    )
}

/// Who would be shut out if PUBLIC were: logins that come in by no other way, and their sessions.
fn open_logins(db: &str) -> String {
    format!(
        "SELECT d.datname, r.rolname, (SELECT count(*) FROM pg_stat_activity s WHERE s.datid = d.oid AND s.usesysid = r.oid)
         FROM pg_database d CROSS JOIN pg_roles r
         WHERE d.datallowconn AND d.datname <> {db} AND {PUBLIC_MAY_ENTER}
         AND r.rolcanlogin AND NOT r.rolsuper AND NOT pg_has_role(r.oid, d.datdba, 'USAGE')
         AND NOT EXISTS (SELECT FROM aclexplode(d.datacl) a
            WHERE a.grantee <> 0 AND a.privilege_type = 'CONNECT' AND pg_has_role(r.oid, a.grantee, 'USAGE'))
         ORDER BY 1, 2"
    )
}

fn available(want: &Want) -> String {
    format!(
        "SELECT name, bool_or(trusted OR NOT superuser) FROM pg_available_extension_versions WHERE name = ANY ({}) GROUP BY name",
        name_array(want.extensions.iter().map(String::as_str))
    )
}

/// Conditions that keep the queries inside the store.
pub(crate) struct Scope {
    /// On the namespace `n`; false outside the store's database.
    pub(crate) schemas: String,
    /// On an object's name and owner.
    objects: String,
}

impl Scope {
    pub(crate) fn of(want: &Want) -> Self {
        let here = format!("current_database() = {}", literal(&want.spot.database));
        let schemas = if identities::own_database(want.isolation) {
            "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'".to_owned()
        } else {
            format!("n.nspname = {}", literal(&want.spot.schema))
        };
        let objects = if want.isolation == Isolation::Tables {
            let names = [&want.identities.owner, &want.identities.issuer];
            format!(
                "(starts_with(NAME::text, {}) OR pg_get_userbyid(OWNER) = ANY ({}))",
                literal(&want.spot.prefix),
                name_array(names.into_iter().map(String::as_str))
            )
        } else {
            "true".to_owned()
        };
        Self {
            schemas: format!("{here} AND {schemas}"),
            objects,
        }
    }

    /// For the object in catalog `class` with this alias, name and owner: in the store, and no part
    /// of an extension.
    pub(crate) fn holds(&self, class: &str, alias: &str, name: &str, owner: &str) -> String {
        let objects = self.objects.replace("NAME", name).replace("OWNER", owner);
        format!(
            "{} AND {objects} AND NOT EXISTS (SELECT FROM pg_depend e
               WHERE e.classid = '{class}'::regclass AND e.objid = {alias}.oid AND e.deptype = 'e')",
            self.schemas
        )
    }

    pub(crate) fn relations(&self) -> String {
        self.holds("pg_class", "c", "c.relname", "c.relowner")
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "a list of queries, one after the other"
)]
fn inside_queries(want: &Want) -> Vec<(Topic, String)> {
    let scope = Scope::of(want);
    let relations = scope.relations();
    let owner = literal(&want.identities.owner);
    let ledger = literal(&want.spot.own("ledger"));
    let here = format!("current_database() = {}", literal(&want.spot.database));
    let from = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace";
    vec![
        (
            Topic::Schemas,
            format!(
                "SELECT n.nspname, pg_get_userbyid(n.nspowner), obj_description(n.oid, 'pg_namespace'), n.nspacl::text, pg_has_role(n.nspowner, 'USAGE')
                    OR (has_schema_privilege(n.oid, 'USAGE WITH GRANT OPTION') AND has_schema_privilege(n.oid, 'CREATE WITH GRANT OPTION'))
                 FROM pg_namespace n WHERE {}",
                scope.schemas
            ),
        ),
        (
            Topic::Relations,
            format!(
                "SELECT n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner), c.relacl::text, s.deptype, sn.nspname, sc.relname,
                    coalesce(NOT c.relacl @> (acldefault(CASE WHEN c.relkind = 'S' THEN 's' ELSE 'r' END::\"char\", c.relowner))[1], false),
                    CASE WHEN c.relkind = 'r' AND c.relname = {ledger} THEN obj_description(c.oid, 'pg_class') END
                 FROM {from}
                 LEFT JOIN pg_depend s ON c.relkind = 'S' AND s.classid = 'pg_class'::regclass AND s.objid = c.oid AND s.objsubid = 0
                   AND s.refclassid = 'pg_class'::regclass AND s.deptype IN ('a', 'i')
                 LEFT JOIN pg_class sc ON sc.oid = s.refobjid LEFT JOIN pg_namespace sn ON sn.oid = sc.relnamespace
                 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {relations}"
            ),
        ),
        (
            Topic::Parents,
            format!(
                "SELECT n.nspname, c.relname, pn.nspname, p.relname, c.relispartition
                 FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
                 JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r', 'p', 'f') AND {relations}"
            ),
        ),
        (
            Topic::Columns,
            format!(
                "SELECT n.nspname, c.relname, a.attname, a.attidentity <> '' OR a.attgenerated <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) ~ 'nextval\\(', false), a.attacl::text
                 FROM {from} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                 LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
                 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {relations} ORDER BY c.oid, a.attnum"
            ),
        ),
        (
            Topic::Routines,
            format!(
                "SELECT n.nspname, p.proname, oidvectortypes(p.proargtypes), pg_get_userbyid(p.proowner), p.prosecdef, p.prokind, l.lanname,
                    coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), p.proacl::text, p.proconfig::text, format_type(p.prorettype, NULL)
                 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang WHERE {}",
                scope.holds("pg_proc", "p", "p.proname", "p.proowner")
            ),
        ),
        (
            Topic::Types,
            format!(
                "SELECT n.nspname, t.typname, pg_get_userbyid(t.typowner), t.typacl::text
                 FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typacl IS NOT NULL AND {}",
                scope.holds("pg_type", "t", "t.typname", "t.typowner")
            ),
        ),
        (
            Topic::ForeignKeys,
            format!(
                "SELECT n.nspname, c.relname, k.conname, rn.nspname, r.relname, k.confdeltype, k.confupdtype
                 FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
                 WHERE k.contype = 'f' AND k.conparentid = 0 AND {relations}"
            ),
        ),
        (
            Topic::Triggers,
            format!(
                "SELECT n.nspname, c.relname, t.tgname, pn.nspname, p.proname, oidvectortypes(p.proargtypes), pg_get_triggerdef(t.oid)
                 FROM {from} JOIN pg_trigger t ON t.tgrelid = c.oid JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace pn ON pn.oid = p.pronamespace
                 WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND {relations}"
            ),
        ),
        (
            Topic::Rules,
            format!(
                "SELECT n.nspname, c.relname, r.rulename, pg_get_ruledef(r.oid)
                 FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE r.rulename <> '_RETURN' AND {relations}"
            ),
        ),
        (
            Topic::DefaultAcls,
            format!(
                "SELECT coalesce(n.nspname, ''), d.defaclobjtype, d.defaclacl::text
                 FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
                 WHERE {here} AND pg_get_userbyid(d.defaclrole) = {owner}"
            ),
        ),
        (
            Topic::Extensions,
            format!("SELECT extname, pg_get_userbyid(extowner) FROM pg_extension WHERE {here}"),
        ),
    ]
}
