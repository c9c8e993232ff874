//! Edit distance and alignment against naive tables and their laws, and against rapidfuzz, edlib and Biopython;
//! `fixtures/make/golden_split.py` made the values.

use hairpin_golden::golden_json;

use hairpin_seq::align::{Aligner, Alignment, EditPattern, Ends, Per, Scoring, edit_identity};
use hairpin_seq::{Alphabet, Dna, Protein, Seq};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    edit: Vec<Edit>,
    aligned: Vec<Aligned>,
}

#[derive(Deserialize)]
struct Edit {
    a: String,
    b: String,
    distance: usize,
    similarity: f64,
}

#[derive(Deserialize)]
struct Aligned {
    protein: bool,
    free: bool,
    a: String,
    b: String,
    score: i64,
    matches: usize,
    columns: usize,
}

fn golden() -> Golden {
    golden_json("hairpin-seq", "similarity.json")
}

fn seq<A: Alphabet>(text: &str) -> Seq<A> {
    text.parse().unwrap()
}

#[test]
fn edit_distances_are_those_of_rapidfuzz_and_edlib() {
    for case in golden().edit {
        let (a, b) = (seq::<Dna>(&case.a), seq(&case.b));
        assert_eq!(EditPattern::new(&a).distance(&b), case.distance);
        assert!((edit_identity(&a, &b) - case.similarity).abs() < 1e-12);
    }
}

#[test]
fn alignments_are_those_of_biopython() {
    fn align<A: Alphabet>(case: &Aligned, scoring: Scoring<A>) -> Alignment {
        let ends = if case.free { Ends::Free } else { Ends::Global };
        let aligner = Aligner::new(scoring).with_ends(ends);
        aligner.align(&seq(&case.a), &seq(&case.b)).unwrap()
    }
    for case in golden().aligned {
        let found = if case.protein {
            align(&case, Scoring::blosum62())
        } else {
            align::<Dna>(&case, Scoring::uniform(1, -1, 2, 1))
        };
        assert_eq!(
            (found.score, found.matches, found.columns),
            (case.score, case.matches, case.columns),
            "{} {} free: {}",
            case.a,
            case.b,
            case.free
        );
    }
}

#[test]
fn identities_on_paper() {
    // Of the best alignments ACG-T / A-GGT and ACGT / AGGT the one with three matches in four columns.
    let aligner = Aligner::new(Scoring::<Dna>::uniform(1, -1, 0, 1));
    let found = aligner.align(&seq("ACGT"), &seq("AGGT")).unwrap();
    assert_eq!((found.score, found.matches, found.columns), (2, 3, 4));
    assert_eq!(found.identity(Per::Columns), 0.75);

    let nothing = seq::<Dna>("");
    let empty = aligner.align(&nothing, &nothing).unwrap();
    assert_eq!(
        (empty.identity(Per::Columns), empty.identity(Per::Shorter)),
        (1.0, 1.0)
    );
    let one_empty = aligner.align(&nothing, &seq("ACG")).unwrap();
    assert_eq!((one_empty.score, one_empty.columns), (-3, 3));
    assert_eq!(one_empty.identity(Per::Columns), 0.0);

    // An overlap of three.
    let free = aligner.with_ends(Ends::Free);
    let overlap = free.align(&seq("TTTACG"), &seq("ACGCC")).unwrap();
    assert_eq!((overlap.score, overlap.matches, overlap.columns), (3, 3, 3));
    assert_eq!(overlap.identity(Per::Shorter), 0.6);
    // Nothing in common: no column is better than any.
    let apart = free.align(&seq("AAAA"), &seq("CCC")).unwrap();
    assert_eq!((apart.score, apart.matches, apart.columns), (0, 0, 0));
    assert_eq!(apart.identity(Per::Columns), 0.0);
}

#[test]
fn what_is_too_long_is_refused() {
    let long = Seq::<Dna>::from_codes(vec![0; 200_000]).unwrap();
    let aligner = Aligner::new(Scoring::uniform(1, -1, 0, 1));
    assert_eq!(
        aligner.align(&long, &long).unwrap_err().to_string(),
        "the two sequences have 400000 positions together, and at most 262144 can be aligned; \
         compare their k-mers (sketch) or cut them"
    );
}

/// The edit distance, row by row.
fn naive(a: &[u8], b: &[u8]) -> usize {
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(x != y);
            row.push(replaced.min(above[j + 1] + 1).min(row[j] + 1));
        }
        above = row;
    }
    above[b.len()]
}

/// The best (score, matches, -columns) of all alignments, by trying each of them: a gap is open if the column before is in the same
/// sequence's gap.
fn every(a: &[u8], b: &[u8], gap: u8, free: bool) -> (i64, i64, i64) {
    let add =
        |(score, matches, columns): (i64, i64, i64), s, m| (score + s, matches + m, columns - 1);
    let mut best = None;
    if a.is_empty() && b.is_empty() {
        return (0, 0, 0);
    }
    if free && (a.is_empty() || b.is_empty()) {
        return (0, 0, 0);
    }
    let mut offer = |value| best = best.max(Some(value));
    if let ([x, rest_a @ ..], [y, rest_b @ ..]) = (a, b) {
        let (s, m) = if x == y { (2, 1) } else { (-1, 0) };
        offer(add(every(rest_a, rest_b, 0, free), s, m));
    }
    if !a.is_empty() {
        let open = if gap == 1 { 0 } else { -3 };
        offer(add(every(&a[1..], b, 1, free), open - 1, 0));
    }
    if !b.is_empty() {
        let open = if gap == 2 { 0 } else { -3 };
        offer(add(every(a, &b[1..], 2, free), open - 1, 0));
    }
    best.unwrap()
}

