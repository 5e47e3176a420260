//! Presales: who may line up before everybody may.

use jiff::Timestamp;

/// Until when somebody whose tier buys from `opens_at` must wait before lining up; `None`
/// where they may. Whoever buys from the first moment of the sale waits for it in the lobby
/// like everybody else; a later window has no lobby of its own.
pub fn too_early(
    opens_at: Option<Timestamp>,
    sale_starts_at: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    opens_at
        .filter(|opens_at| now < *opens_at && sale_starts_at.is_none_or(|start| start < *opens_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    #[test]
    fn the_first_tier_waits_in_the_lobby_and_the_others_outside() {
        let too_early = |opens_at, now| too_early(at(opens_at), at(100), at(now).unwrap());
        assert_eq!(too_early(100, 0), None);
        assert_eq!(too_early(200, 0), at(200));
        assert_eq!(too_early(200, 199), at(200));
        assert_eq!(too_early(200, 200), None);
        assert_eq!(super::too_early(None, at(100), Timestamp::MIN), None);
    }
}
