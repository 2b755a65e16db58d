import { codeLabel, HttpError } from '../http/http-error.js';
import type { GuardOutcome } from '../telemetry/instruments.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import type { ActiveToken } from './active-token.js';

/** When a guard began, by `performance.now()`; `undefined` where nobody measured then. */
export type Began = number | undefined;

export function begin({ instruments }: Telemetry): Began {
  return instruments && performance.now();
}

export function measureAccepted(telemetry: Telemetry, began: Began, token: ActiveToken | undefined): void {
  if (began !== undefined) measure(telemetry, began, token ? 'accepted' : 'anonymous');
}

export function measureRefused(telemetry: Telemetry, began: Began, error: unknown): void {
  if (began !== undefined) measure(telemetry, began, outcomeOf(error), errorType(error));
}

function measure({ instruments }: Telemetry, began: number, outcome: GuardOutcome, error?: string): void {
  instruments?.guarded(outcome, error, performance.now() - began);
}

function outcomeOf(error: unknown): GuardOutcome {
  if (!(error instanceof HttpError)) return 'failed';
  if (error.status < 500) return 'refused';
  return error.status === 503 ? 'unavailable' : 'failed';
}

/** The code of the answer; `token_required` where that must not name any (RFC 6750 §3.1). */
function errorType(error: unknown): string {
  if (!(error instanceof HttpError)) return 'server_error';
  return error.code === undefined ? 'token_required' : codeLabel(error);
}
