//! Logins and programs.

use freehold_boundary::audit::report::{By, Login, Path, Program, Touch};

use super::{columns, named, some, texts};

/// Who may log in.
pub(super) fn logins() -> Vec<Login> {
    columns(include_str!("logins.txt"))
        .map(|own| login(&own))
        .collect()
}

fn login(own: &[&str]) -> Login {
    let &[name, may, path, programs, sessions, closes] = own else {
        panic!("six columns: {own:?}");
    };
    let may: Vec<usize> = texts(may)
        .iter()
        .map(|n| n.parse().expect("a number"))
        .collect();
    let sessions = sessions.parse().expect("a number");
    let path = path.split_once(": ").map(|(by, steps)| Path {
        by: named::<By>(by),
        steps: steps.split(" > ").map(str::to_owned).collect(),
    });
    Login {
        name: name.to_owned(),
        reads: may[0],
        writes: may[1],
        paths: path.into_iter().collect(),
        programs: programs
            .split(", ")
            .filter(|own| !own.is_empty())
            .map(str::to_owned)
            .collect(),
        sessions,
        streams: usize::from(name == "standby_1"),
        tls: (sessions > 0).then_some(name != "bi_tool"),
        used: Some(closes != "idle"),
        declared: false,
        closes: some(closes).filter(|own| own != "idle"),
    }
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

pub(super) fn programs() -> Vec<Program> {
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
