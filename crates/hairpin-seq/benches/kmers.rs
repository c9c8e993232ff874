//! k-mer counts beside a copy of the input and a rolling loop, in bases per second.
//!
//! `cargo bench --package hairpin-seq --bench kmers`; `fixtures/make/bench_kmers.py` times NumPy, scikit-learn and a Python Counter on the
//! same sequence. One thread.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hairpin_seq::kmer::{
    HashedKmerCounts, Pattern, Sampler, SparseKmerCounts, canonical_words, words,
};
use hairpin_seq::{Dna, Encode, KmerCounts, Seq, kmers};

const LONG: usize = 10_000_000;
const PROBE: usize = 41;

/// Codes from a 64-bit xorshift generator; `unknown` of 1024 bases are N.
fn sequence(len: usize, unknown: u64) -> Seq<Dna> {
    let mut state = 88_172_645_463_325_252_u64;
    let code = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state >> 32 & 1023 < unknown {
            4
        } else {
            (state >> 60) as u8 & 3
        }
    };
    Seq::from_codes((0..len).map(code).collect()).expect("codes are in range")
}

fn long(c: &mut Criterion) {
    let mut group = c.benchmark_group("10 Mb");
    group.throughput(Throughput::Elements(LONG as u64));
    let seq = sequence(LONG, 0);
    let repeat = Seq::<Dna>::from_codes(vec![0; LONG]).expect("codes are in range");
    let masked = sequence(LONG, 10);

    let mut copy = vec![0_u8; LONG];
    group.bench_function("memcpy of the codes", |b| {
        b.iter(|| black_box(&mut copy).copy_from_slice(black_box(seq.codes())));
    });
    let mut counts = vec![0_u64; 4096];
    group.bench_function("k 6/rolling loop", |b| {
        b.iter(|| {
            counts.fill(0);
            kmers(black_box(&seq), 6).for_each(|index| counts[index] += 1);
        });
    });
    for k in [4, 6, 8, 10, 12] {
        let counter = KmerCounts::new(k).expect("in range");
        let mut counts = vec![0_u64; counter.channels()];
        group.bench_function(format!("k {k}/counts"), |b| {
            b.iter(|| counter.count_into(black_box(&seq), &mut counts));
        });
        if k != 6 {
            continue;
        }
        group.bench_function("k 6/counts, one base repeated", |b| {
            b.iter(|| counter.count_into(black_box(&repeat), &mut counts));
        });
        group.bench_function("k 6/counts, 1 % unknown", |b| {
            b.iter(|| counter.count_into(black_box(&masked), &mut counts));
        });
        let counter = counter.with_canonical(true).expect("symmetric");
        let mut counts = vec![0_u64; counter.channels()];
        group.bench_function("k 6/canonical counts", |b| {
            b.iter(|| counter.count_into(black_box(&seq), &mut counts));
        });
    }
    let pattern: Pattern = "11011011".parse().expect("a pattern");
    let counter = KmerCounts::spaced(pattern).expect("in range");
    let mut counts = vec![0_u64; counter.channels()];
    group.bench_function("pattern 11011011/counts", |b| {
        b.iter(|| counter.count_into(black_box(&seq), &mut counts));
    });

    let codes = || black_box(seq.codes()).iter().copied();
    group.bench_function("k 21/words", |b| {
        b.iter(|| words(codes(), 21).fold(0, |all, word| all ^ word));
    });
    group.bench_function("k 21/canonical words", |b| {
        b.iter(|| canonical_words(codes(), 21).fold(0, |all, word| all ^ word));
    });
    let hashed = HashedKmerCounts::new(21, 4096).expect("in range");
    let mut row = vec![0.0; 4096];
    group.bench_function("k 21/hashed counts", |b| {
        b.iter(|| hashed.encode_into(black_box(&seq), &mut row));
    });
    for canonical in [false, true] {
        let sampler = Sampler::new(21, 11)
            .and_then(|sampler| sampler.with_canonical(canonical))
            .expect("in range");
        let both = if canonical { "canonical " } else { "" };
        group.bench_function(format!("k 21, w 11/{both}minimizers"), |b| {
            b.iter(|| sampler.minimizers(black_box(&seq)));
        });
    }
    group.sample_size(10);
    let pattern = Pattern::contiguous(21).expect("in range");
    group.bench_function("k 21/sparse counts", |b| {
        b.iter(|| SparseKmerCounts::of(black_box(&seq), pattern, false));
    });
    group.finish();
}

fn probes(c: &mut Criterion) {
    let seqs: Vec<_> = (0..1000)
        .map(|row| sequence(PROBE * (row + 1), 0).slice(PROBE * row..))
        .collect();
    let counter = KmerCounts::new(6).expect("in range");
    let mut rows = vec![0.0_f32; 1000 * 4096];
    let mut group = c.benchmark_group("1000 probes of 41");
    group.throughput(Throughput::Elements(1000 * PROBE as u64));
    group.bench_function("memset of the rows", |b| {
        b.iter(|| black_box(&mut rows).fill(black_box(0.0)));
    });
    group.bench_function("k 6/rows of counts", |b| {
        b.iter(|| {
            for (seq, row) in seqs.iter().zip(rows.chunks_exact_mut(4096)) {
                counter.encode_into(black_box(seq), row);
            }
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    targets = long, probes
}
criterion_main!(benches);
