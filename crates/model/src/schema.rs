//! The JSON Schemas of the files, from the serde types: one source for editors and for
//! [`crate::shape`].
//!
//! What may be left out may also be written as null, which says the same. The environment's
//! schema is the system's with everything optional, null everywhere (it deletes) and `override`.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::service_file::ServiceFile;
use crate::system_file::{ServersFile, SystemFile};

/// The JSON Schemas of the description's files: an object with the keys `system`
/// (`freehold.yaml`), `environment` (`environments/*.yaml`), `service` (`service.yaml`) and
/// `servers` (the file of `--servers FILE`), each complete in itself.
pub fn json_schema() -> Value {
    json!({
        "system": system_schema(),
        "environment": environment_schema(),
        "service": service_schema(),
        "servers": servers_schema(),
    })
}

pub(crate) fn system_schema() -> Value {
    schema_of::<SystemFile>("freehold.yaml")
}

pub(crate) fn service_schema() -> Value {
    schema_of::<ServiceFile>("service.yaml")
}

pub(crate) fn servers_schema() -> Value {
    schema_of::<ServersFile>("the file of --servers FILE")
}

pub(crate) fn environment_schema() -> Value {
    let mut generator = generator();
    let service = generator.subschema_for::<ServiceFile>();
    let mut schema = generator.into_root_schema_for::<SystemFile>().to_value();
    schema["title"] = "environments/*.yaml".into();
    schema["description"] =
        "Merged over freehold.yaml: maps merge, lists replace, null deletes.".into();
    schema["properties"]["override"] = json!({
        "description": "Merged over the files of services, by service name; paths in it are relative to the service's folder.",
        "type": "object",
        "additionalProperties": service,
    });
    each_object(&mut schema, &|object| {
        object.remove("required");
        allow_null_in(object, |_| true);
        if let Some(other) = object
            .get_mut("additionalProperties")
            .filter(|it| it.is_object())
        {
            allow_null(other);
        }
    });
    schema
}

pub(crate) fn schema_of<T: JsonSchema>(title: &str) -> Value {
    let mut schema = generator().into_root_schema_for::<T>().to_value();
    schema["title"] = title.into();
    each_object(&mut schema, &|object| {
        let required = object.get("required").cloned().unwrap_or_default();
        let required = required.as_array().cloned().unwrap_or_default();
        allow_null_in(object, |name| !required.iter().any(|it| it == name));
    });
    schema
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().into_generator()
}

/// The root and each definition, where the objects with known keys stand, and the maps of free
/// names below them.
fn each_object(schema: &mut Value, change: &dyn Fn(&mut Map<String, Value>)) {
    let Some(root) = schema.as_object_mut() else {
        return;
    };
    let definitions = root.get_mut("$defs").and_then(Value::as_object_mut);
    for definition in definitions.into_iter().flat_map(Map::values_mut) {
        if let Some(definition) = definition.as_object_mut() {
            change_with_maps(definition, change);
        }
    }
    change_with_maps(root, change);
}

fn change_with_maps(object: &mut Map<String, Value>, change: &dyn Fn(&mut Map<String, Value>)) {
    change(object);
    let properties = object.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut) {
        if let Some(map) = property
            .as_object_mut()
            .filter(|it| it.contains_key("additionalProperties"))
        {
            change(map);
        }
    }
}

fn allow_null_in(object: &mut Map<String, Value>, which: impl Fn(&str) -> bool) {
    let properties = object.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if which(name) {
            allow_null(property);
        }
    }
}

fn allow_null(schema: &mut Value) {
    let null = json!({ "type": "null" });
    let already = match &schema["type"] {
        Value::Array(types) => types.iter().any(|it| it == "null"),
        _ => schema["anyOf"]
            .as_array()
            .is_some_and(|any| any.contains(&null)),
    };
    if already || schema == &Value::Bool(true) {
        return;
    }
    let plain = std::mem::take(schema);
    *schema = if let (Value::String(name), None) = (&plain["type"], plain.get("enum")) {
        let types = json!([name, "null"]);
        let mut schema = plain;
        schema["type"] = types;
        schema
    } else {
        // The description stays outside, where editors look for it.
        let description = plain.get("description").cloned();
        let mut schema = json!({ "anyOf": [plain, (null)] });
        if let Some(description) = description {
            schema["description"] = description;
        }
        schema
    };
}
