//! Whether an HEVC stream carries transparency: a second layer that the decoder here does not read.
//!
//! Neighbours: `probe` warns of it. Only the configuration of the stream is looked at (`hvcC`, ISO/IEC 14496-15), in which
//! writers of such files repeat the SEI message about their alpha layer (ITU-T H.265, F.14: payload type 165).

/// Bytes of an `hvcC` box before its arrays of NAL units.
const HEAD: usize = 23;
/// The NAL unit type of an SEI message before the picture it is about.
const PREFIX_SEI: u8 = 39;
/// The SEI payload that describes an alpha channel.
const ALPHA_CHANNEL_INFO: u32 = 165;

/// Whether the configuration of a stream says that one of its layers is transparency. False for anything unreadable.
pub fn has_alpha_layer(configuration: &[u8]) -> bool {
    units(configuration).is_some_and(|units| units.into_iter().any(tells_of_alpha))
}

/// The NAL units of an `hvcC` box; none where it is cut short.
fn units(configuration: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = configuration.get(HEAD..)?;
    let mut units = Vec::new();
    for _ in 0..configuration[HEAD - 1] {
        let (head, after) = rest.split_at_checked(3)?;
        rest = after;
        for _ in 0..u16::from_be_bytes([head[1], head[2]]) {
            let (length, after) = rest.split_at_checked(2)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            let (unit, after) = after.split_at_checked(length)?;
            units.push(unit);
            rest = after;
        }
    }
    Some(units)
}

/// Whether a NAL unit is an SEI message that describes an alpha channel.
fn tells_of_alpha(unit: &[u8]) -> bool {
    let Some((head, mut messages)) = unit.split_at_checked(2) else {
        return false;
    };
    if head[0] >> 1 & 0x3F != PREFIX_SEI {
        return false;
    }
    // Type and length come in bytes of 255 and a last, smaller one; 0x80 ends the messages.
    while messages.len() > 2 {
        let (Some(kind), Some(length)) = (number(&mut messages), number(&mut messages)) else {
            return false;
        };
        if kind == ALPHA_CHANNEL_INFO {
            return true;
        }
        match messages.get(length as usize..) {
            Some(after) => messages = after,
            None => return false,
        }
    }
    false
}

fn number(bytes: &mut &[u8]) -> Option<u32> {
    let mut sum = 0u32;
    loop {
        let (byte, after) = bytes.split_first()?;
        *bytes = after;
        sum = sum.checked_add(u32::from(*byte))?;
        if *byte != 255 {
            return Some(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration with one array for each unit.
    fn configuration(units: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0u8; HEAD];
        bytes[HEAD - 1] = units.len() as u8;
        for unit in units {
            bytes.extend([unit[0] >> 1, 0, 1, 0, unit.len() as u8]);
            bytes.extend(*unit);
        }
        bytes
    }

    const VPS: &[u8] = &[0x40, 0x01, 0x0C, 0x11];
    /// An SEI message of another kind (137, three bytes), then one about alpha.
    const SEI: &[u8] = &[0x4E, 0x01, 137, 3, 1, 2, 3, 165, 4, 0, 0x7F, 0x90, 0, 0x80];

    #[test]
    fn the_message_about_alpha_is_found_among_others() {
        assert!(has_alpha_layer(&configuration(&[VPS, SEI])));
        assert!(!has_alpha_layer(&configuration(&[VPS])));
        let plain: &[u8] = &[0x4E, 0x01, 137, 3, 165, 165, 165, 0x80];
        assert!(!has_alpha_layer(&configuration(&[VPS, plain])));
    }

    #[test]
    fn broken_configurations_say_nothing() {
        let whole = configuration(&[VPS, SEI]);
        for cut in 0..whole.len() {
            assert!(!has_alpha_layer(&whole[..cut]), "{cut}");
        }
        assert!(!has_alpha_layer(&[]));
        assert!(!tells_of_alpha(&[0x4E, 0x01, 255, 255]));
        assert!(!tells_of_alpha(&[0x4E, 0x01, 137, 200, 1]));
    }
}
