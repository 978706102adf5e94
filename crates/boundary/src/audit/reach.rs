//! Who may do what with which table, as the server itself would decide.
//!
//! Owns the decision for one principal as it stands, without taking roles on: its own rights, those
//! it inherits and PUBLIC's, through the gates of schemas, by table or by column, row security
//! beside it. What it can get at by other ways is in `ways`.

use std::collections::HashMap;

use freehold_engine::audit::{Facts, Grantee, On, RelationKind, Rights};

use super::people::People;

/// The rights of some principals on all relations.
#[derive(Debug)]
pub struct Reach<'f> {
    facts: &'f Facts,
    pub(crate) people: People,
    index: Index,
}

/// Grants by what they are on.
#[derive(Debug, Default)]
struct Index {
    server: Vec<(Grantee, Rights)>,
    databases: HashMap<u32, Vec<(Grantee, Rights)>>,
    schemas: HashMap<u32, Vec<(Grantee, Rights)>>,
    relations: Vec<Vec<(Grantee, Rights)>>,
    columns: HashMap<u32, Vec<(u16, Grantee, Rights)>>,
    routines: HashMap<u32, Vec<(Grantee, Rights)>>,
}

/// What row security leaves of a table for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowsSeen {
    /// It does not apply.
    All,
    /// Policies decide row by row.
    Some,
    /// No policy lets any row through.
    None,
}

impl<'f> Reach<'f> {
    /// Reads the rights of `facts`.
    #[must_use]
    pub fn new(facts: &'f Facts) -> Self {
        let mut index = Index {
            relations: vec![Vec::new(); facts.relations.len()],
            ..Index::default()
        };
        for own in &facts.grants {
            let entry = (own.to, own.rights);
            match own.on {
                On::Server => index.server.push(entry),
                On::Database(at) => index.databases.entry(at).or_default().push(entry),
                On::Schema(at) => index.schemas.entry(at).or_default().push(entry),
                On::Relation(at) => index.relations[at as usize].push(entry),
                On::Column(at, column) => {
                    let columns = index.columns.entry(at).or_default();
                    columns.push((column, own.to, own.rights));
                }
                On::Routine(at) => index.routines.entry(at).or_default().push(entry),
                // What it opens stands on another server.
                On::Link(_) => {}
            }
        }
        Self {
            facts,
            people: People::new(facts),
            index,
        }
    }

