//! How events run: from a house into the channel beside its row, along a lane, to each reader.
//!
//! Channel `k` lies above row `k`; the last one below all rows. One trunk per event and channel; no
//! two trunks share a piece of a lane. A reader further away is reached through the gutter beside
//! its column.

use std::collections::BTreeMap;

use freehold_look::number::real;

use super::layout::{HOUSE_WIDTH, Layout, PLOT_WIDTH, ROW_HEIGHT, left};
use crate::moment::{EventKind, Moment, Reader};

const LANE: f64 = 38.0;
/// Between a row and the nearest lane, where arrows end and freshness stands.
const APPROACH: f64 = 50.0;
const STAGGER: f64 = 24.0;

/// An end of a trunk at a house: its top or the bottom of its slab.
#[derive(Clone, Copy)]
struct Port {
    node: usize,
    top: bool,
    x: f64,
    stagger: usize,
}

/// Where a reader is reached from a trunk.
struct Branch<'a> {
    reader: &'a Reader,
    port: usize,
    /// By a gutter, and along a lane of another channel.
    around: Option<(usize, f64)>,
}

/// One event in one channel.
struct Trunk<'a> {
    event: &'a EventKind,
    source: usize,
    channel: usize,
    branches: Vec<Branch<'a>>,
}

/// The line to one reader.
pub(super) struct Wire<'a> {
    pub(super) reader: &'a Reader,
    pub(super) points: Vec<(f64, f64)>,
    /// Where freshness stands.
    pub(super) pill: (f64, f64),
}

/// An event's lines.
pub(super) struct Bundle<'a> {
    pub(super) event: &'a EventKind,
    pub(super) wires: Vec<Wire<'a>>,
    pub(super) forks: Vec<(f64, f64)>,
    /// Left end of the name, on the lane.
    pub(super) label: (f64, f64),
}

/// All lines, and where rows stand because of them.
pub(super) struct Wiring<'a> {
    pub(super) bundles: Vec<Bundle<'a>>,
    /// The top of each row.
    pub(super) tops: Vec<f64>,
    pub(super) height: f64,
}

/// Routes all events whose ends are on the map.
pub(super) fn wire<'a>(
    moment: &'a Moment,
    layout: &Layout<'_>,
    pitch: f64,
    shown: bool,
) -> Wiring<'a> {
    let mut ports = Vec::new();
    let trunks = if shown {
        trunks(moment, layout, pitch, &mut ports)
    } else {
        Vec::new()
    };
    place_ports(&mut ports, &trunks, layout, pitch);
    let lanes = lanes(&trunks, &ports, layout.rows + 1);
    let (tops, channels, height) = heights(layout, &lanes, &ports, &trunks);
    let y = |channel: usize, lane: usize| channels[channel] + real(lane as u64) * LANE;
    let end = |port: &Port| {
        let top = tops[layout.nodes[port.node].row];
        if port.top { top } else { top + ROW_HEIGHT }
    };
    let mut bundles = Vec::new();
    for (at, trunk) in trunks.iter().enumerate() {
        let source = ports[trunk.source];
        let lane = y(trunk.channel, lanes.of[&(at, trunk.channel)]);
        let mut wires = Vec::new();
        let mut xs = vec![source.x];
        for branch in &trunk.branches {
            let port = ports[branch.port];
            let mut points = vec![(source.x, end(&source)), (source.x, lane)];
            if let Some((channel, gutter)) = branch.around {
                let far = y(channel, lanes.of[&(at, channel)]);
                points.extend([(gutter, lane), (gutter, far), (port.x, far)]);
                xs.push(gutter);
            } else {
                points.push((port.x, lane));
                xs.push(port.x);
            }
            points.push((port.x, end(&port)));
            let off = 32.0 + real(port.stagger as u64) * STAGGER;
            let pill = end(&port) + if port.top { -off } else { off };
            wires.push(Wire {
                reader: branch.reader,
                points,
                pill: (port.x, pill),
            });
        }
        let (low, high) = ends(&xs);
        let forks = xs.iter().filter(|x| low < **x && **x < high);
        bundles.push(Bundle {
            event: trunk.event,
            forks: forks.map(|x| (*x, lane)).collect(),
            wires,
            label: (low + 14.0, lane),
        });
    }
    free_labels(&mut bundles);
    Wiring {
        bundles,
        tops,
        height,
    }
}

