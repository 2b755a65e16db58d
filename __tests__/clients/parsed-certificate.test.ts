import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isNoCertificate, parsedCertificate } from '../../lib/clients/parsed-certificate.js';
import { BASE64, CA_PEM, DER, PEM, TEXTS } from '../support/certificates.js';
import { derCertificate } from '../support/der.js';

const thumbprint = parsedCertificate(DER)?.fingerprint256;

describe('a certificate, as it comes', () => {
  it.each(TEXTS)('issuer/15 guard/32 is read from %s', (_what, text) => {
    expect(thumbprint).toMatch(/^[0-9A-F:]{95}$/);
    expect(parsedCertificate(text)?.fingerprint256).toBe(thumbprint);
    expect(parsedCertificate(Buffer.from(text))?.fingerprint256).toBe(thumbprint);
  });

  it.each([' ', '\t', '\n \n', '%20%0A'])('is read from PEM with %j before it', (before) => {
    expect(parsedCertificate(before + PEM)?.fingerprint256).toBe(thumbprint);
  });

  it('is read from its bytes, which may be part of others', () => {
    const all = new Uint8Array(DER.length + 20);
    all.set(DER, 10);
    expect(parsedCertificate(all.subarray(10, 10 + DER.length))?.fingerprint256).toBe(thumbprint);
  });

  it('is the first of several, whatever they are', () => {
    expect(parsedCertificate(CA_PEM + PEM)?.fingerprint256).not.toBe(thumbprint);
    expect(
      parsedCertificate(`-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n${PEM}`),
    ).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['no bytes', new Uint8Array(0)],
    ['text', 'junk'],
    ['base64 of something else', 'anVuaw=='],
    ['half of it', BASE64.slice(0, 400)],
    ['PEM of a key', PEM.replaceAll('CERTIFICATE', 'PUBLIC KEY')],
    ['PEM without an end', PEM.slice(0, 300)],
    ['PEM with a character that base64 has not', PEM.replace('MII', 'M!I')],
    ['a broken escape', `%E0%A4%A${encodeURIComponent(PEM)}`],
    ['a list', `${BASE64},${BASE64}`],
    ['colons around nothing', '::'],
    ['three colons', `:${BASE64}:${BASE64}:`],
    ['a certificate among other members', `Hash=c0ffee;Cert="${encodeURIComponent(PEM)}"`],
    ['a chain among other members', `Chain="${encodeURIComponent(PEM + CA_PEM)}"`],
    ['a sequence', Buffer.from([0x30, 0x03, 0x02, 0x01, 0x01])],
  ])('%s is none, and throws nothing', (_what, found) => {
    expect(parsedCertificate(found)).toBeUndefined();
  });

  it('never throws, whatever a client writes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array(), fc.base64String()), (found) => {
        parsedCertificate(found);
      }),
    );
    const good = derCertificate(DER.subarray(0, 0));
    for (let at = 0; at < good.length; at += 7) parsedCertificate(good.with(at, 0xff));
  });

  it('takes no time that grows faster than a header', () => {
    const began = performance.now();
    parsedCertificate('-----BEGIN CERTIFICATE-----'.repeat(600));
    parsedCertificate(`:${' '.repeat(16_000)}`);
    parsedCertificate('A'.repeat(16_000));
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it.each([undefined, null, '', ' ', '-', '(null)', ' (null) '])('%j says that there is none', (found) => {
    expect(isNoCertificate(found)).toBe(true);
  });

  it.each(['junk', '--', 'null', 0, false, DER, {}])('%p does not say that', (found) => {
    expect(isNoCertificate(found)).toBe(false);
  });
});