/// The same with gaps at the start free: every suffix of either one against the other.
fn every_free(a: &[u8], b: &[u8]) -> (i64, i64, i64) {
    let of_a = (0..=a.len()).map(|start| every(&a[start..], b, 0, true));
    let of_b = (0..=b.len()).map(|start| every(a, &b[start..], 0, true));
    of_a.chain(of_b).max().unwrap()
}

fn codes(max: usize, symbols: u8) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..symbols, 0..=max)
}

fn dna(codes: &[u8]) -> Seq<Dna> {
    Seq::from_codes(codes.to_vec()).unwrap()
}

/// A sequence and one that is a few edits away, or far.
fn pair() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0u8..5, 0u8..3), 0..12);
    let near = (codes(200, 5), edits).prop_map(|(a, edits)| {
        let mut b = a.clone();
        for (place, code, kind) in edits {
            match kind {
                0 => b.insert(place.index(b.len() + 1), code),
                _ if b.is_empty() => {}
                1 => drop(b.remove(place.index(b.len()))),
                _ => {
                    let place = place.index(b.len());
                    b[place] = code;
                }
            }
        }
        (a, b)
    });
    prop_oneof![near, (codes(150, 5), codes(150, 5))]
}

proptest! {
    #[test]
    fn the_edit_distance_is_that_of_the_table((a, b) in pair(), max in 0usize..40) {
        let distance = naive(&a, &b);
        let pattern = EditPattern::new(&dna(&a));
        prop_assert_eq!(pattern.distance(&dna(&b)), distance);
        prop_assert_eq!(pattern.distance_within(&dna(&b), max), (distance <= max).then_some(distance));
        prop_assert_eq!(EditPattern::new(&dna(&b)).distance(&dna(&a)), distance);
    }

    #[test]
    fn a_part_is_a_sequence((a, b) in pair(), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), max in 0usize..40) {
        let (from, to) = (from.index(a.len() + 1), to.index(a.len() + 1));
        let part = from.min(to)..from.max(to);
        // The pattern held another sequence before.
        let mut pattern = EditPattern::new(&dna(&b));
        pattern.set_part(&EditPattern::new(&dna(&a)), part.clone());
        let distance = naive(&a[part], &b);
        prop_assert_eq!(pattern.distance(&dna(&b)), distance);
        prop_assert_eq!(pattern.codes_within(&b, max), Some(distance).filter(|&d| d <= max));
    }

    #[test]
    fn an_alignment_is_the_best_of_all(a in codes(5, 3), b in codes(5, 3)) {
        let aligner = Aligner::new(Scoring::uniform(2, -1, 3, 1));
        let found = aligner.align(&dna(&a), &dna(&b)).unwrap();
        prop_assert_eq!((found.score, found.matches as i64, -(found.columns as i64)), every(&a, &b, 0, false));
        let found = aligner.with_ends(Ends::Free).align(&dna(&a), &dna(&b)).unwrap();
        prop_assert_eq!((found.score, found.matches as i64, -(found.columns as i64)), every_free(&a, &b));
    }

    #[test]
    fn unit_costs_give_the_edit_distance((a, b) in pair()) {
        let aligner = Aligner::new(Scoring::uniform(0, -1, 0, 1));
        let (x, y) = (dna(&a), dna(&b));
        let found = aligner.align(&x, &y).unwrap();
        prop_assert_eq!(-found.score, naive(&a, &b) as i64);
        prop_assert_eq!(found.columns - found.matches, naive(&a, &b));
        prop_assert_eq!(found, aligner.align(&y, &x).unwrap());
        // Inside a band that has room for all edits nothing is lost; inside any the score is that of some alignment.
        let wide = aligner.clone().with_band(naive(&a, &b));
        prop_assert_eq!(wide.align(&x, &y).unwrap(), found);
        let narrow = aligner.with_band(0).align(&x, &y).unwrap();
        prop_assert!(narrow.score <= found.score);
        prop_assert!(narrow.columns >= a.len().max(b.len()) && narrow.columns <= a.len() + b.len());
    }

    #[test]
    fn a_protein_is_most_like_itself(a in codes(60, 21), b in codes(60, 21)) {
        let of = |codes: &[u8]| Seq::<Protein>::from_codes(codes.to_vec()).unwrap();
        for ends in [Ends::Global, Ends::Free] {
            let aligner = Aligner::new(Scoring::blosum62()).with_ends(ends);
            let found = aligner.align(&of(&a), &of(&b)).unwrap();
            prop_assert_eq!(found, aligner.align(&of(&b), &of(&a)).unwrap());
            for per in [Per::Columns, Per::Shorter] {
                prop_assert!((0.0..=1.0).contains(&found.identity(per)));
            }
            if a.iter().all(|&code| code < 20) {
                prop_assert_eq!(aligner.align(&of(&a), &of(&a)).unwrap().identity(Per::Shorter), 1.0);
            }
        }
    }
}
