//! Against every structure of short molecules, one by one: nothing here knows a recursion.

use hairpin_fold::{
    Boltzmann, Constraints, Dangles, FineContext, Folder, LoopContext, LoopKind, Settings,
    Structure, Workspace,
};
use hairpin_golden::golden_json;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// kT at 37 degrees, kcal/mol.
const KT: f64 = 310.15 * 1.987_17e-3;
const MOLECULES: usize = if cfg!(debug_assertions) { 60 } else { 500 };

/// Every structure of `seq`.
fn structures(seq: &[u8]) -> Vec<Structure> {
    fn extend(
        seq: &[u8],
        i: usize,
        open: &mut Vec<usize>,
        pairs: &mut Vec<(usize, usize)>,
        all: &mut Vec<Vec<(usize, usize)>>,
    ) {
        if i == seq.len() {
            if open.is_empty() {
                all.push(pairs.clone());
            }
            return;
        }
        extend(seq, i + 1, open, pairs, all);
        if open.len() < seq.len() - i {
            open.push(i);
            extend(seq, i + 1, open, pairs, all);
            open.pop();
        }
        if let Some(partner) = open.pop() {
            let known = [b"AU", b"UA", b"CG", b"GC", b"GU", b"UG"];
            if i - partner > 3 && known.contains(&&[seq[partner], seq[i]]) {
                pairs.push((partner + 1, i + 1));
                extend(seq, i + 1, open, pairs, all);
                pairs.pop();
            }
            open.push(partner);
        }
    }
    let mut all = Vec::new();
    extend(seq, 0, &mut Vec::new(), &mut Vec::new(), &mut all);
    (all.iter()
        .map(|pairs| Structure::from_pairs(seq.len(), pairs).unwrap()))
    .collect()
}

/// What all structures together say, each with a weight.
struct Everything {
    z: f64,
    least: i32,
    pairs: Vec<f64>,
    contexts: Vec<[f64; FineContext::COUNT]>,
}

fn everything(
    folder: &Folder,
    seq: &[u8],
    structures: &[Structure],
    pseudo_kcal: impl Fn(&Structure) -> f64,
) -> Everything {
    let n = seq.len();
    let mut sums = Everything {
        z: 0.0,
        least: i32::MAX,
        pairs: vec![0.0; (n + 1) * (n + 1)],
        contexts: vec![[0.0; FineContext::COUNT]; n + 1],
    };
    for structure in structures {
        let evaluation = folder.energy().evaluate(seq, structure).unwrap();
        sums.least = sums.least.min(evaluation.dcal());
        let weight = (-(evaluation.kcal() + pseudo_kcal(structure)) / KT).exp();
        sums.z += weight;
        let mut contexts = vec![FineContext::Stem; n + 1];
        for one in evaluation.loops() {
            let context = match one.kind {
                LoopKind::Exterior => FineContext::Exterior,
                LoopKind::Hairpin => FineContext::Hairpin,
                LoopKind::Bulge => FineContext::Bulge,
                LoopKind::Stack | LoopKind::Internal => FineContext::Internal,
                LoopKind::Multi => FineContext::Multiloop,
            };
            let (from, to) = one.closing.map_or((1, n), |(i, j)| (i + 1, j - 1));
            let mut position = from;
            while position <= to {
                match one.branches.iter().find(|branch| branch.0 == position) {
                    Some(branch) => position = branch.1 + 1,
                    None => {
                        contexts[position] = context;
                        position += 1;
                    }
                }
            }
        }
        for (i, j) in structure.pairs() {
            sums.pairs[i * (n + 1) + j] += weight;
        }
        for (sums, context) in sums.contexts.iter_mut().zip(contexts) {
            sums[context as usize] += weight;
        }
    }
    sums.pairs.iter_mut().for_each(|p| *p /= sums.z);
    sums.contexts
        .iter_mut()
        .flatten()
        .for_each(|p| *p /= sums.z);
    sums
}

