//! What takes too long for every day: the runs behind `docs/BENCHMARKS.md`. CONTRIBUTING.md has the commands.

#![allow(clippy::print_stderr, reason = "figures are what these are run for")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Instant;

use flate2::read::GzDecoder;
use hairpin_fold::{Folder, Settings, Workspace};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn molecule(rng: &mut ChaCha8Rng, n: usize) -> Vec<u8> {
    (0..n).map(|_| b"GCAU"[rng.random_range(0..4)]).collect()
}

/// The loop contexts of as many probes as RNAcompete's training set has, on two threads: random ones of 41 bases, and real ones where `../shared` is.
#[test]
#[ignore = "20 seconds; prints the time of 120,678 probes"]
fn all_probes() {
    const COUNT: usize = 120_678;
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let pool = (rayon::ThreadPoolBuilder::new().num_threads(2).build()).unwrap();
    let run = |name: &str, seqs: &[Vec<u8>]| {
        let longest = seqs.iter().map(Vec::len).max().unwrap();
        let mut out = vec![0.0; seqs.len() * longest * 5];
        let start = Instant::now();
        pool.install(|| folder.contexts_batch(seqs, longest, &mut out).unwrap());
        let seconds = start.elapsed().as_secs_f64();
        let bases: usize = seqs.iter().map(Vec::len).sum();
        let mean = bases as f64 / seqs.len() as f64;
        eprintln!(
            "{name}: {} of {mean:.1} bases in {seconds:.2} s",
            seqs.len()
        );
        let sum: f64 = out.iter().map(|&p| f64::from(p)).sum();
        assert!((sum - bases as f64).abs() < 1e-6 * bases as f64);
    };
    let mut rng = ChaCha8Rng::seed_from_u64(20251122);
    let random: Vec<Vec<u8>> = (0..COUNT).map(|_| molecule(&mut rng, 41)).collect();
    run("random", &random);

    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/rnacompete/probes.tsv.gz");
    let Ok(file) = File::open(path) else {
        eprintln!("skipped: no ../shared");
        return;
    };
    let lines = BufReader::new(GzDecoder::new(file)).lines().skip(1);
    let probes: Vec<Vec<u8>> = lines
        .map(|line| {
            let line = line.unwrap();
            // The one column in the letters of RNA.
            let probe = line.split('\t').find(|field| {
                field.len() > 20 && field.bytes().all(|base| b"ACGUTN".contains(&base))
            });
            probe.unwrap().as_bytes().to_vec()
        })
        .take(COUNT)
        .collect();
    assert_eq!(probes.len(), COUNT);
    run("real", &probes);
}

/// Time and memory of a molecule whose partition function is far beyond a float, and that its probabilities still add up.
#[test]
#[ignore = "20 seconds and 1 GB; prints time and memory of 4,000 bases"]
fn four_thousand_bases() {
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let mut workspace = Workspace::default();
    let seq = molecule(&mut ChaCha8Rng::seed_from_u64(20250608), 4000);
    let start = Instant::now();
    let mfe = folder.mfe(&mut workspace, &seq).unwrap().kcal();
    let minimum = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let ensemble = folder.ensemble(&mut workspace, &seq).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let free = ensemble.free_energy();
    eprintln!(
        "minimum {mfe} kcal/mol in {minimum:.1} s; ensemble {free:.3} kcal/mol in {seconds:.1} s"
    );
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find(|line| line.starts_with("VmHWM"));
        eprintln!("{}", peak.unwrap_or("no VmHWM"));
    }

    assert!(free < mfe && free > mfe * 1.1);
    let mut paired = vec![0.0; seq.len()];
    for (i, j, p) in ensemble.pairs() {
        assert!((-1e-12..1.0 + 1e-9).contains(&p), "{i}-{j}: {p}");
        paired[i - 1] += p;
        paired[j - 1] += p;
    }
    let (mut off, mut apart) = (0.0_f64, 0.0_f64);
    for (index, paired) in paired.iter().enumerate() {
        let contexts = ensemble.context(index + 1);
        off = off.max((contexts.iter().sum::<f64>() - 1.0).abs());
        apart = apart.max((contexts[0] - paired).abs());
    }
    eprintln!("contexts sum to 1 but for {off:.1e}; pairs sum to paired but for {apart:.1e}");
    assert!(off < 1e-9 && apart < 1e-9);
}