fn trunks<'a>(
    moment: &'a Moment,
    layout: &Layout<'_>,
    pitch: f64,
    ports: &mut Vec<Port>,
) -> Vec<Trunk<'a>> {
    let mut out: Vec<Trunk<'a>> = Vec::new();
    let mut gutters: BTreeMap<usize, usize> = BTreeMap::new();
    for event in &moment.events {
        let Some(from) = layout.at(&event.from) else {
            continue;
        };
        let source = &layout.nodes[from];
        for reader in &event.readers {
            let Some(to) = layout.at(&reader.service).filter(|to| *to != from) else {
                continue;
            };
            let target = &layout.nodes[to];
            let up = target.row <= source.row;
            let channel = if up { source.row } else { source.row + 1 };
            // From below when it stands above, from above otherwise.
            let top = target.row >= source.row;
            let arrives = if top { target.row } else { target.row + 1 };
            let around = (arrives != channel).then(|| {
                let gutter = if source.column < target.column {
                    target.column
                } else {
                    target.column + 1
                };
                let taken = gutters.entry(gutter).or_default();
                *taken += 1;
                let middle = left(gutter, pitch) - (pitch - PLOT_WIDTH) / 2.0;
                let edge = layout.width(pitch) - 5.0;
                (
                    arrives,
                    (middle + real(*taken as u64) * 6.0 - 9.0).clamp(5.0, edge),
                )
            });
            ports.push(Port {
                node: to,
                top,
                x: 0.0,
                stagger: 0,
            });
            let branch = Branch {
                reader,
                port: ports.len() - 1,
                around,
            };
            let same =
                |own: &&mut Trunk<'a>| std::ptr::eq(own.event, event) && own.channel == channel;
            if let Some(own) = out.iter_mut().find(same) {
                own.branches.push(branch);
            } else {
                ports.push(Port {
                    node: from,
                    top: up,
                    x: 0.0,
                    stagger: 0,
                });
                out.push(Trunk {
                    event,
                    source: ports.len() - 1,
                    channel,
                    branches: vec![branch],
                });
            }
        }
    }
    out
}

