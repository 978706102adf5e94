//! The words that cannot be what stands at a name's or an alias's place.

/// Ends a table's place in a FROM list: never an alias, unless quoted or behind AS.
pub(super) fn ends_source(word: &str) -> bool {
    is_in(
        word,
        &[
            "ALTER",
            "AND",
            "ANTI",
            "APPLY",
            "AS",
            "ASOF",
            "BEGIN",
            "CLOSE",
            "CLUSTER",
            "CONNECT",
            "CREATE",
            "CROSS",
            "DECLARE",
            "DEFAULT",
            "DELETE",
            "DISTRIBUTE",
            "DO",
            "DROP",
            "ELSE",
            "ELSIF",
            "END",
            "EXCEPT",
            "EXEC",
            "EXECUTE",
            "FETCH",
            "FINAL",
            "FOR",
            "FORCE",
            "FROM",
            "FULL",
            "GO",
            "GRANT",
            "GROUP",
            "HAVING",
            "IF",
            "IGNORE",
            "IN",
            "INNER",
            "INSERT",
            "INTERSECT",
            "INTO",
            "IS",
            "JOIN",
            "LATERAL",
            "LEFT",
            "LIMIT",
            "LOCK",
            "LOOP",
            "MATCH",
            "MATCH_RECOGNIZE",
            "MERGE",
            "MINUS",
            "MODEL",
            "NATURAL",
            "NOT",
            "OFFSET",
            "ON",
            "OPEN",
            "OPTION",
            "OR",
            "ORDER",
            "OUTER",
            "OUTPUT",
            "PARTITION",
            "PIVOT",
            "PRINT",
            "QUALIFY",
            "RETURN",
            "RETURNING",
            "RIGHT",
            "SAMPLE",
            "SELECT",
            "SEMI",
            "SET",
            "START",
            "STRAIGHT_JOIN",
            "TABLESAMPLE",
            "THEN",
            "TO",
            "TRUNCATE",
            "UNION",
            "UNPIVOT",
            "UPDATE",
            "USE",
            "USING",
            "VALUES",
            "VERSIONS",
            "WHEN",
            "WHERE",
            "WHILE",
            "WINDOW",
            "WITH",
        ],
    )
}

/// Never a table's name when it is not quoted.
pub(super) fn never_table(word: &str) -> bool {
    is_in(
        word,
        &[
            "ALL", "AND", "AS", "BY", "CASE", "DISTINCT", "ELSE", "END", "EXISTS", "FROM", "GROUP",
            "HAVING", "IN", "INTO", "IS", "JOIN", "LATERAL", "LIKE", "NOT", "NULL", "ON", "OR",
            "ORDER", "SELECT", "SET", "THEN", "UNION", "USING", "VALUES", "WHEN", "WHERE", "WITH",
        ],
    )
}

/// Words of T-SQL's table hints in their old form, `FROM t (NOLOCK)`.
pub(super) fn is_hint(word: &str) -> bool {
    is_in(
        word,
        &[
            "FORCESEEK",
            "HOLDLOCK",
            "INDEX",
            "NOLOCK",
            "NOWAIT",
            "PAGLOCK",
            "READCOMMITTED",
            "READPAST",
            "READUNCOMMITTED",
            "ROWLOCK",
            "SERIALIZABLE",
            "SNAPSHOT",
            "TABLOCK",
            "TABLOCKX",
            "UPDLOCK",
            "XLOCK",
        ],
    )
}

fn is_in(word: &str, sorted: &[&str]) -> bool {
    let mut upper = [0_u8; 24];
    let Some(upper) = upper.get_mut(..word.len()) else {
        return false;
    };
    upper.copy_from_slice(word.as_bytes());
    upper.make_ascii_uppercase();
    sorted
        .binary_search_by(|probe| probe.as_bytes().cmp(upper))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case() {
        for word in ["alter", "WITH", "Where", "straight_join"] {
            assert!(ends_source(word), "{word}");
        }
        assert!(never_table("with") && never_table("ALL"));
        assert!(is_hint("nolock") && is_hint("XLOCK") && is_hint("forceseek"));
        assert!(!ends_source("orders"));
        assert!(!ends_source("a_word_that_is_longer_than_every_keyword"));
    }
}
