//! Functions about numbers.
//!
//! Neighbours: `list` for lists of anything. No result is infinite or not a number.

use minijinja::Error;
use minijinja::value::{Value, ValueKind};

use super::arguments::Arguments;

/// The smallest or largest of the arguments, or of one list.
pub(super) fn extreme(it: &Arguments<'_>, smallest: bool) -> Result<Value, Error> {
    let all = match it.all() {
        [one] if one.kind() != ValueKind::Number => it.list(0)?,
        many => many.to_vec(),
    };
    let is_list = it.all().len() == 1;
    for (at, value) in all.iter().enumerate() {
        if value.kind() != ValueKind::Number {
            return Err(match is_list {
                true => it.wrong_item(at, value, "numbers"),
                false => it.wrong(at),
            });
        }
    }
    let best = match smallest {
        true => all.into_iter().min(),
        false => all.into_iter().max(),
    };
    best.ok_or_else(|| it.refuse("the list is empty"))
}

/// Rounded half away from zero; without digits the result is a whole number. Whole numbers are round already.
pub(super) fn round(it: &Arguments<'_>) -> Result<Value, Error> {
    let digits = it.maybe(1, Arguments::whole)?.unwrap_or(0).unsigned_abs() as usize;
    let value = it.number(0)?;
    if value.is_integer() {
        return Ok(value.clone());
    }
    let number = f64::try_from(value.clone())?;
    if !number.is_finite() {
        return Err(it.refuse("only finite numbers can be rounded"));
    }
    let text = rounded(number, digits);
    if let (0, Ok(whole)) = (digits, text.parse::<i64>()) {
        return Ok(Value::from(whole));
    }
    text.parse::<f64>()
        .map(Value::from)
        .map_err(|_| it.refuse(format!("{number} cannot be rounded")))
}

/// The decimal text of a number with at most so many digits behind the point. What people see of a number are its
/// shortest digits, so these decide: 1.005 is a half of a hundredth for them, though the nearest binary number is less.
fn rounded(number: f64, digits: usize) -> String {
    let text = number.abs().to_string();
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    if rest.len() <= digits {
        return number.to_string();
    }
    let up = rest.as_bytes()[digits] >= b'5';
    let mut kept: Vec<u8> = [whole, &rest[..digits]].concat().into_bytes();
    if up {
        count_up(&mut kept);
    }
    let point = kept.len() - digits;
    let kept: String = kept.into_iter().map(char::from).collect();
    let sign = if number < 0.0 { "-" } else { "" };
    match digits {
        0 => format!("{sign}{kept}"),
        _ => format!("{sign}{}.{}", &kept[..point], &kept[point..]),
    }
}

/// The next decimal number.
fn count_up(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

pub(super) fn sum(it: &Arguments<'_>) -> Result<Value, Error> {
    let mut whole = 0_i64;
    let mut parts = 0.0_f64;
    let mut all_whole = true;
    for (at, item) in it.list(0)?.into_iter().enumerate() {
        if item.kind() != ValueKind::Number {
            return Err(it.wrong_item(at, &item, "numbers"));
        }
        match item.as_i64() {
            Some(number) if item.is_integer() => {
                whole = whole
                    .checked_add(number)
                    .ok_or_else(|| it.refuse("the sum does not fit into 64 bits"))?;
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
        return Err(it.refuse("the sum is not a finite number"));
    }
    Ok(Value::from(sum))
}
