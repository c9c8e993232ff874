//! Reading, packing, turning and encoding sequences, each beside what writing its output alone costs.
//!
//! `cargo bench --package hairpin-seq --bench encode`; one thread of rayon.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use hairpin_seq::{
    Case, Dna, EncodeAs, GeneticCode, KmerTokens, Layout, OneHot, Packed, PaddedBatch, Policy, Seq,
    Stop, Tokens,
};

/// Probes of RNAcompete's kind.
const PROBES: usize = 120_000;
const PROBE: usize = 41;
/// A bacterial chromosome.
const CHROMOSOME: usize = 4_000_000;

/// Bases without a period that a branch predictor or a cache would learn.
fn bases(n: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b"ACGT"[(state >> 62) as usize])
        })
        .collect()
}

fn probes() -> Vec<Seq<Dna>> {
    let text = bases(PROBES * PROBE);
    let parse = |start: usize| text[start..start + PROBE].parse().expect("bases");
    (0..PROBES * PROBE).step_by(PROBE).map(parse).collect()
}

fn one_hot(c: &mut Criterion) {
    let seqs = probes();
    let batch = PaddedBatch::new(PROBE);
    let values = PROBES * PROBE * 4;
    let mut group = c.benchmark_group("one-hot 120000 x 41");
    group.throughput(Throughput::Bytes(4 * values as u64));
    let mut out = vec![0.0_f32; values];
    group.bench_function("f32 memset", |b| {
        b.iter(|| black_box(&mut out).fill(black_box(0.0)))
    });
    let source = vec![1.0_f32; values];
    group.bench_function("f32 memcpy", |b| {
        b.iter(|| black_box(&mut out).copy_from_slice(black_box(&source)))
    });
    group.bench_function("f32 [L, C]", |b| {
        b.iter(|| batch.encode_into(&OneHot::default(), &seqs, black_box(&mut out)));
    });
    let columns = batch.with_layout(Layout::ChannelsFirst);
    group.bench_function("f32 [C, L]", |b| {
        b.iter(|| columns.encode_into(&OneHot::default(), &seqs, black_box(&mut out)));
    });
    let packed: Vec<Packed<Dna>> = seqs.iter().map(Packed::from).collect();
    group.bench_function("f32 from packed", |b| {
        b.iter(|| {
            for (packed, row) in packed
                .iter()
                .zip(black_box(&mut out).chunks_exact_mut(PROBE * 4))
            {
                packed.encode_into(OneHot::default(), row);
            }
        });
    });
    group.throughput(Throughput::Bytes(values as u64));
    let mut out = vec![0_u8; values];
    group.bench_function("u8 memset", |b| {
        b.iter(|| black_box(&mut out).fill(black_box(0)))
    });
    group.bench_function("u8 [L, C]", |b| {
        b.iter(|| batch.encode_into(&OneHot::default(), &seqs, black_box(&mut out)));
    });
    group.bench_function("u8 [C, L]", |b| {
        b.iter(|| columns.encode_into(&OneHot::default(), &seqs, black_box(&mut out)));
    });
    group.finish();
}

fn tokens(c: &mut Criterion) {
    let seqs = probes();
    let batch = PaddedBatch::new(PROBE + 2);
    let mut group = c.benchmark_group("tokens 120000 x 43, i64");
    let mut out = vec![0_i64; PROBES * (PROBE + 2)];
    group.throughput(Throughput::Bytes(8 * out.len() as u64));
    group.bench_function("memset", |b| {
        b.iter(|| black_box(&mut out).fill(black_box(0)))
    });
    let with_ends = Tokens::new().with_begin(true).with_end(true);
    group.bench_function("symbols", |b| {
        b.iter(|| batch.encode_into(&with_ends, &seqs, black_box(&mut out)))
    });
    let sixmers = KmerTokens::new(6).expect("in range");
    group.bench_function("6-mers", |b| {
        b.iter(|| batch.encode_into(&sixmers, &seqs, black_box(&mut out)))
    });
    group.finish();
}

fn text_and_codes(c: &mut Criterion) {
    let text = bases(CHROMOSOME);
    let soft_masked: String = text
        .bytes()
        .enumerate()
        .map(|(i, b)| {
            char::from(if i / 1000 % 2 == 0 {
                b.to_ascii_lowercase()
            } else {
                b
            })
        })
        .collect();
    let seq: Seq<Dna> = text.parse().expect("bases");
    let mut group = c.benchmark_group("4 Mb");
    group.throughput(Throughput::Bytes(CHROMOSOME as u64));
    group.bench_function("memcpy into a new vector", |b| {
        b.iter(|| black_box(text.as_bytes()).to_vec())
    });
    group.bench_function("text to codes", |b| {
        b.iter(|| Seq::<Dna>::parse(black_box(&text), Policy::default()))
    });
    let fold = Policy {
        case: Case::Fold,
        ..Policy::default()
    };
    group.bench_function("text to codes, soft-masked", |b| {
        b.iter(|| Seq::<Dna>::parse(black_box(&soft_masked), fold));
    });
    group.bench_function("codes to text", |b| b.iter(|| black_box(&seq).to_string()));
    group.bench_function("complement", |b| b.iter(|| black_box(&seq).complement()));
    group.bench_function("reverse complement", |b| {
        b.iter(|| black_box(&seq).reverse_complement())
    });
    group.bench_function("transcribe", |b| b.iter(|| black_box(&seq).transcribe()));
    group.bench_function("pack", |b| b.iter(|| Packed::from(black_box(&seq))));
    let packed = Packed::from(&seq);
    group.bench_function("unpack", |b| b.iter(|| black_box(&packed).to_seq()));
    let standard = GeneticCode::ncbi(1).expect("exists");
    group.bench_function("translate", |b| {
        b.iter(|| standard.translate(black_box(&seq), Stop::Unknown))
    });
    let mut rows = vec![0_u8; 4 * CHROMOSOME];
    group.bench_function("one-hot u8", |b| {
        b.iter_batched_ref(
            || (),
            |()| OneHot::default().encode_as_into(&seq, black_box(&mut rows)),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn config() -> Criterion {
    // The whole run stays under two minutes.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global();
    Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(500))
        .measurement_time(std::time::Duration::from_millis(1500))
        .without_plots()
}

criterion_group! { name = benches; config = config(); targets = one_hot, tokens, text_and_codes }
criterion_main!(benches);
