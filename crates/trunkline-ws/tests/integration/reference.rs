//! A second inflater, written from RFC 1951 and as slow as it is simple: it also tells how far back the data refer,
//! which zlib does not say.

use std::collections::HashMap;

/// The content of `data`, blocks without a last one, and the longest distance in them.
///
/// # Panics
/// When `data` are no such blocks.
pub(crate) fn inflate(data: &[u8]) -> (Vec<u8>, usize) {
    let mut inflater = Reference { data, position: 0, output: Vec::new(), distance_max: 0 };
    while inflater.position < 8 * data.len() {
        inflater.block();
    }
    (inflater.output, inflater.distance_max)
}

struct Reference<'d> {
    data: &'d [u8],
    /// In bits.
    position: usize,
    output: Vec<u8>,
    distance_max: usize,
}

/// The symbol of each code, which is a length and bits.
type Codes = HashMap<(usize, usize), usize>;

impl Reference<'_> {
    fn bits(&mut self, count: usize) -> usize {
        (0..count).map(|at| self.bit() << at).sum()
    }

    fn bit(&mut self) -> usize {
        let bit = self.data[self.position / 8] >> (self.position % 8) & 1;
        self.position += 1;
        bit.into()
    }

    fn block(&mut self) {
        assert_eq!(self.bit(), 0, "the last block is not marked");
        match self.bits(2) {
            0 => self.stored(),
            1 => self.compressed(&fixed(), &codes(&[5; 30])),
            2 => {
                let (literals, distances) = self.tables();
                self.compressed(&literals, &distances);
            }
            kind => panic!("a block of kind {kind}"),
        }
    }

    fn stored(&mut self) {
        self.position = self.position.next_multiple_of(8);
        let (length, complement) = (self.bits(16), self.bits(16));
        assert_eq!(length, 0xFFFF - complement);
        let start = self.position / 8;
        self.output.extend_from_slice(&self.data[start..start + length]);
        self.position += 8 * length;
    }

    fn tables(&mut self) -> (Codes, Codes) {
        const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let (literals, distances, count) = (257 + self.bits(5), 1 + self.bits(5), 4 + self.bits(4));
        let mut lengths = [0; 19];
        for at in &ORDER[..count] {
            lengths[*at] = self.bits(3);
        }
        let meta = codes(&lengths);
        let mut lengths = Vec::new();
        while lengths.len() < literals + distances {
            let (length, times) = match self.symbol(&meta) {
                16 => (lengths[lengths.len() - 1], 3 + self.bits(2)),
                17 => (0, 3 + self.bits(3)),
                18 => (0, 11 + self.bits(7)),
                length => (length, 1),
            };
            lengths.extend(std::iter::repeat_n(length, times));
        }
        (codes(&lengths[..literals]), codes(&lengths[literals..]))
    }

    fn compressed(&mut self, literals: &Codes, distances: &Codes) {
        loop {
            let length = match self.symbol(literals) {
                256 => return,
                literal @ 0..256 => {
                    self.output.push(u8::try_from(literal).expect("below 256"));
                    continue;
                }
                short @ 257..265 => short - 254,
                285 => 258,
                long => {
                    let extra = (long - 261) / 4;
                    3 + ((4 + (long - 261) % 4) << extra) + self.bits(extra)
                }
            };
            let distance = match self.symbol(distances) {
                near @ 0..4 => 1 + near,
                far => {
                    let extra = far / 2 - 1;
                    1 + ((2 + far % 2) << extra) + self.bits(extra)
                }
            };
            self.distance_max = self.distance_max.max(distance);
            for _ in 0..length {
                self.output.push(self.output[self.output.len() - distance]);
            }
        }
    }

    fn symbol(&mut self, codes: &Codes) -> usize {
        let (mut length, mut code) = (0, 0);
        loop {
            (length, code) = (length + 1, 2 * code + self.bit());
            if let Some(symbol) = codes.get(&(length, code)) {
                return *symbol;
            }
            assert!(length < 15, "no such code");
        }
    }
}

/// RFC 1951 §3.2.6.
fn fixed() -> Codes {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    codes(&lengths)
}

/// The codes that these lengths stand for (§3.2.2).
fn codes(lengths: &[usize]) -> Codes {
    let mut codes = Codes::new();
    let mut next = 0;
    for length in 1..16 {
        for (symbol, _) in lengths.iter().enumerate().filter(|(_, other)| **other == length) {
            codes.insert((length, next), symbol);
            next += 1;
        }
        next *= 2;
    }
    codes
}
