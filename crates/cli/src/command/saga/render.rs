//! How sagas are shown.

use freehold_saga::operate::{self, Seen};
use freehold_saga::{
    At, Definition, Instance, Plan, Possible, current_step, parked_words, status_name,
};
use serde_json::{Value, json};

use super::{Store, fault};
use crate::Outcome;
use crate::command::Result;
use crate::output::{Output, Tone, columns};

fn status(seen: &Seen) -> &'static str {
    match &seen.instance {
        None => "new",
        Some(Err(_)) => "unreadable",
        Some(Ok(instance)) => status_name(instance.state.status()),
    }
}

fn tone(status: &str) -> Tone {
    match status {
        "completed" | "compensated" => Tone::Good,
        "parked" | "suspect" | "unreadable" => Tone::Bad,
        "compensating" | "waiting" | "completed_with_skips" => Tone::Warn,
        _ => Tone::Plain,
    }
}

/// A time as what is left of it, or has gone by.
fn away(time: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(0);
    let (gap, past) = (now.abs_diff(time) / 1000, time <= now);
    let text = match gap {
        0..120 => format!("{gap} s"),
        120..7_200 => format!("{} min", gap / 60),
        _ => format!("{} h", gap / 3_600),
    };
    if past {
        format!("{text} ago")
    } else {
        format!("in {text}")
    }
}

fn last_error(instance: &Instance) -> String {
    let last = instance.errors.values().next_back();
    last.map(|text| text.trim_matches('"').to_owned())
        .unwrap_or_default()
}

pub(super) fn list(all: &[(String, Option<Definition>, Seen)], output: &Output) {
    if output.json {
        let rows: Vec<Value> = all
            .iter()
            .map(|(service, definition, seen)| row(service, definition.as_ref(), seen))
            .collect();
        output.value(&json!({ "sagas": rows }));
        return;
    }
    if all.is_empty() {
        output.line("No sagas are under way.");
        return;
    }
    let head = [
        "service",
        "saga",
        "key",
        "status",
        "step",
        "since",
        "last error",
    ];
    let head: Vec<String> = head.map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(head)
        .chain(all.iter().map(|(service, definition, seen)| {
            let (step, error) = match (&seen.instance, definition) {
                (Some(Ok(instance)), Some(definition)) => (
                    current_step(definition, instance).unwrap_or("–").to_owned(),
                    last_error(instance),
                ),
                _ => ("–".to_owned(), String::new()),
            };
            vec![
                service.clone(),
                seen.definition.clone(),
                seen.key.clone(),
                status(seen).to_owned(),
                step,
                away(seen.created),
                error,
            ]
        }))
        .collect();
    let lines = columns(output, &rows, |row, column| match (row, column) {
        (0, _) => Tone::Dim,
        (row, 3) => tone(status(&all[row - 1].2)),
        (_, 2) => Tone::Strong,
        _ => Tone::Plain,
    });
    for line in lines {
        output.line(&line);
    }
}

fn row(service: &str, definition: Option<&Definition>, seen: &Seen) -> Value {
    let mut row = json!({
        "service": service, "saga": seen.id, "definition": seen.definition, "key": seen.key,
        "status": status(seen), "created": seen.created, "updated": seen.updated, "ended": seen.ended,
    });
    if let (Some(Ok(instance)), Some(definition)) = (&seen.instance, definition) {
        row["version"] = instance.state.version.into();
        row["step"] = current_step(definition, instance).into();
        row["next_due"] = instance.state.next_due().into();
        row["steps"] = steps(definition, instance);
        row["late_replies"] = instance.late.into();
    }
    row
}

fn steps(definition: &Definition, instance: &Instance) -> Value {
    let steps = definition
        .steps
        .iter()
        .zip(&instance.state.steps)
        .enumerate();
    let steps = steps.map(|(number, (step, it))| {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        json!({
            "step": step.name, "at": at(it.at), "generation": it.generation, "attempt": it.attempt,
            "due": it.due, "parked": it.parked.map(|why| format!("{why:?}")),
            "error": instance.errors.get(&number), "output": instance.outputs.get(&number),
        })
    });
    steps.collect()
}

