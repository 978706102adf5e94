//! Who crosses into whom: statements × contexts, and sums that add up as shown.

use freehold_look::number::{Scale, whole};
use freehold_look::rounding;
use serde::Serialize;

use super::Report;

/// From → to, with what goes out of each context and into it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matrix {
    /// Rows and columns.
    pub contexts: Vec<String>,
    pub cells: Vec<Vec<Cell>>,
    pub out: Vec<Cell>,
    pub into: Vec<Cell>,
    pub total: Cell,
}

/// Statements from one context into another, or a sum of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Cell {
    pub statements: usize,
    pub writes: usize,
    pub calls_a_day: f64,
    pub seconds_a_day: f64,
    /// The calls as they are shown, in steps of the report's scale: these add up exactly.
    #[serde(skip)]
    pub shown: u64,
    /// The same for whole seconds.
    #[serde(skip)]
    pub shown_seconds: u64,
}

impl Cell {
    fn add(&mut self, other: Self) {
        self.statements += other.statements;
        self.writes += other.writes;
        self.calls_a_day += other.calls_a_day;
        self.seconds_a_day += other.seconds_a_day;
    }
}

impl Report {
    /// Who crosses into whom. A context that only a crossing names has a row too.
    #[must_use]
    pub fn matrix(&self) -> Matrix {
        let mut names: Vec<String> = self.contexts.iter().map(|own| own.name.clone()).collect();
        for name in self.crossings.iter().flat_map(|own| [&own.from, &own.to]) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let at = |name: &String| names.iter().position(|own| own == name).unwrap_or(0);
        let mut cells = vec![vec![Cell::default(); names.len()]; names.len()];
        for crossing in &self.crossings {
            cells[at(&crossing.from)][at(&crossing.to)].add(Cell {
                statements: 1,
                writes: usize::from(crossing.writes),
                calls_a_day: crossing.calls_a_day,
                seconds_a_day: crossing.seconds_a_day(),
                ..Cell::default()
            });
        }
        Matrix::of(names, cells)
    }

    /// The unit in which calls a day are shown everywhere in this report.
    #[must_use]
    pub fn scale(&self) -> Scale {
        Scale::of(self.crossing_calls())
    }

    pub(crate) fn crossing_calls(&self) -> f64 {
        self.crossings.iter().map(|own| own.calls_a_day).sum()
    }

    pub(crate) fn crossing_seconds(&self) -> f64 {
        self.crossings
            .iter()
            .map(super::Crossing::seconds_a_day)
            .sum()
    }
}

impl Matrix {
    fn of(contexts: Vec<String>, mut cells: Vec<Vec<Cell>>) -> Self {
        let total_calls: f64 = cells.iter().flatten().map(|own| own.calls_a_day).sum();
        let scale = Scale::of(total_calls);
        let by_calls = shown(&cells, |cell| scale.steps(cell.calls_a_day));
        let by_time = shown(&cells, |cell| cell.seconds_a_day);
        let n = contexts.len();
        let (mut out, mut into) = (vec![Cell::default(); n], vec![Cell::default(); n]);
        let mut total = Cell::default();
        for (y, row) in cells.iter_mut().enumerate() {
            for (x, cell) in row.iter_mut().enumerate() {
                cell.shown = by_calls.cells[y][x];
                cell.shown_seconds = by_time.cells[y][x];
                out[y].add(*cell);
                into[x].add(*cell);
                total.add(*cell);
            }
        }
        for (at, cell) in out.iter_mut().enumerate() {
            (cell.shown, cell.shown_seconds) = (by_calls.rows[at], by_time.rows[at]);
        }
        for (at, cell) in into.iter_mut().enumerate() {
            (cell.shown, cell.shown_seconds) = (by_calls.columns[at], by_time.columns[at]);
        }
        (total.shown, total.shown_seconds) = (by_calls.total, by_time.total);
        Self {
            contexts,
            cells,
            out,
            into,
            total,
        }
    }

    /// How dark a cell is, 0 to 4: its share of the most expensive cell's time.
    #[must_use]
    pub fn shade(&self, cell: Cell) -> u8 {
        let most = self
            .cells
            .iter()
            .flatten()
            .map(|own| own.seconds_a_day)
            .fold(0.0, f64::max);
        if cell.statements == 0 || most <= 0.0 {
            return 0;
        }
        u8::try_from(whole((cell.seconds_a_day / most * 4.0).ceil()).clamp(1, 4)).unwrap_or(4)
    }
}

fn shown(cells: &[Vec<Cell>], value: impl Fn(&Cell) -> f64) -> rounding::Table {
    let values: Vec<Vec<f64>> = cells
        .iter()
        .map(|row| row.iter().map(&value).collect())
        .collect();
    rounding::table(&values)
}
