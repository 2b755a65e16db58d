/** Runs `failed` when what a listener of the app's answered turns out to be a promise that rejects. */
export function onRejection(answered: unknown, failed: (error: unknown) => void): void {
  if (typeof answered !== 'object' || answered === null || !('then' in answered)) return;
  Promise.resolve(answered).catch(failed);
}
