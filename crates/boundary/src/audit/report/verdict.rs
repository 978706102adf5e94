//! Is the boundary there? One sentence, the worst fact first, then what it costs.

use freehold_look::Shape;
use freehold_look::number::{capital, count, grouped, percent, rate, whole, word};
use serde::Serialize;

use super::{Login, Report, State};

/// Is the boundary there?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Open,
    Closed,
    /// Nothing was found, and something could be where nobody could look.
    NotKnown,
}

impl Verdict {
    /// The shape that says it without colour.
    #[must_use]
    pub fn shape(self) -> Shape {
        match self {
            Self::Open => Shape::Differs,
            Self::Closed => Shape::Well,
            Self::NotKnown => Shape::NotKnown,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::NotKnown => "not known",
        }
    }
}

impl Report {
    /// Is the boundary there? Closed only if nothing was found, everything was looked at, and
    /// nothing that was not seen could hide a crossing.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let ways_in = self.reaching().any(|own| !own.declared);
        let public = self
            .public
            .as_ref()
            .is_some_and(|own| !own.reads.is_empty() || own.writes > 0);
        let apart = self.contexts.len() > 1;
        let reach = self.reach.iter().any(|own| own.reads + own.writes > 0);
        let tied = self
            .ties
            .iter()
            .any(|own| own.any || own.contexts.len() > 1);
        if !self.findings.is_empty() || apart && (reach || tied) {
            return Verdict::Open;
        }
        if apart && (ways_in || public || !self.crossings.is_empty() || !self.keys.is_empty()) {
            Verdict::Open
        } else if apart && self.sees_all() {
            Verdict::Closed
        } else {
            Verdict::NotKnown
        }
    }

    /// Whether nothing could be hidden in what was not seen.
    fn sees_all(&self) -> bool {
        self.states
            .each()
            .iter()
            .all(|(_, _, state)| state.is_whole())
            && !self.unseen.iter().any(|own| own.could_hide)
    }

    /// Whether a right that is missing could change the verdict.
    #[must_use]
    pub fn short_of_rights(&self) -> bool {
        self.states
            .each()
            .iter()
            .any(|(_, _, state)| matches!(state, State::FewRights { .. }))
            || self
                .unseen
                .iter()
                .any(|own| own.could_hide && own.for_want_of_rights)
    }

    /// Whether the server's statement statistics could be read.
    #[must_use]
    pub fn has_statistics(&self) -> bool {
        !matches!(self.states.crossings, State::NoStatistics { .. })
    }

    /// Logins that can read every table.
    pub(crate) fn reaching(&self) -> impl Iterator<Item = &Login> {
        let all = self.subject.tables;
        self.logins
            .iter()
            .filter(move |own| all > 0 && own.reads >= all)
    }

    /// `four`: how many contexts there are.
    pub(crate) fn contexts_word(&self) -> String {
        word(self.contexts.len())
    }

    /// The sentence.
    #[must_use]
    pub fn headline(&self) -> String {
        let sentence = self.sentence();
        if self.short_of_rights() {
            let mut chars = sentence.chars();
            let first: String = chars
                .next()
                .into_iter()
                .flat_map(char::to_lowercase)
                .collect();
            format!("As far as this login can see, {first}{}", chars.as_str())
        } else {
            sentence
        }
    }

    fn sentence(&self) -> String {
        let reaching = self.reaching().filter(|own| !own.declared).count();
        let reach = format!(
            "{reaching} of {} can read every table",
            count(self.logins.len(), "login", "logins")
        );
        if self.contexts.len() < 2 {
            let tables = count(self.subject.tables, "table", "tables");
            let cut = format!("No cut was found: {tables} hang together as one context");
            return if reaching > 0 {
                format!("{cut}, and {reach}.")
            } else {
                format!("{cut}.")
            };
        }
        let contexts = self.contexts_word();
        let crossings = self.crossings.len();
        if crossings > 0 {
            let statements = count(crossings, "statement crosses", "statements cross");
            let crossing = format!(
                "{statements} from one into another {}",
                times(self.crossing_calls())
            );
            return if reaching > 0 {
                format!("Nothing keeps the {contexts} contexts apart: {crossing}, and {reach}.")
            } else {
                format!("The {contexts} contexts are not apart: {crossing}.")
            };
        }
        let keys = count(self.keys.len(), "foreign key ties", "foreign keys tie");
        match (self.has_statistics(), reaching, self.keys.len()) {
            (true, 0, 0) if self.verdict() == Verdict::Closed => format!(
                "The {contexts} contexts are apart: no statement crosses, and no login reaches every table."
            ),
            (true, 0, 0) => "No crossing was found, but not everything could be seen.".to_owned(),
            (true, 0, _) => format!(
                "No statement was seen to cross, but {keys} the {contexts} contexts together."
            ),
            (true, ..) => format!("No statement was seen to cross, but {reach}."),
            (false, 0, 0) => format!(
                "Which statements cross between the {contexts} contexts is not known: this server does not count them."
            ),
            (false, 0, _) => format!(
                "{} the {contexts} contexts together; which statements cross is not known.",
                capital(&keys)
            ),
            (false, _, 0) => format!("Nothing keeps the {contexts} contexts apart: {reach}."),
            (false, ..) => format!(
                "Nothing keeps the {contexts} contexts apart: {reach}, and {keys} them together."
            ),
        }
    }

    /// What it costs, and that nothing was touched. Sentences, the first without its beginning.
    #[must_use]
    pub fn cost(&self) -> Vec<String> {
        let mut out = Vec::new();
        let seconds = self.crossing_seconds();
        if let Some(load) = self
            .load
            .filter(|load| load.seconds_a_day > 0.0 && seconds > 0.0)
        {
            out.push(format!(
                "{} of the database’s working time goes to statements of one context on tables of another.",
                share(seconds, load.seconds_a_day)
            ));
        }
        if let Some(ten) = self.worst_share().filter(|_| self.crossings.len() > 10) {
            out.push(format!("The ten worst make up {ten} of that."));
        }
        if self.verdict() != Verdict::Open {
            let ways = self.logins.len() * self.subject.tables;
            out.push(format!(
                "{} logins × {} tables were worked out: {} ways in.",
                grouped(self.logins.len() as u64),
                grouped(self.subject.tables as u64),
                grouped(ways as u64)
            ));
        }
        if self.measured.writes == 0 {
            out.push("No row of any table was read, and nothing was written.".to_owned());
        }
        out
    }

    /// The share of the ten worst in the time of all.
    pub(crate) fn worst_share(&self) -> Option<String> {
        let all = self.crossing_seconds();
        let ten: f64 = self
            .crossings
            .iter()
            .take(10)
            .map(super::Crossing::seconds_a_day)
            .sum();
        (all > 0.0).then(|| percent(ten, all))
    }
}

/// `44.7 million times a day`.
fn times(a_day: f64) -> String {
    if a_day >= 999_950.0 {
        format!("{:.1} million times a day", a_day / 1e6)
    } else if whole(a_day) == 1 {
        "once a day".to_owned()
    } else {
        format!("{} times a day", rate(a_day))
    }
}

/// `A third`, where it is about that; else `34 %`.
fn share(part: f64, of: f64) -> String {
    let share = part / of;
    let plain = [
        (0.25, "A quarter"),
        (1.0 / 3.0, "A third"),
        (0.5, "Half"),
        (2.0 / 3.0, "Two thirds"),
        (0.75, "Three quarters"),
    ];
    plain
        .iter()
        .find(|(value, _)| (share - value).abs() < 0.015)
        .map_or_else(
            || capital(&percent(part, of)),
            |(_, word)| (*word).to_owned(),
        )
}
