//! Motifs: laws over any matrix.

use std::collections::BTreeMap;

use hairpin_seq::motif::{
    Background, ColumnScore, Comparison, CountMatrix, FrequencyMatrix, Hit, KmerMotif, Logo,
    Scanner, ScoreDistribution, ScoringMatrix, Share, Strand, Tomtom, Unaligned,
    small_sample_correction,
};
use hairpin_seq::{Alphabet, Dna, Protein, Rna, Seq, SeqError};
use proptest::prelude::*;

fn row<A: Alphabet>() -> impl Strategy<Value = Vec<f64>> {
    let n = A::SYMBOLS.len();
    proptest::collection::vec(prop_oneof![1 => Just(0.0), 3 => 0.01..1.0_f64], n).prop_map(
        move |row| {
            let sum: f64 = row.iter().sum();
            match sum > 0.0 {
                true => row.iter().map(|x| x / sum).collect(),
                false => vec![1.0 / n as f64; n],
            }
        },
    )
}

fn motif<A: Alphabet>(widths: std::ops::Range<usize>) -> impl Strategy<Value = FrequencyMatrix<A>> {
    proptest::collection::vec(row::<A>(), widths)
        .prop_map(|rows| FrequencyMatrix::new(rows.concat()).unwrap())
}

fn background<A: Alphabet>() -> impl Strategy<Value = Background<A>> {
    proptest::collection::vec(0.1..1.0_f64, A::SYMBOLS.len()).prop_map(|weights| {
        let sum: f64 = weights.iter().sum();
        Background::new(&weights.iter().map(|w| w / sum).collect::<Vec<_>>()).unwrap()
    })
}

/// Mostly known symbols, and lengths that cross the scanner's blocks.
fn seq<A: Alphabet>() -> impl Strategy<Value = Seq<A>> {
    let n = A::SYMBOLS.len() as u8;
    let code = prop_oneof![30 => 0..n, 1 => Just(n)];
    prop_oneof![
        9 => proptest::collection::vec(code.clone(), 0..90),
        1 => proptest::collection::vec(code, 2030..2090),
    ]
    .prop_map(|codes| Seq::from_codes(codes).unwrap())
}

/// The scan as one would write it down.
fn naive<A: Alphabet>(scores: &ScoringMatrix<A>, seq: &Seq<A>, strand: Strand) -> Vec<Hit> {
    let windows = (seq.len() + 1).saturating_sub(scores.width());
    let mut hits = Vec::new();
    for position in 0..windows {
        let codes = &seq.codes()[position..position + scores.width()];
        if codes.contains(&Seq::<A>::UNKNOWN_CODE) {
            continue;
        }
        let mut score = 0.0;
        for (i, &code) in codes.iter().enumerate() {
            score += scores.row(i)[usize::from(code)];
        }
        hits.push(Hit {
            position,
            strand,
            score,
        });
    }
    hits
}

