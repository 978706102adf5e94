//! A read model as it is kept: its sources and how they join, its columns, its groups.

/// What keeps a read model. Expressions are texts of the engine's own SQL that name columns as
/// `alias.column`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The view that the program reads.
    pub name: String,
    /// Eight hex digits that change with the definition: they part its tables from older ones.
    pub hash: String,
    /// In the order of the query. The first one drives: each row of the join has exactly one of its
    /// rows, and by their keys rows are made anew.
    pub sources: Vec<Source>,
    /// In the order of the query.
    pub outputs: Vec<Output>,
    /// The WHERE, over the sources.
    pub filter: Option<String>,
    /// Are rows of the join put together to groups?
    pub grouped: bool,
}

/// A copy that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As the query calls it.
    pub alias: String,
    /// The copy's table.
    pub table: String,
    /// Columns of its key.
    pub key: Vec<String>,
    /// The first of them, by which changes of it are told.
    pub entity: Vec<String>,
    /// How it is joined to those before it; the first one is not.
    pub join: Option<Join>,
}

/// A join of a source with sources before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Is a missing row left out?
    pub kind: JoinKind,
    /// (own column, index of the other source, its column): all have to be equal.
    pub on: Vec<(String, usize, String)>,
}

/// What becomes of a row that finds no partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// It is left out.
    Inner,
    /// The other side's columns are NULL.
    Left,
}

/// A column of the read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A value of a row of the join; in a grouped model one of the group's key.
    Value {
        /// Its name.
        name: String,
        /// Its expression.
        sql: String,
    },
    /// Something of all rows of a group.
    Aggregate(Aggregate),
}

/// What is told of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    /// The column's name.
    pub name: String,
    /// What is told.
    pub function: Function,
    /// Of which values; `None`: of rows.
    pub of: Option<String>,
}

/// The aggregates that can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "SQL's own")]
pub enum Function {
    Count,
    Sum,
    Avg,
    Min,
    Max,
}

impl Output {
    /// The column's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Value { name, .. } | Self::Aggregate(Aggregate { name, .. }) => name,
        }
    }
}

impl Plan {
    /// Indexes of sources that read this table.
    pub fn reads<'a>(&'a self, table: &'a str) -> impl Iterator<Item = usize> + 'a {
        let sources = self.sources.iter().enumerate();
        sources.filter_map(move |(at, source)| (source.table == table).then_some(at))
    }

    /// The sources between the driving one and this one, both included, in the order of the query:
    /// whoever has to be joined to find the driving rows that a row of it belongs to.
    pub fn path(&self, to: usize) -> Vec<usize> {
        let mut needed = vec![false; self.sources.len()];
        needed[0] = true;
        needed[to] = true;
        for at in (1..=to).rev().filter(|at| *at < self.sources.len()) {
            if let (true, Some(join)) = (needed[at], &self.sources[at].join) {
                for (_, other, _) in &join.on {
                    needed[*other] = true;
                }
            }
        }
        (0..self.sources.len()).filter(|at| needed[*at]).collect()
    }

    /// The aggregates, in the order of the query.
    pub fn aggregates(&self) -> impl Iterator<Item = &Aggregate> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Aggregate(aggregate) => Some(aggregate),
            Output::Value { .. } => None,
        })
    }

    /// The plain columns, in the order of the query: (name, expression).
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Value { name, sql } => Some((name.as_str(), sql.as_str())),
            Output::Aggregate(_) => None,
        })
    }
}
