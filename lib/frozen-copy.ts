/** A copy of plain data, frozen all the way down. */
export function frozenCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy));
  const copied = Object.entries(value).map(([name, inner]) => [name, frozenCopy(inner)] as const);
  return Object.freeze(Object.fromEntries(copied));
}

/**
 * A copy as JSON sees it, frozen all the way down.
 *
 * @throws TypeError for what JSON cannot write
 */
export function frozenJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, inner: unknown) => Object.freeze(inner));
}
