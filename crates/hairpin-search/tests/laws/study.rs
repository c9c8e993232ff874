//! Studies and their tables: outcomes, workers, budgets, and what is refused.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use hairpin_search::{
    Budget, Direction, FinishedTrial, Pruner, Report, Sampler, SearchError, Space, Study,
    StudyConfig, SuccessiveHalving, Tpe, Trial, TrialState, Verdict, best, merge, table,
};
use proptest::prelude::*;

fn space() -> Space {
    Space::builder()
        .float("x", 0.0..=1.0)
        .categorical("c", ["a", "b, \"c\""])
        .build()
        .unwrap()
}

fn x(trial: &Trial) -> Result<f64, SearchError> {
    trial.params().float("x")
}

#[test]
fn what_diverges_or_errs_is_marked_and_the_search_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let study = Study::open(space(), StudyConfig::default(), &path).unwrap();
    let run = study.run(Budget::trials(6), |trial| match trial.number() {
        0 => Ok(f64::NAN),
        1 => Ok(f64::NEG_INFINITY),
        2 => Err("broken\r\n\tbatch".to_owned()),
        3 => {
            assert_eq!(trial.report(1, 1.0), Verdict::Continue);
            assert_eq!(trial.report(2, f64::INFINITY), Verdict::Stop);
            assert_eq!(trial.report(3, 1.0), Verdict::Stop, "once diverged, always");
            Ok(1.0)
        }
        4 => Err(String::new()),
        _ => Ok(2.0),
    });
    run.unwrap();
    let trials = study.trials();
    let said: Vec<&str> = trials.iter().map(|trial| trial.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "the objective is NaN",
            "the objective is -inf",
            "broken   batch",
            "reported inf at step 2",
            "the objective was an error without a message",
            ""
        ]
    );
    for trial in &trials[..5] {
        assert_eq!((trial.state, trial.value), (TrialState::Failed, None));
    }
    assert_eq!(
        trials[3].reports,
        [Report {
            step: 1,
            value: 1.0
        }]
    );
    assert_eq!(study.best().unwrap().number, 5);
    drop(study);
    assert_eq!(table::read(&path, &space()).unwrap().trials, trials);
}

#[test]
fn only_failures_have_no_best() {
    let study = Study::new(space(), StudyConfig::default()).unwrap();
    study
        .run(Budget::trials(3), |_| Err::<f64, _>("no"))
        .unwrap();
    assert_eq!(study.trials().len(), 3);
    assert!(study.best().is_none());
}

#[test]
fn the_best_is_complete_and_the_first_of_equals() {
    let trial = |number, state, value| FinishedTrial {
        number,
        params: hairpin_search::Params::default(),
        state,
        value,
        reports: Vec::new(),
        message: String::new(),
    };
    use TrialState::{Complete, Failed, Pruned};
    let trials = [
        trial(0, Failed, None),
        trial(1, Pruned, Some(-9.0)),
        trial(4, Complete, Some(1.0)),
        trial(2, Complete, Some(1.0)),
        trial(3, Complete, Some(2.0)),
    ];
    assert_eq!(best(Direction::Minimise, &trials).unwrap().number, 2);
    assert_eq!(best(Direction::Maximise, &trials).unwrap().number, 3);
}

#[test]
fn several_workers_find_the_same_trials() {
    let folder = tempfile::tempdir().unwrap();
    let rows = |name: &str, workers: usize| {
        let path = folder.path().join(name);
        let study = Study::open(space(), StudyConfig::default(), &path).unwrap();
        let workers = NonZeroUsize::new(workers).unwrap();
        study.run_parallel(Budget::trials(40), workers, x).unwrap();
        drop(study);
        let sorted = folder.path().join(format!("{name}.sorted"));
        assert_eq!(merge(&[&path], &sorted).unwrap(), 40);
        fs::read(sorted).unwrap()
    };
    let one = rows("one", 1);
    assert_eq!(rows("three", 3), one);
    assert_eq!(
        fs::read(folder.path().join("one")).unwrap(),
        one,
        "one worker writes in order"
    );
}

