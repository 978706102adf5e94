//! From counted statements to crossings, programs, and who uses what.
//!
//! Owns the rules of counting: a crossing is a statement of one context's program on a table that
//! another context owns, once for each pair; statements whose program is not known are counted
//! apart and stand in no row.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use freehold_engine::audit::{Facts, Rights};
use freehold_sql::fingerprint;

use super::actors::{Actors, Sender, named};
use super::bodies::dialect;
use super::cut::Cut;
use super::names::shown;
use super::propose::Evidence;
use super::ran::Ran;
use super::report::{Crossing, Program, Touch, Verb, Way, WayOut};
use crate::ownership::{Code, Ownership};

/// Who a program is for, by login or by name, where somebody said so.
pub(crate) type Homes = HashMap<String, String>;

/// What statements say.
#[derive(Debug, Default)]
pub(crate) struct Use {
    pub(crate) crossings: Vec<Crossing>,
    pub(crate) programs: Vec<Program>,
    /// Table → programs that read it, and that write it.
    pub(crate) readers: HashMap<u32, BTreeSet<String>>,
    pub(crate) writers: HashMap<u32, BTreeSet<String>>,
    /// Context → programs that write its tables, with calls.
    pub(crate) context_writers: Vec<BTreeMap<String, f64>>,
    /// Context → calls that touch it and stay, and all that touch it or come from it.
    pub(crate) stays: Vec<(f64, f64)>,
    /// Statements whose program is not known: how many, calls a day, logins.
    pub(crate) nobody: (usize, f64, BTreeSet<String>),
    /// Statements in which a name could not be made out.
    pub(crate) unclear: (usize, f64),
}

/// Reads what statements say about tables that belong together.
pub(crate) fn evidence(facts: &Facts, ran: &[Ran], actors: &Actors) -> Evidence {
    let mut found = Evidence::default();
    for own in ran {
        let wrote: Vec<u32> = own
            .touches
            .iter()
            .filter(|(_, rights)| rights.has_any(Rights::WRITES))
            .map(|(table, _)| *table)
            .collect();
        // A statement over everything says nothing about what belongs together.
        let touched: Vec<u32> = own.touches.iter().map(|(table, _)| *table).collect();
        if touched.len() <= 8 {
            pairs(&touched, &mut found.together);
        }
        pairs(&wrote, &mut found.written_together);
        let module = own.said.spot.as_ref().and_then(|spot| module(&spot.file));
        let writer = module
            .clone()
            .or_else(|| actors.sender(facts, own).map(|sender| sender.program));
        let weight = weight(facts, own);
        for table in wrote {
            if let Some(writer) = &writer {
                let writers = found.writers.entry(table).or_default();
                *writers.entry(writer.clone()).or_default() += weight;
            }
            if let Some(module) = &module {
                let modules = found.modules.entry(table).or_default();
                *modules.entry(module.clone()).or_default() += weight;
            }
        }
    }
    found
}

/// A statement run often says more, but not in proportion.
fn weight(facts: &Facts, own: &Ran) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a weight")]
    let calls = facts.statements[own.at].calls as f64;
    calls.ln_1p().max(0.1)
}

fn pairs(tables: &[u32], into: &mut HashMap<(u32, u32), f64>) {
    for (i, a) in tables.iter().enumerate() {
        for b in &tables[i + 1..] {
            *into.entry((*a.min(b), *a.max(b))).or_default() += 1.0;
        }
    }
}

/// The folder that a file is about: the one above it that is no layer.
pub(crate) fn module(file: &str) -> Option<String> {
    let folders: Vec<&str> = file.split('/').collect();
    let above = folders.get(1..folders.len().saturating_sub(1))?;
    let says = |name: &&&str| !crate::ownership::propose::is_layer(name);
    above.iter().rev().find(says).map(|name| (*name).to_owned())
}

