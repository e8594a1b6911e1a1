//! CRC-32C (Castagnoli) of a record's body.
//!
//! The hash already finds every change; the checksum says which kind it was. Damage that breaks both is most likely the
//! disk's; a body that fits its checksum under a hash that does not fit was rewritten by something that knew the format.
//! Tables for eight bytes a step are computed at compile time, so no dependency and no run-time state is needed.
//! This is no defence against anybody: who can write the file can compute a checksum.

const POLYNOMIAL_REFLECTED: u32 = 0x82F6_3B78;
const TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0_u32; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL_REFLECTED } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut distance = 1;
    while distance < 8 {
        let mut byte = 0;
        while byte < 256 {
            let nearer = tables[distance - 1][byte];
            tables[distance][byte] = (nearer >> 8) ^ tables[0][(nearer & 0xFF) as usize];
            byte += 1;
        }
        distance += 1;
    }
    tables
}

/// The CRC-32C of `bytes`, as RFC 3720 defines it (initial value and final XOR of all ones, reflected).
pub fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    let (groups, rest) = bytes.as_chunks::<8>();
    for group in groups {
        let low = crc ^ u32::from_le_bytes([group[0], group[1], group[2], group[3]]);
        crc = TABLES[7][(low & 0xFF) as usize]
            ^ TABLES[6][((low >> 8) & 0xFF) as usize]
            ^ TABLES[5][((low >> 16) & 0xFF) as usize]
            ^ TABLES[4][(low >> 24) as usize]
            ^ TABLES[3][group[4] as usize]
            ^ TABLES[2][group[5] as usize]
            ^ TABLES[1][group[6] as usize]
            ^ TABLES[0][group[7] as usize];
    }
    for byte in rest {
        crc = (crc >> 8) ^ TABLES[0][((crc ^ u32::from(*byte)) & 0xFF) as usize];
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::crc32c;

    #[test]
    fn agrees_with_the_published_vectors() {
        // The check value of the CRC catalogue, and the iSCSI vectors of RFC 3720, appendix B.4.
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&ascending), 0x46DD_794E);
    }
}
