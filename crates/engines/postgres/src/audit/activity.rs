//! Who is connected, what was run, and from where logins may come.

use freehold_engine::audit::{LoginRule, Outcome, Part, Session, Statement};
use freehold_engine::{Error, ErrorKind};

use super::Gathered;
use super::ask::Ask;
use crate::names::ident;

const STATS: &str = "GRANT pg_read_all_stats TO this login";
/// Statements that are read at most; the server's own default keeps half of it.
const STATEMENTS: usize = 10_000;
/// What stands for a statement of others.
const HIDDEN: &str = "<insufficient privilege>";

impl Gathered {
    pub(super) async fn sessions(&mut self, ask: &mut Ask) {
        let sql = "SELECT a.usesysid, a.usename, a.application_name, host(a.client_addr), a.datname, s.ssl, \
               a.backend_type = 'walsender', count(*) \
             FROM pg_stat_activity a LEFT JOIN pg_stat_ssl s USING (pid) \
             WHERE a.pid <> pg_backend_pid() AND (a.backend_type IN ('client backend', 'walsender') OR a.backend_type IS NULL) \
               AND a.usesysid IS NOT NULL AND (a.datname = current_database() OR a.usename IS NULL OR a.datname IS NULL) \
             GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 8 DESC LIMIT 5000";
        let answer = ask.rows(sql).await;
        for row in answer.iter().flatten() {
            self.facts.sessions.push(Session {
                principal: self.role_of_oid.get(&row.oid(0)).copied(),
                login: row.text(1).map(str::to_owned),
                application: row.word(2),
                address: row.word(3),
                database: row.word(4),
                tls: row.text(5).map(|text| text == "t"),
                replication: row.yes(6),
                count: row.number(7).unwrap_or(1),
            });
        }
        self.ended(Part::Sessions, answer.as_ref().err(), STATS);
        if answer.is_ok() && !self.sees_others {
            let why = format!(
                "addresses and encryption of others' sessions are not shown to this login: {STATS}"
            );
            self.facts.say(Part::Sessions, Outcome::Partial(why));
        }
    }

    pub(super) async fn statements(&mut self, ask: &mut Ask) {
        if let Err(outcome) = self.read_statements(ask).await {
            self.facts.say(Part::Statements, outcome);
        }
        self.facts.window.until = self.facts.server.clock;
    }

