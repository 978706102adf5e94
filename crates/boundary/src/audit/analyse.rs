//! From facts to the report.
//!
//! Owns the order of the analysis; each part of it is a file beside this one. Pure: the clock is
//! the server's, as the facts tell it.

use std::collections::BTreeMap;

use freehold_engine::audit::{Facts, Part};

use super::actors::Actors;
use super::crossings::{self, Homes, Use};
use super::cut::{Cut, cut};
use super::moment::rfc3339;
use super::names::{Names, shown};
use super::propose::stem;
use super::reach::{Reach, ViewUses};
use super::report::{
    Context, Elsewhere, Load, Measured, OrderStep, Origin, Report, Subject, VERSION, Window,
    easiest,
};
use super::ways::{Found, Ways};
use super::{findings, holds, logins, ran, unseen};
use crate::ownership::Ownership;

/// What is known beside the facts.
#[derive(Debug, Default)]
pub struct Known<'a> {
    /// Who owns what, where somebody said it.
    pub ownership: Option<&'a Ownership>,
    /// Login or program → context, where somebody said it.
    pub homes: Homes,
    /// Version of the program that audits.
    pub freehold: String,
}

/// The report on what was seen.
#[must_use]
pub fn analyse(facts: &Facts, known: &Known<'_>) -> Report {
    let names = Names::new(facts);
    let ran = ran::read(facts, &names, &ViewUses::new(facts));
    let actors = Actors::new(facts, &ran);
    let evidence = crossings::evidence(facts, &ran, &actors);
    let cut = cut(facts, known.ownership, &evidence);
    let reach = Reach::new(facts);
    let ways = Ways::new(&reach, &names);
    let found: Vec<Found> = (0u32..)
        .zip(&facts.principals)
        .filter(|(_, own)| own.may_login && !own.built_in)
        .map(|(who, _)| ways.of(who))
        .collect();
    let days = days(facts);
    let per_day = days.map_or(0.0, |days| 1.0 / days);
    let usage = crossings::usage(
        facts,
        &ran,
        &actors,
        &cut,
        known.ownership,
        &known.homes,
        per_day,
    );
    let counted = !facts.statements.is_empty() || facts.is_whole(Part::Statements);
    let keys = holds::keys(facts, &names, &cut);
    let contexts = contexts(facts, &cut, &usage, counted);
    let order = easiest(&contexts, &usage.crossings, &keys);
    let order = order
        .into_iter()
        .map(|context| OrderStep { context, why: None });
    Report {
        version: VERSION,
        at: rfc3339(facts.server.clock),
        freehold: known.freehold.clone(),
        subject: subject(facts, &ways),
        states: unseen::states(facts),
        window: facts.window.since.zip(days).map(|(since, days)| Window {
            since: rfc3339(since),
            days,
        }),
        load: counted.then(|| load(facts, per_day)),
        origin: cut.origin.unwrap_or(Origin::Proposal),
        reach: logins::between(facts, &ways, &found, &cut, &usage.programs),
        logins: logins::logins(&reach, &ways, &actors, &found),
        public: facts
            .rules
            .databases_are_gates
            .then(|| logins::public(&reach, &ways, &cut)),
        ties: holds::ties(facts, &ways, &cut),
        orphans: holds::orphans(facts, &ways, &cut, counted.then_some(&usage)),
        unseen: unseen::unseen(facts, ways.bodies(), counted.then_some(&usage), days),
        order: order.collect(),
        crossings: usage.crossings,
        programs: usage.programs,
        findings: findings::findings(&reach, &ways, &|_| false),
        history: Vec::new(),
        measured: measured(facts, &reach),
        contexts,
        keys,
    }
}

/// Days of the window; none without a beginning.
fn days(facts: &Facts) -> Option<f64> {
    let window = &facts.window;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a window of years in microseconds fits"
    )]
    let micros = match window.micros {
        Some(micros) => micros as f64,
        None => (window.until - window.since?) as f64 * 1e6,
    };
    (micros > 0.0).then_some(micros / 86_400e6)
}

