import type { Request, Response } from 'express';
import { headerLines } from '../../http/header-lines.js';
import { canAnswer, exposing } from '../../http/respond.js';
import { isNonEmptyString } from '../../options.js';
import { isUnused, type ReplayMemory } from '../../replay-memory.js';
import { onRejection } from '../../thenable.js';
import type { GuardError } from '../guard-error.js';
import type { GuardSettings } from '../guard-options.js';
import { refusal } from '../refusal.js';
import type { DPoPSettings } from './dpop-options.js';
import { externalUri, pathOf } from './http-uri.js';
import { type ProofReading, readProof } from './proof.js';

/** The requests whose proof a memory has noted: guards of one request that share it see that proof once each. */
const noted = new WeakMap<ReplayMemory, WeakSet<Request>>();

/**
 * Demands a DPoP proof by the key `jkt` (RFC 9449 §7.1), on every request, whether or not the
 * answer about the token was remembered.
 *
 * @throws HttpError 401, 503 where nobody can tell whether the proof was used before, or 429 where its key has used too many
 */
export async function requireProof(
  settings: GuardSettings,
  dpop: DPoPSettings,
  { token, jkt }: { readonly token: string; readonly jkt: string },
  req: Request,
  res: Response,
): Promise<void> {
  const lines = headerLines(req, 'dpop');
  if (lines.length !== 1) {
    throw refusedProof(settings, 'invalid_dpop_proof', 'One DPoP header with a proof is required');
  }
  const request = { method: methodOf(req), uris: urisOf(dpop, req), token, jkt };
  const proof = await readProof(lines[0] as string, request, dpop, settings.clock());
  if (proof.verdict !== 'valid') throw refusedProof(settings, proof.verdict, proof.problem);
  await requireUnused(settings, dpop, proof, jkt, req);
  if (proof.nextNonce !== undefined) giveNonce(proof.nextNonce, req, res);
}

/** As it came, where the app has put another one in its place. */
function methodOf(req: Request & { readonly originalMethod?: unknown }): string {
  return typeof req.originalMethod === 'string' ? req.originalMethod : req.method;
}

/** What a proof may name. */
function urisOf({ origins, uri }: DPoPSettings, req: Request): readonly string[] {
  if (uri) return [uriByHook(uri(req))];
  const path = pathOf(req);
  if (origins) return path === undefined ? [] : origins.map((origin) => origin + path);
  const called = externalUri(req);
  return called === undefined ? [] : [called];
}

function uriByHook(answered: unknown): string {
  if (isNonEmptyString(answered)) return answered;
  onRejection(answered, () => {});
  throw new TypeError('requireActiveToken: "dpop.uri" must return a string');
}

type ValidProof = Extract<ProofReading, { verdict: 'valid' }>;

async function requireUnused(
  settings: GuardSettings,
  { replay, memory }: DPoPSettings,
  { key, lifetime }: ValidProof,
  jkt: string,
  req: Request,
): Promise<void> {
  const requests = noted.get(replay) ?? new WeakSet<Request>();
  noted.set(replay, requests);
  if (requests.has(req)) return;
  if (!(await isUnused(memory, key, lifetime, jkt)))
    throw refusedProof(settings, 'invalid_dpop_proof', 'The DPoP proof was used before');
  requests.add(req);
}

function refusedProof(
  settings: GuardSettings,
  code: 'invalid_dpop_proof' | 'invalid_token' | 'use_dpop_nonce',
  description: string,
): GuardError {
  const nonce = settings.dpop?.nonces?.current();
  return refusal(settings, {
    status: 401,
    code,
    description,
    why: { reason: 'proof' },
    scheme: 'DPoP',
    ...(nonce !== undefined && { headers: { 'DPoP-Nonce': nonce } }),
  });
}

/** RFC 9449 §8.2: the next nonce comes with an answer, which must not be cached then. */
function giveNonce(nonce: string, req: Request, res: Response): void {
  // Somebody may have answered while the proof was looked up; what wraps a socket may have no response at all.
  if (!canAnswer(res)) return;
  res.setHeader('DPoP-Nonce', nonce);
  res.setHeader('Cache-Control', 'no-store');
  if (req.headers.origin !== undefined)
    res.setHeader('Access-Control-Expose-Headers', exposing(res, 'DPoP-Nonce'));
}
