//! A tree of source code for measuring: six languages, the same bytes each time.
//!
//! Owns what it looks like: most files hold no SQL, but what code is full of (imports, remarks in
//! prose, calls like `path.join`); the others hold statements of several contexts. Nothing in it
//! is anybody's code.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// Bytes of files without SQL, and of those with it.
const PLAIN: usize = 190_000_000;
const WITH_SQL: usize = 20_000_000;
/// Files of a folder.
const FOLDER: usize = 40;

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) files: usize,
    pub(crate) plain_bytes: usize,
    pub(crate) sql_bytes: usize,
}

/// Writes `plain/` and `sql/` below `root`, and a `boundaries.yaml`.
pub(crate) fn write(root: &Path) -> io::Result<Written> {
    write_some(root, PLAIN, WITH_SQL)
}

fn write_some(root: &Path, plain: usize, with_sql: usize) -> io::Result<Written> {
    let mut out = Written::default();
    let mut dice = Dice(0x5eed_f4ee);
    fs::create_dir_all(root)?;
    fs::write(root.join("boundaries.yaml"), boundaries())?;
    while out.plain_bytes < plain {
        out.plain_bytes += one(root, "plain", out.files, &mut dice, false)?;
        out.files += 1;
    }
    while out.sql_bytes < with_sql {
        out.sql_bytes += one(root, "sql", out.files, &mut dice, true)?;
        out.files += 1;
    }
    Ok(out)
}

const CONTEXTS: [&str; 8] = [
    "orders",
    "catalog",
    "customers",
    "payment",
    "shipping",
    "pricing",
    "support",
    "search",
];

fn boundaries() -> String {
    let mut text = String::from("contexts:\n");
    for context in CONTEXTS {
        let _ = writeln!(
            text,
            "  {context}: {{ tables: [{context}_main, {context}_items, \"{context}_log*\"], code: [\"**/{context}/**\"] }}"
        );
    }
    text
}

fn one(root: &Path, part: &str, number: usize, dice: &mut Dice, sql: bool) -> io::Result<usize> {
    let language = &LANGUAGES[dice.below(LANGUAGES.len())];
    let context = dice.pick(&CONTEXTS);
    let folder = root
        .join(part)
        .join(format!("m{:04}", number / FOLDER))
        .join(context);
    fs::create_dir_all(&folder)?;
    let text = file(language, dice, sql.then_some(context));
    fs::write(
        folder.join(format!("f{number}.{}", language.extension)),
        &text,
    )?;
    Ok(text.len())
}

/// A language as far as a file of it is made from lines.
struct Language {
    extension: &'static str,
    head: &'static [&'static str],
    /// Around a function's lines; `NAME` is its name.
    open: &'static str,
    close: &'static str,
    lines: &'static [&'static str],
    sql: &'static [&'static str],
}

