//! The frame of a page that stands alone.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What a page that stands alone may load: nothing. Styles are its own, pictures are drawn.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// A whole document. `css` follows the common stylesheet.
#[must_use]
pub fn document(title: &str, css: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                // Without an icon of its own a browser would ask the server for one.
                link rel="icon" href="data:,";
                style { (PreEscaped(super::BASE_CSS)) (PreEscaped(css)) }
            }
            body { (body) }
        }
    }
    .into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_escaped_and_nothing_is_fetched() {
        let page = document("a<b", "", &html! { p { "x" } });
        assert!(page.contains("<title>a&lt;b</title>"), "{page}");
        assert!(!page.contains("http://") && !page.contains("https://"));
        assert!(!super::super::BASE_CSS.contains("url("));
    }
}
