"""Holds freehold's reader of SQL against other parsers, over statements of other people.

    prove-sql.py READER SOURCES [--show N] [DIALECT …]

READER is crates/sql's example `table_uses`; SOURCES the folder that scripts/prove-sql.sh made. For
PostgreSQL the other parser is PostgreSQL's own (pglast), for the rest sqlglot. A statement that the
other parser does not take says nothing and is left out; of each of the rest, the tables that both
name are counted. --show prints the first N differences of each dialect, for judging them.

`scripts/prove-sql.judged` lists the differences where the other parser is wrong, one a line:
dialect, a tab, the beginning of the statement with its white space made single.
"""

import ast
import collections
import glob
import logging
import os
import re
import subprocess
import sys

import pglast
import sqlglot
from pglast import ast as pg
from pglast.visitors import Visitor
from sqlglot import exp

logging.disable(logging.CRITICAL)

# What must be reached: F1 for PostgreSQL, recall for the others.
WANTED = {"postgres": 0.99, "mysql": 0.97, "sqlserver": 0.97, "oracle": 0.90}


# --- statements of others ---------------------------------------------------------------------


def psql_file(text):
    """A script of psql without what is not SQL: its commands, copied rows."""
    lines, rows = [], False
    for line in text.split("\n"):
        if rows:
            rows = line.strip() != "\\."
        elif re.match(r"\s*\\", line):
            continue
        else:
            rows = bool(re.search(r"(?i)^\s*copy\b.*\bfrom\s+stdin\b.*;\s*$", line))
            lines.append(re.sub(r"\\(gset|gexec|gdesc|g|crosstabview|bind).*$", ";", line))
    return "\n".join(lines)


def postgres(folder):
    files = glob.glob(folder + "/postgresql-*/src/test/**/*.sql", recursive=True)
    files += glob.glob(folder + "/postgresql-*/contrib/**/*.sql", recursive=True)
    for path in sorted(files):
        with open(path, encoding="utf-8", errors="replace") as file:
            text = psql_file(file.read())
        try:
            pieces = pglast.split(text, with_parser=False)
        except Exception:
            pieces = text.split(";\n")
        for piece in pieces:
            yield without_bodies(piece)
            # Bodies of functions in SQL are statements, too.
            for body in re.findall(r"(?is)\bas\s+\$(\w*)\$(.*?)\$\1\$", piece):
                if re.search(r"(?i)language\s+'?sql", piece):
                    yield from body[1].split(";")


def tests_of_sqlglot(folder, dialect):
    """The texts in sqlglot's own tests that are its statements in this dialect."""
    for path in glob.glob(f"{folder}/sqlglot-*/tests/dialects/test_{dialect}.py"):
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if " " in node.value.strip():
                    yield node.value


def mysql(folder):
    yield from tests_of_sqlglot(folder, "mysql")
    for path in sorted(glob.glob(folder + "/mariadb-*/mysql-test/**/*.test", recursive=True)):
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if re.search(r"(?im)^\s*delimiter\b", text):
            continue
        lines = [line for line in text.split("\n") if not re.match(r"\s*(--|#)", line)]
        for piece in "\n".join(lines).split(";\n"):
            if "$" not in piece and "`" * 3 not in piece:
                yield piece


def sqlserver(folder):
    yield from tests_of_sqlglot(folder, "tsql")
    yield from tests_of_sqlglot(folder, "fabric")
    for path in sorted(glob.glob(folder + "/tsql/**/*.sql", recursive=True)):
        with open(path, encoding="utf-8", errors="replace") as file:
            yield from re.split(r";\s*\n|\n\s*(?:GO|go)\s*\n", file.read())


def oracle(folder):
    yield from tests_of_sqlglot(folder, "oracle")
    for path in sorted(glob.glob(folder + "/plsql/**/*.sql", recursive=True)):
        with open(path, encoding="utf-8", errors="replace") as file:
            yield from re.split(r";\s*\n|\n/\s*\n", file.read())


# --- what the other parser says ---------------------------------------------------------------


