//! The page: what stands on it in each state.

use freehold_boundary::audit::report::html;

use super::states::states;

/// `FREEHOLD_PAGES=folder` keeps the pages, to be looked at.
#[test]
fn pages_stand_alone() {
    for (name, report) in states() {
        let page = html(&report);
        if let Some(folder) = std::env::var_os("FREEHOLD_PAGES") {
            let file = std::path::Path::new(&folder).join(format!("{name}.html"));
            std::fs::write(file, &page).expect("a page");
        }
        assert!(page.starts_with("<!DOCTYPE html>"), "{name}");
        for outside in ["http://", "https://", "src=", "@import", "<script"] {
            assert!(!page.contains(outside), "{name}: {outside}");
        }
    }
}
