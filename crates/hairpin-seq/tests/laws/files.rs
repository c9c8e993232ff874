//! FASTA and FASTQ: what is written is read back, what is broken is refused at its place, and nothing is believed unseen.

use std::io::{Cursor, Read, Write};

use hairpin_seq::{
    Ambiguous, Case, Dna, Gap, Policy, Protein, ReadOptions, Rna, Seq, SeqError, fasta, fastq,
};
use proptest::prelude::*;

fn lenient() -> ReadOptions {
    #[allow(clippy::needless_update, reason = "a policy may gain fields")]
    let policy = Policy {
        ambiguous: Ambiguous::Unknown,
        case: Case::Fold,
        ..Policy::default()
    };
    ReadOptions {
        policy,
        max_record_bytes: 1 << 20,
        allow_empty: true,
        ..ReadOptions::default()
    }
}

fn strict() -> ReadOptions {
    ReadOptions::default()
}

fn read(text: &[u8], options: ReadOptions) -> Result<Vec<fasta::Record<Dna>>, SeqError> {
    fasta::Reader::new(Cursor::new(text.to_vec()), options)?.collect()
}

fn read_quality(text: &[u8], options: ReadOptions) -> Result<Vec<fastq::Record<Dna>>, SeqError> {
    fastq::Reader::new(Cursor::new(text.to_vec()), options)?.collect()
}

/// The message of a text that must be refused.
#[track_caller]
fn refused(text: impl AsRef<[u8]>) -> String {
    read(text.as_ref(), strict()).unwrap_err().to_string()
}

#[track_caller]
fn refused_quality(text: impl AsRef<[u8]>) -> String {
    read_quality(text.as_ref(), strict())
        .unwrap_err()
        .to_string()
}

fn summary(records: &[fasta::Record<Dna>]) -> Vec<(&str, &str, String)> {
    let part = |record: &'_ fasta::Record<Dna>| record.seq.to_string();
    records
        .iter()
        .map(|record| {
            (
                record.id.as_str(),
                record.description.as_str(),
                part(record),
            )
        })
        .collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A source that gives a few bytes at a time, as pipes and sockets do.
struct Trickle(Cursor<Vec<u8>>, usize);

impl Read for Trickle {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let most = out.len().min(self.1);
        self.0.read(&mut out[..most])
    }
}

/// A source without an end, which must not be read to it.
struct Endless {
    head: &'static [u8],
    line: &'static [u8],
    given: usize,
}

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        for byte in out.iter_mut() {
            *byte = match self.head.get(self.given) {
                Some(&byte) => byte,
                None => self.line[self.given % self.line.len()],
            };
            self.given += 1;
        }
        Ok(out.len())
    }
}

const TWO: &[u8] = b">a first one\nACGT\nAC\n>b\nGGG\n";

fn two() -> Vec<(&'static str, &'static str, String)> {
    vec![
        ("a", "first one", "ACGTAC".to_owned()),
        ("b", "", "GGG".to_owned()),
    ]
}

#[test]
fn line_ends_and_the_last_one_do_not_matter() {
    let windows = String::from_utf8_lossy(TWO).replace('\n', "\r\n");
    let blank_lines: &[u8] = b">a first one\n\nACGT\n\nAC\n\n>b\nGGG\n\n\n";
    for text in [
        TWO,
        &TWO[..TWO.len() - 1],
        windows.as_bytes(),
        &windows.as_bytes()[..windows.len() - 2],
        &windows.as_bytes()[..windows.len() - 1],
        blank_lines,
    ] {
        assert_eq!(summary(&read(text, strict()).unwrap()), two());
    }
    let quality = b"@a\nAC\n+\nII\n@b x\nG\n+b x\n!\n";
    let windows = String::from_utf8_lossy(quality).replace('\n', "\r\n");
    let expected = read_quality(quality, strict()).unwrap();
    assert_eq!(expected[1].quality, [0]);
    for text in [
        &quality[..quality.len() - 1],
        windows.as_bytes(),
        &windows.as_bytes()[..windows.len() - 2],
    ] {
        assert_eq!(read_quality(text, strict()).unwrap(), expected);
    }
}

