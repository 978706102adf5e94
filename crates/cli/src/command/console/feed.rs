//! What a service sent lately, and what of it nobody has acknowledged, as the console shows it.
//!
//! Read from the relay's records and the rows that they name: nothing is asked of the broker, and
//! nothing is written. A payload whose contract cannot be read is not shown: what is personal in it
//! is not known.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use freehold_console::moment::{EventKind, Lane, LaneKind, Payload, Way, WayStep};
use freehold_engine::{TxMode, Value};
use freehold_events::Ground;
use freehold_look::number::real;
use freehold_model::{Fault, Service};
use serde_json::Value as Json;

/// Records and rows of one look; of more, the newest are read.
const RECORDS: i64 = 500;
const ROWS: usize = 1_000;
/// So many of the newest of each kind are shown.
const SHOWN: usize = 50;
/// Rates are over a minute.
const MINUTE_MS: u64 = 60_000;
/// Rows that are counted as waiting; more are not looked for.
const WAITING: usize = 2_000;

/// Of one service, kept from look to look.
#[derive(Default)]
pub(super) struct Feed {
    /// The newest record that was read.
    upto: Option<i64>,
    /// When was looked, and how many of each event there were since the look before.
    counts: VecDeque<(u64, BTreeMap<String, f64>)>,
    sent: VecDeque<Sent>,
    /// The relay's records are in reach of the connection.
    reaches: bool,
    /// Paths of personal fields by event; nothing: they are not known.
    personal: BTreeMap<String, Option<Vec<String>>>,
}

/// What was seen last.
#[derive(Debug, Clone, Default)]
pub(super) struct Fed {
    /// Of each event that was sent in the last minute; nothing: not measured yet.
    pub(super) per_second: Option<BTreeMap<String, f64>>,
    /// Events a second of all, look by look.
    pub(super) trend: Vec<(u64, f64)>,
    pub(super) waiting: u64,
    pub(super) oldest_ms: Option<u64>,
    pub(super) sent: Vec<Sent>,
}

/// One event of an outbox.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    id: String,
    event: String,
    key: String,
    micros: u64,
    batch: i64,
    row: i64,
    trace: String,
    payload: Option<Payload>,
    gone: bool,
}

impl Feed {
    /// Asks a store that publishes.
    pub(super) async fn look(
        &mut self,
        ground: &mut Ground,
        of: (&Service, &Path),
        now: u64,
    ) -> Result<Fed, Vec<Fault>> {
        let looked = self.try_look(ground, of, now).await;
        self.reaches = looked.is_ok();
        if looked.is_err() && !ground.connection.broken() {
            // Of several errors the first is told.
            let _ = ground.connection.rollback().await;
        }
        looked.map_err(|error| vec![error.fault()])
    }

    async fn try_look(
        &mut self,
        ground: &mut Ground,
        (service, root): (&Service, &Path),
        now: u64,
    ) -> freehold_engine::Result<Fed> {
        if ground.sql.records_apart && !self.reaches {
            // They stand in a file of their own, which is opened by whoever begins as the relay does.
            ground.connection.begin(TxMode::Relay).await?;
            ground.connection.rollback().await?;
        }
        let newest = ground
            .connection
            .query(&ground.sql.batches, &[Value::I64(1)]);
        let newest = newest.await?;
        let cursor = newest.first().and_then(|row| row.get(3)?.text());
        let cursor = cursor.unwrap_or_default().to_owned();
        let newest = newest.first().and_then(|row| row.first()?.int());
        match (self.upto, newest) {
            // From here on.
            (None, _) => self.upto = Some(newest.unwrap_or(0)),
            (Some(upto), Some(newest)) if newest != upto => {
                // One whose store was put back begins again.
                let from = if newest < upto { newest } else { upto + 1 };
                self.read(ground, (service, root), from, now).await?;
                self.upto = Some(newest);
            }
            _ => self.count(now, BTreeMap::new()),
        }
        let (waiting, oldest) = waiting(ground, service, &cursor).await?;
        Ok(Fed {
            per_second: self.per_second(now),
            trend: self.trend(),
            waiting,
            oldest_ms: oldest.map(|at| now.saturating_sub(at)),
            sent: self.sent.iter().cloned().collect(),
        })
    }

