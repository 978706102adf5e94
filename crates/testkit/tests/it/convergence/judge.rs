//! Every identity really tries everything. What may succeed is written down here once more, by
//! hand, and not taken from the engine.

use freehold_engine::{Connection, ErrorKind, TxMode};

use super::scene::Scene;

/// Tables, a text column of each, and who may do what: `S`elect, `I`nsert, `U`pdate, `D`elete.
const TABLES: [(&str, &str, &str, &str, &str); 5] = [
    // table, column, app, sidecar, backup
    ("orders", "status", "SIUD", "", "S"),
    ("order_items", "book", "SI", "", "S"),
    ("statuses", "label", "SIUD", "", "S"),
    ("open_orders", "customer_id", "S", "", "S"),
    ("freehold_ledger", "detail", "", "S", "S"),
];

/// Tries everything; how many attempts. Err: one that should have been refused, or the other way round.
pub(crate) async fn tries(scene: &mut Scene) -> Result<usize, String> {
    let identities = scene.target.want.identities.clone();
    let by_hand = scene.by_hand().await;
    let mut tried = 0;
    let [first, second] = &identities.app.logins;
    for (login, who) in [
        (first, 0),
        (second, 0),
        (&identities.sidecar, 1),
        (&identities.backup, 2),
    ] {
        let mut session = scene.must_enter(login).await?;
        for (table, column, app, sidecar, backup) in TABLES {
            let may = [app, sidecar, backup][who];
            let table = scene.here(table);
            tried += table_tries(scene, &mut *session, login, (&table, column), may).await?;
        }
        for table in &by_hand {
            let may = ["SIUD", "", "S"][who];
            tried += table_tries(scene, &mut *session, login, (table, "note"), may).await?;
        }
        tried += structure_tries(scene, &mut *session, login).await?;
    }
    tried += stranger_tries(scene).await?;
    Ok(tried)
}

/// Who is not of this store does not get in; where others use the same database, does not read.
async fn stranger_tries(scene: &Scene) -> Result<usize, String> {
    let Ok(mut stranger) = scene.target.engine.connect(&scene.stranger()).await else {
        return Ok(1);
    };
    if !scene.is_shared() {
        return Err("the stranger enters the store".to_owned());
    }
    let spot = &scene.target.want.spot;
    let place = if scene.is_postgres() {
        &spot.schema
    } else {
        &spot.database
    };
    for table in ["orders", "freehold_ledger"] {
        let sql = scene.here(&format!("SELECT 1 FROM {place}.{table} WHERE 1 = 0"));
        verdict(&mut *stranger, "the stranger", &sql, false).await?;
    }
    Ok(2)
}

async fn table_tries(
    scene: &Scene,
    session: &mut dyn Connection,
    login: &str,
    (table, column): (&str, &str),
    may: &str,
) -> Result<usize, String> {
    let nowhere = if scene.is_postgres() { "" } else { "FROM DUAL" };
    let value = if column == "customer_id" { "1" } else { "'x'" };
    // What has no default has to be named, even where no row is added.
    let (into, values) = match table.trim_start_matches(&scene.target.want.spot.prefix) {
        "orders" => ("customer_id", "1"),
        "order_items" => ("order_id, book", "1, 'x'"),
        "statuses" => ("code, label", "'x', 'x'"),
        _ => (column, value),
    };
    let attempts = [
        ('S', format!("SELECT {column} FROM {table} WHERE 1 = 0")),
        (
            'I',
            format!("INSERT INTO {table} ({into}) SELECT {values} {nowhere} WHERE 1 = 0"),
        ),
        (
            'U',
            format!("UPDATE {table} SET {column} = {value} WHERE 1 = 0"),
        ),
        ('D', format!("DELETE FROM {table} WHERE 1 = 0")),
    ];
    for (letter, sql) in &attempts {
        verdict(session, login, sql, may.contains(*letter)).await?;
    }
    Ok(attempts.len())
}

/// What nobody may: emptying a table, making one, changing one, giving rights on.
async fn structure_tries(
    scene: &Scene,
    session: &mut dyn Connection,
    login: &str,
) -> Result<usize, String> {
    let mut attempts = vec![
        "TRUNCATE TABLE orders",
        "TRUNCATE TABLE order_items",
        "CREATE TABLE by_hand_mine (note VARCHAR(9))",
        "DROP TABLE statuses",
        "ALTER TABLE orders ADD COLUMN mine INT",
    ];
    if scene.is_postgres() {
        // Everybody may in a database that is shared, unless its owner says otherwise.
        if !scene.is_shared() {
            attempts.push("CREATE TEMPORARY TABLE mine (note TEXT)");
        }
        attempts.extend([
            "ALTER TABLE order_items DISABLE TRIGGER ALL",
            "SET ROLE pg_read_all_data",
            "CREATE ROLE mine",
        ]);
    } else {
        attempts.push("GRANT SELECT ON orders TO PUBLIC");
    }
    for sql in &attempts {
        verdict(session, login, &scene.here(sql), false).await?;
    }
    Ok(attempts.len())
}

async fn verdict(
    session: &mut dyn Connection,
    login: &str,
    sql: &str,
    may: bool,
) -> Result<(), String> {
    let begun = session.begin(TxMode::Write).await;
    begun.map_err(|error| format!("{login}: {error}"))?;
    let tried = session.execute(sql).await;
    let ended = session.rollback().await;
    ended.map_err(|error| format!("{login}: {error}"))?;
    match tried {
        Ok(()) if may => Ok(()),
        Ok(()) => Err(format!("{login} could: {sql}")),
        Err(error) if error.kind == ErrorKind::Denied && !may => Ok(()),
        Err(error) => Err(format!("{login}: {sql}: {error}")),
    }
}
