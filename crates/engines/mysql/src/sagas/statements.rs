//! The named statements of sagas on `MariaDB` and `MySQL`. What they are for stands on
//! [`freehold_engine::SagaSql`]; the tables are made in `sagas.rs`.
//!
//! Placeholders have no numbers here: each argument stands once, in the order of the contract.

use freehold_engine::{BarrierSql, SagaSql, Want};

use crate::names::object;

const NOW: &str = "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)";
/// Statements name it by the table `s`.
const SHARE: &str = "(CONV(RIGHT(s.saga, 2), 16, 10) & 63)";
const IDS: &str = "JSON_TABLE(?, '$[*]' COLUMNS (id CHAR(36) CHARACTER SET ascii PATH '$')) AS i";
const LEDS: &str = "JSON_TABLE(?, '$[*]' COLUMNS (s INT PATH '$.s', e BIGINT PATH '$.e')) AS r";

/// Is it one of the shares that are asked for? A join with them would look at every row once for each.
fn is_asked_for(share: &str) -> String {
    format!("JSON_CONTAINS(?, CAST({share} AS CHAR))")
}

/// All statements of one store.
#[expect(clippy::too_many_lines, reason = "a list of statements")]
pub(crate) fn statements(want: &Want) -> SagaSql {
    let own = |name: &str| object(&want.spot.database, &want.spot.own(name));
    let (share, member) = (own("saga_share"), own("saga_member"));
    let (start, definition) = (own("saga_start"), own("saga_definition"));
    let (instance, signal) = (own("saga_instance"), own("saga_signal"));
    let (lock, action) = (own("saga_lock"), own("saga_action"));
    let life = own("saga_life");
    let row = "s.saga, s.version, s.definition, s.state";
    let shown = format!(
        "SELECT s.saga, s.definition, s.`key`, COALESCE(i.definition, ''), i.state, s.at, COALESCE(i.updated, s.at), i.ended IS NOT NULL
 FROM {start} s LEFT JOIN {instance} i ON i.saga = s.saga"
    );
    let led = format!("{LEDS} STRAIGHT_JOIN {share} s ON s.share = r.s AND s.epoch = r.e");
    SagaSql {
        once: vec![
            "SET SESSION innodb_lock_wait_timeout = 2".to_owned(),
            // Only MariaDB knows it.
            "SET SESSION wait_timeout = 28800 /*M! , idle_transaction_timeout = 3 */".to_owned(),
        ],
        identity: format!("SELECT {NOW}, token FROM {life}"),
        member_put: format!(
            "INSERT INTO {member} (holder, until) VALUES (?, {NOW} + ?) ON DUPLICATE KEY UPDATE until = VALUES(until)"
        ),
        member_delete: format!("DELETE FROM {member} WHERE holder = ?"),
        members: format!("SELECT COUNT(*) FROM {member} WHERE until > {NOW}"),
        shares: format!(
            "SELECT share, holder, epoch, until > {NOW}, until, format, rebuilt FROM {share} ORDER BY share"
        ),
        share_take: format!(
            "UPDATE {led} SET s.holder = ?, s.epoch = s.epoch + 1, s.until = {NOW} + ?, s.format = ? WHERE s.until <= {NOW}"
        ),
        share_renew: format!(
            "UPDATE {led} JOIN (SELECT ? AS holder) w SET s.until = {NOW} + ? WHERE s.holder = w.holder"
        ),
        share_resign: format!("UPDATE {led} SET s.until = {NOW} WHERE s.holder = ?"),
        share_rebuilt: format!("UPDATE {led} SET s.rebuilt = ?"),
        fence: format!("SELECT s.share FROM {led} LOCK IN SHARE MODE"),
        definition_put: format!(
            "INSERT IGNORE INTO {definition} (hash, name, version, conflict, body) VALUES (?, ?, ?, ?, ?)"
        ),
        definition_current: format!(
            "UPDATE (SELECT ? AS hash, ? AS name) w JOIN {definition} d ON d.name = w.name COLLATE utf8mb4_bin SET d.`current` = (d.hash = w.hash COLLATE utf8mb4_bin)"
        ),
        definitions: format!("SELECT hash, name, body FROM {definition} ORDER BY since"),
        starts_new: format!(
            "SELECT s.saga, s.definition, s.`key`, s.input, s.locks FROM {start} s WHERE s.claimed = FALSE AND {} ORDER BY s.at LIMIT ?",
            is_asked_for(SHARE)
        ),
        starts_known: format!(
            "SELECT s.saga, s.locks FROM {IDS} STRAIGHT_JOIN {start} s ON s.saga = i.id ORDER BY s.at"
        ),
        starts_claim: format!(
            "UPDATE {IDS} STRAIGHT_JOIN {start} s ON s.saga = i.id SET s.claimed = TRUE"
        ),
        start_put: format!(
            "INSERT IGNORE INTO {start} (definition, `key`, input, locks) VALUES (?, ?, ?, ?)"
        ),
        instances_open: format!(
            "SELECT {row} FROM {instance} s WHERE {} AND s.ended IS NULL AND s.saga > ? ORDER BY s.saga LIMIT ?",
            is_asked_for("s.share")
        ),
        instances_by_id: format!(
            "SELECT {row} FROM {IDS} STRAIGHT_JOIN {instance} s ON s.saga = i.id"
        ),
        // Its SUBSTRING would count in the characters of a parameter.
        states_in_rows: true,
        instances_insert: format!(
            "INSERT INTO {instance} (saga, share, definition, version, state, summary, ended)
 SELECT r.i, r.s, r.d, r.v, UNHEX(r.x), r.m, CASE WHEN r.f THEN {NOW} END FROM JSON_TABLE(?, '$[*]' COLUMNS (i CHAR(36) PATH '$.i', s INT PATH '$.s',
 d CHAR(64) PATH '$.d', v BIGINT PATH '$.v', x LONGTEXT PATH '$.x', m TEXT PATH '$.m', f BOOLEAN PATH '$.f')) AS r"
        ),
        // Affected rows tell of those that changed: matching ones are locked and read first.
        instances_match: format!(
            "SELECT s.saga FROM JSON_TABLE(?, '$[*]' COLUMNS (i CHAR(36) CHARACTER SET ascii PATH '$.i', p BIGINT PATH '$.p')) AS r
 STRAIGHT_JOIN {instance} s ON s.saga = r.i AND s.version = r.p FOR UPDATE"
        ),
        instances_update: format!(
            "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (i CHAR(36) CHARACTER SET ascii PATH '$.i', p BIGINT PATH '$.p', v BIGINT PATH '$.v', x LONGTEXT PATH '$.x',
 m TEXT PATH '$.m', f BOOLEAN PATH '$.f')) AS r STRAIGHT_JOIN {instance} s ON s.saga = r.i AND s.version = r.p
 SET s.version = r.v, s.state = UNHEX(r.x), s.summary = r.m, s.updated = {NOW}, s.ended = CASE WHEN r.f THEN COALESCE(s.ended, {NOW}) END"
        ),
        instances_old: format!(
            "SELECT s.saga, s.definition, s.state FROM {instance} s WHERE {} AND s.ended < {NOW} - ? LIMIT ?",
            is_asked_for("s.share")
        ),
        prune: [(&instance, " WHERE s.ended IS NOT NULL"), (&start, ""), (&action, "")]
            .map(|(table, only)| {
                format!("DELETE s FROM {IDS} STRAIGHT_JOIN {table} s ON s.saga = i.id{only}")
            })
            .to_vec(),
        list: format!(
            "{shown} JOIN (SELECT ? AS definition, ? AS name, ? AS most, ? AS ended) w
 WHERE (w.definition = '' OR s.definition = w.definition COLLATE utf8mb4_bin) AND (w.name = '' OR s.`key` = w.name COLLATE utf8mb4_bin)
 AND (w.ended OR i.ended IS NULL) ORDER BY s.at DESC LIMIT 1000"
        ),
        show: format!("{shown} WHERE s.saga = ?"),
        signals: format!(
            "SELECT g.id, s.saga, g.asked, g.step, g.seen, g.payload, g.who FROM {signal} g
 LEFT JOIN {start} s ON s.saga = g.saga OR g.saga IS NULL AND s.definition = g.definition AND s.`key` = g.`key`
 WHERE (s.saga IS NOT NULL OR g.saga IS NOT NULL) AND {} ORDER BY g.id LIMIT ?",
            is_asked_for(&format!("COALESCE({SHARE}, 0)"))
        ),
        signal_put: format!(
            "INSERT INTO {signal} (saga, asked, step, seen, payload, who) VALUES (?, ?, ?, ?, ?, ?)"
        ),
        signals_delete: format!(
            "DELETE g FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) AS i STRAIGHT_JOIN {signal} g ON g.id = i.id"
        ),
        actions_put: format!(
            "INSERT INTO {action} (saga, `signal`, who, asked, step, payload, outcome) SELECT r.i, r.g, r.w, r.a, r.t, r.p, r.o
 FROM JSON_TABLE(?, '$[*]' COLUMNS (i CHAR(36) PATH '$.i', g BIGINT PATH '$.g', w VARCHAR(255) PATH '$.w', a VARCHAR(20) PATH '$.a',
 t VARCHAR(63) PATH '$.t', p LONGTEXT PATH '$.p', o VARCHAR(255) PATH '$.o')) AS r"
        ),
        actions: format!(
            "SELECT `signal`, at, who, asked, step, payload, outcome FROM {action} WHERE saga = ? ORDER BY id"
        ),
        locks_held: format!(
            "SELECT l.`key`, l.saga FROM JSON_TABLE(?, '$[*]' COLUMNS (k VARCHAR(512) PATH '$')) AS i STRAIGHT_JOIN {lock} l ON l.`key` = i.k COLLATE utf8mb4_bin"
        ),
        locks_put: format!(
            "INSERT IGNORE INTO {lock} (`key`, saga) SELECT r.k, r.i FROM JSON_TABLE(?, '$[*]' COLUMNS (k VARCHAR(512) PATH '$.k', i CHAR(36) PATH '$.i')) AS r ORDER BY r.k"
        ),
        locks_free: format!("DELETE l FROM {IDS} STRAIGHT_JOIN {lock} l ON l.saga = i.id"),
        locks_of: format!("SELECT `key` FROM {lock} WHERE saga = ? ORDER BY `key`"),
        new_life: format!("UPDATE {life} SET token = ?"),
        barrier: barrier(&own("barrier"), &life),
    }
}

