//! The connections of one store: to its server, to its database as the administrator, and acting
//! as its owner; and the lock of a run. Each is opened when first needed.

use std::time::Duration;

use freehold_bookkeeping::{self as bookkeeping, EntryKind, Ledger};
use freehold_engine::{
    Connection, Diff, ErrorKind, LEDGER_FORMAT, LedgerSql, Live, Mark, Probe, Rows, Want,
};
use freehold_model::Fault;

use crate::lock_wait::LockWait;
use crate::target::Target;
use crate::{Faults, Result, engine_fault};

/// How long a run waits for another one on the same store.
const LOCK_WAIT: Duration = Duration::from_mins(1);
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Open connections of one store. One that is there needs the second only for what is done to the
/// server, and none of the others before something is changed.
pub(crate) struct Reach<'t> {
    pub(crate) target: &'t Target,
    probe: Probe,
    server: Option<Box<dyn Connection>>,
    store: Option<Box<dyn Connection>>,
    owner: Option<Box<dyn Connection>>,
    lock: Option<Box<dyn Connection>>,
    /// What the migrators of this run waited for.
    pub(crate) waits: Vec<LockWait>,
    /// The ledger says that the store was there before freehold.
    adopted: bool,
    /// The format of its ledger, once that was read.
    format: u32,
}

impl<'t> Reach<'t> {
    /// Connects as the administrator: to the store where it can be entered, else to its server.
    pub(crate) async fn open(target: &'t Target) -> Result<Self> {
        let engine = target.engine;
        let (mut server, mut store) = (None, None);
        if !engine.info().connecting_makes {
            let at = engine.at_store(&target.admin, &target.want.spot);
            store = engine.connect(&at).await.ok();
        }
        let connection = match &store {
            Some(store) => store,
            None => server.insert(connect_to_server(target).await?),
        };
        Ok(Self {
            target,
            probe: connection.probe().clone(),
            server,
            store,
            owner: None,
            lock: None,
            waits: Vec::new(),
            adopted: false,
            format: LEDGER_FORMAT,
        })
    }

    /// What the server is, and what the administrator may do there.
    pub(crate) fn probe(&self) -> &Probe {
        &self.probe
    }

    /// The connection to the server.
    pub(crate) async fn server(&mut self) -> Result<&mut dyn Connection> {
        let server = match self.server.take() {
            Some(server) if !server.broken() => server,
            _ => connect_to_server(self.target).await?,
        };
        Ok(&mut **self.server.insert(server))
    }

    /// A connection that is open already, to the store before the server.
    pub(crate) async fn any(&mut self) -> Result<&mut dyn Connection> {
        if self.store.is_some() {
            self.store().await
        } else {
            self.server().await
        }
    }

    /// The changes to what is wanted. A login that may only read plans them in an administrator's
    /// place, and what it could not see is said.
    pub(crate) fn diff(&self, want: &Want, live: &Live) -> Diff {
        let engine = self.target.engine;
        if !self.target.planner {
            return engine.diff(&self.probe, want, live);
        }
        let mut diff = engine.diff(&engine.as_administrator(&self.probe), want, live);
        let unseen = engine.unseen(&self.probe, want, live);
        if !unseen.is_empty() {
            diff.advisory.push(not_seen(self.target, &unseen));
        }
        diff
    }

    /// Reads the store's state, from inside where there is an inside. Changes nothing.
    pub(crate) async fn look(&mut self) -> Result<Live> {
        let live = self.look_around().await;
        if !self.target.planner {
            return live;
        }
        let live = live.map_err(|faults| blind(self.target, &faults))?;
        // MySQL shows no table that a login has no right on.
        let ledger = self.target.want.spot.own("ledger");
        let sees = live.looked_inside && live.has_table(&ledger);
        // Nor a database, so that its logins seem to be somebody else's.
        let logins = self.target.want.logins();
        let mut logins = logins.iter().filter_map(|name| live.roles.get(*name));
        let unseen = live.database.is_none() && logins.any(|role| role.mark != Mark::Ours);
        if unseen || (live.database == Some(Mark::Ours) && !sees) {
            return Err(blind(self.target, &[]));
        }
        Ok(live)
    }

    async fn look_around(&mut self) -> Result<Live> {
        if let Some(inside) = self.look_inside().await {
            return Ok(inside);
        }
        let outside = self.look_outside().await?;
        // What is somebody else's is not entered: the diff refuses it from outside.
        if matches!(outside.database, Some(Mark::Foreign(_))) {
            return Ok(outside);
        }
        self.enter(outside).await
    }

