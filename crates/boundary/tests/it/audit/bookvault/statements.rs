//! The 28 statements that cross, the ten worst first in the file.

use freehold_boundary::audit::report::{Crossing, Spot, ToldBy, Verb, Way, WayOut};

use super::{catalog, columns, named, some, texts};

/// All of them, the most expensive first.
pub(super) fn statements() -> Vec<Crossing> {
    let mut all: Vec<Crossing> = columns(include_str!("statements.txt"))
        .map(|own| crossing(&own))
        .collect();
    all.sort_by(|a, b| b.seconds_a_day().total_cmp(&a.seconds_a_day()));
    all
}

fn crossing(own: &[&str]) -> Crossing {
    let &[pair, who, what, about, calls, time, way, place] = own else {
        panic!("eight columns: {own:?}");
    };
    let (from, to) = pair.split_once('>').expect("a pair");
    let who = texts(who);
    let mut tables = texts(what);
    let verb = match tables[0].as_str() {
        "UPDATE" => Verb::Update,
        "INSERT" => Verb::Insert,
        _ => Verb::Select,
    };
    let flag = |word: &str| tables.iter().any(|own| own == word);
    let (grouped, new) = (flag("GROUPED"), flag("NEW"));
    tables.retain(|own| !own.chars().any(char::is_uppercase));
    let contexts = catalog::contexts();
    let owner = contexts
        .iter()
        .find(|own| own.name == to)
        .expect("a context");
    let calls_a_day: f64 = calls.parse().expect("calls");
    let mean_ms = match time.strip_suffix('s') {
        // Rounded, so that it is read back from JSON as it was written.
        Some(seconds) => {
            (seconds.parse::<f64>().expect("seconds") * 1e9 / calls_a_day).round() / 1e6
        }
        None => time.parse().expect("a mean"),
    };
    let way: Vec<&str> = way.split(',').map(str::trim).collect();
    Crossing {
        fingerprint: format!("{from}-{to}-{}", tables.join("-")),
        from: from.to_owned(),
        to: to.to_owned(),
        program: who[0].clone(),
        login: who[1].clone(),
        told_by: named::<ToldBy>(&who[2]),
        verb,
        foreign: tables
            .iter()
            .filter(|own| owner.tables.contains(own))
            .cloned()
            .collect(),
        tables,
        grouped,
        writes: verb != Verb::Select,
        about: some(about),
        calls_a_day,
        mean_ms,
        spot: place.split_once(':').map(|(file, line)| Spot {
            file: file.to_owned(),
            line: line.parse().ok(),
        }),
        way_out: WayOut {
            way: named::<Way>(way[0]),
            what: some(way[1]),
            within: some(way[2]),
        },
        new,
    }
}
