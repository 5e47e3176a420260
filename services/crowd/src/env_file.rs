//! Reads what `urr up` wrote about itself: `NAME=value` lines.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context;

/// Variables from a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvFile(BTreeMap<String, String>);

impl EnvFile {
    /// Reads `path`.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(Self::parse(&text))
    }

    /// Takes the variables out of `text`. Comments and empty lines are left out; a value
    /// may be quoted and a name may follow `export`.
    pub fn parse(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line);
            let (name, value) = line.split_once('=')?;
            (!name.starts_with('#')).then(|| (name.trim().to_owned(), unquoted(value.trim())))
        });
        Self(pairs.collect())
    }

    /// The value of `name`, unless it is missing or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

fn unquoted(value: &str) -> String {
    let inside = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    match (inside('\''), inside('"')) {
        // How a shell writes a quote within quotes.
        (Some(text), _) => text.replace(r"'\''", "'"),
        (None, Some(text)) => text.to_owned(),
        (None, None) => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_variables() {
        let file = EnvFile::parse(
            "# a comment\n\nA=1\nexport B = 'two words'\nC=\"x=y\"\nD=\n#E=5\nF='it'\\''s'\n",
        );
        for (name, expected) in [
            ("A", Some("1")),
            ("B", Some("two words")),
            ("C", Some("x=y")),
            ("D", None),
            ("E", None),
            ("F", Some("it's")),
        ] {
            assert_eq!(file.get(name), expected, "{name}");
        }
    }
}
