//! Clusters of random RNAs of 41 nt beside all pairs of fewer of them, and the edit distance beside the table.
//!
//! ```sh
//! RAYON_NUM_THREADS=1 cargo bench --package hairpin-targets --bench similarity
//! ```

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hairpin_seq::align::{Aligner, EditPattern, Scoring};
use hairpin_seq::{Rna, Seq};
use hairpin_targets::similarity::{Similarity, clusters};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn draw(n: usize, len: usize) -> Vec<Seq<Rna>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut seq = || (0..len).map(|_| rng.random_range(0..4)).collect();
    (0..n)
        .map(|_| Seq::from_codes(seq()).unwrap_or_else(|error| panic!("{error}")))
        .collect()
}

/// The table of the edit distance, row by row.
fn table(a: &[u8], b: &[u8]) -> usize {
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = above[0];
        above[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = above[j + 1];
            above[j + 1] = replaced.min(diagonal + 1).min(above[j] + 1);
        }
    }
    above[b.len()]
}

fn pairs(criterion: &mut Criterion) {
    for len in [41, 107] {
        let seqs = draw(200, len);
        let mut group = criterion.benchmark_group(format!("pairs of {len} nt"));
        group.throughput(Throughput::Elements(199));
        group.bench_function("table", |bencher| {
            bencher.iter(|| {
                seqs[1..]
                    .iter()
                    .map(|seq| table(seqs[0].codes(), seq.codes()))
                    .sum::<usize>()
            });
        });
        group.bench_function("edit distance", |bencher| {
            bencher.iter(|| {
                let pattern = EditPattern::new(black_box(&seqs[0]));
                seqs[1..]
                    .iter()
                    .map(|seq| pattern.distance(seq))
                    .sum::<usize>()
            });
        });
        group.bench_function("within a fifth", |bencher| {
            bencher.iter(|| {
                let pattern = EditPattern::new(black_box(&seqs[0]));
                seqs[1..]
                    .iter()
                    .filter_map(|seq| pattern.distance_within(seq, len / 5))
                    .count()
            });
        });
        group.bench_function("affine", |bencher| {
            let aligner = Aligner::new(Scoring::uniform(1, -1, 2, 1));
            bencher.iter(|| {
                seqs[1..]
                    .iter()
                    .filter_map(|seq| aligner.align(&seqs[0], seq).ok())
                    .map(|found| found.matches)
                    .sum::<usize>()
            });
        });
        group.finish();
    }
}

fn whole(criterion: &mut Criterion) {
    let seqs = draw(20_000, 41);
    let mut group = criterion.benchmark_group("clusters");
    group.sample_size(10);
    group.bench_function("2,000 x 41 nt, all pairs within 4", |bencher| {
        bencher.iter(|| {
            let some = &seqs[..2000];
            let patterns = some.iter().map(EditPattern::new).enumerate();
            patterns
                .map(|(row, pattern)| {
                    some[..row]
                        .iter()
                        .filter_map(|seq| pattern.distance_within(seq, 4))
                        .count()
                })
                .sum::<usize>()
        });
    });
    group.bench_function("2,000 x 41 nt at 0.9", |bencher| {
        bencher.iter(|| clusters(&seqs[..2000], &Similarity::edit(0.9)));
    });
    group.bench_function("20,000 x 41 nt at 0.9", |bencher| {
        bencher.iter(|| clusters(&seqs, &Similarity::edit(0.9)));
    });
    group.bench_function("20,000 x 41 nt at 0.8", |bencher| {
        bencher.iter(|| clusters(&seqs, &Similarity::edit(0.8)));
    });
    group.bench_function("20,000 x 41 nt, Jaccard of 8-mers 0.3", |bencher| {
        bencher.iter(|| clusters(&seqs, &Similarity::kmers(8, 0.3)));
    });
    group.finish();
}

criterion_group!(benches, pairs, whole);
criterion_main!(benches);
