//! A real browser, for the tests of pages: finding it, running it, measuring pages in it.
//!
//! It never ships. What a page is about, and which of its parts may lie on others, its own tests
//! know. Measuring is in `sheet.rs` and `measure.js`, clicking through pages in `driver.rs`.

mod driver;
mod sheet;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub use driver::Driver;
pub use sheet::{FAULTS, Measured, Sheet};

/// Chromium, as it was found on the path.
#[derive(Debug, Clone)]
pub struct Browser {
    program: PathBuf,
}

impl Browser {
    /// `None`, told loudly, without one.
    ///
    /// # Panics
    /// In CI, where it has to be there.
    #[expect(clippy::print_stderr, reason = "a skip has to be seen")]
    pub fn installed() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path)
            .flat_map(|folder| {
                ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name))
            })
            .find(|file| file.is_file());
        if found.is_none() {
            assert!(
                std::env::var_os("CI").is_none(),
                "Chromium is not installed"
            );
            eprintln!("SKIPPED: Chromium is not installed (Debian's package of that name)");
        }
        found.map(|program| Self { program })
    }

    /// Ready to be started, without a window, with a profile of its own in `folder`.
    pub fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .arg(format!(
                "--user-data-dir={}",
                folder.join("profile").display()
            ))
            .stderr(Stdio::null());
        command
    }

    /// Opens a page, a file's path or an address, and returns what the browser printed.
    ///
    /// # Panics
    /// If the browser fails.
    pub fn run(&self, folder: &Path, arguments: &[&str], page: &str) -> String {
        let output = self.command(folder).args(arguments).arg(page).output();
        let output = output.expect("the browser runs");
        assert!(output.status.success(), "{:?}", output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
