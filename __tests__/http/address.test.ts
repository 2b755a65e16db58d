import { describe, expect, it } from '@jest/globals';
import { addressOf, networkOf } from '../../lib/http/address.js';
import { addressKey } from '../../lib/http/throttle.js';

describe('issuer/03 addressOf', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    [' 203.0.113.7 ', '203.0.113.7'],
    ['203.0.113.7:50001', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:203.10.113.17', '203.10.113.17'],
    ['::FFFF:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:50001', '203.0.113.7'],
    ['::ffff:203.0.113.7:50001', '203.0.113.7'],
    ['2001:db8::7', '2001:db8:0:0:0:0:0:7'],
    ['2001:DB8:0:0::0007', '2001:db8:0:0:0:0:0:7'],
    ['[2001:db8::7]', '2001:db8:0:0:0:0:0:7'],
    ['[2001:db8::7]:50001', '2001:db8:0:0:0:0:0:7'],
    ['"[2001:db8::7]:50001"', '2001:db8:0:0:0:0:0:7'],
    ['2001:db8::7:50001', '2001:db8:0:0:0:0:0:7'],
    ['2001:db8:0:0:0:0:0:7:80', '2001:db8:0:0:0:0:0:7'],
    ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:1'],
    ['fe80::1%eth_0', 'fe80:0:0:0:0:0:0:1'],
    ['fe80::1%eth0:50001', 'fe80:0:0:0:0:0:0:1'],
    ['fe80::1%eth_0:50001', 'fe80:0:0:0:0:0:0:1'],
    ['[fe80::1%25eth0]:50001', 'fe80:0:0:0:0:0:0:1'],
    ['[fe80::1%25eth_0]:50001', 'fe80:0:0:0:0:0:0:1'],
    ['::', '0:0:0:0:0:0:0:0'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['1::', '1:0:0:0:0:0:0:0'],
    ['64:ff9b::203.0.113.7', '64:ff9b:0:0:0:0:cb00:7107'],
  ])('reads "%s" as %s', (ip, address) => {
    expect(addressOf(ip)).toBe(address);
  });

  it.each([
    undefined,
    '',
    'unknown',
    'unix:',
    '_hidden',
    '203.0.113',
    '203.0.113."7"',
    '"203.0.113.7":80',
    '[203.0.113',
    'a:b',
    '1:2:3:4:5:6:7:8:9:10',
  ])('finds no address in %j', (ip) => {
    expect(addressOf(ip)).toBeUndefined();
  });
});

describe('networkOf', () => {
  it('is an IPv4 address, and the network of an IPv6 one', () => {
    expect(networkOf('203.0.113.7', 64)).toBe('203.0.113.7');
    const [one, same, other] = ['2001:db8:0:1::7', '2001:db8:0:1:ffff::8', '2001:db8:0:2::7'].map((ip) =>
      networkOf(addressOf(ip) as string, 64),
    );
    expect([one === same, one === other]).toStrictEqual([true, false]);
  });
});

describe('addressKey', () => {
  it('is one for the /56 of an IPv6 address, and one for all that have no address', () => {
    expect(addressKey('2001:db8:0:1::7')).toBe(addressKey('[2001:db8:0:ff::7]:443'));
    expect(addressKey('2001:db8:0:1::7')).not.toBe(addressKey('2001:db8:0:100::7'));
    expect([addressKey(undefined), addressKey('unix:')]).toStrictEqual(['unknown', 'unknown']);
  });
});
