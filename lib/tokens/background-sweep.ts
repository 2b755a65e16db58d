/** How often a store removes what it need not keep any longer. */
const SWEEP_INTERVAL = 60_000;

/**
 * Does something with an object every so often (ms). It keeps neither the process nor the
 * object alive: the timer ends when the object is collected.
 */
export function repeatWeakly<T extends object>(
  object: T,
  interval: number,
  work: (object: T) => void,
): NodeJS.Timeout {
  const weak = new WeakRef(object);
  const timer = setInterval(() => {
    const target = weak.deref();
    if (target) work(target);
    else clearInterval(timer);
  }, interval);
  return timer.unref();
}

/** Calls `sweep` of a store once a minute. */
export function sweepInBackground(
  store: { sweep(): Promise<number> },
  interval: number = SWEEP_INTERVAL,
): NodeJS.Timeout {
  return repeatWeakly(store, interval, (target) => void target.sweep().catch(ignore));
}

/** The next sweep tries again; what is not swept is dead all the same. */
function ignore(): void {}
