//! What is simple, for the model to be held against.

use crate::encoding::one_hot;
use crate::pairs::{Names, Pairs, Rows};
use anyhow::Result;
use hairpin::targets::TargetMatrix;
use hairpin::targets::control::{
    ColumnAverage, Constant, GroupAverage, Regressor, Ridge, Strength, TwoWay,
};

/// Strengths of which ridge regression takes the best in predicting each training row from the others.
const STRENGTHS: [f64; 8] = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0];

/// Each control's answers about pairs that it did not see, under its name.
pub(crate) fn answers(train: &Rows, asked: &Pairs) -> Result<Vec<(String, TargetMatrix)>> {
    let names = Names::of(&train.pairs);
    // What was not seen has a number of its own, of which no control knows anything.
    let cell_type = |name: &String| {
        names
            .cell_types
            .index(name)
            .unwrap_or(names.cell_types.len())
    };
    let compound = |name: &String| names.compounds.index(name).unwrap_or(names.compounds.len());
    let cell_types = |pairs: &Pairs| pairs.cell_types.iter().map(cell_type).collect::<Vec<_>>();
    let compounds = |pairs: &Pairs| pairs.compounds.iter().map(compound).collect::<Vec<_>>();
    let both = |pairs: &Pairs| -> Vec<(usize, usize)> {
        let own = cell_types(pairs).into_iter();
        own.zip(compounds(pairs)).collect()
    };
    let targets = &train.targets;
    let of_asked = (cell_types(asked), compounds(asked), both(asked));
    let by_cell_type = GroupAverage::MEAN.fit(targets, &cell_types(&train.pairs))?;
    let by_compound = GroupAverage::MEAN.fit(targets, &compounds(&train.pairs))?;
    let additive = TwoWay.fit(targets, &both(&train.pairs))?;
    let ridge = Ridge::new(Strength::LeaveOneOut(STRENGTHS.to_vec()));
    let ridge = ridge.fit(&one_hot(&names, &train.pairs), targets)?;
    let named = |name: &str, answer: TargetMatrix| (name.to_owned(), answer);
    Ok(vec![
        named("zeros", Constant::ZERO.fit(targets).predict(&of_asked.0)?),
        named(
            "mean per gene",
            ColumnAverage::MEAN.fit(targets)?.predict(&of_asked.0)?,
        ),
        named("mean per cell type", by_cell_type.predict(&of_asked.0)?),
        named("mean per compound", by_compound.predict(&of_asked.1)?),
        named("additive", additive.predict(&of_asked.2)?),
        named("ridge on one-hots", ridge.predict(&one_hot(&names, asked))?),
    ])
}
