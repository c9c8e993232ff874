//! ViennaRNA's parameter files, and what our own layout shares with them.

use super::INFINITE;
use super::parameters::{Parameters, with_unknown};
use super::sections::{Section, Word, sections};
use super::tables::{LENGTHS, Tables};
use crate::FoldError;
use crate::bases::{N_CODES, N_TYPES, word};

/// Sections by name, read one after the other.
pub(super) struct Reader<'a> {
    sections: Vec<Section<'a>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, FoldError> {
        let sections = sections(text)?;
        for (index, section) in sections.iter().enumerate() {
            let same = |other: &Section<'_>| other.name.text == section.name.text;
            if sections[..index].iter().any(same) {
                return Err(section.name.refuse("every table once"));
            }
        }
        Ok(Self { sections })
    }

    fn section(&self, name: &str) -> Result<&Section<'a>, FoldError> {
        (self.sections.iter())
            .find(|section| section.name.text == name)
            .ok_or_else(|| FoldError::MissingTable {
                table: name.to_owned(),
            })
    }

    fn words(&self, name: &str, least: usize, most: usize) -> Result<&[Word<'a>], FoldError> {
        let section = self.section(name)?;
        let found = section.words.len();
        if found > most {
            return Err(
                section.words[most].refuse(format!("no more than {most} numbers in '# {name}'"))
            );
        }
        if found < least {
            let last = section.words.last().unwrap_or(&section.name);
            return Err(FoldError::ParameterFile {
                line: last.line,
                column: last.column,
                expected: format!("{least} numbers in '# {name}'"),
                found: format!("{found}, of which this is the last"),
            });
        }
        Ok(&section.words)
    }

    /// Exactly `count` whole numbers.
    pub(super) fn numbers(&self, name: &str, count: usize) -> Result<Vec<i32>, FoldError> {
        self.words(name, count, count)?.iter().map(number).collect()
    }

    /// Between `least` and `most` numbers.
    pub(super) fn decimals(
        &self,
        name: &str,
        least: usize,
        most: usize,
    ) -> Result<Vec<f64>, FoldError> {
        (self.words(name, least, most)?.iter())
            .map(|word| match word.text.parse::<f64>() {
                Ok(value) if value.abs() < f64::from(INFINITE) => Ok(value),
                _ => Err(word.refuse("a number of dcal/mol")),
            })
            .collect()
    }

    /// What both layouts write alike: multiloops, asymmetry, special hairpins.
    pub(super) fn loops_and_multiloops(
        &mut self,
        parameters: &mut Parameters,
    ) -> Result<(), FoldError> {
        let multi = self.numbers("ML_params", 6)?;
        let ninio = self.numbers("NINIO", 3)?;
        for (k, tables) in [&mut parameters.energy, &mut parameters.enthalpy]
            .into_iter()
            .enumerate()
        {
            tables.ml_unpaired = multi[k];
            tables.ml_closing = multi[2 + k];
            tables.ml_branch = multi[4 + k];
            tables.ninio = ninio[k];
        }
        parameters.ninio_max = ninio[2];
        let mut special = Vec::new();
        for (name, bases) in [("Triloops", 5), ("Tetraloops", 6), ("Hexaloops", 8)] {
            for row in self.section(name)?.words.chunks(3) {
                let codes: Option<Vec<u8>> = row[0].text.bytes().map(code).collect();
                let Some(codes) = codes.filter(|codes| codes.len() == bases) else {
                    return Err(row[0].refuse(format!("{bases} bases of A, C, G, U")));
                };
                let [_, energy, enthalpy] = row else {
                    return Err(row[0].refuse("a hairpin, its energy and its enthalpy"));
                };
                special.push((word(&codes), number(energy)?, number(enthalpy)?, row[0]));
            }
        }
        special.sort_by_key(|entry| entry.0);
        if let Some(pair) = special.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(pair[1].3.refuse("every hairpin once"));
        }
        parameters.energy.special = special.iter().map(|entry| (entry.0, entry.1)).collect();
        parameters.enthalpy.special = special.iter().map(|entry| (entry.0, entry.2)).collect();
        Ok(())
    }
}

fn code(base: u8) -> Option<u8> {
    match base {
        b'A' => Some(1),
        b'C' => Some(2),
        b'G' => Some(3),
        b'U' | b'T' => Some(4),
        _ => None,
    }
}

fn number(word: &Word<'_>) -> Result<i32, FoldError> {
    match word.text {
        "INF" => Ok(INFINITE),
        "DEF" => Ok(-50),
        "NST" => Ok(0),
        text => match text.parse::<i32>() {
            Ok(value) if value.abs() <= INFINITE => Ok(value),
            _ => Err(word.refuse("a whole number of dcal/mol, INF, DEF or NST")),
        },
    }
}

