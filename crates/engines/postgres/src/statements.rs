//! The event plane's named statements on PostgreSQL. What they are for stands on
//! [`freehold_engine::EventSql`]; the tables are made in `plane.rs`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use freehold_engine::{CopyWant, EventSql, Reached, Spot, Want};

use crate::names::{ident, literal, qualified};
use crate::plane::snapshot_view;
use crate::read_models;

const NOW: &str = "(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::bigint";
const LATER: &str = "pg_catalog.clock_timestamp() + $4::bigint * interval '1 microsecond'";
const BATCH: &str = "batch, incarnation, epoch, cursor, ids, digest, prevs, pending, last_page";

/// All statements of one store.
pub(crate) fn statements(want: &Want) -> EventSql {
    let own = |name: &str| qualified(&want.spot, &want.spot.own(name));
    let (batch, outbox) = (own("batch"), own("outbox"));
    let (watermark, parked) = (own("watermark"), own("parked"));
    let leadership = own("leadership");
    let ids = "SELECT pg_catalog.jsonb_array_elements_text($1::jsonb)::bigint";
    EventSql {
        // A start of the server tells of volumes put back; the rest of dumps and failovers.
        identity: format!(
            "SELECT {NOW}, pg_catalog.concat_ws('/', s.system_identifier, c.timeline_id,
 extract(epoch FROM pg_catalog.pg_postmaster_start_time()), d.oid, {}::regclass::oid)
 FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c, pg_catalog.pg_database d
 WHERE d.datname = pg_catalog.current_database()",
            literal(&leadership)
        ),
        lead_read: format!(
            "SELECT holder, epoch, until > pg_catalog.clock_timestamp(), {NOW} FROM {leadership} WHERE name = $1 FOR UPDATE"
        ),
        lead_put: format!(
            "INSERT INTO {leadership} (name, holder, epoch, until) VALUES ($1, $2, $3, {LATER})
 ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, epoch = EXCLUDED.epoch, until = EXCLUDED.until"
        ),
        lead_lock: lead_lock(&leadership),
        lead_fence: format!("SELECT 1 FROM {leadership} WHERE name = $1 AND epoch = $2 FOR SHARE"),
        incarnations: format!(
            "SELECT number, token, fingerprint, base FROM {} ORDER BY number, since",
            own("incarnation")
        ),
        incarnation_put: format!(
            "INSERT INTO {} (number, token, fingerprint, base) VALUES ($1, $2, $3, $4)",
            own("incarnation")
        ),
        batches: format!("SELECT {BATCH} FROM {batch} ORDER BY batch DESC LIMIT $1::bigint"),
        batches_open: format!("SELECT {BATCH} FROM {batch} WHERE pending <> '' ORDER BY batch"),
        batch_put: format!(
            "INSERT INTO {batch} ({BATCH}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        ),
        batches_from: format!(
            "SELECT {BATCH} FROM {batch} WHERE batch >= $1 ORDER BY batch LIMIT $2::bigint"
        ),
        batch_pending: format!("UPDATE {batch} SET pending = $2 WHERE batch = $1"),
        batch_forget: format!("DELETE FROM {batch} WHERE batch < $1 AND pending = ''"),
        records_apart: false,
        batch_lost: format!("DELETE FROM {batch} WHERE batch > $1"),
        batches_old: format!(
            "SELECT batch, ids FROM {batch} WHERE pending = '' AND ids <> ''
 AND at < pg_catalog.clock_timestamp() - $1::bigint * interval '1 microsecond' ORDER BY batch LIMIT $2::bigint"
        ),
        heads: format!("SELECT topic, heads FROM {}", own("head")),
        head_put: format!(
            "INSERT INTO {} (topic, heads) VALUES ($1, $2) ON CONFLICT (topic) DO UPDATE SET heads = EXCLUDED.heads",
            own("head")
        ),
        outbox_by_id: format!(
            "SELECT id, pg_catalog.encode(pg_catalog.uuid_send(event_id), 'hex'), topic, key, payload::text, headers::text,
 (extract(epoch FROM occurred_at) * 1000000)::bigint FROM {outbox} WHERE id IN ({ids}) ORDER BY id"
        ),
        outbox_delete: format!("DELETE FROM {outbox} WHERE id IN ({ids})"),
        outbox_count: format!("SELECT count(*) FROM (SELECT FROM {outbox} LIMIT 10001) AS some"),
        outbox_put: format!("INSERT INTO {outbox} (topic, key, payload) VALUES ($1, $2, $3::text::json)"),
        watermarks: format!(
            "SELECT topic, lane::bigint, position FROM {watermark} WHERE source = $1 FOR UPDATE"
        ),
        watermark_put: format!(
            "INSERT INTO {watermark} (source, topic, lane, position)
 SELECT $1, t, l, p FROM pg_catalog.jsonb_to_recordset($2::jsonb) AS r (t text, l smallint, p text)
 ON CONFLICT (source, topic, lane) DO UPDATE SET position = EXCLUDED.position"
        ),
        parked_keys: format!("SELECT DISTINCT key FROM {parked} WHERE source = $1 AND tries >= 0"),
        park: format!(
            "INSERT INTO {parked} (source, position, topic, key, event_id, cause, message)
 SELECT $1, p, t, k, e, c, m FROM pg_catalog.jsonb_to_recordset($2::jsonb) AS r (p text, t text, k text, e text, c text, m text)
 ON CONFLICT (source, position) DO NOTHING"
        ),
        parked: format!(
            "SELECT position, topic, key, event_id, cause, message, (extract(epoch FROM since) * 1000000)::bigint, tries
 FROM {parked} WHERE source = $1 AND tries >= 0 AND ($2 = '' OR key = $2) ORDER BY position"
        ),
        unpark: format!("DELETE FROM {parked} WHERE source = $1 AND position = $2"),
        parked_edit: format!(
            "UPDATE {parked} SET cause = $3, message = $4, tries = tries + 1 WHERE source = $1 AND position = $2"
        ),
        freshness: format!(
            "SELECT source, position, ticked_at, (extract(epoch FROM seen_at) * 1000000)::bigint, {NOW} FROM {} ORDER BY source",
            own("freshness")
        ),
        fresh_put: format!(
            "INSERT INTO {} (source, position, ticked_at, seen_at) VALUES ($1, $2, $3, pg_catalog.clock_timestamp())
 ON CONFLICT (source) DO UPDATE SET position = EXCLUDED.position, ticked_at = EXCLUDED.ticked_at, seen_at = EXCLUDED.seen_at",
            own("freshness")
        ),
        read_models: read_models::statements(want),
        read_work: read_models::work(want),
        note: format!(
            "INSERT INTO {} (who, what, detail) VALUES ($1, $2, $3)",
            own("note")
        ),
        ..copies(want)
    }
}

