//! Laws that hold for every molecule, and refusals.

use hairpin_fold::{Constraints, FoldError, Folder, LoopContext, Settings, Structure, Workspace};
use proptest::prelude::*;

fn folder() -> Folder {
    Folder::turner_2004(Settings::default()).unwrap()
}

fn molecule(least: usize, most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(
        proptest::sample::select(b"GCAUGCAUN".to_vec()),
        least..=most,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 12 } else { 64 }))]

    #[test]
    fn contexts_sum_to_one_and_pairs_to_paired(seq in molecule(1, 90)) {
        let mut workspace = Workspace::default();
        let folder = folder();
        let ensemble = folder.ensemble(&mut workspace, &seq).unwrap();
        let mut paired = vec![0.0; seq.len() + 1];
        for (i, j, p) in ensemble.pairs() {
            prop_assert!((-1e-15..=1.0 + 1e-12).contains(&p));
            prop_assert_eq!(p, ensemble.pair_probability(j, i));
            paired[i] += p;
            paired[j] += p;
        }
        for (position, paired) in paired.into_iter().enumerate().skip(1) {
            let context = ensemble.context(position);
            prop_assert!((context.iter().sum::<f64>() - 1.0).abs() < 1e-11);
            prop_assert!((context[LoopContext::Paired as usize] - paired).abs() < 1e-12);
        }
    }

    #[test]
    fn the_ensemble_lies_below_the_minimum(seq in molecule(1, 90)) {
        let mut workspace = Workspace::default();
        let folder = folder();
        let mfe = folder.mfe(&mut workspace, &seq).unwrap();
        prop_assert!(mfe.dcal() <= 0);
        prop_assert_eq!(folder.energy().evaluate(&seq, mfe.structure()).unwrap().dcal(), mfe.dcal());
        let free = folder.ensemble(&mut workspace, &seq).unwrap().free_energy();
        prop_assert!(free <= mfe.kcal() + 1e-9);
    }

    #[test]
    fn scaling_changes_nothing(seq in molecule(1, 120)) {
        // Constraints, even none, go the way of long molecules.
        let (mut plain, mut scaled) = (Workspace::default(), Workspace::default());
        let folder = folder();
        let plain = folder.ensemble(&mut plain, &seq).unwrap();
        let scaled = folder.ensemble_with(&mut scaled, &seq, &Constraints::default()).unwrap();
        prop_assert!((plain.log_partition() - scaled.log_partition()).abs() < 1e-11);
        for (a, b) in plain.pairs().zip(scaled.pairs()) {
            prop_assert!((a.2 - b.2).abs() < 1e-11, "{:?} {:?}", a, b);
        }
        for position in 1..=seq.len() {
            let (a, b) = (plain.fine_context(position), scaled.fine_context(position));
            prop_assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-11));
        }
    }

    #[test]
    fn a_probability_is_the_slope_of_the_free_energy(seq in molecule(20, 60), at in 0.0..1.0_f64) {
        let folder = folder();
        let mut workspace = Workspace::default();
        let position = 1 + (at * (seq.len() - 1) as f64) as usize;
        let paired = {
            let ensemble = folder.ensemble(&mut workspace, &seq).unwrap();
            ensemble.context(position)[LoopContext::Paired as usize]
        };
        let mut free = |step: f64| {
            let mut kcal = vec![0.0; seq.len()];
            kcal[position - 1] = step;
            let constraints = Constraints::default().with_paired_kcal(kcal);
            folder.ensemble_with(&mut workspace, &seq, &constraints).unwrap().free_energy()
        };
        let step = 1e-3;
        let slope = (free(step) - free(-step)) / (2.0 * step);
        prop_assert!((slope - paired).abs() < 1e-6, "{} {}", slope, paired);
    }

    #[test]
    fn a_batch_is_its_molecules(seqs in proptest::collection::vec(molecule(1, 40), 1..20)) {
        let folder = folder();
        let mut out = vec![f32::NAN; seqs.len() * 40 * 5];
        folder.contexts_batch(&seqs, 40, &mut out).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let mut again = vec![f32::NAN; out.len()];
        pool.install(|| folder.contexts_batch(&seqs, 40, &mut again)).unwrap();
        prop_assert_eq!(&out, &again);
        let mut workspace = Workspace::default();
        for (seq, rows) in seqs.iter().zip(out.chunks_exact(40 * 5)) {
            let mut one = vec![0.0; seq.len() * 5];
            folder.ensemble(&mut workspace, seq).unwrap().contexts_into(&mut one);
            prop_assert_eq!(&rows[..one.len()], &one[..]);
            prop_assert!(rows[one.len()..].iter().all(|&x| x == 0.0));
        }
    }

    #[test]
    fn any_text_is_a_constraint_that_is_met_or_refused(
        text in r"\PC{0,12}|[.x|<>()]{12}|\.\.[.<|(]\.{6}[.>|)]\.\.",
    ) {
        // Errors are enough; what is not refused is met by the structure.
        let Ok(constraints) = text.parse::<Constraints>() else { return Ok(()) };
        let Ok(mfe) = folder().mfe_with(&mut Workspace::default(), b"GGGGAAAACCCC", &constraints) else { return Ok(()) };
        for (index, symbol) in text.chars().enumerate() {
            let partner = mfe.structure().partner(index + 1);
            let met = match symbol {
                '.' => true,
                'x' => partner.is_none(),
                '<' | '(' => partner.is_some_and(|partner| partner > index + 1),
                '>' | ')' => partner.is_some_and(|partner| partner < index + 1),
                _ => partner.is_some(),
            };
            prop_assert!(met, "{text} {}", mfe.structure());
        }
    }

    #[test]
    fn any_bytes_are_folded_or_refused(seq in proptest::collection::vec(any::<u8>(), 0..12)) {
        let folded = folder().mfe(&mut Workspace::default(), &seq).is_ok();
        let bases = seq.iter().all(|base| b"ACGUTN".contains(base));
        prop_assert_eq!(folded, bases && !seq.is_empty());
    }
}

