//! What an outsider does to a store on MariaDB, and the tables of rights in words.

use freehold_engine::Want;
use freehold_model::Isolation;
use freehold_testkit::Random;

/// An account and a role that are not ours.
pub(crate) fn strangers(want: &Want) -> Vec<String> {
    let name = &want.service;
    vec![
        format!("CREATE USER {name}_out@'127.0.0.1' IDENTIFIED BY 'strange'"),
        format!("CREATE ROLE {name}_outr"),
        format!("GRANT SELECT ON {name}_else.* TO {name}_outr"),
    ]
}

const TABLES: [&str; 5] = [
    "orders",
    "order_items",
    "statuses",
    "open_orders",
    "freehold_ledger",
];
const RIGHTS: [&str; 7] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "DROP",
    "TRIGGER",
    "ALL PRIVILEGES",
];
const COLUMNS: [&str; 3] = ["orders (status)", "order_items (book)", "statuses (label)"];
const OURS: [&str; 6] = ["app_1", "app_2", "sidecar", "backup", "owner", "issuer"];

/// One edit, by somebody with all rights. Some the server refuses; those are none.
pub(crate) fn edit(random: &mut Random, want: &Want, number: usize) -> String {
    let name = &want.service;
    let shared = want.isolation == Isolation::Tables;
    let table = random.pick(&TABLES);
    let right = random.pick(&RIGHTS);
    let account = |who: &str| match who {
        "PUBLIC" => "PUBLIC".to_owned(),
        who => format!("§_{who}@'127.0.0.1'"),
    };
    let ours = account(random.pick(&OURS));
    let anybody = account(random.pick(&["app_1", "app_2", "sidecar", "backup", "out", "PUBLIC"]));
    let grantable = if random.below(4) == 0 && anybody != "PUBLIC" {
        " WITH GRANT OPTION"
    } else {
        ""
    };
    let sql = match random.below(18) {
        0..=2 => format!("GRANT {right} ON §.{table} TO {anybody}{grantable}"),
        3 | 4 => format!("REVOKE {right} ON §.{table} FROM {anybody}"),
        5 => {
            let (table, column) = random.pick(&COLUMNS).split_once(' ').expect("a column");
            let right = random.pick(&["SELECT", "INSERT", "UPDATE"]);
            format!("GRANT {right} {column} ON §.{table} TO {anybody}")
        }
        // What others may in a database that is shared is not this store's.
        6 | 7 if shared => format!("GRANT {right} ON §.* TO {ours}"),
        6 | 7 => format!("GRANT {right} ON §.* TO {anybody}{grantable}"),
        8 => format!(
            "REVOKE {} ON §.* FROM {}",
            random.pick(&["ALL PRIVILEGES", "TRIGGER", "CREATE, ALTER", "SELECT"]),
            account("owner")
        ),
        9 => format!(
            "GRANT {} ON *.* TO {}",
            random.pick(&["SELECT", "FILE", "PROCESS", "SUPER", "ALL PRIVILEGES", "CREATE USER"]),
            // Not to PUBLIC: that would reach the stores of other tests on this server.
            ours
        ),
        10 => format!("GRANT {right} ON §_else.* TO {ours}"),
        11 => format!("GRANT SELECT ON §_else.things TO {ours}"),
        12 => format!("GRANT §_outr TO {ours}"),
        13 => format!("CREATE TABLE §.by_hand_{number} (note VARCHAR(20))"),
        14 => random
            .pick(&[
                "ALTER USER §_owner@'127.0.0.1' ACCOUNT UNLOCK",
                "ALTER USER §_issuer@'127.0.0.1' IDENTIFIED BY '' ACCOUNT UNLOCK",
                "ALTER USER §_app_1@'127.0.0.1' ACCOUNT LOCK",
                "ALTER USER §_backup@'127.0.0.1' IDENTIFIED VIA unix_socket",
                "ALTER USER §_app_2@'127.0.0.1' IDENTIFIED BY ''",
                "CREATE USER §_app_1@'%' ACCOUNT LOCK",
            ])
            .to_owned(),
        15 => format!("GRANT EXECUTE ON PROCEDURE §.freehold_issue TO {anybody}{grantable}"),
        16 => random
            .pick(&[
                "ALTER PROCEDURE §.freehold_issue SQL SECURITY INVOKER",
                "DROP PROCEDURE §.freehold_issue",
                "CREATE OR REPLACE PROCEDURE §.freehold_issue(IN login TEXT, IN verifier TEXT) SELECT 1",
            ])
            .to_owned(),
        _ => format!("GRANT {right} ON §.* TO {}", account("issuer")),
    };
    sql.replace("§.", &format!("{}.", want.spot.database))
        .replace('§', name)
}

fn ours(want: &Want) -> String {
    let names = &want.identities;
    let logins = want.logins().map(str::to_owned);
    let others = [&names.owner, &names.issuer, &names.app.role].map(Clone::clone);
    let names: Vec<String> = logins
        .iter()
        .chain(&others)
        .map(|name| format!("'{name}'"))
        .collect();
    format!("({})", names.join(", "))
}

