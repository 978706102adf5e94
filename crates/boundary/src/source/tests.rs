//! Code and the texts that it makes; `·` stands for a hole.

use super::Code;
use super::assemble::assemble;
use super::symbols::Symbols;
use crate::language::Language::{self, CSharp, Go, Java, Kotlin, Php, Python, Ruby, Rust, Script};
use freehold_sql::HOLE;

fn texts(language: Language, code: &str) -> Vec<String> {
    let code = Code::new(language, code);
    let symbols = Symbols::of(&code);
    let mut texts = assemble(&code, &symbols).texts;
    texts.sort_by_key(|text| text.start);
    texts
        .iter()
        .map(|text| {
            // Every letter must come from where the map says.
            for (at, c) in text.mapped.text.char_indices() {
                let origin = text.mapped.origin(at);
                if c.is_ascii_alphanumeric() {
                    let there = code.text[origin..].chars().next();
                    assert!(
                        there == Some(c) || there == Some('\\'),
                        "{c} is not at {origin}"
                    );
                }
            }
            text.mapped
                .text
                .replace(HOLE, "·")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        })
        .filter(|text| text.contains(' '))
        .collect()
}

#[track_caller]
fn check(language: Language, code: &str, expected: &[&str]) {
    assert_eq!(texts(language, code), expected, "{code}");
}

#[test]
fn script() {
    check(
        Script,
        "db.query(`select * from a where x = ${y} and z in (${zs.map(z => `'${z}'`)})`)",
        &["select * from a where x = · and z in (·)"],
    );
    check(
        Script,
        "const q = 'select * ' +\n  'from a ' + where() + \" order by x\";",
        &["select * from a · order by x"],
    );
    check(
        Script,
        "let sql = 'select 1'; if (x) { sql += ' from a'; } else { sql += \" from b\" } run(sql)",
        &["select 1 from a from b"],
    );
    check(
        Script,
        "const T = 'orders x'; f(`select * from ${T}`)",
        &["orders x", "select * from orders x"],
    );
    check(
        Script,
        "const a = <p>Don't do it</p>; q('it\\'s a \\u0041')",
        &["it's a A"],
    );
    check(
        Script,
        "x = s.replace(/'[^']*'/g, ''); q('select 1')",
        &["select 1"],
    );
    check(
        Script,
        "q(`a ${x ? 'join b on c' : ''} d`)",
        &["a join b on c d"],
    );
}

#[test]
fn python() {
    check(
        Python,
        "def f():\n    \"\"\"select from docs here\"\"\"\n    q(f\"select {x} from {t!r}\" \" where a = %s\")",
        &["select · from · where a = %s"],
    );
    check(
        Python,
        "q(\n  'select 1 '\n  'from a'\n)\nr = r'x \\d'",
        &["select 1 from a", "x \\d"],
    );
    check(
        Python,
        "sql = '''select\n * from a'''\nsql += ' where b'\n",
        &["select * from a where b"],
    );
}

#[test]
fn java_and_kotlin() {
    check(
        Java,
        "String q = \"select * from \" + TABLE + \" t\" // 'x'\n + \" where a = '\" + b + \"'\";",
        &["select * from · t where a = '·'"],
    );
    check(
        Java,
        "class A { void f() { StringBuilder sb = new StringBuilder(\"select a \"); sb.append(\"from b \").append(x).append(\" where c\"); } }",
        &["select a from b where c"],
    );
    check(
        Java,
        "String q = \"\"\"\n   select *\n   from a\n   \"\"\";",
        &["select * from a"],
    );
    check(
        Java,
        "@Query(value = \"select o \" + \"from Order o\", nativeQuery = true)",
        &["select o from Order o"],
    );
    check(
        Kotlin,
        "val q = \"\"\"select * from $table where a = ${b.c()}\"\"\".trimIndent()",
        &["select * from · where a = ·"],
    );
}

#[test]
fn the_rest() {
    check(
        Go,
        "q := `select *\n from a` + \" where b\"\nr := 'x'",
        &["select * from a where b"],
    );
    check(
        CSharp,
        "var q = @\"select \"\"x\"\" from a\" + $\"where {b} and {{c}}\";",
        &["select \"x\" from awhere · and {c}"],
    );
    check(
        CSharp,
        "var q = \"\"\"\n select * from a\n \"\"\";",
        &["select * from a"],
    );
    check(
        Ruby,
        "sql = <<~SQL\n  select * from a where x = #{y}\nSQL\nq(\"select 1\" \\\n \" from b\")",
        &["select * from a where x = ·", "select 1", "from b"],
    );
    check(
        Php,
        "<?php $sql = \"select * from $t where a = {$b['c']}\" . ' and d'; $sql .= ' or e';",
        &["select * from · where a = · and d or e"],
    );
    check(
        Php,
        "<?php $q = <<<SQL\n select * from a\n SQL;",
        &["select * from a"],
    );
    check(
        Rust,
        "fn f<'a>(x: &'a str) { let q = r#\"select \"x\" from a\"#; let c = 'x'; }",
        &["select \"x\" from a"],
    );
}
