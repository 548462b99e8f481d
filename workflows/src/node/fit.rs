//! How a value is made to fit a parameter: one function for literals (when a document is checked) and for computed
//! values (when a node is prepared), so that both are judged alike.
//!
//! Neighbours: `param` holds the types. Nothing here looks at files: a path is only made absolute.

use std::collections::BTreeMap;
use std::fmt;

use fenta_templates::color::Color;

use super::language;
use super::param::{ParamSpec, ParamType, duration_text};
use crate::execution::JobFacts;
use crate::input::{is_url, join_path, parse_duration};
use crate::suggest::nearest;
use crate::value::{PortType, Value};

/// Why a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Whether the type is wrong (else a limit is not held).
    pub wrong_type: bool,
    /// Lower-case fragment.
    pub message: String,
    /// The word that was probably meant.
    pub suggestion: Option<&'static str>,
}

/// The value converted to a type.
pub(super) fn fit(wanted: &ParamType, value: Value) -> Result<Value, Misfit> {
    match wanted {
        ParamType::Text { max_chars } => fit_text(value, *max_chars, wanted),
        ParamType::Int { min, max } => {
            let number = whole(&value).ok_or_else(|| wrong_type(wanted, &value))?;
            in_range(&number, min, max)?;
            Ok(Value::Int(number))
        }
        ParamType::Number { min, max } => fit_number(value, *min, *max, wanted),
        ParamType::Bool => match value {
            Value::Bool(_) => Ok(value),
            other => Err(wrong_type(wanted, &other)),
        },
        ParamType::Duration { min, max } => fit_duration(&value, (*min, *max), wanted),
        ParamType::OneOf(words) => fit_word(value, words, wanted),
        ParamType::Color | ParamType::Url | ParamType::Model | ParamType::Language => {
            fit_written(value, wanted)
        }
        ParamType::SourcePath | ParamType::ResultPath => fit_path(value, wanted),
        ParamType::Seed => match whole(&value) {
            Some(number) => Ok(Value::Int(number)),
            None => Err(wrong_type(wanted, &value)),
        },
        ParamType::Port(port_type) => fit_port(value, port_type, wanted),
        ParamType::Many(inner) => fit_many(value, inner),
        ParamType::Either(types) => fit_either(value, types, wanted),
        ParamType::Fields(fields) => fit_fields(value, fields, wanted),
        ParamType::Texts => fit_texts(value, wanted),
        ParamType::Fill => match value {
            Value::Record(_) => Ok(value),
            other => Err(wrong_type(wanted, &other)),
        },
    }
}

/// Relative paths made absolute.
pub(super) fn absolute(param_type: &ParamType, value: Value, job: &JobFacts) -> Value {
    match (param_type, value) {
        (ParamType::SourcePath, Value::Text(path)) => {
            Value::Text(join_path(&job.workflow_dir, &path))
        }
        (ParamType::ResultPath, Value::Text(path)) => Value::Text(result_path(&job.out_dir, &path)),
        (ParamType::Many(inner), Value::List(items)) => Value::List(
            items
                .into_iter()
                .map(|item| absolute(inner, item, job))
                .collect(),
        ),
        // A text that is no other choice is a path.
        (ParamType::Either(types), value @ Value::Text(_)) => {
            match types.iter().find(|one| one.fit(value.clone()).is_ok()) {
                Some(one) => absolute(one, value, job),
                None => value,
            }
        }
        (ParamType::Either(types), value @ Value::List(_)) => {
            match types.iter().find(|one| matches!(one, ParamType::Many(_))) {
                Some(many) => absolute(many, value, job),
                None => value,
            }
        }
        (_, value) => value,
    }
}

/// Where a result goes. What names a folder by its ending (`./`, `..`, `out/`) still ends like one.
fn result_path(out_dir: &str, path: &str) -> String {
    let mut joined = join_path(out_dir, path);
    let names_folder = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
    if names_folder && !joined.ends_with('/') {
        joined.push('/');
    }
    joined
}

