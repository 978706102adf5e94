//! The same audit in every state that a report can be in.

use freehold_boundary::audit::report::{Fit, OrderStep, Reach, Report, State, Touch};

use super::bookvault;

/// Name and report of each state, the whole one first.
pub(crate) fn states() -> Vec<(&'static str, Report)> {
    vec![
        ("whole", bookvault()),
        ("no-statistics", no_statistics()),
        ("few-rights", few_rights()),
        ("cut-short", cut_short()),
        ("nothing-found", nothing_found()),
        ("nothing-seen", nothing_seen()),
        ("no-history", no_history()),
        ("one-context", one_context()),
        ("seven-contexts", contexts(7)),
        ("many-contexts", contexts(14)),
    ]
}

/// A server that does not count statements.
pub(crate) fn no_statistics() -> Report {
    let mut report = bookvault();
    report.states.crossings = State::NoStatistics {
        setting: "`shared_preload_libraries = 'pg_stat_statements'` and a restart, then `CREATE EXTENSION pg_stat_statements`".to_owned(),
    };
    report.crossings.clear();
    report.window = None;
    report.load = None;
    report.history.clear();
    let names: Vec<String> = report.contexts.iter().map(|own| own.name.clone()).collect();
    for from in &names {
        for to in report.contexts.iter().filter(|own| own.name != *from) {
            let shares = from != "payment" && from != "catalog";
            report.reach.push(Reach {
                from: from.clone(),
                to: to.name.clone(),
                reads: if from == "catalog" {
                    3
                } else {
                    to.tables.len()
                },
                writes: if shares { to.tables.len() } else { 0 },
            });
        }
    }
    for context in &mut report.contexts {
        context.stays_inside = None;
        context.writers.clear();
    }
    for program in &mut report.programs {
        program.touches.clear();
        program.writes = None;
    }
    for login in &mut report.logins {
        login.used = (login.sessions > 0).then_some(true);
    }
    for orphan in &mut report.orphans {
        orphan.written_by = None;
        orphan.read_by = None;
        orphan.fits = Fit::NotKnown;
    }
    for step in &mut report.order {
        step.why = None;
    }
    report
}

/// A login without `pg_monitor`.
fn few_rights() -> Report {
    let mut report = bookvault();
    report.states.crossings = State::FewRights {
        why: "statements of other logins are hidden without `pg_read_all_stats`".to_owned(),
    };
    report.states.programs = State::FewRights {
        why: "sessions of other logins show no program without `pg_read_all_stats`".to_owned(),
    };
    report.crossings.retain(|own| own.login == "payments_app");
    report.unseen[0].for_want_of_rights = true;
    report
}

/// The connection was lost in the middle.
fn cut_short() -> Report {
    let mut report = bookvault();
    let cut = || State::CutShort {
        at: "2026-11-20T09:42:07Z".to_owned(),
        why: "the server closed the connection".to_owned(),
    };
    report.states.ties = cut();
    report.states.programs = cut();
    report.keys.truncate(3);
    report.ties.clear();
    report.programs.clear();
    report
}

/// A described system where nothing crosses and everything was seen.
pub(crate) fn nothing_found() -> Report {
    let mut report = bookvault();
    report.crossings.clear();
    report.keys.clear();
    report.ties.clear();
    report.orphans.clear();
    report.public = None;
    report.history.clear();
    report.unseen.retain(|own| !own.could_hide);
    report.unseen.truncate(0);
    for login in &mut report.logins {
        (login.reads, login.writes) = (9, 9);
        login.paths.clear();
    }
    for step in &mut report.order {
        step.why = None;
    }
    for context in &mut report.contexts {
        context.stays_inside = Some(1.0);
        context.elsewhere.clear();
    }
    report
}

/// The same, but functions could hide something.
pub(crate) fn nothing_seen() -> Report {
    let mut report = nothing_found();
    report.unseen = bookvault().unseen;
    report
}

fn no_history() -> Report {
    let mut report = bookvault();
    report.history.truncate(1);
    report
}

/// No cut was found.
fn one_context() -> Report {
    let mut report = bookvault();
    let mut all = report.contexts.remove(2);
    for context in report.contexts.drain(..) {
        all.tables.extend(context.tables);
        all.bytes += context.bytes;
        all.keys_inside += context.keys_inside;
    }
    "bookvault".clone_into(&mut all.name);
    all.stays_inside = Some(1.0);
    all.elsewhere.clear();
    all.tables.sort();
    report.contexts = vec![all];
    report.crossings.clear();
    report.keys.clear();
    report.ties.clear();
    report.order.clear();
    report.history.clear();
    for program in &mut report.programs {
        program.context = program.context.take().map(|_| "bookvault".to_owned());
        let nobody = program.touches.pop();
        for touch in &mut program.touches {
            touch.context = Some("bookvault".to_owned());
        }
        program.touches.truncate(1);
        program.touches.extend(nobody);
    }
    report
}

/// A larger system: every context asks the next one and the third.
fn contexts(n: usize) -> Report {
    let mut report = bookvault();
    let name = |at: usize| format!("a_long_context_{}", at % n);
    let (context, crossing) = (report.contexts[1].clone(), report.crossings[2].clone());
    report.contexts = (0..n)
        .map(|at| {
            let mut own = context.clone();
            own.name = name(at);
            own
        })
        .collect();
    report.crossings.clear();
    for at in 0..n {
        for (step, calls) in [(1, 700_000.0), (3, 90_000.0)] {
            let mut own = crossing.clone();
            (own.from, own.to) = (name(at), name(at + step));
            own.calls_a_day = calls * f64::from(u8::try_from(at + 1).expect("few"));
            report.crossings.push(own);
        }
    }
    report
        .crossings
        .sort_by(|a, b| b.seconds_a_day().total_cmp(&a.seconds_a_day()));
    for (at, own) in report.programs.iter_mut().enumerate() {
        own.context = Some(name(at));
        own.touches.clear();
        for to in 0..n {
            own.touches.push(Touch {
                context: Some(name(to)),
                reads: to % 2 == 0,
                writes: to == at,
            });
        }
    }
    for (at, own) in report.keys.iter_mut().enumerate() {
        (own.from, own.to) = (name(at), name(at + 1));
    }
    report.order = (0..n)
        .map(|at| OrderStep {
            context: name(at),
            why: None,
        })
        .collect();
    report
}
