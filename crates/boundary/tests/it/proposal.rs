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

/// Folders that are called otherwise than the tables' names begin.
#[test]
fn code_goes_with_the_tables_that_it_uses_most() {
    let checked = proposed(&[
        (
            "db/all.sql",
            "CREATE TABLE bil_invoices (id int); CREATE TABLE bil_lines (id int); CREATE TABLE whs_stock (id int); CREATE TABLE whs_parcels (id int);",
        ),
        (
            "services/warehouse/app/stock.py",
            "def f(c):\n    c.execute('INSERT INTO whs_parcels (id) VALUES (1)')\n    c.execute('UPDATE bil_invoices SET id = 2')\n    c.execute('SELECT id FROM whs_stock')\n",
        ),
        (
            "services/billing/x.go",
            "package x\nfunc f() { db.Query(`select i.id from bil_invoices i join bil_lines l on l.id = i.id`) }",
        ),
        (
            "reports/all.rb",
            "def f = execute('select s.id from whs_stock s')\ndef g = execute('select i.id from bil_invoices i')",
        ),
    ]);
    assert_eq!(
        contexts(&checked),
        [
            "billing: bil_invoices bil_lines",
            "warehouse: whs_parcels whs_stock"
        ]
    );
    let found: Vec<_> = checked
        .findings
        .iter()
        .map(|own| format!("{} {} {}", own.from, own.kind.name(), own.object))
        .collect();
    assert_eq!(found, ["warehouse write bil_invoices"]);
}

/// Each step of a migration has a folder of its own: none of them is a module.
#[test]
fn steps_of_migrations_are_no_contexts() {
    let checked = proposed(&[
        (
            "db/migrations/20260101_orders/migration.sql",
            "CREATE TABLE orders (id int); CREATE TABLE order_items (id int);",
        ),
        (
            "db/migrations/20260102_books/migration.sql",
            "CREATE TABLE books (id int);",
        ),
    ]);
    assert_eq!(
        contexts(&checked),
        ["book: books", "order: order_items orders"]
    );
}
