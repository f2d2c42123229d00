//! TensorBoard's events as bytes: `Event` messages in protocol buffers (tensorboard/compat/proto: event.proto,
//! summary.proto, tensor.proto), each in a record of the TFRecord format. Only what a run writes is here.
//!
//! ```text
//! record   length (u64) ‖ masked CRC of these 8 bytes (u32) ‖ message ‖ masked CRC of the message (u32)    little-endian
//! masked   rotate_right(crc, 15) + 0xa282ead8      crc: CRC-32C (Castagnoli, reflected polynomial 0x82f63b78)
//! ```

/// The content of an event, beside its time and step.
pub enum Event<'a> {
    /// The version of the format, the first event of every file.
    Version,
    /// The start of a session, which voids events of this step and later ones.
    Start,
    Summary(Vec<Value<'a>>),
}

/// A value with its tag.
pub enum Value<'a> {
    Scalar(&'a str, f32),
    /// Markdown.
    Text(&'a str, &'a str),
}

impl Event<'_> {
    /// The message; `seconds` since 1970.
    pub fn encode(&self, seconds: f64, step: u64) -> Vec<u8> {
        let mut event = Message::default();
        event.fixed64(1, seconds.to_le_bytes());
        event.varint(2, step);
        match self {
            Event::Version => event.bytes(3, b"brain.Event:2"),
            Event::Start => {
                let mut session = Message::default();
                session.varint(1, 1); // START
                event.bytes(7, &session.0);
            }
            Event::Summary(values) => {
                let mut summary = Message::default();
                for value in values {
                    summary.bytes(1, &value.encode());
                }
                event.bytes(5, &summary.0);
            }
        }
        event.0
    }
}

impl Value<'_> {
    fn encode(&self) -> Vec<u8> {
        let mut value = Message::default();
        match *self {
            Value::Scalar(tag, number) => {
                value.bytes(1, tag.as_bytes());
                value.fixed32(2, number.to_le_bytes());
            }
            Value::Text(tag, text) => {
                value.bytes(1, tag.as_bytes());
                // A tensor of strings with one element, for the plugin "text".
                let mut tensor = Message::default();
                tensor.varint(1, 7); // DT_STRING
                let mut dim = Message::default();
                dim.varint(1, 1);
                let mut shape = Message::default();
                shape.bytes(2, &dim.0);
                tensor.bytes(2, &shape.0);
                tensor.bytes(8, text.as_bytes());
                value.bytes(8, &tensor.0);
                let mut plugin = Message::default();
                plugin.bytes(1, b"text");
                let mut metadata = Message::default();
                metadata.bytes(1, &plugin.0);
                metadata.varint(4, 2); // DATA_CLASS_TENSOR
                value.bytes(9, &metadata.0);
            }
        }
        value.0
    }
}

/// A message of protocol buffers under construction: fields, each a key (number and wire type) and its value.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, field: u32, value: u64) {
        self.key(field, 0);
        self.number(value);
    }

    fn fixed64(&mut self, field: u32, value: [u8; 8]) {
        self.key(field, 1);
        self.0.extend(value);
    }

    fn fixed32(&mut self, field: u32, value: [u8; 4]) {
        self.key(field, 5);
        self.0.extend(value);
    }

    /// A string, bytes or a message.
    fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, 2);
        self.number(value.len() as u64);
        self.0.extend(value);
    }

    fn key(&mut self, field: u32, wire_type: u32) {
        self.number(u64::from(field << 3 | wire_type));
    }

    /// Seven bits a byte, the lowest first; the highest bit of a byte says that more follow.
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// `message` as a record.
pub fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(message.len() + 16);
    record.extend(length);
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(message);
    record.extend(masked_crc(message).to_le_bytes());
    record
}

fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        crc >> 8 ^ CRC_OF_BYTE[(crc as u8 ^ byte) as usize]
    })
}

const CRC_OF_BYTE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, appendix B.4, and the catalogue's check value.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    /// The bytes that `tensorboard.compat.proto.event_pb2` writes for the same event:
    /// `Event(wall_time=1.5, step=300, summary=Summary(value=[Summary.Value(tag="loss", simple_value=0.5)]))`.
    #[test]
    fn a_scalar_is_encoded_as_protocol_buffers_do() {
        let event = Event::Summary(vec![Value::Scalar("loss", 0.5)]);
        let expected = [
            &[0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x10, 0xac, 0x02][..],
            &[0x2a, 0x0d, 0x0a, 0x0b, 0x0a, 0x04],
            b"loss",
            &[0x15, 0, 0, 0, 0x3f],
        ]
        .concat();
        assert_eq!(event.encode(1.5, 300), expected);
        let record = record(&expected);
        assert_eq!(record.len(), expected.len() + 16);
        assert_eq!(record[..8], (expected.len() as u64).to_le_bytes());
    }
}
