import bodyParser from 'body-parser';
import type { Request, Response } from 'express';
import { isObject } from '../options.js';
import { invalidRequest } from './http-error.js';
import { MAX_PARAMETERS, plainForm } from './plain-form.js';
import { BODY_LIMIT, type BodyKind, readBody, tooLarge } from './read-body.js';

/** The parameters of a form, each a string that came once. */
export type FormParameters = ReadonlyMap<string, string>;

/** Charsets that write other characters by printable ASCII: UTF-7 and HZ (RFC 2152, RFC 1843). */
const SHIFTS = /utf-?7|^hz/;
const FORM: BodyKind = {
  type: 'application/x-www-form-urlencoded',
  parse: bodyParser.urlencoded({ extended: false, limit: BODY_LIMIT, parameterLimit: MAX_PARAMETERS }),
  charsets: new Set(['', 'utf-8', 'iso-8859-1']),
  isPlain: (text, charset) => !SHIFTS.test(charset) && isEscapedUtf8(text),
};

/**
 * The form that a request carries (RFC 6749 Appendix B), whether or not the app has
 * parsed it already. An empty value counts as left out, an unknown name is kept, a
 * repeated one is refused (RFC 6749 §3.2).
 *
 * @throws HttpError 400, 413 or 415
 */
export async function formBody(req: Request, res: Response): Promise<FormParameters> {
  const plain = plainForm(req);
  if (plain) return withoutEmpty(plain);
  // A request without a body is a form without parameters.
  const body = asObject(await readBody(req, res, FORM));
  const parameters = new Map<string, string>();
  for (const [name, value] of Object.entries(body)) {
    if (Array.isArray(value) && value.length > 1) throw invalidRequest('A parameter must not be repeated');
    // Objects are the extended parser's reading of names such as `token[a]`, which are no parameters of ours.
    if (typeof value === 'string' && value !== '') parameters.set(name, value);
  }
  return parameters;
}

function withoutEmpty(parameters: Map<string, string>): FormParameters {
  for (const [name, value] of parameters) if (value === '') parameters.delete(name);
  return parameters;
}

/**
 * The `token` of a form.
 *
 * @throws HttpError 400 when it is missing, empty, or white space only
 */
export function tokenParameter(parameters: FormParameters): string {
  const token = parameters.get('token');
  if (token === undefined || token.trim() === '') throw invalidRequest('The token parameter is required');
  return token;
}

/** The `token_type_hint` of a form where it is one of RFC 7009 §4.1.2; another one says nothing here. It is never a filter. */
export function hintParameter(parameters: FormParameters): string | undefined {
  const hint = parameters.get('token_type_hint');
  return hint === 'access_token' || hint === 'refresh_token' ? hint : undefined;
}

/** Whether what is escaped is UTF-8, as RFC 6749 Appendix B has it whatever the charset of the form. */
function isEscapedUtf8(text: string): boolean {
  try {
    decodeURIComponent(text.replace(/%(?![\da-f]{2})/gi, ''));
    return true;
  } catch {
    return false;
  }
}

/** A parser's object, or text where there was none for it. */
function asObject(body: unknown): Record<string, unknown> {
  if (typeof body === 'string') return fromText(body);
  return isObject(body) ? body : {};
}

/** The app's parser has limits of its own, so ours are kept here. */
function fromText(text: string): Record<string, unknown> {
  if (text.length > BODY_LIMIT || text.split('&', MAX_PARAMETERS + 1).length > MAX_PARAMETERS)
    throw tooLarge();
  const parameters = new Map<string, string | string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = parameters.get(name);
    parameters.set(name, before === undefined ? value : [value].concat(before));
  }
  return Object.fromEntries(parameters);
}
