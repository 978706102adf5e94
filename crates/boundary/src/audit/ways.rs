//! By which ways each login gets how far.
//!
//! Owns the search for ways beyond plain rights: roles that can be taken on, views, routines that
//! run as somebody else, triggers, attributes that open everything. Each way is held apart, so that
//! the report can say which one opens what.

use std::collections::HashMap;

use freehold_engine::audit::{Facts, Gives, Grantee, On, RelationKind, Rights};

use super::bodies::{self, Body};
use super::names::{self, Names};
use super::reach::{Reach, ViewUses};
use super::report::By;

/// What may be done with each table; by place in [`Ways::tables`].
pub(crate) type Row = Vec<Rights>;

/// The object that a way leads through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Through {
    /// Rights of its own, or everybody's.
    Rights,
    /// A role that it belongs to, takes on, or may give itself: the first on the way.
    Role(u32),
    View(u32),
    Routine(u32),
    /// By its place in the facts.
    Trigger(usize),
    /// An attribute or a right on the server, and who has it.
    Power(String, u32),
}

/// One way in.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) by: By,
    pub(crate) through: Through,
    pub(crate) steps: Vec<String>,
    /// What it opens; empty unless rows are kept.
    pub(crate) row: Row,
    /// It opens these tables to reading.
    pub(crate) reads: usize,
    /// And these to writing.
    pub(crate) writes: usize,
}

/// A login and all its ways.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) who: u32,
    /// All ways together.
    pub(crate) row: Row,
    /// Those that open something, the widest first.
    pub(crate) ways: Vec<Way>,
}

/// Everything that is the same for all logins.
pub(crate) struct Ways<'f, 'r> {
    facts: &'f Facts,
    reach: &'r Reach<'f>,
    /// The tables that are counted.
    pub(crate) tables: Vec<u32>,
    /// Each way keeps what it opens: for few tables.
    keeps_rows: bool,
    place: HashMap<u32, usize>,
    /// Given to each principal and nobody else: table, rights.
    own: Vec<Vec<(usize, Rights)>>,
    public: Vec<(usize, Rights)>,
    /// Rights on all tables of a schema or of the server.
    wide: Vec<(Grantee, Option<u32>, Rights)>,
    uses: ViewUses,
    views: Vec<u32>,
    bodies: Vec<Body>,
    /// By trigger: what its own body touches.
    fired: Vec<Option<Body>>,
    /// Rows of roles that were asked for already.
    rows: std::cell::RefCell<HashMap<u32, std::rc::Rc<Row>>>,
}

impl<'f, 'r> Ways<'f, 'r> {
    /// To all tables of the database.
    pub(crate) fn new(reach: &'r Reach<'f>, names: &Names<'f>) -> Self {
        Self::to(reach, names, names::tables(reach.facts()), false)
    }

    /// To these tables only; each way says what it opens.
    pub(crate) fn within(reach: &'r Reach<'f>, names: &Names<'f>, tables: Vec<u32>) -> Self {
        Self::to(reach, names, tables, true)
    }

    fn to(reach: &'r Reach<'f>, names: &Names<'f>, tables: Vec<u32>, keeps_rows: bool) -> Self {
        let facts = reach.facts();
        let place: HashMap<u32, usize> = tables.iter().copied().zip(0..).collect();
        let mut own = vec![Vec::new(); facts.principals.len()];
        let (mut public, mut wide) = (Vec::new(), Vec::new());
        for grant in &facts.grants {
            let rights = grant.rights & Rights::ROWS;
            let (relation, rights) = match grant.on {
                On::Relation(at) | On::Column(at, _) => (at, rights),
                On::Schema(at) if !rights.is_none() => {
                    wide.push((grant.to, Some(at), rights));
                    continue;
                }
                On::Server if !rights.is_none() => {
                    wide.push((grant.to, None, rights));
                    continue;
                }
                _ => continue,
            };
            let Some(&at) = place.get(&relation).filter(|_| !rights.is_none()) else {
                continue;
            };
            match grant.to {
                Grantee::Public => public.push((at, rights)),
                Grantee::One(who) => own[who as usize].push((at, rights)),
            }
        }
        let is_view = |at: &u32| {
            let kind = facts.relations[*at as usize].kind;
            matches!(kind, RelationKind::View | RelationKind::Materialized)
        };
        Self {
            facts,
            reach,
            place,
            own,
            public,
            wide,
            uses: ViewUses::new(facts),
            views: (0u32..)
                .take(facts.relations.len())
                .filter(is_view)
                .collect(),
            bodies: bodies::routines(facts, names),
            fired: bodies::triggers(facts, names),
            tables,
            keeps_rows,
            rows: std::cell::RefCell::new(HashMap::new()),
        }
    }

