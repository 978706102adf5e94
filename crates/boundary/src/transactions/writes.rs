//! Writes that name a model instead of a table.
//!
//! Owns the verbs of mappers and where the model stands beside them. Whether a name is a model is
//! not asked here.

use super::ModelWrite;
use crate::source::Code;
use crate::spot::Spot;

pub(super) fn read(code: &Code, spot: &dyn Fn(usize, usize) -> Spot) -> Vec<ModelWrite> {
    let mut found = Vec::new();
    for at in 0..code.tokens.len() {
        let Some(verb) = code.word(at) else { continue };
        let bang = code.is_mark(at + 1, b'!');
        if !code.is_mark(at + 1, b'(') && !bang || !is_verb(verb) {
            continue;
        }
        let model = before(code, at).or_else(|| behind(code, at + 1 + usize::from(bang)));
        if let Some((class, place)) = model {
            let token = code.tokens[place];
            found.push(ModelWrite {
                class,
                verb: verb.to_owned(),
                spot: spot(token.start, token.end),
            });
        }
    }
    found
}

fn is_verb(word: &str) -> bool {
    matches!(
        word,
        "create"
            | "insert"
            | "insertMany"
            | "insertOne"
            | "insert_all"
            | "bulk_create"
            | "bulkCreate"
            | "bulk_update"
            | "update"
            | "updateOne"
            | "updateMany"
            | "update_all"
            | "update_or_create"
            | "updateOrCreate"
            | "get_or_create"
            | "firstOrCreate"
            | "findOrCreate"
            | "find_or_create_by"
            | "delete"
            | "deleteAll"
            | "deleteById"
            | "deleteMany"
            | "delete_all"
            | "destroy"
            | "destroy_all"
            | "upsert"
            | "save"
            | "saveAll"
            | "saveAndFlush"
            | "insertGetId"
            | "create_or_update"
            | "Create"
            | "CreateInBatches"
            | "Save"
            | "Updates"
            | "Update"
            | "Delete"
            | "FirstOrCreate"
            | "add"
            | "add_all"
            | "persist"
            | "merge"
            | "Add"
            | "AddAsync"
            | "AddRange"
            | "Remove"
            | "RemoveRange"
            | "remove"
            | "Insert"
            | "InsertAsync"
            | "UpdateAsync"
            | "DeleteAsync"
            | "softDelete"
            | "increment"
            | "decrement"
            | "persistAndFlush"
    )
}

/// `Order.create(`, `Order.objects.create(`, `Order::create(`, `orderRepository.save(`,
/// `getRepository(Order).save(`, `context.Orders.Add(`.
fn before(code: &Code, at: usize) -> Option<(String, usize)> {
    let mut end = step_back(code, at)?;
    if code.is_mark(end, b')') {
        let open = code.partner(end);
        let called = open.checked_sub(1)?;
        // `Order.objects.filter(…).update(`, `Order::where(…)->delete(`
        if let Some(root) = root(code, called) {
            return Some(root);
        }
        let takes = code.word(called).is_some_and(|word| {
            matches!(
                word,
                "getRepository" | "get_repository" | "Set" | "model" | "Model" | "query" | "table"
            )
        });
        let mut place = open + 1;
        while code.is_mark(place, b'&') || code.is(place, "new") {
            place += 1;
        }
        return takes.then(|| class_at(code, place)).flatten();
    }
    if code.is(end, "objects") {
        end = step_back(code, end)?;
    }
    let word = code.word(end)?;
    let bare = word.trim_start_matches(['$', '_']);
    let stem = [
        "Repository",
        "Repo",
        "Dao",
        "DAO",
        "repository",
        "_repo",
        "_repository",
    ]
    .iter()
    .find_map(|end| bare.strip_suffix(end))
    .unwrap_or(bare);
    class(stem).map(|class| (class, end))
}

/// The class at the beginning of a chain of calls.
fn root(code: &Code, mut at: usize) -> Option<(String, usize)> {
    for _ in 0..30 {
        let before = step_back(code, at)?;
        at = if code.is_mark(before, b')') {
            code.partner(before).checked_sub(1)?
        } else if code.is(before, "objects") {
            before
        } else {
            let word = code.word(before)?;
            return word
                .starts_with(|c: char| c.is_ascii_uppercase())
                .then(|| (word.to_owned(), before));
        };
    }
    None
}

/// Before the dot, arrow or colons that stand before `at`.
fn step_back(code: &Code, at: usize) -> Option<usize> {
    let dot = at.checked_sub(1)?;
    if code.is_mark(dot, b'.') {
        let before = dot.checked_sub(1)?;
        return if code.is_mark(before, b'?') {
            before.checked_sub(1)
        } else {
            Some(before)
        };
    }
    let double = code.is_mark(dot, b':') && code.is_mark(dot.checked_sub(1)?, b':')
        || code.is_mark(dot, b'>') && code.is_mark(dot.checked_sub(1)?, b'-');
    double.then(|| dot.checked_sub(2)).flatten()
}

/// `add(Order(…))`, `Create(&models.Order{…})`, `save(Order, …)`, `persist(new Order(…))`,
/// `save(order)`: what is handed over is, or is called like, a model.
fn behind(code: &Code, open: usize) -> Option<(String, usize)> {
    let mut place = open + 1;
    while code.is_mark(place, b'&') || code.is_mark(place, b'*') || code.is(place, "new") {
        place += 1;
    }
    class_at(code, place)
}

/// The class that is named at `at`, past its package.
fn class_at(code: &Code, mut at: usize) -> Option<(String, usize)> {
    while code.is_mark(at + 1, b'.') && code.word(at + 2).is_some() {
        at += 2;
    }
    let word = code.word(at)?.trim_start_matches(['$', '_']);
    class(word).map(|class| (class, at))
}

/// `order` and `Order` may mean the model `Order`.
fn class(word: &str) -> Option<String> {
    let mut chars = word.chars();
    let first = chars.next()?;
    let named = first.is_ascii_alphabetic() && word.len() > 2;
    let camel: String = word
        .split('_')
        .map(|part| {
            let mut chars = part.chars();
            chars.next().map_or(String::new(), |first| {
                first.to_uppercase().chain(chars).collect()
            })
        })
        .collect();
    named.then_some(camel)
}