    /// The facts that this was read from.
    #[must_use]
    pub fn facts(&self) -> &'f Facts {
        self.facts
    }

    pub(crate) fn is_superuser(&self, who: u32) -> bool {
        self.facts.principals[who as usize].superuser
    }

    /// May `who` enter the audited database?
    #[must_use]
    pub fn enters(&self, who: u32) -> bool {
        let principal = &self.facts.principals[who as usize];
        if !principal.may_login {
            return false;
        }
        if !self.facts.rules.databases_are_gates {
            return true;
        }
        let Some(here) = self.facts.here() else {
            return true;
        };
        !self.facts.databases[here as usize].closed
            && (principal.superuser || self.has_database(who, here, Rights::CONNECT))
    }

    /// May everybody enter the audited database?
    pub(crate) fn everybody_enters(&self) -> bool {
        let here = self
            .facts
            .here()
            .filter(|_| self.facts.rules.databases_are_gates);
        here.is_some_and(|here| {
            let given = self.index.databases.get(&here);
            given
                .into_iter()
                .flatten()
                .any(|(to, rights)| *to == Grantee::Public && rights.has(Rights::CONNECT))
        })
    }

    fn has_database(&self, who: u32, at: u32, right: Rights) -> bool {
        let given = self.index.databases.get(&at).into_iter().flatten();
        self.sum(who, given.chain(&self.index.server)).has(right)
    }

    /// Whose rights count: all of somebody's, or its own and everybody's only.
    fn counts(&self, who: u32, alone: bool, to: Grantee) -> bool {
        if alone {
            to == Grantee::Public || to == Grantee::One(who)
        } else {
            self.people.counts(who, to)
        }
    }

    fn sum<'a>(&self, who: u32, given: impl Iterator<Item = &'a (Grantee, Rights)>) -> Rights {
        self.sum_of(who, false, given)
    }

    fn sum_of<'a>(
        &self,
        who: u32,
        alone: bool,
        given: impl Iterator<Item = &'a (Grantee, Rights)>,
    ) -> Rights {
        given
            .filter(|(to, _)| self.counts(who, alone, *to))
            .fold(Rights::NONE, |sum, (_, rights)| sum | *rights)
    }

    /// May `who` name things in this schema?
    #[must_use]
    pub fn passes(&self, who: u32, schema: u32) -> bool {
        if !self.facts.rules.schemas_are_gates || self.is_superuser(who) {
            return true;
        }
        let given = self.index.schemas.get(&schema).into_iter().flatten();
        self.sum(who, given.chain(&self.index.server))
            .has(Rights::USAGE)
    }

    /// May everybody name things in this schema?
    pub(crate) fn everybody_passes(&self, schema: u32) -> bool {
        if !self.facts.rules.schemas_are_gates {
            return true;
        }
        let given = self.index.schemas.get(&schema).into_iter().flatten();
        let mut all = given.chain(&self.index.server);
        all.any(|(to, rights)| *to == Grantee::Public && rights.has(Rights::USAGE))
    }

    /// Rights on the whole relation, gates not asked: what counts behind a view or a function.
    #[must_use]
    pub fn holds(&self, who: u32, relation: u32) -> Rights {
        self.held(who, false, relation)
    }

    fn held(&self, who: u32, alone: bool, relation: u32) -> Rights {
        if self.is_superuser(who) {
            return Rights::ROWS;
        }
        let schema = self.facts.relations[relation as usize].schema;
        let on_schema = self.index.schemas.get(&schema).into_iter().flatten();
        let given = self.index.relations[relation as usize].iter();
        let given = given.chain(on_schema).chain(&self.index.server);
        self.sum_of(who, alone, given) & Rights::ROWS
    }

    /// Rights of whoever defined something, as they count when it runs; on a column if one is
    /// named, on any if `None`. Gates not asked.
    #[must_use]
    pub fn holds_as_definer(&self, definer: u32, relation: u32, column: Option<u16>) -> Rights {
        let alone = self.facts.rules.definers_without_roles;
        self.held_somewhere(definer, alone, relation, column)
    }

    /// Likewise, on the whole relation.
    #[must_use]
    pub fn holds_as_definer_whole(&self, definer: u32, relation: u32) -> Rights {
        let alone = self.facts.rules.definers_without_roles;
        self.held(definer, alone, relation)
    }

    fn held_somewhere(&self, who: u32, alone: bool, relation: u32, column: Option<u16>) -> Rights {
        let own = self.index.columns.get(&relation).into_iter().flatten();
        own.filter(|(at, ..)| column.is_none_or(|column| column == *at))
            .filter(|(_, to, _)| self.counts(who, alone, *to))
            .fold(self.held(who, alone, relation), |sum, (_, _, rights)| {
                sum | (*rights & Rights::ROWS)
            })
    }

    /// Rights on one column, those on the whole relation included, gates not asked.
    #[must_use]
    pub fn holds_column(&self, who: u32, relation: u32, column: u16) -> Rights {
        self.held_somewhere(who, false, relation, Some(column))
    }

    /// Rights on at least one column, or on the whole.
    #[must_use]
    pub fn holds_somewhere(&self, who: u32, relation: u32) -> Rights {
        self.held_somewhere(who, false, relation, None)
    }

    /// What `who` may do with the whole relation, by naming it.
    #[must_use]
    pub fn may(&self, who: u32, relation: u32) -> Rights {
        let schema = self.facts.relations[relation as usize].schema;
        if self.passes(who, schema) {
            self.holds(who, relation)
        } else {
            Rights::NONE
        }
    }

    /// What `who` may do with at least one column, by naming it.
    #[must_use]
    pub fn may_somewhere(&self, who: u32, relation: u32) -> Rights {
        let schema = self.facts.relations[relation as usize].schema;
        if self.passes(who, schema) {
            self.holds_somewhere(who, relation)
        } else {
            Rights::NONE
        }
    }

    /// May `who` run this routine?
    #[must_use]
    pub fn runs(&self, who: u32, routine: u32) -> bool {
        let own = &self.facts.routines[routine as usize];
        // Where definers are asked as well, it is but for one who calls its own.
        let (alone, asked) = (
            self.facts.rules.definers_without_roles,
            own.definer && self.facts.rules.definers_are_asked,
        );
        let definer = own.owner.filter(|definer| asked && *definer != who);
        self.passes(who, own.schema)
            && self.executes(who, false, routine)
            && definer.is_none_or(|definer| self.executes(definer, alone, routine))
    }

    fn executes(&self, who: u32, alone: bool, routine: u32) -> bool {
        let schema = self.facts.routines[routine as usize].schema;
        let on_schema = self.index.schemas.get(&schema).into_iter().flatten();
        let given = self.index.routines.get(&routine).into_iter().flatten();
        let given = given.chain(on_schema).chain(&self.index.server);
        self.is_superuser(who) || self.sum_of(who, alone, given).has(Rights::EXECUTE)
    }

    /// Does `who` own the relation, or somebody whose rights it has?
    pub(crate) fn owns(&self, who: u32, relation: u32) -> bool {
        let owner = self.facts.relations[relation as usize].owner;
        owner.is_some_and(|owner| self.people.is(who, owner))
    }

    /// What row security leaves of the relation's rows for this action.
    #[must_use]
    pub fn rows_seen(&self, who: u32, relation: u32, action: Rights) -> RowsSeen {
        let own = &self.facts.relations[relation as usize];
        let exempt = self.facts.principals[who as usize].bypasses_row_security
            || self.is_superuser(who)
            || self.owns(who, relation) && !own.row_security.forced;
        if !own.row_security.on || exempt {
            return RowsSeen::All;
        }
        let lets = self.facts.policies.iter().any(|policy| {
            policy.relation == relation
                && policy.permissive
                && policy.actions.has(action)
                && policy.to.iter().any(|to| self.people.counts(who, *to))
        });
        if lets { RowsSeen::Some } else { RowsSeen::None }
    }

    /// Would reading all of this view work, and which tables would it show? `None`: the server
    /// would refuse, because the view's owner (or whoever asks) lacks a right further down.
    #[must_use]
    pub fn shows(&self, asker: u32, view: u32, uses: &ViewUses) -> Option<Vec<u32>> {
        let mut shown = Vec::new();
        self.show((asker, false), view, uses, &mut shown, 0)
            .then_some(shown)
    }

    /// `asker`: who asks this view, and whether only with what is its own, without its roles.
    fn show(
        &self,
        asker: (u32, bool),
        view: u32,
        uses: &ViewUses,
        shown: &mut Vec<u32>,
        depth: u8,
    ) -> bool {
        let own = &self.facts.relations[view as usize];
        if own.kind == RelationKind::Materialized {
            // It has the rows itself.
            shown.extend(uses.of(view).iter().map(|(relation, _)| *relation));
            return true;
        }
        let strict = self.facts.rules.definers_without_roles;
        let reader = if own.invoker {
            Some(asker)
        } else {
            own.owner.map(|owner| (owner, strict))
        };
        let Some((reader, alone)) = reader.filter(|_| depth < 32) else {
            return false;
        };
        // Where definers are asked, a view within is asked by the one around it.
        let asker = if self.facts.rules.definers_are_asked {
            (reader, alone)
        } else {
            asker
        };
        uses.of(view).iter().all(|(relation, columns)| {
            let has = |column: Option<u16>| {
                self.held_somewhere(reader, alone, *relation, column)
                    .has(Rights::SELECT)
            };
            let held = if columns.is_empty() {
                has(None)
            } else {
                columns.iter().all(|column| has(Some(*column)))
            };
            let kind = self.facts.relations[*relation as usize].kind;
            let deeper = matches!(kind, RelationKind::View | RelationKind::Materialized);
            if !deeper {
                shown.push(*relation);
            }
            held && (!deeper || self.show(asker, *relation, uses, shown, depth + 1))
        })
    }
}