fn barrier(table: &str, life: &str) -> BarrierSql {
    let row = "caller = ? AND saga = ? AND step = ?";
    BarrierSql {
        insert: format!(
            "INSERT INTO {table} (caller, saga, step, generation, kind, ran, digest) VALUES (?, ?, ?, ?, ?, ?, ?)"
        ),
        read: format!(
            "SELECT kind, ran, result, digest FROM {table} WHERE {row} AND generation = ? FOR UPDATE"
        ),
        ran: format!(
            "UPDATE (SELECT ? AS caller, ? AS saga, ? AS step, ? AS generation, ? AS ran, ? AS result) w STRAIGHT_JOIN {table} b
 ON b.caller = w.caller COLLATE utf8mb4_bin AND b.saga = w.saga AND b.step = w.step COLLATE utf8mb4_bin AND b.generation = w.generation AND b.kind = 'action'
 SET b.ran = w.ran, b.result = w.result"
        ),
        status: format!("SELECT generation, kind, ran FROM {table} WHERE {row}"),
        forget: format!("DELETE FROM {table} WHERE caller = ? AND saga = ?"),
        incarnation: format!("SELECT token FROM {life}"),
        all: format!(
            "SELECT caller, saga, step, generation, kind, ran FROM {table} WHERE caller = ? ORDER BY saga, step, generation LIMIT ?"
        ),
    }
}
