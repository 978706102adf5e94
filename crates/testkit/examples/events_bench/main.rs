//! How fast events go from a service's store into another's copy on this machine, beside what the
//! same machine does without the step that is measured. Started by `cargo xtask bench events` as a
//! release build; prints a JSON row per case.
//!
//! `cpu_us` is what this process spent per event, the store's server apart; `peak_mib` what it held at
//! most so far.
//!
//! - `…-live`: writers as fast as they can, the relay beside them. `limit`: the same inserts into a
//!   table without triggers and without a relay. Times: from the insert until a reader of the broker
//!   has it.
//! - `…-drain`: a backlog to the broker. `limit`: reading it only. `…-copies`: from the broker into
//!   a copy; no limit.
//! - `…-paced`: half of the live rate, `…-idle`: single events; from the commit until the consumer's
//!   program sees it, by a look each quarter of a millisecond. `limit`: three times the disk's sync,
//!   in events per second of one after the other.
//! - `…-neighbour-idle`, `…-neighbour-writes`: paced, while another database of the same server sits
//!   in a write transaction, or writes 30 MB a second (what it came to goes to stderr).

mod brokers;
mod cases;
mod figures;
mod noise;
mod stores;

use brokers::Place;
use stores::Pair;

/// What goes wrong ends the bench.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was asked for.
pub(crate) struct Asked {
    /// The backlog of `drain`.
    pub(crate) events: u64,
    /// How long `live` and `paced` take.
    pub(crate) seconds: u64,
    /// Cases whose names begin with this.
    only: String,
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().unwrap_or_default();
    let asked = Asked {
        events: next().parse()?,
        seconds: next().parse()?,
        only: next(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(bench(&asked))
}

async fn bench(asked: &Asked) -> Result<(), Failure> {
    for engine in ["postgres", "sqlite", "mariadb"] {
        for broker in ["embedded", "nats", "rabbitmq", "kafka"] {
            let prefix = format!("{engine}-{broker}");
            if !prefix.starts_with(&asked.only) && !asked.only.starts_with(&prefix) {
                continue;
            }
            let (Some(place), Some(pair)) = (Place::of(broker).await?, Pair::on(engine).await?)
            else {
                continue;
            };
            let rows = cases::Cases {
                prefix,
                asked,
                place,
                pair,
                sync: figures::Sync::measured()?,
            };
            Box::pin(rows.run()).await?;
        }
    }
    Ok(())
}
