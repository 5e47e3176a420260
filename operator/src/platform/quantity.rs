//! Sizes in the notation of Kubernetes, as far as they are compared.

/// Whether `new` is more than `old`. What cannot be read is not more.
pub(super) fn is_more(new: &str, old: &str) -> bool {
    matches!((value(new), value(old)), (Some(new), Some(old)) if new > old)
}

/// The number that a quantity stands for.
fn value(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1.0,
        "m" => 0.001,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    digits.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_compared_by_what_they_mean() {
        for (new, old) in [
            ("2", "1"),
            ("1", "500m"),
            ("1Gi", "512Mi"),
            ("1.5Gi", "1Gi"),
            ("1Gi", "1G"),
        ] {
            assert!(is_more(new, old), "{new} > {old}");
            assert!(!is_more(old, new), "{old} < {new}");
        }
        assert!(!is_more("1Gi", "1024Mi"));
        assert!(!is_more("much", "1"));
        assert!(!is_more("", ""));
    }
}
