//! The engine under expressions: minijinja with strict undefined values, fuel, and nothing built in but our functions
//! and operators. It sees programs that `grammar` has read, never a text of the document.
//!
//! Typed values of nodes travel through the engine as objects that keep their type: `first(nodes.a.media)` is still
//! media when it comes out.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Environment, UndefinedBehavior};

use super::{functions, operators};
use crate::value::Value;

/// Steps one expression may take. The engine charges data as well: a step pays for 64 bytes.
const FUEL: u64 = 50_000;

/// Largest value an expression may make, bytes.
const MAX_RESULT_BYTES: usize = 32 * 1024 * 1024;

/// What a value costs besides its text.
const VALUE_BYTES: usize = 32;

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

/// The engine is the same for every expression: making one costs more than most expressions.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    functions::register(&mut environment);
    operators::register(&mut environment);
    environment
});

/// Runs a program over the values of its references.
pub(super) fn evaluate(
    program: &str,
    roots: BTreeMap<String, minijinja::Value>,
) -> Result<Value, String> {
    let result = ENGINE
        .compile_expression(program)
        .and_then(|program| program.eval(minijinja::Value::from(roots)))
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
fn typed(value: &minijinja::Value) -> Option<&Typed> {
    value.downcast_object_ref::<Typed>()
}

/// What may still be made of an engine value. Lists share their items inside the engine, so a short list of lists can
/// stand for more values than any machine holds; every value and every byte is charged before it is made.
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    /// What one result may cost.
    pub(super) const fn new() -> Self {
        Self {
            left: MAX_RESULT_BYTES,
        }
    }

    fn charge(&mut self, bytes: usize) -> Result<(), String> {
        self.left = self
            .left
            .checked_sub(bytes.saturating_add(VALUE_BYTES))
            .ok_or_else(|| format!("the value it makes is larger than {MAX_RESULT_BYTES} bytes"))?;
        Ok(())
    }

    fn charge_json(&mut self, json: &serde_json::Value) -> Result<(), String> {
        use serde_json::Value as Json;
        match json {
            Json::String(text) => self.charge(text.len()),
            Json::Array(items) => {
                self.charge(0)?;
                items.iter().try_for_each(|item| self.charge_json(item))
            }
            Json::Object(fields) => {
                self.charge(0)?;
                fields.iter().try_for_each(|(name, value)| {
                    self.charge(name.len())?;
                    self.charge_json(value)
                })
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => self.charge(0),
        }
    }
}

/// The value as it stands inside a text.
pub(super) fn shown(value: &minijinja::Value) -> Result<String, minijinja::Error> {
    let fail = |message| minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, message);
    let plain = from_engine(value).map_err(fail)?;
    plain
        .shown()
        .ok_or_else(|| fail(format!("{} cannot stand inside a text", plain.noun())))
}

/// A text that two values share exactly when they are equal.
pub(super) fn identity(value: &minijinja::Value, budget: &mut Budget) -> Result<String, String> {
    let plain = converted(value, budget)?;
    // 1 and 1.0 are the same number.
    Ok(match plain {
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            (number as i64).to_string()
        }
        other => other.to_json().to_string(),
    })
}

/// A value of the engine as one of ours.
pub(super) fn from_engine(value: &minijinja::Value) -> Result<Value, String> {
    converted(value, &mut Budget::new())
}

