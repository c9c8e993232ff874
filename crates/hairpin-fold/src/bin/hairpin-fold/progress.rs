//! How far the folding is: a bar on a terminal, a line now and then anywhere else.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// Between two lines.
const PAUSE: Duration = Duration::from_secs(10);

/// Shared by all threads.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Where there is no terminal.
    lines: Option<Mutex<Instant>>,
    started: Instant,
    molecules: usize,
    work: u64,
    quiet: bool,
}

/// What a molecule of `n` bases costs, in an unknown unit.
pub(crate) fn work(n: usize) -> u64 {
    let n = n as u64;
    n.saturating_mul(n).saturating_mul(n + 150)
}

impl Progress {
    /// Starts the clock of `molecules` that cost `work` together.
    pub(crate) fn start(molecules: usize, work: u64, quiet: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        let bar = if terminal && !quiet {
            ProgressBar::new(work)
        } else {
            ProgressBar::hidden()
        };
        let template = "folding [{bar:30}] {percent}% {elapsed} taken, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let started = Instant::now();
        Self {
            bar,
            lines: (!terminal && !quiet).then(|| Mutex::new(started)),
            started,
            molecules,
            work,
            quiet,
        }
    }

    /// One molecule is done.
    pub(crate) fn add(&self, work: u64) {
        self.bar.inc(work);
        let Some(lines) = &self.lines else { return };
        let mut last = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() < PAUSE {
            return;
        }
        *last = Instant::now();
        let done = self.bar.position() as f64 / self.work.max(1) as f64;
        let left = self
            .started
            .elapsed()
            .mul_f64((1.0 - done).max(0.0) / done.max(1e-9));
        let _ = writeln!(
            io::stderr(),
            "folding: {:.0}%, {} left",
            100.0 * done,
            HumanDuration(left)
        );
    }

    /// Runs `write` without the bar in its way.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Says, even if nothing else is to be said, what a reader of the output has to know.
    pub(crate) fn warn(&self, message: &str) {
        self.aside(|| {
            let _ = writeln!(io::stderr(), "hairpin-fold: {message}");
        });
    }

    /// Everything is done and written.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
        if self.quiet {
            return;
        }
        let (n, s) = (self.molecules, if self.molecules == 1 { "" } else { "s" });
        let seconds = self.started.elapsed().as_secs_f64();
        let _ = writeln!(io::stderr(), "folded {n} molecule{s} in {seconds:.1} s");
    }
}
