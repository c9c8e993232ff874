//! What a user's file may and may not say.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Config {
    seed: u64,
    model: Model,
    fit: Fit,
    note: String,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Model {
    d_hidden: usize,
    dropout: f64,
    bidirectional: bool,
    pool: Pool,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Pool {
    LastState,
    Mean,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Fit {
    epochs: usize,
    learning_rate: f32,
    max_gradient_norm: Option<f32>,
    plateau: Option<Plateau>,
    fractions: Vec<f64>,
    steps: Vec<Plateau>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Plateau {
    factor: f32,
    patience: usize,
}

fn defaults() -> Config {
    Config {
        seed: 0,
        model: Model {
            d_hidden: 64,
            dropout: 0.2,
            bidirectional: true,
            pool: Pool::LastState,
        },
        fit: Fit {
            epochs: 60,
            learning_rate: 0.001,
            max_gradient_norm: None,
            plateau: None,
            fractions: vec![0.8, 0.2],
            steps: vec![],
        },
        note: String::new(),
    }
}

fn lay(text: &str) -> Result<Config, TrainError> {
    layered(&defaults(), text, Path::new("my.toml"))
}

fn refused(text: &str) -> String {
    lay(text).unwrap_err().to_string()
}

#[test]
fn what_is_not_written_keeps_its_default() {
    assert_eq!(lay("").unwrap(), defaults());
    assert_eq!(lay("# only a comment\r\n[fit]\n").unwrap(), defaults());
    let mut expected = defaults();
    expected.seed = u64::MAX;
    expected.model.pool = Pool::Mean;
    expected.fit.max_gradient_norm = Some(5.0);
    expected.fit.plateau = Some(Plateau {
        factor: 0.5,
        patience: 15,
    });
    expected.fit.fractions = vec![1.0];
    let text = "seed = 18446744073709551615\nmodel.pool = 'mean'\n\
                [fit]\nmax_gradient_norm = 5\nfractions = [1]\n[fit.plateau]\nfactor = 0.5\npatience = 0xf\n";
    assert_eq!(lay(text).unwrap(), expected);
}

#[test]
fn an_integer_is_taken_where_the_default_is_a_float() {
    let config = lay("model.dropout = 1\nfit.learning_rate = 2").unwrap();
    assert_eq!((config.model.dropout, config.fit.learning_rate), (1.0, 2.0));
}

#[test]
fn unknown_keys_are_refused_at_any_depth() {
    assert_eq!(
        refused("sede = 1"),
        "my.toml, line 1, column 1: unknown key `sede`, did you mean `seed`?; \
         expected one of `fit`, `model`, `note`, `seed`"
    );
    for (text, place, key, suggestion) in [
        ("[modle]\nd_hidden = 1", (1, 2), "modle", Some("model")),
        (
            "[fit]\n\n  epoch = 1",
            (3, 3),
            "fit.epoch",
            Some("fit.epochs"),
        ),
        (
            "model.d-hidden = 1",
            (1, 7),
            "model.d-hidden",
            Some("model.d_hidden"),
        ),
        (
            "fit = { EPOCHS = 1 }",
            (1, 9),
            "fit.EPOCHS",
            Some("fit.epochs"),
        ),
        // The key of another table: the whole name says where it belongs.
        ("epochs = 3", (1, 1), "epochs", Some("fit.epochs")),
        (
            "[model]\nlearning_rate = 1",
            (2, 1),
            "model.learning_rate",
            Some("fit.learning_rate"),
        ),
        ("lr = 1", (1, 1), "lr", None),
        ("note = 'ÄÖ'\nfit.'ä b' = 1", (2, 5), "fit.\"ä b\"", None),
        ("fit = { epochs = 1, 'ö' = 2 }", (1, 21), "fit.\"ö\"", None),
    ] {
        let error = lay(text).unwrap_err();
        let TrainError::ConfigKey {
            line,
            column,
            key: found,
            suggestion: suggested,
            allowed,
            ..
        } = error
        else {
            panic!("{text}: {error}");
        };
        assert_eq!((line, column), place, "{text}");
        assert_eq!((found.as_str(), suggested.as_deref()), (key, suggestion));
        assert!(allowed.len() >= 4);
    }
}

#[test]
fn keys_that_have_no_default_to_compare_with_are_refused_too() {
    for text in [
        "[fit.plateau]\nfactor = 0.5\npatience = 1\npatiense = 2",
        "[[fit.steps]]\nfactor = 0.5\npatience = 1\npatiense = 2",
        "[fit]\nsteps = [\n\n{ factor = 0.5, patience = 1 }, { patiense = 2, factor = 1, patience = 1 }]",
    ] {
        let error = lay(text).unwrap_err();
        let TrainError::ConfigKey {
            line,
            key,
            suggestion,
            allowed,
            ..
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!(line, 4);
        assert!(key.ends_with(".patiense"), "{key}");
        let suggestion = suggestion.unwrap();
        assert_eq!(suggestion, key.replace("patiense", "patience"));
        assert_eq!(allowed, ["factor", "patience"]);
    }
}

#[test]
fn of_two_keys_as_near_the_one_in_the_same_table_is_meant() {
    #[derive(Serialize, Deserialize)]
    struct Towers {
        left: Tower,
        right: Tower,
    }
    #[derive(Serialize, Deserialize)]
    struct Tower {
        layers: usize,
    }
    let towers = Towers {
        left: Tower { layers: 1 },
        right: Tower { layers: 1 },
    };
    for table in ["left", "right"] {
        let text = format!("{table}.layer = 2");
        let message = layered(&towers, &text, Path::new("my.toml"))
            .err()
            .map(|error| error.to_string());
        let meant = format!("did you mean `{table}.layers`?");
        assert!(message.is_some_and(|message| message.contains(&meant)));
    }
}

#[test]
fn a_table_that_lacks_a_key_is_refused_as_a_whole() {
    assert_eq!(
        refused("fit.plateau.factor = 1"),
        "my.toml, line 1, column 5: `fit.plateau` is refused: missing field `patience`; correct the value"
    );
}

#[test]
fn a_value_of_another_type_is_refused() {
    assert_eq!(
        refused("[fit]\nepochs = 'many'"),
        "my.toml, line 2, column 1: `fit.epochs` is a string, expected an integer; write the value as an integer"
    );
    for (text, expected) in [
        ("fit.epochs = 1.0", "is a float, expected an integer"),
        ("fit.learning_rate = '1'", "is a string, expected a float"),
        ("fit.fractions = 1", "is an integer, expected an array"),
        ("fit = 1", "is an integer, expected a table"),
        (
            "model.bidirectional = 1",
            "is an integer, expected a boolean",
        ),
        ("model.pool = true", "is a boolean, expected a string"),
        ("[model.pool]\nkind = 1", "is a table, expected a string"),
        ("note = 2024-01-01", "is a date, expected a string"),
        ("note = []", "is an array, expected a string"),
    ] {
        let error = lay(text).unwrap_err();
        assert!(
            matches!(error, TrainError::ConfigType { line: 1, .. }),
            "{error}"
        );
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_refused_value_is_found_among_the_others() {
    assert_eq!(
        refused("seed = 1\n[model]\nd_hidden = 8\npool = 'max'\n[fit]\nepochs = 2"),
        "my.toml, line 4, column 1: `model.pool` is refused: \
         unknown variant `max`, expected `last_state` or `mean`; correct the value"
    );
    for (text, place, expected) in [
        (
            "seed = 1\nfit.epochs = -3",
            (2, 5),
            "`fit.epochs` is refused: invalid value: integer `-3`",
        ),
        // In the order of the file, although the parser sorts the keys of a table.
        ("seed = -1\nfit.epochs = -3", (1, 1), "`seed` is refused"),
        (
            "[fit]\nmax_gradient_norm = 'big'",
            (2, 1),
            "invalid type: string \"big\", expected f32",
        ),
        (
            "fit.max_gradient_norm = 2024-01-01",
            (1, 5),
            "2024-01-01 is a date",
        ),
        (
            "fit.fractions = [0.5, '0.5']",
            (1, 5),
            "invalid type: string",
        ),
        ("model.dropout = nan", (1, 7), "nan is not a finite number"),
        (
            "model.dropout = 1e999",
            (1, 7),
            "1e999 is not a finite number",
        ),
        (
            "model.dropout = -inf",
            (1, 7),
            "-inf is not a finite number",
        ),
        (
            "fit.fractions = [inf]",
            (1, 5),
            "inf is not a finite number",
        ),
        (
            "fit.learning_rate = 1e300",
            (1, 5),
            "too large for its type",
        ),
        (
            "fit.max_gradient_norm = 1e39",
            (1, 5),
            "too large for its type",
        ),
        ("seed = 18446744073709551616", (1, 1), "beyond 64 bits"),
        (
            "[[fit.steps]]\nfactor = 1e39\npatience = 1",
            (2, 1),
            "`fit.steps.factor` is refused",
        ),
    ] {
        let error = lay(text).unwrap_err();
        let TrainError::ConfigValue { line, column, .. } = error else {
            panic!("{text}: {error}");
        };
        assert_eq!((line, column), place, "{text}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn text_that_is_not_toml_is_refused_at_its_place() {
    for (text, place) in [
        ("seed = ", (1, 8)),
        ("seed = 1\nseed = 2", (2, 1)),
        ("[fit\nepochs = 1", (1, 5)),
        ("note = 'é' x", (1, 12)),
    ] {
        let error = lay(text).unwrap_err();
        let TrainError::ConfigSyntax { line, column, .. } = &error else {
            panic!("{text}: {error}");
        };
        assert_eq!((*line, *column), place, "{error}");
        assert!(!error.to_string().contains('\n'));
    }
    let deep = "x = ".to_owned() + &"[".repeat(100_000);
    assert!(matches!(
        lay(&deep).unwrap_err(),
        TrainError::ConfigSyntax { .. }
    ));
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    #[derive(Serialize)]
    struct One<T> {
        value: T,
    }
    for error in [
        to_toml(&One { value: f64::NAN }),
        to_toml(&One {
            value: [1.0, f32::INFINITY],
        }),
        to_toml(&One {
            value: One {
                value: f64::NEG_INFINITY,
            },
        }),
        to_toml(&One { value: u128::MAX }),
    ] {
        let error = error.unwrap_err();
        assert!(matches!(error, TrainError::ConfigShape { .. }), "{error}");
    }
    assert!(matches!(to_toml(&1), Err(TrainError::ConfigShape { .. })));
    let path = Path::new("my.toml");
    assert!(matches!(
        layered(&1, "", path),
        Err(TrainError::ConfigShape { .. })
    ));
    let mut config = defaults();
    config.model.dropout = f64::NAN;
    let error = layered(&config, "seed = 1", path).unwrap_err();
    assert!(
        error.to_string().contains("its own defaults are refused"),
        "{error}"
    );
}

fn float() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("finite", |float| float.is_finite())
}

fn float32() -> impl Strategy<Value = f32> {
    any::<f32>().prop_filter("finite", |float| float.is_finite())
}

fn plateau() -> impl Strategy<Value = Plateau> {
    (float32(), 0..usize::MAX).prop_map(|(factor, patience)| Plateau { factor, patience })
}

prop_compose! {
    fn config()(
        seed: u64, d_hidden in 0..1_000_usize, dropout in float(), bidirectional: bool, mean: bool, epochs: usize,
        learning_rate in float32(), max_gradient_norm in proptest::option::of(float32()),
        plateau in proptest::option::of(plateau()), fractions in prop::collection::vec(float(), 0..4),
        steps in prop::collection::vec(plateau(), 0..3), note: String,
    ) -> Config {
        let pool = if mean { Pool::Mean } else { Pool::LastState };
        Config {
            seed,
            model: Model { d_hidden, dropout, bidirectional, pool },
            fit: Fit { epochs, learning_rate, max_gradient_norm, plateau, fractions, steps },
            note,
        }
    }
}

proptest! {
    #[test]
    fn the_resolved_configuration_reads_back_to_the_bit(config in config()) {
        let text = to_toml(&config)?;
        let read = lay(&text)?;
        // Equal floats may differ in the sign of zero; their text does not.
        prop_assert_eq!(format!("{read:?}"), format!("{config:?}"));
        prop_assert_eq!(to_toml(&read)?, text);
    }

    #[test]
    fn no_text_panics(text in "[a-z\\[\\]=.'\"{}, \n0-9é-]{0,60}") {
        if let Err(error) = lay(&text) {
            prop_assert!(error.to_string().starts_with("my.toml, line "), "{error}");
        }
    }

    #[test]
    fn one_key_changes_one_value(epochs in 0..1_000_usize) {
        let mut expected = defaults();
        expected.fit.epochs = epochs;
        prop_assert_eq!(lay(&format!("[fit]\nepochs = {epochs}"))?, expected);
    }
}
