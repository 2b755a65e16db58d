/** By the store and not a member of it: nobody but telemetry has any use for it. */
const systems = new WeakMap<object, string>();

/** Notes which database a store of ours is in, by its name in OpenTelemetry (`db.system.name`). */
export function noteSystem(store: object, system: 'lmdb' | 'postgresql' | 'redis'): void {
  systems.set(store, system);
}

export function systemOf(store: object): string | undefined {
  return systems.get(store);
}
