//! Bytes nobody can guess, for secrets. The one door of the system's generator.

/// `N` fresh bytes from the operating system.
pub fn bytes<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(bytes)
}

/// `N` fresh bytes as lower-case hexadecimal digits, `2 N` of them.
pub fn hex<const N: usize>() -> std::io::Result<String> {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * N);
    for byte in bytes::<N>()? {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_secrets_differ_and_have_their_length() {
        let (one, other) = (hex::<32>().unwrap(), hex::<32>().unwrap());
        assert_eq!((one.len(), other.len()), (64, 64));
        assert_ne!(one, other);
    }
}
