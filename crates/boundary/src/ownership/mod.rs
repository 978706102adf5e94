//! Who owns what: contexts, their tables, schemas and code, and the crossings that are allowed.
//!
//! Owns the answer to two questions: whose table does a name mean, and whose code is a file.
//! Made from services' descriptions (`system`), from `boundaries.yaml` (`file`), or proposed from
//! what the code looks like (`propose`).

pub(crate) mod file;
pub(crate) mod propose;
mod system;
mod users;

use std::collections::HashMap;
use std::path::Path;

use freehold_model::Fault;
use freehold_sql::{Dialect, ObjectName};
use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet};

use crate::finding::Kind;

/// A bounded context.
#[derive(Debug, Clone, Default)]
pub struct Context {
    pub name: String,
    pub team: Option<String>,
    /// Names, `schema.name`, or patterns with `*`.
    pub tables: Vec<String>,
    /// Schemas or databases that are all its own.
    pub schemas: Vec<String>,
    /// Patterns of its code, relative to the root; the one that says most of a file's path wins.
    pub code: Vec<String>,
    pub dialect: Option<Dialect>,
    /// Tables whose rows are never changed or deleted.
    pub append_only: Vec<String>,
    /// Each migration must have a way back.
    pub require_down: bool,
}

/// Where the ownership comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `freehold.yaml` and the services' files.
    Services,
    /// `boundaries.yaml`.
    File,
    /// Nobody said it: a proposal, and why it looks like that.
    Proposal { why: Vec<String> },
}

/// A crossing that is wanted.
#[derive(Debug, Clone, Default)]
pub struct Allow {
    /// `None`: from anywhere.
    pub from: Option<String>,
    pub to: Option<String>,
    /// A table or a pattern; `None`: any.
    pub table: Option<String>,
    /// Empty: any.
    pub kinds: Vec<Kind>,
    pub reason: String,
    /// The last day, `YYYY-MM-DD`.
    pub until: Option<String>,
}

/// Contexts and what belongs to them.
#[derive(Debug)]
pub struct Ownership {
    pub contexts: Vec<Context>,
    pub origin: Origin,
    pub allows: Vec<Allow>,
    /// For SQL that says nothing of its own.
    pub dialect: Option<Dialect>,
    tables: HashMap<String, Vec<Claim>>,
    patterns: Vec<(GlobMatcher, Claim)>,
    schemas: HashMap<String, usize>,
    /// By pattern of `code_patterns`: how much it says, and whose code it means.
    code: Vec<(usize, Code)>,
    code_patterns: GlobSet,
    /// The patterns as they were written, for [`Ownership::identity`].
    written: Vec<String>,
}

#[derive(Debug, Clone)]
struct Claim {
    context: usize,
    schema: Option<String>,
}

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Of(usize),
    /// Seeds, dumps, scripts over the whole database: nobody's, and not judged.
    Shared,
    Tests,
    Nobody,
}

/// Whose a table is, as seen from some context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    One(usize),
    /// Several contexts have a table of this name, and nothing says which is meant.
    Several,
    Nobody,
}

/// Schemas that every database has: they say nothing about the owner.
fn is_common(schema: &str) -> bool {
    matches!(schema, "public" | "dbo" | "main" | "" | "def")
}

impl Ownership {
    /// Takes the contexts together. `shared` and `tests` are patterns of files.
    pub fn new(
        contexts: Vec<Context>,
        origin: Origin,
        shared: &[String],
        tests: &[String],
    ) -> Result<Self, Vec<Fault>> {
        let mut own = Self {
            contexts: Vec::new(),
            origin,
            allows: Vec::new(),
            dialect: None,
            tables: HashMap::new(),
            patterns: Vec::new(),
            schemas: HashMap::new(),
            code: Vec::new(),
            code_patterns: GlobSet::empty(),
            written: Vec::new(),
        };
        let mut globs = Vec::new();
        let mut faults = Vec::new();
        for (at, context) in contexts.iter().enumerate() {
            for table in &context.tables {
                if let Err(fault) = own.claim(at, table) {
                    faults.push(fault);
                }
            }
            for schema in &context.schemas {
                own.schemas.insert(schema.to_ascii_lowercase(), at);
            }
            own.globs(&context.code, Code::Of(at), &mut globs, &mut faults);
        }
        own.globs(shared, Code::Shared, &mut globs, &mut faults);
        own.globs(tests, Code::Tests, &mut globs, &mut faults);
        match GlobSet::new(&globs) {
            Ok(set) => own.code_patterns = set,
            Err(error) => faults.push(Fault::new(
                "FH2202",
                format!("the patterns of code cannot be read together: {error}"),
            )),
        }
        own.contexts = contexts;
        if faults.is_empty() {
            Ok(own)
        } else {
            Err(faults)
        }
    }

