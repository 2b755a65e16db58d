import { isUtf8 } from 'node:buffer';
import { attributeType } from './attribute-types.js';
import {
  type DerElement,
  derElements,
  derElementsIn,
  derText,
  isDerString,
  OBJECT_IDENTIFIER,
  SEQUENCE,
  SET,
} from './der.js';

/** An attribute of a name: its type as {@link attributeType} has it; its text, or the DER of a value that is none. */
type Attribute = readonly [type: string, form: 'text' | 'der', value: string];

/** A name in the order of a certificate, the widest part first. Each part has an attribute or more, whose order says nothing. */
type Parts = readonly (readonly Attribute[])[];

/** What was read: a name in a form that is the same for all ways to write it, or what is wrong. */
export type NameReading =
  | { readonly name: string; readonly problem?: undefined }
  | { readonly name?: undefined; readonly problem: string };

/** The subject of a certificate (RFC 5280 §4.1) from its DER; `undefined` where it has none that can be read. */
export function subjectName(certificate: Buffer): string | undefined {
  const [tbs] = derElementsIn(derElements(certificate)?.[0], SEQUENCE) ?? [];
  const fields = derElementsIn(tbs, SEQUENCE) ?? [];
  // The version is left out of certificates of the first version. Serial number, algorithm, issuer and validity go before.
  const subject = derElementsIn(fields[fields[0]?.tag === VERSION ? 5 : 4], SEQUENCE);
  const parts = subject?.map(attributesIn);
  return parts?.every((part) => part !== undefined) && parts.length > 0 ? oneForm(parts) : undefined;
}

const VERSION = 0xa0;

function attributesIn(part: DerElement): readonly Attribute[] | undefined {
  const attributes = derElementsIn(part, SET)?.map((element) => attributeIn(element));
  return attributes?.every((attribute) => attribute !== undefined) ? attributes : undefined;
}

function attributeIn(element: DerElement): Attribute | undefined {
  const [type, value, ...more] = derElementsIn(element, SEQUENCE) ?? [];
  if (type?.tag !== OBJECT_IDENTIFIER || !value || more.length > 0) return undefined;
  return attribute(type.content.toString('hex'), value);
}

/** However a text is encoded, it is the same text. */
function attribute(type: string, value: DerElement): Attribute | undefined {
  if (!isDerString(value)) return [type, 'der', value.whole.toString('hex')];
  const text = derText(value);
  return text === undefined ? undefined : [type, 'text', text];
}

function oneForm(parts: Parts): string {
  return JSON.stringify(parts.map((part) => part.map((one) => JSON.stringify(one)).toSorted()));
}

/** Before a value. Java writes `OID.2.5.4.97`. */
const TYPE = /[ ]*(?:OID\.(?=\d))?([A-Za-z][A-Za-z0-9-]*|\d[\d.]*)[ ]*=[ ]*/iy;
/** RFC 4514 §2.4: the BER of a value. */
const HEX = /#([0-9A-Za-z]*)[ ]*/y;
/** As RFC 1779, RFC 2253 §4, Java and .NET write values with special characters. .NET doubles a quotation mark that is in one. */
const QUOTED = /"((?:\\[0-9A-Fa-f]{2}|\\[^0-9A-Za-z]|""|[^"\\])*)"[ ]*/y;
/** Spaces at the end are none of the value, unless escaped. */
const PLAIN =
  /((?:\\[0-9A-Fa-f]{2}|\\[^0-9A-Za-z]|[^\\,;+"<>])*(?:\\[0-9A-Fa-f]{2}|\\[^0-9A-Za-z]|[^\\,;+"<> ]))[ ]*/y;
const PLUS = /\+/y;
/** Older forms have semicolons (RFC 2253 §4). */
const SEPARATOR = /[,;]/y;

/**
 * Reads a name as RFC 4514 writes it, the last part of the certificate first, and as Java, Go, OpenSSL and .NET do in that
 * order. What is wrong is told in words that follow "this name".
 */
export function readName(text: string): NameReading {
  const parts = partsOf(text);
  return typeof parts === 'string' ? { problem: parts } : { name: oneForm(parts.toReversed()) };
}

/** The parts as they are written, or the problem. */
function partsOf(text: string): Parts | string {
  if (text.startsWith('/'))
    return 'has slashes between its parts; separate them by commas, the last one first';
  // A line break at the end, say, which some editor or command has put there.
  if (/\p{Cc}/u.test(text)) return 'has a control character, which must be escaped, as in \\0A';
  if (!text.isWellFormed()) return 'has half a character';
  const parts: Attribute[][] = [[]];
  let at = 0;
  const next: Next = (pattern) => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match ? (match[1] ?? match[0]) : undefined;
  };
  for (;;) {
    const found = nextAttribute(next);
    if (typeof found === 'string') return found;
    parts.at(-1)?.push(found);
    if (at === text.length) return parts;
    if (next(PLUS) !== undefined) continue;
    if (next(SEPARATOR) === undefined) return `has a character at ${at} that must be escaped`;
    parts.push([]);
  }
}

/** What a pattern matches at this place, which is passed then; its group where it has one. */
type Next = (pattern: RegExp) => string | undefined;

function nextAttribute(next: Next): Attribute | string {
  const written = next(TYPE);
  if (written === undefined) return 'has a part that is no type, an equals sign and a value';
  const type = attributeType(written);
  if (type === undefined) return `has the type ${written.slice(0, 64)}, which is not known; write its OID`;
  const hex = next(HEX);
  const found = hex === undefined ? plain(type, next) : encoded(type, hex);
  if (!found) {
    return hex === undefined
      ? 'has escaped bytes that are no UTF-8'
      : 'has a value after # that is no BER in hex';
  }
  return found[2] === '' ? `has a ${written} without a value` : found;
}

function plain(type: string, next: Next): Attribute | undefined {
  const text = unescaped(next(QUOTED)?.replaceAll('""', '"') ?? next(PLAIN) ?? '');
  return text === undefined ? undefined : [type, 'text', text];
}

function encoded(type: string, hex: string): Attribute | undefined {
  const [value, ...more] = (isHex(hex) && derElements(Buffer.from(hex, 'hex'))) || [];
  return value && more.length === 0 ? attribute(type, value) : undefined;
}

function isHex(text: string): boolean {
  return /^(?:[0-9A-Fa-f]{2})+$/.test(text);
}

/** RFC 4514 §2.4: a backslash stands before a character, or before two digits that are a byte of UTF-8. */
function unescaped(value: string): string | undefined {
  const bytes = Buffer.concat(
    Array.from(value.matchAll(/\\([0-9A-Fa-f]{2})|\\?([\s\S])/gu), ([, digits, character]) =>
      digits === undefined ? Buffer.from(character as string) : Buffer.from(digits, 'hex'),
    ),
  );
  return isUtf8(bytes) ? bytes.toString() : undefined;
}
