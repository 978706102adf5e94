//! Types of an expression, before it ever runs.
//!
//! Stricter than CEL where a payload could surprise: an optional field may be used only where
//! `has` has asked for it, in the branch that it guards.

use crate::contract::{Field, Type};

use super::tree::{Each, Function, Node, Operator, Tree};
use super::{Problem, ProblemKind, Scope};

pub(super) fn check(tree: &Tree, scope: Scope<'_>) -> Result<Type, Problem> {
    let mut checker = Checker {
        scope,
        locals: Vec::new(),
        present: Vec::new(),
    };
    checker.of(tree)
}

struct Checker<'a> {
    scope: Scope<'a>,
    /// Variables of macros, innermost last.
    locals: Vec<(String, Type)>,
    /// Optional fields that are known to be there, as paths.
    present: Vec<String>,
}

fn problem(at: usize, message: impl Into<String>) -> Problem {
    Problem {
        at,
        message: message.into(),
        kind: ProblemKind::Meaning,
    }
}

impl Checker<'_> {
    fn of(&mut self, tree: &Tree) -> Result<Type, Problem> {
        match &tree.node {
            Node::Literal(value) => Ok(of_literal(value)),
            Node::Name(name) => self.name(tree.at, name),
            Node::Select(target, name) => {
                let field = self.field(tree.at, target, name)?;
                if field.optional && !path(tree).is_some_and(|path| self.present.contains(&path)) {
                    let shown = path(tree).unwrap_or_else(|| name.clone());
                    return Err(problem(
                        tree.at,
                        format!("`{shown}` may be missing: write `has({shown}) ? {shown} : …`"),
                    ));
                }
                Ok(field.of)
            }
            Node::Has(target, name) => {
                self.field(tree.at, target, name)?;
                Ok(Type::Bool)
            }
            Node::Index(target, index) => self.index(target, index),
            Node::Not(inner) => self.is(inner, &Type::Bool),
            Node::Negate(inner) => match self.of(inner)? {
                of @ (Type::Int | Type::Double | Type::Any) => Ok(of),
                other => Err(problem(tree.at, format!("`-` takes a number, not {other}"))),
            },
            Node::Binary(operator, left, right) => self.binary(tree.at, *operator, left, right),
            Node::If(condition, yes, no) => {
                self.is(condition, &Type::Bool)?;
                let yes = self.guarded(condition, yes)?;
                let no = self.of(no)?;
                unified(&yes, &no).ok_or_else(|| {
                    problem(
                        tree.at,
                        format!("the two branches of `?:` differ: {yes} and {no}"),
                    )
                })
            }
            Node::List(items) => {
                let mut of: Option<Type> = None;
                for item in items {
                    let next = self.of(item)?;
                    of = Some(match of {
                        None => next,
                        Some(of) => unified(&of, &next).unwrap_or(Type::Any),
                    });
                }
                Ok(Type::List(Box::new(of.unwrap_or(Type::Any))))
            }
            Node::Map(entries) => self.map(entries),
            Node::Call(function, arguments) => self.call(tree.at, *function, arguments),
            Node::Each(each, list, variable, body) => {
                self.each(tree.at, *each, list, variable, body)
            }
        }
    }

    fn name(&self, at: usize, name: &str) -> Result<Type, Problem> {
        let local = self.locals.iter().rev().find(|(it, _)| it == name);
        if let Some((_, of)) = local {
            return Ok(of.clone());
        }
        if let Some((_, of)) = self.scope.iter().find(|(it, _)| *it == name) {
            return Ok((*of).clone());
        }
        let known: Vec<&str> = self.scope.iter().map(|(name, _)| *name).collect();
        let more = match freehold_model::nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!(
                "known are {}. A constant text is written in quotes of its own: \"'{name}'\"",
                known.join(", ")
            ),
        };
        let message = format!("there is no `{name}` here; {more}");
        Err(problem(at, message))
    }

    fn field(&mut self, at: usize, target: &Tree, name: &str) -> Result<Field, Problem> {
        let of = self.of(target)?;
        if let Some(field) = of.field(name) {
            return Ok(field.clone());
        }
        match &of {
            Type::Any => Ok(Field {
                name: name.to_owned(),
                of: Type::Any,
                optional: false,
            }),
            Type::Map(fields) => {
                let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
                let shown = path(target).unwrap_or_else(|| "this map".into());
                let more = match freehold_model::nearest(name, known.iter().copied()) {
                    Some(meant) => format!("; did you mean `{meant}`?"),
                    None => format!(", but {}", listed(&known)),
                };
                Err(problem(at, format!("`{shown}` has no `{name}`{more}")))
            }
            other => Err(problem(at, format!("`.{name}` asks a map, not {other}"))),
        }
    }

    fn is(&mut self, tree: &Tree, wanted: &Type) -> Result<Type, Problem> {
        let of = self.of(tree)?;
        if of == *wanted || of == Type::Any {
            return Ok(wanted.clone());
        }
        Err(problem(
            tree.at,
            format!("{wanted} is needed here, and this is {of}"),
        ))
    }

    fn index(&mut self, target: &Tree, index: &Tree) -> Result<Type, Problem> {
        match self.of(target)? {
            Type::List(item) => {
                self.is(index, &Type::Int)?;
                Ok(*item)
            }
            Type::Map(_) => {
                self.is(index, &Type::Text)?;
                Ok(Type::Any)
            }
            Type::Any => {
                self.of(index)?;
                Ok(Type::Any)
            }
            other => Err(problem(
                target.at,
                format!("`[…]` asks a list or a map, not {other}"),
            )),
        }
    }

    fn binary(
        &mut self,
        at: usize,
        operator: Operator,
        left_tree: &Tree,
        right_tree: &Tree,
    ) -> Result<Type, Problem> {
        if operator == Operator::And {
            self.is(left_tree, &Type::Bool)?;
            self.guarded(left_tree, right_tree)
                .and_then(|of| match of {
                    Type::Bool | Type::Any => Ok(Type::Bool),
                    of => Err(problem(
                        right_tree.at,
                        format!("bool is needed here, and this is {of}"),
                    )),
                })?;
            return Ok(Type::Bool);
        }
        let left = self.of(left_tree)?;
        let right = self.of(right_tree)?;
        let wrong = || {
            Err(problem(
                at,
                format!("`{}` does not take {left} and {right}", operator.sign()),
            ))
        };
        let both = unified(&left, &right);
        match operator {
            Operator::Or => {
                self.is(left_tree, &Type::Bool)?;
                self.is(right_tree, &Type::Bool)
            }
            Operator::And => Ok(Type::Bool),
            Operator::Equal | Operator::NotEqual => {
                let with_null = left == Type::Null || right == Type::Null;
                if both.is_some() || with_null {
                    Ok(Type::Bool)
                } else {
                    wrong()
                }
            }
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => match both {
                Some(Type::Int | Type::Double | Type::Text | Type::Any) => Ok(Type::Bool),
                _ => wrong(),
            },
            Operator::In => match &right {
                Type::List(item) if unified(&left, item).is_some() => Ok(Type::Bool),
                Type::Map(_) if matches!(left, Type::Text | Type::Any) => Ok(Type::Bool),
                Type::Any => Ok(Type::Bool),
                _ => wrong(),
            },
            Operator::Add => match both {
                Some(of @ (Type::Int | Type::Double | Type::Text | Type::List(_) | Type::Any)) => {
                    Ok(of)
                }
                _ => wrong(),
            },
            Operator::Subtract | Operator::Multiply | Operator::Divide => match both {
                Some(of @ (Type::Int | Type::Double | Type::Any)) => Ok(of),
                _ => wrong(),
            },
            Operator::Remainder => match both {
                Some(of @ (Type::Int | Type::Any)) => Ok(of),
                _ => wrong(),
            },
        }
    }

    /// The type of `tree`, which runs only when `condition` holds.
    fn guarded(&mut self, condition: &Tree, tree: &Tree) -> Result<Type, Problem> {
        let before = self.present.len();
        self.note_present(condition);
        let of = self.of(tree);
        self.present.truncate(before);
        of
    }

    fn note_present(&mut self, condition: &Tree) {
        match &condition.node {
            Node::Binary(Operator::And, left, right) => {
                self.note_present(left);
                self.note_present(right);
            }
            Node::Has(target, name) => {
                if let Some(path) = path(target) {
                    self.present.push(format!("{path}.{name}"));
                }
            }
            _ => {}
        }
    }

    fn map(&mut self, entries: &[(Tree, Tree)]) -> Result<Type, Problem> {
        let mut fields: Vec<Field> = Vec::new();
        let mut known = true;
        for (key, value) in entries {
            self.is(key, &Type::Text)?;
            let of = self.of(value)?;
            let Node::Literal(serde_json::Value::String(name)) = &key.node else {
                known = false;
                continue;
            };
            if fields.iter().any(|field| field.name == *name) {
                return Err(problem(
                    key.at,
                    format!("`{name}` stands here a second time"),
                ));
            }
            fields.push(Field {
                name: name.clone(),
                of,
                optional: false,
            });
        }
        Ok(if known { Type::Map(fields) } else { Type::Any })
    }

    fn call(&mut self, at: usize, function: Function, arguments: &[Tree]) -> Result<Type, Problem> {
        let mut types = Vec::new();
        for argument in arguments {
            types.push(self.of(argument)?);
        }
        let fits = |allowed: &[Type], of: &Type| *of == Type::Any || allowed.contains(of);
        let (of, fits) = match function {
            Function::Size => (
                Type::Int,
                matches!(
                    types[0],
                    Type::Text | Type::List(_) | Type::Map(_) | Type::Any
                ),
            ),
            Function::ToText => (
                Type::Text,
                fits(
                    &[Type::Text, Type::Int, Type::Double, Type::Bool],
                    &types[0],
                ),
            ),
            Function::ToInt => (
                Type::Int,
                fits(&[Type::Text, Type::Int, Type::Double], &types[0]),
            ),
            Function::ToDouble => (
                Type::Double,
                fits(&[Type::Text, Type::Int, Type::Double], &types[0]),
            ),
            Function::StartsWith | Function::EndsWith | Function::Contains => {
                (Type::Bool, types.iter().all(|of| fits(&[Type::Text], of)))
            }
        };
        if fits {
            return Ok(of);
        }
        let types: Vec<String> = types.iter().map(ToString::to_string).collect();
        Err(problem(
            at,
            format!("this function does not take {}", types.join(" and ")),
        ))
    }

    fn each(
        &mut self,
        at: usize,
        each: Each,
        list: &Tree,
        variable: &str,
        body: &Tree,
    ) -> Result<Type, Problem> {
        let item = match self.of(list)? {
            Type::List(item) => *item,
            Type::Any => Type::Any,
            other => return Err(problem(at, format!("this asks a list, not {other}"))),
        };
        self.locals.push((variable.to_owned(), item.clone()));
        let shadowed = std::mem::take(&mut self.present);
        let of = self.of(body);
        self.present = shadowed;
        self.locals.pop();
        let of = of?;
        let is_bool = matches!(of, Type::Bool | Type::Any);
        match each {
            Each::Map => Ok(Type::List(Box::new(of))),
            _ if !is_bool => Err(problem(
                body.at,
                format!("bool is needed here, and this is {of}"),
            )),
            Each::Filter => Ok(Type::List(Box::new(item))),
            Each::All | Each::Exists | Each::ExistsOne => Ok(Type::Bool),
        }
    }
}

