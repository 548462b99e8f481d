//! The engine under expressions: minijinja with strict undefined values, fuel, and no builtins but our functions.
//!
//! Typed values of nodes travel through the engine as objects that keep their type: `first(nodes.a.media)` is still
//! media when it comes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Environment, UndefinedBehavior};

use super::functions;
use crate::value::Value;

/// Steps one expression may take.
const FUEL: u64 = 10_000;

/// Longest text an expression may make, bytes.
const MAX_RESULT_BYTES: usize = 1024 * 1024;

/// A typed value inside the engine: fields can be read, the whole passes through unchanged.
#[derive(Debug)]
struct Typed {
    value: Value,
    fields: serde_json::Value,
}

impl Object for Typed {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        self.fields.get(key.as_str()?).map(from_json)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match &self.fields {
            serde_json::Value::Object(fields) => {
                Enumerator::Values(fields.keys().map(minijinja::Value::from).collect())
            }
            _ => Enumerator::Empty,
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    functions::register(&mut environment);
    environment
}

/// Why the text is not an expression, as a lower-case fragment.
pub(super) fn check_syntax(source: &str) -> Result<(), String> {
    environment()
        .compile_expression(source)
        .map(|_| ())
        .map_err(|error| message(&error))
}

/// Evaluates an expression over the values of its references.
pub(super) fn evaluate(
    source: &str,
    roots: BTreeMap<String, minijinja::Value>,
) -> Result<Value, String> {
    let environment = environment();
    let expression = environment
        .compile_expression(source)
        .map_err(|error| message(&error))?;
    let result = expression
        .eval(minijinja::Value::from(roots))
        .map_err(|error| message(&error))?;
    from_engine(&result)
}

fn message(error: &minijinja::Error) -> String {
    let detail = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    match error.kind() {
        minijinja::ErrorKind::UndefinedError => format!("a value is not there: {detail}"),
        minijinja::ErrorKind::OutOfFuel => "the expression takes too many steps".to_owned(),
        _ => detail,
    }
}

/// A value as the engine sees it.
pub(super) fn to_engine(value: &Value) -> minijinja::Value {
    match value {
        Value::Null => minijinja::Value::from(()),
        Value::Bool(yes) => minijinja::Value::from(*yes),
        Value::Int(number) => minijinja::Value::from(*number),
        Value::Float(number) => minijinja::Value::from(*number),
        Value::Text(text) => minijinja::Value::from(text.as_str()),
        Value::List(items) => {
            minijinja::Value::from(items.iter().map(to_engine).collect::<Vec<_>>())
        }
        Value::Record(fields) => minijinja::Value::from(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), to_engine(value)))
                .collect::<BTreeMap<_, _>>(),
        ),
        typed => minijinja::Value::from_object(Typed {
            fields: typed.to_json(),
            value: typed.clone(),
        }),
    }
}

fn from_json(json: &serde_json::Value) -> minijinja::Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => minijinja::Value::from(()),
        Json::Bool(yes) => minijinja::Value::from(*yes),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => minijinja::Value::from(number),
            (None, Some(number)) => minijinja::Value::from(number),
            (None, None) => minijinja::Value::from(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => minijinja::Value::from(text.as_str()),
        Json::Array(items) => {
            minijinja::Value::from(items.iter().map(from_json).collect::<Vec<_>>())
        }
        Json::Object(fields) => minijinja::Value::from(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), from_json(value)))
                .collect::<BTreeMap<_, _>>(),
        ),
    }
}

/// The typed value an engine value stands for, where it stands for one.
pub(super) fn typed(value: &minijinja::Value) -> Option<&Value> {
    value
        .downcast_object_ref::<Typed>()
        .map(|typed| &typed.value)
}

