//! stub

use crate::check::Checked;

/// As Mermaid.
#[must_use]
pub fn mermaid(_: &Checked) -> String {
    String::new()
}

/// As SVG.
#[must_use]
pub fn svg(_: &Checked) -> String {
    String::new()
}
