//! Runs migrations as the migrator, and keeps the ledger true through every crash.
//!
//! Where DDL is transactional: statements, grants and the ledger row are one transaction. Where
//! it commits by itself (and for what refuses to run in a transaction): a statement's intent is in
//! the ledger before it is sent, with a digest of the schema; after a crash that digest tells
//! whether it took effect. Source of the algorithm: docs/adr/0003.

mod batched;

use std::collections::{BTreeMap, BTreeSet};

use freehold_bookkeeping::{self as bookkeeping, Entry, EntryKind, Ledger, State};
use freehold_engine::{
    Commit, Connection, Ddl, Endpoint, Error, ErrorKind, LedgerSql, Live, Subject, TxMode,
    Verifiers, Want,
};
use freehold_model::{Fault, Migration};
use freehold_sql::{Kind, TableName};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::batches::Walk;
use crate::lock_wait::{self, LockWait};
use crate::reach::{Reach, locked, take};
use crate::script::{Line, Script};
use crate::steps::run_all;
use crate::target::Target;
use crate::{Faults, Result, engine_fault};

pub(crate) use batched::not_walkable;

/// What the ledger holds of a statement that was about to be sent.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Intent {
    /// Digest of the schema before it.
    before: String,
    /// The session that sends it.
    session: i64,
    /// Digest of the statements that are done, so that only the rest may be edited.
    done: String,
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// An open migrator's session.
pub(crate) struct Migrating<'t> {
    target: &'t Target,
    connection: Box<dyn Connection>,
    ledger: LedgerSql,
    /// As the ledger lets it be: an adopted store keeps what it had.
    want: Want,
    endpoint: Endpoint,
    waits: Vec<LockWait>,
    /// Why the open transaction may not be committed, found after its last statement.
    hole: Option<Fault>,
}

impl<'t> Migrating<'t> {
    /// Makes the migrator and enters as it.
    pub(crate) async fn open(reach: &mut Reach<'t>) -> Result<Self> {
        let target = reach.target;
        let migrator = target.engine.migrator(reach.probe(), &target.want);
        let mut made = run_all(reach, &migrator.open).await?;
        let at = target.engine.at_store(&target.admin, &target.want.spot);
        let at = match &migrator.login {
            Some(login) => at.with_login(login, made.remove(login)),
            None => at,
        };
        let connection = match target.engine.connect(&at).await {
            Ok(connection) => connection,
            Err(error) => {
                run_all(reach, &migrator.close).await?;
                return Err(engine_fault(
                    &target.label(),
                    &error.during("enter as the migrator"),
                ));
            }
        };
        let mut migrating = Self {
            target,
            connection,
            ledger: reach.ledger_sql(),
            want: reach.want(),
            endpoint: at,
            waits: Vec::new(),
            hole: None,
        };
        if let Err(faults) = migrating.take_lock().await {
            migrating.close(reach).await?;
            return Err(faults);
        }
        Ok(migrating)
    }

    /// The same, to change the schema: nothing of freehold's stands on the tables meanwhile.
    pub(crate) async fn open_for_change(reach: &mut Reach<'t>) -> Result<Self> {
        let target = reach.target;
        run_all(reach, &target.engine.unbind(&target.want)).await?;
        Self::open(reach).await
    }