    async fn read_statements(&mut self, ask: &mut Ask) -> Result<(), Outcome> {
        let refused = |error: &Error| not_counted(error);
        let sql = "SELECT n.nspname, e.extversion, \
               (SELECT setting FROM pg_settings WHERE name = 'pg_stat_statements.track') \
             FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";
        let found = ask.rows(sql).await.map_err(|error| refused(&error))?;
        let Some(row) = found.first() else {
            return Err(Outcome::NotSeen {
                why: "this server does not count statements".to_owned(),
                needs: "shared_preload_libraries = 'pg_stat_statements', then CREATE EXTENSION pg_stat_statements in this database".to_owned(),
            });
        };
        let view = ident(&row.word(0));
        self.facts.window.nested = row.text(2) == Some("all");
        // 1.8 came with 13, 1.9 with 14.
        let minor: u32 = row
            .text(1)
            .and_then(|version| version.strip_prefix("1.")?.parse().ok())
            .unwrap_or_default();
        let time = if minor >= 8 {
            "total_exec_time"
        } else {
            "total_time"
        };
        // Whose last statement it is, in sessions that are open now.
        let (names, sessions) = if self.version >= 140_000 {
            let join = "LEFT JOIN (SELECT query_id, usesysid, string_agg(DISTINCT application_name, chr(10)) AS names \
                 FROM pg_stat_activity WHERE datname = current_database() AND query_id IS NOT NULL GROUP BY 1, 2) a \
                 ON a.query_id = s.queryid AND a.usesysid = s.userid";
            ("a.names", join)
        } else {
            ("NULL", "")
        };
        let sql = format!(
            "SELECT s.userid, left(s.query, {}), s.calls, s.{time}, s.rows, {names} \
             FROM {view}.pg_stat_statements s {sessions} \
             WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             ORDER BY s.{time} DESC LIMIT {}",
            ask.limits.text,
            STATEMENTS + 1
        );
        let rows = ask.rows(&sql).await.map_err(|error| refused(&error))?;
        let cut = rows.len() > STATEMENTS;
        for row in rows.iter().take(STATEMENTS) {
            let calls = row.number(2).unwrap_or_default();
            let text = row.word(1);
            if text == HIDDEN {
                self.facts.window.hidden += 1;
                self.facts.window.hidden_calls += calls;
                continue;
            }
            self.facts.statements.push(Statement {
                principal: self.role_of_oid.get(&row.oid(0)).copied(),
                text,
                schema: None,
                calls,
                total_ms: row.number(3).unwrap_or_default(),
                rows: row.number(4).unwrap_or_default(),
                applications: row
                    .text(5)
                    .map(|names| names.split('\n').map(str::to_owned).collect())
                    .unwrap_or_default(),
            });
        }
        if minor >= 9 {
            self.window(ask, &view).await;
        }
        self.facts.say(Part::Statements, Outcome::Whole);
        let hidden = self.facts.window.hidden;
        if hidden > 0 {
            let why =
                format!("{hidden} statements of other logins are not shown to this one: {STATS}");
            self.facts.say(Part::Statements, Outcome::Partial(why));
        } else if cut {
            let why = format!("only the {STATEMENTS} that took longest were read");
            self.facts.say(Part::Statements, Outcome::Partial(why));
        }
        Ok(())
    }

    /// Over what time they were counted. Before 14 the server does not say.
    async fn window(&mut self, ask: &mut Ask, view: &str) {
        let sql = format!(
            "SELECT dealloc, floor(extract(epoch FROM stats_reset))::bigint, \
             (extract(epoch FROM clock_timestamp() - stats_reset) * 1000000)::bigint FROM {view}.pg_stat_statements_info"
        );
        if let Ok([row]) = ask.rows(&sql).await.as_deref() {
            self.facts.window.evicted = row.number(0);
            self.facts.window.since = row.number(1);
            self.facts.window.micros = row.number(2);
        }
    }

    pub(super) async fn login_rules(&mut self, ask: &mut Ask) {
        let sql = "SELECT type, array_to_string(database, ' '), array_to_string(user_name, ' '), coalesce(address, ''), auth_method \
                   FROM pg_hba_file_rules WHERE error IS NULL ORDER BY line_number LIMIT 2000";
        let answer = ask.rows(sql).await;
        let words = |text: Option<&str>| {
            let words = text.unwrap_or_default().split(' ');
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        for row in answer.iter().flatten() {
            self.facts.login_rules.push(LoginRule {
                kind: row.word(0),
                databases: words(row.text(1)),
                logins: words(row.text(2)),
                address: row.word(3),
                method: row.word(4),
            });
        }
        let needs = "GRANT SELECT ON pg_hba_file_rules and EXECUTE ON FUNCTION pg_hba_file_rules() TO this login";
        self.ended(Part::LoginRules, answer.as_ref().err(), needs);
    }
}

/// Why statements are not to be had.
fn not_counted(error: &Error) -> Outcome {
    let needs = match (error.kind, error.native.as_deref()) {
        (ErrorKind::Unavailable, _) => "an audit over a connection that holds".to_owned(),
        // The library is not loaded.
        (_, Some("55000")) => {
            "shared_preload_libraries = 'pg_stat_statements' and a restart".to_owned()
        }
        (ErrorKind::Denied, _) => {
            "GRANT USAGE ON its schema and SELECT ON pg_stat_statements TO this login".to_owned()
        }
        _ => "a longer `--budget`".to_owned(),
    };
    Outcome::NotSeen {
        why: super::why(error),
        needs,
    }
}
