//! Scanning 1 million bases for a motif, beside lightmotif's scanner, the plain loop and a copy of the sequence.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hairpin_seq::motif::{Background, CountMatrix, Scanner, ScoreDistribution};
use hairpin_seq::{Dna, Seq};
use lightmotif::abc::Dna as LightDna;
use lightmotif::pwm::CountMatrix as LightCounts;
use lightmotif::scan::Scanner as LightScanner;
use lightmotif::seq::EncodedSequence;

const LENGTH: usize = 1_000_000;
const SITES: [&str; 4] = [
    "TTGACGTCAGCA",
    "TTACCGTCATCA",
    "ATGACGTAAGCA",
    "TTGACGCCAGGA",
];

fn scan(criterion: &mut Criterion) {
    // A linear congruential generator: its high bits are random enough for bases.
    let mut state = 7_u64;
    let codes = (0..LENGTH).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 62) as u8
    });
    let seq = Seq::<Dna>::from_codes(codes.collect()).unwrap();
    let text = seq.to_string();
    let sites: Vec<Seq<Dna>> = SITES.iter().map(|site| site.parse().unwrap()).collect();
    let uniform = Background::uniform();
    let counts = CountMatrix::from_seqs(&sites).unwrap();
    let scores = counts
        .to_frequencies(1.0, &uniform)
        .unwrap()
        .to_scoring(&uniform);
    let threshold = ScoreDistribution::new(&scores, 0.001)
        .unwrap()
        .threshold(1e-5)
        .unwrap();
    let scanner = Scanner::new(&scores);
    let both = Scanner::both_strands(&scores);

    let light =
        LightCounts::<LightDna>::from_sequences(SITES.map(|s| EncodedSequence::encode(s).unwrap()))
            .unwrap();
    let light = light.to_freq(0.25).to_scoring(None);
    let encoded = EncodedSequence::<LightDna>::encode(&text).unwrap();
    let mut striped = encoded.to_striped();
    striped.configure(&light);
    let light_scan = |striped: &_| {
        let mut scanner = LightScanner::<LightDna, _, _>::new(&light, striped);
        scanner.threshold(threshold as f32);
        scanner.count()
    };
    assert_eq!(
        scanner.scan(&seq, threshold).unwrap().len(),
        light_scan(&striped)
    );

    let mut group = criterion.benchmark_group("scan 1 Mb, width 12, p 1e-5");
    group
        .throughput(Throughput::Elements(LENGTH as u64))
        .sample_size(20);
    group.bench_function("copy of the codes", |b| {
        let mut out = vec![0_u8; LENGTH];
        b.iter(|| black_box(&mut out).copy_from_slice(black_box(seq.codes())));
    });
    group.bench_function("hairpin, one strand", |b| {
        b.iter(|| scanner.scan(black_box(&seq), threshold).unwrap().len());
    });
    group.bench_function("hairpin, both strands", |b| {
        b.iter(|| both.scan(black_box(&seq), threshold).unwrap().len());
    });
    group.bench_function("lightmotif, one strand, striped before", |b| {
        b.iter(|| light_scan(black_box(&striped)));
    });
    group.bench_function("lightmotif, one strand, from text", |b| {
        b.iter(|| {
            let mut striped = EncodedSequence::<LightDna>::encode(black_box(&text))
                .unwrap()
                .to_striped();
            striped.configure(&light);
            light_scan(&striped)
        });
    });
    group.bench_function("plain loop", |b| {
        b.iter(|| {
            let windows = LENGTH - scores.width() + 1;
            (0..windows)
                .filter(|&i| {
                    scores
                        .score_at(black_box(&seq), i)
                        .is_some_and(|s| s >= threshold)
                })
                .count()
        });
    });
    group.finish();
}

criterion_group!(benches, scan);
criterion_main!(benches);