fn scans_as_the_loop_does<A: Alphabet>(
    motif: &FrequencyMatrix<A>,
    seq: &Seq<A>,
    threshold: f64,
) -> Result<(), TestCaseError> {
    let scores = motif.to_scoring(&Background::uniform());
    let all = naive(&scores, seq, Strand::Forward);
    let scanner = Scanner::new(&scores);
    for threshold in [threshold, f64::NEG_INFINITY, f64::INFINITY] {
        let expected: Vec<Hit> = all
            .iter()
            .copied()
            .filter(|hit| hit.score >= threshold)
            .collect();
        prop_assert_eq!(scanner.scan(seq, threshold).unwrap(), expected);
    }
    // A threshold that is exactly a score keeps that score.
    if let Some(hit) = all.iter().find(|hit| hit.score.is_finite()) {
        prop_assert!(scanner.scan(seq, hit.score).unwrap().contains(hit));
    }
    let best = all.iter().filter(|hit| hit.score > f64::NEG_INFINITY);
    let best = best.fold(None, |best: Option<Hit>, hit| match best {
        Some(best) if best.score >= hit.score => Some(best),
        _ => Some(*hit),
    });
    prop_assert_eq!(scanner.best_site(seq), best);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_scan_equals_the_loop(
        dna in (motif::<Dna>(1..13), seq::<Dna>()),
        protein in (motif::<Protein>(1..6), seq::<Protein>()),
        threshold in -20.0..10.0_f64,
    ) {
        scans_as_the_loop_does(&dna.0, &dna.1, threshold)?;
        scans_as_the_loop_does(&protein.0, &protein.1, threshold)?;
    }

    #[test]
    fn both_strands_are_the_two_loops(motif in motif::<Rna>(1..9), seq in seq::<Rna>(), threshold in -9.0..9.0_f64) {
        let scores = motif.to_scoring(&Background::uniform());
        let mut expected = naive(&scores, &seq, Strand::Forward);
        expected.extend(naive(&scores.reverse_complement(), &seq, Strand::Reverse));
        expected.retain(|hit| hit.score >= threshold);
        expected.sort_by_key(|hit| (hit.position, hit.strand));
        let scanner = Scanner::both_strands(&scores);
        let hits = scanner.scan(&seq, threshold).unwrap();
        prop_assert_eq!(&hits, &expected);
        if let Some(first) = hits.first() {
            let best = scanner.best_site(&seq).unwrap();
            let top = hits.iter().fold(*first, |best, hit| if hit.score > best.score { *hit } else { best });
            prop_assert_eq!(best, top);
        }
        // A reverse hit is a forward hit on the other strand, up to the order of the sum.
        let other = seq.reverse_complement();
        for hit in hits.iter().filter(|hit| hit.strand == Strand::Reverse && hit.score.is_finite()) {
            let position = seq.len() - scores.width() - hit.position;
            prop_assert!((scores.score_at(&other, position).unwrap() - hit.score).abs() < 1e-9);
        }
    }

    #[test]
    fn the_reverse_complement_of_the_reverse_complement_is_the_motif(motif in motif::<Dna>(1..20), background in background::<Dna>()) {
        let scores = motif.to_scoring(&background);
        prop_assert_eq!(&motif.reverse_complement().reverse_complement(), &motif);
        prop_assert_eq!(&scores.reverse_complement().reverse_complement(), &scores);
        // Scores of the other strand are the other strand's scores.
        prop_assert_eq!(motif.reverse_complement().to_scoring(scores.reverse_complement().background()), scores.reverse_complement());
        prop_assert_eq!(motif.consensus().reverse_complement().len(), motif.width());
        prop_assert_eq!(motif.transcribe().reverse_transcribe(), motif);
    }

    #[test]
    fn p_values_are_those_of_all_words(
        steps in proptest::collection::vec(-40_i32..40, 4..20),
        background in background::<Dna>(),
        p in 0.001..1.0_f64,
    ) {
        let width = steps.len() / 4;
        let values: Vec<f64> = steps[..width * 4].iter().map(|&s| f64::from(s) * 0.25).collect();
        let scores = ScoringMatrix::new(values.clone(), background.clone()).unwrap();
        let distribution = ScoreDistribution::new(&scores, 0.25).unwrap();
        // Probability by score, over every word; multiples of a quarter are exact.
        let mut words = BTreeMap::new();
        for word in 0..4_usize.pow(width as u32) {
            let (mut score, mut probability) = (0.0, 1.0);
            for i in 0..width {
                let code = word >> (2 * i) & 3;
                score += values[i * 4 + code];
                probability *= background.frequencies()[code];
            }
            *words.entry((score * 4.0) as i64).or_insert(0.0) += probability;
        }
        let tail = |from: i64| words.range(from..).map(|(_, p)| p).sum::<f64>();
        for &score in words.keys() {
            prop_assert!((distribution.p_value(score as f64 / 4.0) - tail(score)).abs() < 1e-12);
        }
        prop_assert_eq!(distribution.p_value(scores.max_score() + 0.25), 0.0);
        prop_assert!((distribution.p_value(scores.min_score() - 1.0) - 1.0).abs() < 1e-12);
        // The threshold is the lowest one that is rare enough.
        let threshold = distribution.threshold(p).unwrap();
        let first = (threshold * 4.0).ceil() as i64;
        prop_assert!(tail(first) <= p + 1e-12);
        prop_assert!(tail(first - 1) > p - 1e-12);
    }

    #[test]
    fn bounds_hold_the_true_p_value_of_any_matrix(motif in motif::<Rna>(1..6), step in 0.01..0.5_f64) {
        let scores = motif.to_scoring(&Background::uniform());
        let distribution = ScoreDistribution::new(&scores, step).unwrap();
        let words: Vec<f64> = (0..4_usize.pow(scores.width() as u32))
            .map(|word| (0..scores.width()).map(|i| scores.row(i)[word >> (2 * i) & 3]).sum())
            .collect();
        for &score in words.iter().filter(|score| score.is_finite()).take(50) {
            let truth = words.iter().filter(|&&other| other >= score - 1e-9).count() as f64 / words.len() as f64;
            let (low, high) = distribution.bounds(score);
            prop_assert!(low <= truth + 1e-12 && truth <= high + 1e-12, "{} <= {} <= {}", low, truth, high);
        }
    }

    #[test]
    fn similarity_is_symmetric_and_highest_with_itself(a in motif::<Dna>(1..12), b in motif::<Dna>(1..12), least in 1_usize..6) {
        for column in [ColumnScore::Pearson, ColumnScore::Euclidean, ColumnScore::SandelinWasserman] {
            for share in [Share::Overlap, Share::Span] {
                let comparison = Comparison::default().column(column).share(share).min_overlap(least).unwrap();
                let (ab, ba) = (comparison.compare(&a, &b), comparison.compare(&b, &a));
                prop_assert!((ab.score - ba.score).abs() < 1e-12);
                prop_assert!(ab.overlap >= least.min(a.width()).min(b.width()));
                let both = comparison.compare_both_strands(&a, &b);
                prop_assert!(both.score >= ab.score);
                prop_assert!((both.score - comparison.compare_both_strands(&b, &a).score).abs() < 1e-12);
                let own = comparison.compare_both_strands(&a, &a.reverse_complement());
                prop_assert!(own.score + 1e-12 >= comparison.compare(&a, &a).score);
                prop_assert!((ab.score - naive_similarity(&a, &b, column, share, least)).abs() < 1e-12);
            }
        }
        let own = Comparison::default().column(ColumnScore::Euclidean).compare(&a, &a);
        prop_assert!((own.score - 1.0).abs() < 1e-12);
    }

    #[test]
    fn frequencies_come_back_from_scores(motif in motif::<Protein>(1..8), background in background::<Protein>()) {
        let back = motif.to_scoring(&background).to_frequencies().unwrap();
        for (a, b) in motif.values().iter().zip(back.values()) {
            prop_assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn letters_add_up_to_the_information(motif in motif::<Dna>(1..12), protein in motif::<Protein>(1..5), correction in 0.0..2.0_f64) {
        let logo = Logo::default();
        let sum: f64 = logo.heights(&motif).iter().sum();
        prop_assert!((sum - motif.total_information(&Background::uniform())).abs() < 1e-9);
        let sum: f64 = logo.heights(&protein).iter().sum();
        prop_assert!((sum - protein.total_information(&Background::uniform())).abs() < 1e-9);
        let corrected = Logo { correction, ..Logo::default() };
        let bits = motif.information(&Background::uniform());
        for (stack, bits) in corrected.heights(&motif).chunks(4).zip(bits) {
            prop_assert!((stack.iter().sum::<f64>() - (bits - correction).max(0.0)).abs() < 1e-9);
        }
    }

    #[test]
    fn tomtom_gives_probabilities_and_finds_itself_first(
        targets in proptest::collection::vec(motif::<Rna>(3..8), 8..16),
        which in 0_usize..8,
    ) {
        for unaligned in [Unaligned::Median, Unaligned::LeftOut] {
            let search = Tomtom::both_strands(&targets).unwrap().unaligned(unaligned).min_overlap(3).unwrap();
            let found = search.search(&targets[which]).unwrap();
            prop_assert_eq!(found.len(), targets.len());
            prop_assert!(found.windows(2).all(|w| w[0].p_value <= w[1].p_value && w[0].q_value <= w[1].q_value));
            for hit in &found {
                prop_assert!((0.0..=1.0).contains(&hit.p_value) && (0.0..=1.0).contains(&hit.q_value));
                prop_assert!((hit.e_value - hit.p_value * targets.len() as f64).abs() < 1e-9);
            }
            let own = found.iter().find(|hit| hit.target == which).unwrap();
            prop_assert_eq!((own.offset, own.overlap), (0, targets[which].width()));
        }
    }
}

/// All offsets, all positions, written down.
fn naive_similarity(
    a: &FrequencyMatrix<Dna>,
    b: &FrequencyMatrix<Dna>,
    column: ColumnScore,
    share: Share,
    least: usize,
) -> f64 {
    let (m, n) = (a.width() as isize, b.width() as isize);
    let mut best = f64::NEG_INFINITY;
    for offset in 1 - n..m {
        let (mut sum, mut overlap) = (0.0, 0);
        for j in 0..n {
            if !(0..m).contains(&(j + offset)) {
                continue;
            }
            let (x, y) = (a.row((j + offset) as usize), b.row(j as usize));
            let square: f64 = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum();
            let spread = |v: &[f64]| v.iter().map(|x| (x - 0.25).powi(2)).sum::<f64>();
            let joint: f64 = x.iter().zip(y).map(|(x, y)| (x - 0.25) * (y - 0.25)).sum();
            sum += match column {
                ColumnScore::Euclidean => 1.0 - square.sqrt() / 2.0_f64.sqrt(),
                ColumnScore::SandelinWasserman => 2.0 - square,
                ColumnScore::Pearson if spread(x).min(spread(y)) < 1e-18 => 0.0,
                ColumnScore::Pearson => joint / (spread(x) * spread(y)).sqrt(),
            };
            overlap += 1;
        }
        if overlap >= least.min(m as usize).min(n as usize) {
            let positions = match share {
                Share::Overlap => overlap,
                Share::Span => (m + n) as usize - overlap,
            };
            best = best.max(sum / positions as f64);
        }
    }
    best
}

#[test]
fn the_first_of_equals_is_the_best_site() {
    let site: Seq<Dna> = "GATC".parse().unwrap();
    let motif = CountMatrix::from_seqs([&site])
        .unwrap()
        .to_frequencies(1.0, &Background::uniform())
        .unwrap();
    let scanner = Scanner::both_strands(&motif.to_scoring(&Background::uniform()));
    // A palindrome scores the same on both strands.
    let best = scanner.best_site(&"AAGATCAGATC".parse().unwrap()).unwrap();
    assert_eq!((best.position, best.strand), (2, Strand::Forward));
    assert_eq!(scanner.best_site(&"GAT".parse().unwrap()), None);
}

#[test]
fn counts_on_paper() {
    let sites: Vec<Seq<Rna>> = ["ACGU", "ACGA", "AUGA"]
        .iter()
        .map(|s| s.parse().unwrap())
        .collect();
    let counts = CountMatrix::from_seqs(&sites).unwrap();
    assert_eq!(counts.row(1), [0.0, 2.0, 0.0, 1.0]);
    assert_eq!(counts.sites(), 3.0);
    // One site of background: (2 + 0.25) / 4.
    let frequencies = counts.to_frequencies(1.0, &Background::uniform()).unwrap();
    assert_eq!(frequencies.row(1), [0.0625, 0.5625, 0.0625, 0.3125]);
    assert_eq!(
        frequencies.to_scoring(&Background::uniform()).row(1)[0],
        -2.0
    );
    assert_eq!(counts.reverse_complement().row(0), [1.0, 0.0, 0.0, 2.0]);
    assert_eq!(
        frequencies
            .smooth(1.0, &Background::uniform())
            .unwrap()
            .values(),
        [0.25; 16]
    );
    // (4 - 1) / (2 ln 2 * 10)
    assert!((small_sample_correction::<Rna>(10.0) - 0.216_404_256_133_344_5).abs() < 1e-12);
}

#[test]
fn what_is_wrong_is_said() {
    let message = |error: SeqError| error.to_string();
    let uniform = Background::<Dna>::uniform();
    assert_eq!(
        message(FrequencyMatrix::<Dna>::new(vec![0.5, 0.5, 0.5, 0.5]).unwrap_err()),
        "motif position 1: the frequencies add up to 2.000000, expected 1 (within 0.01); \
         counts are read as counts, and a position without any needs a pseudocount"
    );
    assert_eq!(
        message(
            CountMatrix::<Dna>::new(vec![1.0, 0.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0]).unwrap_err()
        ),
        "motif position 2, symbol C: the count is -1; expected a number from 0 to 1e15"
    );
    assert!(
        message(CountMatrix::<Dna>::new(vec![1.0; 5]).unwrap_err()).ends_with("found 5 values")
    );
    assert!(CountMatrix::<Dna>::new(vec![]).is_err() && CountMatrix::<Dna>::from_seqs([]).is_err());
    let empty = CountMatrix::<Dna>::new(vec![0.0; 4]).unwrap();
    assert!(
        empty.to_frequencies(0.0, &uniform).is_err() && empty.to_frequencies(1.0, &uniform).is_ok()
    );
    assert!(
        empty.to_frequencies(-1.0, &uniform).is_err()
            && empty.to_frequencies(f64::NAN, &uniform).is_err()
    );
    assert!(
        Background::<Dna>::new(&[0.5, 0.5, 0.0, 0.0]).is_err()
            && Background::<Dna>::new(&[1.0]).is_err()
    );
    for score in [f64::NAN, f64::INFINITY, 1e7] {
        assert!(ScoringMatrix::new(vec![score, 0.0, 0.0, 0.0], uniform.clone()).is_err());
    }
    let scores =
        ScoringMatrix::new(vec![f64::NEG_INFINITY, 0.0, 0.0, 1e6], uniform.clone()).unwrap();
    for step in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300, 1e-3] {
        assert!(ScoreDistribution::new(&scores, step).is_err(), "{step}");
    }
    let distribution = ScoreDistribution::new(&scores, 1.0).unwrap();
    assert_eq!(distribution.p_value(1e6), 0.25);
    assert_eq!(distribution.p_value(-1e9), 0.75);
    assert!(distribution.threshold(0.0).is_err() && distribution.threshold(1.5).is_err());
    assert!(
        Scanner::new(&scores)
            .scan(&"ACGT".parse().unwrap(), f64::NAN)
            .is_err()
    );
    assert!(Comparison::default().min_overlap(0).is_err());
    assert!(Tomtom::<Dna>::new(&[]).is_err());
    let wide = FrequencyMatrix::<Dna>::new(vec![0.25; 4 * 5000]).unwrap();
    assert!(
        Tomtom::new(std::slice::from_ref(&wide))
            .unwrap()
            .search(&wide)
            .is_err()
    );
    assert!(KmerMotif::default().fit::<Rna>(&[]).is_err());
    assert!(
        KmerMotif::default()
            .fit::<Rna>(&[("AC".parse().unwrap(), f64::NAN)])
            .is_err()
    );
    let lengths: [(Seq<Rna>, f64); 2] =
        [("ACGU".parse().unwrap(), 2.0), ("AC".parse().unwrap(), 1.0)];
    assert!(KmerMotif::default().fit(&lengths).is_err());
}

#[test]
fn kmers_are_laid_along_the_best_on_paper() {
    let kmer = |text: &str, score: f64| (text.parse::<Seq<Rna>>().unwrap(), score);
    // The second is the first moved one to the left, and weighs as much: the position before it has half of the weight.
    let counts = KmerMotif::default()
        .fit(&[kmer("GCAUGC", 2.0), kmer("UGCAUG", 2.0)])
        .unwrap();
    assert_eq!(counts.width(), 7);
    assert_eq!(counts.row(0), [0.5, 0.5, 0.5, 2.5]);
    assert_eq!(counts.row(1), [0.0, 0.0, 4.0, 0.0]);
    assert_eq!(counts.row(6), [0.5, 2.5, 0.5, 0.5]);
    // One that agrees nowhere is left out, and so is one without weight.
    let counts = KmerMotif::default()
        .fit(&[
            kmer("GCAUGC", 2.0),
            kmer("CGUACG", 1.0),
            kmer("GCAUGA", -1.0),
        ])
        .unwrap();
    assert_eq!(counts.values().iter().sum::<f64>(), 12.0);
    assert_eq!(counts.row(5), [0.0, 2.0, 0.0, 0.0]);
}

#[test]
fn a_logo_of_any_alphabet_is_well_formed() {
    let protein = FrequencyMatrix::<Protein>::new(vec![0.05; 20]).unwrap();
    let logo = Logo {
        title: Some("<&\"'\0>".to_owned()),
        ..Logo::default()
    };
    let svg = logo.svg(&protein);
    assert!(svg.contains("&lt;&amp;&quot;&apos;\u{fffd}&gt;") && svg.ends_with("</svg>\n"));
    // Even residues have no information: no letter is drawn.
    assert!(!svg.contains("fill-rule"));
    let certain = FrequencyMatrix::<Rna>::new(vec![1.0, 0.0, 0.0, 0.0]).unwrap();
    assert_eq!(
        Logo::default().svg(&certain).matches("fill-rule").count(),
        1
    );
}
