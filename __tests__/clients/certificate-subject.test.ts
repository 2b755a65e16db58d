import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { isSubjectOf } from '../../lib/clients/certificate-subject.js';

const certificate = (name: string): X509Certificate =>
  new X509Certificate(readFileSync(`__tests__/support/tls/${name}.crt`));
const client = certificate('client');
const tricky = certificate('tricky');
const selfSigned = certificate('self-signed');

const is = (of: X509Certificate, members: object): boolean =>
  isSubjectOf(of, { clientId: 'app', ...members });

describe('the subject of a certificate', () => {
  it.each([
    // By `openssl x509 -subject -nameopt RFC2253`.
    'UID=7+CN=orders,OU=\\#7,O=M\\C3\\BCller\\, S\\C3\\B6hne \\+ Co,C=DE',
    'CN=orders+UID=7,OU=\\#7,O=Müller\\, Söhne \\+ Co,C=DE',
    'cn = orders + uid = 7, ou = \\#7, o = Müller\\2C S\\c3\\b6hne \\+ Co, c = DE',
    'CN=orders+UID=7,OU=\\#7,O="Müller, Söhne + Co",C=DE',
  ])('A-18 is the one of RFC 4514 %s', (tlsClientAuthSubjectDn) => {
    expect(is(client, { tlsClientAuthSubjectDn })).toBe(true);
    expect(is(tricky, { tlsClientAuthSubjectDn })).toBe(false);
  });

  it.each([
    // In the other order.
    'C=DE,O=Müller\\, Söhne \\+ Co,OU=\\#7,CN=orders+UID=7',
    'CN=orders,UID=7,OU=\\#7,O=Müller\\, Söhne \\+ Co,C=DE',
    'CN=Orders+UID=7,OU=\\#7,O=Müller\\, Söhne \\+ Co,C=DE',
    'CN=orders+UID=7,OU=\\#7,O=Müller\\, Söhne \\+ Co',
    'CN=orders+UID=7,OU=#7,O=Müller\\, Söhne \\+ Co,C=DE',
    'CN=orders+UID=7,OU=\\#7,O=M\\C3ller\\, Söhne \\+ Co,C=DE',
    'CN=orders+UID=7,OU=\\#7,O=Müller\\, Söhne \\+ Co,C=DE,',
    'CN=orders+UID=7\nOU=\\#7\nO=Müller\\, Söhne \\+ Co\nC=DE',
    'CN=orders+',
    'CN=',
    'CN',
    '=x',
    'orders',
    ' ',
  ])('A-18 is not %j', (tlsClientAuthSubjectDn) => {
    expect(is(client, { tlsClientAuthSubjectDn })).toBe(false);
  });

  it.each([
    [{ tlsClientAuthSanDns: 'orders.example' }, true],
    [{ tlsClientAuthSanDns: 'ORDERS.example' }, true],
    [{ tlsClientAuthSanDns: 'example' }, false],
    [{ tlsClientAuthSanDns: 'orders' }, false],
    [{ tlsClientAuthSanUri: 'https://orders.example/client' }, true],
    [{ tlsClientAuthSanUri: 'https://orders.example/' }, false],
    [{ tlsClientAuthSanUri: 'orders.example' }, false],
    [{ tlsClientAuthSanIp: '10.0.0.7' }, true],
    [{ tlsClientAuthSanIp: '2001:db8::7' }, true],
    [{ tlsClientAuthSanIp: '10.0.0.8' }, false],
    [{ tlsClientAuthSanEmail: 'orders@example.com' }, true],
    [{ tlsClientAuthSanEmail: 'other@example.com' }, false],
    [{}, false],
  ])('A-18 has the alternative name %j: %s', (members, expected) => {
    expect(is(client, members)).toBe(expected);
  });

  it('A-18 a name in a name, and one with a wildcard, are not the name', () => {
    expect(is(tricky, { tlsClientAuthSanUri: 'https://orders.example/client' })).toBe(false);
    expect(is(tricky, { tlsClientAuthSanUri: 'https://x.example/' })).toBe(false);
    expect(is(tricky, { tlsClientAuthSanUri: 'https://x.example/, URI:https://orders.example/client' })).toBe(
      true,
    );
    expect(is(tricky, { tlsClientAuthSanDns: 'orders.example' })).toBe(false);
    expect(is(selfSigned, { tlsClientAuthSanUri: 'DNS:localhost' })).toBe(false);
  });

  it('A-18 no wildcard, no parent and no common name stands for the name', () => {
    expect(is(certificate('names'), { tlsClientAuthSanDns: 'a.orders.example' })).toBe(false);
    expect(is(certificate('names'), { tlsClientAuthSanDns: 'shops.example' })).toBe(false);
    expect(is(certificate('names'), { tlsClientAuthSanDns: 'evil.shops.example' })).toBe(true);
    expect(is(certificate('names'), { tlsClientAuthSanDns: 'only-cn.example' })).toBe(false);
    expect(is(certificate('cn-only'), { tlsClientAuthSanDns: 'orders.example' })).toBe(false);
  });

  it('A-18 a line break in a name is none between its parts', () => {
    expect(certificate('lines').subject).toContain('Example');
    expect(is(certificate('lines'), { tlsClientAuthSubjectDn: 'O=Example,CN=a' })).toBe(false);
    expect(is(certificate('lines'), { tlsClientAuthSubjectDn: 'CN=a\\0AO=Example' })).toBe(true);
  });

  it('A-18 has no names that are written in a way that is not understood', () => {
    const names = (subjectAltName?: string) =>
      isSubjectOf({ subjectAltName } as X509Certificate, { clientId: 'app', tlsClientAuthSanUri: 'b:c' });
    expect(names('DNS:a, URI:b:c')).toBe(true);
    expect(names('DNS:"a, URI:b:c')).toBe(false);
    expect(names('URI:b:c, DNS:"a')).toBe(false);
    expect(names()).toBe(false);
  });
});