    /// Where DDL commits, a statement goes on after its client died: the lock has to be on the
    /// very session that runs it.
    async fn take_lock(&mut self) -> Result<()> {
        if self.target.engine.info().ddl == Ddl::Transactional {
            return Ok(());
        }
        let name = format!("{}/migrate", self.target.want.mark());
        match take(&mut *self.connection, &name).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(vec![locked(&self.target.label())]),
            Err(error) => Err(self.fault(&error)),
        }
    }

    /// Ends the session and the migrator.
    pub(crate) async fn close(self, reach: &mut Reach<'t>) -> Result<()> {
        drop(self.connection);
        reach.waits.extend(self.waits);
        let target = reach.target;
        let migrator = target.engine.migrator(reach.probe(), &target.want);
        run_all(reach, &migrator.close).await.map(|_| ())
    }

    /// The ledger as it stands now that nobody else can be writing it. A run that was killed may
    /// have had its COMMIT on the way when this one first looked.
    pub(crate) async fn ledger_now(&mut self) -> Result<Ledger> {
        let read = bookkeeping::read(&mut *self.connection, &self.ledger).await;
        read.map_err(|error| self.fault(&error))
    }

    /// Where and as whom it entered, with the password of this run.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The session itself, acting as the owner.
    pub(crate) fn connection(&mut self) -> &mut dyn Connection {
        &mut *self.connection
    }

    /// What stands in the store, as the migrator sees it.
    pub(crate) async fn look(&mut self) -> Result<Live> {
        let live = self.connection.inspect(&self.target.want).await;
        live.map_err(|error| self.fault(&error))
    }

    /// The definitions of all its objects.
    pub(crate) async fn schema(&mut self) -> Result<BTreeMap<String, String>> {
        let schema = self.connection.schema(&self.target.want).await;
        schema.map_err(|error| self.fault(&error))
    }

    /// Applies one migration, or goes on with one that stopped halfway.
    pub(crate) async fn up(
        &mut self,
        script: &Script<Migration>,
        entry: Option<&Entry>,
    ) -> Result<()> {
        let dialect = self.target.engine.dialect();
        if let Some(walk) = Walk::of(dialect, script, &script.up) {
            return self.in_batches(script, &walk, Way::Up, entry).await;
        }
        if self.in_one_transaction(script, &script.up) {
            self.in_transaction(script, &script.up, Way::Up).await
        } else {
            self.one_by_one(script, &script.up, Way::Up, entry).await
        }
    }

    /// Takes one migration back, or goes on taking it back. Half applied, it is finished upwards
    /// by `apply` first.
    pub(crate) async fn down(
        &mut self,
        script: &Script<Migration>,
        entry: Option<&Entry>,
    ) -> Result<()> {
        let lines = script.down.as_deref().unwrap_or_default();
        if let Some(walk) = Walk::of(self.target.engine.dialect(), script, lines) {
            return self.in_batches(script, &walk, Way::Down, entry).await;
        }
        if self.in_one_transaction(script, lines) {
            self.in_transaction(script, lines, Way::Down).await
        } else {
            self.one_by_one(
                script,
                lines,
                Way::Down,
                entry.filter(|entry| entry.state == State::Undoing),
            )
            .await
        }
    }

    fn in_one_transaction(&self, script: &Script<Migration>, lines: &[Line]) -> bool {
        self.target.engine.info().ddl == Ddl::Transactional && !script.outside_transaction(lines)
    }

    /// Tries again when a lock cannot be had: nothing of the try before is left.
    async fn in_transaction(
        &mut self,
        script: &Script<Migration>,
        lines: &[Line],
        way: Way,
    ) -> Result<()> {
        let mut tries = 1;
        loop {
            let Err((at, error)) = self.try_in_transaction(script, lines, way).await else {
                break;
            };
            // The cause is what the user has to see.
            let _ = self.connection.rollback().await;
            if let Some(hole) = self.hole.take() {
                return Err(vec![hole]);
            }
            let line = lines.get(at);
            match line {
                _ if !lock_wait::is_a_lock(&error) || self.connection.broken() => {}
                _ if tries < lock_wait::TRIES => {
                    tokio::time::sleep(lock_wait::pause(tries)).await;
                    tries += 1;
                    continue;
                }
                Some(line) => return Err(vec![self.gave_up(script, at, line, &error)]),
                None => {}
            }
            return Err(match line {
                Some(_) => vec![self.rolled_back(script, lines, at, &error)],
                None => self.fault(&error.during(format!("migration {}", script.id))),
            });
        }
        match self.connection.commit().await {
            Commit::Done => {
                self.note_waits(script, tries - 1);
                Ok(())
            }
            Commit::Refused(error) => {
                Err(self.fault(&error.during(format!("commit of migration {}", script.id))))
            }
            Commit::Unknown(error) => Err(vec![self.commit_unknown(script, &error)]),
        }
    }

    /// All of it but the commit. An error comes with the statement's place in `lines`, or with
    /// their number where it was none of them.
    async fn try_in_transaction(
        &mut self,
        script: &Script<Migration>,
        lines: &[Line],
        way: Way,
    ) -> std::result::Result<(), (usize, Error)> {
        let elsewhere = |error| (lines.len(), error);
        let begun = self.connection.begin(TxMode::Write).await;
        begun.map_err(elsewhere)?;
        self.set_lock_timeout(script, true)
            .await
            .map_err(elsewhere)?;
        for (at, line) in lines.iter().enumerate() {
            let sent = self.connection.execute(&line.sql).await;
            sent.map_err(|error| (at, error))?;
        }
        self.converge_grants().await.map_err(elsewhere)?;
        self.record(script, way).await.map_err(elsewhere)
    }

    async fn set_lock_timeout(
        &mut self,
        script: &Script<Migration>,
        in_transaction: bool,
    ) -> freehold_engine::Result<()> {
        let info = self.target.engine.info();
        for sql in lock_wait::settings(info, lock_wait::timeout(script), in_transaction) {
            self.connection.execute(&sql).await?;
        }
        Ok(())
    }

    fn gave_up(&self, script: &Script<Migration>, at: usize, line: &Line, error: &Error) -> Fault {
        lock_wait::gave_up(&self.target.label(), script, at, &line.place, error)
    }

    fn note_waits(&mut self, script: &Script<Migration>, in_vain: usize) {
        if in_vain > 0 {
            self.waits.push(LockWait {
                migration: script.id.clone(),
                in_vain,
            });
        }
    }

    /// Grants on tables that the open transaction made or changed: nobody sees a table before its
    /// rights are as described.
    async fn converge_grants(&mut self) -> freehold_engine::Result<()> {
        let live = self.connection.inspect(&self.target.want).await?;
        let diff = self
            .target
            .engine
            .diff(self.connection.probe(), &self.want, &live);
        // Its other refusals are about an administrator, and this session is the migrator.
        self.hole = diff
            .refused
            .into_iter()
            .find(|fault| fault.code == "FH3104");
        if self.hole.is_some() {
            let why = "an append-only table would have a hole";
            return Err(Error::new(ErrorKind::Invalid, why));
        }
        for step in diff
            .steps
            .iter()
            .filter(|step| step.subject == Subject::Grant)
        {
            self.connection.apply(step, &Verifiers::new()).await?;
        }
        Ok(())
    }

    async fn one_by_one(
        &mut self,
        script: &Script<Migration>,
        lines: &[Line],
        way: Way,
        entry: Option<&Entry>,
    ) -> Result<()> {
        let mut from = entry.map_or(0, |entry| entry.progress);
        if let Some(entry) = entry {
            self.only_the_rest_was_edited(script, lines, entry)?;
            if self.took_effect(script, lines, entry).await? {
                from += 1;
            }
        }
        let set = self.set_lock_timeout(script, false).await;
        set.map_err(|error| self.fault(&error))?;
        let mut in_vain = 0;
        for (at, line) in lines.iter().enumerate().skip(from) {
            let (done, waited) = self.one_with_patience(script, lines, at, way).await;
            in_vain += waited;
            if let Err(error) = done {
                self.note_progress(script, lines, at, way).await?;
                if lock_wait::is_a_lock(&error) {
                    return Err(vec![self.gave_up(script, at, line, &error)]);
                }
                return Err(vec![
                    self.stopped(script, lines, at, &error)
                        .at(line.place.clone()),
                ]);
            }
        }
        self.note_waits(script, in_vain);
        self.recorded(script, way).await
    }

    /// Tries again when a lock cannot be had, and says how often that was. A statement that got no
    /// lock did nothing.
    async fn one_with_patience(
        &mut self,
        script: &Script<Migration>,
        lines: &[Line],
        at: usize,
        way: Way,
    ) -> (freehold_engine::Result<()>, usize) {
        let mut in_vain = 0;
        loop {
            let done = self.one(script, lines, at, way).await;
            let again = matches!(&done, Err(error) if lock_wait::is_a_lock(error));
            if !again || self.connection.broken() || in_vain + 1 == lock_wait::TRIES {
                return (done, in_vain);
            }
            let _ = self.connection.rollback().await;
            in_vain += 1;
            tokio::time::sleep(lock_wait::pause(in_vain)).await;
        }
    }

    /// Runs statement `at`. Data: in one transaction with the ledger. DDL: intent, then effect.
    async fn one(
        &mut self,
        script: &Script<Migration>,
        lines: &[Line],
        at: usize,
        way: Way,
    ) -> freehold_engine::Result<()> {
        let line = &lines[at];
        if !line.facts.implicit_commit && !line.facts.outside_transaction {
            self.connection.begin(TxMode::Write).await?;
            self.connection.execute(&line.sql).await?;
            self.put(
                script,
                lines,
                at + 1,
                way,
                Intent {
                    done: digest_of(&lines[..=at]),
                    ..Intent::default()
                },
            )
            .await?;
            return self.connection.commit().await.done();
        }
        if line.facts.outside_transaction {
            // One that failed earlier may have left its index behind, unusable, under its name.
            let want = &self.target.want;
            self.connection.clear_half_made(want, &line.sql).await?;
        }
        let intent = Intent {
            before: self.schema_digest().await?,
            session: self.connection.session_id().await?,
            done: digest_of(&lines[..at]),
        };
        self.put(script, lines, at, way, intent).await?;
        self.connection.execute(&line.sql).await
    }

    /// Did the statement that a crash cut off take effect? Ends the session that may still run it.
    async fn took_effect(
        &mut self,
        script: &Script<Migration>,
        lines: &[Line],
        entry: &Entry,
    ) -> Result<bool> {
        let intent: Intent = serde_json::from_str(&entry.detail).unwrap_or_default();
        let Some(line) = lines
            .get(entry.progress)
            .filter(|_| !intent.before.is_empty())
        else {
            return Ok(false);
        };
        let ended = self.connection.terminate(intent.session).await;
        ended.map_err(|error| self.fault(&error))?;
        if line.facts.outside_transaction {
            let want = &self.target.want;
            let cleared = self.connection.clear_half_made(want, &line.sql).await;
            cleared.map_err(|error| self.fault(&error))?;
        }
        let now = self
            .schema_digest()
            .await
            .map_err(|error| self.fault(&error))?;
        if now != intent.before {
            return Ok(true);
        }
        let runs_again = line.facts.repeatable || line.facts.kind == Kind::Ddl;
        if runs_again && !may_swap(line) {
            return Ok(false);
        }
        Err(vec![
            Fault::new(
                "FH3206",
                format!(
                    "{}: whether statement {} of migration {} took effect before the crash cannot be told",
                    self.target.label(),
                    entry.progress + 1,
                    script.id
                ),
            )
            .at(line.place.clone())
            .help("look; if it is done, take it out of the file, else leave it and put `freehold_ledger.detail` of this row to '{}'; then `freehold apply`"),
        ])
    }

    fn only_the_rest_was_edited(
        &self,
        script: &Script<Migration>,
        lines: &[Line],
        entry: &Entry,
    ) -> Result<()> {
        let intent: Intent = serde_json::from_str(&entry.detail).unwrap_or_default();
        let same =
            entry.progress <= lines.len() && digest_of(&lines[..entry.progress]) == intent.done;
        if same {
            return Ok(());
        }
        Err(vec![
            Fault::new(
                "FH3201",
                format!(
                    "{}: migration {} was changed in its first {} statements, which are done",
                    self.target.label(),
                    script.id,
                    entry.progress
                ),
            )
            .help("put those back as they were; the statements after them may be mended"),
        ])
    }

    async fn note_progress(
        &mut self,
        script: &Script<Migration>,
        lines: &[Line],
        at: usize,
        way: Way,
    ) -> Result<()> {
        if self.connection.broken() {
            return Ok(());
        }
        let _ = self.connection.rollback().await;
        let intent = Intent {
            done: digest_of(&lines[..at]),
            ..Intent::default()
        };
        let noted = self.put(script, lines, at, way, intent).await;
        noted.map_err(|error| self.fault(&error))
    }

    async fn put(
        &mut self,
        script: &Script<Migration>,
        lines: &[Line],
        progress: usize,
        way: Way,
        intent: Intent,
    ) -> freehold_engine::Result<()> {
        let detail = serde_json::to_string(&intent)
            .map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))?;
        let state = if way == Way::Up {
            State::Applying
        } else {
            State::Undoing
        };
        let entry = Entry {
            state,
            progress,
            total: lines.len(),
            detail,
            ..entry_of(script)
        };
        self.write(entry).await
    }

    async fn write(&mut self, entry: Entry) -> freehold_engine::Result<()> {
        bookkeeping::put(&mut *self.connection, &self.ledger, &entry).await
    }

    async fn recorded(&mut self, script: &Script<Migration>, way: Way) -> Result<()> {
        let recorded = self.record(script, way).await;
        recorded.map_err(|error| self.fault(&error))
    }

    /// Up: the row says done. Down: the row is gone.
    async fn record(
        &mut self,
        script: &Script<Migration>,
        way: Way,
    ) -> freehold_engine::Result<()> {
        match way {
            Way::Up => {
                bookkeeping::put(&mut *self.connection, &self.ledger, &entry_of(script)).await
            }
            Way::Down => {
                bookkeeping::delete(
                    &mut *self.connection,
                    &self.ledger,
                    EntryKind::Migration,
                    &script.id,
                )
                .await
            }
        }
    }

    async fn schema_digest(&mut self) -> freehold_engine::Result<String> {
        Ok(schema_digest(
            &self.connection.schema(&self.target.want).await?,
        ))
    }

    fn fault(&self, error: &Error) -> Faults {
        engine_fault(&self.target.label(), error)
    }

    fn rolled_back(
        &self,
        script: &Script<Migration>,
        lines: &[Line],
        at: usize,
        error: &Error,
    ) -> Fault {
        let file = lines[at].place.file.display();
        Fault::new(
            "FH3205",
            format!(
                "{}: migration {} failed at statement {} of {} and was rolled back",
                self.target.label(),
                script.id,
                at + 1,
                lines.len()
            ),
        )
        .at(lines[at].place.clone())
        .help(format!("cause:    {error}"))
        .help(format!(
            "go on:    {}, then `freehold apply`; nothing of this migration is left behind",
            match error.kind {
                ErrorKind::DiskFull => "free space on the server's disk".to_owned(),
                ErrorKind::Unavailable => "see that the server runs".to_owned(),
                _ => format!("mend {file}"),
            }
        ))
    }

    fn stopped(
        &self,
        script: &Script<Migration>,
        lines: &[Line],
        at: usize,
        error: &Error,
    ) -> Fault {
        let done = match at {
            0 => "done:     nothing".to_owned(),
            1 => "done:     statement 1".to_owned(),
            n => format!("done:     statements 1–{n}"),
        };
        let product = self.connection.probe().product;
        let fault = Fault::new(
            "FH3204",
            format!(
                "{}: migration {} stopped at statement {} of {} ({product} cannot roll it back)",
                self.target.label(),
                script.id,
                at + 1,
                lines.len()
            ),
        );
        let cause = format!("cause:    {error}");
        if self.connection.broken() {
            return fault
                .help(format!("{done}          unknown: {}", at + 1))
                .help(cause)
                .help(format!("go on:    `freehold apply`: it finds out whether statement {} took effect, and runs nothing twice", at + 1));
        }
        let mend = if error.kind == ErrorKind::DiskFull {
            "free space on the server's disk"
        } else {
            "mend the data or the statement"
        };
        fault
            .help(format!(
                "{done}          not done: {}–{}",
                at + 1,
                lines.len()
            ))
            .help(cause)
            .help(format!(
                "go on:    {mend}, then `freehold apply` resumes at statement {}",
                at + 1
            ))
    }

    fn commit_unknown(&self, script: &Script<Migration>, error: &Error) -> Fault {
        Fault::new(
            "FH3211",
            format!("{}: the connection broke while migration {} was committed", self.target.label(), script.id),
        )
        .help(format!("cause:    {error}"))
        .help("go on:    `freehold apply`: the ledger is in the same transaction, so it knows, and nothing runs twice")
    }
}

