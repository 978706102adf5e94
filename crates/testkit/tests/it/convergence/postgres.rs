//! What an outsider does to a store on PostgreSQL, and the catalogs in words.

use freehold_engine::Want;
use freehold_model::Isolation;
use freehold_testkit::Random;

/// A login and a group that are not ours.
pub(crate) fn strangers(want: &Want) -> Vec<String> {
    let name = &want.service;
    let mut made = vec![
        format!("CREATE ROLE {name}_out LOGIN PASSWORD 'strange'"),
        format!("CREATE ROLE {name}_outg"),
    ];
    if want.isolation != Isolation::Database {
        made.extend([
            format!("CREATE SCHEMA {name}_else"),
            format!("CREATE TABLE {name}_else.things (id INT)"),
            format!("GRANT SELECT ON {name}_else.things TO {name}_outg"),
            format!("GRANT USAGE ON SCHEMA {name}_else TO PUBLIC"),
        ]);
    }
    made
}

/// What belongs to whoever shares the database, or the schema, is no edit of this store.
fn of_others(level: Isolation, number: usize) -> bool {
    match level {
        Isolation::Schema => matches!(number, 8 | 9),
        Isolation::Tables => matches!(number, 6..=9 | 22..=24),
        _ => false,
    }
}

const TABLES: [&str; 5] = [
    "orders",
    "order_items",
    "statuses",
    "open_orders",
    "freehold_ledger",
];
const RIGHTS: [&str; 7] = [
    "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "ALL",
];
const COLUMNS: [&str; 3] = ["orders (status)", "order_items (book)", "statuses (label)"];
const OURS: [&str; 6] = ["§app", "§app_1", "§app_2", "§sidecar", "§backup", "§issuer"];
const ANYBODY: [&str; 8] = [
    "§app",
    "§app_1",
    "§app_2",
    "§sidecar",
    "§backup",
    "§out",
    "§outg",
    "PUBLIC",
];

/// One edit, by a superuser within the store. Some the server refuses; those are none.
#[expect(clippy::too_many_lines, reason = "a list of edits, one a line or two")]
pub(crate) fn edit(random: &mut Random, want: &Want, number: usize) -> String {
    let name = &want.service;
    let table = random.pick(&TABLES);
    let right = random.pick(&RIGHTS);
    let (anybody, ours, other) = (
        random.pick(&ANYBODY),
        random.pick(&OURS),
        random.pick(&OURS),
    );
    let grantable = if random.below(4) == 0 && anybody != "PUBLIC" {
        " WITH GRANT OPTION"
    } else {
        ""
    };
    let mut which = random.below(26);
    while of_others(want.isolation, which) {
        which = random.below(26);
    }
    let sql = match which {
        0..=2 => format!("GRANT {right} ON {table} TO {anybody}{grantable}"),
        3 | 4 => format!("REVOKE {right} ON {table} FROM {anybody} CASCADE"),
        5 => {
            let (table, column) = random.pick(&COLUMNS).split_once(' ').expect("a column");
            let right = random.pick(&["SELECT", "INSERT", "UPDATE"]);
            format!("GRANT {right} {column} ON {table} TO {anybody}{grantable}")
        }
        6 => format!(
            "GRANT {} ON SCHEMA public TO {anybody}{grantable}",
            random.pick(&["USAGE", "CREATE", "ALL"])
        ),
        7 => format!("REVOKE ALL ON SCHEMA public FROM {anybody} CASCADE"),
        8 => format!(
            "GRANT {} ON DATABASE § TO {anybody}{grantable}",
            random.pick(&["CONNECT", "TEMPORARY", "CREATE", "ALL"])
        ),
        9 => format!("REVOKE ALL ON DATABASE § FROM {anybody} CASCADE"),
        10 => format!("GRANT {ours} TO {}", random.pick(&["§out", "§outg", other])),
        11 => format!(
            "GRANT {} TO {ours}",
            random.pick(&[
                "§outg",
                "§owner",
                "pg_read_all_data",
                "pg_write_all_data",
                "pg_monitor"
            ])
        ),
        12 => format!("REVOKE §app FROM {}", random.pick(&["§app_1", "§app_2"])),
        13 => format!(
            "ALTER DEFAULT PRIVILEGES FOR ROLE §owner {} GRANT {} TO {anybody}",
            random.pick(&["", "IN SCHEMA public"]),
            random.pick(&[
                "ALL ON TABLES",
                "UPDATE ON TABLES",
                "USAGE ON SEQUENCES",
                "EXECUTE ON FUNCTIONS"
            ])
        ),
        14 => {
            format!("SET ROLE §owner; CREATE TABLE by_hand_{number} (note VARCHAR(20)); RESET ROLE")
        }
        15 => format!(
            "CREATE TABLE by_hand_{number} (note VARCHAR(20)); ALTER TABLE by_hand_{number} OWNER TO {}",
            random.pick(&["§out", "§app_1", "§owner", "§sidecar"])
        ),
        16 => format!(
            "ALTER TABLE {} OWNER TO {}",
            random.pick(&["orders", "order_items", "statuses"]),
            random.pick(&["§out", "§app_1", "§app", "§backup"])
        ),
        17 => format!(
            "ALTER ROLE {ours} {}",
            random.pick(&[
                "SUPERUSER",
                "CREATEROLE",
                "CREATEDB",
                "REPLICATION",
                "BYPASSRLS"
            ])
        ),
        18 => random
            .pick(&[
                "ALTER ROLE §owner LOGIN PASSWORD 'known'",
                "ALTER ROLE §issuer LOGIN",
                "ALTER ROLE §app LOGIN PASSWORD 'known'",
                "ALTER ROLE §app_1 NOLOGIN",
                "ALTER ROLE §app_2 NOINHERIT",
                "ALTER ROLE §sidecar NOLOGIN",
                "ALTER ROLE §issuer NOCREATEROLE",
            ])
            .to_owned(),
        19 => format!(
            "ALTER ROLE {ours} {} SET {}",
            random.pick(&["", "IN DATABASE §"]),
            random.pick(&[
                "search_path = evil, public",
                "work_mem = '1GB'",
                "log_statement = 'none'",
                "role = '§owner'",
                "session_replication_role = 'replica'",
                "default_transaction_read_only = on",
            ])
        ),
        20 => {
            format!("GRANT EXECUTE ON FUNCTION freehold_issue(text, text) TO {anybody}{grantable}")
        }
        21 => random
            .pick(&[
                "ALTER FUNCTION freehold_issue(text, text) SECURITY INVOKER",
                "ALTER FUNCTION freehold_issue(text, text) OWNER TO §out",
                "ALTER FUNCTION freehold_issue(text, text) RESET search_path",
                "DROP FUNCTION freehold_issue(text, text)",
            ])
            .to_owned(),
        22 => format!(
            "GRANT {} ON ALL SEQUENCES IN SCHEMA public TO {anybody}",
            random.pick(&["USAGE", "UPDATE", "ALL"])
        ),
        23 => format!("GRANT {right} ON ALL TABLES IN SCHEMA public TO {anybody}"),
        24 => format!(
            "GRANT USAGE ON SCHEMA public TO §out; GRANT {right} ON {table} TO §out WITH GRANT OPTION; SET ROLE §out; GRANT {right} ON {table} TO {}; RESET ROLE",
            random.pick(&["§outg", "PUBLIC", "§sidecar"])
        ),
        _ => format!("REVOKE {right} ON {table} FROM §owner"),
    };
    sql.replace("DATABASE §", &format!("DATABASE {}", want.spot.database))
        .replace('§', &format!("{name}_"))
}

