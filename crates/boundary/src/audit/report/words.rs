//! Phrases that the page and the terminal share. Names stand between backticks.

use std::fmt::Write as _;

use freehold_look::number::{capital, count, grouped, short, whole, word};

use super::date::Moment;
use super::{
    By, Crossing, Fit, Login, OnDelete, Orphan, Report, State, Tie, TieKind, Users, Verb, WayOut,
};

/// What a statement does, without anything that was in it: tables and the joins between them.
/// `small` is put around the words between the tables.
pub(super) fn statement(crossing: &Crossing, small: &dyn Fn(&str) -> String) -> String {
    let verb = match crossing.verb {
        Verb::Select | Verb::Other => "",
        Verb::Insert => "INSERT ",
        Verb::Update => "UPDATE ",
        Verb::Delete => "DELETE ",
        Verb::Merge => "MERGE ",
        Verb::Call => "CALL ",
        Verb::Truncate => "TRUNCATE ",
        Verb::Copy => "COPY ",
    };
    let verb = if verb.is_empty() && crossing.tables.len() == 1 {
        "SELECT "
    } else {
        verb
    };
    let join = format!(" {} ", small("join"));
    let grouped = if crossing.grouped { ", GROUP BY" } else { "" };
    format!("{verb}{}{grouped}", crossing.tables.join(&join))
}

/// `checkout as bookvault`, or `search-indexer, own login`.
pub(super) fn who(crossing: &Crossing) -> String {
    let plain = |name: &str| name.replace(['-', '_', ' '], "").to_lowercase();
    if plain(&crossing.program) == plain(&crossing.login) {
        format!("{}, own login", crossing.program)
    } else {
        format!("{} as `{}`", crossing.program, crossing.login)
    }
}

/// `checkout/src/orders/page.ts:52`.
pub(super) fn place(crossing: &Crossing) -> Option<String> {
    crossing.spot.as_ref().map(|own| match own.line {
        Some(line) => format!("{}:{line}", own.file),
        None => own.file.clone(),
    })
}

/// `book_cache in orders`.
pub(super) fn way_detail(way: &WayOut) -> String {
    match (&way.what, &way.within) {
        (Some(what), Some(within)) => format!("{what} in {within}"),
        (Some(what), None) => what.clone(),
        (None, Some(within)) => format!("in {within}"),
        (None, None) => String::new(),
    }
}

pub(super) fn by(by: By) -> &'static str {
    match by {
        By::Owner => "Owner",
        By::RoleChain => "Role chain",
        By::DefinerFunction => "Definer function",
        By::Superuser => "Superuser",
        By::Replication => "Replication",
        By::Grant => "Grant",
        By::Public => "PUBLIC",
        By::View => "View",
        By::ForeignServer => "Foreign server",
        By::RoleAdmin => "Role admin",
    }
}

pub(super) fn on_delete(on_delete: OnDelete) -> &'static str {
    match on_delete {
        OnDelete::NoAction => "no action",
        OnDelete::Restrict => "restrict",
        OnDelete::Cascade => "CASCADE",
        OnDelete::SetNull => "SET NULL",
        OnDelete::SetDefault => "SET DEFAULT",
    }
}

/// `3 views`.
pub(super) fn ties(kind: TieKind, n: usize) -> String {
    match kind {
        TieKind::View => count(n, "view", "views"),
        TieKind::Function => count(n, "function", "functions"),
        TieKind::Trigger => count(n, "trigger", "triggers"),
        TieKind::Sequence => count(n, "sequence", "sequences"),
        TieKind::Policy => count(n, "policy", "policies"),
        TieKind::ForeignServer => count(n, "foreign server", "foreign servers"),
    }
}

/// `` `place_order()` over four contexts``.
pub(super) fn tie(tie: &Tie) -> String {
    let contexts = tie.contexts.len();
    let reach = match tie.kind {
        _ if tie.any => " over any".to_owned(),
        TieKind::View | TieKind::ForeignServer => String::new(),
        TieKind::Function | TieKind::Policy => format!(
            " over {} {}",
            word(contexts),
            if contexts == 1 { "context" } else { "contexts" }
        ),
        TieKind::Trigger => format!(" {}", tie.contexts.join(" → ")),
        TieKind::Sequence => format!(
            " feeds {} of {}",
            count(tie.tables, "table", "tables"),
            count(contexts, "context", "contexts")
        ),
    };
    format!("`{}`{reach}", tie.name)
}