/// Puts everything together. `per_day`: how many days the window has, inverted; 0 without one.
pub(crate) fn usage(
    facts: &Facts,
    ran: &[Ran],
    actors: &Actors,
    cut: &Cut,
    known: Option<&Ownership>,
    homes: &Homes,
    per_day: f64,
) -> Use {
    let mut told = Teller {
        facts,
        cut,
        known,
        homes,
        own: HashMap::new(),
    };
    let senders: Vec<Option<Sender>> = ran.iter().map(|own| actors.sender(facts, own)).collect();
    told.learn(ran, &senders);
    let mut found = Use {
        context_writers: vec![BTreeMap::new(); cut.names.len()],
        stays: vec![(0.0, 0.0); cut.names.len()],
        ..Use::default()
    };
    let mut programs: BTreeMap<String, Seen> = BTreeMap::new();
    let mut rows: HashMap<(String, String, String), Crossing> = HashMap::new();
    for (own, sender) in ran.iter().zip(&senders) {
        let statement = &facts.statements[own.at];
        #[expect(clippy::cast_precision_loss, reason = "shown rounded")]
        let calls = statement.calls as f64 * per_day;
        if own.unclear {
            found.unclear.0 += 1;
            found.unclear.1 += calls;
        }
        let login = statement.principal.map_or_else(
            || "not known".to_owned(),
            |who| facts.principals[who as usize].name.clone(),
        );
        let Some(sender) = sender else {
            found.nobody.0 += 1;
            found.nobody.1 += calls;
            found.nobody.2.insert(login);
            continue;
        };
        let home = told.home(sender, own, &login);
        note_program(&mut programs, sender, own, cut, &login, statement.calls);
        for (table, rights) in &own.touches {
            if rights.has(Rights::SELECT) {
                found
                    .readers
                    .entry(*table)
                    .or_default()
                    .insert(sender.program.clone());
            }
            if rights.has_any(Rights::WRITES) {
                found
                    .writers
                    .entry(*table)
                    .or_default()
                    .insert(sender.program.clone());
                if let Some(context) = cut.of(*table) {
                    let writers = &mut found.context_writers[context];
                    *writers.entry(sender.program.clone()).or_default() += calls;
                }
            }
        }
        let Some(home) = home else { continue };
        let touched: BTreeSet<usize> = own
            .touches
            .iter()
            .filter_map(|(table, _)| cut.of(*table))
            .collect();
        for context in touched.iter().chain([&home]).collect::<BTreeSet<_>>() {
            let inside = *context == home && touched.iter().all(|own| *own == home);
            found.stays[*context].1 += calls;
            found.stays[*context].0 += if inside { calls } else { 0.0 };
        }
        for to in touched.into_iter().filter(|to| *to != home) {
            let crossing = crossing(facts, own, sender, cut, (home, to), &login, per_day);
            let key = (
                crossing.fingerprint.clone(),
                crossing.program.clone(),
                crossing.login.clone(),
            );
            match rows.get_mut(&key) {
                Some(same) => add(same, &crossing),
                None => {
                    rows.insert(key, crossing);
                }
            }
        }
    }
    found.crossings = rows.into_values().collect();
    found.crossings.sort_by(|a, b| {
        let by_time = b.seconds_a_day().total_cmp(&a.seconds_a_day());
        by_time.then_with(|| (&a.fingerprint, &a.program).cmp(&(&b.fingerprint, &b.program)))
    });
    found.programs = finish(facts, programs, &told, cut);
    found
}

/// The same statement, counted twice by the server (as a statement of a function, by two logins).
fn add(same: &mut Crossing, more: &Crossing) {
    let seconds = same.seconds_a_day() + more.seconds_a_day();
    same.calls_a_day += more.calls_a_day;
    if same.calls_a_day > 0.0 {
        same.mean_ms = seconds * 1000.0 / same.calls_a_day;
    }
}

fn crossing(
    facts: &Facts,
    own: &Ran,
    sender: &Sender,
    cut: &Cut,
    (from, to): (usize, usize),
    login: &str,
    per_day: f64,
) -> Crossing {
    let statement = &facts.statements[own.at];
    let foreign: Vec<u32> = own
        .touches
        .iter()
        .map(|(table, _)| *table)
        .filter(|table| cut.of(*table) == Some(to))
        .collect();
    let writes = own
        .touches
        .iter()
        .any(|(table, rights)| cut.of(*table) == Some(to) && rights.has_any(Rights::WRITES));
    let print = fingerprint(dialect(facts), &statement.text);
    #[expect(clippy::cast_precision_loss, reason = "shown rounded")]
    let calls = statement.calls as f64;
    let mut crossing = Crossing {
        fingerprint: format!(
            "{}-{}-{}",
            &print.as_str()[..16],
            cut.name(from),
            cut.name(to)
        ),
        from: cut.name(from).to_owned(),
        to: cut.name(to).to_owned(),
        program: sender.program.clone(),
        login: login.to_owned(),
        told_by: sender.told_by,
        verb: own.verb,
        tables: own
            .touches
            .iter()
            .map(|(table, _)| shown(facts, *table))
            .collect(),
        foreign: foreign.iter().map(|table| shown(facts, *table)).collect(),
        grouped: own.grouped,
        writes,
        about: own.said.about.clone(),
        calls_a_day: calls * per_day,
        mean_ms: if calls > 0.0 {
            statement.total_ms / calls
        } else {
            0.0
        },
        spot: own.said.spot.clone(),
        way_out: WayOut {
            way: Way::AskTheOwner,
            what: None,
            within: None,
        },
        new: false,
    };
    crossing.way_out = way_out(&crossing);
    crossing
}

