//! Files of `NAME=value` lines: what `urr up` writes for other commands and for a shell
//! (`set -a; . .urr/run.env`), and what `--env-file` reads.

use std::{collections::BTreeMap, fmt::Write as _, fs, io::Write as _, path::Path};

use anyhow::Context;

/// Variables by name.
pub type Variables = BTreeMap<String, String>;

/// The value of `name`, unless it is missing or empty.
pub fn value<'a>(variables: &'a Variables, name: &str) -> Option<&'a str> {
    variables
        .get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

/// Reads the file at `path`.
pub fn read(path: &Path) -> anyhow::Result<Variables> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read the variables in {}", path.display()))?;
    parse(&text).with_context(|| format!("{} is not a file of NAME=value lines", path.display()))
}

/// Reads the file at `path`; no file has no variables.
pub fn read_if_there(path: &Path) -> anyhow::Result<Variables> {
    if path.exists() {
        read(path)
    } else {
        Ok(Variables::new())
    }
}

/// Writes the file at `path`, readable by its owner only. A reader sees the old file or the
/// new one, never half of it.
pub fn write(path: &Path, heading: &str, variables: &Variables) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let draft = path.with_extension("env.new");
    let save = || -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(render(heading, variables).as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    save().with_context(|| format!("cannot write {}", path.display()))
}

fn render(heading: &str, variables: &Variables) -> String {
    let mut text = String::new();
    for line in heading.lines() {
        let _infallible = writeln!(text, "# {line}");
    }
    for (name, value) in variables {
        let _infallible = writeln!(text, "{name}={}", quoted(value));
    }
    text
}

/// The value as a shell reads it back.
fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+,=".contains(&byte);
    if value.bytes().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

/// Takes the variables out of `text`. Comments and empty lines are left out; a value may be
/// quoted and a name may follow `export`.
pub fn parse(text: &str) -> anyhow::Result<Variables> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            let line = line.strip_prefix("export ").unwrap_or(line);
            let (name, value) = line
                .split_once('=')
                .with_context(|| format!("line {number} has no `=`"))?;
            let name = name.trim();
            anyhow::ensure!(is_name(name), "line {number} does not begin with a name");
            Ok((name.to_owned(), unquoted(value.trim())))
        })
        .collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn unquoted(value: &str) -> String {
    let inside = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    match (inside('\''), inside('"')) {
        (Some(text), _) => text.replace(r"'\''", "'"),
        (None, Some(text)) => text.to_owned(),
        (None, None) => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn comments_exports_and_quotes_are_understood() {
        let text = "# a comment\n\nexport PORT=3001\nNAME='it'\\''s'\nURL=\"a b\"\n";
        let variables = parse(text).unwrap();
        assert_eq!(variables["PORT"], "3001");
        assert_eq!(variables["NAME"], "it's");
        assert_eq!(variables["URL"], "a b");
    }

    #[test]
    fn an_empty_value_is_none() {
        let variables = parse("A=\nB=1\n").unwrap();
        assert_eq!(value(&variables, "A"), None);
        assert_eq!(value(&variables, "B"), Some("1"));
        assert_eq!(value(&variables, "C"), None);
    }

    #[test]
    fn a_line_that_is_no_assignment_is_refused_with_its_number() {
        let error = parse("PORT=1\nnonsense\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2 has no `=`");
        assert!(parse("1PORT=1").is_err());
    }

    #[test]
    fn a_written_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.env");
        let variables = Variables::from([("A".to_owned(), "b?c=d&e".to_owned())]);
        write(&path, "heading", &variables).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(read(&path).unwrap(), variables);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in "[ -~]*") {
            let value = value.trim().to_owned();
            let variables = Variables::from([("NAME".to_owned(), value)]);
            prop_assert_eq!(parse(&render("", &variables)).unwrap(), variables);
        }
    }
}
