//! Ways around an append-only table: what rewrites or deletes its rows without the right to.
//!
//! Pure. Foreign keys that cascade into it; triggers and events, which run with their definer's
//! rights, followed through the routines and views that they use. Routines that run with their
//! definer's rights count when somebody of the service may execute them and the description does
//! not take that away.

use std::collections::BTreeSet;

use freehold_engine::{Live, Object, Routine, Want};
use freehold_model::Fault;
use freehold_sql::Dialect;
use freehold_sql::lexer::{Lexer, TokenKind};

/// Is this table described as append-only? At isolation `tables` the description may leave the prefix out.
pub(crate) fn is_append_only(want: &Want, table: &str) -> bool {
    want.append_only.contains(table)
        || (!want.spot.prefix.is_empty()
            && table
                .strip_prefix(want.spot.prefix.as_str())
                .is_some_and(|rest| want.append_only.contains(rest)))
}

/// One fault for each hole.
pub(crate) fn holes(want: &Want, live: &Live) -> Vec<Fault> {
    let tables: BTreeSet<&str> = live
        .tables
        .keys()
        .map(String::as_str)
        .filter(|table| is_append_only(want, table))
        .collect();
    if tables.is_empty() {
        return vec![];
    }
    let keys = live
        .foreign_keys
        .iter()
        .filter(|key| tables.contains(key.table.as_str()))
        .filter_map(|key| {
            let rewrites = |action: &str| matches!(action, "CASCADE" | "SET NULL" | "SET DEFAULT");
            let action = match (rewrites(&key.on_delete), rewrites(&key.on_update)) {
                (true, _) => format!("ON DELETE {}", key.on_delete),
                (_, true) => format!("ON UPDATE {}", key.on_update),
                _ => return None,
            };
            let message = format!(
                "{} is append-only, and its foreign key {} says {action}: changing {} rewrites it",
                key.table, key.name, key.references
            );
            Some(
                Fault::new("FH3104", message)
                    .help("let the key say RESTRICT, or take `append_only` away"),
            )
        });
    let code = live
        .routines
        .iter()
        .filter(|(key, routine)| runs(want, live, key, routine))
        .filter_map(|(key, routine)| {
            let mut seen = BTreeSet::from([key.clone()]);
            let table = changed(live, routine, &tables, &mut seen)?;
            let message = format!(
                "{table} is append-only, and the {key} changes its rows with the rights of {}",
                routine.owner
            );
            Some(Fault::new("FH3104", message).help(format!(
                "drop the {key} in a migration, or take `append_only` away"
            )))
        });
    keys.chain(code).collect()
}

/// Does it run by itself, or at the wish of somebody who has less than its definer's rights?
fn runs(want: &Want, live: &Live, key: &str, routine: &Routine) -> bool {
    let executable = || {
        let on = Object::Routine(key.to_owned());
        live.grants.iter().any(|grant| {
            grant.on == on && grant.privilege == "EXECUTE" && grant.grantee != want.identities.owner
        })
    };
    match routine.kind.as_str() {
        "trigger" | "event" => true,
        "view" => false,
        _ => routine.definer && !want.prune && executable(),
    }
}

/// The append-only table that a routine changes, also through what it uses.
fn changed<'a>(
    live: &Live,
    routine: &Routine,
    tables: &BTreeSet<&'a str>,
    seen: &mut BTreeSet<String>,
) -> Option<&'a str> {
    let through_views = |name: &str| names_behind(live, name);
    for statement in statements(&routine.body) {
        let targets: BTreeSet<String> = statement
            .targets()
            .iter()
            .flat_map(|name| through_views(name))
            .collect();
        if let Some(table) = tables.iter().find(|table| {
            targets
                .iter()
                .any(|target| target.eq_ignore_ascii_case(table))
        }) {
            return Some(table);
        }
        for name in &statement.words {
            for key in [format!("procedure {name}"), format!("function {name}")] {
                let Some(called) = live.routines.get(&key).filter(|_| seen.insert(key.clone()))
                else {
                    continue;
                };
                if let Some(table) = changed(live, called, tables, seen) {
                    return Some(table);
                }
            }
        }
    }
    None
}

/// A name, and if it is a view, every name in its text.
fn names_behind(live: &Live, name: &str) -> Vec<String> {
    let mut found = vec![name.to_owned()];
    let mut at = 0;
    while at < found.len() {
        if let Some(view) = live.routines.get(&format!("view {}", found[at])) {
            for word in words(&view.body) {
                if !found.contains(&word) {
                    found.push(word);
                }
            }
        }
        at += 1;
    }
    found
}

/// One statement of a body as its words, names without quotes.
struct Statement {
    words: Vec<String>,
}

