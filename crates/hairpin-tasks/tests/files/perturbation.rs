//! Perturbation from file to score, and everything that can be wrong with a table of pairs by genes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::chain;
use hairpin_targets::TargetMatrix;
use hairpin_targets::metrics::Metric;
use hairpin_tasks::TaskError;
use hairpin_tasks::perturbation::{self, Labels, Test, Train};
use ndarray::{Array2, array};
use parquet::basic::{Compression, GzipLevel, LogicalType, Repetition, Type};
use parquet::data_type::{BoolType, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types;
use proptest::prelude::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/tasks/perturbation")
        .join(name)
}

/// A file of this content, in a folder that lives as long as the first of the two.
fn file(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn train(content: &[u8]) -> Result<Train, TaskError> {
    let (_folder, path) = file(content);
    perturbation::read_train(&path)
}

/// The message without the folder.
fn message(error: &TaskError, path: &Path) -> String {
    let folder = format!("{}/", path.parent().unwrap().display());
    chain(error).replace(&folder, "")
}

fn refusal(content: impl AsRef<[u8]>) -> String {
    let (_folder, path) = file(content.as_ref());
    message(&perturbation::read_train(&path).unwrap_err(), &path)
}

/// A column of a Parquet file; none is null.
enum Column<'a> {
    Text(&'a [Option<&'a str>]),
    Bool(&'a [Option<bool>]),
    Float(&'a [Option<f32>]),
    Double(&'a [Option<f64>]),
    Int(&'a [Option<i32>]),
    Long(&'a [Option<i64>]),
}

/// Writes a part of a column: levels of all, values of those that are there.
macro_rules! write_part {
    ($writer:expr, $kind:ty, $values:expr, $rows:expr, |$value:ident| $convert:expr) => {{
        let part = &$values[$rows];
        let levels: Vec<i16> = part.iter().map(|v| i16::from(v.is_some())).collect();
        let given: Vec<_> = part.iter().flatten().map(|$value| $convert).collect();
        let mut writer = $writer.next_column().unwrap().unwrap();
        writer
            .typed::<$kind>()
            .write_batch(&given, Some(&levels), None)
            .unwrap();
        writer.close().unwrap();
    }};
}

/// A Parquet file whose row groups have so many rows.
fn parquet_file(
    columns: &[(&str, Column)],
    groups: &[usize],
    properties: WriterProperties,
) -> Vec<u8> {
    let fields = columns.iter().map(|(name, column)| {
        let (kind, logical) = match column {
            Column::Text(_) => (Type::BYTE_ARRAY, Some(LogicalType::String)),
            Column::Bool(_) => (Type::BOOLEAN, None),
            Column::Float(_) => (Type::FLOAT, None),
            Column::Double(_) => (Type::DOUBLE, None),
            Column::Int(_) => (Type::INT32, None),
            Column::Long(_) => (Type::INT64, None),
        };
        let field = types::Type::primitive_type_builder(name, kind).with_logical_type(logical);
        Arc::new(field.with_repetition(Repetition::OPTIONAL).build().unwrap())
    });
    let schema = types::Type::group_type_builder("schema").with_fields(fields.collect());
    let schema = Arc::new(schema.build().unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut start = 0;
    for &rows in groups {
        let mut group = writer.next_row_group().unwrap();
        let rows = start..start + rows;
        start = rows.end;
        for (_, column) in columns {
            let rows = rows.clone();
            match column {
                Column::Text(v) => write_part!(group, ByteArrayType, v, rows, |t| (*t).into()),
                Column::Bool(v) => write_part!(group, BoolType, v, rows, |x| *x),
                Column::Float(v) => write_part!(group, FloatType, v, rows, |x| *x),
                Column::Double(v) => write_part!(group, DoubleType, v, rows, |x| *x),
                Column::Int(v) => write_part!(group, Int32Type, v, rows, |x| *x),
                Column::Long(v) => write_part!(group, Int64Type, v, rows, |x| *x),
            }
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn plain() -> WriterProperties {
    WriterProperties::builder().build()
}

const CELLS: Column = Column::Text(&[Some("NK cells"), Some("T cells"), Some("NK cells")]);
const COMPOUNDS: Column = Column::Text(&[Some("Aspirin"), Some("Aspirin"), Some("Caffeine")]);

/// Three pairs with one column more.
fn with(name: &str, column: Column) -> Vec<u8> {
    parquet_file(
        &[("cell_type", CELLS), ("sm_name", COMPOUNDS), (name, column)],
        &[3],
        plain(),
    )
}

#[test]
fn the_fixture_is_read_whole() {
    let train = perturbation::read_train(&fixture(perturbation::TRAIN)).unwrap();
    assert_eq!(train.targets.values().dim(), (60, 100));
    assert_eq!(train.targets.names()[..2], ["GENE001", "GENE002"]);
    let missing = train.targets.measured().iter().filter(|&&m| !m).count();
    assert_eq!(missing, 94);
    assert_eq!(
        (train.cell_types[0].as_str(), train.compounds[1].as_str()),
        ("NK cells", "Acetylcysteine")
    );
    assert_eq!(
        train.smiles.as_ref().unwrap()[5],
        "CS(=O)(=O)OCCCCOS(C)(=O)=O"
    );
    assert_eq!(train.lincs_ids.as_ref().unwrap()[59], "LSM-90024");
    let control = train.control.as_ref().unwrap();
    assert_eq!(control.iter().filter(|&&control| control).count(), 8);
    let test = perturbation::read_test(&fixture(perturbation::TEST)).unwrap();
    assert_eq!((test.ids.len(), test.ids[35].as_str()), (36, "35"));
    assert!(train.unseen(&test).is_empty());
    let labels = perturbation::read_labels(&fixture("labels.csv")).unwrap();
    assert_eq!(labels.targets.names(), train.targets.names());
    assert_eq!(labels.ids.unwrap(), test.ids);
}

#[test]
fn packed_in_any_way_the_values_are_the_same() {
    let gene = [Some(0.5), None, Some(-3.0), Some(1e-3)];
    let long = gene.map(|value| value.map(f64::from));
    let expected = array![
        [0.5, 0.5, 7.0, -9.0],
        [0.0, 0.0, 0.0, 0.0],
        [-3.0, -3.0, 2.0, 1.0],
        [1e-3, 1e-3, 0.0, 0.0]
    ];
    let packings = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4_RAW,
    ];
    for packing in packings {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for (dictionary, groups) in [(true, &[4][..]), (false, &[3, 1]), (true, &[1, 0, 2, 1])]
            {
                let cells = Column::Text(&[Some("a"), Some("a"), Some("b"), Some("b")]);
                let compounds = Column::Text(&[Some("x"), Some("y"), Some("x"), Some("y")]);
                let columns = [
                    ("cell_type", cells),
                    ("F", Column::Float(&gene)),
                    ("D", Column::Double(&long)),
                    ("sm_name", compounds),
                    ("I", Column::Int(&[Some(7), None, Some(2), Some(0)])),
                    ("L", Column::Long(&[Some(-9), None, Some(1), Some(0)])),
                ];
                let properties = WriterProperties::builder()
                    .set_compression(packing)
                    .set_writer_version(version)
                    .set_dictionary_enabled(dictionary)
                    .build();
                let train = train(&parquet_file(&columns, groups, properties)).unwrap();
                assert_eq!(
                    train.targets.values(),
                    expected,
                    "{packing}, {version:?}, {groups:?}"
                );
                let measured = |row: usize| train.targets.measured().row(row).iter().all(|&m| m);
                assert_eq!([0, 1, 2, 3].map(measured), [true, false, true, true]);
                assert_eq!(train.compounds, ["x", "y", "x", "y"]);
                assert_eq!(train.targets.names(), ["F", "D", "I", "L"]);
            }
        }
    }
}

#[test]
fn optional_columns_may_be_missing_and_an_index_is_no_gene() {
    let train = train(&parquet_file(
        &[
            (
                "__index_level_0__",
                Column::Long(&[Some(0), Some(1), Some(2)]),
            ),
            ("control", Column::Bool(&[Some(true), None, Some(false)])),
            ("cell_type", CELLS),
            ("sm_name", COMPOUNDS),
            ("G", Column::Float(&[Some(1.0), Some(2.0), Some(f32::NAN)])),
        ],
        &[3],
        plain(),
    ))
    .unwrap();
    assert_eq!((train.smiles, train.lincs_ids), (None, None));
    assert_eq!(train.control, Some(vec![true, false, false]));
    assert_eq!(train.targets.names(), ["G"]);
    assert_eq!(train.targets.measured(), array![[true], [true], [false]]);
}

#[test]
fn csv_is_read_as_parquet_is() {
    let csv = ",cell_type,G1,sm_name,control,G2\n0,a,1.5,x,True,\n1,b,-2,x,False,NaN\n2,a,1e-3,\"y, z\",False,4\n";
    let train = train(csv.as_bytes()).unwrap();
    assert_eq!(train.compounds, ["x", "x", "y, z"]);
    assert_eq!(train.control, Some(vec![true, false, false]));
    assert_eq!(
        train.targets.values(),
        array![[1.5, 0.0], [-2.0, 0.0], [1e-3, 4.0]]
    );
    assert_eq!(
        train.targets.measured(),
        array![[true, false], [true, false], [true, true]]
    );
}

#[test]
fn bad_values_name_row_and_column() {
    let infinite = Column::Float(&[Some(1.0), Some(f32::INFINITY), None]);
    assert_eq!(
        refusal(with("G", infinite)),
        "t, row 1 (from 0), column `G`: inf, expected a finite number from -3.4028235e38 to 3.4028235e38, or null; \
         correct the file; a column that is no gene must be left out"
    );
    let large = Column::Double(&[Some(1.0), Some(2.0), Some(-1e300)]);
    assert!(
        refusal(with("G", large)).starts_with("t, row 2 (from 0), column `G`: -1e300, expected")
    );
    let text = Column::Text(&[Some("1.0"), None, None]);
    assert_eq!(
        refusal(with("batch", text)),
        "t, column `batch`: a column of text, expected a column of floats or integers; \
         correct the file; a column that is no gene must be left out"
    );
    let yes = Column::Bool(&[Some(true), None, None]);
    assert!(
        refusal(with("batch", yes)).starts_with("t, column `batch`: a column of BOOLEAN, expected")
    );

    assert_eq!(
        refusal("cell_type,sm_name,G\na,x,1\na,y,plate 7\n"),
        "t, line 3, column `G`: `plate 7`, expected a finite number from -3.4028235e38 to 3.4028235e38, or nothing; \
         correct the value; a column that is no gene must be left out"
    );
    assert!(
        refusal("cell_type,sm_name,G\na,x,-inf\n")
            .starts_with("t, line 2, column `G`: `-inf`, expected")
    );
    assert!(
        refusal("cell_type,sm_name,control,G\na,x,maybe,1\n")
            .starts_with("t, line 2, column `control`: `maybe`, expected True")
    );
}

#[test]
fn bad_pairs_name_their_rows() {
    let twice = Column::Text(&[Some("a"), Some("b"), Some("a")]);
    let same = Column::Text(&[Some("x"), Some("x"), Some("x")]);
    let gene = || Column::Float(&[Some(1.0), Some(1.0), Some(1.0)]);
    let content = parquet_file(
        &[("cell_type", twice), ("sm_name", same), ("G", gene())],
        &[3],
        plain(),
    );
    assert_eq!(
        refusal(content),
        "t, row 2 (from 0): the pair `a`, `x` is also in row 0 (from 0); a pair may occur once: average its rows or remove one"
    );
    assert!(
        refusal("cell_type,sm_name,G\na,x,1\nb,x,1\na,x,2\n")
            .starts_with("t, line 4: the pair `a`, `x` is also in line 2;")
    );
    let unnamed = Column::Text(&[Some("a"), None, Some("b")]);
    let content = parquet_file(
        &[("cell_type", CELLS), ("sm_name", unnamed), ("G", gene())],
        &[3],
        plain(),
    );
    assert!(
        refusal(content)
            .starts_with("t, row 1 (from 0), column `sm_name`: an empty field, expected a name;")
    );
    assert!(
        refusal(parquet_file(
            &[("cell_type", CELLS), ("G", gene())],
            &[3],
            plain()
        ))
        .starts_with("t: no column `sm_name`; the header has `G`;")
    );
}

#[test]
fn a_table_needs_rows_and_genes_and_names_that_differ() {
    let empty = parquet_file(
        &[
            ("cell_type", Column::Text(&[])),
            ("sm_name", Column::Text(&[])),
            ("G", Column::Float(&[])),
        ],
        &[],
        plain(),
    );
    assert_eq!(refusal(empty), "t: no rows; at least one is needed");
    assert_eq!(
        refusal("cell_type,sm_name,G\n"),
        "t: no rows; at least one is needed"
    );
    assert!(
        refusal("cell_type,sm_name\na,x\n").starts_with("t: no gene, expected a column of numbers")
    );
    assert!(
        refusal("cell_type,sm_name,G,G\na,x,1,2\n").contains("columns 3 and 4 are both named `G`")
    );
    let gene = || Column::Float(&[Some(1.0), Some(1.0), Some(1.0)]);
    let twice = parquet_file(
        &[
            ("cell_type", CELLS),
            ("sm_name", COMPOUNDS),
            ("G", gene()),
            ("G", gene()),
        ],
        &[3],
        plain(),
    );
    assert_eq!(
        refusal(twice),
        "t: columns 3 and 4 are both named `G`; rename one of them"
    );
}

#[test]
fn a_file_cut_short_is_damaged() {
    let whole = fs::read(fixture(perturbation::TRAIN)).unwrap();
    let cut = &whole[..whole.len() - 100];
    assert_eq!(
        refusal(cut),
        "t: its footer is missing: a Parquet file ends with PAR1; the file is damaged or cut short: copy or make it again"
    );
    // The start of the footer is lost, as after a part was sent twice.
    let torn = [&whole[..1000], &whole[whole.len() - 2000..]].concat();
    assert!(refusal(torn).starts_with("t: its footer cannot be read; the file is damaged"));
    let outside = [&whole[..4], &whole[40_000..]].concat();
    let refused = refusal(outside);
    assert!(
        refused.starts_with("t, column `")
            && refused.contains("cannot be read; the file is damaged"),
        "{refused}"
    );
}

#[cfg(not(feature = "h5ad"))]
#[test]
fn anndata_is_known_by_its_first_bytes() {
    let content = fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures/golden/hairpin-tasks/perturbation_dense.h5ad"),
    );
    assert_eq!(
        refusal(content.unwrap()),
        "t: not a Parquet or CSV file: the first bytes are those of HDF5; build with the feature h5ad to read AnnData, or save it with \
         pandas.DataFrame.to_parquet"
    );
}

#[test]
fn a_small_file_that_promises_much_is_refused() {
    let rows = 1_000_000;
    let (names, gene) = (vec![Some("a"); rows], vec![Some(0.0); rows]);
    let columns = [
        ("cell_type", Column::Text(&names)),
        ("sm_name", Column::Text(&names)),
        ("G", Column::Float(&gene)),
    ];
    let one_page = WriterProperties::builder().set_data_page_row_count_limit(rows);
    let refused = refusal(parquet_file(&columns, &[rows], one_page.build()));
    assert!(
        refused.contains("1000000 rows of 3 columns in"),
        "{refused}"
    );
    assert!(refused.contains("1024 values for each byte"), "{refused}");
}

fn test_file(content: &str) -> Result<Test, String> {
    let (_folder, path) = file(content.as_bytes());
    perturbation::read_test(&path).map_err(|error| message(&error, &path))
}

#[test]
fn pairs_to_predict_need_ids_and_names() {
    let read = test_file("id,cell_type,sm_name\n7,a,x\n8,b,\"x, y\"\n").unwrap();
    assert_eq!(
        (read.ids, read.compounds),
        (
            vec!["7".to_string(), "8".to_string()],
            vec!["x".to_string(), "x, y".to_string()]
        )
    );
    let refused = |content| test_file(content).unwrap_err();
    assert_eq!(
        refused("id,cell_type,sm_name\n"),
        "t: no rows; at least one is needed"
    );
    assert!(refused("id,cell_type\n1,a\n").contains("no column `sm_name`"));
    assert!(
        refused("id,cell_type,sm_name\n1,a,x\n2,a,\n")
            .starts_with("t, line 3, column `sm_name`: an empty field")
    );
    assert!(
        refused("id,cell_type,sm_name\n1,a,x\n1,b,x\n")
            .starts_with("t, line 3, column `id`: `1` is also the id of line 2")
    );
    assert!(
        refused("id,cell_type,sm_name\n1,a,x\n2,a,x\n")
            .starts_with("t, line 3, column `sm_name`: the pair `a`, `x` is also in line 2")
    );
}

#[test]
fn what_was_never_measured_is_counted() {
    let train = train(b"cell_type,sm_name,G\na,x,1\nb,y,1\n").unwrap();
    let test = test_file("id,cell_type,sm_name\n1,a,y\n2,c,y\n3,c,z\n4,a,w\n5,b,z\n").unwrap();
    let unseen = train.unseen(&test);
    assert_eq!(unseen.cell_types, [("c".to_string(), 2)]);
    assert_eq!(
        unseen.compounds,
        [("w".to_string(), 1), ("z".to_string(), 2)]
    );
    assert_eq!(
        unseen.to_string(),
        "no measured row of 1 cell type: `c` (2 pairs to predict), and of 2 compounds: `w` (1 pair to predict), `z` (2 pairs to predict)"
    );
}

fn matrix(values: Array2<f32>, names: &[&str]) -> TargetMatrix {
    TargetMatrix::new(values, names.iter().map(|name| name.to_string()).collect()).unwrap()
}

fn ids(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

#[test]
fn a_submission_is_written_as_kaggle_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("submission.csv");
    let predicted = matrix(array![[0.1, -2.0], [1e-7, 3.5]], &["B", "A,1"]);
    perturbation::write_submission(&path, &ids(&["0", "1"]), &predicted).unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "id,B,\"A,1\"\n0,0.1,-2\n1,0.0000001,3.5\n"
    );

    let refused = |ids: &[String], predicted: &TargetMatrix| {
        let csv = perturbation::write_submission(&path, ids, predicted).unwrap_err();
        let parquet = perturbation::write_submission_parquet(&path, ids, predicted).unwrap_err();
        assert_eq!(csv.to_string(), parquet.to_string());
        message(&csv, &path)
    };
    assert!(refused(&[], &predicted).contains("no rows"));
    assert!(refused(&ids(&["0"]), &predicted).contains("2 x 2 predictions, expected 1 rows"));
    assert!(
        refused(&ids(&["0", "0"]), &predicted)
            .contains("line 3, column `id`: `0` is also the id of line 2")
    );
    assert!(refused(&ids(&["0", ""]), &predicted).contains("line 3, column `id`"));
    let names = || vec!["A".to_string(), "B".to_string()];
    let gap = TargetMatrix::from_nan(array![[1.0, 2.0], [3.0, f32::NAN]], names()).unwrap();
    assert!(refused(&ids(&["0", "1"]), &gap).contains("row 1 (from 0), column `B`: no prediction"));
    assert!(
        refused(
            &ids(&["0", "1"]),
            &matrix(array![[1.0], [2.0]], &["sm_name"])
        )
        .contains("a gene of the name `sm_name`")
    );
    // What was there stays.
    assert!(fs::read_to_string(&path).unwrap().starts_with("id,B"));
}

proptest! {
    #[test]
    fn both_forms_give_back_what_was_written(
        values in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, 12),
        names in prop::collection::hash_set("[ -~]{1,8}", 3),
        ids in prop::collection::hash_set("[!-~]{1,8}", 4),
    ) {
        prop_assume!(names.iter().all(|name| !["id", "control", "SMILES"].contains(&name.as_str())));
        let (names, ids): (Vec<String>, Vec<String>) = (names.into_iter().collect(), ids.into_iter().collect());
        let predicted = TargetMatrix::new(Array2::from_shape_vec((4, 3), values).unwrap(), names).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("submission");
        let mut read: Vec<Labels> = Vec::new();
        perturbation::write_submission(&path, &ids, &predicted).unwrap();
        read.push(perturbation::read_submission(&path).unwrap());
        perturbation::write_submission_parquet(&path, &ids, &predicted).unwrap();
        read.push(perturbation::read_submission(&path).unwrap());
        for read in read {
            prop_assert_eq!(read.targets.values(), predicted.values());
            prop_assert_eq!(read.targets.names(), predicted.names());
            prop_assert_eq!(read.ids.as_ref().unwrap(), &ids);
        }
    }

    /// Flips and cuts: reading gives a table or an error that names the file, and does not panic.
    #[test]
    fn damage_is_an_error(flips in prop::collection::vec((0.0..1.0, any::<u8>()), 0..6), cut in 0.2_f64..1.2) {
        let gene = [Some(0.5), None, Some(-3.0), Some(1e-3)];
        let columns = [
            ("cell_type", Column::Text(&[Some("a"), Some("a"), Some("b"), Some("b")])),
            ("sm_name", Column::Text(&[Some("x"), Some("y"), Some("x"), Some("y")])),
            ("control", Column::Bool(&[Some(true), None, Some(true), Some(false)])),
            ("F", Column::Float(&gene)),
            ("I", Column::Int(&[Some(7), None, Some(2), Some(0)])),
        ];
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut content = parquet_file(&columns, &[3, 1], properties);
        for (place, byte) in flips {
            let place: f64 = place;
            let place = (place * content.len() as f64) as usize;
            content[place] = byte;
        }
        content.truncate((cut * content.len() as f64) as usize);
        let (_folder, path) = file(&content);
        match perturbation::read_train(&path) {
            Ok(train) => prop_assert_eq!(train.cell_types.len(), train.targets.n_rows()),
            Err(error) => prop_assert!(error.to_string().starts_with(&path.display().to_string()), "{}", error),
        }
    }
}

/// Scores tables given as text.
fn score(
    submission: &str,
    labels: &str,
    test: Option<&Test>,
) -> Result<perturbation::Score, String> {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["submission.csv", "labels.csv"].map(|name| folder.path().join(name));
    fs::write(&a, submission).unwrap();
    fs::write(&b, labels).unwrap();
    perturbation::score(&a, &b, test).map_err(|error| message(&error, &a))
}

const LABELS: &str = "cell_type,sm_name,id,G1,G2,G3\nB,x,0,3,4,0\nM,x,1,6,,8\n";

#[test]
fn the_score_is_that_on_paper() {
    // Row 0: errors 0, 0, 3; row 1: 0 and 2. Rows and genes stand in another order, with a gene that does not count.
    let result = score("id,G3,G9,G2,G1\n1,6,0,9,6\n0,3,0,4,3\n", LABELS, None).unwrap();
    let mrrmse = (3_f64.sqrt() + 2_f64.sqrt()) / 2.0;
    let zeros = ((25.0 / 3.0_f64).sqrt() + (100.0 / 2.0_f64).sqrt()) / 2.0;
    assert!((result.mrrmse.value - mrrmse).abs() < 1e-12);
    assert!((result.zeros - zeros).abs() < 1e-12);
    assert!((result.ratio() - mrrmse / zeros).abs() < 1e-12);
    assert_eq!((result.n_rows, result.n_genes, result.n_values), (2, 3, 5));
    // Row 0: 3, 4, 3 against 3, 4, 0. What counts of row 1 is predicted as one value, so that it has no correlation.
    let pearson = result.get(Metric::Pearson).unwrap().value;
    assert!((pearson - 15.0 / (6.0_f64 * 78.0).sqrt()).abs() < 1e-12);
    assert!(
        result
            .to_string()
            .contains("2 rows x 3 genes, 5 values measured")
    );
}

#[test]
fn zeros_have_a_ratio_of_one_and_no_correlation() {
    let result = score("id,G1,G2,G3\n0,0,0,0\n1,0,0,0\n", LABELS, None).unwrap();
    assert_eq!(result.ratio(), 1.0);
    assert_eq!(result.metrics.map(|(_, value)| value), [None, None, None]);
}

#[test]
fn rows_are_matched_by_pair_where_one_file_has_no_ids() {
    let by_pair = "cell_type,sm_name,G1,G2,G3\nM,x,6,,8\nB,x,3,4,0\n";
    let submission = "id,G1,G2,G3\n0,3,4,0\n1,6,0,7\n";
    let test = test_file("id,cell_type,sm_name\n0,B,x\n1,M,x\n").unwrap();
    let result = score(submission, by_pair, Some(&test)).unwrap();
    assert!((result.mrrmse.value - 0.5_f64.sqrt() / 2.0).abs() < 1e-12);
    let refused = score(submission, by_pair, None).unwrap_err();
    assert!(
        refused.contains("rows known by id alone") && refused.contains("give the id_map.csv"),
        "{refused}"
    );
    let other = test_file("id,cell_type,sm_name\n0,B,x\n2,M,x\n").unwrap();
    assert!(
        score(submission, by_pair, Some(&other))
            .unwrap_err()
            .contains("`1`, expected an id of id_map.csv")
    );
}

#[test]
fn a_submission_that_does_not_fit_is_refused() {
    let refused = |submission: &str| score(submission, LABELS, None).unwrap_err();
    assert_eq!(
        refused("id,G2\n0,1\n1,1\n"),
        "submission.csv: no column of the gene `G1` and of 1 more, expected the 3 genes of labels.csv; predict every gene of the training file"
    );
    assert!(
        refused("id,G1,G2,G3\n0,1,1,\n1,1,1,1\n")
            .starts_with("submission.csv, line 2, column `G3`: no value, expected a finite number")
    );
    assert!(
        refused("id,G1,G2,G3\n0,1,1,inf\n1,1,1,1\n")
            .starts_with("submission.csv, line 2, column `G3`: `inf`")
    );
    assert!(
        refused("id,G1,G2,G3\n0,1,1,1\n")
            .starts_with("labels.csv: the id `1`, expected the rows of submission.csv")
    );
    assert!(
        refused("id,G1,G2,G3\n0,1,1,1\n1,1,1,1\n2,1,1,1\n")
            .starts_with("submission.csv: the id `2`, expected the rows of labels.csv")
    );
    assert!(
        refused("id,G1,G2,G3\n0,1,1,1\n0,1,1,1\n")
            .contains("line 3, column `id`: `0`, which is also the id of line 2")
    );
    assert!(refused("G1,G2,G3\n1,1,1\n").contains("no column `cell_type`"));
}
