//! Where each service stands: rows of houses, a server's stores beside each other on one slab.

use freehold_look::number::real;

use crate::moment::{Moment, Service, Store};

/// Distances between two columns, widest first; the page shows the widest that fits.
pub(crate) const PITCHES: [f64; 4] = [384.0, 330.0, 290.0, 258.0];

pub(super) const PLOT_WIDTH: f64 = 228.0;
pub(super) const HOUSE_WIDTH: f64 = 200.0;
pub(super) const HOUSE_HEIGHT: f64 = 92.0;
pub(super) const PLOT_HEIGHT: f64 = 56.0;
pub(super) const SLAB_HEIGHT: f64 = 27.0;
pub(super) const ROW_HEIGHT: f64 = HOUSE_HEIGHT + PLOT_HEIGHT + SLAB_HEIGHT + 7.0;
/// Room at both sides, for slabs that reach beyond their plots and for lines around a row.
pub(super) const MARGIN: f64 = 16.0;
/// More columns than this are not drawn: the next ones stand below. Where so many do not fit, `FEWER`.
pub(crate) const MOST_COLUMNS: usize = 4;
pub(crate) const FEWER: usize = 3;

/// A service's place.
pub(super) struct Node<'a> {
    pub(super) service: &'a Service,
    pub(super) store: Option<&'a Store>,
    pub(super) row: usize,
    pub(super) column: usize,
}

/// A slab below a run of plots in one row.
pub(super) struct Slab {
    pub(super) server: String,
    pub(super) row: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    /// How many stores stand on this server in all.
    pub(super) stores: usize,
}

/// All places.
pub(crate) struct Layout<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) slabs: Vec<Slab>,
    pub(super) rows: usize,
    pub(crate) columns: usize,
}

impl<'a> Layout<'a> {
    /// Servers with one store stand above, those with several below, in the description's order;
    /// who feeds others stands left of who only reads. At most so many stand beside each other.
    pub(crate) fn of(moment: &'a Moment, most_columns: usize) -> Self {
        let mut groups: Vec<(String, Vec<&Service>)> = Vec::new();
        for service in &moment.services {
            let key = service
                .stores
                .first()
                .map_or_else(|| format!(" {}", service.name), |own| own.server.clone());
            match groups.iter_mut().find(|(own, _)| *own == key) {
                Some((_, own)) => own.push(service),
                None => groups.push((key, vec![service])),
            }
        }
        for (_, own) in &mut groups {
            own.sort_by_key(|service| weight(moment, service));
        }
        groups.sort_by_key(|(_, own)| usize::from(own.len() > 1));
        let most = groups.iter().map(|(_, own)| own.len()).max().unwrap_or(1);
        let columns = most.max(groups.len().min(3)).min(most_columns);
        let mut out = Self {
            nodes: Vec::new(),
            slabs: Vec::new(),
            rows: 0,
            columns,
        };
        let (mut row, mut column) = (0, 0);
        for (server, services) in &groups {
            if services.len() > 1 && column > 0 {
                (row, column) = (row + 1, 0);
            }
            for part in services.chunks(columns) {
                if column + part.len() > columns {
                    (row, column) = (row + 1, 0);
                }
                out.slabs.push(Slab {
                    server: server.clone(),
                    row,
                    from: column,
                    to: column + part.len() - 1,
                    stores: services.len(),
                });
                for service in part {
                    out.nodes.push(Node {
                        service,
                        store: service.stores.first(),
                        row,
                        column,
                    });
                    column += 1;
                }
            }
            if services.len() > 1 {
                (row, column) = (row + 1, 0);
            }
        }
        out.rows = out.nodes.iter().map(|own| own.row + 1).max().unwrap_or(0);
        out
    }

    /// Its name in the stylesheet. One with fewer columns than there could be is another one: it is shown
    /// where the other does not fit.
    pub(crate) fn class(&self, most_columns: usize) -> String {
        if most_columns == MOST_COLUMNS {
            format!("cols{}", self.columns)
        } else {
            format!("cols{}-of-{MOST_COLUMNS}", self.columns)
        }
    }

    /// How wide the drawing is.
    pub(crate) fn width(&self, pitch: f64) -> f64 {
        2.0 * MARGIN + PLOT_WIDTH + pitch * real(self.columns.max(1) as u64 - 1)
    }

    pub(super) fn at(&self, service: &str) -> Option<usize> {
        self.nodes
            .iter()
            .position(|own| own.service.name == service)
    }

    /// Is nothing there?
    pub(super) fn is_free(&self, row: usize, column: usize) -> bool {
        !self
            .nodes
            .iter()
            .any(|own| own.row == row && own.column == column)
    }
}

/// Sources first, readers last; no state has a say in it.
fn weight(moment: &Moment, service: &Service) -> i64 {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let readers = moment.sent_by(&service.name).map(|own| own.readers.len());
    count(moment.kept_by(&service.name).count()) - count(readers.sum())
}

/// The left edge of a column's plots.
pub(super) fn left(column: usize, pitch: f64) -> f64 {
    MARGIN + real(column as u64) * pitch
}
