//! A repository that nobody described.

use freehold_boundary::{Checked, Origin, check};

use super::{example, tree};

fn proposed(files: &[(&str, &str)]) -> Checked {
    let root = tree(files);
    check(root.path(), &[], None, "2026-11-21").expect("a check")
}

fn contexts(checked: &Checked) -> Vec<String> {
    assert!(matches!(&checked.ownership.origin, Origin::Proposal { why } if !why.is_empty()));
    checked
        .ownership
        .contexts
        .iter()
        .map(|own| format!("{}: {}", own.name, own.tables.join(" ")))
        .collect()
}

/// The bookshop without its `boundaries.yaml`: the proposal is what the file says.
#[test]
fn modules_of_several_programs_are_put_together() {
    let checked = check(&example("bookvault-monolith"), &[], None, "2026-11-21").expect("a check");
    assert_eq!(
        contexts(&checked),
        [
            "catalog: authors books categories inventory",
            "customers: customer_addresses customer_preferences customers",
            "orders: order_items order_status_history order_summary orders",
            "payment: payment_methods payments transactions",
        ]
    );
    assert!(checked.findings.len() > 40);
}

#[test]
fn schemas_are_contexts() {
    let checked = proposed(&[
        (
            "db.sql",
            "CREATE TABLE crm.customers (id int); CREATE TABLE sales.orders (id int, c int REFERENCES crm.customers);",
        ),
        (
            "src/sales/x.go",
            "package x\nfunc f() { db.Query(`select * from sales.orders o join crm.customers c on c.id = o.c`) }",
        ),
    ]);
    assert_eq!(
        contexts(&checked),
        ["crm: crm.customers", "sales: sales.orders"]
    );
    assert_eq!(checked.findings.len(), 2);
}

#[test]
fn beginnings_of_names_are_the_last_resort() {
    let checked = proposed(&[(
        "all.sql",
        "CREATE TABLE orders (id int); CREATE TABLE order_items (o int REFERENCES orders, b int REFERENCES books); CREATE TABLE books (id int);",
    )]);
    assert_eq!(
        contexts(&checked),
        ["book: books", "order: order_items orders"]
    );
    assert_eq!(checked.findings.len(), 1);
}

#[test]
fn a_tree_without_tables_is_no_error() {
    let checked = proposed(&[("a.ts", "console.log('hello')")]);
    assert!(checked.findings.is_empty() && checked.ownership.contexts.is_empty());
}
