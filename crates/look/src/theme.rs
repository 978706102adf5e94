//! The two themes, for a page whose reader may choose one of them.

use std::fmt::Write as _;

/// Rules that hold over the browser's own preference: `data-theme="light"` or `"dark"` on the root.
#[must_use]
pub fn chosen() -> String {
    let mut css = String::new();
    for theme in ["light", "dark"] {
        if let Some(tokens) = tokens(theme) {
            let _ = writeln!(
                css,
                ":root[data-theme={theme}] {{ color-scheme: {theme}; {tokens} }}"
            );
        }
    }
    css
}

/// The tokens of the block that follows `/* tokens: THEME */`.
fn tokens(theme: &str) -> Option<&'static str> {
    let (_, after) = super::BASE_CSS.split_once(&format!("/* tokens: {theme} */"))?;
    let (_, block) = after.split_once('{')?;
    Some(block.split_once('}')?.0.trim())
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_themes_can_be_chosen() {
        let css = super::chosen();
        assert!(
            css.contains("[data-theme=light] { color-scheme: light; --bg: #F5F6F3;"),
            "{css}"
        );
        assert!(
            css.contains("[data-theme=dark] { color-scheme: dark; --bg: #0E1110;"),
            "{css}"
        );
    }
}
