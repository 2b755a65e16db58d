import { describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { ConflictError, NotFoundError } from '../../lib/index.js';
import {
  ACCESS_TOKEN,
  APP_ID,
  ISSUED_AT,
  MOBILE_REFRESH_TOKEN,
  ORDERS_API,
  ORDERS_API_SECRET,
  ORGANIZATION,
  PUBLISHED_KEY,
  REQUEST_ID,
  SHOP,
  SHOP_MOBILE,
  SUBJECT,
  SUPPORT_DESK,
  UNKNOWN_TOKEN,
} from '../../lib/openapi/example-values.js';
import {
  as,
  CALLER_TOKEN,
  DESK_TOKEN,
  type DescribedOptions,
  describedWorld,
  EXAMPLE_KEY,
  EXPIRED_TOKEN,
  OTHER_TOKEN,
  POOR_TOKEN,
} from '../support/described-world.js';
import { type RawAnswer, raw, serving } from '../support/http.js';
import { ALL_RIGHTS } from '../support/managers.js';
import { Described, type Place } from '../support/openapi.js';
import { JWT } from '../support/signing.js';
import { basic, ISSUER } from '../support/world.js';

/** A request that is to be answered by an example. What is left out is as in the good request. */
interface Ask {
  /** Of the router, beside those that it has anyway. */
  readonly options?: () => DescribedOptions;
  readonly method?: string;
  readonly path?: string;
  /** In place of the examples of the parameters in it, which go without a body. */
  readonly query?: string;
  /** `Authorization`; `null` for none. */
  readonly as?: string | null;
  /** The name of an example of the body. */
  readonly request?: string;
  readonly body?: string;
  readonly headers?: readonly string[];
  /** Whether the clock breaks once the server is there. */
  readonly breaks?: true;
  /** Of the form, where it is none. */
  readonly type?: string;
  /** How often it is asked before. */
  readonly before?: number;
}

const rejecting = (error: Error): object => ({
  find: () => Promise.reject(error),
  revoke: () => Promise.reject(error),
  revokeGrant: () => Promise.reject(error),
  approve: () => Promise.reject(error),
  update: () => Promise.reject(error),
  remove: () => Promise.reject(error),
  revokeMatching: () => Promise.reject(error),
});
const storeThat = (error: Error) => (): DescribedOptions => ({ tokens: rejecting(error) as never });

const FORM_TYPE = 'application/x-www-form-urlencoded';

const NOT_TLS: Readonly<Record<string, readonly Ask[]>> = { '400 tlsRequired': [{}] };

/** What every API has. */
const EVERY: Readonly<Record<string, readonly Ask[]>> = {
  '405 wrongMethod': [{ method: 'PUT' }, { method: 'OPTIONS', as: null }],
  '429 slowDown': [
    { before: 1, options: () => ({ rateLimit: { calls: { windowMs: 60_000, limit: 1 } } }) },
    {
      before: 1,
      as: 'Basic eA==',
      options: () => ({ rateLimit: { failures: { windowMs: 60_000, limit: 1 } } }),
    },
  ],
  '500 fault': [{ breaks: true }],
  '503 outage': [{ options: storeThat(new Error('down')) }],
};

const FORMS: Readonly<Record<string, readonly Ask[]>> = {
  '400 missingToken': [{ body: '' }, { body: 'token=' }],
  '400 repeatedParameter': [{ body: 'token=a&token=b' }],
  '413 tooLarge': [{ body: `token=${'a'.repeat(70_000)}` }],
  '415 wrongType': [{ type: 'application/json', body: '{"token":"a"}' }],
};

/** Wrong credentials take long on purpose, so that one API is asked with them. */
const NO_CLIENT: Readonly<Record<string, readonly Ask[]>> = {
  '401 badClient': [{ as: null }, { as: 'Basic !' }],
};

/** Of callers with an access token of their own. */
const OWN_TOKEN: Readonly<Record<string, readonly Ask[]>> = {
  '401 badToken': [{ as: `Bearer ${UNKNOWN_TOKEN}` }],
  '403 noScope': [{ as: `Bearer ${POOR_TOKEN}` }],
};

const TWO_CREDENTIALS: Readonly<Record<string, readonly Ask[]>> = {
  '400 severalCredentials': [{ body: 'token=a&client_secret=b' }],
  '400 otherClient': [{ body: 'token=a&client_id=b' }],
};

const REFRESH: Readonly<Record<string, readonly Ask[]>> = {
  ...EVERY,
  ...FORMS,
  '200 active': [{}, { headers: ['X-Request-Id', 'not sane'] }],
  '200 inactive': [
    { request: 'inactive' },
    { as: as(SHOP_MOBILE), path: '/csp/gateway/am/api/auth/introspect' },
  ],
  '400 noAuthorization': [{ as: null }],
  '400 otherScheme': [{ as: 'Bearer x' }],
  '400 malformedAuthorization': [{ as: 'Basic !' }],
  '401 badClient': [{ as: basic(SHOP, 'wrong') }],
  '404 notFound': [{ options: storeThat(new NotFoundError()) }],
  '409 conflict': [{ options: storeThat(new ConflictError()) }],
};

const AT_PATH: Readonly<Record<string, readonly Ask[]>> = {
  ...EVERY,
  ...NO_CLIENT,
  ...OWN_TOKEN,
  '400 malformedPath': [{ path: `/v1/o/${ORGANIZATION}/oauth2/accesstokens/%zz` }],
  '403 stranger': [{ as: as(SHOP) }, { path: '/v1/organizations/nobody/oauth2/accesstokens/x' }],
  '404 notFound': [
    { path: `/v1/o/${ORGANIZATION}/oauth2/accesstokens/${UNKNOWN_TOKEN}` },
    { options: storeThat(new NotFoundError()) },
  ],
  '409 conflict': [{ options: storeThat(new ConflictError()) }],
};

const ABOUT_ITSELF: Readonly<Record<string, readonly Ask[]>> = {
  '400 askingAboutItself': [
    { as: `Bearer ${DESK_TOKEN}`, path: `/v1/o/${ORGANIZATION}/oauth2/accesstokens/${DESK_TOKEN}` },
  ],
};

const DETAILS: Readonly<Record<string, readonly Ask[]>> = {
  ...ABOUT_ITSELF,
  ...AT_PATH,
  '200 details': [{}, { as: `Bearer ${DESK_TOKEN}` }],
};

const CHANGING: Readonly<Record<string, readonly Ask[]>> = {
  ...AT_PATH,
  '403 noRight': [{ as: as('reader') }],
};

const CHANGE: Readonly<Record<string, readonly Ask[]>> = {
  ...ABOUT_ITSELF,
  ...CHANGING,
  '200 revoked': [{}, { before: 1 }, { query: 'action=revoke' }],
  '200 approved': [{ query: 'action=approve' }, { query: 'action=approve&cascade=true' }],
  '200 updated': [{ query: '' }],
  '400 otherAction': [{ query: 'action=delete' }, { query: 'action=', body: '{}' }],
  '400 repeatedAction': [{ query: 'action=revoke&action=revoke' }],
  '400 badCascade': [{ query: 'action=revoke&cascade=yes' }],
  '400 actionWithBody': [{ body: '{"scope":"read"}' }],
  '400 nothingToUpdate': [
    { query: '', body: '' },
    { query: '', body: '{}' },
  ],
  '400 noObject': [{ query: '', body: '[]' }],
  '400 otherMember': [{ query: '', body: '{"status":"approved"}' }],
  '400 badAttributes': [{ query: '', body: '{"attributes":{}}' }],
  '400 repeatedAttribute': [
    { query: '', body: '{"attributes":[{"name":"a","value":"b"},{"name":"a","value":"c"}]}' },
  ],
  '400 tooManyAttributes': [
    { query: '', body: JSON.stringify({ attributes: [{ name: 'a', value: 'b'.repeat(65_480) }] }) },
  ],
  '400 badScope': [{ query: '', body: '{"scope":["a"]}' }],
  '409 expired': [
    { path: `/v1/o/${ORGANIZATION}/oauth2/accesstokens/${EXPIRED_TOKEN}`, query: 'action=approve' },
  ],
  '413 tooLarge': [{ query: '', body: JSON.stringify({ scope: 'a'.repeat(70_000) }) }],
  '415 wrongType': [{ query: '', type: FORM_TYPE, body: 'scope=a' }],
};

const REMOVE: Readonly<Record<string, readonly Ask[]>> = {
  ...ABOUT_ITSELF,
  ...CHANGING,
  '200 removed': [{}],
  '404 notFound': [...(AT_PATH['404 notFound'] ?? []), { before: 1 }],
};

const REFRESH_DETAILS: Readonly<Record<string, readonly Ask[]>> = {
  ...CHANGING,
  '200 details': [{}],
  '400 malformedPath': [{ path: `/v1/o/${ORGANIZATION}/oauth2/refreshtokens/%zz` }],
  '403 stranger': [{ as: as(SHOP) }, { path: '/v1/organizations/nobody/oauth2/refreshtokens/x' }],
  '404 notFound': [
    { path: `/v1/o/${ORGANIZATION}/oauth2/refreshtokens/${ACCESS_TOKEN}` },
    { options: storeThat(new NotFoundError()) },
  ],
};

const OF_ORGANIZATION = `/v1/o/${ORGANIZATION}/oauth2/revoke`;

const REVOKE_OF_OWNER: Readonly<Record<string, readonly Ask[]>> = {
  ...EVERY,
  ...NO_CLIENT,
  ...OWN_TOKEN,
  '200 revoked': [{}, { query: `app=${APP_ID}` }, { body: '{}' }],
  '200 nothingLeft': [{ before: 1 }, { query: 'app=other' }, { query: 'enduser=nobody&cascade=true' }],
  '400 malformedPath': [{ path: '/v1/o/%zz/oauth2/revoke' }],
  '400 noOwner': [{ query: '' }, { query: 'cascade=true' }],
  '400 emptyOwner': [{ query: `app=&enduser=${SUBJECT}` }],
  '400 repeatedOwner': [{ query: `enduser=${SUBJECT}&enduser=${SUBJECT}` }],
  '400 badCascade': [{ query: `app=${APP_ID}&cascade=yes` }],
  '400 otherParameter': [{ query: `app=${APP_ID}&user=${SUBJECT}` }],
  '400 malformedQuery': [{ query: 'app=%ff' }],
  '400 body': [{ body: `app=${APP_ID}` }],
  '403 stranger': [{ as: as(SHOP) }, { path: '/v1/organizations/nobody/oauth2/revoke' }],
  '403 noRight': [{ as: as('reader') }],
  '404 notFound': [{ path: OF_ORGANIZATION, options: storeThat(new NotFoundError()) }],
  '409 conflict': [{ path: OF_ORGANIZATION, options: storeThat(new ConflictError()) }],
};

const READING: Readonly<Record<string, readonly Ask[]>> = {
  '405 wrongMethod': [{ method: 'POST' }, { method: 'DELETE' }],
  '500 fault': [{ options: () => ({ keys: () => 'junk' as never }) }],
  '503 outage': [{ options: () => ({ keys: () => Promise.reject(new Error('down')) }) }],
};

/** For each example of a response, by its operation: what is answered by it. */
const ASKED: Readonly<Record<string, Readonly<Record<string, readonly Ask[]>>>> = {
  introspectToken: {
    ...EVERY,
    ...FORMS,
    ...TWO_CREDENTIALS,
    '401 badClient': [{ as: null }, { as: basic(SUPPORT_DESK, 'wrong') }],
    '200 active': [{}, { request: 'secretInForm', as: null }, { as: `Bearer ${CALLER_TOKEN}` }],
    '200 inactive': [{ request: 'inactive' }],
    '400 askingAboutItself': [{ as: `Bearer ${CALLER_TOKEN}`, body: `token=${CALLER_TOKEN}` }],
    ...OWN_TOKEN,
    '403 publicClient': [{ as: as(SHOP_MOBILE) }],
  },
  revokeToken: {
    ...EVERY,
    ...FORMS,
    ...NO_CLIENT,
    ...TWO_CREDENTIALS,
    '200 ended': [
      {},
      { before: 1 },
      { request: 'publicClient', as: null },
      { body: `token=${UNKNOWN_TOKEN}` },
      { body: `token=${OTHER_TOKEN}` },
      { body: `token=${MOBILE_REFRESH_TOKEN}` },
    ],
    '400 notYours': [{ as: as('api'), body: `token=${ACCESS_TOKEN}` }],
  },
  introspectRefreshToken: REFRESH,
  introspectRefreshTokenOfClient: {
    ...REFRESH,
    '400 otherClient': [{ as: as('api') }],
    '400 malformedPath': [{ path: '/csp/gateway/am/api/auth/introspect/%zz' }],
  },
  getAccessToken: DETAILS,
  getAccessTokenByLongPath: DETAILS,
  changeAccessToken: CHANGE,
  changeAccessTokenByLongPath: CHANGE,
  deleteAccessToken: REMOVE,
  deleteAccessTokenByLongPath: REMOVE,
  revokeTokensOfOwner: REVOKE_OF_OWNER,
  revokeTokensOfOwnerByLongPath: REVOKE_OF_OWNER,
  getRefreshToken: REFRESH_DETAILS,
  getRefreshTokenByLongPath: REFRESH_DETAILS,
  getPublishedKeys: { ...READING, '200 keys': [{}, { method: 'GET' }] },
  getMetadata: READING,
  getOpenApi: { '405 wrongMethod': [{ method: 'POST' }] },
};

/** Who asks well: all but those of the OAuth endpoints and of refresh-token introspection are for the support desk. */
const DESK = as(SUPPORT_DESK);
const CALLERS: Readonly<Record<string, string>> = {
  introspectToken: as('api'),
  revokeToken: as(SHOP),
  introspectRefreshToken: as(SHOP),
  introspectRefreshTokenOfClient: as(SHOP),
};

function written(type: string, example: Record<string, string>): string {
  return type === FORM_TYPE ? new URLSearchParams(example).toString() : JSON.stringify(example);
}

/** Requests with the examples of the document in them. */
function requestOf({ path, method, operation }: Place, ask: Ask) {
  const { parameters = [], requestBody, operationId } = operation;
  const [[type, { examples = {} }] = ['', {}]] = Object.entries(requestBody?.content ?? {});
  const [first = ''] = Object.keys(examples);
  const example = examples[ask.request ?? first]?.value as Record<string, string> | undefined;
  const filled = parameters.reduce(
    (at, { name, in: place, example: value }) =>
      place === 'path' ? at.replace(`{${name}}`, encodeURIComponent(String(value))) : at,
    path,
  );
  const inHeader = parameters
    .filter(({ in: place }) => place === 'header')
    .flatMap(({ name, example: value }) => [name, String(value)]);
  const inQuery = parameters
    .filter(({ in: place }) => place === 'query')
    .map(({ name, example: value }) => `${name}=${String(value)}`)
    .join('&');
  const query = ask.query ?? inQuery;
  const authorization = ask.as === undefined ? (CALLERS[operationId] ?? DESK) : ask.as;
  return {
    method: ask.method ?? method.toUpperCase(),
    path: `${ask.path ?? filled}${query && '?'}${query}`,
    headers: [
      ...(authorization ? ['Authorization', authorization] : []),
      ...(requestBody ? ['Content-Type', ask.type ?? type] : []),
      ...(ask.headers ?? inHeader),
    ],
    body: ask.body ?? (example && !query ? written(type, example) : ''),
  };
}

async function answerTo(place: Place, ask: Ask, options: DescribedOptions): Promise<RawAnswer> {
  let broken = false;
  const clock = (): number => {
    if (broken) throw new Error('broken');
    return ISSUED_AT * 1000;
  };
  const app = await describedWorld({ clock, ...options, ...ask.options?.() });
  broken = ask.breaks ?? false;
  const asked = requestOf(place, ask);
  return serving(app, async (origin) => {
    for (let i = 0; i < (ask.before ?? 0); i++) await raw(origin, asked);
    return raw(origin, asked);
  });
}

/** Asks, and expects the example: its status, its body, and the headers that are said of it. */
async function expectExample(
  described: Described,
  operationId: string,
  key: string,
  options: DescribedOptions,
): Promise<void> {
  const place = described.place(operationId);
  const [status = '', name = ''] = key.split(' ');
  const response = described.response(place, Number(status));
  const [media] = Object.values(response?.content ?? {});
  const asks = ASKED[operationId]?.[key] ?? NOT_TLS[key] ?? [];
  expect(asks).not.toHaveLength(0);
  for (const ask of asks) {
    const answer = await answerTo(place, ask, options);
    expect([key, answer.status, JSON.parse(answer.body)]).toStrictEqual([
      key,
      Number(status),
      media?.examples?.[name]?.value,
    ]);
    expect(described.problems(place, answer)).toStrictEqual([]);
    for (const [header, { example, examples }] of response ? described.headers(response) : []) {
      const said = example ?? examples?.[name]?.value;
      const sent = answer.headers[header.toLowerCase()];
      // TLS, and the method, are seen before anything is said of `Accept`.
      if (said !== undefined && !(header === 'Vary' && sent === undefined))
        expect([header, sent]).toStrictEqual([header, `${said as string | number}`]);
    }
  }
}

/** The examples of all responses, as `operation status name`. */
function examplesOf(described: Described): readonly (readonly [operationId: string, key: string])[] {
  return described.places.flatMap((place) =>
    Object.keys(place.operation.responses).flatMap((status) =>
      Object.values(described.response(place, Number(status))?.content ?? {}).flatMap(({ examples = {} }) =>
        Object.keys(examples).map((name) => [place.operation.operationId, `${status} ${name}`] as const),
      ),
    ),
  );
}

const MANAGEMENT = Object.fromEntries(ALL_RIGHTS.map((right) => [right, true]));
const ALL: DescribedOptions = { keys: () => [EXAMPLE_KEY], management: MANAGEMENT };
const described = await Described.by(await describedWorld(ALL));

describe('the examples of the OpenAPI document', () => {
  it('are all asked for here, and no others', () => {
    const asked = Object.entries(ASKED).flatMap(([id, keys]) =>
      Object.keys(keys).map((key) => `${id} ${key}`),
    );
    const written = examplesOf(described).map(([id, key]) => `${id} ${key}`);
    expect(written.toSorted()).toStrictEqual(asked.toSorted());
    expect(asked.length).toBeGreaterThan(80);
  });

  it('of requests are all sent', () => {
    const written = described.places.flatMap(({ operation: { operationId, requestBody } }) =>
      Object.values(requestBody?.content ?? {}).flatMap(({ examples = {} }) =>
        // The first is what a request is made of where nothing else is said.
        Object.keys(examples)
          .slice(1)
          .map((name) => `${operationId} ${name}`),
      ),
    );
    const sent = Object.entries(ASKED).flatMap(([id, keys]) =>
      Object.values(keys)
        .flat()
        .flatMap(({ request: name }) => (name === undefined ? [] : [`${id} ${name}`])),
    );
    expect(new Set(sent)).toStrictEqual(new Set(written));
  });

  it.each(examplesOf(described))('%s: %s is what the server answers', async (operationId, key) => {
    await expectExample(described, operationId, key, ALL);
  });

  const other: DescribedOptions = {
    realm: 'my "realm"',
    introspectionScope: 'ask',
    scopeSeparator: ' ',
    notFoundCode: 'keymanagement.service.oauth_access_token_doesnot_exist',
    management: MANAGEMENT,
  };
  it('say what the options make of the answers', async () => {
    const differently = await Described.by(await describedWorld(other));
    expect(JSON.stringify(differently.document)).toContain('"orders:read orders:write","status"');
    for (const [operationId, key] of examplesOf(differently)) {
      if (/^(?:200|401|403|404) /.test(key) && operationId !== 'introspectRefreshTokenOfClient')
        await expectExample(differently, operationId, key, other);
    }
  });

  it('I-01 say what is answered to who does not come by TLS', async () => {
    const tls: DescribedOptions = { ...ALL, requireTls: true };
    const demanding = await Described.by(await describedWorld(tls));
    const others = new Set(examplesOf(described).map(String));
    const added = examplesOf(demanding).filter((one) => !others.has(String(one)));
    expect(added.map(([operationId]) => operationId)).toStrictEqual([
      'introspectToken',
      'getPublishedKeys',
      'revokeToken',
      'introspectRefreshToken',
      'introspectRefreshTokenOfClient',
      'getAccessToken',
      'changeAccessToken',
      'deleteAccessToken',
      'getAccessTokenByLongPath',
      'changeAccessTokenByLongPath',
      'deleteAccessTokenByLongPath',
      'revokeTokensOfOwner',
      'revokeTokensOfOwnerByLongPath',
      'getRefreshToken',
      'getRefreshTokenByLongPath',
      'getMetadata',
    ]);
    for (const [operationId, key] of added) await expectExample(demanding, operationId, key, tls);
  });

  it('J-04 of a signed answer is what is signed, once it is verified', async () => {
    const place = described.place('introspectToken');
    const ask: Ask = {
      as: basic(ORDERS_API, ORDERS_API_SECRET),
      headers: ['Accept', JWT],
    };
    const answer = await answerTo(place, ask, ALL);
    expect(described.problems(place, answer)).toStrictEqual([]);
    const { payload, protectedHeader } = await jwtVerify(
      answer.body,
      createLocalJWKSet({ keys: [{ ...PUBLISHED_KEY, kty: 'EC' }] }),
      { issuer: ISSUER, audience: ORDERS_API, currentDate: new Date(ISSUED_AT * 1000) },
    );
    const { contentSchema } = described.document.components.schemas?.SignedTokenState ?? {};
    const decoded = [protectedHeader, payload];
    expect(contentSchema?.examples).toStrictEqual([decoded]);
    expect(described.wrong(contentSchema ?? {}, decoded)).toStrictEqual([]);
    expect(
      described.wrong(contentSchema ?? {}, [protectedHeader, { ...payload, sub: 'x' }]),
    ).not.toHaveLength(0);
  });

  it('fit their own schemas', () => {
    for (const place of described.places) {
      const { parameters = [], requestBody, responses } = place.operation;
      const media = [
        ...Object.values(requestBody?.content ?? {}),
        ...Object.keys(responses).flatMap((status) =>
          Object.values(described.response(place, Number(status))?.content ?? {}),
        ),
      ];
      for (const { schema, examples = {} } of media) {
        for (const { value } of Object.values(examples))
          expect([value, described.wrong(schema, value)]).toStrictEqual([value, []]);
      }
      for (const { schema, example } of parameters) {
        expect(example).toBeDefined();
        expect(described.wrong(schema, example)).toStrictEqual([]);
      }
    }
  });

  it('are plainly made up, and echo the id of the request', () => {
    const text = JSON.stringify(described.document);
    expect(text).toContain(`"requestId":"${REQUEST_ID}"`);
    expect(text).not.toMatch(/eyJ/);
    for (const [, token = ''] of text.matchAll(/"(?:token|refreshToken|client_secret)":"([^"]*)"/g))
      expect(token).toMatch(/^example-/);
  });
});
