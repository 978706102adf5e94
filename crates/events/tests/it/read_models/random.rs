//! Random schemas and queries within the subset, random changes: rows that come late, twice, with
//! other keys of others, that go and come again; transactions that are cut off.

use std::fmt::Write as _;

use freehold_model::EngineKind;
use freehold_testkit::Random;
use freehold_testkit::readshop::{Asked, Copied, text_type};
use serde_json::{Map, Value, json};

use super::world::{Batch, Store, shape};

/// Ids and what refers to them: few, so that everything meets.
const IDS: usize = 12;

/// How many schemas, and batches of each.
fn size() -> (usize, usize) {
    if std::env::var_os("FREEHOLD_PROVE").is_some() {
        (60, 120)
    } else {
        (3, 16)
    }
}

pub(crate) fn copies(kind: EngineKind, many: usize) -> Vec<Copied> {
    let column = |name: &str, kind| (name.to_owned(), kind);
    let copy = |at: usize| Copied {
        table: format!("t{at}"),
        key: vec![column("id", "BIGINT NOT NULL")],
        columns: vec![
            column("r1", "BIGINT"),
            column("r2", "BIGINT"),
            column("val", "BIGINT"),
            column("txt", text_type(kind)),
        ],
        items: false,
    };
    (0..many).map(copy).collect()
}

/// A query as it is declared, and the same over the tables themselves.
pub(crate) struct Drawn {
    pub(crate) asked: Asked,
    pub(crate) oracle: String,
}

pub(crate) fn draw(random: &mut Random, name: &str, many: usize) -> Drawn {
    let alias = |at: usize| ["a", "i", "r", "t"][at].to_owned();
    let mut from = (alias(0), format!("t0 AS {}", alias(0)));
    for at in 1..many {
        let other = random.below(at);
        let (own, others) = (random.pick(&["id", "r1"]), random.pick(&["id", "r1", "r2"]));
        let kind = random.pick(&["JOIN", "LEFT JOIN", "LEFT JOIN"]);
        let on = format!("ON {}.{own} = {}.{others}", alias(at), alias(other));
        let _ = write!(from.0, "\n{kind} {} {on}", alias(at));
        let _ = write!(from.1, "\n{kind} t{at} AS {} {on}", alias(at));
    }
    let last = alias(many - 1);
    let filter = match random.below(5) {
        0 => format!("\nWHERE {last}.val IS NULL"),
        1 => "\nWHERE a.val > 3".to_owned(),
        2 => format!("\nWHERE coalesce({last}.val, 0) + a.val < 9 OR a.txt = 'x'"),
        _ => String::new(),
    };
    let grouped = random.below(2) == 0;
    let (columns, groups) = if grouped {
        let by = [
            format!("{last}.txt"),
            format!("{last}.r1"),
            "a.txt".to_owned(),
        ];
        let by = &by[random.below(by.len())];
        let columns = format!(
            "{by} AS g, count(*) AS n, count({last}.val) AS c, sum(a.val) AS s, avg({last}.val) AS v, min(a.val) AS mi, max({last}.val) AS ma"
        );
        (columns, format!("\nGROUP BY {by}"))
    } else {
        let columns = format!(
            "a.id AS a_id, {last}.id AS b_id, a.val AS val, coalesce({last}.txt, 'unknown') AS txt, CASE WHEN a.r1 = {last}.r2 THEN 1 ELSE 0 END AS same"
        );
        (columns, String::new())
    };
    let asked = Asked {
        name: name.to_owned(),
        from: (0..many).map(|at| (alias(at), format!("t{at}"))).collect(),
        select: format!("SELECT {columns}\nFROM {}{filter}{groups}", from.0),
    };
    let oracle = format!("SELECT {columns}\nFROM {}{filter}{groups}", from.1);
    Drawn { asked, oracle }
}

