//! What a statement that runs outside a transaction leaves behind when it is cut off: an index that
//! is there by name and is not used. It is dropped before the statement is sent again.
//!
//! Only what the statement itself names, or the server named after it; an invalid index that
//! somebody else is building or left is not ours to drop.

use std::collections::BTreeSet;

use freehold_engine::{Result, Want};
use freehold_sql::Dialect;
use freehold_sql::lexer::Lexer;

use crate::catalog::Scope;
use crate::session::Session;

/// Drops invalid indexes that `sql` was making, moving or dropping when it was cut off.
pub(crate) async fn clear(session: &mut Session, want: &Want, sql: &str) -> Result<()> {
    let words = words(sql);
    let about_indexes = ["index", "reindex"]
        .iter()
        .any(|word| words.contains(*word));
    if !about_indexes || !words.contains("concurrently") {
        return Ok(());
    }
    let tables = session.look(&invalid(want)).await?;
    for row in tables.iter().flatten() {
        let [place, index, table] = [0, 1, 2].map(|at| row[at].clone().unwrap_or_default());
        if is_from(&words, &index, &table) {
            let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {place}");
            freehold_engine::Connection::execute(session, &drop).await?;
        }
    }
    Ok(())
}

/// Quoted place, name and table of each invalid index; one on a partitioned table (`I`) is invalid
/// until its parts are attached, which is no damage.
fn invalid(want: &Want) -> String {
    format!(
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(x.relname), x.relname, c.relname
         FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE NOT i.indisvalid AND x.relkind = 'i' AND {} ORDER BY 1",
        Scope::of(want).relations()
    )
}

/// Named in the statement; or, on a table or index named there, named by the server for itself.
fn is_from(words: &BTreeSet<String>, index: &str, table: &str) -> bool {
    if words.contains(&index.to_lowercase()) {
        return true;
    }
    let stem = index.trim_end_matches(|c: char| c.is_ascii_digit());
    let rebuilt = ["_ccnew", "_ccold"]
        .iter()
        .find_map(|end| stem.strip_suffix(end));
    let named = |name: &str| words.contains(&name.to_lowercase());
    match rebuilt {
        Some(of) => words.contains("reindex") && (named(of) || named(table) || !names_any(words)),
        // CREATE INDEX CONCURRENTLY ON t (…): `t_…_idx`.
        None => {
            words.contains("create")
                && named(table)
                && stem.ends_with("_idx")
                && index.starts_with(table)
        }
    }
}

/// REINDEX SCHEMA and REINDEX DATABASE name no table.
fn names_any(words: &BTreeSet<String>) -> bool {
    words.contains("table") || words.contains("index")
}

/// The words of a statement in lower case, names out of their quotes.
fn words(sql: &str) -> BTreeSet<String> {
    Lexer::new(Dialect::Postgres, sql)
        .filter(|token| !token.is_trivia())
        .map(|token| token.text(sql).trim_matches('"').to_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_statement_was_about() {
        let create = words("CREATE UNIQUE INDEX CONCURRENTLY \"Idx_n\" ON things (n)");
        assert!(is_from(&create, "Idx_n", "things"));
        assert!(!is_from(&create, "another", "things"));
        assert!(!is_from(&create, "idx_n_ccnew", "things"));
        let unnamed = words("CREATE INDEX CONCURRENTLY ON things (n)");
        assert!(is_from(&unnamed, "things_n_idx1", "things"));
        assert!(!is_from(&unnamed, "others_n_idx", "others"));
        let rebuild = words("REINDEX TABLE CONCURRENTLY things");
        assert!(is_from(&rebuild, "idx_n_ccnew2", "things"));
        assert!(!is_from(&rebuild, "idx_n_ccnew", "others"));
        assert!(!is_from(&rebuild, "idx_n", "things"));
    }
}