impl Misfit {
    fn limit(message: impl Into<String>) -> Self {
        Self {
            wrong_type: false,
            message: message.into(),
            suggestion: None,
        }
    }
}

fn wrong_type(wanted: &ParamType, value: &Value) -> Misfit {
    Misfit {
        wrong_type: true,
        message: format!("expected {wanted}, found {}", value.noun()),
        suggestion: None,
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(*number as i64)
        }
        _ => None,
    }
}

fn in_range<T: PartialOrd + fmt::Display>(number: &T, min: &T, max: &T) -> Result<(), Misfit> {
    if number < min || number > max {
        return Err(Misfit::limit(format!(
            "{number} is out of range; it must be from {min} to {max}"
        )));
    }
    Ok(())
}

fn fit_text(value: Value, max_chars: usize, wanted: &ParamType) -> Result<Value, Misfit> {
    let text = match value {
        Value::Text(text) => text,
        Value::Script(script) => script.text(),
        other => return Err(wrong_type(wanted, &other)),
    };
    let chars = text.chars().count();
    if chars > max_chars {
        return Err(Misfit::limit(format!(
            "the text has {chars} characters, more than {max_chars}"
        )));
    }
    Ok(Value::Text(text))
}

fn fit_number(value: Value, min: f64, max: f64, wanted: &ParamType) -> Result<Value, Misfit> {
    let number = match value {
        Value::Int(number) => number as f64,
        Value::Float(number) => number,
        other => return Err(wrong_type(wanted, &other)),
    };
    in_range(&number, &min, &max)?;
    Ok(Value::Float(number))
}

fn fit_word(value: Value, words: &[&'static str], wanted: &ParamType) -> Result<Value, Misfit> {
    match &value {
        Value::Text(text) if words.contains(&text.as_str()) => Ok(value),
        Value::Text(text) => Err(Misfit {
            wrong_type: false,
            message: format!("`{text}` is not {wanted}"),
            suggestion: nearest(text, words.iter().copied())
                .and_then(|near| words.iter().copied().find(|word| *word == near)),
        }),
        other => Err(wrong_type(wanted, other)),
    }
}

/// Texts of a form.
fn fit_written(value: Value, wanted: &ParamType) -> Result<Value, Misfit> {
    let Value::Text(text) = &value else {
        return Err(wrong_type(wanted, &value));
    };
    if *wanted == ParamType::Language {
        return match language::misfit(text) {
            None => Ok(value),
            Some(misfit) => Err(misfit),
        };
    }
    let reason = match wanted {
        ParamType::Color => text.parse::<Color>().err().map(|error| error.to_string()),
        // Which models there are is asked with the role, which a type does not know.
        ParamType::Model => (text.trim().is_empty() || text.len() > 200)
            .then(|| format!("`{text}` is not {wanted}")),
        _ if is_url(text) => None,
        _ => Some(format!("`{text}` is not {wanted}")),
    };
    match reason {
        None => Ok(value),
        Some(reason) => Err(Misfit::limit(reason)),
    }
}

/// Milliseconds. A number with a fraction is refused: it is most likely a number of seconds.
fn fit_duration(
    value: &Value,
    (min, max): (i64, i64),
    wanted: &ParamType,
) -> Result<Value, Misfit> {
    let ms = match value {
        Value::Int(ms) => *ms,
        Value::Text(text) => parse_duration(text)
            .map_err(|reason| Misfit::limit(format!("`{text}` does not fit: {reason}")))?,
        Value::Float(seconds) => {
            return Err(Misfit::limit(format!(
                "{seconds} has no unit; if it is a number of seconds, write duration(...) around it"
            )));
        }
        other => return Err(wrong_type(wanted, other)),
    };
    if (min..=max).contains(&ms) {
        return Ok(Value::Int(ms));
    }
    Err(Misfit::limit(format!(
        "{} is out of range; it must be from {} to {}",
        duration_text(ms),
        duration_text(min),
        duration_text(max)
    )))
}

fn fit_fields(value: Value, fields: &[ParamSpec], wanted: &ParamType) -> Result<Value, Misfit> {
    let Value::Record(mut given) = value else {
        return Err(wrong_type(wanted, &value));
    };
    let mut fitted = BTreeMap::new();
    for field in fields {
        let value = match given.remove(field.name) {
            None | Some(Value::Null) if field.required => {
                return Err(Misfit::limit(format!("`{}` has no value", field.name)));
            }
            None | Some(Value::Null) => field.default.clone(),
            Some(value) => field.param_type.fit(value).map_err(|misfit| Misfit {
                message: format!("`{}`: {}", field.name, misfit.message),
                ..misfit
            })?,
        };
        fitted.insert(field.name.to_owned(), value);
    }
    match given.keys().next() {
        Some(unknown) => Err(Misfit {
            wrong_type: false,
            message: format!("there is no field `{unknown}`"),
            suggestion: near_field(unknown, fields),
        }),
        None => Ok(Value::Record(fitted)),
    }
}

/// The field that was probably meant.
pub(crate) fn near_field(name: &str, fields: &[ParamSpec]) -> Option<&'static str> {
    let near = nearest(name, fields.iter().map(|field| field.name))?;
    fields
        .iter()
        .map(|field| field.name)
        .find(|name| *name == near)
}