/// What would replace it, by what it does.
fn way_out(crossing: &Crossing) -> WayOut {
    let first = crossing.foreign.first().map_or("", String::as_str);
    let within = Some(crossing.from.clone());
    let way = |way, what: Option<String>, within| WayOut { way, what, within };
    if crossing.writes {
        // A write that others wait for is a step of a saga; a mere note is an event.
        return match crossing.verb {
            Verb::Insert => way(Way::Event, Some(format!("{first} recorded")), None),
            _ => way(Way::SagaStep, Some(format!("update {first}")), None),
        };
    }
    if crossing.grouped {
        let what = format!("{}_{}", crossing.from, first.replace('.', "_"));
        return way(Way::ReadModel, Some(what), within);
    }
    let joined = crossing.tables.len() > crossing.foreign.len();
    if joined && crossing.mean_ms >= 1_000.0 {
        let what = format!("{}_{}", crossing.from, first.replace('.', "_"));
        return way(Way::ReadModel, Some(what), within);
    }
    if joined {
        let what = format!("{}_cache", first.trim_end_matches('s').replace('.', "_"));
        return way(Way::Copy, Some(what), within);
    }
    way(Way::AskTheOwner, None, None)
}

/// What is known of a program while statements are read.
#[derive(Default)]
struct Seen {
    logins: BTreeSet<String>,
    touches: BTreeMap<Option<usize>, (bool, bool)>,
    written: u64,
}

fn note_program(
    programs: &mut BTreeMap<String, Seen>,
    sender: &Sender,
    own: &Ran,
    cut: &Cut,
    login: &str,
    calls: u64,
) {
    let seen = programs.entry(sender.program.clone()).or_default();
    seen.logins.insert(login.to_owned());
    let mut wrote = false;
    for (table, rights) in &own.touches {
        let touch = seen.touches.entry(cut.of(*table)).or_default();
        touch.0 |= rights.has(Rights::SELECT);
        touch.1 |= rights.has_any(Rights::WRITES);
        wrote |= rights.has_any(Rights::WRITES);
    }
    if wrote {
        seen.written += calls;
    }
}

fn finish(
    facts: &Facts,
    mut seen: BTreeMap<String, Seen>,
    told: &Teller<'_>,
    cut: &Cut,
) -> Vec<Program> {
    let mut sessions: BTreeMap<String, usize> = BTreeMap::new();
    for session in &facts.sessions {
        let login = session.login.clone();
        let name = named(&session.application)
            .map(str::to_owned)
            .or_else(|| login.clone());
        if let Some(name) = name.filter(|_| !session.replication) {
            *sessions.entry(name.clone()).or_default() += session.count as usize;
            let own = seen.entry(name).or_default();
            own.logins.extend(login);
        }
    }
    let contexts = (0..cut.names.len()).map(Some).chain([None]);
    let contexts: Vec<Option<usize>> = contexts.collect();
    let program = |(name, own): (String, Seen)| {
        let context = told.own.get(&name).copied().flatten();
        let touches = contexts.iter().map(|at| {
            let (reads, writes) = own.touches.get(at).copied().unwrap_or_default();
            Touch {
                context: at.map(|at| cut.name(at).to_owned()),
                reads,
                writes,
            }
        });
        Program {
            context: context.map(|at| cut.name(at).to_owned()),
            logins: own.logins.into_iter().collect(),
            sessions: sessions.get(&name).copied().unwrap_or_default(),
            touches: if facts.statements.is_empty() {
                Vec::new()
            } else {
                touches.collect()
            },
            writes: context.is_none().then_some(own.written),
            name,
        }
    };
    let mut programs: Vec<Program> = seen.into_iter().map(program).collect();
    programs.sort_by_key(|own| (own.context.is_none(), std::cmp::Reverse(own.sessions)));
    programs
}

