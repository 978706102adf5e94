//! The named statements of sagas on PostgreSQL. What they are for stands on
//! [`freehold_engine::SagaSql`]; the tables are made in `sagas.rs`.

use freehold_engine::{BarrierSql, SagaSql, Want};

use crate::names::{literal, qualified};

const NOW: &str = "pg_catalog.clock_timestamp()";
/// Statements name it by the table `s`.
const SHARE: &str = "(('x' || pg_catalog.right(s.saga, 2))::bit(8)::int & 63)";
/// As an array: a join would look at every row once for each share.
const SHARES: &str = "ANY (ARRAY(SELECT pg_catalog.jsonb_array_elements_text($1::jsonb)::int))";
const IDS: &str = "SELECT pg_catalog.jsonb_array_elements_text($1::jsonb)";
const LEDS: &str = "pg_catalog.jsonb_to_recordset($1::jsonb) AS r (s smallint, e bigint)";

fn micros(time: &str) -> String {
    format!("(extract(epoch FROM {time}) * 1000000)::bigint")
}

fn later(term: &str) -> String {
    format!("{NOW} + {term}::bigint * interval '1 microsecond'")
}

/// All statements of one store.
#[expect(clippy::too_many_lines, reason = "a list of statements")]
pub(crate) fn statements(want: &Want) -> SagaSql {
    let own = |name: &str| qualified(&want.spot, &want.spot.own(name));
    let (share, member) = (own("saga_share"), own("saga_member"));
    let (start, definition) = (own("saga_start"), own("saga_definition"));
    let (instance, signal) = (own("saga_instance"), own("saga_signal"));
    let (lock, action) = (own("saga_lock"), own("saga_action"));
    let life = own("saga_life");
    let row = "s.saga, s.version, s.definition, s.state";
    let shown = format!(
        "SELECT s.saga, s.definition, s.key, coalesce(i.definition, ''), i.state, {}, {}, i.ended IS NOT NULL
 FROM {start} s LEFT JOIN {instance} i ON i.saga = s.saga",
        micros("s.at"),
        micros("coalesce(i.updated, s.at)")
    );
    SagaSql {
        // Statistics of a table that is always changing are always wrong; the number of rows that a
        // batch touches is small. A plan that has no choice costs so much by its estimate that it
        // would be compiled each time.
        once: vec![
            "SET lock_timeout = '2s'".to_owned(),
            "SET idle_in_transaction_session_timeout = '3s'".to_owned(),
            "SET enable_seqscan = off".to_owned(),
            "SET enable_hashjoin = off".to_owned(),
            "SET enable_mergejoin = off".to_owned(),
            "SET jit = off".to_owned(),
        ],
        identity: format!(
            "SELECT {}, pg_catalog.concat_ws('/', s.system_identifier, c.timeline_id, {}::regclass::oid, (SELECT token FROM {life}))
 FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c",
            micros(NOW),
            literal(&share)
        ),
        member_put: format!(
            "INSERT INTO {member} (holder, until) VALUES ($1, {}) ON CONFLICT (holder) DO UPDATE SET until = EXCLUDED.until",
            later("$2")
        ),
        member_delete: format!("DELETE FROM {member} WHERE holder = $1 OR until < {NOW} - interval '1 hour'"),
        members: format!("SELECT count(*) FROM {member} WHERE until > {NOW}"),
        shares: format!(
            "SELECT share::bigint, holder, epoch, until > {NOW}, {}, format::bigint, rebuilt FROM {share} ORDER BY share",
            micros("until")
        ),
        share_take: format!(
            "UPDATE {share} AS s SET holder = $2, epoch = s.epoch + 1, until = {}, format = $4 FROM {LEDS}
 WHERE s.share = r.s AND s.epoch = r.e AND s.until <= {NOW}",
            later("$3")
        ),
        share_renew: format!(
            "UPDATE {share} AS s SET until = {} FROM {LEDS} WHERE s.share = r.s AND s.epoch = r.e AND s.holder = $2",
            later("$3")
        ),
        share_resign: format!(
            "UPDATE {share} AS s SET until = {NOW} FROM {LEDS} WHERE s.share = r.s AND s.epoch = r.e AND s.holder = $2"
        ),
        share_rebuilt: format!(
            "UPDATE {share} AS s SET rebuilt = $2 FROM {LEDS} WHERE s.share = r.s AND s.epoch = r.e"
        ),
        fence: format!(
            "SELECT s.share::bigint FROM {share} s JOIN {LEDS} ON s.share = r.s AND s.epoch = r.e FOR SHARE OF s"
        ),
        definition_put: format!(
            "INSERT INTO {definition} (hash, name, version, conflict, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (hash) DO NOTHING"
        ),
        definition_current: format!(
            "UPDATE {definition} SET current = (hash = $1) WHERE name = $2 AND current <> (hash = $1)"
        ),
        definitions: format!("SELECT hash, name, body FROM {definition} ORDER BY since"),
        starts_new: format!(
            "SELECT s.saga, s.definition, s.key, s.input::text, s.locks::text FROM {start} s
 WHERE NOT s.claimed AND {SHARE} = {SHARES} ORDER BY s.at LIMIT $2::bigint"
        ),
        starts_known: format!("SELECT saga, locks::text FROM {start} WHERE saga IN ({IDS}) ORDER BY at"),
        starts_claim: format!("UPDATE {start} SET claimed = true WHERE saga IN ({IDS})"),
        start_put: format!(
            "INSERT INTO {start} (definition, key, input, locks) VALUES ($1, $2, $3::text::json, $4::text::json) ON CONFLICT (definition, key) DO NOTHING"
        ),
        instances_open: format!(
            "SELECT {row} FROM {instance} s WHERE s.ended IS NULL AND s.share = {SHARES} AND s.saga > $2 ORDER BY s.saga LIMIT $3::bigint"
        ),
        instances_by_id: format!("SELECT {row} FROM {instance} s WHERE s.saga IN ({IDS})"),
        states_in_rows: false,
        instances_insert: format!(
            "INSERT INTO {instance} (saga, share, definition, version, state, summary, ended)
 SELECT i, s, d, v, pg_catalog.substr($2::bytea, o, l), m, CASE WHEN f THEN {NOW} END
 FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r (i text, s smallint, d text, v bigint, o int, l int, m text, f boolean)"
        ),
        instances_match: String::new(),
        instances_update: format!(
            "UPDATE {instance} AS s SET version = r.v, state = pg_catalog.substr($2::bytea, r.o, r.l), summary = r.m, updated = {NOW},
 ended = CASE WHEN r.f THEN coalesce(s.ended, {NOW}) END
 FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r (i text, p bigint, v bigint, o int, l int, m text, f boolean)
 WHERE s.saga = r.i AND s.version = r.p RETURNING s.saga"
        ),
        instances_old: format!(
            "SELECT s.saga, s.definition, s.state FROM {instance} s WHERE s.share = {SHARES}
 AND s.ended < {NOW} - $2::bigint * interval '1 microsecond' LIMIT $3::bigint"
        ),
        prune: vec![
            format!("DELETE FROM {instance} WHERE saga IN ({IDS}) AND ended IS NOT NULL"),
            format!("DELETE FROM {start} WHERE saga IN ({IDS})"),
            format!("DELETE FROM {action} WHERE saga IN ({IDS})"),
        ],
        list: format!(
            "{shown} WHERE ($1 = '' OR s.definition = $1) AND ($2 = '' OR s.key = $2) AND ($4::boolean OR i.ended IS NULL) ORDER BY s.at DESC LIMIT $3::bigint"
        ),
        show: format!("{shown} WHERE s.saga = $1"),
        signals: format!(
            "SELECT g.id, s.saga, g.asked, g.step, g.seen, g.payload::text, g.who FROM {signal} g
 LEFT JOIN {start} s ON s.saga = g.saga OR g.saga IS NULL AND s.definition = g.definition AND s.key = g.key
 WHERE (s.saga IS NOT NULL OR g.saga IS NOT NULL) AND coalesce({SHARE}, 0) = {SHARES} ORDER BY g.id LIMIT $2::bigint"
        ),
        signal_put: format!(
            "INSERT INTO {signal} (saga, asked, step, seen, payload, who) VALUES ($1, $2, $3, $4, $5::text::json, $6)"
        ),
        signals_delete: format!("DELETE FROM {signal} WHERE id IN (SELECT pg_catalog.jsonb_array_elements_text($1::jsonb)::bigint)"),
        actions_put: format!(
            "INSERT INTO {action} (saga, signal, who, asked, step, payload, outcome) SELECT i, g, w, a, t, p, o
 FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r (i text, g bigint, w text, a text, t text, p text, o text)"
        ),
        actions: format!(
            "SELECT signal, {}, who, asked, step, payload, outcome FROM {action} WHERE saga = $1 ORDER BY id",
            micros("at")
        ),
        locks_held: format!("SELECT key, saga FROM {lock} WHERE key IN ({IDS})"),
        locks_put: format!(
            "INSERT INTO {lock} (key, saga) SELECT k, i FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r (k text, i text) ORDER BY k ON CONFLICT (key) DO NOTHING"
        ),
        locks_free: format!("DELETE FROM {lock} WHERE saga IN ({IDS})"),
        locks_of: format!("SELECT key FROM {lock} WHERE saga = $1 ORDER BY key"),
        new_life: format!("UPDATE {life} SET token = $1"),
        barrier: barrier(&own("barrier"), &life),
    }
}

fn barrier(table: &str, life: &str) -> BarrierSql {
    let row = "caller = $1 AND saga = $2 AND step = $3";
    BarrierSql {
        insert: format!(
            "INSERT INTO {table} (caller, saga, step, generation, kind, ran, digest) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        read: format!(
            "SELECT kind, ran, result, digest FROM {table} WHERE {row} AND generation = $4 FOR UPDATE"
        ),
        ran: format!(
            "UPDATE {table} SET ran = $5, result = $6 WHERE {row} AND generation = $4 AND kind = 'action'"
        ),
        status: format!("SELECT generation, kind, ran FROM {table} WHERE {row}"),
        forget: format!("DELETE FROM {table} WHERE caller = $1 AND saga = $2"),
        incarnation: format!("SELECT token FROM {life}"),
        all: format!(
            "SELECT caller, saga, step, generation, kind, ran FROM {table} WHERE caller = $1 ORDER BY saga, step, generation LIMIT $2::bigint"
        ),
    }
}
