//! A beam: exact if it is wide, near if it is not.

use hairpin_fold::{Beam, Boltzmann, Dangles, FoldError, Folder, Settings, Workspace};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn molecule(seed: u64, n: usize) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| b"GCAU"[rng.random_range(0..4)]).collect()
}

/// A beam that loses nothing beside the exact recursion.
fn compare(folder: &Folder, seq: &[u8]) {
    let wide = Beam::new(seq.len()).unwrap().with_cutoff(0.0).unwrap();
    let found = folder.beam(seq, &wide).unwrap();
    let mut workspace = Workspace::default();
    let exact = folder.ensemble(&mut workspace, seq).unwrap();
    let off = found.log_partition() - exact.log_partition();
    assert!(off.abs() < 1e-9, "ln Z is off by {off}");
    let probabilities = found.probabilities();
    assert_eq!(probabilities.len(), seq.len());
    for (i, j, expected) in exact.pairs() {
        let found = probabilities.pair_probability(i, j);
        assert!(
            (found - expected).abs() < 1e-9,
            "{i}-{j} is {found}, not {expected}"
        );
    }
    for position in 1..=seq.len() {
        let (found, expected) = (
            probabilities.fine_context(position),
            exact.fine_context(position),
        );
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(x, y)| (x - y).abs() < 1e-9),
            "base {position}: {found:?}, not {expected:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_wide_beam_loses_nothing(seq in "[GCAU]{1,60}|[GCAUN]{1,60}|[GC]{20,50}", smooth: bool, both: bool) {
        let settings = Settings::default()
            .with_boltzmann(if smooth { Boltzmann::Smoothed } else { Boltzmann::Exact })
            .with_dangles(if both { Dangles::Both } else { Dangles::None });
        compare(&Folder::turner_2004(settings).unwrap(), seq.as_bytes());
    }

    #[test]
    fn a_narrow_beam_loses_structures_and_finds_no_others(seq in "[GCAU]{1,90}", width in 1_usize..20) {
        let folder = Folder::turner_2004(Settings::default()).unwrap();
        let beam = Beam::new(width).unwrap().with_cutoff(0.0).unwrap();
        let found = folder.beam(seq.as_bytes(), &beam).unwrap();
        let exact = folder.ensemble(&mut Workspace::default(), seq.as_bytes()).unwrap().log_partition();
        prop_assert!(found.log_partition() <= exact + 1e-9);
        // The probabilities are exact ones of what is left.
        for position in 1..=seq.len() {
            let contexts = found.probabilities().context(position);
            prop_assert!((contexts.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn a_wide_beam_loses_nothing_of_longer_molecules() {
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    compare(&folder, &molecule(1, 150));
    // Multiloops, bulges and internal loops of all sizes.
    compare(
        &folder,
        b"GGGGAAAGGCCGAAAGGCCAAGGCAGCGAAAGCAAGCCAAACCGGAAACGGAAAAACCCC",
    );
    compare(
        &folder,
        b"GGACCCAAAAAAAAAAGGACCAAAAAAAGGACCGAAAGGACCAAACCCCGGGAAACCCGAAGGAACC",
    );
}

#[test]
fn the_usual_width_is_near_on_molecules_of_the_oracle() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/oracles/fold/pf_nosmooth.jsonl.gz");
    let Ok(file) = std::fs::File::open(path) else {
        eprintln!("skipped: no ../shared");
        return;
    };
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let beam = Beam::new(100).unwrap();
    let mut molecules = 0;
    // Without optimisation, every eighth.
    let step = if cfg!(debug_assertions) { 8 } else { 1 };
    let lines = std::io::BufReader::new(flate2::read::GzDecoder::new(file));
    let records = std::io::BufRead::lines(lines)
        .map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap())
        .filter(|record| record["n"].as_u64().unwrap() > 100);
    let mut worst = 0.0_f64;
    for record in records.step_by(step) {
        let seq = record["seq"].as_str().unwrap().as_bytes();
        let found = folder.beam(seq, &beam).unwrap();
        let lost = found.free_energy() - record["G"].as_f64().unwrap();
        assert!(
            (-5e-6..0.01).contains(&lost),
            "{}: {lost} kcal/mol",
            record["id"]
        );
        for pair in record["bpp"].as_array().unwrap() {
            let place = |k: usize| pair[k].as_u64().unwrap() as usize;
            let p = found.probabilities().pair_probability(place(0), place(1));
            assert!(
                (p - pair[2].as_f64().unwrap()).abs() < 0.01,
                "{}: {pair} is {p}",
                record["id"]
            );
        }
        worst = worst.max(lost);
        molecules += 1;
    }
    eprintln!("worst {worst}");
    assert_eq!(molecules, 125_usize.div_ceil(step));
}

#[test]
fn the_usual_width_is_near_on_random_molecules() {
    // With as narrow a beam for multiloops as for pairs, 0.7 kcal/mol are lost on average; without the look around a pair, 1.0.
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let mut workspace = Workspace::default();
    let beam = Beam::new(100).unwrap();
    for seed in 0..4 {
        let seq = molecule(seed, 500);
        let found = folder.beam(&seq, &beam).unwrap().free_energy();
        let exact = folder.ensemble(&mut workspace, &seq).unwrap().free_energy();
        assert!(
            (0.0..0.3).contains(&(found - exact)),
            "{seed}: {found}, not {exact}"
        );
    }
}

#[test]
fn a_long_molecule_stays_in_range() {
    // Its partition function is far beyond a float; stable and loose parts follow each other.
    let seq = [
        b"GGGGGGCCAAAAGGCCCCCC".repeat(20),
        b"A".repeat(600),
        molecule(2, 500),
    ]
    .concat();
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let found = folder.beam(&seq, &Beam::new(20).unwrap()).unwrap();
    assert!(found.log_partition() > 400.0 && found.free_energy() < -250.0);
    for position in 1..=seq.len() {
        let contexts = found.probabilities().context(position);
        assert!((contexts.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}

#[test]
fn refusals() {
    assert!(matches!(Beam::new(0), Err(FoldError::Beam)));
    let beam = Beam::new(100).unwrap();
    assert!(matches!(
        beam.with_cutoff(f64::NAN),
        Err(FoldError::Cutoff { .. })
    ));
    let folder = Folder::turner_2004(Settings::default().with_memory_limit(1 << 20)).unwrap();
    assert!(matches!(folder.beam(b"", &beam), Err(FoldError::Empty)));
    let letter = folder.beam(b"GGx", &beam);
    assert!(matches!(letter, Err(FoldError::Letter { position: 3, .. })));
    let long = folder.beam(&molecule(3, 5_000), &beam);
    assert!(matches!(
        long,
        Err(FoldError::TooLong { length: 5_000, .. })
    ));
}

#[test]
#[ignore = "a minute; prints the figures of docs/BENCHMARKS.md"]
#[allow(clippy::print_stderr, reason = "it prints")]
fn how_far_off_a_beam_is() {
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let mut workspace = Workspace::default();
    eprintln!("| bases | width | exact, kcal/mol | lost: mean, most | pairs off by most | s |");
    for (length, molecules) in [(500, 8), (1000, 8), (2000, 4)] {
        for width in [100, 300] {
            let beam = Beam::new(width).unwrap().with_cutoff(0.0).unwrap();
            let (mut sum, mut most, mut pair, mut energy) = (0.0, 0.0_f64, 0.0_f64, 0.0);
            let mut seconds = 0.0;
            for seed in 0..molecules {
                let seq = molecule(seed, length);
                let start = std::time::Instant::now();
                let found = folder.beam(&seq, &beam).unwrap();
                seconds += start.elapsed().as_secs_f64();
                let exact = folder.ensemble(&mut workspace, &seq).unwrap();
                let lost = found.free_energy() - exact.free_energy();
                sum += lost;
                most = most.max(lost);
                energy += exact.free_energy();
                for (i, j, p) in exact.pairs() {
                    pair = pair.max((p - found.probabilities().pair_probability(i, j)).abs());
                }
            }
            let count = molecules as f64;
            eprintln!(
                "| {length} | {width} | {:.1} | {:.4}, {most:.4} | {pair:.3} | {:.2} |",
                energy / count,
                sum / count,
                seconds / count
            );
        }
    }
}
