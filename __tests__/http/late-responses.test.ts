import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);

interface Reported {
  readonly scenario: string;
  readonly call: string;
  readonly status: number | string;
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

/** What the calls that change something are told to have done, where nothing hinders them. */
const DONE = ['revocation', 'revoke', 'update', 'remove'];
const DOCUMENTS = ['metadata', 'keys'];

describe.each(['4', '5'])('attack/02 on Express %s', (major) => {
  let printed: { readonly isExpress4: boolean; readonly report: readonly Reported[] };
  const of = (scenario: string): readonly Reported[] =>
    printed.report.filter((reported) => reported.scenario === scenario);
  beforeAll(async () => {
    // It would end with another code than 0, were there anything that nobody has caught.
    const { stdout } = await run(process.execPath, ['__tests__/support/late-responses.mjs', major]);
    printed = JSON.parse(stdout) as typeof printed;
  });

  it('is that Express', () => {
    expect(printed.isExpress4).toBe(major === '4');
  });

  it.each([
    ['late answer', 200],
    ['late unknown', undefined],
    ['late outage', 503],
    ['late outage of clients', 503],
    ['late wrong client', 401],
  ])(
    'leaves alone what a timeout of the app has sent, and tells of each call once: %s',
    (scenario, status) => {
      expect(of(scenario)).toHaveLength(10);
      for (const { call, status: sent, events } of of(scenario)) {
        expect([call, sent, events]).toStrictEqual([call, 504, [expect.anything()]]);
        const isDocument = DOCUMENTS.includes(call);
        expect(events[0]).toMatchObject({
          address: '127.0.0.1',
          ...(isDocument ? { outcome: 'unavailable', status: 503 } : { unsent: true }),
          ...(!isDocument && status !== undefined && call !== 'refreshDetails' && { status }),
        });
      }
    },
  );

  it('says what was done, though nobody was told', () => {
    for (const { call, events } of of('late answer').filter(({ call }) => DONE.includes(call)))
      expect([call, events[0]]).toMatchObject([call, { outcome: 'done', status: 200, unsent: true }]);
  });

  it.each(['hung up', 'hung up, outage'])('tells once of a caller that has %s', (scenario) => {
    expect(of(scenario)).toHaveLength(10);
    for (const { call, status, events } of of(scenario)) {
      expect([call, status, events]).toStrictEqual([call, 'no response', [expect.anything()]]);
      expect(events[0]).toMatchObject({
        address: '127.0.0.1',
        ...(!DOCUMENTS.includes(call) && { unsent: true }),
      });
    }
  });

  it('takes no part in a request that the app has responded to before', () => {
    expect(of('responded and went on')).toHaveLength(12);
    for (const { call, status, events } of of('responded and went on'))
      expect([call, status, events]).toStrictEqual([call, 418, []]);
  });

  it.each([
    ['trust proxy throws', 'Error'],
    ['clock throws', 'Error'],
  ])('responds with 500 and tells of it once: %s', (scenario, fault) => {
    expect(of(scenario)).toHaveLength(12);
    for (const { call, status, events } of of(scenario)) {
      const isDown = scenario === 'clock throws' && DOCUMENTS.includes(call);
      const told = isDown ? { outcome: 'unavailable', status: 503 } : { outcome: 'failed', status: 500 };
      expect([call, status, events]).toMatchObject([call, told.status, [{ ...told, fault }]]);
      expect(events).toHaveLength(1);
    }
  });

  it.each([
    ['error with no status', 'HttpError'],
    ['error with a header that is none', 'TypeError'],
    ['thrown value that throws', 'unreadable'],
  ])('responds with 500 to whatever a policy throws: %s', (scenario, fault) => {
    const asked = of(scenario).filter(({ call }) =>
      ['introspection', 'details', 'revoke', 'update', 'remove'].includes(call),
    );
    expect(asked).toHaveLength(5);
    for (const { call, status, events } of asked)
      expect([call, status, events]).toMatchObject([
        call,
        500,
        [{ outcome: 'failed', status: 500, fault, address: '127.0.0.1' }],
      ]);
  });

  it('responds though the audit throws', () => {
    const statuses = of('audit throws').map(({ call, status }) => [call, status]);
    expect(Object.fromEntries(statuses)).toStrictEqual({
      introspection: 200,
      revocation: 200,
      refresh: 200,
      details: 200,
      refreshDetails: 404,
      revoke: 200,
      update: 200,
      remove: 200,
      metadata: 503,
      keys: 503,
      malformedPath: 400,
      wrongMethod: 405,
    });
  });

  it('passes no error on', () => {
    expect(printed.report.filter((reported) => 'passedOn' in reported)).toStrictEqual([]);
  });
});