fn converted(value: &minijinja::Value, budget: &mut Budget) -> Result<Value, String> {
    if let Some(typed) = typed(value) {
        budget.charge_json(&typed.fields)?;
        return Ok(typed.value.clone());
    }
    match value.kind() {
        ValueKind::Undefined => return Err("a value is not there".to_owned()),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            budget.charge(text.len())?;
            return Ok(Value::Text(text.to_owned()));
        }
        _ => budget.charge(0)?,
    }
    match value.kind() {
        ValueKind::None => Ok(Value::Null),
        ValueKind::Bool => Ok(Value::Bool(value.is_true())),
        ValueKind::Number => number(value),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter().map_err(|error| message(&error))? {
                items.push(converted(&item, budget)?);
            }
            Ok(Value::List(items))
        }
        ValueKind::Map => {
            let mut fields = BTreeMap::new();
            for key in value.try_iter().map_err(|error| message(&error))? {
                let field = value.get_item(&key).map_err(|error| message(&error))?;
                let name = key.as_str().ok_or("names in a map must be texts")?;
                budget.charge(name.len())?;
                fields.insert(name.to_owned(), converted(&field, budget)?);
            }
            Ok(Value::Record(fields))
        }
        other => Err(format!("{other} is not a value of the language")),
    }
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
    use proptest::prelude::*;

    use super::super::grammar;
    use super::*;
    use crate::value::{Scene, Script};

    fn script() -> Value {
        Value::Script(Script {
            title: "T".into(),
            language: "en".into(),
            scenes: vec![Scene::new("s1", "Hi.")],
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
        let parsed = grammar::parse(source).map_err(|problem| problem.message)?;
        evaluate(&parsed.program, roots)
    }

    // spec: W-27, W-35
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

    // spec: W-27
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

    // spec: W-36
    #[test]
    fn what_is_not_there_is_an_error() {
        assert!(eval("inputs.missing").unwrap_err().contains("no field"));
        assert_eq!(
            eval("default(inputs.missing.deeper[3], 2)"),
            Ok(Value::Int(2))
        );
        assert_eq!(eval("inputs.none.deeper"), Ok(Value::Null));
        assert!(eval("nodes.a[7]").is_err());
        assert!(eval("inputs.missing.deeper").is_err());
        assert!(eval("inputs.t | tojson").is_err());
        assert!(eval("dict(a=3)").is_err());
    }

    // spec: W-34, W-38
    #[test]
    fn hostile_expressions_end() {
        assert!(eval("'ab' * 2000000").is_err());
        let long = eval("join(split('a b c d e f g h', ' '), 'x' * 900000)");
        assert!(long.is_err(), "{long:?}");
        assert!(eval("9223372036854775807 * 2").is_err());
        assert!(eval("1 / 0").is_err());
        // Lists share their items: this stands for 400 million texts.
        let shared = "product([range(10000)], range(10000))";
        assert!(eval(shared).is_err());
        assert!(eval(&format!("json({shared})")).is_err());
        assert!(eval(&format!("unique({shared})")).is_err());
        assert!(eval("range(1000000000)").is_err());
        assert!(eval("product(range(1000), range(1000))").is_err());
    }

    /// Texts of expressions made of every function and operator over values of every kind.
    fn source() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "inputs.n",
            "inputs.t",
            "inputs.none",
            "nodes.a",
            "nodes.a[0]",
            "inputs.no",
            "0",
            "-1",
            "7",
            "1.5",
            "''",
            "'a b'",
            "'2026-11-22'",
            "'1m30s'",
            "'%Y'",
            "'é'",
            "true",
            "null",
            "[]",
            "[1, 2]",
            "['b', 'a', 'b']",
            "{'k': 1}",
            "9223372036854775807",
            "99999999999999999.5",
            "range(150)",
            "'x' ~ range(9)",
        ])
        .prop_map(str::to_owned);
        leaf.prop_recursive(5, 40, 4, |inner| {
            let names: Vec<&'static str> = functions::names().collect();
            let call = (
                prop::sample::select(names),
                prop::collection::vec(inner.clone(), 1..4),
            )
                .prop_map(|(name, arguments)| format!("{name}({})", arguments.join(", ")));
            let marks = vec![
                "+", "-", "*", "/", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in",
                "and", "or",
            ];
            let pair = (inner.clone(), prop::sample::select(marks), inner.clone())
                .prop_map(|(a, mark, b)| format!("({a}) {mark} ({b})"));
            let rest = (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| {
                format!("[({a}) if ({b}) else ({c}), -({a}), not ({a}), ({a}).k, ({a})[{b}]]")
            });
            prop_oneof![3 => call, 2 => pair, 1 => rest]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]
        // spec: W-34
        #[test]
        fn every_expression_ends_with_a_value_or_a_reason(source in source()) {
            let parsed = match grammar::parse(&source) {
                Ok(parsed) => parsed,
                Err(problem) => {
                    prop_assert!(problem.limit, "{source}: {problem:?}");
                    return Ok(());
                }
            };
            prop_assert!(ENGINE.compile_expression(&parsed.program).is_ok(), "{}", parsed.program);
            let began = std::time::Instant::now();
            match eval(&source) {
                Ok(value) => prop_assert_eq!(eval(&source), Ok(value)),
                Err(reason) => prop_assert!(!reason.is_empty()),
            }
            prop_assert!(began.elapsed().as_secs() < 10, "{source} takes {:?}", began.elapsed());
        }

        #[test]
        fn no_text_breaks_the_parser(text in ".{0,200}", marks in "[-a1.()\\[\\]{}|+*'\" ]{0,200}") {
            for text in [text, marks] {
                if let Err(problem) = grammar::parse(&text) {
                    prop_assert!(text.get(problem.start..problem.end).is_some(), "{text:?} {problem:?}");
                }
            }
        }
    }

    #[test]
    fn the_deepest_expressions_fit_on_a_small_stack() {
        let deep = [
            format!("{}1{}", "(".repeat(31), ")".repeat(31)),
            format!("{}1{}", "[".repeat(31), "]".repeat(31)),
            format!("1{}", "+1".repeat(200)),
            format!("inputs.n{}", "|round".repeat(150)),
            format!("{}1{}", "1+1*(".repeat(31), ")".repeat(31)),
            format!("{}1", "not ".repeat(31)),
            format!("{}1", "1 if 1 else ".repeat(31)),
        ];
        let small = std::thread::Builder::new().stack_size(512 * 1024);
        let ends = small.spawn(move || deep.map(|source| eval(&source).is_ok()));
        assert_eq!(ends.unwrap().join().unwrap(), [true; 7]);
    }
}
