//! Pages of lists: `page` from 1 and `limit`, clamped rather than refused.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Query of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Page, from 1. What is out of range is pulled into it.
    pub page: Option<i64>,
    /// Rows a page. What is out of range is pulled into it.
    pub limit: Option<i64>,
}

/// A page that can be asked of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    number: i64,
    limit: i64,
}

/// Highest page number, so that offsets stay inside `i64`.
const MAX_PAGE: i64 = 1_000_000_000;

impl Page {
    /// The page asked for, pulled into 1…, and 1…`max_limit` rows.
    pub fn new(query: PageQuery, default_limit: i64, max_limit: i64) -> Self {
        Self {
            number: query.page.unwrap_or(1).clamp(1, MAX_PAGE),
            limit: query.limit.unwrap_or(default_limit).clamp(1, max_limit),
        }
    }

    /// Number of the page, from 1.
    pub fn number(self) -> i64 {
        self.number
    }

    /// Rows a page.
    pub fn limit(self) -> i64 {
        self.limit
    }

    /// Rows before it.
    pub fn offset(self) -> i64 {
        (self.number - 1) * self.limit
    }

    /// What the answer says of it, given the number of all rows.
    pub fn of(self, total: i64) -> Pagination {
        Pagination {
            page: self.number,
            limit: self.limit,
            total,
            total_pages: total
                .max(0)
                .unsigned_abs()
                .div_ceil(self.limit.unsigned_abs()),
        }
    }
}

/// The `pagination` of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// Number of the page, from 1.
    pub page: i64,
    /// Rows a page.
    pub limit: i64,
    /// All rows.
    pub total: i64,
    /// All pages.
    pub total_pages: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_queries_are_pulled_into_range() {
        let page = |page, limit| Page::new(PageQuery { page, limit }, 10, 100);
        assert_eq!(
            page(None, None),
            Page {
                number: 1,
                limit: 10
            }
        );
        assert_eq!(
            page(Some(0), Some(0)),
            Page {
                number: 1,
                limit: 1
            }
        );
        assert_eq!(
            page(Some(-3), Some(5000)),
            Page {
                number: 1,
                limit: 100
            }
        );
        assert!(page(Some(i64::MAX), Some(100)).offset() > 0);
    }

    #[test]
    fn total_pages_is_rounded_up() {
        let page = Page::new(PageQuery::default(), 10, 100);
        assert_eq!(page.of(0).total_pages, 0);
        assert_eq!(page.of(10).total_pages, 1);
        assert_eq!(page.of(11).total_pages, 2);
    }
}
