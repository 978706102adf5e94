//! The event plane's named statements on `MariaDB` and `MySQL`. What they are for stands on
//! [`freehold_engine::EventSql`]; the tables are made in `plane.rs`.
//!
//! Placeholders have no numbers here: each argument stands once, in the order of the contract.
//! Where the products differ, a comment says it that only one of them reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use freehold_engine::{CopyWant, EventSql, Reached, Spot, Want};

use crate::names::{ident, literal, object};
use crate::plane::snapshot_view;
use crate::read_models;

pub(crate) const NOW: &str = "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)";
const BATCH: &str = "batch, incarnation, epoch, `cursor`, ids, digest, prevs, pending, last_page";
/// A row of the outbox: what `outbox.rs` reads, too.
pub(crate) const ROW: &str = "o.id, REPLACE(LOWER(o.event_id), '-', ''), o.topic, o.`key`, o.payload, o.headers, \
 TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', o.occurred_at)";
/// Ids out of a JSON array.
const IDS: &str = "JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) AS i";

/// All statements of one store.
pub(crate) fn statements(want: &Want) -> EventSql {
    let own = |name: &str| object(&want.spot.database, &want.spot.own(name));
    let (batch, outbox, leadership) = (own("batch"), own("outbox"), own("leadership"));
    let (parked, freshness) = (own("parked"), own("freshness"));
    EventSql {
        identity: identity(),
        lead_read: format!(
            "SELECT holder, epoch, until > {NOW}, {NOW} FROM {leadership} WHERE name = ? FOR UPDATE"
        ),
        lead_put: format!(
            "INSERT INTO {leadership} (name, holder, epoch, until) VALUES (?, ?, ?, {NOW} + ?)
 ON DUPLICATE KEY UPDATE holder = VALUES(holder), epoch = VALUES(epoch), until = VALUES(until)"
        ),
        lead_fence: format!(
            "SELECT 1 FROM {leadership} WHERE name = ? AND epoch = ? LOCK IN SHARE MODE"
        ),
        lead_lock: format!(
            "SELECT 1 FROM {leadership} WHERE name = ? AND epoch = ? FOR UPDATE"
        ),
        incarnations: format!(
            "SELECT number, token, fingerprint, base FROM {} ORDER BY number",
            own("incarnation")
        ),
        incarnation_put: format!(
            "INSERT INTO {} (number, token, fingerprint, base) VALUES (?, ?, ?, ?)",
            own("incarnation")
        ),
        batches: format!("SELECT {BATCH} FROM {batch} ORDER BY batch DESC LIMIT ?"),
        batches_open: format!("SELECT {BATCH} FROM {batch} WHERE is_open = 1 ORDER BY batch"),
        batch_put: format!(
            "INSERT INTO {batch} ({BATCH}, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, {NOW})"
        ),
        batches_from: format!(
            "SELECT {BATCH} FROM {batch} WHERE batch >= ? ORDER BY batch LIMIT ?"
        ),
        batch_pending: format!(
            "UPDATE (SELECT CAST(? AS SIGNED) AS batch, ? AS pending) a STRAIGHT_JOIN {batch} b ON b.batch = a.batch SET b.pending = a.pending"
        ),
        batch_forget: format!("DELETE FROM {batch} WHERE batch < ? AND is_open = 0"),
        records_apart: false,
        batch_lost: format!("DELETE FROM {batch} WHERE batch > ?"),
        batches_old: format!(
            "SELECT batch, ids FROM {batch} WHERE is_open = 0 AND ids <> '' AND at < {NOW} - ? ORDER BY batch LIMIT ?"
        ),
        heads: format!("SELECT topic, heads FROM {}", own("head")),
        head_put: format!(
            "INSERT INTO {} (topic, heads) VALUES (?, ?) ON DUPLICATE KEY UPDATE heads = VALUES(heads)",
            own("head")
        ),
        outbox_by_id: format!(
            "SELECT {ROW} FROM {IDS} STRAIGHT_JOIN {outbox} o ON o.id = i.id ORDER BY o.id"
        ),
        outbox_delete: format!(
            "DELETE o FROM {IDS} STRAIGHT_JOIN {outbox} o ON o.id = i.id"
        ),
        outbox_count: format!("SELECT COUNT(*) FROM (SELECT 1 FROM {outbox} LIMIT 10001) some"),
        outbox_put: format!("INSERT INTO {outbox} (topic, `key`, payload) VALUES (?, ?, ?)"),
        watermarks: format!(
            "SELECT topic, lane, position FROM {} WHERE source = ? FOR UPDATE",
            own("watermark")
        ),
        watermark_put: format!(
            "INSERT INTO {} (source, topic, lane, position) SELECT ?, i.t, i.l, i.p
 FROM JSON_TABLE(?, '$[*]' COLUMNS (t VARCHAR(120) PATH '$.t', l INT PATH '$.l', p VARCHAR(80) PATH '$.p')) AS i
 ON DUPLICATE KEY UPDATE position = VALUES(position)",
            own("watermark")
        ),
        parked_keys: format!("SELECT DISTINCT `key` FROM {parked} WHERE source = ? AND tries >= 0"),
        park: park(&parked),
        parked: format!(
            "SELECT position, topic, `key`, event_id, cause, message, since, tries
 FROM {parked} WHERE source = ? AND tries >= 0 AND `key` = COALESCE(NULLIF(?, ''), `key`) ORDER BY position"
        ),
        unpark: format!("DELETE FROM {parked} WHERE source = ? AND position = ?"),
        parked_edit: parked_edit(&parked),
        freshness: format!(
            "SELECT source, position, ticked_at, seen_at, {NOW} FROM {freshness} ORDER BY source"
        ),
        fresh_put: format!(
            "INSERT INTO {freshness} (source, position, ticked_at, seen_at) VALUES (?, ?, ?, {NOW})
 ON DUPLICATE KEY UPDATE position = VALUES(position), ticked_at = VALUES(ticked_at), seen_at = VALUES(seen_at)"
        ),
        note: format!(
            "INSERT INTO {} (who, what, detail, at) VALUES (?, ?, ?, {NOW})",
            own("note")
        ),
        passed_put: format!(
            "INSERT INTO {} (source, event, how, at) SELECT ?, i.e, i.h, i.a
 FROM JSON_TABLE(?, '$[*]' COLUMNS (e VARCHAR(120) PATH '$.e', h VARCHAR(10) PATH '$.h', a BIGINT PATH '$.a')) AS i
 ON DUPLICATE KEY UPDATE how = how",
            own("passed")
        ),
        passed_forget: format!("DELETE FROM {} WHERE source = ? AND at < ?", own("passed")),
        reached: reached(want),
        read_models: read_models::statements(want),
        read_work: read_models::work(want),
        ..copies(want)
    }
}

