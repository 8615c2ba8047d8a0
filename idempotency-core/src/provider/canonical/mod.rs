//! Canonical JSON: one digest for all texts with the same RFC 8785 canonical form.
//!
//! The canonical form itself is never written. Two texts have the same form if their values are equal: members in any
//! order, white space ignored, strings compared by their characters and numbers as IEEE 754 doubles. The digest is taken
//! over the values.

mod pointer;
#[cfg(test)]
mod tests;
mod value;

use super::json::NUMBER_FIELD;
use crate::digest::FieldDigest;
use value::Json;

pub(super) use pointer::Pointer;

/// The digest of a JSON text's canonical form, without the omitted fields.
///
/// `None` if the text is not I-JSON (RFC 7493) and so has no canonical form: an object has a repeated member, a number does
/// not fit a double, or a string has a lone surrogate. `None` too if a member has the name that the parser gives to
/// numbers, since the two could not be told apart.
pub(super) fn digest(text: &[u8], omitted: &[Pointer]) -> Option<[u8; 32]> {
    if has_long_number(text) || names_number_field(text) {
        return None;
    }
    let mut value: Json = serde_json::from_slice(text).ok()?;
    for pointer in omitted {
        value.leave_out(pointer.steps());
    }
    Some(value.put_into(FieldDigest::new("json")).finish())
}

/// Whether a JSON text has a member named [`NUMBER_FIELD`], escaped or not.
fn names_number_field(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        rest = &rest[start..];
        // Starts as if escaped, to skip the opening quote.
        let mut is_escaped = true;
        let end = rest.iter().position(|byte| {
            let is_end = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            is_end
        });
        let Some(end) = end else { return false };
        let (string, after) = rest.split_at(end + 1);
        rest = after;
        if matches!(string[1], b'$' | b'\\')
            && rest.trim_ascii_start().starts_with(b":")
            && serde_json::from_slice::<String>(string).is_ok_and(|name| name == NUMBER_FIELD)
        {
            return true;
        }
    }
    false
}

/// Whether a JSON text has a number with more digits than a double can hold. Other readers may use all of them.
fn has_long_number(text: &[u8]) -> bool {
    const DIGITS: usize = 17;
    let (mut in_text, mut is_escaped, mut digits) = (false, false, 0);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'0' if digits == 0 => {}
            b'0'..=b'9' => digits += 1,
            b'.' => {}
            _ => digits = 0,
        }
        if digits > DIGITS {
            return true;
        }
    }
    false
}