/// Compares an ensemble with the sum over its structures.
fn compare(ensemble: &hairpin_fold::Ensemble<'_>, expected: &Everything, what: &str) {
    let n = ensemble.len();
    let off = ensemble.log_partition() - expected.z.ln();
    assert!(off.abs() < 1e-11, "{what}: ln Z is off by {off}");
    for i in 1..=n {
        for j in i + 1..=n {
            let (found, expected) = (
                ensemble.pair_probability(i, j),
                expected.pairs[i * (n + 1) + j],
            );
            assert!(
                (found - expected).abs() < 1e-11,
                "{what}: {i}-{j} is {found}, not {expected}"
            );
        }
        let (found, fine) = (ensemble.fine_context(i), expected.contexts[i]);
        assert!(
            found
                .iter()
                .zip(fine)
                .all(|(found, expected)| (found - expected).abs() < 1e-11),
            "{what}: base {i} is {found:?}, not {fine:?}"
        );
        let coarse = ensemble.context(i);
        for context in FineContext::ALL {
            assert!(found[context as usize] <= coarse[context.coarse() as usize] + 1e-15);
        }
        assert!((coarse.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(
            LoopContext::ALL.map(LoopContext::letter),
            ['P', 'H', 'I', 'M', 'E']
        );
    }
}

fn draw(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let n = rng.random_range(1..=18);
    let letters: &[u8] = if rng.random_bool(0.2) {
        b"GCGCAUN"
    } else {
        b"GCGCAU"
    };
    (0..n)
        .map(|_| letters[rng.random_range(0..letters.len())])
        .collect()
}

#[test]
fn all_structures_of_random_molecules() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for dangles in [Dangles::Both, Dangles::None] {
        let folder = Folder::turner_2004(Settings::default().with_dangles(dangles)).unwrap();
        let mut workspace = Workspace::default();
        for _ in 0..MOLECULES / 2 {
            let seq = draw(&mut rng);
            let what = format!("{} {dangles:?}", String::from_utf8_lossy(&seq));
            let all = structures(&seq);
            let expected = everything(&folder, &seq, &all, |_| 0.0);
            let mfe = folder.mfe(&mut workspace, &seq).unwrap();
            assert_eq!(mfe.dcal(), expected.least, "{what}");
            let traced = folder.energy().evaluate(&seq, mfe.structure()).unwrap();
            assert_eq!(traced.dcal(), expected.least, "{what}");
            compare(
                &folder.ensemble(&mut workspace, &seq).unwrap(),
                &expected,
                &what,
            );
        }
    }
}

#[test]
fn multiloops_of_designed_molecules() {
    // Random strings this short hardly ever have one: GC arms that are as short as they can be.
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let mut workspace = Workspace::default();
    for seq in [
        &b"GCAAAGCAAAGC"[..],
        b"AGGCAAAGCGAAACCA",
        b"GGCAAAGCAAAGACUAAAGC",
        b"GAGAAACUGAAACAC",
    ] {
        let all = structures(seq);
        let expected = everything(&folder, seq, &all, |_| 0.0);
        let ensemble = folder.ensemble(&mut workspace, seq).unwrap();
        compare(&ensemble, &expected, &String::from_utf8_lossy(seq));
    }
}

#[test]
fn structures_that_meet_constraints() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let mut workspace = Workspace::default();
    let (mut constrained, mut directed) = (0, 0);
    for _ in 0..MOLECULES {
        let seq = draw(&mut rng);
        let n = seq.len();
        let mut energies = |least: f64| {
            (0..n)
                .map(|_| rng.random_range(least..2.0))
                .collect::<Vec<f64>>()
        };
        let (unpaired, paired, stacked) = (energies(-1.0), energies(-2.0), energies(-1.0));
        let mut met = structures(&seq);
        let mut constraints = Constraints::default()
            .with_unpaired_kcal(unpaired.clone())
            .with_paired_kcal(paired.clone())
            .with_stacked_kcal(stacked.clone());
        // Constraints that some structure meets.
        let model = met[rng.random_range(0..met.len())].clone();
        let pairs: Vec<(usize, usize)> = model.pairs().filter(|_| rng.random_bool(0.3)).collect();
        let mut pairs = pairs.into_iter();
        if let Some((i, j)) = pairs.next() {
            constraints = constraints.with_pair(i, j);
            met.retain(|structure| structure.partner(i) == Some(j));
            constrained += 1;
        }
        if let Some((i, j)) = pairs.next() {
            constraints = constraints.with_downstream_partner(i);
            met.retain(|structure| structure.partner(i) > Some(i));
            if rng.random_bool(0.5) {
                constraints = constraints.with_upstream_partner(j);
                met.retain(|structure| structure.partner(j).is_some_and(|i| i < j));
            }
            directed += 1;
        }
        if let Some((_, j)) = pairs.next() {
            constraints = constraints.with_paired(j);
            met.retain(|structure| structure.partner(j).is_some());
            directed += 1;
        }
        let free = (1..=n).find(|&k| model.partner(k).is_none() && rng.random_bool(0.2));
        if let Some(position) = free {
            constraints = constraints.with_unpaired(position);
            met.retain(|structure| structure.partner(position).is_none());
        }
        let terms = |structure: &Structure| -> Vec<f64> {
            let mut terms: Vec<f64> = (1..=n)
                .map(|k| match structure.partner(k) {
                    Some(_) => paired[k - 1],
                    None => unpaired[k - 1],
                })
                .collect();
            let evaluation = folder.energy().evaluate(&seq, structure).unwrap();
            for one in evaluation.loops() {
                if let (LoopKind::Stack, Some((i, j))) = (one.kind, one.closing) {
                    terms.extend([i - 1, i, j - 2, j - 1].map(|index| stacked[index]));
                }
            }
            terms
        };
        let pseudo = |structure: &Structure| terms(structure).iter().sum::<f64>();
        let what = format!("{} {constraints:?}", String::from_utf8_lossy(&seq));
        let expected = everything(&folder, &seq, &met, pseudo);
        let ensemble = folder
            .ensemble_with(&mut workspace, &seq, &constraints)
            .unwrap();
        compare(&ensemble, &expected, &what);

        let dcal = |structure: &Structure| -> i32 {
            let pseudo: f64 = (terms(structure).iter())
                .map(|kcal| (kcal * 100.0).round())
                .sum();
            folder.energy().evaluate(&seq, structure).unwrap().dcal() + pseudo as i32
        };
        let mfe = folder.mfe_with(&mut workspace, &seq, &constraints).unwrap();
        assert_eq!(mfe.dcal(), met.iter().map(dcal).min().unwrap(), "{what}");
        assert_eq!(mfe.dcal(), dcal(mfe.structure()), "{what}");
        assert!(met.contains(mfe.structure()), "{what}");
        let off = constraints.pseudo_kcal(mfe.structure()).unwrap() - pseudo(mfe.structure());
        assert!(off.abs() < 1e-9, "{what}: pseudo-energies are off by {off}");
    }
    assert!(constrained > MOLECULES / 20 && directed > MOLECULES / 20);
}

