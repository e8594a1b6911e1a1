//! Addresses that a plan may name: https to a host somewhere, http to this machine only.
//!
//! The session sends requests to these URLs with the host's own network position, so a plan that somebody else wrote must not be able to
//! point it at a metadata service, at a look-alike of the right host, or at credentials in the URL. Resolution is not done here; the
//! client checks the resolved addresses once more.

use std::net::IpAddr;

use crate::domain::{address, suggest};

/// Longest URL, in characters; what the program shows must be all of it.
const URL_CHARS_MAX: usize = 256;
pub const ALLOWED: &str = "https://host[:port]/path; http:// only to 127.0.0.1, [::1] or localhost";

/// Why a text is no address for us, and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError {
    pub message: String,
    pub suggestion: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// Checks `text` and gives it back.
/// # Errors
/// With the reason, for anything but a plain URL of an allowed host.
pub fn url(text: &str) -> Result<&str, AddressError> {
    if text.chars().count() > URL_CHARS_MAX {
        return Err(wrong(format!("the address is longer than {URL_CHARS_MAX} characters")));
    }
    let (scheme, rest) = scheme(text)?;
    let authority_end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    if let Some((_, host)) = authority.rsplit_once('@') {
        let message = "the address holds a user name or password before `@`";
        return Err(helped(message.to_owned(), format!("did you mean `{}://{host}{path}`?", scheme.word())));
    }
    if path.contains(['?', '#', '\\']) || path.chars().any(|c| !c.is_ascii_graphic()) {
        return Err(wrong("the address holds more than a path after the host".to_owned()));
    }
    let (host, port) = host_and_port(authority)?;
    if let Some(port) = port {
        port.parse::<u16>().ok().filter(|number| *number > 0).ok_or_else(|| wrong(format!("`{port}` is no port")))?;
    }
    let reach = reach(host)?;
    match (scheme, reach) {
        (Scheme::Https, _) | (Scheme::Http, Reach::ThisMachine) => Ok(text),
        (Scheme::Http, Reach::Elsewhere) => {
            Err(helped("plain http leaves this machine unprotected".to_owned(), format!("did you mean `https://{rest}`?")))
        }
    }
}

