//! Motif files: what is written is read back, and whatever is broken is refused where it is.

use hairpin_golden::fixture;

use hairpin_seq::motif::{
    Background, FrequencyMatrix, Meme, Motif, read_cisbp, read_jaspar, read_meme, read_transfac,
    write_meme,
};
use hairpin_seq::{Dna, Protein, Rna, SeqError};
use proptest::prelude::*;

const MEME: &str = "MEME version 4.12.0\n\nALPHABET= ACGT\n\nstrands: + -\n\nBackground letter frequencies (from uniform):\nA 0.30 C 0.2 G 0.2 T 0.3\n\n\
    MOTIF MA0004.1 Arnt\nletter-probability matrix: alength= 4 w= 2 nsites= 20 E= 0\n 0.2 0.8 0 0\n 0.95 0 0.05 0\nURL http://example.org\n\n\
    MOTIF two\nletter-probability matrix:\n 1 0 0 0\n";
const JASPAR: &str = ">MA0004.1 Arnt\nA  [ 4 19 ]\nC  [16  0 ]\nG  [ 0  1 ]\nT  [ 0  0 ]\n\n>MA2\n1 2 3\n1 2 3\n1 2 3\n0 0 0.5\n";
const TRANSFAC: &str = "VV TRANSFAC\nXX\n//\nAC M1\nXX\nID V$MYOD\nNA MyoD\nXX\nP0 A C G T\n01 1 2 2 0 S\n02 2 1 2 0 R\nXX\n//\nID M2\nPO A C G T\n1 1 0 0 0\n//\n";
const CISBP: &str = "RBP\tT1\nRBP Name\tA1CF\nMotif\tM001_0.6\nPos\tA\tC\tG\tU\n1\t0.39\t0.10\t0.10\t0.41\n2\t0.01\t0.01\t0.01\t0.97\n\n\nMotif\tM2\nPos\tA\tC\tG\tU\n1\t1\t0\t0\t0\n";

fn place(error: &SeqError) -> (usize, usize) {
    match error {
        SeqError::MotifText { line, column, .. } => (*line, *column),
        other => panic!("{other} has no place"),
    }
}

#[test]
fn every_format_is_read() {
    let meme = read_meme::<Dna>(MEME).unwrap();
    assert_eq!(meme.background.frequencies(), [0.3, 0.2, 0.2, 0.3]);
    assert_eq!(meme.motifs.len(), 2);
    assert_eq!(
        (meme.motifs[0].id.as_str(), meme.motifs[0].name.as_deref()),
        ("MA0004.1", Some("Arnt"))
    );
    assert_eq!(meme.motifs[0].matrix.row(1), [0.95, 0.0, 0.05, 0.0]);
    assert_eq!(meme.motifs[1].matrix.width(), 1);

    let jaspar = read_jaspar::<Dna>(JASPAR).unwrap();
    assert_eq!(jaspar[0].matrix.row(0), [4.0, 16.0, 0.0, 0.0]);
    assert_eq!(
        (jaspar[1].name.as_deref(), jaspar[1].matrix.row(2)),
        (None, &[3.0, 3.0, 3.0, 0.5][..])
    );

    let transfac = read_transfac::<Dna>(TRANSFAC).unwrap();
    assert_eq!(
        (transfac[0].id.as_str(), transfac[0].name.as_deref()),
        ("M1", Some("MyoD"))
    );
    assert_eq!(
        (transfac[1].id.as_str(), transfac[1].matrix.values()),
        ("M2", &[1.0, 0.0, 0.0, 0.0][..])
    );

    let cisbp = read_cisbp::<Rna>(CISBP).unwrap();
    assert_eq!(
        (cisbp[0].id.as_str(), cisbp[0].name.as_deref()),
        ("M001_0.6", Some("A1CF"))
    );
    assert_eq!((cisbp[1].id.as_str(), cisbp[1].matrix.width()), ("M2", 1));
    // Line ends of Windows and a byte-order mark.
    for text in [MEME.replace('\n', "\r\n"), format!("\u{feff}{MEME}")] {
        assert_eq!(read_meme::<Dna>(&text).unwrap(), meme);
    }
}