/// Statements that write copies and fill them.
fn copies(want: &Want) -> EventSql {
    let own = |name: &str| object(&want.spot.database, &want.spot.own(name));
    let parked = own("parked");
    EventSql {
        copy_put: each_copy(want, |spot, table, copy| {
            copy_put(spot, table, copy, Over::Older)
        }),
        copy_delete: each_copy(want, copy_delete),
        copy_force: each_copy(want, |spot, table, copy| {
            copy_put(spot, table, copy, Over::Anything)
        }),
        copy_rest: each_copy(want, copy_rest),
        leave_out: leave_out(&parked),
        left_out: format!(
            "SELECT position, topic, `key`, cause FROM {parked} WHERE source = ? AND tries < 0 ORDER BY position"
        ),
        settle_key: format!("DELETE FROM {parked} WHERE source = ? AND tries < 0 AND `key` = ?"),
        settle_topic: format!("DELETE FROM {parked} WHERE source = ? AND tries < 0 AND topic = ?"),
        tombstones_go: format!(
            "DELETE d FROM {} d WHERE d.copy = ? AND d.stamp > ? AND d.stamp <= ?
 AND NOT EXISTS (SELECT 1 FROM {parked} p WHERE p.source = ? AND CAST(p.`key` AS BINARY) = d.`key`)",
            own("tombstone")
        ),
        snapshots: snapshots(want),
        fills: format!(
            "SELECT copy, source, state, `cursor`, stamp, `rows` FROM {} ORDER BY copy",
            own("fill")
        ),
        fill_put: fill_put(&own("fill")),
        ..EventSql::default()
    }
}

