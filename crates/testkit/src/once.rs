//! Migrations that leave a row each time they run: a table without a key tells whether each took
//! effect once, in one transaction and where statements commit one by one.

use freehold_lifecycle::Target;
use freehold_model::{EngineKind, Isolation};

use crate::conformance::owner;
use crate::must::Must as _;
use crate::orders::OrdersFiles;
use crate::shape::Shape;

/// What [`rows`] has to be when all ran once.
pub const ONCE: [i64; 4] = [1, 2, 3, 4];

/// Adds them to the files of the small system, as 0004 and 0005.
pub fn add(files: &mut OrdersFiles, shape: &Shape) {
    let (header, index) = match shape.kind {
        EngineKind::Postgres => (
            "-- freehold: no_transaction\n",
            "CREATE INDEX CONCURRENTLY idx_PREran ON PREran (n)",
        ),
        _ => ("", "CREATE INDEX idx_PREran ON PREran (n)"),
    };
    let drop = match shape.kind {
        EngineKind::Postgres => "DROP INDEX CONCURRENTLY idx_PREran",
        EngineKind::Sqlite => "DROP INDEX idx_PREran",
        _ => "ALTER TABLE PREran DROP INDEX idx_PREran",
    };
    for (file, text) in [
        ("0004_ran.up.sql", "CREATE TABLE PREran (n INT NOT NULL);\nINSERT INTO PREran VALUES (1);\nINSERT INTO PREran VALUES (2);\n".to_owned()),
        ("0004_ran.down.sql", "DROP TABLE PREran;\n".to_owned()),
        ("0005_more.up.sql", format!("{header}INSERT INTO PREran VALUES (3);\n{index};\nINSERT INTO PREran VALUES (4);\n")),
        ("0005_more.down.sql", format!("DELETE FROM PREran WHERE n = 4;\n{drop};\nDELETE FROM PREran WHERE n = 3;\n")),
    ] {
        let path = std::path::Path::new("services/orders/migrations").join(file);
        files.0.insert(path, text.replace("PRE", &prefix(shape)));
    }
}

fn prefix(shape: &Shape) -> String {
    if shape.isolation == Isolation::Tables {
        format!("{}_", shape.name)
    } else {
        String::new()
    }
}

/// What they left, in order.
pub async fn rows(shape: &Shape, target: &Target) -> Vec<i64> {
    let sql = format!("SELECT n FROM {}ran ORDER BY n", prefix(shape));
    let rows = owner(target).await.query(&sql, &[]).await.must(&sql);
    let numbers = rows.iter().filter_map(|row| row[0].int());
    numbers.collect()
}
