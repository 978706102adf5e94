//! Uses of another context's models: imports, same-package names, constants that need no import.
//!
//! Owns how each language binds a name to a declaration elsewhere. A name that is bound to nothing
//! known is not taken for a model, however it is called.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use crate::language::Language;
use crate::models::package;
use crate::source::Code;

/// A model that other files may name.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) path: PathBuf,
    pub(crate) package: String,
    pub(crate) owner: usize,
    /// The model, also where a repository is named.
    pub(crate) language: Language,
}

/// All models by class.
pub(crate) type Index = HashMap<String, Vec<Declared>>;

/// A model named by a file.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) class: String,
    pub(crate) owner: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Only the type is imported: it is not there when the program runs.
    pub(crate) type_only: bool,
}

pub(crate) fn read(code: &Code, path: &Path, here: usize, index: &Index) -> Vec<Bound> {
    let reader = Reader {
        code,
        path,
        here,
        index,
    };
    let mut found = match code.language {
        Language::Script => reader.script(),
        Language::Python => reader.python(),
        Language::Java | Language::Kotlin => reader.packages("import", false),
        Language::CSharp => reader.packages("using", true),
        Language::Php => reader.packages("use", false),
        Language::Go => reader.go(),
        Language::Ruby => reader.constants(),
        _ => Vec::new(),
    };
    // What is imported twice counts as what it is used for.
    found.sort_by_key(|bound| (bound.type_only, bound.start));
    let mut seen = std::collections::HashSet::new();
    found.retain(|bound| seen.insert(bound.class.clone()));
    found
}

struct Reader<'a, 'c> {
    code: &'c Code<'a>,
    path: &'c Path,
    here: usize,
    index: &'c Index,
}

impl Reader<'_, '_> {
    /// The model that token `at` names, if `fits` says of exactly whose it is.
    fn bound(&self, at: usize, fits: impl Fn(&Declared) -> bool) -> Option<Bound> {
        let class = self.code.word(at)?;
        let fitting: Vec<&Declared> = self
            .index
            .get(class)?
            .iter()
            .filter(|own| {
                own.language == self.code.language
                    || is_jvm(own.language) && is_jvm(self.code.language)
            })
            .filter(|own| fits(own))
            .collect();
        if fitting.iter().any(|own| own.owner == self.here) {
            return None;
        }
        let first = fitting.first()?;
        Some(Bound {
            class: class.to_owned(),
            owner: first.owner,
            start: self.code.tokens[at].start,
            end: self.code.tokens[at].end,
            type_only: false,
        })
    }

    /// `import type { X }`, `import { type X }` of TypeScript.
    fn is_type(&self, start: usize, at: usize) -> bool {
        let whole = self.code.is(start + 1, "type")
            && !self.code.is_mark(start + 2, b',')
            && !self.code.is(start + 2, "from");
        whole || at > start + 1 && self.code.is(at - 1, "type") && !self.code.is_mark(at, b',')
    }

    /// The line at `at` stands in `if TYPE_CHECKING:` of Python.
    fn type_checking(&self, at: usize) -> bool {
        let column = |at: usize| {
            let start = self.code.tokens[at].start;
            start
                - self.code.text[..start]
                    .rfind('\n')
                    .map_or(0, |line| line + 1)
        };
        let depth = column(at);
        if depth == 0 {
            return false;
        }
        (0..at)
            .rev()
            .filter(|&i| self.code.tokens[i].fresh_line)
            .find(|&i| column(i) < depth && !self.code.is_mark(i, b')'))
            .is_some_and(|i| {
                self.code.is(i, "if") && (i..i + 4).any(|own| self.code.is(own, "TYPE_CHECKING"))
            })
    }

    fn script(&self) -> Vec<Bound> {
        let mut found = Vec::new();
        for at in 0..self.code.tokens.len() {
            let Some(module) = self.code.plain(at) else {
                continue;
            };
            let before = |back: usize| at.checked_sub(back);
            let from = before(1).is_some_and(|i| self.code.is(i, "from"));
            let required = before(2).is_some_and(|i| self.code.is(i, "require"))
                && before(1).is_some_and(|i| self.code.is_mark(i, b'('));
            if !from && !required {
                continue;
            }
            let limit = at.saturating_sub(120);
            let start = (limit..at).rev().find(|&i| {
                self.code.word(i).is_some_and(|word| {
                    matches!(word, "import" | "export" | "const" | "let" | "var")
                }) && self.code.tokens[i].fresh_line
            });
            let Some(start) = start else { continue };
            for i in start..at {
                // `import { Customer as C }`: the name that is exported counts.
                if !self.code.is(i.wrapping_sub(1), "as") {
                    let bound = self.bound(i, |own| self.is_module(&module, own));
                    found.extend(bound.map(|bound| Bound {
                        type_only: self.is_type(start, i),
                        ..bound
                    }));
                }
            }
        }
        found
    }

