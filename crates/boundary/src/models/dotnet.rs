//! Entity Framework Core, Dapper.Contrib, linq2db.

use super::{Model, Models, argument, class_behind, package, qualified};
use crate::source::Code;
use crate::source::symbols::Symbols;

pub(super) fn read(code: &Code, symbols: &Symbols, out: &mut Models) {
    let package = package(code);
    for at in 0..code.tokens.len() {
        let Some(word) = code.word(at) else { continue };
        match word {
            "Table"
                if code.is_mark(at.wrapping_sub(1), b'[')
                    || code.is_mark(at.wrapping_sub(1), b',') =>
            {
                if let (Some(table), Some((class, _))) = (
                    code.plain(at + 2),
                    class_behind(code, code.partner(at + 1) + 1),
                ) {
                    let schema = argument(code, at + 1, "Schema").map(|(text, _)| text);
                    push(out, &class, qualified(schema, table), true, &package);
                }
            }
            "DbSet" if code.is_mark(at + 1, b'<') => {
                if let (Some(class), Some(name)) = (code.word(at + 2), code.word(at + 4)) {
                    push(out, class, name.to_owned(), false, "");
                }
            }
            // `IRepository<Order>`, `context.Set<Order>()`: an entity, wherever it is configured.
            _ if (word.contains("Repository") || word == "Set" && code.is_mark(at + 4, b'('))
                && code.is_mark(at + 1, b'<')
                && matches!(code.mark(at + 3), Some(b'>' | b',')) =>
            {
                if let Some(class) = code.word(at + 2).filter(|class| class.len() > 2) {
                    push(out, class, class.to_owned(), false, "");
                }
            }
            // `modelBuilder.Entity<Order>()`; a `ToTable` behind it says the table.
            "Entity" if code.is_mark(at + 1, b'<') && code.is_mark(at + 3, b'>') => {
                if let Some(class) = code.word(at + 2).filter(|class| class.len() > 1) {
                    push(out, class, class.to_owned(), false, "");
                }
            }
            "ToTable" | "ToView" if code.is_mark(at + 1, b'(') => {
                if let (Some(table), Some(class)) =
                    (code.plain(at + 2), configured(code, symbols, at))
                {
                    let schema = code
                        .is_mark(at + 3, b',')
                        .then(|| code.plain(at + 4))
                        .flatten();
                    push(out, &class, qualified(schema, table), true, "");
                }
            }
            _ => {}
        }
    }
    let said: Vec<String> = out
        .classes
        .iter()
        .filter(|model| model.explicit)
        .map(|model| model.class.clone())
        .collect();
    out.classes
        .retain(|model| model.explicit || !said.contains(&model.class));
}

fn push(out: &mut Models, class: &str, table: String, explicit: bool, package: &str) {
    out.classes.push(Model {
        class: class.to_owned(),
        tables: vec![table],
        bases: Vec::new(),
        explicit,
        named: None,
        package: package.to_owned(),
    });
}

/// The entity that `ToTable` at `at` speaks of: `Entity<X>()` before it, or the class
/// `IEntityTypeConfiguration<X>` around it.
fn configured(code: &Code, symbols: &Symbols, at: usize) -> Option<String> {
    let class_start = symbols
        .0
        .iter()
        .rfind(|symbol| symbol.class && symbol.start < code.tokens[at].start)?
        .start;
    (0..at)
        .rev()
        .take_while(|&i| code.tokens[i].start >= class_start)
        .find_map(|i| {
            let word = code.word(i)?;
            (matches!(
                word,
                "Entity" | "IEntityTypeConfiguration" | "EntityTypeBuilder"
            ) && code.is_mark(i + 1, b'<'))
            .then(|| code.word(i + 2).map(str::to_owned))?
        })
}