/// Spreads the ends along each side of a house, in the order of where they lead to.
fn place_ports(ports: &mut [Port], trunks: &[Trunk<'_>], layout: &Layout<'_>, pitch: f64) {
    let column = |port: usize| real(layout.nodes[ports[port].node].column as u64);
    let mut toward = vec![0.0; ports.len()];
    for trunk in trunks {
        let n = real(trunk.branches.len().max(1) as u64);
        let far: f64 = trunk.branches.iter().map(|own| column(own.port)).sum();
        toward[trunk.source] = far / n;
        for branch in &trunk.branches {
            toward[branch.port] = column(trunk.source);
        }
    }
    for (node, place) in layout.nodes.iter().enumerate() {
        for top in [true, false] {
            let mut own: Vec<usize> = (0..ports.len())
                .filter(|at| ports[*at].node == node && ports[*at].top == top)
                .collect();
            own.sort_by(|a, b| toward[*a].total_cmp(&toward[*b]));
            let step = HOUSE_WIDTH / real(own.len() as u64 + 1);
            // Ends below a house stand a little aside of those above the next one.
            let house = left(place.column, pitch) + if top { 14.0 } else { 23.0 };
            let mut ends: Vec<f64> = Vec::new();
            for (at, port) in own.into_iter().enumerate() {
                let x = house + step * real(at as u64 + 1);
                ports[port].x = x;
                let reader = trunks
                    .iter()
                    .flat_map(|own| &own.branches)
                    .find(|own| own.port == port);
                if let Some(branch) = reader {
                    let half = pill_width(&pill_text(branch.reader)) / 2.0 + 2.0;
                    let free = ends.iter().position(|end| *end <= x - half);
                    let level = free.unwrap_or(ends.len());
                    if level == ends.len() {
                        ends.push(x + half);
                    } else {
                        ends[level] = x + half;
                    }
                    ports[port].stagger = level;
                }
            }
        }
    }
}

struct Lanes {
    /// Trunk and channel → lane.
    of: BTreeMap<(usize, usize), usize>,
    /// How many lanes a channel has.
    count: Vec<usize>,
}

/// Lanes by intervals: the first that is free from end to end, the name included.
fn lanes(trunks: &[Trunk<'_>], ports: &[Port], channels: usize) -> Lanes {
    let mut runs: Vec<(usize, usize, f64, f64)> = Vec::new();
    for (at, trunk) in trunks.iter().enumerate() {
        let mut by: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        by.entry(trunk.channel)
            .or_default()
            .push(ports[trunk.source].x);
        for branch in &trunk.branches {
            let port = ports[branch.port].x;
            if let Some((channel, gutter)) = branch.around {
                by.entry(trunk.channel).or_default().push(gutter);
                by.entry(channel).or_default().extend([gutter, port]);
            } else {
                by.entry(trunk.channel).or_default().push(port);
            }
        }
        for (channel, xs) in by {
            let (low, high) = ends(&xs);
            let named = if channel == trunk.channel {
                label_width(trunk.event) + 28.0
            } else {
                0.0
            };
            runs.push((at, channel, low, high.max(low + named)));
        }
    }
    runs.sort_by(|a, b| {
        a.2.total_cmp(&b.2)
            .then((b.3 - b.2).total_cmp(&(a.3 - a.2)))
    });
    let mut out = Lanes {
        of: BTreeMap::new(),
        count: vec![0; channels],
    };
    let mut taken: Vec<Vec<f64>> = vec![Vec::new(); channels];
    for (at, channel, low, high) in runs {
        let lanes = &mut taken[channel];
        let lane = lanes
            .iter()
            .position(|end| end + 10.0 < low)
            .unwrap_or(lanes.len());
        if lane == lanes.len() {
            lanes.push(high);
        } else {
            lanes[lane] = high;
        }
        out.of.insert((at, channel), lane);
        out.count[channel] = lanes.len();
    }
    out
}

/// The top of each row, the first lane of each channel, and the whole height.
fn heights(
    layout: &Layout<'_>,
    lanes: &Lanes,
    ports: &[Port],
    trunks: &[Trunk<'_>],
) -> (Vec<f64>, Vec<f64>, f64) {
    let approach = |row: usize, top: bool| {
        let branches = trunks.iter().flat_map(|own| &own.branches);
        let levels = branches
            .map(|own| ports[own.port])
            .filter(|port| layout.nodes[port.node].row == row && port.top == top)
            .map(|port| port.stagger + 1)
            .max();
        levels.map_or(24.0, |n| APPROACH + STAGGER * real(n as u64 - 1))
    };
    let (mut tops, mut channels, mut y) = (Vec::new(), Vec::new(), 6.0);
    for row in 0..=layout.rows {
        let n = lanes.count[row];
        if row > 0 {
            y += if n > 0 { approach(row - 1, false) } else { 0.0 };
        }
        channels.push(y + 10.0);
        if n > 0 {
            y += 10.0 + LANE * real(n as u64 - 1);
            y += if row < layout.rows {
                approach(row, true)
            } else {
                16.0
            };
        } else if row > 0 && row < layout.rows {
            y += 34.0;
        }
        if row < layout.rows {
            tops.push(y);
            y += ROW_HEIGHT;
        }
    }
    (tops, channels, y + 4.0)
}

/// Moves names along their lanes to where nothing crosses them.
fn free_labels(bundles: &mut [Bundle<'_>]) {
    let mut uprights: Vec<(f64, f64, f64)> = Vec::new();
    for bundle in bundles.iter() {
        for pair in bundle.wires.iter().flat_map(|wire| wire.points.windows(2)) {
            if (pair[0].0 - pair[1].0).abs() < 0.1 {
                uprights.push((
                    pair[0].0,
                    pair[0].1.min(pair[1].1),
                    pair[0].1.max(pair[1].1),
                ));
            }
        }
    }
    for bundle in bundles.iter_mut() {
        let (low, y) = bundle.label;
        let along = bundle.wires.iter().flat_map(|wire| &wire.points);
        let high = along
            .filter(|own| (own.1 - y).abs() < 0.1)
            .map(|own| own.0)
            .fold(low, f64::max);
        let width = label_width(bundle.event);
        let mut x = low;
        while x + width < high {
            let free = !uprights.iter().any(|(at, from, to)| {
                *from < y + 6.0 && y - 6.0 < *to && x - 5.0 < *at && *at < x + width + 5.0
            });
            if free {
                bundle.label.0 = x;
                break;
            }
            x += 6.0;
        }
    }
}

fn ends(xs: &[f64]) -> (f64, f64) {
    let low = xs.iter().copied().fold(f64::INFINITY, f64::min);
    let high = xs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (low, high)
}

/// `3.1/s`
pub(super) fn rate(event: &EventKind) -> String {
    event
        .per_second
        .map(|own| format!("{}/s", crate::parts::rate(own)))
        .unwrap_or_default()
}

pub(super) fn label_width(event: &EventKind) -> f64 {
    let chars = event.name.chars().count() + rate(event).chars().count() + 2;
    real(chars as u64) * 6.7
}

/// What stands at the reader: freshness, and keys that wait.
pub(super) fn pill_text(reader: &Reader) -> String {
    let fresh = reader
        .fresh_ms
        .map_or_else(|| "no news".to_owned(), freehold_look::clock::took);
    match reader.parked_keys {
        0 => fresh,
        1 => format!("{fresh} · 1 key waits"),
        n => format!("{fresh} · {n} keys wait"),
    }
}

pub(super) fn pill_width(text: &str) -> f64 {
    real(text.chars().count() as u64) * 6.4 + 18.0
}
