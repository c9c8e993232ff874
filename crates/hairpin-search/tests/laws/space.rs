//! Spaces: what is refused, with its place, and that TOML gives back what was written.

use std::ops::RangeInclusive;
use std::path::Path;

use hairpin_search::{Domain, Param, Space, SpaceBuilder, Value};
use proptest::prelude::*;

fn read(text: &str) -> Result<Space, String> {
    Space::from_toml(text, Path::new("s.toml")).map_err(|error| error.to_string())
}

fn refused(text: &str) -> String {
    read(text).unwrap_err()
}

fn wrong(space: SpaceBuilder) -> String {
    space.build().unwrap_err().to_string()
}

#[test]
fn bounds_out_of_order_or_range_are_refused() {
    let space = Space::builder;
    assert_eq!(
        wrong(space().float("x", 1.0..=0.5)),
        "parameter `x` has low 1.0 above high 0.5: exchange them"
    );
    assert_eq!(
        wrong(space().int("k", RangeInclusive::new(3, 1))),
        "parameter `k` has low 3 above high 1: exchange them"
    );
    assert!(
        wrong(space().float("x", f64::NAN..=1.0)).contains("goes from NaN to 1.0: expected finite")
    );
    assert!(wrong(space().float("x", 0.0..=f64::INFINITY)).contains("expected finite bounds"));
    assert!(
        wrong(space().float("x", f64::MIN..=f64::MAX)).contains("whose distance is finite too")
    );
    assert!(wrong(space().log_float("x", 0.0..=1.0)).contains("expected a lower bound above 0"));
    assert!(wrong(space().log_int("k", -1..=9)).contains("logarithmic scale from -1"));
    assert!(wrong(space().int("k", 0..=i64::MAX)).contains("between -2^53 and 2^53"));
    assert!(
        space()
            .float("x", 1.0..=1.0)
            .int("k", 2..=2)
            .build()
            .is_ok(),
        "one value is a range"
    );
}

#[test]
fn names_and_choices_that_a_table_cannot_hold_are_refused() {
    let space = Space::builder;
    let x = |name: &str| space().float(name, 0.0..=1.0);
    for name in ["", "a.", ".a", "a..b", "a\nb"] {
        assert!(
            wrong(x(name)).contains("cannot be the name of a parameter"),
            "{name:?}"
        );
    }
    assert_eq!(
        wrong(x("x").int("x", 0..=1)),
        "there are two parameters `x`: rename one of them"
    );
    assert_eq!(
        wrong(x("fit").float("fit.rate", 0.0..=1.0)),
        "parameter `fit` is also the group of `fit.rate`: rename one of them"
    );
    assert!(wrong(space().categorical("c", [""; 0])).contains("no choices"));
    assert!(wrong(space().categorical("c", [""])).contains("give it a name"));
    assert!(
        wrong(space().categorical("c", ["a\tb"]))
            .contains("choice `a\\tb`: expected text without control")
    );
    assert!(wrong(space().categorical("c", ["a", "a"])).contains("another choice reads the same"));
    let alike = [Value::Int(1), Value::Text("1".into())];
    assert!(wrong(space().categorical("c", alike)).contains("another choice reads the same"));
    assert!(wrong(space().categorical("c", [f64::NAN])).contains("expected a finite number"));
    assert_eq!(
        wrong(space()),
        "the space has no parameters: expected at least one"
    );
}

#[test]
fn conditions_that_never_hold_are_refused() {
    let space = || {
        Space::builder()
            .categorical("cell", ["lstm", "gru"])
            .int("layers", 1..=3)
            .float("rate", 0.0..=1.0)
    };
    let with = |parent: &str, is: Value| wrong(space().float("x", 0.0..=1.0).when(parent, [is]));
    assert_eq!(
        with("cel", "gru".into()),
        "parameter `x` depends on `cel`, which the space does not have; did you mean `cell`?"
    );
    assert!(
        with("nothing like it", "gru".into())
            .ends_with("does not have: name one of its parameters")
    );
    assert_eq!(
        with("cell", "rnn".into()),
        "parameter `x` depends on `cell`: it is never rnn; name a value that it can have"
    );
    assert!(with("layers", 4.into()).contains("it is never 4"));
    assert!(with("layers", "1".into()).contains("it is never 1"));
    assert!(with("rate", 0.5.into()).contains("it is a float"));
    assert!(wrong(space().when("cell", [""; 0])).contains("no value is given"));
    assert!(
        wrong(Space::builder().when("cell", ["gru"])).contains("call `when` after the parameter")
    );
    assert_eq!(
        wrong(
            space()
                .int("a", 0..=1)
                .when("b", [1])
                .int("b", 0..=1)
                .when("c", [1])
                .int("c", 0..=1)
                .when("a", [1])
        ),
        "parameter `a` depends on itself, through `b`, `c`, `a`: one of them must be unconditional"
    );
    assert!(wrong(space().int("a", 0..=1).when("a", [1])).contains("`a` depends on itself"));
    // One that hangs on a circle is not in it.
    let text = wrong(
        space()
            .float("x", 0.0..=1.0)
            .when("a", [1])
            .int("a", 0..=1)
            .when("b", [1])
            .int("b", 0..=1)
            .when("a", [1]),
    );
    assert!(
        text.starts_with("parameter `a` depends on itself"),
        "{text}"
    );
}

