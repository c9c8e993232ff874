//! The tables that RNAcompete's training files are made from.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{chain, npy, npz, texts};
use hairpin_tasks::rnacompete::{self, ProbeSet, Reading, TrainFiles};
use ndarray::array;
use tempfile::TempDir;

const SPOTS: &str = "sequence\tset\nGGAUC\tSetA\nAAAUU\tSetB\nGGAUC\tSetA\n";
const EXPERIMENTS: &str = "experiment\tfiles_of_origin\tfamily_inferred_from_motif\trepeat_probe_pearson\n\
                           E01\tRBP1\tMSI1\t0.9\nE02\tRBP2\tG-rich ?\t0.7\nE03\tRBP3\tKHDRBS1/2/3\t0.01\n";
const CONSTRUCTS: &str = "Motif_ID\tMotif_display_ID\tGene_name\tSpecies\tAA_seq\tPfam_RBPs\tDomain_string\n\
                          RBP_1\tRNCMPT00001\tKhdrbs1\tMm\tMKV\tKH_1\tKH\n\
                          RBP_2\tRNCMPT00002\tKHDRBS1\tHs\tMKW\tKH_1\tKH\n\
                          RBP_3\tRNCMPT00003\tMsi1\tMm\tGDIEE708090AVVI\t\"RRM_1,RRM_1\"\tRRM,RRM\n";

fn milli(values: &[u16], shape: &str) -> Vec<u8> {
    let data: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    npy(
        &format!("{{'descr': '<u2', 'fortran_order': False, 'shape': {shape}, }}"),
        &data,
    )
}

/// A folder of tables, one of them exchanged.
fn tables(name: &str, content: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let arrays = [
        (
            "milli",
            milli(&[1000, 2000, 3000, 4000, 5000, 6000, 7, 8, 65535], "(3, 3)"),
        ),
        ("experiment", texts(&["E01", "E02", "E03"])),
    ];
    for (file, good) in [
        ("probes.tsv.gz", SPOTS.as_bytes().to_vec()),
        ("experiments.tsv", EXPERIMENTS.as_bytes().to_vec()),
        ("proteins_info_all.tab", CONSTRUCTS.as_bytes().to_vec()),
        ("intensities.npz", npz(&arrays)),
    ] {
        let content = if file == name { content.to_vec() } else { good };
        fs::write(folder.path().join(file), content).unwrap();
    }
    folder
}

