import type { Request } from 'express';
import { ALGORITHMS, areAsymmetric, USUAL_ALGORITHMS } from '../../algorithms.js';
import {
  checkBoolean,
  hasMethods,
  isDuration,
  isFunction,
  isNonEmptyString,
  isObject,
  knownOptions,
  must,
} from '../../options.js';
import { processReplayMemory, type ReplayMemory } from '../../replay-memory.js';
import { watchedMethods } from '../../telemetry/store-probe.js';
import type { Telemetry } from '../../telemetry/telemetry.js';
import { Nonces } from './nonces.js';

/** How DPoP proofs (RFC 9449) are taken. */
export interface DPoPOptions {
  /** Takes tokens that are bound to a DPoP key only. Default false: those that are not bound may come as `Bearer`. */
  readonly required?: boolean;
  /**
   * Demands a nonce of ours in every proof (RFC 9449 §9). Default false. `true` is for one
   * process: several need the same `secret` (32 bytes or more). `lifetime` (ms) is how long
   * a nonce is good for at least, default 300,000.
   */
  readonly nonce?: boolean | { readonly secret?: Uint8Array; readonly lifetime?: number };
  /** Milliseconds that `iat` of a proof may lie in the past or in the future. Default 60,000. */
  readonly iatTolerance?: number;
  /** Where the proofs that were used are remembered, up to a million in this process by default. Processes that serve the same API need one in common. */
  readonly replay?: ReplayMemory;
  /** The algorithms that proofs may be signed with, asymmetric ones. Default `ES256`, `ES384`, `ES512`, `EdDSA`, `Ed25519`, `PS256`, `RS256`. */
  readonly algorithms?: readonly string[];
  /**
   * The origin under which clients call, such as `https://api.example.com`, or several. Default:
   * what the request says, by `req.protocol` and its host, under the app's `trust proxy`; then a
   * server or proxy in front must not let a foreign `Host` or `X-Forwarded-Host` pass.
   */
  readonly origin?: string | readonly string[];
  /** The URI that the client has called, in place of `origin`, for a proxy that changes the path. */
  readonly uri?: (req: Request) => string;
}

/** The options, checked and with their defaults. */
export interface DPoPSettings {
  readonly required: boolean;
  readonly nonces: Nonces | undefined;
  readonly iatTolerance: number;
  /** The memory itself, by which guards know that they share it. */
  readonly replay: ReplayMemory;
  /** The same, measured. */
  readonly memory: ReplayMemory;
  readonly algorithms: readonly string[];
  readonly origins: readonly string[] | undefined;
  readonly uri: ((req: Request) => string) | undefined;
}

const KNOWN = ['required', 'nonce', 'iatTolerance', 'replay', 'algorithms', 'origin', 'uri'] as const;
const MIN_SECRET = 32;

/** @throws TypeError that names the bad option. `undefined`: DPoP is not understood */
export function dpopSettings(
  factory: string,
  option: boolean | DPoPOptions | undefined,
  clock: () => number,
  telemetry: Telemetry,
): DPoPSettings | undefined {
  if (option === false) return undefined;
  const options: DPoPOptions = typeof option === 'object' ? option : {};
  must(
    option === undefined || option === true || isObject(option),
    factory,
    'dpop',
    'a boolean, or an object',
  );
  knownOptions(`${factory}: dpop`, options, KNOWN);
  for (const name of KNOWN) {
    // A setting that somebody forgot to make must not become a check that is not made.
    must(
      !(name in options) || options[name] !== undefined,
      factory,
      `dpop.${name}`,
      'given a value, or left out',
    );
  }
  const { required = false, iatTolerance = 60_000, algorithms = USUAL_ALGORITHMS, uri } = options;
  checkBoolean(factory, 'dpop.required', required);
  must(isDuration(iatTolerance) && iatTolerance > 0, factory, 'dpop.iatTolerance', 'milliseconds above 0');
  must(
    options.replay === undefined || hasMethods(options.replay, 'remember'),
    factory,
    'dpop.replay',
    'an object with a remember method',
  );
  must(areAsymmetric(algorithms), factory, 'dpop.algorithms', ALGORITHMS);
  must(uri === undefined || isFunction(uri), factory, 'dpop.uri', 'a function');
  const replay = options.replay ?? processReplayMemory(clock);
  return {
    required,
    nonces: nonceOption(factory, options.nonce, clock),
    iatTolerance,
    replay,
    // Our own is no store of the app's, and need not be watched.
    memory: options.replay ? watchedMethods(telemetry, 'replay', replay, ['remember']) : replay,
    algorithms: [...algorithms],
    origins: originOption(factory, options),
    uri,
  };
}

function nonceOption(factory: string, option: DPoPOptions['nonce'], clock: () => number): Nonces | undefined {
  if (option === undefined || option === false) return undefined;
  const options = typeof option === 'object' ? option : {};
  must(option === true || isObject(option), factory, 'dpop.nonce', 'a boolean, or an object');
  knownOptions(`${factory}: dpop.nonce`, options, ['secret', 'lifetime']);
  const { secret, lifetime = 300_000 } = options;
  must(
    secret === undefined || (secret instanceof Uint8Array && secret.length >= MIN_SECRET),
    factory,
    'dpop.nonce.secret',
    `a Uint8Array of ${MIN_SECRET} bytes or more`,
  );
  must(isDuration(lifetime) && lifetime > 0, factory, 'dpop.nonce.lifetime', 'milliseconds above 0');
  return new Nonces(secret && Uint8Array.from(secret), lifetime, clock);
}

function originOption(factory: string, { origin, uri }: DPoPOptions): readonly string[] | undefined {
  if (origin === undefined) return undefined;
  must(uri === undefined, factory, 'dpop.origin', 'left out where there is "dpop.uri"');
  const list: readonly unknown[] = Array.isArray(origin) ? origin : [origin];
  must(
    list.length > 0 && list.every(isOrigin),
    factory,
    'dpop.origin',
    'an origin such as https://api.example.com, or an array of them',
  );
  return list as readonly string[];
}

function isOrigin(value: unknown): boolean {
  return (
    isNonEmptyString(value) &&
    URL.canParse(value) &&
    new URL(value).origin === value &&
    /^https?:/.test(value)
  );
}
