//! Who is waiting, as a bitmap by number, with counts that make a position a look-up.

/// Bytes that one entry of the running count covers.
const BLOCK: usize = 64;

/// The waiting numbers of one line at one moment. Bit order is that of Redis: number 0 is
/// the highest bit of byte 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    first_byte: u64,
    bits: Vec<u8>,
    before_block: Vec<u64>,
    total: u64,
}

impl Waiting {
    /// The bitmap whose first byte, after `first_byte` empty ones, is `bits[0]`.
    pub fn new(first_byte: u64, bits: Vec<u8>) -> Self {
        let mut before_block = Vec::with_capacity(bits.len() / BLOCK + 1);
        let mut total = 0;
        for block in bits.chunks(BLOCK) {
            before_block.push(total);
            total += ones(block);
        }
        Self {
            first_byte,
            bits,
            before_block,
            total,
        }
    }

    /// How many are waiting.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether that number is waiting.
    pub fn contains(&self, number: u64) -> bool {
        self.byte_of(number)
            .and_then(|byte| self.bits.get(byte))
            .is_some_and(|bits| bits & mask(number) != 0)
    }

    /// How many with a lower number are waiting.
    pub fn before(&self, number: u64) -> u64 {
        let Some(byte) = self.byte_of(number) else {
            return 0;
        };
        let Some(last) = self.bits.get(byte) else {
            return self.total;
        };
        let block = byte / BLOCK;
        let lower = last & !(mask(number) | (mask(number) - 1));
        self.before_block[block]
            + ones(&self.bits[block * BLOCK..byte])
            + u64::from(lower.count_ones())
    }

    /// The bitmap's first byte and its bytes from there.
    pub fn bytes(&self) -> (u64, &[u8]) {
        (self.first_byte, &self.bits)
    }

    /// No lower number is waiting.
    pub fn first(&self) -> u64 {
        self.first_byte * 8
    }

    fn byte_of(&self, number: u64) -> Option<usize> {
        usize::try_from((number / 8).checked_sub(self.first_byte)?).ok()
    }
}

fn mask(number: u64) -> u8 {
    0x80 >> (number % 8)
}

fn ones(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(byte.count_ones())).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bitmap(numbers: &[u64]) -> Vec<u8> {
        let length = numbers.iter().max().map_or(0, |last| last / 8 + 1);
        let mut bits = vec![0; usize::try_from(length).expect("small")];
        for number in numbers {
            bits[usize::try_from(number / 8).expect("small")] |= mask(*number);
        }
        bits
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_plain_list(
            numbers in proptest::collection::btree_set(0_u64..5000, 0..400),
            probe in 0_u64..6000,
        ) {
            let all: Vec<u64> = numbers.iter().copied().collect();
            let whole = bitmap(&all);
            let skipped = all.first().map_or(0, |first| first / 8);
            let rest = whole[usize::try_from(skipped).expect("small")..].to_vec();
            let waiting = Waiting::new(skipped, rest);
            prop_assert_eq!(waiting.total(), all.len() as u64);
            prop_assert_eq!(waiting.contains(probe), numbers.contains(&probe));
            prop_assert_eq!(waiting.before(probe), numbers.range(..probe).count() as u64);
        }
    }
}
