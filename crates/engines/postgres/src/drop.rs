//! Removing a store: its sessions, its data, its roles, and nothing else. Every state that a crash
//! can leave in between leads to the rest of the way.

use freehold_engine::{At, Change, Drop, Keep, Object, Step, Subject};
use freehold_model::{Fault, Isolation};

use crate::case::Case;
use crate::facts::{self, Fact};
use crate::migrator::end_sessions;
use crate::names::{ident, idents, literal};
use crate::{identities, issuer, refusals};

/// The changes that remove the store.
pub(crate) fn drop(case: &Case<'_>, keep: Keep) -> Drop {
    let mut refused = refusals::of_names(case);
    if !keep.credentials {
        refused.extend(elsewhere(case));
    }
    if !refused.is_empty() || (keep.data && keep.credentials) {
        return Drop {
            steps: Vec::new(),
            refused,
        };
    }
    let mut going = identities::all(case.want);
    going.retain(|name| !keep.data || *name != case.want.identities.owner);
    let removal = Removal { case, keep, going };
    let data = removal.data();
    // Kept logins that have nothing to enter are left in peace.
    let mut steps = if keep.credentials && data.is_empty() {
        Vec::new()
    } else {
        removal.sessions()
    };
    let data = [data, removal.leftovers(), removal.shared_ground()];
    steps.extend(data.into_iter().flatten().map(|step| case.on_ground(step)));
    steps.extend(removal.roles());
    Drop { steps, refused }
}

/// The server does not drop a role that holds something in another database.
pub(crate) fn elsewhere(case: &Case<'_>) -> Vec<Fault> {
    facts::all(case.live, Fact::Elsewhere)
        .into_iter()
        .map(|(role, databases)| {
            let names: Vec<&str> = databases.lines().collect();
            Fault::new("FH3114", format!("{}: {role} owns something or holds rights in {} too", case.want.label(), names.join(", ")))
                .help(format!("connected there, as a superuser: REASSIGN OWNED BY {0} TO somebody; DROP OWNED BY {0}", ident(&role)))
                .help("or keep the roles: freehold destroy --keep credentials")
        })
        .collect()
}

pub(crate) fn removal(subject: Subject, at: At, name: &str, note: &str) -> Step {
    Step::new(Change::Remove, subject, at, name, note).run("SET LOCAL ROLE NONE")
}

pub(crate) struct Removal<'a> {
    pub(crate) case: &'a Case<'a>,
    pub(crate) keep: Keep,
    /// The roles that go, as far as they are there.
    pub(crate) going: Vec<&'a str>,
}

impl<'a> Removal<'a> {
    /// Those of these roles that are there and go.
    fn there(&self, names: &[&'a str]) -> Vec<&'a str> {
        names
            .iter()
            .copied()
            .filter(|name| self.case.has_role(name) && self.going.contains(name))
            .collect()
    }

    /// Whose name the steps about logins carry.
    fn name(&self) -> &'a str {
        let names = &self.case.want.identities;
        if self.going.contains(&names.app.role.as_str()) {
            &names.app.role
        } else {
            &names.sidecar
        }
    }

    fn logins(&self) -> Vec<&'a str> {
        let want = self.case.want;
        let mut names = want.logins().to_vec();
        names.push(&want.identities.migrator);
        self.there(&names)
    }

    pub(crate) fn as_owner(&self) -> String {
        format!("SET LOCAL ROLE {}", ident(&self.case.want.identities.owner))
    }

