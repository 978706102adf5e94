//! What of the event plane stands in a store: wished for in [`crate::Want`], and the statements
//! with which an engine keeps it. The algorithms are in `events` and `bookkeeping`.

use std::collections::BTreeMap;
use std::time::Duration;

use freehold_model::{AdoptedOutbox, Fault};
use freehold_readmodel::{Plan as ReadModelPlan, ReadModelSql};
use serde::Serialize;

use crate::live::Live;
use crate::read_model::WorkSql;
use crate::saga::SagaWant;

/// The event plane of one store as described. Empty: the store neither publishes nor keeps copies,
/// and none of freehold's tables for it are made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plane {
    /// The store has an outbox.
    pub publishes: bool,
    /// Event → SELECT of today's rows as (key, payload), for those who begin a copy.
    pub snapshots: BTreeMap<String, String>,
    /// Outbox tables of the service's own, by table: what is inserted there goes into ours as well.
    pub adopted: BTreeMap<String, AdoptedOutbox>,
    /// Copies by table. The sidecar writes them, the program reads them.
    pub copies: BTreeMap<String, CopyWant>,
    /// Read models over the copies, by the name of their view.
    pub read_models: BTreeMap<String, ReadModelPlan>,
    /// Its part in sagas, which has tables of its own.
    pub sagas: SagaWant,
}

impl Plane {
    /// Is there anything to make for events?
    pub fn is_empty(&self) -> bool {
        !self.publishes && self.copies.is_empty()
    }
}

/// What adopted outboxes lack in the store: tables not there (yet), and columns without which they
/// cannot be read. An engine that forwards their rows tells of both.
pub fn adopted_faults(label: &str, plane: &Plane, live: &Live) -> (Vec<Fault>, Vec<Fault>) {
    let (mut refused, mut advisory) = (Vec::new(), Vec::new());
    for (table, adopted) in &plane.adopted {
        let Some(found) = live.tables.get(table).filter(|found| !found.view) else {
            let message = format!("{label}: the outbox `{table}` is not in the store yet");
            advisory.push(Fault::new("FH3136", message).help(
                "a migration makes it, then the next apply adopts it; else its name is wrong",
            ));
            continue;
        };
        let there = |column: &str| found.columns.iter().any(|own| own == column);
        let missing: Vec<&str> = adopted
            .columns()
            .into_iter()
            .filter(|it| !there(it))
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "{label}: the outbox `{table}` has no column {}",
                missing.join(", ")
            );
            refused.push(
                Fault::new("FH3137", message).help(format!("it has {}", found.columns.join(", "))),
            );
        }
    }
    (refused, advisory)
}

/// One copy: which columns are filled, and which of them decide what is newer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyWant {
    /// The service that publishes the event.
    pub service: String,
    /// The event: `book.changed.v1`.
    pub event: String,
    /// Columns of the key; primary key of the table, or unique.
    pub key: Vec<String>,
    /// Where an event makes several rows, which come and go together: the first columns of the key,
    /// which name the entity. Then there is [`CopyWant::position`], and it decides what is newer.
    pub several: Option<Vec<String>>,
    /// All other columns that are filled from fields.
    pub columns: Vec<String>,
    /// Column of the source's own version: the larger wins.
    pub version: Option<String>,
    /// Column of the event's position as text that sorts: the larger wins.
    pub position: Option<String>,
    /// Column of the source's name.
    pub source: Option<String>,
    /// Column of the event's time.
    pub occurred_at: Option<String>,
}

impl CopyWant {
    /// Columns that name the entity that an event tells of.
    pub fn entity(&self) -> &[String] {
        self.several.as_deref().unwrap_or(&self.key)
    }

    /// The column that decides which of two rows is newer.
    pub fn newer(&self) -> Option<&String> {
        let version = self.version.as_ref().filter(|_| self.several.is_none());
        version.or(self.position.as_ref())
    }

    /// Every column that the sidecar fills, each once, the key first.
    pub fn filled(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.key.iter().map(String::as_str).collect();
        let rest = self.columns.iter().map(String::as_str);
        let origin = [
            &self.version,
            &self.position,
            &self.source,
            &self.occurred_at,
        ];
        for column in rest.chain(origin.into_iter().flatten().map(String::as_str)) {
            if !all.contains(&column) {
                all.push(column);
            }
        }
        all
    }
}