    /// Does the text behind `from` lead to the model's file?
    fn is_module(&self, module: &str, own: &Declared) -> bool {
        let target = without_extension(&own.path);
        if module.starts_with('.') {
            let folder = self.path.parent().unwrap_or(Path::new(""));
            let Some(resolved) = normal(&folder.join(module)) else {
                return false;
            };
            let resolved = without_script_extension(&resolved);
            return resolved == target || own.path.starts_with(&resolved);
        }
        let parts: Vec<&str> = module
            .split('/')
            .map(|part| part.trim_start_matches(['@', '~', '#']))
            .filter(|part| !part.is_empty() && *part != "src")
            .collect();
        let folders: Vec<&str> = target
            .components()
            .filter_map(|part| part.as_os_str().to_str())
            .collect();
        (0..parts.len()).any(|skip| {
            let rest = &parts[skip..];
            folders.ends_with(rest)
                || rest.len() == parts.len().max(2) - 1
                    && folders.windows(rest.len()).any(|window| window == rest)
        })
    }

    fn python(&self) -> Vec<Bound> {
        let mut found = Vec::new();
        let mut whole: Vec<Vec<String>> = Vec::new();
        for at in 0..self.code.tokens.len() {
            if self.code.is(at, "from") && self.code.tokens[at].fresh_line {
                let (module, mut next) = self.dotted(at + 1);
                if !self.code.is(next, "import") {
                    continue;
                }
                next += 1;
                let end = if self.code.is_mark(next, b'(') {
                    self.code.partner(next)
                } else {
                    usize::MAX
                };
                let mut any = false;
                while next < self.code.tokens.len().min(end)
                    && !(end == usize::MAX && any && self.code.tokens[next].fresh_line)
                {
                    any = true;
                    if !self.code.is(next.wrapping_sub(1), "as") {
                        let mut with_name = module.clone();
                        if let Some(name) = self.code.word(next) {
                            with_name.push(name.to_owned());
                        }
                        let bound = self.bound(next, |own| in_module(&module, own));
                        found.extend(bound.map(|bound| Bound {
                            type_only: self.type_checking(at),
                            ..bound
                        }));
                        // `from customers import models`, then `models.Customer`.
                        whole.push(with_name);
                    }
                    next += 1;
                }
            } else if self.code.is(at, "import") && self.code.tokens[at].fresh_line {
                whole.push(self.dotted(at + 1).0);
            }
        }
        for at in 2..self.code.tokens.len() {
            if self.code.is_mark(at - 1, b'.')
                && self
                    .code
                    .word(at)
                    .is_some_and(|word| self.index.contains_key(word))
            {
                found.extend(self.bound(at, |own| {
                    whole.iter().any(|module| {
                        module.last().is_some_and(|last| self.code.is(at - 2, last))
                            && in_module(module, own)
                    })
                }));
            }
        }
        found
    }

    /// `a.b.c` at a place, leading dots left out; and the token behind.
    fn dotted(&self, mut at: usize) -> (Vec<String>, usize) {
        let mut parts = Vec::new();
        while let Some(word) = self
            .code
            .word(at)
            .filter(|word| *word != "import")
            .or(self.code.is_mark(at, b'.').then_some(""))
        {
            if !word.is_empty() {
                parts.push(word.to_owned());
                if !self.code.is_mark(at + 1, b'.') {
                    return (parts, at + 1);
                }
            }
            at += 1;
        }
        (parts, at)
    }