#[test]
fn a_custom_alphabet_of_meme_is_read() {
    let text = "MEME version 5\nALPHABET \"RNA\" RNA-LIKE\nA \"Adenine\"\nC\nG\nU \"Uracil\" 008000\nN = ACGU\nEND ALPHABET\nMOTIF x\nletter-probability matrix: w= 1\n0 0 0 1\n";
    assert_eq!(
        read_meme::<Rna>(text).unwrap().motifs[0].matrix.row(0),
        [0.0, 0.0, 0.0, 1.0]
    );
    let pairs = "MEME version 5\nALPHABET \"DNA\"\nA \"Adenine\" CC0000 ~ T \"Thymine\" 008000\nC ~ G\nEND ALPHABET\nMOTIF x\nletter-probability matrix: w= 1\n0 0 0 1\n";
    assert!(read_meme::<Dna>(pairs).is_ok());
    assert_eq!(place(&read_meme::<Rna>(pairs).unwrap_err()), (2, 1));
    assert_eq!(
        place(&read_meme::<Rna>("MEME version 5\nALPHABET \"RNA\"\nA\nC\n").unwrap_err()),
        (5, 1)
    );
}

#[test]
fn what_is_broken_is_refused_where_it_is() {
    let meme = |from: &str, to: &str| read_meme::<Dna>(&MEME.replacen(from, to, 1)).unwrap_err();
    for (from, to, expected) in [
        ("MEME version 4.12.0", "meme", (1, 1)),
        ("version 4.12.0", "version 3.0", (1, 14)),
        ("ACGT", "ACGU", (3, 11)),
        ("C 0.2", "C 0", (8, 1)),
        ("C 0.2", "C x", (8, 10)),
        ("C 0.2", "T 0.2", (8, 8)),
        ("alength= 4", "alength= 20", (11, 1)),
        ("w= 2", "w= 0", (11, 42)),
        ("w= 2", "w= 3", (14, 1)),
        ("w= 2", "w= 99999999999999999999999", (11, 42)),
        ("w= 2", "w= 999999999999", (14, 1)),
        ("0.8 0 0", "0.8 0", (12, 11)),
        ("0.8 0 0", "0.8 0 0 0", (12, 14)),
        ("0.8 0 0", "NaN 0 0", (12, 6)),
        ("0.8 0 0", "-0.8 0 0", (12, 6)),
        ("0.8 0 0", "0.7 0 0", (12, 1)),
        ("MOTIF MA0004.1 Arnt\n", "", (10, 1)),
        ("MOTIF two\n", "MOTIF\n", (16, 6)),
        ("MOTIF two\n", "MOTIF one\nMOTIF two\n", (16, 1)),
    ] {
        assert_eq!(
            place(&meme(from, to)),
            expected,
            "{from} -> {to}: {}",
            meme(from, to)
        );
    }
    assert_eq!(place(&read_meme::<Dna>("").unwrap_err()), (1, 1));
    assert_eq!(
        place(&read_meme::<Protein>("MEME version 4\nMOTIF x\n").unwrap_err()),
        (2, 1)
    );
    assert_eq!(
        read_meme::<Rna>(MEME).unwrap_err().to_string(),
        "MEME text, line 3, column 11: expected the RNA symbols ACGU; the motifs are DNA: read them as Dna and transcribe, found \"ACGT\""
    );

    let jaspar = |from: &str, to: &str| {
        place(&read_jaspar::<Dna>(&JASPAR.replacen(from, to, 1)).unwrap_err())
    };
    assert_eq!(jaspar(">MA0004.1 Arnt\n", ""), (1, 1));
    assert_eq!(jaspar(">MA0004.1 Arnt", ">"), (1, 2));
    assert_eq!(jaspar("C  [16", "G  [16"), (3, 1));
    assert_eq!(jaspar("C  [16  0 ]", "C  [16  0"), (3, 10));
    assert_eq!(jaspar("C  [16  0 ]", "C  [16 ]"), (3, 9));
    assert_eq!(jaspar("C  [16  0 ]", "C  [16  0 1 ]"), (3, 11));
    assert_eq!(jaspar("16", "1e99"), (3, 5));
    assert_eq!(jaspar("0 0 0.5\n", ""), (11, 1));
    assert_eq!(jaspar("T  [ 0  0 ]\n", ""), (6, 1));

    let transfac = |from: &str, to: &str| {
        place(&read_transfac::<Dna>(&TRANSFAC.replacen(from, to, 1)).unwrap_err())
    };
    assert_eq!(transfac("A C G T", "A C T G"), (9, 1));
    assert_eq!(transfac("02 2", "03 2"), (11, 1));
    assert_eq!(transfac("2 1 2 0 R", "2 1 2"), (11, 9));
    assert_eq!(transfac("2 1 2 0 R", "2 1 2 0 7"), (11, 12));
    assert_eq!(transfac("1 1 0 0 0\n//\n", "1 1 0 0 0\n"), (17, 1));
    assert_eq!(transfac("01 1 2 2 0 S\n02 2 1 2 0 R\n", ""), (10, 1));
    assert_eq!(
        place(&read_transfac::<Dna>("AC x\n//\n").unwrap_err()),
        (2, 1)
    );

    let cisbp =
        |from: &str, to: &str| place(&read_cisbp::<Rna>(&CISBP.replacen(from, to, 1)).unwrap_err());
    assert_eq!(cisbp("A\tC\tG\tU", "A\tC\tG\tT"), (4, 1));
    assert_eq!(cisbp("2\t0.01", "7\t0.01"), (6, 1));
    assert_eq!(cisbp("0.97", "0.57"), (6, 1));
    assert_eq!(cisbp("RBP\tT1", "RBP T1"), (1, 1));
    assert_eq!(cisbp("1\t1\t0\t0\t0\n", ""), (11, 1));
    assert_eq!(cisbp("Pos\tA\tC\tG\tU\n1\t0.39", "1\t0.39"), (4, 1));
}