pub(crate) fn entry_of(script: &Script<Migration>) -> Entry {
    Entry {
        kind: EntryKind::Migration,
        id: script.id.clone(),
        checksum: script.checksum.clone(),
        down_checksum: script.down_checksum.clone(),
        state: State::Done,
        progress: script.up.len(),
        total: script.up.len(),
        detail: String::new(),
        at: String::new(),
        upto: None,
    }
}

/// May it be its own reverse? Tables of equal shape that change places leave the schema as it was,
/// so that nobody can tell before from after, and doing it twice would undo it.
fn may_swap(line: &Line) -> bool {
    let names = |pick: fn(&(TableName, TableName)) -> &TableName| -> BTreeSet<&str> {
        let renames = line.facts.renames.iter();
        renames.map(|pair| pick(pair).name.as_str()).collect()
    };
    let (from, to) = (names(|pair| &pair.0), names(|pair| &pair.1));
    let circular = !from.is_empty() && from == to;
    circular || line.sql.to_uppercase().contains("EXCHANGE")
}

fn digest_of(lines: &[Line]) -> String {
    finish(lines.iter().fold(Sha256::new(), |digest, line| {
        digest.chain_update(line.sql.as_bytes()).chain_update([0])
    }))
}

/// One digest over all definitions.
pub(crate) fn schema_digest(schema: &BTreeMap<String, String>) -> String {
    finish(
        schema
            .iter()
            .fold(Sha256::new(), |digest, (name, definition)| {
                digest
                    .chain_update(name.as_bytes())
                    .chain_update([0])
                    .chain_update(definition.as_bytes())
                    .chain_update([0])
            }),
    )
}

fn finish(digest: Sha256) -> String {
    freehold_engine::hex(&digest.finalize())
}
