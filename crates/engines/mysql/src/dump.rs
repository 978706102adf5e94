//! The schema of a store as statements, in the server's own words (`SHOW CREATE`).
//!
//! Taken out are the database's name, counters and definers: whoever runs it again is the definer
//! of what it makes. Foreign keys come after all tables, since they may point in a circle.

use freehold_engine::{Dump, Result, Want};
use freehold_sql::Dialect;
use freehold_sql::lexer::Lexer;

use crate::names::ident;
use crate::schema::{definition, objects, without_counter};
use crate::wire::Wire;

/// Kinds in the order in which they can be made; views come last but for what fires by itself.
const ORDER: [&str; 7] = [
    "sequence",
    "table",
    "function",
    "procedure",
    "view",
    "trigger",
    "event",
];

/// Reads and orders them.
pub(crate) async fn dump(wire: &mut Wire, want: &Want) -> Result<Dump> {
    let mut found: Vec<(String, String, String)> = Vec::new();
    for (kind, name) in objects(wire, want).await? {
        let text = definition(wire, want, &kind, &name).await?;
        let text = text.replace(&format!("{}.", ident(&want.spot.database)), "");
        found.push((kind, name, without_definer(&without_counter(&text))));
    }
    Ok(ordered(found))
}

fn ordered(mut found: Vec<(String, String, String)>) -> Dump {
    let turn = |kind: &str| ORDER.iter().position(|known| *known == kind);
    found.sort_by(|a, b| (turn(&a.0), &a.1).cmp(&(turn(&b.0), &b.1)));
    views_after_views(&mut found);
    let mut dump = Dump::default();
    let mut keys = Vec::new();
    let mut drop_keys = Vec::new();
    for (kind, name, text) in found {
        if kind == "table" {
            let (table, of_it) = without_foreign_keys(&text);
            dump.up.push(table);
            for key in of_it {
                let named = key.split('`').nth(1).unwrap_or_default();
                drop_keys.push(format!(
                    "ALTER TABLE {} DROP FOREIGN KEY {}",
                    ident(&name),
                    ident(named)
                ));
                keys.push(format!("ALTER TABLE {} ADD {key}", ident(&name)));
            }
        } else {
            if turn(&kind) > Some(1) {
                dump.up.append(&mut keys);
            }
            dump.up.push(text);
        }
        // A trigger goes with its table.
        if kind != "trigger" {
            dump.down
                .push(format!("DROP {} {}", kind.to_uppercase(), ident(&name)));
        }
    }
    dump.up.append(&mut keys);
    dump.down.reverse();
    let tables = dump
        .down
        .iter()
        .position(|drop| drop.starts_with("DROP TABLE"));
    let tables = tables.unwrap_or(dump.down.len());
    dump.down.splice(tables..tables, drop_keys);
    dump
}

/// A view may select from another one: that one first.
fn views_after_views(found: &mut Vec<(String, String, String)>) {
    let Some(first) = found.iter().position(|(kind, ..)| kind == "view") else {
        return;
    };
    let count = found.iter().filter(|(kind, ..)| kind == "view").count();
    let mut left: Vec<_> = found.drain(first..first + count).collect();
    let mut sorted = Vec::new();
    while !left.is_empty() {
        let free = |(_, name, text): &(String, String, String)| {
            left.iter()
                .all(|(_, other, _)| other == name || !text.contains(&ident(other)))
        };
        let at = left.iter().position(free).unwrap_or(0);
        sorted.push(left.remove(at));
    }
    found.splice(first..first, sorted);
}

/// The table without its foreign keys, and these as they were written.
fn without_foreign_keys(table: &str) -> (String, Vec<String>) {
    let is_key =
        |line: &str| line.starts_with("  CONSTRAINT `") && line.contains("` FOREIGN KEY (");
    let (keys, rest): (Vec<&str>, Vec<&str>) = table.lines().partition(|line| is_key(line));
    let keys = keys
        .iter()
        .map(|line| line.trim().trim_end_matches(',').to_owned());
    let mut text = rest.join("\n");
    // What was the last line before the closing parenthesis has a comma no more.
    if let Some(at) = text.rfind(",\n)") {
        text.remove(at);
    }
    (text, keys.collect())
}

