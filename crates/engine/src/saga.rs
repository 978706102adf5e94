//! What of sagas stands in a store: wished for in [`crate::Plane`], and the statements with which an
//! engine keeps it. What they mean is in `saga`.

/// A store's part in sagas, as described.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SagaWant {
    /// The service has sagas of its own: programs start them, its sidecar runs them.
    pub starts: bool,
    /// Sagas call the service: it keeps the barrier.
    pub takes_part: bool,
}

impl SagaWant {
    /// Is there anything to make?
    pub fn is_empty(self) -> bool {
        !self.starts && !self.takes_part
    }
}

/// One engine's statements for the sagas of one store, with that engine's placeholders.
///
/// Arguments named `rows`, `ids`, `keys` and `shares` are one text, a JSON array. Times are
/// microseconds since 1970 by the store's clock. The share of a saga is the low six bits of its id's
/// last byte. None of them begins or ends a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SagaSql {
    /// Sent once over each new connection, one after the other: how long a lock is waited for, how
    /// long a leader that froze may hold its rows.
    pub once: Vec<String>,
    /// (the store's clock, what tells one life of the store from another). No arguments.
    pub identity: String,
    /// Says that a sidecar is alive. Arguments: holder, term.
    pub member_put: String,
    /// A sidecar leaves. Arguments: holder.
    pub member_delete: String,
    /// (how many are alive). No arguments.
    pub members: String,
    /// (share, holder, epoch, is its term running, end of the term, format, rebuilt), by share.
    pub shares: String,
    /// Takes shares whose term is over. Arguments: rows of {s, e}: share and the epoch that was seen;
    /// holder, term, format.
    pub share_take: String,
    /// Renews, also after the end of the term: while the epoch is the same, nobody else has led since.
    /// Arguments: rows of {s, e}, holder, term.
    pub share_renew: String,
    /// Gives back. Arguments: rows of {s, e}, holder.
    pub share_resign: String,
    /// Notes for which life of the store the instances were doubted. Arguments: rows of {s, e}, life.
    pub share_rebuilt: String,
    /// (share) of those that this epoch still leads; they stay so until the transaction ends.
    /// Arguments: rows of {s, e}.
    pub fence: String,

    /// Keeps a definition, unless it is there. Arguments: hash, name, version, conflict, body.
    pub definition_put: String,
    /// Says which definition new sagas of a name get. Arguments: hash, name.
    pub definition_current: String,
    /// (hash, name, body). No arguments.
    pub definitions: String,

    /// Starts that nobody has claimed, oldest first: (saga, definition, key, input, locks).
    /// Arguments: shares, how many.
    pub starts_new: String,
    /// (saga, locks) of those that have a start row, oldest first. Arguments: ids.
    pub starts_known: String,
    /// Marks starts as claimed. Arguments: ids.
    pub starts_claim: String,
    /// Puts a start, unless its business key has one. Arguments: definition, key, input, locks.
    pub start_put: String,

    /// Instances that have not ended, by id: (saga, version, definition, state). Arguments: shares,
    /// the id before, how many.
    pub instances_open: String,
    /// The same columns. Arguments: ids.
    pub instances_by_id: String,
    /// Do the states of `instances_insert` and `instances_update` stand in their rows, as hexadecimal
    /// text {x}? Else as {o, l}, where one begins (from 1) and how long it is, in a second argument:
    /// the bytes of all, which cost less beside JSON than within.
    pub states_in_rows: bool,
    /// Arguments: rows of {i, s, d, v, m, f} and the state: id, share, definition, version, summary,
    /// has it ended.
    pub instances_insert: String,
    /// Locks instances that are as they were read: (saga). Empty: the update says so itself.
    /// Arguments: rows of {i, p}.
    pub instances_match: String,
    /// Writes those that are as they were read. Where `instances_match` is empty: gives back (saga).
    /// Arguments: rows of {i, p, v, m, f} and the state, p being the version that was read.
    pub instances_update: String,
    /// Ended longer ago than an age: (saga, definition, state). Arguments: shares, age, how many.
    pub instances_old: String,
    /// Forgets instances and their starts, by statements one after the other. Arguments of each: ids.
    pub prune: Vec<String>,
    /// For people: (saga, definition's name, key, hash, state or nothing, created, updated, has it
    /// ended), newest first. Arguments: definition or empty, key or empty, how many, whether those
    /// that have ended are wanted.
    pub list: String,
    /// The same columns of one. Arguments: id.
    pub show: String,

    /// Signals, oldest first: (id, saga or nothing, asked, step, seen, payload, who). Arguments:
    /// shares, how many.
    pub signals: String,
    /// Puts one as an operator. Arguments: saga, asked, step, seen, payload, who.
    pub signal_put: String,
    /// Arguments: ids.
    pub signals_delete: String,
    /// Notes what became of a signal. Arguments: rows of {i, g, w, a, t, p, o}: saga, id of the signal,
    /// who, what was asked, step, payload, outcome.
    pub actions_put: String,
    /// (signal, at, who, asked, step, payload, outcome) of a saga, oldest first. Arguments: saga.
    pub actions: String,

    /// (key, saga) of those that are held. Arguments: keys.
    pub locks_held: String,
    /// Takes locks that nobody holds; fewer affected rows than asked for: somebody was first.
    /// Arguments: rows of {k, i}.
    pub locks_put: String,
    /// Frees all locks of sagas. Arguments: ids.
    pub locks_free: String,
    /// (key) of a saga. Arguments: saga.
    pub locks_of: String,
    /// Says that this store is another one from now on, as after a restore. Arguments: a new token.
    pub new_life: String,

    /// The participants' barrier.
    pub barrier: BarrierSql,
}

/// The barrier's statements. The key of a row: caller, saga, step, generation, kind (`action` or
/// `undo`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BarrierSql {
    /// Inserts a row; fails with `Unique` where it is there. Arguments: caller, saga, step,
    /// generation, kind, ran, digest.
    pub insert: String,
    /// (kind, ran, result, digest) of both rows, locked. Arguments: caller, saga, step, generation.
    pub read: String,
    /// Says what became of the action. Arguments: caller, saga, step, generation, ran, result.
    pub ran: String,
    /// (generation, kind, ran) of all generations. Arguments: caller, saga, step.
    pub status: String,
    /// Forgets all of a saga. Arguments: caller, saga.
    pub forget: String,
    /// (token) of this life of the store.
    pub incarnation: String,
    /// (caller, saga, step, generation, kind, ran) of a caller, by saga. Arguments: caller, how many.
    pub all: String,
}
