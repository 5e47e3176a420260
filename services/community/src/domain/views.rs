//! Views that were counted and not yet written down.

use urr_kit::tally::{Counts, Tally};
use uuid::Uuid;

/// What can be viewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A news article.
    News,
    /// A post on the board.
    Post,
}

/// Views by what was viewed.
pub type Views = Tally<(Kind, Uuid)>;

/// The same, taken out to be written down.
pub type ViewCounts = Counts<(Kind, Uuid)>;
