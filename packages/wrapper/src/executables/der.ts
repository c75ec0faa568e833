/** A value in the distinguished encoding of ASN.1 (X.690). */
export interface DerValue {
  /** The identifier octet; tags above 30 are not needed here. */
  readonly tag: number;
  readonly content: Buffer;
  /** With identifier and length. */
  readonly whole: Buffer;
}

export const DER = { octetString: 0x04, objectIdentifier: 0x06, sequence: 0x30, context0: 0xa0 } as const;

/** The values that follow each other in these bytes; null if they are no such encoding. */
export function readDer(bytes: Buffer): readonly DerValue[] | null {
  const values: DerValue[] = [];
  let at = 0;
  while (at < bytes.length) {
    const value = readValue(bytes.subarray(at));
    if (value === null) return null;
    values.push(value);
    at += value.whole.length;
  }
  return values;
}

/** The first value; what follows it does not matter. */
export function readValue(bytes: Buffer): DerValue | null {
  if (bytes.length < 2) return null;
  const short = bytes[1]!;
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
  const start = 2 + lengthBytes;
  // Indefinite lengths are not DER; four bytes of length are more than a file has.
  if (short === 0x80 || lengthBytes > 4 || start > bytes.length) return null;
  const length = lengthBytes === 0 ? short : bytes.readUIntBE(2, lengthBytes);
  if (start + length > bytes.length) return null;
  return {
    tag: bytes[0]!,
    content: bytes.subarray(start, start + length),
    whole: bytes.subarray(0, start + length),
  };
}

/** As in `1.2.840.113549`: the dotted form of an object identifier's content. */
export function dotted(content: Buffer): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of content) {
    number = number * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(number);
      number = 0;
    }
  }
  const [first = 0, ...rest] = numbers;
  const top = Math.min(Math.floor(first / 40), 2);
  return [top, first - top * 40, ...rest].join('.');
}
