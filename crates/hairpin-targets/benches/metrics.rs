//! Metrics of a matrix of 120,678 x 200, and of 100,000 pairs, beside the time that reading the numbers takes.
//!
//! `cargo bench --package hairpin-targets --bench metrics`; `fixtures/make/bench_metrics.py` times NumPy, scipy and scikit-learn in
//! the same run. `RAYON_NUM_THREADS` sets the threads.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hairpin_targets::TargetMatrix;
use hairpin_targets::metrics::{Bootstrap, Comparison, Metric};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

const ROWS: usize = 120_678;
const COLUMNS: usize = 200;
const PAIRS: usize = 100_000;

fn matrix(seed: u64) -> TargetMatrix {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values = Array2::from_shape_simple_fn((ROWS, COLUMNS), || rng.random::<f32>() + 0.5);
    let names = (0..COLUMNS).map(|i| format!("protein {i}")).collect();
    TargetMatrix::new(values, names).unwrap()
}

fn columns(c: &mut Criterion) {
    let (predicted, truth) = (matrix(1), matrix(2));
    let mut group = c.benchmark_group("columns of 120678 x 200");
    group.sample_size(10);
    group.throughput(Throughput::Bytes((2 * 4 * ROWS * COLUMNS) as u64));
    group.bench_function("read both (yardstick)", |b| {
        let (x, y) = (
            predicted.values().as_slice().unwrap(),
            truth.values().as_slice().unwrap(),
        );
        b.iter(|| {
            let parts = x.par_chunks(1 << 18).zip(y.par_chunks(1 << 18));
            let bits = |part: &[f32]| {
                part.iter()
                    .fold(0u32, |sum, v| sum.wrapping_add(v.to_bits()))
            };
            parts
                .map(|(x, y)| bits(x) ^ bits(y))
                .reduce(|| 0, |a, b| a ^ b)
        });
    });
    group.bench_function("Comparison::new", |b| {
        b.iter(|| Comparison::new(black_box(&predicted), black_box(&truth)).unwrap());
    });
    let comparison = Comparison::new(&predicted, &truth).unwrap();
    for metric in [Metric::Pearson, Metric::Rmse, Metric::R2, Metric::Spearman] {
        group.bench_function(metric.name(), |b| {
            b.iter(|| black_box(&comparison).columns(metric))
        });
    }
    let (x, y) = (predicted.values(), truth.values());
    group.bench_function("Pearson, naive loop", |b| {
        b.iter(|| {
            let columns = x.columns().into_iter().zip(y.columns());
            let pearson = columns.map(|(x, y)| {
                let n = x.len() as f64;
                let mean =
                    |v: &ndarray::ArrayView1<f32>| v.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
                let (mx, my) = (mean(&x), mean(&y));
                let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
                for (&x, &y) in x.iter().zip(&y) {
                    let (dx, dy) = (f64::from(x) - mx, f64::from(y) - my);
                    xx += dx * dx;
                    yy += dy * dy;
                    xy += dx * dy;
                }
                xy / (xx * yy).sqrt()
            });
            pearson.collect::<Vec<f64>>()
        });
    });
    group.finish();
}

fn pairs(c: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let truth: Vec<f32> = (0..PAIRS).map(|_| rng.random()).collect();
    let predicted: Vec<f32> = truth.iter().map(|y| y + rng.random::<f32>()).collect();
    let labels: Vec<f32> = truth
        .iter()
        .map(|&y| f32::from(u8::from(y > 0.8)))
        .collect();
    let mut group = c.benchmark_group("100000 pairs");
    group.sample_size(20);
    group.bench_function("sort both (yardstick)", |b| {
        b.iter(|| {
            let mut both = [predicted.clone(), truth.clone()];
            both.iter_mut()
                .for_each(|values| values.sort_unstable_by(f32::total_cmp));
            both
        });
    });
    for metric in [
        Metric::Pearson,
        Metric::Spearman,
        Metric::Kendall,
        Metric::MedianAe,
    ] {
        group.bench_function(metric.name(), |b| {
            b.iter(|| metric.evaluate(black_box(&predicted), &truth))
        });
    }
    for metric in [Metric::Auroc, Metric::AveragePrecision] {
        group.bench_function(metric.name(), |b| {
            b.iter(|| metric.evaluate(black_box(&predicted), &labels))
        });
    }
    let bootstrap = Bootstrap {
        resamples: 100,
        ..Bootstrap::default()
    };
    group.bench_function("mean, 100 resamples", |b| {
        b.iter(|| {
            let mean = |rows: &[usize]| {
                Some(rows.iter().map(|&row| f64::from(truth[row])).sum::<f64>() / PAIRS as f64)
            };
            bootstrap.estimate(PAIRS, None, mean).unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, columns, pairs);
criterion_main!(benches);
