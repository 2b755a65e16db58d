import type { Attempt } from '../../lib/clients/attempt.js';
import { readBasicHeader } from '../../lib/clients/basic-credentials.js';
import type { ClientStore } from '../../lib/clients/client.js';
import { ClientVerifier } from '../../lib/clients/client-verifier.js';

export function verifierFor(clients: ClientStore, clock: () => number = Date.now): ClientVerifier {
  return new ClientVerifier(clients, clock);
}

/** The id of the client whose credentials a header carries, found out as the Passport strategy does. */
export async function verifyHeader(verifier: ClientVerifier, header: string): Promise<string | undefined> {
  const read = readBasicHeader(header, true);
  if (read.kind !== 'credentials') throw new Error(read.kind);
  const recalled = await verifier.recall(header);
  if (recalled) return recalled.clientId;
  return (await verifier.verify('client_secret_basic', read.readings, attemptOf(), header)).client?.clientId;
}

/** How long (ms) some work takes. */
export async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** An attempt that no limit concerns but this one; what is to be remembered is remembered at once. */
export function attemptOf(proceed: () => void = () => {}, origin = 'somewhere'): Attempt {
  return { origin, claim() {}, begin() {}, proceed, proved() {}, remember: (note) => note() };
}