fn fit_texts(value: Value, wanted: &ParamType) -> Result<Value, Misfit> {
    let Value::Record(fields) = &value else {
        return Err(wrong_type(wanted, &value));
    };
    for (name, text) in fields {
        match text {
            Value::Text(text) if text.chars().count() <= 500 => {}
            Value::Text(_) => {
                return Err(Misfit::limit(format!(
                    "`{name}` has more than 500 characters"
                )));
            }
            other => {
                return Err(Misfit::limit(format!(
                    "`{name}` must be text, but it is {}",
                    other.noun()
                )));
            }
        }
    }
    Ok(value)
}

/// `.` and `..` at the end name folders, whatever is there.
fn names_a_folder(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("." | ".."))
}

fn fit_path(value: Value, wanted: &ParamType) -> Result<Value, Misfit> {
    match &value {
        Value::Text(path) if path.trim().is_empty() => Err(Misfit::limit("the path is empty")),
        Value::Text(path) if path.contains('\0') => {
            Err(Misfit::limit("the path has a zero byte in it"))
        }
        Value::Text(path) if path.starts_with("~/") => Err(Misfit::limit(
            "`~` is not replaced by your home folder; write the whole path",
        )),
        Value::Text(path) if *wanted == ParamType::ResultPath && names_a_folder(path) => {
            Err(Misfit::limit(format!(
                "`{path}` is a folder; write `{path}/` to put the file into it"
            )))
        }
        Value::Text(_) => Ok(value),
        other => Err(wrong_type(wanted, other)),
    }
}

fn fit_port(value: Value, port_type: &PortType, wanted: &ParamType) -> Result<Value, Misfit> {
    match (port_type, value) {
        (PortType::List(inner), Value::List(items)) => {
            let items: Result<Vec<Value>, Misfit> = items
                .into_iter()
                .map(|item| fit_port(item, inner, wanted))
                .collect();
            items.map(Value::List)
        }
        (PortType::List(inner), one) => {
            fit_port(one, inner, wanted).map(|value| Value::List(vec![value]))
        }
        (PortType::Json, any) => Ok(any),
        (PortType::Text, Value::Script(script)) => Ok(Value::Text(script.text())),
        (PortType::Audio, value @ Value::Voice(_)) => Err(wrong_type(wanted, &value)),
        (port_type, value) => match value.port_type() {
            Some(own) if port_type.accepts(&own) => Ok(value),
            _ => Err(wrong_type(wanted, &value)),
        },
    }
}