/// What each view reads, by view.
#[derive(Debug, Default)]
pub struct ViewUses(HashMap<u32, Vec<(u32, Vec<u16>)>>);

impl ViewUses {
    /// Sorted by view.
    #[must_use]
    pub fn new(facts: &Facts) -> Self {
        let mut uses: HashMap<u32, Vec<(u32, Vec<u16>)>> = HashMap::new();
        for own in &facts.view_uses {
            let entry = uses.entry(own.view).or_default();
            entry.push((own.relation, own.columns.clone()));
        }
        Self(uses)
    }

    pub(crate) fn of(&self, view: u32) -> &[(u32, Vec<u16>)] {
        self.0.get(&view).map_or(&[], Vec::as_slice)
    }

    /// The tables at the bottom of a view.
    pub(crate) fn tables(&self, view: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut queue = vec![view];
        let mut seen = std::collections::HashSet::new();
        while let Some(at) = queue.pop() {
            if !seen.insert(at) {
                continue;
            }
            match self.0.get(&at) {
                Some(uses) => queue.extend(uses.iter().map(|(relation, _)| *relation)),
                None if at != view => found.push(at),
                None => {}
            }
        }
        found.sort_unstable();
        found
    }
}

/// Questions about one thing at a time, for holding the decisions against a real server.
impl Reach<'_> {
    /// The principal of this name.
    #[must_use]
    pub fn principal(&self, name: &str) -> Option<u32> {
        let at = self
            .facts
            .principals
            .iter()
            .position(|own| own.name == name)?;
        u32::try_from(at).ok()
    }

    /// The relation of this schema and name.
    #[must_use]
    pub fn relation(&self, schema: &str, name: &str) -> Option<u32> {
        let is = |own: &freehold_engine::audit::Relation| {
            own.name == name && self.facts.schemas[own.schema as usize].name == schema
        };
        let at = self.facts.relations.iter().position(is)?;
        u32::try_from(at).ok()
    }

    /// The routine of this schema and name.
    #[must_use]
    pub fn routine(&self, schema: &str, name: &str) -> Option<u32> {
        let is = |own: &freehold_engine::audit::Routine| {
            own.name == name && self.facts.schemas[own.schema as usize].name == schema
        };
        let at = self.facts.routines.iter().position(is)?;
        u32::try_from(at).ok()
    }

    /// May `who` act as `role` from now on (`SET ROLE`)?
    #[must_use]
    pub fn may_become(&self, who: u32, role: u32) -> bool {
        self.is_superuser(who) || self.people.may_set(who, role)
    }

    /// What `who` may do with one column, by naming the table.
    #[must_use]
    pub fn may_column(&self, who: u32, relation: u32, column: u16) -> Rights {
        if self.passes(who, self.facts.relations[relation as usize].schema) {
            self.holds_column(who, relation, column)
        } else {
            Rights::NONE
        }
    }
}
