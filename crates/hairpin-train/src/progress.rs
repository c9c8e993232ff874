//! How far a run is, for someone who waits: a bar on a terminal, plain lines anywhere else.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressFinish, ProgressState, ProgressStyle};

/// Lines closer together than this are left out, unless they are the best or the last.
const PAUSE: Duration = Duration::from_secs(1);

/// Where a run shows how far it is.
///
/// ```
/// use hairpin_train::Progress;
///
/// let mut meter = Progress::Hidden.start(2, 10, 0);
/// for epoch in 1..=2 {
///     for _ in 0..10 {
///         meter.batch(0.5);
///     }
///     meter.epoch(&format!("epoch {epoch}/2  loss 0.5000"), epoch == 1);
/// }
/// meter.finish("done");
/// ```
pub enum Progress {
    /// Nowhere.
    Hidden,
    /// A bar on stderr with the time taken, the time left, epoch, batch and loss; plain lines where stderr is no terminal.
    Bar,
    /// One line per epoch, which ends with the time left. Of the epochs within one second only the best and the last are
    /// written. A line that cannot be written is lost: nobody's log is worth the run.
    Lines(Box<dyn Write + Send>),
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hidden => "Hidden",
            Self::Bar => "Bar",
            Self::Lines(_) => "Lines(..)",
        })
    }
}

impl Progress {
    /// Starts the clock of a run of `epochs` epochs with `batches_per_epoch` batches each, of which `done_epochs` were done
    /// by an earlier run.
    pub fn start(self, epochs: usize, batches_per_epoch: usize, done_epochs: usize) -> Meter {
        let shown = match self {
            Self::Hidden => Shown::Nothing,
            Self::Bar if std::io::stderr().is_terminal() => {
                Shown::Bar(Bar::new(epochs, batches_per_epoch, done_epochs))
            }
            Self::Bar => Shown::Lines(Lines::new(Box::new(std::io::stderr()), epochs, done_epochs)),
            Self::Lines(out) => Shown::Lines(Lines::new(out, epochs, done_epochs)),
        };
        Meter {
            shown,
            started: Instant::now(),
        }
    }
}

/// Shows one run; made by [`Progress::start`].
#[derive(Debug)]
pub struct Meter {
    shown: Shown,
    started: Instant,
}

#[derive(Debug)]
enum Shown {
    Nothing,
    Bar(Bar),
    Lines(Lines),
}

impl Meter {
    /// One batch of the epoch is done, with this loss.
    pub fn batch(&mut self, loss: f64) {
        if let Shown::Bar(bar) = &mut self.shown {
            bar.batch(loss);
        }
    }

    /// One epoch is done: the line above the bar, or the line with the time left at its end. `best` says whether the epoch
    /// was better than every one before it.
    pub fn epoch(&mut self, line: &str, best: bool) {
        match &mut self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => bar.epoch(line),
            Shown::Lines(lines) => lines.epoch(line, best, self.started.elapsed()),
        }
    }

    /// The run is done, after all its epochs or before: takes the bar away and writes the line.
    pub fn finish(self, line: &str) {
        match self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                bar.bar.println(line);
                bar.bar.finish_and_clear();
            }
            Shown::Lines(mut lines) => lines.finish(line),
        }
    }
}

/// The bar counts batches; the epoch is where the last one ended.
#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    epochs: usize,
    batches: usize,
    done_epochs: usize,
    done_batches: usize,
    loss: Option<f64>,
}

impl Bar {
    fn new(epochs: usize, batches: usize, done_epochs: usize) -> Self {
        let bar = ProgressBar::new(count(epochs, batches))
            // Also when the run ends in an error, so that its message stands alone.
            .with_finish(ProgressFinish::AndClear)
            .with_position(count(done_epochs, batches))
            .with_style(style());
        // Epochs of an earlier run took none of this run's time.
        bar.reset_eta();
        let bar = Self {
            bar,
            epochs,
            batches,
            done_epochs,
            done_batches: 0,
            loss: None,
        };
        bar.show();
        // The first batch may take a while.
        bar.bar.tick();
        bar
    }

    fn show(&self) {
        let epoch = self.done_epochs.saturating_add(1).min(self.epochs);
        let loss = self
            .loss
            .map_or_else(String::new, |loss| format!("  loss {loss:.4}"));
        self.bar.set_message(format!(
            "epoch {epoch}/{}  batch {}/{}{loss}",
            self.epochs, self.done_batches, self.batches
        ));
    }

    fn batch(&mut self, loss: f64) {
        self.done_batches += 1;
        self.bar.inc(1);
        self.loss = Some(loss);
        self.show();
    }

    fn epoch(&mut self, line: &str) {
        self.done_epochs = self.done_epochs.saturating_add(1);
        self.done_batches = 0;
        self.bar.set_position(count(self.done_epochs, self.batches));
        self.show();
        self.bar.println(line);
    }
}

fn count(epochs: usize, batches: usize) -> u64 {
    epochs.saturating_mul(batches) as u64
}

