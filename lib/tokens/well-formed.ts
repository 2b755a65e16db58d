import { isNonEmptyString } from '../options.js';

/*
 * Half a surrogate pair is no text that UTF-8 can write: engines make U+FFFD of it, and two
 * identifiers that differ in it alone would become one.
 */

/** Whether all text in a JSON value, names of members included, is well-formed Unicode. */
export function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, inner]) => name.isWellFormed() && isWellFormed(inner));
}

/** What is expected of an identifier. */
export const IDENTIFIER = 'a non-empty string of well-formed Unicode';

export function isIdentifier(value: unknown): value is string {
  return isNonEmptyString(value) && value.isWellFormed();
}