#[test]
fn compressed_files_are_known_by_their_first_bytes() {
    let halves = [&TWO[..9], &TWO[9..]];
    for packed in [
        gzip(TWO),
        zstd(TWO),
        halves.map(gzip).concat(),
        halves.map(zstd).concat(),
    ] {
        assert_eq!(summary(&read(&packed, strict()).unwrap()), two());
        let trickle = Trickle(Cursor::new(packed), 3);
        let records: Result<Vec<_>, _> = fasta::Reader::<Dna>::new(trickle, strict())
            .unwrap()
            .collect();
        assert_eq!(summary(&records.unwrap()), two());
    }
    // A skippable frame between two others: its number, its length, its content.
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 7, 7, 7];
    let packed = [zstd(TWO), skippable.to_vec(), zstd(b">c\nA\n")].concat();
    assert_eq!(read(&packed, strict()).unwrap().len(), 3);
}

#[test]
fn compressed_files_that_were_cut_or_damaged_are_refused_wherever_it_happened() {
    let mut text = Vec::new();
    for record in 0..200 {
        let seed = format!("{:064b}", record * record * 7919_u64);
        let bases = seed.replace('0', "AC").replace('1', "GT");
        text.extend(format!(">r{record}\n{bases}\n").into_bytes());
    }
    for packed in [gzip(&text), zstd(&text)] {
        assert_eq!(read(&packed, strict()).unwrap().len(), 200);
        for cut in (6..packed.len()).step_by(7).chain([packed.len() - 1]) {
            let error = read(&packed[..cut], strict()).unwrap_err();
            assert!(matches!(error, SeqError::Read { .. }), "{cut}: {error}");
        }
        // A damaged byte is a bad symbol, a bad block or a bad checksum; what it never is, is other bases.
        for at in (40..packed.len()).step_by(11) {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x10;
            if let Ok(records) = read(&damaged, strict()) {
                assert_eq!(records, read(&text, strict()).unwrap(), "{at}");
            }
        }
    }
    let message = refused(&gzip(&text)[..60]);
    assert!(message.contains("end too early"), "{message}");
    let message = refused(&zstd(&text)[..60]);
    assert!(message.contains("damaged or cut short"), "{message}");
}

/// Found by the fuzz target: what the decoder makes of damaged data before it notices is not told from a file by its portions.
#[test]
fn damage_is_the_same_error_in_any_portions() {
    let damaged = b"\x1f\x8b\x08\x00\x00\x00\x5c\x3f\x80\xff\x7b\x2f\x63\x67\x54\x5c\x5c\x5c\x5c\x6f\x5c\x5c\x5c\x3f\x80\xff\xff\xff\xff\x25\x0e\x15\x00\x00\x00\x00\x00\xc0\x00";
    let whole = read(damaged, strict()).unwrap_err();
    assert!(matches!(whole, SeqError::Read { .. }), "{whole}");
    for portion in 1..damaged.len() {
        let trickle = Trickle(Cursor::new(damaged.to_vec()), portion);
        let trickled: Result<Vec<_>, SeqError> =
            fasta::Reader::<Dna>::new(trickle, strict()).and_then(Iterator::collect);
        assert_eq!(trickled.unwrap_err(), whole, "{portion}");
    }
}

#[test]
fn what_is_empty_is_refused_unless_it_is_asked_for() {
    assert!(
        refused("").starts_with("input: there is no record: the file is empty; fetch it again")
    );
    assert!(refused_quality("").contains("the file is empty"));
    assert!(refused(gzip(b"")).contains("the file is empty"));
    let message = refused(">a\n>b\nACGT\n");
    assert!(
        message.starts_with("input, record 1 (a), line 1, column 1: the sequence is empty;"),
        "{message}"
    );
    // A header as the last line: a file that was cut, whatever the options.
    let message = "input, record 2, line 3: the file ends inside a record; the file seems to be cut short: fetch it again";
    assert_eq!(refused(">a\nAC\n>b\n"), message);
    assert!(read(b">a\nAC\n>b\n", lenient()).is_err());
    assert!(refused_quality("@a\n\n+\n\n").contains("the sequence is empty"));

    assert_eq!(read(b"", lenient()).unwrap(), []);
    assert_eq!(read_quality(b"", lenient()).unwrap(), []);
    let records = read(b">a\n>b\n\n>c\nA\n", lenient()).unwrap();
    assert_eq!(
        summary(&records),
        [
            ("a", "", String::new()),
            ("b", "", String::new()),
            ("c", "", "A".to_owned())
        ]
    );
}