/// Reads a `.par` file.
pub(super) fn read(text: &str) -> Result<Parameters, FoldError> {
    let first = text.lines().next().unwrap_or_default();
    if !first.starts_with("## RNAfold parameter file v2.0") {
        return Err(FoldError::ParameterFile {
            line: 1,
            column: 1,
            expected: "'## RNAfold parameter file v2.0'".to_owned(),
            found: format!("{:?}", first.chars().take(40).collect::<String>()),
        });
    }
    let mut reader = Reader::new(text)?;
    let mut parameters = Parameters {
        energy: tables(&reader, "")?,
        enthalpy: tables(&reader, "_enthalpies")?,
        ninio_max: 0,
        log_factor: 0.0,
    };
    // Energies of duplexes, terminal AU and, in newer files, the logarithm's factor: each with its enthalpy.
    let misc = reader.decimals("Misc", 4, 6)?;
    parameters.energy.terminal_au = misc[2] as i32;
    parameters.enthalpy.terminal_au = misc[3] as i32;
    parameters.log_factor = misc.get(4).copied().unwrap_or(107.856);
    reader.loops_and_multiloops(&mut parameters)?;
    Ok(parameters)
}

fn tables(reader: &Reader<'_>, kind: &str) -> Result<Tables<i32>, FoldError> {
    let read = |name: &str, pairs: u32, bases: u32| {
        let count = 7_usize.pow(pairs) * N_CODES.pow(bases);
        let numbers = reader.numbers(&format!("{name}{kind}"), count)?;
        Ok::<_, FoldError>(without_other_pairs(&numbers, pairs, N_CODES.pow(bases)))
    };
    let list = |name: &str| reader.numbers(&format!("{name}{kind}"), LENGTHS);
    Ok(Tables {
        stack: read("stack", 2, 0)?,
        mismatch_hairpin: read("mismatch_hairpin", 1, 2)?,
        mismatch_internal: read("mismatch_internal", 1, 2)?,
        mismatch_internal_1n: read("mismatch_internal_1n", 1, 2)?,
        mismatch_internal_23: read("mismatch_internal_23", 1, 2)?,
        mismatch_multi: read("mismatch_multi", 1, 2)?,
        mismatch_exterior: read("mismatch_exterior", 1, 2)?,
        dangle5: read("dangle5", 1, 1)?,
        dangle3: read("dangle3", 1, 1)?,
        int11: read("int11", 2, 2)?,
        int21: read("int21", 2, 3)?,
        // The one table that is written without N.
        int22: with_unknown(&reader.numbers(&format!("int22{kind}"), 36 * 256)?, 2, 4),
        hairpin: list("hairpin")?,
        bulge: list("bulge")?,
        internal: list("internal")?,
        ..Tables::default()
    })
}

