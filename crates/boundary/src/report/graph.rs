//! Pictures of who crosses into whom: contexts as nodes on a ring, crossings as arrows.
//!
//! Owns the layout. Pure; colours come from the reader's own theme where the form allows it.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fmt::Write as _;

use crate::check::Checked;

/// How often each context crosses into each other, by their places among `contexts`.
fn pairs(checked: &Checked) -> BTreeMap<(usize, usize), usize> {
    let mut pairs = BTreeMap::new();
    for finding in &checked.findings {
        let own = &checked.ownership;
        if let (Some(from), Some(to)) = (own.find(&finding.from), own.find(&finding.to)) {
            *pairs.entry((from, to)).or_insert(0) += 1;
        }
    }
    pairs
}

/// A flowchart in Mermaid's words, for wikis and code hosts that draw it.
#[must_use]
pub fn mermaid(checked: &Checked) -> String {
    let mut out = String::from("flowchart LR\n");
    for (at, context) in checked.ownership.contexts.iter().enumerate() {
        // Mermaid takes names of characters in entities.
        let name = context.name.replace('"', "#quot;");
        let _ = writeln!(out, "  c{at}[\"{name}\"]");
    }
    for ((from, to), count) in pairs(checked) {
        let _ = writeln!(out, "  c{from} -->|{count}| c{to}");
    }
    out
}

const NODE_HEIGHT: f64 = 34.0;
const LETTER: f64 = 8.4;
const MARGIN: f64 = 48.0;

/// A context's box on the ring.
struct Node<'a> {
    name: &'a str,
    x: f64,
    y: f64,
    half: f64,
    /// What crosses into it and out of it.
    crossings: usize,
}

/// A picture that stands alone: no script, no font and no address outside of it; light or dark
/// as the viewer is.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of contexts and crossings fit into a double"
)]
pub fn svg(checked: &Checked) -> String {
    let pairs = pairs(checked);
    let contexts = &checked.ownership.contexts;
    let widest = contexts
        .iter()
        .map(|own| own.name.chars().count())
        .max()
        .unwrap_or(0) as f64
        * LETTER
        + 28.0;
    let count = contexts.len().max(1) as f64;
    // Neighbours on the ring keep a box's width between them.
    let radius = ((widest + 56.0) * count / TAU).max(150.0);
    let (width, height) = (
        2.0 * (radius + widest / 2.0 + MARGIN),
        2.0 * (radius + NODE_HEIGHT / 2.0 + MARGIN),
    );
    let nodes: Vec<Node> = contexts
        .iter()
        .enumerate()
        .map(|(at, context)| {
            let angle = TAU * (at as f64) / count - TAU / 4.0;
            Node {
                name: &context.name,
                x: width / 2.0 + radius * angle.cos(),
                y: height / 2.0 + radius * angle.sin(),
                half: context.name.chars().count() as f64 * LETTER / 2.0 + 14.0,
                crossings: pairs
                    .iter()
                    .filter(|((from, to), _)| *from == at || *to == at)
                    .map(|(_, count)| count)
                    .sum(),
            }
        })
        .collect();
    let mut out = head(width, height, &sum(checked));
    let most = pairs.values().copied().max().unwrap_or(1) as f64;
    for ((from, to), count) in &pairs {
        arrow(&mut out, &nodes[*from], &nodes[*to], *count, most);
    }
    for node in &nodes {
        let class = if node.crossings > 0 {
            "node"
        } else {
            "node clean"
        };
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{NODE_HEIGHT}\" rx=\"8\"/><text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            node.x - node.half,
            node.y - NODE_HEIGHT / 2.0,
            node.half * 2.0,
            node.x,
            node.y,
            escaped(node.name)
        );
    }
    out.push_str("</svg>\n");
    out
}

fn sum(checked: &Checked) -> String {
    let n = checked.findings.len();
    let contexts = checked.ownership.contexts.len();
    format!(
        "{n} crossing{} between {contexts} contexts",
        if n == 1 { "" } else { "s" }
    )
}

