//! Short public ids of the Cloudreve form: the hashids scheme over an id and its kind.
//!
//! They look random and hide nothing: nothing rests on their secrecy.

use std::fmt;

use harsh::Harsh;

use crate::{Error, Result};

const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890";

/// The characters that the scheme sets aside to separate numbers, whatever the salt.
const SEPARATORS: &str = "cfhistuCFHISTU";

/// The most digits of one number. There are 44 digits, without separators and guards, and
/// 44^11 is the highest power below 2^64: a longer run could overflow while it is being decoded.
const MAX_DIGITS: usize = 11;

/// The most numbers of one hash id, its kind among them.
const MAX_NUMBERS: usize = 7;

/// What a hash id names. The numbers are Cloudreve's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum HashKind {
    /// A share.
    Share = 0,
    /// A user; here a drive.
    User = 1,
    /// A file, and on the wire a folder too.
    File = 2,
    /// A folder.
    Folder = 3,
    /// A direct link.
    SourceLink = 6,
    /// An entity; here a version.
    Entity = 8,
}

impl HashKind {
    /// Every kind, in order of its number.
    pub const ALL: [HashKind; 6] = [
        HashKind::Share,
        HashKind::User,
        HashKind::File,
        HashKind::Folder,
        HashKind::SourceLink,
        HashKind::Entity,
    ];

    /// Returns Cloudreve's number of the kind.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for HashKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HashKind::Share => "share",
            HashKind::User => "user",
            HashKind::File => "file",
            HashKind::Folder => "folder",
            HashKind::SourceLink => "link",
            HashKind::Entity => "entity",
        })
    }
}

/// Turns ids into short text and back, under one salt.
pub struct HashIds(Harsh);

impl HashIds {
    /// The highest id that decodes again: 44^11 - 1, a little over 2^60.
    pub const MAX_ID: u64 = 44u64.pow(11) - 1;

    /// Prepares the scheme with `salt`, which may be empty.
    ///
    /// # Errors
    ///
    /// [`Bug`](crate::ErrorKind::Bug) if the scheme refuses its alphabet, which is fixed and good.
    ///
    /// # Example
    ///
    /// ```
    /// use holdall::token::{HashIds, HashKind};
    ///
    /// let ids = HashIds::new("cloudreve-test-salt").unwrap();
    /// assert_eq!(ids.encode(123, HashKind::Entity), "em9Id");
    /// assert_eq!(ids.decode("em9Id", HashKind::Entity).unwrap(), 123);
    /// assert!(ids.decode("em9Id", HashKind::File).is_err());
    /// ```
    pub fn new(salt: &str) -> Result<HashIds> {
        let harsh = Harsh::builder().salt(salt).alphabet(ALPHABET).length(0).build();
        harsh.map(HashIds).map_err(|_| Error::bug("the alphabet of hash ids was refused"))
    }

    /// Returns the text of an id up to [`MAX_ID`](HashIds::MAX_ID).
    pub fn encode(&self, id: u64, kind: HashKind) -> String {
        self.0.encode(&[id, kind.number().into()])
    }

    /// Returns the id of which `text` is the one spelling.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for text that is not a hash id under this
    /// salt, or names something of another kind.
    pub fn decode(&self, text: &str, kind: HashKind) -> Result<u64> {
        match self.decode_list(text, kind)?.as_slice() {
            &[id] => Ok(id),
            _ => Err(wrong(text, kind)),
        }
    }

    /// Returns the text of a random id of 64 bits: its halves and the kind. No text that
    /// [`encode`](HashIds::encode) makes is among these, so no number that was counted is one of them.
    ///
    /// ```
    /// use holdall::token::{HashIds, HashKind};
    ///
    /// let ids = HashIds::new("cloudreve-test-salt").unwrap();
    /// let text = ids.encode_random(u64::MAX, HashKind::Share);
    /// assert_eq!(ids.decode_random(&text, HashKind::Share).unwrap(), u64::MAX);
    /// assert!(ids.decode(&text, HashKind::Share).is_err());
    /// ```
    pub fn encode_random(&self, id: u64, kind: HashKind) -> String {
        self.encode_list(&[id >> 32, id & u64::from(u32::MAX)], kind)
    }

    /// Returns the random id of which `text` is the one spelling.
    ///
    /// # Errors
    ///
    /// As [`decode`](HashIds::decode).
    pub fn decode_random(&self, text: &str, kind: HashKind) -> Result<u64> {
        match self.decode_list(text, kind)?.as_slice() {
            &[high, low] if high.max(low) <= u64::from(u32::MAX) => Ok(high << 32 | low),
            _ => Err(wrong(text, kind)),
        }
    }