/// Moves the pairs `1..=6` from the front to their types, and leaves out "any other pair", which is last.
fn without_other_pairs(numbers: &[i32], pairs: u32, width: usize) -> Vec<i32> {
    let mut full = vec![0; N_TYPES.pow(pairs) * width];
    for (row, out) in full.chunks_exact_mut(width).enumerate() {
        let (a, b) = (row / N_TYPES, row % N_TYPES);
        let from = match (pairs, a, b) {
            (2, 0, _) | (_, _, 0) => continue,
            (2, a, b) => (a - 1) * 7 + b - 1,
            (_, _, b) => b - 1,
        };
        out.copy_from_slice(&numbers[from * width..][..width]);
    }
    full
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    /// A table as such files have it: seven pairs, the last of them any other.
    fn with_other_pairs(table: &[i32], pairs: u32) -> String {
        let width = table.len() / N_TYPES.pow(pairs);
        let mut text = String::new();
        for row in 0..7_usize.pow(pairs) {
            let (a, b) = (row / 7 + 1, row % 7 + 1);
            let known = if pairs == 2 { a < 7 && b < 7 } else { b < 7 };
            let from = if pairs == 2 { a * N_TYPES + b } else { b };
            for k in 0..width {
                let value = if known { table[from * width + k] } else { 777 };
                write!(text, "{value} ").unwrap();
            }
            text.push('\n');
        }
        text
    }

    /// Turner 2004 as a `.par` file.
    fn par() -> String {
        let parameters = Parameters::turner_2004();
        let mut text = "## RNAfold parameter file v2.0\n\n".to_owned();
        for (kind, t) in [
            ("", &parameters.energy),
            ("_enthalpies", &parameters.enthalpy),
        ] {
            for (name, table, pairs) in [
                ("stack", &t.stack, 2),
                ("mismatch_hairpin", &t.mismatch_hairpin, 1),
                ("mismatch_internal", &t.mismatch_internal, 1),
                ("mismatch_internal_1n", &t.mismatch_internal_1n, 1),
                ("mismatch_internal_23", &t.mismatch_internal_23, 1),
                ("mismatch_multi", &t.mismatch_multi, 1),
                ("mismatch_exterior", &t.mismatch_exterior, 1),
                ("dangle5", &t.dangle5, 1),
                ("dangle3", &t.dangle3, 1),
                ("int11", &t.int11, 2),
                ("int21", &t.int21, 2),
            ] {
                let rows = with_other_pairs(table, pairs).replace("-50 ", "DEF ");
                write!(text, "# {name}{kind}\n/* CG  GC */\n{rows}").unwrap();
            }
            writeln!(text, "# int22{kind}").unwrap();
            for (index, value) in t.int22.iter().enumerate() {
                let (row, codes) = (index / 625, index % 625);
                let known = row / N_TYPES > 0 && row % N_TYPES > 0;
                if known && [1, 5, 25, 125].iter().all(|digit| codes / digit % 5 > 0) {
                    writeln!(text, "{value}").unwrap();
                }
            }
            for (name, table) in [
                ("hairpin", &t.hairpin),
                ("bulge", &t.bulge),
                ("internal", &t.internal),
            ] {
                let list: Vec<String> = table.iter().map(i32::to_string).collect();
                let list = list.join(" ").replace("10000000", "INF");
                write!(text, "# {name}{kind}\n{list}\n").unwrap();
            }
        }
        text + "# ML_params\n0 0 930 3000 -90 -220\n# NINIO\n60 320 300\n# Misc\n410 360 50 370 107.856 0\n\
                # Hexaloops\nACAGUACU 280 -1680\n# Tetraloops\nCAACGG 550 690\nCUUCGG 370 -1530\n# Triloops\n# END\nrest"
    }

    #[test]
    fn reads_what_we_have_from_a_file_of_viennarna() {
        let read = Parameters::from_par(&par()).unwrap();
        let mut ours = Parameters::turner_2004();
        assert_eq!(read.energy.special.len(), 3);
        for tables in [&mut ours.energy, &mut ours.enthalpy] {
            let word = |text: &str| {
                word(
                    &text
                        .bytes()
                        .map(|base| code(base).unwrap())
                        .collect::<Vec<u8>>(),
                )
            };
            let kept = ["ACAGUACU", "CAACGG", "CUUCGG"].map(word);
            tables.special.retain(|entry| kept.contains(&entry.0));
        }
        assert_eq!(read, ours);
    }

    #[test]
    fn refuses_broken_files_and_says_where() {
        let text = par();
        let error = |text: &str| Parameters::from_par(text).unwrap_err().to_string();
        assert!(error("").starts_with("line 1, column 1: expected '## RNAfold"));
        assert!(error("# stack\n1").starts_with("line 1, column 1: expected '## RNAfold"));
        for table in ["stack", "int22_enthalpies", "NINIO", "Triloops"] {
            let without = text.replace(&format!("# {table}\n"), &format!("# other_{table}\n"));
            assert!(
                error(&without)
                    .starts_with(&format!("the parameter file has no table '# {table}'"))
            );
        }
        let broken = text.replacen(" 930 ", " 9e2 ", 1);
        let found = error(&broken);
        assert!(
            found.contains("column 5: expected a whole number of dcal/mol")
                && found.ends_with("found \"9e2\""),
            "{found}"
        );
        let short = error(&text.replacen("60 320 300", "60 320", 1));
        assert!(
            short.contains("expected 3 numbers in '# NINIO', found 2"),
            "{short}"
        );
        let long = error(&text.replacen("60 320 300", "60 320 300 1", 1));
        assert!(
            long.contains("no more than 3 numbers") && long.ends_with("found \"1\""),
            "{long}"
        );
        assert!(
            error(&text.replacen("CAACGG", "CAACG", 1)).contains("expected 6 bases of A, C, G, U")
        );
        assert!(error(&text.replacen("CAACGG", "CUUCGG", 1)).contains("every hairpin once"));
        assert!(
            error(&text.replacen("# NINIO", "# stack\n# NINIO", 1)).contains("every table once")
        );
        assert!(error(&text.replacen("107.856", "NaN", 1)).contains("a number of dcal/mol"));
    }
}
