//! `freehold audit` without `--url`: a described system held against its live servers.
//!
//! Owns the order: targets, facts of each database once, the engines' own comparison, one report.
//! Whoever looks is the administrator of each server's `url:`; nothing is written.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use freehold_boundary::audit::report::{Stands, StoreReport, SystemReport, Unseen};
use freehold_boundary::audit::{described, differences, ended};
use freehold_engine::audit::{Facts, Limits};
use freehold_engine::{Endpoint, Engine, ErrorKind, Want};
use freehold_lifecycle::{StorePlan, Target, plan};
use freehold_model::{Fault, System};
use tokio::task::JoinSet;

use super::super::Result;
use crate::args::{Args, AuditArgs};
use crate::context::Context;
use crate::servers::Place;

/// Databases that are looked at in the same moment: a server that others use is not to notice.
const AT_ONCE: usize = 4;

/// A described system with all its stores.
pub(in crate::command) struct Described {
    pub(super) system: System,
    /// All stores, since those that share a database describe each other.
    targets: Arc<[Target]>,
    /// Those that are reported on; empty: all.
    services: Vec<String>,
}

/// One database, and what of `targets` stands in it.
struct Group {
    engine: &'static dyn Engine,
    at: Endpoint,
    stores: Vec<usize>,
}

type Looked = freehold_engine::Result<Facts>;

impl Described {
    pub(super) async fn load(args: &Args, wanted: &AuditArgs) -> Result<Self> {
        let context = Context::load(args, Place::Described).await;
        let mut context =
            context.map_err(|faults| faults.into_iter().map(or_a_url).collect::<Vec<_>>())?;
        // All that is asked for is known, or refused.
        context.targets(&wanted.services, false)?;
        let mut targets = context.targets(&[], false)?;
        for target in &mut targets {
            // What an adopted store keeps is not described all the same.
            target.want.prune = true;
            target.prune_described = true;
        }
        Ok(Self {
            system: context.system,
            targets: targets.into(),
            services: wanted.services.clone(),
        })
    }

    /// These stores, which are all of a system. What an adopted one keeps is taken as wanted.
    pub(in crate::command) fn of(system: System, targets: Arc<[Target]>) -> Self {
        Self {
            system,
            targets,
            services: Vec::new(),
        }
    }

    /// One look at everything.
    ///
    /// # Errors
    /// Only when nobody could look at any store.
    pub(in crate::command) async fn look(&self, budget: u64) -> Result<SystemReport> {
        let limits = Limits {
            total: Duration::from_secs(budget.max(1)),
            ..Limits::default()
        };
        let groups = self.groups();
        let looked = facts(&groups, &limits).await;
        let clock = looked.iter().filter_map(|own| own.as_ref().ok());
        let clock = clock.map(|facts| facts.server.clock).next();
        let mut stores: Vec<(usize, StoreReport)> = Vec::new();
        for (group, looked) in groups.iter().zip(&looked) {
            stores.extend(self.of_group(group, looked).await);
        }
        if clock.is_none() && stores.iter().all(|(_, own)| own.measured.is_none()) {
            // A store without logins is no failure: of it, it is not known.
            let failed = |own: &&freehold_engine::Error| own.kind != ErrorKind::Unsupported;
            let faults = looked.iter().filter_map(|own| own.as_ref().err());
            let faults = faults.filter(failed);
            let mut faults: Vec<Fault> = faults.map(freehold_engine::Error::fault).collect();
            faults.dedup();
            if !faults.is_empty() {
                return Err(faults);
            }
        }
        stores.sort_by_key(|(at, _)| *at);
        let at = freehold_boundary::audit::moment(clock.unwrap_or_else(own_clock));
        let over = ended(&self.system, at.get(..10).unwrap_or_default());
        let stores = stores.into_iter().map(|(_, own)| own).collect();
        let mut report =
            SystemReport::new(&self.system.name, env!("CARGO_PKG_VERSION"), at, stores);
        report.findings.extend(over);
        Ok(report)
    }

    /// Databases with a store that is asked about.
    fn groups(&self) -> Vec<Group> {
        let mut groups = groups(&self.targets);
        groups.retain(|group| group.stores.iter().any(|at| self.is_asked(*at)));
        groups
    }

    fn is_asked(&self, at: usize) -> bool {
        let service = &self.targets[at].want.service;
        self.services.is_empty() || self.services.contains(service)
    }

    async fn of_group(&self, group: &Group, looked: &Looked) -> Vec<(usize, StoreReport)> {
        let wants: Vec<&Want> = group
            .stores
            .iter()
            .map(|at| &self.targets[*at].want)
            .collect();
        let mut reports = match looked {
            Ok(facts) => described(facts, &wants),
            Err(error) => wants.iter().map(|want| blind(want, error)).collect(),
        };
        let mut found = Vec::new();
        for (at, report) in group.stores.iter().zip(reports.drain(..)) {
            if !self.is_asked(*at) {
                continue;
            }
            let target = &self.targets[*at];
            let planned = plan(std::slice::from_ref(target)).await;
            found.push((*at, compared(target, report, planned)));
        }
        found
    }
}

/// Where no server tells the time: seconds since 1970.
fn own_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// Stores by the database that they stand in.
fn groups(targets: &[Target]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (at, target) in targets.iter().enumerate() {
        let place = target.engine.at_store(&target.admin, &target.want.spot);
        let key = |own: &Endpoint| format!("{own:?}");
        match groups.iter_mut().find(|own| key(&own.at) == key(&place)) {
            Some(group) => group.stores.push(at),
            None => groups.push(Group {
                engine: target.engine,
                at: place,
                stores: vec![at],
            }),
        }
    }
    groups
}