impl Scheme {
    fn word(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

fn scheme(text: &str) -> Result<(Scheme, &str), AddressError> {
    match text.split_once("://") {
        Some(("https", rest)) => Ok((Scheme::Https, rest)),
        Some(("http", rest)) => Ok((Scheme::Http, rest)),
        // A repetition of what was typed must not repeat a password.
        _ if text.contains('@') => Err(wrong("the address has no scheme that is known here".to_owned())),
        Some((other, rest)) => {
            let meant = suggest::closest(other, ["https", "http"]).map(|_| format!("did you mean `https://{rest}`?"));
            Err(AddressError { message: format!("`{other}://` is no scheme for this"), suggestion: meant })
        }
        None => Err(helped("the address has no scheme".to_owned(), format!("did you mean `https://{text}`?"))),
    }
}

fn host_and_port(authority: &str) -> Result<(&str, Option<&str>), AddressError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (inside, after) = rest.split_once(']').ok_or_else(|| wrong("the bracket around the IPv6 address is not closed".to_owned()))?;
        return match after {
            "" => Ok((inside, None)),
            _ => after.strip_prefix(':').map(|port| (inside, Some(port))).ok_or_else(|| wrong(format!("`{after}` after the host"))),
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((authority, None)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    ThisMachine,
    Elsewhere,
}

/// What kind of host this is.
fn reach(host: &str) -> Result<Reach, AddressError> {
    if host.is_empty() {
        return Err(wrong("the address has no host".to_owned()));
    }
    look_alike(host)?;
    if let Ok(address) = host.parse::<IpAddr>() {
        return address_reach(address);
    }
    let lower = host.to_ascii_lowercase();
    let name = lower.strip_suffix('.').unwrap_or(&lower);
    if name == "localhost" {
        return Ok(Reach::ThisMachine);
    }
    if address::is_metadata_name(name) {
        return Err(wrong(format!("`{host}` is a metadata service; it hands out credentials")));
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.chars().all(|c| c.is_ascii_digit()) || last.starts_with("0x") {
        return Err(wrong(format!("`{host}` is a number that some programs read as an address")));
    }
    let label = |label: &str| {
        let plain = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(wrong(format!("`{host}` is no host name")));
    }
    Ok(Reach::Elsewhere)
}

fn address_reach(found: IpAddr) -> Result<Reach, AddressError> {
    if address::is_forbidden(found) {
        return Err(wrong(format!("{found} is link-local, a metadata service or no single host")));
    }
    Ok(if address::is_loopback(found) { Reach::ThisMachine } else { Reach::Elsewhere })
}

/// Letters of other scripts that look like ours, and the encoded form of such names.
fn look_alike(host: &str) -> Result<(), AddressError> {
    if let Some(foreign) = host.chars().find(|c| !c.is_ascii()) {
        let plain: Option<String> = host.chars().map(plain_letter).collect();
        let message = format!("the host holds `{foreign}` (U+{:04X}), which is no ASCII letter and may only look like one", foreign as u32);
        return Err(AddressError { message, suggestion: plain.map(|plain| format!("did you mean `{plain}`?")) });
    }
    if host.split('.').any(|label| label.to_ascii_lowercase().starts_with("xn--")) {
        return Err(wrong("the host is an encoded international name, which can look like another on the screen".to_owned()));
    }
    Ok(())
}

/// The ASCII letter that a Cyrillic or Greek one is mistaken for.
fn plain_letter(character: char) -> Option<char> {
    match character {
        ascii if ascii.is_ascii() => Some(ascii),
        'а' | 'α' => Some('a'),
        'с' => Some('c'),
        'ԁ' => Some('d'),
        'е' => Some('e'),
        'һ' => Some('h'),
        'і' | 'ι' => Some('i'),
        'ј' => Some('j'),
        'к' | 'κ' => Some('k'),
        'м' => Some('m'),
        'п' => Some('n'),
        'о' | 'ο' => Some('o'),
        'р' | 'ρ' => Some('p'),
        'ѕ' => Some('s'),
        'т' | 'τ' => Some('t'),
        'υ' => Some('u'),
        'ν' => Some('v'),
        'ѡ' | 'ω' => Some('w'),
        'х' | 'χ' => Some('x'),
        'у' | 'γ' => Some('y'),
        _ => None,
    }
}

fn wrong(message: String) -> AddressError {
    AddressError { message, suggestion: None }
}
fn helped(message: String, suggestion: String) -> AddressError {
    AddressError { message, suggestion: Some(suggestion) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_https_and_loopback_http_pass() {
        for text in [
            "https://api.hexproperty.com",
            "https://api.hexproperty.com:8443/metrics",
            "https://10.1.2.3/x",
            "http://127.0.0.1:9090/metrics",
            "http://localhost:1",
            "http://[::1]:80/",
        ] {
            assert_eq!(url(text), Ok(text));
        }
    }

    #[test]
    fn addresses_that_lead_astray_are_refused() {
        for text in [
            "",
            "https://",
            "https:///x",
            "api.hexproperty.com",
            "ftp://a.b",
            "file:///etc/passwd",
            "HTTPS://a.b",
            "http://api.hexproperty.com",
            "https://169.254.169.254/x",
            "https://[fe80::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[::ffff:0:a9fe:a9fe]/",
            "https://100.100.100.200/",
            "https://metadata/",
            "https://metadata.goog/",
            "https://[fd00:ec2::254]/",
            "https://metadata.google.internal/computeMetadata",
            "https://METADATA.google.internal./",
            "https://0.0.0.0/",
            "https://2852039166/",
            "https://0xa9.0xfe.0xa9.0xfe/",
            "https://169.254.43518/",
            "https://user:pass@a.b/",
            "https://good.com\\@evil.com/",
            "https://a.b/?token=x",
            "https://a.b/#x",
            "https://a.b:0/",
            "https://a.b:99999/",
            "https://a b/",
            "https://a..b/",
            "https://-a.b/",
            "https://xn--hexprperty-nlg.com/",
            "https://[::1",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_look_alike_host_is_named_with_the_letter_and_the_original() {
        let error = url("https://api.hехproperty.com/").unwrap_err();
        assert!(error.message.contains("U+0435"), "{}", error.message);
        assert_eq!(error.suggestion.as_deref(), Some("did you mean `api.hexproperty.com`?"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_judged_without_panic(text in "\\PC*", rest in "[a-z0-9.:@/\\[\\]?#%\\\\-]{0,40}") {
            let _ = url(&text);
            let _ = url(&format!("https://{rest}"));
        }
    }
}