#[test]
fn workers_run_at_the_same_time() {
    let study = Study::new(space(), StudyConfig::default()).unwrap();
    let both = Barrier::new(2);
    let workers = NonZeroUsize::new(2).unwrap();
    // Ends only if two trials are running at once, each of three times.
    let run = study.run_parallel(Budget::trials(6), workers, |trial| {
        both.wait();
        x(trial)
    });
    run.unwrap();
    let numbers: BTreeSet<usize> = study.trials().iter().map(|trial| trial.number).collect();
    assert_eq!(numbers, (0..6).collect());
}

#[test]
fn a_budget_is_of_numbers_and_of_time() {
    let study = Study::new(space(), StudyConfig::default()).unwrap();
    study.run(Budget::range(4..6), x).unwrap();
    study
        .run(Budget::trials(3).within(Duration::ZERO), x)
        .unwrap();
    assert_eq!(
        study.trials().len(),
        2,
        "no trial begins when the time is over"
    );
    study.run(Budget::trials(6), x).unwrap();
    let numbers: Vec<usize> = study.trials().iter().map(|trial| trial.number).collect();
    assert_eq!(numbers, [4, 5, 0, 1, 2, 3]);
    let mut seen = 0;
    let budget = Budget::time(Duration::from_millis(30));
    let run = study.run(budget, |trial| {
        seen += 1;
        std::thread::sleep(Duration::from_millis(31));
        x(trial)
    });
    run.unwrap();
    assert_eq!(seen, 1);
}

#[test]
fn a_dropped_trial_is_asked_for_again() {
    let study = Study::new(space(), StudyConfig::default()).unwrap();
    let first = study.ask(0..9).unwrap();
    let second = study.ask(0..9).unwrap();
    assert_eq!((first.number(), second.number()), (0, 1));
    let params = first.params().clone();
    drop(first);
    let again = study.ask(0..9).unwrap();
    assert_eq!((again.number(), again.params()), (0, &params));
    assert!(study.ask(0..2).is_none());

    let other = Study::new(space(), StudyConfig::default()).unwrap();
    let _theirs = other.ask(0..1).unwrap();
    let error = other.tell(again, Ok::<_, String>(1.0)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("trial 0 is not running in this study"),
        "{error}"
    );
    assert!(other.trials().is_empty());
}

#[test]
fn reports_ascend_and_a_stopped_trial_is_pruned() {
    let pruner = Pruner::SuccessiveHalving(SuccessiveHalving::default());
    let config = StudyConfig {
        pruner,
        ..StudyConfig::default()
    };
    let study = Study::new(space(), config).unwrap();
    let good = study.ask(0..1).unwrap();
    assert_eq!(good.report(5, 1.0), Verdict::Continue);
    assert_eq!(good.report(5, 7.0), Verdict::Continue, "not kept");
    assert_eq!(good.report(4, 7.0), Verdict::Continue, "not kept");
    // The first one still runs, and its report counts.
    let bad = study.ask(0..2).unwrap();
    assert_eq!(bad.report(1, 2.0), Verdict::Stop);
    assert_eq!(bad.report(2, 0.0), Verdict::Stop, "once stopped, always");
    let bad = study.tell(bad, Ok::<_, String>(2.0)).unwrap();
    assert_eq!((bad.state, bad.value), (TrialState::Pruned, Some(2.0)));
    assert_eq!(
        bad.reports,
        [Report {
            step: 1,
            value: 2.0
        }]
    );
    let good = study.tell(good, Ok::<_, String>(1.0)).unwrap();
    assert_eq!((good.state, good.reports.len()), (TrialState::Complete, 1));
}

