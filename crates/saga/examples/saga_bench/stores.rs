//! The stores of a measurement, on a server of its own that syncs to disk and logs no statements;
//! and what is asked of them beside the executor.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use freehold_engine::{Connection, Endpoint, SagaSql, TxMode, Value};
use freehold_model::{EngineKind, Isolation};
use freehold_saga::{
    Definition, Event, Executor, Instance, Parked, Participants, Prepared, SagaId, Settings, Sound,
    Status, encode_instance, read,
};
use freehold_testkit::sagashop::{Sagashop, login};
use freehold_testkit::{Admin, Must as _, Shape, TestServer};
use serde_json::json;
use tempfile::TempDir;

const SAGA: &str = "saga: place_order
input: { order_id: text }
steps:
  - step: reserve
    call: { http: \"POST ${SERVICE}/reserve\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/reserve\", body: { order: input.order_id } }
  - step: points
    call: { http: \"POST ${SERVICE}/points\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/points\", body: { order: input.order_id } }
  - step: charge
    kind: pivot
    call: { http: \"POST ${SERVICE}/charge\", body: { order: input.order_id } }
    resolve: { http: \"POST ${SERVICE}/charge\", body: { order: input.order_id } }
  - step: confirm
    kind: retriable
    call: { http: \"POST ${SERVICE}/confirm\", body: { order: input.order_id } }
";
const PARKED_AT_ONCE: usize = 10_000;
/// The step that a saga ends with.
pub(crate) const LAST: &str = "confirm";

pub(crate) struct Stores {
    kind: EngineKind,
    pub(crate) shop: Sagashop,
    pub(crate) definition: Definition,
    pub(crate) sql: SagaSql,
    sidecar: Endpoint,
    app: Endpoint,
    /// Behind `shop`, so that it goes after it.
    _shape: Shape,
    folder: TempDir,
}

impl Stores {
    /// `None`: the server cannot be had, and that was said.
    pub(crate) async fn opens(kind: EngineKind) -> Option<Self> {
        let folder = tempfile::tempdir().must("a folder");
        let shape = if kind == EngineKind::Sqlite {
            Shape::embedded_in(folder.path())
        } else {
            let server = TestServer::alone_in(kind, folder.path()).await?;
            Shape::on(server, Isolation::Database, Admin::Superuser).await
        };
        let shop = Sagashop::opens(&shape).await;
        let text = SAGA.replace("SERVICE", &shop.payment.want.service);
        let loaded = read(&text, Path::new("bench.yaml")).must("a definition");
        let orders = &shop.orders;
        Some(Self {
            kind,
            definition: loaded.definition,
            sql: orders.engine.sagas(&orders.want).must("statements"),
            sidecar: login(orders, &orders.want.identities.sidecar).await,
            app: login(orders, &orders.want.identities.app.logins[0]).await,
            shop,
            _shape: shape,
            folder,
        })
    }

    /// Where the store is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn executor(&self, people: Arc<dyn Participants>) -> Executor {
        let settings = Settings {
            poll: Duration::from_millis(2),
            ..Settings::new("bench")
        };
        self.executor_with(people, settings).await
    }

    pub(crate) async fn executor_with(
        &self,
        people: Arc<dyn Participants>,
        settings: Settings,
    ) -> Executor {
        let definitions = [self.definition.clone()];
        let opened = Executor::open(
            self.eyes().await,
            self.sql.clone(),
            &definitions,
            people,
            settings,
            Arc::new(|_| {}),
        );
        let mut executor = opened.await.expect("an executor");
        executor.lead_now().await.expect("it leads");
        executor
    }

    /// As the program that starts sagas.
    pub(crate) async fn program(&self) -> Box<dyn Connection> {
        let connected = self.shop.orders.engine.connect(&self.app).await;
        connected.must("a connection")
    }

    /// As the sidecar.
    pub(crate) async fn eyes(&self) -> Box<dyn Connection> {
        let connected = self.shop.orders.engine.connect(&self.sidecar).await;
        connected.must("a connection")
    }

    /// Starts of these numbers in one statement and one durable transaction.
    pub(crate) async fn start(&self, program: &mut dyn Connection, numbers: Range<usize>) {
        let table = self.own("saga_start");
        let sql = match self.kind {
            EngineKind::Postgres => format!(
                "INSERT INTO {table} (definition, key, input) SELECT 'place_order', 'order-' || n, json_build_object('order_id', 'order-' || n)
 FROM generate_series($1::bigint, $2::bigint) AS n"
            ),
            EngineKind::Sqlite => format!(
                "WITH RECURSIVE s (n, last) AS (SELECT ?1, ?2 UNION ALL SELECT n + 1, last FROM s WHERE n < last)
 INSERT INTO {table} (definition, key, input) SELECT 'place_order', 'order-' || n, json_object('order_id', 'order-' || n) FROM s"
            ),
            _ => format!(
                "INSERT INTO {table} (definition, `key`, input) WITH RECURSIVE s (n, last) AS
 (SELECT CAST(? AS SIGNED), CAST(? AS SIGNED) UNION ALL SELECT n + 1, last FROM s WHERE n < last)
 SELECT 'place_order', CONCAT('order-', n), JSON_OBJECT('order_id', CONCAT('order-', n)) FROM s"
            ),
        };
        if self.kind == EngineKind::Mariadb {
            let deep = "SET SESSION max_recursive_iterations = 100000";
            program.execute(deep).await.must("deep enough");
        }
        let number = |number: usize| Value::I64(i64::try_from(number).unwrap_or(0));
        let args = [number(numbers.start), number(numbers.end - 1)];
        program.begin(TxMode::Durable).await.must("begin");
        program.run(&sql, &args).await.must("starts");
        program.commit().await.done().must("commit");
    }

    pub(crate) async fn ended(&self, eyes: &mut dyn Connection) -> usize {
        self.count(eyes, "ended IS NOT NULL").await
    }

    pub(crate) async fn begun(&self, eyes: &mut dyn Connection) -> usize {
        self.count(eyes, "version > 0").await
    }

    /// As their first transition left them.
    pub(crate) async fn untouched(&self, eyes: &mut dyn Connection) -> usize {
        self.count(eyes, "version = 1").await
    }

    async fn count(&self, eyes: &mut dyn Connection, which: &str) -> usize {
        let table = self.own("saga_instance");
        let sql = format!("SELECT count(*) FROM {table} WHERE {which}");
        let rows = eyes.query(&sql, &[]).await.must("a count");
        let count = rows[0][0].whole().unwrap_or(0);
        usize::try_from(count).unwrap_or(0)
    }

    /// From start to last transition, in milliseconds.
    pub(crate) async fn latencies(&self) -> Vec<f64> {
        let took = match self.kind {
            EngineKind::Postgres => {
                "(extract(epoch FROM i.updated - s.at) * 1000000)::bigint".to_owned()
            }
            _ => "i.updated - s.at".to_owned(),
        };
        let (start, instance) = (self.own("saga_start"), self.own("saga_instance"));
        let sql = format!("SELECT {took} FROM {start} s JOIN {instance} i ON i.saga = s.saga");
        let rows = self.eyes().await.query(&sql, &[]).await.must("latencies");
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a benchmark")]
        let millis = rows
            .iter()
            .map(|row| row[0].whole().unwrap_or(0) as f64 / 1e3);
        millis.collect()
    }

    fn own(&self, name: &str) -> String {
        self.shop.orders.want.spot.own(name)
    }

    /// So many sagas that wait for an operator, in a file.
    pub(crate) async fn park(&self, sagas: usize) {
        let prepared = Prepared::new(self.definition.clone());
        let input = json!({ "order_id": "order-0" });
        let mut it = Instance::new(&prepared, SagaId::random().to_string(), "k".into(), input);
        let begun = it.advance::<Sound>(&prepared, 0, &Event::Begin, None);
        it = begun.expect("legal").0;
        it.state.steps[0].parked = Some(Parked::Exhausted);
        assert_eq!(it.state.status(), Status::Parked);
        let sql = format!(
            "WITH RECURSIVE s (n, last) AS (SELECT ?1, ?2 UNION ALL SELECT n + 1, last FROM s WHERE n < last)
 INSERT INTO {} (saga, share, definition, version, state, summary)
 SELECT printf('00000000-0000-4000-8000-%012x', n), n & 63, ?3, ?4, ?5, '{{}}' FROM s",
            self.own("saga_instance")
        );
        let number = |number: usize| Value::I64(i64::try_from(number).unwrap_or(0));
        let mut eyes = self.eyes().await;
        for first in (0..sagas).step_by(PARKED_AT_ONCE) {
            let args = [
                number(first),
                number(sagas.min(first + PARKED_AT_ONCE) - 1),
                self.definition.hash.as_str().into(),
                Value::I64(i64::try_from(it.state.version).unwrap_or(0)),
                Value::Bytes(encode_instance(&it)),
            ];
            eyes.run(&sql, &args).await.must("parked sagas");
        }
    }

    /// Where a participant of its own writes.
    pub(crate) async fn participant(&self) -> Endpoint {
        let payment = &self.shop.payment;
        login(payment, &payment.want.identities.app.logins[0]).await
    }
}
