//! Pruners on cases worked by hand, and what they promise of any.

use hairpin_search::{
    Budget, Direction, Hyperband, MedianRule, Peer, Pruner, Report, SearchError, Space, Study,
    StudyConfig, SuccessiveHalving, TrialState, Verdict,
};
use proptest::prelude::*;

/// Reports at the steps 1, 2, ...
fn curve(values: &[f64]) -> Vec<Report> {
    let steps = (1..).zip(values);
    steps.map(|(step, &value)| Report { step, value }).collect()
}

fn peer(number: usize, reports: &[Report], state: TrialState) -> Peer<'_> {
    Peer {
        number,
        reports,
        state: Some(state),
    }
}

/// Runs trials one after the other, each with a constant curve, and says at which step each ended.
fn spent(pruner: Pruner, values: &[f64], steps: u64) -> Vec<(u64, TrialState)> {
    let space = Space::builder().float("x", 0.0..=1.0).build().unwrap();
    let config = StudyConfig {
        pruner,
        ..StudyConfig::default()
    };
    let study = Study::new(space, config).unwrap();
    let run = study.run(Budget::trials(values.len()), |trial| {
        let value = values[trial.number()];
        for step in 1..=steps {
            if trial.report(step, value) == Verdict::Stop {
                break;
            }
        }
        Ok::<_, String>(value)
    });
    run.unwrap();
    let last = |trial: &hairpin_search::FinishedTrial| trial.reports.last().unwrap().step;
    let trials = study.trials();
    trials
        .iter()
        .map(|trial| (last(trial), trial.state))
        .collect()
}

#[test]
fn successive_halving_by_hand() {
    // Li et al. 2020, figure 1: nine configurations, rungs at 1, 3 and 9 of which 9 is the end, one in three goes on. Lower is
    // better; the values are the ranks in the end. At a rung with n values the best max(1, floor(n / 3)) go on.
    let halving = SuccessiveHalving {
        min_step: 1,
        factor: 3,
        max_step: Some(9),
        rate: 0,
    };
    let found = spent(
        Pruner::SuccessiveHalving(halving),
        &[5.0, 7.0, 2.0, 8.0, 3.0, 9.0, 4.0, 1.0, 6.0],
        9,
    );
    use TrialState::{Complete, Pruned};
    let by_hand = [
        // Rung 1 so far: 5. Alone, and alone at rung 3 as well.
        (9, Complete),
        // 5 7: the best one goes on.
        (1, Pruned),
        // 5 7 2: the best one is this. Rung 3: 5 2, the best is this.
        (9, Complete),
        (1, Pruned),
        // 5 7 2 8 3: one goes on, and 2 is better.
        (1, Pruned),
        (1, Pruned),
        // 2 3 4 5 7 8 9: two of seven go on, 4 is the third.
        (1, Pruned),
        // 1 2 ..: two of eight, this is the first. Rung 3: 5 2 1, the first again.
        (9, Complete),
        // Three of nine go on: 1 2 3.
        (1, Pruned),
    ];
    assert_eq!(found, by_hand);
}

#[test]
fn a_rate_leaves_the_first_rungs_out() {
    let halving = SuccessiveHalving {
        min_step: 1,
        factor: 2,
        max_step: None,
        rate: 2,
    };
    let found = spent(Pruner::SuccessiveHalving(halving), &[1.0, 2.0], 7);
    assert_eq!(found, [(7, TrialState::Complete), (4, TrialState::Pruned)]);
}

#[test]
fn a_report_that_passes_several_rungs_is_measured_at_each() {
    let pruner = Pruner::SuccessiveHalving(SuccessiveHalving::default());
    // Better at rung 1, worse at rung 3, where it is measured by its first report above.
    let other = [
        Report {
            step: 1,
            value: 9.0,
        },
        Report {
            step: 4,
            value: 2.0,
        },
    ];
    let others = [peer(0, &other, TrialState::Complete)];
    let verdict = |reports: &[Report]| pruner.verdict(Direction::Minimise, 1, reports, &others);
    assert_eq!(
        verdict(&[Report {
            step: 2,
            value: 5.0
        }]),
        Verdict::Continue
    );
    assert_eq!(
        verdict(&[Report {
            step: 3,
            value: 5.0
        }]),
        Verdict::Stop
    );
    let reports = [
        Report {
            step: 3,
            value: 1.0,
        },
        Report {
            step: 4,
            value: 5.0,
        },
    ];
    assert_eq!(
        verdict(&reports),
        Verdict::Continue,
        "no rung between 3 and 4"
    );
}

