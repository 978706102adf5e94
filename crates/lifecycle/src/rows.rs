//! What stands in a store's tables, as digests: to tell whether two ways lead to the same rows.

use std::collections::BTreeMap;

use freehold_engine::{Connection, Live, Value, hex};
use freehold_model::Fault;
use sha2::{Digest, Sha256};

use crate::target::Target;
use crate::{Result, engine_fault};

/// `rows of orders` → how many; `orders.status` → a digest of its values, whatever their order.
/// Columns that the server fills are left out: a counter goes on where it was.
pub(crate) type RowDigests = BTreeMap<String, String>;

/// Reads all tables of a store, freehold's own left out. For small stores: every value is read.
pub(crate) async fn row_digests(
    target: &Target,
    live: &Live,
    connection: &mut dyn Connection,
) -> Result<RowDigests> {
    let mut digests = RowDigests::new();
    let tables = live.tables.iter();
    for (name, table) in
        tables.filter(|(name, table)| !table.view && !target.want.spot.is_own(name))
    {
        let columns: Vec<_> = table
            .columns
            .iter()
            .filter(|column| !table.filled_by_server.contains(*column))
            .collect();
        let quoted: Result<Vec<_>> = columns
            .iter()
            .map(|column| quote(target, column))
            .chain([Ok("1".to_owned())])
            .collect();
        let sql = format!(
            "SELECT {} FROM {}",
            quoted?.join(", "),
            quote(target, name)?
        );
        let rows = connection.query(&sql, &[]).await.map_err(|error| {
            engine_fault(
                &target.label(),
                &error.during(format!("read the rows of {name}")),
            )
        })?;
        digests.insert(format!("rows of {name}"), rows.len().to_string());
        for (at, column) in columns.iter().enumerate() {
            let values = rows.iter().filter_map(|row| row.get(at));
            digests.insert(format!("{name}.{column}"), digest(values));
        }
    }
    Ok(digests)
}

fn digest<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    let mut values: Vec<_> = values.map(|value| format!("{value:?}")).collect();
    values.sort();
    let digest = values.iter().fold(Sha256::new(), |digest, value| {
        digest.chain_update(value.as_bytes()).chain_update([0])
    });
    hex(&digest.finalize())
}

/// A name of the store as the engine takes it. A table outside the store's schema is `schema.table`.
pub(crate) fn quote(target: &Target, name: &str) -> Result<String> {
    if let Some((schema, table)) = name.split_once('.') {
        return Ok(format!(
            "{}.{}",
            quote(target, schema)?,
            quote(target, table)?
        ));
    }
    let name = name.trim_matches('"');
    freehold_sql::quote_ident(target.engine.dialect(), name).map_err(|error| {
        vec![Fault::new(
            "FH3008",
            format!("{}: `{name}`: {error}", target.label()),
        )]
    })
}
