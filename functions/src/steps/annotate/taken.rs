//! When a photo was taken, as roughly as a caption says it: the season, or else the month.

use chrono::{DateTime, Datelike as _, NaiveDateTime, TimeDelta, Utc};

use crate::picture::{Hemisphere, Inspection};

/// Photos from cameras with a clock are not older.
const FIRST_YEAR: i32 = 1990;

/// A camera's clock knows no time zone, and is ahead of UTC by as many hours at most.
const FURTHEST_AHEAD: TimeDelta = TimeDelta::hours(14);

/// A meteorological season.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Season {
    Spring,
    Summer,
    Autumn,
    Winter,
}

/// The part of a year in which a photo was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// January is 1.
    Month { year: i32, month: u32 },
    /// With the years in which it begins and ends.
    Season {
        season: Season,
        year: i32,
        ends: i32,
    },
}

impl Taken {
    /// None if it is not known, or the camera's clock was obviously wrong.
    pub fn of(picture: &Inspection, now: DateTime<Utc>) -> Option<Self> {
        Self::at(picture.taken_at?, picture.hemisphere, now)
    }

    fn at(
        taken_at: NaiveDateTime,
        hemisphere: Option<Hemisphere>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let (year, month) = (taken_at.year(), taken_at.month());
        if year < FIRST_YEAR || taken_at > now.naive_utc() + FURTHEST_AHEAD {
            return None;
        }
        let Some(hemisphere) = hemisphere else {
            return Some(Self::Month { year, month });
        };
        // The season of December goes on until February.
        let (year, ends) = match month {
            1 | 2 => (year - 1, year),
            12 => (year, year + 1),
            _ => (year, year),
        };
        let season = Season::of(month, hemisphere);
        Some(Self::Season { season, year, ends })
    }
}

impl Season {
    fn of(month: u32, hemisphere: Hemisphere) -> Self {
        let northern = [Self::Winter, Self::Spring, Self::Summer, Self::Autumn];
        let quarter = month as usize % 12 / 3;
        match hemisphere {
            Hemisphere::Northern => northern[quarter],
            Hemisphere::Southern => northern[(quarter + 2) % 4],
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, TimeZone as _};

    use super::*;

    fn taken(year: i32, month: u32, day: u32, hemisphere: Option<Hemisphere>) -> Option<Taken> {
        let now = Utc.with_ymd_and_hms(2026, 7, 31, 20, 0, 0).unwrap();
        let date = NaiveDate::from_ymd_opt(year, month, day).unwrap();
        Taken::at(date.and_hms_opt(9, 30, 0).unwrap(), hemisphere, now)
    }

    #[test]
    fn without_a_place_the_month_is_known() {
        let expected = Taken::Month {
            year: 2026,
            month: 6,
        };
        assert_eq!(taken(2026, 6, 30, None), Some(expected));
    }

    #[test]
    fn each_hemisphere_has_its_seasons() {
        use Season::{Autumn, Spring, Summer, Winter};
        let north = [
            Winter, Winter, Spring, Spring, Spring, Summer, Summer, Summer, Autumn, Autumn, Autumn,
            Winter,
        ];
        let south = [
            Summer, Summer, Autumn, Autumn, Autumn, Winter, Winter, Winter, Spring, Spring, Spring,
            Summer,
        ];
        for (month, (north, south)) in (1..).zip(north.into_iter().zip(south)) {
            let (year, ends) = match month {
                1 | 2 => (2024, 2025),
                12 => (2025, 2026),
                _ => (2025, 2025),
            };
            for (hemisphere, season) in
                [(Hemisphere::Northern, north), (Hemisphere::Southern, south)]
            {
                assert_eq!(
                    taken(2025, month, 1, Some(hemisphere)),
                    Some(Taken::Season { season, year, ends }),
                    "month {month}"
                );
            }
        }
    }

    #[test]
    fn the_date_of_a_clock_that_was_never_set_counts_as_unknown() {
        for hemisphere in [None, Some(Hemisphere::Northern)] {
            assert_eq!(taken(1980, 1, 1, hemisphere), None);
            assert_eq!(taken(1989, 12, 31, hemisphere), None);
            assert!(taken(1990, 1, 1, hemisphere).is_some());
            // Ten in the morning on Kiritimati, where it is tomorrow already.
            assert!(taken(2026, 8, 1, hemisphere).is_some());
            assert_eq!(taken(2026, 8, 2, hemisphere), None);
            assert_eq!(taken(9999, 12, 31, hemisphere), None);
        }
    }
}
