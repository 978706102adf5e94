//! Collects the error pages of `docs/errors` into one table, so that `freehold explain` needs no
//! files beside the binary.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut pages: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.sort();
    let mut table = String::from("[\n");
    for page in pages {
        let code = page
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        let text = fs::read_to_string(&page).unwrap_or_default();
        println!("cargo::rerun-if-changed={}", page.display());
        let _ = writeln!(table, "    ({code:?}, {text:?}),");
    }
    table.push_str("]\n");
    let out = env::var("OUT_DIR").unwrap_or_default();
    if let Err(error) = fs::write(Path::new(&out).join("pages.rs"), table) {
        println!("cargo::error=the error pages cannot be collected: {error}");
    }
}
