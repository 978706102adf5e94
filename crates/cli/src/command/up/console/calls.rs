//! Requests of the console to services' programs: their `OpenAPI` documents as they come up, and what an
//! operator tries. Only to ports of 127.0.0.1 that the board has, within limits of size and time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use freehold_console::moment::Api;
use freehold_console::{Answered, Call, openapi};
use freehold_model::{Fault, System};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::supervise::board::{Board, State};

/// What services say of their APIs, by service.
pub(super) type Apis = BTreeMap<String, Api>;

/// The longest document that is read, and what is shown of an answer.
const MOST_DOCUMENT: usize = 1024 * 1024;
const MOST_SHOWN: usize = 64 * 1024;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often is looked whether a program is there that was not asked yet.
const LOOK: Duration = Duration::from_secs(1);

/// Reads each service's document once its program is up, and again when it was started anew. For ever.
pub(super) async fn documents(system: System, board: Board, told: watch::Sender<Apis>) {
    let mut asked: BTreeMap<String, u32> = BTreeMap::new();
    loop {
        for service in system.services.values() {
            let path = service.run.as_ref().and_then(|run| run.openapi.as_ref());
            let seen = board.seen(&service.name);
            let (Some(path), Some(seen)) = (path, seen.filter(|own| own.state == State::Up)) else {
                continue;
            };
            let pid = seen.pid.unwrap_or_default();
            if asked.get(&service.name) == Some(&pid) {
                continue;
            }
            let call = Call {
                service: service.name.clone(),
                method: "GET".to_owned(),
                target: path.clone(),
                headers: Vec::new(),
                body: None,
            };
            let api = match send(&seen.url, &call, MOST_DOCUMENT).await {
                Ok(own) if own.cut => Err("it is longer than 1 MiB".to_owned()),
                Ok(own) if own.status == 200 => openapi::read(&own.body),
                Ok(own) => Err(format!("the program answers {}", own.status)),
                Err(why) => Err(why),
            };
            if api.is_ok() {
                asked.insert(service.name.clone(), pid);
            }
            let api = api.unwrap_or_else(|trouble| Api {
                trouble,
                ..Api::default()
            });
            told.send_if_modified(|all| all.insert(service.name.clone(), api.clone()) != Some(api));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Sends what an operator tries, and says so in the log.
pub(super) async fn tried(board: Board, call: Call) -> Result<Answered, Fault> {
    let fault = |why: &str| {
        Fault::new("FH4009", format!("{} cannot be asked: {why}", call.service))
            .help("see its state and its log; the command below the button does the same")
    };
    let seen = board.seen(&call.service);
    let seen = seen.ok_or_else(|| fault("it is not run here"))?;
    let sent = send(&seen.url, &call, MOST_SHOWN).await;
    let path = call.target.split('?').next().unwrap_or_default();
    let what = format!("operator tried {} {path} of {}", call.method, call.service);
    match sent {
        Ok(answered) => {
            board.line("console", format!("{what}: {}", answered.status));
            Ok(answered)
        }
        Err(why) => {
            board.line("console", format!("{what}: {why}"));
            Err(fault(&why))
        }
    }
}

async fn send(url: &str, call: &Call, most: usize) -> Result<Answered, String> {
    let begun = Instant::now();
    let sending = tokio::time::timeout(PATIENCE, request(url, call, most));
    let sent = sending
        .await
        .map_err(|_| format!("it did not answer within {} s", PATIENCE.as_secs()))?;
    let (status, media, body, cut) = sent?;
    Ok(Answered {
        status,
        media,
        body: String::from_utf8_lossy(&body).into_owned(),
        cut,
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

type Sent = (u16, String, Vec<u8>, bool);

async fn request(url: &str, call: &Call, most: usize) -> Result<Sent, String> {
    let said = |error: &dyn std::error::Error| error.to_string();
    let host = url.strip_prefix("http://").unwrap_or_default();
    if !host.starts_with("127.0.0.1:") {
        return Err("it listens nowhere on this machine".to_owned());
    }
    let stream = TcpStream::connect(host)
        .await
        .map_err(|error| said(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| said(&error))?;
    let mut request = Request::builder()
        .method(call.method.as_str())
        .uri(call.target.as_str())
        .header("host", host);
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    let mut body = Bytes::new();
    if let Some((media, text)) = &call.body {
        request = request.header("content-type", media);
        body = Bytes::copy_from_slice(text.as_bytes());
    }
    let request = request
        .body(Full::new(body))
        .map_err(|error| said(&error))?;
    let asking = async {
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| said(&error))?;
        let status = response.status().as_u16();
        let media = response.headers().get("content-type");
        let media = media.and_then(|own| own.to_str().ok()).unwrap_or_default();
        let media = media.to_owned();
        let (body, cut) = read(response.into_body(), most).await?;
        Ok((status, media, body, cut))
    };
    // The connection is driven while somebody waits, and ends with that.
    let driven = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answered = asking => answered,
        () = driven => Err("it hung up".to_owned()),
    }
}

/// As much as is shown, and whether there was more.
async fn read(mut body: Incoming, most: usize) -> Result<(Vec<u8>, bool), String> {
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| error.to_string())?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        let room = most - kept.len();
        if data.len() > room {
            kept.extend_from_slice(&data[..room]);
            return Ok((kept, true));
        }
        kept.extend_from_slice(data);
    }
    Ok((kept, false))
}
