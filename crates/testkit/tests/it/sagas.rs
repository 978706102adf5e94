//! The tables of sagas on every shape: made once, with no more rights than a program needs, and
//! gone with the store.

use freehold_engine::{Connection, ErrorKind, Keep};
use freehold_lifecycle::{destroy, plan, status};
use freehold_model::EngineKind;
use freehold_testkit::sagashop::{Sagashop, login};
use freehold_testkit::{Must as _, Shape, shapes};

#[tokio::test(flavor = "multi_thread")]
async fn sagas_tables_come_and_go_on_every_shape() {
    for (kind, isolation, admin) in shapes() {
        let Some(shape) = Shape::ready(kind, isolation, admin).await else {
            continue;
        };
        eprintln!("{}", shape.label());
        comes_and_goes(&shape).await;
    }
}

async fn comes_and_goes(shape: &Shape) {
    let shop = Sagashop::opens(shape).await;
    let targets = [shop.orders, shop.payment];
    let again = plan(&targets).await.must("a second plan");
    for store in &again {
        assert!(store.is_empty(), "a second plan: {:#?}", store.steps);
    }
    if shape.kind != EngineKind::Sqlite {
        let program = login(&targets[0], &targets[0].want.identities.app.logins[0]).await;
        let mut program = targets[0]
            .engine
            .connect(&program)
            .await
            .must("the program");
        starts_and_no_more(shape, &targets[0].want.spot, program.as_mut()).await;
    }
    destroy(&targets, Keep::default(), false, false)
        .await
        .must("destroy");
    let left = status(&targets).await.must("status of nothing");
    assert!(left.iter().all(|store| !store.exists));
}

async fn starts_and_no_more(
    shape: &Shape,
    spot: &freehold_engine::Spot,
    program: &mut dyn Connection,
) {
    let quote = if shape.kind == EngineKind::Postgres {
        "\""
    } else {
        "`"
    };
    let own = |name: &str| {
        let schema = if spot.schema.is_empty() {
            &spot.database
        } else {
            &spot.schema
        };
        format!("{quote}{schema}{quote}.{quote}{}{quote}", spot.own(name))
    };
    let key = format!("{quote}key{quote}");
    let (start, signal) = (own("saga_start"), own("saga_signal"));
    for sql in [
        format!("INSERT INTO {start} (definition, {key}, input) VALUES ('x', '1', '{{}}')"),
        format!("SELECT saga, definition, {key} FROM {start}"),
        format!("INSERT INTO {signal} (definition, {key}, asked) VALUES ('x', '1', 'cancel')"),
        format!("SELECT * FROM {}", own("saga")),
    ] {
        let done = program.execute(&sql).await;
        done.must(&sql);
    }
    for sql in [
        format!("SELECT input FROM {start}"),
        format!("UPDATE {start} SET claimed = true"),
        format!("DELETE FROM {start}"),
        format!("INSERT INTO {start} (saga, definition, {key}) VALUES ('a', 'x', '2')"),
        format!("SELECT * FROM {}", own("saga_instance")),
        format!("DELETE FROM {}", own("saga_instance")),
        format!("SELECT * FROM {signal}"),
        // An operator's action without what the operator saw is refused by the executor.
        format!(
            "INSERT INTO {signal} (definition, {key}, asked, seen) VALUES ('x', '1', 'close', 1)"
        ),
        format!("DELETE FROM {signal}"),
        format!("UPDATE {} SET epoch = 9", own("saga_share")),
        format!("DELETE FROM {}", own("saga_lock")),
        format!("DELETE FROM {}", own("saga_action")),
        format!("UPDATE {} SET body = 'x'", own("saga_definition")),
        format!("UPDATE {} SET token = 'x'", own("saga_life")),
    ] {
        let refused = program.execute(&sql).await.err();
        let kind = refused.map(|error| error.kind);
        assert_eq!(kind, Some(ErrorKind::Denied), "{}: {sql}", shape.label());
    }
}
