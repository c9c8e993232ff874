//! The page of a search: whole, self-contained, and whatever happened.

use hairpin_search::{
    Budget, Direction, Pruner, Space, Study, StudyConfig, SuccessiveHalving, Trials, Verdict,
    report,
};

fn page(space: &Space, n: usize, values: impl Fn(usize) -> Result<f64, String>) -> String {
    let halving = SuccessiveHalving {
        max_step: Some(9),
        ..SuccessiveHalving::default()
    };
    let config = StudyConfig {
        pruner: Pruner::SuccessiveHalving(halving),
        ..StudyConfig::default()
    };
    let study = Study::new(space.clone(), config).unwrap();
    let run = study.run(Budget::trials(n), |trial| {
        let value = values(trial.number())?;
        for step in 1..=9 {
            if trial.report(step, value) == Verdict::Stop {
                break;
            }
        }
        Ok::<_, String>(value)
    });
    run.unwrap();
    let trials = Trials {
        direction: Direction::Minimise,
        seed: Some(0),
        trials: study.trials(),
    };
    report::html("A <search> & more", space, &trials)
}

/// Every opened element is closed, in order; what is inside a tag is not looked at.
fn well_formed(page: &str) {
    let mut open = Vec::new();
    for part in page.split('<').skip(1) {
        let tag = part.split('>').next().unwrap();
        let name = tag
            .split([' ', '/', '\n'])
            .find(|name| !name.is_empty())
            .unwrap();
        if tag.starts_with('!') || tag.ends_with('/') || name == "meta" {
            continue;
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_page_has_every_part_and_fetches_nothing() {
    let space = crate::functions::network_space();
    let page = page(&space, 60, |number| match number % 9 {
        2 => Err("out of <memory>".to_owned()),
        _ => Ok(((number * 37) % 61) as f64 / 10.0 - number as f64 / 20.0),
    });
    well_formed(&page);
    for heading in [
        "Best so far",
        "Importance",
        "Parallel coordinates",
        "Slices",
        "Trials",
        "Space",
    ] {
        assert!(page.contains(&format!("<h2>{heading}</h2>")), "{heading}");
    }
    assert!(page.contains("<h1>A &lt;search&gt; &amp; more</h1>"));
    assert!(page.contains("out of &lt;memory&gt;"));
    // Best so far, importance, parallel coordinates and five slices.
    assert_eq!(page.matches("<svg").count(), 3 + 5);
    assert_eq!(page.matches("<tr class=").count(), 60);
    for state in ["complete", "pruned", "failed"] {
        assert!(page.contains(&format!("<tr class=\"{state}\">")), "{state}");
    }
    for outside in ["<script", "http://", "https://", "url(", "@import", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    let colours = page.matches("fill=\"#").count() + page.matches("stroke=\"#").count();
    let classes = page.matches("class=\"fill-").count() + page.matches("class=\"stroke-").count();
    assert!(colours > 100);
    assert_eq!(colours, classes, "every colour follows the theme");
}

#[test]
fn odd_searches_have_a_page_too() {
    let one = Space::builder()
        .categorical("c", ["<&\"'>"])
        .float("same", 1.0..=1.0)
        .build()
        .unwrap();
    type Case = (&'static str, usize, fn(usize) -> Result<f64, String>);
    let cases: [Case; 6] = [
        ("none", 0, |_| Ok(0.0)),
        ("one", 1, |_| Ok(0.0)),
        ("only failures", 5, |_| Err("no".to_owned())),
        ("huge", 8, |number| Ok([1e308, -1e308, 5e-324][number % 3])),
        ("equal", 8, |_| Ok(-2.5)),
        ("decades", 8, |number| Ok(10_f64.powi(-(number as i32) * 3))),
    ];
    for (name, n, values) in cases {
        for space in [&one, &crate::functions::network_space()] {
            let page = page(space, n, values);
            well_formed(&page);
            assert!(!page.contains("could not be drawn"), "{name}");
            assert!(!page.contains("NaN"), "{name}");
        }
    }
}

#[test]
fn a_long_search_is_shown_in_part_and_says_so() {
    let space = crate::functions::network_space();
    let study = Study::new(space.clone(), StudyConfig::default()).unwrap();
    study
        .run(Budget::trials(2010), |trial| {
            Ok::<_, String>(trial.number() as f64)
        })
        .unwrap();
    let trials = Trials {
        direction: Direction::Maximise,
        seed: None,
        trials: study.trials(),
    };
    let page = report::html("Long", &space, &trials);
    assert!(page.contains("The best 500 of 2010 complete trials."));
    assert!(page.contains("The best 2000 of 2010 trials;"));
    assert!(page.len() < 4_000_000, "{}", page.len());
}
