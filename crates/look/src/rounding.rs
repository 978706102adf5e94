//! Rounding that still adds up as shown.
//!
//! A list is rounded by largest remainder. A table is rounded so that each cell, each margin and
//! the total is one of the two whole numbers beside its true value, and all sums hold: controlled
//! rounding (L. H. Cox, 1987), found as a flow with bounds.

/// A table of whole numbers whose margins are the sums of its cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub cells: Vec<Vec<u64>>,
    pub rows: Vec<u64>,
    pub columns: Vec<u64>,
    pub total: u64,
}

/// Whole numbers that sum to the rounded sum of the values.
#[must_use]
pub fn list(values: &[f64]) -> Vec<u64> {
    let mut out: Vec<u64> = values.iter().map(|value| floor(*value)).collect();
    let total = nearest(values.iter().sum());
    let mut left = total.saturating_sub(out.iter().sum());
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| rest(values[*b]).total_cmp(&rest(values[*a])));
    for at in order {
        if left == 0 {
            break;
        }
        out[at] += 1;
        left -= 1;
    }
    out
}

/// A table of whole numbers that adds up in both directions. All rows have the same length.
#[must_use]
pub fn table(values: &[Vec<f64>]) -> Table {
    let (height, width) = (values.len(), values.first().map_or(0, Vec::len));
    let row_sums: Vec<f64> = values.iter().map(|row| row.iter().sum()).collect();
    let column_sums: Vec<f64> = (0..width)
        .map(|at| values.iter().map(|row| row[at]).sum())
        .collect();
    // Nodes: the rows, the columns, then source and sink.
    let (source, sink) = (height + width, height + width + 1);
    let mut net = Net {
        arcs: Vec::new(),
        nodes: height + width + 2,
    };
    let total = nearest(row_sums.iter().sum());
    // Sums are compared with other figures of a page, cells hardly ever.
    for (at, sum) in row_sums.iter().enumerate() {
        net.arc(source, at, *sum, 4.0);
    }
    for (at, sum) in column_sums.iter().enumerate() {
        net.arc(height + at, sink, *sum, 4.0);
    }
    for (y, row) in values.iter().enumerate() {
        for (x, value) in row.iter().enumerate() {
            net.arc(y, height + x, *value, 1.0);
        }
    }
    net.settle(source, sink, total);
    let mut out = Table {
        cells: vec![vec![0; width]; height],
        rows: vec![0; height],
        columns: vec![0; width],
        total: 0,
    };
    for arc in &net.arcs {
        if arc.from < height && arc.to >= height && arc.to < source {
            let (y, x) = (arc.from, arc.to - height);
            let value = arc.low + u64::from(arc.up);
            out.cells[y][x] = value;
            out.rows[y] += value;
            out.columns[x] += value;
            out.total += value;
        }
    }
    out
}

/// An arc carries the whole number below its value, or the one above.
struct Arc {
    from: usize,
    to: usize,
    low: u64,
    /// What is above `low`; exactly nothing where there is no choice.
    rest: f64,
    up: bool,
    /// How much it matters that it is the nearer one.
    weight: f64,
}

impl Arc {
    /// How much worse the other number would be.
    fn cost_of_change(&self) -> f64 {
        let up = 1.0 - 2.0 * self.rest;
        self.weight * if self.up { -up } else { up }
    }
}

/// Each arc begins with the nearer number; then sums are mended over the cheapest changes, which
/// is a flow of least cost (successive shortest paths).
struct Net {
    arcs: Vec<Arc>,
    nodes: usize,
}

impl Net {
    fn arc(&mut self, from: usize, to: usize, value: f64, weight: f64) {
        // Sums of decimals miss whole numbers by a hair.
        let exact = (value - value.round()).abs() < 1e-6;
        let (low, rest) = if exact {
            (nearest(value), 0.0)
        } else {
            (floor(value), rest(value))
        };
        self.arcs.push(Arc {
            from,
            to,
            low,
            rest,
            up: rest >= 0.5,
            weight,
        });
    }

