//! A search that is killed goes on as if it had not been: the bytes of its table in the end are the same.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hairpin_search::{
    Budget, Pruner, Sampler, SearchError, Study, StudyConfig, SuccessiveHalving, Tpe, Verdict,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const TABLE: &str = "trials.csv";
const N_TRIALS: usize = 60;

/// A search with everything that a table has to bring back: TPE learns from its values, the pruner from its reports.
fn search(path: &Path, pause: Duration) -> Result<(), SearchError> {
    let config = StudyConfig {
        seed: 5,
        sampler: Sampler::Tpe(Tpe::default()),
        pruner: Pruner::SuccessiveHalving(SuccessiveHalving {
            max_step: Some(9),
            ..SuccessiveHalving::default()
        }),
        ..StudyConfig::default()
    };
    let study = Study::open(crate::functions::network_space(), config, path)?;
    study.run(Budget::trials(N_TRIALS), |trial| {
        let loss = crate::functions::network(trial.params()).map_err(|error| error.to_string())?;
        if trial.number() % 13 == 4 {
            return Err("a \"broken\" batch,\nand more".to_owned());
        }
        for step in 1..=9 {
            std::thread::sleep(pause / 9);
            if trial.report(step, loss + 1.0 / step as f64) == Verdict::Stop {
                break;
            }
        }
        Ok(if trial.number() % 17 == 5 {
            f64::NAN
        } else {
            loss
        })
    })
}

/// The process that is killed; the test below starts it in a folder of its own, which says that it is meant.
#[test]
#[ignore = "started by another test"]
fn child() {
    if Path::new("this-folder-is-mine").exists() {
        search(Path::new(TABLE), Duration::from_millis(4)).unwrap();
    }
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--ignored"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The lines that are whole.
fn whole_lines(table: &Path) -> Vec<u8> {
    let bytes = fs::read(table).unwrap_or_default();
    let end = bytes.iter().rposition(|&byte| byte == b'\n');
    bytes[..end.map_or(0, |end| end + 1)].to_vec()
}

#[test]
fn killed_at_any_moment_a_search_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let calm = folder.path().join("calm.csv");
    search(&calm, Duration::ZERO).unwrap();
    let expected = fs::read(&calm).unwrap();
    for state in ["complete", "pruned", "failed"] {
        assert!(
            String::from_utf8_lossy(&expected).contains(state),
            "{state}"
        );
    }

    fs::write(folder.path().join("this-folder-is-mine"), "").unwrap();
    let table = folder.path().join(TABLE);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut kills, mut seen) = (0, Vec::new());
    loop {
        let mut child = start(folder.path());
        // Some rows further, and somewhere in the trial after them.
        let enough = seen.len() + rng.random_range(0..1200);
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success());
                break true;
            }
            if whole_lines(&table).len() > enough {
                break false;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        if ended {
            break;
        }
        std::thread::sleep(Duration::from_micros(rng.random_range(0..5000)));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        let now = whole_lines(&table);
        assert!(now.starts_with(&seen), "a row was lost or changed");
        seen = now;
    }
    assert!(kills > 2, "{kills} kills");
    assert_eq!(
        String::from_utf8_lossy(&fs::read(&table).unwrap()),
        String::from_utf8_lossy(&expected)
    );
}

/// A disk that is full: a limit on the size of files, beyond which the system refuses to write.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let calm = folder.path().join("calm.csv");
    search(&calm, Duration::ZERO).unwrap();
    let expected = fs::read(&calm).unwrap();
    fs::write(folder.path().join("this-folder-is-mine"), "").unwrap();
    let status = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 4; exec \"$0\" --exact kill::child --ignored",
        ])
        .arg(std::env::current_exe().unwrap())
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success(), "the search ended with the error");
    let table = folder.path().join(TABLE);
    let left = fs::read(&table).unwrap();
    assert!(
        left.len() > 1000 && left.len() < expected.len(),
        "{}",
        left.len()
    );
    assert!(left.ends_with(b"\n"), "the torn row was taken back");
    assert!(expected.starts_with(&left));
    search(&table, Duration::ZERO).unwrap();
    assert_eq!(fs::read(&table).unwrap(), expected);
}

#[test]
fn cut_off_at_any_byte_a_table_is_made_whole_again() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join(TABLE);
    let run = || {
        let config = StudyConfig {
            seed: 2,
            ..StudyConfig::default()
        };
        let study = Study::open(crate::functions::network_space(), config, &table)?;
        study.run(Budget::trials(3), |trial| match trial.number() {
            1 => Err("not this, \"one\"".to_owned()),
            number => Ok(number as f64),
        })
    };
    run().unwrap();
    let expected = fs::read(&table).unwrap();
    for cut in 0..expected.len() {
        fs::write(&table, &expected[..cut]).unwrap();
        run().unwrap();
        assert_eq!(fs::read(&table).unwrap(), expected, "cut at {cut}");
    }
}
