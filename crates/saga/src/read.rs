//! `sagas/*.yaml` to a [`Definition`], or to everything that is wrong with it.
//!
//! Owns the order of the checks and those over the whole saga; what concerns one step is in
//! [`crate::read_step`], what concerns several definitions in [`crate::together`].

use std::path::Path;

use freehold_model::{Document, Fault, is_plain_name, nearest};
use serde_json::Value;

use crate::contract::Type;
use crate::definition::{Definition, OnConflict, StartBy, Step, StepKind, canonical, hash};
use crate::definition_file::{OnConflictFile, SagaFile, StepFile, StepKindFile};
use crate::graph::{self, Misplaced, STEP_LIMIT, Steps};
use crate::period;
use crate::read_step::Names;
use crate::template::{Template, TemplateProblem};

/// Names that mean something else in an expression.
const RESERVED: [&str; 9] = [
    "input", "saga", "event", "true", "false", "null", "in", "has", "as",
];

/// A definition and where each part of it stands.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub definition: Definition,
    pub(crate) document: Document,
}

/// Reads one file; `file` is what faults call it. On failure: everything that is wrong.
pub fn read(text: &str, file: &Path) -> Result<Loaded, Vec<Fault>> {
    let (saga, document) = Document::read::<SagaFile>(text, file)?;
    let raw = Document::read::<Value>(text, file)?.0;
    let mut reader = Reader {
        document,
        faults: Vec::new(),
    };
    let definition = reader.definition(&saga, &raw);
    let Reader {
        document,
        mut faults,
    } = reader;
    if faults.is_empty() {
        return Ok(Loaded {
            definition,
            document,
        });
    }
    faults.sort_by(|a, b| a.place.cmp(&b.place));
    faults.dedup();
    Err(faults)
}

/// The JSON Schema of the files, for editors.
pub fn json_schema() -> Value {
    Document::schema::<SagaFile>("sagas/*.yaml")
}

pub(crate) struct Reader {
    pub(crate) document: Document,
    pub(crate) faults: Vec<Fault>,
}

impl Reader {
    pub(crate) fn fault(&mut self, fault: Fault, path: &[&str]) {
        self.faults.push(fault.at(self.document.place(path)));
    }

    fn definition(&mut self, saga: &SagaFile, raw: &Value) -> Definition {
        self.name("saga", &saga.saga, &["saga"]);
        self.step_names(&saga.steps);
        let after = self.edges(&saga.steps);
        let kinds: Vec<StepKind> = saga.steps.iter().map(kind).collect();
        let ancestors = self.graph(&saga.steps, &kinds, &after);

        let input = self.contract(&saga.input, &["input"]);
        let outputs: Vec<Type> = (saga.steps.iter().enumerate())
            .map(|(at, step)| {
                let at = at.to_string();
                self.contract(&step.output, &["steps", &at, "output"])
            })
            .collect();
        let mut steps = Vec::new();
        for (at, file) in saga.steps.iter().enumerate() {
            let names = Names::new(&input, &saga.steps, &outputs, ancestors[at], at);
            let parts = self.step(file, at, kinds[at], &names);
            steps.push(Step {
                name: file.step.clone(),
                kind: kinds[at],
                after: after[at],
                ancestors: ancestors[at],
                output: outputs[at].clone(),
                ..parts
            });
        }

        let canonical = canonical(raw);
        Definition {
            name: saga.saga.clone(),
            version: saga.version.unwrap_or(1),
            hash: hash(&canonical),
            canonical,
            timeout_ms: self.period(saga.timeout.as_deref(), &["timeout"]),
            lock_keys: self.lock_keys(saga, &input),
            on_conflict: match saga.locks.as_ref().and_then(|locks| locks.on_conflict) {
                Some(OnConflictFile::Wait) => OnConflict::Wait,
                Some(OnConflictFile::Refuse) | None => OnConflict::Refuse,
            },
            start: self.start(saga, &input),
            input,
            steps,
        }
    }

    fn name(&mut self, what: &str, name: &str, path: &[&str]) {
        if !is_plain_name(name) || name.len() > 63 {
            self.fault(
                Fault::new("FH4101", format!("`{name}` cannot be the name of a {what}")).help(
                    "lower-case letters, digits and `_`, beginning with a letter, 63 at most",
                ),
                path,
            );
        } else if what == "step" && RESERVED.contains(&name) {
            self.fault(
                Fault::new(
                    "FH4101",
                    format!("`{name}` means something else in expressions"),
                )
                .help("give the step another name"),
                path,
            );
        }
    }

