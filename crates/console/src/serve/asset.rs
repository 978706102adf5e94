//! The stylesheet and the script. Their names hold their digest, so that they can be kept forever.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use freehold_look::number::real;
use freehold_model::Fault;
use sha2::{Digest, Sha256};

use super::answer;
use crate::map::{FEWER, MOST_COLUMNS, PITCHES};
use crate::page::Setting;

const SCRIPT: &str = include_str!("console.js");

/// A file with its name.
struct Asset {
    name: String,
    kind: &'static str,
    text: String,
}

static CSS: LazyLock<Asset> = LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", css()));
static JS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", SCRIPT.to_owned()));

impl Asset {
    fn new(end: &str, kind: &'static str, text: String) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let mut name = "console.".to_owned();
        for byte in &digest[..8] {
            let _ = write!(name, "{byte:02x}");
        }
        Self {
            name: format!("{name}.{end}"),
            kind,
            text,
        }
    }
}

/// Tokens, both themes by choice, the console's own rules, and which drawing of the map fits.
fn css() -> String {
    let mut css = format!(
        "{}{}{}",
        freehold_look::BASE_CSS,
        freehold_look::theme::chosen(),
        include_str!("console.css")
    );
    for columns in 1..=MOST_COLUMNS {
        css += &fitting(&format!("cols{columns}"), columns, None);
    }
    // Fewer columns take over where the narrowest drawing of the most ends.
    let narrowest = PITCHES.into_iter().fold(f64::INFINITY, f64::min);
    let upper = width(MOST_COLUMNS, narrowest);
    css += &fitting(
        &format!("cols{FEWER}-of-{MOST_COLUMNS}"),
        FEWER,
        Some(upper),
    );
    css
}

/// Which distance between columns is shown at which width of the map, up to a width.
fn fitting(class: &str, columns: usize, mut narrower: Option<f64>) -> String {
    let mut css = String::new();
    // Widest first: each is shown from its own width up to that of the one before.
    for pitch in PITCHES {
        let width = width(columns, pitch);
        if narrower.is_some_and(|own| own <= width) {
            continue;
        }
        let upper = narrower.map_or(String::new(), |own| {
            format!(" and (max-width: {}px)", own - 0.02)
        });
        let _ = writeln!(
            css,
            "@container map (min-width: {width}px){upper} {{ .drawing.{class}.p{pitch:.0} {{ display: block; }} .pictures:has(.{class}) ~ .stacked {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }} .pictures:has(.{class}) ~ .legend {{ display: flex; }} }}"
        );
        narrower = Some(width);
        // With one column the distance says nothing.
        if columns == 1 {
            break;
        }
    }
    css
}

fn width(columns: usize, pitch: f64) -> f64 {
    32.0 + 228.0 + pitch * real(columns as u64 - 1)
}

/// Where pages find both.
pub(super) fn setting(writes: bool) -> Setting {
    Setting {
        writes,
        css: format!("/assets/{}", CSS.name),
        script: format!("/assets/{}", JS.name),
    }
}

pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let Some(own) = [&CSS, &JS].into_iter().find(|own| own.name == name) else {
        let fault = Fault::new("FH4003", format!("there is no asset `{name}`"));
        return answer::refuse(StatusCode::NOT_FOUND, &fault, false);
    };
    let headers = [
        (header::CONTENT_TYPE, own.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, own.text.as_str()).into_response()
}

/// The stylesheet, for a page that is to stand alone.
#[must_use]
pub fn stylesheet() -> &'static str {
    &CSS.text
}
