//! Pages side by side at several widths, each measured by a script that only its copy has.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Browser;

const MEASURE: &str = include_str!("measure.js");

/// What is looked for, by name: something asked for, something beyond the right edge, text on
/// text, text that is too small to read, text that is cut off.
pub const FAULTS: [&str; 5] = ["requests", "sideways", "overlaps", "small", "hidden"];

/// How pages are measured.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// In CSS pixels.
    pub widths: &'a [u32],
    /// Script that defines `quiet(node)`, true for what lies on others by design, and `unfold()`,
    /// which opens what is folded and returns what else is to be told of the page.
    pub own: &'a str,
}

/// One page at one width.
#[derive(Debug, Clone, Deserialize)]
pub struct Measured {
    /// Its name.
    pub page: String,
    /// In CSS pixels.
    pub width: u32,
    /// The faults, by name, each with its first places, and what `unfold()` told.
    #[serde(flatten)]
    pub told: Map<String, Value>,
}

impl Measured {
    /// Where a fault is; nothing where it is not.
    ///
    /// # Panics
    /// If there is no such fault.
    pub fn places(&self, fault: &str) -> &[Value] {
        let told = self.told.get(fault).and_then(Value::as_array);
        told.expect("a fault of the list")
    }

    /// Every fault, a line each.
    pub fn faults(&self) -> String {
        let mut lines = String::new();
        for fault in FAULTS.iter().filter(|name| !self.places(name).is_empty()) {
            let (page, width, places) = (&self.page, self.width, self.places(fault));
            let _ = writeln!(lines, "{page} at {width}: {fault}: {places:?}");
        }
        lines
    }
}

impl Sheet<'_> {
    /// Measures each page, a name and its HTML, at each width, all in one run of the browser.
    ///
    /// # Panics
    /// If the browser fails, or tells of another number of pages.
    pub fn measure(
        &self,
        browser: &Browser,
        folder: &Path,
        pages: &[(String, String)],
    ) -> Vec<Measured> {
        let mut frames = String::new();
        for (name, page) in pages {
            let copy = self.with_script(name, page);
            fs::write(folder.join(format!("{name}.html")), copy).expect("a page");
            for width in self.widths {
                let _ = write!(
                    frames,
                    "<iframe src=\"{name}.html\" style=\"width:{width}px;height:900px;border:0;display:block\"></iframe>"
                );
            }
        }
        let wrapper = folder.join("wrapper.html");
        let listens = "addEventListener('message', own => { const line = document.createElement('pre'); line.className = 'measured'; line.textContent = own.data; document.body.append(line); });";
        fs::write(
            &wrapper,
            format!("<!DOCTYPE html><body><script>{listens}</script>{frames}</body>"),
        )
        .expect("a page");
        let dom = browser.run(
            folder,
            &[
                "--window-size=1500,1000",
                "--virtual-time-budget=300000",
                "--dump-dom",
            ],
            &wrapper.display().to_string(),
        );
        let all: Vec<Measured> = dom
            .split("<pre class=\"measured\">")
            .skip(1)
            .filter_map(|part| part.split_once("</pre>"))
            .map(|(text, _)| {
                let text = text
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&amp;", "&");
                serde_json::from_str(&text).expect("a measurement")
            })
            .collect();
        assert_eq!(all.len(), pages.len() * self.widths.len());
        all
    }

    /// A copy that may run our script: a page may forbid scripts by itself.
    fn with_script(&self, name: &str, page: &str) -> String {
        let policy = page.find("<meta http-equiv=\"Content-Security-Policy\"");
        let page = policy.map_or_else(
            || page.to_owned(),
            |start| {
                let end = page[start..].find('>').expect("an end") + start + 1;
                format!("{}{}", &page[..start], &page[end..])
            },
        );
        let own = self.own;
        let script = format!("<script>const PAGE = \"{name}\";\n{own}\n{MEASURE}</script></body>");
        page.replacen("</body>", &script, 1)
    }
}
