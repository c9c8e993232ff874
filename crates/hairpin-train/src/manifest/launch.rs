//! When and how a run was started: what may differ between two runs that end with the same bytes.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::run_dir::RunDir;

/// Launches that are kept, the newest; a scheduler may restart a run for weeks.
const MOST: usize = 100;
/// What their file may have.
const CAP: u64 = 16 << 20;

/// One start of a program that trained this run.
///
/// ```
/// use std::time::SystemTime;
///
/// use hairpin_train::RunDir;
/// use hairpin_train::manifest::{Launch, rfc3339};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path();
/// let run = RunDir::create(path)?;
/// let launch = Launch {
///     started: rfc3339(SystemTime::now()),
///     command: vec!["tune".into(), "train".into(), "--data".into(), "train.csv".into()],
///     threads: 2,
///     data: vec!["/data/train.csv".into()],
/// };
/// launch.record(&run)?;
/// assert_eq!(Launch::all(&run)?, [launch]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// When the program was started: [`rfc3339`].
    pub started: String,
    /// The program and its arguments, as the program gives them.
    pub command: Vec<String>,
    /// Threads that it computed on.
    pub threads: usize,
    /// Where the data files of the [`Manifest`](super::Manifest) lay, in its order; absolute, if a replay is to find them.
    pub data: Vec<PathBuf>,
}

impl Launch {
    /// The file of a run's launches, oldest first.
    pub const FILE: &'static str = "launches.json";

    /// This start, now, on as many threads as rayon's pool has, which is what `flex` computes on; paths are made absolute.
    ///
    /// ```
    /// use hairpin_train::manifest::Launch;
    ///
    /// let launch = Launch::now(vec!["tune".into(), "train".into()], &["train.csv".into()]);
    /// assert!(launch.threads > 0 && launch.data[0].is_absolute());
    /// ```
    pub fn now(command: Vec<String>, data: &[PathBuf]) -> Self {
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        Self {
            started: rfc3339(SystemTime::now()),
            command,
            threads: rayon::current_num_threads(),
            data: data.iter().map(absolute).collect(),
        }
    }

    /// Adds this launch to the run's; of more than 100, the oldest are dropped.
    ///
    /// # Errors
    ///
    /// What [`all`](Self::all) refuses, [`BundleContent`](TrainError::BundleContent) for a path that is not Unicode, and
    /// [`Unwritable`](TrainError::Unwritable).
    pub fn record(&self, run: &RunDir) -> Result<(), TrainError> {
        let mut all = Self::all(run)?;
        all.push(self.clone());
        let kept = &all[all.len().saturating_sub(MOST)..];
        let json = serde_json::to_vec_pretty(kept).map_err(|error| content(run, &error))?;
        let found = json.len() as u64;
        if found > CAP {
            let path = run.file(Self::FILE);
            return Err(TrainError::TooLarge {
                path,
                cap: CAP,
                found,
            });
        }
        run.write(Self::FILE, &json)
    }

    /// The launches of a run, oldest first; none for a run without the file.
    ///
    /// # Errors
    ///
    /// [`BundleContent`](TrainError::BundleContent) for a file that is not what [`record`](Self::record) writes, and what
    /// [`RunDir::read`] refuses.
    pub fn all(run: &RunDir) -> Result<Vec<Self>, TrainError> {
        match run.read(Self::FILE, CAP) {
            Ok(json) => serde_json::from_slice(&json).map_err(|error| content(run, &error)),
            Err(TrainError::Missing { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

fn content(run: &RunDir, error: &serde_json::Error) -> TrainError {
    TrainError::BundleContent {
        path: run.file(Launch::FILE),
        reason: error.to_string(),
    }
}

/// A time as RFC 3339 writes it in UTC, to the second: `2026-11-22T05:32:41Z`.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// use hairpin_train::manifest::rfc3339;
///
/// assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(951_827_696)), "2000-02-29T12:34:56Z");
/// ```
///
/// A time before 1970 or after 9999, which the format does not hold, becomes the nearest that it does.
pub fn rfc3339(time: SystemTime) -> String {
    // 9999-12-31T23:59:59Z.
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
        .min(253_402_300_799);
    let (mut days, second) = (seconds / 86_400, seconds % 86_400);
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!(
        "{year:04}-{month:02}-{:02}T{:02}:{:02}:{:02}Z",
        days + 1,
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        // By `date --utc --date=@SECONDS --iso-8601=seconds`.
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (68_169_599, "1972-02-28T23:59:59Z"),
            (68_169_600, "1972-02-29T00:00:00Z"),
            (946_684_799, "1999-12-31T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
        let before = UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(rfc3339(before), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn every_launch_is_kept_up_to_a_hundred() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path()).unwrap();
        assert_eq!(Launch::all(&run).unwrap(), []);
        let launch = |threads| Launch {
            threads,
            ..Launch::default()
        };
        for threads in 0..105 {
            launch(threads).record(&run).unwrap();
        }
        let all = Launch::all(&run).unwrap();
        assert_eq!(all.len(), 100);
        assert_eq!((&all[0], &all[99]), (&launch(5), &launch(104)));
    }

    #[test]
    fn a_broken_file_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path()).unwrap();
        for broken in ["", "{}", "[{}]", "[", &"[".repeat(100_000)] {
            run.write(Launch::FILE, broken.as_bytes()).unwrap();
            let error = Launch::default().record(&run).unwrap_err();
            assert!(matches!(error, TrainError::BundleContent { .. }), "{error}");
            assert!(error.to_string().contains("launches.json"), "{error}");
            assert_eq!(run.read(Launch::FILE, CAP).unwrap(), broken.as_bytes());
        }
    }
}
