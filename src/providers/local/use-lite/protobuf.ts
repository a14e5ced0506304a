/** Writes the protobuf wire format (https://protobuf.dev/programming-guides/encoding): as much of it as an ONNX file needs. */

const WIRE_VARINT = 0;
const WIRE_LENGTH_DELIMITED = 2;
const WIRE_32_BIT = 5;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

function tag(field: number, wireType: number): Buffer {
  return varint(field * 8 + wireType);
}

/** A whole number, negative ones as 64-bit two's complement. */
export function integerField(field: number, value: number): Buffer {
  return Buffer.concat([tag(field, WIRE_VARINT), varint(value)]);
}

/** A 32-bit float. */
export function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([tag(field, WIRE_32_BIT), bytes]);
}

/** Raw bytes, or a text as UTF-8. */
export function bytesField(field: number, value: Uint8Array | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return Buffer.concat([tag(field, WIRE_LENGTH_DELIMITED), varint(bytes.byteLength), bytes]);
}

/** A message inside a message, from its own fields. */
export function messageField(field: number, fields: readonly Uint8Array[]): Buffer {
  return bytesField(field, Buffer.concat(fields));
}