    /// The same, also into what is somebody else's and to be taken over.
    pub(crate) async fn look_at_somebody_elses(&mut self) -> Result<Live> {
        if let Some(inside) = self.look_inside().await {
            return Ok(inside);
        }
        let outside = self.look_outside().await?;
        self.enter(outside).await
    }

    /// Over the store's connection all of it is to be seen, the server too. `None`: there is no such
    /// connection, or no longer.
    async fn look_inside(&mut self) -> Option<Live> {
        let store = self.store.as_mut()?;
        let inside = store.inspect(&self.target.want).await;
        let inside = inside.ok().filter(|live| live.looked_inside);
        if inside.is_none() {
            self.store = None;
        }
        inside
    }

    async fn look_outside(&mut self) -> Result<Live> {
        let want = &self.target.want;
        let outside = self.server().await?.inspect(want).await;
        outside.map_err(|error| self.fault(&error))
    }

    async fn enter(&mut self, outside: Live) -> Result<Live> {
        let want = &self.target.want;
        if outside.looked_inside || outside.database.is_none() {
            return Ok(outside);
        }
        match self.store().await {
            Ok(store) => {
                let inside = store.inspect(want).await;
                inside.map_err(|error| self.fault(&error))
            }
            // Ours, and closed: a run was cut off before it opened the database. The diff goes on from there.
            Err(_) if outside.database == Some(Mark::Ours) => Ok(outside),
            Err(faults) => Err(faults),
        }
    }

    /// The connection to the store's database as the administrator. On SQLite this makes the file.
    pub(crate) async fn store(&mut self) -> Result<&mut dyn Connection> {
        let store = match self.store.take() {
            Some(store) if !store.broken() => store,
            _ => self.connect().await?,
        };
        Ok(&mut **self.store.insert(store))
    }

    /// A connection to the store that acts as its owner.
    pub(crate) async fn owner(&mut self) -> Result<&mut dyn Connection> {
        let owner = match self.owner.take() {
            Some(owner) if !owner.broken() => owner,
            _ => {
                let mut owner = self.connect().await?;
                let assumed = owner.assume_owner(&self.target.want).await;
                assumed.map_err(|error| self.fault(&error))?;
                owner
            }
        };
        Ok(&mut **self.owner.insert(owner))
    }

    /// Closes what stands on the store's database, so that it can be dropped or moved.
    pub(crate) fn leave_store(&mut self) {
        self.store = None;
        self.owner = None;
    }

    /// The ledger; empty where there is none yet.
    pub(crate) async fn ledger(&mut self, live: &Live) -> Result<Ledger> {
        let want = &self.target.want;
        if !live.looked_inside || !live.has_table(&want.spot.own("ledger")) {
            return Ok(Ledger::default());
        }
        self.format = live.ledger_format.unwrap_or(LEDGER_FORMAT);
        if self.format > LEDGER_FORMAT + 1 {
            return Err(vec![too_new(&self.target.label(), self.format)]);
        }
        let sql = self.ledger_sql().read;
        let rows = match self.read(&sql).await {
            Err(faults) if self.target.planner => return Err(blind(self.target, &faults)),
            rows => rows?,
        };
        let ledger = rows.and_then(|rows| bookkeeping::from_rows(&rows));
        let ledger = ledger.map_err(|error| self.fault(&error.during("read the ledger")))?;
        self.adopted = ledger
            .get(EntryKind::Other, crate::adopt::LEDGER_ID)
            .is_some();
        Ok(ledger)
    }

    /// Rows of one query on the store, as its owner. The inner error is the engine's.
    pub(crate) async fn read(&mut self, sql: &str) -> Result<freehold_engine::Result<Rows>> {
        let want = &self.target.want;
        let rows = self.store().await?.read_as_owner(want, sql).await;
        if !rows
            .as_ref()
            .is_err_and(|error| error.kind == ErrorKind::Denied)
        {
            return Ok(rows);
        }
        Ok(self.owner().await?.query(sql, &[]).await)
    }

    /// The ledger's statements for the format that it has.
    pub(crate) fn ledger_sql(&self) -> LedgerSql {
        let sql = self.target.engine.ledger(&self.target.want);
        if self.format > 1 {
            return sql;
        }
        LedgerSql {
            read: sql.read_first.clone(),
            ..sql
        }
    }

    /// The checksum of one row of the ledger.
    pub(crate) async fn ledger_row(&mut self, kind: EntryKind, id: &str) -> Result<Option<String>> {
        let sql = self.ledger_sql();
        let owner = self.owner().await?;
        let ledger = bookkeeping::read(owner, &sql).await;
        let ledger = ledger.map_err(|error| self.fault(&error))?;
        Ok(ledger.get(kind, id).map(|entry| entry.checksum.clone()))
    }

