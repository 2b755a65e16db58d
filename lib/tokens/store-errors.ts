/*
 * What a store may throw. Anything else that it throws counts as unavailable: an
 * outage is never reported as "no such token".
 *
 * The kind is read from a registered symbol and not with `instanceof`, so that a
 * store made through `require()` works in a router made through `import`.
 */

export type StoreErrorKind = 'unavailable' | 'not_found' | 'conflict';

/** As `ErrorOptions`, which an app that compiles for ES2020 or ES2021 does not have. */
interface ErrorDetails {
  readonly cause?: unknown;
}

const KIND = Symbol.for('express-token-introspection.store-error');

class StoreError extends Error {
  constructor(kind: StoreErrorKind, message: string, options?: ErrorDetails) {
    super(message, options);
    this.name = new.target.name;
    Object.defineProperty(this, KIND, { value: kind });
  }
}

/** The store cannot know. Answered as 503 with `Retry-After`, never as an inactive token. */
export class StoreUnavailableError extends StoreError {
  readonly code = 'ERR_STORE_UNAVAILABLE';
  constructor(message = 'The store is unavailable', options?: ErrorDetails) {
    super('unavailable', message, options);
  }
}

const UNUSABLE = Symbol.for('express-token-introspection.unusable-answer');

/** A store answered something that cannot be used. The message names a member, never a value. */
export class UnusableAnswerError extends StoreUnavailableError {
  constructor(message?: string) {
    super(message);
    Object.defineProperty(this, UNUSABLE, { value: true });
  }
}

/** Whether a store did respond, but with something that cannot be used: a fault of one record, and no outage. */
export function isUnusableAnswer(error: unknown): boolean {
  return error instanceof Error && UNUSABLE in error;
}

/**
 * Something that the question depends on does not exist (an unknown organization,
 * say). 404 on the refresh-token and details APIs, 503 elsewhere. For a token that
 * does not exist, a store's `find` returns `undefined` instead.
 */
export class NotFoundError extends StoreError {
  readonly code = 'ERR_STORE_NOT_FOUND';
  constructor(message = 'Not found', options?: ErrorDetails) {
    super('not_found', message, options);
  }
}

/** The record exists already, or is in somebody else's hands. 409 on the refresh-token and details APIs, 503 elsewhere. */
export class ConflictError extends StoreError {
  readonly code = 'ERR_STORE_CONFLICT';
  constructor(message = 'Conflict', options?: ErrorDetails) {
    super('conflict', message, options);
  }
}

/** Why a store does not approve a token again. */
export function grantHasEnded(): ConflictError {
  return new ConflictError('approve: the grant of this token was revoked');
}

/** What one of these errors says, whichever build of this package it was made by; `undefined` of any other value. */
export function storeErrorKind(error: unknown): StoreErrorKind | undefined {
  return error instanceof Error && KIND in error ? (error[KIND] as StoreErrorKind) : undefined;
}
