//! The event plane's named statements on SQLite. What they are for stands on
//! [`freehold_engine::EventSql`]; the tables are in `plane.rs`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use freehold_engine::{CopyWant, EventSql, Reached, Want};
use freehold_sql::{Dialect, quote_ident, quote_literal};

use crate::read_models;

const NOW: &str = "CAST(unixepoch('subsec') * 1000000 AS INTEGER)";
const BATCH: &str = "batch, incarnation, epoch, cursor, ids, digest, prevs, pending, last_page";
const ROW: &str =
    "id, replace(lower(event_id), '-', ''), topic, key, payload, headers, occurred_at";

/// All statements of one store. Names without a file stand in one of the two.
pub(crate) fn statements(want: &Want) -> EventSql {
    EventSql {
        // What was put back is told by the broker's tail: a file has no life of its own.
        identity: format!("SELECT {NOW}, mark FROM freehold_mark"),
        lead_read: format!("SELECT holder, epoch, until > {NOW}, {NOW} FROM freehold_leadership WHERE name = ?1"),
        lead_put: format!(
            "INSERT INTO freehold_leadership (name, holder, epoch, until) VALUES (?1, ?2, ?3, {NOW} + ?4)
 ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, epoch = excluded.epoch, until = excluded.until"
        ),
        lead_fence: "SELECT 1 FROM freehold_leadership WHERE name = ?1 AND epoch = ?2".to_owned(),
        // There is one writer at a time.
        lead_lock: "SELECT 1 FROM freehold_leadership WHERE name = ?1 AND epoch = ?2".to_owned(),
        incarnations: "SELECT number, token, fingerprint, base FROM freehold_incarnation ORDER BY number".to_owned(),
        incarnation_put: "INSERT INTO freehold_incarnation (number, token, fingerprint, base) VALUES (?1, ?2, ?3, ?4)".to_owned(),
        batches: format!("SELECT {BATCH} FROM freehold_batch ORDER BY batch DESC LIMIT ?1"),
        batches_open: format!("SELECT {BATCH} FROM freehold_batch WHERE pending <> '' ORDER BY batch"),
        batch_put: format!(
            "INSERT INTO freehold_batch ({BATCH}, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, {NOW})"
        ),
        batches_from: format!("SELECT {BATCH} FROM freehold_batch WHERE batch >= ?1 ORDER BY batch LIMIT ?2"),
        batch_pending: "UPDATE freehold_batch SET pending = ?2 WHERE batch = ?1".to_owned(),
        batch_forget: "DELETE FROM freehold_batch WHERE batch < ?1 AND pending = ''".to_owned(),
        records_apart: true,
        batch_lost: "DELETE FROM freehold_batch WHERE batch > ?1".to_owned(),
        batches_old: format!(
            "SELECT batch, ids FROM freehold_batch WHERE pending = '' AND at < {NOW} - ?1 ORDER BY batch LIMIT ?2"
        ),
        heads: "SELECT topic, heads FROM freehold_head".to_owned(),
        head_put: "INSERT INTO freehold_head (topic, heads) VALUES (?1, ?2) ON CONFLICT (topic) DO UPDATE SET heads = excluded.heads".to_owned(),
        outbox_by_id: format!(
            "SELECT {ROW} FROM freehold_outbox WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id"
        ),
        outbox_delete: "DELETE FROM freehold_outbox WHERE id IN (SELECT value FROM json_each(?1))".to_owned(),
        outbox_count: "SELECT count(*) FROM (SELECT 1 FROM freehold_outbox LIMIT 10001)".to_owned(),
        outbox_put: "INSERT INTO freehold_outbox (topic, key, payload) VALUES (?1, ?2, ?3)".to_owned(),
        watermarks: "SELECT topic, lane, position FROM freehold_watermark WHERE source = ?1".to_owned(),
        watermark_put: "INSERT INTO freehold_watermark (source, topic, lane, position)
 SELECT ?1, value ->> 't', value ->> 'l', value ->> 'p' FROM json_each(?2) WHERE true
 ON CONFLICT (source, topic, lane) DO UPDATE SET position = excluded.position".to_owned(),
        parked_keys: "SELECT DISTINCT key FROM freehold_parked WHERE source = ?1 AND tries >= 0".to_owned(),
        park: "INSERT INTO freehold_parked (source, position, topic, key, event_id, cause, message)
 SELECT ?1, value ->> 'p', value ->> 't', value ->> 'k', value ->> 'e', value ->> 'c', value ->> 'm' FROM json_each(?2) WHERE true
 ON CONFLICT (source, position) DO NOTHING".to_owned(),
        parked: "SELECT position, topic, key, event_id, cause, message, since, tries
 FROM freehold_parked WHERE source = ?1 AND tries >= 0 AND (?2 = '' OR key = ?2) ORDER BY position".to_owned(),
        unpark: "DELETE FROM freehold_parked WHERE source = ?1 AND position = ?2".to_owned(),
        parked_edit: "UPDATE freehold_parked SET cause = ?3, message = ?4, tries = tries + 1 WHERE source = ?1 AND position = ?2".to_owned(),
        leave_out: "UPDATE freehold_parked SET cause = ?3, tries = -1 WHERE source = ?1 AND position = ?2".to_owned(),
        left_out: "SELECT position, topic, key, cause FROM freehold_parked WHERE source = ?1 AND tries < 0 ORDER BY position".to_owned(),
        settle_key: "DELETE FROM freehold_parked WHERE source = ?1 AND tries < 0 AND key = ?2".to_owned(),
        settle_topic: "DELETE FROM freehold_parked WHERE source = ?1 AND tries < 0 AND topic = ?2".to_owned(),
        freshness: format!("SELECT source, position, ticked_at, seen_at, {NOW} FROM freehold_freshness ORDER BY source"),
        fresh_put: format!(
            "INSERT INTO freehold_freshness (source, position, ticked_at, seen_at) VALUES (?1, ?2, ?3, {NOW})
 ON CONFLICT (source) DO UPDATE SET position = excluded.position, ticked_at = excluded.ticked_at, seen_at = excluded.seen_at"
        ),
        copy_put: each_copy(want, |table, copy| copy_put(table, copy, Over::Older)),
        copy_delete: each_copy(want, copy_delete),
        copy_force: each_copy(want, |table, copy| copy_put(table, copy, Over::Anything)),
        copy_rest: each_copy(want, copy_rest),
        tombstones_go: "DELETE FROM freehold_tombstone AS d WHERE d.copy = ?1 AND d.stamp > ?2 AND d.stamp <= ?3
 AND NOT EXISTS (SELECT 1 FROM freehold_parked p WHERE p.source = ?4 AND p.key = d.key)".to_owned(),
        snapshots: snapshots(want),
        fills: "SELECT copy, source, state, cursor, stamp, rows FROM freehold_fill ORDER BY copy".to_owned(),
        fill_put: "INSERT INTO freehold_fill (copy, source, state, cursor, stamp, rows) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
 ON CONFLICT (copy) DO UPDATE SET source = excluded.source, state = excluded.state, cursor = excluded.cursor,
 stamp = excluded.stamp, rows = excluded.rows".to_owned(),
        note: "INSERT INTO freehold_note (who, what, detail) VALUES (?1, ?2, ?3)".to_owned(),
        passed_put: "INSERT INTO freehold_passed (source, event, how, at)
 SELECT ?1, value ->> 'e', value ->> 'h', value ->> 'a' FROM json_each(?2) WHERE true ON CONFLICT (source, event) DO NOTHING".to_owned(),
        passed_forget: "DELETE FROM freehold_passed WHERE source = ?1 AND at < ?2".to_owned(),
        reached: reached(want),
        read_models: read_models::statements(want),
        read_work: read_models::work(),
    }
}

