//! A described system's report in each state: its page, its text, its paper, its curve.

use freehold_boundary::audit::report::{
    Finding, Measured, PastSystem, Reaching, Stands, StoreReport, SystemReport, Terminal, Unseen,
    html_of_system, terminal_of_system,
};
use freehold_browser::{Browser, Sheet};

const SHEET: Sheet<'_> = Sheet {
    widths: &[360, 390, 820, 1200],
    own: include_str!("browser.js"),
};

fn reaching(
    name: &str,
    stands: Stands,
    (reads, writes, sessions): (usize, usize, usize),
) -> Reaching {
    Reaching {
        name: name.to_owned(),
        stands,
        reads,
        writes,
        sessions,
    }
}

fn finding(code: &str, message: &str, repair: &str) -> Finding {
    Finding {
        code: code.to_owned(),
        message: message.to_owned(),
        repair: repair.to_owned(),
    }
}

/// A store as described, on the server of its engine.
fn store(name: &str, postgres: bool) -> StoreReport {
    let host = if postgres { "" } else { "@10.0.3.%" };
    let own = |which: &str| format!("{name}_{which}{host}");
    StoreReport {
        store: name.to_owned(),
        server: if postgres { "main" } else { "cat" }.to_owned(),
        product: if postgres {
            "PostgreSQL 17.2"
        } else {
            "MariaDB 11.4.5"
        }
        .to_owned(),
        address: if postgres {
            "10.0.3.4:5432"
        } else {
            "10.0.3.5:3306"
        }
        .to_owned(),
        database: name.to_owned(),
        tables: 9,
        logins: vec![
            reaching(&own("app_1"), Stands::App, (6, 4, 3)),
            reaching(&own("app_2"), Stands::App, (6, 4, 0)),
            reaching(&own("sidecar"), Stands::Sidecar, (5, 5, 2)),
            reaching(&own("backup"), Stands::Backup, (9, 0, 0)),
            reaching("dba", Stands::Administrator, (9, 9, 1)),
        ],
        measured: Some(Measured {
            statements: 41,
            longest_ms: 38,
            ..Measured::default()
        }),
        ..StoreReport::default()
    }
}

/// SQLite: nobody can say who gets in.
fn file(name: &str) -> StoreReport {
    StoreReport {
        store: name.to_owned(),
        server: "files".to_owned(),
        database: name.to_owned(),
        unseen: vec![Unseen {
            what: "Who gets in".to_owned(),
            because: "FH3102: SQLite has no logins".to_owned(),
            would_show: "logins, ways and sessions".to_owned(),
            shown_by: "nothing: this engine has no logins of its own; whoever reads the file reads the store".to_owned(),
            could_hide: true,
            for_want_of_rights: false,
            calls_a_day: None,
        }],
        ..StoreReport::default()
    }
}

fn report(stores: Vec<StoreReport>) -> SystemReport {
    let at = "2026-11-20T09:42:00Z".to_owned();
    SystemReport::new("bookvault", "0.4", at, stores)
}

fn open() -> SystemReport {
    let (mut orders, mut customers) = (store("orders", true), store("customers", true));
    for own in [&mut orders, &mut customers] {
        own.logins
            .push(reaching("second_dba", Stands::Nobody, (9, 9, 0)));
        own.findings.push(finding(
            "FH2308",
            "`second_dba` is not described and gets in: it is a superuser, for whom no rule applies",
            "`ALTER ROLE second_dba NOSUPERUSER`, or name it under `access:` with `rights: admin`",
        ));
    }
    orders
        .logins
        .push(reaching("bi", Stands::Nobody, (2, 0, 1)));
    orders.findings.extend([
        finding("FH2308", "`bi` is not described and reads 2 of 9 tables: through the role `reporting`", "`REVOKE reporting FROM bi`"),
        finding("FH2309", "`orders_app` holds TRUNCATE on `order_items` and is not described to", "`freehold apply`"),
        finding("FH2310", "`bi` is connected from 10.0.9.17 with `metabase` since 07:12, and nobody described it", "`SELECT pg_terminate_backend(48112)`"),
        finding("FH2303", "`orders.anything(text)` runs as `orders_owner` whatever it is handed, and `orders_app` may call it", "`REVOKE EXECUTE ON FUNCTION orders.anything(text) FROM orders_app`"),
    ]);
    let mut payment = store("payment", true);
    payment.unseen.push(Unseen {
        what: "Bodies of 3 routines".to_owned(),
        because: "they are written in C".to_owned(),
        would_show: "tables that they use".to_owned(),
        shown_by: "their source".to_owned(),
        could_hide: false,
        for_want_of_rights: false,
        calls_a_day: None,
    });
    let mut report = report(vec![
        customers,
        store("catalog", false),
        orders,
        payment,
        file("notes"),
    ]);
    let past = |at: &str, findings, new, mended| PastSystem {
        at: format!("2026-{at}T09:00:00Z"),
        findings,
        new,
        mended,
    };
    report.history = vec![
        past("10-24", 11, 0, 0),
        past("11-02", 8, 1, 4),
        past("11-20", 5, 0, 3),
    ];
    report
}

