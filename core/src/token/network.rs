//! Networks of clients: an address and how many of its leading bits count.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Error, Result};

/// A range of IPv4 or IPv6 addresses with a common prefix (RFC 4632, RFC 4291 section 2.3).
///
/// An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) is IPv4, on both sides of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// The lowest address; bits after the prefix are zero.
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Makes the network of all addresses that share the first `prefix` bits of `address`: 0 to 32
    /// for IPv4, 0 to 128 for IPv6. The other bits of `address` are cleared.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a prefix out of range; it is not
    /// clamped.
    ///
    /// # Example
    ///
    /// ```
    /// use holdall::token::Network;
    ///
    /// let office = Network::new("192.0.2.77".parse().unwrap(), 24).unwrap();
    /// assert_eq!(office.to_string(), "192.0.2.0/24");
    /// assert!(office.contains("192.0.2.1".parse().unwrap()));
    /// assert!(!office.contains("192.0.3.1".parse().unwrap()));
    /// ```
    pub fn new(address: IpAddr, prefix: u8) -> Result<Network> {
        let longest = width(address);
        if prefix > longest {
            return Err(Error::invalid(format!(
                "network {address}/{prefix} has a prefix longer than {longest} bits"
            )));
        }
        let canonical = address.to_canonical();
        let dropped = longest - width(canonical);
        match prefix.checked_sub(dropped) {
            Some(prefix) => Ok(Network { address: masked(canonical, prefix), prefix }),
            None => Ok(Network { address: masked(address, prefix), prefix }),
        }
    }

    /// Makes the network of one address only.
    pub fn host(address: IpAddr) -> Network {
        let address = address.to_canonical();
        Network { address, prefix: width(address) }
    }

    /// Returns the lowest address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Returns the length of the prefix, in bits.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Tells whether `client` is in this network. An address of the other family never is.
    pub fn contains(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        client.is_ipv4() == self.address.is_ipv4() && masked(client, self.prefix) == self.address
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Network {
        Network::host(address)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl std::str::FromStr for Network {
    type Err = Error;

    /// Reads `192.0.2.0/24`, `2001:db8::/32`, or an address alone for that one host.
    fn from_str(text: &str) -> Result<Network> {
        let wrong =
            || Error::invalid(format!("'{}' is not a network such as 192.0.2.0/24", text.escape_debug()));
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        match prefix {
            None => Ok(Network::host(address)),
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Network::new(address, digits.parse().map_err(|_| wrong())?)
            }
            Some(_) => Err(wrong()),
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Clears all bits of `address` after the first `prefix`.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32u32.saturating_sub(prefix.into())).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128u32.saturating_sub(prefix.into())).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn every_prefix_holds_its_bits_and_no_more() {
        for (address, bits) in
            [(ip("255.255.255.255"), 32u8), (ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 128)]
        {
            for prefix in 0..=bits {
                let network = Network::new(address, prefix).unwrap();
                assert!(network.contains(address) && network.contains(network.address()));
                for bit in 0..bits {
                    let flipped: IpAddr = match address {
                        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() ^ (1 << (31 - bit))).into(),
                        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() ^ (1 << (127 - bit))).into(),
                    };
                    assert_eq!(network.contains(flipped), bit >= prefix, "{network} bit {bit}");
                }
            }
            assert!(Network::new(address, bits + 1).is_err());
            assert!(Network::new(address, 255).is_err());
        }
    }

    #[test]
    fn families_do_not_mix_but_mapped_addresses_are_ipv4() {
        let any4 = Network::new(ip("0.0.0.0"), 0).unwrap();
        let any6 = Network::new(ip("::"), 0).unwrap();
        assert!(any4.contains(ip("::ffff:192.0.2.1")) && !any4.contains(ip("2001:db8::1")));
        assert!(any6.contains(ip("2001:db8::1")) && !any6.contains(ip("192.0.2.1")));
        assert!(!any6.contains(ip("::ffff:192.0.2.1")));
        let mapped = Network::new(ip("::ffff:192.0.2.0"), 120).unwrap();
        assert_eq!(mapped, Network::new(ip("192.0.2.0"), 24).unwrap());
        assert_eq!(Network::host(ip("::ffff:192.0.2.1")).to_string(), "192.0.2.1/32");
    }

    #[test]
    fn text_is_read_back_and_nonsense_refused() {
        for text in ["192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1/128"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for text in
            ["", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/+8", "192.0.2.0/-1", "::/129", "a/8", "::/999"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
