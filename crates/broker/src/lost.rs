//! Whether a session's connections are lost, and why. Once one of them is, all of them are: nobody
//! waits for an answer that will not come.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;

use crate::error::{Error, ErrorKind, Result};

/// Why a session's connections are lost, once they are. Clones speak of the same session.
#[derive(Clone, Debug)]
pub struct Lost(Arc<watch::Sender<Option<String>>>);

impl Lost {
    /// Of a session that is being opened.
    pub fn not_yet() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Is it?
    pub fn is(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// From now on. The first reason stays.
    pub fn because(&self, why: &str) {
        self.0.send_if_modified(|now| {
            let first = now.is_none();
            now.get_or_insert_with(|| why.to_owned());
            first
        });
    }

    /// Waits for this, or until the session is lost.
    pub async fn guard<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        let mut lost = self.0.subscribe();
        let lost = async {
            let why = lost.wait_for(Option::is_some).await;
            why.ok().and_then(|why| why.clone()).unwrap_or_default()
        };
        tokio::select! {
            biased;
            answer = answer => answer,
            why = lost => {
                let what = format!("the connection to the broker is lost: {why}");
                Err(Error::new(ErrorKind::Unavailable, what))
            }
        }
    }
}
