//! The functions expressions can call, as `f(x)` and as `x | f`. All are pure and total: the same arguments give the
//! same value or the same error, in bounded time and memory.
//!
//! Part of the one door of minijinja. Neighbours: `text`, `list`, `number` and `time` hold the functions; adding one is a
//! line in [`register`] and one in [`FUNCTIONS`], which docs, schemas and "did you mean" read.

mod arguments;
mod list;
mod number;
mod text;
mod time;

pub(crate) use arguments::Take;
use arguments::{Arguments, WHOLE};
use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

/// What people are told about a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionDoc {
    /// Its name.
    pub name: &'static str,
    /// How it is called, with its result.
    pub signature: &'static str,
    /// One or two sentences.
    pub doc: &'static str,
    /// Fewest and most arguments.
    pub arguments: (usize, usize),
    /// What each argument is called and may be; the last one stands for all that follow.
    pub(crate) takes: &'static [(&'static str, Take)],
}

impl FunctionDoc {
    /// The name of an argument and what it may be.
    pub(crate) fn take(&self, at: usize) -> Option<(&'static str, Take)> {
        self.takes.get(at).or(self.takes.last()).copied()
    }
}

/// As many arguments as there are.
const MANY: usize = usize::MAX;

const fn doc(
    name: &'static str,
    arguments: (usize, usize),
    takes: &'static [(&'static str, Take)],
    signature: &'static str,
    doc: &'static str,
) -> FunctionDoc {
    FunctionDoc {
        name,
        signature,
        doc,
        arguments,
        takes,
    }
}

/// Every function, in order of their names.
pub const FUNCTIONS: &[FunctionDoc] = &[
    doc(
        "concat",
        (1, MANY),
        &[("list", Take::List)],
        "concat(list, ...) -> list",
        "The lists one after the other.",
    ),
    doc(
        "date",
        (1, 3),
        &[("day", Take::Text), ("format", Take::Text), ("days", WHOLE)],
        "date(day, format = '%Y-%m-%d', days = 0) -> text",
        "A day like 2026-11-22, moved by a number of days and written in a form of %Y %y %m %d %e %j %u %A %a %B %b %%; \
         names are English.",
    ),
    doc(
        "default",
        (2, 2),
        &[("value", Take::Any), ("other", Take::Any)],
        "default(value, other) -> value",
        "The value, or the other one when the value is null or not there.",
    ),
    doc(
        "duration",
        (1, 1),
        &[("length", Take::Length)],
        "duration(length) -> number",
        "Milliseconds of a text like 1m30s, or of a number of seconds.",
    ),
    doc(
        "first",
        (1, 1),
        &[("list", Take::List)],
        "first(list) -> value",
        "The first item; an empty list is an error.",
    ),
    doc(
        "flatten",
        (1, 1),
        &[("list", Take::List)],
        "flatten(list) -> list",
        "The items of the lists in the list; items that are no lists stay as they are.",
    ),
    doc(
        "join",
        (1, 2),
        &[("list", Take::List), ("by", Take::Text)],
        "join(list, by = '') -> text",
        "The items as one text, with `by` between two.",
    ),
    doc(
        "json",
        (1, 1),
        &[("value", Take::Any)],
        "json(value) -> text",
        "The value as JSON on one line, names in order.",
    ),
    doc(
        "last",
        (1, 1),
        &[("list", Take::List)],
        "last(list) -> value",
        "The last item; an empty list is an error.",
    ),
    doc(
        "len",
        (1, 1),
        &[("value", Take::Measured)],
        "len(value) -> number",
        "Characters of a text, items of a list, names of a map.",
    ),
    doc(
        "lower",
        (1, 1),
        &[("text", Take::Text)],
        "lower(text) -> text",
        "The text in small letters.",
    ),
    doc(
        "max",
        (1, MANY),
        &[("number", Take::Numbers)],
        "max(number, ...) -> number",
        "The largest of the numbers, or of one list of numbers.",
    ),
    doc(
        "min",
        (1, MANY),
        &[("number", Take::Numbers)],
        "min(number, ...) -> number",
        "The smallest of the numbers, or of one list of numbers.",
    ),
    doc(
        "pick",
        (2, 2),
        &[("list", Take::List), ("key", Take::Shown)],
        "pick(list, key) -> value",
        "One item, chosen by a text or number: the same key picks the same item.",
    ),
    doc(
        "product",
        (1, MANY),
        &[("list", Take::List)],
        "product(list, ...) -> list",
        "Every combination of one item of each list, the last list changing fastest.",
    ),
    doc(
        "range",
        (1, 3),
        &[("start", WHOLE), ("end", WHOLE), ("step", WHOLE)],
        "range(end) or range(start, end, step = 1) -> list",
        "Whole numbers from `start` (0) up to and without `end`.",
    ),
    doc(
        "replace",
        (3, 3),
        &[
            ("text", Take::Text),
            ("from", Take::Text),
            ("to", Take::Text),
        ],
        "replace(text, from, to) -> text",
        "The text with every `from` replaced.",
    ),
    doc(
        "round",
        (1, 2),
        &[("number", Take::Number), ("digits", Take::Whole(0, 9))],
        "round(number, digits = 0) -> number",
        "Rounded, halves away from zero; with 0 digits a whole number.",
    ),
    doc(
        "slug",
        (1, 1),
        &[("text", Take::Text)],
        "slug(text) -> text",
        "Small letters, digits and single dashes: safe in file names.",
    ),
    doc(
        "split",
        (1, 2),
        &[("text", Take::Text), ("by", Take::Text)],
        "split(text, by = white space) -> list",
        "The parts of the text between every `by`.",
    ),
    doc(
        "sum",
        (1, 1),
        &[("list", Take::List)],
        "sum(list) -> number",
        "The numbers of the list added up.",
    ),
    doc(
        "trim",
        (1, 1),
        &[("text", Take::Text)],
        "trim(text) -> text",
        "The text without white space at its ends.",
    ),
    doc(
        "truncate",
        (2, 2),
        &[("text", Take::Text), ("length", Take::Whole(0, i64::MAX))],
        "truncate(text, length) -> text",
        "At most `length` characters, the last an ellipsis when something was cut.",
    ),
    doc(
        "unique",
        (1, 1),
        &[("list", Take::List)],
        "unique(list) -> list",
        "The list without repetitions; the first of equal items stays.",
    ),
    doc(
        "upper",
        (1, 1),
        &[("text", Take::Text)],
        "upper(text) -> text",
        "The text in capital letters.",
    ),
    doc(
        "zip",
        (1, MANY),
        &[("list", Take::List)],
        "zip(list, ...) -> list",
        "The first items together, then the second ones, and so on; the lists must be equally long.",
    ),
];