/// `input.address.city`, where a tree is nothing else.
fn path(tree: &Tree) -> Option<String> {
    match &tree.node {
        Node::Name(name) => Some(name.clone()),
        Node::Select(target, name) => Some(format!("{}.{name}", path(target)?)),
        _ => None,
    }
}

fn of_literal(value: &serde_json::Value) -> Type {
    match value {
        serde_json::Value::Null => Type::Null,
        serde_json::Value::Bool(_) => Type::Bool,
        serde_json::Value::Number(number) if number.is_f64() => Type::Double,
        serde_json::Value::Number(_) => Type::Int,
        serde_json::Value::String(_) => Type::Text,
        _ => Type::Any,
    }
}

/// The type of something that may be either; none where no use could fit both.
fn unified(a: &Type, b: &Type) -> Option<Type> {
    match (a, b) {
        (a, b) if a == b => Some(a.clone()),
        (Type::Any, other) | (other, Type::Any) => Some(match other {
            Type::Map(_) | Type::List(_) | Type::Null => Type::Any,
            scalar => scalar.clone(),
        }),
        (Type::Null, _) | (_, Type::Null) | (Type::Map(_), Type::Map(_)) => Some(Type::Any),
        (Type::List(a), Type::List(b)) => Some(Type::List(Box::new(unified(a, b)?))),
        _ => None,
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "nothing".into()
    } else {
        names.join(", ")
    }
}
