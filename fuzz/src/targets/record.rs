//! The rows of the catalog: whatever bytes a row has, reading it is an error of a documented kind or a
//! record that stays the same when it is written and read again.

use holdall::codec;

use super::input::Input;

pub fn record(data: &[u8]) {
    let mut input = Input(data);
    let number = usize::from(input.byte());
    let read = codec::round_trip(number, input.0);
    let noun = codec::nouns().nth(number % codec::nouns().count());
    assert!(matches!(read, Ok(None | Some(true))), "a {noun:?} record is {read:?}: {:?}", input.0);
}
