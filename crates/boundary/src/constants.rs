//! Names that one file gives a text, and another puts into a statement.

use std::collections::HashMap;

use crate::gather::text_of;
use crate::language::Language;
use crate::scan::{self, FileScan};
use crate::walk::Tree;

/// Reads the texts again that waited for constants of other files.
pub(crate) fn settle(tree: Tree, scans: &mut [FileScan]) {
    let waits = |scan: &FileScan| {
        !scan.pending.is_empty() || scan.models.classes.iter().any(|own| own.named.is_some())
    };
    if !scans.iter().any(waits) {
        return;
    }
    let mut constants: HashMap<String, Option<String>> = HashMap::new();
    for (name, value) in scans.iter().flat_map(|scan| &scan.constants) {
        constants
            .entry(name.clone())
            .and_modify(|own| {
                // Two files mean different things by it: then nobody knows.
                if own.as_ref() != Some(value) {
                    *own = None;
                }
            })
            .or_insert_with(|| Some(value.clone()));
    }
    let constant = |name: &str| {
        let mut rest = name;
        loop {
            if let Some(Some(value)) = constants.get(rest) {
                return Some(value.clone());
            }
            rest = rest.split_once('.')?.1;
        }
    };
    for model in scans.iter_mut().flat_map(|scan| &mut scan.models.classes) {
        let said = model.named.as_deref().and_then(constant);
        if let Some(table) = said.filter(|table| !table.contains(char::is_whitespace)) {
            model.tables = vec![table];
            model.explicit = true;
        }
    }
    for scan in scans.iter_mut().filter(|scan| !scan.pending.is_empty()) {
        let Some(language) = Language::of(&scan.path) else {
            continue;
        };
        if let Ok(content) = tree.read(&scan.path) {
            scan::settle(scan, &text_of(&content), language, &constant);
        }
    }
}