    /// No new sessions first, which commits; then the open ones end.
    pub(crate) fn sessions(&self) -> Vec<Step> {
        let logins = self.logins();
        if logins.is_empty() {
            return Vec::new();
        }
        let mut steps = Vec::new();
        let name = self.name();
        if !self.keep.credentials {
            let step = removal(
                Subject::Identity,
                At::Server,
                name,
                &format!("{} can log in no more", logins.join(", ")),
            );
            steps.push(logins.iter().fold(step, |step, login| {
                step.run(format!("ALTER ROLE {} NOLOGIN PASSWORD NULL", ident(login)))
            }));
        }
        let mut step = removal(
            Subject::Identity,
            At::Server,
            name,
            &format!("open sessions of {} end", logins.join(", ")),
        );
        let admin = self.case.plain_admin().map(ident);
        // Ending a session takes the rights of its role.
        if let Some(admin) = &admin {
            let options = if self.case.has_options() {
                " WITH INHERIT TRUE"
            } else {
                ""
            };
            step = step.run(format!(
                "GRANT {} TO {admin}{options}",
                idents(logins.iter().copied())
            ));
        }
        step = step.run(format!(
            "DO $freehold$ BEGIN {}END $freehold$",
            end_sessions(&logins)
        ));
        if let Some(admin) = &admin {
            step = step.run(format!(
                "REVOKE {} FROM {admin}",
                idents(logins.iter().copied())
            ));
        }
        steps.push(step);
        steps
    }

    fn data(&self) -> Vec<Step> {
        if self.keep.data || self.case.live.database.is_none() {
            return Vec::new();
        }
        if self.case.owns_database() {
            return self.database();
        }
        let want = self.case.want;
        if !self.case.live.looked_inside || !self.case.has_role(&want.identities.owner) {
            return Vec::new();
        }
        let owner = ident(&want.identities.owner);
        let (subject, name) = match want.isolation {
            Isolation::Schema => (Subject::Schema, &want.spot.schema),
            _ => (Subject::Database, &want.spot.prefix),
        };
        // RESTRICT: should an object of somebody else depend on ours, it is he who decides.
        let step = removal(subject, At::Store, name, "with everything in it")
            .run(self.as_owner())
            .run(format!("DROP OWNED BY {owner} RESTRICT"));
        let mut steps = self.issue_function();
        steps.push(step);
        steps
    }

    /// The issuer owns it; the schema's owner may drop it too.
    pub(crate) fn issue_function(&self) -> Vec<Step> {
        let want = self.case.want;
        if !self
            .case
            .live
            .routines
            .contains_key(&issuer::key(&want.spot))
        {
            return Vec::new();
        }
        let drop = format!(
            "DROP FUNCTION IF EXISTS {}(text, text)",
            issuer::function(&want.spot)
        );
        let step = removal(
            Subject::Issuer,
            At::Store,
            &want.spot.own("issue"),
            "removed",
        );
        let step = match (want.isolation, self.case.plain_admin()) {
            (Isolation::Tables, Some(admin)) => {
                let (issuer, admin) = (ident(&want.identities.issuer), ident(admin));
                let options = if self.case.has_options() {
                    " WITH SET TRUE"
                } else {
                    ""
                };
                step.run(format!("GRANT {issuer} TO {admin}{options}"))
                    .run(format!("SET LOCAL ROLE {issuer}"))
            }
            (Isolation::Tables, None) => step,
            _ => step.run(self.as_owner()),
        };
        vec![step.run(drop)]
    }

    fn database(&self) -> Vec<Step> {
        let name = &self.case.want.spot.database;
        let db = ident(name);
        let end = format!(
            "DO $freehold$ DECLARE peer record; BEGIN
  FOR peer IN SELECT pid FROM pg_catalog.pg_stat_activity WHERE datname OPERATOR(pg_catalog.=) {}::name AND pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid() LOOP
    BEGIN PERFORM pg_catalog.pg_terminate_backend(peer.pid, 5000); EXCEPTION WHEN insufficient_privilege THEN NULL; END;
  END LOOP;
END $freehold$",
            literal(name)
        );
        let mut shut = removal(
            Subject::Access,
            At::Server,
            name,
            "takes no connections any more",
        );
        let has_owner = self.case.has_role(&self.case.want.identities.owner);
        if has_owner {
            shut = shut.run(self.as_owner());
        }
        let shut = shut.run(format!("ALTER DATABASE {db} ALLOW_CONNECTIONS false"));
        let ended = removal(Subject::Access, At::Server, name, "its open sessions end").run(end);
        let gone = Step::new(
            Change::Remove,
            Subject::Database,
            At::Server,
            name,
            "with everything in it",
        );
        let gone = self.case.drop_database(gone.not_atomic());
        if self.case.is_broken() {
            return vec![gone];
        }
        vec![shut, ended, gone]
    }