fn reached(want: &Want) -> String {
    let input = "SELECT s, t, coalesce(o, '') AS o, coalesce(e, '') AS e
 FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r (s text, t bigint, o text, e text)";
    let reached = Reached {
        input,
        own: &|name| qualified(&want.spot, &want.spot.own(name)),
        literal: &literal,
        key: "key",
    };
    reached.statement(want)
}

/// What follows in the transaction looks few keys up in tables that may be large and of which the
/// server may know nothing yet: by indexes, whatever it would guess.
fn lead_lock(leadership: &str) -> String {
    let off = [
        "enable_seqscan",
        "enable_hashjoin",
        "enable_mergejoin",
        "jit",
    ];
    let off = off.map(|name| format!("pg_catalog.set_config('{name}', 'off', true)"));
    format!(
        "SELECT {} FROM {leadership} WHERE name = $1 AND epoch = $2 FOR UPDATE",
        off.join(", ")
    )
}

/// Statements that write copies, fill them, and tell what came.
fn copies(want: &Want) -> EventSql {
    let own = |name: &str| qualified(&want.spot, &want.spot.own(name));
    let parked = own("parked");
    EventSql {
        passed_put: format!(
            "INSERT INTO {} (source, event, how, at)
 SELECT $1, e, h, a FROM pg_catalog.jsonb_to_recordset($2::jsonb) AS r (e text, a bigint, h text) ON CONFLICT (source, event) DO NOTHING",
            own("passed")
        ),
        passed_forget: format!("DELETE FROM {} WHERE source = $1 AND at < $2", own("passed")),
        reached: reached(want),
        copy_put: each_copy(want, |spot, table, copy| {
            copy_put(spot, table, copy, Over::Older)
        }),
        copy_delete: each_copy(want, copy_delete),
        copy_force: each_copy(want, |spot, table, copy| {
            copy_put(spot, table, copy, Over::Anything)
        }),
        copy_rest: each_copy(want, copy_rest),
        leave_out: format!(
            "UPDATE {parked} SET cause = $3, tries = -1 WHERE source = $1 AND position = $2"
        ),
        left_out: format!(
            "SELECT position, topic, key, cause FROM {parked} WHERE source = $1 AND tries < 0 ORDER BY position"
        ),
        settle_key: format!("DELETE FROM {parked} WHERE source = $1 AND tries < 0 AND key = $2"),
        settle_topic: format!("DELETE FROM {parked} WHERE source = $1 AND tries < 0 AND topic = $2"),
        tombstones_go: format!(
            "DELETE FROM {} AS d WHERE d.copy = $1 AND d.stamp > $2 AND d.stamp <= $3
 AND NOT EXISTS (SELECT FROM {parked} p WHERE p.source = $4 AND p.key = d.key)",
            own("tombstone")
        ),
        snapshots: snapshots(want),
        fills: format!(
            "SELECT copy, source, state, cursor, stamp, rows FROM {} ORDER BY copy",
            own("fill")
        ),
        fill_put: format!(
            "INSERT INTO {} (copy, source, state, cursor, stamp, rows) VALUES ($1, $2, $3, $4, $5, $6)
 ON CONFLICT (copy) DO UPDATE SET source = EXCLUDED.source, state = EXCLUDED.state, cursor = EXCLUDED.cursor,
 stamp = EXCLUDED.stamp, rows = EXCLUDED.rows",
            own("fill")
        ),
        ..EventSql::default()
    }
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
            let view = qualified(&want.spot, &snapshot_view(&want.spot, event));
            let sql = format!(
                "SELECT s.k, s.payload::text FROM (SELECT key::text COLLATE \"C\" AS k, payload FROM {view}) AS s
 WHERE s.k > $1 ORDER BY s.k LIMIT $2::bigint"
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

/// The server itself makes values of the columns' types out of JSON.
fn input(copy: &str) -> String {
    format!(
        "SELECT r.*, j ->> 'freehold_key' AS freehold_key, j ->> 'freehold_stamp' AS freehold_stamp
 FROM pg_catalog.jsonb_array_elements($1::jsonb) AS j, LATERAL pg_catalog.jsonb_populate_record(NULL::{copy}, j) AS r"
    )
}

fn same_entity(copy: &CopyWant, of: &str) -> String {
    let entity = copy.entity().iter();
    let same = entity.map(|column| format!("{of}.{0} = i.{0}", ident(column)));
    same.collect::<Vec<_>>().join(" AND ")
}

/// Of an entity's rows those go that are older than what it is now.
fn others_go(spot: &Spot, table: &str, copy: &CopyWant, over: Over) -> Option<String> {
    let newer = copy.newer().filter(|_| copy.several.is_some())?;
    let older = match over {
        Over::Anything => String::new(),
        Over::Older => format!(" AND t.{0} < i.{0}", ident(newer)),
    };
    let target = qualified(spot, table);
    Some(format!(
        "WITH input AS MATERIALIZED ({}) DELETE FROM {target} AS t USING input i WHERE {}{older}",
        input(&target),
        same_entity(copy, "t"),
    ))
}

fn copy_put(spot: &Spot, table: &str, copy: &CopyWant, over: Over) -> Vec<String> {
    let (target, tombstone) = (
        qualified(spot, table),
        qualified(spot, &spot.own("tombstone")),
    );
    let filled: Vec<String> = copy.filled().into_iter().map(ident).collect();
    let key: Vec<String> = copy.key.iter().map(|column| ident(column)).collect();
    let set: Vec<String> = filled
        .iter()
        .filter(|column| !key.contains(column))
        .map(|column| format!("{column} = EXCLUDED.{column}"))
        .collect();
    let newer = copy.newer().filter(|_| over == Over::Older);
    let conflict = match (set.is_empty(), newer) {
        (true, _) => "DO NOTHING".to_owned(),
        (false, None) => format!("DO UPDATE SET {}", set.join(", ")),
        (false, Some(column)) => {
            let column = ident(column);
            let set = set.join(", ");
            format!("DO UPDATE SET {set} WHERE t.{column} < EXCLUDED.{column}")
        }
    };
    let mut alive = match over {
        Over::Anything => String::new(),
        Over::Older => format!(
            " WHERE NOT EXISTS (SELECT FROM {tombstone} d
 WHERE d.copy = {} AND d.key = i.freehold_key AND d.stamp >= i.freehold_stamp)",
            literal(table)
        ),
    };
    if let (Some(newer), true) = (newer, copy.several.is_some()) {
        let _ = write!(
            alive,
            " AND NOT EXISTS (SELECT FROM {target} s WHERE {} AND s.{1} > i.{1})",
            same_entity(copy, "s"),
            ident(newer)
        );
    }
    let put = format!(
        "WITH input AS MATERIALIZED ({}) INSERT INTO {target} AS t ({columns})
 SELECT {columns} FROM input i{alive}
 ON CONFLICT ({}) {conflict}",
        input(&target),
        key.join(", "),
        columns = filled.join(", "),
    );
    let others = others_go(spot, table, copy, over);
    others.into_iter().chain([put]).collect()
}

fn copy_delete(spot: &Spot, table: &str, copy: &CopyWant) -> Vec<String> {
    let (target, tombstone) = (
        qualified(spot, table),
        qualified(spot, &spot.own("tombstone")),
    );
    let older = copy.position.as_ref().map_or(String::new(), |column| {
        format!(" AND t.{} <= i.freehold_stamp", ident(column))
    });
    vec![format!(
        "WITH input AS MATERIALIZED ({}),
 gone AS (DELETE FROM {target} AS t USING input i WHERE {}{older})
 INSERT INTO {tombstone} (copy, key, stamp) SELECT {}, freehold_key, freehold_stamp FROM input
 ON CONFLICT (copy, key) DO UPDATE SET stamp = greatest({tombstone}.stamp, EXCLUDED.stamp)",
        input(&target),
        same_entity(copy, "t"),
        literal(table),
    )]
}

/// Keys of several columns have no text to compare by.
fn copy_rest(spot: &Spot, table: &str, copy: &CopyWant) -> Vec<String> {
    let [key] = copy.entity() else {
        return Vec::new();
    };
    let (target, tombstone) = (
        qualified(spot, table),
        qualified(spot, &spot.own("tombstone")),
    );
    vec![format!(
        "WITH input AS MATERIALIZED ({}),
 gone AS (DELETE FROM {target} AS t WHERE t.{key}::text COLLATE \"C\" > $2 AND ($3 = '' OR t.{key}::text COLLATE \"C\" <= $3)
 AND NOT EXISTS (SELECT FROM input i WHERE i.{key} = t.{key}) RETURNING t.{key}::text AS key)
 INSERT INTO {tombstone} (copy, key, stamp) SELECT DISTINCT {}, key, $4 FROM gone
 ON CONFLICT (copy, key) DO UPDATE SET stamp = greatest({tombstone}.stamp, EXCLUDED.stamp)",
        input(&target),
        literal(table),
        key = ident(key),
    )]
}