#[test]
fn a_table_has_one_writer_of_one_study() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let config = StudyConfig::default();
    let study = Study::open(space(), config, &path).unwrap();
    study.run(Budget::trials(2), x).unwrap();
    let text = |result: Result<Study, SearchError>| result.unwrap_err().to_string();
    assert!(
        text(Study::open(space(), config, &path)).contains("another process writes this table")
    );
    assert!(
        merge(&[&path], &path)
            .unwrap_err()
            .to_string()
            .contains("another process writes")
    );
    drop(study);

    let seed = StudyConfig { seed: 1, ..config };
    let error = text(Study::open(space(), seed, &path));
    assert!(
        error.contains("t.csv, line 2: the row belongs to the study `minimise:0:"),
        "{error}"
    );
    assert!(error.contains("expected `minimise:1:"), "{error}");
    let direction = StudyConfig {
        direction: Direction::Maximise,
        ..config
    };
    assert!(text(Study::open(space(), direction, &path)).contains("expected `maximise:0:"));
    let wider = Space::builder()
        .float("x", 0.0..=2.0)
        .categorical("c", ["a", "b, \"c\""])
        .build()
        .unwrap();
    assert!(
        text(Study::open(wider.clone(), config, &path))
            .contains("goal, seed and space must be the same")
    );
    assert!(
        table::read(&path, &wider)
            .unwrap_err()
            .to_string()
            .contains("goal, seed and space")
    );
    let error = text(Study::open(
        crate::functions::network_space(),
        config,
        &path,
    ));
    assert!(error.contains("line 1: the columns are `study,trial,state,value,param.x,param.c,reports,message`, expected"));
    // What may change.
    let tpe = StudyConfig {
        sampler: Sampler::Tpe(Tpe::default()),
        ..config
    };
    assert_eq!(Study::open(space(), tpe, &path).unwrap().trials().len(), 2);

    // A file of somebody else is not touched, whether it has lines or not.
    for other in ["name,age\nAnn,3\n", "precious", "study,trial,state,wrong\n"] {
        let path = folder.path().join("other");
        fs::write(&path, other).unwrap();
        assert!(
            text(Study::open(space(), config, &path)).contains("or is none"),
            "{other}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), other);
    }
    let missing = folder.path().join("none/t.csv");
    assert!(text(Study::open(space(), config, &missing)).contains("cannot open the table"));
}

