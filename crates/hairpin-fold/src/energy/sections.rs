//! Text in sections: `# name` on a line of its own, then words; comments as in C.

use crate::FoldError;

/// A word and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Word<'_> {
    pub(crate) fn refuse(&self, expected: impl Into<String>) -> FoldError {
        FoldError::ParameterFile {
            line: self.line,
            column: self.column,
            expected: expected.into(),
            found: format!("{:?}", self.text),
        }
    }
}

/// The words under one heading.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) words: Vec<Word<'a>>,
}

/// Cuts a text into its sections. Lines that begin with `##` are skipped, a section END ends the text.
pub(crate) fn sections(text: &str) -> Result<Vec<Section<'_>>, FoldError> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut comment = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if comment.is_none() && line.starts_with("##") {
            continue;
        }
        if comment.is_none() && line.starts_with('#') {
            let rest = &line[1..];
            let name = rest.split_whitespace().next().unwrap_or_default();
            let column = 2 + rest.len() - rest.trim_start().len();
            if name == "END" {
                return Ok(sections);
            }
            let name = Word {
                text: name,
                line: number,
                column,
            };
            sections.push(Section {
                name,
                words: Vec::new(),
            });
            continue;
        }
        let mut at = 0;
        while at < line.len() {
            let rest = &line[at..];
            if comment.is_some() {
                match rest.find("*/") {
                    Some(end) => {
                        comment = None;
                        at += end + 2;
                    }
                    None => break,
                }
            } else if rest.starts_with("/*") {
                comment = Some((number, at + 1));
                at += 2;
            } else if rest.starts_with(char::is_whitespace) {
                at += rest.len() - rest.trim_start().len();
            } else {
                let end = rest
                    .find(|c: char| c.is_whitespace())
                    .unwrap_or(rest.len())
                    .min(rest.find("/*").unwrap_or(rest.len()));
                let word = Word {
                    text: &rest[..end],
                    line: number,
                    column: at + 1,
                };
                match sections.last_mut() {
                    Some(section) => section.words.push(word),
                    None => return Err(word.refuse("a heading such as '# stack'")),
                }
                at += end;
            }
        }
    }
    match comment {
        None => Ok(sections),
        Some((line, column)) => Err(FoldError::ParameterFile {
            line,
            column,
            expected: "'*/' after this '/*'".to_owned(),
            found: "the end of the file".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_where_they_stand() {
        let text = "## format\n/* a\nb */\n# one\n 1 /*x*/2/* y */\n# two\n3\n# END\nrest";
        let sections = sections(text).unwrap();
        let words: Vec<(&str, usize, usize)> = (sections[0].words.iter())
            .map(|word| (word.text, word.line, word.column))
            .collect();
        assert_eq!(words, [("1", 5, 2), ("2", 5, 9)]);
        assert_eq!(sections[1].name.text, "two");
        assert_eq!((sections[1].name.line, sections[1].name.column), (6, 3));
        assert_eq!(sections.len(), 2);
    }

    #[test]
    fn refuses_words_without_a_heading_and_open_comments() {
        let error = sections("7").unwrap_err().to_string();
        assert!(
            error.starts_with("line 1, column 1: expected a heading"),
            "{error}"
        );
        let error = sections("# a\n1 /* 2").unwrap_err().to_string();
        assert!(
            error.starts_with("line 2, column 3: expected '*/'"),
            "{error}"
        );
    }
}
