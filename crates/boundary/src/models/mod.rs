//! Classes that stand for tables: the models of object-relational mappers.
//!
//! Owns which class stands for which table, and what one model says about others. How each family
//! of libraries writes that down is in the files beside; who owns a table is not asked here.

mod dotnet;
mod jvm;
mod others;
mod prisma;
mod python;
mod script;

use std::collections::HashSet;

use crate::language::Language;
use crate::source::symbols::Symbols;
use crate::source::{Code, Kind};

/// A class and its table.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) class: String,
    /// As the code says it, with a schema before a dot; or the names that the library would make
    /// of the class, the likeliest first. None of an abstract class.
    pub(crate) tables: Vec<String>,
    /// It is a model only if one of these classes is one; empty: it is one.
    pub(crate) bases: Vec<String>,
    /// The code says the table; otherwise it is the library's custom.
    pub(crate) explicit: bool,
    /// The constant that says the table, which another file may hold.
    pub(crate) named: Option<String>,
    /// The package or namespace; empty where folders say it.
    pub(crate) package: String,
}

/// A repository: a class whose type says for which model it works.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub(crate) class: String,
    pub(crate) model: String,
    pub(crate) package: String,
    /// Its type says so; otherwise only its name, and it is one if there is such a model.
    pub(crate) sure: bool,
}

/// What one model says about another, or a table.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    /// The model that says it.
    pub(crate) class: String,
    /// What queries call it; empty where the code does not say.
    pub(crate) field: String,
    /// What queries of the target call the way back; empty: nothing, or the library's custom.
    pub(crate) back: String,
    pub(crate) target: Target,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// What a relation names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Class(String),
    Table(String),
}

/// All that a file says about models.
#[derive(Debug, Clone, Default)]
pub(crate) struct Models {
    pub(crate) classes: Vec<Model>,
    pub(crate) repositories: Vec<Repository>,
    pub(crate) relations: Vec<Relation>,
}

pub(crate) fn read(code: &Code, symbols: &Symbols) -> Models {
    let mut out = Models::default();
    match code.language {
        Language::Script => script::read(code, symbols, &mut out),
        Language::Python => python::read(code, &mut out),
        Language::Java | Language::Kotlin => jvm::read(code, symbols, &mut out),
        Language::CSharp => dotnet::read(code, symbols, &mut out),
        Language::Go | Language::Ruby | Language::Php | Language::Rust => {
            others::read(code, symbols, &mut out);
        }
        Language::Prisma => prisma::read(code, &mut out),
        Language::Sql | Language::Xml | Language::Yaml | Language::Properties => {}
    }
    by_name(code, &mut out);
    out
}

/// `class OrderRepository`, `interface IOrderDao`: a repository by its name.
fn by_name(code: &Code, out: &mut Models) {
    if !code.language.imports() || code.language == Language::Go {
        return;
    }
    let package = match code.language {
        Language::Script | Language::Python => String::new(),
        _ => package(code),
    };
    for at in 0..code.tokens.len() {
        if !code.is(at, "class") && !code.is(at, "interface") {
            continue;
        }
        let Some(class) = code.word(at + 1) else {
            continue;
        };
        let stem = ["Repository", "Dao", "DAO"]
            .iter()
            .find_map(|end| class.strip_suffix(end));
        // A contract that a model of the same name keeps.
        let contract = code.language == Language::Php
            && code.is(at, "interface")
            && package.ends_with(".Contracts");
        let Some(stem) = stem.or(contract.then_some(class)) else {
            continue;
        };
        let known = out.repositories.iter().any(|own| own.class == class);
        if stem.len() > 2 && !known {
            let interface = stem.starts_with('I') && stem[1..].starts_with(char::is_uppercase);
            let model = if interface { &stem[1..] } else { stem };
            out.repositories.push(Repository {
                class: class.to_owned(),
                model: model.to_owned(),
                package: package.clone(),
                sure: false,
            });
        }
    }
}

/// Keeps of all classes those that are models: by themselves, or by what they are derived from.
pub(crate) fn settle(all: &mut [&mut Models]) {
    let mut known: HashSet<String> = HashSet::new();
    loop {
        let before = known.len();
        for model in all.iter().flat_map(|models| &models.classes) {
            if model.bases.is_empty() || model.bases.iter().any(|base| known.contains(base)) {
                known.insert(model.class.clone());
            }
        }
        if known.len() == before {
            break;
        }
    }
    for models in all.iter_mut() {
        models.classes.retain(|model| {
            let is_model =
                model.bases.is_empty() || model.bases.iter().any(|base| known.contains(base));
            is_model && !model.tables.is_empty()
        });
    }
}