/// The functions' names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name)
}

/// Longest text a function makes, bytes.
pub(super) const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// Longest list a function takes or makes, items.
const MAX_ITEMS: usize = 20_000;

/// A function over its arguments.
type Function = fn(&Arguments<'_>) -> Result<Value, Error>;

/// Makes the functions known to the engine.
pub(super) fn register(environment: &mut Environment<'static>) {
    for function in FUNCTIONS {
        let Some(body) = body(function.name) else {
            continue;
        };
        let call =
            move |values: Rest<Value>| Arguments::of(function, &values).and_then(|it| body(&it));
        environment.add_filter(function.name, call);
        environment.add_function(function.name, call);
    }
}

/// What a function does; a test holds the names against [`FUNCTIONS`].
fn body(name: &str) -> Option<Function> {
    Some(match name {
        "concat" => list::concat,
        "date" => time::date_of,
        "default" => default,
        "duration" => time::duration,
        "first" => list::first,
        "flatten" => list::flatten,
        "join" => text::join,
        "json" => text::json,
        "last" => list::last,
        "len" => len,
        "lower" => text::lower,
        "max" => |it| number::extreme(it, false),
        "min" => |it| number::extreme(it, true),
        "pick" => list::pick,
        "product" => list::product,
        "range" => list::range,
        "replace" => text::replace,
        "round" => number::round,
        "slug" => text::slug,
        "split" => text::split,
        "sum" => number::sum,
        "trim" => text::trim,
        "truncate" => text::truncate,
        "unique" => list::unique,
        "upper" => text::upper,
        "zip" => list::zip,
        _ => return None,
    })
}

fn fail(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// The items of a list of bounded length.
pub(super) fn items(list: &Value) -> Result<Vec<Value>, Error> {
    match list.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = list.try_iter()?.take(MAX_ITEMS + 1).collect();
            bounded(items.len())?;
            Ok(items)
        }
        _ => Err(fail(format!(
            "a list is needed, not {}",
            crate::expr::operators::noun(list)
        ))),
    }
}

pub(super) fn bounded(len: usize) -> Result<(), Error> {
    if len > MAX_ITEMS {
        return Err(fail(format!("the list has more than {MAX_ITEMS} items")));
    }
    Ok(())
}

/// The value, or another one when it is none.
fn default(it: &Arguments<'_>) -> Result<Value, Error> {
    let value = it.value(0)?;
    let missing = value.is_none() || value.is_undefined();
    it.value(usize::from(missing)).cloned()
}