/// Decides whose a program is.
struct Teller<'a> {
    facts: &'a Facts,
    cut: &'a Cut,
    known: Option<&'a Ownership>,
    homes: &'a Homes,
    /// Program → its context, by its name or by what it writes.
    own: HashMap<String, Option<usize>>,
}

impl Teller<'_> {
    /// A program belongs to the context of its name, else to the one that it writes by far the
    /// most of, in different statements.
    fn learn(&mut self, ran: &[Ran], senders: &[Option<Sender>]) {
        let mut wrote: HashMap<String, HashMap<usize, f64>> = HashMap::new();
        let mut names: HashSet<String> = HashSet::new();
        for session in &self.facts.sessions {
            let name = named(&session.application).or(session.login.as_deref());
            names.extend(name.map(str::to_owned));
        }
        for (own, sender) in ran.iter().zip(senders) {
            let Some(sender) = sender else { continue };
            names.insert(sender.program.clone());
            for (table, rights) in &own.touches {
                if let Some(context) = self
                    .cut
                    .of(*table)
                    .filter(|_| rights.has_any(Rights::WRITES))
                {
                    let counted = wrote.entry(sender.program.clone()).or_default();
                    *counted.entry(context).or_default() += weight(self.facts, own);
                }
            }
        }
        let spread = self.spread(ran, senders);
        for name in names {
            if spread.contains(&name) {
                // Its parts belong to several; each statement is told by its place.
                self.own.insert(name, None);
                continue;
            }
            let said = self.homes.get(&name).and_then(|home| self.cut.find(home));
            let context = said.or_else(|| self.by_name(&name)).or_else(|| {
                let counted = wrote.get(&name)?;
                let whole: f64 = counted.values().sum();
                let most = counted.iter().max_by(|a, b| a.1.total_cmp(b.1))?;
                (most.1 * 3.0 >= whole * 2.0).then_some(*most.0)
            });
            self.own.insert(name, context);
        }
    }

    /// Programs whose code stands in the folders of several contexts.
    fn spread(&self, ran: &[Ran], senders: &[Option<Sender>]) -> HashSet<String> {
        let mut places: HashMap<&str, BTreeSet<usize>> = HashMap::new();
        for (own, sender) in ran.iter().zip(senders) {
            if let (Some(sender), Some(at)) = (sender, self.by_place(own)) {
                places.entry(&sender.program).or_default().insert(at);
            }
        }
        let several = places.into_iter().filter(|(_, found)| found.len() > 1);
        several.map(|(program, _)| program.to_owned()).collect()
    }

    fn by_name(&self, name: &str) -> Option<usize> {
        let words: Vec<String> = name
            .split(|c: char| !c.is_alphanumeric())
            .map(str::to_lowercase)
            .collect();
        let fits = |context: &String| {
            let context = context.to_lowercase();
            let same = |word: &String| {
                *word == context || format!("{word}s") == context || *word == format!("{context}s")
            };
            words.iter().any(same)
        };
        let mut fitting = (0..self.cut.names.len()).filter(|at| fits(&self.cut.names[*at]));
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    }

    /// The context in whose code a statement stands.
    fn by_place(&self, own: &Ran) -> Option<usize> {
        let spot = own.said.spot.as_ref()?;
        if let Some(known) = self.known
            && let Code::Of(at) = known.code(std::path::Path::new(&spot.file))
        {
            return self.cut.find(known.name(at));
        }
        let folders: Vec<&str> = spot.file.split('/').collect();
        let (_, above) = folders.split_last()?;
        above.iter().rev().find_map(|folder| self.by_name(folder))
    }

    /// Whose a statement is: by where its code stands, else by its program or login.
    fn home(&self, sender: &Sender, own: &Ran, login: &str) -> Option<usize> {
        let said = || self.homes.get(login).and_then(|home| self.cut.find(home));
        self.by_place(own)
            .or_else(said)
            .or_else(|| self.own.get(&sender.program).copied().flatten())
    }
}
