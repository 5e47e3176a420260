//! Settings of a service, as its command line gives them.

use clap::{Args, Command};

/// The settings that a command line gives, the name of the program first. Of a setting that is
/// given twice the last value counts. Panics where it is refused.
pub fn settings<A: Args>(words: impl IntoIterator<Item = impl AsRef<str>>) -> A {
    let words = words.into_iter().map(|word| word.as_ref().to_owned());
    let command = A::augment_args(Command::new("test")).args_override_self(true);
    let given = command.try_get_matches_from(words);
    let settings = given.and_then(|given| A::from_arg_matches(&given));
    settings.expect("settings that are accepted")
}

/// What `--help` says of them, 100 columns wide.
pub fn help<A: Args>(program: &'static str) -> String {
    A::augment_args(Command::new(program))
        .term_width(100)
        .render_long_help()
        .to_string()
}
