import { type ClientStore, NOBODY } from '../clients/client.js';
import { findClient } from '../clients/client-verifier.js';
import { frozenJson } from '../frozen-copy.js';
import { whenKnown } from '../thenable.js';
import { recordProblem } from '../tokens/check-token-record.js';
import { UnusableAnswerError } from '../tokens/store-errors.js';
import { isTokenSyntax } from '../tokens/token-digest.js';
import type { TokenRecord } from '../tokens/token-record.js';
import { tokenState } from '../tokens/token-state.js';
import { answerOf } from './ask.js';
import { NBF_LEEWAY } from './clock-leeway.js';
import { introspectedRecord } from './introspected-record.js';
import type { Introspector } from './introspector.js';
import { shapeProblem, tokenKind } from './response-shape.js';
import type { FoundToken, TokenSource } from './token-source.js';

interface IntrospectedTokensOptions {
  readonly introspector: Introspector;
  /** Need not know the clients that tokens were issued to; the tokens of one that it knows as disabled are dead. */
  readonly clients: ClientStore;
  readonly clock: () => number;
}

/**
 * The tokens that an introspector calls active. What it says of a token is judged again by our
 * own clock, since it may come from a cache. Whatever it throws, and an answer that makes no
 * sense, is a 503.
 */
export function introspectedTokens({ introspector, clients, clock }: IntrospectedTokensOptions): TokenSource {
  return {
    find(token, hint) {
      if (!isTokenSyntax(token)) return undefined;
      return answerOf(introspector, token, hint === undefined ? undefined : { hint }, foundToken);
    },
    judge(record) {
      const life = withLeeway(record);
      // Not to be looked for: a database might choke on it.
      if (record.clientId === NOBODY) return tokenState(life, clock());
      return whenKnown(findClient(clients, record.clientId), (client) =>
        tokenState(life, clock(), !client?.disabled),
      );
    },
  };
}

/** The introspector has judged `nbf` before us: a clock that is a little behind its own does not overrule it. */
function withLeeway({ status, expiresAt, notBefore }: TokenRecord): Parameters<typeof tokenState>[0] {
  return { status, expiresAt, notBefore: notBefore === undefined ? undefined : notBefore - NBF_LEEWAY };
}

function foundToken(response: unknown): FoundToken | undefined {
  const answer = plainAnswer(response);
  if (answer.active !== true) return undefined;
  const kind = tokenKind(answer);
  // Nobody asks here about an ID token or a code.
  if (kind === undefined) return undefined;
  const record = introspectedRecord(answer, kind);
  const problem = recordProblem(record, 0);
  if (problem !== undefined) throw unusable(problem);
  const token = record as unknown as TokenRecord;
  return { record: token, stored: token };
}

/** A frozen copy, so that what is checked is what is answered, and no policy writes into what a cache keeps. */
function plainAnswer(response: unknown): Readonly<Record<string, unknown>> {
  let answer: unknown;
  try {
    answer = frozenJson(response);
  } catch {
    throw unusable('it must hold JSON values only');
  }
  const problem = shapeProblem(answer);
  if (problem !== undefined) throw unusable(problem);
  const plain = answer as Readonly<Record<string, unknown>>;
  // JSON writes null for numbers such as NaN. A token must not be without end by a mistake in computing it.
  const lost = LIFE.find((member) => plain[member] === null && (response as typeof plain)[member] !== null);
  if (lost !== undefined) throw unusable(`"${lost}" is not a number`);
  return plain;
}

const LIFE: readonly string[] = ['exp', 'nbf'];

function unusable(problem: string): UnusableAnswerError {
  return new UnusableAnswerError(`The introspector gave no usable answer: ${problem}`);
}