#[test]
fn mistakes_in_toml_have_line_and_column() {
    for (text, expected) in [
        ("x = ", "s.toml, line 1, column 5: "),
        (
            "\n x = 3",
            "s.toml, line 2, column 2: parameter `x`: expected a table, such as",
        ),
        (
            "x = {}",
            "s.toml, line 1, column 1: parameter `x`: `type` is missing: expected `float`",
        ),
        (
            "x = { type = 'flaot', low = 0, high = 1 }",
            "s.toml, line 1, column 14: parameter `x`: `type` is `flaot`: expected `float`",
        ),
        (
            "x = { type = 'float', low = 0 }",
            "s.toml, line 1, column 1: parameter `x`: `high` is missing",
        ),
        (
            "x = { type = 'float', low = 0, high = 'a' }",
            "s.toml, line 1, column 39: parameter `x`: `high` is a string: expected a number",
        ),
        (
            "x = { type = 'int', low = 0, high = 1.5 }",
            "column 37: parameter `x`: `high` is a float: expected an integer",
        ),
        (
            "x = { type = 'int', low = 0, high = 99999999999999999999 }",
            "is beyond 64 bits",
        ),
        (
            "x = { type = 'int', low = 0, hihg = 1 }",
            "column 30: parameter `x`: unknown key `hihg`: expected one of `type`, `low`, `high`, `when`",
        ),
        (
            "x = { type = 'int', choices = [1] }",
            "`int` has no `choices`: remove it, or change the type",
        ),
        (
            "x = { type = 'categorical', choices = 'a' }",
            "`choices` is a string: expected an array",
        ),
        (
            "x = { type = 'categorical', choices = [['a']] }",
            "found an array: expected a string, a number or a boolean",
        ),
        (
            "x = { type = 'int', low = 0, high = 1, when = 'y' }",
            "`when` is a string: expected `when = { param",
        ),
        (
            "x = { type = 'int', low = 0, high = 1, when = { param = 'y' } }",
            "`when` needs both `param` and `is`",
        ),
        (
            "x = { type = 'int', low = 0, high = 1, when = { parm = 'y' } }",
            "column 49: parameter `x`: unknown key `parm` in `when`",
        ),
        (
            "x = { type = 'int', low = 0, high = 1, when = { param = 1, is = 1 } }",
            "`param` of `when` is an integer",
        ),
        (
            "x = { type = 'int', low = 0, high = 1 }\n[x]",
            "s.toml, line 2, column 2: ",
        ),
        (
            "[fit]\n[fit.'ä']\ntype = 'int'\nlow = 2\nhigh = 1",
            "s.toml, line 2, column 6: parameter `fit.ä` has low 2 above high 1",
        ),
        ("", "s.toml: the space has no parameters"),
        (
            "a.b = { type = 'int', low = 0, high = 1 }\n'a.b' = { type = 'int', low = 0, high = 1 }",
            "line 2, column 1: there are two parameters `a.b`",
        ),
        (
            "y = { type = 'int', low = 0, high = 1, when = { param = 'x', is = 1 } }",
            "line 1, column 1: parameter `y` depends on `x`",
        ),
    ] {
        let found = refused(text);
        assert!(found.contains(expected), "{text}\n{found}\n{expected}");
    }
}

