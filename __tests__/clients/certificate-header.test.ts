import { describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import fc from 'fast-check';
import { parsedCertificate } from '../../lib/clients/parsed-certificate.js';
import {
  type CertificateHeaderForm,
  type CertificateHeaderOptions,
  type ClientCertificate,
  certificateFromHeader,
} from '../../lib/index.js';
import { BASE64, CA_BASE64, CA_PEM, DER, escapedAsAws, PEM } from '../support/certificates.js';

/** A request with these lines of headers. */
function request(...lines: readonly (readonly [string, string])[]): Request {
  const headers: Record<string, string> = {};
  for (const [name, value] of lines) {
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  return { headers, rawHeaders: lines.flat() } as unknown as Request;
}

const NAME = 'X-Client-Cert';

function read(
  form: CertificateHeaderForm,
  value: string,
  options?: CertificateHeaderOptions,
): ClientCertificate | undefined {
  return certificateFromHeader(NAME, form, options)(request([NAME, value]));
}

/** Whose certificate it is. */
const subjectOf = (found: ClientCertificate | undefined): string | undefined =>
  found && (parsedCertificate(found.certificate)?.subject ?? 'unreadable');
const CLIENT = parsedCertificate(DER)?.subject as string;
const CA = parsedCertificate(CA_PEM)?.subject as string;

const cert = (pem: string): string => `Cert="${encodeURIComponent(pem)}"`;

const FORMS: readonly (readonly [string, CertificateHeaderForm, string])[] = [
  ['nginx: $ssl_client_escaped_cert', 'pem', encodeURIComponent(PEM)],
  ['nginx: $ssl_client_cert', 'pem', PEM.trim().replaceAll('\n', '\n\t')],
  ['Apache: %{SSL_CLIENT_CERT}s', 'pem', PEM.trim().replaceAll('\n', ' ')],
  ['AWS ALB: X-Amzn-Mtls-Clientcert', 'pem', escapedAsAws(PEM + CA_PEM)],
  ['AWS ALB: X-Amzn-Mtls-Clientcert-Leaf', 'pem', escapedAsAws(PEM)],
  ['HAProxy: ssl_c_der,base64', 'base64', BASE64],
  ['Caddy: certificate_der_base64', 'base64', BASE64],
  ['Azure App Service: X-ARR-ClientCert', 'base64', BASE64],
  ['Traefik: passTLSClientCert.pem', 'base64', `${BASE64},${CA_BASE64}`],
  ['Traefik 1: the same, escaped', 'base64', encodeURIComponent(`${BASE64},${CA_BASE64}`)],
  ['RFC 9440: Client-Cert', 'rfc9440', `:${BASE64}:`],
  [
    'Envoy: SANITIZE_SET with cert',
    'xfcc',
    `By=spiffe://a/b;Hash=c0ffee;${cert(PEM)};Subject="CN=a;O=\\"b\\",C=DE";URI=`,
  ],
  ['Envoy: with chain', 'xfcc', `Hash=c0ffee;Chain="${encodeURIComponent(PEM + CA_PEM)}"`],
  ['Envoy: with both', 'xfcc', `Chain="${encodeURIComponent(CA_PEM)}";${cert(PEM)}`],
  [
    'Envoy: APPEND_FORWARD, behind what a client has sent',
    'xfcc',
    `${cert(CA_PEM)},By=x;URI=a;URI=b;${cert(PEM)}`,
  ],
  ['Envoy: keys in other letters, and spaces', 'xfcc', `by=x, cErT="${encodeURIComponent(PEM)}"`],
];

describe('certificateFromHeader', () => {
  it.each(FORMS)('issuer/15 guard/32 reads %s', (_proxy, form, value) => {
    expect(subjectOf(read(form, value))).toBe(CLIENT);
    expect(certificateFromHeader('x-CLIENT-cert', form)(request([NAME, value]))).toMatchObject({
      isTrusted: false,
    });
  });

  it.each(['pem', 'base64', 'rfc9440', 'xfcc'] as const)(
    'has no certificate without a header, as %s',
    (form) => {
      expect(certificateFromHeader(NAME, form)(request(['X-Other', PEM]))).toBeUndefined();
      for (const value of ['', ' ', '-', '(null)'])
        expect(read(form, value, { trusted: true })).toBeUndefined();
    },
  );

  it.each<readonly [CertificateHeaderForm, string]>([
    ['pem', 'junk'],
    ['pem', '%E0%A4%A'],
    ['pem', BASE64],
    ['pem', `:${BASE64}:`],
    ['base64', 'junk'],
    ['base64', ','],
    ['base64', `,${BASE64}`],
    ['base64', encodeURIComponent(PEM)],
    ['base64', '%E0%A4%A'],
    ['rfc9440', BASE64],
    ['rfc9440', `:${BASE64}:, :${BASE64}:`],
    ['rfc9440', `:${BASE64}:;a=1`],
    ['rfc9440', '::'],
    ['xfcc', cert(PEM).slice(0, -1)],
    ['xfcc', 'By=x;Hash=y'],
    ['xfcc', `${cert(PEM)},By=x`],
    ['xfcc', `${cert(PEM)},`],
    ['xfcc', `${cert(PEM)};`],
    ['xfcc', `${cert(PEM)};${cert(CA_PEM)}`],
    ['xfcc', `${cert(CA_PEM)};${cert(PEM)}`],
    ['xfcc', `Chain="a";Chain="${encodeURIComponent(PEM)}"`],
    ['xfcc', `x${cert(PEM)}"`],
    ['xfcc', `Cert=${encodeURIComponent(PEM)}"`],
    ['xfcc', 'Cert=""'],
    ['xfcc', `Subject="\\";${cert(PEM)}`],
    ['xfcc', encodeURIComponent(PEM)],
  ])('issuer/15 is not deceived by what is not as %s writes it: %#', (form, value) => {
    const found = read(form, value, { trusted: true });
    expect(subjectOf(found)).toBe('unreadable');
  });

  it('reads the element of the nearest proxy, whatever a client has put into a value', () => {
    const subject = `Subject="O=\\"x\\",${cert(CA_PEM).replaceAll('"', '\\"')}"`;
    expect(subjectOf(read('xfcc', `${subject};${cert(PEM)}`))).toBe(CLIENT);
    expect(subjectOf(read('xfcc', `${cert(PEM)};${subject}`))).toBe(CLIENT);
    expect(subjectOf(read('xfcc', `${cert(PEM)},${cert(CA_PEM)}`))).toBe(CA);
  });

  it('refuses a header that comes twice: one may be the client’s own', () => {
    for (const [, form, value] of FORMS) {
      const twice = request([NAME, value], [NAME.toLowerCase(), value]);
      expect(subjectOf(certificateFromHeader(NAME, form, { trusted: true })(twice))).toBe('unreadable');
    }
    const empty = request([NAME, ''], [NAME, '']);
    expect(subjectOf(certificateFromHeader(NAME, 'pem')(empty))).toBe('unreadable');
  });

  it('trusts it where the proxy says so, in the header and by the word that the app names', () => {
    const of = (...lines: readonly (readonly [string, string])[]) =>
      certificateFromHeader(NAME, 'rfc9440', { trusted: { header: 'X-Client-Verify', value: 'SUCCESS' } })(
        request([NAME, `:${BASE64}:`], ...lines),
      )?.isTrusted;
    expect(of(['x-client-verify', 'SUCCESS'])).toBe(true);
    for (const value of ['success', 'SUCCESS ', 'FAILED:SUCCESS', 'NONE', '', '0'])
      expect(of(['X-Client-Verify', value])).toBe(false);
    expect(of()).toBe(false);
    expect(of(['X-Client-Verify', 'SUCCESS'], ['X-Client-Verify', 'SUCCESS'])).toBe(false);
    expect(read('rfc9440', `:${BASE64}:`, { trusted: true })?.isTrusted).toBe(true);
    expect(read('rfc9440', `:${BASE64}:`, { trusted: false })?.isTrusted).toBe(false);
    expect(read('rfc9440', 'junk', { trusted: true })?.isTrusted).toBe(false);
  });

  it('never throws, whatever stands there', () => {
    const forms = ['pem', 'base64', 'rfc9440', 'xfcc'] as const;
    const piece = fc.constantFrom(
      'Cert=',
      '"',
      ',',
      ';',
      '\\',
      '%',
      ':',
      '-----BEGIN CERTIFICATE-----',
      'a',
      '=',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...forms),
        fc.oneof(
          fc.string(),
          fc.array(piece).map((all) => all.join('')),
        ),
        (form, value) => {
          const found = read(form, value, { trusted: true });
          return found === undefined || subjectOf(found) === 'unreadable';
        },
      ),
    );
  });

  it.each<readonly [string, unknown, unknown, unknown]>([
    ['header', '', 'pem', {}],
    ['header', 'X Client', 'pem', {}],
    ['header', undefined, 'pem', {}],
    ['form', NAME, 'nginx', {}],
    ['form', NAME, 'toString', {}],
    ['form', NAME, undefined, {}],
    ['trusted', NAME, 'pem', { trusted: 'SUCCESS' }],
    ['trusted', NAME, 'pem', { trusted: { header: 'X-Verify' } }],
    ['trusted', NAME, 'pem', { trusted: { header: 'X-Verify', value: '' } }],
    ['trusted', NAME, 'pem', { trusted: { header: 'X Verify', value: 'yes' } }],
    ['verified', NAME, 'pem', { verified: true }],
  ])('a TypeError names %s (%#)', (name, header, form, options) => {
    const make = () =>
      certificateFromHeader(header as string, form as CertificateHeaderForm, options as object);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`"${name}"`);
  });
});
