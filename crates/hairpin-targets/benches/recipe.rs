//! Recipes and cross-fitted encoding at the sizes of the tasks, beside what moving the memory takes.
//!
//! `cargo bench --package hairpin-targets --bench recipe`; `fixtures/make/bench_targets.py` times NumPy and scikit-learn in the same run.
//! Set `RAYON_NUM_THREADS=1` for the figures of one thread.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use hairpin_targets::category::TargetEncoding;
use hairpin_targets::{Recipe, Step, SvdMissing, TargetMatrix};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Probes and experiments of RNAcompete's training set.
const PROBES: (usize, usize) = (120_678, 200);
/// Rows and genes of the single-cell perturbation task.
const CELLS: (usize, usize) = (614, 18_211);

fn matrix((rows, columns): (usize, usize)) -> TargetMatrix {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    // The sum of four uniform numbers is near enough to normal.
    let mut number = || {
        (0..4)
            .map(|_| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
            .sum()
    };
    let values = Array2::from_shape_simple_fn((rows, columns), &mut number);
    let names = (0..columns).map(|column| column.to_string()).collect();
    TargetMatrix::new(values, names).expect("finite values and names that differ")
}

fn probes(c: &mut Criterion) {
    let targets = matrix(PROBES);
    let mut group = c.benchmark_group("120678x200");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_secs(1));
    group.throughput(Throughput::Bytes((PROBES.0 * PROBES.1 * 4) as u64));

    let clip = Step::Clip {
        low: -2.5,
        high: 2.5,
    };
    let recipe = Recipe(vec![Step::ZScore, clip.clone()]);
    let fitted = recipe.fit(&targets).expect("it fits");
    group.bench_function("copy", |b| b.iter(|| black_box(targets.values().clone())));
    group.bench_function("z-score + clip, fit", |b| {
        b.iter(|| recipe.fit(black_box(&targets)))
    });
    group.bench_function("z-score + clip, apply", |b| {
        b.iter(|| fitted.apply(black_box(&targets)))
    });
    group.bench_function("z-score + clip, both in place", |b| {
        let in_place = |targets: TargetMatrix| recipe.fit(&targets)?.apply_owned(targets);
        b.iter_batched(|| targets.clone(), in_place, BatchSize::PerIteration);
    });
    group.bench_function("z-score + clip, both", |b| {
        b.iter(|| recipe.fit(black_box(&targets))?.apply(&targets));
    });
    let quantile = Recipe(vec![
        Step::ClipQuantile {
            low: 0.005,
            high: 0.995,
        },
        Step::ZScore,
    ]);
    group.bench_function("clip at quantiles + z-score, both", |b| {
        b.iter(|| quantile.fit(black_box(&targets))?.apply(&targets));
    });
    group.finish();
}

fn cells(c: &mut Criterion) {
    let targets = matrix(CELLS);
    let compounds: Vec<String> = (0..CELLS.0)
        .map(|row| format!("compound {}", row % 146))
        .collect();
    let folds: Vec<usize> = (0..CELLS.0).map(|row| row * 7 % 5).collect();
    let mut group = c.benchmark_group("614x18211");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_secs(1));
    group.throughput(Throughput::Bytes((CELLS.0 * CELLS.1 * 4) as u64));

    let encoding = TargetEncoding::new();
    group.bench_function("copy", |b| b.iter(|| black_box(targets.values().clone())));
    group.bench_function("cross-fitted mean, 146 categories, 5 folds", |b| {
        b.iter(|| encoding.cross_fit(black_box(&compounds), &targets, &folds));
    });
    let svd = Recipe(vec![Step::TruncatedSvd {
        rank: 50,
        missing: SvdMissing::Refuse,
    }]);
    group.bench_function("truncated SVD of rank 50, fit", |b| {
        b.iter(|| svd.fit(black_box(&targets)))
    });
    group.finish();
}

criterion_group!(benches, probes, cells);
criterion_main!(benches);
