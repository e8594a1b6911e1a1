//! Addresses that this program never connects to, whoever names them: a plan, a kubeconfig, a resolver, a URL.

use ::core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where clouds serve their metadata beside 169.254.169.254: Alibaba's, Oracle's former one, and Azure's, which gives machines their secrets.
const METADATA_V4: [Ipv4Addr; 3] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192), Ipv4Addr::new(168, 63, 129, 16)];
/// Amazon's and Google's.
const METADATA_V6: [Ipv6Addr; 2] = [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];
/// The names by which clouds call their metadata services; whatever lies below one is it too.
const METADATA_NAMES: [&str; 5] = ["metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"];

/// Whether a host's name is that of a metadata service, which hands out credentials.
pub fn is_metadata_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    METADATA_NAMES
        .iter()
        .any(|name| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || (rest.ends_with('.') && name.contains('.'))))
}

/// Whether nothing may be sent there: link-local addresses, the metadata services of clouds and what is no single host.
pub fn is_forbidden(address: IpAddr) -> bool {
    match (address, v4_of(address)) {
        (_, Some(v4)) => {
            let is_no_host = v4.octets()[0] == 0 || v4.is_multicast() || v4.is_broadcast();
            is_no_host || v4.is_link_local() || METADATA_V4.contains(&v4)
        }
        (IpAddr::V6(v6), None) => v6.is_unspecified() || v6.is_multicast() || v6.is_unicast_link_local() || METADATA_V6.contains(&v6),
        (IpAddr::V4(_), None) => false,
    }
}

/// Whether it is this machine.
pub fn is_loopback(address: IpAddr) -> bool {
    v4_of(address).map_or(address.is_loopback(), |v4| v4.is_loopback())
}

/// The IPv4 address that it is, or that a gateway or a tunnel would make of it.
fn v4_of(address: IpAddr) -> Option<Ipv4Addr> {
    let v6 = match address {
        IpAddr::V4(v4) => return Some(v4),
        IpAddr::V6(v6) => v6,
    };
    let last = |bytes: [u8; 16]| Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15]);
    match (v6.segments(), v6.octets()) {
        // ::ffff:0:0/96, mapped.
        ([0, 0, 0, 0, 0, 0xffff, ..], bytes) => Some(last(bytes)),
        // ::ffff:0:0:0/96, as a stateless translator writes it (SIIT, RFC 2765).
        ([0, 0, 0, 0, 0xffff, 0, ..], bytes) => Some(last(bytes)),
        // ::/96, compatible, but for the unspecified address and the loopback one.
        ([0, 0, 0, 0, 0, 0, 0, 0 | 1], _) => None,
        ([0, 0, 0, 0, 0, 0, ..], bytes) => Some(last(bytes)),
        // 64:ff9b:1:AABB:CC:DD00::/48, NAT64 as it is written right behind that prefix; the byte between is 0.
        ([0x64, 0xff9b, 1, ab, c, d, ..], _) if c & 0xff00 == 0 && (ab, c, d) != (0, 0, 0) => {
            let ([a, b], [_, c], [d, _]) = (ab.to_be_bytes(), c.to_be_bytes(), d.to_be_bytes());
            Some(Ipv4Addr::new(a, b, c, d))
        }
        // 64:ff9b::/96 and the same within 64:ff9b:1::/48, NAT64.
        ([0x64, 0xff9b, 0 | 1, ..], bytes) => Some(last(bytes)),
        // 2002::/16, 6to4.
        ([0x2002, ..], [_, _, a, b, c, d, ..]) => Some(Ipv4Addr::new(a, b, c, d)),
        // 2001::/32, Teredo: the client's address, every bit of it turned.
        ([0x2001, 0, ..], bytes) => Some(Ipv4Addr::from_bits(!last(bytes).to_bits())),
        // Any prefix with the interface identifier of ISATAP.
        ([.., 0 | 0x200, 0x5efe, _, _], bytes) => Some(last(bytes)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(texts: &[&str], is: impl Fn(IpAddr) -> bool, wanted: bool) {
        for text in texts {
            assert_eq!(is(text.parse().unwrap()), wanted, "{text}");
        }
    }

    #[test]
    fn a_metadata_service_is_refused_in_every_form_of_its_address() {
        let forms = [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "::ffff:0:a9fe:a9fe",
            "::ffff:0:6464:64c8",
            "::a9fe:a9fe",
            "100.100.100.200",
            "64:ff9b::6464:64c8",
            "192.0.0.192",
            "168.63.129.16",
            "fd20:ce::254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "64:ff9b:1:a9fe:a9:fe00::",
            "2002:a9fe:a9fe::",
            "2001:0:1:2:3:4:5601:5601",
            "2001:db8::5efe:a9fe:a9fe",
            "fe80::1",
            "fd00:ec2::254",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "ff02::1",
            "255.255.255.255",
        ];
        all(&forms, is_forbidden, true);
        all(&["10.1.2.3", "8.8.8.8", "127.0.0.1", "::1", "2001:4860:4860::8888", "fd12::1", "2002:808:808::1"], is_forbidden, false);
    }

    #[test]
    fn a_metadata_service_is_known_by_its_names_too() {
        for name in ["metadata", "Metadata.", "metadata.google.internal", "x.METADATA.google.internal.", "metadata.goog", "instance-data"] {
            assert!(is_metadata_name(name), "{name}");
        }
        for name in ["metadata.example.com", "my-metadata", "x.metadata", "google.internal", "notmetadata.goog", ""] {
            assert!(!is_metadata_name(name), "{name}");
        }
    }

    #[test]
    fn this_machine_is_known_in_every_form_too() {
        all(&["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "2002:7f00:1::"], is_loopback, true);
        all(&["10.0.0.1", "2001:4860:4860::8888"], is_loopback, false);
    }
}
