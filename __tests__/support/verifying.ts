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

/** The time (ms), and the processor time (ms) that this process has used in all its threads. */
function times(): readonly [number, number] {
  const { user, system } = process.cpuUsage();
  return [performance.now(), (user + system) / 1000];
}

/**
 * How long (ms) some work takes, less the time for which other processes have taken the processor away: work
 * of our own, a hash say, needs both the time and the processor.
 */
export async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const [began, used] = times();
  await work();
  const [ended, usedThen] = times();
  return Math.min(ended - began, usedThen - used);
}

/**
 * How many times as long the slowest of some works takes as the fastest. Counts the least time of each, by the clock, and
 * does all by turns, so that what else the machine does is the same for all. Goes on while they are not `within` that of
 * each other: a difference of their own making stays.
 */
export async function timesApart(
  works: readonly ((round: number) => Promise<unknown>)[],
  within: number,
): Promise<number> {
  const least = works.map(() => Number.POSITIVE_INFINITY);
  const apart = (): number => Math.max(...least) / Math.min(...least);
  for (let round = 0; round < 5 || (round < 15 && apart() >= within); round++) {
    for (const [i, work] of works.entries()) {
      const began = performance.now();
      await work(round);
      least[i] = Math.min(least[i] as number, performance.now() - began);
    }
  }
  return apart();
}

/** An attempt that no limit concerns but this one; what is to be remembered is remembered at once. */
export function attemptOf(proceed: () => void = () => {}, origin = 'somewhere'): Attempt {
  return { origin, claim() {}, begin() {}, proceed, proved() {}, remember: (note) => note() };
}
