//! Short texts in which names and code stand between backticks.

use maud::{Markup, html};

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span<'a> {
    pub text: &'a str,
    /// Whether it stood between backticks.
    pub code: bool,
}

/// The pieces of a text. A backtick without its partner is an ordinary character's loss: it goes,
/// and what follows is code.
pub fn spans(text: &str) -> impl Iterator<Item = Span<'_>> {
    text.split('`')
        .enumerate()
        .map(|(at, text)| Span {
            text,
            code: at % 2 == 1,
        })
        .filter(|span| !span.text.is_empty())
}

/// With code marked up, everything escaped.
#[must_use]
pub fn html(text: &str) -> Markup {
    html! {
        @for span in spans(text) {
            @if span.code { code { (span.text) } } @else { (span.text) }
        }
    }
}

/// Without the backticks.
#[must_use]
pub fn plain(text: &str) -> String {
    text.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_marked_and_everything_escaped() {
        assert_eq!(
            html("a `b<c` & d").into_string(),
            "a <code>b&lt;c</code> &amp; d"
        );
        assert_eq!(plain("`x` is `y`"), "x is y");
        assert_eq!(html("").into_string(), "");
    }
}
