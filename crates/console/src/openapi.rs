//! A service's `OpenAPI` document (3.x, JSON), read leniently into what a page shows of it.
//!
//! Pure. References are followed within the document only, a few levels deep, so that neither a schema
//! that contains itself nor a document made to be large takes more than its share.

use serde_json::{Map, Value, json};

use crate::moment::{Api, Content, Field, Operation, Parameter, Reply, Within};

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];
/// More is left out.
const MOST_OPERATIONS: usize = 300;
const MOST_FIELDS: usize = 60;
const MOST_CHARS: usize = 600;
/// So deep fields are shown, and references followed.
const DEEP: usize = 5;
const LINKS: usize = 8;

/// Reads a document.
///
/// # Errors
/// In a sentence: it is no JSON, or no `OpenAPI` document of version 3.
pub fn read(text: &str) -> Result<Api, String> {
    let document: Value =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let version = document["openapi"].as_str().unwrap_or_default();
    if !version.starts_with("3.") {
        return Err("it is no OpenAPI document of version 3".to_owned());
    }
    let reader = Reader(&document);
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let item = reader.resolved(item);
        for (method, own) in item.as_object().into_iter().flatten() {
            if METHODS.contains(&method.as_str()) && operations.len() < MOST_OPERATIONS {
                operations.push(reader.operation(method, path, &item["parameters"], own));
            }
        }
    }
    Ok(Api {
        title: said(&document["info"]["title"]),
        version: said(&document["info"]["version"]),
        operations,
        trouble: String::new(),
    })
}

struct Reader<'a>(&'a Value);

impl<'a> Reader<'a> {
    /// What a reference leads to; what is none, itself.
    fn resolved(&self, value: &'a Value) -> &'a Value {
        let mut own = value;
        for _ in 0..LINKS {
            let Some(link) = own["$ref"].as_str() else {
                return own;
            };
            let found = link.strip_prefix('#').and_then(|at| self.0.pointer(at));
            let Some(found) = found else { break };
            own = found;
        }
        &Value::Null
    }

    fn operation(&self, method: &str, path: &str, shared: &'a Value, own: &'a Value) -> Operation {
        let lists = [shared, &own["parameters"]];
        let all = lists.into_iter().filter_map(Value::as_array).flatten();
        let mut parameters: Vec<Parameter> = Vec::new();
        for parameter in all.filter_map(|it| self.parameter(it)) {
            // An operation's own takes the place of its path's.
            parameters.retain(|it| (&it.name, it.within) != (&parameter.name, parameter.within));
            parameters.push(parameter);
        }
        let body = self.resolved(&own["requestBody"]);
        let answers = own["responses"].as_object().into_iter().flatten();
        Operation {
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: said(&own["summary"]),
            about: said(&own["description"]),
            parameters,
            body: self.content(body),
            answers: answers
                .map(|(status, it)| {
                    let it = self.resolved(it);
                    Reply {
                        status: status.clone(),
                        about: said(&it["description"]),
                        content: self.content(it),
                    }
                })
                .collect(),
        }
    }

    fn parameter(&self, value: &'a Value) -> Option<Parameter> {
        let own = self.resolved(value);
        let within = match own["in"].as_str()? {
            "path" => Within::Path,
            "query" => Within::Query,
            "header" => Within::Header,
            _ => return None,
        };
        let schema = self.resolved(&own["schema"]);
        let given = [&own["example"], &schema["example"], &schema["default"]];
        let example = given.into_iter().find(|it| !it.is_null());
        Some(Parameter {
            name: said(&own["name"]),
            within,
            required: own["required"] == true || within == Within::Path,
            kind: kind(schema),
            about: said(&own["description"]),
            example: example.map(plain).unwrap_or_default(),
        })
    }

    /// Of several media the JSON one, else the first.
    fn content(&self, own: &'a Value) -> Option<Content> {
        let all = own["content"].as_object()?;
        let json = all.iter().find(|(media, _)| media.contains("json"));
        let (media, of) = json.or_else(|| all.iter().next())?;
        let mut fields = Vec::new();
        self.fields("", &of["schema"], 0, &mut fields);
        let example = match &of["example"] {
            Value::Null => self.example(&of["schema"], 0),
            given => given.clone(),
        };
        Some(Content {
            media: media.clone(),
            required: own["required"] == true,
            fields,
            example: match example {
                Value::Null => String::new(),
                other => format!("{other:#}"),
            },
        })
    }

    /// A line for each field, with the way to it.
    fn fields(&self, within: &str, schema: &'a Value, depth: usize, out: &mut Vec<Field>) {
        let schema = self.resolved(schema);
        if depth >= DEEP || out.len() >= MOST_FIELDS {
            return;
        }
        if let Some(items) = schema.get("items") {
            return self.fields(&format!("{within}[]"), items, depth + 1, out);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.fields(within, part, depth + 1, out);
        }
        let required = schema["required"].as_array();
        for (name, own) in schema["properties"].as_object().into_iter().flatten() {
            if out.len() >= MOST_FIELDS {
                return;
            }
            let own = self.resolved(own);
            let name_of = if within.is_empty() {
                name.clone()
            } else {
                format!("{within}.{name}")
            };
            out.push(Field {
                name: name_of.clone(),
                required: required.is_some_and(|all| all.iter().any(|it| it == name)),
                kind: kind(own),
                about: said(&own["description"]),
            });
            self.fields(&name_of, own, depth + 1, out);
        }
    }

    /// Something that fits, of what the schema itself gives.
    fn example(&self, schema: &'a Value, depth: usize) -> Value {
        let schema = self.resolved(schema);
        if depth >= DEEP {
            return Value::Null;
        }
        let given = [
            &schema["example"],
            &schema["examples"][0],
            &schema["default"],
            &schema["const"],
            &schema["enum"][0],
        ];
        if let Some(given) = given.into_iter().find(|own| !own.is_null()) {
            return given.clone();
        }
        let mut fields = Map::new();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            if let Value::Object(own) = self.example(part, depth + 1) {
                fields.extend(own);
            }
        }
        for (name, own) in schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .take(MOST_FIELDS)
        {
            fields.insert(name.clone(), self.example(own, depth + 1));
        }
        if !fields.is_empty() {
            return Value::Object(fields);
        }
        match type_of(schema) {
            "array" => json!([self.example(&schema["items"], depth + 1)]),
            "object" => json!({}),
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(0)),
            "boolean" => json!(false),
            "string" => json!(""),
            _ => Value::Null,
        }
    }
}