#[test]
fn broken_rows_are_refused_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let study = Study::open(
        crate::functions::network_space(),
        StudyConfig::default(),
        &path,
    )
    .unwrap();
    study
        .run(Budget::trials(1), |_| Ok::<_, String>(0.5))
        .unwrap();
    drop(study);
    let table = fs::read_to_string(&path).unwrap();
    let (header, row) = table.trim_end().split_once('\n').unwrap();
    let id = row.split(',').next().unwrap();
    let read = |rows: &str| {
        fs::write(&path, format!("{header}\n{}\n", rows.replace("ID", id))).unwrap();
        table::read(&path, &crate::functions::network_space()).map(|found| found.trials)
    };
    assert_eq!(
        read("ID,0,complete,1.0,0.01,2,32,lstm,,1=2.5 3=0.5,").unwrap()[0]
            .reports
            .len(),
        2
    );
    for (rows, expected) in [
        ("ID,0,complete", "line 2: the row has 3 cells, expected 11"),
        (
            "ID,-1,complete,1.0,0.01,2,32,lstm,,,",
            "`trial` is `-1`: expected a number from 0",
        ),
        (
            "ID,0,done,1.0,0.01,2,32,lstm,,,",
            "`state` is `done`: expected `complete`, `pruned` or `failed`",
        ),
        (
            "ID,0,complete,,0.01,2,32,lstm,,,",
            "`value` is ``: expected a finite number",
        ),
        (
            "ID,0,pruned,NaN,0.01,2,32,lstm,,,",
            "`value` is `NaN`: expected a finite number",
        ),
        (
            "ID,0,failed,1.0,0.01,2,32,lstm,,,",
            "`value` of a failed trial is `1.0`: expected none",
        ),
        (
            "ID,0,complete,1.0,7.0,2,32,lstm,,,",
            "parameter `learning_rate` is `7.0`: expected a number from 1e-5 to 0.1",
        ),
        (
            "ID,0,complete,1.0,0.01,2.0,32,lstm,,,",
            "parameter `layers` is `2.0`: expected an integer from 1 to 6",
        ),
        (
            "ID,0,complete,1.0,0.01,2,32,rnn,,,",
            "parameter `cell` is `rnn`: expected one of `lstm`, `gru`, `conv`",
        ),
        (
            "ID,0,complete,1.0,0.01,2,32,lstm,0.5,,",
            "`reset_dropout` has a value, although its condition does not hold",
        ),
        (
            "ID,0,complete,1.0,0.01,2,32,gru,,,",
            "`reset_dropout` has no value, although its condition holds",
        ),
        (
            "ID,0,complete,1.0,,2,32,lstm,,,",
            "`learning_rate` has no value",
        ),
        (
            "ID,0,complete,1.0,0.01,2,32,lstm,,1:2,",
            "`reports` has `1:2`: expected `step=value`",
        ),
        (
            "ID,0,complete,1.0,0.01,2,32,lstm,,2=1 2=1,",
            "`reports` has the step `2`: expected integers in ascending order",
        ),
        (
            "ID,0,complete,1.0,0.01,2,32,lstm,,2=inf,",
            "a value of `reports` is `inf`: expected a finite number",
        ),
        (
            "ID,0,complete,1.0,0.01,2,32,lstm,,,\nID,0,complete,1.0,0.01,2,32,lstm,,,",
            "line 3: trial 0 stands in the table already, in line 2",
        ),
        (
            "minimise,0,complete,1.0,0.01,2,32,lstm,,,",
            "`study` is `minimise`: expected goal, seed and digest",
        ),
        (
            "minimise:0:x,0,complete,1.0,0.01,2,32,lstm,,,",
            "the row belongs to the study `minimise:0:x`",
        ),
    ] {
        let error = read(rows).unwrap_err().to_string();
        assert!(error.contains(expected), "{rows}\n{error}");
        assert!(error.contains("t.csv, line "), "{error}");
    }
    fs::write(&path, [header.as_bytes(), b"\nab\xff,1\n"].concat()).unwrap();
    let error = table::read(&path, &crate::functions::network_space())
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 2: the row cannot be read"), "{error}");
}

#[test]
fn merging_keeps_what_agrees_and_refuses_what_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let run = |name: &str, seed: u64, range: std::ops::Range<usize>| {
        let config = StudyConfig {
            seed,
            ..StudyConfig::default()
        };
        let study = Study::open(space(), config, &file(name)).unwrap();
        study.run(Budget::range(range), x).unwrap();
    };
    run("whole", 0, 0..9);
    run("late", 0, 5..9);
    run("early", 0, 0..7);
    run("other", 1, 0..1);
    run("empty", 0, 0..0);
    let (late, early, out) = (file("late"), file("early"), file("out"));
    assert_eq!(merge(&[&late, &file("empty"), &early], &out).unwrap(), 9);
    assert_eq!(fs::read(&out).unwrap(), fs::read(file("whole")).unwrap());
    // The result may be one of the inputs, and a torn line is nobody's trial.
    let text = fs::read_to_string(&early).unwrap();
    fs::write(&early, text + "minimise:0:").unwrap();
    assert_eq!(merge(&[&early, &late], &early).unwrap(), 9);
    assert_eq!(fs::read(&early).unwrap(), fs::read(file("whole")).unwrap());

    let refused = |inputs: &[&Path]| merge(inputs, &out).unwrap_err().to_string();
    assert!(
        refused(&[&late, &file("other")]).contains("the row belongs to the study `minimise:1:")
    );
    assert!(refused(&[&file("none")]).contains("cannot read"));
    assert!(refused(&[]).contains("no tables to merge"));
    fs::write(file("text"), "just text\n").unwrap();
    assert!(refused(&[&file("text")]).contains("the columns are `just text`, expected `study,trial,state,value,param.NAME,..,reports,message`"));
    assert_eq!(
        fs::read(&out).unwrap(),
        fs::read(file("whole")).unwrap(),
        "left as it was"
    );
}