fn len(it: &Arguments<'_>) -> Result<Value, Error> {
    let value = it.value(0)?;
    let len = match value.as_str() {
        Some(text) => text.chars().count(),
        None => value.len().ok_or_else(|| it.wrong(0))?,
    };
    Ok(Value::from(len))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn eval(source: &str) -> Result<String, String> {
        let parsed = crate::expr::grammar::parse(source).map_err(|problem| problem.message)?;
        let value = crate::expr::engine::evaluate(&parsed.program, BTreeMap::new())?;
        Ok(value.shown().unwrap_or_else(|| value.noun()))
    }

    // spec: W-37
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
            (
                "zip([1, 2], ['a', 'b']) | json",
                "[1, 2] | zip(['a', 'b']) | json",
                "[[1,\"a\"],[2,\"b\"]]",
            ),
            (
                "product([1, 2], [3, 4]) | json",
                "[1, 2] | product([3, 4]) | json",
                "[[1,3],[1,4],[2,3],[2,4]]",
            ),
            ("range(3) | json", "3 | range | json", "[0,1,2]"),
            (
                "range(5, 0, -2) | json",
                "5 | range(0, -2) | json",
                "[5,3,1]",
            ),
            (
                "flatten([[1, 2], 3]) | json",
                "[[1, 2], 3] | flatten | json",
                "[1,2,3]",
            ),
            (
                "unique([2, 1, 2.0, 'a', 'a']) | json",
                "[2, 1, 2.0, 'a', 'a'] | unique | json",
                "[2,1,\"a\"]",
            ),
            (
                "pick(['a', 'b', 'c'], 'bees')",
                "['a', 'b', 'c'] | pick('bees')",
                "a",
            ),
            (
                "date('2026-11-22', '%A')",
                "'2026-11-22' | date('%A')",
                "Sunday",
            ),
            ("duration('1m30s')", "'1m30s' | duration", "90000"),
            (
                "json({'b': [none, true], 'a': 1.5})",
                "{'b': [none, true], 'a': 1.5} | json",
                "{\"a\":1.5,\"b\":[null,true]}",
            ),
        ] {
            assert_eq!(eval(call), Ok(result.to_owned()), "{call}");
            assert_eq!(eval(filter), Ok(result.to_owned()), "{filter}");
        }
    }

    // spec: W-37
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
            "zip([1], [1, 2])",
            "zip()",
            "product()",
            "range(0, 5, 0)",
            "flatten(3)",
            "pick([], 1)",
            "pick([1], [2])",
            "date('soon')",
            "duration([1])",
            "join([[1]])",
        ] {
            assert!(eval(source).is_err(), "{source}");
        }
    }

    // spec: W-37
    #[test]
    fn wrong_arguments_are_told_in_our_own_words() {
        for (source, message) in [
            (
                "truncate('abc', -1)",
                "`truncate` takes a whole number from 0 as `length`, not -1",
            ),
            (
                "truncate('abc', 1.5)",
                "`truncate` takes a whole number from 0 as `length`, not 1.5",
            ),
            ("trim(5)", "`trim` takes a text as `text`, not a number"),
            ("upper(null)", "`upper` takes a text as `text`, not nothing"),
            (
                "min(3, [1])",
                "`min` takes numbers, or one list of numbers as `number`, not a list",
            ),
            (
                "max([1, 'a'])",
                "`max` takes numbers, but item 1 of the list is a text",
            ),
            (
                "sum([true])",
                "`sum` takes numbers, but item 0 of the list is a bool",
            ),
            (
                "len(null)",
                "`len` takes a text, a list or a map as `value`, not nothing",
            ),
            ("first('a')", "`first` takes a list as `list`, not a text"),
            ("first([])", "`first`: the list is empty"),
            (
                "round('1')",
                "`round` takes a number as `number`, not a text",
            ),
            (
                "round(1.5, 10)",
                "`round` takes a whole number from 0 to 9 as `digits`, not 10",
            ),
            (
                "range('a')",
                "`range` takes a whole number as `start`, not a text",
            ),
            (
                "range(true)",
                "`range` takes a whole number as `start`, not a bool",
            ),
            (
                "replace('a', 1, 'b')",
                "`replace` takes a text as `from`, not a number",
            ),
            ("date(5)", "`date` takes a text as `day`, not a number"),
            (
                "duration([1])",
                "`duration` takes a text like 1m30s, or a number of seconds as `length`, not a list",
            ),
            (
                "pick([1], [2])",
                "`pick` takes a text or a number as `key`, not a list",
            ),
            ("zip([1], 2)", "`zip` takes a list as `list`, not a number"),
            (
                "upper()",
                "`upper` takes 1 values, not 0: upper(text) -> text",
            ),
        ] {
            assert_eq!(eval(source), Err(message.to_owned()), "{source}");
        }
    }

    // spec: W-35
    #[test]
    fn halves_are_rounded_away_from_zero_by_their_digits() {
        for (source, result) in [
            ("round(1.005, 2)", "1.01"),
            ("round(-1.005, 2)", "-1.01"),
            ("round(2.675, 2)", "2.68"),
            ("round(0.5)", "1"),
            ("round(-0.5)", "-1"),
            ("round(0.49999999999999994)", "0"),
            ("round(9.995, 2)", "10"),
            ("round(9223372036854775807, 9)", "9223372036854775807"),
            ("round(9007199254740993)", "9007199254740993"),
            ("round(0.000000123, 7)", "0.0000001"),
            ("round(1.25, 5)", "1.25"),
        ] {
            assert_eq!(eval(source), Ok(result.to_owned()), "{source}");
        }
    }

    // spec: W-37
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
        let documented: Vec<&str> = names().collect();
        assert_eq!(sorted, documented);
    }
}
