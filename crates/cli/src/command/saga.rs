//! `freehold saga`: what an operator sees of sagas and asks of them. Everything that is asked is a
//! signal; the sidecar takes it, and what became of it is in the audit trail.

mod ask;
mod deploy;
mod render;

use freehold_engine::{Connection, SagaSql};
use freehold_lifecycle::Target;
use freehold_model::Fault;
use freehold_saga::SagaId;
use freehold_saga::operate::{self, Filter, Seen};

use super::Result;
use crate::Outcome;
use crate::args::{Args, SagaCommand, SagaRef};
use crate::context::Context;
use crate::output::Output;
use crate::servers::Place;

pub(crate) async fn run(args: &Args, command: &SagaCommand, output: &Output) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    match command {
        SagaCommand::List {
            services,
            saga,
            key,
            all,
            most,
        } => {
            let filter = Filter {
                definition: saga.clone(),
                key: key.clone(),
                ended: *all,
                most: *most,
            };
            list(&mut context, services, &filter, output).await
        }
        SagaCommand::Show(which) => {
            let mut store = Store::enter(&mut context, &which.service).await?;
            let seen = store.find(which).await?;
            render::show(&mut store, &seen, output).await
        }
        SagaCommand::CheckDeploy => deploy::check(&mut context, output).await,
        SagaCommand::Orphans { service } => deploy::orphans(&mut context, service, output).await,
        SagaCommand::Restored { service } => {
            let mut store = Store::enter(&mut context, service).await?;
            let (connection, sql) = store.both();
            operate::restored(connection, sql).await.map_err(fault)?;
            if !output.json {
                output.line(
                    "Noted. Whoever leads next doubts every open saga and asks its participants.",
                );
            }
            Ok(Outcome::Done)
        }
        _ => ask::run(&mut context, command, output).await,
    }
}

/// A store that starts sagas, entered as its owner.
pub(super) struct Store {
    connection: Box<dyn Connection>,
    sql: SagaSql,
}

impl Store {
    async fn enter(context: &mut Context, service: &str) -> Result<Self> {
        let targets = context.targets(&[service.to_owned()], false)?;
        let target = targets.iter().find(|target| target.want.plane.sagas.starts);
        let Some(target) = target else {
            return Err(vec![
                Fault::new("FH4132", format!("{service} has no sagas"))
                    .help("add `sagas: [sagas/NAME.yaml]` to its service.yaml"),
            ]);
        };
        Self::of(target).await
    }

    pub(super) async fn of(target: &Target) -> Result<Self> {
        let at = target.engine.at_store(&target.admin, &target.want.spot);
        let mut connection = target.engine.connect(&at).await.map_err(fault)?;
        connection.assume_owner(&target.want).await.map_err(fault)?;
        let sql = target.engine.sagas(&target.want).unwrap_or_default();
        Ok(Self { connection, sql })
    }

    pub(super) fn both(&mut self) -> (&mut dyn Connection, &SagaSql) {
        (self.connection.as_mut(), &self.sql)
    }

    /// By its id or its business key.
    async fn find(&mut self, which: &SagaRef) -> Result<Seen> {
        let (connection, sql) = self.both();
        if SagaId::parse(&which.saga).is_some() {
            let found = operate::show(connection, sql, &which.saga)
                .await
                .map_err(fault)?;
            return found.ok_or_else(|| unknown(which));
        }
        let filter = Filter {
            key: Some(which.saga.clone()),
            ended: true,
            most: 20,
            ..Filter::default()
        };
        let mut found = operate::list(connection, sql, &filter)
            .await
            .map_err(fault)?;
        match found.len() {
            0 => Err(unknown(which)),
            1 => Ok(found.remove(0)),
            _ => {
                let ids: Vec<String> = found
                    .iter()
                    .map(|it| format!("{} {}", it.id, it.definition))
                    .collect();
                let message = format!("several sagas have the key `{}`", which.saga);
                Err(vec![
                    Fault::new("FH4133", message).help(format!("name one: {}", ids.join(", "))),
                ])
            }
        }
    }
}

fn unknown(which: &SagaRef) -> Vec<Fault> {
    let message = format!("{} has no saga `{}`", which.service, which.saga);
    vec![
        Fault::new("FH4133", message)
            .help("`freehold saga list` shows ids and business keys; --all also those that ended"),
    ]
}

pub(super) fn fault(error: freehold_engine::Error) -> Vec<Fault> {
    vec![freehold_saga::Error::Store(error).fault()]
}

async fn list(
    context: &mut Context,
    services: &[String],
    filter: &Filter,
    output: &Output,
) -> Result<Outcome> {
    let targets = context.targets(services, false)?;
    let mut all = Vec::new();
    for target in targets.iter().filter(|it| it.want.plane.sagas.starts) {
        let mut store = Store::of(target).await?;
        let (connection, sql) = store.both();
        let definitions = operate::definitions(connection, sql).await.map_err(fault)?;
        let seen = operate::list(connection, sql, filter)
            .await
            .map_err(fault)?;
        all.extend(seen.into_iter().map(|seen| {
            (
                target.want.service.clone(),
                definitions.get(&seen.hash).cloned(),
                seen,
            )
        }));
    }
    render::list(&all, output);
    Ok(Outcome::Done)
}
