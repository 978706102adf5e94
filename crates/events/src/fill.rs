//! How far a copy was filled from today's rows of its source, as it stands in the store. Pure.

use freehold_engine::Value;

use crate::record::number;

/// Where one copy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// The service that publishes.
    pub source: String,
    /// What is to be done.
    pub state: FillState,
    /// Up to this key, by bytes, it is done.
    pub cursor: String,
    /// What the source had published, at least, when the last range was read.
    pub stamp: String,
    /// Rows that were put so far.
    pub rows: u64,
}

/// What is to be done about a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillState {
    /// All of it: the copy is new, or the source tells another story than it did.
    Wanted,
    /// What is above the cursor.
    Running,
    /// Nothing: events go on from here.
    Done,
    /// Nothing, since the source has no `snapshot:`. What was missed stays missed.
    Without,
}

impl FillState {
    /// As the store keeps it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Running => "running",
            Self::Done => "done",
            Self::Without => "without",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Wanted, Self::Running, Self::Done, Self::Without];
        all.into_iter().find(|state| state.text() == text)
    }
}

impl Fill {
    /// A copy that has nothing of its source yet.
    pub(crate) fn wanted(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            state: FillState::Wanted,
            cursor: String::new(),
            stamp: String::new(),
            rows: 0,
        }
    }

    /// Is there something to do?
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, FillState::Wanted | FillState::Running)
    }

    /// The table and where it stands, from a row with the columns in the statement's order.
    pub(crate) fn from_row(row: &[Value]) -> Option<(String, Self)> {
        let text = |at: usize| Some(row.get(at)?.text()?.to_owned());
        let fill = Self {
            source: text(1)?,
            state: FillState::parse(row.get(2)?.text()?)?,
            cursor: text(3)?,
            stamp: text(4)?,
            rows: u64::try_from(row.get(5)?.int()?).ok()?,
        };
        Some((text(0)?, fill))
    }

    /// The reverse.
    pub(crate) fn arguments(&self, table: &str) -> [Value; 6] {
        [
            table.into(),
            self.source.clone().into(),
            self.state.text().into(),
            self.cursor.clone().into(),
            self.stamp.clone().into(),
            number(self.rows),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_comes_back() {
        for state in [
            FillState::Wanted,
            FillState::Running,
            FillState::Done,
            FillState::Without,
        ] {
            let fill = Fill {
                source: "catalog".to_owned(),
                state,
                cursor: "5".to_owned(),
                stamp: "1".to_owned(),
                rows: 9,
            };
            let row = fill.arguments("book_cache");
            assert_eq!(Fill::from_row(&row), Some(("book_cache".to_owned(), fill)));
        }
    }
}
