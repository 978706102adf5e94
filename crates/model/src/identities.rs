//! The default names of a store's logins and roles, fitted to the engine that they live on.

use crate::names::fit;
use crate::service_file::IdentitiesFile;
use crate::store::{AppIdentity, EngineKind, Identities};

/// The names that somebody gave; the others are made.
#[derive(Debug, Default)]
pub(crate) struct GivenNames {
    owner: Option<String>,
    role: Option<String>,
    logins: [Option<String>; 2],
    sidecar: Option<String>,
    backup: Option<String>,
    migrator: Option<String>,
    issuer: Option<String>,
}

impl GivenNames {
    /// Logins other than exactly two are left out: the caller has refused them.
    pub(crate) fn new(file: IdentitiesFile) -> Self {
        let app = file.app.unwrap_or_default();
        let logins: Result<[String; 2], _> = app.logins.unwrap_or_default().try_into();
        Self {
            owner: file.owner,
            role: app.role,
            logins: logins.map(|logins| logins.map(Some)).unwrap_or_default(),
            sidecar: file.sidecar,
            backup: file.backup,
            migrator: file.migrator,
            issuer: file.issuer,
        }
    }

    /// All names, of a store whose names begin with `base`.
    pub(crate) fn complete(self, base: &str, limit: usize) -> Identities {
        let name = |given: Option<String>, of: &str| {
            given.unwrap_or_else(|| fit(&format!("{base}_{of}"), limit))
        };
        // From the whole role, not the fitted one: one hash, of everything.
        let whole_role = self.role.clone().unwrap_or_else(|| format!("{base}_app"));
        let [first, second] = self.logins;
        let login = |given: Option<String>, number: u8| {
            given.unwrap_or_else(|| fit(&format!("{whole_role}_{number}"), limit))
        };
        Identities {
            owner: name(self.owner, "owner"),
            app: AppIdentity {
                role: name(self.role, "app"),
                logins: [login(first, 1), login(second, 2)],
            },
            sidecar: name(self.sidecar, "sidecar"),
            backup: name(self.backup, "backup"),
            migrator: name(self.migrator, "migrator"),
            issuer: name(self.issuer, "issuer"),
        }
    }
}

/// What the names of a store begin with.
pub(crate) fn base_name(service: &str, store: &str) -> String {
    if store == "main" {
        service.to_owned()
    } else {
        format!("{service}_{store}")
    }
}

/// The same names on another engine: made ones are made again for its limit, given ones stay.
pub(crate) fn refit(names: Identities, base: &str, from: EngineKind, to: EngineKind) -> Identities {
    let (from, to) = (from.name_limit(), to.name_limit());
    if from == to {
        return names;
    }
    let made = GivenNames::default().complete(base, from);
    let given = |name: String, made: &str| (name != made).then_some(name);
    let role = given(names.app.role, &made.app.role);
    let of_role = GivenNames {
        role: role.clone(),
        ..GivenNames::default()
    }
    .complete(base, from);
    let [first, second] = names.app.logins;
    GivenNames {
        owner: given(names.owner, &made.owner),
        role,
        logins: [
            given(first, &of_role.app.logins[0]),
            given(second, &of_role.app.logins[1]),
        ],
        sidecar: given(names.sidecar, &made.sidecar),
        backup: given(names.backup, &made.backup),
        migrator: given(names.migrator, &made.migrator),
        issuer: given(names.issuer, &made.issuer),
    }
    .complete(base, to)
}

/// Every name with what it is, in a fixed order.
pub(crate) fn each(names: &Identities) -> [(&'static str, &str); 8] {
    [
        ("owner", &names.owner),
        ("app", &names.app.role),
        ("first login of app", &names.app.logins[0]),
        ("second login of app", &names.app.logins[1]),
        ("sidecar", &names.sidecar),
        ("backup", &names.backup),
        ("migrator", &names.migrator),
        ("issuer", &names.issuer),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_move_between_engines() {
        let long = "a_service_whose_name_is_rather_long";
        let wide = GivenNames::default().complete(long, 63);
        assert_eq!(
            wide.app.logins[1],
            "a_service_whose_name_is_rather_long_app_2"
        );
        let narrow = refit(wide.clone(), long, EngineKind::Postgres, EngineKind::Mysql);
        assert!(
            each(&narrow).iter().all(|(_, name)| name.len() <= 32),
            "{narrow:?}"
        );
        assert_eq!(
            refit(narrow, long, EngineKind::Mysql, EngineKind::Postgres),
            wide
        );
    }

    #[test]
    fn given_names_stay() {
        let given = GivenNames {
            role: Some("product_app".into()),
            ..GivenNames::default()
        };
        let names = given.complete("product_service", 63);
        assert_eq!(names.app.logins, ["product_app_1", "product_app_2"]);
        let moved = refit(
            names.clone(),
            "product_service",
            EngineKind::Postgres,
            EngineKind::Mysql,
        );
        assert_eq!(moved, names);
    }
}