#[test]
fn a_name_that_the_format_cannot_hold_is_refused() {
    let mut meme = read_meme::<Dna>(MEME).unwrap();
    for name in ["", "two words", "two\nlines"] {
        meme.motifs[0].id = name.to_owned();
        assert!(write_meme(&meme).is_err(), "{name:?}");
    }
}

#[test]
fn the_fixture_is_written_back_as_it_is_read() {
    let meme = read_meme::<Rna>(&fixture("motifs/rnacompete_transite.meme")).unwrap();
    assert_eq!(read_meme::<Rna>(&write_meme(&meme).unwrap()).unwrap(), meme);
}

/// One byte of a file changed, dropped or added, or the file cut short.
fn broken() -> impl Strategy<Value = String> {
    let files = proptest::sample::select(vec![MEME, JASPAR, TRANSFAC, CISBP]);
    (files, 0..400_usize, 0..5_u8, "[ -~\t\n]{0,3}").prop_map(|(file, at, how, text)| {
        let at = at % file.len();
        match how {
            0 => file[..at].to_owned(),
            1 => format!("{}{}", &file[..at], &file[at + 1..]),
            2 => format!("{}{text}{}", &file[..at], &file[at..]),
            3 => format!("{}{}", &file[at..], &file[..at]),
            _ => format!("{}{text}{}", &file[..at], &file[at + 1..]),
        }
    })
}

fn read_all(text: &str) -> Result<(), TestCaseError> {
    let lines = text.lines().count() + 1;
    let errors = [
        read_meme::<Dna>(text).err(),
        read_meme::<Protein>(text).err(),
        read_jaspar::<Dna>(text).err(),
        read_transfac::<Rna>(text).err(),
        read_transfac::<Dna>(text).err(),
        read_cisbp::<Rna>(text).err(),
    ];
    for error in errors.iter().flatten() {
        match error {
            SeqError::MotifText { line, column, .. } => {
                prop_assert!(*line >= 1 && *line <= lines + 1 && *column >= 1)
            }
            other => prop_assert!(false, "{} has no place", other),
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_a_place(text in "\\PC{0,60}|[ -~\n\t]{0,200}", broken in broken()) {
        read_all(&text)?;
        read_all(&broken)?;
    }

    #[test]
    fn meme_is_the_inverse_of_its_writer(
        rows in proptest::collection::vec(proptest::collection::vec(0.001..1.0_f64, 4), 1..9),
        weights in proptest::collection::vec(0.1..1.0_f64, 4),
        id in "[!-~]{1,12}",
        name in proptest::option::of("[!-~é]{1,12}"),
    ) {
        let unit = |row: &[f64]| { let sum: f64 = row.iter().sum(); row.iter().map(|x| x / sum).collect::<Vec<_>>() };
        let matrix = FrequencyMatrix::<Rna>::new(rows.iter().flat_map(|row| unit(row)).collect()).unwrap();
        let motif = |matrix| Motif { id: id.clone(), name: name.clone(), matrix };
        let meme = Meme { background: Background::new(&unit(&weights)).unwrap(), motifs: vec![motif(matrix.clone()), motif(matrix)] };
        prop_assert_eq!(read_meme::<Rna>(&write_meme(&meme).unwrap()).unwrap(), meme);
    }
}
