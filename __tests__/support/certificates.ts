import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

const pem = (name: string): string => readFileSync(`__tests__/support/tls/${name}.crt`, 'utf8');

/** That of a client, which the authority has issued. */
export const PEM: string = pem('client');
export const DER: Buffer = new X509Certificate(PEM).raw;
export const BASE64: string = DER.toString('base64');
/** One that goes along with it in a chain. */
export const CA_PEM: string = pem('ca');
export const CA_BASE64: string = new X509Certificate(CA_PEM).raw.toString('base64');

/** As AWS has it: these three characters stand for themselves. */
export const escapedAsAws = (text: string): string =>
  encodeURIComponent(text).replaceAll('%2B', '+').replaceAll('%3D', '=').replaceAll('%2F', '/');

/** What a proxy writes of the client's certificate, and what "DER or PEM" is taken for as well. */
export const TEXTS: readonly (readonly [string, string])[] = [
  ['PEM', PEM],
  ['PEM with CRLF', PEM.replaceAll('\n', '\r\n')],
  ['PEM with spaces for line ends', PEM.trim().replaceAll('\n', ' ')],
  ['PEM with tabs', PEM.trim().replaceAll('\n', '\n\t')],
  ['PEM in one line', PEM.replaceAll('\n', '')],
  ['PEM with text before it', `subject=CN=orders\n${PEM}`],
  ['PEM and the authority after it', PEM + CA_PEM],
  ['PEM, escaped', encodeURIComponent(PEM)],
  ['PEM, escaped as AWS does, and the authority after it', escapedAsAws(PEM + CA_PEM)],
  ['the PEM of older tools', PEM.replaceAll('CERTIFICATE', 'X509 CERTIFICATE')],
  ['bare base64', BASE64],
  ['bare base64 in lines', BASE64.replace(/.{64}/g, '$&\n')],
  ['RFC 9440', `:${BASE64}:`],
];
