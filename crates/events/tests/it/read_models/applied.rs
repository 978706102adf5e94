//! The whole way: from a program's transaction, and from rows that were there before, into a read
//! model of the service that keeps the copy.

use std::sync::Arc;

use freehold_engine::Value;
use freehold_events::Sound;
use freehold_testkit::bookshop::enter;
use freehold_testkit::readshop::{Asked, Copied, apply_again, read_shop};

use super::random::ENGINES;
use crate::peer::{asking, put_book, until};
use crate::world::{World, change, drain};

/// Declares how many books there are of each title, over the shop's own copy.
async fn declare(world: &mut World, shape: &freehold_testkit::Shape) {
    let copied = Copied {
        table: "book_cache".to_owned(),
        key: vec![("book_id".to_owned(), "BIGINT NOT NULL")],
        columns: vec![("title".to_owned(), "VARCHAR(100)")],
        items: false,
    };
    let asked = Asked {
        name: "titles".to_owned(),
        from: vec![("b".to_owned(), "book_cache".to_owned())],
        select: "SELECT b.title, count(*) AS books, max(b.book_id) AS last FROM b GROUP BY b.title"
            .to_owned(),
    };
    let described = read_shop(shape, "titles", &[copied], &[asked]).expect("a description");
    let shop = Arc::get_mut(&mut world.shop).expect("nobody else has it yet");
    shop.orders.want.plane.read_models = described.want.plane.read_models;
    apply_again(&shop.orders).await;
}

/// (title, books, the last one), as the program sees them.
async fn titles(world: &World) -> Vec<(String, i64, i64)> {
    let orders = &world.shop.orders;
    let mut program = enter(orders, &orders.want.identities.app.logins[0]).await;
    let sql = "SELECT title, books, last FROM titles ORDER BY title";
    let rows = program.query(sql, &[]).await.expect("the read model");
    let row = |row: &Vec<Value>| {
        let number = |at: usize| row[at].int().expect("a number");
        let title = row[0].text().expect("a title").to_owned();
        (title, number(1), number(2))
    };
    rows.iter().map(row).collect()
}

fn expected(titles: &[(&str, i64, i64)]) -> Vec<(String, i64, i64)> {
    let rows = titles.iter();
    rows.map(|(title, books, last)| ((*title).to_owned(), *books, *last))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_filled_and_what_is_applied_is_seen() {
    for kind in ENGINES {
        let Some(mut world) = World::on(kind).await else {
            continue;
        };
        let Some(shape) = super::world::shape(kind).await else {
            continue;
        };
        declare(&mut world, &shape).await;
        let mut program = world.program().await;
        for book in 1..=3 {
            put_book(&mut *program, book, 1).await;
        }
        let mut relay = world.relay::<Sound>().await;
        drain(&mut relay).await;
        let filled = expected(&[("Title 1", 3, 3)]);
        until(asking(&world).await, || async {
            titles(&world).await == filled
        })
        .await;
        assert_eq!(titles(&world).await, filled, "{kind}");
        // The last one of a title goes to another one, twice.
        for (book, version) in [(3, 2), (4, 1), (3, 2)] {
            change(&mut *program, book, version).await;
        }
        drain(&mut relay).await;
        let applied = expected(&[("Title 1", 3, 4), ("Title 2", 1, 3)]);
        until(asking(&world).await, || async {
            titles(&world).await == applied
        })
        .await;
        assert_eq!(titles(&world).await, applied, "{kind}");
    }
}