#[test]
fn headers_without_an_id_are_refused() {
    for text in [">\nACGT\n", "> a\nACGT\n", ">\tx\nA\n", ">\r\nACGT\r\n"] {
        let message = refused(text);
        assert!(
            message.starts_with("input, record 1, line 1, column 2: the header has no id"),
            "{text:?}: {message}"
        );
    }
    // Without a line end there may have been more of it.
    for text in [">", ">\n", ">abc", ">abc\n"] {
        assert!(refused(text).contains("cut short"), "{}", refused(text));
    }
    assert!(refused_quality("@\nA\n+\nI\n").contains("the header has no id"));
}

#[test]
fn what_is_not_the_format_is_refused() {
    for text in [
        "ACGT\n",
        "\n>a\nACGT\n",
        "; comment\n>a\nA\n",
        "@a\nA\n+\nI\n",
        "\u{feff}>a\nA\n",
    ] {
        let message = refused(text);
        assert!(
            message.starts_with("input, record 1, line 1: "),
            "{message}"
        );
        assert!(
            message.contains("a FASTA record starts with >"),
            "{message}"
        );
    }
    let message = refused(">a\nAC;T\n");
    assert!(message.starts_with("input, record 1 (a), line 2, column 3: position 3: ';'"));
    assert!(refused_quality(">a\nACGT\n+\nIIII\n").contains("with @"));
    let message = refused_quality(">a\nACGT\n");
    assert!(
        message.starts_with("input, record 1, line 1: expected '@', found '>'"),
        "{message}"
    );
    // Blank lines end a file, and stand nowhere else before a header.
    assert!(refused("\n\n").contains("the file is empty"));
    let message = refused_quality("@a\nA\n+\nI\n\n\n@b\nA\n+\nI\n");
    assert!(
        message.starts_with("input, record 2, line 5: "),
        "{message}"
    );
    assert!(refused_quality("@a\nAC\nGT\n+\nIIII\n").contains("sequences over several lines"));
    assert!(
        refused_quality("@a\nAC\n+\n").contains("line"),
        "{}",
        refused_quality("@a\nAC\n+\n")
    );
    assert!(refused_quality("@a\nAC\n").contains("cut short"));
}

#[test]
fn a_bad_symbol_is_found_by_record_line_and_column() {
    // The line wraps count, and so do blank lines and carriage returns.
    let message = refused(">a\nACGT\n>b x\nACGT\nACGT\n\nAxGT\n");
    assert!(
        message
            .starts_with("input, record 2 (b), line 7, column 2: position 10: 'x' is not a symbol"),
        "{message}"
    );
    let message = refused(">a\r\nACGT\r\nAC-T\r\n");
    assert!(
        message.starts_with("input, record 1 (a), line 3, column 3: position 7: '-'"),
        "{message}"
    );
    // A carriage return in the middle is no line end.
    let message = refused(">a\nACGT\rACGT\n");
    assert!(
        message.starts_with(r"input, record 1 (a), line 2, column 5: position 5: '\r'"),
        "{message}"
    );
    // Columns count characters.
    let message = refused(">é\nAC\nAéC\n");
    assert!(
        message.starts_with("input, record 1 (é), line 3, column 2: position 4: 'é'"),
        "{message}"
    );
    let message = refused(">a\nACGT ACGT\n");
    assert!(
        message.contains("column 5") && message.contains("remove spaces"),
        "{message}"
    );
    let message = refused_quality("@a\nAC\n+\nII\n@b\nAN\n+\nII\n");
    assert!(
        message.starts_with("input, record 2 (b), line 6, column 2: position 2: 'N'"),
        "{message}"
    );
    // The error keeps its cause.
    let error = read(b">a\nACGU\n", strict()).unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.to_string().starts_with("position 4: 'U'"));
}

#[test]
fn bytes_that_are_not_utf_8_are_found_by_line_and_column() {
    assert!(
        refused(b">a\nAC\nA\xff\n")
            .starts_with("input, record 1 (a), line 3, column 2: the sequence is not UTF-8")
    );
    assert!(
        refused(b">a\xff b\nAC\n")
            .starts_with("input, record 1, line 1, column 3: the header is not UTF-8")
    );
    let message = refused_quality(b"@a\nAC\n+\nI\xff\n");
    assert!(
        message.starts_with("input, record 1 (a), line 4, column 2: 'ÿ' is not a quality"),
        "{message}"
    );
}