    /// What the roles that go hold in data that stays, or own beside it.
    pub(crate) fn leftovers(&self) -> Vec<Step> {
        let want = self.case.want;
        let names = &want.identities;
        let gone_with_database = self.case.owns_database() && !self.keep.data;
        if self.keep.credentials
            || gone_with_database
            || !self.case.live.looked_inside
            || !self.case.has_role(&names.owner)
        {
            return Vec::new();
        }
        let mut going = identities::all(want);
        going.retain(|name| *name != names.owner);
        let going = self.there(&going);
        if going.is_empty() {
            return Vec::new();
        }
        let (list, owner) = (idents(going.iter().copied()), ident(&names.owner));
        let options = if self.case.has_options() {
            " WITH INHERIT TRUE"
        } else {
            ""
        };
        let mut steps = if self.keep.data {
            self.issue_function()
        } else {
            Vec::new()
        };
        let step = removal(
            Subject::Grant,
            At::Store,
            self.name(),
            "what the logins own goes to the owner, their rights go",
        )
        .run(format!("GRANT {list} TO {owner}{options}"))
        .run(self.as_owner())
        .run(format!("REASSIGN OWNED BY {list} TO {owner}"))
        .run(format!("DROP OWNED BY {list}"));
        steps.push(step);
        steps
    }

    /// Rights on a database or schema that others share were given by the administrator.
    pub(crate) fn shared_ground(&self) -> Vec<Step> {
        if self.case.owns_database() || self.keep.credentials {
            return Vec::new();
        }
        let want = self.case.want;
        let mut grounds = vec![(
            Object::Database(want.spot.database.clone()),
            format!("DATABASE {}", ident(&want.spot.database)),
        )];
        if want.isolation == Isolation::Tables {
            grounds.push((
                Object::Schema(want.spot.schema.clone()),
                format!("SCHEMA {}", ident(&want.spot.schema)),
            ));
        }
        let mut steps = Vec::new();
        for (on, place) in grounds {
            let mut holders: Vec<&str> = self
                .case
                .live
                .grants
                .iter()
                .filter(|grant| grant.on == on)
                .map(|grant| grant.grantee.as_str())
                .collect();
            holders.dedup();
            holders.retain(|name| self.going.contains(name));
            if !holders.is_empty() {
                let step = removal(
                    Subject::Access,
                    At::Store,
                    self.name(),
                    "rights on shared ground go",
                );
                steps.push(step.run(format!(
                    "REVOKE ALL ON {place} FROM {} CASCADE",
                    idents(holders)
                )));
            }
        }
        steps
    }

    pub(crate) fn roles(&self) -> Vec<Step> {
        if self.keep.credentials {
            return Vec::new();
        }
        let names = &self.case.want.identities;
        let [first, second] = &names.app.logins;
        let groups: [(&str, Vec<&str>); 6] = [
            (&names.migrator, vec![&names.migrator]),
            (&names.app.role, vec![first, second, &names.app.role]),
            (&names.sidecar, vec![&names.sidecar]),
            (&names.backup, vec![&names.backup]),
            (&names.issuer, vec![&names.issuer]),
            (&names.owner, vec![&names.owner]),
        ];
        let mut steps = Vec::new();
        for (name, roles) in groups {
            let there = self.there(&roles);
            if there.is_empty() {
                continue;
            }
            let note = if there.len() > 1 {
                there.join(", ")
            } else {
                "removed".to_owned()
            };
            let step = removal(Subject::Identity, At::Server, name, &note);
            steps.push(step.run(format!("DROP ROLE {}", idents(there))));
        }
        if self.keep.data
            && self.case.has_role(&names.owner)
            && let Some(last) = steps.last_mut()
        {
            last.note = format!("{}; {} stays, it owns the data", last.note, names.owner);
        }
        steps
    }
}