fn head(width: f64, height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" font-family=\"ui-sans-serif, system-ui, sans-serif\">\n\
         <title>{title}</title>\n\
         <style>\n\
         svg {{ --ink: #1c2430; --dim: #5b6675; --ground: #ffffff; --box: #f3f5f8; --line: #c9d0da; --bad: #b3261e; background: var(--ground) }}\n\
         @media (prefers-color-scheme: dark) {{ svg {{ --ink: #e6eaf0; --dim: #9aa5b4; --ground: #11161d; --box: #1b222c; --line: #394452; --bad: #ff8a80 }} }}\n\
         .node {{ fill: var(--box); stroke: var(--ink); stroke-width: 1.4 }}\n\
         .clean {{ stroke: var(--line) }}\n\
         .name {{ fill: var(--ink); font-size: 14px; text-anchor: middle; dominant-baseline: central }}\n\
         .edge {{ fill: none; stroke: var(--bad); stroke-opacity: .75 }}\n\
         .tip {{ fill: var(--bad) }}\n\
         .count {{ fill: var(--bad); font-size: 12px; font-weight: 600; text-anchor: middle; dominant-baseline: central; paint-order: stroke; stroke: var(--ground); stroke-width: 4px }}\n\
         .sum {{ fill: var(--dim); font-size: 12px }}\n\
         </style>\n\
         <text class=\"sum\" x=\"16\" y=\"24\">{title}</text>\n"
    )
}

/// A curve to the right of the straight way, so that both directions are seen.
#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of crossings fit into a double"
)]
fn arrow(out: &mut String, from: &Node, to: &Node, count: usize, most: f64) {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length = dx.hypot(dy).max(1.0);
    let bend = length * 0.16;
    let (mx, my) = (
        f64::midpoint(from.x, to.x) - dy / length * bend,
        f64::midpoint(from.y, to.y) + dx / length * bend,
    );
    let stroke = 1.2 + 3.8 * (count as f64 / most).sqrt();
    let tip = 7.0 + stroke;
    let (sx, sy) = border(from, mx, my, 3.0);
    let (ex, ey) = border(to, mx, my, 3.0);
    // The line ends where the tip begins.
    let (ux, uy) = unit(mx - ex, my - ey);
    let (bx, by) = (ex + ux * tip, ey + uy * tip);
    let half = tip * 0.5;
    let _ = writeln!(
        out,
        "<g><title>{} → {}: {count}</title><path class=\"edge\" stroke-width=\"{stroke:.1}\" d=\"M{sx:.1} {sy:.1} Q{mx:.1} {my:.1} {bx:.1} {by:.1}\"/><path class=\"tip\" d=\"M{ex:.1} {ey:.1} L{:.1} {:.1} L{:.1} {:.1} Z\"/><text class=\"count\" x=\"{:.1}\" y=\"{:.1}\">{count}</text></g>",
        escaped(from.name),
        escaped(to.name),
        bx - uy * half,
        by + ux * half,
        bx + uy * half,
        by - ux * half,
        // The curve's middle.
        sx / 4.0 + mx / 2.0 + bx / 4.0,
        sy / 4.0 + my / 2.0 + by / 4.0,
    );
}

/// Where the way from a box's middle to a point leaves the box, `gap` further on.
fn border(node: &Node, x: f64, y: f64, gap: f64) -> (f64, f64) {
    let (dx, dy) = (x - node.x, y - node.y);
    let (half_width, half_height) = (node.half + gap, NODE_HEIGHT / 2.0 + gap);
    let share = (half_width / dx.abs().max(1e-6)).min(half_height / dy.abs().max(1e-6));
    (node.x + dx * share, node.y + dy * share)
}

fn unit(x: f64, y: f64) -> (f64, f64) {
    let length = x.hypot(y).max(1e-6);
    (x / length, y / length)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
