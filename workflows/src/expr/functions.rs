//! The functions expressions can call, as `f(x)` and as `x | f`. All are pure and total: same arguments, same value.
//!
//! Part of the one door of minijinja. Adding a function is one line in [`register`] and one in [`NAMES`].

use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

use super::engine::typed;

/// Every function, in order.
pub(crate) const NAMES: [&str; 17] = [
    "concat", "default", "first", "join", "last", "len", "lower", "max", "min", "replace", "round",
    "slug", "split", "sum", "trim", "truncate", "upper",
];

/// Longest text a function makes, bytes.
const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// Makes the functions known to the engine.
pub(super) fn register(environment: &mut Environment<'static>) {
    macro_rules! both {
        ($($name:literal => $function:expr;)+) => {$(
            environment.add_filter($name, $function);
            environment.add_function($name, $function);
        )+};
    }
    both! {
        "concat" => concat;
        "default" => default;
        "first" => |list: Value| items(&list)?.into_iter().next().ok_or_else(|| fail("the list is empty"));
        "join" => join;
        "last" => |list: Value| items(&list)?.pop().ok_or_else(|| fail("the list is empty"));
        "len" => len;
        "lower" => |text: &str| text.to_lowercase();
        "max" => |values: Rest<Value>| extreme(&values, false);
        "min" => |values: Rest<Value>| extreme(&values, true);
        "replace" => replace;
        "round" => round;
        "slug" => |text: &str| slug(text);
        "split" => |text: &str, by: Option<&str>| split(text, by);
        "sum" => sum;
        "trim" => |text: &str| text.trim().to_owned();
        "truncate" => |text: &str, length: usize| truncate(text, length);
        "upper" => |text: &str| text.to_uppercase();
    }
}

fn fail(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn items(list: &Value) -> Result<Vec<Value>, Error> {
    match list.kind() {
        ValueKind::Seq | ValueKind::Iterable => Ok(list.try_iter()?.collect()),
        _ => Err(fail("a list is needed")),
    }
}

/// Lists one after the other.
fn concat(lists: Rest<Value>) -> Result<Value, Error> {
    let mut all = Vec::new();
    for list in lists.iter() {
        all.extend(items(list)?);
    }
    Ok(Value::from(all))
}

/// The value, or another one when it is none.
fn default(value: Value, other: Value) -> Value {
    if value.is_none() || value.is_undefined() {
        other
    } else {
        value
    }
}

fn join(list: Value, by: Option<&str>) -> Result<String, Error> {
    let mut text = String::new();
    for (i, item) in items(&list)?.iter().enumerate() {
        if i > 0 {
            text.push_str(by.unwrap_or(""));
        }
        if typed(item).is_some() {
            return Err(fail("only texts and numbers can be joined"));
        }
        text.push_str(&item.to_string());
        if text.len() > MAX_TEXT_BYTES {
            return Err(fail(format!(
                "the text is longer than {MAX_TEXT_BYTES} bytes"
            )));
        }
    }
    Ok(text)
}

fn len(value: Value) -> Result<usize, Error> {
    match value.as_str() {
        Some(text) => Ok(text.chars().count()),
        None => value.len().ok_or_else(|| fail("this has no length")),
    }
}

/// The smallest or largest of the arguments, or of one list.
fn extreme(values: &[Value], smallest: bool) -> Result<Value, Error> {
    let all = match values {
        [one] if one.kind() != ValueKind::Number => items(one)?,
        many => many.to_vec(),
    };
    if let Some(other) = all.iter().find(|value| value.kind() != ValueKind::Number) {
        return Err(fail(format!("numbers are needed, not {}", other.kind())));
    }
    let best = if smallest {
        all.into_iter().min()
    } else {
        all.into_iter().max()
    };
    best.ok_or_else(|| fail("the list is empty"))
}

fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    if from.is_empty() {
        return Err(fail("the text to be replaced is empty"));
    }
    let count = text.matches(from).count();
    if text.len() + count * to.len() > MAX_TEXT_BYTES {
        return Err(fail(format!(
            "the text is longer than {MAX_TEXT_BYTES} bytes"
        )));
    }
    Ok(text.replace(from, to))
}

/// Rounded half away from zero; without digits the result is a whole number.
fn round(number: f64, digits: Option<u32>) -> Result<Value, Error> {
    match digits {
        None | Some(0) => {
            let whole = number.round();
            if whole.abs() < 9e15 {
                Ok(Value::from(whole as i64))
            } else {
                Ok(Value::from(whole))
            }
        }
        Some(digits @ 1..=9) => {
            let scale = 10_f64.powi(digits as i32);
            Ok(Value::from((number * scale).round() / scale))
        }
        Some(digits) => Err(fail(format!("{digits} digits are more than 9"))),
    }
}