#[test]
fn quality_is_one_character_for_each_base() {
    let message = refused_quality("@a\nACG\n+\nII\n");
    assert!(
        message.starts_with("input, record 1 (a), line 4, column 1: 2 qualities for 3 bases"),
        "{message}"
    );
    // Dropped gaps leave their qualities behind.
    let dropped = ReadOptions {
        policy: Policy {
            gap: Gap::Drop,
            ..Policy::default()
        },
        ..strict()
    };
    for (quality, problem) in [
        ("III", "3 qualities for 2 bases"),
        ("II", "2 qualities for 3 bases"),
    ] {
        let text = format!("@a\nA-C\n+\n{quality}\n");
        let error = read_quality(text.as_bytes(), dropped).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
    assert!(refused_quality("@a\nAC\n+\nIII\n").contains("one quality character"));
    let message = refused_quality("@a\nAC\n+\nI \n");
    assert!(
        message.starts_with("input, record 1 (a), line 4, column 2: ' ' is not a quality"),
        "{message}"
    );
    assert_eq!(fastq::error_probability(20), 0.01);
}

#[test]
fn a_second_record_with_the_same_id_is_refused_when_asked() {
    let text = b">a\nA\n>b\nC\n>a other\nG\n";
    assert_eq!(read(text, strict()).unwrap().len(), 3);
    let unique = ReadOptions {
        unique_ids: true,
        ..strict()
    };
    let error = read(text, unique).unwrap_err();
    assert_eq!(
        error.to_string(),
        "input, record 3 (a), line 5, column 2: the id \"a\" is that of record 1; rename or remove one of them"
    );
}

#[test]
fn records_read_into_one_are_those_of_the_iterator() {
    let text = format!(
        ">long {}\n{}\n>b\nGG\n",
        "x".repeat(99),
        "ACGT\n".repeat(40_000)
    );
    let text = [text.as_bytes(), TWO, b">bad\nX\n>c\nA\n"].concat();
    let read =
        |text: &[u8]| fasta::Reader::<Dna>::new(Cursor::new(text.to_vec()), strict()).unwrap();
    let expected: Vec<_> = read(&text).map_while(Result::ok).collect();
    assert_eq!(expected.len(), 4);
    let (mut reader, mut record) = (read(&text), fasta::Record::default());
    for expected in &expected {
        assert!(reader.read(&mut record).unwrap());
        assert_eq!(record, *expected);
    }
    // After the error there is nothing, and the record stays as it was.
    assert!(reader.read(&mut record).is_err());
    assert!(!reader.read(&mut record).unwrap());
    assert_eq!(record, expected[3]);

    let text = b"@a x\nACGT\n+\nIIII\n@b\nAC\n+\n!!\n";
    let mut reader = fastq::Reader::<Dna>::new(&text[..], strict()).unwrap();
    let mut record = fastq::Record::default();
    for expected in read_quality(text, strict()).unwrap() {
        assert!(reader.read(&mut record).unwrap());
        assert_eq!(record, expected);
    }
    assert!(!reader.read(&mut record).unwrap());
}

#[test]
fn nothing_is_read_after_an_error() {
    let text = b">a\nA\n>b\nX\n>c\nC\n";
    let mut reader = fasta::Reader::<Dna>::new(&text[..], strict()).unwrap();
    assert!(reader.next().unwrap().is_ok());
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn a_record_without_an_end_is_refused_before_it_is_held() {
    let small = ReadOptions {
        max_record_bytes: 1000,
        ..strict()
    };
    for (head, line) in [
        (&b">a\n"[..], &b"ACGT"[..]),     // one line without an end
        (b">a\n", b"ACGT\n"),             // lines without an end
        (b">a\n", b"\n"),                 // nothing but line ends
        (b">", b"a"),                     // a header without an end
        (b">a\nACGT\n>b\n", b"ACGTACGT"), // not the first record
    ] {
        let endless = Endless {
            head,
            line,
            given: 0,
        };
        let mut reader = fasta::Reader::<Dna>::new(endless, small).unwrap();
        let error = reader.find_map(Result::err).unwrap();
        assert!(matches!(error, SeqError::RecordTooLong { .. }), "{error}");
    }
    for line in [&b"A"[..], b"\r"] {
        let endless = Endless {
            head: b"@a\n",
            line,
            given: 0,
        };
        let error = fastq::Reader::<Dna>::new(endless, small)
            .unwrap()
            .find_map(Result::err);
        assert!(
            matches!(error, Some(SeqError::RecordTooLong { .. })),
            "{error:?}"
        );
    }
    // Nothing but line ends, far more of them than the buffer takes.
    let lines = ReadOptions {
        max_record_bytes: 1 << 20,
        ..strict()
    };
    let endless = Endless {
        head: b">a\n",
        line: b"\n",
        given: 0,
    };
    let error = fasta::Reader::<Dna>::new(endless, lines)
        .unwrap()
        .find_map(Result::err)
        .unwrap();
    assert!(matches!(error, SeqError::RecordTooLong { .. }), "{error}");
}

#[test]
fn the_limit_is_exact_and_large_records_do_not_spoil_small_ones() {
    let large = format!(">a\n{}\n", "ACGT\n".repeat(50_000));
    let bytes = large.trim_end().len() as u64;
    let limit = |max_record_bytes| ReadOptions {
        max_record_bytes,
        ..strict()
    };
    let text = format!("{large}>b\nA\n>c\nC\n").into_bytes();
    assert_eq!(read(&text, limit(bytes + 2)).unwrap().len(), 3);
    let error = read(&text, limit(bytes - 1)).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "input, record 1 (a), line 1, column 1: the record has more than 250001 bytes"
        ),
        "{error}"
    );
}