fn at(at: At) -> &'static str {
    match at {
        At::Idle => "not begun",
        At::Unwritable => "its request cannot be made",
        At::Open => "asked",
        At::Asking(_) => "asked what became of it",
        At::Awaiting => "waits for approval",
        At::Done => "done",
        At::Refused => "refused",
        At::Undoing(_) => "being taken back",
        At::Undone => "taken back",
        At::Skipped => "skipped",
    }
}

pub(super) async fn show(store: &mut Store, seen: &Seen, output: &Output) -> Result<Outcome> {
    let (connection, sql) = store.both();
    let definitions = operate::definitions(connection, sql).await.map_err(fault)?;
    let locks = operate::locks(connection, sql, &seen.id)
        .await
        .map_err(fault)?;
    let notes = operate::notes(connection, sql, &seen.id)
        .await
        .map_err(fault)?;
    let definition = definitions.get(&seen.hash);
    if output.json {
        let mut row = row("", definition, seen);
        row["locks"] = locks.into();
        row["actions"] = notes
            .iter()
            .map(|it| json!({ "at": it.at, "who": it.who, "asked": it.asked, "step": it.step, "outcome": it.outcome }))
            .collect();
        output.value(&row);
        return Ok(Outcome::Done);
    }
    let shown = output.paint(tone(status(seen)), status(seen));
    output.line(&format!("{} {}  {shown}", seen.definition, seen.key));
    output.line(&format!(
        "{}  started {}, moved {}",
        seen.id,
        away(seen.created),
        away(seen.updated)
    ));
    if let (Some(Ok(instance)), Some(definition)) = (&seen.instance, definition) {
        output.line(&format!(
            "version {}  input {}",
            instance.state.version, instance.input
        ));
        output.line("");
        for line in table(definition, instance, output) {
            output.line(&line);
        }
        if let Some(why) = instance.errors.get(&u32::MAX) {
            output.line(&output.paint(Tone::Bad, why));
        }
        if !seen.ended {
            for (step, possible) in instance.state.effects(&Plan::new(definition)) {
                let name = &definition.steps[step].name;
                let what = match possible {
                    Possible::Happened => "is in force",
                    Possible::MayHave => "may be in force, until its requests expire",
                };
                output.line(&output.paint(Tone::Dim, &format!("{name} {what}")));
            }
        }
    }
    if !locks.is_empty() {
        output.line(&format!("holds {}", locks.join(", ")));
    }
    for note in &notes {
        let step = note.step.as_deref();
        let step = step.map_or_else(String::new, |step| format!(" {step}"));
        output.line(&format!(
            "{}  {} asked for {}{step}: {}",
            away(note.at),
            note.who,
            note.asked,
            note.outcome
        ));
    }
    Ok(Outcome::Done)
}

fn table(definition: &Definition, instance: &Instance, output: &Output) -> Vec<String> {
    let head = ["step", "", "attempt", "next", "last error"];
    let head: Vec<String> = head.map(str::to_owned).to_vec();
    let steps = definition
        .steps
        .iter()
        .zip(&instance.state.steps)
        .enumerate();
    let rows: Vec<Vec<String>> = std::iter::once(head)
        .chain(steps.map(|(number, (step, it))| {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let parked = it
                .parked
                .map(|why| format!(", parked: {}", parked_words(why)));
            vec![
                step.name.clone(),
                format!("{}{}", at(it.at), parked.unwrap_or_default()),
                if it.attempt == 0 {
                    String::new()
                } else {
                    it.attempt.to_string()
                },
                it.due.map(away).unwrap_or_default(),
                instance.errors.get(&number).cloned().unwrap_or_default(),
            ]
        }))
        .collect();
    columns(output, &rows, |row, column| match (row, column) {
        (0, _) => Tone::Dim,
        (_, 0) => Tone::Strong,
        _ => Tone::Plain,
    })
}