    async fn read(
        &mut self,
        ground: &mut Ground,
        (service, root): (&Service, &Path),
        from: i64,
        now: u64,
    ) -> freehold_engine::Result<()> {
        let args = [Value::I64(from), Value::I64(RECORDS)];
        let records = ground.connection.query(&ground.sql.batches_from, &args);
        let records = records.await?;
        let mut batches = BTreeMap::new();
        for row in &records {
            let batch = row.first().and_then(Value::int).unwrap_or(0);
            let named = row.get(4).and_then(Value::text).unwrap_or_default();
            batches.extend(ids(named).map(|id| (id, batch)));
        }
        let all = batches.len();
        let read: Vec<i64> = batches.keys().rev().take(ROWS).copied().collect();
        let asked = serde_json::to_string(&read).unwrap_or_default();
        let rows = ground
            .connection
            .query(&ground.sql.outbox_by_id, &[asked.into()])
            .await?;
        let share = real(all as u64) / real(read.len().max(1) as u64);
        let mut counts: BTreeMap<String, f64> = BTreeMap::new();
        for row in &rows {
            // A source also says that it is alive: that is no event of the service.
            let ours = |own: &Sent| service.publishes.contains_key(&own.event);
            let Some(mut sent) = sent(row, &batches).filter(ours) else {
                continue;
            };
            *counts.entry(sent.event.clone()).or_default() += share;
            let known = self.personal.entry(sent.event.clone());
            let personal = known.or_insert_with(|| of_contract(service, root, &sent.event));
            let text = row.get(4).and_then(Value::text).unwrap_or("null");
            sent.payload = personal
                .clone()
                .and_then(|paths| Some(Payload::new(serde_json::from_str(text).ok()?, paths)));
            self.sent.push_front(sent);
        }
        // One kind that comes often does not push the others out.
        let mut of_kind: BTreeMap<String, usize> = BTreeMap::new();
        self.sent.retain(|own| {
            let count = of_kind.entry(own.event.clone()).or_default();
            *count += 1;
            *count <= SHOWN
        });
        self.count(now, counts);
        Ok(())
    }

    fn count(&mut self, now: u64, counts: BTreeMap<String, f64>) {
        self.counts.push_back((now, counts));
        while self.counts.len() > 1 && self.counts[0].0 + MINUTE_MS < now {
            self.counts.pop_front();
        }
    }

    fn per_second(&self, now: u64) -> Option<BTreeMap<String, f64>> {
        let since = self.counts.front()?.0;
        let seconds = real(now.saturating_sub(since)) / 1000.0;
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        // What the first look found is of the time before it.
        for (event, count) in self.counts.iter().skip(1).flat_map(|own| &own.1) {
            *sums.entry(event.clone()).or_default() += count;
        }
        for own in sums.values_mut() {
            *own /= seconds.max(1.0);
        }
        (seconds > 0.0).then_some(sums)
    }

    fn trend(&self) -> Vec<(u64, f64)> {
        let pairs = self.counts.iter().zip(self.counts.iter().skip(1));
        let rates = pairs.map(|((before, _), (at, counts))| {
            let seconds = real(at.saturating_sub(*before)) / 1000.0;
            (*at, counts.values().sum::<f64>() / seconds.max(0.1))
        });
        rates.collect()
    }
}

