//! The IPv4 address of each network interface, from `ip -j addr` or, without it, from `/proc/net`.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use serde::Deserialize;

use super::report::Report;
use super::root::Sysroot;
use super::tools::Tools;

const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a table of the kernel is read.
const TABLE_BYTES: u64 = 1024 * 1024;

/// One interface, as `ip -j addr` lists it. Old versions list empty ones.
#[derive(Debug, Deserialize)]
struct Interface {
    #[serde(default)]
    ifname: String,
    #[serde(default)]
    addr_info: Vec<Address>,
}

#[derive(Debug, Deserialize)]
struct Address {
    #[serde(default)]
    family: String,
    #[serde(default)]
    local: String,
    #[serde(default)]
    prefixlen: u8,
}

/// The first IPv4 address of each interface that has one.
pub(super) fn detect(tools: Tools<'_>, report: &mut Report) -> Vec<(String, Ipv4Net)> {
    if tools.has("ip") {
        match tools.answer(&["ip", "-j", "addr"], TIMEOUT) {
            Ok(answer) => match parse(&answer) {
                Ok(addresses) => return addresses,
                Err(error) => report.warn(format!("`ip -j addr` gave no JSON: {error}")),
            },
            // The `ip` of busybox knows no -j.
            Err(problem) => report.warn(problem),
        }
    }
    from_tables(tools.root)
}

fn parse(answer: &str) -> Result<Vec<(String, Ipv4Net)>, serde_json::Error> {
    let interfaces: Vec<Interface> = serde_json::from_str(answer)?;
    let first = |interface: Interface| {
        let mut addresses = interface.addr_info.iter();
        let address = addresses.find(|address| address.family == "inet")?;
        let local = address.local.parse().ok()?;
        let net = Ipv4Net::new(local, address.prefixlen).ok()?;
        Some((interface.ifname, net))
    };
    Ok(interfaces.into_iter().filter_map(first).collect())
}

/// What the routing tables tell: the networks of each interface, and which addresses are our own.
/// Of two interfaces in one network neither gets an address: the tables do not tell them apart.
fn from_tables(root: &Sysroot) -> Vec<(String, Ipv4Net)> {
    let routes = root
        .text("/proc/net/route", TABLE_BYTES)
        .unwrap_or_default();
    let trie = root
        .text("/proc/net/fib_trie", TABLE_BYTES)
        .unwrap_or_default();
    let networks: Vec<(String, Ipv4Net)> = routes.lines().filter_map(network).collect();
    let mut found: Vec<(String, Ipv4Net)> = Vec::new();
    for address in own_addresses(&trie) {
        let mut homes = networks.iter().filter(|(_, net)| net.contains(&address));
        if let (Some((name, net)), None) = (homes.next(), homes.next())
            && !found.iter().any(|(known, _)| known == name)
            && let Ok(net) = Ipv4Net::new(address, net.prefix_len())
        {
            found.push((name.clone(), net));
        }
    }
    found
}

/// A line of `/proc/net/route` that is a network of its own, not behind a gateway.
fn network(line: &str) -> Option<(String, Ipv4Net)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [name, destination, gateway, _, _, _, _, mask, ..] = fields.as_slice() else {
        return None;
    };
    let address = |text: &str| {
        let bits = u32::from_str_radix(text, 16).ok()?;
        // The kernel writes the four bytes as the number they are to this processor.
        Some(Ipv4Addr::from(bits.to_ne_bytes()))
    };
    if !address(gateway)?.is_unspecified() || address(mask)?.is_unspecified() {
        return None;
    }
    let net = Ipv4Net::with_netmask(address(destination)?, address(mask)?).ok()?;
    Some(((*name).to_owned(), net))
}

/// The addresses of `/proc/net/fib_trie` that are this machine's, each once.
fn own_addresses(trie: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line.starts_with("/32 host LOCAL")
            && let Some(address) = last
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ipv4_address_of_each_interface_counts() {
        let answer = r#"[{},{"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]},
            {"ifname":"eth0","addr_info":[{"family":"inet6","local":"fe80::1","prefixlen":64},
             {"family":"inet","local":"10.1.2.3","prefixlen":20},{"family":"inet","local":"10.9.9.9","prefixlen":8}]},
            {"ifname":"eth1","addr_info":[{"family":"inet","local":"x","prefixlen":99}]}]"#;
        let found = parse(answer).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].0, "eth0");
        assert_eq!(found[1].1.network().to_string(), "10.1.0.0");
        assert!(parse("[{\"ifname\":1}]").is_err());
    }

    #[test]
    fn a_line_of_the_routing_table_is_a_network_or_none() {
        let hex = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
        let line = |net: [u8; 4], gateway: [u8; 4], mask: [u8; 4]| {
            let (net, gateway, mask) = (hex(net), hex(gateway), hex(mask));
            format!("eth0\t{net}\t{gateway}\t0001\t0\t0\t0\t{mask}\t0\t0\t0")
        };
        let found = network(&line([192, 0, 2, 0], [0; 4], [255, 255, 255, 0])).unwrap();
        assert_eq!(found.1.to_string(), "192.0.2.0/24");
        assert_eq!(network(&line([0; 4], [192, 0, 2, 1], [0; 4])), None);
        assert_eq!(network("Iface Destination"), None);
    }
}