/// A row of the outbox, as its relay reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Given after the key's slot was locked: within a key, the order of commits.
    pub id: i64,
    /// The event's own id.
    pub event_id: [u8; 16],
    /// The event's name: `book.changed.v1`.
    pub topic: String,
    /// What orders it.
    pub key: String,
    /// The key's lane, 0 to 63.
    pub lane: u8,
    /// JSON text; `None`: the entity is gone.
    pub payload: Option<String>,
    /// JSON object of texts.
    pub headers: Option<String>,
    /// Microseconds since 1970, by the store's clock.
    pub occurred_at: i64,
}

/// What one look at the outbox found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Polled {
    /// Rows that were not seen before this cursor, in publishing order.
    pub rows: Vec<OutboxRow>,
    /// Where the next look goes on. The engine's own text; means nothing elsewhere.
    pub cursor: String,
    /// False: there is more to be had at once.
    pub last_page: bool,
}

/// Whether a sleeping relay will be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// A commit ends the next [`crate::Connection::wait_outbox`] at once.
    Armed,
    /// Nobody will say: look again after this long.
    Deaf(Duration),
}

/// One engine's statements for the event plane of one store, with that engine's placeholders.
///
/// Arguments named `rows` or `ids` are one text, a JSON array. Texts compare by bytes. Times are
/// microseconds since 1970 by the store's clock. None of them begins or ends a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventSql {
    /// The store's clock, and what tells one life of the store from another: two columns.
    pub identity: String,

    /// (holder, epoch, alive, now) of a leadership, locked until the transaction ends; no row: nobody ever led.
    /// Arguments: name.
    pub lead_read: String,
    /// Inserts or replaces a leadership. Arguments: name, holder, epoch, term in microseconds.
    pub lead_put: String,
    /// A row if this epoch still leads; it stays so until the transaction ends. Arguments: name, epoch.
    pub lead_fence: String,

    /// All incarnations, newest last: (number, token, fingerprint, base). No arguments.
    pub incarnations: String,
    /// Adds one. Arguments: number, token, fingerprint, base.
    pub incarnation_put: String,

    /// Batch records from the newest backwards, at most as many as the argument says: (batch,
    /// incarnation, epoch, cursor, ids, digest, prevs, pending, last page).
    pub batches: String,
    /// Batch records not wholly acknowledged, oldest first; the same columns. No arguments.
    pub batches_open: String,
    /// Inserts a record; fails with `Unique` where another relay was first. Arguments: the columns.
    pub batch_put: String,
    /// Batch records from this one on, oldest first; the same columns. Arguments: batch, how many.
    pub batches_from: String,
    /// Sets what is still to be acknowledged. Arguments: batch, pending.
    pub batch_pending: String,
    /// Deletes acknowledged records below a batch. Arguments: batch.
    pub batch_forget: String,
    /// The relay's records stand in a file of their own: the store's can be put back without it.
    pub records_apart: bool,
    /// Deletes all records above a batch, which are of a life that is gone. Arguments: batch.
    pub batch_lost: String,
    /// (batch, ids) of acknowledged records older than an age, oldest first. Arguments: age in
    /// microseconds, how many.
    pub batches_old: String,

    /// Last positions by topic: (topic, heads). No arguments.
    pub heads: String,
    /// Inserts or replaces. Arguments: topic, heads.
    pub head_put: String,

    /// Outbox rows by id, in publishing order; columns as [`OutboxRow`] without the lane: id, event
    /// id as 32 hex digits, topic, key, payload, headers, time. Arguments: ids.
    pub outbox_by_id: String,
    /// Deletes outbox rows. Arguments: ids.
    pub outbox_delete: String,
    /// How many rows the outbox has, at most 10,001. No arguments.
    pub outbox_count: String,
    /// Inserts an event as the sidecar. Arguments: topic, key, payload.
    pub outbox_put: String,

    /// Watermarks of a source, locked until the transaction ends: (topic, lane, position).
    /// Arguments: source.
    pub watermarks: String,
    /// Inserts or replaces watermarks. Arguments: source, rows of {t, l, p}.
    pub watermark_put: String,

    /// Parked keys of a source: (key). Arguments: source.
    pub parked_keys: String,
    /// Parks events. Arguments: source, rows of {p, t, k, e, c, m}: position, topic, key, event id,
    /// cause, message.
    pub park: String,
    /// Parked events in order: (position, topic, key, event id, cause, message, since, tries).
    /// Arguments: source, key; an empty key: all.
    pub parked: String,
    /// Takes one out. Arguments: source, position.
    pub unpark: String,
    /// Replaces the message of one and counts a try. Arguments: source, position, cause, message.
    pub parked_edit: String,
    /// Leaves one out: nothing waits behind it any more, and none of the statements above gives it.
    /// Arguments: source, position, cause.
    pub leave_out: String,
    /// What was left out, in order: (position, topic, key, cause). An empty key: events that nobody
    /// has any more. Arguments: source.
    pub left_out: String,
    /// Forgets what was left out of a key. Arguments: source, key.
    pub settle_key: String,
    /// Forgets what was left out of a topic. Arguments: source, topic.
    pub settle_topic: String,

    /// What was heard of a source: (source, position, ticked at, seen at, now). No arguments.
    pub freshness: String,
    /// Inserts or replaces; `seen at` is the store's clock. Arguments: source, position, ticked at.
    pub fresh_put: String,

    /// Writes rows of a copy where they are newer than what is there and than its tombstone, by
    /// statements one after the other. By table. Arguments of each: rows of {column: value, …,
    /// `freehold_key`: key, `freehold_stamp`: position}; a key stands in them once, or as often as
    /// an event makes rows of it. These are all rows of the entity: others go.
    pub copy_put: BTreeMap<String, Vec<String>>,
    /// Removes rows of a copy and leaves tombstones, by statements one after the other. By table.
    /// Arguments of each: rows of {columns that name the entity, `freehold_key`, `freehold_stamp`}.
    pub copy_delete: BTreeMap<String, Vec<String>>,

    /// Puts rows of a copy whatever is there, by statements one after the other. By table. Arguments
    /// as of [`EventSql::copy_put`].
    pub copy_force: BTreeMap<String, Vec<String>>,
    /// Removes rows of a copy whose keys, as text that compares by bytes, are above the first key
    /// and up to the second (empty: no bound), and that are not among `rows`; leaves tombstones.
    /// By table, for keys of one column only. Arguments of each: rows of {column: value, …}, first
    /// key, second key, stamp.
    pub copy_rest: BTreeMap<String, Vec<String>>,
    /// Forgets tombstones of a copy that are above the first position and not above the second, but
    /// no key's of which something is parked. Arguments: copy, first, second, source.
    pub tombstones_go: String,
    /// Today's rows of an event in the order of their keys' bytes: (key, payload). By event.
    /// Arguments: the key behind which to begin, how many.
    pub snapshots: BTreeMap<String, String>,
    /// How far each copy was filled: (copy, source, state, cursor, stamp, rows). No arguments.
    pub fills: String,
    /// Inserts or replaces one. Arguments: the columns.
    pub fill_put: String,

    /// Notes what became of events; what is noted already stays. Arguments: source, rows of {e, a, h}:
    /// event, time in microseconds by the source's clock, `applied`, `covered`, `skipped` or `filled`.
    pub passed_put: String,
    /// Forgets notes that are older. Arguments: source, time.
    pub passed_forget: String,
    /// What became of what a token names: (source, topic, event, state, key), by
    /// [`crate::Reached`]. Arguments: the token.
    pub reached: String,

    /// A row if this epoch still leads, and nobody else begins to write until the transaction ends:
    /// what keeps read models takes it first. Arguments: name, epoch.
    pub lead_lock: String,
    /// By read model.
    pub read_models: BTreeMap<String, ReadModelSql>,
    /// What of read models is still to be done.
    pub read_work: WorkSql,

    /// Notes an operator's action. Arguments: who, what, detail.
    pub note: String,
}
