//! Contexts, what ties them, tables of nobody, and how it went over the month.

use freehold_boundary::audit::report::{
    Context, Elsewhere, Fit, Key, OnDelete, OrderStep, Orphan, PastAudit, Tie, TieKind, Users,
};

use super::{some, texts};

const GB: u64 = 1_000_000_000;

fn context(
    name: &str,
    tables: &str,
    gb_tenths: u64,
    inside: (usize, f64),
    stems: &str,
    writers: &str,
    elsewhere: &[(&str, f64)],
) -> Context {
    Context {
        name: name.to_owned(),
        tables: texts(tables),
        bytes: gb_tenths * GB / 10,
        keys_inside: inside.0,
        stems: texts(stems),
        writers: texts(writers),
        stays_inside: Some(inside.1),
        elsewhere: elsewhere
            .iter()
            .map(|(table, score)| Elsewhere {
                table: (*table).to_owned(),
                score: *score,
            })
            .collect(),
    }
}

pub(super) fn contexts() -> Vec<Context> {
    vec![
        context(
            "customers",
            "customers customer_addresses customer_notes customer_preferences login_audit loyalty_entries newsletter_subscriptions refresh_tokens wishlist_items",
            46,
            (8, 0.93),
            "customer_ loyalty_ login_",
            "account-web",
            &[("wishlist_items", 0.58)],
        ),
        context(
            "catalog",
            "authors book_authors book_categories book_reviews books categories inventory price_history publishers stock_movements",
            21,
            (11, 0.96),
            "book_",
            "catalog-api search-indexer",
            &[("book_reviews", 0.61)],
        ),
        context(
            "orders",
            "cart_items carts discounts order_events order_items order_saga order_status_history orders returns shipment_items shipments",
            382,
            (12, 0.47),
            "order_ cart_",
            "checkout fulfilment",
            &[("discounts", 0.55)],
        ),
        context(
            "payment",
            "invoice_lines invoices payment_methods payments payout_batches refunds transactions",
            169,
            (7, 0.60),
            "payment invoice",
            "payments",
            &[],
        ),
    ]
}

pub(super) fn keys() -> Vec<Key> {
    [
        ("orders>customers", "orders.customer_id>customers", false),
        ("orders>customers", "carts.customer_id>customers", false),
        (
            "orders>customers",
            "shipments.address_id>customer_addresses",
            false,
        ),
        ("orders>catalog", "order_items.book_id>books", false),
        ("orders>catalog", "cart_items.book_id>books", true),
        (
            "orders>payment",
            "orders.payment_method_id>payment_methods",
            false,
        ),
        ("payment>orders", "payments.order_id>orders", false),
        ("payment>orders", "invoices.order_id>orders", false),
        ("payment>orders", "refunds.return_id>returns", false),
        ("payment>customers", "payments.customer_id>customers", false),
        (
            "payment>customers",
            "payment_methods.customer_id>customers",
            true,
        ),
        (
            "catalog>customers",
            "book_reviews.customer_id>customers",
            true,
        ),
        ("customers>catalog", "wishlist_items.book_id>books", true),
        ("customers>orders", "loyalty_entries.order_id>orders", false),
    ]
    .into_iter()
    .map(|(pair, key, cascades)| {
        let (from, to) = pair.split_once('>').expect("a pair");
        let (column, references) = key.split_once('>').expect("a key");
        let (table, column) = column.split_once('.').expect("a column");
        Key {
            from: from.to_owned(),
            to: to.to_owned(),
            table: table.to_owned(),
            columns: texts(column),
            references: references.to_owned(),
            on_delete: if cascades {
                OnDelete::Cascade
            } else {
                OnDelete::NoAction
            },
        }
    })
    .collect()
}

pub(super) fn ties() -> Vec<Tie> {
    let tie = |kind, name: &str, contexts: &str, tables, any| Tie {
        kind,
        name: name.to_owned(),
        contexts: texts(contexts),
        any,
        tables,
    };
    vec![
        tie(
            TieKind::View,
            "v_order_overview",
            "orders customers",
            3,
            false,
        ),
        tie(
            TieKind::View,
            "v_sales_by_category",
            "orders catalog",
            4,
            false,
        ),
        tie(
            TieKind::View,
            "v_customer_value",
            "customers orders",
            2,
            false,
        ),
        tie(
            TieKind::Function,
            "place_order()",
            "customers catalog orders payment",
            7,
            false,
        ),
        tie(TieKind::Function, "run_adjustment(text)", "", 0, true),
        tie(
            TieKind::Trigger,
            "stock_on_return",
            "orders catalog",
            2,
            false,
        ),
        tie(
            TieKind::Sequence,
            "global_id_seq",
            "customers orders payment",
            5,
            false,
        ),
    ]
}

pub(super) fn orphans() -> Vec<Orphan> {
    let services = "account-web,catalog-api,search-indexer,checkout,fulfilment,payments";
    let used = |programs: &str| {
        Some(Users {
            programs: programs
                .split(',')
                .filter(|own| !own.is_empty())
                .map(str::to_owned)
                .collect(),
            ..Users::default()
        })
    };
    let orphan = |table: &str, rows, bytes, written_by, read_by, fits| Orphan {
        table: table.to_owned(),
        rows: Some(rows),
        bytes,
        written_by,
        read_by,
        fits,
    };
    vec![
        orphan(
            "audit_log",
            18_400_000,
            6_099_800_000,
            Some(Users {
                trigger_tables: 12,
                trigger_contexts: 4,
                ..Users::default()
            }),
            used("DBA group"),
            Fit::EachItsOwn,
        ),
        orphan(
            "app_settings",
            212,
            100_000,
            used("account-web,checkout"),
            used(services),
            Fit::Settings,
        ),
        orphan(
            "countries",
            249,
            100_000,
            used(""),
            used(&format!("{services},BI tool")),
            Fit::Seed,
        ),
        orphan(
            "tmp_orders_2024",
            3_200_000,
            1_400_000_000,
            used(""),
            used(""),
            Fit::Archive,
        ),
    ]
}

pub(super) fn history() -> Vec<PastAudit> {
    [
        ("2026-10-22T09:40:00Z", 31, 0, 0),
        ("2026-10-29T09:41:00Z", 33, 2, 0),
        ("2026-11-05T09:40:00Z", 33, 0, 0),
        ("2026-11-12T09:43:00Z", 30, 0, 3),
        ("2026-11-20T09:42:00Z", 28, 0, 2),
    ]
    .into_iter()
    .map(|(at, statements, new, mended)| PastAudit {
        at: at.to_owned(),
        statements,
        new,
        mended,
    })
    .collect()
}

pub(super) fn order() -> Vec<OrderStep> {
    [
        (
            "catalog",
            "Fewest keys, two writes. Books change slowly: a copy serves who reads them.",
        ),
        (
            "customers",
            "Most keys, yet 8 of 10 statements only read: name, address, state.",
        ),
        (
            "payment",
            "Tied to orders both ways: an order’s state and its money change together.",
        ),
        ("orders", ""),
    ]
    .into_iter()
    .map(|(context, why)| OrderStep {
        context: context.to_owned(),
        why: some(why),
    })
    .collect()
}
