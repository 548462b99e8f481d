//! The operators of expressions, as functions of the engine that no document can name: their names begin with `_`.
//!
//! Neighbours: `ast` writes the calls, `engine` registers them. All are total: numbers stay finite, texts and lists stay
//! below their limits, and values that an operator means nothing for are errors that name both.

use std::cmp::Ordering;

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

use super::engine::{self, Budget};
use super::functions::{MAX_TEXT_BYTES, items};
use crate::suggest::nearest;

/// Makes the operators known to the engine.
pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter("_add", add);
    environment.add_filter("_subtract", |a: Value, b: Value| {
        arithmetic("-", &a, &b, i64::checked_sub, |a, b| a - b)
    });
    environment.add_filter("_multiply", |a: Value, b: Value| {
        arithmetic("*", &a, &b, i64::checked_mul, |a, b| a * b)
    });
    environment.add_filter("_divide", divide);
    environment.add_filter("_rest", rest);
    environment.add_filter("_negative", |a: Value| {
        arithmetic("-", &Value::from(0), &a, i64::checked_sub, |a, b| a - b)
    });
    environment.add_filter("_text", text);
    environment.add_filter("_equal", |a: Value, b: Value| equal(&a, &b));
    environment.add_filter("_different", |a: Value, b: Value| {
        equal(&a, &b).map(|same| !same)
    });
    environment.add_filter("_less", |a: Value, b: Value| {
        compare("<", &a, &b).map(Ordering::is_lt)
    });
    environment.add_filter("_at_most", |a: Value, b: Value| {
        compare("<=", &a, &b).map(Ordering::is_le)
    });
    environment.add_filter("_more", |a: Value, b: Value| {
        compare(">", &a, &b).map(Ordering::is_gt)
    });
    environment.add_filter("_at_least", |a: Value, b: Value| {
        compare(">=", &a, &b).map(Ordering::is_ge)
    });
    environment.add_filter("_in", |a: Value, b: Value| within(&a, &b));
    environment.add_filter("_not_in", |a: Value, b: Value| {
        within(&a, &b).map(|inside| !inside)
    });
    environment.add_filter("_not", |a: Value| !a.is_true());
    environment.add_filter("_field", |of: Value, name: &str| field(&of, name));
    environment.add_filter("_try_field", |of: Value, name: &str| {
        field(&of, name).unwrap_or_else(|_| Value::from(()))
    });
    environment.add_filter("_item", |of: Value, at: Value| item(&of, &at));
    environment.add_filter("_try_item", |of: Value, at: Value| {
        item(&of, &at).unwrap_or_else(|_| Value::from(()))
    });
}

fn fail(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// What a value is, for messages.
pub(super) fn noun(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => "nothing",
        ValueKind::Bool => "a bool",
        ValueKind::Number => "a number",
        ValueKind::String => "a text",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        _ => "a map",
    }
}

fn misfit(mark: &str, a: &Value, b: &Value, wanted: &str) -> Error {
    fail(format!(
        "`{mark}` needs {wanted}, not {} and {}",
        noun(a),
        noun(b)
    ))
}

/// A whole number, where it is one of 64 bits.
fn whole(value: &Value) -> Option<i64> {
    value.is_integer().then(|| value.as_i64()).flatten()
}

fn float(value: &Value) -> Option<f64> {
    (value.kind() == ValueKind::Number)
        .then(|| f64::try_from(value.clone()).ok())
        .flatten()
}

fn finite(number: f64) -> Result<Value, Error> {
    if number.is_finite() {
        Ok(Value::from(number))
    } else {
        Err(fail("the result is not a finite number"))
    }
}

fn arithmetic(
    mark: &str,
    a: &Value,
    b: &Value,
    exact: fn(i64, i64) -> Option<i64>,
    rounded: fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    if let (Some(a), Some(b)) = (whole(a), whole(b)) {
        return exact(a, b)
            .map(Value::from)
            .ok_or_else(|| fail(format!("{a} {mark} {b} does not fit into 64 bits")));
    }
    match (float(a), float(b)) {
        (Some(a), Some(b)) => finite(rounded(a, b)),
        _ => Err(misfit(mark, a, b, "two numbers")),
    }
}

fn add(a: Value, b: Value) -> Result<Value, Error> {
    let is_list = |value: &Value| matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable);
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return joined(a, b);
    }
    if is_list(&a) && is_list(&b) {
        let mut all = items(&a)?;
        all.extend(items(&b)?);
        super::functions::bounded(all.len())?;
        return Ok(Value::from(all));
    }
    if float(&a).is_none() || float(&b).is_none() {
        let wanted = "two numbers, two texts or two lists";
        return Err(misfit("+", &a, &b, wanted));
    }
    arithmetic("+", &a, &b, i64::checked_add, |a, b| a + b)
}

