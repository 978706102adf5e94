//! What happens: open sessions, counted statements, and over what time they were counted.

/// One open session, or several that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its login, if that still exists.
    pub principal: Option<u32>,
    /// Its login's name; `None`: the login was dropped while the session went on.
    pub login: Option<String>,
    /// What it calls itself.
    pub application: String,
    /// Where it comes from; empty: a local socket.
    pub address: String,
    /// Which database it is in.
    pub database: String,
    /// Is it encrypted? `None`: not seen.
    pub tls: Option<bool>,
    /// It streams the server's log of changes.
    pub replication: bool,
    /// How many alike.
    pub count: u32,
}

/// A statement that the server counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Who ran it; `None`: the server does not say, or the login was dropped.
    pub principal: Option<u32>,
    /// Its text with placeholders for values; cut at [`super::Limits::text`].
    pub text: String,
    /// In which schema it was counted, where the server says so (MySQL).
    pub schema: Option<String>,
    /// How often it was run.
    pub calls: u64,
    /// All runs together, in milliseconds.
    pub total_ms: f64,
    /// Rows that it gave or changed.
    pub rows: u64,
    /// Names of open sessions whose last statement it is.
    pub applications: Vec<String>,
}

/// Over what time statements were counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Window {
    /// The beginning, in seconds since 1970; `None`: not known, so nothing is said per day.
    pub since: Option<i64>,
    /// The end, in seconds since 1970.
    pub until: i64,
    /// Microseconds between both, where the server tells them.
    pub micros: Option<i64>,
    /// Statements that were counted and forgotten for want of room.
    pub evicted: Option<u64>,
    /// Statements inside of functions are counted as well.
    pub nested: bool,
    /// Statements of logins that may not be seen.
    pub hidden: u64,
    /// Calls of those.
    pub hidden_calls: u64,
}

/// A line of the server's own rules about who may come from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRule {
    /// `local`, `host`, `hostssl`.
    pub kind: String,
    /// For which databases.
    pub databases: Vec<String>,
    /// For whom.
    pub logins: Vec<String>,
    /// From where.
    pub address: String,
    /// How they prove who they are: `trust`, `scram-sha-256`.
    pub method: String,
}
