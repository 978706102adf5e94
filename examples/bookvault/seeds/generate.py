#!/usr/bin/env python3
"""Writes BookVault's seeds from catalogue.txt and customers.txt.

    generate.py            writes services/*/seeds/<engine>/*.sql
    generate.py --check    writes nothing; exit 1 when a file on disk is not what would be written

The same input gives the same bytes: prices, stock and the like come from a hash over SEED, never
from a random generator or a clock. Rules that every seed keeps:

- Ids up to 100000 are the seeds' own; the tables' own numbering starts above.
- Seeding again changes nothing. Facts of a book that were corrected here are corrected there,
  and its version counts up; what the shop itself changes (prices, stock, people) is left alone.
- The reverse removes the seed's rows by id and leaves a row that others have come to need.
"""

import hashlib
import json
import re
import sys
from pathlib import Path

SEED = 1837
HERE = Path(__file__).resolve().parent
SERVICES = HERE.parent / "services"
ENGINES = ("postgres", "mysql", "sqlite")
ROWS_PER_STATEMENT = 200
NOW = {
    "postgres": "now()",
    "mysql": "UTC_TIMESTAMP(6)",
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
}

CATEGORIES = {
    "fiction": "Novels",
    "adventure": "Adventure",
    "mystery": "Crime and Mystery",
    "science-fiction": "Science Fiction",
    "horror": "Gothic and Horror",
    "fantasy": "Fantasy",
    "children": "Children's Books",
    "short-stories": "Short Stories",
    "drama": "Plays",
    "poetry": "Poetry",
    "epic": "Epics and Myths",
    "philosophy": "Philosophy",
    "science": "Science",
    "history": "History",
    "politics": "Politics and Economics",
    "essays": "Essays",
    "biography": "Lives and Letters",
    "travel": "Travel",
}


def main():
    files = {}
    for engine in ENGINES:
        for service, seeds in (
            ("catalog", catalog(engine)),
            ("customers", customers(engine)),
            ("payment", payment(engine)),
        ):
            for name, sql in seeds.items():
                files[SERVICES / service / "seeds" / engine / name] = sql.encode()
    if "--check" in sys.argv[1:]:
        check(files)
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    print(f"{len(files)} files written")


def check(files):
    stale = [p for p, content in files.items() if not p.is_file() or p.read_bytes() != content]
    extra = {p for folder in {f.parent for f in files} for p in folder.glob("*")} - set(files)
    for path in sorted({*stale, *extra}):
        print(f"differs: {path.relative_to(SERVICES.parent)}")
    print(f"{len(files)} files, {len(stale) + len(extra)} differ")
    sys.exit(1 if stale or extra else 0)


# What the seeds hold


def catalog(engine):
    authors, books = read_catalogue()
    slugs = list(CATEGORIES)
    category_rows = [(i, slug, name) for i, (slug, name) in enumerate(CATEGORIES.items(), 1)]
    book_rows = [
        (
            book_id,
            f"BK-{book_id:04}",
            book["title"],
            book["author_id"],
            slugs.index(book["category"]) + 1,
            book["year"],
            199 + 50 * draw(3, 36, "price", book["title"]),
            "GBP",
            {"format": ("paperback", "hardback", "pocket")[draw(0, 2, "format", book["title"])],
             "language": book["language"]},
        )
        for book_id, book in enumerate(books, 1)
    ]
    stock_rows = [
        (book_id, draw(0, 60, "stock", book["title"]), draw(2, 8, "reorder", book["title"]))
        for book_id, book in enumerate(books, 1)
    ]
    source = "catalogue.txt"
    return {
        **seed(engine, source, "01_categories", "categories", ("category_id", "slug", "name"),
               category_rows, correct=("slug", "name"), needed_by=("books",)),
        **seed(engine, source, "02_authors", "authors",
               ("author_id", "name", "birth_year", "death_year"), authors,
               correct=("name", "birth_year", "death_year"), needed_by=("books",)),
        **seed(engine, source, "03_books", "books",
               ("book_id", "sku", "title", "author_id", "category_id", "first_published",
                "price_cents", "currency", "metadata"), book_rows,
               correct=("sku", "title", "author_id", "category_id", "first_published", "metadata"),
               versioned=True, needed_by=("inventory",)),
        **seed(engine, source, "04_inventory", "inventory",
               ("book_id", "quantity", "reorder_level"), stock_rows),
    }


def customers(engine):
    people, addresses = read_customers()
    customer_rows = [
        (i, p["mail"], p["name"], p["country"], p["active"], 10 * draw(0, 40, "points", p["mail"]))
        for i, p in enumerate(people, 1)
    ]
    preference_rows = [
        (i, p["language"], p["currency"], bool(draw(0, 1, "newsletter", p["mail"])))
        for i, p in enumerate(people, 1)
    ]
    source = "customers.txt"
    return {
        **seed(engine, source, "01_customers", "customers",
               ("customer_id", "email", "name", "country", "is_active", "loyalty_points"),
               customer_rows, needed_by=("customer_addresses", "customer_preferences")),
        **seed(engine, source, "02_addresses", "customer_addresses",
               ("address_id", "customer_id", "label", "name", "line1", "city", "postcode",
                "country", "is_default"), addresses),
        **seed(engine, source, "03_preferences", "customer_preferences",
               ("customer_id", "language", "currency", "newsletter"), preference_rows),
    }