fn reached(want: &Want) -> String {
    let input = format!(
        "SELECT {} AS s, r.t, {} AS o, {} AS e FROM JSON_TABLE(?, '$[*]' COLUMNS (s VARCHAR(255) PATH '$.s', t BIGINT PATH '$.t',
 o VARCHAR(120) PATH '$.o', e VARCHAR(120) PATH '$.e')) AS r",
        by_bytes("r.s"),
        by_bytes("COALESCE(r.o, '')"),
        by_bytes("COALESCE(r.e, '')"),
    );
    let reached = Reached {
        input: &input,
        own: &|name| object(&want.spot.database, &want.spot.own(name)),
        literal: &literal,
        key: "`key`",
    };
    reached.statement(want)
}

fn fill_put(fill: &str) -> String {
    format!(
        "INSERT INTO {fill} (copy, source, state, `cursor`, stamp, `rows`) VALUES (?, ?, ?, ?, ?, ?)
 ON DUPLICATE KEY UPDATE source = VALUES(source), state = VALUES(state), `cursor` = VALUES(`cursor`),
 stamp = VALUES(stamp), `rows` = VALUES(`rows`)"
    )
}

/// A start of the server tells of volumes put back; where it is, of dumps and failovers. The start
/// is exact: both numbers are whole seconds of the statement's time.
fn identity() -> String {
    format!(
        "SELECT {NOW}, CONCAT_WS('/', @@hostname, @@port, @@datadir, UNIX_TIMESTAMP() - CAST(s.variable_value AS SIGNED))
 FROM /*M! information_schema.global_status */ /*!80000 performance_schema.global_status */ s WHERE UPPER(s.variable_name) = 'UPTIME'"
    )
}

fn parked_edit(parked: &str) -> String {
    format!(
        "UPDATE (SELECT ? AS source, ? AS position, ? AS cause, ? AS message) a STRAIGHT_JOIN {parked} p ON p.source = {} AND p.position = {}
 SET p.cause = a.cause, p.message = a.message, p.tries = p.tries + 1",
        by_bytes("a.source"),
        by_bytes("a.position"),
    )
}

fn leave_out(parked: &str) -> String {
    format!(
        "UPDATE (SELECT ? AS source, ? AS position, ? AS cause) a STRAIGHT_JOIN {parked} p ON p.source = {} AND p.position = {}
 SET p.cause = a.cause, p.tries = -1",
        by_bytes("a.source"),
        by_bytes("a.position"),
    )
}

/// An event that is parked already stays as it is.
fn park(parked: &str) -> String {
    format!(
        "INSERT INTO {parked} (source, position, topic, `key`, event_id, cause, message, since)
 SELECT ?, i.p, i.t, i.k, i.e, i.c, i.m, {NOW} FROM JSON_TABLE(?, '$[*]' COLUMNS (p VARCHAR(80) PATH '$.p',
 t VARCHAR(120) PATH '$.t', k VARCHAR(1024) PATH '$.k', e VARCHAR(36) PATH '$.e', c TEXT PATH '$.c', m LONGTEXT PATH '$.m')) AS i
 ON DUPLICATE KEY UPDATE tries = tries"
    )
}

fn each_copy(
    want: &Want,
    make: fn(&Spot, &str, &CopyWant) -> Vec<String>,
) -> BTreeMap<String, Vec<String>> {
    let copies = want.plane.copies.iter();
    copies
        .map(|(table, copy)| (table.clone(), make(&want.spot, table, copy)))
        .filter(|(_, statements)| !statements.is_empty())
        .collect()
}