fn ours(want: &Want) -> String {
    let names = &want.identities;
    let logins = want.logins().map(str::to_owned);
    let roles = [
        &names.owner,
        &names.app.role,
        &names.issuer,
        &names.migrator,
    ]
    .map(Clone::clone);
    let names: Vec<String> = logins
        .iter()
        .chain(&roles)
        .map(|name| format!("'{name}'"))
        .collect();
    format!("({})", names.join(", "))
}

/// `right SELECT on table orders to t1_app`, members, attributes, settings, owners.
pub(crate) fn inside(want: &Want) -> Vec<String> {
    let ours = ours(want);
    let schemas = match want.isolation {
        Isolation::Database => {
            "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'".to_owned()
        }
        _ => format!("n.nspname = '{}'", want.spot.schema),
    };
    let like = want.spot.prefix.replace('_', "\\_");
    // Of what is shared, our part is what our own logins may.
    let shared = |kind: &str| match (kind, want.isolation) {
        ("database", Isolation::Schema | Isolation::Tables) | ("schema", Isolation::Tables) => {
            format!("AND g.rolname IN {ours}")
        }
        _ => String::new(),
    };
    let rights = |kind: &str, name: &str, acl: &str, from: &str| {
        format!(
            "SELECT 'right ' || e.privilege_type || ' on {kind} ' || {name} || ' to ' || coalesce(g.rolname, 'PUBLIC') ||
               CASE WHEN e.is_grantable AND g.rolname IS DISTINCT FROM o.rolname THEN ' grantable' ELSE '' END
             FROM {from}, LATERAL aclexplode({acl}) e LEFT JOIN pg_roles g ON g.oid = e.grantee
             WHERE ('{kind}' <> 'column' OR g.rolname IS DISTINCT FROM o.rolname) {}",
            shared(kind)
        )
    };
    vec![
        rights("database", "d.datname", "coalesce(d.datacl, acldefault('d', d.datdba))",
            "(SELECT * FROM pg_database WHERE datname = current_database()) d JOIN pg_roles o ON o.oid = d.datdba"),
        rights("schema", "n.nspname", "coalesce(n.nspacl, acldefault('n', n.nspowner))",
            &format!("(SELECT * FROM pg_namespace n WHERE {schemas}) n JOIN pg_roles o ON o.oid = n.nspowner")),
        rights("relation", "c.relname", "coalesce(c.relacl, acldefault(CASE WHEN c.relkind = 'S' THEN 's' ELSE 'r' END::\"char\", c.relowner))",
            &format!("(SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'S', 'm', 'p', 'f') AND {schemas} AND c.relname LIKE '{like}%') c JOIN pg_roles o ON o.oid = c.relowner")),
        rights("column", "(c.relname || '.' || c.attname)", "c.attacl",
            &format!("(SELECT c.relname, c.relowner, a.attname, a.attacl FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attacl IS NOT NULL AND {schemas} AND c.relname LIKE '{like}%') c JOIN pg_roles o ON o.oid = c.relowner")),
        rights("function", "p.proname", "coalesce(p.proacl, acldefault('f', p.proowner))",
            &format!("(SELECT p.* FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {schemas} AND p.proname LIKE '{like}%') p JOIN pg_roles o ON o.oid = p.proowner")),
        format!("SELECT 'default ' || d.defaclobjtype::text || ' of ' || o.rolname || ' in ' || coalesce(n.nspname, '*') || ': ' || e.privilege_type || ' to ' || coalesce(g.rolname, 'PUBLIC') || e.is_grantable::text
            FROM pg_default_acl d JOIN pg_roles o ON o.oid = d.defaclrole LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, LATERAL aclexplode(d.defaclacl) e LEFT JOIN pg_roles g ON g.oid = e.grantee WHERE '{}' = '' OR o.rolname IN {ours}", if want.isolation == Isolation::Database { "" } else { "shared" }),
        format!("SELECT 'owner of ' || c.relname || ': ' || c.relowner::regrole FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'S') AND {schemas} AND c.relname LIKE '{like}%'
            UNION ALL SELECT 'function ' || p.proname || ' of ' || p.proowner::regrole || ' definer ' || p.prosecdef || ' ' || coalesce(p.proconfig::text, '') || md5(p.prosrc) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {schemas} AND p.proname LIKE '{like}%'
            UNION ALL SELECT 'owner of database: ' || datdba::regrole FROM pg_database WHERE datname = current_database()"),
        format!("SELECT DISTINCT 'member ' || m.member::regrole || ' of ' || m.roleid::regrole || ' admin ' || m.admin_option || coalesce(' inherit ' || (to_jsonb(m) ->> 'inherit_option') || ' set ' || (to_jsonb(m) ->> 'set_option'), '')
            FROM pg_auth_members m JOIN pg_roles a ON a.oid = m.member JOIN pg_roles b ON b.oid = m.roleid WHERE a.rolname IN {ours} OR b.rolname IN {ours}"),
        format!("SELECT 'role ' || rolname || ' ' || concat_ws(' ', CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolcreaterole THEN 'createrole' END, CASE WHEN rolcreatedb THEN 'createdb' END,
              CASE WHEN rolcanlogin THEN 'login' END, CASE WHEN rolreplication THEN 'replication' END, CASE WHEN rolbypassrls THEN 'bypassrls' END, CASE WHEN rolinherit THEN 'inherit' END, CASE WHEN NOT rolcanlogin AND rolpassword IS NOT NULL THEN 'password' END) FROM pg_authid WHERE rolname IN {ours}"),
        format!("SELECT 'setting of ' || r.rolname || ' in ' || coalesce(d.datname, '*') || ': ' || s FROM pg_db_role_setting x JOIN pg_roles r ON r.oid = x.setrole LEFT JOIN pg_database d ON d.oid = x.setdatabase, unnest(x.setconfig) s WHERE r.rolname IN {ours}"),
    ]
}

/// Roles, databases and memberships of others, whole.
pub(crate) fn outside(want: &Want) -> Vec<String> {
    let (ours, name) = (ours(want), &want.service);
    let others = format!(
        "(r.rolname LIKE '{name}\\_out%' OR r.rolname LIKE '{name}\\_else%' OR r.rolname LIKE '{name}\\_adm')"
    );
    vec![
        format!("SELECT n::text FROM pg_namespace n WHERE nspname = '{name}_else'"),
        format!(
            "SELECT c::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = '{name}_else'"
        ),
        format!("SELECT r::text FROM pg_authid r WHERE {others}"),
        format!(
            "SELECT d::text FROM pg_database d WHERE datname LIKE '{name}\\_%' OR datname IN ('postgres', 'template1')"
        ),
        format!(
            "SELECT m::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member JOIN pg_roles g ON g.oid = m.roleid WHERE {others} AND g.rolname NOT IN {ours}"
        ),
        format!(
            "SELECT s::text FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole WHERE {others}"
        ),
    ]
}
