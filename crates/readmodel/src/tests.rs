//! What can be kept, and what is said of the rest.

use std::collections::{BTreeMap, BTreeSet};

use freehold_model::Place;
use freehold_sql::Dialect;

use crate::{CopyShape, Definition, Function, JoinKind, Output, Plan, plan};

fn copies() -> BTreeMap<String, CopyShape> {
    let copy = |key: &str, columns: &[&str]| CopyShape {
        key: vec![key.to_owned()],
        entity: vec![key.to_owned()],
        columns: columns
            .iter()
            .chain(&[key])
            .map(|it| (*it).to_owned())
            .collect::<BTreeSet<_>>(),
    };
    BTreeMap::from([
        (
            "order_copy".to_owned(),
            copy("order_id", &["customer_id", "total_cents", "confirmed_at"]),
        ),
        (
            "customer_copy".to_owned(),
            copy("customer_id", &["country"]),
        ),
    ])
}

fn read(select: &str) -> Result<Plan, String> {
    let pairs = [("o", "order_copy"), ("c", "customer_copy")];
    let joined = select.contains("JOIN c") || select.ends_with(", c");
    let used = |alias: &str| joined || alias == "o";
    let from = pairs.iter().filter(|it| used(it.0));
    let from = from
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect();
    let place = Place {
        file: "service.yaml".into(),
        line: 10,
        column: 5,
    };
    let definition = Definition {
        name: "order_search",
        whose: "search",
        from: &from,
        select,
        defaults: &BTreeMap::new(),
        place: Some(&place),
    };
    plan(Dialect::Postgres, &definition, &copies())
        .map_err(|fault| format!("{fault} = {}", fault.help.join(" ")))
}

#[test]
fn a_join_is_read() {
    let plan = read(
        "SELECT o.order_id, coalesce(c.country, 'unknown') AS country FROM o
         LEFT JOIN c ON (c.customer_id = o.customer_id) WHERE o.total_cents > 0;",
    );
    let plan = plan.expect("a plan");
    let join = plan.sources[1].join.as_ref().expect("a join");
    assert_eq!(join.kind, JoinKind::Left);
    assert_eq!(
        join.on,
        [("customer_id".to_owned(), 0, "customer_id".to_owned())]
    );
    assert_eq!(plan.filter.as_deref(), Some("o.total_cents > 0"));
    let names: Vec<&str> = plan.outputs.iter().map(Output::name).collect();
    assert_eq!(names, ["order_id", "country"]);
    assert_eq!(plan.path(1), [0, 1]);
    assert!(!plan.grouped);
}

#[test]
fn groups_are_read() {
    let plan = read(
        "SELECT c.country, count(*) AS orders, sum(o.total_cents) AS total FROM o
         JOIN c ON c.customer_id = o.customer_id GROUP BY c.country",
    );
    let plan = plan.expect("a plan");
    let functions: Vec<Function> = plan.aggregates().map(|it| it.function).collect();
    assert_eq!(functions, [Function::Count, Function::Sum]);
    assert!(plan.grouped);
}

#[test]
fn the_same_meaning_has_the_same_hash() {
    let hash = |select: &str| read(select).expect("a plan").hash;
    let one = hash("SELECT o.order_id FROM o");
    assert_eq!(one, hash("select o.order_id -- as it was\nfrom o"));
    assert_ne!(one, hash("SELECT o.customer_id FROM o"));
    assert_ne!(
        one,
        hash("SELECT o.order_id FROM o WHERE o.total_cents > 1")
    );
}

/// (query, code and place, part of what is said).
const REFUSED: [(&str, &str, &str); 27] = [
    (
        "UPDATE o SET x = 1",
        "FH4201: service.yaml:10:5",
        "no SELECT",
    ),
    ("SELECT o.order_id", "FH4201", "no FROM"),
    (
        "SELECT o.total_cents + 1 FROM o",
        "FH4201",
        "without a name",
    ),
    ("SELECT o.order_id, o.order_id FROM o", "FH4201", "is taken"),
    (
        "SELECT o.order_id FROM o WHERE (o.total_cents > 1",
        "FH4201",
        "parentheses",
    ),
    ("SELECT DISTINCT o.order_id FROM o", "FH4202", "DISTINCT"),
    ("SELECT * FROM o", "FH4202", "name each column"),
    ("SELECT o.* FROM o", "FH4202", "name each column"),
    (
        "SELECT o.order_id FROM o\nWHERE o.confirmed_at > now()",
        "FH4202: service.yaml:11:24",
        "no event comes",
    ),
    (
        "SELECT o.order_id FROM o WHERE o.confirmed_at > current_date",
        "FH4202",
        "no event comes",
    ),
    (
        "SELECT random() AS r FROM o",
        "FH4202",
        "another one each time",
    ),
    (
        "SELECT o.order_id FROM o ORDER BY 1",
        "FH4202",
        "has no order",
    ),
    ("SELECT o.order_id FROM o LIMIT 5", "FH4202", "LIMIT"),
    (
        "SELECT o.order_id FROM o UNION SELECT o.order_id FROM o",
        "FH4202",
        "set operation",
    ),
    (
        "SELECT o.order_id FROM o WHERE EXISTS (SELECT 1)",
        "FH4202",
        "subquery",
    ),
    ("SELECT o.order_id FROM (SELECT 1) o", "FH4202", "subquery"),
    (
        "SELECT row_number() OVER () AS n FROM o",
        "FH4202",
        "row_number",
    ),
    (
        "SELECT o.order_id FROM o RIGHT JOIN c ON c.customer_id = o.customer_id",
        "FH4202",
        "turn it round",
    ),
    ("SELECT o.order_id FROM o, c", "FH4202", "JOIN … ON"),
    (
        "SELECT o.order_id FROM o JOIN c ON c.customer_id > o.customer_id",
        "FH4202",
        "equal columns",
    ),
    (
        "SELECT o.order_id FROM o JOIN c ON c.customer_id = 5",
        "FH4202",
        "equal columns",
    ),
    ("SELECT count(*) AS n FROM o", "FH4202", "without GROUP BY"),
    (
        "SELECT o.customer_id, sum(o.total_cents) / 2 AS s FROM o GROUP BY o.customer_id",
        "FH4202",
        "inside of an expression",
    ),
    (
        "SELECT o.customer_id, o.order_id, count(*) AS n FROM o GROUP BY o.customer_id",
        "FH4202",
        "neither grouped",
    ),
    (
        "SELECT o.order_id, count(DISTINCT o.total_cents) AS n FROM o GROUP BY o.order_id",
        "FH4202",
        "DISTINCT",
    ),
    (
        "SELECT o.totl_cents FROM o",
        "FH4203",
        "did you mean `total_cents`",
    ),
    ("SELECT p.order_id FROM o", "FH4203", "no source `p`"),
];

#[test]
fn what_cannot_be_kept_is_said() {
    for (select, code, part) in REFUSED {
        let said = read(select).expect_err(select);
        assert!(
            said.starts_with(code) && said.contains(part),
            "{select}\n{said}"
        );
    }
}

#[test]
fn columns_are_named_with_their_source() {
    let said = read("SELECT order_id AS id FROM o").expect_err("whose?");
    assert!(said.contains("o.order_id"), "{said}");
    let said = read("SELECT my_function(o.order_id) AS id FROM o").expect_err("unknown");
    assert!(said.contains("my_function"), "{said}");
}