const LANGUAGES: [Language; 6] = [
    Language {
        extension: "ts",
        head: &[
            "import { NAME } from './NAME';",
            "import type { OTHER } from \"../OTHER/NAME\";",
            "export * from './OTHER';",
        ],
        open: "/**\n * Selects the NAME from the cache and updates OTHER.\n * @param value where it comes from\n */\nexport async function NAME(value: OTHER): Promise<void> {",
        close: "}\n",
        lines: &[
            "  const NAME = value.OTHER.map((item) => item.NAME).filter(Boolean);",
            "  // take the selected NAME from OTHER, then join them",
            "  if (NAME === undefined) { throw new Error(`no NAME in ${value.OTHER}`); }",
            "  await this.OTHER.emit('NAME', { id: value.id, at: Date.now() });",
            "  const file = path.join(root, 'OTHER', `${NAME}.json`);",
            "  return Array.from(NAME.values()).slice(0, 12);",
        ],
        sql: &[
            "  const NAME = await db.query(`select i.id, i.total from TABLE_items i join FOREIGN_main m on m.id = i.ref where i.state = $1`, [value]);",
            "  await db.query('update TABLE_main set total = $1 where id = $2', [value.total, value.id]);",
            "  await knex('TABLE_main').where({ id: value.id }).update({ state: 'NAME' });",
        ],
    },
    Language {
        extension: "py",
        head: &[
            "from app.NAME import OTHER",
            "import NAME",
            "from .OTHER import NAME as own",
        ],
        open: "def NAME(value, OTHER=None):\n    \"\"\"Takes the NAME from the queue and drops the rest.\"\"\"",
        close: "",
        lines: &[
            "    NAME = [item.OTHER for item in value if item.id not in seen]",
            "    # the NAME comes from the settings",
            "    logger.info('no NAME for %s', value.OTHER)",
            "    path = os.path.join(root, 'OTHER', NAME)",
            "    raise ValueError(', '.join(sorted(NAME)))",
            "    return sum(own.OTHER for own in NAME)",
        ],
        sql: &[
            "    cursor.execute(\"\"\"\n        SELECT m.id, l.text\n        FROM TABLE_main m\n        LEFT JOIN FOREIGN_items l ON l.ref = m.id\n        WHERE m.id = %s\n    \"\"\", [value])",
            "    session.execute(text('delete from TABLE_items where id = :id'), {'id': value})",
        ],
    },
    Language {
        extension: "java",
        head: &["import com.shop.OTHER.NAME;", "import java.util.List;"],
        open: "    /**\n     * Creates the NAME out of OTHER, which is selected from all.\n     */\n    public List<String> NAME(final OTHER value) {",
        close: "    }\n",
        lines: &[
            "        final var NAME = value.getOTHER().stream().map(Item::getNAME).toList();",
            "        log.info(\"NAME of {} was not there\", value.getId());",
            "        // updates come from OTHER only",
            "        if (NAME.isEmpty()) { throw new IllegalStateException(\"NAME is empty\"); }",
            "        this.OTHER.put(\"NAME\", String.join(\", \", NAME));",
        ],
        sql: &[
            "        jdbc.query(\"SELECT i.id FROM TABLE_items i \" + \"JOIN FOREIGN_main m ON m.id = i.ref \" + \"WHERE i.id = ?\", mapper, value);",
            "        jdbc.update(\"INSERT INTO TABLE_log_2026 (id, text) VALUES (?, ?)\", value.getId(), NAME);",
        ],
    },
    Language {
        extension: "go",
        head: &["package NAME", "import \"fmt\""],
        open: "// NAME takes the OTHER from the channel.\nfunc NAME(value *OTHER) error {",
        close: "}\n",
        lines: &[
            "\tNAME, err := value.OTHER(ctx, fmt.Sprintf(\"NAME-%d\", value.ID))",
            "\tif err != nil {\n\t\treturn fmt.Errorf(\"NAME: %w\", err)\n\t}",
            "\tselect {\n\tcase <-ctx.Done():\n\t\treturn ctx.Err()\n\tdefault:\n\t}",
            "\tlog.Println(strings.Join(NAME, \", \"))",
        ],
        sql: &[
            "\trows, err := db.QueryContext(ctx, `SELECT m.id FROM TABLE_main m, FOREIGN_items i WHERE i.ref = m.id`)",
            "\t_, err = db.Exec(\"UPDATE TABLE_main SET state = $1 WHERE id = $2\", NAME, value.ID)",
        ],
    },
    Language {
        extension: "cs",
        head: &["using Shop.NAME;", "using System.Linq;"],
        open: "    /// <summary>Selects what is left of NAME.</summary>\n    public async Task<int> NAME(OTHER value)\n    {",
        close: "    }\n",
        lines: &[
            "        var NAME = value.OTHER.Where(own => own.NAME > 2).Select(own => own.Id).ToList();",
            "        // comes from OTHER",
            "        if (NAME.Count == 0) throw new InvalidOperationException(\"NAME\");",
            "        _logger.LogInformation(\"NAME {Id}\", value.Id);",
            "        var path = Path.Combine(root, \"OTHER\", \"NAME\");",
        ],
        sql: &[
            "        var NAME = await db.QueryAsync<int>(@\"select i.id from TABLE_items i inner join FOREIGN_main m on m.id = i.ref\");",
            "        await db.ExecuteAsync($\"delete from TABLE_main where id = {value.Id}\");",
        ],
    },
    Language {
        extension: "rb",
        head: &["require 'NAME'", "require_relative '../OTHER/NAME'"],
        open: "  # The NAME, taken from OTHER.\n  def NAME(value)",
        close: "  end\n",
        lines: &[
            "    NAME = value.OTHER.map(&:NAME).compact",
            "    raise ArgumentError, \"no NAME in #{value.OTHER}\" if NAME.empty?",
            "    logger.info { \"NAME: #{NAME.join(', ')}\" }",
            "    File.join(root, 'OTHER', NAME)",
        ],
        sql: &[
            "    connection.execute(<<~SQL)\n      SELECT m.id FROM TABLE_main m JOIN FOREIGN_items i ON i.ref = m.id\n    SQL",
        ],
    },
];

fn file(language: &Language, dice: &mut Dice, sql: Option<&str>) -> String {
    let mut text = String::new();
    for _ in 0..6 {
        text += &dice.filled(dice.clone().pick(language.head));
        text.push('\n');
    }
    let functions = 4 + dice.below(28);
    for _ in 0..functions {
        text.push('\n');
        text += &dice.filled(language.open);
        text.push('\n');
        for _ in 0..3 + dice.below(9) {
            let line = dice.pick(language.lines);
            text += &dice.filled(line);
            text.push('\n');
        }
        if let Some(context) = sql.filter(|_| dice.below(3) > 0) {
            let line = dice.pick(language.sql).replace("TABLE", context);
            // Most code keeps to its own tables.
            let other = if dice.below(40) == 0 {
                dice.pick(&CONTEXTS)
            } else {
                context
            };
            text += &dice.filled(&line.replace("FOREIGN", other));
            text.push('\n');
        }
        text += language.close;
    }
    text
}

const NAMES: [&str; 24] = [
    "basket", "voucher", "courier", "parcel", "ledger", "tariff", "reader", "margin", "window",
    "signal", "branch", "member", "ticket", "region", "method", "number", "portal", "filter",
    "driver", "bundle", "season", "review", "handle", "marker",
];

/// The same numbers each time: a linear congruential generator (Knuth's MMIX constants).
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit.max(1)
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    /// The line with names in it.
    fn filled(&mut self, line: &str) -> String {
        let name = format!("{}{}", self.pick(&NAMES), self.below(90));
        let other = self.pick(&NAMES);
        line.replace("NAME", &name).replace("OTHER", other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_each_time() {
        let folder = std::env::temp_dir().join(format!("freehold-tree-{}", std::process::id()));
        let written = write_some(&folder, 40_000, 20_000).expect("written");
        let again = write_some(&folder, 40_000, 20_000).expect("written");
        assert_eq!(written, again);
        assert!(written.files > 4 && written.sql_bytes >= 20_000);
        fs::remove_dir_all(folder).expect("removed");
    }
}
