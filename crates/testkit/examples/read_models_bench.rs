//! What keeping a read model costs: events into the copies of a two-way join on PostgreSQL, in
//! batches, beside the same events into the same copies without a read model, over tables of several
//! sizes. Prints a JSON row per case: `events_per_s`, and `plain` for the same without the model.
//!
//! Arguments: orders that are there before (several, parted by commas), events of each case.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use freehold_bookkeeping::{Epoch, lead};
use freehold_engine::TxMode;
use freehold_events::{APPLIER, Change, Changes, Ground, read_models};
use freehold_model::{EngineKind, Isolation};
use freehold_testkit::readshop::{Asked, Copied, open_read_shop, read_shop};
use freehold_testkit::{Admin, Shape, bookshop};
use serde_json::json;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Orders of one customer, on average.
const EACH: i64 = 10;
/// Events of one transaction.
const BATCH: i64 = 1_000;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let sizes = args.next().unwrap_or_else(|| "1000,100000".to_owned());
    let events: i64 = args.next().unwrap_or_else(|| "20000".to_owned()).parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    for size in sizes.split(',') {
        runtime.block_on(case(size.parse()?, events))?;
    }
    Ok(())
}

async fn case(size: i64, events: i64) -> Result<(), Failure> {
    let shape = Shape::ready(EngineKind::Postgres, Isolation::Database, Admin::Superuser).await;
    let Some(shape) = shape else {
        return Err("PostgreSQL is not installed".into());
    };
    let columns = |names: &[(&str, &'static str)]| {
        let pairs = names.iter().map(|(name, kind)| ((*name).to_owned(), *kind));
        pairs.collect::<Vec<_>>()
    };
    let copies = [
        Copied {
            table: "orders".to_owned(),
            key: columns(&[("order_id", "BIGINT NOT NULL")]),
            columns: columns(&[("customer_id", "BIGINT"), ("total_cents", "BIGINT")]),
            items: false,
        },
        Copied {
            table: "customers".to_owned(),
            key: columns(&[("customer_id", "BIGINT NOT NULL")]),
            columns: columns(&[("country", "VARCHAR(40)")]),
            items: false,
        },
    ];
    let from = [("o", "orders"), ("c", "customers")];
    let model = Asked {
        name: "order_search".to_owned(),
        from: from.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec(),
        select: "SELECT o.order_id, o.customer_id, o.total_cents, coalesce(c.country, 'unknown') AS country FROM o LEFT JOIN c ON c.customer_id = o.customer_id".to_owned(),
    };
    let target = read_shop(&shape, &format!("bench_{size}"), &copies, &[model])
        .map_err(|faults| format!("{faults:?}"))?;
    let target = open_read_shop(target).await;
    let at = target.engine.at_store(&target.admin, &target.want.spot);
    let mut admin = target.engine.connect(&at).await?;
    for sql in [
        format!(
            "INSERT INTO orders SELECT n, n / {EACH}, n, 1 FROM generate_series(1, {size}) AS n"
        ),
        format!(
            "INSERT INTO customers SELECT n, 'DE', 1 FROM generate_series(0, {}) AS n",
            size / EACH
        ),
    ] {
        admin.execute(&sql).await?;
    }
    let want = target.want.clone();
    let sql = target.engine.events(&want).ok_or("no events")?;
    let mut ground = Ground {
        connection: bookshop::enter(&target, &want.identities.sidecar).await,
        want,
        sql,
    };
    let term = Duration::from_hours(1);
    let led = lead(
        &mut *ground.connection,
        &ground.sql,
        APPLIER,
        "bench",
        None,
        term,
    );
    let epoch = led.await?.ok_or("somebody else leads")?;
    while let Some(work) = read_models::work(&mut ground).await?.into_iter().next() {
        ground.connection.begin(TxMode::Write).await?;
        read_models::lock(&mut ground, epoch).await?;
        read_models::work_some(&mut ground, &work).await?;
        ground.connection.commit().await.done()?;
    }
    for sql in ["ANALYZE orders", "ANALYZE customers"] {
        admin.execute(sql).await?;
    }
    let kept = run(&mut ground, epoch, size, events, 2).await?;
    ground.sql.read_models.clear();
    let plain = run(&mut ground, epoch, size, events, 1_000_000).await?;
    let row = json!({
        "case": format!("postgres-read-model-{size}"),
        "events_per_s": kept.round(),
        "plain": plain.round(),
    });
    #[expect(clippy::print_stdout, reason = "what a bench is for")]
    {
        println!("{row}");
    }
    Ok(())
}

/// Nine orders, new or changed, to one customer that moves. Events in a second.
async fn run(
    ground: &mut Ground,
    epoch: Epoch,
    size: i64,
    events: i64,
    version: i64,
) -> Result<f64, Failure> {
    let begun = Instant::now();
    let mut event = 0;
    while event < events {
        let mut changes: BTreeMap<String, Changes> = BTreeMap::new();
        for _ in 0..BATCH {
            event += 1;
            // Spread over the whole table, and some behind its end.
            let id = (event * 7_919) % (size + size / EACH) + 1;
            let (table, key, row) = if event % 10 == 0 {
                let row = json!({"customer_id": id / EACH, "country": "FR"});
                ("customers", id / EACH, row)
            } else {
                let row = json!({"order_id": id, "customer_id": id / EACH, "total_cents": event});
                ("orders", id, row)
            };
            let mut row = row.as_object().cloned().unwrap_or_default();
            row.insert("version".to_owned(), json!(version + event));
            row.insert("freehold_key".to_owned(), json!(key.to_string()));
            row.insert("freehold_stamp".to_owned(), json!(format!("{event:020}")));
            let of = changes.entry(table.to_owned()).or_default();
            of.add(&key.to_string(), Change::Put(row));
        }
        ground.connection.begin(TxMode::Write).await?;
        read_models::lock(ground, epoch).await?;
        read_models::change(ground, changes).await?;
        ground.connection.commit().await.done()?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(event as f64 / begun.elapsed().as_secs_f64())
}