fn reached(want: &Want) -> String {
    let input = "SELECT value ->> 's' AS s, CAST(value ->> 't' AS INTEGER) AS t, coalesce(value ->> 'o', '') AS o,
 coalesce(value ->> 'e', '') AS e FROM json_each(?1)";
    let reached = Reached {
        input,
        own: &|name| want.spot.own(name),
        literal: &literal,
        key: "key",
    };
    reached.statement(want)
}

fn each_copy(
    want: &Want,
    make: impl Fn(&str, &CopyWant) -> Vec<String>,
) -> BTreeMap<String, Vec<String>> {
    let copies = want.plane.copies.iter();
    copies
        .map(|(table, copy)| (table.clone(), make(table, copy)))
        .filter(|(_, statements)| !statements.is_empty())
        .collect()
}

/// Without identities nobody needs a view: the description's own SELECT is asked.
fn snapshots(want: &Want) -> BTreeMap<String, String> {
    let snapshots = want.plane.snapshots.iter();
    snapshots
        .map(|(event, select)| {
            let select = select.trim().trim_end_matches(';');
            let sql = format!(
                "WITH rows (key, payload) AS ({select}), texts AS (SELECT CAST(key AS TEXT) AS k, payload FROM rows)
 SELECT k, payload FROM texts WHERE k > ?1 ORDER BY k LIMIT ?2"
            );
            (event.clone(), sql)
        })
        .collect()
}

/// Which rows a put may replace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Older,
    Anything,
}

fn ident(name: &str) -> String {
    quote_ident(Dialect::Sqlite, name).unwrap_or_default()
}

fn literal(text: &str) -> String {
    quote_literal(Dialect::Sqlite, text).unwrap_or_default()
}

fn field(column: &str) -> String {
    format!("i.value ->> {}", literal(&format!("$.\"{column}\"")))
}