    fn globs(
        &mut self,
        patterns: &[String],
        code: Code,
        globs: &mut Vec<Glob>,
        faults: &mut Vec<Fault>,
    ) {
        for pattern in patterns {
            match glob(pattern, true) {
                Ok(glob) => {
                    globs.push(glob);
                    self.code.push((literal_chars(pattern), code));
                    self.written.push(format!("{code:?} {pattern}"));
                }
                Err(fault) => faults.push(fault),
            }
        }
    }

    /// Gives `table` to a context; a name that it has already changes nothing.
    pub(crate) fn claim(&mut self, context: usize, table: &str) -> Result<(), Fault> {
        let lower = table.to_ascii_lowercase();
        let (schema, name) = match lower.rsplit_once('.') {
            Some((schema, name)) => (Some(schema.to_owned()), name.to_owned()),
            None => (None, lower),
        };
        let claim = Claim { context, schema };
        if name.contains(['*', '?']) {
            self.patterns
                .push((glob(&name, false)?.compile_matcher(), claim));
            return Ok(());
        }
        let claims = self.tables.entry(name).or_default();
        if !claims
            .iter()
            .any(|own| own.context == context && own.schema == claim.schema)
        {
            claims.push(claim);
        }
        Ok(())
    }

    /// Is a table of this name anybody's, whatever its schema?
    pub(crate) fn is_claimed(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.tables.contains_key(&name)
            || self.patterns.iter().any(|(glob, _)| glob.is_match(&name))
    }

    /// All names of tables that are no patterns, and schemas.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.tables
            .keys()
            .chain(self.schemas.keys())
            .map(String::as_str)
    }

    /// Whose table `name` means in the code of `here`.
    pub(crate) fn owner(
        &self,
        name: &ObjectName,
        within: Option<&str>,
        here: Option<usize>,
    ) -> Owner {
        let table = name.table().to_ascii_lowercase();
        let qualifier = name
            .qualifiers()
            .map(str::to_ascii_lowercase)
            .find(|own| !is_common(own))
            .or_else(|| {
                within
                    .map(str::to_ascii_lowercase)
                    .filter(|own| !is_common(own))
            });
        let mut claims: Vec<&Claim> = self.tables.get(&table).into_iter().flatten().collect();
        if claims.is_empty() {
            claims = self.by_pattern(&table);
        }
        if let Some(qualifier) = &qualifier {
            let exact: Vec<&Claim> = claims
                .iter()
                .copied()
                .filter(|claim| claim.schema.as_deref() == Some(qualifier))
                .collect();
            if !exact.is_empty() {
                return one_of(&exact, here);
            }
            if let Some(context) = name
                .qualifiers()
                .chain(within)
                .find_map(|own| self.schemas.get(&own.to_ascii_lowercase()))
            {
                return Owner::One(*context);
            }
            // A schema that only others' tables are said to be in means another table.
            claims.retain(|claim| claim.schema.is_none());
        }
        one_of(&claims, here)
    }

    /// The claims of the patterns that fit and say most.
    fn by_pattern(&self, table: &str) -> Vec<&Claim> {
        let fitting: Vec<_> = self
            .patterns
            .iter()
            .filter(|(glob, _)| glob.is_match(table))
            .map(|(glob, claim)| (literal_chars(glob.glob().glob()), claim))
            .collect();
        let most = fitting.iter().map(|(literal, _)| *literal).max();
        fitting
            .into_iter()
            .filter(|(literal, _)| Some(*literal) == most)
            .map(|(_, claim)| claim)
            .collect()
    }

    /// Whose code the file is.
    pub(crate) fn code(&self, path: &Path) -> Code {
        self.code_patterns
            .matches(path)
            .into_iter()
            .filter_map(|at| self.code.get(at))
            // What is shared or a test is so wherever it lies.
            .max_by_key(|(literal, code)| (matches!(code, Code::Shared | Code::Tests), *literal))
            .map_or(Code::Nobody, |(_, code)| *code)
    }

    pub(crate) fn name(&self, context: usize) -> &str {
        self.contexts
            .get(context)
            .map_or("", |own| own.name.as_str())
    }

    /// Equal for ownerships that say the same about every file, table and crossing.
    #[must_use]
    pub fn identity(&self) -> String {
        format!(
            "{:?} {:?} {:?} {:?}",
            self.contexts, self.dialect, self.written, self.allows
        )
    }

    /// The place of a context by its name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.contexts.iter().position(|own| own.name == name)
    }
}

