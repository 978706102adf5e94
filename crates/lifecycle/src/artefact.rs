//! A plan as a file: what was looked at and what would be done, so that exactly that is applied or
//! nothing. It holds digests, names and statements with slots; nothing secret.

use freehold_engine::{Live, Step, hex};
use freehold_model::Fault;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::each::each;
use crate::plan::view;
use crate::reach::Reach;
use crate::target::Target;
use crate::{Faults, Result};

/// The version of the format. Another one is refused.
const FORMAT: u32 = 1;

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// The version of the format.
    pub freehold_plan: u32,
    /// The system's name.
    pub system: String,
    /// The environment that was merged in.
    pub environment: Option<String>,
    /// Also what is not ours on the server?
    pub server_wide: bool,
    /// One for each store that was planned.
    pub stores: Vec<PlannedStore>,
}

/// One store as it was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStore {
    /// `orders`, or `orders.search`.
    pub store: String,
    /// Its service.
    pub service: String,
    /// Where its server listens.
    pub address: String,
    /// Digest of everything that was read of it; passwords left out.
    pub live: String,
    /// What would be done, for who reads the file.
    pub steps: Vec<String>,
    /// Digest of the steps with their statements.
    pub steps_digest: String,
    /// Migrations that would run, with the fingerprints of their texts.
    pub migrations: Vec<PlannedMigration>,
}

/// One migration that would run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMigration {
    /// `0003_status`
    pub id: String,
    /// Fingerprint of its up.
    pub checksum: String,
}

/// Plans into a file. Sends no change.
///
/// # Errors
/// All that is refused, over all stores.
pub async fn plan_file(
    system: &str,
    environment: Option<&str>,
    server_wide: bool,
    targets: &[Target],
) -> Result<PlanFile> {
    Ok(PlanFile {
        freehold_plan: FORMAT,
        system: system.to_owned(),
        environment: environment.map(str::to_owned),
        server_wide,
        stores: each(targets, planned).await?,
    })
}

/// Reads a plan's text.
///
/// # Errors
/// It is no plan, or one of another format (FH3217).
pub fn parse_plan(text: &str, file: &str) -> Result<PlanFile> {
    let fault = |what: String| {
        vec![
            Fault::new("FH3217", format!("{file} cannot be applied: {what}"))
                .help("make it again with this freehold: freehold plan -o FILE"),
        ]
    };
    let plan: PlanFile =
        serde_json::from_str(text).map_err(|error| fault(format!("it is no plan ({error})")))?;
    if plan.freehold_plan == FORMAT {
        Ok(plan)
    } else {
        Err(fault(format!(
            "its format is {}, this freehold's is {FORMAT}",
            plan.freehold_plan
        )))
    }
}

/// Holds a plan against another one made now.
///
/// # Errors
/// Another system or environment (FH3218), a store that is not as it was (FH3219), or files and
/// description that would do something else (FH3220).
pub fn unmoved(then: &PlanFile, now: &PlanFile) -> Result<()> {
    if (&then.system, &then.environment) != (&now.system, &now.environment) {
        let name = |plan: &PlanFile| match &plan.environment {
            Some(environment) => format!("{} in {environment}", plan.system),
            None => plan.system.clone(),
        };
        return Err(vec![
            Fault::new(
                "FH3218",
                format!("the plan is of {}, and this is {}", name(then), name(now)),
            )
            .help("give the same folder and environment: freehold -C DIR -e ENV apply FILE"),
        ]);
    }
    let faults: Faults = then
        .stores
        .iter()
        .filter_map(|store| {
            let same = now.stores.iter().find(|other| other.store == store.store);
            moved(store, same)
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

fn moved(then: &PlannedStore, now: Option<&PlannedStore>) -> Option<Fault> {
    let again = "look at what changed, then plan again: freehold plan -o FILE";
    let Some(now) = now.filter(|now| now.address == then.address) else {
        let message = format!(
            "{}: the plan was made for {}, and the store is described elsewhere now",
            then.store, then.address
        );
        return Some(Fault::new("FH3220", message).help(again));
    };
    if now.live != then.live {
        let message = format!(
            "{}: the store is not as it was when the plan was made",
            then.store
        );
        return Some(Fault::new("FH3219", message).help(again));
    }
    if now.migrations != then.migrations || now.steps_digest != then.steps_digest {
        let other = now
            .migrations
            .iter()
            .find(|it| !then.migrations.contains(it));
        let other = other.or_else(|| {
            let mut planned = then.migrations.iter();
            planned.find(|it| !now.migrations.contains(it))
        });
        let what = other.map_or_else(
            || "the description changed".to_owned(),
            |migration| format!("migration {} is not the one that was pending", migration.id),
        );
        let message = format!("{}: the files are not what was planned: {what}", then.store);
        return Some(Fault::new("FH3220", message).help(again));
    }
    None
}

async fn planned(target: &Target) -> Result<PlannedStore> {
    let mut reach = Reach::open(target).await?;
    let view = view(&mut reach).await?;
    let migrations = view.pending.up.iter().map(|(script, _)| PlannedMigration {
        id: script.id.clone(),
        checksum: script.checksum.clone(),
    });
    Ok(PlannedStore {
        store: target.label(),
        service: target.want.service.clone(),
        address: target.admin.to_string(),
        live: live_digest(&view.live),
        steps: view.diff.steps.iter().map(shown).collect(),
        steps_digest: digest(&view.diff.steps),
        migrations: migrations.collect(),
    })
}

/// Passwords come and go by rotation, and change nothing that is planned.
fn live_digest(live: &Live) -> String {
    let mut live = live.clone();
    for role in live.roles.values_mut() {
        role.verifier = None;
        role.has_password = None;
    }
    digest(&live)
}

fn digest(value: &impl Serialize) -> String {
    // A value that cannot be written is like no other: its plan is refused.
    let text = serde_json::to_string(value).unwrap_or_else(|error| error.to_string());
    hex(&Sha256::digest(text.as_bytes()))
}

fn shown(step: &Step) -> String {
    let words = format!("{:?} {:?}", step.change, step.subject).to_lowercase();
    format!("{words} {}: {}", step.name, step.note)
}