/// Takes ``DEFINER=`u`@`h` `` out of the head.
fn without_definer(definition: &str) -> String {
    let tokens: Vec<_> = Lexer::new(Dialect::Mysql, definition)
        .filter(|token| !token.is_trivia())
        .take(12)
        .collect();
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text(definition));
    let Some(at) = (0..tokens.len()).find(|at| text(*at) == "DEFINER" && text(at + 1) == "=")
    else {
        return definition.to_owned();
    };
    // `u`@`h` is two names with a sign between them, or one token where the host has no quotes.
    let last = (at + 2..tokens.len()).find(|last| {
        let next = text(last + 1);
        !next.starts_with('@') && text(*last) != "@"
    });
    let Some(last) = last else {
        return definition.to_owned();
    };
    let head = definition[..tokens[at].start].trim_end();
    format!("{head} {}", definition[tokens[last].end..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definers_go_and_the_rest_stays() {
        assert_eq!(
            without_definer(
                "CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`127.0.0.1` SQL SECURITY DEFINER VIEW `v` AS select 1"
            ),
            "CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `v` AS select 1"
        );
        assert_eq!(
            without_definer(
                "CREATE DEFINER=`root`@`%` TRIGGER t BEFORE INSERT ON o FOR EACH ROW SET NEW.a = 1"
            ),
            "CREATE TRIGGER t BEFORE INSERT ON o FOR EACH ROW SET NEW.a = 1"
        );
        assert_eq!(
            without_definer("CREATE TABLE `t` (a int)"),
            "CREATE TABLE `t` (a int)"
        );
    }

    #[test]
    fn foreign_keys_wait_for_all_tables() {
        let found = [
            "CREATE TABLE `a` (\n  `id` int,\n  `b` int,\n  CONSTRAINT `a_b` FOREIGN KEY (`b`) REFERENCES `b` (`id`)\n) ENGINE=InnoDB",
            "CREATE TABLE `b` (\n  `id` int,\n  CONSTRAINT `b_a` FOREIGN KEY (`id`) REFERENCES `a` (`id`),\n  CONSTRAINT `c` CHECK (`id` > 0)\n) ENGINE=InnoDB",
        ];
        let found = found
            .iter()
            .zip(["a", "b"])
            .map(|(text, name)| ("table".to_owned(), name.to_owned(), (*text).to_owned()));
        let views = [
            ("view", "v1", "CREATE VIEW `v1` AS select * from `v2`"),
            ("view", "v2", "CREATE VIEW `v2` AS select * from `a`"),
        ];
        let views =
            views.map(|(kind, name, text)| (kind.to_owned(), name.to_owned(), text.to_owned()));
        let dump = ordered(found.chain(views).collect());
        assert_eq!(
            dump.up,
            [
                "CREATE TABLE `a` (\n  `id` int,\n  `b` int\n) ENGINE=InnoDB",
                "CREATE TABLE `b` (\n  `id` int,\n  CONSTRAINT `c` CHECK (`id` > 0)\n) ENGINE=InnoDB",
                "ALTER TABLE `a` ADD CONSTRAINT `a_b` FOREIGN KEY (`b`) REFERENCES `b` (`id`)",
                "ALTER TABLE `b` ADD CONSTRAINT `b_a` FOREIGN KEY (`id`) REFERENCES `a` (`id`)",
                "CREATE VIEW `v2` AS select * from `a`",
                "CREATE VIEW `v1` AS select * from `v2`",
            ]
        );
        assert_eq!(
            dump.down,
            [
                "DROP VIEW `v1`",
                "DROP VIEW `v2`",
                "ALTER TABLE `a` DROP FOREIGN KEY `a_b`",
                "ALTER TABLE `b` DROP FOREIGN KEY `b_a`",
                "DROP TABLE `b`",
                "DROP TABLE `a`",
            ]
        );
    }
}
