//! ViennaRNA's answers where something is known beforehand: constraints as text, and SHAPE reactivities.

use hairpin_fold::{Constraints, Deigan, FoldError, Folder, Settings, Structure, Workspace};
use hairpin_golden::golden_json;
use serde_json::Value;

#[test]
fn constraints_and_reactivities() {
    let golden: Value = golden_json("hairpin-fold", "constraints.json");
    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let mut workspace = Workspace::default();
    let records = golden["records"].as_array().unwrap();
    assert_eq!(records.len(), 24);
    for record in records {
        let seq = record["seq"].as_str().unwrap();
        let number = |value: &Value| value.as_f64().unwrap();
        let mut constraints = match record["constraint"].as_str() {
            Some(text) => text.parse::<Constraints>().unwrap(),
            None => Constraints::default(),
        };
        if let Some(reactivities) = record["reactivities"].as_array() {
            let reactivities: Vec<f64> = reactivities.iter().map(number).collect();
            let deigan = Deigan {
                slope: number(&record["m"]),
                intercept: number(&record["b"]),
            };
            // As ViennaRNA rounds them, for the ensemble too.
            let kcal = deigan.energies(&reactivities).into_iter();
            let kcal = kcal.map(|kcal| (kcal * 100.0).round() / 100.0).collect();
            constraints = constraints.with_stacked_kcal(kcal);
        }

        let mfe = folder.mfe_with(&mut workspace, seq.as_bytes(), &constraints);
        let mfe = mfe.unwrap();
        let expected = record["mfe"][1].as_i64().unwrap();
        assert_eq!(i64::from(mfe.dcal()), expected, "{seq}");
        // Its structure has that energy here too, loops and pseudo-energies; ties are real.
        let structure: Structure = record["mfe"][0].as_str().unwrap().parse().unwrap();
        for structure in [mfe.structure(), &structure] {
            let loops = folder
                .energy()
                .evaluate(seq.as_bytes(), structure)
                .unwrap()
                .kcal();
            let kcal = loops + constraints.pseudo_kcal(structure).unwrap();
            assert!(
                (kcal * 100.0 - expected as f64).abs() < 1e-6,
                "{seq}: {structure} has {kcal}"
            );
        }

        let ensemble =
            (folder.ensemble_with(&mut workspace, seq.as_bytes(), &constraints)).unwrap();
        let off = ensemble.free_energy() - number(&record["G"]);
        assert!(off.abs() < 5e-6, "{seq}: the ensemble is off by {off}");
        let pairs = record["bpp"].as_array().unwrap();
        for pair in pairs {
            let (i, j) = (pair[0].as_u64().unwrap(), pair[1].as_u64().unwrap());
            let found = ensemble.pair_probability(i as usize, j as usize);
            assert!(
                (found - number(&pair[2])).abs() < 1e-6,
                "{seq}: {pair} is {found}"
            );
        }
        let likely = ensemble.pairs().filter(|pair| pair.2 > 1.1e-5).count();
        assert!(likely <= pairs.len());
    }
}

#[test]
fn refuses_text_that_is_no_constraint() {
    let error = |text: &str| text.parse::<Constraints>().unwrap_err().to_string();
    assert!(error("..y").starts_with("position 3: 'y' is no constraint; use '.'"));
    assert_eq!(error("((.)"), "position 1: this bracket has no partner");
    assert_eq!(error("..)"), "position 3: this bracket has no partner");

    let folder = Folder::turner_2004(Settings::default()).unwrap();
    let mfe = |constraints: Constraints| {
        folder.mfe_with(&mut Workspace::default(), b"GGGGAAAACCCC", &constraints)
    };
    let refusal = |text: &str| mfe(text.parse().unwrap()).unwrap_err().to_string();
    assert!(refusal("....").contains("the constraint has 4 positions, the sequence has 12"));
    // A base of the loop that is to be paired, and the first one with a partner before it.
    for text in ["((((.|..))))", ">...........", "...........<"] {
        let refused = mfe(text.parse().unwrap());
        assert!(matches!(refused, Err(FoldError::Unsatisfiable)), "{text}");
    }
    let both = Constraints::default().with_paired(3).with_unpaired(3);
    assert!(
        mfe(both)
            .unwrap_err()
            .to_string()
            .contains("paired and unpaired")
    );
    let both = Constraints::default()
        .with_downstream_partner(3)
        .with_upstream_partner(3);
    assert!(
        mfe(both)
            .unwrap_err()
            .to_string()
            .contains("two kinds of partners")
    );
    let outside = mfe(Constraints::default().with_paired(13));
    assert!(matches!(
        outside,
        Err(FoldError::Constraint { position: 13, .. })
    ));
    let infinite = Deigan::default().energies(&[f64::INFINITY; 12]);
    let infinite = mfe(Constraints::default().with_stacked_kcal(infinite));
    assert!(matches!(
        infinite,
        Err(FoldError::NotFinite { position: 1, .. })
    ));
    let short = Constraints::default().with_stacked_kcal(vec![0.0; 3]);
    assert!(matches!(
        mfe(short),
        Err(FoldError::Length { found: 3, .. })
    ));
}