    /// Makes inflow equal outflow at every node, and the flow from source to sink the total.
    fn settle(&mut self, source: usize, sink: usize, total: u64) {
        let total = total.cast_signed();
        // Each round mends one unit at two nodes; no arc can be wrong by more than one.
        for _ in 0..=self.arcs.len() * 2 {
            let mut balance = vec![0i64; self.nodes];
            for arc in &self.arcs {
                let value = (arc.low + u64::from(arc.up)).cast_signed();
                balance[arc.from] -= value;
                balance[arc.to] += value;
            }
            balance[source] += total;
            balance[sink] -= total;
            let path = self.cheapest(&balance);
            if path.is_empty() {
                return;
            }
            for at in path {
                self.arcs[at].up = !self.arcs[at].up;
            }
        }
    }

    /// The arcs to change between a node with too much and one with too little.
    fn cheapest(&self, balance: &[i64]) -> Vec<usize> {
        let mut cost: Vec<f64> = balance
            .iter()
            .map(|own| if *own > 0 { 0.0 } else { f64::INFINITY })
            .collect();
        let mut came: Vec<Option<usize>> = vec![None; self.nodes];
        for _ in 0..self.nodes {
            let mut changed = false;
            for (at, arc) in self.arcs.iter().enumerate() {
                if arc.rest == 0.0 {
                    continue;
                }
                let (from, to) = if arc.up {
                    (arc.to, arc.from)
                } else {
                    (arc.from, arc.to)
                };
                let next = cost[from] + arc.cost_of_change();
                if next < cost[to] - 1e-9 && balance[to] <= 0 {
                    (cost[to], came[to], changed) = (next, Some(at), true);
                }
            }
            if !changed {
                break;
            }
        }
        let end = (0..self.nodes)
            .filter(|node| balance[*node] < 0 && cost[*node].is_finite())
            .min_by(|a, b| cost[*a].total_cmp(&cost[*b]));
        let mut path = Vec::new();
        let mut node = end;
        while let Some(at) = node
            .and_then(|own| came[own])
            .filter(|_| path.len() < self.nodes)
        {
            path.push(at);
            let arc = &self.arcs[at];
            node = Some(if arc.up { arc.to } else { arc.from });
        }
        path
    }
}

fn nearest(value: f64) -> u64 {
    crate::number::whole(value)
}

fn floor(value: f64) -> u64 {
    crate::number::whole(value.floor())
}

fn rest(value: f64) -> f64 {
    value - value.floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_sums_to_its_rounded_sum() {
        assert_eq!(list(&[0.4, 0.4, 0.4]).iter().sum::<u64>(), 1);
        assert_eq!(list(&[1.0, 2.0]), [1, 2]);
        assert_eq!(list(&[]), Vec::<u64>::new());
    }

    #[test]
    fn what_adds_up_already_stays() {
        let table = table(&[vec![1.0, 2.0], vec![3.0, 4.0]]);
        assert_eq!(table.cells, [[1, 2], [3, 4]]);
        assert_eq!(
            (table.rows, table.columns, table.total),
            (vec![3, 7], vec![4, 6], 10)
        );
    }

    /// Deterministic tables of many sizes: every number is beside its true value.
    #[test]
    fn every_number_is_beside_its_value() {
        let mut seed = 7u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            crate::number::real(seed >> 40) / 7919.0
        };
        for size in 1..12 {
            for _ in 0..40 {
                let values: Vec<Vec<f64>> = (0..size)
                    .map(|y| {
                        (0..size)
                            .map(|x| if x == y { 0.0 } else { next() })
                            .collect()
                    })
                    .collect();
                let shown = table(&values);
                let beside = |shown: u64, value: f64| {
                    (crate::number::real(shown) - value).abs() < 1.0 + 1e-6
                };
                let total: f64 = values.iter().flatten().sum();
                assert_eq!(shown.total, nearest(total), "{values:?}");
                for y in 0..size {
                    assert!(beside(shown.rows[y], values[y].iter().sum()), "{values:?}");
                    assert!(beside(
                        shown.columns[y],
                        values.iter().map(|row| row[y]).sum()
                    ));
                    for x in 0..size {
                        assert!(beside(shown.cells[y][x], values[y][x]), "{values:?}");
                    }
                }
            }
        }
    }
}