    pub(crate) fn uses(&self) -> &ViewUses {
        &self.uses
    }

    pub(crate) fn bodies(&self) -> &[Body] {
        &self.bodies
    }

    /// What everybody may, and everybody to come, gates included.
    pub(crate) fn of_public(&self) -> Row {
        let mut row = self.all(Rights::NONE);
        for (at, rights) in &self.public {
            row[*at] |= *rights;
        }
        for (_, schema, rights) in self.wide.iter().filter(|(to, ..)| *to == Grantee::Public) {
            for (cell, table) in row.iter_mut().zip(&self.tables) {
                let own = self.facts.relations[*table as usize].schema;
                if schema.is_none_or(|schema| schema == own) {
                    *cell |= *rights;
                }
            }
        }
        let open: Vec<bool> = (0u32..)
            .take(self.facts.schemas.len())
            .map(|at| self.reach.everybody_passes(at))
            .collect();
        for (cell, table) in row.iter_mut().zip(&self.tables) {
            if !open[self.facts.relations[*table as usize].schema as usize] {
                *cell = Rights::NONE;
            }
        }
        row
    }

    /// What a trigger does, by its own body or by the routine that it calls.
    pub(crate) fn fired(&self, trigger: usize) -> Option<&Body> {
        let own = &self.facts.triggers[trigger];
        let called = own.routine.map(|routine| &self.bodies[routine as usize]);
        called.or(self.fired[trigger].as_ref())
    }

    fn name(&self, who: u32) -> String {
        format!("`{}`", self.facts.principals[who as usize].name)
    }

    fn all(&self, rights: Rights) -> Row {
        vec![rights; self.tables.len()]
    }

    /// What was given to one grantee alone, through the gates of `who`.
    pub(crate) fn given(&self, to: Grantee, who: u32) -> Row {
        let mut row = self.all(Rights::NONE);
        let list = match to {
            Grantee::Public => &self.public,
            Grantee::One(role) => &self.own[role as usize],
        };
        for (at, rights) in list {
            row[*at] |= *rights;
        }
        for (_, schema, rights) in self.wide.iter().filter(|(whom, ..)| *whom == to) {
            for (cell, table) in row.iter_mut().zip(&self.tables) {
                let in_it = schema
                    .is_none_or(|schema| self.facts.relations[*table as usize].schema == schema);
                if in_it {
                    *cell |= *rights;
                }
            }
        }
        self.gated(who, &mut row);
        row
    }

    fn gated(&self, who: u32, row: &mut Row) {
        let schemas = (0u32..).take(self.facts.schemas.len());
        let open: Vec<bool> = schemas.map(|at| self.reach.passes(who, at)).collect();
        for (cell, table) in row.iter_mut().zip(&self.tables) {
            if !open[self.facts.relations[*table as usize].schema as usize] {
                *cell = Rights::NONE;
            }
        }
    }

    /// What a principal may do as it stands.
    fn row(&self, who: u32) -> std::rc::Rc<Row> {
        if let Some(row) = self.rows.borrow().get(&who) {
            return row.clone();
        }
        let row = if self.reach.is_superuser(who) {
            self.all(Rights::ROWS)
        } else {
            let mut row = self.given(Grantee::Public, who);
            for step in self.reach.people.acts_as(who) {
                join(&mut row, &self.given(Grantee::One(step.to), who));
            }
            row
        };
        let row = std::rc::Rc::new(row);
        self.rows.borrow_mut().insert(who, row.clone());
        row
    }

    /// All ways of one login.
    pub(crate) fn of(&self, who: u32) -> Found {
        let mut found = Found {
            who,
            row: self.all(Rights::NONE),
            ways: Vec::new(),
        };
        if !self.reach.enters(who) {
            return found;
        }
        if self.reach.is_superuser(who) {
            let steps = vec![self.name(who), "no rule applies".to_owned()];
            let through = Through::Power("SUPERUSER".to_owned(), who);
            self.open(
                &mut found,
                (By::Superuser, through),
                steps,
                &self.all(Rights::ROWS),
            );
            return found;
        }
        self.by_rights(&mut found);
        self.by_roles(&mut found);
        self.by_powers(&mut found);
        self.by_views(&mut found);
        self.by_routines(&mut found);
        found
            .ways
            .sort_by_key(|way| std::cmp::Reverse((way.reads + way.writes, way.reads)));
        found
    }