/// Through views, since the sidecar may not read the program's tables.
fn snapshots(want: &Want) -> BTreeMap<String, String> {
    let events = want.plane.snapshots.keys();
    events
        .map(|event| {
            let view = object(&want.spot.database, &snapshot_view(&want.spot, event));
            let key = by_bytes("CAST(v.`key` AS CHAR)");
            let sql = format!(
                "SELECT s.k, s.payload FROM (SELECT {key} AS k, CAST(v.payload AS CHAR) AS payload FROM {view} v) s
 WHERE s.k > ? ORDER BY s.k LIMIT ?"
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

/// Rows out of a JSON array: columns as JSON (`c0`, `c1`, …), so that texts and truths can be told
/// apart, and what freehold itself compares.
pub(crate) fn input(columns: &[&str]) -> String {
    let columns = columns.iter().enumerate().map(|(at, column)| {
        let path = literal(&format!("$.\"{}\"", column.replace('"', "\\\"")));
        format!("c{at} JSON PATH {path}, ")
    });
    format!(
        "JSON_TABLE(?, '$[*]' COLUMNS ({}freehold_key VARCHAR(1024) PATH '$.freehold_key', freehold_stamp VARCHAR(80) PATH '$.freehold_stamp')) AS i",
        columns.collect::<String>()
    )
}

/// The value as the server turns texts into a column's type: as an INSERT of that text would.
pub(crate) fn value(at: usize) -> String {
    format!(
        "CASE JSON_TYPE(i.c{at}) WHEN 'NULL' THEN NULL WHEN 'STRING' THEN JSON_UNQUOTE(i.c{at}) \
         WHEN 'BOOLEAN' THEN IF(CAST(i.c{at} AS CHAR) = 'true', '1', '0') ELSE CAST(i.c{at} AS CHAR) END"
    )
}

/// A text as this store's own tables compare: by bytes.
fn by_bytes(text: &str) -> String {
    format!("CONVERT({text} USING utf8mb4) COLLATE utf8mb4_bin")
}

/// Rows `of` the entity that an input of these columns, first in it, names.
fn same_entity(copy: &CopyWant, of: &str) -> String {
    let entity = copy.entity().iter().enumerate();
    let same = entity.map(|(at, column)| same_key(of, column, at));
    same.collect::<Vec<_>>().join(" AND ")
}

/// Of an entity's rows those go that are older than what it is now.
fn others_go(spot: &Spot, table: &str, copy: &CopyWant, over: Over) -> Option<String> {
    let newer = copy.newer().filter(|_| copy.several.is_some())?;
    let older = match over {
        Over::Anything => String::new(),
        Over::Older => format!(
            " WHERE t.{} < {}",
            ident(newer),
            by_bytes("i.freehold_stamp")
        ),
    };
    let entity: Vec<&str> = copy.entity().iter().map(String::as_str).collect();
    Some(format!(
        "DELETE t FROM {} STRAIGHT_JOIN {} t ON {}{older}",
        input(&entity),
        object(&spot.database, table),
        same_entity(copy, "t"),
    ))
}

fn copy_put(spot: &Spot, table: &str, copy: &CopyWant, over: Over) -> Vec<String> {
    let filled = copy.filled();
    let columns: Vec<String> = filled.iter().map(|column| ident(column)).collect();
    let values = filled.iter().enumerate().map(|(at, column)| {
        // A time of the contract ends with Z, which a column of a time does not take.
        if copy.occurred_at.as_deref() == Some(column) {
            format!("TRIM(TRAILING 'Z' FROM REPLACE(JSON_UNQUOTE(i.c{at}), 'T', ' '))")
        } else {
            value(at)
        }
    });
    let target = object(&spot.database, table);
    let newer = copy.newer().filter(|_| over == Over::Older);
    let newer = newer.map(|column| ident(column));
    let set = |column: &String| match &newer {
        None => format!("{column} = VALUES({column})"),
        Some(newer) => format!(
            "{column} = IF({target}.{newer} < VALUES({newer}), VALUES({column}), {target}.{column})"
        ),
    };
    // Assignments take effect one after the other: what decides goes last.
    let others = columns
        .iter()
        .filter(|column| Some(*column) != newer.as_ref());
    let keys = copy.key.len();
    let guarded = others.enumerate().map(|(at, column)| {
        if at < keys {
            same_row(&target, column)
        } else {
            set(column)
        }
    });
    let mut sets: Vec<String> = guarded.collect();
    sets.extend(newer.iter().map(set));
    let mut alive = match over {
        Over::Anything => "true".to_owned(),
        Over::Older => format!(
            "NOT EXISTS (SELECT 1 FROM {} d
 WHERE d.copy = {} AND d.`key` = CAST(i.freehold_key AS BINARY) AND d.stamp >= {})",
            object(&spot.database, &spot.own("tombstone")),
            by_bytes(&literal(table)),
            by_bytes("i.freehold_stamp"),
        ),
    };
    if let (Some(newer), true) = (&newer, copy.several.is_some()) {
        let _ = write!(
            alive,
            " AND NOT EXISTS (SELECT 1 FROM {target} s WHERE {} AND s.{newer} > {})",
            same_entity(copy, "s"),
            by_bytes("i.freehold_stamp"),
        );
    }
    let put = format!(
        "INSERT INTO {target} ({}) SELECT {} FROM {} WHERE {alive}
 ON DUPLICATE KEY UPDATE {}",
        columns.join(", "),
        values.collect::<Vec<_>>().join(", "),
        input(&filled),
        sets.join(", "),
    );
    let others = others_go(spot, table, copy, over);
    others.into_iter().chain([put]).collect()
}

/// The row in the way may be another one: of some other unique column, or one whose key is written
/// with other letters that compare the same. A key that would become NULL is refused.
fn same_row(target: &str, column: &str) -> String {
    format!(
        "{column} = IF(CAST({target}.{column} AS BINARY) = CAST(VALUES({column}) AS BINARY), {target}.{column}, NULL)"
    )
}

/// Is the row's key this value? A number beside a text is compared as a float, which takes large
/// neighbours for one: whole numbers have to be written alike, too.
fn same_key(of: &str, column: &str, at: usize) -> String {
    let (column, value) = (ident(column), by_bytes(&value(at)));
    let text = by_bytes(&format!("CAST({of}.{column} AS CHAR)"));
    format!("{of}.{column} = {value} AND ({text} = {value} OR {text} NOT REGEXP '^-?[0-9]+$')")
}

fn copy_delete(spot: &Spot, table: &str, copy: &CopyWant) -> Vec<String> {
    let key: Vec<&str> = copy.entity().iter().map(String::as_str).collect();
    let older = copy.position.as_ref().map_or(String::new(), |column| {
        format!(
            " AND t.{} <= {}",
            ident(column),
            by_bytes("i.freehold_stamp")
        )
    });
    vec![
        format!(
            "DELETE t FROM {} STRAIGHT_JOIN {} t ON {} WHERE true{older}",
            input(&key),
            object(&spot.database, table),
            same_entity(copy, "t")
        ),
        format!(
            "INSERT INTO {tombstone} (copy, `key`, stamp) SELECT {}, CAST(i.freehold_key AS BINARY), i.freehold_stamp FROM {}
 ON DUPLICATE KEY UPDATE stamp = GREATEST({tombstone}.stamp, VALUES(stamp))",
            literal(table),
            input(&[]),
            tombstone = object(&spot.database, &spot.own("tombstone")),
        ),
    ]
}

/// Keys of several columns have no text to compare by. Every statement takes all four arguments, in
/// their order: rows, first key, second key, stamp.
fn copy_rest(spot: &Spot, table: &str, copy: &CopyWant) -> Vec<String> {
    let [key] = copy.entity() else {
        return Vec::new();
    };
    let (target, tombstone) = (
        object(&spot.database, table),
        object(&spot.database, &spot.own("tombstone")),
    );
    let text = by_bytes(&format!("CAST(t.{} AS CHAR)", ident(key)));
    let rest = format!(
        "{target} t LEFT JOIN {} ON {} WHERE i.c0 IS NULL AND {text} > ? AND {text} <= COALESCE(NULLIF(?, ''), {text})",
        input(&[key]),
        same_key("t", key, 0),
    );
    vec![
        format!(
            "INSERT INTO {tombstone} (copy, `key`, stamp)
 SELECT {}, r.k, s.stamp FROM (SELECT CAST(t.{} AS BINARY) AS k FROM {rest}) r, (SELECT ? AS stamp) s WHERE true
 ON DUPLICATE KEY UPDATE stamp = GREATEST({tombstone}.stamp, VALUES(stamp))",
            literal(table),
            ident(key),
        ),
        format!("DELETE t FROM {rest} AND ? <> ''"),
    ]
}
