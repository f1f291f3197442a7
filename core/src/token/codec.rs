//! The bytes of a token before its MAC. The layout is in the documentation of [`token`](super).
//!
//! Decoding accepts exactly what encoding makes: shortest varints, no unused bits, nothing after the
//! last field.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::claims::{Claims, Purpose, UseLimit};
use super::network::Network;
use crate::http::{CrossOrigin, Disposition};

/// The version of the layout.
const VERSION: u8 = 1;

const NEVER_EXPIRES: u8 = 1 << 0;
const INLINE: u8 = 1 << 1;
const PUBLIC_CACHE: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const MEDIA_TYPE: u8 = 1 << 4;
const NETWORK: u8 = 1 << 5;
const USES: u8 = 1 << 6;
const PACE: u8 = 1 << 7;

/// The bit of the purpose that says that more flags follow.
const MORE: u8 = 1 << 7;
const EACH_REQUEST: u8 = 1 << 0;
const CROSS_ORIGIN: u8 = 1 << 1;

/// What chooses the key of a token: all that is read before its MAC is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Selector {
    pub(super) key: u16,
    pub(super) purpose: Purpose,
}

/// Reads what chooses the key.
pub(super) fn selector(payload: &[u8]) -> Option<Selector> {
    PayloadReader(payload).selector()
}

/// Appends the payload of `claims`, which have been checked, as signed by the key of id `key`.
pub(super) fn encode(claims: &Claims, key: u16, to: &mut Vec<u8>) {
    to.push(VERSION);
    to.extend_from_slice(&key.to_be_bytes());
    let more = more_flags(claims);
    to.push(claims.purpose.number() | if more == 0 { 0 } else { MORE });
    to.push(flags(claims));
    if more != 0 {
        to.push(more);
    }
    if let Some(expires) = claims.expires() {
        put_varint(to, expires);
    }
    put_varint(to, claims.subject);
    put_varint(to, claims.epoch);
    if claims.purpose == Purpose::Share {
        put_varint(to, claims.file);
    }
    if let Some(name) = &claims.name {
        put_text(to, name);
    }
    if let Some(media_type) = &claims.media_type {
        put_text(to, media_type);
    }
    if let Some(network) = &claims.network {
        put_network(to, network);
    }
    if let Some(uses) = &claims.uses {
        put_varint(to, uses.limit.into());
        to.extend_from_slice(&uses.id);
    }
    if let Some(pace) = claims.pace {
        put_varint(to, pace);
    }
    if let Some(cross_origin) = &claims.cross_origin {
        put_text(to, &cross_origin.to_string());
    }
}

/// Reads a payload, to its last byte. Returns nothing for bytes that [`encode`] never makes.
pub(super) fn decode(payload: &[u8]) -> Option<Claims> {
    let mut from = PayloadReader(payload);
    let has_more = payload.get(3).is_some_and(|purpose| purpose & MORE != 0);
    let Selector { purpose, .. } = from.selector()?;
    let flags = from.byte()?;
    let has = |flag: u8| flags & flag != 0;
    let more = match has_more {
        true => Some(from.byte()?).filter(|more| (1..=EACH_REQUEST | CROSS_ORIGIN).contains(more))?,
        false => 0,
    };
    let expires = if has(NEVER_EXPIRES) { None } else { Some(from.varint()?) };
    let subject = from.varint()?;
    let epoch = from.varint()?;
    let mut claims = match expires {
        Some(expires) => Claims::new(purpose, subject, epoch, expires),
        None => Claims::never_expiring(purpose, subject, epoch),
    };
    if purpose == Purpose::Share {
        claims.file = from.varint()?;
    }
    if has(INLINE) {
        claims.disposition = Disposition::Inline;
    }
    claims.public_cache = has(PUBLIC_CACHE);
    if has(NAME) {
        claims.name = Some(from.text()?);
    }
    if has(MEDIA_TYPE) {
        claims.media_type = Some(from.text()?);
    }
    if has(NETWORK) {
        claims.network = Some(from.network()?);
    }
    if has(USES) {
        let limit = u32::try_from(from.varint()?).ok()?;
        claims.uses = Some(UseLimit { limit, id: *from.take()?, each_request: more & EACH_REQUEST != 0 });
    }
    if has(PACE) {
        claims.pace = Some(from.varint()?);
    }
    if more & CROSS_ORIGIN != 0 {
        let text = from.text()?;
        claims.cross_origin =
            Some(text.parse().ok().filter(|policy: &CrossOrigin| policy.to_string() == text)?);
    }
    if more_flags(&claims) != more {
        return None;
    }
    (from.0.is_empty() && claims.check().is_ok()).then_some(claims)
}

