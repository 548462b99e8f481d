//! Functions about numbers.
//!
//! Neighbours: `list` for lists of anything. No result is infinite or not a number.

use minijinja::Error;
use minijinja::value::{Value, ValueKind};

use super::{fail, items};

/// The smallest or largest of the arguments, or of one list.
pub(super) fn extreme(values: &[Value], smallest: bool) -> Result<Value, Error> {
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

/// Rounded half away from zero; without digits the result is a whole number.
pub(super) fn round(number: f64, digits: Option<u32>) -> Result<Value, Error> {
    if !number.is_finite() {
        return Err(fail("only finite numbers can be rounded"));
    }
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
            let scaled = (number * scale).round() / scale;
            // A number too large to be scaled has no digits behind the point anyway.
            Ok(Value::from(if scaled.is_finite() {
                scaled
            } else {
                number
            }))
        }
        Some(digits) => Err(fail(format!("{digits} digits are more than 9"))),
    }
}

pub(super) fn sum(list: Value) -> Result<Value, Error> {
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
    if all_whole {
        return Ok(Value::from(whole));
    }
    let sum = whole as f64 + parts;
    if !sum.is_finite() {
        return Err(fail("the sum is not a finite number"));
    }
    Ok(Value::from(sum))
}