fn style() -> ProgressStyle {
    let template = "{elapsed_precise} [{bar:24}] {msg}  {left}";
    ProgressStyle::with_template(template)
        // A misspelt template would be a fault of this file, and no reason to stop a run.
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
        .with_key("left", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "ETA {}", duration(state.eta()));
        })
}

/// Plain lines; takes the time as an argument, so that a test needs no clock.
struct Lines {
    out: Box<dyn Write + Send>,
    epochs: usize,
    /// Epochs done by an earlier run and by this one.
    earlier: usize,
    here: usize,
    /// When the last line was written.
    written: Option<Duration>,
    /// The line that was left out last, if none came after it.
    left_out: Option<String>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("epochs", &self.epochs)
            .field("earlier", &self.earlier)
            .field("here", &self.here)
            .finish_non_exhaustive()
    }
}

impl Lines {
    fn new(out: Box<dyn Write + Send>, epochs: usize, earlier: usize) -> Self {
        Self {
            out,
            epochs,
            earlier,
            here: 0,
            written: None,
            left_out: None,
        }
    }

    fn epoch(&mut self, line: &str, best: bool, elapsed: Duration) {
        self.here += 1;
        let done = self.earlier.saturating_add(self.here);
        let left = self.epochs.saturating_sub(done);
        let eta = elapsed.as_secs_f64() / self.here as f64 * left as f64;
        let eta = Duration::try_from_secs_f64(eta).unwrap_or(Duration::MAX);
        let line = format!("{line}  ETA {}", duration(eta));
        let soon = self
            .written
            .is_some_and(|written| elapsed.saturating_sub(written) < PAUSE);
        if soon && !best && left > 0 {
            self.left_out = Some(line);
        } else {
            self.written = Some(elapsed);
            self.left_out = None;
            self.write(&line);
        }
    }

    /// The run may end before its last epoch; that epoch's line is shown all the same.
    fn finish(&mut self, line: &str) {
        if let Some(last) = self.left_out.take() {
            self.write(&last);
        }
        self.write(line);
    }

    fn write(&mut self, line: &str) {
        let line = line.replace(['\n', '\r'], " ") + "\n";
        let _ = self
            .out
            .write_all(line.as_bytes())
            .and_then(|()| self.out.flush());
    }
}

