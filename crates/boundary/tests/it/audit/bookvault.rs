//! One audit to hold everything to: the shared database bookvault on 20 November 2026.
//!
//! Owns the numbers of the pictures. They add up, and `sums` says how.

use freehold_boundary::audit::report::{
    By, Context, Crossing, Elsewhere, Fit, Key, Load, Login, Measured, OnDelete, OrderStep, Origin,
    Orphan, PastAudit, Path, Program, Public, PublicReads, Report, Spot, States, Subject, Tie,
    TieKind, ToldBy, Touch, Unseen, Users, VERSION, Verb, Way, WayOut, Window,
};

const GB: u64 = 1_000_000_000;

/// The audit of the pictures.
pub(crate) fn bookvault() -> Report {
    let mut crossings = ten();
    crossings.extend(others());
    crossings.sort_by(|a, b| b.seconds_a_day().total_cmp(&a.seconds_a_day()));
    Report {
        version: VERSION,
        at: "2026-11-20T09:42:00Z".to_owned(),
        freehold: "0.4.0".to_owned(),
        subject: Subject {
            database: "bookvault".to_owned(),
            address: "prod-db-1:5432".to_owned(),
            product: "PostgreSQL".to_owned(),
            product_version: "15.8".to_owned(),
            tables: 41,
        },
        states: States::default(),
        window: Some(Window {
            since: "2026-10-29T02:30:00Z".to_owned(),
            days: 22.3,
        }),
        load: Some(Load {
            calls_a_day: 168_000_000.0,
            seconds_a_day: 131_040.0,
        }),
        contexts: contexts(),
        origin: Origin::Proposal,
        crossings,
        reach: Vec::new(),
        logins: logins(),
        public: Some(Public {
            connect: true,
            reads: [
                (Some("customers"), 4),
                (Some("catalog"), 8),
                (Some("orders"), 3),
                (None, 2),
            ]
            .into_iter()
            .map(|(context, tables)| PublicReads {
                context: context.map(str::to_owned),
                tables,
            })
            .collect(),
            writes: 0,
        }),
        programs: programs(),
        keys: keys(),
        ties: ties(),
        orphans: orphans(),
        findings: Vec::new(),
        history: history(),
        order: order(),
        unseen: unseen(),
        measured: Measured {
            login: "freehold_audit".to_owned(),
            member_of: texts("pg_monitor"),
            statements: 63,
            elapsed_ms: 1400,
            longest_ms: 110,
            writes: 0,
            strongest_lock: "ACCESS SHARE".to_owned(),
        },
    }
}