    /// What the store should be, as far as is known by now: once its ledger says that it was adopted,
    /// rights that nobody described stay, unless the description itself says `prune`.
    pub(crate) fn want(&self) -> Want {
        if self.adopted {
            self.want_of_adopted()
        } else {
            self.target.want.clone()
        }
    }

    /// The same for a store that is being adopted.
    pub(crate) fn want_of_adopted(&self) -> Want {
        let want = self.target.want.clone();
        let prune = want.prune && self.target.prune_described;
        Want { prune, ..want }
    }

    /// Takes the run's lock on a connection of its own, waiting for another run to end.
    pub(crate) async fn lock(&mut self) -> Result<()> {
        let name = self.target.want.mark();
        let mut lock = connect_for_lock(self.target).await?;
        if !take(&mut *lock, &name)
            .await
            .map_err(|error| self.fault(&error))?
        {
            return Err(vec![locked(&self.target.label())]);
        }
        self.lock = Some(lock);
        Ok(())
    }

    /// Gives the run's lock back by closing its connection.
    pub(crate) fn unlock(&mut self) {
        self.lock = None;
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let at = self
            .target
            .engine
            .at_store(&self.target.admin, &self.target.want.spot);
        self.target
            .engine
            .connect(&at)
            .await
            .map_err(|error| self.fault(&error))
    }

    pub(crate) fn fault(&self, error: &freehold_engine::Error) -> Faults {
        engine_fault(&self.target.label(), error)
    }
}

async fn connect_to_server(target: &Target) -> Result<Box<dyn Connection>> {
    let server = target.engine.connect(&target.admin).await;
    server.map_err(|error| {
        engine_fault(
            &target.label(),
            &error.during(format!("server {} at {}", target.server, target.admin)),
        )
    })
}

/// To where runs of this store exclude each other. A login that may not enter there takes the lock
/// where its URL leads: then only runs with the same URL exclude each other.
pub(crate) async fn connect_for_lock(target: &Target) -> Result<Box<dyn Connection>> {
    let at = target.engine.at_lock(&target.admin);
    match target.engine.connect(&at).await {
        Ok(connection) => Ok(connection),
        Err(error) if error.kind == ErrorKind::Unavailable => {
            Err(engine_fault(&target.label(), &error))
        }
        Err(_) => connect_to_server(target).await,
    }
}

/// Tries for a lock until [`LOCK_WAIT`] is over.
pub(crate) async fn take(
    connection: &mut dyn Connection,
    name: &str,
) -> freehold_engine::Result<bool> {
    let begun = tokio::time::Instant::now();
    loop {
        match connection.try_lock(name).await {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) if error.kind == ErrorKind::Conflict => {}
            Err(error) => return Err(error),
        }
        if begun.elapsed() > LOCK_WAIT {
            return Ok(false);
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
}

/// A look that did not see what has to be seen is none: an empty plan would be made up.
fn blind(target: &Target, faults: &[Fault]) -> Faults {
    let message = format!(
        "{}: the login {} may not look into the store and read its ledger, so what is applied is not known",
        target.label(),
        target.admin.user
    );
    let fault = Fault::new("FH3221", message);
    let causes = faults.iter().take(1);
    let fault = causes.fold(fault, |fault, cause| {
        fault.help(format!("cause:    {}", cause.message))
    });
    vec![
        fault
            .help(format!(
                "in freehold.yaml: access: [{{ who: {}, rights: plan, reason: … }}], then `freehold apply` by the administrator",
                target.admin.user
            )),
    ]
}

fn not_seen(target: &Target, unseen: &[String]) -> Fault {
    Fault::new(
        "FH3222",
        format!(
            "{}: not seen by the login {}: {}",
            target.label(),
            target.admin.user,
            unseen.join(", ")
        ),
    )
    .help("`freehold plan` by the administrator looks at them too")
}

/// One format ahead only adds; what is further ahead may mean anything.
fn too_new(label: &str, format: u32) -> Fault {
    Fault::new(
        "FH3224",
        format!("{label}: its ledger has format {format}, and this freehold knows up to {LEDGER_FORMAT} and works with {}", LEDGER_FORMAT + 1),
    )
    .help("use the freehold that applied it last, or a newer one")
}

pub(crate) fn locked(label: &str) -> Fault {
    Fault::new("FH3208", format!("{label}: another run holds the store's lock, and still held it after {} s", LOCK_WAIT.as_secs()))
        .help("wait for it to end, then run the command again; the lock goes with the process that holds it")
}
