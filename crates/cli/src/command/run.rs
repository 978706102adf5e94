//! `freehold run`: the sidecars of services, until Ctrl-C.

mod said;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use clap::Args as ClapArgs;

use freehold_lifecycle::Target;
use freehold_model::Fault;

use super::Result;
use crate::Outcome;
use crate::args::{Args, StoreArgs};
use crate::context::Context;
use crate::output::Output;
use crate::sagas::{Alarms, Sagas};
use crate::servers::{Place, state_folder};
use crate::sidecar::{self, Report};
use crate::vitals::{self, Vitals};

#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) stores: StoreArgs,
    /// Where `/metrics`, `/healthz` and `/readyz` are answered (default: a free port of this machine)
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))]
    pub(crate) listen: SocketAddr,
}

pub(crate) async fn run(args: &Args, wanted: &RunArgs, output: &Output) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    let targets = context.targets(&wanted.stores.services, false)?;
    let (teller, mut told) = tokio::sync::mpsc::unbounded_channel();
    let (alarming, mut alarmed) = tokio::sync::mpsc::unbounded_channel();
    let report: Report = Arc::new(move |service, what, standing| {
        let _ = teller.send((service.to_owned(), what.to_owned(), standing));
    });
    let state = state_folder(&context.root);
    let alarm: Alarms = Arc::new(move |service, alarm| {
        let _ = alarming.send((service.to_owned(), crate::sagas::told(alarm)));
    });
    let sagas = Sagas::of(&context.root, &context.system, alarm)?;
    if !targets.iter().any(|target| has_work(target, &sagas)) {
        return Err(vec![
            Fault::new(
                "FH3921",
                "no service here publishes events, keeps copies, has sagas or takes part in one over the broker",
            )
            .help("add `publishes:` or `copies:` to a service.yaml"),
        ]);
    }
    let vitals = Arc::new(Vitals::default());
    let report = vitals.listening(report);
    let at = vitals::serve(&vitals, wanted.listen)
        .await
        .map_err(|error| {
            vec![
                Fault::new("FH3932", format!("{}: {error}", wanted.listen))
                    .help("choose another address with `--listen`"),
            ]
        })?;
    said::answers(output, at);
    let mut running = sidecar::start(
        &context.system,
        &targets,
        &state,
        sagas,
        Arc::clone(&report),
    )
    .await?;
    running.watch(&vitals, &report);
    let mut stopped = std::pin::pin!(stopped());
    loop {
        tokio::select! {
            Some((service, what, standing)) = told.recv() => said::standing(output, &service, &what, &standing),
            Some((service, what)) = alarmed.recv() => said::alarm(output, &service, &what),
            () = &mut stopped => break,
        }
    }
    said::stopping(output);
    running.stop().await?;
    Ok(Outcome::Done)
}

/// Whether a sidecar would do something for this store.
fn has_work(target: &Target, sagas: &Sagas) -> bool {
    let plane = &target.want.plane;
    let attends = target.want.store == "main" && sagas.attends(&target.want.service);
    !plane.is_empty() || plane.sagas.starts || attends
}

/// Ctrl-C, or what a supervisor sends.
async fn stopped() {
    let mut terminate =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    let terminated = async {
        match &mut terminate {
            Some(signal) => signal.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
}
