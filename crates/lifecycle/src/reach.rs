//! The connections of one store: to its server, to its database as the administrator, and acting
//! as its owner; and the lock of a run. Each is opened when first needed.

use std::time::Duration;

use freehold_bookkeeping::{self as bookkeeping, EntryKind, Ledger};
use freehold_engine::{Connection, ErrorKind, Live, Mark, Want};
use freehold_model::Fault;

use crate::lock_wait::LockWait;
use crate::target::Target;
use crate::{Faults, Result, engine_fault};

/// How long a run waits for another one on the same store.
const LOCK_WAIT: Duration = Duration::from_mins(1);
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Open connections of one store.
pub(crate) struct Reach<'t> {
    pub(crate) target: &'t Target,
    server: Box<dyn Connection>,
    store: Option<Box<dyn Connection>>,
    owner: Option<Box<dyn Connection>>,
    lock: Option<Box<dyn Connection>>,
    /// What the migrators of this run waited for.
    pub(crate) waits: Vec<LockWait>,
    /// The ledger says that the store was there before freehold.
    adopted: bool,
}

impl<'t> Reach<'t> {
    /// Connects to the server as the administrator.
    pub(crate) async fn open(target: &'t Target) -> Result<Self> {
        let server = target.engine.connect(&target.admin).await;
        let server = server.map_err(|error| {
            engine_fault(
                &target.label(),
                &error.during(format!("server {} at {}", target.server, target.admin)),
            )
        })?;
        Ok(Self {
            target,
            server,
            store: None,
            owner: None,
            lock: None,
            waits: Vec::new(),
            adopted: false,
        })
    }

    /// The connection to the server.
    pub(crate) fn server(&mut self) -> &mut dyn Connection {
        &mut *self.server
    }

    /// Reads the store's state, from inside where there is an inside. Changes nothing.
    pub(crate) async fn look(&mut self) -> Result<Live> {
        let want = &self.target.want;
        let outside = self
            .server
            .inspect(want)
            .await
            .map_err(|error| self.fault(&error))?;
        // What is somebody else's is not entered: the diff refuses it from outside.
        if matches!(outside.database, Some(Mark::Foreign(_))) {
            return Ok(outside);
        }
        self.enter(outside).await
    }

    /// The same, also into what is somebody else's and to be taken over.
    pub(crate) async fn look_at_somebody_elses(&mut self) -> Result<Live> {
        let outside = self.server.inspect(&self.target.want).await;
        let outside = outside.map_err(|error| self.fault(&error))?;
        self.enter(outside).await
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
        let sql = self.target.engine.ledger(want);
        let owner = self.owner().await?;
        let ledger = bookkeeping::read(owner, &sql).await;
        let ledger = ledger.map_err(|error| self.fault(&error))?;
        self.adopted = ledger
            .get(EntryKind::Other, crate::adopt::LEDGER_ID)
            .is_some();
        Ok(ledger)
    }

    /// The checksum of one row of the ledger.
    pub(crate) async fn ledger_row(&mut self, kind: EntryKind, id: &str) -> Result<Option<String>> {
        let sql = self.target.engine.ledger(&self.target.want);
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
        let lock = self.target.engine.connect(&self.target.admin).await;
        let mut lock = lock.map_err(|error| self.fault(&error))?;
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

pub(crate) fn locked(label: &str) -> Fault {
    Fault::new("FH3208", format!("{label}: another run holds the store's lock, and still held it after {} s", LOCK_WAIT.as_secs()))
        .help("wait for it to end, then run the command again; the lock goes with the process that holds it")
}
