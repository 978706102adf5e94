//! Shapes that carry state before colour does: in both themes, in grey print, in a terminal.

use maud::{Markup, html};

/// What something is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// As described, in time.
    Well,
    /// In flight now.
    Running,
    /// Waits for a person; nothing is lost.
    Parked,
    /// Live is not what is described; a new finding; open.
    Differs,
    /// Did not work.
    Failed,
    /// Every effect taken back.
    Compensated,
    /// No news; never shown as well.
    NotKnown,
}

impl Shape {
    /// In a terminal.
    #[must_use]
    pub fn glyph(self) -> char {
        match self {
            Self::Well => '●',
            Self::Running => '◔',
            Self::Parked => '■',
            Self::Differs => '▲',
            Self::Failed => '◆',
            Self::Compensated => '↶',
            Self::NotKnown => '○',
        }
    }

    /// The class that gives it its colour.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Well | Self::Compensated => "s-ok",
            Self::Running => "s-run",
            Self::Parked | Self::Differs => "s-warn",
            Self::Failed => "s-bad",
            Self::NotKnown => "s-none",
        }
    }

    /// Twelve pixels high. Without a name of its own: the word beside it says what it means.
    #[must_use]
    pub fn svg(self) -> Markup {
        html! {
            svg class={ "shape " (self.class()) } viewBox="0 0 12 12" aria-hidden="true" { (self.drawing()) }
        }
    }

    fn drawing(self) -> Markup {
        match self {
            Self::Well => html! { circle cx="6" cy="6" r="3.5" fill="currentColor" {} },
            Self::Running => html! {
                circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" stroke-width="1.5" {}
                path d="M6 6V1.5A4.5 4.5 0 0 1 10.5 6Z" fill="currentColor" {}
            },
            Self::Parked => html! {
                rect x="1" y="1" width="10" height="10" rx="2" fill="currentColor" {}
                path d="M4.5 4v4M7.5 4v4" stroke="var(--panel)" stroke-width="1.5" {}
            },
            Self::Differs => html! {
                path d="M6 .8 11.6 11H.4Z" fill="currentColor" stroke="currentColor" stroke-width=".8" stroke-linejoin="round" {}
                path d="M6 4.2v3.2M6 8.6v1.3" stroke="var(--panel)" stroke-width="1.3" {}
            },
            Self::Failed => html! {
                path d="M6 .5 11.5 6 6 11.5.5 6Z" fill="currentColor" {}
                path d="M4.5 4.5l3 3M7.5 4.5l-3 3" stroke="var(--panel)" stroke-width="1.3" {}
            },
            Self::Compensated => html! {
                path d="M3 5h4.5a2.5 2.5 0 0 1 0 5H5M5.5 2 2.5 5l3 3" fill="none" stroke="currentColor" stroke-width="1.5" {}
            },
            Self::NotKnown => html! {
                circle cx="6" cy="6" r="4.7" fill="none" stroke="currentColor" stroke-width="1.4" stroke-dasharray="1.6 1.35" {}
            },
        }
    }
}

/// freehold's mark: a house on its own ground.
#[must_use]
pub fn mark() -> Markup {
    html! {
        svg class="mark" viewBox="0 0 18 18" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.6" {
            path d="M4 12V8.2a5 5 0 0 1 10 0V12" {}
            path d="M1 12.4h16" {}
            path d="M3.4 16.6 5 14.4M7.9 16.6l1.6-2.2M12.4 16.6l1.6-2.2" stroke-width="1.2" {}
        }
    }
}
