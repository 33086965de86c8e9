//! Moments as Langfuse reads them.

/// Unix nanoseconds as ISO 8601 has them, to the microsecond: `2026-11-23T08:12:44.123456+00:00`.
pub fn iso(nanos: u64) -> String {
    let (seconds, micros) = (nanos / 1_000_000_000, nanos / 1000 % 1_000_000);
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}+00:00")
}

/// Of days since 1970. Years are counted from March, so that a leap day is the last one of its year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(iso(951_782_400_000_000_000), "2000-02-29T00:00:00.000000+00:00");
        assert_eq!(iso(1_795_421_564_123_456_789), "2026-11-23T08:12:44.123456+00:00");
        assert_eq!(iso(4_102_444_799_999_999_999), "2099-12-31T23:59:59.999999+00:00");
    }
}
