//! What to do on Monday: at most three steps, each with what it ends.

use std::collections::HashMap;

use freehold_look::number::{capital, count, duration, percent};

use super::{Crossing, Report, State, Verdict, Way};

/// A step to begin with. Texts have names between backticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstStep {
    /// A short sentence.
    pub title: String,
    /// What it ends.
    pub ends: String,
    /// The section that says more.
    pub see: u8,
}

/// The command to run now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    pub why: &'static str,
    pub command: &'static str,
}

impl Report {
    /// At most three steps.
    #[must_use]
    pub fn first_steps(&self) -> Vec<FirstStep> {
        if self.verdict() == Verdict::Closed {
            return Vec::new();
        }
        [
            self.count_statements(),
            self.own_logins(),
            self.best_way_out(),
            self.take_off(),
            self.close_public(),
        ]
        .into_iter()
        .flatten()
        .take(3)
        .collect()
    }

    /// The command to run now.
    #[must_use]
    pub fn now(&self) -> Now {
        if self.verdict() == Verdict::Closed {
            Now {
                why: "Now: keep it like this, and hear of the first crossing",
                command: "freehold audit --watch",
            }
        } else if self.contexts.len() < 2 {
            Now {
                why: "Now: say what belongs together, audit again",
                command: "freehold audit --write-boundaries",
            }
        } else if self.origin == super::Origin::Proposal {
            Now {
                why: "Now: save the contexts, correct them, audit again",
                command: "freehold audit --write-boundaries",
            }
        } else {
            Now {
                why: "Now: find each crossing in code",
                command: "freehold check --with-audit audit.json",
            }
        }
    }

    fn count_statements(&self) -> Option<FirstStep> {
        let State::NoStatistics { setting } = &self.states.crossings else {
            return None;
        };
        Some(FirstStep {
            title: "Let the server count statements.".to_owned(),
            ends: format!("{setting}. Then sections 2 and 3 say what crosses, and how often."),
            see: 11,
        })
    }

    /// The login that most services share.
    fn own_logins(&self) -> Option<FirstStep> {
        let (login, services) = self
            .logins
            .iter()
            .map(|own| (own, self.services(&own.programs)))
            .filter(|(_, services)| *services > 1)
            .max_by_key(|(own, services)| (own.sessions, *services))?;
        let owns = login.paths.iter().any(|own| own.by == super::By::Owner);
        let owns = if owns { " and owns everything" } else { "" };
        let all: usize = self.programs.iter().map(|own| own.sessions).sum();
        let sessions = if login.sessions > 0 && login.sessions <= all {
            format!(": {} of {all} sessions", login.sessions)
        } else {
            String::new()
        };
        Some(FirstStep {
            title: "Give each service its own login.".to_owned(),
            ends: format!(
                "`{}` serves {}{owns}. Closes the widest way in{sessions}.",
                login.name,
                freehold_look::number::word(services)
            ),
            see: 4,
        })
    }

    /// How many of these programs belong to a context.
    pub(crate) fn services(&self, programs: &[String]) -> usize {
        programs
            .iter()
            .filter(|name| {
                let of = |own: &&super::Program| own.name == **name;
                self.programs
                    .iter()
                    .find(of)
                    .is_some_and(|own| own.context.is_some())
            })
            .count()
    }

    /// The way out that ends the most time.
    fn best_way_out(&self) -> Option<FirstStep> {
        let mut groups: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, own) in self.crossings.iter().enumerate() {
            let way = &own.way_out;
            if way.what.is_some() {
                let key = (way.way, &way.what, &way.within, &own.from);
                groups.entry(key).or_default().push(at);
            }
        }
        let seconds = |ranks: &[usize]| -> f64 {
            ranks
                .iter()
                .map(|at| self.crossings[*at].seconds_a_day())
                .sum()
        };
        let best = groups
            .into_values()
            .max_by(|a, b| seconds(a).total_cmp(&seconds(b)).then(b[0].cmp(&a[0])))?;
        let (time, unit) = duration(seconds(&best));
        let first = &self.crossings[best[0]];
        let what = first.way_out.what.as_deref().unwrap_or_default();
        let subject = match first.way_out.way {
            Way::SagaStep | Way::Snapshot | Way::AskTheOwner => "This".to_owned(),
            Way::Copy | Way::ReadModel | Way::Event => format!("`{what}`"),
        };
        Some(FirstStep {
            title: title(first),
            ends: format!("{subject} ends {}: {time} {unit} a day.", self.named(&best)),
            see: 3,
        })
    }

    /// `the first and third of the ten`.
    fn named(&self, ranks: &[usize]) -> String {
        const ORDINALS: [&str; 10] = [
            "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
            "tenth",
        ];
        let shown = self.crossings.len().min(10);
        let words: Vec<&str> = ranks
            .iter()
            .filter_map(|at| ORDINALS.get(*at).copied())
            .collect();
        match words[..] {
            _ if shown == 1 => "the only one".to_owned(),
            _ if words.len() < ranks.len() || words.len() > 3 => {
                format!("{} of the {} statements", ranks.len(), self.crossings.len())
            }
            [.., last] if words.len() > 1 => format!(
                "the {} and {last} of the {}",
                words[..words.len() - 1].join(", "),
                freehold_look::number::word(shown)
            ),
            _ => format!(
                "the {} of the {}",
                words.join(""),
                freehold_look::number::word(shown)
            ),
        }
    }

    fn close_public(&self) -> Option<FirstStep> {
        let public = self.public.as_ref()?;
        let reads: usize = public.reads.iter().map(|own| own.tables).sum();
        (reads > 0).then(|| FirstStep {
            title: "Take back what everybody may.".to_owned(),
            ends: format!(
                "`PUBLIC` reads {reads} of {}: every login does, and any made tomorrow.",
                count(self.subject.tables, "table", "tables")
            ),
            see: 4,
        })
    }

    fn take_off(&self) -> Option<FirstStep> {
        let stages = self.stages();
        let first = stages.first().filter(|own| own.statements > 0)?;
        Some(FirstStep {
            title: format!("Take {} off first.", first.context),
            ends: match self.crossings.len() {
                1 => "Ends the one statement that crosses.".to_owned(),
                all => format!(
                    "Ends {} of {all} statements and {} of the crossing calls.",
                    first.statements,
                    percent(first.calls_a_day, self.crossing_calls())
                ),
            },
            see: 9,
        })
    }
}

fn title(crossing: &Crossing) -> String {
    let what = crossing.way_out.what.as_deref().unwrap_or_default();
    match crossing.way_out.way {
        Way::Copy => {
            let table = crossing.foreign.first().map_or(what, String::as_str);
            format!("Keep a copy of {table} in {}.", crossing.from)
        }
        Way::ReadModel => format!("Build the read model {what}."),
        Way::Event => format!("Send {what} instead."),
        Way::SagaStep => capital(&format!("make “{what}” a step of a saga.")),
        Way::Snapshot => capital(&format!("keep a snapshot: {what}.")),
        Way::AskTheOwner => format!("Ask {} over its API.", crossing.to),
    }
}
