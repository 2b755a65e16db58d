import { hash } from 'node:crypto';
import type { TokenRecord } from '../tokens/token-record.js';

/** By what tokens are found other than by themselves. */
type Owner = 'grant' | 'client' | 'subject' | 'app';

/** A key of one length, whatever stands in an identifier and however long it is. */
export function ownerKey(owner: Owner, id: string): string {
  return hash('sha256', `${owner} ${id}`, 'base64url');
}

export function ownersOf({
  clientId,
  subject,
  grantId,
}: Pick<TokenRecord, 'clientId' | 'subject' | 'grantId'>): string[] {
  const keys = [ownerKey('client', clientId)];
  if (subject !== undefined) keys.push(ownerKey('subject', subject));
  if (grantId !== undefined) keys.push(ownerKey('grant', grantId));
  return keys;
}
