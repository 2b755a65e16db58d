import type { Client } from '../clients/client.js';
import { isPublic } from '../clients/client-authentication.js';
import { addressKey } from '../http/throttle.js';

/** Anybody can name a public client, so one who does must not use up the limit of all the others. */
export function callerKey(caller: Client, ip: string | undefined): string {
  return isPublic(caller) ? `${caller.clientId} ${addressKey(ip)}` : caller.clientId;
}