fn closed() -> SystemReport {
    report(vec![store("customers", true), store("catalog", false)])
}

/// Nobody could look: a file, and a server that is away.
fn blind() -> SystemReport {
    let mut away = file("orders");
    let own = &mut away.unseen[0];
    "FH3001: 10.0.3.4:5432 does not answer".clone_into(&mut own.because);
    "start it, or mend `url:` of `servers: main`".clone_into(&mut own.shown_by);
    report(vec![away, file("notes")])
}

/// More and longer than anybody has.
fn large() -> SystemReport {
    let stores = (0..60).map(|at| {
        let mut own = store(&format!("a_service_with_a_long_name_{at}"), at % 3 > 0);
        for which in 0..4 {
            let who = format!("somebody_whom_nobody_ever_described_{at}_{which}");
            own.findings.push(finding(
                "FH2308",
                &format!("`{who}` is not described and reads 9 of 9 tables: through the roles `reporting_of_everything` and `a_role_between_{at}`"),
                &format!("`REVOKE a_role_between_{at} FROM {who}`"),
            ));
            own.logins.push(reaching(&who, Stands::Nobody, (9, 0, 1)));
        }
        own
    });
    report(stores.collect())
}

fn states() -> [(&'static str, SystemReport); 4] {
    [
        ("system-open", open()),
        ("system-closed", closed()),
        ("system-blind", blind()),
        ("system-large", large()),
    ]
}

fn pages() -> Vec<(String, String)> {
    let pages = states().map(|(name, report)| (name.to_owned(), html_of_system(&report)));
    pages.to_vec()
}

/// `FREEHOLD_PAGES=folder` keeps the pages, to be looked at.
#[test]
fn pages_of_systems_stand_alone() {
    for (name, page) in pages() {
        if let Some(folder) = std::env::var_os("FREEHOLD_PAGES") {
            let file = std::path::Path::new(&folder).join(format!("{name}.html"));
            std::fs::write(file, &page).expect("a page");
        }
        for outside in ["http://", "https://", "src=", "@import", "<script"] {
            assert!(!page.contains(outside), "{name}: {outside}");
        }
    }
}

#[test]
fn pages_of_systems_fit_every_width() {
    let Some(browser) = Browser::installed() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    for one in SHEET.measure(&browser, folder.path(), &pages()) {
        assert_eq!(one.faults(), "", "{} at {}", one.page, one.width);
    }
}

#[test]
fn the_paper_of_a_system_is_short() {
    let Some(browser) = Browser::installed() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    for (name, most) in [("system-open", 3), ("system-closed", 2)] {
        let of = pages().into_iter().find(|own| own.0 == name);
        let page = folder.path().join("page.html");
        std::fs::write(&page, of.expect("a page").1).expect("a file");
        let file = folder.path().join("page.pdf");
        let print = format!("--print-to-pdf={}", file.display());
        let address = page.display().to_string();
        browser.run(folder.path(), &["--no-pdf-header-footer", &print], &address);
        let pdf = std::fs::read(&file).expect("a document");
        let text = String::from_utf8_lossy(&pdf);
        let pages = text.matches("/Type /Page\n").count() + text.matches("/Type /Page ").count();
        assert!((1..=most).contains(&pages), "{name}: {pages} pages");
    }
}

#[test]
fn systems_in_a_terminal() {
    for (name, report) in states().into_iter().filter(|own| own.0 != "system-large") {
        let shown = Terminal {
            width: 100,
            page: None,
        };
        let text = terminal_of_system(&report, shown, &|_, text| text.to_owned());
        insta::assert_snapshot!(name, text);
    }
}

/// A file that nobody guards is never told to be as described.
#[test]
fn what_cannot_be_known_is_not_closed() {
    let page = html_of_system(&blind());
    assert!(
        page.contains("Not known.") && !page.contains("Closed."),
        "{page}"
    );
    let mut mixed = closed();
    mixed.stores.push(file("notes"));
    let page = html_of_system(&mixed);
    assert!(page.contains("Of notes it is not known") && !page.contains("Closed."));
}
