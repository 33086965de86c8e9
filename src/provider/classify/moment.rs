//! Times as servers write them: seconds, spans such as `1m30s`, and moments of three kinds.

use std::time::{Duration, SystemTime};

use crate::clock;

/// No limit is counted over more than a month; who asks for more means something else.
const MAX_WAIT: Duration = Duration::from_secs(31 * 86_400);
/// From here on a number is no wait but a moment of this century, in seconds since 1970 (2001 was the first).
const MOMENT: f64 = 1e9;
/// From here on it is one in milliseconds.
const MOMENT_MS: f64 = 1e12;

/// A wait of this many seconds; none for what is no time at all.
pub fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().map(|wait| wait.min(MAX_WAIT))
}

/// How long until what a text names: a number of seconds, a span, or a moment.
pub fn until(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return match number {
            _ if number >= MOMENT_MS => until_unix(number / 1000.0),
            _ if number >= MOMENT => until_unix(number),
            _ => seconds(number),
        };
    }
    if let Some((span, rest)) = span(text) {
        return seconds(span).filter(|_| rest.is_empty());
    }
    let date = httpdate::parse_http_date(text).ok();
    let since = date.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok()).map(|since| since.as_secs_f64());
    until_unix(since.or_else(|| rfc3339(text))?)
}

/// A moment that is over needs no wait.
fn until_unix(moment: f64) -> Option<Duration> {
    let now = Duration::from_millis(clock::unix_ms()).as_secs_f64();
    seconds((moment - now).max(0.0))
}

/// The span that a text begins with, in seconds, and what follows it: `6ms`, `1m30s`, `1h2m`, `12.5s`, `20 seconds`.
pub fn span(text: &str) -> Option<(f64, &str)> {
    let mut total = None;
    let mut rest = text;
    while let Some((part, after)) = part(rest) {
        total = Some(total.unwrap_or(0.0) + part);
        rest = after;
    }
    Some((total?, rest.trim_start()))
}

fn part(text: &str) -> Option<(f64, &str)> {
    let (number, rest) = prefix(text.trim_start(), |c| c.is_ascii_digit() || c == '.');
    let (unit, rest) = prefix(rest.trim_start(), |c| c.is_ascii_alphabetic());
    let unit = match unit {
        "ns" => 1e-9,
        "us" => 1e-6,
        "ms" | "millisecond" | "milliseconds" => 1e-3,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    };
    Some((number.parse::<f64>().ok()? * unit, rest))
}

fn prefix(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// `2026-01-31T12:00:00Z`, with fractions and offsets, in seconds since 1970.
fn rfc3339(text: &str) -> Option<f64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, offset) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    };
    let [hours, minutes, seconds] = numbers(time, ':')?;
    let plausible = (1.0..=12.0).contains(&month) && (1.0..=31.0).contains(&day) && (1970.0..=9999.0).contains(&year);
    if !plausible || hours >= 24.0 || minutes >= 60.0 || seconds > 60.0 {
        return None;
    }
    let behind =
        match offset.strip_prefix('+').map(|east| (1.0, east)).or(offset.strip_prefix('-').map(|west| (-1.0, west))) {
            Some((sign, hours_minutes)) => {
                let [hours, minutes] = numbers(hours_minutes, ':')?;
                sign * (hours * 3600.0 + minutes * 60.0)
            }
            None => 0.0,
        };
    Some(days(year, month, day) * 86_400.0 + hours * 3600.0 + minutes * 60.0 + seconds - behind)
}

fn numbers<const N: usize>(text: &str, separator: char) -> Option<[f64; N]> {
    let mut numbers = [0.0; N];
    let mut parts = text.split(separator);
    for number in &mut numbers {
        let part = parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Days from 1970 to a day of the Gregorian calendar, whose year is taken to begin in March: leap days come last.
fn days(year: f64, month: f64, day: f64) -> f64 {
    let year = if month <= 2.0 { year - 1.0 } else { year };
    let month = (month + 9.0) % 12.0;
    let of_year = ((153.0 * month + 2.0) / 5.0).floor() + day - 1.0;
    year * 365.0 + (year / 4.0).floor() - (year / 100.0).floor() + (year / 400.0).floor() + of_year - 719_468.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_in_every_unit() {
        for (text, expected) in [
            ("6ms", 0.006),
            ("20ms", 0.020),
            ("1m30s", 90.0),
            ("6m0s", 360.0),
            ("1h2m", 3720.0),
            ("12.5s", 12.5),
            ("2m59.56s", 179.56),
            ("1d", 86_400.0),
            ("17s", 17.0),
            ("0.5s", 0.5),
            ("20 seconds", 20.0),
            ("60", 60.0),
            ("0", 0.0),
        ] {
            let found = until(text).unwrap_or_else(|| panic!("{text}")).as_secs_f64();
            assert!((found - expected).abs() < 1e-6, "{text}: {found}");
        }
        for text in ["", "s", "1.2.3s", "1m x", "-1s", "-5", "soon", "nan", "inf", "1e400", "5 parsecs", "\u{1f600}5s"]
        {
            assert_eq!(until(text), None, "{text}");
        }
        assert_eq!(span("1.2s. Visit us"), Some((1.2, ". Visit us")));
        assert_eq!(span("6m0s, or never"), Some((360.0, ", or never")));
    }

    #[test]
    fn moments_of_three_kinds() {
        let now = clock::unix_ms() as f64 / 1000.0;
        let near = |text: String| {
            let wait = until(&text).unwrap_or_else(|| panic!("{text}")).as_secs_f64();
            assert!((28.0..=31.0).contains(&wait), "{text}: {wait}");
        };
        near(format!("{}", (now + 30.0).round()));
        near(format!("{}", ((now + 30.0) * 1000.0).round()));
        near(httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(30)));
        for past in ["1700000000", "1700000000000", "Sun, 06 Nov 1994 08:49:37 GMT", "2024-02-29T12:00:00Z"] {
            assert_eq!(until(past), Some(Duration::ZERO), "{past}");
        }
        assert_eq!(until("9999999999999"), Some(MAX_WAIT), "far away is a month away");
    }

    #[test]
    fn dates_are_counted_right() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0.0),
            ("2000-02-29T23:59:59Z", 951_868_799.0),
            ("2024-03-01T00:00:00Z", 1_709_251_200.0),
            ("2024-03-01T00:00:00.25Z", 1_709_251_200.25),
            ("2024-03-01T02:00:00+02:00", 1_709_251_200.0),
            ("2024-02-29T19:00:00-05:00", 1_709_251_200.0),
            ("2026-12-31 12:00:00", 1_798_718_400.0),
        ] {
            assert_eq!(rfc3339(text), Some(expected), "{text}");
        }
        for text in
            ["2024-13-01T00:00:00Z", "2024-03-01", "2024-03-01T25:00:00Z", "T", "a-b-cTd:e:fZ", "2024-03-01T00:00:00+x"]
        {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