fn refusal(name: &str, content: &[u8]) -> String {
    let folder = tables(name, content);
    let error = rnacompete::prepare(folder.path(), &folder.path().join("out"), None).unwrap_err();
    assert!(!folder.path().join("out").exists());
    chain(&error).replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn the_training_files_are_made_and_say_what_they_are_of() {
    let folder = tables("", b"");
    let out = folder.path().join("new/out");
    let prepared = rnacompete::prepare(folder.path(), &out, None).unwrap();
    assert_eq!(prepared.n_probes, 3);
    let names = |experiments: Vec<&rnacompete::Experiment>| -> Vec<String> {
        experiments
            .iter()
            .map(|experiment| experiment.name.clone())
            .collect()
    };
    assert_eq!(names(prepared.left_out.iter().collect()), ["E02"]);
    assert_eq!(
        names(prepared.columns.iter().map(|(e, _)| e).collect()),
        ["E01", "E03"]
    );
    let (msi, khdrbs) = (&prepared.columns[0].1, &prepared.columns[1].1);
    assert_eq!(
        (msi.protein.to_string().as_str(), msi.repaired),
        ("GDIEEAVVI", Some(4))
    );
    assert_eq!(msi.domains, "RRM,RRM");
    // The human one, although it comes second.
    assert_eq!(
        (khdrbs.experiment.as_str(), khdrbs.repaired),
        ("RNCMPT00002", None)
    );

    let train = rnacompete::read_train(&TrainFiles::in_folder(&out), Reading::default()).unwrap();
    assert_eq!(
        train.intensities.values(),
        array![[1.0, 3.0], [4.0, 6.0], [0.007, 65.535]]
    );
    assert_eq!(train.proteins[1].to_string(), "MKW");
    assert_eq!(train.probes[2].to_string(), "GGAUC");

    let prepared = rnacompete::prepare(folder.path(), &out, Some(ProbeSet::B)).unwrap();
    assert_eq!(prepared.n_probes, 1);
    let train = rnacompete::read_train(&TrainFiles::in_folder(&out), Reading::default()).unwrap();
    assert_eq!(train.intensities.values(), array![[4.0, 6.0]]);
}

#[test]
fn broken_tables_are_refused_and_nothing_is_written() {
    let with = |name: &str, table: &str, old: &str, new: &str| {
        assert!(table.contains(old));
        refusal(name, table.replacen(old, new, 1).as_bytes())
    };
    for (found, part) in [
        (
            with("probes.tsv.gz", SPOTS, "SetB", "SetC"),
            "probes.tsv.gz, line 3, column `set`: `SetC` is no set",
        ),
        (
            with("probes.tsv.gz", SPOTS, "AAAUU", "AANUU"),
            "probes.tsv.gz, line 3, column `sequence`, row 1",
        ),
        (
            with("probes.tsv.gz", SPOTS, "AAAUU", ""),
            "probes.tsv.gz, line 3, column `sequence`, row 1 (from 0): the string is empty",
        ),
        (
            with("probes.tsv.gz", SPOTS, "AAAUU\tSetB\n", ""),
            "array `milli` has 3 rows, but probes.tsv.gz has 2",
        ),
        (
            with("experiments.tsv", EXPERIMENTS, "E03", "E04"),
            "array `experiment`: no row of experiments.tsv has the id `E03`",
        ),
        (
            with("experiments.tsv", EXPERIMENTS, "0.9", "nan"),
            "experiments.tsv, line 2, column `repeat_probe_pearson`",
        ),
        (
            with("proteins_info_all.tab", CONSTRUCTS, "MKW", "M?W"),
            "proteins_info_all.tab, line 3, column `AA_seq`, row 1",
        ),
        (
            with("proteins_info_all.tab", CONSTRUCTS, "MKW", ""),
            "proteins_info_all.tab, line 3, column `AA_seq`, row 1",
        ),
        (
            with("proteins_info_all.tab", CONSTRUCTS, "AA_seq", "AA"),
            "no column `AA_seq`",
        ),
        (
            refusal(
                "experiments.tsv",
                EXPERIMENTS
                    .replace("MSI1", "X")
                    .replace("KHDRBS", "Y")
                    .as_bytes(),
            ),
            "experiments.tsv: no rows",
        ),
        (
            refusal(
                "intensities.npz",
                &npz(&[
                    ("milli", milli(&[1, 2, 3], "(3, 1)")),
                    ("experiment", texts(&["E01", "E02"])),
                ]),
            ),
            "array `milli`: 1 columns, expected 2",
        ),
        (
            refusal("intensities.npz", &npz(&[("experiment", texts(&["E01"]))])),
            "intensities.npz: no array `milli`",
        ),
    ] {
        assert!(found.contains(part), "{found}");
    }
}

#[test]
fn an_experiment_of_a_known_protein_is_made_from_its_files() {
    let folder = tables("", b"");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("a.txt"), "-0.5 GGAUC\n1.5 AAATT\n").unwrap();
    fs::write(at("b.txt"), "2 GCGCG\n").unwrap();
    let constructs = at("proteins_info_all.tab");
    let make = |files: &[PathBuf], experiment: &str| {
        rnacompete::prepare_experiment(files, &constructs, experiment, &at("out"))
    };
    let construct = make(&[at("a.txt"), at("b.txt")], "RNCMPT00001").unwrap();
    assert_eq!(
        (construct.gene.as_str(), construct.species.as_str()),
        ("Khdrbs1", "Mm")
    );
    let train =
        rnacompete::read_train(&TrainFiles::in_folder(&at("out")), Reading::default()).unwrap();
    assert_eq!(train.intensities.values(), array![[-0.5], [1.5], [2.0]]);
    assert_eq!(train.probes[1].to_string(), "AAAUU");
    let error = make(&[at("a.txt")], "RNCMPT99999").unwrap_err().to_string();
    assert!(error.contains("has the id `RNCMPT99999`"), "{error}");
    for (text, part) in [
        (
            "-0.5 GGAUC\nAAAUU\n",
            "line 2: `AAAUU`, expected a finite number and a probe",
        ),
        ("-0.5 GGAUC\nnan AAAUU\n", "line 2: `nan AAAUU`"),
        ("-0.5 GGAUC 7\n", "line 1: `-0.5 GGAUC 7`"),
        ("-0.5 GGXUC\n", "line 1, row 0"),
    ] {
        fs::write(at("a.txt"), text).unwrap();
        let error = make(&[at("a.txt")], "RNCMPT00001").unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_real_tables_are_read() {
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/rnacompete");
    if !tables.exists() {
        eprintln!("skipped: no ../shared");
        return;
    }
    let constructs = rnacompete::read_constructs(&tables.join("proteins_info_all.tab")).unwrap();
    assert_eq!(constructs.len(), 244);
    let repaired: Vec<_> = constructs.iter().filter(|c| c.repaired.is_some()).collect();
    assert_eq!(repaired.len(), 1);
    assert_eq!(
        (repaired[0].experiment.as_str(), repaired[0].repaired),
        ("RNCMPT00051", Some(50))
    );
    assert!(repaired[0].protein.to_string().contains("GDIEEAVVITDRQ"));
    let (probes, values) =
        rnacompete::read_experiment(&tables.join("RNCMPT00001_SetA.txt.gz")).unwrap();
    assert_eq!((probes.len(), values[0]), (30_000, -0.975_763));
}
