//! The arguments of a call: each read as what its function takes, or refused with the function, the argument and what it got.
//!
//! Neighbours: the functions read their arguments here and nowhere else, so that no words of the engine reach a person;
//! `graph` holds known types against the same [`Take`]s before anything runs.

use minijinja::Error;
use minijinja::value::{Value, ValueKind};

use super::{FunctionDoc, MANY, fail, items};
use crate::expr::operators::noun;

/// What a function takes in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// Anything.
    Any,
    /// A text.
    Text,
    /// A number.
    Number,
    /// A whole number, from the first to the second.
    Whole(i64, i64),
    /// A list.
    List,
    /// A number, or a list of numbers where it is the only argument.
    Numbers,
    /// A length of time.
    Length,
    /// A text, a list or a map.
    Measured,
    /// What can stand inside a text.
    Shown,
}

/// Any whole number.
pub(super) const WHOLE: Take = Take::Whole(i64::MIN, i64::MAX);

impl std::fmt::Display for Take {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("a value"),
            Self::Text => f.write_str("a text"),
            Self::Number => f.write_str("a number"),
            Self::Whole(i64::MIN, _) => f.write_str("a whole number"),
            Self::Whole(least, i64::MAX) => write!(f, "a whole number from {least}"),
            Self::Whole(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::List => f.write_str("a list"),
            Self::Numbers => f.write_str("numbers, or one list of numbers"),
            Self::Length => f.write_str("a text like 1m30s, or a number of seconds"),
            Self::Measured => f.write_str("a text, a list or a map"),
            Self::Shown => f.write_str("a text or a number"),
        }
    }
}

/// The arguments of one call.
pub(super) struct Arguments<'a> {
    function: &'static FunctionDoc,
    values: &'a [Value],
}

impl<'a> Arguments<'a> {
    /// As many as the function takes.
    pub(super) fn of(function: &'static FunctionDoc, values: &'a [Value]) -> Result<Self, Error> {
        let (least, most) = function.arguments;
        if (least..=most).contains(&values.len()) {
            return Ok(Self { function, values });
        }
        let wanted = match (least, most) {
            (least, MANY) => format!("at least {least}"),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        Err(fail(format!(
            "`{}` takes {wanted} values, not {}: {}",
            function.name,
            values.len(),
            function.signature
        )))
    }

    /// All of them.
    pub(super) const fn all(&self) -> &'a [Value] {
        self.values
    }

    /// One that must be there.
    pub(super) fn value(&self, at: usize) -> Result<&'a Value, Error> {
        self.values
            .get(at)
            .ok_or_else(|| self.misfit(at, "nothing"))
    }

    /// A text.
    pub(super) fn text(&self, at: usize) -> Result<&'a str, Error> {
        let value = self.value(at)?;
        value.as_str().ok_or_else(|| self.wrong(at))
    }

    /// A number.
    pub(super) fn number(&self, at: usize) -> Result<&'a Value, Error> {
        let value = self.value(at)?;
        match value.kind() {
            ValueKind::Number => Ok(value),
            _ => Err(self.wrong(at)),
        }
    }

    /// A whole number within the limits of the place.
    pub(super) fn whole(&self, at: usize) -> Result<i64, Error> {
        let value = self.number(at)?;
        let number =
            i64::try_from(value.clone()).map_err(|_| self.misfit(at, &value.to_string()))?;
        match self.function.take(at) {
            Some((_, Take::Whole(least, most))) if !(least..=most).contains(&number) => {
                Err(self.misfit(at, &number.to_string()))
            }
            _ => Ok(number),
        }
    }

    /// The items of a list.
    pub(super) fn list(&self, at: usize) -> Result<Vec<Value>, Error> {
        let value = self.value(at)?;
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => items(value),
            _ => Err(self.wrong(at)),
        }
    }

    /// The items of every list.
    pub(super) fn lists(&self) -> Result<Vec<Vec<Value>>, Error> {
        (0..self.values.len()).map(|at| self.list(at)).collect()
    }

    /// One that may be left out: none when it is, or when it is null.
    pub(super) fn maybe<T>(
        &self,
        at: usize,
        read: impl Fn(&Self, usize) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match self.values.get(at) {
            Some(value) if !value.is_none() => read(self, at).map(Some),
            _ => Ok(None),
        }
    }

    /// An item of a list that means nothing to the function.
    pub(super) fn wrong_item(&self, at: usize, item: &Value, wanted: &str) -> Error {
        fail(format!(
            "`{}` takes {wanted}, but item {at} of the list is {}",
            self.function.name,
            noun(item)
        ))
    }

    /// What a function takes at a place, and what it got instead.
    pub(super) fn wrong(&self, at: usize) -> Error {
        self.misfit(at, self.values.get(at).map_or("nothing", noun))
    }

    /// The error of a function as its own.
    pub(super) fn refuse(&self, reason: impl std::fmt::Display) -> Error {
        fail(format!("`{}`: {reason}", self.function.name))
    }

    fn misfit(&self, at: usize, seen: &str) -> Error {
        fail(match self.function.take(at) {
            Some((name, take)) => format!(
                "`{}` takes {take} as `{name}`, not {seen}",
                self.function.name
            ),
            None => format!("`{}` takes no such value", self.function.name),
        })
    }
}