#[test]
fn hyperband_has_its_brackets_apart() {
    let hyperband = Hyperband {
        min_step: 1,
        max_step: 9,
        factor: 3,
    };
    // s_max = 2: ceil(3/3 * 9), ceil(3/2 * 3), ceil(3/1 * 1).
    assert_eq!(hyperband.brackets(), [9, 5, 3]);
    let mut counts = [0; 3];
    for number in 0..1700 {
        counts[hyperband.bracket(number)] += 1;
    }
    for (count, share) in counts.into_iter().zip([900_i32, 500, 300]) {
        assert!((count - share).abs() <= 4, "{counts:?}");
    }
    for start in (0..1000).step_by(17) {
        let kinds: std::collections::BTreeSet<usize> = (start..start + 17)
            .map(|number| hyperband.bracket(number))
            .collect();
        assert_eq!(kinds.len(), 3, "every range has some of each");
    }

    // Each trial is worse than the one before, so that only the first of a bracket survives its rungs.
    let values: Vec<f64> = (0..34).map(f64::from).collect();
    let found = spent(Pruner::Hyperband(hyperband), &values, 9);
    let mut seen = [false; 3];
    for (number, (steps, state)) in found.into_iter().enumerate() {
        let bracket = hyperband.bracket(number);
        let first_rung = [1, 3, 9][bracket];
        if !seen[bracket] || first_rung == 9 {
            assert_eq!((steps, state), (9, TrialState::Complete), "trial {number}");
        } else {
            assert_eq!(
                (steps, state),
                (first_rung, TrialState::Pruned),
                "trial {number}"
            );
        }
        seen[bracket] = true;
    }
}

#[test]
fn the_median_rule_by_hand() {
    let rule = Pruner::Median(MedianRule {
        startup: 3,
        warm_up: 2,
    });
    // Running averages up to step 2: 3, 4 and 6; the trial that ended early is at 2, the pruned one does not count.
    let curves = [
        &[4.0, 2.0, 0.0][..],
        &[5.0, 3.0],
        &[6.0, 6.0],
        &[2.0],
        &[0.0, 0.0],
    ]
    .map(curve);
    let others: Vec<Peer<'_>> = (0..)
        .zip(&curves)
        .map(|(number, reports)| {
            let state = if number == 4 {
                TrialState::Pruned
            } else {
                TrialState::Complete
            };
            peer(number, reports, state)
        })
        .collect();
    let verdict = |direction, values: &[f64], others: &[Peer<'_>]| {
        rule.verdict(direction, 9, &curve(values), others)
    };
    let lower = Direction::Minimise;
    // The median of 2, 3, 4, 6 is 3.5, and the best value so far decides.
    assert_eq!(verdict(lower, &[9.0, 3.4], &others), Verdict::Continue);
    assert_eq!(verdict(lower, &[3.5, 9.0], &others), Verdict::Continue);
    assert_eq!(verdict(lower, &[9.0, 3.6], &others), Verdict::Stop);
    assert_eq!(
        verdict(Direction::Maximise, &[3.4, 3.3], &others),
        Verdict::Stop
    );
    assert_eq!(
        verdict(Direction::Maximise, &[3.6, 0.0], &others),
        Verdict::Continue
    );
    // Before the warm-up, and with two complete trials, nothing is stopped.
    assert_eq!(verdict(lower, &[99.0], &others), Verdict::Continue);
    assert_eq!(
        verdict(lower, &[99.0, 99.0], &others[..2]),
        Verdict::Continue
    );
    // Of three the middle one.
    assert_eq!(verdict(lower, &[9.0, 4.0], &others[..3]), Verdict::Continue);
    assert_eq!(verdict(lower, &[9.0, 4.1], &others[..3]), Verdict::Stop);
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |pruner| {
        let space = Space::builder().float("x", 0.0..=1.0).build().unwrap();
        let config = StudyConfig {
            pruner,
            ..StudyConfig::default()
        };
        Study::new(space, config).unwrap_err().to_string()
    };
    let halving = SuccessiveHalving::default();
    assert_eq!(
        refused(Pruner::SuccessiveHalving(SuccessiveHalving {
            factor: 1,
            ..halving
        })),
        "factor of successive halving is 1: expected at least 2"
    );
    let hyperband = Hyperband {
        min_step: 9,
        max_step: 8,
        factor: 3,
    };
    assert_eq!(
        refused(Pruner::Hyperband(hyperband)),
        "max_step of Hyperband is 8: expected at least min_step"
    );
}

