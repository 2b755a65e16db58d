/**
 * Milliseconds that have gone by, from an arbitrary start. The wall clock is set back and forward while a process runs, which
 * must neither prolong nor end what lasts a minute: Node's own monotonic time counts. Of an injected clock, which may be
 * that of a test, the steps forward count.
 */
export function elapsedTime(clock: () => number): () => number {
  if (clock === Date.now) return () => performance.now();
  let last = clock();
  let elapsed = 0;
  return () => {
    const now = clock();
    if (now > last) elapsed += now - last;
    // A clock that returns no number for a while must not stop the time for good.
    if (!Number.isNaN(now)) last = now;
    return elapsed;
  };
}
