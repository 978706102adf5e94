//! Stopping the server of a folder, also one that another process started.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::Kind;
use crate::error::Error;
use crate::folder::Folder;
use crate::process::Process;

/// A server that has to write much back may take its time.
const LIMIT: Duration = Duration::from_secs(90);

/// Stops the private server in `dir`, clients or not, and waits until it is gone (at most 90 s).
/// `false` when none ran there. Processes that do not serve this folder are never signalled.
pub async fn stop(dir: impl AsRef<Path>) -> Result<bool, Error> {
    let Some(folder) = Folder::open(dir.as_ref()) else {
        return Ok(false);
    };
    let _lock = folder.lock().await?;
    let kind = folder.made()?.map(|made| made.kind);
    let stopped = stop_locked(&folder, kind).await?;
    Ok(stopped)
}

/// For a caller that holds the folder's lock.
pub(crate) async fn stop_locked(folder: &Folder, kind: Option<Kind>) -> Result<bool, Error> {
    let found = match serving(folder)? {
        Some(process) => vec![process],
        // No record, or an outdated one; also children of a server that was killed.
        None => Process::all_on(&folder.data()),
    };
    for process in &found {
        match kind {
            // "Fast": ends the clients' sessions; SIGTERM would wait for them.
            Some(Kind::Postgres) => process.signal(Signal::INT),
            Some(Kind::Mariadb | Kind::Mysql) => process.signal(Signal::TERM),
            // It was never finished: there is nothing to lose.
            None => process.kill_with_children(),
        }
    }
    for process in &found {
        if !process.gone_within(LIMIT).await {
            return Err(Error::NotStopped {
                dir: folder.root().to_owned(),
                pid: process.pid,
                seconds: LIMIT.as_secs(),
            });
        }
    }
    folder.clear_running()?;
    Ok(!found.is_empty())
}

/// The server that `running.json` names, if it still runs and serves this folder.
pub(crate) fn serving(folder: &Folder) -> Result<Option<Process>, Error> {
    let running = folder.running()?;
    let data = folder.data();
    Ok(running
        .map(|running| running.process)
        .filter(|process| process.serves(&data)))
}