/// `12 s`, `3 min 05 s` or `2 h 07 min`: rounded up, so that nothing left is the only 0.
fn duration(time: Duration) -> String {
    let seconds = time
        .as_secs()
        .saturating_add(u64::from(time.subsec_nanos() > 0));
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    /// What was written, and how often it was flushed.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Page {
        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap();
            assert!(text.is_empty() || text.ends_with('\n'));
            text.lines().map(Into::into).collect()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            self.0.lock().unwrap().1 += 1;
            Ok(())
        }
    }

    struct ClosedPipe;

    impl Write for ClosedPipe {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    }

    /// A terminal in memory, 80 columns wide: its rows and the row the cursor is in.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<(Vec<String>, usize)>>);

    impl Screen {
        fn attach(bar: &Bar) -> Self {
            let screen = Self::default();
            let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
            bar.bar.set_draw_target(target);
            screen
        }

        fn rows(&self) -> Vec<String> {
            let rows = &self.0.lock().unwrap().0;
            let rows = rows.iter().map(|row| row.trim_end().to_owned());
            rows.filter(|row| !row.is_empty()).collect()
        }

        fn on_row(&self, change: impl FnOnce(&mut usize, &mut Vec<String>)) -> std::io::Result<()> {
            let (rows, row) = &mut *self.0.lock().unwrap();
            rows.resize(rows.len().max(*row + 1), String::new());
            change(row, rows);
            Ok(())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, n: usize) -> std::io::Result<()> {
            self.0.lock().unwrap().1 -= n;
            Ok(())
        }

        fn move_cursor_down(&self, n: usize) -> std::io::Result<()> {
            self.0.lock().unwrap().1 += n;
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> std::io::Result<()> {
            self.write_str(text)?;
            self.move_cursor_down(1)
        }

        fn write_str(&self, text: &str) -> std::io::Result<()> {
            for letter in text.chars() {
                // A full row goes on in the next one, as on every terminal.
                self.on_row(|row, rows| {
                    *row += usize::from(rows[*row].chars().count() == 80);
                })?;
                self.on_row(|row, rows| rows[*row].push(letter))?;
            }
            Ok(())
        }

        fn clear_line(&self) -> std::io::Result<()> {
            self.on_row(|row, rows| rows[*row].clear())
        }

        fn flush(&self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(epochs: usize, earlier: usize) -> (Lines, Page) {
        let page = Page::default();
        (Lines::new(Box::new(page.clone()), epochs, earlier), page)
    }

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_time_left_is_that_of_the_epochs_of_this_run() {
        let (mut lines, page) = lines(20, 8);
        lines.epoch("epoch 9/20", false, millis(3_000));
        lines.epoch("epoch 10/20", false, millis(8_000));
        // 1 of 12 epochs in 3 s leaves 11 x 3 s; 2 in 8 s leave 10 x 4 s.
        assert_eq!(
            page.lines(),
            ["epoch 9/20  ETA 33 s", "epoch 10/20  ETA 40 s"]
        );
    }

    #[test]
    fn of_the_epochs_within_a_second_the_best_and_the_last_are_written() {
        let (mut lines, page) = lines(7, 0);
        for (epoch, best, at) in [
            (1, false, 100),
            (2, false, 1_099),
            (3, false, 1_100),
            (4, true, 1_200),
            (5, false, 2_199),
            (6, false, 2_200),
            (7, false, 2_201),
        ] {
            lines.epoch(&epoch.to_string(), best, millis(at));
        }
        let written: Vec<String> = page
            .lines()
            .iter()
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect();
        assert_eq!(written, ["1", "3", "4", "6", "7"]);
    }

    #[test]
    fn a_run_that_stops_early_shows_its_last_epoch() {
        let (mut early, page) = lines(100, 0);
        early.epoch("one", true, millis(100));
        early.epoch("two", false, millis(200));
        early.epoch("three", false, millis(300));
        early.finish("stopped");
        assert_eq!(
            page.lines(),
            ["one  ETA 10 s", "three  ETA 10 s", "stopped"]
        );

        let (mut shown, page) = lines(100, 0);
        shown.epoch("one", true, millis(100));
        shown.finish("stopped");
        assert_eq!(page.lines(), ["one  ETA 10 s", "stopped"]);
    }

    #[test]
    fn every_line_is_one_line_and_flushed() {
        let (mut lines, page) = lines(1, 0);
        lines.epoch("a\r\nb", false, millis(1));
        lines.finish("c\nd");
        assert_eq!(page.lines(), ["a  b  ETA 0 s", "c d"]);
        assert_eq!(page.0.lock().unwrap().1, 2);
    }

    #[test]
    fn durations_read_as_people_say_them() {
        for (time, text) in [
            (Duration::ZERO, "0 s"),
            (millis(1), "1 s"),
            (millis(59_000), "59 s"),
            (millis(59_001), "1 min 00 s"),
            (millis(185_000), "3 min 05 s"),
            (millis(3_600_000), "1 h 00 min"),
            (millis(7_620_000), "2 h 07 min"),
        ] {
            assert_eq!(duration(time), text);
        }
        assert!(duration(Duration::MAX).ends_with(" min"));
    }

    #[test]
    fn no_count_stops_a_run() {
        for (epochs, batches, done) in [
            (0, 0, 0),
            (1, 0, 1),
            (2, 3, 5),
            (usize::MAX, usize::MAX, usize::MAX - 1),
            (usize::MAX, 1, 0),
        ] {
            for progress in [
                Progress::Hidden,
                Progress::Lines(Box::new(ClosedPipe)),
                Progress::Lines(Box::new(Page::default())),
            ] {
                run(progress.start(epochs, batches, done));
            }
            run(Meter {
                shown: Shown::Bar(Bar::new(epochs, batches, done)),
                started: Instant::now(),
            });
        }
    }

    fn run(mut meter: Meter) {
        meter.batch(f64::NAN);
        meter.epoch("one", false);
        meter.batch(f64::INFINITY);
        meter.epoch("two", true);
        meter.finish("done");
    }

    #[test]
    fn the_bar_counts_on_from_where_an_earlier_run_stopped() {
        let mut bar = Bar::new(20, 13, 2);
        let screen = Screen::attach(&bar);
        bar.batch(0.42314);
        bar.bar.force_draw();
        let rows = screen.rows();
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert!(rows[0].starts_with("00:00:0"), "{rows:?}");
        for part in ["[==>  ", "] epoch 3/20  batch 1/13  loss 0.4231  ETA "] {
            assert!(rows[0].contains(part), "{rows:?}");
        }
        assert_eq!(bar.bar.position(), 27);

        bar.epoch("epoch 3/20  loss 0.4");
        assert_eq!(bar.bar.position(), 39);
        let rows = screen.rows();
        assert_eq!((rows.len(), rows[0].as_str()), (2, "epoch 3/20  loss 0.4"));
        assert!(
            rows[1].contains("epoch 4/20  batch 0/13  loss 0.4231"),
            "{rows:?}"
        );

        let meter = Meter {
            shown: Shown::Bar(bar),
            started: Instant::now(),
        };
        meter.finish("done");
        assert_eq!(screen.rows(), ["epoch 3/20  loss 0.4", "done"]);
    }

    #[test]
    fn a_run_that_ends_in_an_error_takes_the_bar_away() {
        let bar = Bar::new(2, 2, 0);
        let screen = Screen::attach(&bar);
        bar.bar.force_draw();
        assert_eq!(screen.rows().len(), 1);
        drop(bar);
        assert_eq!(screen.rows(), [""; 0]);
    }
}
