//! Definitions of a store's objects, in SQLite's own words.
//!
//! `ALTER TABLE … RENAME` writes names back in quotes, and comments go with a rebuilt table: so a
//! definition is its tokens, without comments, plain names without quotes. A migration and its
//! reverse then give back the same text.

use std::collections::BTreeMap;

use freehold_engine::{Result, Spot, Value};
use freehold_sql::Dialect;
use freehold_sql::lexer::{Lexer, TokenKind};

use crate::session::Session;

/// `table orders` → its definition; freehold's own objects are left out.
pub(crate) fn definitions(session: &Session, spot: &Spot) -> Result<BTreeMap<String, String>> {
    let rows = session.query(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL",
        &[],
    )?;
    let definition = |row: &Vec<Value>| {
        let [kind, name, table, sql] = &row[..] else {
            return None;
        };
        let (name, table) = (name.text()?, table.text()?);
        let own = spot.is_own(name) || spot.is_own(table) || name.starts_with("sqlite_");
        (!own).then(|| Some((format!("{} {name}", kind.text()?), plain(sql.text()?))))?
    };
    Ok(rows.iter().filter_map(definition).collect())
}

fn plain(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    for token in Lexer::new(Dialect::Sqlite, sql).filter(|token| !token.is_trivia()) {
        if !text.is_empty() {
            text.push(' ');
        }
        let written = token.text(sql);
        let name = written
            .get(1..written.len().saturating_sub(1))
            .unwrap_or_default();
        let is_plain = token.kind == TokenKind::QuotedName && freehold_model::is_plain_name(name);
        text.push_str(if is_plain { name } else { written });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_comments_and_spaces_make_no_difference() {
        let one = plain(
            "CREATE TABLE \"orders\" (\n  [id] INTEGER, -- key\n  \"Name\" TEXT DEFAULT 'a  b')",
        );
        assert_eq!(
            one,
            plain("CREATE TABLE orders(id INTEGER, \"Name\" TEXT DEFAULT 'a  b')")
        );
        assert_ne!(
            one,
            plain("CREATE TABLE orders(id INTEGER, \"Name\" TEXT DEFAULT 'a b')")
        );
    }
}
