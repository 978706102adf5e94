//! Stopping the server of a folder, also one that another process started.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::Kind;
use crate::error::Error;
use crate::folder::Folder;
use crate::process::{POLL, Process};

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

/// Whether the server that was last started in `dir` still runs. Looks only, waits for nobody.
pub fn is_running(dir: impl AsRef<Path>) -> bool {
    Folder::open(dir.as_ref()).is_some_and(|folder| matches!(serving(&folder), Ok(Some(_))))
}

/// For a caller that holds the folder's lock. `kind` is `None` while the folder is being made.
pub(crate) async fn stop_locked(folder: &Folder, kind: Option<Kind>) -> Result<bool, Error> {
    let data = folder.data();
    let servers = match (kind, serving(folder)?) {
        // It was never finished: there is nothing to lose.
        (None, _) => Vec::new(),
        (Some(_), Some(process)) => vec![process],
        // No record, or an outdated one.
        (Some(_), None) => Process::servers_of(&data),
    };
    for server in &servers {
        server.signal(match kind {
            // "Fast": ends the clients' sessions; SIGTERM would wait for them.
            Some(Kind::Postgres) => Signal::INT,
            _ => Signal::TERM,
        });
    }
    let begin = Instant::now();
    for server in &servers {
        if !server
            .gone_within(LIMIT.saturating_sub(begin.elapsed()))
            .await
        {
            return Err(not_stopped(folder, *server));
        }
    }
    let rest = end_the_rest(folder, begin).await?;
    let recorded = folder.running()?.map(|running| running.process);
    if let Some(process) = recorded.filter(|process| process.is_ending())
        && !process.gone_within(LIMIT).await
    {
        return Err(not_stopped(folder, process));
    }
    folder.clear_running()?;
    Ok(!servers.is_empty() || rest)
}

/// Ends what is left of a server that crashed, or of a making that was broken off. While any of
/// it lives, the data folder cannot be used.
async fn end_the_rest(folder: &Folder, begin: Instant) -> Result<bool, Error> {
    let data = folder.data();
    let mut any = false;
    loop {
        let rest = Process::all_in(&data);
        let Some(first) = rest.first() else {
            return Ok(any);
        };
        if begin.elapsed() > LIMIT {
            return Err(not_stopped(folder, *first));
        }
        any = true;
        for process in rest {
            process.kill_with_children();
        }
        tokio::time::sleep(POLL).await;
    }
}

fn not_stopped(folder: &Folder, process: Process) -> Error {
    let dir = folder.root().to_owned();
    Error::NotStopped {
        dir,
        pid: process.pid,
        seconds: LIMIT.as_secs(),
    }
}

/// The server that `running.json` names, if it still runs and serves this folder.
pub(crate) fn serving(folder: &Folder) -> Result<Option<Process>, Error> {
    let running = folder.running()?;
    let data = folder.data();
    Ok(running
        .map(|running| running.process)
        .filter(|process| process.serves(&data)))
}
