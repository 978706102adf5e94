//! The named statements of sagas on SQLite. What they are for stands on
//! [`freehold_engine::SagaSql`]; the tables are made in `sagas.rs`.

use freehold_engine::{BarrierSql, SagaSql};

const NOW: &str = "CAST(unixepoch('subsec') * 1000000 AS INTEGER)";
/// Statements name it by the table `s`.
const SHARE: &str = "(((instr('0123456789abcdef', substr(s.saga, -2, 1)) - 1) & 3) * 16 + instr('0123456789abcdef', substr(s.saga, -1, 1)) - 1)";
const IDS: &str = "SELECT value FROM json_each(?1)";
/// Of shares that are led.
const LED: &str = "EXISTS (SELECT 1 FROM json_each(?1) r WHERE share = r.value ->> 's' AND epoch = r.value ->> 'e')";

/// All statements of one store.
pub(crate) fn statements() -> SagaSql {
    let row = "s.saga, s.version, s.definition, s.state";
    let shown = "SELECT s.saga, s.definition, s.key, coalesce(i.definition, ''), i.state, s.at, coalesce(i.updated, s.at), i.ended IS NOT NULL
 FROM freehold_saga_start s LEFT JOIN freehold_saga_instance i ON i.saga = s.saga";
    SagaSql {
        once: Vec::new(),
        identity: format!("SELECT {NOW}, token FROM freehold_saga_life"),
        member_put: format!(
            "INSERT INTO freehold_saga_member (holder, until) VALUES (?1, {NOW} + ?2) ON CONFLICT (holder) DO UPDATE SET until = excluded.until"
        ),
        member_delete: format!("DELETE FROM freehold_saga_member WHERE holder = ?1 OR until < {NOW} - 3600000000"),
        members: format!("SELECT count(*) FROM freehold_saga_member WHERE until > {NOW}"),
        shares: format!("SELECT share, holder, epoch, until > {NOW}, until, format, rebuilt FROM freehold_saga_share ORDER BY share"),
        share_take: format!(
            "UPDATE freehold_saga_share SET holder = ?2, epoch = epoch + 1, until = {NOW} + ?3, format = ?4 WHERE {LED} AND until <= {NOW}"
        ),
        share_renew: format!(
            "UPDATE freehold_saga_share SET until = {NOW} + ?3 WHERE {LED} AND holder = ?2"
        ),
        share_resign: format!("UPDATE freehold_saga_share SET until = {NOW} WHERE {LED} AND holder = ?2"),
        share_rebuilt: format!("UPDATE freehold_saga_share SET rebuilt = ?2 WHERE {LED}"),
        fence: format!("SELECT share FROM freehold_saga_share WHERE {LED}"),
        definition_put: "INSERT INTO freehold_saga_definition (hash, name, version, conflict, body) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (hash) DO NOTHING".to_owned(),
        definition_current: "UPDATE freehold_saga_definition SET current = (hash = ?1) WHERE name = ?2 AND current <> (hash = ?1)".to_owned(),
        definitions: "SELECT hash, name, body FROM freehold_saga_definition ORDER BY since".to_owned(),
        starts_new: format!(
            "SELECT s.saga, s.definition, s.key, s.input, s.locks FROM freehold_saga_start s
 WHERE s.claimed = 0 AND {SHARE} IN ({IDS}) ORDER BY s.at LIMIT ?2"
        ),
        starts_known: format!("SELECT saga, locks FROM freehold_saga_start WHERE saga IN ({IDS}) ORDER BY at"),
        starts_claim: format!("UPDATE freehold_saga_start SET claimed = 1 WHERE saga IN ({IDS})"),
        start_put: "INSERT INTO freehold_saga_start (definition, key, input, locks) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (definition, key) DO NOTHING".to_owned(),
        instances_open: format!(
            "SELECT {row} FROM freehold_saga_instance s WHERE s.ended IS NULL AND s.share IN ({IDS}) AND s.saga > ?2 ORDER BY s.saga LIMIT ?3"
        ),
        instances_by_id: format!("SELECT {row} FROM freehold_saga_instance s WHERE s.saga IN ({IDS})"),
        states_in_rows: false,
        instances_insert: format!(
            "INSERT INTO freehold_saga_instance (saga, share, definition, version, state, summary, ended)
 SELECT value ->> 'i', value ->> 's', value ->> 'd', value ->> 'v', substr(?2, value ->> 'o', value ->> 'l'), value ->> 'm', CASE WHEN value ->> 'f' THEN {NOW} END FROM json_each(?1)"
        ),
        instances_match: String::new(),
        instances_update: format!(
            "UPDATE freehold_saga_instance AS s SET version = r.value ->> 'v', state = substr(?2, r.value ->> 'o', r.value ->> 'l'), summary = r.value ->> 'm', updated = {NOW},
 ended = CASE WHEN r.value ->> 'f' THEN coalesce(s.ended, {NOW}) END
 FROM json_each(?1) AS r WHERE s.saga = r.value ->> 'i' AND s.version = r.value ->> 'p' RETURNING saga"
        ),
        instances_old: format!(
            "SELECT s.saga, s.definition, s.state FROM freehold_saga_instance s WHERE s.share IN ({IDS}) AND s.ended < {NOW} - ?2 LIMIT ?3"
        ),
        prune: vec![
            format!("DELETE FROM freehold_saga_instance WHERE saga IN ({IDS}) AND ended IS NOT NULL"),
            format!("DELETE FROM freehold_saga_start WHERE saga IN ({IDS})"),
            format!("DELETE FROM freehold_saga_action WHERE saga IN ({IDS})"),
        ],
        list: format!(
            "{shown} WHERE (?1 = '' OR s.definition = ?1) AND (?2 = '' OR s.key = ?2) AND (?4 OR i.ended IS NULL) ORDER BY s.at DESC LIMIT ?3"
        ),
        show: format!("{shown} WHERE s.saga = ?1"),
        signals: format!(
            "SELECT g.id, s.saga, g.asked, g.step, g.seen, g.payload, g.who FROM freehold_saga_signal g
 LEFT JOIN freehold_saga_start s ON s.saga = g.saga OR g.saga IS NULL AND s.definition = g.definition AND s.key = g.key
 WHERE (s.saga IS NOT NULL OR g.saga IS NOT NULL) AND coalesce({SHARE}, 0) IN ({IDS}) ORDER BY g.id LIMIT ?2"
        ),
        signal_put: "INSERT INTO freehold_saga_signal (saga, asked, step, seen, payload, who) VALUES (?1, ?2, ?3, ?4, ?5, ?6)".to_owned(),
        signals_delete: format!("DELETE FROM freehold_saga_signal WHERE id IN ({IDS})"),
        actions_put: "INSERT INTO freehold_saga_action (saga, signal, who, asked, step, payload, outcome)
 SELECT value ->> 'i', value ->> 'g', value ->> 'w', value ->> 'a', value ->> 't', value ->> 'p', value ->> 'o' FROM json_each(?1)".to_owned(),
        actions: "SELECT signal, at, who, asked, step, payload, outcome FROM freehold_saga_action WHERE saga = ?1 ORDER BY id".to_owned(),
        locks_held: format!("SELECT key, saga FROM freehold_saga_lock WHERE key IN ({IDS})"),
        locks_put: "INSERT INTO freehold_saga_lock (key, saga) SELECT value ->> 'k', value ->> 'i' FROM json_each(?1) WHERE true ON CONFLICT (key) DO NOTHING".to_owned(),
        locks_free: format!("DELETE FROM freehold_saga_lock WHERE saga IN ({IDS})"),
        locks_of: "SELECT key FROM freehold_saga_lock WHERE saga = ?1 ORDER BY key".to_owned(),
        new_life: "UPDATE freehold_saga_life SET token = ?1".to_owned(),
        barrier: barrier(),
    }
}

fn barrier() -> BarrierSql {
    let row = "caller = ?1 AND saga = ?2 AND step = ?3";
    BarrierSql {
        insert: "INSERT INTO freehold_barrier (caller, saga, step, generation, kind, ran, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)".to_owned(),
        read: format!("SELECT kind, ran, result, digest FROM freehold_barrier WHERE {row} AND generation = ?4"),
        ran: format!(
            "UPDATE freehold_barrier SET ran = ?5, result = ?6 WHERE {row} AND generation = ?4 AND kind = 'action'"
        ),
        status: format!("SELECT generation, kind, ran FROM freehold_barrier WHERE {row}"),
        forget: "DELETE FROM freehold_barrier WHERE caller = ?1 AND saga = ?2".to_owned(),
        incarnation: "SELECT token FROM freehold_saga_life".to_owned(),
        all: "SELECT caller, saga, step, generation, kind, ran FROM freehold_barrier WHERE caller = ?1 ORDER BY saga, step, generation LIMIT ?2".to_owned(),
    }
}
