//! One store with read models, an applier's hold on it, and the oracle.

use std::collections::BTreeMap;
use std::time::Duration;

use freehold_bookkeeping::{Epoch, lead};
use freehold_engine::{Connection, TxMode, Value};
use freehold_events::{APPLIER, Change, Changes, Ground, read_models};

use freehold_model::{EngineKind, Isolation};
use freehold_testkit::bookshop::Target;
use freehold_testkit::readshop::{Asked, Copied, open_read_shop, read_shop};
use freehold_testkit::{Admin, Shape, bookshop};
use serde_json::{Map, json};

/// Changes of one batch: (table, key as text, columns; `None`: the row goes).
pub(crate) type Batch = Vec<(
    String,
    Vec<(String, i64)>,
    Option<Map<String, serde_json::Value>>,
)>;

pub(crate) struct Store {
    pub(crate) target: Target,
    pub(crate) ground: Ground,
    pub(crate) epoch: Epoch,
    /// Rises with each change that is newer than all before it.
    pub(crate) now: i64,
    program: Box<dyn Connection>,
    admin: Box<dyn Connection>,
}

pub(crate) async fn shape(kind: EngineKind) -> Option<Shape> {
    Shape::ready(kind, Isolation::Database, Admin::Superuser).await
}

impl Store {
    pub(crate) async fn open(
        shape: &Shape,
        name: &str,
        copies: &[Copied],
        models: &[Asked],
    ) -> Self {
        let target = read_shop(shape, name, copies, models);
        let target = target.unwrap_or_else(|faults| panic!("{faults:#?}\n{models:#?}"));
        let target = open_read_shop(target).await;
        let mut ground = crate::world::World::ground(&target).await;
        // Where leaderships stand in a file of their own, it is open from here on.
        ground.connection.begin(TxMode::Relay).await.expect("begin");
        ground.connection.rollback().await.expect("rollback");
        let term = Duration::from_millis(1);
        let epoch = lead(
            &mut *ground.connection,
            &ground.sql,
            APPLIER,
            "test",
            None,
            term,
        );
        let epoch = epoch
            .await
            .expect("the leadership")
            .expect("nobody else leads");
        let program = bookshop::enter(&target, &target.want.identities.app.logins[0]).await;
        let at = target.engine.at_store(&target.admin, &target.want.spot);
        let admin = target.engine.connect(&at).await.expect("the admin");
        Self {
            target,
            ground,
            epoch,
            now: 1,
            program,
            admin,
        }
    }

    pub(crate) async fn begin(&mut self) {
        self.ground
            .connection
            .begin(TxMode::Write)
            .await
            .expect("begin");
        read_models::lock(&mut self.ground, self.epoch)
            .await
            .expect("the lock");
    }

    pub(crate) async fn commit(&mut self) {
        self.ground
            .connection
            .commit()
            .await
            .done()
            .expect("commit");
    }

    /// One transaction.
    pub(crate) async fn apply(&mut self, batch: &Batch) -> bool {
        self.change(changes(batch)).await
    }

    pub(crate) async fn change(&mut self, changes: BTreeMap<String, Changes>) -> bool {
        self.begin().await;
        let done = read_models::change(&mut self.ground, changes).await;
        let left = done.expect("a batch");
        self.commit().await;
        left
    }

    /// What another look of `apply` would change.
    pub(crate) async fn drift(&mut self) -> Vec<String> {
        let (engine, want) = (self.target.engine, &self.target.want);
        let live = self.admin.inspect(want).await.expect("a look");
        let diff = engine.diff(self.admin.probe(), want, &live);
        diff.steps
            .into_iter()
            .map(|step| format!("{} {}", step.name, step.note))
            .collect()
    }

    /// Tables that keep rows of read models.
    pub(crate) async fn kept(&mut self) -> Vec<String> {
        let live = self.admin.inspect(&self.target.want).await.expect("a look");
        let names = live.tables.into_keys();
        names
            .filter(|it| it.starts_with("freehold_rm_") || it.starts_with("freehold_rg_"))
            .collect()
    }

    /// Until nothing is left to do.
    pub(crate) async fn catch_up(&mut self) {
        loop {
            let work = read_models::work(&mut self.ground).await.expect("the work");
            let Some(first) = work.into_iter().next() else {
                return;
            };
            self.begin().await;
            read_models::work_some(&mut self.ground, &first)
                .await
                .expect("a chunk");
            self.commit().await;
        }
    }

    /// Rows of a query as the owner sees them, sorted.
    pub(crate) async fn rows(&mut self, sql: &str) -> Vec<String> {
        let rows = self.admin.read_as_owner(&self.target.want, sql).await;
        let rows = rows.unwrap_or_else(|error| panic!("{error}\n{sql}"));
        let mut rows: Vec<String> = rows.iter().map(|row| text(row)).collect();
        rows.sort();
        rows
    }

    /// What the program sees of a read model.
    pub(crate) async fn seen(&mut self, model: &str) -> Vec<String> {
        let rows = self
            .program
            .query(&format!("SELECT * FROM {model}"), &[])
            .await;
        let rows = rows.expect("the program reads its read model");
        let mut rows: Vec<String> = rows.iter().map(|row| text(row)).collect();
        rows.sort();
        rows
    }
}

fn text(row: &[Value]) -> String {
    let one = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::I64(number) => number.to_string(),
        Value::F64(number) => format!("{number:.6}"),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => format!("{bytes:?}"),
    };
    row.iter().map(one).collect::<Vec<_>>().join(" | ")
}

/// A batch as the applier makes one of its messages.
pub(crate) fn changes(batch: &Batch) -> BTreeMap<String, Changes> {
    let mut all: BTreeMap<String, Changes> = BTreeMap::new();
    for (table, key, columns) in batch {
        let name = key
            .iter()
            .map(|(_, value)| value.to_string())
            .collect::<Vec<_>>()
            .join("/");
        let mut row: Map<String, serde_json::Value> = key
            .iter()
            .map(|(column, value)| (column.clone(), json!(value)))
            .collect();
        let stamp = columns
            .as_ref()
            .and_then(|it| it["version"].as_i64())
            .unwrap_or_default();
        row.insert("freehold_key".to_owned(), json!(name));
        row.insert("freehold_stamp".to_owned(), json!(format!("{stamp:020}")));
        let change = match columns {
            Some(columns) => {
                row.extend(columns.clone());
                Change::Put(row)
            }
            None => Change::Delete(row),
        };
        all.entry(table.clone()).or_default().add(&name, change);
    }
    all
}
