//! Reading FASTA and FASTQ from memory: hairpin's records, each new or into one that there is; beside them needletail's raw records,
//! with the line ends taken out, and what one would do for the same result, which is to parse each of those.

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hairpin_seq::{Dna, ReadOptions, Seq, fasta, fastq};
use needletail::parser::{FastaReader, FastqReader, FastxReader};

/// Text of about `bytes` bytes: records of `length` pseudo-random bases on lines of 60; as FASTQ on one line, with qualities.
fn text(bytes: usize, length: usize, quality: bool) -> Vec<u8> {
    let mut state = 1_u64;
    let mut text = Vec::with_capacity(bytes + 2 * length);
    let mut record = 0;
    while text.len() < bytes {
        let marker = if quality { '@' } else { '>' };
        text.extend_from_slice(format!("{marker}record_{record} made up\n").as_bytes());
        record += 1;
        for position in 0..length {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push(b"ACGT"[(state >> 62) as usize]);
            if (position % 60 == 59 && !quality) || position + 1 == length {
                text.push(b'\n');
            }
        }
        if quality {
            text.extend_from_slice(b"+\n");
            text.extend((0..length).map(|position| b'!' + (position * 7 % 42) as u8));
            text.push(b'\n');
        }
    }
    text
}

/// A file in memory that a reader can own.
#[derive(Clone)]
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// needletail's records, each handed to `use_record`.
fn needletail<R: FastxReader>(
    mut reader: R,
    use_record: impl Fn(&needletail::parser::SequenceRecord<'_>) -> usize,
) -> usize {
    let mut bases = 0;
    while let Some(record) = reader.next() {
        bases += use_record(&record.unwrap());
    }
    bases
}

fn parsed(record: &needletail::parser::SequenceRecord<'_>) -> usize {
    black_box(String::from_utf8(record.id().to_vec()).unwrap());
    let text = record.seq();
    let seq: Seq<Dna> = std::str::from_utf8(&text).unwrap().parse().unwrap();
    black_box(seq).len()
}

fn fasta(criterion: &mut Criterion) {
    for (name, length) in [("chromosomes", 1_000_000), ("genes", 1500), ("probes", 41)] {
        let text = Shared(Arc::new(text(16 << 20, length, false)));
        let mut group = criterion.benchmark_group(format!("fasta/{name}"));
        group.throughput(Throughput::Bytes(text.0.len() as u64));
        group.sample_size(20);
        let open = || {
            let source = Cursor::new(text.clone());
            fasta::Reader::<Dna>::new(source, ReadOptions::default()).unwrap()
        };
        group.bench_function("hairpin, new Seq<Dna>", |b| {
            b.iter(|| {
                open()
                    .map(|record| black_box(record.unwrap()).seq.len())
                    .sum::<usize>()
            });
        });
        group.bench_function("hairpin, into one Seq<Dna>", |b| {
            b.iter(|| {
                let (mut reader, mut bases) = (open(), 0);
                let mut record = fasta::Record::default();
                while reader.read(&mut record).unwrap() {
                    bases += black_box(&record).seq.len();
                }
                bases
            });
        });
        let other = || FastaReader::new(&text.0[..]);
        group.bench_function("needletail, raw", |b| {
            b.iter(|| needletail(other(), |record| black_box(record.raw_seq()).len()));
        });
        group.bench_function("needletail, owned id and text", |b| {
            b.iter(|| {
                needletail(other(), |record| {
                    black_box(String::from_utf8(record.id().to_vec()).unwrap());
                    black_box(record.seq().into_owned()).len()
                })
            });
        });
        group.bench_function("needletail, owned id and Seq<Dna>", |b| {
            b.iter(|| needletail(other(), parsed));
        });
        group.finish();
    }
}

fn fastq(criterion: &mut Criterion) {
    let text = Shared(Arc::new(text(16 << 20, 150, true)));
    let mut group = criterion.benchmark_group("fastq/reads");
    group.throughput(Throughput::Bytes(text.0.len() as u64));
    group.sample_size(20);
    let open = || {
        let source = Cursor::new(text.clone());
        fastq::Reader::<Dna>::new(source, ReadOptions::default()).unwrap()
    };
    group.bench_function("hairpin, new Seq<Dna> and scores", |b| {
        b.iter(|| {
            open()
                .map(|record| black_box(record.unwrap()).seq.len())
                .sum::<usize>()
        });
    });
    group.bench_function("hairpin, into one", |b| {
        b.iter(|| {
            let (mut reader, mut bases) = (open(), 0);
            let mut record = fastq::Record::default();
            while reader.read(&mut record).unwrap() {
                bases += black_box(&record).seq.len();
            }
            bases
        });
    });
    let other = || FastqReader::new(&text.0[..]);
    group.bench_function("needletail, raw", |b| {
        b.iter(|| needletail(other(), |record| black_box(record.raw_seq()).len()));
    });
    group.bench_function("needletail, owned id, Seq<Dna> and scores", |b| {
        b.iter(|| {
            needletail(other(), |record| {
                let quality = record.qual().unwrap_or_default();
                let scores: Vec<u8> = quality.iter().map(|character| character - b'!').collect();
                black_box(scores);
                parsed(record)
            })
        });
    });
    group.finish();
}

criterion_group!(benches, fasta, fastq);
criterion_main!(benches);
