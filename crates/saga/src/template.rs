//! A body or input whose texts are expressions.
//!
//! Numbers, `true` and `false` stand for themselves; each text is an expression, so a constant
//! text has quotes of its own. A forgotten quote is caught as an unknown name.

use serde_json::{Map, Value};

use crate::expression::{Expression, Failure, Names, Problem, Scope};

/// A checked template.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    Constant(Value),
    Expression(Expression),
    List(Vec<Template>),
    Map(Vec<(String, Template)>),
}

/// What is wrong in it, and the keys and positions that lead there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateProblem {
    pub(crate) path: Vec<String>,
    pub(crate) source: String,
    pub(crate) problem: Problem,
}

impl Template {
    /// Compiles every text in `value`; all problems are collected. `value` comes from a document,
    /// which bounds its depth.
    pub(crate) fn compile(
        value: &Value,
        scope: Scope<'_>,
        problems: &mut Vec<TemplateProblem>,
    ) -> Self {
        Self::compile_at(value, scope, &mut Vec::new(), problems)
    }

    fn compile_at(
        value: &Value,
        scope: Scope<'_>,
        path: &mut Vec<String>,
        problems: &mut Vec<TemplateProblem>,
    ) -> Self {
        let mut below = |key: String, value: &Value| {
            path.push(key);
            let template = Self::compile_at(value, scope, path, problems);
            path.pop();
            template
        };
        match value {
            Value::Array(items) => {
                let items = items.iter().enumerate();
                Self::List(
                    items
                        .map(|(at, item)| below(at.to_string(), item))
                        .collect(),
                )
            }
            Value::Object(entries) => Self::Map(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), below(key.clone(), value)))
                    .collect(),
            ),
            Value::String(source) => match Expression::compile(source, scope) {
                Ok(expression) => Self::Expression(expression),
                Err(problem) => {
                    problems.push(TemplateProblem {
                        path: path.clone(),
                        source: source.clone(),
                        problem,
                    });
                    Self::Constant(Value::Null)
                }
            },
            constant => Self::Constant(constant.clone()),
        }
    }

    /// The value for these values of the names; a failure names the expression.
    pub fn evaluate(&self, names: Names<'_>) -> Result<Value, (String, Failure)> {
        Ok(match self {
            Self::Constant(value) => value.clone(),
            Self::Expression(expression) => expression
                .evaluate(names)
                .map_err(|failure| (expression.source().to_owned(), failure))?,
            Self::List(items) => {
                let items: Result<Vec<Value>, _> =
                    items.iter().map(|item| item.evaluate(names)).collect();
                items?.into()
            }
            Self::Map(entries) => {
                let mut map = Map::new();
                for (key, template) in entries {
                    map.insert(key.clone(), template.evaluate(names)?);
                }
                map.into()
            }
        })
    }
}