#[test]
fn files_that_are_no_space_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("space.toml");
    let error = |path: &Path| Space::read(path).unwrap_err().to_string();
    assert!(error(&path).contains("space.toml: cannot read the file"));
    std::fs::write(&path, b"# one\n# \xff").unwrap();
    assert!(error(&path).contains("line 2: the text is not UTF-8"));
    std::fs::write(&path, " ".repeat((1 << 20) + 1)).unwrap();
    assert!(error(&path).contains("has more than 1048576 bytes"));
    std::fs::write(&path, "x = { type = 'int', low = 0, high = 1 }").unwrap();
    assert_eq!(Space::read(&path).unwrap().params().len(), 1);
}

#[test]
fn groups_and_orders_are_those_of_the_file() {
    let space = read(
        "z = { type = 'int', low = 0, high = 1 }\n\
         [fit]\nrate = { type = 'log-float', low = 1, high = 10 }\n\
         [fit.type]\ntype = 'categorical'\nchoices = [true, 2, 3.5, 'x']\n\
         [a]\ntype = 'int'\nlow = -16\nhigh = 0b1\nwhen = { param = 'fit.type', is = [2, 'x'] }",
    )
    .unwrap();
    let names: Vec<&str> = space
        .params()
        .iter()
        .map(|param| param.name.as_str())
        .collect();
    assert_eq!(names, ["z", "fit.rate", "fit.type", "a"]);
    let choices = vec![
        Value::Bool(true),
        Value::Int(2),
        Value::Float(3.5),
        Value::Text("x".into()),
    ];
    assert_eq!(space.params()[2].domain, Domain::Categorical { choices });
    let when = space.params()[3].when.as_ref().unwrap();
    assert_eq!(when.is, [Value::Int(2), Value::Text("x".into())]);
}

fn domain() -> impl Strategy<Value = Domain> {
    let float = (-1e9..1e9_f64, 0.0..1e9_f64, any::<bool>()).prop_map(|(low, width, log)| {
        let low = if log { low.abs() + 1e-9 } else { low };
        Domain::Float {
            low,
            high: low + width,
            log,
        }
    });
    let int = (-9999..9999_i64, 0..9999_i64, any::<bool>()).prop_map(|(low, width, log)| {
        let low = if log { low.abs() + 1 } else { low };
        Domain::Int {
            low,
            high: low + width,
            log,
        }
    });
    let choice = prop_oneof![
        any::<i64>().prop_map(Value::Int),
        any::<bool>().prop_map(Value::Bool),
        prop::num::f64::NORMAL.prop_map(Value::Float),
        "[^\\p{Cc}]{1,9}".prop_map(Value::Text),
    ];
    let categorical = prop::collection::vec(choice, 1..5).prop_map(|mut choices| {
        choices.sort_by_key(Value::to_string);
        choices.dedup_by_key(|choice| choice.to_string());
        Domain::Categorical { choices }
    });
    prop_oneof![float, int, categorical]
}

fn with(builder: SpaceBuilder, name: &str, domain: Domain) -> SpaceBuilder {
    match domain {
        Domain::Float {
            low,
            high,
            log: true,
        } => builder.log_float(name, low..=high),
        Domain::Float { low, high, .. } => builder.float(name, low..=high),
        Domain::Int {
            low,
            high,
            log: true,
        } => builder.log_int(name, low..=high),
        Domain::Int { low, high, .. } => builder.int(name, low..=high),
        Domain::Categorical { choices } => builder.categorical(name, choices),
        _ => builder,
    }
}

proptest! {
    #[test]
    fn toml_gives_back_the_space(
        params in prop::collection::vec(("[^\\p{Cc}.]{1,6}", domain()), 1..6),
        is in 1..=2_i64,
    ) {
        let mut builder = Space::builder().int("top", 1..=2);
        for (i, (name, domain)) in params.into_iter().enumerate() {
            // Numbered, so that names differ; every second one hangs on the first.
            builder = with(builder, &format!("g{i}.{name}"), domain);
            if i % 2 == 1 {
                builder = builder.when("top", [is]);
            }
        }
        let space = builder.build().unwrap();
        let again = read(&space.to_toml());
        prop_assert_eq!(again, Ok(space));
    }

    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,80}") {
        let _ = read(&text);
        let _ = read(&format!("x = {{ type = 'float', low = {text}, high = 1 }}"));
    }
}

#[test]
fn a_parameter_is_found_by_its_name() {
    let space = Space::builder().int("k", 1..=2).build().unwrap();
    let expected = Param {
        name: "k".into(),
        domain: Domain::Int {
            low: 1,
            high: 2,
            log: false,
        },
        when: None,
    };
    assert_eq!(space.param("k"), Some(&expected));
    assert_eq!(space.param("l"), None);
}
