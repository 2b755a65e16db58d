import type { ManagementRight } from '../clients/client.js';
import { invalidRequest } from '../http/http-error.js';
import { isNonEmptyString, isObject } from '../options.js';
import { isScopeValue } from '../tokens/check-token-record.js';
import type { TokenRecord } from '../tokens/token-record.js';
import { isWellFormed } from '../tokens/well-formed.js';

type Attributes = NonNullable<TokenRecord['attributes']>;

/** What a POST is to do with an access token. */
export interface RequestedAction {
  readonly action: 'revoke' | 'approve' | 'update';
  /** Whether with the grant and the refresh token as well. */
  readonly cascade: boolean;
}

/** What an update changes; what is not there stays as it is. */
export interface RequestedUpdate {
  readonly attributes?: Attributes;
  readonly scope?: readonly string[];
}

/**
 * Reads what a POST is to do from its query; one without `action` is an update. Other parameters are ignored.
 *
 * @param url the request's, of which only the query is looked at: the path has a token
 * @param rights what is switched on
 * @throws HttpError 400
 */
export function requestedAction(url: string, rights: ReadonlySet<ManagementRight>): RequestedAction {
  const start = url.indexOf('?');
  const query = new URLSearchParams(start < 0 ? '' : url.slice(start));
  const action = single(query, 'action');
  if (action === undefined) {
    if (!rights.has('update')) throw invalidRequest('The action parameter is required');
    return { action: 'update', cascade: false };
  }
  if ((action !== 'revoke' && action !== 'approve') || !rights.has(action))
    throw invalidRequest('The action is not supported');
  return { action, cascade: requestedCascade(single(query, 'cascade')) };
}

/** The `cascade` parameter. The published default: refresh tokens are left alone. @throws HttpError 400 */
export function requestedCascade(cascade = 'false'): boolean {
  if (cascade !== 'true' && cascade !== 'false')
    throw invalidRequest('The cascade parameter must be true or false');
  return cascade === 'true';
}

function single(query: URLSearchParams, name: string): string | undefined {
  const [value, ...more] = query.getAll(name);
  if (more.length > 0) throw invalidRequest(`The ${name} parameter must not be repeated`);
  return value;
}

/** So much of somebody's text an error quotes at most. */
const QUOTED = { names: 5, characters: 40 };

/** Reads what an update is to change. @throws HttpError 400 */
export function requestedUpdate(body: Readonly<Record<string, unknown>> | undefined): RequestedUpdate {
  const { attributes, scope, ...others } = body ?? {};
  const names = Object.keys(others);
  if (names.length > 0) {
    const some = names.slice(0, QUOTED.names).map((name) => name.slice(0, QUOTED.characters));
    throw invalidRequest(`These members cannot be updated: ${some.join(', ')}`);
  }
  if (attributes === undefined && scope === undefined)
    throw invalidRequest('The body must be a JSON object with attributes or scope');
  return {
    ...(attributes !== undefined && { attributes: readAttributes(attributes) }),
    ...(scope !== undefined && { scope: readScope(scope) }),
  };
}

function readAttributes(given: unknown): Attributes {
  if (!Array.isArray(given) || !given.every(isAttribute) || !isWellFormed(given))
    throw invalidRequest('attributes must be an array of { name, value } with strings');
  if (new Set(given.map(({ name }) => name)).size < given.length)
    throw invalidRequest('attributes must have each name once');
  return given;
}

function isAttribute(value: unknown): value is Attributes[number] {
  return (
    isObject(value) &&
    Object.keys(value).length === 2 &&
    isNonEmptyString(value.name) &&
    typeof value.value === 'string'
  );
}

function readScope(given: unknown): readonly string[] {
  const values = typeof given === 'string' ? given.split(/[ ,]+/).filter(Boolean) : [undefined];
  if (!values.every(isScopeValue))
    throw invalidRequest('scope must be a string of scope values, with commas or spaces between them');
  return [...new Set(values as string[])];
}

/** Attributes with changes made: those of other names stay as they are. */
export function mergedAttributes(before: Attributes | undefined, changes: Attributes): Attributes {
  const values = new Map(changes.map(({ name, value }) => [name, value]));
  const known = new Set(before?.map(({ name }) => name));
  return [
    ...(before ?? []).map(({ name, value }) => ({ name, value: values.get(name) ?? value })),
    ...changes.filter(({ name }) => !known.has(name)),
  ];
}