impl Statement {
    /// Names that the statement may change rows of.
    fn targets(&self) -> &[String] {
        let word = |at: usize| self.words.get(at).map_or("", String::as_str);
        let is = |at: usize, keyword: &str| word(at).eq_ignore_ascii_case(keyword);
        let find = |keyword: &str| {
            self.words
                .iter()
                .position(|word| word.eq_ignore_ascii_case(keyword))
        };
        let end = self.words.len();
        // A function of that name, as in `THEN REPLACE(x, …)`.
        if word(1) == "(" && !is(0, "WITH") {
            return &[];
        }
        let start = if is(0, "WITH") {
            find("UPDATE").or_else(|| find("DELETE")).unwrap_or(end)
        } else {
            0
        };
        let from = |keyword: &str| find(keyword).filter(|at| *at > start).unwrap_or(end);
        match word(start).to_ascii_uppercase().as_str() {
            "UPDATE" => &self.words[start..from("SET")],
            "DELETE" => &self.words[start..from("WHERE")],
            "REPLACE" => &self.words[start..from("SELECT").min(from("VALUES")).min(from("SET"))],
            "TRUNCATE" | "DROP" | "ALTER" | "RENAME" => &self.words,
            "LOAD" if find("REPLACE").is_some() => &self.words,
            "INSERT"
                if self.words.windows(2).any(|pair| {
                    pair[0].eq_ignore_ascii_case("KEY") && pair[1].eq_ignore_ascii_case("UPDATE")
                }) =>
            {
                &self.words[..from("SELECT")
                    .min(from("VALUES"))
                    .min(from("VALUE"))
                    .min(from("SET"))]
            }
            _ => &[],
        }
    }
}

/// With what a statement begins that changes rows.
const STATEMENTS: [&str; 6] = ["UPDATE", "DELETE", "INSERT", "REPLACE", "TRUNCATE", "WITH"];

/// A body cut where a statement may begin. `THEN` and `ELSE` of an expression cut too much, never
/// too little: what follows them there begins with no statement's word.
fn statements(body: &str) -> Vec<Statement> {
    let mut found = vec![];
    let mut words = vec![];
    for word in words_of(body) {
        let cuts = ["BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT", "ROW"]
            .iter()
            .any(|cut| word.eq_ignore_ascii_case(cut));
        if cuts || word == ";" || word == ":" {
            found.push(Statement {
                words: std::mem::take(&mut words),
            });
        } else {
            words.push(word);
        }
    }
    found.push(Statement { words });
    // The header of a routine, where the catalog shows it, ends where its statement begins.
    for statement in &mut found {
        let is_header = statement
            .words
            .first()
            .is_some_and(|word| word.eq_ignore_ascii_case("CREATE"));
        let begins = |word: &String| {
            STATEMENTS
                .iter()
                .any(|begin| word.eq_ignore_ascii_case(begin))
        };
        if let Some(at) = statement
            .words
            .iter()
            .position(begins)
            .filter(|_| is_header)
        {
            statement.words.drain(..at);
        }
    }
    found.retain(|statement| !statement.words.is_empty());
    found
}

fn words(text: &str) -> BTreeSet<String> {
    words_of(text)
        .into_iter()
        .filter(|word| word.len() > 1)
        .collect()
}

fn words_of(text: &str) -> Vec<String> {
    Lexer::new(Dialect::Mariadb, text)
        .filter(|token| !token.is_trivia())
        .filter_map(|token| {
            let written = token.text(text);
            match token.kind {
                TokenKind::QuotedName => Some(written.trim_matches('`').replace("``", "`")),
                TokenKind::Word | TokenKind::Symbol | TokenKind::Delimiter => {
                    Some(written.to_owned())
                }
                _ => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(body: &str) -> Vec<String> {
        statements(body)
            .iter()
            .flat_map(|statement| statement.targets().to_vec())
            .filter(|word| word.starts_with('t'))
            .collect()
    }

    #[test]
    fn what_a_body_changes() {
        assert_eq!(
            targets(
                "BEGIN UPDATE `t1` JOIN x SET a = (SELECT 1 FROM t2); DELETE FROM db.t3 WHERE id IN (SELECT id FROM t4); END"
            ),
            ["t1", "t3"]
        );
        assert_eq!(
            targets("IF NEW.a > 0 THEN REPLACE INTO t1 VALUES (1); ELSE TRUNCATE TABLE t2; END IF"),
            ["t1", "t2"]
        );
        assert_eq!(
            targets("INSERT INTO t1 (a) VALUES (1) ON DUPLICATE KEY UPDATE a = 2"),
            ["t1"]
        );
        assert_eq!(
            targets("SET NEW.x = CASE WHEN a THEN REPLACE(t9, 'a', 'b') ELSE t8 END"),
            Vec::<String>::new()
        );
        assert_eq!(
            targets("INSERT INTO t1 SELECT * FROM t2"),
            Vec::<String>::new()
        );
        assert_eq!(
            targets("/* UPDATE t1 SET */ SET @a = 'DELETE FROM t2'"),
            Vec::<String>::new()
        );
        assert_eq!(
            targets("CREATE DEFINER=`o`@`h` PROCEDURE `p`(IN a INT) DELETE FROM t1"),
            ["t1"]
        );
        assert_eq!(
            targets("FOR EACH ROW DELETE t1 FROM t1 JOIN x"),
            ["t1", "t1"]
        );
    }
}
