import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { metrics } from '@opentelemetry/api';
import type { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { parse } from 'yaml';
import { exposition, ownLabels, type Series } from '../support/exposition.js';
import { selectors } from '../support/promql.js';
import { SampleApp } from '../support/sample-app.js';
import { A, basic, postToken, world } from '../support/world.js';

const guide = await readFile('docs/operations.md', 'utf8');
const dashboard = JSON.parse(await readFile('docs/grafana-dashboard.json', 'utf8')) as Dashboard;
const rules = (parse(await readFile('docs/alerts.yml', 'utf8')) as Rules).groups.flatMap(
  ({ rules: some }) => some,
);

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
  }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
}

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly for?: string;
      readonly labels: { readonly severity: string };
    }[];
  }[];
}

/** Labels that Prometheus itself adds, and the bound of a bucket. */
const ADDED = ['job', 'instance', 'le'];
const TOKENS = 110;

let app: SampleApp;
let series: readonly Series[];

/** All that an operator's graphs and alerts are about. */
async function drive(): Promise<void> {
  const form = (fields: Record<string, string>, authorization?: string): RequestInit => ({
    method: 'POST',
    body: new URLSearchParams(fields),
    ...(authorization !== undefined && { headers: { authorization } }),
  });
  const bearer = (token: string): RequestInit => ({ headers: { authorization: `Bearer ${token}` } });
  const [api, web, admin] = [
    basic('orders-api', 'orders:api+secret'),
    basic('web-app', 'web-app-secret'),
    basic('acme-admin', 'acme-admin-secret'),
  ];
  for (const token of ['access-live', 'never-seen', 'access-revoked']) {
    await app.fetch('/v1/oauth/introspect', form({ token }, api));
    await app.fetch('/csp/gateway/am/api/auth/introspect', form({ token }, web));
    await app.fetch(`/v1/o/acme/oauth2/accesstokens/${token}`, { headers: { authorization: admin } });
    for (const path of ['/orders', '/remote/orders', '/remote/orders']) await app.fetch(path, bearer(token));
  }
  await app.fetch('/v1/oauth/introspect', form({ token: 'access-live' }, basic('orders-api', 'wrong')));
  await app.fetch('/orders');
  await app.fetch('/demo/tokens', form({ token: 'to-be-revoked' }));
  for (const [token, caller] of [
    ['to-be-revoked', web],
    ['to-be-revoked', web],
    ['access-live', api],
  ] as const)
    await app.fetch('/v1/oauth/revoke', form({ token }, caller));
  // More tokens than the cache of the sample app has room for.
  await Promise.all(
    Array.from({ length: TOKENS }, async (_, i) => {
      await app.fetch('/demo/tokens', form({ token: `mine-${i}`, scope: 'orders:read' }));
      await app.fetch('/remote/orders', bearer(`mine-${i}`));
    }),
  );
  expect((await app.fetch('/demo/outage', form({ seconds: '60' }))).status).toBe(204);
  expect((await app.fetch('/demo/outage', form({ seconds: 'long' }))).status).toBe(400);
  expect((await app.fetch('/orders', bearer('access-live'))).status).toBe(503);
  for (let i = 0; i < 6; i++) {
    expect((await app.fetch('/remote/orders', bearer(`during-outage-${i}`))).status).toBe(503);
  }
}

beforeAll(async () => {
  app = await SampleApp.start();
  await drive();
  series = exposition(await (await app.fetch('/metrics')).text());
}, 60_000);
afterAll(() => app.stop());

/** The labels that a metric really has. */
function labelsOf(metric: string): ReadonlySet<string> {
  return new Set(series.filter(({ name }) => name === metric).flatMap((one) => Object.keys(ownLabels(one))));
}

