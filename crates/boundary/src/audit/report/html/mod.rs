//! The report as one page that stands alone: works offline, prints on A4, folds on a phone.
//!
//! Owns the order of the regions and which of them are shown; each file beside this one owns one
//! region. No script, no font, nothing fetched. The same page serves a screen, a phone and paper:
//! `audit.css` says how.

mod contexts;
mod crossings;
mod foot;
mod ground;
mod head;
mod history;
mod logins;
mod order;
mod orphans;
mod programs;
mod system;
mod ties;
mod unseen;

use freehold_look::{Shape, page};
use maud::{Markup, html};

use super::{Report, State, words};
pub use system::html_of_system;

const CSS: &str = include_str!("audit.css");

/// The page, as the text of a file.
#[must_use]
pub fn html(report: &Report) -> String {
    let sections = sections(report);
    let body = html! {
        (head::top(report))
        main {
            (head::lead(report, &sections))
            @if let Some(first) = sections.iter().find(|own| own.number == 11 && own.early) {
                (first.markup)
            }
            (head::figures(report))
            (arranged(&sections))
        }
        (foot::foot(report))
    };
    let title = format!("freehold audit of {}", report.subject.database);
    page::document(&title, CSS, &body)
}

/// A numbered region. Numbers are never given to another one, so a meeting can say "see 4".
struct Section {
    number: u8,
    /// In the list of contents.
    short: &'static str,
    markup: Markup,
    /// Stands right below the verdict.
    early: bool,
}

/// The regions that this report has, in their order.
fn sections(report: &Report) -> Vec<Section> {
    let cut = report.contexts.len() > 1;
    let drawn = report.history.len() > 1;
    let section = |number, short, shown: bool, markup: &dyn Fn(&Report) -> Markup| {
        shown.then(|| Section {
            number,
            short,
            markup: markup(report),
            early: number == 11 && report.short_of_rights(),
        })
    };
    [
        section(1, "Ground", cut, &ground::ground),
        section(2, "Crossings", cut, &crossings::matrix),
        section(3, "Worst", cut, &crossings::worst),
        section(4, "Logins", true, &logins::logins),
        section(5, "Programs", true, &programs::programs),
        section(6, "Ties", cut, &ties::ties),
        section(7, "Nobody’s", true, &orphans::orphans),
        section(8, "Month", cut && drawn, &history::history),
        section(9, "Order", cut, &order::order),
        section(10, "Contexts", true, &contexts::contexts),
        section(11, "Not seen", true, &unseen::unseen),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Regions under each other, 1 beside 2 where both fit, 6 beside 7 and 8.
fn arranged(sections: &[Section]) -> Markup {
    let find = |number| sections.iter().find(|own| own.number == number);
    let one = |number| find(number).filter(|own| !own.early).map(|own| &own.markup);
    html! {
        @if let (Some(ground), Some(matrix)) = (one(1), one(2)) {
            div.pair { (ground) (matrix) }
        }
        @for number in 3..=5 { @if let Some(markup) = one(number) { (markup) } }
        @if let (Some(ties), Some(orphans)) = (one(6), one(7)) {
            div.pair.uneven {
                (ties)
                div.stack { (orphans) @if let Some(markup) = one(8) { (markup) } }
            }
        } @else if let Some(orphans) = one(7) {
            (orphans)
        }
        @for number in 9..=11 { @if let Some(markup) = one(number) { (markup) } }
    }
}

/// What stands in the bar of a region.
struct Bar<'a> {
    number: u8,
    title: String,
    sub: String,
    side: String,
    /// Folded to a line on a phone.
    folds: bool,
    state: Option<&'a State>,
}

impl Bar<'_> {
    fn new(number: u8, title: impl Into<String>, sub: impl Into<String>) -> Self {
        Self {
            number,
            title: title.into(),
            sub: sub.into(),
            side: String::new(),
            folds: false,
            state: None,
        }
    }

    fn side(mut self, text: impl Into<String>) -> Self {
        self.side = text.into();
        self
    }
}

impl<'a> Bar<'a> {
    fn state(self, state: &'a State) -> Self {
        Self {
            state: Some(state),
            ..self
        }
    }
}

/// A region with its bar.
fn section(bar: &Bar<'_>, body: &Markup) -> Markup {
    let id = format!("s{}", bar.number);
    let fold = format!("fold-{}", bar.number);
    html! {
        section.card id=(id) aria-labelledby=(format!("{id}-title")) {
            @if bar.folds { input.fold type="checkbox" id=(fold) aria-label=(format!("Show “{}”", bar.title)); }
            div.bar {
                span.n { (bar.number) }
                h2 id=(format!("{id}-title")) { (bar.title) }
                span.sub { (freehold_look::spans::html(&bar.sub)) }
                span.side { (bar.side) }
                @if bar.folds { label.toggle for=(fold) { (chevron()) } }
            }
            @if let Some(text) = bar.state.and_then(words::state) {
                p.state { (Shape::NotKnown.svg()) span { (freehold_look::spans::html(&text)) } }
            }
            div.body { (body) }
        }
    }
}

fn chevron() -> Markup {
    html! {
        svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" {
            path d="M2 4l4 4 4-4" fill="none" stroke="currentColor" stroke-width="1.8" {}
        }
    }
}

/// `orders → catalog`.
fn pair(from: &str, to: &str) -> Markup {
    html! { (from) " " span.to { "→" } " " (to) }
}
