import { checkBoolean, checkClock, isFunction, isTimer, must, TIMER } from '../../options.js';
import { type Telemetry, type TelemetryOptions, telemetryOf } from '../../telemetry/telemetry.js';
import { type Fetch, fetchTransport } from './fetch-transport.js';
import { keepAliveTransport } from './keep-alive-transport.js';
import { endpointUrl } from './metadata.js';
import type { Transport } from './transport.js';
import { watchedTransport } from './watched-transport.js';

interface ConnectionOptions {
  readonly timeout?: number;
  readonly fetch?: Fetch;
  readonly allowInsecureRequests?: boolean;
  readonly clock?: () => number;
  readonly telemetry?: TelemetryOptions | false;
}

/** How to reach a server: the options that all who ask one have in common, checked and with their defaults. */
export interface ConnectionSettings {
  /** Milliseconds for a whole question. */
  readonly timeout: number;
  readonly transport: Transport;
  readonly allowInsecureRequests: boolean;
  readonly clock: () => number;
  readonly telemetry: Telemetry;
}

/** @throws TypeError that names the bad option */
export function connectionSettings(factory: string, options: ConnectionOptions): ConnectionSettings {
  const { timeout = 3000, fetch, allowInsecureRequests = false, clock = Date.now } = options;
  checkBoolean(factory, 'allowInsecureRequests', allowInsecureRequests);
  checkClock(factory, clock);
  must(fetch === undefined || isFunction(fetch), factory, 'fetch', 'a function');
  must(isTimer(timeout), factory, 'timeout', TIMER);
  const telemetry = telemetryOf(factory, options.telemetry);
  const transport = fetch ? fetchTransport(fetch) : keepAliveTransport();
  return {
    timeout,
    transport: watchedTransport(transport, telemetry),
    allowInsecureRequests,
    clock,
    telemetry,
  };
}

/**
 * An issuer identifier by which metadata can be found (RFC 8414 §2).
 *
 * @throws TypeError that names the option `issuer`
 */
export function issuerUrl(factory: string, issuer: unknown, allowHttp: boolean): URL {
  const url = endpointUrl(issuer, allowHttp);
  must(
    url !== undefined && url.search === '',
    factory,
    'issuer',
    `${urlExpected(allowHttp)} without query and fragment`,
  );
  return url;
}

/** What is expected of a URL, for `must`. */
export function urlExpected(allowHttp: boolean): string {
  return allowHttp
    ? 'an absolute http: or https: URL'
    : 'an absolute https: URL (http: needs "allowInsecureRequests")';
}
