//! One moment of a running system, as plain data: everything that a page can show.
//!
//! Owns the nouns of the console; each file beside this one owns one. What can be derived (what
//! needs attention, the state of a service) is derived here, so that no two pages disagree. Times
//! are milliseconds since 1970, UTC; durations are milliseconds. Reads and writes as JSON.

mod api;
mod attention;
mod boundary;
mod databases;
mod event;
mod ground;
mod log;
mod payload;
mod plot;
mod saga;
mod service;
mod trace;

use freehold_model::Fault;
use serde::{Deserialize, Serialize};

pub use api::{Api, Content, Field, Operation, Parameter, Reply, Within};
pub use attention::{Attention, Whose};
pub use boundary::{Boundary, Count, Finding, WayOut};
pub use databases::{Databases, Entered, Login, Opening, Verdict};
pub use event::{DeadLetter, EventKind, Lane, LaneKind, Reader, Stretch, Way, WayStep};
pub use ground::{Drift, Identity, Migration, Server, Store, Table};
pub use log::{Level, LogLine};
pub use payload::Payload;
pub use plot::{Plot, Series};
pub use saga::{
    Attempt, Held, Instance, Note, Promise, SagaKind, SagaState, Step, StepKind, StepState,
};
pub use service::{Health, Part, Program, Service, Tried};
pub use trace::{Share, Span, SpanKind, Trace};

/// Everything known at one moment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Moment {
    pub system: String,
    /// The environment: `local`, `live`.
    pub environment: String,
    /// When it was true.
    pub at: u64,
    /// When the system was started.
    pub since: u64,
    pub servers: Vec<Server>,
    /// `embedded`, `nats 2.10`.
    pub broker: String,
    pub services: Vec<Service>,
    pub events: Vec<EventKind>,
    /// The newest events whose way is known; bounded.
    pub ways: Vec<Way>,
    pub dead: Vec<DeadLetter>,
    pub sagas: Vec<SagaKind>,
    /// Parked ones first; bounded but for those.
    pub instances: Vec<Instance>,
    /// What `check` found; nothing: it was not asked.
    pub boundary: Option<Boundary>,
    /// What `audit` saw in the stores; nothing: nobody looked.
    pub databases: Option<Databases>,
    pub logs: Vec<LogLine>,
    /// The newest traces; bounded.
    pub traces: Vec<Trace>,
    pub plots: Vec<Plot>,
    /// What happened lately, newest first.
    pub lately: Vec<Note>,
}

impl Moment {
    /// A moment as another console's `/api/v1/moment` gave it.
    ///
    /// # Errors
    /// The text is no moment: FH4006.
    pub fn read(text: &str) -> Result<Self, Fault> {
        serde_json::from_str(text).map_err(|error| {
            Fault::new("FH4006", format!("this is no moment of a console: {error}"))
                .help("take what /api/v1/moment of a console of this version answers with")
        })
    }

    /// A service by its name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|own| own.name == name)
    }

    /// A server by its key.
    #[must_use]
    pub fn server(&self, key: &str) -> Option<&Server> {
        self.servers.iter().find(|own| own.key == key)
    }

    /// What this service publishes.
    pub fn sent_by<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a EventKind> {
        self.events.iter().filter(move |own| own.from == service)
    }

    /// What this service keeps of others, with the event it comes by.
    pub fn kept_by<'a>(
        &'a self,
        service: &'a str,
    ) -> impl Iterator<Item = (&'a EventKind, &'a Reader)> {
        self.events.iter().flat_map(move |event| {
            let readers = event.readers.iter();
            readers
                .filter(move |reader| reader.service == service)
                .map(move |reader| (event, reader))
        })
    }

    /// The reader whose freshness uses most of what it promised.
    #[must_use]
    pub fn worst_reader(&self) -> Option<&Reader> {
        let readers = self.events.iter().flat_map(|event| &event.readers);
        readers
            .filter(|reader| reader.fresh_ms.is_some())
            .max_by(|a, b| a.share_of_slo().total_cmp(&b.share_of_slo()))
    }

    /// Everything that is measured over time.
    pub fn all_plots(&self) -> impl Iterator<Item = &Plot> {
        let of_services = self
            .services
            .iter()
            .filter_map(|own| own.freshness.as_ref());
        self.plots.iter().chain(of_services)
    }

    /// How many instances of sagas are in a state.
    #[must_use]
    pub fn sagas_in(&self, state: SagaState) -> u64 {
        self.sagas.iter().map(|kind| kind.count(state)).sum()
    }
}