    /// Languages that name a package or namespace at the top: `import a.b.C;`, `using A.B;`.
    fn packages(&self, keyword: &str, namespaces: bool) -> Vec<Bound> {
        let own_package = package(self.code);
        let mut opened: Vec<String> = vec![own_package.clone()];
        let mut found = Vec::new();
        let mut bound: Vec<String> = Vec::new();
        for at in 0..self.code.tokens.len() {
            if !self.code.is(at, keyword) || !self.code.tokens[at].fresh_line {
                continue;
            }
            let (mut name, mut next, mut last) = (String::new(), at + 1, at);
            while let Some(token) = self.code.tokens.get(next).filter(|token| !token.fresh_line) {
                match (self.code.word(next), self.code.mark(next)) {
                    (Some("static"), _) => {}
                    (Some("as"), _) => break,
                    (Some(word), _) => {
                        name.push_str(word);
                        last = next;
                    }
                    (None, Some(b'.' | b'\\')) => name.push('.'),
                    (None, Some(b'*')) => name.push('*'),
                    _ => break,
                }
                let _ = token;
                next += 1;
            }
            if namespaces {
                // Parent namespaces are open as well.
                opened.push(name);
            } else if let Some(package) = name.strip_suffix(".*") {
                opened.push(package.to_owned());
            } else if let Some((package, class)) = name.rsplit_once('.') {
                bound.push(class.to_owned());
                found.extend(self.bound(last, |own| {
                    own.package == package
                        || package.ends_with(&format!(".{}", own.package))
                            && !own.package.is_empty()
                }));
            }
        }
        for at in 0..self.code.tokens.len() {
            let Some(word) = self.code.word(at) else {
                continue;
            };
            let declares = self.code.word(at.wrapping_sub(1)).is_some_and(|before| {
                matches!(before, "class" | "interface" | "record" | "enum" | "import")
            });
            // `User.IsInRole(…)` of C#: a property that is called like a class.
            if namespaces && self.code.is_mark(at + 1, b'.') {
                continue;
            }
            if declares
                || self.code.is_mark(at.wrapping_sub(1), b'.')
                || bound.iter().any(|own| own == word)
            {
                continue;
            }
            if self.index.contains_key(word) {
                found.extend(self.bound(at, |own| {
                    own.path != self.path
                        && !own.package.is_empty()
                        && opened.iter().any(|package| {
                            *package == own.package
                                || namespaces && package.starts_with(&format!("{}.", own.package))
                        })
                }));
            }
        }
        found
    }

    /// `customers.Customer` with the import of a package `…/customers`.
    fn go(&self) -> Vec<Bound> {
        let modules: Vec<String> = (0..self.code.tokens.len().min(600))
            .filter_map(|at| self.code.plain(at))
            .filter(|text| text.contains('/'))
            .collect();
        (2..self.code.tokens.len())
            .filter(|&at| self.code.is_mark(at - 1, b'.'))
            .filter_map(|at| {
                self.bound(at, |own| {
                    let folder = own.path.parent().unwrap_or(Path::new(""));
                    let name = folder
                        .file_name()
                        .and_then(|name| name.to_str())
                        .unwrap_or("");
                    modules.iter().any(|module| {
                        let tail: Vec<&str> = module.rsplit('/').take(2).collect();
                        tail.first() == Some(&name)
                            && (tail.len() < 2
                                || folder
                                    .components()
                                    .rev()
                                    .nth(1)
                                    .is_none_or(|part| part.as_os_str().to_str() == Some(tail[1])))
                    }) && self.code.word(at - 2).is_some_and(|package| {
                        package == name
                            || modules
                                .iter()
                                .all(|module| !module.ends_with(&format!("/{package}")))
                    })
                })
            })
            .collect()
    }

    /// Ruby's constants need no import: `Customer.find`, `Customer.where`.
    fn constants(&self) -> Vec<Bound> {
        (0..self.code.tokens.len())
            .filter(|&at| {
                (self.code.is_mark(at + 1, b'.')
                    || self.code.is_mark(at + 1, b')')
                    || self.code.is_mark(at.wrapping_sub(1), b'<'))
                    && !self.code.is_mark(at.wrapping_sub(1), b':')
            })
            .filter_map(|at| self.bound(at, |_| true))
            .collect()
    }
}

fn is_jvm(language: Language) -> bool {
    matches!(language, Language::Java | Language::Kotlin)
}

/// Are the parts of a dotted module a run of the file's folders and name?
fn in_module(module: &[String], own: &Declared) -> bool {
    let target = without_extension(&own.path);
    let parts: Vec<&str> = target
        .components()
        .filter_map(|part| part.as_os_str().to_str())
        .collect();
    !module.is_empty()
        && (1..=module.len()).rev().any(|take| {
            let run = &module[module.len() - take..];
            // The whole module, or all but the outermost packages that the folders do not show.
            (take == module.len()
                || take >= 2
                    && parts.ends_with(&run.iter().map(String::as_str).collect::<Vec<_>>()))
                && parts
                    .windows(take)
                    .any(|window| window.iter().zip(run).all(|(a, b)| *a == b.as_str()))
        })
}

fn without_extension(path: &Path) -> PathBuf {
    path.with_extension("")
}

fn without_script_extension(path: &Path) -> PathBuf {
    match path.extension().and_then(|end| end.to_str()) {
        Some("ts" | "js" | "tsx" | "jsx" | "mjs" | "cjs") => path.with_extension(""),
        _ => path.to_path_buf(),
    }
}

/// `a/b/../c` as `a/c`; `None` where it leaves the root.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    Some(out)
}