fn same_entity(copy: &CopyWant, of: &str) -> String {
    let entity = copy.entity().iter();
    let same = entity.map(|column| format!("{of}.{} = {}", ident(column), field(column)));
    same.collect::<Vec<_>>().join(" AND ")
}

/// Of an entity's rows those go that are older than what it is now.
fn others_go(table: &str, copy: &CopyWant, over: Over) -> Option<String> {
    let newer = copy.newer().filter(|_| copy.several.is_some())?;
    let older = match over {
        Over::Anything => String::new(),
        Over::Older => format!(" AND t.{} < {}", ident(newer), field(newer)),
    };
    Some(format!("DELETE {}", entity_rows(table, copy, &older)))
}

/// The rows of entities, found by their key.
fn entity_rows(table: &str, copy: &CopyWant, which: &str) -> String {
    let key: Vec<String> = copy.key.iter().map(|column| ident(column)).collect();
    let found: Vec<String> = key.iter().map(|column| format!("t.{column}")).collect();
    format!(
        "FROM {target} WHERE ({}) IN (SELECT {} FROM json_each(?1) i CROSS JOIN {target} AS t ON {}{which})",
        key.join(", "),
        found.join(", "),
        same_entity(copy, "t"),
        target = ident(table),
    )
}

fn copy_put(table: &str, copy: &CopyWant, over: Over) -> Vec<String> {
    let filled = copy.filled();
    let columns: Vec<String> = filled.iter().map(|column| ident(column)).collect();
    let values: Vec<String> = filled.iter().map(|column| field(column)).collect();
    let key: Vec<String> = copy.key.iter().map(|column| ident(column)).collect();
    let set: Vec<String> = columns
        .iter()
        .filter(|column| !key.contains(column))
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    let newer = copy.newer().filter(|_| over == Over::Older);
    let conflict = match (set.is_empty(), newer) {
        (true, _) => "DO NOTHING".to_owned(),
        (false, None) => format!("DO UPDATE SET {}", set.join(", ")),
        (false, Some(column)) => {
            let column = ident(column);
            format!(
                "DO UPDATE SET {} WHERE t.{column} < excluded.{column}",
                set.join(", ")
            )
        }
    };
    let mut alive = match over {
        Over::Anything => "true".to_owned(),
        Over::Older => format!(
            "NOT EXISTS (SELECT 1 FROM freehold_tombstone d
 WHERE d.copy = {} AND d.key = i.value ->> '$.freehold_key' AND d.stamp >= i.value ->> '$.freehold_stamp')",
            literal(table)
        ),
    };
    if let (Some(newer), true) = (newer, copy.several.is_some()) {
        let _ = write!(
            alive,
            " AND NOT EXISTS (SELECT 1 FROM {} s WHERE {} AND s.{} > {})",
            ident(table),
            same_entity(copy, "s"),
            ident(newer),
            field(newer)
        );
    }
    let put = format!(
        "INSERT INTO {} AS t ({}) SELECT {} FROM json_each(?1) i WHERE {alive}
 ON CONFLICT ({}) {conflict}",
        ident(table),
        columns.join(", "),
        values.join(", "),
        key.join(", "),
    );
    others_go(table, copy, over)
        .into_iter()
        .chain([put])
        .collect()
}

fn copy_delete(table: &str, copy: &CopyWant) -> Vec<String> {
    let older = copy.position.as_ref().map_or(String::new(), |column| {
        format!(" AND t.{} <= i.value ->> '$.freehold_stamp'", ident(column))
    });
    vec![
        format!("DELETE {}", entity_rows(table, copy, &older)),
        format!(
            "INSERT INTO freehold_tombstone (copy, key, stamp)
 SELECT {}, value ->> '$.freehold_key', value ->> '$.freehold_stamp' FROM json_each(?1) WHERE true
 ON CONFLICT (copy, key) DO UPDATE SET stamp = max(stamp, excluded.stamp)",
            literal(table)
        ),
    ]
}

/// Keys of several columns have no text to compare by. Every statement takes all four arguments.
fn copy_rest(table: &str, copy: &CopyWant) -> Vec<String> {
    let [key] = copy.entity() else {
        return Vec::new();
    };
    let rest = format!(
        "CAST(t.{key} AS TEXT) > ?2 AND (?3 = '' OR CAST(t.{key} AS TEXT) <= ?3) AND ?4 <> ''
 AND t.{key} NOT IN (SELECT {} FROM json_each(?1) i)",
        field(key),
        key = ident(key),
    );
    let (target, name) = (ident(table), literal(table));
    vec![
        format!(
            "INSERT INTO freehold_tombstone (copy, key, stamp)
 SELECT {name}, CAST(t.{} AS TEXT), ?4 FROM {target} AS t WHERE {rest}
 ON CONFLICT (copy, key) DO UPDATE SET stamp = max(stamp, excluded.stamp)",
            ident(key)
        ),
        format!("DELETE FROM {target} AS t WHERE {rest}"),
    ]
}