/// Small letters, digits and single dashes: safe in file names. Letters of other scripts are kept.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

fn split(text: &str, by: Option<&str>) -> Result<Vec<String>, Error> {
    match by {
        None => Ok(text.split_whitespace().map(str::to_owned).collect()),
        Some("") => Err(fail("the separator is empty")),
        Some(by) => Ok(text.split(by).map(str::to_owned).collect()),
    }
}

fn sum(list: Value) -> Result<Value, Error> {
    let mut whole = 0_i64;
    let mut parts = 0.0_f64;
    let mut all_whole = true;
    for item in items(&list)? {
        if item.kind() != ValueKind::Number {
            return Err(fail("only numbers can be added up"));
        }
        match item.as_i64() {
            Some(number) if item.is_integer() => {
                whole = whole
                    .checked_add(number)
                    .ok_or_else(|| fail("the sum does not fit into 64 bits"))?;
            }
            _ => {
                all_whole = false;
                parts += f64::try_from(item)?;
            }
        }
    }
    Ok(if all_whole {
        Value::from(whole)
    } else {
        Value::from(whole as f64 + parts)
    })
}

/// At most `length` characters, the last an ellipsis when something was cut.
fn truncate(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(length.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    if length > 0 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval(source: &str) -> Result<String, String> {
        let mut environment = Environment::empty();
        register(&mut environment);
        let expression = environment.compile_expression(source).unwrap();
        expression
            .eval(())
            .map(|value| value.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_function_works_in_both_forms() {
        for (call, filter, result) in [
            ("upper('é')", "'é' | upper", "É"),
            ("lower('A')", "'A' | lower", "a"),
            ("trim(' a ')", "' a ' | trim", "a"),
            (
                "slug('Bees: 10% Më!')",
                "'Bees: 10% Më!' | slug",
                "bees-10-më",
            ),
            ("len('éa')", "'éa' | len", "2"),
            ("len([1, 2, 3])", "[1, 2, 3] | len", "3"),
            ("join(['a', 1], ', ')", "['a', 1] | join(', ')", "a, 1"),
            (
                "join(split('a,b', ','), '+')",
                "'a,b' | split(',') | join('+')",
                "a+b",
            ),
            ("truncate('abcdef', 4)", "'abcdef' | truncate(4)", "abc…"),
            (
                "replace('aXa', 'X', 'b')",
                "'aXa' | replace('X', 'b')",
                "aba",
            ),
            ("round(2.5)", "2.5 | round", "3"),
            ("round(2.345, 2)", "2.345 | round(2)", "2.35"),
            ("min(3, 1)", "[3, 1] | min", "1"),
            ("max([3, 1.5])", "[3, 1.5] | max", "3"),
            ("sum([1, 2])", "[1, 2] | sum", "3"),
            ("sum([1, 0.5])", "[1, 0.5] | sum", "1.5"),
            ("first([7, 8])", "[7, 8] | first", "7"),
            ("last([7, 8])", "[7, 8] | last", "8"),
            (
                "len(concat([1], [2, 3]))",
                "[1] | concat([2, 3]) | len",
                "3",
            ),
            ("default(none, 'x')", "none | default('x')", "x"),
            ("default(0, 'x')", "0 | default('x')", "0"),
        ] {
            assert_eq!(eval(call), Ok(result.to_owned()), "{call}");
            assert_eq!(eval(filter), Ok(result.to_owned()), "{filter}");
        }
    }

    #[test]
    fn wrong_arguments_are_errors() {
        for source in [
            "first([])",
            "sum(['a'])",
            "join('abc', ',')",
            "split('a', '')",
            "replace('a', '', 'b')",
            "round(1.5, 10)",
            "len(5)",
            "max('abc')",
            "min([])",
            "upper()",
            "upper('a', 'b')",
        ] {
            assert!(eval(source).is_err(), "{source}");
        }
    }

    #[test]
    fn the_list_of_names_is_what_is_registered() {
        let mut environment = Environment::empty();
        register(&mut environment);
        let registered: Vec<String> = environment
            .globals()
            .map(|(name, _)| name.to_owned())
            .collect();
        let mut sorted = registered.clone();
        sorted.sort();
        assert_eq!(sorted, NAMES);
    }
}