def payment(engine):
    people, _ = read_customers()
    rows = [
        (
            i,
            i,
            "card",
            f"tok_seed_{i:04}",
            ("Visa", "Mastercard")[draw(0, 1, "brand", p["mail"])],
            f"{draw(0, 9999, 'last4', p['mail']):04}",
            draw(1, 12, "month", p["mail"]),
            draw(2029, 2032, "year", p["mail"]),
        )
        for i, p in enumerate(people, 1)
    ]
    return seed(engine, "customers.txt", "01_payment_methods", "payment_methods",
                ("payment_method_id", "customer_id", "kind", "provider_token", "brand", "last4",
                 "expiry_month", "expiry_year"), rows, needed_by=("payments",))


def draw(low, high, *key):
    """A number from low to high that depends on SEED and the key alone."""
    digest = hashlib.sha256("/".join((str(SEED), *key)).encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % (high - low + 1)


# The two text files


def lines(name):
    for number, line in enumerate((HERE / name).read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield f"{name}:{number}", line


def read_catalogue():
    authors, books, ids, language = [], [], {}, None
    for place, line in lines("catalogue.txt"):
        if not line.startswith(" "):
            name, born, died, language = (part.strip() for part in line.split("|"))
            if name not in ids:
                ids[name] = len(ids) + 1
                authors.append((ids[name], name, number(born), number(died)))
            author_id = ids[name]
            continue
        category, year, title = line.split(maxsplit=2)
        if category not in CATEGORIES:
            sys.exit(f"{place}: no such category: {category}")
        other = re.fullmatch(r"(.+) \[(\w+)\]", title)
        title, original = other.groups() if other else (title, language)
        books.append({"title": title, "author_id": author_id, "category": category,
                      "year": number(year), "language": original})
    return authors, books


def read_customers():
    people, addresses = [], []
    for _, line in lines("customers.txt"):
        parts = [part.strip() for part in line.strip().removeprefix("+").split("|")]
        if line.startswith(" "):
            label, street, city, postcode, country = parts
        else:
            name, mail, country, language, currency, street, city, postcode, *flags = parts
            label = "home"
            people.append({"name": name, "mail": mail, "country": country, "language": language,
                           "currency": currency, "active": "inactive" not in flags})
        addresses.append((len(addresses) + 1, len(people), label, name, street, city, postcode,
                          country, label == "home"))
    return people, addresses


def number(text):
    return None if text in ("?", "-") else int(text)


# SQL


def seed(engine, source, file, table, columns, rows, correct=(), versioned=False, needed_by=()):
    """The seed's file and its reverse. `columns[0]` is the table's key; its values are 1..n.

    `correct`: columns that a further run puts right; without them it leaves existing rows alone.
    `needed_by`: tables with the same-named key, whose rows keep a row from being removed.
    """
    key = columns[0]
    head = f"-- Written by seeds/generate.py from seeds/{source}; change those, not this file.\n"
    again = on_conflict(engine, table, key, correct, versioned)
    up = head
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        values = (
            "    (" + ", ".join(literal(value) for value in row) + ")"
            for row in rows[start : start + ROWS_PER_STATEMENT]
        )
        up += f"\nINSERT INTO {table} ({', '.join(columns)}) VALUES\n"
        up += ",\n".join(values) + f"\n{again};\n"
    down = head + f"\nDELETE FROM {table}\nWHERE {key} BETWEEN 1 AND {len(rows)}"
    for other in needed_by:
        down += f"\n  AND NOT EXISTS (SELECT 1 FROM {other} WHERE {other}.{key} = {table}.{key})"
    return {f"{file}.up.sql": up, f"{file}.down.sql": down + ";\n"}


def on_conflict(engine, table, key, correct, versioned):
    if engine == "mysql":
        return on_duplicate_key(key, correct, versioned)
    if not correct:
        return "ON CONFLICT DO NOTHING"
    sets = [f"{c} = EXCLUDED.{c}" for c in correct]
    if versioned:
        sets += [f"version = {table}.version + 1", f"updated_at = {NOW[engine]}"]
    old = ", ".join(f"{table}.{c}" for c in correct)
    new = ", ".join(f"EXCLUDED.{c}" for c in correct)
    return (
        f"ON CONFLICT ({key}) DO UPDATE SET\n    " + ",\n    ".join(sets)
        + f"\nWHERE ({old})\n    IS DISTINCT FROM ({new})"
    )


def on_duplicate_key(key, correct, versioned):
    """MySQL assigns from left to right: what compares old and new values comes first.

    VALUES() and not a row alias, which MariaDB does not know; a title is compared by its bytes,
    since the table's collation takes a corrected accent or capital for the same text.
    """
    if not correct:
        return f"ON DUPLICATE KEY UPDATE {key} = {key}"
    sets = [f"{c} = VALUES({c})" for c in correct]
    if versioned:
        old = ", ".join(f"CAST({c} AS BINARY)" if c == "title" else c for c in correct)
        new = ", ".join(f"CAST(VALUES({c}) AS BINARY)" if c == "title" else f"VALUES({c})"
                        for c in correct)
        same = f"({old}) <=> ({new})"
        sets = [f"version = version + IF({same}, 0, 1)",
                f"updated_at = IF({same}, updated_at, {NOW['mysql']})", *sets]
    return "ON DUPLICATE KEY UPDATE\n    " + ",\n    ".join(sets)


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if "\\" in value:
        raise ValueError(f"a backslash means different things to different engines: {value}")
    return "'" + value.replace("'", "''") + "'"


if __name__ == "__main__":
    main()