/** The rows of the table under a heading, each as its cells. */
function table(first: string): readonly (readonly string[])[] {
  const rows = guide.split(`\n| ${first} |`)[1]?.split('\n\n')[0] ?? '';
  return rows
    .split('\n')
    .filter((row) => row.startsWith('| `'))
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function words(cell: string | undefined): readonly string[] {
  return [...(cell ?? '').matchAll(/`(\w[\w-]*)`/g)].map(([, word = '']) => word);
}

/** The union of string literals that a type of lib/ is. */
async function unionOf(file: string, type: string): Promise<readonly string[]> {
  const source = await readFile(`lib/${file}`, 'utf8');
  const body = source.split(`type ${type} =`)[1]?.split(';')[0] ?? '';
  return [...body.matchAll(/^\s*(?:\| )?'([\w-]+)'|\| '([\w-]+)'/gm)].map(
    ([, one, other]) => one ?? other ?? '',
  );
}

function checkQuery(query: string): void {
  const found = selectors(query.replaceAll('$__rate_interval', '5m').replaceAll('$job', 'app'));
  expect(found.length).toBeGreaterThan(0);
  for (const { metric, labels, values } of found) {
    const real = labelsOf(metric);
    expect([metric, series.some(({ name }) => name === metric)]).toStrictEqual([metric, true]);
    const unknown = labels.filter((label) => !real.has(label) && !ADDED.includes(label));
    expect([query, unknown]).toStrictEqual([query, []]);
    for (const [label, value] of values) {
      if (ADDED.includes(label) || value === '') continue;
      expect([label, value, known.get(label)?.has(value)]).toStrictEqual([label, value, true]);
    }
  }
}

/** The values that a label can have, by the guide, and for `error_type` by the types of the library. */
const known = new Map<string, ReadonlySet<string>>();
beforeAll(async () => {
  for (const [names, values] of table('label')) {
    for (const label of words(names)) known.set(label, new Set(words(values)));
  }
  known.set(
    'error_type',
    new Set([
      ...(known.get('error_type') ?? []),
      ...(await unionOf('http/http-error.ts', 'HttpErrorCode')),
      ...(await unionOf('introspection/introspection-unavailable.ts', 'UnavailableReason')),
    ]),
  );
});

describe('docs/operations.md', () => {
  it('lists every metric of the running sample app with its labels, and no other', () => {
    const suffix = /_(?:bucket|count|sum)$/;
    const histograms = new Set(
      series.filter(({ name }) => name.endsWith('_bucket')).map(({ name }) => name.replace(suffix, '')),
    );
    const real = new Map<string, ReadonlySet<string>>();
    for (const { name } of series) {
      if (name === 'target_info') continue;
      const base = name.replace(suffix, '');
      if (histograms.has(base)) real.set(base, labelsOf(`${base}_count`));
      else real.set(name, labelsOf(name));
    }
    const listed = table('metric').map(([name, kind, labels]) => [
      words(name)[0],
      kind?.startsWith('histogram'),
      words(labels).toSorted(),
    ]);
    const byName = (a: readonly unknown[], b: readonly unknown[]): number =>
      String(a[0]).localeCompare(String(b[0]));
    expect(listed.toSorted(byName)).toStrictEqual(
      [...real]
        .map(([name, labels]) => [name, histograms.has(name), [...labels].toSorted()])
        .toSorted(byName),
    );
  });

  it('lists every value that a label has there', () => {
    for (const one of series) {
      if (one.name === 'target_info') continue;
      for (const [label, value] of Object.entries(ownLabels(one))) {
        if (['server_address', 'server_port', 'http_response_status_code'].includes(label)) continue;
        expect([label, value, known.get(label)?.has(value)]).toStrictEqual([label, value, true]);
      }
    }
  });

  it.each([
    ['token_introspection_api', 'http/audit.ts', 'ApiName'],
    ['token_introspection_action', 'http/audit.ts', 'ManagementAction'],
    ['token_introspection_reason', 'http/audit.ts', 'InactiveReason'],
    ['token_introspection_outcome', 'telemetry/instruments.ts', 'GuardOutcome'],
    ['token_introspection_operation', 'introspection/remote/upstream-probe.ts', 'UpstreamOperation'],
    ['token_introspection_store', 'telemetry/store-probe.ts', 'StoreName'],
    ['token_introspection_result', 'telemetry/instruments.ts', 'CacheResult'],
    ['token_introspection_state', 'introspection/caching/circuit-breaker.ts', 'BreakerState'],
  ])('has all values of %s, as %s has them', async (label, file, type) => {
    const union = await unionOf(file, type);
    expect(union.length).toBeGreaterThan(2);
    expect([...(known.get(label) ?? [])]).toEqual(expect.arrayContaining([...union]));
  });

  it('has all outcomes of an API, and all operations of stores', async () => {
    const audit = await readFile('lib/http/audit.ts', 'utf8');
    const outcomes = words(/readonly outcome: ([^;]+);/.exec(audit)?.[1]?.replaceAll("'", '`'));
    expect(outcomes).toHaveLength(6);
    expect([...(known.get('token_introspection_outcome') ?? [])]).toEqual(
      expect.arrayContaining([...outcomes]),
    );
    expect([...(known.get('db_operation_name') ?? [])].toSorted()).toStrictEqual(
      [
        ...['find', 'revoke', 'revokeGrant', 'approve', 'update', 'remove', 'revokeMatching'],
        ...['get', 'set', 'delete', 'increment', 'remember'],
      ].toSorted(),
    );
  });

  it('names all alerts of alerts.yml, and no other', () => {
    const named = table('alert').flatMap(([alerts]) => words(alerts));
    expect(named.toSorted()).toStrictEqual(rules.map(({ alert }) => alert).toSorted());
  });

  it('has a set-up and a log that work as they stand, but for the port', async () => {
    const blocks = [...guide.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
    const address = "{ host: '127.0.0.1', port: 9464 }";
    expect(blocks[0]).toContain(address);
    const code = `${blocks.join('').replace(address, '{ preventServerStart: true }')}
export { audit, exporter };`;
    await mkdir('dist/guide', { recursive: true });
    await writeFile('dist/guide/operations.mjs', code);
    const { audit, exporter } = (await import(pathToFileURL('dist/guide/operations.mjs').href)) as {
      audit: (event: object) => unknown;
      exporter: PrometheusExporter;
    };
    const made = await world();
    await postToken(made.app, A, made.as('api'), 'at-live');
    const { resourceMetrics } = await exporter.collect();
    const names = resourceMetrics.scopeMetrics.flatMap((scope) =>
      scope.metrics.map(({ descriptor }) => descriptor.name),
    );
    expect(names).toContain('token_introspection.server.requests');
    expect(audit).toBeInstanceOf(Function);
    metrics.disable();
  });
});

describe('docs/alerts.yml', () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s is a query about what the sample app measures',
    (_alert, { expr, for: wait = '0m', labels }) => {
      checkQuery(expr);
      expect(wait).toMatch(/^\d+[mh]$/);
      expect(['page', 'ticket']).toContain(labels.severity);
    },
  );
});

