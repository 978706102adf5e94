//! Services' programs take part in sagas over the library's adapters, each in a transaction of its
//! driver: what comes how often and in which order has one effect or none.

use freehold::participant::{self, Acted, Call, GENERATIONS, KEY, OUTCOME, Taken};
use freehold_model::{EngineKind, Isolation};
use freehold_testkit::sagashop::{Sagashop, login};
use freehold_testkit::{Admin, Must as _, Shape};
use mysql_async::prelude::Queryable as _;
use serde_json::{Value, json};

/// A step that leaves a row, or refuses after it did.
struct Mark {
    refuses: bool,
}

impl Mark {
    fn acted(&self) -> Acted {
        if self.refuses {
            Err("not today".to_owned())
        } else {
            Ok(json!({ "mark": 1 }))
        }
    }
}

const DO: &str = "INSERT INTO effects (saga, step, delta) VALUES ('s', 'mark', 1)";
const UNDO: &str = "INSERT INTO effects (saga, step, delta) VALUES ('s', 'mark', -1)";
const COUNT: &str = "SELECT CAST(COALESCE(SUM(delta), 0) AS CHAR(20)) FROM effects";

impl participant::tokio_postgres::Step for Mark {
    async fn act(
        &self,
        tx: &tokio_postgres::Transaction<'_>,
    ) -> Result<Acted, tokio_postgres::Error> {
        tx.execute(DO, &[]).await?;
        Ok(self.acted())
    }

    async fn take_back(
        &self,
        tx: &tokio_postgres::Transaction<'_>,
        output: &Value,
    ) -> Result<(), tokio_postgres::Error> {
        assert_eq!(output["mark"], 1, "what the action said");
        tx.execute(UNDO, &[]).await.map(drop)
    }
}

impl participant::mysql_async::Step for Mark {
    async fn act(
        &self,
        tx: &mut mysql_async::Transaction<'_>,
    ) -> Result<Acted, mysql_async::Error> {
        tx.query_drop(DO).await?;
        Ok(self.acted())
    }

    async fn take_back(
        &self,
        tx: &mut mysql_async::Transaction<'_>,
        output: &Value,
    ) -> Result<(), mysql_async::Error> {
        assert_eq!(output["mark"], 1, "what the action said");
        tx.query_drop(UNDO).await
    }
}

enum Program {
    Postgres(tokio_postgres::Client),
    Mysql(mysql_async::Conn),
}

impl Program {
    /// Its login to the store of whoever is called. `None`: the server cannot be had.
    async fn of(kind: EngineKind) -> Option<(Self, Shape, Sagashop)> {
        let shape = Shape::ready(kind, Isolation::Database, Admin::Superuser).await?;
        let shop = Sagashop::opens(&shape).await;
        let app = &shop.payment.want.identities.app.logins[0];
        let url = login(&shop.payment, app).await.url();
        let program = if kind == EngineKind::Postgres {
            let url = url.expose();
            let connected = tokio_postgres::connect(url, tokio_postgres::NoTls).await;
            let (client, driver) = connected.expect("a connection");
            tokio::spawn(driver);
            Self::Postgres(client)
        } else {
            let connected = mysql_async::Conn::from_url(url.expose()).await;
            Self::Mysql(connected.expect("a connection"))
        };
        Some((program, shape, shop))
    }

    /// The outcome, or the generations.
    async fn ask(&mut self, key: &str, refuses: bool) -> String {
        let call = Call::read(|name| (name == KEY).then_some(key)).must("a call");
        let mark = Mark { refuses };
        let taken = match self {
            Self::Postgres(client) => {
                let tx = client.transaction().await.expect("begin");
                let taken = participant::tokio_postgres::take_part(&tx, "orders", &call, &mark, 0);
                let taken = taken.await.expect("the barrier");
                tx.commit().await.expect("commit");
                taken
            }
            Self::Mysql(conn) => {
                let begun = conn.start_transaction(mysql_async::TxOpts::default());
                let mut tx = begun.await.expect("begin");
                let taken = participant::mysql_async::take_part(&mut tx, "orders", &call, &mark, 0);
                let taken = taken.await.expect("the barrier");
                tx.commit().await.expect("commit");
                taken
            }
        };
        let Taken::Said { headers, .. } = taken else {
            panic!("{key}: {taken:?}");
        };
        let told = |it: &&(&str, String)| it.0 == OUTCOME || it.0 == GENERATIONS;
        headers.iter().find(told).must("said").1.clone()
    }

    async fn forget(&mut self, saga: &str) -> bool {
        let key = format!("{saga}/-/0/forget");
        match self {
            Self::Postgres(client) => {
                let tx = client.transaction().await.expect("begin");
                let forgot = participant::tokio_postgres::forget(&tx, "orders", &key).await;
                tx.commit().await.expect("commit");
                forgot.expect("forgotten")
            }
            Self::Mysql(conn) => {
                let begun = conn.start_transaction(mysql_async::TxOpts::default());
                let mut tx = begun.await.expect("begin");
                let forgot = participant::mysql_async::forget(&mut tx, "orders", &key).await;
                tx.commit().await.expect("commit");
                forgot.expect("forgotten")
            }
        }
    }

    async fn effects(&mut self) -> String {
        let text: Option<String> = match self {
            Self::Postgres(client) => {
                let row = client.query_one(COUNT, &[]).await;
                Some(row.expect("a count").get::<_, String>(0).trim().to_owned())
            }
            Self::Mysql(conn) => conn.query_first(COUNT).await.expect("a count"),
        };
        text.must("a number")
    }
}

async fn has_one_effect(kind: EngineKind) {
    let Some((mut program, _shape, _shop)) = Program::of(kind).await else {
        return;
    };
    let story = [
        ("a/mark/1/resolve", false, "not-found", "0"),
        ("a/mark/1/action", false, "done", "1"),
        ("a/mark/1/action", false, "done", "1"),
        ("a/mark/1/resolve", false, "done", "1"),
        ("a/mark/1/status", false, "1 1", "1"),
        ("a/mark/1/undo", false, "undone", "0"),
        ("a/mark/1/undo", false, "undone", "0"),
        ("a/mark/1/action", false, "cancelled", "0"),
        // What comes after its undo never runs.
        ("b/mark/1/undo", false, "undone", "0"),
        ("b/mark/1/action", false, "cancelled", "0"),
        ("c/mark/1/cancel", false, "never", "0"),
        ("c/mark/1/action", false, "cancelled", "0"),
        // A refusal is kept, its effect is not.
        ("d/mark/1/action", true, "refused", "0"),
        ("d/mark/1/action", false, "refused", "0"),
        ("d/mark/2/action", false, "done", "1"),
        ("d/mark/2/status", false, "2 2", "1"),
    ];
    for (key, refuses, outcome, effects) in story {
        assert_eq!(program.ask(key, refuses).await, outcome, "{kind}: {key}");
        assert_eq!(program.effects().await, effects, "{kind}: after {key}");
    }
    assert!(program.forget("d").await);
    assert_eq!(program.ask("d/mark/2/resolve", false).await, "not-found");
    assert_eq!(program.ask("a/mark/1/resolve", false).await, "never");
}

#[tokio::test]
async fn a_program_on_tokio_postgres() {
    has_one_effect(EngineKind::Postgres).await;
}

#[tokio::test]
async fn a_program_on_mysql_async() {
    has_one_effect(EngineKind::Mariadb).await;
}