/// How much a pattern says: the more letters of its own, the closer it fits.
fn literal_chars(pattern: &str) -> usize {
    pattern
        .chars()
        .filter(|c| !matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '/'))
        .count()
}

fn one_of(claims: &[&Claim], here: Option<usize>) -> Owner {
    if let Some(here) = here
        && claims.iter().any(|claim| claim.context == here)
    {
        return Owner::One(here);
    }
    match claims {
        [] => Owner::Nobody,
        [first, rest @ ..] if rest.iter().all(|claim| claim.context == first.context) => {
            Owner::One(first.context)
        }
        _ => Owner::Several,
    }
}

/// A pattern; of paths, `*` stops at a slash and `dir/` means all below.
fn glob(pattern: &str, path: bool) -> Result<Glob, Fault> {
    let pattern = pattern.trim_start_matches("./");
    let whole = if path && pattern.ends_with('/') {
        format!("{pattern}**")
    } else {
        pattern.to_owned()
    };
    GlobBuilder::new(&whole)
        .literal_separator(path)
        .build()
        .map_err(|error| {
            Fault::new(
                "FH2202",
                format!("the pattern `{pattern}` cannot be read: {error}"),
            )
            .help("`*` stands for anything but a slash, `**` for any folders: `src/orders/**`")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Ownership {
        let context = |name: &str, tables: &[&str], schemas: &[&str], code: &[&str]| Context {
            name: name.to_owned(),
            tables: tables.iter().map(|&own| own.to_owned()).collect(),
            schemas: schemas.iter().map(|&own| own.to_owned()).collect(),
            code: code.iter().map(|&own| own.to_owned()).collect(),
            ..Context::default()
        };
        Ownership::new(
            vec![
                context(
                    "customers",
                    &["customers", "customer_*", "audit"],
                    &["crm"],
                    &["src/**"],
                ),
                context(
                    "orders",
                    &["orders", "sales.audit"],
                    &[],
                    &["src/orders/**", "lib/orders/"],
                ),
            ],
            Origin::File,
            &["scripts/**".to_owned()],
            &["**/test/**".to_owned()],
        )
        .expect("patterns")
    }

    fn owner(name: &str, here: Option<usize>) -> Owner {
        let parts = name.split('.').map(str::to_owned).collect();
        own().owner(&ObjectName { parts, link: None }, None, here)
    }

    #[test]
    fn names_find_their_owners() {
        assert_eq!(owner("Customers", None), Owner::One(0));
        assert_eq!(owner("customer_notes", None), Owner::One(0));
        assert_eq!(owner("crm.anything", Some(1)), Owner::One(0));
        assert_eq!(owner("dbo.orders", None), Owner::One(1));
        assert_eq!(owner("shop.public.orders", None), Owner::One(1));
        assert_eq!(owner("audit", Some(0)), Owner::One(0));
        assert_eq!(owner("audit", Some(1)), Owner::One(1));
        assert_eq!(owner("audit", None), Owner::Several);
        assert_eq!(owner("sales.audit", Some(0)), Owner::One(1));
        assert_eq!(owner("books", None), Owner::Nobody);
    }

    #[test]
    fn files_find_their_owners() {
        let own = own();
        let code = |path: &str| own.code(Path::new(path));
        assert_eq!(code("src/a.ts"), Code::Of(0));
        assert_eq!(code("src/orders/a.ts"), Code::Of(1));
        assert_eq!(code("lib/orders/x/y.py"), Code::Of(1));
        assert_eq!(code("src/orders/test/a.ts"), Code::Tests);
        assert_eq!(code("scripts/a.sql"), Code::Shared);
        assert_eq!(code("a.ts"), Code::Nobody);
        let contexts = ["**", "**/loan/**"].map(|pattern| Context {
            tables: vec![if pattern == "**" { "m_*" } else { "m_loan*" }.to_owned()],
            code: vec![pattern.to_owned()],
            ..Context::default()
        });
        let own = Ownership::new(contexts.to_vec(), Origin::File, &[], &[]).expect("patterns");
        assert_eq!(own.code(Path::new("x/loan/a.ts")), Code::Of(1));
        let name = ObjectName {
            parts: vec!["m_loan_charge".to_owned()],
            link: None,
        };
        assert_eq!(own.owner(&name, None, Some(0)), Owner::One(1));
    }
}
