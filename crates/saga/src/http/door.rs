//! A service's own program, asked on behalf of somebody else: requests go in as they came, answers
//! come out as they are. Signs nothing and decides nothing.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Uri};

use super::REPLY_BYTES;
use super::line::{self, Line};

/// A program that takes longer is asked again by the caller.
const PATIENCE: Duration = Duration::from_mins(1);

/// The way in.
pub struct Door {
    line: Line,
    address: String,
}

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// Headers with lower-case names, and the body.
    Replied(Vec<(String, String)>, Bytes),
    /// The request cannot be made, or broke off.
    Nothing,
    /// Nobody listens.
    Away,
}

impl Door {
    /// To the program at `http://host:port`, or `https://…`.
    pub fn new(address: impl Into<String>) -> Self {
        let address = address.into();
        Self {
            line: line::open(std::iter::once(address.as_str())),
            address,
        }
    }

    /// Asks, and waits for the whole answer.
    pub async fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Bytes,
    ) -> Opened {
        let Some(request) = self.request(method, path, headers, body) else {
            return Opened::Nothing;
        };
        let asked = async {
            let response = match self.line.request(request).await {
                Ok(response) => response,
                Err(error) if error.is_connect() => return Opened::Away,
                Err(_) => return Opened::Nothing,
            };
            let (head, body) = response.into_parts();
            let Ok(body) = Limited::new(body, REPLY_BYTES).collect().await else {
                return Opened::Nothing;
            };
            let named = head.headers.iter().filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            });
            Opened::Replied(named.collect(), body.to_bytes())
        };
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        answered.unwrap_or(Opened::Nothing)
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Bytes,
    ) -> Option<Request<Full<Bytes>>> {
        // Only a path: whoever writes commands must not choose whom is asked.
        let whole = path.starts_with('/').then(|| {
            let address = self.address.trim_end_matches('/');
            format!("{address}{path}")
        })?;
        let uri: Uri = whole.parse().ok()?;
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.header(CONTENT_TYPE, "application/json");
        request.body(Full::new(body)).ok()
    }
}
