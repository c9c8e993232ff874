//! Structure features of the OpenVaccine slice, beside the time that writing the block takes (memset).

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hairpin_seq::structure::{Structure, loop_types};

fn texts() -> Vec<&'static str> {
    let table = include_str!("../../../fixtures/structure/open_vaccine_loops.tsv");
    table
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').nth(1))
        .collect()
}

fn structure(criterion: &mut Criterion) {
    let texts = texts();
    let structures: Vec<Structure> = texts.iter().map(|text| text.parse().unwrap()).collect();
    let bases: usize = texts.iter().map(|text| text.len()).sum();
    let mut group = criterion.benchmark_group("structure");
    group.throughput(Throughput::Elements(bases as u64));
    group.bench_function("parse", |b| {
        b.iter(|| {
            for text in &texts {
                black_box(text.parse::<Structure>().unwrap());
            }
        });
    });
    group.bench_function("loop_types", |b| {
        b.iter(|| {
            for structure in &structures {
                black_box(loop_types(structure));
            }
        });
    });
    group.finish();

    let values: usize = texts.iter().map(|text| text.len() * text.len()).sum();
    let mut out = vec![0.0_f32; values];
    let mut group = criterion.benchmark_group("distances");
    group.throughput(Throughput::Elements(values as u64));
    group.bench_function("hairpin", |b| {
        b.iter(|| {
            let mut rest = out.as_mut_slice();
            for structure in &structures {
                let (block, tail) = rest.split_at_mut(structure.len() * structure.len());
                structure.distances_into(block);
                rest = tail;
            }
            black_box(rest.len())
        });
    });
    group.bench_function("memset", |b| b.iter(|| black_box(&mut out).fill(1.0)));
    group.finish();
}

criterion_group!(benches, structure);
criterion_main!(benches);
