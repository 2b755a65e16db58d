/** How often a store removes what it need not keep any longer. */
const SWEEP_INTERVAL = 60_000;

/**
 * Calls `sweep` of a store once a minute. It keeps neither the process nor the
 * store alive: the timer ends when the store is collected.
 */
export function sweepInBackground(
  store: { sweep(): Promise<number> },
  interval: number = SWEEP_INTERVAL,
): void {
  const weak = new WeakRef(store);
  const timer = setInterval(() => {
    const target = weak.deref();
    if (target) target.sweep().catch(ignore);
    else clearInterval(timer);
  }, interval);
  timer.unref();
}

/** The next sweep tries again; what is not swept is dead all the same. */
function ignore(): void {}
