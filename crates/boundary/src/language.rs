//! The languages that code is read in, by the names of files.
//!
//! Owns what tells them apart in a plain yes or no; how their literals are written is in
//! [`crate::source`].

use std::path::Path;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Language {
    /// TypeScript and JavaScript, also with JSX, and the scripts of Vue and Svelte files.
    Script,
    Python,
    Java,
    Kotlin,
    Go,
    CSharp,
    Ruby,
    Php,
    Rust,
    Sql,
    /// Prisma's schema.
    Prisma,
    /// `MyBatis` mappers, Liquibase changes, and other XML with SQL in it.
    Xml,
    /// Settings, changes of Liquibase, and deployments.
    Yaml,
    Properties,
}

impl Language {
    /// By the file's name; `None`: it is not read.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        Some(match extension.to_ascii_lowercase().as_str() {
            "ts" | "tsx" | "mts" | "cts" | "js" | "jsx" | "mjs" | "cjs" | "vue" | "svelte" => {
                Self::Script
            }
            "py" | "pyi" => Self::Python,
            "java" => Self::Java,
            "kt" | "kts" => Self::Kotlin,
            "go" => Self::Go,
            "cs" => Self::CSharp,
            "rb" | "rake" => Self::Ruby,
            "php" => Self::Php,
            "rs" => Self::Rust,
            "sql" | "ddl" | "pgsql" | "psql" | "tsql" | "plsql" | "pks" | "pkb" => Self::Sql,
            "prisma" => Self::Prisma,
            "xml" => Self::Xml,
            "yaml" | "yml" => Self::Yaml,
            "properties" => Self::Properties,
            _ => return None,
        })
    }

    /// Names of one file may mean models of another.
    pub(crate) fn imports(self) -> bool {
        !matches!(
            self,
            Self::Sql | Self::Prisma | Self::Xml | Self::Yaml | Self::Properties | Self::Rust
        )
    }

    /// `#` begins a comment.
    pub(crate) fn hash_comments(self) -> bool {
        matches!(
            self,
            Self::Python | Self::Ruby | Self::Php | Self::Yaml | Self::Properties
        )
    }

    /// `//` and `/* */` are comments.
    pub(crate) fn slash_comments(self) -> bool {
        !matches!(
            self,
            Self::Python | Self::Ruby | Self::Sql | Self::Xml | Self::Yaml | Self::Properties
        )
    }

    /// Blocks are told by indentation (or, as in Ruby, practically always indented).
    pub(crate) fn indents(self) -> bool {
        matches!(self, Self::Python | Self::Ruby)
    }

    /// Two literals side by side are one.
    pub(crate) fn joins_adjacent(self) -> bool {
        matches!(self, Self::Python | Self::Ruby)
    }

    /// The operator that concatenates texts.
    pub(crate) fn concatenates(self, operator: u8) -> bool {
        match self {
            Self::Php => operator == b'.',
            _ => operator == b'+',
        }
    }
}