#[test]
fn pruning_saves_most_of_the_work_of_a_search() -> Result<(), SearchError> {
    // Curves that fall from 1 to the value of the trial: 27 steps, the best of which is known early.
    let space = Space::builder().float("x", 0.0..=1.0).build()?;
    let search = |pruner| {
        let study = Study::new(
            space.clone(),
            StudyConfig {
                seed: 4,
                pruner,
                ..StudyConfig::default()
            },
        )?;
        study.run(Budget::trials(81), |trial| {
            let x = trial.params().float("x")?;
            let value = |step: u64| x + (1.0 - x) * 0.9_f64.powi(step as i32);
            for step in 1..=27 {
                if trial.report(step, value(step)) == Verdict::Stop {
                    return Ok(value(step));
                }
            }
            Ok::<_, SearchError>(value(27))
        })?;
        let steps: u64 = study
            .trials()
            .iter()
            .map(|trial| trial.reports.last().unwrap().step)
            .sum();
        Ok::<_, SearchError>((steps, study.best().unwrap().value))
    };
    let (all, best) = search(Pruner::None)?;
    assert_eq!(all, 81 * 27);
    let halving = SuccessiveHalving {
        max_step: Some(27),
        ..SuccessiveHalving::default()
    };
    for pruner in [
        Pruner::SuccessiveHalving(halving),
        Pruner::Median(MedianRule::default()),
    ] {
        let (steps, found) = search(pruner)?;
        assert_eq!(found, best, "{pruner:?}");
        assert!(steps * 2 < all, "{pruner:?}: {steps} of {all}");
    }
    assert!(search(Pruner::SuccessiveHalving(halving))?.0 * 4 < all);
    Ok(())
}

proptest! {
    #[test]
    fn the_best_trial_is_never_stopped(
        values in prop::collection::vec(0.0..1.0_f64, 1..20),
        number in 0..1000_usize,
    ) {
        let others: Vec<Vec<Report>> = values.iter().map(|&value| curve(&[value; 30])).collect();
        let others: Vec<Peer<'_>> = (1000..).zip(&others)
            .map(|(number, reports)| peer(number, reports, TrialState::Complete)).collect();
        let mine = curve(&[-0.5; 30]);
        let pruners = [
            Pruner::Median(MedianRule { startup: 1, warm_up: 0 }),
            Pruner::SuccessiveHalving(SuccessiveHalving::default()),
            Pruner::Hyperband(Hyperband::default()),
        ];
        for pruner in pruners {
            for n in 0..=30 {
                let verdict = pruner.verdict(Direction::Minimise, number, &mine[..n], &others);
                prop_assert_eq!(verdict, Verdict::Continue);
            }
        }
    }

    #[test]
    fn to_maximise_is_to_minimise_the_negative(
        curves in prop::collection::vec(prop::collection::vec(-1.0..1.0_f64, 1..10), 1..12),
    ) {
        let negative: Vec<Vec<Report>> =
            curves.iter().map(|values| curve(&values.iter().map(|value| -value).collect::<Vec<_>>())).collect();
        let plain: Vec<Vec<Report>> = curves.iter().map(|values| curve(values)).collect();
        let verdict = |pruner: Pruner, direction, curves: &[Vec<Report>]| {
            let others: Vec<Peer<'_>> = curves[1..].iter().zip(1..)
                .map(|(reports, number)| peer(number, reports, TrialState::Complete)).collect();
            pruner.verdict(direction, 0, &curves[0], &others)
        };
        for pruner in [
            Pruner::Median(MedianRule { startup: 1, warm_up: 0 }),
            Pruner::SuccessiveHalving(SuccessiveHalving::default()),
            Pruner::Hyperband(Hyperband::default()),
        ] {
            prop_assert_eq!(
                verdict(pruner, Direction::Minimise, &plain),
                verdict(pruner, Direction::Maximise, &negative)
            );
        }
    }
}