pub(super) fn fit(fit: &Fit) -> String {
    match fit {
        Fit::EachItsOwn => "Each context keeps its own".to_owned(),
        Fit::Settings => "Settings of each service".to_owned(),
        Fit::Seed => "A seed in each store".to_owned(),
        Fit::Archive => "Archive, then drop".to_owned(),
        Fit::Belongs { context } => format!("Give it to {context}"),
        Fit::NeedsOwner => "One of them has to own it".to_owned(),
        Fit::NotKnown => "Not known".to_owned(),
    }
}

/// `18.4 M rows, 6.1 GB`.
pub(super) fn size(orphan: &Orphan) -> String {
    let bytes = freehold_look::number::bytes(orphan.bytes);
    match orphan.rows {
        Some(rows) if rows < 10_000 => format!(
            "{}, {bytes}",
            count(usize::try_from(rows).unwrap_or(0), "row", "rows")
        ),
        Some(rows) => format!("{} rows, {bytes}", short(freehold_look::number::real(rows))),
        None => format!("rows not known, {bytes}"),
    }
}

/// `text` for what a section shows when it is not whole.
pub(super) fn state(state: &State) -> Option<String> {
    match state {
        State::Whole => None,
        State::NoStatistics { setting } => Some(format!(
            "No statistics: this server does not count statements. {setting}"
        )),
        State::FewRights { why } => Some(format!("As far as this login can see: {why}.")),
        State::CutShort { at, why } => {
            let at = Moment::new(at);
            Some(format!(
                "Stopped on {} at {} UTC: {why}. What is shown was read before that.",
                at.date(),
                at.time()
            ))
        }
    }
}

impl Report {
    /// `nobody in 22.3 days`, `6 services, BI tool`, `account-web, checkout`.
    pub(super) fn users(&self, users: Option<&Users>) -> String {
        let Some(users) = users else {
            return "not known".to_owned();
        };
        let mut out = Vec::new();
        if users.trigger_tables > 0 {
            let of = if users.trigger_contexts >= self.contexts.len() {
                format!("all {}", word(users.trigger_contexts))
            } else {
                word(users.trigger_contexts)
            };
            out.push(format!(
                "trigger on {} of {of}",
                count(users.trigger_tables, "table", "tables")
            ));
        }
        out.extend(self.program_names(&users.programs, 2));
        if out.is_empty() {
            return match &self.window {
                Some(window) => format!("nobody in {}", span(window.days)),
                None => "not known".to_owned(),
            };
        }
        out.join(", ")
    }

    /// Names of programs; where more than `most` are services, how many.
    fn program_names(&self, programs: &[String], most: usize) -> Vec<String> {
        let services = self.services(programs);
        if services <= most {
            return programs.to_vec();
        }
        let of = |name: &&String| {
            let named = |own: &&super::Program| own.name == **name;
            self.programs
                .iter()
                .find(named)
                .is_none_or(|own| own.context.is_none())
        };
        let mut out = vec![count(services, "service", "services")];
        out.extend(programs.iter().filter(of).cloned());
        out
    }

    /// `3 services, 144 sessions`.
    pub(super) fn in_use(&self, logins: &[&Login]) -> String {
        let sessions: usize = logins.iter().map(|own| own.sessions).sum();
        let streams: usize = logins.iter().map(|own| own.streams).sum();
        if streams > 0 && sessions <= streams {
            return count(streams, "replication stream", "replication streams");
        }
        if sessions == 0 {
            return if self.states.programs.is_whole() {
                "no session now".to_owned()
            } else {
                "not known".to_owned()
            };
        }
        let mut programs: Vec<String> = Vec::new();
        for name in logins.iter().flat_map(|own| &own.programs) {
            if !programs.contains(name) {
                programs.push(name.clone());
            }
        }
        let mut out = self.program_names(&programs, 1);
        out.push(count(sessions, "session", "sessions"));
        if logins.iter().any(|own| own.tls == Some(false)) {
            out.push("no TLS".to_owned());
        }
        out.join(", ")
    }

