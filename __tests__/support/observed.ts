import { Writable } from 'node:stream';
import express from 'express';
import request from 'supertest';
import { auditTo, createLog, logRequests } from '../../example-app/log.js';
import { collectMetrics } from '../../example-app/telemetry.js';
import type { Audit, AuditEvent } from '../../lib/index.js';
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
  /** The log, as it was written. */
  logged(): string;
}

interface Seen {
  readonly labels: Record<string, string>;
  readonly audits: readonly AuditEvent[];
  readonly requests: readonly LoggedRequest[];
}

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
  return {
    audit: auditTo(log),
    logRequests: logRequests(log),
    scrape,
    series,
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
      return { labels: ownLabels(first), audits: having('audit'), requests: having('request') };
    },
    logged: () => lines.join(''),
  };
}