/// Rows that no broker has acknowledged: recorded ones, and those that nobody has read yet. When the
/// oldest of the latter was written.
async fn waiting(
    ground: &mut Ground,
    service: &Service,
    cursor: &str,
) -> freehold_engine::Result<(u64, Option<u64>)> {
    let open = ground.connection.query(&ground.sql.batches_open, &[]);
    let open = open.await?;
    let recorded = open.iter().filter_map(|row| row.get(4)?.text());
    let recorded: usize = recorded.map(|own| ids(own).take(WAITING).count()).sum();
    ground.connection.begin(TxMode::ReadOnly).await?;
    let polled = ground.connection.poll_outbox(&ground.want, cursor, WAITING);
    let polled = polled.await;
    ground.connection.rollback().await?;
    let mut rows = polled?.rows;
    rows.retain(|own| service.publishes.contains_key(&own.topic));
    let oldest = rows.iter().map(|own| own.occurred_at / 1000).min();
    Ok((
        (recorded + rows.len()) as u64,
        oldest.and_then(|at| u64::try_from(at).ok()),
    ))
}

/// `5-9,12`, as a record names its rows.
fn ids(text: &str) -> impl Iterator<Item = i64> {
    text.split(',').flat_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        match (first.parse::<i64>(), last.parse::<i64>()) {
            (Ok(first), Ok(last)) => first..last.saturating_add(1),
            _ => 0..0,
        }
    })
}

fn sent(row: &[Value], batches: &BTreeMap<i64, i64>) -> Option<Sent> {
    let text = |at: usize| row.get(at)?.text();
    let id = row.first()?.int()?;
    let headers: Json = serde_json::from_str(text(5).unwrap_or("{}")).unwrap_or_default();
    let context = headers["traceparent"].as_str().unwrap_or_default();
    Some(Sent {
        id: text(1)?.replace('-', ""),
        event: text(2)?.to_owned(),
        key: text(3)?.to_owned(),
        micros: u64::try_from(row.get(6)?.whole()?).ok()?,
        batch: batches.get(&id).copied().unwrap_or(0),
        row: id,
        trace: context.split('-').nth(1).unwrap_or_default().to_owned(),
        payload: None,
        gone: text(4).is_none(),
    })
}

/// The paths that an event's contract marks as personal.
fn of_contract(service: &Service, root: &Path, event: &str) -> Option<Vec<String>> {
    let file = root.join(&service.publishes.get(event)?.schema);
    let schema: Json = serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()?;
    let mut paths = Vec::new();
    personal(&schema, "", &mut paths)?;
    Some(paths)
}

/// Nothing: the contract points elsewhere, so that not all of it is known.
fn personal(schema: &Json, at: &str, paths: &mut Vec<String>) -> Option<()> {
    let Json::Object(words) = schema else {
        return Some(());
    };
    if schema["personal"] == true {
        paths.push(at.to_owned());
        return Some(());
    }
    for (word, below) in words {
        match (word.as_str(), below) {
            ("$ref" | "$dynamicRef", _) => return None,
            ("properties", Json::Object(fields)) => {
                for (name, own) in fields {
                    let at = if at.is_empty() {
                        name.clone()
                    } else {
                        format!("{at}.{name}")
                    };
                    personal(own, &at, paths)?;
                }
            }
            ("examples" | "default" | "const" | "enum", _) => {}
            // Fields without a name of their own.
            ("patternProperties" | "additionalProperties", Json::Object(_)) => {
                let mut inside = Vec::new();
                personal(below, "", &mut inside)?;
                if below.to_string().contains("\"personal\"") {
                    paths.push(at.to_owned());
                }
            }
            (_, Json::Object(_)) => personal(below, at, paths)?,
            (_, Json::Array(all)) => {
                for own in all {
                    personal(own, at, paths)?;
                }
            }
            _ => {}
        }
    }
    Some(())
}

impl Sent {
    /// One of this kind?
    pub(super) fn is_of(&self, kind: &EventKind) -> bool {
        self.event == kind.name
    }

