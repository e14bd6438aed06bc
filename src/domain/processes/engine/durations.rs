//! Spans of time as definitions write them: ISO 8601, such as `PT30M` or `P3D`. A day has 24 hours, a week seven days; months and years have
//! no length of their own and are refused.

use std::time::Duration;

/// The longest span: a hundred years.
const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);

/// The span that a text is.
#[must_use]
pub fn read_duration(text: &str) -> Option<Duration> {
    let rest = text.trim().strip_prefix('P')?;
    let (days, time) = rest.split_once('T').map_or((rest, None), |(days, time)| (days, Some(time)));
    if days.is_empty() && time.is_none_or(str::is_empty) || time.is_some_and(str::is_empty) {
        return None;
    }
    let mut seconds = parts(days, &[('W', 604_800.0), ('D', 86_400.0)])?;
    if let Some(time) = time {
        seconds += parts(time, &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)])?;
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|span| *span <= LONGEST)
}

/// The sum of parts such as `2H30M`, each unit once and in order.
fn parts(text: &str, units: &[(char, f64)]) -> Option<f64> {
    let mut rest = text;
    let mut sum = 0.0;
    let mut units = units.iter();
    while !rest.is_empty() {
        let end = rest.find(|one: char| one.is_ascii_alphabetic())?;
        let (number, unit) = (&rest[..end], rest[end..].chars().next()?);
        if number.is_empty() || !number.bytes().all(|one| one.is_ascii_digit() || one == b'.') {
            return None;
        }
        let length = units.find(|(name, _)| *name == unit)?.1;
        sum += number.parse::<f64>().ok()? * length;
        rest = &rest[end + 1..];
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_what_is_none_is_refused() {
        let seconds = |text| read_duration(text).map(|span| span.as_secs_f64());
        assert_eq!(seconds("PT30S"), Some(30.0));
        assert_eq!(seconds("PT0.5S"), Some(0.5));
        assert_eq!(seconds("P1DT2H3M4S"), Some(93_784.0));
        assert_eq!(seconds("P2W"), Some(1_209_600.0));
        for bad in [
            "", "P", "PT", "P1", "PT5", "5M", "P1M", "P1Y", "PTS", "PT1S2M", "PT1H1H", "P1DT", "PT-5S", "P99999W",
            "PT1e3S",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
