//! Folding by length, on one thread: `cargo bench --package hairpin-fold --bench fold`. `fixtures/make/bench_vienna.py` runs it beside ViennaRNA.
//!
//! The yardstick is the cubic part of the recursion as a plain loop: n^3 / 2 multiply-adds, without any energy.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use hairpin_fold::{Folder, Settings, Workspace};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 20250607;

/// Random molecules, half of their bases G or C.
fn molecules(count: usize, length: usize) -> Vec<Vec<u8>> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    (0..count)
        .map(|_| {
            (0..length)
                .map(|_| b"GCAU"[rng.random_range(0..4)])
                .collect()
        })
        .collect()
}

fn naive(n: usize) -> f64 {
    let row: Vec<f64> = (0..n).map(|k| 1.0 / (k + 1) as f64).collect();
    let mut sum = 0.0;
    for i in 0..n {
        for j in i..n {
            for k in i..j {
                sum += row[k] * row[j - k] + row[k - i] * row[k];
                sum += row[j] * row[k];
            }
        }
    }
    sum
}

fn fold(criterion: &mut Criterion) {
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let mut workspace = Workspace::default();
    for (length, count) in [(41, 64), (107, 32), (130, 32), (1500, 1)] {
        let seqs = molecules(count, length);
        let mut group = criterion.benchmark_group(format!("{length} nt"));
        group.warm_up_time(Duration::from_secs(1));
        group.measurement_time(Duration::from_secs(if length > 1000 { 6 } else { 3 }));
        group.sample_size(if length > 1000 { 10 } else { 30 });
        let mut at = 0;
        let mut next = || {
            at = (at + 1) % count;
            &seqs[at]
        };
        let mut out = vec![0.0; length * 5];
        group.bench_function(BenchmarkId::from_parameter("contexts + pairs"), |bencher| {
            bencher.iter(|| {
                let ensemble = folder.ensemble(&mut workspace, next()).unwrap();
                ensemble.contexts_into(&mut out);
                black_box(&out);
            });
        });
        group.bench_function(BenchmarkId::from_parameter("minimum"), |bencher| {
            bencher.iter(|| folder.mfe(&mut workspace, next()).unwrap());
        });
        group.bench_function(BenchmarkId::from_parameter("naive n^3/2"), |bencher| {
            bencher.iter(|| naive(black_box(length)));
        });
        group.finish();
    }

    // The work of 120,678 probes, by the thousand, on all threads of the pool.
    let seqs = molecules(1000, 41);
    let mut out = vec![0.0; 1000 * 41 * 5];
    let mut group = criterion.benchmark_group("1000 probes of 41 nt");
    group.sample_size(20);
    group.bench_function(BenchmarkId::from_parameter("contexts_batch"), |bencher| {
        bencher.iter(|| folder.contexts_batch(&seqs, 41, &mut out).unwrap());
    });
    group.finish();
}

criterion_group!(benches, fold);
criterion_main!(benches);
