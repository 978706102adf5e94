//! Keeps an executor going: after trouble it goes on over a new connection, with a growing pause.

use std::sync::Arc;
use std::time::Duration;

use freehold_engine::{BoxFuture, Connection, SagaSql};
use freehold_model::Fault;
use tokio::sync::watch;

use crate::definition::Definition;
use crate::error::{Error, Result};
use crate::executor::{Alarm, Executor, Settings};
use crate::participants::Participants;

/// Opens a connection to the store, as its sidecar.
pub type Connect = Arc<
    dyn Fn() -> BoxFuture<'static, freehold_engine::Result<(Box<dyn Connection>, SagaSql)>>
        + Send
        + Sync,
>;

/// How it stands with the executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It works.
    Works,
    /// It does not, and tries again.
    Trouble(Fault),
    /// It does not, and an operator has to look.
    Stopped(Fault),
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Runs the sagas of one store until `stop` says so. `report` hears of every change.
pub async fn run(
    connect: Connect,
    definitions: Vec<Definition>,
    people: Arc<dyn Participants>,
    settings: Settings,
    alarm: Arc<dyn Fn(Alarm) + Send + Sync>,
    report: impl Fn(Standing) + Sync,
    mut stop: watch::Receiver<bool>,
) {
    let mut executor: Option<Executor> = None;
    let mut pause = FIRST_PAUSE;
    let mut last = None;
    let mut say = |standing: Standing| {
        if last.as_ref() != Some(&standing) {
            report(standing.clone());
            last = Some(standing);
        }
    };
    while !*stop.borrow() {
        let opened: Result<()> = async {
            let (connection, sql) = connect().await?;
            if let Some(executor) = &mut executor {
                return executor.reopen(connection, sql).await;
            }
            let (people, alarm) = (Arc::clone(&people), Arc::clone(&alarm));
            let settings = settings.clone();
            let opened = Executor::open(connection, sql, &definitions, people, settings, alarm);
            executor = Some(opened.await?);
            Ok(())
        }
        .await;
        let worked = match (&mut executor, opened) {
            (Some(executor), Ok(())) => {
                say(Standing::Works);
                pause = FIRST_PAUSE;
                executor.run(&mut stop).await
            }
            (None, Ok(())) => Ok(()),
            (_, Err(error)) => Err(error),
        };
        match worked {
            Ok(()) => return,
            Err(error) if !error.heals() => {
                say(Standing::Stopped(error.fault()));
                return;
            }
            Err(error) => say(trouble(&error)),
        }
        let _ = tokio::time::timeout(pause, stop.changed()).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn trouble(error: &Error) -> Standing {
    Standing::Trouble(error.fault())
}