#[test]
fn a_study_goes_on_with_a_merged_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let config = StudyConfig {
        sampler: Sampler::Tpe(Tpe::default()),
        ..StudyConfig::default()
    };
    {
        let random = StudyConfig::default();
        let study = Study::open(space(), random, &path).unwrap();
        study.run(Budget::trials(20), x).unwrap();
    }
    let study = Study::open(space(), config, &path).unwrap();
    study.run(Budget::trials(25), x).unwrap();
    let all = study.trials();
    let learned = config
        .sampler
        .draw(&space(), 0, 20, Direction::Minimise, &all[..20]);
    assert_eq!(all[20].params, learned);
}

#[test]
fn settings_are_read_from_toml() {
    let text = "seed = 3\ndirection = 'maximise'\n[sampler]\nname = 'tpe'\nstartup = 5\n[pruner]\nname = 'hyperband'\nmax_step = 27\n";
    let config: StudyConfig = toml::from_str(text).unwrap();
    assert_eq!(
        config.sampler,
        Sampler::Tpe(Tpe {
            startup: 5,
            ..Tpe::default()
        })
    );
    assert_eq!(config.direction, Direction::Maximise);
    let again: StudyConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
    assert_eq!(again, config);
    assert!(toml::from_str::<StudyConfig>("sede = 3").is_err());
    assert!(toml::from_str::<StudyConfig>("sampler = { name = 'tpe', gama = 1 }").is_err());
    let refused = |tpe| {
        let config = StudyConfig {
            sampler: Sampler::Tpe(tpe),
            ..StudyConfig::default()
        };
        Study::new(space(), config).unwrap_err().to_string()
    };
    let tpe = Tpe::default();
    assert_eq!(
        refused(Tpe { gamma: 1.0, ..tpe }),
        "gamma of TPE is 1: expected a number above 0 and below 1"
    );
    assert_eq!(
        refused(Tpe {
            candidates: 0,
            ..tpe
        }),
        "candidates of TPE is 0: expected from 1 to 10000"
    );
    assert_eq!(
        refused(Tpe {
            most_good: 0,
            ..tpe
        }),
        "most_good of TPE is 0: expected at least 1"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_table_gives_back_what_was_told(
        outcomes in prop::collection::vec(
            (prop_oneof![prop::num::f64::ANY.prop_map(Ok), "(?s).{0,40}".prop_map(Err)],
             prop::collection::vec((0..50_u64, prop::num::f64::NORMAL), 0..5)),
            1..8,
        ),
        seed: u64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let config = StudyConfig { seed, ..StudyConfig::default() };
        let study = Study::open(crate::functions::network_space(), config, &path).unwrap();
        study.run(Budget::trials(outcomes.len()), |trial| {
            let (outcome, reports) = &outcomes[trial.number()];
            for (step, value) in reports {
                let _ = trial.report(*step, *value);
            }
            outcome.clone()
        }).unwrap();
        let told = study.trials();
        drop(study);
        let found = table::read(&path, &crate::functions::network_space()).unwrap();
        prop_assert_eq!(&found.trials, &told);
        prop_assert_eq!(found.seed, Some(seed));
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        prop_assert_eq!(lines, 1 + told.len(), "one line for each trial, whatever is in it");
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let header = "study,trial,state,value,param.x,param.c,reports,message\n";
        for text in [bytes.clone(), [header.as_bytes(), &bytes].concat()] {
            fs::write(&path, text).unwrap();
            let _ = table::read(&path, &space());
            let _ = merge(&[&path], &folder.path().join("out"));
        }
    }
}
