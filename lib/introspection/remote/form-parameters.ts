import { isNonEmptyString, isObject, must } from '../../options.js';

/** What a form holds beside the token: the constant end of it, and the hint if a question has none. */
export interface FormParameters {
  readonly hint: string | undefined;
  /** Form-encoded, with `&` before each. */
  readonly end: string;
}

/** What the introspector writes itself: the question, and who asks. */
const OWN = /^(?:token|client_id|client_secret|client_assertion(?:_type)?)$/;

const HINT = 'token_type_hint';

/** @throws TypeError that names the option `parameters` */
export function parametersOption(factory: string, parameters: unknown = {}): FormParameters {
  const check: (ok: boolean, expected: string) => asserts ok = (ok, expected) =>
    must(ok, factory, 'parameters', expected);
  check(isObject(parameters), 'an object of strings, or of arrays of them');
  const pairs: [name: string, value: string][] = [];
  for (const [name, value] of Object.entries(parameters)) {
    check(name !== '' && !OWN.test(name), 'without an empty name, and without the token and the credentials');
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    check(
      values.length > 0 && values.every(isNonEmptyString),
      'an object of non-empty strings, or of arrays of them',
    );
    check(name !== HINT || values.length === 1, `with one "${HINT}" at most`);
    pairs.push(...values.map((one): [string, string] => [name, one]));
  }
  const end = new URLSearchParams(pairs.filter(([name]) => name !== HINT)).toString();
  return { hint: pairs.find(([name]) => name === HINT)?.[1], end: end === '' ? '' : `&${end}` };
}