#[test]
fn files_are_read_and_written_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reads.fa.gz");
    std::fs::write(&path, gzip(TWO)).unwrap();
    let records: Vec<_> = fasta::Reader::<Dna>::open(&path, strict())
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(summary(&records), two());

    let error = fasta::Reader::<Rna>::open(folder.path().join("none.fa"), strict()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("none.fa: cannot read: no such file"),
        "{error}"
    );
    let error = fasta::Reader::<Rna>::open(&path, strict())
        .unwrap()
        .find_map(Result::err);
    let message = error.unwrap().to_string();
    assert!(
        message.contains("reads.fa.gz, record 1 (a), line 2, column 4: position 4: 'T'"),
        "{message}"
    );

    // A refused record leaves the file as it was, and no other file beside it.
    let path = folder.path().join("out.fa");
    fasta::write(&path, 60, &records).unwrap();
    let before = std::fs::read(&path).unwrap();
    let mut bad = records.clone();
    bad[1].id = "two words".to_owned();
    let error = fasta::write(&path, 60, &bad).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("record 2 (\"two words\"): its id has a space"),
        "{error}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    let error = fasta::write(folder.path().join("no/such.fa"), 60, &records).unwrap_err();
    assert!(
        matches!(error, SeqError::Write { path: Some(_), .. }),
        "{error}"
    );
}

#[test]
fn what_would_not_be_read_back_is_not_written() {
    let good = fastq::Record::<Dna> {
        id: "a".to_owned(),
        description: String::new(),
        seq: "AC".parse().unwrap(),
        quality: vec![1, 2],
    };
    let problem = |record: fastq::Record<Dna>| {
        let written = fastq::write_to(Vec::new(), [record]);
        written.unwrap_err().to_string()
    };
    assert!(
        problem(fastq::Record {
            id: String::new(),
            ..good.clone()
        })
        .ends_with("its id is empty")
    );
    assert!(
        problem(fastq::Record {
            description: "x\ny".to_owned(),
            ..good.clone()
        })
        .ends_with("line end in it")
    );
    assert!(
        problem(fastq::Record {
            quality: vec![1],
            ..good.clone()
        })
        .ends_with("one quality for each base")
    );
    assert!(
        problem(fastq::Record {
            quality: vec![1, 94],
            ..good.clone()
        })
        .ends_with("above 93")
    );
    let empty = fastq::Record {
        seq: Seq::default_empty(),
        quality: vec![],
        ..good
    };
    assert!(problem(empty).ends_with("its sequence is empty"));
}

trait DefaultEmpty {
    fn default_empty() -> Self;
}

impl DefaultEmpty for Seq<Dna> {
    fn default_empty() -> Self {
        Self::from_codes(Vec::new()).unwrap()
    }
}