/// Of several types the first that is not null.
fn type_of(schema: &Value) -> &str {
    match &schema["type"] {
        Value::Array(all) => {
            let mut all = all.iter().filter_map(Value::as_str);
            all.find(|own| *own != "null").unwrap_or_default()
        }
        own => own.as_str().unwrap_or_default(),
    }
}

/// A schema's type in a few words.
fn kind(schema: &Value) -> String {
    let mut words = match type_of(schema) {
        "string" => "text".to_owned(),
        "array" => "list".to_owned(),
        "" if schema.get("properties").is_some() => "object".to_owned(),
        "" => "anything".to_owned(),
        other => other.to_owned(),
    };
    for (key, word) in [
        ("format", ""),
        ("minimum", "from "),
        ("maximum", "to "),
        ("maxLength", "at most "),
    ] {
        if let Some(own) = schema.get(key) {
            words = format!("{words}, {word}{}", plain(own));
        }
    }
    if let Some(all) = schema["enum"].as_array() {
        let all: Vec<_> = all.iter().take(12).map(plain).collect();
        words = format!("{words}, one of {}", all.join(", "));
    }
    cut(&words)
}

/// A text without its quotes.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn said(value: &Value) -> String {
    cut(value.as_str().unwrap_or_default())
}

fn cut(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> Api {
        let document = json!({
            "openapi": "3.1.0", "info": { "title": "orders", "version": "2" },
            "paths": {
                "/orders": { "post": {
                    "summary": "Places an order",
                    "requestBody": { "required": true, "content": { "text/csv": {}, "application/json": { "schema": { "$ref": "#/components/schemas/Order" } } } },
                    "responses": { "201": { "description": "placed", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Order" } } } } }
                } },
                "/orders/{id}": {
                    "parameters": [{ "name": "id", "in": "path", "schema": { "type": "integer" } }],
                    "get": { "parameters": [{ "$ref": "#/components/parameters/limit" }, { "name": "id", "in": "path", "schema": { "type": "string", "example": "A-7" } }] }
                }
            },
            "components": {
                "parameters": { "limit": { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "default": 50 } } },
                "schemas": { "Order": { "type": "object", "required": ["items"], "properties": {
                    "customerId": { "type": "integer", "example": 3 },
                    "items": { "type": "array", "items": { "type": "object", "properties": { "bookId": { "type": "integer" } } } },
                    "before": { "$ref": "#/components/schemas/Order" }
                } } }
            }
        });
        read(&document.to_string()).expect("a document")
    }

    #[test]
    fn operations_with_their_fields() {
        let api = orders();
        assert_eq!((api.title.as_str(), api.operations.len()), ("orders", 2));
        let body = api
            .operation("POST", "/orders")
            .and_then(|own| own.body.clone())
            .expect("a body");
        assert!(body.required && body.media == "application/json");
        let names: Vec<_> = body
            .fields
            .iter()
            .map(|own| (own.name.as_str(), own.required))
            .collect();
        assert_eq!(
            names[..3],
            [
                ("customerId", false),
                ("items", true),
                ("items[].bookId", false)
            ]
        );
        let example: Value = serde_json::from_str(&body.example).expect("JSON");
        assert_eq!(example["customerId"], 3);
        assert_eq!(example["items"], json!([{ "bookId": 0 }]));
        let show = api.operation("GET", "/orders/{id}").expect("described");
        let seen: Vec<_> = show
            .parameters
            .iter()
            .map(|own| {
                (
                    own.name.as_str(),
                    own.kind.as_str(),
                    own.example.as_str(),
                    own.required,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("limit", "integer, from 1", "50", false),
                ("id", "text", "A-7", true)
            ]
        );
    }

    #[test]
    fn one_that_contains_itself_ends() {
        let body = orders().operations[0].body.clone().expect("a body");
        assert!(body.fields.len() <= MOST_FIELDS, "{}", body.fields.len());
        let endless = json!({ "openapi": "3.0.0", "paths": { "/x": { "get": { "requestBody": { "$ref": "#/a" } } } }, "a": { "$ref": "#/a" } });
        assert_eq!(
            read(&endless.to_string()).map(|own| own.operations[0].body.clone()),
            Ok(None)
        );
    }

    #[test]
    fn what_is_none_is_said() {
        assert!(read("<html>").is_err_and(|own| own.contains("no JSON")));
        assert!(read("{\"swagger\": \"2.0\"}").is_err_and(|own| own.contains("version 3")));
    }
}
