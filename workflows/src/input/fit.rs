//! Values held against a declared input: its type and its limits. Literals of documents, texts of the command line and
//! rows of batches come through here, so that all are judged with the same words.

use fenta_templates::color::Color;

use super::scalar::{is_date, is_url, parse_duration, scalar};
use super::{InputSpec, InputType};
use crate::suggest::nearest;
use crate::value::Value;

/// Longest text an input takes, characters.
const MAX_TEXT_CHARS: usize = 100_000;

/// Most items of a list.
const MAX_ITEMS: usize = 10_000;

impl InputSpec {
    /// A text from outside as a value; lists are separated by commas, or written as JSON: `["a, b", "c"]`.
    ///
    /// # Errors
    /// Why the text does not fit, as a lower-case fragment.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let raw = match &self.input_type {
            InputType::List(inner) => {
                let items: Result<Vec<Value>, String> =
                    items(text).iter().map(|item| scalar(inner, item)).collect();
                Value::List(items?)
            }
            one => scalar(one, text)?,
        };
        self.fit(raw)
    }

    /// A value of the document or of [`InputSpec::parse`] held against the type and its limits.
    ///
    /// # Errors
    /// Why it does not fit, as a lower-case fragment.
    pub fn fit(&self, value: Value) -> Result<Value, String> {
        match (&self.input_type, value) {
            (InputType::List(inner), Value::List(items)) => self.fit_list(inner, items),
            (InputType::List(inner), one) => self.fit_list(inner, vec![one]),
            (one, value) => self.fit_one(one, value),
        }
    }

    fn fit_list(&self, inner: &InputType, items: Vec<Value>) -> Result<Value, String> {
        let count = items.len();
        let most = self.max.map_or(MAX_ITEMS, |max| max as usize);
        if let Some(min) = self.min.map(|min| min as usize)
            && count < min
        {
            return Err(format!("it has {count} items, fewer than {min}"));
        }
        if count > most {
            return Err(format!("it has {count} items, more than {most}"));
        }
        items
            .into_iter()
            .enumerate()
            .map(|(i, item)| {
                self.fit_one(inner, item)
                    .map_err(|reason| format!("item {}: {reason}", i + 1))
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Value::List)
    }

    fn fit_one(&self, input_type: &InputType, value: Value) -> Result<Value, String> {
        match (input_type, value) {
            (InputType::Int | InputType::Number, Value::Int(number)) => {
                self.in_limits(number as f64, Value::Int(number))
            }
            (InputType::Number, Value::Float(number)) => {
                self.in_limits(number, Value::Float(number))
            }
            (InputType::Bool, Value::Bool(yes)) => Ok(Value::Bool(yes)),
            (InputType::Duration, Value::Int(millis)) => {
                self.in_limits(millis as f64, Value::Int(millis))
            }
            (InputType::Duration, Value::Text(text)) => {
                let millis = parse_duration(&text)?;
                self.in_limits(millis as f64, Value::Int(millis))
            }
            (InputType::Int, other) => Err(not_a("a whole number", &other)),
            (InputType::Number, other) => Err(not_a("a number", &other)),
            (InputType::Bool, other) => Err(not_a("true or false", &other)),
            (InputType::Duration, other) => Err(not_a("a length of time", &other)),
            (text_like, Value::Text(text)) => self.fit_text(text_like, text),
            (_, other) => Err(format!("expected text, found {}", other.noun())),
        }
    }

    /// A value that fits, as somebody would type it after `-p`; none for values nobody types.
    pub fn typed(&self, value: &Value) -> Option<String> {
        let is_duration = match &self.input_type {
            InputType::List(item) => **item == InputType::Duration,
            one => *one == InputType::Duration,
        };
        let one = |value: &Value| match value {
            Value::Int(millis) if is_duration => Some(crate::node::duration_text(*millis)),
            Value::Int(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            Value::Bool(bool) => Some(bool.to_string()),
            Value::Text(text) => Some(text.clone()),
            _ => None,
        };
        let Value::List(items) = value else {
            return one(value);
        };
        let texts = items.iter().map(one).collect::<Option<Vec<_>>>()?;
        if texts.iter().any(|text| text.contains(',')) {
            return serde_json::to_string(&texts).ok();
        }
        Some(texts.join(","))
    }

    /// The limits of a list count its items; those of its numbers are not limited.
    fn in_limits(&self, number: f64, value: Value) -> Result<Value, String> {
        if matches!(self.input_type, InputType::List(_)) {
            return Ok(value);
        }
        let shown = |number: f64| match self.input_type {
            InputType::Duration => crate::node::duration_text(number as i64),
            _ => number.to_string(),
        };
        if let Some(min) = self.min
            && number < min
        {
            return Err(format!(
                "{} is less than the smallest value, {}",
                shown(number),
                shown(min)
            ));
        }
        if let Some(max) = self.max
            && number > max
        {
            return Err(format!(
                "{} is more than the largest value, {}",
                shown(number),
                shown(max)
            ));
        }
        Ok(value)
    }

    fn fit_text(&self, input_type: &InputType, text: String) -> Result<Value, String> {
        let limit = self.max_length.unwrap_or(MAX_TEXT_CHARS);
        let chars = text.chars().count();
        if chars > limit {
            return Err(format!("it has {chars} characters, more than {limit}"));
        }
        match input_type {
            InputType::Enum => self.one_of(&text)?,
            InputType::Color => {
                text.parse::<Color>().map_err(|error| error.to_string())?;
            }
            InputType::Date => self.day(&text)?,
            InputType::Url if !is_url(&text) => {
                return Err("it must begin with http:// or https://".to_owned());
            }
            InputType::String if text.contains('\n') => {
                return Err("it must be one line; use the type `text` for more".to_owned());
            }
            _ if input_type.is_path() => self.path(&text)?,
            _ => {}
        }
        match &self.pattern {
            Some(pattern) if !pattern.matches(&text) => Err(format!(
                "it does not match the pattern `{}`",
                pattern.as_str()
            )),
            _ => Ok(Value::Text(text)),
        }
    }

    fn one_of(&self, text: &str) -> Result<(), String> {
        if self.of.iter().any(|choice| choice == text) {
            return Ok(());
        }
        let near = nearest(text, self.of.iter().map(String::as_str));
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        Err(format!("it must be one of {}{near}", self.of.join(", ")))
    }

    fn day(&self, text: &str) -> Result<(), String> {
        if !is_date(text) {
            return Err("it must be a day like 2026-11-22".to_owned());
        }
        // Days written year first are in the order of their texts.
        match (&self.first_day, &self.last_day) {
            (Some(first), _) if text < first.as_str() => Err(format!("it is before {first}")),
            (_, Some(last)) if text > last.as_str() => Err(format!("it is after {last}")),
            _ => Ok(()),
        }
    }

    fn path(&self, text: &str) -> Result<(), String> {
        if text.trim().is_empty() {
            return Err("the path is empty".to_owned());
        }
        let name = text.rsplit(['/', '\\']).next().unwrap_or(text);
        let extension = name
            .rsplit_once('.')
            .map(|(_, extension)| extension.to_lowercase());
        let wanted = |list: &[String]| {
            let list: Vec<String> = list.iter().map(|one| format!(".{one}")).collect();
            list.join(", ")
        };
        if !self.accept.is_empty()
            && !extension
                .as_ref()
                .is_some_and(|one| self.accept.contains(one))
        {
            return Err(format!("its name must end with {}", wanted(&self.accept)));
        }
        match (self.kind, extension) {
            // A name without an extension may be a folder, or a file whose content says what it is.
            (Some(kind), Some(extension)) if !kind.extensions().contains(&extension.as_str()) => {
                Err(format!("`.{extension}` is not {}", kind.with_article()))
            }
            _ => Ok(()),
        }
    }
}

fn not_a(wanted: &str, value: &Value) -> String {
    let seen = match value {
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => value.preview(40),
        other => other.noun(),
    };
    format!("it must be {wanted}, not {seen}")
}

/// The items of a list written as text.
fn items(text: &str) -> Vec<String> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    if text.trim_start().starts_with('[')
        && let Ok(items) = serde_json::from_str::<Vec<serde_json::Value>>(text)
        && items
            .iter()
            .all(|item| !item.is_array() && !item.is_object())
    {
        return items
            .into_iter()
            .map(|item| match item {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            })
            .collect();
    }
    text.split(',').map(|item| item.trim().to_owned()).collect()
}
