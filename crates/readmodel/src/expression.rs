//! What may stand in an expression of a read model: columns of its sources, literals, operators and
//! functions that give the same for the same values for ever.

use std::collections::{BTreeMap, BTreeSet};

use freehold_model::nearest;
use freehold_sql::lexer::TokenKind;

use crate::refusal::Refusal;
use crate::words::Words;

/// Columns that a query may name, by alias.
pub(crate) type Columns = BTreeMap<String, BTreeSet<String>>;

/// Functions whose result depends on nothing but their arguments, on every engine that has them.
const IMMUTABLE: [&str; 27] = [
    "abs",
    "ceil",
    "ceiling",
    "cast",
    "char_length",
    "coalesce",
    "concat",
    "floor",
    "greatest",
    "ifnull",
    "json_extract",
    "json_unquote",
    "least",
    "left",
    "length",
    "lower",
    "ltrim",
    "mod",
    "nullif",
    "replace",
    "right",
    "round",
    "rtrim",
    "substr",
    "substring",
    "trim",
    "upper",
];
/// What reads a clock.
const CLOCKS: [&str; 15] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtime",
    "localtimestamp",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "sysdate",
    "curdate",
    "curtime",
    "unix_timestamp",
    "utc_timestamp",
    "age",
];
/// What is another one each time.
const CHANCE: [&str; 8] = [
    "random",
    "rand",
    "uuid",
    "gen_random_uuid",
    "uuid_generate_v4",
    "randomblob",
    "nextval",
    "sys_guid",
];
/// Aggregates, whether they can be kept or not.
pub(crate) const AGGREGATES: [&str; 15] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "array_agg",
    "string_agg",
    "json_agg",
    "jsonb_agg",
    "group_concat",
    "bool_and",
    "bool_or",
    "every",
    "total",
    "stddev",
];
const KEYWORDS: [&str; 18] = [
    "and", "or", "not", "null", "is", "in", "like", "between", "case", "when", "then", "else",
    "end", "true", "false", "as", "escape", "div",
];
/// Types without a setting of the session in them.
const TYPES: [&str; 24] = [
    "bigint",
    "int",
    "integer",
    "smallint",
    "numeric",
    "decimal",
    "text",
    "varchar",
    "char",
    "boolean",
    "date",
    "signed",
    "unsigned",
    "uuid",
    "json",
    "jsonb",
    "bytea",
    "blob",
    "real",
    "double",
    "precision",
    "float",
    "binary",
    "int8",
];

/// Judges tokens `from..to`.
///
/// # Errors
/// The first thing that has no place in it.
pub(crate) fn judge(
    words: &Words<'_>,
    (from, to): (usize, usize),
    columns: &Columns,
) -> Result<(), Refusal> {
    if from >= to {
        let help = "write an expression there";
        return Err(Refusal::unread(
            words.place(from),
            "something is missing",
            help,
        ));
    }
    let mut at = from;
    let mut open = 0_usize;
    while at < to {
        match words.kind(at) {
            Some(TokenKind::Word | TokenKind::QuotedName) => {
                if words.is(at + 1, ".") && at + 2 < to {
                    column(words, at, columns)?;
                    at += 3;
                    continue;
                }
                word(words, at, at > from && words.is(at - 1, "::"))?;
            }
            Some(TokenKind::Symbol) => match words.get(at) {
                "(" => open += 1,
                ")" if open == 0 => return Err(unbalanced(words, at)),
                ")" => open -= 1,
                ";" => {
                    let help = "a read model is one SELECT";
                    return Err(Refusal::unread(words.place(at), "a second statement", help));
                }
                _ => {}
            },
            _ => {}
        }
        at += 1;
    }
    if open > 0 {
        return Err(unbalanced(words, from));
    }
    Ok(())
}

fn unbalanced(words: &Words<'_>, at: usize) -> Refusal {
    let what = "parentheses that do not fit together";
    Refusal::unread(words.place(at), what, "close what was opened")
}

/// The alias at `at` and the column two behind it.
fn column(words: &Words<'_>, at: usize, columns: &Columns) -> Result<(), Refusal> {
    let (alias, column) = (words.name(at), words.name(at + 2));
    let (Some(alias), Some(column)) = (alias, column) else {
        let what = format!("`{}` is no column of a source", words.get(at + 2));
        let help = "name each column: o.total";
        return Err(Refusal::outside(words.place(at + 2), what, help));
    };
    let Some(known) = columns.get(&alias) else {
        let what = format!("there is no source `{alias}`");
        let help = suggest(&alias, columns.keys());
        return Err(Refusal::unknown(words.place(at), what, help));
    };
    if !known.contains(&column) {
        let what = format!("the copy behind `{alias}` has no column `{column}`");
        let help = suggest(&column, known.iter());
        return Err(Refusal::unknown(words.place(at + 2), what, help));
    }
    Ok(())
}

pub(crate) fn suggest<'a>(name: &str, known: impl Iterator<Item = &'a String> + Clone) -> String {
    if let Some(meant) = nearest(name, known.clone().map(String::as_str)) {
        return format!("did you mean `{meant}`?");
    }
    let known: Vec<&str> = known.map(String::as_str).collect();
    format!("there are {}", known.join(", "))
}

fn word(words: &Words<'_>, at: usize, after_cast: bool) -> Result<(), Refusal> {
    let lower = words.get(at).to_ascii_lowercase();
    let place = words.place(at);
    let lower = lower.as_str();
    if CLOCKS.contains(&lower) {
        let what = format!("`{lower}` changes while no event comes");
        let help = "put the time into the query on the read model: SELECT … FROM the_model WHERE confirmed_at > …";
        return Err(Refusal::outside(place, what, help));
    }
    if CHANCE.contains(&lower) {
        let what = format!("`{lower}` is another one each time");
        let help = "a row has to be the same whenever it is made: leave it out";
        return Err(Refusal::outside(place, what, help));
    }
    if ["select", "exists", "any", "some", "all"].contains(&lower) {
        let help = "join the copy instead, and name it below `from`";
        return Err(Refusal::outside(place, "a subquery", help));
    }
    if lower == "over" {
        let help = "number or rank rows in the query on the read model";
        return Err(Refusal::outside(place, "a window", help));
    }
    if lower == "distinct" {
        let help = "GROUP BY the columns instead: their groups are each there once";
        return Err(Refusal::outside(place, "DISTINCT", help));
    }
    let call = words.is(at + 1, "(");
    if call && AGGREGATES.contains(&lower) {
        let what = format!("`{lower}` stands inside of an expression");
        let help =
            "an aggregate is a column of its own; compute with it in the query on the read model";
        return Err(Refusal::outside(place, what, help));
    }
    let fits = if after_cast || TYPES.contains(&lower) {
        TYPES.contains(&lower)
    } else if call {
        IMMUTABLE.contains(&lower) || KEYWORDS.contains(&lower)
    } else {
        KEYWORDS.contains(&lower)
    };
    if fits {
        return Ok(());
    }
    let (what, help) = if call {
        let what = format!("`{lower}` is not known to give the same for the same values");
        (
            what,
            "compute it in the query on the read model, or in the source's event".to_owned(),
        )
    } else if after_cast {
        let what = format!("a cast to `{lower}` may depend on a setting");
        (what, format!("it takes {}", TYPES.join(", ")))
    } else {
        let what = format!("`{}` says not whose it is", words.get(at));
        (
            what,
            format!("write the source before it: o.{}", words.get(at)),
        )
    };
    Err(Refusal::outside(place, what, help))
}
