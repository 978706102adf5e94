//! Lists a tree in parallel and looks at each file's record: what a check costs at least. The
//! bench holds a warm check against it.

use std::sync::atomic::{AtomicU64, Ordering};

use ignore::{WalkBuilder, WalkState};

#[expect(clippy::print_stdout, reason = "its output is what it is for")]
fn main() {
    let root = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let (files, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    WalkBuilder::new(root)
        .standard_filters(false)
        .threads(threads)
        .build_parallel()
        .run(|| {
            Box::new(|entry| {
                let data = entry.ok().and_then(|entry| entry.metadata().ok());
                if let Some(data) = data.filter(std::fs::Metadata::is_file) {
                    files.fetch_add(1, Ordering::Relaxed);
                    bytes.fetch_add(data.len(), Ordering::Relaxed);
                }
                WalkState::Continue
            })
        });
    println!("{} files, {} bytes", files.into_inner(), bytes.into_inner());
}