fn flags(claims: &Claims) -> u8 {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    flag(claims.expires().is_none(), NEVER_EXPIRES)
        | flag(claims.disposition == Disposition::Inline, INLINE)
        | flag(claims.public_cache, PUBLIC_CACHE)
        | flag(claims.name.is_some(), NAME)
        | flag(claims.media_type.is_some(), MEDIA_TYPE)
        | flag(claims.network.is_some(), NETWORK)
        | flag(claims.uses.is_some(), USES)
        | flag(claims.pace.is_some(), PACE)
}

fn more_flags(claims: &Claims) -> u8 {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    flag(claims.uses.is_some_and(|uses| uses.each_request), EACH_REQUEST)
        | flag(claims.cross_origin.is_some(), CROSS_ORIGIN)
}

fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return to.push(low & 0x7f);
        }
        to.push(low | 0x80);
    }
}

/// Checked claims hold texts of 1 to 255 bytes, so the length always fits; a longer one would be cut
/// here and then refused by [`decode`], never misread.
fn put_text(to: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    to.push(length);
    to.extend(text.bytes().take(length.into()));
}

fn put_network(to: &mut Vec<u8>, network: &Network) {
    let significant = usize::from(network.prefix().div_ceil(8));
    match network.address() {
        IpAddr::V4(address) => {
            to.extend([4, network.prefix()]);
            to.extend(address.octets().into_iter().take(significant));
        }
        IpAddr::V6(address) => {
            to.extend([6, network.prefix()]);
            to.extend(address.octets().into_iter().take(significant));
        }
    }
}

/// What is still to be read.
struct PayloadReader<'a>(&'a [u8]);

impl<'a> PayloadReader<'a> {
    fn selector(&mut self) -> Option<Selector> {
        if self.byte()? != VERSION {
            return None;
        }
        let key = u16::from_be_bytes(*self.take()?);
        Some(Selector { key, purpose: Purpose::from_number(self.byte()? & !MORE)? })
    }

    fn byte(&mut self) -> Option<u8> {
        let [byte] = *self.take()?;
        Some(byte)
    }

    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let placed = bits << shift;
            if placed >> shift != bits {
                return None;
            }
            value |= placed;
            if byte & 0x80 == 0 {
                let shortest = shift == 0 || byte != 0;
                return shortest.then_some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<String> {
        let length = self.byte()?;
        let bytes = self.slice(length.into())?;
        str::from_utf8(bytes).ok().map(str::to_owned)
    }

    fn network(&mut self) -> Option<Network> {
        let [family, prefix] = *self.take()?;
        let bytes = self.slice(usize::from(prefix.div_ceil(8)))?;
        let address: IpAddr = match family {
            4 => Ipv4Addr::from(padded::<4>(bytes)?).into(),
            6 => Ipv6Addr::from(padded::<16>(bytes)?).into(),
            _ => return None,
        };
        let network = Network::new(address, prefix).ok()?;
        (network.address() == address && network.prefix() == prefix).then_some(network)
    }
}

/// Fills `bytes` up to `N` with zeros; nothing if they are more.
fn padded<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let mut full = [0; N];
    full.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(full)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::token::tests::any_claims;

