//! Operations against Biopython and sdust.

use hairpin_golden::golden_json;

use hairpin_seq::{
    Alphabet, Ambiguous, Dna, Dust, GeneticCode, IupacDna, MeltingTemperature, Policy, Seq, Stop,
    gc_content,
};
use serde_json::Value;

fn golden() -> Value {
    golden_json("hairpin-seq", "operations.json")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn seq<A: Alphabet>(value: &Value) -> Seq<A> {
    let policy = Policy {
        ambiguous: Ambiguous::Unknown,
        ..Policy::default()
    };
    Seq::parse(value.as_str().expect("a text"), policy).expect("valid")
}

#[test]
fn six_frames_under_every_genetic_code_are_biopythons() {
    let golden = golden();
    let cases = list(&golden["translation"]);
    assert_eq!(cases.len(), GeneticCode::all().len());
    for (case, code) in cases.iter().zip(GeneticCode::all()) {
        assert_eq!(case["table"], code.table());
        let dna = seq::<Dna>(&case["dna"]);
        let expected = list(&case["frames"])
            .iter()
            .map(|f| f.as_str().expect("a text"));
        let unknown = code
            .six_frames(&dna, Stop::Unknown)
            .expect("nothing refused");
        let end = code.six_frames(&dna, Stop::End).expect("nothing refused");
        for ((expected, unknown), end) in expected.zip(&unknown).zip(&end) {
            assert_eq!(unknown.to_string(), expected.replace('*', "X"));
            assert_eq!(Some(end.to_string().as_str()), expected.split('*').next());
        }
        // A stop is X only where Biopython has a star, and every amino acid it has is one.
        let text = dna.to_string();
        for (codon, residue) in dna.codes().chunks_exact(3).zip(unknown[0].codes()) {
            let codon = [codon[0], codon[1], codon[2]];
            assert_eq!(code.is_stop(codon), *residue == 20, "{text}");
        }
    }
}

#[test]
fn starts_and_codons_of_two_meanings() {
    let golden = golden();
    for (case, code) in list(&golden["translation"]).iter().zip(GeneticCode::all()) {
        let mut starts = Vec::new();
        for index in 0..64_u8 {
            let codon = [index >> 4, index >> 2 & 3, index & 3];
            if code.is_start(codon) {
                starts.push(Value::from(
                    codon
                        .map(|c| char::from(Dna::SYMBOLS[usize::from(c)]))
                        .iter()
                        .collect::<String>(),
                ));
            }
            assert!(!(code.is_stop(codon) && code.is_context_dependent(codon)));
            assert_eq!(code.amino_acid(codon).is_none(), code.is_stop(codon));
        }
        assert_eq!(&starts, list(&case["starts"]), "{}", code.name());
    }
}

#[test]
fn codons_with_n_are_resolved_as_biopython_does() {
    let golden = golden();
    let code = GeneticCode::ncbi(1).expect("exists");
    for case in list(&golden["resolved"]) {
        let protein = code
            .translate(&seq::<Dna>(&case[0]), Stop::Unknown)
            .expect("nothing refused");
        assert_eq!(
            Value::from(protein.to_string().replace('*', "X")),
            case[1],
            "{}",
            case[0]
        );
    }
}

#[test]
fn gc_content_is_biopythons() {
    let golden = golden();
    for case in list(&golden["gc"]) {
        let found = gc_content(&seq::<Dna>(&case[0])).expect("something is known");
        assert!((found - number(&case[1])).abs() < 1e-12);
    }
    for case in list(&golden["gc_codes"]) {
        let found = gc_content(&seq::<IupacDna>(&case[0])).expect("something is known");
        // Biopython writes a third as 0.333 in its table of weights.
        assert!((found - number(&case[1])).abs() < 1e-3);
    }
}

#[test]
fn melting_temperatures_are_biopythons() {
    let golden = golden();
    for case in list(&golden["melting"]) {
        let options = MeltingTemperature {
            strand: number(&case["strand"]),
            other_strand: number(&case["other_strand"]),
            sodium: number(&case["sodium"]),
            potassium: number(&case["potassium"]),
            tris: number(&case["tris"]),
            magnesium: number(&case["magnesium"]),
            dntps: number(&case["dntps"]),
        };
        let found = options.celsius(&seq(&case["dna"])).expect("computable");
        let expected = number(&case["celsius"]);
        assert!((found - expected).abs() < 1e-6, "{case}: {found}");
    }
}

#[test]
fn dust_finds_the_intervals_of_sdust() {
    let golden = golden();
    for case in list(&golden["dust"]) {
        let dust = Dust::default()
            .with_window(case["window"].as_u64().expect("a count") as usize)
            .expect("in range")
            .with_threshold(case["threshold"].as_u64().expect("a count") as u32);
        let found: Vec<Value> = dust
            .intervals(&seq::<Dna>(&case["dna"]))
            .into_iter()
            .map(|interval| vec![interval.start, interval.end].into())
            .collect();
        assert_eq!(&found, list(&case["intervals"]), "{}", case["dna"]);
    }
}
