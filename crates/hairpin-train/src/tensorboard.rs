//! Scalars for [TensorBoard](https://www.tensorflow.org/tensorboard), which draws them while a run goes on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::TrainError;

/// Names that are tried for one file, when several begin in the same second.
const NAMES: usize = 1000;
/// What the format's version is called.
const VERSION: &str = "brain.Event:2";

/// One event file: scalars by tag and step.
///
/// The file is a sequence of records, each an `Event` message in the wire format of protocol buffers:
///
/// ```text
/// record   length as u64 | masked CRC-32C of those 8 bytes | event | masked CRC-32C of the event      (little endian)
/// masked   (crc >> 15 | crc << 17) + 0xa282ead8
/// event    1: wall_time double   2: step int64   3: file_version   5: summary   7: session_log
/// summary  1: value { 1: tag string   2: simple_value float }
/// ```
///
/// Specification: `tensorflow/core/lib/io/record_writer.h`, `tensorflow/core/util/event.proto` and
/// `tensorflow/core/framework/summary.proto` of TensorFlow; CRC-32C is that of RFC 3720, appendix B.4. The bytes are those of
/// TensorBoard's own writer. Each record is given to the operating system at once, so that a program that is killed leaves whole records
/// and at most one that is cut, over which TensorBoard waits.
///
/// ```
/// use std::time::SystemTime;
///
/// use hairpin_train::TensorBoard;
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("tensorboard");
/// let mut board = TensorBoard::create(&folder, SystemTime::now())?;
/// for (epoch, loss) in [(1, 1.5), (2, 0.75)] {
///     board.scalar("loss/train", epoch, SystemTime::now(), loss)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Then `tensorboard --logdir runs` shows every run below `runs`.
#[derive(Debug)]
pub struct TensorBoard {
    path: PathBuf,
    file: File,
}

impl TensorBoard {
    /// A usual name of the folder, inside a run's.
    pub const FOLDER: &'static str = "tensorboard";

    /// A new event file in `folder`, which is made if it does not exist; files of earlier starts stay, and TensorBoard reads them all.
    ///
    /// # Errors
    ///
    /// [`Unwritable`](TrainError::Unwritable).
    pub fn create(folder: &Path, started: SystemTime) -> Result<Self, TrainError> {
        let refused = |path: &Path, what, source| TrainError::Unwritable {
            path: path.into(),
            what,
            source,
        };
        fs::create_dir_all(folder).map_err(|error| refused(folder, "make the folder", error))?;
        let seconds = seconds(started) as u64;
        // TensorBoard takes files whose name holds `tfevents`, and reads them in the order of their names.
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for number in 0..NAMES {
            let path = folder.join(format!(
                "events.out.tfevents.{seconds:010}.hairpin.{number:03}"
            ));
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    let mut board = Self { path, file };
                    let mut event = Event::at(started, 0);
                    event.text(3, VERSION.as_bytes());
                    board.write(event)?;
                    return Ok(board);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                Err(error) => return Err(refused(&path, "begin the file", error)),
            }
        }
        Err(refused(folder, "begin another event file", last))
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds one point to the curve `tag`. Slashes in the tag make groups: `loss/train`, `loss/valid`.
    ///
    /// The format keeps 32 bits of the value, and NaN and infinities as they are.
    ///
    /// # Errors
    ///
    /// [`Unwritable`](TrainError::Unwritable).
    pub fn scalar(
        &mut self,
        tag: &str,
        step: u64,
        wall_time: SystemTime,
        value: f64,
    ) -> Result<(), TrainError> {
        let mut point = Message::default();
        if !tag.is_empty() {
            point.text(1, tag.as_bytes());
        }
        point.float(2, value as f32);
        let mut summary = Message::default();
        summary.text(1, &point.0);
        let mut event = Event::at(wall_time, step);
        event.text(5, &summary.0);
        self.write(event)
    }

    /// Says that the run goes on at `step` after an interruption: TensorBoard forgets what earlier files have from there on, so that no
    /// step is drawn twice.
    ///
    /// # Errors
    ///
    /// [`Unwritable`](TrainError::Unwritable).
    pub fn resume_at(&mut self, step: u64, wall_time: SystemTime) -> Result<(), TrainError> {
        let mut log = Message::default();
        // SessionLog.status = START.
        log.number(1, 1);
        let mut event = Event::at(wall_time, step);
        event.text(7, &log.0);
        self.write(event)
    }

