//! What only PostgreSQL's own diff needs to know of a store, kept in [`Live::facts`]: the keys
//! are written and read here and nowhere else.

use std::collections::BTreeSet;

use freehold_engine::Live;

/// A fact: something about an object, or about the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Owner of the store's database.
    DatabaseOwner,
    /// `yes`: it takes connections.
    DatabaseOpen,
    /// `yes`: a DROP DATABASE of it was cut off by a crash; it can only be dropped.
    DatabaseBroken,
    /// `yes`: it carries our mark.
    DatabaseMarked,
    /// `yes`: PUBLIC may enter it.
    DatabasePublic,
    /// `yes`: PUBLIC may make temporary tables in it.
    DatabasePublicTemp,
    /// `yes`: this login may enter it.
    MayEnter,
    /// `yes`: this login may create schemas in it.
    MayCreate,
    /// `yes`: this login may let others into it.
    MayLetIn,
    /// Of a schema: its owner.
    SchemaOwner,
    /// Of a schema: `yes`: this login may grant on it.
    SchemaMayGrant,
    /// Of a table: those it inherits from, one a line.
    Inherits,
    /// Of a table: the table that it is a partition of.
    PartitionOf,
    /// Of `table/rule`: what it does.
    Rule,
    /// Of `table/trigger`: the routine it calls.
    Trigger,
    /// Of a routine: its language.
    Language,
    /// Of a routine: what it returns, where that decides: `trigger`.
    Returns,
    /// Of a sequence: `identity`, `serial`, `free`.
    SequenceKind,
    /// Of a sequence: its owner.
    SequenceOwner,
    /// Of a table, view or sequence whose own owner was denied something: the kind.
    OwnerLacks,
    /// `yes`: somebody has changed what functions yet to be made are given to.
    FunctionDefaults,
    /// Of a type: its owner.
    TypeOwner,
    /// Of `member/group`: who granted it, one a line.
    Grantor,
    /// Of a role: settings that only a superuser may reset, one a line.
    SuperuserSettings,
    /// Of a role of ours: databases elsewhere in which it holds something, one a line.
    Elsewhere,
    /// Other databases that PUBLIC may enter, one a line.
    OpenDatabases,
    /// Of such a database: its owner.
    OpenOwner,
    /// Of such a database: the logins that come in only as PUBLIC, one a line.
    OpenLogins,
    /// Of such a database: open sessions of those.
    OpenSessions,
    /// Of a described extension: `trusted` or `superuser`.
    Available,
    /// Of an installed extension: its owner.
    ExtensionOwner,
    /// Lines of `pg_hba.conf` that let plain connections in, one a line.
    PlainHba,
}

impl Fact {
    fn key(self, of: &str) -> String {
        let word = format!("{self:?}");
        if of.is_empty() {
            word
        } else {
            format!("{word} {of}")
        }
    }
}

/// Writes a fact. `of`: empty for facts about the store.
pub(crate) fn put(live: &mut Live, fact: Fact, of: &str, value: impl Into<String>) {
    live.facts.insert(fact.key(of), value.into());
}

/// Adds a line to a fact.
pub(crate) fn push(live: &mut Live, fact: Fact, of: &str, added: &str) {
    let entry = live.facts.entry(fact.key(of)).or_default();
    if !entry.is_empty() {
        entry.push('\n');
    }
    entry.push_str(added);
}

/// A fact, or nothing.
pub(crate) fn get<'a>(live: &'a Live, fact: Fact, of: &str) -> &'a str {
    live.facts.get(&fact.key(of)).map_or("", String::as_str)
}

/// Is it `yes`?
pub(crate) fn yes(live: &Live, fact: Fact, of: &str) -> bool {
    get(live, fact, of) == "yes"
}

/// The lines of a fact.
pub(crate) fn lines(live: &Live, fact: Fact, of: &str) -> BTreeSet<String> {
    get(live, fact, of).lines().map(str::to_owned).collect()
}

/// Takes facts away, whatever they are of.
pub(crate) fn forget(live: &mut Live, facts: &[Fact]) {
    live.facts.retain(|key, _| {
        let word = key.split(' ').next().unwrap_or_default();
        !facts.iter().any(|fact| format!("{fact:?}") == word)
    });
}

/// Every object that has this fact, and its value.
pub(crate) fn all(live: &Live, fact: Fact) -> Vec<(String, String)> {
    let prefix = format!("{fact:?} ");
    live.facts
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_owned(), value.clone())))
        .collect()
}