fn header() -> impl Strategy<Value = (String, String)> {
    ("[!-~é]{1,12}", "([!-~][ -~\té]{0,20})?")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))] // each packs and unpacks

    #[test]
    fn fasta_is_read_back_as_written(
        records in proptest::collection::vec((header(), proptest::collection::vec(0_u8..=20, 1..200)), 1..8),
        width in 0_usize..90,
    ) {
        let records: Vec<fasta::Record<Protein>> = records
            .into_iter()
            .map(|((id, description), codes)| fasta::Record { id, description, seq: Seq::from_codes(codes).unwrap() })
            .collect();
        let mut text = Vec::new();
        fasta::write_to(&mut text, width, &records).unwrap();
        if width > 0 {
            let longest = text.split(|&b| b == b'\n').filter(|l| !l.starts_with(b">")).map(<[u8]>::len).max();
            prop_assert!(longest <= Some(width));
        }
        for packed in [text.clone(), gzip(&text), zstd(&text)] {
            let back: Result<Vec<_>, _> = fasta::Reader::<Protein>::new(Cursor::new(packed), lenient()).unwrap().collect();
            prop_assert_eq!(&back.unwrap(), &records);
        }
    }

    #[test]
    fn fastq_is_read_back_as_written(
        records in proptest::collection::vec((header(), proptest::collection::vec((0_u8..=4, 0_u8..=93), 1..200)), 1..8),
    ) {
        let records: Vec<fastq::Record<Dna>> = records
            .into_iter()
            .map(|((id, description), bases)| {
                let (codes, quality) = bases.into_iter().unzip();
                fastq::Record { id, description, seq: Seq::from_codes(codes).unwrap(), quality }
            })
            .collect();
        let mut text = Vec::new();
        fastq::write_to(&mut text, &records).unwrap();
        prop_assert_eq!(read_quality(&text, lenient()).unwrap(), records);
    }

    /// Lines are joined whatever their lengths, ends and letters, and whatever part of them is at hand; and what is wrong in one is
    /// found in it.
    #[test]
    fn sequences_are_their_lines_joined_and_errors_stand_where_they_are(
        lines in proptest::collection::vec("[ACGT]{0,70}|[ACGTacgtNRn]{0,40}", 1..12),
        end in prop_oneof![Just("\n"), Just("\r\n")],
        portion in 1_usize..200,
        (bad_line, bad_column) in (any::<proptest::sample::Index>(), any::<proptest::sample::Index>()),
        bad in prop_oneof![Just(';'), Just('>'), Just('é'), Just(' '), Just('\r')],
    ) {
        let record = |lines: &[String]| {
            let lines: String = lines.iter().map(|line| format!("{line}{end}")).collect();
            format!(">a b{end}{lines}>c{end}AC{end}").into_bytes()
        };
        let trickled = |text: Vec<u8>| -> Result<Vec<fasta::Record<Dna>>, SeqError> {
            fasta::Reader::new(Trickle(Cursor::new(text), portion), lenient())?.collect()
        };
        let expected = Seq::parse(&lines.concat(), lenient().policy).unwrap();
        for records in [read(&record(&lines), lenient()), trickled(record(&lines))] {
            let records = records.unwrap();
            prop_assert_eq!(records.len(), 2);
            prop_assert_eq!(&records[0].seq, &expected);
            prop_assert_eq!(records[1].seq.to_string(), "AC");
        }

        let mut lines = lines;
        let line = bad_line.index(lines.len());
        let column = bad_column.index(lines[line].len() + 1);
        lines[line].insert(column, bad);
        let position: usize = lines[..line].iter().map(String::len).sum::<usize>() + column + 1;
        // These two are what a line may start and end with.
        prop_assume!(!(bad == '>' && column == 0));
        prop_assume!(!(bad == '\r' && column + 1 == lines[line].len() && end == "\n"));
        let place = format!("input, record 1 (a), line {}, column {}: position {position}: {bad:?}", line + 2, column + 1);
        for records in [read(&record(&lines), lenient()), trickled(record(&lines))] {
            let message = records.unwrap_err().to_string();
            prop_assert!(message.starts_with(&place), "{} for {}", message, place);
        }
    }

    /// How the bytes arrive does not matter, and any bytes give records or an error.
    #[test]
    fn any_bytes_in_any_portions_give_the_same_answer(
        text in proptest::collection::vec(proptest::sample::select(&b">@+\n\n\r ACGTNacx;!\xff\x1f\x8b"[..]), 0..120),
        portion in 1_usize..9,
    ) {
        let trickle = Trickle(Cursor::new(text.clone()), portion);
        let trickled: Result<Vec<_>, SeqError> =
            fasta::Reader::<Dna>::new(trickle, lenient()).and_then(Iterator::collect);
        prop_assert_eq!(trickled, read(&text, lenient()));
        let trickle = Trickle(Cursor::new(text.clone()), portion);
        let trickled: Result<Vec<_>, SeqError> =
            fastq::Reader::<Dna>::new(trickle, lenient()).and_then(Iterator::collect);
        prop_assert_eq!(trickled, read_quality(&text, lenient()));
    }
}