class Ranges(Visitor):
    """Tables as PostgreSQL's own tree names them; CTEs by scope."""

    def __init__(self):
        super().__init__()
        self.found = collections.Counter()
        self.temporary = set()

    def visit_RangeVar(self, ancestors, node):
        if not self.is_cte(ancestors, node) and not self.is_no_table(ancestors):
            self.take(node)

    def take(self, node):
        if node.relpersistence == "t":
            self.temporary.add(node.relname.lower())  # Nobody's.
            return
        parts = [node.catalogname, node.schemaname, node.relname]
        self.found[".".join(part for part in parts if part).lower()] += 1

    def is_cte(self, ancestors, node):
        if node.schemaname:
            return False
        inner, place = None, ancestors
        while place is not None:
            holder, member = place.node, place.member
            clause = getattr(holder, "withClause", None) if not isinstance(holder, tuple) else None
            if clause is not None:
                target = member == "relation" and not isinstance(holder, pg.SelectStmt)
                names = [cte.ctename for cte in clause.ctes]
                if inner is not None and not clause.recursive:
                    names = names[:inner]
                if not target and node.relname in names:
                    return True
                inner = None
            if isinstance(holder, tuple) and isinstance(member, int) and place.parent is not None:
                if isinstance(place.parent.node, pg.WithClause):
                    inner = member
            place = place.parent
        return False

    NOT_TABLES = (
        pg.CreateSeqStmt, pg.AlterSeqStmt, pg.CompositeTypeStmt, pg.LockingClause,
        pg.ConstraintsSetStmt, pg.ImportForeignSchemaStmt,
    )

    def is_no_table(self, ancestors):
        holder = ancestors.node
        place = ancestors
        while isinstance(holder, tuple) and place.parent is not None:
            place = place.parent
            holder = place.node
        if isinstance(holder, self.NOT_TABLES):
            return True
        if isinstance(holder, pg.ReindexStmt):
            return holder.kind.name != "REINDEX_OBJECT_TABLE"
        while place is not None:
            if isinstance(place.node, pg.AlterTableStmt) and place.node.objtype.name == "OBJECT_INDEX":
                return True
            place = place.parent
        kind = getattr(holder, "objtype", None) or getattr(holder, "renameType", None)
        kind = getattr(holder, "objectType", None) if isinstance(holder, pg.AlterObjectSchemaStmt) else kind
        if kind is not None:
            return getattr(kind, "name", "") not in TABLE_KINDS
        return False

    def names(self, names):
        parts = [part.sval for part in names if isinstance(part, pg.String)]
        if parts:
            self.found[".".join(parts).lower()] += 1

    def visit_DropStmt(self, ancestors, node):
        if node.removeType.name in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"):
            for names in node.objects:
                self.names(names)
        elif node.removeType.name in ("OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"):
            for names in node.objects:
                self.names(names[:-1])

    def visit_RenameStmt(self, ancestors, node):
        if node.renameType.name in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"):
            self.found[node.newname.lower()] += 1

    def visit_CommentStmt(self, ancestors, node):
        if node.objtype.name in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"):
            self.names(node.object)
        elif node.objtype.name in ("OBJECT_COLUMN", "OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY", "OBJECT_TABCONSTRAINT"):
            self.names(node.object[:-1])


TABLE_KINDS = {
    "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE", "OBJECT_COLUMN",
    "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE", "OBJECT_TABCONSTRAINT", "OBJECT_PUBLICATION",
}


def by_postgres(statement):
    tree = pglast.parse_sql(statement)
    visitor = Ranges()
    for raw in tree:
        visitor(raw.stmt)
    for name in visitor.temporary:
        visitor.found.pop(name, None)
    return visitor.found


def is_no_table(table):
    """Routines, variables, locks' lists and temporary tables stand in sqlglot's trees as tables."""
    place = table
    identifier = table.this
    if identifier.args.get("temporary") or identifier.name.startswith("#"):
        return True
    if identifier.name.lower() == "dual" and not table.db:
        return True
    while place.parent is not None:
        child, place = place, place.parent
        if isinstance(place, exp.Index) and child is place.args.get("table"):
            return False
        if isinstance(place, exp.Alter) and (place.args.get("kind") or "").upper() == "INDEX":
            return True
        if isinstance(place, (exp.Create, exp.Drop)) and child in place.iter_expressions():
            kind = (place.args.get("kind") or "").upper()
            temporary = any(
                isinstance(own, exp.TemporaryProperty) for own in place.find_all(exp.TemporaryProperty)
            )
            return kind not in ("TABLE", "VIEW") or temporary
        if isinstance(place, (exp.UserDefinedFunction, exp.Execute, exp.Lock, exp.AnalyzeWith)):
            return True
        if isinstance(place, (exp.Grant, exp.Revoke)) and (place.args.get("kind") or "TABLE") != "TABLE":
            return True
        if isinstance(place, exp.Into) and not place.args.get("unlogged"):
            return child is place.this and place.args.get("bulk_collect") is not None
        if isinstance(place, (exp.Select, exp.Subquery)):
            return False
    return False


