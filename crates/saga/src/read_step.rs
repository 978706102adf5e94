//! One step of `sagas/*.yaml`: its requests, their expressions, its numbers.

use freehold_model::Fault;
use serde_json::Value;

use crate::contract::{Field, Type};
use crate::definition::{OnRefused, Retry, Step, StepKind, Then};
use crate::definition_file::{
    FullRequestFile, OnRefusedFile, RequestFile, RetryFile, StepFile, ThenFile,
};
use crate::expression::{Expression, Problem, ProblemKind, is_name};
use crate::graph::Steps;
use crate::participants::Way;
use crate::read::Reader;
use crate::request::{Method, PathPart, Request, Target, parse_http};

/// Of an attempt that says nothing else.
const DEFAULT_TIMEOUT_MS: u64 = 10_000;
const MOST_ATTEMPTS: u32 = 10_000;

/// What the expressions of one step may use: the input and its ancestors' outputs, since nothing
/// else is known whenever the step or its undo runs.
pub(crate) struct Names<'a> {
    scope: Vec<(&'a str, &'a Type)>,
    /// Steps that are there and may not be used.
    others: Vec<&'a str>,
    step: &'a str,
}

impl<'a> Names<'a> {
    pub(crate) fn new(
        input: &'a Type,
        steps: &'a [StepFile],
        outputs: &'a [Type],
        ancestors: Steps,
        step: usize,
    ) -> Self {
        let mut scope = vec![("input", input), ("saga", &*SAGA)];
        let mut others = Vec::new();
        for (at, file) in steps.iter().enumerate() {
            if at < crate::graph::STEP_LIMIT && ancestors.contains(at) && at != step {
                scope.push((file.step.as_str(), &outputs[at]));
            } else {
                others.push(file.step.as_str());
            }
        }
        Self {
            scope,
            others,
            step: &steps[step].step,
        }
    }
}

/// What is known of the instance itself.
static SAGA: std::sync::LazyLock<Type> = std::sync::LazyLock::new(|| {
    let field = |name: &str| Field {
        name: name.to_owned(),
        of: Type::Text,
        optional: false,
    };
    Type::Map(vec![field("id"), field("key"), field("name")])
});

/// A fault from a problem with the expression `source`.
pub(crate) fn of_problem(source: &str, problem: &Problem, names: Option<&Names<'_>>) -> Fault {
    let shown: String = if source.chars().count() > 80 {
        source.chars().take(80).chain(['…']).collect()
    } else {
        source.to_owned()
    };
    let at = problem.at;
    let word: String = source
        .chars()
        .skip(at)
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    let other = names.filter(|names| {
        let unknown = problem.message.starts_with("there is no `");
        unknown && names.others.contains(&word.as_str())
    });
    if let Some(names) = other {
        let message = if names.step == word {
            format!("`{shown}` uses the output of its own step")
        } else {
            format!(
                "`{shown}` uses the output of `{word}`, which `{}` does not wait for",
                names.step
            )
        };
        return Fault::new("FH4112", message).help(
            "requests use the input and outputs of steps that come before: when an action timed out its own output is not known, and its undo must run all the same",
        );
    }
    let code = match problem.kind {
        ProblemKind::Syntax => "FH4110",
        ProblemKind::Meaning => "FH4111",
    };
    let fault = Fault::new(
        code,
        format!("`{shown}`, at character {}: {}", at + 1, problem.message),
    );
    match problem.kind {
        ProblemKind::Syntax => {
            fault.help("`freehold explain FH4110` lists what expressions can do")
        }
        ProblemKind::Meaning => fault,
    }
}