/// What a migration may leave open although rights on the store's own objects are as described:
/// routines that run as somebody else, rights on tables to come, ways of its own identities.
const LEFT_OPEN: [&str; 3] = ["FH2303", "FH2306", "FH2309"];

/// Looks again at stores whose migrations just ran: store and finding. A store that could not be
/// looked at is a finding, too; engines without logins have nothing to look at.
pub(in crate::command) async fn after_migrations(targets: &[&Target]) -> Vec<(String, Fault)> {
    let limits = Limits {
        total: Duration::from_secs(10),
        ..Limits::default()
    };
    let mut all = Vec::new();
    for target in targets.iter().filter(|own| own.engine.info().identities) {
        let at = target.engine.at_store(&target.admin, &target.want.spot);
        match target.engine.audit(&at, &limits).await {
            Ok(facts) => {
                let reports = described(&facts, &[&target.want]);
                let found = reports.into_iter().flat_map(|own| own.findings);
                let left = found.filter(|own| LEFT_OPEN.contains(&own.code.as_str()));
                all.extend(left.map(|own| {
                    let message = own.message.replace('`', "");
                    let message = format!("{}: a migration left open: {message}", target.label());
                    let fault = Fault::new(code(&own.code), message);
                    (target.label(), fault.help(own.repair.replace('`', "")))
                }));
            }
            Err(error) => all.push((target.label(), error.fault())),
        }
    }
    all
}

fn code(found: &str) -> &'static str {
    let known = LEFT_OPEN.iter().find(|own| **own == found);
    known.copied().unwrap_or("FH2309")
}

/// Facts of each database, in the groups' order.
async fn facts(groups: &[Group], limits: &Limits) -> Vec<Looked> {
    let mut all: Vec<(usize, Looked)> = Vec::new();
    for (first, part) in groups.chunks(AT_ONCE).enumerate() {
        let mut running = JoinSet::new();
        for (number, group) in part.iter().enumerate() {
            let (engine, at, limits) = (group.engine, group.at.clone(), limits.clone());
            let number = first * AT_ONCE + number;
            running.spawn(async move { (number, engine.audit(&at, &limits).await) });
        }
        while let Some(done) = running.join_next().await {
            // One that panicked is a defect of ours, and must not become a clean report.
            match done {
                Ok(done) => all.push(done),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
    }
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, looked)| looked).collect()
}

/// The engine's own comparison, entry by entry, added to what the facts say.
fn compared(
    target: &Target,
    mut report: StoreReport,
    planned: Result<Vec<StorePlan>>,
) -> StoreReport {
    target.server.clone_into(&mut report.server);
    match planned {
        Ok(plans) => {
            for plan in plans {
                if !plan.exists && !plan.steps.is_empty() {
                    report.findings = vec![not_there(&plan)];
                    report.unseen.clear();
                    continue;
                }
                let more = differences(&plan.steps, &report.findings);
                report.findings.extend(more);
            }
        }
        Err(faults) => report.unseen.extend(faults.iter().map(|fault| Unseen {
            what: "Whether rights are as described".to_owned(),
            because: format!("{}: {}", fault.code, fault.message),
            would_show: "each right that differs".to_owned(),
            shown_by: fault.help.join("; "),
            could_hide: true,
            for_want_of_rights: fault.code == "FH3003",
            calls_a_day: None,
        })),
    }
    report
}

fn not_there(plan: &StorePlan) -> freehold_boundary::audit::report::Finding {
    freehold_boundary::audit::report::Finding {
        code: "FH2312".to_owned(),
        message: format!("`{}` is described and not there", plan.name),
        repair: "`freehold apply`".to_owned(),
    }
}

/// A store that nobody could look at.
fn blind(want: &Want, error: &freehold_engine::Error) -> StoreReport {
    let fault = error.fault();
    StoreReport {
        store: want.label(),
        database: want.spot.database.clone(),
        unseen: vec![Unseen {
            what: "Who gets in".to_owned(),
            because: format!("{}: {}", fault.code, fault.message),
            would_show: "logins, ways and sessions".to_owned(),
            shown_by: match error.kind {
                ErrorKind::Unsupported => {
                    "nothing: this engine has no logins of its own; whoever reads the file reads the store".to_owned()
                }
                _ => fault.help.join("; "),
            },
            could_hide: true,
            for_want_of_rights: false,
            calls_a_day: None,
        }],
        ..StoreReport::default()
    }
}

fn or_a_url(fault: Fault) -> Fault {
    if fault.code == "FH1308" {
        return fault
            .help("or name a database, described or not: freehold audit --url env:PROD_URL");
    }
    fault
}

/// Everything that counts against a described system, by name.
pub(super) fn faults(report: &SystemReport) -> std::collections::BTreeMap<String, String> {
    let found = report.all_findings().map(|(store, own)| {
        let store = store.map_or_else(String::new, |store| format!("{store}: "));
        let said = format!("{} {store}{}", own.code, own.message.replace('`', ""));
        (said.clone(), said)
    });
    let mut all: std::collections::BTreeMap<String, String> = found.collect();
    for store in &report.stores {
        for own in store.unseen.iter().filter(|own| own.could_hide) {
            let said = format!("{}: not seen: {}", store.store, own.what.replace('`', ""));
            all.insert(said.clone(), said);
        }
    }
    all
}

/// Who of a store's logins is not described: for figures.
pub(super) fn strangers(store: &StoreReport) -> usize {
    let of = store
        .logins
        .iter()
        .filter(|own| own.stands == Stands::Nobody);
    of.count()
}