fn load(facts: &Facts, per_day: f64) -> Load {
    #[expect(clippy::cast_precision_loss, reason = "shown rounded")]
    let calls = facts.statements.iter().map(|own| own.calls).sum::<u64>() as f64;
    let time: f64 = facts.statements.iter().map(|own| own.total_ms).sum();
    Load {
        calls_a_day: calls * per_day,
        seconds_a_day: time / 1000.0 * per_day,
    }
}

fn subject(facts: &Facts, ways: &Ways<'_, '_>) -> Subject {
    let server = &facts.server;
    Subject {
        database: server.database.clone(),
        address: server.address.clone(),
        product: server.product.clone(),
        product_version: server.version.clone(),
        tables: ways.tables.len(),
    }
}

pub(crate) fn measured(facts: &Facts, reach: &Reach<'_>) -> Measured {
    let login = facts
        .principals
        .iter()
        .zip(0u32..)
        .find(|(own, _)| own.name == facts.server.login);
    let member_of = login.map_or_else(Vec::new, |(_, at)| {
        let held = reach.people.acts_as(at).iter().skip(1);
        held.map(|step| facts.principals[step.to as usize].name.clone())
            .filter(|name| name.starts_with("pg_"))
            .collect()
    });
    Measured {
        login: facts.server.login.clone(),
        member_of,
        statements: facts.sent.statements as usize,
        elapsed_ms: facts.sent.elapsed_ms,
        longest_ms: facts.sent.longest_ms,
        writes: 0,
        strongest_lock: if facts.server.product == "PostgreSQL" {
            "ACCESS SHARE".to_owned()
        } else {
            "SHARED_HIGH_PRIO".to_owned()
        },
    }
}

fn contexts(facts: &Facts, cut: &Cut, usage: &Use, counted: bool) -> Vec<Context> {
    let context = |at: usize| {
        let tables = cut.tables(at);
        let inside = |table: u32| cut.of(table) == Some(at);
        let mut stems: BTreeMap<String, usize> = BTreeMap::new();
        for table in &tables {
            if let Some(stem) = stem(&facts.relations[*table as usize].name) {
                *stems.entry(stem).or_default() += 1;
            }
        }
        let mut writers: Vec<(&String, f64)> = usage
            .context_writers
            .get(at)
            .into_iter()
            .flatten()
            .map(|(name, calls)| (name, *calls))
            .collect();
        writers.sort_by(|a, b| b.1.total_cmp(&a.1));
        let stays = usage.stays.get(at).filter(|(_, all)| counted && *all > 0.0);
        let mut names: Vec<String> = tables.iter().map(|table| shown(facts, *table)).collect();
        names.sort();
        Context {
            name: cut.name(at).to_owned(),
            bytes: tables
                .iter()
                .filter_map(|table| facts.relations[*table as usize].bytes)
                .sum(),
            keys_inside: facts
                .references
                .iter()
                .filter(|own| inside(own.from) && inside(own.to))
                .count(),
            stems: stems
                .into_iter()
                .filter(|(_, count)| *count > 1)
                .map(|(stem, _)| format!("{stem}_"))
                .collect(),
            writers: writers.into_iter().map(|(name, _)| name.clone()).collect(),
            stays_inside: stays.map(|(inside, all)| inside / all),
            elsewhere: elsewhere(facts, cut, &tables),
            tables: names,
        }
    };
    (0..cut.names.len()).map(context).collect()
}

/// Tables of a proposal that nearly stood elsewhere.
fn elsewhere(facts: &Facts, cut: &Cut, tables: &[u32]) -> Vec<Elsewhere> {
    let mut doubted: Vec<Elsewhere> = tables
        .iter()
        .filter_map(|table| {
            let score = *cut.scores.get(table).filter(|score| **score < 0.67)?;
            Some(Elsewhere {
                table: shown(facts, *table),
                score,
            })
        })
        .collect();
    doubted.sort_by(|a, b| a.score.total_cmp(&b.score));
    doubted
}