    fn step_names(&mut self, steps: &[StepFile]) {
        if steps.is_empty() || steps.len() > STEP_LIMIT {
            let message = format!("a saga has 1 to {STEP_LIMIT} steps, not {}", steps.len());
            self.fault(
                Fault::new("FH4115", message).help("a part of it can be a saga of its own"),
                &["steps"],
            );
        }
        for (at, step) in steps.iter().enumerate() {
            let index = at.to_string();
            let path = ["steps", index.as_str(), "step"];
            self.name("step", &step.step, &path);
            if steps[..at].iter().any(|earlier| earlier.step == step.step) {
                let message = format!("there are two steps `{}`", step.step);
                self.fault(
                    Fault::new("FH4101", message).help("rename one of them"),
                    &path,
                );
            }
        }
    }

    /// Whom each step waits for.
    fn edges(&mut self, steps: &[StepFile]) -> Vec<Steps> {
        let mut edges = Vec::new();
        for (at, step) in steps.iter().enumerate().take(STEP_LIMIT) {
            let Some(after) = &step.after else {
                edges.push(at.checked_sub(1).into_iter().collect());
                continue;
            };
            let mut before = Steps::default();
            for (position, name) in after.iter().enumerate() {
                let found = steps.iter().position(|step| step.step == *name);
                let Some(found) = found.filter(|found| *found < STEP_LIMIT) else {
                    let names = steps.iter().map(|step| step.step.as_str());
                    let help = match nearest(name, names.clone()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("steps here: {}", names.collect::<Vec<_>>().join(", ")),
                    };
                    let message = format!("`{}` waits for `{name}`, which is no step", step.step);
                    self.fault(
                        Fault::new("FH4102", message).help(help),
                        &["steps", &at.to_string(), "after", &position.to_string()],
                    );
                    continue;
                };
                before.insert(found);
            }
            edges.push(before);
        }
        // Beyond the limit nothing is looked at any more; the fault is there already.
        edges.resize(steps.len(), Steps::default());
        edges
    }

    /// The ancestors of each step; after a fault some that later checks can go on with.
    fn graph(&mut self, steps: &[StepFile], kinds: &[StepKind], after: &[Steps]) -> Vec<Steps> {
        let name = |step: usize| steps[step].step.as_str();
        let ancestors = match graph::ancestors(&after[..after.len().min(STEP_LIMIT)]) {
            Ok(mut ancestors) => {
                ancestors.resize(after.len(), Steps::default());
                ancestors
            }
            Err(circle) => {
                let first = circle[0];
                let mut names: Vec<&str> = circle.iter().map(|step| name(*step)).collect();
                names.push(name(first));
                let message = format!("these steps wait for each other: {}", names.join(" → "));
                self.fault(
                    Fault::new("FH4103", message).help("take one name out of an `after`"),
                    &["steps", &first.to_string(), "after"],
                );
                // Everybody may use everybody's output, so that nothing follows from this fault.
                return vec![(0..steps.len().min(STEP_LIMIT)).collect(); steps.len()];
            }
        };
        for (step, wrong) in graph::misplaced(kinds, &ancestors) {
            let fault = misplaced(name(step), kinds[step], wrong, &name);
            self.fault(fault, &["steps", &step.to_string(), "kind"]);
        }
        ancestors
    }

    fn contract(&mut self, value: &Value, path: &[&str]) -> Type {
        if value.is_null() {
            return Type::Map(Vec::new());
        }
        let wrong = match Type::read(value) {
            Ok(of @ (Type::Map(_) | Type::Any)) => return of,
            Ok(_) => crate::contract::NoType {
                path: Vec::new(),
                message: "a payload is a map of names to types".into(),
            },
            Err(wrong) => wrong,
        };
        let path: Vec<&str> = path
            .iter()
            .copied()
            .chain(wrong.path.iter().map(String::as_str))
            .collect();
        self.fault(Fault::new("FH4109", wrong.message), &path);
        Type::Any
    }

    pub(crate) fn period(&mut self, text: Option<&str>, path: &[&str]) -> Option<u64> {
        let text = text?;
        let millis = period::millis(text);
        if millis.is_none() {
            self.fault(
                Fault::new("FH4113", format!("`{text}` is no length of time"))
                    .help("write 200ms, 10s, 30m, 2h or 7d; 400d at most"),
                path,
            );
        }
        millis
    }

