//! A described system held against its live databases: one report over all its stores.
//!
//! Owns the data and what follows from it alone. Must not decide what counts as described: that is
//! in `described`.

use std::collections::BTreeMap;

use freehold_model::Fault;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Finding, Measured, Unseen, VERSION, Verdict};

/// What says in the JSON form that this is a system and not one database.
const SUBJECT: &str = "system";

/// One audit of a described system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemReport {
    /// [`VERSION`].
    pub version: u32,
    /// When it was taken, by the first server's clock, RFC 3339 in UTC.
    pub at: String,
    /// The program that wrote it.
    pub freehold: String,
    /// The system's name.
    pub system: String,
    /// In the order of the description.
    pub stores: Vec<StoreReport>,
    /// What concerns several stores, or none.
    pub findings: Vec<Finding>,
    /// Audits that were kept, oldest first, this one last. Empty without them.
    #[serde(default)]
    pub history: Vec<PastSystem>,
}

/// An audit of the system that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastSystem {
    /// RFC 3339 in UTC.
    pub at: String,
    /// What was not as described.
    pub findings: usize,
    /// Of them, not in the audit before.
    pub new: usize,
    /// In the audit before, and no more.
    pub mended: usize,
}

/// One described store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoreReport {
    /// `orders`, `orders.search`.
    pub store: String,
    /// The key of its server in the description.
    pub server: String,
    /// `PostgreSQL 15.8`.
    pub product: String,
    /// Host and port.
    pub address: String,
    /// The database that it stands in.
    pub database: String,
    /// Its tables, freehold's own and parts of tables among them.
    pub tables: usize,
    /// Everybody who may log in and reaches a table of it, described or not.
    pub logins: Vec<Reaching>,
    /// Ways, sessions and rights that nobody described, and described ones that are not there.
    pub findings: Vec<Finding>,
    /// How many more findings it shares with other stores: those stand above all stores.
    #[serde(default)]
    pub shared: usize,
    /// What could not be seen.
    pub unseen: Vec<Unseen>,
    /// What it took; `None`: nobody could look.
    pub measured: Option<Measured>,
}

/// Somebody who reaches a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaching {
    /// As the server writes it.
    pub name: String,
    /// What the description says of it.
    #[serde(rename = "as")]
    pub stands: Stands,
    /// Tables that it may read.
    pub reads: usize,
    /// Tables that it may write.
    pub writes: usize,
    /// Its open sessions in the store's database.
    pub sessions: usize,
}

/// What the description says of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// Nothing.
    Nobody,
    /// The service's program.
    App,
    Sidecar,
    Backup,
    /// The account of a run, there while it lasts.
    Migrator,
    /// Named by `access:`.
    Access,
    /// The login of the server's `url:`.
    Administrator,
}

impl Stands {
    /// Each, in the order that they are told in.
    #[must_use]
    pub fn all() -> [Self; 7] {
        [
            Self::App,
            Self::Sidecar,
            Self::Backup,
            Self::Migrator,
            Self::Access,
            Self::Administrator,
            Self::Nobody,
        ]
    }

    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Nobody => "not described",
            Self::App => "app",
            Self::Sidecar => "sidecar",
            Self::Backup => "backup",
            Self::Migrator => "migrator",
            Self::Access => "access",
            Self::Administrator => "administrator",
        }
    }
}

impl StoreReport {
    /// Is live exactly as described? Closed only if nothing could hide.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if !self.findings.is_empty() || self.shared > 0 {
            Verdict::Open
        } else if self.measured.is_none() || self.unseen.iter().any(|own| own.could_hide) {
            Verdict::NotKnown
        } else {
            Verdict::Closed
        }
    }
}

impl SystemReport {
    /// Puts stores together. What was found in several of them alike is said once.
    #[must_use]
    pub fn new(system: &str, freehold: &str, at: String, mut stores: Vec<StoreReport>) -> Self {
        let mut of: BTreeMap<Finding, Vec<String>> = BTreeMap::new();
        for store in &stores {
            for own in &store.findings {
                of.entry(own.clone()).or_default().push(store.store.clone());
            }
        }
        of.retain(|_, names| names.len() > 1);
        for store in &mut stores {
            let all = store.findings.len();
            store.findings.retain(|own| !of.contains_key(own));
            store.shared = all - store.findings.len();
        }
        let shared = of.into_iter().map(|(own, names)| Finding {
            message: match names.len() {
                1..=4 => format!("{}: {}", names.join(", "), own.message),
                more => format!("{more} stores: {}", own.message),
            },
            ..own
        });
        let mut findings: Vec<Finding> = shared.collect();
        findings.sort();
        Self {
            version: VERSION,
            at,
            freehold: freehold.to_owned(),
            system: system.to_owned(),
            stores,
            findings,
            history: Vec::new(),
        }
    }

