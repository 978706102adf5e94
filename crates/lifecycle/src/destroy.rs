//! `destroy`: removes what is ours and nothing else, after looking who would be hurt.

use freehold_engine::{Keep, Live, Peer, Step};
use freehold_model::Fault;
use serde::Serialize;

use crate::Result;
use crate::each::each;
use crate::reach::Reach;
use crate::steps::run_all;
use crate::target::Target;

/// How often a step may fail because live moved, as in `apply`.
const SURPRISES: usize = 4;

/// What would be, or was, removed of one store.
#[derive(Debug, Clone, Serialize)]
pub struct Destroyed {
    /// `orders`, or `orders.search`.
    pub store: String,
    /// Removals in order; empty: nothing of it was there.
    pub steps: Vec<Step>,
}

/// Removes all stores; with `dry` only says what would go. Every store is looked at before the
/// first changes. Idempotent.
///
/// # Errors
/// Somebody else is connected and `force` is not set (FH3401), or an object is not ours.
pub async fn destroy(
    targets: &[Target],
    keep: Keep,
    force: bool,
    dry: bool,
) -> Result<Vec<Destroyed>> {
    let looked = each(targets, |target| look(target, keep, force)).await?;
    if dry {
        return Ok(looked);
    }
    each(targets, |target| destroy_one(target, keep, force)).await
}

async fn look(target: &Target, keep: Keep, force: bool) -> Result<Destroyed> {
    let mut reach = Reach::open(target).await?;
    steps(&mut reach, keep, force).await.map(|steps| Destroyed {
        store: target.label(),
        steps,
    })
}

async fn steps(reach: &mut Reach<'_>, keep: Keep, force: bool) -> Result<Vec<Step>> {
    let target = reach.target;
    let live = reach.look().await?;
    // Asked before this session is left: a session that ends is to be seen a while longer.
    let peers = if force || live.database.is_none() {
        Vec::new()
    } else {
        let peers = reach.any().await?.peers(&target.want).await;
        peers.map_err(|error| reach.fault(&error))?
    };
    reach.leave_store();
    let dropping = target
        .engine
        .drop_steps(reach.probe(), &target.want, &live, keep);
    if !dropping.refused.is_empty() {
        return Err(dropping.refused);
    }
    if !peers.is_empty() {
        return Err(vec![in_use(target, &peers)]);
    }
    Ok(dropping.steps)
}

fn in_use(target: &Target, peers: &[Peer]) -> Fault {
    let fault = Fault::new(
        "FH3401",
        format!(
            "{}: {} session{} of others would be cut off",
            target.label(),
            peers.len(),
            if peers.len() == 1 { "" } else { "s" }
        ),
    );
    let shown = peers.iter().take(5).map(|peer| {
        format!(
            "open:     {} from {} ({})",
            peer.user,
            or_dash(&peer.address),
            or_dash(&peer.application)
        )
    });
    shown
        .fold(fault, Fault::help)
        .help("stop them first, or `freehold destroy --force`")
}

async fn destroy_one(target: &Target, keep: Keep, force: bool) -> Result<Destroyed> {
    let mut reach = Reach::open(target).await?;
    reach.lock().await?;
    let steps = remove(&mut reach, keep, force).await?;
    reach.leave_store();
    let live = reach.look().await?;
    reach.leave_store();
    let left = left_behind(target, &live, keep);
    if left.is_empty() {
        return Ok(Destroyed {
            store: target.label(),
            steps,
        });
    }
    Err(vec![
        Fault::new("FH3402", format!("{}: still there after destroy: {}", target.label(), left.join(", ")))
            .help("somebody makes them again at the same time, or the server ignores the statement: run the command again"),
    ])
}

/// Runs the steps. Where one fails and a new look sees something else, live moved meanwhile: a run
/// that was killed may have left a statement on its way, which makes what was not there before.
async fn remove(reach: &mut Reach<'_>, keep: Keep, force: bool) -> Result<Vec<Step>> {
    let mut left = steps(reach, keep, force).await?;
    let all = left.clone();
    for _ in 0..SURPRISES {
        let Err(faults) = run_all(reach, &left).await else {
            return Ok(all);
        };
        let now = steps(reach, keep, force).await?;
        if now == left {
            return Err(faults);
        }
        left = now;
    }
    run_all(reach, &left).await?;
    Ok(all)
}

/// What had to go and is there. Kept logins may keep freehold's own tables, where those say whose
/// the logins are.
fn left_behind<'a>(target: &'a Target, live: &'a Live, keep: Keep) -> Vec<&'a str> {
    let want = &target.want;
    let tables = live
        .tables
        .keys()
        .filter(|name| !keep.data && (!keep.credentials || !want.spot.is_own(name)));
    let names = &want.identities;
    let mut roles = want.logins().to_vec();
    roles.extend([names.app.role.as_str(), &names.migrator, &names.issuer]);
    if !keep.data {
        roles.push(&names.owner);
    }
    roles.retain(|name| !keep.credentials && live.roles.contains_key(*name));
    tables.map(String::as_str).chain(roles).collect()
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}