#[test]
fn smoothed_energies_are_another_ensemble() {
    let seq = b"GGGAAAUCCC";
    let free = |boltzmann| {
        let folder = Folder::turner_2004(Settings::default().with_boltzmann(boltzmann)).unwrap();
        let mut workspace = Workspace::default();
        folder.ensemble(&mut workspace, seq).unwrap().free_energy()
    };
    let (exact, smoothed) = (free(Boltzmann::Exact), free(Boltzmann::Smoothed));
    assert!(
        exact != smoothed && (exact - smoothed).abs() < 0.1,
        "{exact} {smoothed}"
    );
}

/// All structures as ViennaRNA lists them, their loops as a script of ours tells them apart.
#[test]
fn stems_bulges_and_internal_loops_of_listed_structures() {
    let golden: serde_json::Value = golden_json("hairpin-fold", "loops.json");
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let mut workspace = Workspace::default();
    let mut sums = [0.0; FineContext::COUNT];
    for record in golden["records"].as_array().unwrap() {
        let seq = record["seq"].as_str().unwrap();
        let listed = record["structures"].as_u64().unwrap() as usize;
        assert_eq!(structures(seq.as_bytes()).len(), listed, "{seq}");
        let ensemble = folder.ensemble(&mut workspace, seq.as_bytes()).unwrap();
        for (index, expected) in record["contexts"].as_array().unwrap().iter().enumerate() {
            for (kind, found) in ensemble.fine_context(index + 1).into_iter().enumerate() {
                let expected = expected[kind].as_f64().unwrap();
                let close = (found - expected).abs() < 1e-8;
                assert!(close, "{seq}, base {}: {found}, not {expected}", index + 1);
                sums[kind] += found;
            }
        }
    }
    // Every kind was looked at.
    assert!(sums.iter().all(|&sum| sum > 0.005), "{sums:?}");
}