    /// The worst of all stores.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let has = |wanted| self.stores.iter().any(|own| own.verdict() == wanted);
        if !self.findings.is_empty() || has(Verdict::Open) {
            Verdict::Open
        } else if self.stores.is_empty() || has(Verdict::NotKnown) {
            Verdict::NotKnown
        } else {
            Verdict::Closed
        }
    }

    /// Every finding with its store; those of no store have none.
    pub fn all_findings(&self) -> impl Iterator<Item = (Option<&str>, &Finding)> {
        let of_stores = self.stores.iter().flat_map(|store| {
            let findings = store.findings.iter();
            findings.map(|own| (Some(store.store.as_str()), own))
        });
        self.findings.iter().map(|own| (None, own)).chain(of_stores)
    }

    /// The sentence.
    #[must_use]
    pub fn headline(&self) -> String {
        let stores = freehold_look::number::count(self.stores.len(), "store", "stores");
        let found = self.all_findings().count();
        let open = self
            .stores
            .iter()
            .filter(|own| own.verdict() == Verdict::Open)
            .count();
        match self.verdict() {
            Verdict::Closed => format!(
                "Live is as described, exactly: only the services’ own identities and those that `access:` names get into {stores}."
            ),
            Verdict::NotKnown => format!(
                "As far as could be seen, live is as described; not everything of {stores} could be seen."
            ),
            Verdict::Open => format!(
                "{} not as described, in {open} of {stores}.",
                if found == 1 {
                    "One thing is".to_owned()
                } else {
                    format!("{found} things are")
                }
            ),
        }
    }

    /// One object; ends with a line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut value = json!(self);
        value["subject"] = json!(SUBJECT);
        value["verdict"] = json!(self.verdict());
        for (at, store) in self.stores.iter().enumerate() {
            value["stores"][at]["verdict"] = json!(store.verdict());
        }
        serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
    }

    /// Reads what [`SystemReport::to_json`] wrote.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let refused = |why: String| {
            Fault::new("FH2209", format!("the audit cannot be read: {why}"))
                .help("an audit of a described system is written by `freehold audit --out FILE` without --url")
        };
        let value: Value =
            serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
        if value["version"] != json!(VERSION) {
            let found = &value["version"];
            let why = format!("it has version {found}, and this program knows {VERSION}");
            return Err(refused(why));
        }
        if value["subject"] != json!(SUBJECT) {
            return Err(refused("it is of one database, not of a system".to_owned()));
        }
        serde_json::from_value(value).map_err(|error| refused(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(message: &str) -> Finding {
        Finding {
            code: "FH2308".to_owned(),
            message: message.to_owned(),
            repair: "none".to_owned(),
        }
    }

    fn store(name: &str, findings: &[&str]) -> StoreReport {
        StoreReport {
            store: name.to_owned(),
            findings: findings.iter().map(|own| found(own)).collect(),
            ..StoreReport::default()
        }
    }

    #[test]
    fn what_several_stores_share_is_said_once() {
        let stores = vec![store("a", &["both", "one"]), store("b", &["both"])];
        let report = SystemReport::new("s", "1", String::new(), stores);
        assert_eq!(report.findings, [found("a, b: both")]);
        assert_eq!(report.all_findings().count(), 2);
        assert_eq!(report.stores[1].findings, []);
        assert_eq!(report.stores[1].verdict(), Verdict::Open);
    }

    #[test]
    fn a_store_that_nobody_looked_at_is_not_closed() {
        let report = SystemReport::new("s", "1", String::new(), vec![store("a", &[])]);
        assert_eq!(report.verdict(), Verdict::NotKnown);
        let none = SystemReport::new("s", "1", String::new(), Vec::new());
        assert_eq!(none.verdict(), Verdict::NotKnown);
    }

    #[test]
    fn it_is_read_back_as_it_was_written() {
        let report = SystemReport::new("s", "1", String::new(), vec![store("a", &["one"])]);
        assert_eq!(
            SystemReport::parse(&report.to_json()).expect("read"),
            report
        );
        let text = report
            .to_json()
            .replace("\"subject\": \"system\"", "\"subject\": {}");
        assert_eq!(
            SystemReport::parse(&text).expect_err("not one").code,
            "FH2209"
        );
    }
}