def by_sqlglot(dialect):
    def read(statement):
        found = collections.Counter()
        for tree in sqlglot.parse(statement, dialect=dialect):
            if tree is None:
                continue
            if isinstance(tree, exp.Command) or tree.find(exp.Command):
                raise ValueError("read as a command only")
            if isinstance(tree, (exp.Use, exp.Show)) or (
                isinstance(tree, exp.Drop) and tree.args.get("kind") == "INDEX"
            ):
                raise ValueError("not read as naming a table")
            if isinstance(tree, exp.Create) and tree.args.get("kind") in ("PROCEDURE", "FUNCTION", "TRIGGER"):
                raise ValueError("the body is not always read")
            if isinstance(tree, exp.Analyze) and str(tree.args.get("kind")).upper() != "TABLE":
                continue
            if dialect == "oracle" and tree.find(exp.Into):
                raise ValueError("INTO names variables")
            ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
            aliases = {own.alias.lower() for own in tree.find_all(exp.Table) if own.alias}
            for table in tree.find_all(exp.Table):
                if not isinstance(table.this, exp.Identifier) or is_no_table(table):
                    continue
                name = table.name.lower()
                if not table.db and name in ctes:
                    continue
                # UPDATE and DELETE name their table by its alias.
                if not table.db and not table.alias and name in aliases:
                    if isinstance(table.parent, (exp.Update, exp.Delete)):
                        continue
                parts = [part.name for part in table.parts]
                found[".".join(part for part in parts if part).lower()] += 1
            if isinstance(tree, exp.Comment) and isinstance(tree.this, exp.Column):
                parts = [part.name for part in tree.this.parts][:-1]
                found[".".join(parts).lower()] += 1
        return found

    return read


# --- the comparison ---------------------------------------------------------------------------


def ours(reader, dialect, statements):
    run = subprocess.run(
        [reader, dialect], input="".join(own + "\0" for own in statements).encode(),
        stdout=subprocess.PIPE, check=True,
    )
    for line in run.stdout.decode().split("\n")[:-1]:
        found = collections.Counter()
        for use in filter(None, line.split("\t")):
            found[".".join(filter(None, use.split(" ")[1].lower().split(".")))] += 1
        yield found


def flat_name(name):
    return re.sub(r"\s", "_", name)


def without_bodies(statement):
    """What is within the quotes of a body is another statement, or no SQL at all."""
    if re.search(r"(?i)\b(function|procedure)\b", statement):
        statement = re.sub(r"(?is)\bas\s+'([^']|'')*'", "AS ''", statement)
    return re.sub(r"(?s)(\$\w*\$).*?\1", "''", statement)


def collect(statements, read):
    """Statements that the other parser takes, each once."""
    kept, seen, refused = [], set(), 0
    for statement in statements:
        flat = " ".join(statement.split())
        if not flat or flat in seen or "\0" in statement or len(flat) > 20_000:
            continue
        seen.add(flat)
        try:
            kept.append((statement, read(statement)))
        except Exception:
            refused += 1
    return kept, refused


def compare(reader, dialect, kept, judged, show):
    hits = missed = false = other_wrong = 0
    differences = []
    for (statement, theirs), mine in zip(kept, ours(reader, dialect, [own for own, _ in kept])):
        # What is named once or five times in one statement is one use of it.
        theirs, mine = set(map(flat_name, theirs)), set(mine)
        if theirs != mine and any(" ".join(statement.split()).startswith(own) for own in judged):
            other_wrong += 1
            continue
        hits += len(theirs & mine)
        missed += len(theirs - mine)
        false += len(mine - theirs)
        if theirs != mine:
            differences.append((" ".join(statement.split())[:400], theirs - mine, mine - theirs))
    for statement, lost, more in differences[:show]:
        print(f"  - {statement}\n      missed {sorted(lost)}  more {sorted(more)}")
    recall = hits / max(1, hits + missed)
    precision = hits / max(1, hits + false)
    return hits + missed, recall, precision, len(differences), other_wrong


def main():
    arguments = sys.argv[1:]
    show = 0
    if "--show" in arguments:
        at = arguments.index("--show")
        show = int(arguments[at + 1])
        del arguments[at : at + 2]
    reader, folder, *only = arguments
    judged = collections.defaultdict(list)
    path = os.path.join(os.path.dirname(__file__), "prove-sql.judged")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                if "\t" in line and not line.startswith("#"):
                    dialect, start = line.rstrip("\n").split("\t", 1)
                    judged[dialect].append(start)
    parts = {
        "postgres": (postgres, by_postgres),
        "mysql": (mysql, by_sqlglot("mysql")),
        "sqlserver": (sqlserver, by_sqlglot("tsql")),
        "oracle": (oracle, by_sqlglot("oracle")),
    }
    failed = False
    for dialect, (statements, read) in parts.items():
        if only and dialect not in only:
            continue
        kept, refused = collect(statements(folder), read)
        names, recall, precision, differ, other_wrong = compare(
            reader, dialect, kept, judged[dialect], show
        )
        f1 = 2 * recall * precision / max(1e-9, recall + precision)
        reached = f1 if dialect == "postgres" else recall
        failed |= reached < WANTED[dialect] or names == 0
        print(
            f"{dialect}: {len(kept)} statements ({refused} not taken by the other parser), {names} tables: "
            f"recall {recall:.4f}, precision {precision:.4f}, F1 {f1:.4f}; {differ} statements differ, "
            f"in {other_wrong} more the other parser is wrong"
        )
    sys.exit(failed)


main()