describe('docs/grafana-dashboard.json', () => {
  const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => [title, expr, legendFormat] as const),
  );

  it.each(queries)('%s: %s', (_title, expr, legendFormat) => {
    checkQuery(expr);
    const labels = selectors(expr.replaceAll('$__rate_interval', '5m'))[0]?.labels;
    for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(labels).toContain(label);
  });

  it('is one that Grafana can lay out: own ids, a place for each panel, variables that exist', () => {
    const { panels } = dashboard;
    expect(queries.length).toBeGreaterThan(15);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const [i, a] of panels.entries()) {
      expect(a.gridPos.x + a.gridPos.w).toBeLessThanOrEqual(24);
      for (const b of panels.slice(i + 1)) {
        const [p, q] = [a.gridPos, b.gridPos];
        const apart = p.x + p.w <= q.x || q.x + q.w <= p.x || p.y + p.h <= q.y || q.y + q.h <= p.y;
        expect([a.title, b.title, apart]).toStrictEqual([a.title, b.title, true]);
      }
    }
    const names = dashboard.templating.list.map(({ name }) => name);
    const used = [...JSON.stringify(dashboard).matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name);
    expect(used.filter((name) => !name.startsWith('__') && !names.includes(name))).toStrictEqual([]);
    expect(names).toStrictEqual(['datasource', 'job']);
  });
});

describe('the sample app', () => {
  it('logs a line of JSON for each call and each request at a guard, and no token', () => {
    const lines = app.printed
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { audit?: { outcome: string }; request?: { route: string } });
    const outcomes = new Set(lines.flatMap(({ audit }) => (audit ? [audit.outcome] : [])));
    expect([...outcomes].toSorted()).toStrictEqual(['active', 'done', 'inactive', 'refused', 'unavailable']);
    const routes = new Set(lines.flatMap(({ request }) => (request ? [request.route] : [])));
    expect([...routes].toSorted()).toStrictEqual(['/orders', '/remote/orders']);
    const written = app.printed.split('Listening on')[1] as string;
    const exposed = JSON.stringify(series);
    for (const secret of [
      'access-live',
      'never-seen',
      'access-revoked',
      'mine-1',
      'during-outage',
      'to-be-revoked',
      '-secret',
      'api+secret',
    ]) {
      expect(written).not.toContain(secret);
      expect(exposed).not.toContain(secret);
    }
  });
});