/// Words of a text.
fn texts(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// `orders>catalog checkout bookvault comment`, what it does, and its way out.
fn crossing(
    who: &str,
    what: &str,
    about: &str,
    calls: f64,
    mean_ms: f64,
    way: (Way, &str, &str),
    place: &str,
) -> Crossing {
    let who = texts(who);
    let (from, to) = who[0].split_once('>').expect("a pair");
    let mut words = texts(what);
    let verb = match words[0].as_str() {
        "UPDATE" => Verb::Update,
        "INSERT" => Verb::Insert,
        _ => Verb::Select,
    };
    if verb != Verb::Select {
        words.remove(0);
    }
    let grouped = words.last().is_some_and(|word| word == "GROUPED");
    if grouped {
        words.pop();
    }
    let own = contexts();
    let foreign = own
        .iter()
        .find(|context| context.name == to)
        .expect("a context");
    Crossing {
        fingerprint: format!("{from}-{to}-{}", words.join("-")),
        from: from.to_owned(),
        to: to.to_owned(),
        program: who[1].clone(),
        login: who[2].clone(),
        told_by: match who[3].as_str() {
            "login" => ToldBy::Login,
            "comment" => ToldBy::Comment,
            _ => ToldBy::Session,
        },
        verb,
        foreign: words
            .iter()
            .filter(|table| foreign.tables.contains(table))
            .cloned()
            .collect(),
        tables: words,
        grouped,
        writes: verb != Verb::Select,
        about: some(about),
        calls_a_day: calls,
        mean_ms,
        spot: place.split_once(':').map(|(file, line)| Spot {
            file: file.to_owned(),
            line: line.parse().ok(),
        }),
        way_out: WayOut {
            way: way.0,
            what: some(way.1),
            within: some(way.2),
        },
        new: false,
    }
}

fn ten() -> Vec<Crossing> {
    let mut ten = vec![
        crossing(
            "orders>catalog checkout bookvault comment",
            "order_items books authors",
            "titles and authors on the order page",
            4_751_380.0,
            1.10,
            (Way::Copy, "book_cache", "orders"),
            "checkout/src/orders/page.ts:52",
        ),
        crossing(
            "catalog>orders search-indexer search_indexer login",
            "order_items orders GROUPED",
            "best sellers, every 10 minutes",
            144.0,
            31_460.0,
            (Way::ReadModel, "sales_rank", ""),
            "",
        ),
        crossing(
            "orders>catalog checkout bookvault comment",
            "cart_items books authors",
            "titles and prices in the cart",
            6_309_100.0,
            0.62,
            (Way::Copy, "book_cache", "orders"),
            "checkout/src/cart/load.ts:31",
        ),
        crossing(
            "orders>customers checkout bookvault comment",
            "orders order_items customers",
            "orders by country, every 15 minutes",
            96.0,
            38_700.0,
            (Way::ReadModel, "order_search", ""),
            "checkout/src/report/country.ts:41",
        ),
        crossing(
            "orders>catalog checkout bookvault comment",
            "UPDATE inventory",
            "reserves stock",
            4_118_240.0,
            0.84,
            (Way::SagaStep, "reserve inventory", ""),
            "checkout/src/place/reserve.ts:74",
        ),
        crossing(
            "orders>customers checkout bookvault comment",
            "UPDATE customers",
            "adds loyalty points",
            1_521_180.0,
            1.92,
            (Way::SagaStep, "add loyalty points", ""),
            "checkout/src/place/points.ts:27",
        ),
        crossing(
            "payment>orders payments payments_app login",
            "payments orders",
            "compares the books, every 5 minutes",
            288.0,
            9_870.0,
            (Way::Copy, "orders", "payment"),
            "payments/ReconcileJob.java:203",
        ),
        crossing(
            "payment>orders payments payments_app login",
            "UPDATE orders",
            "sets the order to confirmed",
            1_521_180.0,
            1.78,
            (Way::Event, "payment.recorded.v1", ""),
            "payments/CaptureDao.java:57",
        ),
        crossing(
            "catalog>orders catalog-api catalog_app login",
            "order_items order_items",
            "bought together, on the book page",
            881_120.0,
            2.90,
            (Way::ReadModel, "bought_together", ""),
            "",
        ),
        crossing(
            "orders>customers fulfilment bookvault session",
            "shipments customers customer_addresses",
            "address on the shipping label",
            1_434_210.0,
            1.35,
            (Way::Snapshot, "address on the order", ""),
            "",
        ),
    ];
    ten[8].new = true;
    ten
}

fn others() -> Vec<Crossing> {
    // Means that make the seconds a day come out whole, but for one that takes up the rest.
    let by_seconds = |who: &str, what: &str, calls: f64, seconds: f64, way: (Way, &str, &str)| {
        let mean = (seconds * 1e9 / calls).round() / 1e6;
        crossing(who, what, "", calls, mean, way, "")
    };
    let ask = (Way::AskTheOwner, "", "");
    vec![
        by_seconds(
            "customers>catalog account-web bookvault comment",
            "wishlist_items books",
            190_120.0,
            228.0,
            (Way::Copy, "wished_books", "customers"),
        ),
        by_seconds(
            "customers>orders account-web bookvault comment",
            "loyalty_entries orders",
            402_300.0,
            611.0,
            (Way::ReadModel, "customer_value", ""),
        ),
        by_seconds(
            "customers>orders account-web bookvault session",
            "orders",
            208_150.0,
            386.0,
            ask,
        ),
        by_seconds(
            "customers>payment account-web bookvault session",
            "payment_methods",
            240_310.0,
            408.0,
            ask,
        ),
        by_seconds(
            "catalog>customers catalog-api catalog_app login",
            "book_reviews customers",
            1_900_440.0,
            892.512,
            ask,
        ),
        by_seconds(
            "orders>customers checkout bookvault session",
            "INSERT loyalty_entries",
            1_521_180.0,
            1104.0,
            (Way::SagaStep, "take back points", ""),
        ),
        by_seconds(
            "orders>customers checkout bookvault comment",
            "customer_preferences",
            1_582_234.0,
            702.0,
            ask,
        ),
        by_seconds(
            "orders>catalog checkout bookvault comment",
            "INSERT stock_movements",
            2_003_040.0,
            1299.0,
            (Way::SagaStep, "release inventory", ""),
        ),
        by_seconds(
            "orders>catalog checkout bookvault comment",
            "discounts book_categories categories",
            2_204_180.0,
            804.0,
            (Way::Copy, "category_cache", "orders"),
        ),
        by_seconds(
            "orders>catalog fulfilment bookvault session",
            "shipment_items books",
            1_495_300.0,
            613.0,
            (Way::Copy, "parcel_weights", "orders"),
        ),
        by_seconds(
            "orders>payment checkout bookvault session",
            "INSERT payments",
            3_704_000.0,
            1211.0,
            (Way::SagaStep, "charge", ""),
        ),
        by_seconds(
            "orders>payment checkout bookvault comment",
            "payments",
            1_521_180.0,
            498.0,
            ask,
        ),
        by_seconds(
            "orders>payment checkout bookvault session",
            "returns refunds",
            956_020.0,
            285.4693,
            (Way::Copy, "refund_state", "orders"),
        ),
        by_seconds(
            "payment>customers payments payments_app login",
            "payments customers",
            1_901_400.0,
            402.0,
            ask,
        ),
        by_seconds(
            "payment>customers payments payments_app login",
            "customer_addresses",
            1_180_300.0,
            296.0,
            (Way::Copy, "billing_address", "payment"),
        ),
        by_seconds(
            "payment>orders payments payments_app login",
            "UPDATE returns",
            1_521_180.0,
            436.7396,
            (Way::Event, "refund.recorded.v1", ""),
        ),
        by_seconds(
            "payment>orders payments payments_app login",
            "invoices orders",
            1_011_244.0,
            240.0,
            (Way::Event, "order.confirmed.v2", ""),
        ),
        by_seconds(
            "payment>orders payments payments_app login",
            "order_status_history",
            605_000.0,
            160.0,
            ask,
        ),
    ]
}

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

fn contexts() -> Vec<Context> {
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

fn login(
    name: &str,
    may: (usize, usize),
    paths: &[(By, &[&str])],
    programs: &str,
    sessions: usize,
    closes: &str,
) -> Login {
    Login {
        name: name.to_owned(),
        reads: may.0,
        writes: may.1,
        paths: paths
            .iter()
            .map(|(by, steps)| Path {
                by: *by,
                steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            })
            .collect(),
        programs: programs
            .split(',')
            .filter(|own| !own.is_empty())
            .map(str::to_owned)
            .collect(),
        sessions,
        streams: 0,
        tls: (sessions > 0).then_some(name != "bi_tool"),
        used: Some(true),
        declared: false,
        closes: some(closes),
    }
}

fn logins() -> Vec<Login> {
    let all = (41, 41);
    let read = (41, 0);
    let mut logins = vec![login(
        "bookvault",
        all,
        &[(By::Owner, &["`bookvault`", "owns all 41 tables"])],
        "account-web,checkout,fulfilment",
        144,
        "A login for each service; an owner that cannot log in",
    )];
    for n in 1..=4 {
        let name = format!("dba_{n}");
        let first = format!("`{name}`");
        logins.push(login(
            &name,
            all,
            &[(By::RoleChain, &[&first, "`dba`", "`pg_write_all_data`"])],
            "DBA group",
            usize::from(n == 2),
            "A lease for each task, with an end",
        ));
    }
    let select: [&str; 3] = [
        "`bi_tool`",
        "`reporting`",
        "SELECT, and on each table to come",
    ];
    let indexer: [&str; 3] = ["`search_indexer`", select[1], select[2]];
    logins.extend([
        login(
            "migrate",
            all,
            &[(
                By::RoleChain,
                &["`migrate`", "`bookvault`", "may become the owner"],
            )],
            "",
            0,
            "Made for each run, gone afterwards",
        ),
        login(
            "payments_app",
            all,
            &[(
                By::DefinerFunction,
                &["`run_adjustment(text)`", "runs its argument as `bookvault`"],
            )],
            "payments",
            32,
            "Fixed statements inside; take EXECUTE back",
        ),
        login(
            "postgres",
            all,
            &[(By::Superuser, &["`postgres`", "no rule applies"])],
            "",
            0,
            "Local socket only",
        ),
        login(
            "bi_tool",
            read,
            &[(By::RoleChain, &select)],
            "BI tool",
            5,
            "A read model; access with a reason and an end",
        ),
        login(
            "search_indexer",
            read,
            &[(By::RoleChain, &indexer)],
            "search-indexer",
            2,
            "Leave `reporting`; SELECT on its own tables",
        ),
        login(
            "backup",
            read,
            &[(By::RoleChain, &["`backup`", "`pg_read_all_data`"])],
            "",
            0,
            "Keep, declared as access",
        ),
        login(
            "standby_1",
            read,
            &[(
                By::Replication,
                &["`standby_1`", "streams the whole server"],
            )],
            "",
            0,
            "Keep, declared as access",
        ),
        login("catalog_app", (26, 10), &[], "catalog-api", 24, ""),
        login("freehold_audit", (17, 0), &[], "", 0, ""),
        login("monitor", (17, 0), &[], "", 0, ""),
        login("pgbouncer", (17, 0), &[], "", 0, ""),
    ]);
    let standby = logins
        .iter_mut()
        .find(|own| own.name == "standby_1")
        .expect("it is there");
    standby.streams = 1;
    for name in
        texts("crm_import legacy_shop old_reports partner_feed test_1 test_2 warehouse_sync")
    {
        logins.push(Login {
            used: Some(false),
            ..login(&name, (17, 0), &[], "", 0, "")
        });
    }
    logins
}

/// Letters for customers, catalog, orders, payment, nobody's: `R`, `W` or `-`.
fn program(name: &str, context: &str, logins: &str, sessions: usize, touches: &str) -> Program {
    let names = ["customers", "catalog", "orders", "payment", ""];
    Program {
        name: name.to_owned(),
        context: some(context),
        logins: texts(logins),
        sessions,
        touches: names
            .iter()
            .zip(touches.split_whitespace())
            .map(|(context, letters)| Touch {
                context: some(context),
                reads: letters.contains('R'),
                writes: letters.contains('W'),
            })
            .collect(),
        writes: (name == "DBA group").then_some(3),
    }
}

fn programs() -> Vec<Program> {
    vec![
        program("account-web", "customers", "bookvault", 36, "RW R R R RW"),
        program("catalog-api", "catalog", "catalog_app", 24, "R RW R - R"),
        program(
            "search-indexer",
            "catalog",
            "search_indexer",
            2,
            "- RW R - R",
        ),
        program("checkout", "orders", "bookvault", 96, "RW RW RW RW RW"),
        program("fulfilment", "orders", "bookvault", 12, "R R RW - R"),
        program("payments", "payment", "payments_app", 32, "R - RW RW R"),
        program("BI tool", "", "bi_tool", 5, "R R R R R"),
        program("DBA group", "", "dba_1 dba_2 dba_3 dba_4", 1, "R - RW R R"),
    ]
}

fn keys() -> Vec<Key> {
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

fn ties() -> Vec<Tie> {
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

fn orphans() -> Vec<Orphan> {
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

fn history() -> Vec<PastAudit> {
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

fn order() -> Vec<OrderStep> {
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

fn unseen() -> Vec<Unseen> {
    [
        (
            "Statements inside functions",
            "`pg_stat_statements.track` is `top`",
            "what `place_order()` and 11 more functions touch",
            "`track = all`, reload",
        ),
        (
            "Transactions over two contexts",
            "the server keeps no record of what ran together",
            "which writes need a saga",
            "`freehold check --with-audit`",
        ),
        (
            "2 statements of `bookvault`",
            "no comment, and no open session showed them",
            "1,140 calls a day, not in section 2",
            "a login for each service",
        ),
        (
            "Rare statements",
            "212 entries were evicted since 29 Oct",
            "monthly and yearly jobs",
            "`pg_stat_statements.max = 20000`, restart",
        ),
        (
            "From where a login may come",
            "rules of entry are for superusers only",
            "addresses and methods, for each login",
            "SELECT and EXECUTE on `pg_hba_file_rules`",
        ),
        (
            "Where 1 foreign server leads",
            "the mapping of `crm_link` is hidden",
            "whether data leaves this database",
            "membership in its owner",
        ),
        (
            "Addresses behind pgbouncer",
            "144 of 208 sessions show the pooler’s",
            "which machines really connect",
            "`application_name_add_host = 1`",
        ),
        (
            "The last time a login was used",
            "PostgreSQL does not keep it",
            "whether 7 idle logins are idle",
            "`log_connections = on`",
        ),
    ]
    .into_iter()
    .enumerate()
    .map(|(at, (what, because, would_show, shown_by))| Unseen {
        what: what.to_owned(),
        because: because.to_owned(),
        would_show: would_show.to_owned(),
        shown_by: shown_by.to_owned(),
        could_hide: at < 4,
        for_want_of_rights: at == 4 || at == 5,
        calls_a_day: (at == 2).then_some(1140.0),
    })
    .collect()
}