/// A value of the engine as one of ours.
fn from_engine(value: &minijinja::Value) -> Result<Value, String> {
    if let Some(typed) = typed(value) {
        return Ok(typed.clone());
    }
    match value.kind() {
        ValueKind::None => Ok(Value::Null),
        ValueKind::Bool => Ok(Value::Bool(value.is_true())),
        ValueKind::Number => number(value),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            if text.len() > MAX_RESULT_BYTES {
                return Err(format!(
                    "the text it makes has {} bytes, more than {MAX_RESULT_BYTES}",
                    text.len()
                ));
            }
            Ok(Value::Text(text.to_owned()))
        }
        ValueKind::Seq | ValueKind::Iterable => items(value)?
            .iter()
            .map(from_engine)
            .collect::<Result<_, _>>()
            .map(Value::List),
        ValueKind::Map => {
            let mut fields = BTreeMap::new();
            for key in items(value)? {
                let field = value.get_item(&key).map_err(|error| message(&error))?;
                let name = key.as_str().ok_or("names in a map must be texts")?;
                fields.insert(name.to_owned(), from_engine(&field)?);
            }
            Ok(Value::Record(fields))
        }
        ValueKind::Undefined => Err("a value is not there".to_owned()),
        other => Err(format!("{other} is not a value of the language")),
    }
}

fn items(value: &minijinja::Value) -> Result<Vec<minijinja::Value>, String> {
    value
        .try_iter()
        .map(Iterator::collect)
        .map_err(|error| message(&error))
}

fn number(value: &minijinja::Value) -> Result<Value, String> {
    if value.is_integer() {
        return value
            .as_i64()
            .map(Value::Int)
            .ok_or_else(|| format!("{value} does not fit into 64 bits"));
    }
    match f64::try_from(value.clone()) {
        Ok(number) if number.is_finite() => Ok(Value::Float(number)),
        _ => Err("the result is not a finite number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Scene, Script};

    fn script() -> Value {
        Value::Script(Script {
            title: "T".into(),
            language: "en".into(),
            scenes: vec![Scene {
                id: "s1".into(),
                text: "Hi.".into(),
            }],
        })
    }

    fn eval(source: &str) -> Result<Value, String> {
        let roots = BTreeMap::from([
            (
                "inputs".to_owned(),
                to_engine(&Value::Record(BTreeMap::from([
                    ("n".to_owned(), Value::Int(4)),
                    ("t".to_owned(), Value::Text("Bees".into())),
                    ("none".to_owned(), Value::Null),
                ]))),
            ),
            (
                "nodes".to_owned(),
                to_engine(&Value::Record(BTreeMap::from([(
                    "a".to_owned(),
                    Value::List(vec![script(), script()]),
                )]))),
            ),
        ]);
        evaluate(source, roots)
    }

    #[test]
    fn values_keep_their_types() {
        assert_eq!(eval("inputs.n * 2 + 1"), Ok(Value::Int(9)));
        assert_eq!(eval("inputs.n / 8"), Ok(Value::Float(0.5)));
        assert_eq!(
            eval("inputs.t ~ ' & ' ~ inputs.n"),
            Ok(Value::Text("Bees & 4".into()))
        );
        assert_eq!(
            eval("inputs.n > 3 and inputs.t == 'Bees'"),
            Ok(Value::Bool(true))
        );
        assert_eq!(eval("inputs.none"), Ok(Value::Null));
        assert_eq!(
            eval("['a', inputs.n]"),
            Ok(Value::List(vec![Value::Text("a".into()), Value::Int(4)]))
        );
        assert_eq!(
            eval("'x' if inputs.n == 4 else 'y'"),
            Ok(Value::Text("x".into()))
        );
    }

    #[test]
    fn typed_values_pass_through_whole() {
        assert_eq!(eval("first(nodes.a)"), Ok(script()));
        assert_eq!(eval("nodes.a[1]"), Ok(script()));
        assert_eq!(
            eval("nodes.a[0].scenes[0].text"),
            Ok(Value::Text("Hi.".into()))
        );
        assert_eq!(
            eval("{'s': nodes.a[0]}"),
            Ok(Value::Record(BTreeMap::from([("s".to_owned(), script())])))
        );
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        assert!(eval("inputs.missing").unwrap_err().contains("not there"));
        assert!(eval("nodes.a[7]").is_err());
        assert!(eval("inputs.missing.deeper").is_err());
        assert!(eval("inputs.t | tojson").is_err());
        assert!(eval("range(3)").is_err());
    }

    #[test]
    fn hostile_expressions_end() {
        assert!(eval("'ab' * 2000000").is_err());
        let long = eval("join(split('a b c d e f g h', ' '), 'x' * 900000)");
        assert!(long.is_err(), "{long:?}");
        assert!(eval("2 ** 1000000").is_err());
        assert!(eval("1 / 0").is_err());
        assert!(check_syntax("[{[!{[").is_err());
    }
}
