//! The signed time: its form, and its age.

use std::time::Duration;

use super::TimeUnit;
use crate::provider::{Rejection, signature};

/// Parses a time since 1970. Exactly one text stands for each number, so that no digit can be moved into a neighbour.
pub(super) fn parse(text: &str, unit: TimeUnit) -> Option<Duration> {
    match unit {
        TimeUnit::Rfc3339 => rfc3339(text),
        TimeUnit::Rfc3339Utc => rfc3339(text).or_else(|| rfc3339(&format!("{text}Z"))),
        _ if text.is_empty() || text.starts_with('0') => None,
        TimeUnit::Seconds => signature::digits(text).map(Duration::from_secs),
        TimeUnit::Milliseconds => signature::digits(text).map(Duration::from_millis),
    }
}

/// Checks that a time is within the tolerance, in either direction unless only the past is accepted. `None` accepts any age.
pub(super) fn fresh(
    time: Duration,
    unit: TimeUnit,
    now: Duration,
    tolerance: Option<Duration>,
    is_past_only: bool,
) -> Result<(), Rejection> {
    // A time in whole seconds is compared with whole seconds.
    let now = if unit == TimeUnit::Seconds { Duration::from_secs(now.as_secs()) } else { now };
    if is_past_only && time > now {
        return Err(Rejection::unauthenticated("the timestamp is in the future"));
    }
    if tolerance.is_some_and(|tolerance| time.abs_diff(now) > tolerance) {
        return Err(Rejection::unauthenticated("the timestamp is outside the tolerance"));
    }
    Ok(())
}

/// A date and time in the form `2022-10-26T15:01:08.5Z`, with any offset. No such text begins with another one, nor ends
/// with another one.
fn rfc3339(text: &str) -> Option<Duration> {
    let bytes = text.as_bytes();
    let (date, rest) = bytes.split_at_checked(19)?;
    let is_date = date.iter().zip(b"0000-00-00T00:00:00").all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte == form,
    });
    let rest = match rest {
        [b'.', digits @ ..] => {
            let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if len == 0 {
                return None;
            }
            &digits[len..]
        }
        rest => rest,
    };
    let is_offset = match rest {
        b"Z" => true,
        [b'+' | b'-', offset @ ..] => {
            offset.len() == 5
                && offset.iter().enumerate().all(|(at, byte)| match at {
                    2 => *byte == b':',
                    _ => byte.is_ascii_digit(),
                })
        }
        _ => false,
    };
    if !is_date || !is_offset {
        return None;
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    Duration::try_from(time.as_duration()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_text() {
        assert_eq!(parse("1767225600", TimeUnit::Seconds), Some(Duration::from_secs(1_767_225_600)));
        assert_eq!(
            parse("1767225600123", TimeUnit::Milliseconds),
            Some(Duration::from_millis(1_767_225_600_123))
        );
        for text in
            ["", "0", "01767225600", "+1", "-1", " 1", "1 ", "1.0", "1e3", "0x1", "99999999999999999999"]
        {
            assert_eq!(parse(text, TimeUnit::Seconds), None, "{text}");
            assert_eq!(parse(text, TimeUnit::Milliseconds), None, "{text}");
        }
    }

    #[test]
    fn a_date_is_read_in_one_form_only() {
        let half = parse("1970-01-01T00:00:01.5Z", TimeUnit::Rfc3339);
        assert_eq!(half, Some(Duration::from_millis(1_500)));
        assert_eq!(
            parse("2020-01-01T00:00:00-07:00", TimeUnit::Rfc3339),
            parse("2020-01-01T07:00:00Z", TimeUnit::Rfc3339)
        );
        for text in [
            "",
            "2020-01-01",
            "2020-01-01T00:00:00",
            "022-10-26T15:01:08.5Z",
            "42022-10-26T15:01:08.5Z",
            "2022-10-26t15:01:08z",
            "2022-10-26 15:01:08Z",
            "2022-10-26T15:01:08.Z",
            "2022-10-26T15:01:08Z[UTC]",
            "2022-10-26T15:01:08+0700",
            "2022-13-26T15:01:08Z",
            "1969-12-31T23:59:59Z",
            "2022-10-26T15:01Z",
            "é022-10-26T15:01:08Z",
        ] {
            assert_eq!(parse(text, TimeUnit::Rfc3339), None, "{text}");
        }
    }

    #[test]
    fn a_date_without_an_offset_is_in_utc_if_the_sender_writes_it_so() {
        for [text, whole] in [
            ["2020-01-01T00:00:00", "2020-01-01T00:00:00Z"],
            ["2020-01-01T00:00:00.000123", "2020-01-01T00:00:00.000123Z"],
            ["2020-01-01T00:00:00-07:00", "2020-01-01T07:00:00Z"],
            ["2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"],
        ] {
            assert_eq!(parse(text, TimeUnit::Rfc3339Utc), parse(whole, TimeUnit::Rfc3339), "{text}");
            assert!(parse(whole, TimeUnit::Rfc3339).is_some());
        }
        for text in
            ["", "2020-01-01", "2020-01-01T00:00:00.", "2020-01-01T00:00:00ZZ", "2020-01-01T00:00:00+01:0"]
        {
            assert_eq!(parse(text, TimeUnit::Rfc3339Utc), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_fresh_up_to_the_tolerance_in_both_directions() {
        let (tolerance, unit) = (Some(Duration::from_secs(5)), TimeUnit::Milliseconds);
        let time = Duration::from_millis(10_000);
        for (now, expected) in [(5_000, true), (4_999, false), (15_000, true), (15_001, false)] {
            let now = Duration::from_millis(now);
            let is_past_only = fresh(time, unit, now, tolerance, true).is_ok();
            assert_eq!(fresh(time, unit, now, tolerance, false).is_ok(), expected, "{now:?}");
            assert_eq!(is_past_only, expected && time <= now, "{now:?}");
        }
        assert!(fresh(time, unit, time, tolerance, true).is_ok());
        // The sender's clock shows whole seconds, so the fraction of ours does not count.
        assert!(fresh(time, TimeUnit::Seconds, Duration::from_millis(15_999), tolerance, false).is_ok());
        assert!(fresh(Duration::ZERO, unit, Duration::MAX, None, true).is_ok());
        assert!(fresh(Duration::ZERO, unit, Duration::MAX, tolerance, false).is_err());
        assert!(fresh(Duration::MAX, unit, Duration::ZERO, tolerance, false).is_err());
    }
}