/// `package a.b.c`, `namespace A\B;`, `namespace A.B {`
pub(crate) fn package(code: &Code) -> String {
    let Some(at) = (0..code.tokens.len().min(4000))
        .find(|&i| code.is(i, "package") || code.is(i, "namespace"))
    else {
        return String::new();
    };
    let mut end = at + 1;
    let mut name = String::new();
    while let Some(token) = code.tokens.get(end) {
        match token.kind {
            Kind::Word if !token.fresh_line => name.push_str(&code.text[token.start..token.end]),
            Kind::Mark(b'.' | b'\\') => name.push('.'),
            _ => break,
        }
        end += 1;
    }
    name
}

/// `OrderItem`: `order_item`.
pub(crate) fn snake(class: &str) -> String {
    let mut out = String::new();
    let chars: Vec<char> = class.chars().collect();
    for (i, c) in chars.iter().enumerate() {
        let lower_before = i > 0 && !chars[i - 1].is_uppercase();
        let lower_behind = chars.get(i + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && i > 0 && chars[i - 1] != '_' && (lower_before || lower_behind) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// English plurals as the libraries form them.
pub(crate) fn plural(word: &str) -> String {
    if let Some(stem) = word.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'i', 'o', 'u'])
    {
        return format!("{stem}ies");
    }
    if word.ends_with(['s', 'x', 'z']) || word.ends_with("ch") || word.ends_with("sh") {
        return format!("{word}es");
    }
    if let Some(stem) = word.strip_suffix("person") {
        return format!("{stem}people");
    }
    format!("{word}s")
}

/// What libraries make of a class when nobody says the table.
fn customary(class: &str, plural_first: bool) -> Vec<String> {
    let one = snake(class);
    let many = plural(&one);
    if plural_first {
        vec![many, one]
    } else {
        vec![one, many]
    }
}

/// The class whose declaration begins at or behind token `at`, within reach of its annotations.
fn class_behind(code: &Code, mut at: usize) -> Option<(String, usize)> {
    let limit = at + 400;
    while at < limit.min(code.tokens.len()) {
        if code
            .word(at)
            .is_some_and(|word| matches!(word, "class" | "interface" | "record" | "struct"))
            && let Some(name) = code.word(at + 1)
            && !code.is_mark(at.wrapping_sub(1), b'.')
            && !code.is_mark(at.wrapping_sub(1), b':')
        {
            return Some((name.to_owned(), at + 1));
        }
        if code.is_mark(at, b'(') {
            at = code.partner(at);
        }
        // A block without a class: the annotation was of something else.
        if code.is_mark(at, b'{') || code.is_mark(at, b';') {
            return None;
        }
        at += 1;
    }
    None
}

/// In the arguments that open at `open`: the text given for `key`, by `=`, `:` or `=>`.
fn argument(code: &Code, open: usize, key: &str) -> Option<(String, usize)> {
    let close = code.partner(open);
    (open + 1..close.min(code.tokens.len())).find_map(|i| {
        if !code.is(i, key) {
            return None;
        }
        let value = if code.is_mark(i + 1, b'=') && code.is_mark(i + 2, b'>') {
            i + 3
        } else if matches!(code.mark(i + 1), Some(b'=' | b':')) {
            i + 2
        } else {
            return None;
        };
        code.plain(value).map(|text| (text, value))
    })
}

/// In the arguments that open at `open`: the constant given for `key`, as `Tables.ORDERS`.
fn constant(code: &Code, open: usize, key: &str) -> Option<String> {
    let close = code.partner(open).min(code.tokens.len());
    let value = (open + 1..close)
        .find(|&i| code.is(i, key) && matches!(code.mark(i + 1), Some(b'=' | b':')))?
        + 2;
    name_at(code, value)
}

/// A name with dots that begins at `at`.
fn name_at(code: &Code, mut at: usize) -> Option<String> {
    let mut name = code.word(at)?.to_owned();
    while code.is_mark(at + 1, b'.')
        && let Some(part) = code.word(at + 2)
    {
        name.push('.');
        name.push_str(part);
        at += 2;
    }
    Some(name)
}

/// `schema.table`, or the table alone.
fn qualified(schema: Option<String>, table: String) -> String {
    match schema.filter(|schema| !schema.is_empty()) {
        Some(schema) => format!("{schema}.{table}"),
        None => table,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_as_libraries_make_them() {
        assert_eq!(snake("OrderItem"), "order_item");
        assert_eq!(snake("HTTPLog"), "http_log");
        assert_eq!(plural("category"), "categories");
        assert_eq!(plural("address"), "addresses");
        assert_eq!(plural("day"), "days");
    }

    fn said(language: Language, text: &str) -> String {
        let code = Code::new(language, text);
        let mut found = read(&code, &Symbols::of(&code));
        settle(&mut [&mut found]);
        let mut said: Vec<String> = found
            .classes
            .iter()
            .map(|model| format!("{}={}", model.class, model.tables[0]))
            .collect();
        said.extend(
            found
                .repositories
                .iter()
                .filter(|own| own.sure)
                .map(|own| format!("{}~{}", own.class, own.model)),
        );
        said.extend(found.relations.iter().map(|own| match &own.target {
            Target::Class(class) => format!("{}->{class}", own.class),
            Target::Table(table) => format!("{}->[{table}]", own.class),
        }));
        said.join(" ")
    }

    #[test]
    fn each_family_is_read() {
        let cases = [
            (
                Language::Script,
                "@Entity({ name: 'customers', schema: 'crm' })\nexport class Customer { @ManyToOne(() => Account, a => a.id) account: Account }",
                "Customer=crm.customers Customer->Account",
            ),
            (
                Language::Script,
                "@Entity('orders') class Order {}\nclass R extends Repository<Order> {}",
                "Order=orders R~Order",
            ),
            (
                Language::Script,
                "const User = sequelize.define('User', { a: 1 }, { tableName: 'users' }); User.belongsTo(Team)",
                "User=users User->Team",
            ),
            (
                Language::Script,
                "class Book extends Model {}\nBook.init({ x: 1 }, { sequelize, tableName: 'books' })",
                "Book=books",
            ),
            (
                Language::Script,
                "export const carts = pgTable('carts', { u: integer('u').references(() => users.id) })",
                "carts=carts carts->users",
            ),
            (
                Language::Java,
                "package a.b;\n@Entity @Table(name = \"customers\", schema = \"crm\")\npublic class Customer { @ManyToOne @JoinColumn(name = \"x\") private Account account; @OneToMany private List<Order> orders; }",
                "Customer=crm.customers Customer->Account Customer->Order",
            ),
            (
                Language::Java,
                "interface CustomerRepository extends JpaRepository<Customer, Long> {}",
                "CustomerRepository~Customer",
            ),
            (
                Language::Python,
                "class Customer(Base):\n    __tablename__ = 'customers'\n    __table_args__ = {'schema': 'crm'}\n    team_id = Column(ForeignKey('teams.id'))\n    team = relationship('Team')\n",
                "Customer=crm.customers Customer->[teams] Customer->Team",
            ),
            (
                Language::Python,
                "class Order(models.Model):\n    customer = models.ForeignKey('crm.Customer', on_delete=models.CASCADE)\n    book = models.ForeignKey(Book)\n    class Meta:\n        db_table = 'orders'\n",
                "Order=orders Order->Customer Order->Book",
            ),
            (
                Language::Python,
                "class Named(models.Model):\n    class Meta:\n        abstract = True\nclass Order(Named):\n    x = 1\nclass Form(Other):\n    y = 2\n",
                "Order=*_order",
            ),
            (
                Language::Go,
                "func (Customer) TableName() string { return \"customers\" }",
                "Customer=customers",
            ),
            (
                Language::CSharp,
                "[Table(\"customers\", Schema = \"crm\")] public class Customer { public Account Account { get; set; } }",
                "Customer=crm.customers",
            ),
            (
                Language::CSharp,
                "class C { public DbSet<Order> Orders { get; set; } void M() { b.Entity<Order>().ToTable(\"orders\"); } }",
                "Order=orders",
            ),
            (
                Language::Ruby,
                "class Order < ApplicationRecord\n  self.table_name = 'shop_orders'\n  belongs_to :customer\nend",
                "Order=shop_orders Order->Customer",
            ),
            (
                Language::Php,
                "<?php class Order extends Model { protected $table = 'orders'; function c() { return $this->belongsTo(Customer::class); } }",
                "Order=orders Order->Customer",
            ),
            (
                Language::Rust,
                "diesel::table! { crm.customers (id) { id -> Int4, } }",
                "customers=crm.customers",
            ),
            (
                Language::Rust,
                "#[derive(DeriveEntityModel)] #[sea_orm(table_name = \"orders\")] pub struct Model { id: i32 }",
                "Model=orders",
            ),
            (
                Language::Prisma,
                "model Order {\n id Int @id\n customer Customer @relation(fields: [customerId], references: [id])\n items OrderItem[]\n @@map(\"orders\")\n}",
                "Order=orders Order->Customer",
            ),
        ];
        for (language, text, expected) in cases {
            assert_eq!(said(language, text), expected, "{text}");
        }
    }
}
