import { Writable } from 'node:stream';
import { expect } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { auditTo, createLog, logRequests } from '../../example-app/log.js';
import { collectMetrics } from '../../example-app/telemetry.js';
import type { ApiName, Audit, AuditEvent, InactiveReason, ManagementAction } from '../../lib/index.js';
import { exposition, ownLabels, type Series } from './exposition.js';

interface LoggedRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
}

/** What an operator sees of an app that is wired as the sample app is: `/metrics`, and the log. */
export interface Observed {
  readonly audit: Audit;
  readonly logRequests: ReturnType<typeof logRequests>;
  /** The whole answer of `/metrics`. */
  scrape(): Promise<string>;
  /** The series of a metric, by its name without the prefix. */
  series(name: string): Promise<readonly Series[]>;
  /** Does something, and tells what it has added to a counter, which is to be one, and to the log. */
  seen(counter: string, act: () => PromiseLike<unknown>): Promise<Seen>;
  /** Calls an API, and expects that the counter and one line of the log tell what became of it. */
  served(api: ApiName, expected: ExpectedCall, act: () => PromiseLike<unknown>): Promise<void>;
  /** The outcomes that were counted of an API, each once. */
  outcomesOf(api: ApiName): Promise<readonly string[]>;
  /** The log, as it was written. */
  logged(): string;
}

interface Seen {
  readonly labels: Record<string, string>;
  readonly audits: readonly AuditEvent[];
  readonly requests: readonly LoggedRequest[];
  /** Of each line. */
  readonly levels: readonly unknown[];
}

/** What became of a call, as an operator is told. */
export interface ExpectedCall {
  readonly outcome: AuditEvent['outcome'];
  readonly status: number;
  readonly reason?: InactiveReason;
  readonly error?: string;
  readonly action?: ManagementAction;
}

export const inactive = (reason: InactiveReason, status = 200): ExpectedCall => ({
  outcome: 'inactive',
  reason,
  status,
});
export const refused = (error: string, status: number): ExpectedCall => ({
  outcome: 'refused',
  error,
  status,
});
export const UNAVAILABLE: ExpectedCall = {
  outcome: 'unavailable',
  error: 'temporarily_unavailable',
  status: 503,
};
export const FAILED: ExpectedCall = { outcome: 'failed', error: 'server_error', status: 500 };

/** What an operator is to look at first. */
const LEVELS: Readonly<Record<string, string>> = { unavailable: 'warn', failed: 'error' };

/** Registers a global SDK, once a test file. */
export function observed(): Observed {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const log = createLog(stream);
  const metrics = express().get('/metrics', collectMetrics());
  const scrape = async (): Promise<string> => (await request(metrics).get('/metrics')).text;
  const series = async (name: string): Promise<readonly Series[]> =>
    exposition(await scrape()).filter((one) => one.name === `token_introspection_${name}`);
  const made: Observed = {
    audit: auditTo(log),
    logRequests: logRequests(log),
    scrape,
    series,
    async served(api, { outcome, reason, error, action, status }, act) {
      const { labels, audits, levels } = await made.seen('server_requests_total', act);
      expect(labels).toStrictEqual({
        token_introspection_api: api,
        token_introspection_outcome: outcome,
        ...(action !== undefined && { token_introspection_action: action }),
        ...(reason !== undefined && { token_introspection_reason: reason }),
        ...(error !== undefined && { error_type: error }),
        http_response_status_code: String(status),
      });
      expect(audits).toHaveLength(1);
      expect(audits[0]).toMatchObject({ api, outcome, status });
      const [{ reason: why, error: code, action: does } = {}] = audits as readonly Partial<AuditEvent>[];
      expect([why, code, does]).toStrictEqual([reason, error, action]);
      expect(levels).toStrictEqual([LEVELS[outcome] ?? 'info']);
    },
    async outcomesOf(api) {
      const counted = await series('server_requests_total');
      const outcomes = counted
        .filter(({ labels }) => labels.token_introspection_api === api)
        .map(({ labels }) => String(labels.token_introspection_outcome));
      return [...new Set(outcomes)].toSorted();
    },
    async seen(counter, act) {
      const key = (one: Series): string => JSON.stringify(one.labels);
      const before = new Map((await series(counter)).map((one) => [key(one), one.value]));
      const from = lines.length;
      await act();
      const changed = (await series(counter)).filter((one) => one.value !== (before.get(key(one)) ?? 0));
      const [first] = changed;
      if (!first || changed.length > 1 || first.value !== (before.get(key(first)) ?? 0) + 1) {
        throw new Error(`${counter} rose by other than one: ${JSON.stringify(changed)}`);
      }
      const records = lines.slice(from).map((line) => JSON.parse(line) as Record<string, unknown>);
      const having = <T>(member: string): readonly T[] =>
        records.filter((record) => member in record).map((record) => record[member] as T);
      return {
        labels: ownLabels(first),
        audits: having('audit'),
        requests: having('request'),
        levels: records.map(({ level }) => level),
      };
    },
    logged: () => lines.join(''),
  };
  return made;
}