    fn open(&self, found: &mut Found, by: (By, Through), steps: Vec<String>, row: &Row) {
        let count = |wanted: Rights| row.iter().filter(|own| own.has_any(wanted)).count();
        let (reads, writes) = (count(Rights::SELECT), count(Rights::WRITES));
        if reads + writes > 0 {
            join(&mut found.row, row);
            found.ways.push(Way {
                by: by.0,
                through: by.1,
                steps,
                row: if self.keeps_rows {
                    row.clone()
                } else {
                    Row::new()
                },
                reads,
                writes,
            });
        }
    }

    fn by_rights(&self, found: &mut Found) {
        let who = found.who;
        let public = self.given(Grantee::Public, who);
        let everybody = vec!["PUBLIC".to_owned()];
        self.open(found, (By::Public, Through::Rights), everybody, &public);
        for step in self.reach.people.acts_as(who) {
            let mut row = self.given(Grantee::One(step.to), who);
            let owned = self.owned(step.to, who);
            let owns = owned.iter().any(|own| !own.is_none());
            join(&mut row, &owned);
            let mut steps = self.chain(who, step.to);
            let by = match (owns, step.to == who) {
                (true, true) => By::Owner,
                (false, true) => By::Grant,
                (_, false) => By::RoleChain,
            };
            if owns {
                steps.push("owns the tables".to_owned());
            }
            let through = self.first_role(who, step.to);
            self.open(found, (by, through), steps, &row);
        }
    }

    /// The role next to `who` on its way to `role`.
    fn first_role(&self, who: u32, role: u32) -> Through {
        let chain = self.reach.people.chain(who, role);
        chain
            .get(1)
            .map_or(Through::Rights, |next| Through::Role(*next))
    }

    /// What an owner may do or give itself.
    fn owned(&self, owner: u32, who: u32) -> Row {
        let mut row = self.all(Rights::NONE);
        if self.facts.rules.owners_grant {
            for (cell, table) in row.iter_mut().zip(&self.tables) {
                if self.facts.relations[*table as usize].owner == Some(owner) {
                    *cell = Rights::ROWS;
                }
            }
            self.gated(who, &mut row);
        }
        row
    }

    fn chain(&self, who: u32, role: u32) -> Vec<String> {
        let chain = self.reach.people.chain(who, role);
        chain.into_iter().map(|step| self.name(step)).collect()
    }

    /// Roles that it may take on, or give itself.
    fn by_roles(&self, found: &mut Found) {
        let who = found.who;
        let people = &self.reach.people;
        let taken = people.may_take(who).iter().map(|step| (step, false));
        let given = people.may_give_itself(who).iter().map(|step| (step, true));
        for (step, gives) in taken.chain(given) {
            let mut row = (*self.row(step.to)).clone();
            join(&mut row, &self.owned(step.to, step.to));
            let mut steps = self.chain(who, step.to);
            if gives {
                steps.push("may give itself the role".to_owned());
            }
            let through = self.first_role(who, step.to);
            self.open(found, (By::RoleChain, through), steps, &row);
        }
    }

    /// Attributes of its own, and rights of roles that open everything.
    fn by_powers(&self, found: &mut Found) {
        let who = found.who;
        let people = &self.reach.people;
        let held = people.acts_as(who).iter().chain(people.may_take(who));
        for step in held {
            let principal = &self.facts.principals[step.to as usize];
            for power in &principal.powers {
                // Attributes are not inherited; rights of the server's own roles are.
                if step.to != who && !principal.built_in && self.facts.rules.schemas_are_gates {
                    continue;
                }
                let (by, rights) = match power.gives {
                    Gives::Reading => (By::Replication, Rights::SELECT),
                    Gives::Everything => (By::Superuser, Rights::ROWS),
                    Gives::OthersRights => (By::RoleAdmin, Rights::ROWS),
                };
                let mut steps = self.chain(who, step.to);
                steps.push(power.name.clone());
                let through = Through::Power(power.name.clone(), step.to);
                self.open(found, (by, through), steps, &self.all(rights));
            }
        }
    }