pub(crate) fn batch(random: &mut Random, now: &mut i64, many: usize) -> Batch {
    let changes = 1 + random.below(30);
    let one = |_| {
        let table = format!("t{}", random.below(many));
        let id = i64::try_from(random.below(IDS)).unwrap_or_default();
        *now += 1;
        let mut maybe = |value: Value| {
            if random.below(5) == 0 {
                Value::Null
            } else {
                value
            }
        };
        let mut row = Map::new();
        for column in ["r1", "r2", "val"] {
            let id = json!(*now * 7 % 12);
            row.insert(column.to_owned(), maybe(id));
        }
        row.insert(
            "txt".to_owned(),
            maybe(json!(
                ["x", "y", "X", ""][usize::try_from(*now % 4).unwrap_or_default()]
            )),
        );
        // Late: what is there is newer, mostly.
        let late = random.below(6) == 0;
        let version = if late { *now - 60 } else { *now };
        row.insert("version".to_owned(), json!(version.max(1)));
        let gone = random.below(5) == 0;
        (table, vec![("id".to_owned(), id)], (!gone).then_some(row))
    };
    let mut batch: Batch = (0..changes).map(one).collect();
    if random.below(4) == 0 {
        // Twice.
        batch.extend(batch.clone());
    }
    batch
}

/// The first batch after which a model was not what its query gives. `mutant` changes statements.
pub(crate) async fn differs(
    kind: EngineKind,
    random: &mut Random,
    (schemas, batches): (usize, usize),
    mutant: impl Fn(&mut freehold_engine::ReadModelSql),
) -> Option<String> {
    let shape = shape(kind).await?;
    for schema in 0..schemas {
        let many = 2 + schema % 3;
        let drawn: Vec<Drawn> = (0..4)
            .map(|at| draw(random, &format!("model_{at}"), many))
            .collect();
        let asked: Vec<Asked> = drawn.iter().map(|it| it.asked.clone()).collect();
        let name = format!("s{schema}_{}", random.below(1_000_000));
        let mut store = Store::open(&shape, &name, &copies(kind, many), &asked).await;
        store.ground.sql.read_models.values_mut().for_each(&mutant);
        store.catch_up().await;
        for at in 0..batches {
            let batch = batch(random, &mut store.now, many);
            if random.below(8) == 0 {
                // Cut off before the end.
                store.begin().await;
                let changes = super::world::changes(&batch);
                let done = freehold_events::read_models::change(&mut store.ground, changes).await;
                assert!(done.is_ok(), "{done:?}");
                let rolled_back = store.ground.connection.rollback().await;
                assert!(rolled_back.is_ok());
            } else {
                store.apply(&batch).await;
            }
            for it in &drawn {
                let (seen, real) = (
                    store.seen(&it.asked.name).await,
                    store.rows(&it.oracle).await,
                );
                if seen != real {
                    return Some(format!(
                        "{kind}, batch {at}: {}\nseen {seen:#?}\nreal {real:#?}",
                        it.asked.select
                    ));
                }
            }
        }
    }
    None
}

/// Engines that keep read models.
pub(crate) const ENGINES: [EngineKind; 3] = [
    EngineKind::Sqlite,
    EngineKind::Postgres,
    EngineKind::Mariadb,
];

#[tokio::test(flavor = "multi_thread")]
async fn every_batch_leaves_what_the_query_gives() {
    for kind in ENGINES {
        let mut random = Random::seeded();
        let found = differs(kind, &mut random, size(), |_| {}).await;
        assert_eq!(found, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forgetting_what_was_there_is_found() {
    let mut random = Random::from(7);
    let found = differs(EngineKind::Postgres, &mut random, (4, 20), |sql| {
        for touched in &mut sql.touched {
            *touched = touched.replacen(
                "JOIN input AS freehold_i",
                "JOIN (SELECT * FROM input WHERE 1 = 0) AS freehold_i",
                1,
            );
        }
    });
    let found = found.await;
    assert!(found.is_some() || !installed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn not_looking_for_the_next_extremum_is_found() {
    let mut random = Random::from(7);
    let found = differs(EngineKind::Postgres, &mut random, (4, 20), |sql| {
        for remade in &mut sql.remake {
            // Only a better value is taken.
            if remade.contains("LIMIT 1)") {
                *remade = remade
                    .replace(
                        "freehold_m4 = (SELECT",
                        "freehold_m4 = least(g.freehold_m4, (SELECT",
                    )
                    .replacen("LIMIT 1)", "LIMIT 1))", 1);
            }
        }
    });
    let found = found.await;
    assert!(found.is_some() || !installed().await);
}

async fn installed() -> bool {
    shape(EngineKind::Postgres).await.is_some()
}
