import { isNonEmptyString, must } from '../options.js';
import { isScopeValue } from '../tokens/check-token-record.js';

export function stringsOption(
  factory: string,
  option: string,
  given: string | readonly string[] | undefined,
): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  must(
    list.length > 0 && list.every(isNonEmptyString),
    factory,
    option,
    'a non-empty string, or an array of them',
  );
  return [...list];
}

export function scopeOption(
  factory: string,
  option: string,
  given: string | readonly string[] | undefined,
): readonly string[] {
  if (given === undefined) return [];
  const list: unknown = typeof given === 'string' ? given.split(' ') : given;
  must(
    Array.isArray(list) && list.length > 0 && list.every(isScopeValue),
    factory,
    option,
    'scope values: a non-empty array, or a string with single spaces',
  );
  return [...list];
}

export function acrOption(
  factory: string,
  given: string | readonly string[] | undefined,
): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const list: unknown = typeof given === 'string' ? given.split(' ') : given;
  must(
    Array.isArray(list) && list.length > 0 && list.every(isAcrValue),
    factory,
    'acrValues',
    'authentication context classes: a non-empty array, or a string with single spaces',
  );
  return [...list];
}

/** They go into a list with spaces between them (RFC 9470 §3). */
function isAcrValue(value: unknown): boolean {
  return isNonEmptyString(value) && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value);
}

export function urlOption(factory: string, given: unknown): string | undefined {
  const isUrl =
    typeof given === 'string' && URL.canParse(given) && /^https?:\/\/[\x21\x23-\x5b\x5d-\x7e]+$/.test(given);
  must(given === undefined || isUrl, factory, 'resourceMetadata', 'an absolute URL');
  return given as string | undefined;
}