    fn by_views(&self, found: &mut Found) {
        let who = found.who;
        for &view in &self.views {
            let may = self.reach.may_somewhere(who, view);
            if may.is_none() {
                continue;
            }
            let mut row = self.all(Rights::NONE);
            if may.has(Rights::SELECT)
                && let Some(shown) = self.reach.shows(who, view, &self.uses)
            {
                for table in shown {
                    self.note(&mut row, table, Rights::SELECT);
                }
            }
            let own = &self.facts.relations[view as usize];
            let writes = may & own.writable & Rights::WRITES;
            let behind = if own.invoker { Some(who) } else { own.owner };
            if let (Some(behind), false) = (behind, writes.is_none()) {
                for (table, _) in self.uses.of(view) {
                    let held = self.reach.holds_somewhere(behind, *table);
                    self.note(&mut row, *table, held & writes);
                }
            }
            let steps = vec![
                self.name(who),
                format!("`{}`", names::shown(self.facts, view)),
            ];
            self.open(found, (By::View, Through::View(view)), steps, &row);
        }
    }

    fn note(&self, row: &mut Row, relation: u32, rights: Rights) {
        if let Some(at) = self.place.get(&relation) {
            row[*at] |= rights;
        }
    }

    /// Routines that run with their owner's rights: called, or fired by a write that it may do.
    fn by_routines(&self, found: &mut Found) {
        let who = found.who;
        for (routine, at) in self.facts.routines.iter().zip(0u32..) {
            if routine.definer && !routine.for_triggers && self.reach.runs(who, at) {
                let row = self.opened_by(at);
                let steps = self.routine_steps(who, at);
                let by = (By::DefinerFunction, Through::Routine(at));
                self.open(found, by, steps, &row);
            }
        }
        for (trigger, number) in self.facts.triggers.iter().zip(0..) {
            let Some(&at) = self.place.get(&trigger.relation) else {
                continue;
            };
            if !found.row[at].has_any(trigger.fires_on) {
                continue;
            }
            let definer = match trigger.routine {
                Some(routine) => {
                    let own = &self.facts.routines[routine as usize];
                    own.owner.filter(|_| own.definer)
                }
                None => trigger.definer,
            };
            if let (Some(definer), Some(body)) = (definer, self.fired(number)) {
                let row = self.done_by(definer, body);
                let steps = vec![
                    self.name(who),
                    format!("trigger `{}` as {}", trigger.name, self.name(definer)),
                ];
                let by = (By::DefinerFunction, Through::Trigger(number));
                self.open(found, by, steps, &row);
            }
        }
    }

    fn routine_steps(&self, who: u32, routine: u32) -> Vec<String> {
        let own = &self.facts.routines[routine as usize];
        let owner = own
            .owner
            .map_or_else(String::new, |owner| format!(" as {}", self.name(owner)));
        let call = format!("`{}({})`{owner}", own.name, own.arguments);
        vec![self.name(who), call]
    }

    /// What a routine that runs as its owner opens.
    fn opened_by(&self, routine: u32) -> Row {
        match self.facts.routines[routine as usize].owner {
            Some(owner) => self.done_by(owner, &self.bodies[routine as usize]),
            None => self.all(Rights::NONE),
        }
    }

    /// What something may do that runs as its definer.
    fn definers(&self, owner: u32) -> std::rc::Rc<Row> {
        if !self.facts.rules.definers_without_roles {
            return self.row(owner);
        }
        let mut row = self.given(Grantee::Public, owner);
        join(&mut row, &self.given(Grantee::One(owner), owner));
        std::rc::Rc::new(row)
    }

    /// What a body comes to with somebody's rights.
    fn done_by(&self, owner: u32, body: &Body) -> Row {
        let held = self.definers(owner);
        let mut row = self.all(Rights::NONE);
        if body.any {
            row.clone_from(&held);
            join(&mut row, &self.owned(owner, owner));
        }
        for (relation, rights) in &body.touches {
            if let Some(at) = self.place.get(relation) {
                row[*at] |= held[*at] & *rights;
                continue;
            }
            for table in self.uses.tables(*relation) {
                self.note(&mut row, table, *rights);
            }
        }
        row
    }
}

fn join(row: &mut Row, more: &Row) {
    for (cell, rights) in row.iter_mut().zip(more) {
        *cell |= *rights;
    }
}