/// A whole number where two whole numbers divide without a rest.
fn divide(a: Value, b: Value) -> Result<Value, Error> {
    let (Some(x), Some(y)) = (float(&a), float(&b)) else {
        return Err(misfit("/", &a, &b, "two numbers"));
    };
    if y == 0.0 {
        return Err(fail(format!("{a} / {b} divides by zero")));
    }
    match (whole(&a), whole(&b)) {
        // The one quotient of 64-bit numbers that is none itself.
        (Some(a @ i64::MIN), Some(b @ -1)) => {
            Err(fail(format!("{a} / {b} does not fit into 64 bits")))
        }
        (Some(a), Some(b)) if a % b == 0 => Ok(Value::from(a / b)),
        _ => finite(x / y),
    }
}

/// What is left of a division; it has the divisor's sign.
fn rest(a: Value, b: Value) -> Result<Value, Error> {
    let (Some(x), Some(y)) = (float(&a), float(&b)) else {
        return Err(misfit("%", &a, &b, "two numbers"));
    };
    if y == 0.0 {
        return Err(fail(format!("{a} % {b} divides by zero")));
    }
    if let (Some(a), Some(b)) = (whole(&a), whole(&b)) {
        let left = a.checked_rem(b).unwrap_or(0);
        let other_side = left != 0 && (left < 0) != (b < 0);
        return Ok(Value::from(if other_side { left + b } else { left }));
    }
    let left = x % y;
    let other_side = left != 0.0 && (left < 0.0) != (y < 0.0);
    finite(if other_side { left + y } else { left })
}

fn joined(a: &str, b: &str) -> Result<Value, Error> {
    if a.len() + b.len() > MAX_TEXT_BYTES {
        return Err(fail(format!(
            "the text is longer than {MAX_TEXT_BYTES} bytes"
        )));
    }
    Ok(Value::from(format!("{a}{b}")))
}

fn text(a: Value, b: Value) -> Result<Value, Error> {
    joined(&engine::shown(&a)?, &engine::shown(&b)?)
}

fn equal(a: &Value, b: &Value) -> Result<bool, Error> {
    let mut budget = Budget::new();
    let mut identity = |value| engine::identity(value, &mut budget).map_err(fail);
    Ok(identity(a)? == identity(b)?)
}

fn compare(mark: &str, a: &Value, b: &Value) -> Result<Ordering, Error> {
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return Ok(a.cmp(b));
    }
    if let (Some(a), Some(b)) = (whole(a), whole(b)) {
        return Ok(a.cmp(&b));
    }
    match (float(a), float(b)) {
        (Some(x), Some(y)) => x
            .partial_cmp(&y)
            .ok_or_else(|| misfit(mark, a, b, "finite numbers")),
        _ => Err(misfit(mark, a, b, "two numbers or two texts")),
    }
}

fn within(a: &Value, b: &Value) -> Result<bool, Error> {
    match b.kind() {
        ValueKind::String => match (a.as_str(), b.as_str()) {
            (Some(part), Some(text)) => Ok(text.contains(part)),
            _ => Err(misfit("in", a, b, "a text in a text")),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            let mut budget = Budget::new();
            let wanted = engine::identity(a, &mut budget).map_err(fail)?;
            for item in items(b)? {
                if engine::identity(&item, &mut budget).map_err(fail)? == wanted {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        ValueKind::Map => Ok(a
            .as_str()
            .is_some_and(|name| names(b).iter().any(|known| known == name))),
        _ => Err(misfit("in", a, b, "a list, a text or a map behind it")),
    }
}

/// The names of a map.
fn names(of: &Value) -> Vec<String> {
    let keys = of.try_iter().into_iter().flatten();
    keys.filter_map(|key| key.as_str().map(str::to_owned))
        .take(1000)
        .collect()
}

/// The field of a map. Nothing has no fields, so a field of nothing is nothing.
fn field(of: &Value, name: &str) -> Result<Value, Error> {
    match of.kind() {
        ValueKind::None => return Ok(Value::from(())),
        ValueKind::Map => {}
        _ => {
            return Err(fail(format!("{} has no fields, so no `{name}`", noun(of))));
        }
    }
    let value = of.get_attr(name)?;
    if !value.is_undefined() {
        return Ok(value);
    }
    let names = names(of);
    let advice = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "there are none".to_owned(),
        None => {
            let shown: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
            format!("there are {}", shown.join(", "))
        }
    };
    Err(fail(format!("there is no field `{name}`; {advice}")))
}

/// An item of a list, from its end for negative numbers, or a field of a map.
fn item(of: &Value, at: &Value) -> Result<Value, Error> {
    if of.is_none() {
        return Ok(Value::from(()));
    }
    if let (ValueKind::Map, Some(name)) = (of.kind(), at.as_str()) {
        return field(of, name);
    }
    if !matches!(of.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(fail(format!("{} has no items", noun(of))));
    }
    let Some(index) = whole(at) else {
        return Err(fail(format!(
            "an item is chosen by a whole number, not by {}",
            noun(at)
        )));
    };
    let len = of.len().unwrap_or_default() as i64;
    let place = if index < 0 {
        index.saturating_add(len)
    } else {
        index
    };
    if !(0..len).contains(&place) {
        return Err(fail(format!(
            "there is no item {index} in a list of {len}; the first is 0"
        )));
    }
    of.get_item_by_index(place as usize)
}