    fn lock_keys(&mut self, saga: &SagaFile, input: &Type) -> Vec<Template> {
        let keys = saga.locks.iter().flat_map(|locks| &locks.keys).enumerate();
        let keys: Vec<(usize, &String)> = keys.collect();
        keys.into_iter()
            .map(|(at, key)| {
                let path = ["locks", "keys", &at.to_string()];
                self.text_template(key, &[("input", input)], &path)
            })
            .collect()
    }

    fn start(&mut self, saga: &SagaFile, input: &Type) -> Option<StartBy> {
        let start = saga.start.as_ref()?;
        let scope = [("event", &Type::Any)];
        let key = self.text_template(&start.key, &scope, &["start", "key"]);
        let template = self.template(&start.input, &scope, &["start", "input"], None);
        if let (Type::Map(fields), Template::Map(entries)) = (input, &template) {
            for field in fields.iter().filter(|field| !field.optional) {
                if !entries.iter().any(|(name, _)| *name == field.name) {
                    let message = format!("the input needs `{}`", field.name);
                    self.fault(
                        Fault::new("FH4109", message).help("say where in `event` it comes from"),
                        &["start", "input"],
                    );
                }
            }
        }
        Some(StartBy {
            event: start.event.clone(),
            key,
            input: template,
        })
    }

    /// An expression that has to give a text.
    fn text_template(&mut self, source: &str, scope: &[(&str, &Type)], path: &[&str]) -> Template {
        let template = self.template(&source.into(), scope, path, None);
        if let Template::Expression(expression) = &template
            && !matches!(expression.of(), Type::Text | Type::Any)
        {
            let message = format!("`{source}` gives {}, and a text is needed", expression.of());
            self.fault(
                Fault::new("FH4111", message).help("`string(…)` makes a text of it"),
                path,
            );
        }
        template
    }

    /// `value` compiled; faults stand at the text that they are about.
    pub(crate) fn template(
        &mut self,
        value: &Value,
        scope: &[(&str, &Type)],
        path: &[&str],
        names: Option<&Names<'_>>,
    ) -> Template {
        let mut problems: Vec<TemplateProblem> = Vec::new();
        let template = Template::compile(value, scope, &mut problems);
        for found in problems {
            let path: Vec<&str> = path
                .iter()
                .copied()
                .chain(found.path.iter().map(String::as_str))
                .collect();
            let fault = crate::read_step::of_problem(&found.source, &found.problem, names);
            self.fault(fault, &path);
        }
        template
    }
}

fn kind(step: &StepFile) -> StepKind {
    match step.kind {
        None | Some(StepKindFile::Compensatable) => StepKind::Compensatable,
        Some(StepKindFile::Pivot) => StepKind::Pivot,
        Some(StepKindFile::Retriable) => StepKind::Retriable,
        Some(StepKindFile::Approval) => StepKind::Approval,
    }
}

fn misplaced<'a>(
    name: &str,
    kind: StepKind,
    wrong: Misplaced,
    name_of: &dyn Fn(usize) -> &'a str,
) -> Fault {
    let what = match kind {
        StepKind::Approval => "approval",
        _ => "compensatable step",
    };
    match wrong {
        Misplaced::Second { first } => Fault::new(
            "FH4104",
            format!("`{name}` is a second pivot beside `{}`", name_of(first)),
        )
        .help("two points of no return can end both ways; make one of them compensatable or retriable, or split the saga"),
        Misplaced::NotBefore { pivot } => Fault::new(
            "FH4105",
            format!("the {what} `{name}` does not come before the pivot `{}`", name_of(pivot)),
        )
        .help("after the pivot nothing is taken back: let the pivot wait for it (`after`), or make it `kind: retriable`"),
        Misplaced::NotAfter { pivot } => Fault::new(
            "FH4105",
            format!("the retriable step `{name}` does not come after the pivot `{}`", name_of(pivot)),
        )
        .help("before the pivot the saga may still turn back: let it wait for the pivot (`after`), or give it an `undo` and make it compensatable"),
        Misplaced::Without => Fault::new(
            "FH4105",
            format!("`{name}` is retriable, and the saga has no pivot"),
        )
        .help("without a pivot every step is compensatable: give it an `undo`, or say which step is the pivot"),
    }
}
