//! Reading FASTA from memory: hairpin's records beside needletail's raw ones and needletail's with the line ends taken out.

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hairpin_seq::{Dna, ReadOptions, fasta};
use needletail::parser::{FastaReader, FastxReader};

/// Text of about `bytes` bytes: records of `length` pseudo-random bases on lines of 60.
fn text(bytes: usize, length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut text = Vec::with_capacity(bytes + 2 * length);
    let mut record = 0;
    while text.len() < bytes {
        text.extend_from_slice(format!(">record_{record} made up\n").as_bytes());
        record += 1;
        for position in 0..length {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push(b"ACGT"[(state >> 62) as usize]);
            if position % 60 == 59 || position + 1 == length {
                text.push(b'\n');
            }
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

fn files(criterion: &mut Criterion) {
    for (name, length) in [("chromosomes", 1_000_000), ("genes", 1500), ("probes", 41)] {
        let text = Shared(Arc::new(text(16 << 20, length)));
        let mut group = criterion.benchmark_group(format!("fasta/{name}"));
        group.throughput(Throughput::Bytes(text.0.len() as u64));
        group.sample_size(20);
        group.bench_function("hairpin Seq<Dna>", |b| {
            b.iter(|| {
                let source = Cursor::new(text.clone());
                let reader = fasta::Reader::<Dna>::new(source, ReadOptions::default()).unwrap();
                reader
                    .map(|record| record.unwrap().seq.len())
                    .sum::<usize>()
            });
        });
        group.bench_function("needletail raw", |b| {
            b.iter(|| {
                let mut reader = FastaReader::new(&text.0[..]);
                let mut bases = 0;
                while let Some(record) = reader.next() {
                    bases += black_box(record.unwrap().raw_seq()).len();
                }
                bases
            });
        });
        group.bench_function("needletail, owned id and sequence", |b| {
            b.iter(|| {
                let mut reader = FastaReader::new(&text.0[..]);
                let mut bases = 0;
                while let Some(record) = reader.next() {
                    let record = record.unwrap();
                    black_box(String::from_utf8(record.id().to_vec()).unwrap());
                    bases += black_box(record.seq().into_owned()).len();
                }
                bases
            });
        });
        group.finish();
    }
}

criterion_group!(benches, files);
criterion_main!(benches);
