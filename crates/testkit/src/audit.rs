//! An oracle for the audit: random databases, what is said of each, and what happens when each
//! principal really tries.
//!
//! Owns attempts and their judging. What is generated is in `audit/postgres.rs` and
//! `audit/mariadb.rs`; what is decided comes from the `boundary` crate and is never asked of the
//! server.

pub mod mariadb;
pub mod postgres;

use freehold_boundary::audit::reach::{Reach, RowsSeen, ViewUses};
use freehold_engine::audit::{Facts, Rights};

/// Something that a principal tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Try {
    /// Entering the database.
    Connect,
    /// Taking a role on.
    Become,
    /// An action on these columns of a table; empty: on the table as a whole.
    Table {
        /// Schema and table.
        table: (String, String),
        /// What.
        action: Rights,
        /// Places of columns.
        columns: Vec<u16>,
    },
    /// Does reading the table show its rows?
    Rows(String, String),
    /// Reading all of a view.
    View(String, String),
    /// Calling a routine that does this to a column of a table, or to the table.
    Call {
        /// Schema and routine.
        routine: (String, String),
        /// Schema and table.
        table: (String, String),
        /// What it does there.
        action: Rights,
        /// The column, for actions on columns.
        column: Option<u16>,
    },
}

/// A try, and what came of it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Who.
    pub who: String,
    /// After taking this role on.
    pub role: Option<String>,
    /// What.
    pub tried: Try,
    /// What the server did.
    pub worked: bool,
    /// What it said.
    pub said: String,
}

/// One generated database: what was seen of it, and what happened.
#[derive(Debug)]
pub struct Round {
    /// Which.
    pub seed: u64,
    /// What was read.
    pub facts: Facts,
    /// What was tried.
    pub attempts: Vec<Attempt>,
    /// The statements that made it.
    pub made: Vec<String>,
}

impl Round {
    /// Attempts that went otherwise than `facts` say.
    pub fn wrong<'a>(&'a self, facts: &Facts) -> Vec<(&'a Attempt, bool)> {
        let reach = Reach::new(facts);
        let uses = ViewUses::new(facts);
        let less = definers_may_do_less(facts);
        let judged = self.attempts.iter().filter_map(|own| {
            let said = decided(&reach, &uses, own)?;
            let by_definer = matches!(own.tried, Try::View(..) | Try::Call { .. });
            let more = less && by_definer && said && !own.worked;
            (said != own.worked && !more).then_some((own, said))
        });
        judged.collect()
    }
}

/// On MySQL an account can lose rights by its default roles and have them back by `SET ROLE NONE`.
/// What it may do either way is said of it; what it defined runs with its roles, and may do less.
fn definers_may_do_less(facts: &Facts) -> bool {
    let logs_in = |who: u32| facts.principals[who as usize].may_login;
    let mut memberships = facts.memberships.iter();
    memberships.any(|own| own.merged && logs_in(own.member))
}

/// What the analysis says; none where either is right.
fn decided(reach: &Reach<'_>, uses: &ViewUses, own: &Attempt) -> Option<bool> {
    let login = reach.principal(&own.who)?;
    let who = match &own.role {
        None => login,
        Some(role) => {
            let role = reach.principal(role)?;
            if !reach.may_become(login, role) {
                return Some(false);
            }
            role
        }
    };
    let relation = |(schema, name): &(String, String)| reach.relation(schema, name);
    let holds = |who: u32, table: u32, action: Rights, columns: &[u16]| {
        reach.may(who, table).has(action)
            || !columns.is_empty()
                && columns
                    .iter()
                    .all(|column| reach.may_column(who, table, *column).has(action))
    };
    Some(match &own.tried {
        Try::Connect => reach.enters(login),
        Try::Become => true,
        Try::Table {
            table,
            action,
            columns,
        } => holds(who, relation(table)?, *action, columns),
        Try::Rows(schema, name) => {
            let table = reach.relation(schema, name)?;
            match reach.rows_seen(who, table, Rights::SELECT) {
                _ if !reach.may_column(who, table, 0).has(Rights::SELECT) => return None,
                RowsSeen::All => true,
                RowsSeen::None => false,
                RowsSeen::Some => return None,
            }
        }
        Try::View(schema, name) => {
            let view = reach.relation(schema, name)?;
            reach.may(who, view).has(Rights::SELECT) && reach.shows(who, view, uses).is_some()
        }
        Try::Call {
            routine,
            table,
            action,
            column,
        } => {
            let routine = reach.routine(&routine.0, &routine.1)?;
            let own = &reach.facts().routines[routine as usize];
            let table = relation(table)?;
            let columns: Vec<u16> = column.iter().copied().collect();
            let works = if own.definer && own.owner != Some(who) {
                let (owner, schema) = (own.owner?, reach.facts().relations[table as usize].schema);
                let held = match column {
                    Some(_) => reach.holds_as_definer(owner, table, *column),
                    None => reach.holds_as_definer_whole(owner, table),
                };
                reach.passes(owner, schema) && held.has(*action)
            } else {
                holds(who, table, *action, &columns)
            };
            reach.runs(who, routine) && works
        }
    })
}
