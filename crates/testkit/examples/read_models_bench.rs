//! What keeping a read model costs: events into the copies of a two-way join on PostgreSQL, in
//! batches, beside the same events into the same copies without a read model (`limit`), over tables
//! of several sizes: `postgres-readmodel-1000`, … Prints a JSON row per case.
//!
//! A tenth of the events moves a customer with ten orders. `us_per_row` is the time for each row of
//! the join that was made anew. `p50_ms` and `p99_ms`: from the moment at which an event is there for
//! the applier until its effect is committed, at half of the rate measured before.
//!
//! Arguments: orders that are there before (several, parted by commas), events of each case.

use std::collections::BTreeMap;
use std::io::Write as _;
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
    let shop = Shop { size, events };
    let kept = shop.run(&mut ground, epoch, 2).await?;
    let mut times = shop.paced(&mut ground, epoch, kept / 2.0).await?;
    times.sort();
    ground.sql.read_models.clear();
    let plain = shop.run(&mut ground, epoch, 1_000_000_000).await?;
    let quantile = |part: usize| {
        let time = times[(times.len() - 1) * part / 100];
        (time.as_secs_f64() * 10_000.0).round() / 10.0
    };
    let row = json!({
        "case": format!("postgres-readmodel-{size}"),
        "events": events,
        "events_per_s": kept.round(),
        "limit": plain.round(),
        // Nine orders, and the ten of a customer.
        "us_per_row": (1_000_000.0 / kept / 1.9 * 10.0).round() / 10.0,
        "p50_ms": quantile(50),
        "p99_ms": quantile(99),
        "fdatasync_us": sync()?,
    });
    #[expect(clippy::print_stdout, reason = "what a bench is for")]
    {
        println!("{row}");
    }
    Ok(())
}

/// How many orders there are before, and how many events come.
struct Shop {
    size: i64,
    events: i64,
}

impl Shop {
    /// Nine orders, new or changed, to one customer that moves.
    fn add(&self, changes: &mut BTreeMap<String, Changes>, event: i64, version: i64) {
        // Spread over the whole table, and some behind its end.
        let id = (event * 7_919) % (self.size + self.size / EACH) + 1;
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

    /// Events in a second, in full batches.
    async fn run(&self, ground: &mut Ground, epoch: Epoch, version: i64) -> Result<f64, Failure> {
        let begun = Instant::now();
        let mut event = 0;
        while event < self.events {
            let mut changes = BTreeMap::new();
            for _ in 0..BATCH {
                event += 1;
                self.add(&mut changes, event, version);
            }
            apply(ground, epoch, changes).await?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        Ok(event as f64 / begun.elapsed().as_secs_f64())
    }

    /// How long each event takes, when they come at this rate and each batch takes what is there.
    async fn paced(
        &self,
        ground: &mut Ground,
        epoch: Epoch,
        rate: f64,
    ) -> Result<Vec<Duration>, Failure> {
        let gap = Duration::from_secs_f64(1.0 / rate);
        let most = usize::try_from(self.events / 2)?;
        let begun = Instant::now();
        let mut times = Vec::new();
        let mut event = 0;
        while times.len() < most {
            let mut changes = BTreeMap::new();
            let mut due = Vec::new();
            for _ in 0..BATCH {
                let at = begun + gap * u32::try_from(event)?;
                if at > Instant::now() {
                    break;
                }
                event += 1;
                due.push(at);
                self.add(&mut changes, event, 500_000_000);
            }
            if due.is_empty() {
                tokio::time::sleep(Duration::from_micros(200)).await;
                continue;
            }
            apply(ground, epoch, changes).await?;
            times.extend(due.into_iter().map(|at| at.elapsed()));
        }
        Ok(times)
    }
}

/// One transaction, as the applier's.
async fn apply(
    ground: &mut Ground,
    epoch: Epoch,
    changes: BTreeMap<String, Changes>,
) -> Result<(), Failure> {
    ground.connection.begin(TxMode::Write).await?;
    read_models::lock(ground, epoch).await?;
    read_models::change(ground, changes).await?;
    ground.connection.commit().await.done()?;
    Ok(())
}

/// The median of this disk's sync, in microseconds.
fn sync() -> Result<u128, Failure> {
    let path = std::env::temp_dir().join(format!("freehold-sync-{}", std::process::id()));
    let mut file = std::fs::File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        file.write_all(&[7; 4_096])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    std::fs::remove_file(&path)?;
    times.sort();
    Ok(times[times.len() / 2].as_micros())
}
