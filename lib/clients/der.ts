import { isAscii, isUtf8 } from 'node:buffer';

/** One element of a DER encoding (X.690 §8.1, §10.1). */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag, length and content. */
  readonly whole: Buffer;
}

/** Universal tags (X.680 §8.6), constructed where DER has them so. */
export const OBJECT_IDENTIFIER = 0x06;
export const SEQUENCE = 0x30;
export const SET = 0x31;

/**
 * The elements that stand one after the other; `undefined` for what is no DER. Tags above 30 are not read: a certificate's
 * subject has none, and neither have the fields before it.
 */
export function derElements(bytes: Buffer): readonly DerElement[] | undefined {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number;
    const length = lengthAt(bytes, at + 1);
    if ((tag & 0x1f) === 0x1f || !length || length.end + length.value > bytes.length) return undefined;
    const end = length.end + length.value;
    elements.push({ tag, content: bytes.subarray(length.end, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return elements;
}

/** The elements in one with this tag, which means that it has others in it. */
export function derElementsIn(
  element: DerElement | undefined,
  tag: number,
): readonly DerElement[] | undefined {
  return element?.tag === tag ? derElements(element.content) : undefined;
}

/** X.690 §10.1: of the ways to write a length the shortest, and never the indefinite one. */
function lengthAt(bytes: Buffer, at: number): { readonly value: number; readonly end: number } | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  if (first < 0x80) return { value: first, end: at + 1 };
  const octets = first & 0x7f;
  const end = at + 1 + octets;
  if (octets === 0 || octets > 4 || end > bytes.length) return undefined;
  const value = bytes.readUIntBE(at + 1, octets);
  return value >= 0x80 && value >= 2 ** (8 * (octets - 1)) ? { value, end } : undefined;
}

/** Universal tags of strings, by how their characters are written (X.680 §8.6, X.690 §8.23). */
const ENCODINGS: ReadonlyMap<number, (content: Buffer) => string | undefined> = new Map([
  [0x0c, utf8],
  // NumericString, PrintableString, IA5String.
  [0x12, ascii],
  [0x13, ascii],
  [0x16, ascii],
  // TeletexString has escape sequences that nobody uses: OpenSSL, Java, .NET and Go read Latin-1.
  [0x14, (content: Buffer) => content.toString('latin1')],
  [0x1c, utf32],
  [0x1e, utf16],
]);

/** Whether an element is one of the strings whose text {@link derText} knows. */
export function isDerString({ tag }: DerElement): boolean {
  return ENCODINGS.has(tag);
}

/** The text of a string; `undefined` for what is none, or has characters that its type does not have. */
export function derText({ tag, content }: DerElement): string | undefined {
  return ENCODINGS.get(tag)?.(content);
}

function utf8(content: Buffer): string | undefined {
  return isUtf8(content) ? content.toString() : undefined;
}

function ascii(content: Buffer): string | undefined {
  return isAscii(content) ? content.toString('latin1') : undefined;
}

/** BMPString. */
function utf16(content: Buffer): string | undefined {
  if (content.length % 2 !== 0) return undefined;
  const text = Buffer.from(content).swap16().toString('utf16le');
  return text.isWellFormed() ? text : undefined;
}

/** UniversalString. */
function utf32(content: Buffer): string | undefined {
  if (content.length % 4 !== 0) return undefined;
  let text = '';
  for (let at = 0; at < content.length; at += 4) {
    const point = content.readUInt32BE(at);
    if (point > 0x10ffff) return undefined;
    text += String.fromCodePoint(point);
  }
  return text.isWellFormed() ? text : undefined;
}