    /// Returns the text of up to six numbers, each up to [`MAX_ID`](HashIds::MAX_ID), and a kind.
    pub(crate) fn encode_list(&self, numbers: &[u64], kind: HashKind) -> String {
        let list: Vec<u64> = numbers.iter().copied().chain([kind.number().into()]).collect();
        self.0.encode(&list)
    }

    /// Returns the numbers of which `text` is the one spelling, without the kind.
    pub(crate) fn decode_list(&self, text: &str, kind: HashKind) -> Result<Vec<u64>> {
        if !fits(text) {
            return Err(wrong(text, kind));
        }
        let mut numbers = self.0.decode(text).map_err(|_| wrong(text, kind))?;
        match numbers.pop() {
            Some(number) if number == u64::from(kind.number()) => Ok(numbers),
            _ => Err(wrong(text, kind)),
        }
    }
}

fn wrong(text: &str, kind: HashKind) -> Error {
    let shown: String = text.chars().take(32).flat_map(char::escape_debug).collect();
    Error::invalid(format!("'{shown}' is not the id of a {kind}"))
}

impl fmt::Debug for HashIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashIds").finish_non_exhaustive()
    }
}

/// Tells whether no number in `text` has too many digits: checked because decoding adds without
/// regard to overflow. The first character belongs to no number.
fn fits(text: &str) -> bool {
    let longest = 1 + MAX_NUMBERS * (MAX_DIGITS + 1);
    let numbers = text.get(1..).unwrap_or_default();
    text.len() <= longest
        && numbers.split(|c| SEPARATORS.contains(c)).all(|digits| digits.len() <= MAX_DIGITS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorKind;
    use crate::token::tests::vectors;

    fn ids() -> HashIds {
        HashIds::new("cloudreve-test-salt").unwrap()
    }

    fn check(ids: &HashIds, id: u64, kind: HashKind, text: &str) {
        assert_eq!(ids.encode(id, kind), text);
        assert_eq!(ids.decode(text, kind).unwrap(), id);
        for other in HashKind::ALL.into_iter().filter(|&other| other != kind) {
            assert_eq!(ids.decode(text, other).unwrap_err().kind(), ErrorKind::InvalidArgument);
        }
    }

    #[test]
    fn the_shared_vectors_hold() {
        let vectors = vectors("cloudreve.json");
        let ids = HashIds::new(vectors["hashids_salt"].as_str().unwrap()).unwrap();
        let table = vectors["hashids"].as_object().unwrap();
        assert_eq!(table.len(), 12);
        for (pair, text) in table {
            let (id, number) = pair.split_once(',').unwrap();
            let number: u8 = number.parse().unwrap();
            let kind = HashKind::ALL.into_iter().find(|kind| kind.number() == number).unwrap();
            check(&ids, id.parse().unwrap(), kind, text.as_str().unwrap());
        }
    }

    #[test]
    fn the_further_vectors_hold() {
        let kinds = [HashKind::Share, HashKind::User, HashKind::File, HashKind::SourceLink, HashKind::Entity];
        let table: [(u64, [&str; 5]); 7] = [
            (0, ["xmIn", "0nIL", "YzIw", "aJIQ", "lLIl"]),
            (1, ["07TM", "Y5Tb", "DmTm", "2yTM", "Q8To"]),
            (2, ["Y3fY", "DLfx", "PZfN", "lJf7", "9Xf4"]),
            (10, ["92tO", "A5tX", "8atJ", "bwtl", "k2te"]),
            (123, ["OzOTo", "rvOuM", "zGetJ", "wVJco", "em9Id"]),
            (999_999, ["Ap9epUg", "8p0epUZ", "jyBzyiV", "yZMqZc0", "BxAexhn"]),
            (2_147_483_647, ["DJ0bbQeUg", "P9NJJgasd", "5qd00oeU0", "QANwwg2CL", "AJbjjaeUP"]),
        ];
        for (id, texts) in table {
            for (kind, text) in kinds.into_iter().zip(texts) {
                check(&ids(), id, kind, text);
            }
        }
        let unsalted = HashIds::new("").unwrap();
        for (kind, text) in kinds.into_iter().zip(["jRfM", "kRfO", "lYfo", "pYfA", "rkf1"]) {
            check(&unsalted, 1, kind, text);
        }
    }

    #[test]
    fn the_highest_id_survives_under_any_salt() {
        for salt in ["", "a", "cloudreve-test-salt", &"long".repeat(64)] {
            let ids = HashIds::new(salt).unwrap();
            for id in [HashIds::MAX_ID, HashIds::MAX_ID - 1, 1 << 60, 44u64.pow(10), 44u64.pow(10) - 1] {
                for kind in HashKind::ALL {
                    let text = ids.encode(id, kind);
                    check(&ids, id, kind, &text);
                }
            }
        }
    }

    #[test]
    fn a_random_id_has_one_text_of_its_kind_and_no_number_has_it() {
        let ids = ids();
        for id in [0, 1, u64::from(u32::MAX), 1 << 32, 0x0123_4567_89ab_cdef, u64::MAX] {
            for kind in HashKind::ALL {
                let text = ids.encode_random(id, kind);
                assert_eq!(ids.decode_random(&text, kind).unwrap(), id, "{text}");
                assert_eq!(ids.decode_list(&text, kind).unwrap(), [id >> 32, id % (1 << 32)]);
                assert!(ids.decode(&text, kind).is_err(), "{text}");
                for other in HashKind::ALL.into_iter().filter(|other| *other != kind) {
                    let refused = ids.decode_random(&text, other).unwrap_err().to_string();
                    assert!(refused.contains(&other.to_string()), "{refused}");
                }
            }
        }
        for numbers in [&[1][..], &[1 << 32, 0], &[0, 1 << 32], &[1, 2, 3]] {
            let text = ids.encode_list(numbers, HashKind::Share);
            assert!(ids.decode_random(&text, HashKind::Share).is_err(), "{numbers:?}");
        }
        let longest = [HashIds::MAX_ID; MAX_NUMBERS - 1];
        let text = ids.encode_list(&longest, HashKind::Entity);
        assert_eq!(ids.decode_list(&text, HashKind::Entity).unwrap(), longest, "{text}");
        let shown = HashKind::ALL.map(|kind| kind.to_string());
        assert_eq!(shown, ["share", "user", "file", "folder", "link", "entity"]);
    }

    /// Texts of one number of twelve digits, the shortest that can pass 2^64: every first digit
    /// before a run of every other.
    fn twelve_digits() -> impl Iterator<Item = String> {
        let letters = || ALPHABET.chars();
        let pairs = letters().flat_map(move |top| letters().map(move |digit| (top, digit)));
        pairs.map(|(top, digit)| format!("a{top}{}", digit.to_string().repeat(11)))
    }

    #[test]
    fn a_number_too_large_is_refused_before_it_overflows() {
        let ids = ids();
        for id in [HashIds::MAX_ID + 1, u64::MAX] {
            let text = ids.encode(id, HashKind::File);
            assert!(ids.decode(&text, HashKind::File).is_err());
        }
        for text in twelve_digits() {
            let (first, digits) = text.split_at(1);
            for around in
                [text.clone(), format!("{text}c"), format!("{first}c{digits}"), format!("{text}{digits}")]
            {
                assert!(ids.decode(&around, HashKind::File).is_err());
            }
        }
    }

    #[test]
    fn control_without_the_bound_a_number_overflows() {
        let ids = std::panic::AssertUnwindSafe(ids());
        let text =
            twelve_digits().find(|text| std::panic::catch_unwind(|| ids.0.0.decode(text).is_ok()).is_err());
        assert!(text.is_some_and(|text| !fits(&text)), "the crate alone stops at some number");
    }

    #[test]
    fn every_text_of_up_to_three_characters_has_one_reading() {
        let ids = ids();
        let letters: Vec<char> = ALPHABET.chars().chain(['-', ' ', '\u{e9}']).collect();
        let mut texts = vec![String::new()];
        for _ in 0..3 {
            let longer: Vec<String> =
                texts.iter().flat_map(|text| letters.iter().map(move |c| format!("{text}{c}"))).collect();
            texts = longer;
            for text in texts.iter().filter(|text| text.chars().count() < 3 || text.starts_with(['a', 'x'])) {
                assert!(
                    ids.decode(text, HashKind::File).is_err(),
                    "two numbers take four characters: {text}"
                );
            }
        }
        assert!(ids.decode("", HashKind::File).is_err());
        assert!(ids.decode(&"a".repeat(10 << 20), HashKind::File).is_err());
    }

    proptest! {
        #[test]
        fn ids_survive(id in 0..=HashIds::MAX_ID, kind in prop::sample::select(&HashKind::ALL[..])) {
            prop_assert_eq!(ids().decode(&ids().encode(id, kind), kind).unwrap(), id);
        }

        #[test]
        fn any_text_is_answered_and_never_twice(text in "[a-zA-Z0-9]{0,24}|.{0,40}") {
            if let Ok(id) = ids().decode(&text, HashKind::Share) {
                prop_assert_eq!(ids().encode(id, HashKind::Share), text);
            }
        }
    }
}