    /// `read, write`, `read`, `read 17`.
    pub(super) fn may(&self, login: &Login) -> String {
        let all = self.subject.tables;
        let part = |word: &str, n: usize| match n {
            0 => None,
            n if n >= all => Some(word.to_owned()),
            n => Some(format!("{word} {}", grouped(n as u64))),
        };
        let parts: Vec<String> = [part("read", login.reads), part("write", login.writes)]
            .into_iter()
            .flatten()
            .collect();
        if parts.is_empty() {
            "nothing".to_owned()
        } else {
            parts.join(", ")
        }
    }

    /// Logins that reach everything, alike ones together: the order is that of the data.
    pub(super) fn reaching_rows(&self) -> Vec<Vec<&Login>> {
        let mut rows: Vec<Vec<&Login>> = Vec::new();
        let all = self.subject.tables;
        let mut logins: Vec<&Login> = self.reaching().collect();
        logins.sort_by_key(|own| own.writes < all);
        for login in logins {
            let alike = |own: &&Login| {
                let tail = |own: &Login| -> Vec<(By, Vec<String>)> {
                    own.paths
                        .iter()
                        .map(|path| (path.by, path.steps.iter().skip(1).cloned().collect()))
                        .collect()
                };
                let chained = own.paths.first().is_some_and(|path| path.steps.len() > 2);
                chained
                    && own.closes == login.closes
                    && own.may_all(all) == login.may_all(all)
                    && own.programs == login.programs
                    && tail(own) == tail(login)
            };
            match rows.iter_mut().find(|row| row.first().is_some_and(alike)) {
                Some(row) => row.push(login),
                None => rows.push(vec![login]),
            }
        }
        rows
    }

    /// How the whole was measured.
    pub(super) fn how(&self) -> String {
        let own = &self.measured;
        let member = if own.member_of.is_empty() {
            String::new()
        } else {
            let names: Vec<String> = own
                .member_of
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            format!(", member of {}", names.join(", "))
        };
        let mut out = format!(
            "Login `{}`{member}, read-only. {} sent in {}, the longest {}; {} writes, no lock above {}.",
            own.login,
            count(own.statements, "statement", "statements"),
            seconds(own.elapsed_ms),
            seconds(own.longest_ms),
            own.writes,
            own.strongest_lock
        );
        if let Some(window) = &self.window {
            let since = Moment::new(&window.since);
            let _ = write!(
                out,
                " Calls a day are calls since {}, {} UTC, divided by {}.",
                since.date(),
                since.time(),
                span(window.days)
            );
        }
        out + &self.told()
    }

    fn told(&self) -> String {
        let of = |told| {
            self.crossings
                .iter()
                .filter(|own| own.told_by == told)
                .count()
        };
        let all = self.crossings.len();
        if all == 0 {
            return String::new();
        }
        format!(
            " A program is told by its login ({} of {}), a comment in the statement ({}) or the last statement of its open sessions ({}).",
            of(super::ToldBy::Login),
            count(all, "statement", "statements"),
            of(super::ToldBy::Comment),
            of(super::ToldBy::Session)
        )
    }

    /// `Four contexts, one ground`.
    pub(super) fn ground_title(&self) -> String {
        format!("{} contexts, one ground", capital(&self.contexts_word()))
    }
}

impl Login {
    fn may_all(&self, tables: usize) -> (bool, bool) {
        (self.reads >= tables, self.writes >= tables)
    }
}

/// `1.4 s`, `0.11 s`.
pub(super) fn seconds(ms: u64) -> String {
    let seconds = freehold_look::number::real(ms) / 1000.0;
    if ms < 1000 {
        format!("{seconds:.2} s")
    } else {
        format!("{seconds:.1} s")
    }
}

/// How long the window is: `22.3 days`, `5.2 hours`, `12 minutes`.
pub(super) fn span(days: f64) -> String {
    let minutes = days * 24.0 * 60.0;
    if days >= 1.0 {
        format!("{days:.1} days")
    } else if minutes >= 60.0 {
        format!("{:.1} hours", minutes / 60.0)
    } else {
        let minutes = usize::try_from(whole(minutes.ceil())).unwrap_or(1).max(1);
        count(minutes, "minute", "minutes")
    }
}