    fn encoded(claims: &Claims, key: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(claims, key, &mut bytes);
        bytes
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let mut claims = Claims::new(Purpose::File, 300, 1, 0x7f);
        assert_eq!(encoded(&claims, 0x0203), [1, 2, 3, 2, 0, 0x7f, 0xac, 0x02, 1]);
        claims.disposition = Disposition::Inline;
        claims.public_cache = true;
        claims.name = Some("a".into());
        claims.media_type = Some("b/c".into());
        claims.network = Some("10.128.0.0/9".parse().unwrap());
        claims.uses = Some(UseLimit { limit: 128, id: [9; 16], each_request: false });
        claims.pace = Some(5);
        let mut expected = vec![1, 2, 3, 2, 0xfe, 0x7f, 0xac, 0x02, 1];
        expected.extend([1, b'a', 3, b'b', b'/', b'c', 4, 9, 10, 128, 0x80, 1]);
        expected.extend([9; 16]);
        expected.push(5);
        assert_eq!(encoded(&claims, 0x0203), expected);
        assert_eq!(decode(&expected), Some(claims.clone()));
        claims.uses = Some(UseLimit { limit: 128, id: [9; 16], each_request: true });
        claims.cross_origin = Some(CrossOrigin::ALL);
        expected[3] = 0x82;
        expected.insert(5, 3);
        expected.extend([1, b'*']);
        assert_eq!(encoded(&claims, 0x0203), expected);
        assert_eq!(decode(&expected), Some(claims));
        for (at, byte) in [(5, 0), (5, 4), (5, 1), (3, 2)] {
            let mut other = expected.clone();
            other[at] = byte;
            assert_eq!(decode(&other), None);
        }
        assert_eq!(encoded(&Claims::never_expiring(Purpose::Upload, 0, 0), 0), [1, 0, 0, 5, 1, 0, 0]);
    }

    #[test]
    fn every_short_varint_has_one_spelling() {
        let mut seen = std::collections::HashSet::new();
        for bytes in (0..=255u8).map(|a| vec![a]).chain((0..=0xffffu16).map(|ab| ab.to_be_bytes().to_vec())) {
            let mut from = PayloadReader(&bytes);
            if let Some(value) = from.varint().filter(|_| from.0.is_empty()) {
                assert!(seen.insert(value), "{value} is spelled twice");
                let mut again = Vec::new();
                put_varint(&mut again, value);
                assert_eq!(again, bytes);
            }
        }
        assert_eq!(seen.len(), 1 << 14);
    }

    #[test]
    fn varints_hold_every_power_of_two_and_no_more() {
        for value in (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit]).chain([u64::MAX]) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(PayloadReader(&bytes).varint(), Some(value));
        }
        for tail in 2..=255 {
            let mut over = vec![0xff; 9];
            over.push(tail);
            over.push(0);
            assert_eq!(PayloadReader(&over).varint(), None, "a tenth byte of {tail} passes 64 bits");
        }
    }

    #[test]
    fn a_network_has_one_spelling() {
        let payload = |network: &[u8]| [&[1, 0, 0, 1, NETWORK | NEVER_EXPIRES, 0, 0], network].concat();
        assert!(decode(&payload(&[4, 8, 10])).is_some());
        let mapped = [&[6, 128], &[0; 10][..], &[255, 255, 192, 0, 2, 1]].concat();
        let refused: [&[u8]; 7] = [
            &[4, 9, 10, 1],
            &[4, 8, 10, 0],
            &[4, 33, 1, 2, 3, 4, 0],
            &[5, 8, 10],
            &[4, 8],
            &[6, 129],
            &mapped,
        ];
        for network in refused {
            assert_eq!(decode(&payload(network)), None, "{network:?}");
        }
    }

    proptest! {
        #[test]
        fn claims_survive(claims in any_claims(), key: u16) {
            let bytes = encoded(&claims, key);
            prop_assert_eq!(selector(&bytes), Some(Selector { key, purpose: claims.purpose }));
            prop_assert_eq!(decode(&bytes), Some(claims));
        }

        #[test]
        fn t2_no_payload_is_the_start_of_another(claims in any_claims(), more in prop::collection::vec(any::<u8>(), 1..9)) {
            let bytes = encoded(&claims, 1);
            for length in 0..bytes.len() {
                prop_assert_eq!(decode(&bytes[..length]), None);
            }
            prop_assert_eq!(decode(&[bytes, more].concat()), None);
        }

        /// Whatever decodes is what encoding would have made of it.
        #[test]
        fn one_encoding_only(
            claims in any_claims(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut bytes = encoded(&claims, 1);
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(decoded) = decode(&bytes) {
                prop_assert_eq!(encoded(&decoded, selector(&bytes).unwrap().key), bytes);
            }
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode(&bytes);
            let mut plausible = vec![1, 0, 1, 1];
            plausible.extend(&bytes);
            if let Some(decoded) = decode(&plausible) {
                prop_assert_eq!(encoded(&decoded, 1), plausible);
            }
        }
    }
}
