//! Long molecules, on one thread: `cargo bench --package hairpin-fold --bench long`.
//!
//! The yardstick of windows is to fold each by itself, of which a tenth is done here; that of a beam is the exact recursion where it is feasible.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use hairpin_fold::{Beam, Folder, Settings, Window, Workspace};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn molecule(length: usize) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(20250608);
    (0..length)
        .map(|_| b"GCAU"[rng.random_range(0..4)])
        .collect()
}

fn long(criterion: &mut Criterion) {
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let mut workspace = Workspace::default();

    let seq = molecule(4_000);
    let mut group = criterion.benchmark_group("windows of 4000 nt");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));
    for (size, span) in [(80, 40), (150, 100), (240, 160)] {
        let window = Window::new(size, span).unwrap();
        group.bench_function(BenchmarkId::new("together", size), |bencher| {
            bencher.iter(|| pool.install(|| folder.windows(&seq, &window).unwrap()));
        });
        group.bench_function(BenchmarkId::new("a tenth one by one", size), |bencher| {
            bencher.iter(|| {
                for first in (0..=seq.len() - size).step_by(10) {
                    let window = &seq[first..first + size];
                    folder.ensemble(&mut workspace, window).unwrap();
                }
            });
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("beam of 100");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));
    let beam = Beam::new(100).unwrap();
    for length in [1_000, 4_000, 16_000] {
        let seq = molecule(length);
        group.bench_function(BenchmarkId::from_parameter(length), |bencher| {
            bencher.iter(|| folder.beam(&seq, &beam).unwrap());
        });
    }
    let seq = molecule(1_000);
    group.bench_function(BenchmarkId::new("exact", 1_000), |bencher| {
        bencher.iter(|| folder.ensemble(&mut workspace, &seq).unwrap().free_energy());
    });
    group.finish();
}

criterion_group!(benches, long);
criterion_main!(benches);