const DB: &str = "CONCAT_WS('', Select_priv, Insert_priv, Update_priv, Delete_priv, Create_priv, Drop_priv, Grant_priv, References_priv, Index_priv, Alter_priv, Create_tmp_table_priv, Lock_tables_priv, Create_view_priv, Show_view_priv, Create_routine_priv, Alter_routine_priv, Execute_priv, Event_priv, Trigger_priv, Delete_history_priv)";

/// One line for each right on a table or column, and one for everything else.
pub(crate) fn inside(want: &Want) -> Vec<String> {
    let (ours, name) = (ours(want), &want.spot.database);
    let like = want.spot.prefix.replace('_', "\\_");
    // A login is locked until it gets a password; these are locked for good.
    let shut = format!(
        "('{}', '{}')",
        want.identities.owner, want.identities.issuer
    );
    let of_us =
        |what: &str| format!("(User IN {ours} OR (Db = '{name}' AND {what} LIKE '{like}%'))");
    let (of_our_tables, of_our_routines) = (of_us("Table_name"), of_us("Routine_name"));
    let each = |set: &str, rights: &[&str], tail: &str, from: &str| {
        let of_one = |right: &&str| {
            format!(
                "SELECT CONCAT('right {right} on ', {tail}, ' to ', User, '@', Host) FROM {from} AND FIND_IN_SET('{right}', {set})"
            )
        };
        rights
            .iter()
            .map(of_one)
            .collect::<Vec<_>>()
            .join(" UNION ALL ")
    };
    let all = [
        "Select",
        "Insert",
        "Update",
        "Delete",
        "Create",
        "Drop",
        "Grant",
        "References",
        "Index",
        "Alter",
        "Create View",
        "Show view",
        "Trigger",
        "Delete versioning rows",
    ];
    vec![
        each(
            "Table_priv",
            &all,
            "'table ', Db, '.', Table_name",
            &format!("mysql.tables_priv WHERE {of_our_tables}"),
        ),
        each(
            "Column_priv",
            &["Select", "Insert", "Update", "References"],
            "'column ', Db, '.', Table_name, '.', Column_name",
            &format!("mysql.columns_priv WHERE {of_our_tables}"),
        ),
        format!(
            "SELECT CONCAT('routine ', Db, '.', Routine_name, ' ', Proc_priv, ' to ', User, '@', Host) FROM mysql.procs_priv WHERE {of_our_routines}"
        ),
        format!(
            "SELECT CONCAT('database ', Db, ' ', {DB}, ' to ', User, '@', Host) FROM mysql.db WHERE User IN {ours} OR ('{like}' = '' AND Db = '{name}')"
        ),
        format!(
            "SELECT CONCAT('member ', User, '@', Host, ' of ', Role, Admin_option) FROM mysql.roles_mapping WHERE User IN {ours} OR Role IN {ours}"
        ),
        format!(
            "SELECT CONCAT('account ', User, '@', Host, ' access ', JSON_VALUE(Priv, '$.access'), ' locked ', IF(User IN {shut}, COALESCE(JSON_VALUE(Priv, '$.account_locked'), 'false'), 'as issued')) FROM mysql.global_priv WHERE User IN {ours}"
        ),
        format!(
            "SELECT CONCAT(Routine_type, ' ', Routine_name, ' ', Security_type, ' by ', Definer, ' ', MD5(Routine_definition)) FROM information_schema.routines WHERE Routine_schema = '{name}' AND Routine_name LIKE '{like}%'"
        ),
    ]
}

/// Accounts, databases and rights of others, whole; what others hold on our store is not theirs.
pub(crate) fn outside(want: &Want) -> Vec<String> {
    let name = &want.service;
    let ours_in = &want.spot.database;
    let others = format!(
        "(User LIKE '{name}\\_out%' OR User LIKE '{name}\\_else%' OR User LIKE '{name}\\_adm')"
    );
    vec![
        format!("SELECT CONCAT(User, '@', Host, ' ', Priv) FROM mysql.global_priv WHERE {others}"),
        format!(
            "SELECT CONCAT(Db, {DB}, User, '@', Host) FROM mysql.db WHERE {others} AND Db <> '{ours_in}'"
        ),
        format!(
            "SELECT CONCAT(Db, Table_name, Table_priv, User, '@', Host) FROM mysql.tables_priv WHERE {others} AND Db <> '{ours_in}'"
        ),
        format!(
            "SELECT CONCAT(User, '@', Host, Role, Admin_option) FROM mysql.roles_mapping WHERE {others}"
        ),
        format!(
            "SELECT CONCAT(table_schema, '.', table_name, ' ', create_time) FROM information_schema.tables WHERE table_schema LIKE '{name}\\_else'"
        ),
    ]
}
