//! What `freehold run` says while it runs: a line for people, or with `--json` an object in one line
//! for whoever collects logs, with its time and level.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use freehold_broker::Timestamp;
use freehold_events::keep::Standing;
use serde_json::{Value, json};

use crate::output::{Output, Tone};

/// Where figures are answered.
pub(super) fn answers(output: &Output, at: SocketAddr) {
    let metrics = format!("http://{at}/metrics");
    if output.json {
        let rest = json!({ "state": "answers", "metrics": metrics });
        output.line(&line("info", now(), rest));
    } else {
        output.line(&output.paint(Tone::Dim, &metrics));
    }
}

/// It ends, since somebody said so.
pub(super) fn stopping(output: &Output) {
    if output.json {
        output.line(&line("info", now(), json!({ "state": "stopping" })));
    } else {
        output.line("stopping");
    }
}

/// A saga that waits for somebody.
pub(super) fn alarm(output: &Output, service: &str, what: &str) {
    if output.json {
        let rest =
            json!({ "service": service, "part": "sagas", "state": "alarm", "message": what });
        output.line(&line("warn", now(), rest));
    } else {
        let mark = output.paint(Tone::Bad, "▲ waits");
        output.line(&format!("{service:12} {:8} {mark}  {what}", "sagas"));
    }
}

/// How a part stands now.
pub(super) fn standing(output: &Output, service: &str, part: &str, standing: &Standing) {
    if output.json {
        output.line(&standing_line(service, part, standing, now()));
        return;
    }
    let text = match standing {
        Standing::Leads => output.paint(Tone::Good, "● works"),
        Standing::StandsBy => output.paint(Tone::Dim, "○ stands by: another sidecar works"),
        Standing::Trouble(fault) => format!(
            "{}  [{}] {}",
            output.paint(Tone::Warn, "▲ tries again"),
            fault.code,
            fault.message
        ),
        Standing::Stopped(fault) => format!(
            "{}  [{}] {}",
            output.paint(Tone::Bad, "▲ stopped"),
            fault.code,
            fault.message
        ),
    };
    output.line(&format!("{service:12} {part:8} {text}"));
}

fn standing_line(service: &str, part: &str, standing: &Standing, at: Timestamp) -> String {
    let (level, state, fault) = match standing {
        Standing::Leads => ("info", "leads", None),
        Standing::StandsBy => ("info", "stands by", None),
        Standing::Trouble(fault) => ("warn", "trouble", Some(fault)),
        Standing::Stopped(fault) => ("error", "stopped", Some(fault)),
    };
    let mut rest = json!({ "service": service, "part": part, "state": state });
    if let (Some(fault), Some(fields)) = (fault, rest.as_object_mut()) {
        fields.insert("code".to_owned(), json!(fault.code));
        fields.insert("message".to_owned(), json!(fault.message));
        fields.insert("help".to_owned(), json!(fault.help));
    }
    line(level, at, rest)
}

/// One line, whatever is in it.
fn line(level: &str, at: Timestamp, rest: Value) -> String {
    let mut fields = json!({ "at": at.to_string(), "level": level });
    if let (Some(fields), Value::Object(rest)) = (fields.as_object_mut(), rest) {
        fields.extend(rest);
    }
    fields.to_string()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since.ok().map(|since| since.as_micros());
    Timestamp::from_micros(micros.and_then(|own| i64::try_from(own).ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_model::Fault;

    #[test]
    fn a_line_is_one_object_with_time_and_level() {
        let at = Timestamp::from_micros(1_763_776_000_000_000);
        let fault = Fault::new("FH3905", "two\nlines").help("mend it");
        for (standing, level, state) in [
            (Standing::Leads, "info", "leads"),
            (Standing::Trouble(fault.clone()), "warn", "trouble"),
            (Standing::Stopped(fault), "error", "stopped"),
        ] {
            let text = standing_line("orders", "applier", &standing, at);
            assert!(!text.contains('\n'), "{text}");
            let read: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(read["at"], "2025-11-22T01:46:40.000000Z");
            assert_eq!(read["level"], level);
            assert_eq!(read["state"], state);
            assert_eq!(read.get("code").is_some(), level != "info", "{text}");
        }
    }
}
