//! Reads messages of protocol buffers by the numbers of their fields, as [the encoding] is documented. It knows nothing of
//! the program's own encoder.
//!
//! [the encoding]: https://protobuf.dev/programming-guides/encoding/

/// Returns the content of all fields with this number that have a length: messages and texts.
pub fn fields(message: &[u8], number: u64) -> Result<Vec<&[u8]>, String> {
    let (mut rest, mut found) = (message, Vec::new());
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let length = match key & 7 {
            0 => {
                varint(&mut rest)?;
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut rest)?).map_err(|error| error.to_string())?,
            5 => 4,
            kind => return Err(format!("wire type {kind}")),
        };
        let (content, after) = rest.split_at_checked(length).ok_or("a field is cut")?;
        if key & 7 == 2 && key >> 3 == number {
            found.push(content);
        }
        rest = after;
    }
    Ok(found)
}

/// Follows a path of field numbers through messages.
pub fn nested<'a>(message: &'a [u8], path: &[u64]) -> Result<Vec<&'a [u8]>, String> {
    let mut messages = vec![message];
    for number in path {
        let inner: Result<Vec<_>, _> = messages.into_iter().map(|message| fields(message, *number)).collect();
        messages = inner?.into_iter().flatten().collect();
    }
    Ok(messages)
}

fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or("a number is cut")?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number has too many bytes".to_owned())
}
