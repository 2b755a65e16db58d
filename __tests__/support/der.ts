import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto';

/** DER of an element with others, or bytes, in it. */
export function der(tag: number, ...content: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(content.map((part) => Buffer.from(part as Buffer)));
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

export const UTF8 = 0x0c;
export const PRINTABLE = 0x13;
export const TELETEX = 0x14;
export const IA5 = 0x16;
export const UNIVERSAL = 0x1c;
export const BMP = 0x1e;

/** Contents of OIDs, in hex. */
export const TYPES = {
  CN: '550403',
  O: '55040a',
  C: '550406',
  organizationIdentifier: '550461',
  emailAddress: '2a864886f70d010901',
};

/** An attribute of a name, by the content of its OID in hex. */
export function attribute(type: string, tag: number, value: Buffer | string): Buffer {
  return der(0x30, der(0x06, Buffer.from(type, 'hex')), der(tag, value));
}

/** A part of a name, with an attribute or more. */
export const part = (...attributes: readonly Buffer[]): Buffer => der(0x31, ...attributes);

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ECDSA = der(0x30, der(0x06, Buffer.from('2a8648ce3d040302', 'hex')));
const TIME = der(0x30, der(0x17, '260101000000Z'), der(0x17, '490101000000Z'));

export interface Odd {
  /** What stands before the serial number: the version, which is 3. */
  readonly version?: Buffer;
  readonly key?: Buffer;
}

/** A certificate with this subject, whatever is in it. */
export function derCertificate(
  subject: Buffer,
  {
    version = der(0xa0, der(0x02, Buffer.from([2]))),
    key = publicKey.export({ type: 'spki', format: 'der' }),
  }: Odd = {},
): Buffer {
  const issuer = der(0x30, part(attribute(TYPES.CN, UTF8, 'CA')));
  const tbs = der(0x30, version, der(0x02, Buffer.from([1])), ECDSA, issuer, TIME, subject, key);
  const signature = sign('sha256', tbs, privateKey);
  return der(0x30, tbs, ECDSA, der(0x03, Buffer.from([0]), signature));
}

/** As {@link derCertificate}, of parts, as Node has it. */
export function certificateNamed(...parts: readonly Buffer[]): X509Certificate {
  return new X509Certificate(derCertificate(der(0x30, ...parts)));
}
