/** Does something for telemetry alone, where a fault of the app's SDK must harm no answer. */
export function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