    fn write(&mut self, event: Message) -> Result<(), TrainError> {
        self.file
            .write_all(&record(&event.0))
            .map_err(|source| TrainError::Unwritable {
                path: self.path.clone(),
                what: "add an event to the file",
                source,
            })
    }
}

/// An event as a record of the file.
fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(event.len() + 16);
    record.extend(length);
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(event);
    record.extend(masked_crc(event).to_le_bytes());
    record
}

fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

/// Seconds since 1970; a time before is 1970.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

struct Event;

impl Event {
    fn at(wall_time: SystemTime, step: u64) -> Message {
        let mut event = Message::default();
        event.double(1, seconds(wall_time));
        // Fields that have their default, 0 or an empty text, are not written, unless they are one of several alternatives.
        if step > 0 {
            event.number(2, step.min(i64::MAX as u64));
        }
        event
    }
}

/// Fields of a message: a key of `number << 3 | wire type`, then the value.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(&mut self, field: u8, value: u64) {
        self.0.push(field << 3);
        self.varint(value);
    }

    fn double(&mut self, field: u8, value: f64) {
        self.0.push(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
    }

    /// Bytes, text or another message.
    fn text(&mut self, field: u8, value: &[u8]) {
        self.0.push(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    fn float(&mut self, field: u8, value: f32) {
        self.0.push(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
    }

    /// Seven bits to a byte, the lowest first; the top bit says that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde::Deserialize;

    use super::*;
    use hairpin_golden::golden_json;

    /// `fixtures/golden/hairpin-train/tensorboard.json`.
    #[derive(Deserialize)]
    struct Golden {
        started: f64,
        scalars: Vec<Scalar>,
        resumed: (u64, f64),
        file: String,
    }

    #[derive(Deserialize)]
    struct Scalar {
        tag: String,
        step: u64,
        wall_time: f64,
        /// The bits of the 32-bit value, because JSON has no NaN.
        bits: u32,
    }

    fn time(seconds: f64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn the_file_is_the_one_that_tensorboard_writes() {
        let golden: Golden = golden_json("hairpin-train", "tensorboard.json");

        let folder = tempfile::tempdir().unwrap();
        let mut board = TensorBoard::create(folder.path(), time(golden.started)).unwrap();
        for scalar in &golden.scalars {
            let value = f64::from(f32::from_bits(scalar.bits));
            board
                .scalar(&scalar.tag, scalar.step, time(scalar.wall_time), value)
                .unwrap();
        }
        let (step, wall_time) = golden.resumed;
        board.resume_at(step, time(wall_time)).unwrap();
        let found = crate::digest::hex(&fs::read(board.path()).unwrap());
        assert!(golden.scalars.len() > 5);
        assert_eq!(found, golden.file);
    }

    #[test]
    fn a_record_is_framed_as_specified() {
        // CRC-32C of 32 zeros: RFC 3720, B.4.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        // Masked: rotated right by 15, plus the constant.
        assert_eq!(
            masked_crc(&[0; 32]),
            0x6d55_1522u32.wrapping_add(0xa282_ead8)
        );
        let framed = record(b"abc");
        assert_eq!(framed.len(), 8 + 4 + 3 + 4);
        assert_eq!(framed[..8], 3u64.to_le_bytes());
        assert_eq!(&framed[12..15], b"abc");
    }

    #[test]
    fn files_of_one_second_stand_beside_each_other_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..12)
            .map(|_| {
                let board = TensorBoard::create(&folder.path().join("a/b"), time(5.5)).unwrap();
                board.path().to_owned()
            })
            .collect();
        assert!(paths.is_sorted());
        assert!(paths.iter().all(|path| path.is_file()));
        let name = paths[0].file_name().unwrap().to_str().unwrap();
        assert_eq!(name, "events.out.tfevents.0000000005.hairpin.000");
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "").unwrap();
        let error = TensorBoard::create(&path, time(0.0)).unwrap_err();
        assert!(matches!(&error, TrainError::Unwritable { path: found, .. } if *found == path));
    }
}
