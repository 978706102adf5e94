//! Every object of the store as the server would make it again, without what changes by itself.
//!
//! Counters (`AUTO_INCREMENT=n`), the database's own name and the owner's account are taken out, so
//! that the same migrations give the same text on a scratch copy. Keys are `table orders`,
//! `view recent`, `trigger t`, `procedure p`, `function f`, `event e`, `sequence s`.

use std::collections::BTreeMap;

use freehold_engine::{Result, Value, Want};
use freehold_sql::Dialect;
use freehold_sql::lexer::{Lexer, TokenKind};

use crate::inspect::text;
use crate::names::{account, ident, object, pattern};
use crate::wire::Wire;

/// Object → definition.
pub(crate) async fn schema(
    wire: &mut Wire,
    want: &Want,
    host: &str,
) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (kind, name) in objects(wire, want).await? {
        let definition = definition(wire, want, &kind, &name).await?;
        found.insert(
            format!("{kind} {name}"),
            normalised(want, host, &definition),
        );
    }
    Ok(found)
}

/// One object as the server would make it again, word for word.
pub(crate) async fn definition(
    wire: &mut Wire,
    want: &Want,
    kind: &str,
    name: &str,
) -> Result<String> {
    let sql = format!(
        "SHOW CREATE {} {}",
        kind.to_uppercase(),
        object(&want.spot.database, name)
    );
    let rows = wire
        .query(&sql)
        .await
        .map_err(|error| error.during(format!("read {kind} {name}")))?;
    // Of code there is the name, the `sql_mode`, then the text; of an event the time zone too.
    let column = match kind {
        "table" | "view" | "sequence" => 1,
        "event" => 3,
        _ => 2,
    };
    Ok(rows.first().map_or(String::new(), |row| text(row, column)))
}

pub(crate) async fn objects(wire: &mut Wire, want: &Want) -> Result<Vec<(String, String)>> {
    let sql = "SELECT CASE table_type WHEN 'VIEW' THEN 'view' WHEN 'SEQUENCE' THEN 'sequence' ELSE 'table' END, table_name \
           FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE ? \
         UNION ALL SELECT LOWER(routine_type), routine_name FROM information_schema.routines \
           WHERE routine_schema = ? AND routine_name LIKE ? \
         UNION ALL SELECT 'trigger', trigger_name FROM information_schema.triggers \
           WHERE event_object_schema = ? AND event_object_table LIKE ? \
         UNION ALL SELECT 'event', event_name FROM information_schema.events WHERE event_schema = ? AND event_name LIKE ?";
    let scope = [
        Value::from(want.spot.database.as_str()),
        Value::Text(format!("{}%", pattern(&want.spot.prefix))),
    ];
    let args: Vec<Value> = (0..4).flat_map(|_| scope.clone()).collect();
    let rows = wire.query_with(sql, &args).await?;
    Ok(rows
        .iter()
        .map(|row| (text(row, 0), text(row, 1)))
        .filter(|(_, name)| !want.spot.is_own(name))
        .collect())
}

fn normalised(want: &Want, host: &str, definition: &str) -> String {
    let definition = definition
        .replace(&format!("{}.", ident(&want.spot.database)), "")
        .replace(
            &format!("DEFINER={}", account(&want.identities.owner, host)),
            "DEFINER=`owner`",
        );
    without_counter(&definition)
}

/// Takes ` AUTO_INCREMENT=n` out, where it is not part of a text.
pub(crate) fn without_counter(definition: &str) -> String {
    let tokens: Vec<_> = Lexer::new(Dialect::Mysql, definition)
        .filter(|token| !token.is_trivia())
        .collect();
    let counter = tokens.windows(3).find(|window| {
        window[0].text(definition) == "AUTO_INCREMENT"
            && window[1].text(definition) == "="
            && window[2].kind == TokenKind::Number
    });
    match counter {
        Some(window) => format!(
            "{}{}",
            definition[..window[0].start].trim_end(),
            &definition[window[2].end..]
        ),
        None => definition.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_want::orders;

    #[test]
    fn counters_and_names_that_differ_between_copies_are_out() {
        let table = "CREATE TABLE `t` (\n  `id` int AUTO_INCREMENT COMMENT 'AUTO_INCREMENT=5'\n) ENGINE=InnoDB AUTO_INCREMENT=17 DEFAULT CHARSET=utf8mb4";
        assert_eq!(
            normalised(&orders(), "h", table),
            "CREATE TABLE `t` (\n  `id` int AUTO_INCREMENT COMMENT 'AUTO_INCREMENT=5'\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
        );
        let view = "CREATE DEFINER=`orders_owner`@`h` VIEW `v` AS select `orders`.`t`.`id` from `orders`.`t`";
        assert_eq!(
            normalised(&orders(), "h", view),
            "CREATE DEFINER=`owner` VIEW `v` AS select `t`.`id` from `t`"
        );
    }
}
