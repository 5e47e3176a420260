//! What may be written: text of bounded size that a database and a page can take.

/// Longest title, in characters.
const MAX_TITLE: usize = 255;
/// Longest text of a post or an article, in characters.
const MAX_CONTENT: usize = 20_000;
/// Longest comment, in characters.
const MAX_COMMENT: usize = 2_000;
/// Longest author's name, in characters.
const MAX_AUTHOR: usize = 100;

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Missing or blank.
    #[error("must not be blank")]
    Blank,
    /// A required id is missing.
    #[error("must not be null")]
    Missing,
    /// Longer than that many characters.
    #[error("{0} must be at most {1} characters")]
    TooLong(&'static str, usize),
    /// With characters that are none.
    #[error("{0} must not contain control characters")]
    Unprintable(&'static str),
}

/// A title: one line, trimmed.
pub fn title(field: Option<String>) -> Result<String, Violation> {
    line(field, "Title", MAX_TITLE)
}

/// The name under which an article is published: one line, trimmed.
pub fn author(field: Option<String>) -> Result<String, Violation> {
    line(field, "Author", MAX_AUTHOR)
}

/// The text of a post or an article.
pub fn content(field: Option<String>) -> Result<String, Violation> {
    paragraphs(field, "Content", MAX_CONTENT)
}

/// The text of a comment.
pub fn comment(field: Option<String>) -> Result<String, Violation> {
    paragraphs(field, "Comment", MAX_COMMENT)
}

fn line(field: Option<String>, what: &'static str, most: usize) -> Result<String, Violation> {
    let text = present(field)?;
    let text = text.trim();
    check(text, what, most, char::is_control)?;
    Ok(text.to_owned())
}

fn paragraphs(field: Option<String>, what: &'static str, most: usize) -> Result<String, Violation> {
    let text = present(field)?;
    check(&text, what, most, |character| {
        character.is_control() && !matches!(character, '\n' | '\r' | '\t')
    })?;
    Ok(text)
}

fn present(field: Option<String>) -> Result<String, Violation> {
    field
        .filter(|text| !text.trim().is_empty())
        .ok_or(Violation::Blank)
}

fn check(
    text: &str,
    what: &'static str,
    most: usize,
    is_unprintable: impl Fn(char) -> bool,
) -> Result<(), Violation> {
    if text.chars().count() > most {
        return Err(Violation::TooLong(what, most));
    }
    if text.chars().any(is_unprintable) {
        return Err(Violation::Unprintable(what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_as_they_are() {
        for text in ["안녕", "👩‍🚀", "שלום", "<script>", "=cmd", "a\nb\tc\r\n"] {
            assert_eq!(content(Some(text.to_owned())).as_deref(), Ok(text));
        }
        assert_eq!(title(Some("  제목 ".to_owned())).as_deref(), Ok("제목"));
    }

    #[test]
    fn blank_long_and_unprintable_are_refused() {
        for blank in [None, Some(String::new()), Some(" \n\u{2003}".to_owned())] {
            assert_eq!(title(blank.clone()), Err(Violation::Blank));
            assert_eq!(comment(blank), Err(Violation::Blank));
        }
        assert!(title(Some("ᄒ".repeat(255))).is_ok());
        assert_eq!(
            title(Some("ᄒ".repeat(256))),
            Err(Violation::TooLong("Title", 255))
        );
        assert_eq!(
            author(Some("a".repeat(101))),
            Err(Violation::TooLong("Author", 100))
        );
        assert_eq!(
            content(Some("a".repeat(20_001))),
            Err(Violation::TooLong("Content", 20_000))
        );
        assert_eq!(
            comment(Some("a".repeat(2_001))),
            Err(Violation::TooLong("Comment", 2_000))
        );
        assert_eq!(
            title(Some("a\nb".to_owned())),
            Err(Violation::Unprintable("Title"))
        );
        assert_eq!(
            content(Some("a\0b".to_owned())),
            Err(Violation::Unprintable("Content"))
        );
        assert_eq!(
            Violation::TooLong("Title", 255).to_string(),
            "Title must be at most 255 characters"
        );
    }
}
