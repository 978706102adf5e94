//! The clauses of a query as ranges of tokens. What stands in them is judged elsewhere.

use crate::refusal::Refusal;
use crate::words::Words;

/// Tokens `from..to`.
pub(crate) type Range = (usize, usize);

/// A query taken apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    /// Columns: the expression, and the token of the name behind AS.
    pub(crate) items: Vec<(Range, Option<usize>)>,
    /// Sources: the token of the alias; how it is joined (left?) and by what.
    pub(crate) sources: Vec<(usize, Option<(bool, Range)>)>,
    pub(crate) filter: Option<Range>,
    pub(crate) groups: Vec<Range>,
}

/// What ends a clause.
const CLAUSES: [&str; 14] = [
    "from",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "offset",
    "fetch",
    "window",
    "union",
    "intersect",
    "except",
    "for",
    "into",
];

/// What begins a join.
const JOINS: [&str; 9] = [
    "join",
    "inner",
    "left",
    "right",
    "full",
    "cross",
    "natural",
    "straight_join",
    "outer",
];

/// # Errors
/// A clause that cannot be read, or that no read model may have.
pub(crate) fn take_apart(words: &Words<'_>) -> Result<Query, Refusal> {
    if words.is(0, "with") {
        let help = "join the copies themselves";
        return Err(Refusal::outside(words.place(0), "a subquery in WITH", help));
    }
    if !words.is(0, "select") {
        let help =
            "SELECT o.order_id, c.country FROM o LEFT JOIN c ON c.customer_id = o.customer_id";
        return Err(Refusal::unread(words.place(0), "it is no SELECT", help));
    }
    if words.is(1, "distinct") {
        let help = "GROUP BY the columns instead: their groups are each there once";
        return Err(Refusal::outside(words.place(1), "DISTINCT", help));
    }
    let mut query = Query::default();
    let mut at = items(words, 1, &mut query)?;
    if !words.is(at, "from") {
        let help = "name the copies: FROM o LEFT JOIN c ON …";
        return Err(Refusal::unread(words.place(at), "it has no FROM", help));
    }
    at = sources(words, at + 1, &mut query)?;
    if words.is(at, "where") {
        let end = words.until(at + 1, clause);
        query.filter = Some((at + 1, end));
        at = end;
    }
    if words.is(at, "group") && words.is(at + 1, "by") {
        at += 2;
        let end = words.until(at, clause);
        query.groups = list(words, at, end);
        at = end;
    }
    if at < words.tokens.len() {
        return Err(left_over(words, at));
    }
    Ok(query)
}

fn clause(words: &Words<'_>, at: usize) -> bool {
    // A name behind a dot is a column, whatever it is called.
    CLAUSES.iter().any(|clause| words.is(at, clause)) && !words.is(at.wrapping_sub(1), ".")
}

fn left_over(words: &Words<'_>, at: usize) -> Refusal {
    let found = words.get(at).to_ascii_lowercase();
    let (what, help) = match found.as_str() {
        "having" => (
            "HAVING",
            "keep all groups, and ask with WHERE for those that you want in the query on the read model",
        ),
        "order" => (
            "ORDER BY",
            "a table has no order: sort in the query on the read model",
        ),
        "limit" | "offset" | "fetch" => (
            "LIMIT",
            "which rows are among the first depends on all others: limit in the query on the read model",
        ),
        "union" | "intersect" | "except" => (
            "a set operation",
            "declare two read models, and put them together in the query",
        ),
        "window" => (
            "a window",
            "number or rank rows in the query on the read model",
        ),
        _ => {
            return Refusal::unread(
                words.place(at),
                format!("`{found}` cannot be read there"),
                "a read model is SELECT … FROM … JOIN … WHERE … GROUP BY …",
            );
        }
    };
    Refusal::outside(words.place(at), what, help)
}

fn list(words: &Words<'_>, from: usize, to: usize) -> Vec<Range> {
    let mut ranges = Vec::new();
    let mut begin = from;
    loop {
        let end = words
            .until(begin, |words, at| at >= to || words.is(at, ","))
            .min(to);
        ranges.push((begin, end));
        if end >= to {
            return ranges;
        }
        begin = end + 1;
    }
}

fn items(words: &Words<'_>, from: usize, query: &mut Query) -> Result<usize, Refusal> {
    let end = words.until(from, clause);
    for (begin, stop) in list(words, from, end) {
        if stop == begin + 1 && words.is(begin, "*")
            || stop > 0 && words.is(stop - 1, "*") && words.is(stop.wrapping_sub(2), ".")
        {
            let help = "name each column: a read model does not grow when a copy does";
            return Err(Refusal::outside(words.place(begin), "`*`", help));
        }
        let named = words.until(begin, |words, at| at >= stop || words.is(at, "as"));
        if named < stop {
            if named + 2 != stop || words.name(named + 1).is_none() {
                let help = "one name follows AS";
                return Err(Refusal::unread(
                    words.place(named),
                    "AS without a name",
                    help,
                ));
            }
            query.items.push(((begin, named), Some(named + 1)));
        } else {
            query.items.push(((begin, stop), None));
        }
    }
    Ok(end)
}

fn join(words: &Words<'_>, at: usize) -> bool {
    JOINS.iter().any(|join| words.is(at, join))
        && !words.is(at + 1, "(")
        && !words.is(at.wrapping_sub(1), ".")
}

fn sources(words: &Words<'_>, from: usize, query: &mut Query) -> Result<usize, Refusal> {
    let mut at = source(words, from)?;
    query.sources.push((from, None));
    while at < words.tokens.len() && !clause(words, at) {
        let place = words.place(at);
        let left = words.is(at, "left");
        let mut next = at;
        if words.is(next, "inner") || left {
            next += 1;
            next += usize::from(left && words.is(next, "outer"));
        }
        if !words.is(next, "join") {
            let found = words.get(at);
            let what = format!("`{found}` instead of an INNER or LEFT join");
            let help = match found.to_ascii_lowercase().as_str() {
                "right" => {
                    "turn it round: the source whose rows all stay comes first, then LEFT JOIN"
                }
                "full" => "declare two read models, one from each side",
                "cross" | "natural" | "," => "write JOIN … ON with the columns that are equal",
                _ => {
                    "a source is called by its name below `from` alone; it joins by JOIN or LEFT JOIN"
                }
            };
            return Err(Refusal::outside(place, what, help));
        }
        let alias = next + 1;
        let on = source(words, alias)?;
        if !words.is(on, "on") {
            let help = "write ON with the columns that are equal: ON c.customer_id = o.customer_id";
            return Err(Refusal::outside(words.place(on), "a join without ON", help));
        }
        let end = words.until(on + 1, |words, at| {
            clause(words, at) || join(words, at) || words.is(at, ",")
        });
        query.sources.push((alias, Some((left, (on + 1, end)))));
        at = end;
    }
    Ok(at)
}

/// Behind the source's name.
fn source(words: &Words<'_>, at: usize) -> Result<usize, Refusal> {
    if words.is(at, "(") {
        let help = "join the copy instead, and name it below `from`";
        return Err(Refusal::outside(words.place(at), "a subquery", help));
    }
    if words.is(at, "lateral") || words.name(at).is_none() {
        let help = "a source is called by its name below `from`";
        return Err(Refusal::unread(
            words.place(at),
            "a source is missing",
            help,
        ));
    }
    Ok(at + 1)
}