fn fit_many(value: Value, inner: &ParamType) -> Result<Value, Misfit> {
    match value {
        Value::List(items) => items
            .into_iter()
            .map(|item| inner.fit(item))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::List),
        one => inner.fit(one).map(|value| Value::List(vec![value])),
    }
}

/// The misfit told is the most telling one: a limit of a type that fits, best one with a suggestion.
fn fit_either(value: Value, types: &[ParamType], wanted: &ParamType) -> Result<Value, Misfit> {
    let mut best: Option<Misfit> = None;
    for one in types {
        match one.fit(value.clone()) {
            Ok(value) => return Ok(value),
            Err(misfit) if misfit.wrong_type => {}
            Err(misfit) => {
                let telling = misfit.suggestion.is_some();
                if best.is_none() || telling {
                    best = Some(misfit);
                }
            }
        }
    }
    Err(match best {
        Some(misfit) if misfit.suggestion.is_some() => misfit,
        Some(_) => Misfit::limit(format!("{} is not {wanted}", value.preview(40))),
        None => wrong_type(wanted, &value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Scene, Script};

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn job() -> JobFacts {
        JobFacts {
            workflow_dir: "/w".into(),
            out_dir: "/out".into(),
            ..JobFacts::default()
        }
    }

    #[test]
    fn ranges_and_choices_are_held() {
        let int = ParamType::Int { min: 1, max: 9 };
        assert_eq!(int.fit(Value::Float(3.0)), Ok(Value::Int(3)));
        assert!(
            int.fit(Value::Int(0))
                .unwrap_err()
                .message
                .contains("from 1 to 9")
        );
        assert!(int.fit(Value::Float(1.5)).unwrap_err().wrong_type);
        let word = ParamType::OneOf(&["calm", "driving"]);
        assert_eq!(
            word.fit(text("calmm")).unwrap_err().suggestion,
            Some("calm")
        );
        assert!(ParamType::Text { max_chars: 2 }.fit(text("éàü")).is_err());
        assert!(ParamType::Color.fit(text("red")).is_err());
        assert!(
            ParamType::Number { min: 0.5, max: 2.0 }
                .fit(Value::Int(3))
                .is_err()
        );
    }

    #[test]
    fn paths_become_absolute_where_they_belong() {
        let source = ParamSpec::required("a", ParamType::SourcePath, "");
        let result = ParamSpec::required("a", ParamType::ResultPath, "");
        assert_eq!(source.fit(text("./x.png"), &job()), Ok(text("/w/x.png")));
        assert_eq!(result.fit(text("v.mp4"), &job()), Ok(text("/out/v.mp4")));
        assert_eq!(
            result.fit(text("/abs/v.mp4"), &job()),
            Ok(text("/abs/v.mp4"))
        );
        assert!(source.fit(text(" "), &job()).is_err());
    }

    #[test]
    fn a_script_is_text_where_text_is_wanted() {
        let script = Value::Script(Script {
            title: "T".into(),
            language: "en".into(),
            scenes: vec![Scene::new("s1", "One."), Scene::new("s2", "Two.")],
        });
        let fitted = ParamType::Text { max_chars: 99 }.fit(script);
        assert_eq!(fitted, Ok(text("One. Two.")));
    }

    #[test]
    fn one_value_fits_a_list() {
        let colors = ParamType::many(ParamType::Color);
        assert_eq!(
            colors.fit(text("#112233")),
            Ok(Value::List(vec![text("#112233")]))
        );
        let either = ParamType::Either(vec![ParamType::OneOf(&["sunset"]), colors]);
        assert_eq!(either.fit(text("sunset")), Ok(text("sunset")));
        assert_eq!(
            either.fit(text("sunste")).unwrap_err().suggestion,
            Some("sunset")
        );
        assert!(either.fit(Value::Bool(true)).unwrap_err().wrong_type);
    }

    #[test]
    fn absent_values_take_the_default_or_are_an_error() {
        let spec = ParamSpec::with_default("n", ParamType::Seed, Value::Int(7), "");
        assert_eq!(spec.fit(Value::Null, &job()), Ok(Value::Int(7)));
        let spec = ParamSpec::required("n", ParamType::Seed, "");
        assert!(
            spec.fit(Value::Null, &job())
                .unwrap_err()
                .message
                .contains("no value")
        );
    }

    #[test]
    fn results_are_not_put_in_the_place_of_folders() {
        let fits = |path: &str| fit_path(Value::Text(path.into()), &ParamType::ResultPath).is_ok();
        for path in [".", "..", "out/..", "~/v.mp4"] {
            assert!(!fits(path), "{path}");
        }
        for path in ["./", "out/v.mp4", "../v.mp4", "v..mp4"] {
            assert!(fits(path), "{path}");
        }
    }

    #[test]
    fn lengths_of_time_have_units() {
        let length = ParamType::Duration {
            min: 1000,
            max: 60_000,
        };
        assert_eq!(length.fit(text("2.5s")), Ok(Value::Int(2500)));
        assert_eq!(length.fit(Value::Int(1500)), Ok(Value::Int(1500)));
        let message = |value| length.fit(value).unwrap_err().message;
        assert!(message(Value::Float(7.5)).contains("duration(...)"));
        assert!(message(text("2m")).contains("2m is out of range; it must be from 1s to 1m"));
        assert!(message(text("soon")).contains("`soon` does not fit"));
        assert!(length.fit(Value::Bool(true)).unwrap_err().wrong_type);
    }

    #[test]
    fn maps_have_their_fields_and_no_others() {
        let fields = ParamType::Fields(vec![
            ParamSpec::required("min", ParamType::Int { min: 1, max: 9 }, ""),
            ParamSpec::with_default("max", ParamType::Int { min: 1, max: 9 }, Value::Int(9), ""),
        ]);
        let map = |fields: &[(&str, Value)]| {
            Value::Record(
                fields
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect(),
            )
        };
        assert_eq!(
            fields.fit(map(&[("min", Value::Int(2))])),
            Ok(map(&[("min", Value::Int(2)), ("max", Value::Int(9))]))
        );
        let error = fields
            .fit(map(&[("min", Value::Int(2)), ("maxx", Value::Int(2))]))
            .unwrap_err();
        assert_eq!(error.suggestion, Some("max"));
        assert!(
            fields
                .fit(map(&[("min", Value::Int(20))]))
                .unwrap_err()
                .message
                .contains("`min`: 20 is out of range")
        );
        assert!(
            fields
                .fit(map(&[]))
                .unwrap_err()
                .message
                .contains("`min` has no value")
        );
        let either = ParamType::Either(vec![ParamType::OneOf(&["off"]), fields]);
        assert_eq!(either.fit(text("off")), Ok(text("off")));
        assert!(either.fit(text("on")).is_err());
    }

    #[test]
    fn addresses_and_models_have_a_form() {
        assert!(ParamType::Url.fit(text("https://example.org/rss")).is_ok());
        assert!(ParamType::Url.fit(text("file:///etc/passwd")).is_err());
        assert!(ParamType::Model.fit(text("kie:veo3_fast")).is_ok());
        assert!(ParamType::Model.fit(text(" ")).is_err());
        assert!(ParamType::Texts.fit(Value::Record(BTreeMap::new())).is_ok());
    }

    #[test]
    fn a_path_among_other_values_is_made_absolute() {
        let clips = ParamType::many(ParamType::Either(vec![
            ParamType::Port(PortType::Media),
            ParamType::SourcePath,
        ]));
        let spec = ParamSpec::required("clips", clips, "");
        assert_eq!(
            spec.fit(text("a.png"), &job()),
            Ok(Value::List(vec![text("/w/a.png")]))
        );
    }
}
