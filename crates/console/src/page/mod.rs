//! The pages: pure functions of a moment and of what the address asks for.
//!
//! Each file beside this one owns a page. A page says what it is (`Page`); `frame` puts the bar, the
//! find field and the foot around it. Nothing here reads a clock: the moment says what time it is.

mod api;
mod boundary;
mod event;
mod events;
mod explorer;
pub(crate) mod find;
mod frame;
mod logs;
mod lost;
mod map;
mod plot;
mod plots;
mod saga;
mod sagas;
mod service;
mod services;
mod trace;
mod traces;
mod tree;

use std::collections::BTreeMap;

use maud::Markup;

use crate::moment::{Moment, Service};

pub use frame::{Noun, document};
pub(crate) use logs::line as log_line;
pub use lost::trouble;

/// What the address asks for, behind the `?`.
pub type Asked = BTreeMap<String, String>;

/// What is the same on all pages of one console.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// Actions may be sent.
    pub writes: bool,
    /// The addresses of the stylesheet and the script.
    pub css: String,
    pub script: String,
}

/// A page without its frame.
pub struct Page {
    pub title: String,
    pub noun: Noun,
    /// Found, and what was asked for.
    pub found: bool,
    pub main: Markup,
    /// Keys of this page, for its foot.
    pub keys: Vec<(&'static str, &'static str)>,
    /// Where the same is as JSON.
    pub json: String,
}

/// The page at a path. Nothing: there is no such page.
#[must_use]
pub fn at(path: &str, asked: &Asked, moment: &Moment, setting: &Setting) -> Option<Page> {
    let mut parts = path.trim_matches('/').splitn(2, '/');
    let (noun, one) = (parts.next().unwrap_or_default(), parts.next());
    Some(match (noun, one) {
        ("", None) => map::page(asked, moment),
        ("services", None) => services::page(moment),
        ("services", Some(name)) => match moment.service(name) {
            Some(service) => service::page(service, moment),
            None => lost::one(
                Noun::Services,
                name,
                moment.services.iter().map(|own| own.name.as_str()),
            ),
        },
        ("events", None) => events::page(asked, moment, setting),
        ("events", Some(id)) => match moment.ways.iter().find(|own| own.id == id) {
            Some(way) => event::page(way, moment),
            None => lost::one(
                Noun::Events,
                id,
                moment.ways.iter().map(|own| own.id.as_str()),
            ),
        },
        ("sagas", None) => sagas::page(asked, None, moment, setting),
        ("sagas", Some(id)) => match moment.instances.iter().find(|own| own.id == id) {
            Some(saga) => sagas::page(asked, Some(saga), moment, setting),
            None => lost::one(
                Noun::Sagas,
                id,
                moment.instances.iter().map(|own| own.id.as_str()),
            ),
        },
        ("boundary", None) => boundary::page(asked, moment),
        ("traces", None) => traces::page(moment),
        ("traces", Some(id)) => match moment.traces.iter().find(|own| own.id == id) {
            Some(trace) => trace::page(trace, moment),
            None => lost::one(
                Noun::Traces,
                id,
                moment.traces.iter().map(|own| own.id.as_str()),
            ),
        },
        ("logs", None) => logs::page(asked, moment),
        ("plots", None) => plots::page(moment),
        ("find", None) => find::page(asked, moment),
        ("api", None) => api::page(moment),
        ("api", Some(name)) => {
            let described = moment.services.iter().filter(|own| own.api.is_some());
            match moment.service(name) {
                Some(Service { api: Some(api), .. }) => {
                    explorer::page(moment.service(name)?, api, setting)
                }
                _ => lost::one(Noun::Api, name, described.map(|own| own.name.as_str())),
            }
        }
        ("keys", None) => lost::keys(),
        _ => return None,
    })
}