/// Two halves of which one is far more stable: no single scale fits both.
#[test]
fn a_long_molecule_stays_within_range() {
    let arm = if cfg!(debug_assertions) { 100 } else { 300 };
    let stem: Vec<u8> = (0..arm).map(|k| b"GCCGGC"[k * k % 6]).collect();
    let back = stem
        .iter()
        .rev()
        .map(|&base| if base == b'G' { b'C' } else { b'G' });
    let mut seq = stem.clone();
    seq.extend(b"GAAA");
    seq.extend(back);
    seq.extend((0..2 * arm).map(|k| b"AUUAAU"[k * k % 6]));
    let folder = folder();
    let mut workspace = Workspace::default();
    let mfe = folder.mfe(&mut workspace, &seq).unwrap();
    let ensemble = folder.ensemble(&mut workspace, &seq).unwrap();
    // More than a float holds as such.
    assert!(
        ensemble.log_partition()
            > if cfg!(debug_assertions) {
                300.0
            } else {
                1500.0
            }
    );
    let gap = mfe.kcal() - ensemble.free_energy();
    assert!((0.0..0.05 * seq.len() as f64).contains(&gap), "{gap}");
    for position in 1..=seq.len() {
        let sum: f64 = ensemble.context(position).iter().sum();
        assert!((sum - 1.0).abs() < 1e-9, "base {position}: {sum}");
    }
    assert!(ensemble.pair_probability(arm / 2, 2 * arm + 5 - arm / 2) > 0.99);
}

fn refusal(seq: &[u8], constraints: Constraints) -> String {
    let mut workspace = Workspace::default();
    let first = folder()
        .mfe_with(&mut workspace, seq, &constraints)
        .unwrap_err()
        .to_string();
    let second = folder()
        .ensemble_with(&mut workspace, seq, &constraints)
        .unwrap_err()
        .to_string();
    assert_eq!(first, second);
    first
}

