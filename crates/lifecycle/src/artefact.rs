//! A plan as a file: what was looked at and what would be done, so that exactly that is applied or
//! nothing. It holds digests, names and statements with slots; nothing secret.

use freehold_engine::{Live, Step, hex};
use freehold_model::Fault;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Result;
use crate::each::each;
use crate::history::Contract;
use crate::plan::{View, view};
use crate::reach::Reach;
use crate::target::Target;

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
    /// Also migrations of phase contract?
    #[serde(default)]
    pub contract: bool,
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
    /// Was it looked at by a login that may only read? Then only what such a login sees counts.
    #[serde(default)]
    pub planner: bool,
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
        contract: targets
            .iter()
            .any(|target| target.contract == Contract::Applied),
        stores: each(targets, look).await?,
    })
}

async fn look(target: &Target) -> Result<PlannedStore> {
    let mut reach = Reach::open(target).await?;
    let view = view(&mut reach).await?;
    Ok(planned(&reach, &view, target.planner))
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

impl PlanFile {
    /// Refuses a plan of something else, before any store is looked at.
    ///
    /// # Errors
    /// Another system or environment (FH3218), or a store that nobody describes any more (FH3220).
    pub fn is_of(&self, system: &str, environment: Option<&str>, targets: &[Target]) -> Result<()> {
        if (self.system.as_str(), self.environment.as_deref()) != (system, environment) {
            let name = |system: &str, environment: Option<&str>| match environment {
                Some(environment) => format!("{system} in {environment}"),
                None => system.to_owned(),
            };
            return Err(vec![
                Fault::new(
                    "FH3218",
                    format!(
                        "the plan is of {}, and this is {}",
                        name(&self.system, self.environment.as_deref()),
                        name(system, environment)
                    ),
                )
                .help("give the same folder and environment: freehold -C DIR -e ENV apply FILE"),
            ]);
        }
        let described = |label: &str| targets.iter().any(|target| target.label() == label);
        let gone = self.stores.iter().filter(|store| !described(&store.store));
        let faults: Vec<Fault> = gone.map(elsewhere).collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// The store as it was planned.
    pub fn store(&self, label: &str) -> Option<&PlannedStore> {
        self.stores.iter().find(|store| store.store == label)
    }
}

impl PlannedStore {
    /// Holds a store as it was planned against a look at it. Only a look under the store's lock says
    /// that nothing comes in between.
    ///
    /// # Errors
    /// The store is not as it was (FH3219), or files and description would do something else (FH3220).
    pub(crate) fn unmoved(&self, reach: &Reach<'_>, view: &View<'_>) -> Result<()> {
        match moved(self, &planned(reach, view, self.planner)) {
            Some(fault) => Err(vec![fault]),
            None => Ok(()),
        }
    }
}

const AGAIN: &str = "look at what changed, then plan again: freehold plan -o FILE";

fn elsewhere(then: &PlannedStore) -> Fault {
    let message = format!(
        "{}: the plan was made for {}, and the store is described elsewhere now",
        then.store, then.address
    );
    Fault::new("FH3220", message).help(AGAIN)
}

fn moved(then: &PlannedStore, now: &PlannedStore) -> Option<Fault> {
    if now.address != then.address {
        return Some(elsewhere(then));
    }
    if now.live != then.live {
        let message = format!(
            "{}: the store is not as it was when the plan was made",
            then.store
        );
        return Some(Fault::new("FH3219", message).help(AGAIN));
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
        return Some(Fault::new("FH3220", message).help(AGAIN));
    }
    None
}

/// What stands there and would be done; `planner`: as a login sees it that may only read.
fn planned(reach: &Reach<'_>, view: &View<'_>, planner: bool) -> PlannedStore {
    let (target, engine) = (reach.target, reach.target.engine);
    let (live, steps) = if planner {
        let live = engine.as_planner_sees(&view.live);
        let administrator = engine.as_administrator(reach.probe());
        let diff = engine.diff(&administrator, &reach.want(), &live);
        (live, diff.steps)
    } else {
        (view.live.clone(), view.diff.steps.clone())
    };
    let migrations = view.pending.up.iter().map(|(script, _)| PlannedMigration {
        id: script.id.clone(),
        checksum: script.checksum.clone(),
    });
    PlannedStore {
        store: target.label(),
        service: target.want.service.clone(),
        address: target.admin.to_string(),
        planner,
        live: live_digest(&live),
        steps: steps.iter().map(shown).collect(),
        steps_digest: digest(&steps),
        migrations: migrations.collect(),
    }
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
