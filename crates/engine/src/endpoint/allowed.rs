//! What the engine may connect to: this machine, and what the operator allowed.
//!
//! Whoever may register an endpoint must not be able to reach what only this machine can: the services beside it, the private
//! network, the cloud's metadata. So a name that is allowed stands for public addresses only; a private one has to be allowed
//! itself, as an address or as a range.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Error;

/// Hosts that endpoints may be on: [`Options::endpoint_hosts`](crate::Options::endpoint_hosts), read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    any_public: bool,
    /// In lower case.
    names: Vec<String>,
    ranges: Vec<Range>,
}

/// The addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: IpAddr,
    bits: u32,
}

impl Allowed {
    pub fn new(hosts: &[String]) -> Result<Allowed, Error> {
        let mut allowed = Allowed::default();
        for host in hosts.iter().map(|host| host.trim()) {
            if host == "*" {
                allowed.any_public = true;
            } else if let Some(range) = Range::parse(host) {
                allowed.ranges.push(range);
            } else if host.contains(['/', ':', '@', '*', ' ']) || host.is_empty() {
                return Err(Error::InvalidRequest(format!(
                    "`{host}` is no host that endpoints could be on: expected a name such as `hooks.example.com`, an address, a \
                     range such as `10.0.0.0/8`, or `*` for any public host"
                )));
            } else {
                allowed.names.push(host.to_lowercase());
            }
        }
        Ok(allowed)
    }

    /// Whether an endpoint may be on a host of this name. What the name leads to is another question, asked with each
    /// connection: [`Allowed::leads_to`].
    pub fn name(&self, name: &str) -> bool {
        is_localhost(name) || self.any_public || self.names.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    }

    /// Whether an endpoint may be at this address.
    pub fn address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback() || self.named_range(address) || (self.any_public && is_public(address))
    }

    /// Whether a connection to this name may go to this address.
    pub fn leads_to(&self, name: &str, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if is_localhost(name) {
            return address.is_loopback();
        }
        self.name(name) && (is_public(address) || self.named_range(address))
    }

    fn named_range(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(address))
    }
}

fn is_localhost(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
}

impl Range {
    /// `10.1.2.3`, `10.0.0.0/8`, `fd00::/8`, `[::2]`.
    fn parse(text: &str) -> Option<Range> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address = address.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(address);
        let first = address.parse::<IpAddr>().ok()?;
        let all = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(all), |bits| bits.parse().ok()).filter(|bits| *bits <= all)?;
        Some(Range { first, bits })
    }

    fn contains(self, address: IpAddr) -> bool {
        let (first, address, all) = match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => (u128::from(first.to_bits()), u128::from(address.to_bits()), 32),
            (IpAddr::V6(first), IpAddr::V6(address)) => (first.to_bits(), address.to_bits(), 128),
            _ => return false,
        };
        // A shift by all the bits there are is none that a processor has.
        self.bits == 0 || (first ^ address) >> (all - self.bits) == 0
    }
}

/// Whether the address is one of the internet's, and of nothing nearer.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        // Shared by a provider's customers, protocol assignments, benchmarks.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !is_special
}

/// Of the unicast addresses that are given out (2000::/3) those that do not carry an IPv4 address inside, which would be a way
/// around the rules for those, and those that are no example.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_given_out = first & 0xe000 == 0x2000;
    let is_special = (first == 0x2001 && (second < 0x0200 || second == 0x0db8)) || first == 0x2002 || first & 0xfff0 == 0x3ff0;
    is_given_out && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(hosts: &[&str]) -> Allowed {
        Allowed::new(&hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    const PRIVATE: &[&str] = &[
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2001::1",
        "2001:db8::1",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];
    const PUBLIC: &[&str] =
        &["1.1.1.1", "100.63.0.1", "100.128.0.1", "172.32.0.1", "198.20.0.1", "::ffff:1.1.1.1", "2606:4700::1111", "2a00::1"];

    #[test]
    fn a_name_leads_to_public_addresses_and_to_those_that_are_allowed() {
        let name = allowed(&["Hooks.example.com"]);
        for address in PRIVATE {
            assert!(!name.leads_to("hooks.example.com", ip(address)), "{address}");
        }
        for address in PUBLIC {
            assert!(name.leads_to("hooks.example.com", ip(address)), "{address}");
            assert!(!name.leads_to("other.example.com", ip(address)), "{address}");
        }
        let range = allowed(&["hooks.example.com", "10.0.0.0/8", "fd00::/8", "192.168.1.7", "127.0.0.1"]);
        for address in ["10.255.0.1", "::ffff:10.1.1.1", "fd12::1", "192.168.1.7", "127.0.0.1"] {
            assert!(range.leads_to("hooks.example.com", ip(address)), "{address}");
        }
        for address in ["fe00::1", "192.168.1.8", "127.0.0.2", "169.254.169.254"] {
            assert!(!range.leads_to("hooks.example.com", ip(address)), "{address}");
        }
    }

    #[test]
    fn localhost_leads_to_this_machine_only() {
        let none = allowed(&[]);
        assert!(none.leads_to("localhost", ip("127.0.0.1")) && none.leads_to("LOCALHOST", ip("::1")));
        for address in ["1.1.1.1", "10.0.0.1", "169.254.169.254"] {
            assert!(!allowed(&["*", "10.0.0.0/8"]).leads_to("localhost", ip(address)), "{address}");
        }
    }

    #[test]
    fn any_host_is_any_public_one() {
        let any = allowed(&["*"]);
        assert!(any.name("whatever.example") && PUBLIC.iter().all(|address| any.address(ip(address))));
        for address in PRIVATE.iter().filter(|address| !ip(address).to_canonical().is_loopback()) {
            assert!(!any.address(ip(address)), "{address}");
            assert!(!any.leads_to("whatever.example", ip(address)), "{address}");
        }
        assert!(!any.leads_to("whatever.example", ip("127.0.0.1")), "a name that leads to this machine is not this machine");
        assert!(allowed(&["*", "0.0.0.0/0"]).address(ip("10.0.0.1")));
    }

    #[test]
    fn what_is_no_host_is_not_taken_for_one() {
        for host in ["10.0.0.0/33", "http://a.example", "a.example:80", "*.example.com", "", "fd00::/129", "a b"] {
            assert!(Allowed::new(&[host.to_owned()]).is_err(), "{host}");
        }
    }
}
