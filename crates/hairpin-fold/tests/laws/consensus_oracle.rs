//! ViennaRNA's MEA and centroid structures, diversity, entropy, suboptimal structures and accessibility.

use hairpin_fold::{Boltzmann, Dangles, Ensemble, Folder, Settings, Structure, Workspace};
use hairpin_golden::golden_json;
use serde_json::Value;

const SETTINGS: [(&str, Boltzmann, Dangles); 3] = [
    ("default", Boltzmann::Smoothed, Dangles::Both),
    ("nosmooth", Boltzmann::Exact, Dangles::Both),
    ("d0", Boltzmann::Exact, Dangles::None),
];

/// Runs `check` for every sequence and setting, with the answers to it.
fn records(mut check: impl FnMut(&Folder, &mut Workspace, &[u8], &Value)) {
    let golden: Value = golden_json("hairpin-fold", "consensus.json");
    let mut workspace = Workspace::default();
    for (name, boltzmann, dangles) in SETTINGS {
        let settings = Settings::default()
            .with_boltzmann(boltzmann)
            .with_dangles(dangles);
        let folder = Folder::turner_2004(settings).unwrap();
        let records = golden["records"].as_array().unwrap();
        assert_eq!(records.len(), 9);
        for record in records {
            let seq = record["seq"].as_str().unwrap();
            check(&folder, &mut workspace, seq.as_bytes(), &record[name]);
        }
    }
}

fn ensembles(mut check: impl FnMut(&Ensemble<'_>, &Value)) {
    records(|folder, workspace, seq, record| {
        check(&folder.ensemble(workspace, seq).unwrap(), record);
    });
}

fn structure(value: &Value) -> Structure {
    value.as_str().unwrap().parse().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn near(found: f64, expected: &Value, most: f64, what: &str) {
    let expected = number(expected);
    assert!(
        (found - expected).abs() < most,
        "{what} is {found}, not {expected}"
    );
}

#[test]
fn maximum_expected_accuracy() {
    ensembles(|ensemble, record| {
        for row in record["mea"].as_array().unwrap() {
            let gamma = number(&row[0]);
            let (ours, theirs) = (ensemble.mea(gamma).unwrap(), structure(&row[1]));
            assert_eq!(ours, theirs, "gamma {gamma}: {ours}, not {theirs}");
            // The reference leaves out the rarest pairs.
            let reached = ensemble.expected_accuracy(&ours, gamma).unwrap();
            near(reached, &row[2], 2e-4 * ensemble.len() as f64, "accuracy");
        }
    });
}

#[test]
fn centroid_and_its_distance() {
    ensembles(|ensemble, record| {
        let (ours, theirs) = (ensemble.centroid(), &record["centroid"]);
        assert_eq!(ours, structure(&theirs[0]));
        let distance = ensemble.expected_distance(&ours).unwrap();
        near(distance, &theirs[1], 1e-5, "distance");
    });
}

#[test]
fn diversity_and_entropy() {
    ensembles(|ensemble, record| {
        near(
            ensemble.diversity(),
            &record["diversity"],
            1e-5,
            "diversity",
        );
        let expected = record["entropy"].as_array().unwrap();
        let found = ensemble.positional_entropy();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.into_iter().zip(expected) {
            near(found, expected, 1e-5, "entropy");
        }
    });
}

#[test]
fn windows_without_a_pair() {
    ensembles(|ensemble, record| {
        for (width, expected) in record["accessibility"].as_object().unwrap() {
            let found = ensemble.accessibility(width.parse().unwrap()).unwrap();
            let expected = expected.as_array().unwrap();
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.into_iter().zip(expected) {
                near(found, expected, 1e-5, "accessibility");
            }
        }
    });
}

#[test]
fn structures_within_a_band() {
    let mut bands = 0;
    records(|folder, workspace, seq, record| {
        let Some(band) = record["subopt"][0].as_f64() else {
            return;
        };
        let expected: Vec<(String, i64)> = (record["subopt"][1].as_array().unwrap().iter())
            .map(|row| {
                (
                    row[0].as_str().unwrap().to_owned(),
                    row[1].as_i64().unwrap(),
                )
            })
            .collect();
        let found = folder
            .suboptimal(workspace, seq, band / 100.0, 1000)
            .unwrap();
        let found: Vec<(String, i64)> = (found.structures().iter())
            .map(|(structure, dcal)| (structure.to_string(), i64::from(*dcal)))
            .collect();
        assert_eq!(found, expected);
        bands += 1;
    });
    assert_eq!(bands, 27);
}