    /// Its way, as far as its own store tells it.
    pub(super) fn way(
        &self,
        service: &Service,
        (tile, kind, broker): (&str, &EventKind, &str),
    ) -> Way {
        let published = service.publishes.get(&self.event);
        let key = published.map_or("key", |own| own.key.as_str());
        let slos = kind.readers.iter().filter_map(|own| own.slo_ms);
        Way {
            id: self.id.clone(),
            event: self.event.clone(),
            from: service.name.clone(),
            about: format!("{} {}", word_of(key), self.key),
            key: format!("{key} = {}", self.key),
            committed_at: self.micros / 1000,
            tenths: self.micros % 1000 / 100,
            slo_ms: slos.min_by(f64::total_cmp),
            readers: kind.readers.len() as u64,
            untold: true,
            broker: broker.to_owned(),
            broker_detail: "durable there before it is marked here".to_owned(),
            contract: self.event.clone(),
            contract_detail: published
                .map(|own| own.schema.display().to_string())
                .unwrap_or_default(),
            trace: self.trace.clone(),
            lanes: vec![Lane {
                kind: LaneKind::Source,
                name: service.name.clone(),
                detail: "its transaction".to_owned(),
                tile: tile.to_owned(),
                ..Lane::default()
            }],
            steps: vec![WayStep {
                place: service.name.clone(),
                what: "Committed with the change that it tells".to_owned(),
                evidence: format!("row {} of `freehold_outbox`", self.row),
                ..WayStep::default()
            }],
            headers: vec![
                ("ce-id".to_owned(), self.id.clone()),
                ("ce-type".to_owned(), self.event.clone()),
                ("ce-source".to_owned(), service.name.clone()),
                (
                    "position".to_owned(),
                    format!("batch {}, row {}", self.batch, self.row),
                ),
            ],
            payload: match (&self.payload, self.gone) {
                (_, true) => {
                    Payload::new(Json::String("the entity is gone".to_owned()), Vec::new())
                }
                (Some(own), _) => own.clone(),
                (None, _) => Payload::new(
                    Json::String(
                        "not shown: its contract does not say what is personal".to_owned(),
                    ),
                    Vec::new(),
                ),
            },
            ..Way::default()
        }
    }
}

/// `order.id` is about an order, `bookId` about a book.
fn word_of(key: &str) -> &str {
    let first = key.split('.').next().unwrap_or(key);
    first.strip_suffix("Id").unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_names_its_rows() {
        assert_eq!(ids("5-7,12").collect::<Vec<_>>(), [5, 6, 7, 12]);
        assert_eq!(ids("").count(), 0);
    }

    #[test]
    fn what_is_personal_is_found_wherever_it_stands() {
        let schema = json!({"properties": {
            "id": {"type": "integer"},
            "order": {"properties": {"name": {"personal": true}, "lines": {"items": {"properties": {"note": {"personal": true}}}}}},
            "tags": {"additionalProperties": {"personal": true}},
        }, "allOf": [{"properties": {"email": {"personal": true}}}]});
        let mut paths = Vec::new();
        personal(&schema, "", &mut paths).expect("all of it is known");
        paths.sort();
        assert_eq!(paths, ["email", "order.lines.note", "order.name", "tags"]);
        let elsewhere = json!({"properties": {"a": {"$ref": "other.json"}}});
        assert_eq!(personal(&elsewhere, "", &mut Vec::new()), None);
    }

    #[test]
    fn rates_are_of_the_time_that_was_looked() {
        let mut feed = Feed::default();
        let of = |n: f64| BTreeMap::from([("a.v1".to_owned(), n)]);
        // What was found first is of an unknown time.
        feed.count(10_000, of(500.0));
        assert_eq!(feed.per_second(10_000), None);
        feed.count(11_000, of(4.0));
        feed.count(12_000, of(6.0));
        let told = feed.per_second(12_000).expect("measured");
        assert!((told["a.v1"] - 5.0).abs() < 1e-9, "{told:?}");
        assert_eq!(feed.trend(), [(11_000, 4.0), (12_000, 6.0)]);
        feed.count(200_000, BTreeMap::new());
        assert_eq!(feed.counts.len(), 1, "a minute is kept");
    }
}