impl Reader {
    /// Everything of a step but its name, place and output.
    pub(crate) fn step(
        &mut self,
        file: &StepFile,
        at: usize,
        kind: StepKind,
        names: &Names<'_>,
    ) -> Step {
        let index = at.to_string();
        let under = |key: &'static str| ["steps".to_owned(), index.clone(), key.to_owned()];
        self.parts_fit(file, &index, kind);
        let mut request = |key: &'static str, request: Option<&RequestFile>| {
            let path = under(key);
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            request.map(|request| self.request(request, &path, names))
        };
        let (call, undo, resolve) = (
            request("call", file.call.as_ref()),
            request("undo", file.undo.as_ref()),
            request("resolve", file.resolve.as_ref()),
        );
        let path = ["steps", index.as_str()];
        let below = |key: &'static str| [path[0], path[1], key];
        let timeout_ms = self.period(file.timeout.as_deref(), &below("timeout"));
        Step {
            name: String::new(),
            kind,
            after: Steps::default(),
            ancestors: Steps::default(),
            output: Type::Any,
            call,
            undo,
            resolve,
            retry: self.retry(file.retry.as_ref(), &below("retry")),
            timeout_ms: match kind {
                StepKind::Approval => timeout_ms,
                _ => timeout_ms.or(Some(DEFAULT_TIMEOUT_MS)),
            },
            on_refused: self.on_refused(file.on_refused.as_ref(), kind, &below("on_refused")),
            keys_kept_ms: self.period(file.keys_kept.as_deref(), &below("keys_kept")),
            approved_by: file.approved_by.clone(),
        }
    }

    /// What a kind of step needs and what it cannot have.
    fn parts_fit(&mut self, file: &StepFile, index: &str, kind: StepKind) {
        let name = &file.step;
        let mut needs = |has: bool, key: &str, why: &str| {
            if !has {
                self.fault(
                    Fault::new("FH4106", format!("`{name}` has no `{key}`")).help(why),
                    &["steps", index, "step"],
                );
            }
        };
        if kind != StepKind::Approval {
            needs(
                file.call.is_some(),
                "call",
                "say what the step does, or make it `kind: approval`",
            );
        }
        match kind {
            StepKind::Compensatable => needs(
                file.undo.is_some(),
                "undo",
                "a compensatable step can be taken back: say how. A step that cannot is the pivot",
            ),
            StepKind::Pivot => needs(
                file.resolve.is_some(),
                "resolve",
                "when the pivot does not answer, only the participant knows whether it happened: say how it is asked",
            ),
            StepKind::Retriable | StepKind::Approval => {}
        }
        let present = [
            ("call", file.call.is_some()),
            ("undo", file.undo.is_some()),
            ("resolve", file.resolve.is_some()),
            ("retry", file.retry.is_some()),
            ("on_refused", file.on_refused.is_some()),
            ("keys_kept", file.keys_kept.is_some()),
            ("approved_by", file.approved_by.is_some()),
        ];
        let (what, cannot): (&str, &[&str]) = match kind {
            StepKind::Approval => (
                "an approval asks no participant",
                &[
                    "call",
                    "undo",
                    "resolve",
                    "retry",
                    "on_refused",
                    "keys_kept",
                ],
            ),
            StepKind::Pivot => (
                "a pivot is never taken back, and nobody approves it",
                &["undo", "approved_by"],
            ),
            StepKind::Compensatable | StepKind::Retriable => {
                ("only an approval is approved", &["approved_by"])
            }
        };
        for (key, _) in present
            .iter()
            .filter(|(key, has)| *has && cannot.contains(key))
        {
            self.fault(
                Fault::new("FH4107", format!("`{name}` cannot have `{key}`")).help(what),
                &["steps", index, key],
            );
        }
    }

    fn request(&mut self, file: &RequestFile, path: &[&str], names: &Names<'_>) -> Request {
        let (http, full) = match file {
            RequestFile::Http(text) => (Some(text), None),
            RequestFile::Full(full) => (full.http.as_ref(), Some(full)),
        };
        let body = full.map_or(&Value::Null, |full| &full.body);
        let to = self.target(http, full, path, names);
        let body_path: Vec<&str> = path.iter().copied().chain(["body"]).collect();
        let saga = full.is_some_and(|full| full.saga.is_some());
        if !matches!(body, Value::Null | Value::Object(_)) || (saga && body.is_null()) {
            self.fault(
                Fault::new("FH4108", "a body is a map")
                    .help("write `body: { order_id: input.order_id }`"),
                &body_path,
            );
        }
        Request {
            to,
            body: self.template(body, &names.scope, &body_path, Some(names)),
        }
    }

    fn target(
        &mut self,
        http: Option<&String>,
        full: Option<&FullRequestFile>,
        path: &[&str],
        names: &Names<'_>,
    ) -> Target {
        let command = full.and_then(|full| full.command.as_ref());
        let saga = full.and_then(|full| full.saga.as_ref());
        match (http, command, saga) {
            (Some(http), None, None) => self.http(http, Way::Http, path, names),
            (None, Some(command), None) => self.http(command, Way::Broker, path, names),
            (None, None, Some(name)) => Target::Saga { name: name.clone() },
            _ => {
                self.fault(
                    Fault::new("FH4108", "one of `http`, `command` and `saga` is needed")
                        .help("write `http: POST ${service}/path`"),
                    path,
                );
                Target::Saga {
                    name: String::new(),
                }
            }
        }
    }

    fn http(&mut self, text: &str, way: Way, path: &[&str], names: &Names<'_>) -> Target {
        let key = match way {
            Way::Http => "http",
            Way::Broker => "command",
        };
        let path = [path, &[key]].concat();
        let malformed = |message: String| {
            Fault::new("FH4108", message).help("write `POST ${service}/path/{input.order_id}`")
        };
        let raw = match parse_http(text) {
            Ok(raw) => raw,
            Err(why) => {
                self.fault(malformed(format!("`{text}` is no request: {why}")), &path);
                return Target::Saga {
                    name: String::new(),
                };
            }
        };
        let method = Method::ALL.into_iter().find(|it| it.name() == raw.method);
        if method.is_none() {
            let message = format!("`{}` is none of GET, POST, PUT, PATCH, DELETE", raw.method);
            self.fault(malformed(message), &path);
        }
        if !is_name(raw.service) {
            let message = format!("`{}` cannot be the name of a service", raw.service);
            self.fault(malformed(message), &path);
        }
        let parts = (raw.path.iter().enumerate())
            .map(|(at, part)| {
                if at % 2 == 0 {
                    PathPart::Text((*part).to_owned())
                } else {
                    self.in_path(part, &path, names)
                }
            })
            .collect();
        Target::Http {
            way,
            method: method.unwrap_or(Method::Post),
            service: raw.service.to_owned(),
            path: parts,
        }
    }

    fn in_path(&mut self, source: &str, path: &[&str], names: &Names<'_>) -> PathPart {
        match Expression::compile(source, &names.scope) {
            Ok(expression) => {
                if !matches!(expression.of(), Type::Text | Type::Int | Type::Any) {
                    let message = format!(
                        "`{source}` gives {}, and a path takes text or int",
                        expression.of()
                    );
                    self.fault(Fault::new("FH4111", message), path);
                }
                PathPart::Expression(expression)
            }
            Err(problem) => {
                self.fault(of_problem(source, &problem, Some(names)), path);
                PathPart::Text(String::new())
            }
        }
    }

    fn retry(&mut self, file: Option<&RetryFile>, path: &[&str]) -> Retry {
        let default = Retry::default();
        let Some(file) = file else {
            return default;
        };
        let under = |key: &'static str| [path, &[key]].concat();
        let retry = Retry {
            attempts: file.attempts.unwrap_or(default.attempts),
            first_ms: (self.period(file.first.as_deref(), &under("first")))
                .unwrap_or(default.first_ms),
            factor: file.factor.unwrap_or(default.factor),
            max_ms: (self.period(file.max.as_deref(), &under("max"))).unwrap_or(default.max_ms),
            jitter: file.jitter.unwrap_or(default.jitter),
        };
        let ranges = [
            (
                "attempts",
                (1..=MOST_ATTEMPTS).contains(&retry.attempts),
                "1 to 10000",
            ),
            ("factor", (1.0..=100.0).contains(&retry.factor), "1 to 100"),
            ("jitter", (0.0..=1.0).contains(&retry.jitter), "0 to 1"),
        ];
        for (key, fits, range) in ranges {
            if !fits {
                self.fault(
                    Fault::new("FH4113", format!("`{key}` takes {range}")),
                    &under(key),
                );
            }
        }
        retry
    }

    fn on_refused(
        &mut self,
        file: Option<&OnRefusedFile>,
        kind: StepKind,
        path: &[&str],
    ) -> OnRefused {
        let before_pivot = kind != StepKind::Retriable;
        let default = if before_pivot {
            Then::Compensate
        } else {
            Then::Wait
        };
        let Some(file) = file else {
            return OnRefused {
                park_ms: None,
                then: default,
            };
        };
        let then = match file.then {
            None => default,
            Some(ThenFile::Compensate) => Then::Compensate,
            Some(ThenFile::Retry) => Then::Retry,
            Some(ThenFile::Wait) => Then::Wait,
        };
        if then == Then::Compensate && !before_pivot {
            self.fault(
                Fault::new("FH4107", "after the pivot nothing is compensated")
                    .help("a refused retriable step can `retry` or `wait` for an operator"),
                &[path, &["then"]].concat(),
            );
        }
        let park_ms = self.period(file.park.as_deref(), &[path, &["park"]].concat());
        if then == Then::Retry && park_ms.is_none() {
            self.fault(
                Fault::new("FH4107", "`then: retry` needs `park`, the time between")
                    .help("write `on_refused: { park: 30m, then: retry }`"),
                path,
            );
        }
        OnRefused { park_ms, then }
    }
}

impl Names<'_> {
    #[cfg(test)]
    fn scope_names(&self) -> Vec<&str> {
        self.scope.iter().map(|(name, _)| *name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    #[test]
    fn a_step_sees_its_ancestors_and_not_itself() {
        let file = |name: &str| StepFile {
            step: name.into(),
            kind: None,
            after: None,
            call: None,
            undo: None,
            resolve: None,
            approved_by: None,
            output: Value::Null,
            retry: None,
            timeout: None,
            on_refused: None,
            keys_kept: None,
        };
        let steps = [file("a"), file("b"), file("c")];
        let outputs = [Type::Any, Type::Any, Type::Any];
        let names = Names::new(&Type::Any, &steps, &outputs, [0].into_iter().collect(), 1);
        assert_eq!(names.scope_names(), ["input", "saga", "a"]);
        let problem = Expression::compile("b.x", &names.scope).expect_err("its own");
        assert_eq!(of_problem("b.x", &problem, Some(&names)).code, "FH4112");
        let template = Template::compile(&"a.x".into(), &names.scope, &mut Vec::new());
        assert!(matches!(template, Template::Expression(_)));
    }
}
