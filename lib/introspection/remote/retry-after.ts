const HOUR = 3_600_000;

/**
 * `Retry-After` (RFC 9110 §10.2.3), in seconds or as a date, as milliseconds from now. An
 * hour at most: no server can shut us up for longer. `undefined` for what is neither.
 */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header)) return Math.min(Number(header) * 1000, HOUR);
  const left = / GMT$/.test(header) ? Date.parse(header) - now : Number.NaN;
  return left >= 0 ? Math.min(left, HOUR) : undefined;
}
