import { isIP } from 'node:net';
import type { Request } from 'express';

/** `[2001:db8::7]:50001`, with or without the port. */
const BRACKETED = /^\[([^\]]*)\](?::\d+)?$/;
const PORT = /:\d+$/;
/** RFC 4007 §11: what stands behind `%` means something on one machine only. */
const ZONE = /%.*$/;

/** What an IPv4 address looks like in IPv6 (RFC 4291 §2.5.5.2). */
const MAPPED = '0:0:0:0:0:ffff:';

/**
 * The address in what Express's `req.ip` says, in one spelling; `undefined` if there is none. Proxies write it into
 * `X-Forwarded-For` with the port of the connection (`203.0.113.7:50001`, `[2001:db8::7]:50001`), which is another one each
 * time, with a zone, in quotes, or mapped into IPv6: that is one address all the same.
 */
export function addressOf(ip: string | undefined): string | undefined {
  if (ip === undefined) return undefined;
  const address = withoutPort(ip).replace(ZONE, '');
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? address : mappedIPv4(ipv6Groups(address).join(':'));
}

/** What `req.ip` says, less the port and what stands around the address. It need not be an address. */
export function withoutPort(ip: string): string {
  const given = ip.trim().replace(/^"(.*)"$/, '$1');
  const bare = BRACKETED.exec(given)?.[1] ?? given;
  return isIP(bare) ? bare : bare.replace(PORT, '');
}

/**
 * Express's `req.ip`, or the address of the connection if no Express has seen the request. The request of a mock may have no
 * connection, which Express does not think of.
 */
export function ipOf(req: Request): string | undefined {
  const socket = req.socket as Request['socket'] | undefined;
  return socket && (req.ip ?? socket.remoteAddress);
}

/** The bits of an IPv6 address that are one network's (RFC 4291 §2.5.1). */
export const NETWORK = 64;

/** An address, or the network of an IPv6 address: one customer has many addresses (RFC 6177). `bits` is a multiple of 8. */
export function networkOf(address: string, bits: number): string {
  if (isIP(address) === 4) return address;
  const digits = address
    .split(':')
    .map((group) => group.padStart(4, '0'))
    .join('');
  return `${digits.slice(0, bits / 4)}/${bits}`;
}

/** The eight groups of an IPv6 address, in hexadecimal without leading zeros. */
function ipv6Groups(address: string): readonly string[] {
  const dotted = /(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)/.exec(address);
  const hex = dotted
    ? `${dotted[1]}${pair(dotted[2] as string, dotted[3] as string)}:${pair(dotted[4] as string, dotted[5] as string)}`
    : address;
  const [head, tail] = hex.split('::').map((part) => (part === '' ? [] : part.split(':'))) as [
    string[],
    string[]?,
  ];
  const zeros = tail ? new Array<string>(8 - head.length - tail.length).fill('0') : [];
  return [...head, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16).toString(16));
}

function pair(high: string, low: string): string {
  return (Number(high) * 256 + Number(low)).toString(16);
}

function mappedIPv4(address: string): string {
  if (!address.startsWith(MAPPED)) return address;
  const groups = address.slice(MAPPED.length).split(':');
  const [high, low] = groups.map((group) => Number.parseInt(group, 16)) as [number, number];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