#[test]
fn refuses_letters_and_lengths() {
    let none = Constraints::default;
    assert!(refusal(b"", none()).starts_with("the sequence is empty"));
    assert!(refusal(b"ACXG", none()).starts_with("position 3: 'X' is no RNA base"));
    let small = Folder::turner_2004(Settings::default().with_memory_limit(1 << 20)).unwrap();
    let error = small
        .ensemble(&mut Workspace::default(), &[b'A'; 1000])
        .unwrap_err();
    assert!(
        matches!(
            error,
            FoldError::TooLong {
                length: 1000,
                limit_mib: 1,
                ..
            }
        ),
        "{error}"
    );
    let error = folder()
        .mfe(&mut Workspace::default(), &vec![b'A'; 100_000])
        .unwrap_err();
    assert!(
        error.to_string().starts_with("100000 bases need about"),
        "{error}"
    );
    let error = Folder::turner_2004(Settings::default().with_temperature(f64::NAN)).unwrap_err();
    assert!(
        error.to_string().contains("choose one from 0 to 100"),
        "{error}"
    );
}

#[test]
fn refuses_constraints_that_cannot_be_met() {
    let seq = b"GGGGAAAACCCC";
    let with = |i, j| Constraints::default().with_pair(i, j);
    assert!(refusal(seq, with(1, 13)).contains("outside of the sequence"));
    assert!(refusal(seq, with(1, 5)).contains("only AU, CG and GU"));
    assert!(refusal(b"GGCCAAAA", with(2, 4)).contains("three bases"));
    assert!(refusal(seq, with(1, 12).with_pair(2, 12)).contains("in two pairs"));
    assert!(refusal(seq, with(1, 11).with_pair(2, 12)).contains("crosses another"));
    assert!(refusal(seq, with(1, 12).with_unpaired(12)).contains("paired and unpaired"));
    assert!(refusal(seq, Constraints::default().with_unpaired(0)).contains("no such base"));
    let kcal = Constraints::default().with_paired_kcal(vec![0.0; 3]);
    assert!(refusal(seq, kcal).contains("has 3 positions, the sequence has 12"));
    // Two pairs with 36 bases between them that can only be unpaired: no internal loop is that long.
    let apart = [&b"G"[..], &[b'A'; 36], b"GAAACC"].concat();
    assert!(
        refusal(&apart, with(1, 43).with_pair(38, 42))
            .starts_with("no structure meets all constraints")
    );
    let mut kcal = vec![0.0; 12];
    kcal[4] = f64::NAN;
    assert!(refusal(seq, Constraints::default().with_unpaired_kcal(kcal)).contains("position 5"));
}

#[test]
fn refuses_what_a_batch_cannot_hold() {
    let folder = folder();
    let error = folder
        .contexts_batch(&[b"GGGAAACCC"], 9, &mut [0.0; 40])
        .unwrap_err();
    assert!(matches!(
        error,
        FoldError::Size {
            expected: 45,
            found: 40,
            ..
        }
    ));
    let mut out = [0.0; 60];
    let error = folder
        .contexts_batch(&[&b"GGG"[..], b"GGx", b"?"], 4, &mut out)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("sequence 1 of the batch: position 3"),
        "{error}"
    );
    let error = folder
        .contexts_batch(&[&b"GGG"[..], b"GGGAA"], 4, &mut out[..40])
        .unwrap_err();
    assert!(matches!(error, FoldError::Row { row: 1, .. }));
    assert!(folder.contexts_batch(&[b"G"], 0, &mut []).is_err());
    assert!(folder.contexts_batch::<&[u8]>(&[], 0, &mut []).is_ok());
}

#[test]
fn refuses_structures_that_do_not_fit() {
    let energy = folder();
    let evaluate = |seq: &[u8], text: &str| {
        let structure: Structure = text.parse().unwrap();
        energy
            .energy()
            .evaluate(seq, &structure)
            .unwrap_err()
            .to_string()
    };
    assert!(evaluate(b"GGGAAACCC", "(((..)))").contains("the structure has 8 positions"));
    assert!(evaluate(b"GAGAAACCC", "(((...)))").contains("bases 2 and 8 cannot pair"));
    assert!(evaluate(b"GGGAACCC", "(((..)))").contains("three bases"));
}
