//! An expression as a tree. Made by [`super::parse`], which bounds its depth.

use serde_json::Value;

/// A node and where it begins, in characters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    pub(super) at: usize,
    /// Levels from here down, this one included.
    pub(super) depth: usize,
    pub(super) node: Node,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Literal(Value),
    Name(String),
    Select(Box<Tree>, String),
    Has(Box<Tree>, String),
    Index(Box<Tree>, Box<Tree>),
    Not(Box<Tree>),
    Negate(Box<Tree>),
    Binary(Operator, Box<Tree>, Box<Tree>),
    If(Box<Tree>, Box<Tree>, Box<Tree>),
    List(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
    /// With its arguments, the one before the dot first.
    Call(Function, Vec<Tree>),
    Each(Each, Box<Tree>, String, Box<Tree>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    ToText,
    ToInt,
    ToDouble,
    StartsWith,
    EndsWith,
    Contains,
}

impl Function {
    /// By name, and whether it may stand behind a dot.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "size" => Self::Size,
            "string" => Self::ToText,
            "int" => Self::ToInt,
            "double" => Self::ToDouble,
            "startsWith" => Self::StartsWith,
            "endsWith" => Self::EndsWith,
            "contains" => Self::Contains,
            _ => return None,
        })
    }

    /// How many arguments it takes, what stands before the dot included.
    pub(super) fn arity(self) -> usize {
        match self {
            Self::Size | Self::ToText | Self::ToInt | Self::ToDouble => 1,
            Self::StartsWith | Self::EndsWith | Self::Contains => 2,
        }
    }

    /// `text.startsWith(x)`, never `startsWith(text, x)`; `size` goes both ways.
    pub(super) fn goes(self, behind_dot: bool) -> bool {
        match self {
            Self::Size => true,
            Self::ToText | Self::ToInt | Self::ToDouble => !behind_dot,
            Self::StartsWith | Self::EndsWith | Self::Contains => behind_dot,
        }
    }
}

/// A macro over the items of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Each {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

impl Each {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "all" => Self::All,
            "exists" => Self::Exists,
            "exists_one" => Self::ExistsOne,
            "filter" => Self::Filter,
            "map" => Self::Map,
            _ => return None,
        })
    }
}
