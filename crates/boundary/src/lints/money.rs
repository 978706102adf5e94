//! Amounts of money in floating point, or in decimals that each reader rounds in its own way.

use super::columns::Column;
use super::{Lint, Rule, SqlFile};

pub(super) const RULE: Rule = Rule {
    code: "FH2120",
    name: "money",
    way_out: "keep whole minor units in a BIGINT, and the currency beside them",
};

const AMOUNTS: &[&str] = &[
    "price", "amount", "total", "subtotal", "cost", "balance", "fee", "salary", "revenue", "money",
    "payment", "refund", "discount", "deposit", "payout",
];

/// Parts of a name that say that it is something else.
const OTHERS: &[&str] = &[
    "rate",
    "percent",
    "percentage",
    "pct",
    "ratio",
    "count",
    "quantity",
    "qty",
    "weight",
    "score",
    "hours",
    "days",
    "minutes",
    "seconds",
    "bytes",
    "size",
    "rows",
    "factor",
    "id",
    "distance",
    "points",
];

pub(super) fn read(file: &SqlFile, columns: &[Column]) -> Vec<Lint> {
    columns
        .iter()
        .filter(|column| is_amount(&column.name))
        .filter_map(|column| {
            let floats = matches!(
                column.kind.as_str(),
                "float"
                    | "real"
                    | "double"
                    | "float4"
                    | "float8"
                    | "binary_float"
                    | "binary_double"
            );
            let decimal = matches!(
                column.kind.as_str(),
                "decimal" | "numeric" | "dec" | "money" | "smallmoney"
            ) && column.sizes.get(1) != Some(&0)
                || column.kind == "number" && column.sizes.get(1).is_some_and(|scale| *scale > 0);
            let why = if floats {
                "floating point, which does not hold cents exactly"
            } else if decimal {
                "a decimal, which every program that reads it rounds in its own way"
            } else {
                return None;
            };
            let message = format!("`{}` looks like money and is {why}", column.name);
            Some(Lint::new(&RULE, file.path, column.spot.clone(), message))
        })
        .collect()
}

fn is_amount(name: &str) -> bool {
    let parts: Vec<&str> = name.split('_').collect();
    parts.iter().any(|part| {
        AMOUNTS.contains(part)
            || part
                .strip_suffix('s')
                .is_some_and(|one| AMOUNTS.contains(&one))
    }) && !parts.iter().any(|part| OTHERS.contains(part))
}
