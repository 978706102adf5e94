//! Uses held against ownership: what crosses a boundary.
//!
//! Owns the verdict on each use. Pure. What is allowed by policy or known by a baseline is decided
//! behind it.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use freehold_sql::{Access, ContainerKind, ObjectName};

use crate::finding::{Finding, Kind, fingerprint};
use crate::models::Target;
use crate::ownership::{Code, Owner, Ownership};
use crate::paths::Fields;
use crate::scan::{FileScan, Query, Seen, Sureness, Touch};
use crate::spot::Spot;

/// Models by class: the owner of each.
pub(crate) type ModelOwners = HashMap<String, Vec<usize>>;

pub(crate) struct Judge<'a> {
    pub(crate) own: &'a Ownership,
    pub(crate) models: &'a ModelOwners,
    /// Routines that work for the table of a trigger: by name in small letters, the table's owner.
    pub(crate) routines: &'a HashMap<String, usize>,
    pub(crate) fields: &'a Fields<'a>,
}

impl Judge<'_> {
    /// All crossings of one file.
    pub(crate) fn file(&self, scan: &FileScan) -> Vec<Finding> {
        let code = self.own.code(&scan.path);
        if code == Code::Tests {
            return Vec::new();
        }
        let here = match code {
            Code::Of(context) => Some(context),
            _ => None,
        };
        let mut found = Vec::new();
        for query in &scan.queries {
            self.query(scan, query, here, code == Code::Shared, &mut found);
        }
        if code != Code::Shared {
            self.relations(scan, here, &mut found);
            self.walks(scan, here, &mut found);
        }
        once(found)
    }

    fn query(
        &self,
        scan: &FileScan,
        query: &Query,
        here: Option<usize>,
        shared: bool,
        found: &mut Vec<Finding>,
    ) {
        let mut together: HashMap<usize, Vec<&Touch>> = HashMap::new();
        for touch in &query.touches {
            together.entry(touch.statement).or_default().push(touch);
        }
        for touch in &query.touches {
            let statement = together
                .get(&touch.statement)
                .map_or(&[][..], Vec::as_slice);
            let Some(owner) = self.owner(&touch.name, touch.within.as_deref(), here) else {
                continue;
            };
            let container = touch.container.and_then(|own| query.containers.get(own));
            let holder = container.and_then(|own| {
                let routine = self.routines.get(&own.name.table().to_ascii_lowercase());
                match (own.kind, routine) {
                    (ContainerKind::Routine, Some(owner)) => Some(*owner),
                    _ => self.owner(&own.name, touch.within.as_deref(), here),
                }
            });
            let defined = container.map(|own| own.kind);
            let reference = touch.access == Access::Reference;
            // A definition speaks for the object that it defines, wherever the file lies.
            let (from, assumed) = match (holder, here) {
                (Some(holder), _) if defined.is_some() => (Some(holder), false),
                (_, Some(here)) => (Some(here), false),
                (None | Some(_), None) if shared => (None, false),
                _ => (self.first_owner(statement), true),
            };
            let Some(from) = from else { continue };
            // What a definition makes is judged by where it is made.
            let own_object = container.is_some_and(|own| own.name == touch.name);
            if touch.access.defines() && !reference {
                let Some(here) = here else { continue };
                if here != owner {
                    found.push(self.finding(
                        scan,
                        Kind::Schema,
                        here,
                        owner,
                        touch,
                        &query.seen,
                        false,
                    ));
                }
                continue;
            }
            if from == owner || own_object || shared && !reference && container.is_none() {
                continue;
            }
            let kind = match defined {
                _ if reference => Kind::ForeignKey,
                Some(
                    ContainerKind::View
                    | ContainerKind::Routine
                    | ContainerKind::Trigger
                    | ContainerKind::Policy,
                ) => Kind::View,
                _ if touch.access.writes() => Kind::Write,
                _ if touch.joined
                    && (query.piece || self.joins_other(statement, touch, owner, here)) =>
                {
                    Kind::Join
                }
                _ => Kind::Read,
            };
            found.push(self.finding(scan, kind, from, owner, touch, &query.seen, assumed));
        }
    }

    /// The owner of a table, or of the model that a mapper's query names.
    pub(crate) fn owner(
        &self,
        name: &ObjectName,
        within: Option<&str>,
        here: Option<usize>,
    ) -> Option<usize> {
        match self.own.owner(name, within, here) {
            Owner::One(context) => Some(context),
            Owner::Several => None,
            Owner::Nobody => {
                let exact = self.models.get(name.table());
                // PostgreSQL's rules have made the class small.
                let folded = || {
                    self.models
                        .iter()
                        .find(|(class, _)| class.eq_ignore_ascii_case(name.table()))
                        .map(|(_, owners)| owners)
                };
                let owners = exact.or_else(folded).filter(|_| !name.is_qualified())?;
                match here {
                    Some(here) if owners.contains(&here) => Some(here),
                    _ if owners.len() == 1 => owners.first().copied(),
                    _ => None,
                }
            }
        }
    }

    /// The table as the owner calls it; of a mapper's query the class.
    pub(crate) fn object(&self, name: &ObjectName) -> String {
        if self.own.is_claimed(name.table()) {
            return name.to_string();
        }
        let class = self
            .models
            .keys()
            .find(|class| class.eq_ignore_ascii_case(name.table()));
        class.cloned().unwrap_or_else(|| name.to_string())
    }

    /// Is a table of another owner in the same statement?
    fn joins_other(
        &self,
        statement: &[&Touch],
        touch: &Touch,
        owner: usize,
        here: Option<usize>,
    ) -> bool {
        statement.iter().any(|other| {
            other.spot != touch.spot
                && self.owner(&other.name, other.within.as_deref(), here) != Some(owner)
        })
    }

    fn first_owner(&self, statement: &[&Touch]) -> Option<usize> {
        statement
            .iter()
            .find_map(|touch| self.owner(&touch.name, touch.within.as_deref(), None))
    }

    fn relations(&self, scan: &FileScan, here: Option<usize>, found: &mut Vec<Finding>) {
        // Migrations of mappers repeat the models of their day; the models say what holds now.
        if scan
            .path
            .components()
            .any(|part| part.as_os_str() == "migrations")
        {
            return;
        }
        for (relation, spot) in scan.models.relations.iter().zip(&scan.relation_spots) {
            let from = here.or_else(|| {
                self.models
                    .get(&relation.class)
                    .and_then(|owners| match owners.as_slice() {
                        [one] => Some(*one),
                        _ => None,
                    })
            });
            let Some(from) = from else { continue };
            let (owner, object) = match &relation.target {
                Target::Class(class) => {
                    let owners = self.models.get(class).map_or(&[][..], Vec::as_slice);
                    (
                        owners.first().copied().filter(|_| !owners.contains(&from)),
                        class.clone(),
                    )
                }
                Target::Table(table) => {
                    let name = ObjectName {
                        parts: table.split('.').map(str::to_owned).collect(),
                        link: None,
                    };
                    (self.owner(&name, None, Some(from)), table.clone())
                }
            };
            if let Some(owner) = owner.filter(|owner| *owner != from) {
                let seen = Seen {
                    place: "a model",
                    dialect: None,
                    sureness: Sureness::Parsed,
                };
                found.push(self.made(
                    scan.path.as_path(),
                    Kind::Relation,
                    from,
                    owner,
                    object,
                    spot,
                    &seen,
                    false,
                ));
            }
        }
    }

    /// Each step to a model of another context takes its table into the statement.
    fn walks(&self, scan: &FileScan, here: Option<usize>, found: &mut Vec<Finding>) {
        for walk in &scan.walks {
            let from = here.or_else(|| self.only_owner(&walk.from));
            let Some(from) = from else { continue };
            for (class, spot) in self.fields.follow(walk) {
                let Some(owner) = self.only_owner(class).filter(|owner| *owner != from) else {
                    continue;
                };
                let seen = Seen {
                    place: walk.place,
                    dialect: None,
                    sureness: if walk.by_name {
                        Sureness::Inferred
                    } else {
                        Sureness::Parsed
                    },
                };
                found.push(self.made(
                    &scan.path,
                    Kind::Join,
                    from,
                    owner,
                    class.to_owned(),
                    spot,
                    &seen,
                    here.is_none(),
                ));
            }
        }
    }

    fn only_owner(&self, class: &str) -> Option<usize> {
        match self.models.get(class)?.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one finding")]
    fn finding(
        &self,
        scan: &FileScan,
        kind: Kind,
        from: usize,
        to: usize,
        touch: &Touch,
        seen: &Seen,
        assumed: bool,
    ) -> Finding {
        self.made(
            &scan.path,
            kind,
            from,
            to,
            self.object(&touch.name),
            &touch.spot,
            seen,
            assumed,
        )
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one finding")]
    pub(crate) fn made(
        &self,
        path: &Path,
        kind: Kind,
        from: usize,
        to: usize,
        object: String,
        spot: &Spot,
        seen: &Seen,
        assumed: bool,
    ) -> Finding {
        let (from, to) = (self.own.name(from).to_owned(), self.own.name(to).to_owned());
        let table = object.rsplit('.').next().unwrap_or(&object);
        let mark = fingerprint(kind, &from, &to, table, &spot.symbol);
        let confidence = match seen.sureness {
            Sureness::Parsed => "parsed",
            Sureness::Recovered => "recovered",
            Sureness::Inferred => "inferred",
        };
        let seen = match seen.dialect {
            Some(dialect) => format!("{}, read as {dialect}", seen.place),
            None => seen.place.to_owned(),
        };
        Finding {
            kind,
            code: kind.code(),
            from,
            to,
            object,
            file: path.to_path_buf(),
            spot: spot.clone(),
            seen,
            confidence,
            assumed,
            fingerprint: mark,
            statements: Vec::new(),
            known: false,
        }
    }
}

/// A text may be read twice, once alone and once within a longer one: the surer and stronger
/// reading of a place stands.
fn once(mut found: Vec<Finding>) -> Vec<Finding> {
    let rank = |finding: &Finding| {
        let sure = match finding.confidence {
            "parsed" => 0,
            "recovered" => 1,
            _ => 2,
        };
        (finding.kind != Kind::Join, sure)
    };
    found.sort_by(|a, b| {
        (a.spot.line, a.spot.column, rank(a)).cmp(&(b.spot.line, b.spot.column, rank(b)))
    });
    let mut seen = HashSet::new();
    found.retain(|finding| {
        let reads = matches!(finding.kind, Kind::Join | Kind::Read);
        let kind = if reads { Kind::Read } else { finding.kind };
        seen.insert((
            finding.spot.line,
            finding.spot.column,
            kind,
            finding.to.clone(),
        ))
    });
    found
}
